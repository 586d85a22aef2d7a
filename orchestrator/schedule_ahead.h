/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A schedule's runs that were planned ahead, and have not begun. */
#ifndef ORCHESTRATOR_SCHEDULE_AHEAD_H
#define ORCHESTRATOR_SCHEDULE_AHEAD_H

#include "db/store.h"
#include "orchestrator/audit.h"
#include "orchestrator/rollouts.h"

/* Aborts them, each with its event and audit row, in the caller's transaction; after its commit, and also when that failed,
 * schedule_ahead_done(). */
int
schedule_ahead_abort(struct rollouts *r, struct store *s, const char *schedule,
    const struct audit_who *who, const char *reason, int64_t wall,
    struct store_names *ret) MUST_CHECK;
/* Tells the engine, and empties the list. */
void
schedule_ahead_done(struct rollouts *r, struct store_names *ids, int64_t wall);

#endif
