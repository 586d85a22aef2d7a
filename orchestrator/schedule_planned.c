// SPDX-License-Identifier: GPL-3.0-or-later
/* Which rollouts of a schedule were planned ahead and have not begun: those that wait for a second person, or for their window.
 *
 * Entry point: schedule_planned_find(). It stands apart from schedule_ahead.c, which ends them, so that documents with schedules can be
 * checked without the engine of rollouts. Ownership: the list is the caller's. Failure modes: those of db.h. */
#include "orchestrator/schedule_planned.h"

#include "db/db_schedule.h"
#include "lib/str.h"

static void
add(void *arg, const char *id, const char *state, const char *code)
{
	(void)code;
	if (str_eq(state, "waiting-approval") || str_eq(state, "planned"))
		store_names_add(arg, id);
}

int
schedule_planned_find(struct store *s, const char *schedule, struct store_names *ret)
{
	*ret = (struct store_names){.n = 0};
	return db_schedule_open(s, schedule, add, ret);
}
