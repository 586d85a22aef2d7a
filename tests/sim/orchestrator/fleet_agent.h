/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sites' agents with their machines: what becomes of orders there, and what is told of it. */
#ifndef TESTS_SIM_ORCHESTRATOR_FLEET_AGENT_H
#define TESTS_SIM_ORCHESTRATOR_FLEET_AGENT_H

#include "lib/agent_msg.h"
#include "tests/sim/orchestrator/fleet_world.h"

/* Can it be reached? */
bool
fleet_agent_there(const struct fleet_site *s);
/* What its clock shows. */
int64_t
fleet_agent_clock(const struct fleet *f, const struct fleet_site *s);
/* What happens at a site; false: it is another's. */
bool
fleet_agent_take(struct fleet *f, const struct fleet_todo *t);
/* How the agent finds a host that is asked whether it is well. */
bool
fleet_agent_check(struct fleet *f, int host);

#endif
