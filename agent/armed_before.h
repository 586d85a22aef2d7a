/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tickets that were armed when the agent began: what was done with them before is known from logs only. */
#ifndef AGENT_ARMED_BEFORE_H
#define AGENT_ARMED_BEFORE_H

#include <stdbool.h>

#include "agent/spool.h"

struct armed_before;

/* As the spool has them now. Never NULL. */
struct armed_before *
armed_before_new(struct spool *spool);
void
armed_before_free(struct armed_before *a); /* NULL allowed */
bool
armed_before_has(const struct armed_before *a, const char *ticket);

#endif
