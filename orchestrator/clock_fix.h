/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times of an agent's events, by its clock, to times by ours. Pure. */
#ifndef ORCHESTRATOR_CLOCK_FIX_H
#define ORCHESTRATOR_CLOCK_FIX_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/event.h"

/* Less than this beyond what is known exactly is not worth another time than the agent's. */
#define CLOCK_FIX_SLACK_US (1000 * USEC_PER_MSEC)

/* A clock as it was measured: without its steps it would be `base` ahead of ours, give or take `within`. */
struct clock_fix_base {
	bool known;
	int64_t base, within;
};

/* Along an agent's events: as of the last one. */
struct clock_fix {
	int64_t stepped, restarts;
	int64_t said_last, at_last;
};

/* By how much a clock is ahead of ours after so many steps; 0 where that is not beyond doubt. */
int64_t
clock_fix_offset(const struct clock_fix_base *base, int64_t stepped);
/* Does the event tell of the clock itself? Notes what it says, before it is taken. */
void
clock_fix_note(struct clock_fix *c, const struct event *ev);
/* The event, by the clock that was measured for this run of its machine: its time, and said_at where that is another one. */
void
clock_fix_event(struct clock_fix *c, const struct clock_fix_base *base, struct event *ev);

#endif
