// SPDX-License-Identifier: GPL-3.0-or-later
/* Along an agent's events with its clock: which measurement is theirs, and what their steps add up to.
 *
 * Entry points: clock_walk_begin(), clock_walk_event() for each event that is new, clock_walk_end(). All of it in the
 * transaction that stores them.
 * Ownership: a struct of the caller's. Failure modes: those of db.h. Where the journal's steps are not all held (the database was
 * put back from a backup, or an earlier release took them without a word), the agent's own sum of them is taken as soon as
 * nothing of its journal is outstanding. */
#include "orchestrator/clock_walk.h"

#include <errno.h>

static int
load_base(struct store *s, struct clock_walk *w)
{
	struct db_agent_clock c;
	int rc = db_agent_clock_get(s, w->agent, w->fix.restarts, &c);

	w->base = (struct clock_fix_base){.known = rc == 0};
	if (rc == 0) {
		w->base.base = c.base;
		w->base.within = c.within;
	}
	return rc == -ENOENT ? 0 : rc;
}

int
clock_walk_begin(struct store *s, const struct db_agent *a, struct clock_walk *ret)
{
	*ret = (struct clock_walk){.agent = a->id,
	    .fix = {.stepped = a->stepped,
		.restarts = a->restarts,
		.said_last = a->said_last,
		.at_last = a->at_last}};
	return load_base(s, ret);
}

int
clock_walk_event(struct store *s, struct clock_walk *w, struct event *ev)
{
	int64_t restarts = w->fix.restarts;
	int rc = 0;

	clock_fix_note(&w->fix, ev);
	if (w->fix.restarts != restarts)
		rc = load_base(s, w);
	if (rc == 0)
		clock_fix_event(&w->fix, &w->base, ev);
	return rc;
}

void
clock_walk_end(
    const struct clock_walk *w, const struct agent_msg_clock *said, struct db_agent *a)
{
	bool whole = said->known && said->seq == a->last_seq;

	a->stepped = whole ? said->stepped : w->fix.stepped;
	a->restarts = whole ? said->restarts : w->fix.restarts;
	a->said_last = w->fix.said_last;
	a->at_last = w->fix.at_last;
}
