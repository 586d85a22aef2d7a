/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An agent's events, one after the other, and what its clock was like at each. */
#ifndef ORCHESTRATOR_CLOCK_WALK_H
#define ORCHESTRATOR_CLOCK_WALK_H

#include "db/db_agent.h"
#include "lib/agent_msg.h"
#include "orchestrator/clock_fix.h"

struct clock_walk {
	const char *agent;
	struct clock_fix fix;
	struct clock_fix_base base; /* in this run of its machine */
};

/* As `a` was left. 0 or an errno of the database, as the next. `a` is borrowed. */
int
clock_walk_begin(
    struct store *s, const struct db_agent *a, struct clock_walk *ret) MUST_CHECK;
/* The next event: gives it the time that it was here. */
int
clock_walk_event(struct store *s, struct clock_walk *w, struct event *ev) MUST_CHECK;
/* Leaves what is known now in `a`, whose last_seq is set already. */
void
clock_walk_end(
    const struct clock_walk *w, const struct agent_msg_clock *said, struct db_agent *a);

#endif
