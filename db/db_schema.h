/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The orchestrator's schema: db/schema/NNNN_*.sql, embedded at build by
 * db/embed_schema.sh. */
#ifndef DB_DB_SCHEMA_H
#define DB_DB_SCHEMA_H

#include <stddef.h>

#include "db/db.h"

extern const struct db_migration db_schema_migrations[];
extern const size_t db_schema_count;

#endif
