/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who orders beside the calendar in a simulated fleet: rollouts by hand, runs at once, schedules paused, resumed and passed over once. */
#ifndef TESTS_SIM_ORCHESTRATOR_FLEET_CLERK_H
#define TESTS_SIM_ORCHESTRATOR_FLEET_CLERK_H

#include "tests/sim/orchestrator/fleet_side.h"

struct fleet_clerk_did {
	int64_t hand, now, refused, pauses, skips, ahead, judged;
	int64_t hosts_ok, hosts_failed, hosts_left;
};

void
fleet_clerk_week(struct fleet *f);
bool
fleet_clerk_take(struct fleet *f, const struct fleet_todo *t);
/* Somebody looks at that rollout, and pauses it, or lets it go on. */
void
fleet_clerk_look(struct fleet *f, struct fleet_side *d);
/* Every rollout whose time is over is held against what happened at its machines. */
void
fleet_clerk_books(struct fleet *f);
const struct fleet_clerk_did *
fleet_clerk_did(void);

#endif
