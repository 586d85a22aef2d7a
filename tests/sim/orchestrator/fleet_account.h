/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the orchestrator says of a run when it is over, against what happened at the machines. */
#ifndef TESTS_SIM_ORCHESTRATOR_FLEET_ACCOUNT_H
#define TESTS_SIM_ORCHESTRATOR_FLEET_ACCOUNT_H

#include "tests/sim/orchestrator/fleet_orch.h"

struct fleet_account {
	int64_t runs, left_out; /* that had a rollout; that had none, with the reason */
	int64_t hosts[DB_ROLLOUT_HOST_STATES]; /* in each final state */
	int64_t states[DB_ROLLOUT_STATES];
	int64_t younger, not_approved; /* hosts */
	int64_t ahead; /* rollouts that were approved before any window opened */
};

/* The run of a rule in a week that is over: what is not there, said twice, or not as it happened, ends the simulation. */
void
fleet_account_week(struct fleet *f, int rule, int week, struct fleet_account *sum);

#endif
