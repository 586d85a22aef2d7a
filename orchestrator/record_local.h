/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What was ordered, refused and looked at at a site itself while this orchestrator could not be reached, told later in the
 * site's events (docs/protocol.md, "Orders made at a site"). */
#ifndef ORCHESTRATOR_RECORD_LOCAL_H
#define ORCHESTRATOR_RECORD_LOCAL_H

#include <stdbool.h>

#include "db/db_job.h"
#include "lib/event.h"

/* Is it an event of those? */
bool
record_local_is(const struct event *ev);
/* In the transaction that records the event, before it: makes the job's row (of job.local) and the audit's. *ret_ignored is
 * NULL, or why the event changes nothing. 0, or an errno of the database. The event's site is that of the report, and its
 * host one of that site, as agent_scope.h has found. */
int
record_local_take(struct store *s, const char *agent, const struct event *ev,
    int64_t wall, const char **ret_ignored) MUST_CHECK;

#endif
