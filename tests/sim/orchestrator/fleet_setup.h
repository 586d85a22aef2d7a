/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the orchestrator of a simulated fleet is told of it, and told to do. */
#ifndef TESTS_SIM_ORCHESTRATOR_FLEET_SETUP_H
#define TESTS_SIM_ORCHESTRATOR_FLEET_SETUP_H

#include "tests/sim/orchestrator/fleet_orch.h"

void
fleet_setup_inventory(struct fleet *f, struct store *s, enum fleet_mutant mutant);
/* What a rollout is to keep, as the orchestrator is told. */
json_t *
fleet_setup_policy(const struct fleet_rule *k, enum fleet_mutant mutant);
/* A schedule as the rule means it, with the fault of the mutant. */
void
fleet_setup_schedule(struct fleet *f, const struct fleet_rule *k);

#endif
