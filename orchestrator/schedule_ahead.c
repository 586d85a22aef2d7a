// SPDX-License-Identifier: GPL-3.0-or-later
/* Runs that were planned ahead.
 *
 * What needs a second person is made a rollout hours before its first window opens, and the schedule's `next` is the run after it. For
 * people it is still the schedule's next run: who pauses the schedule, removes it or skips its next run means this one, and
 * machines would be installed that night all the same. So those verbs abort it, in their own transaction, and a change is refused until
 * somebody does: the run would go on with the hosts and the work of before.
 *
 * Entry points: those of the header. Ownership: lists are the caller's. Failure modes: errnos of db.h. */
#include "orchestrator/schedule_ahead.h"
#include "orchestrator/schedule_planned.h"

#include "db/db_schedule.h"
#include "lib/str.h"

int
schedule_ahead_abort(struct rollouts *r, struct store *s, const char *schedule,
    const struct audit_who *who, const char *reason, int64_t wall,
    struct store_names *ret)
{
	struct error err;
	int rc = schedule_planned_find(s, schedule, ret);

	for (size_t i = 0; rc == 0 && i < ret->n; i++)
		rc =
		    rollouts_do(r, ret->v[i], ROLLOUTS_ABORT, who, reason, 0, wall, &err);
	return rc;
}

void
schedule_ahead_done(struct rollouts *r, struct store_names *ids, int64_t wall)
{
	for (size_t i = 0; i < ids->n; i++)
		rollouts_begun(r, ids->v[i], wall);
	store_names_done(ids);
}
