/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who watches over a simulated fleet, and who meddles: what people order while it runs, and what else befalls it in a week. */
#ifndef TESTS_SIM_ORCHESTRATOR_FLEET_PEOPLE_H
#define TESTS_SIM_ORCHESTRATOR_FLEET_PEOPLE_H

#include "tests/sim/orchestrator/fleet_world.h"

struct fleet_people_did {
	int64_t pauses, resumes, retries, aborts, stops, freezes, locks, refused,
	    approvals;
};

/* The trouble of the week whose windows are next. */
void
fleet_people_week(struct fleet *f);
bool
fleet_people_take(struct fleet *f, const struct fleet_todo *t);
/* Orders it, and tells the engine. 0, or why not. */
int
fleet_people_order(
    struct fleet *f, const char *id, const char *name, int verb, int64_t window_s);
/* On the last day before the books of the week are made nothing new is begun. */
bool
fleet_people_quiet(const struct fleet *f);
const struct fleet_people_did *
fleet_people_did(void);

#endif
