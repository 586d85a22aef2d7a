/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The spool's schema: numbered migrations, append-only. */
#ifndef AGENT_SPOOL_SCHEMA_H
#define AGENT_SPOOL_SCHEMA_H

#include <stddef.h>

#include "db/db.h"

extern const struct db_migration spool_schema_migrations[];
extern const size_t spool_schema_count;

#endif
