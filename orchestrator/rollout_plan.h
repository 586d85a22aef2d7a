/* SPDX-License-Identifier: GPL-3.0-or-later */
/* In which order the hosts of a rollout have their turn, and in which batches. Pure. */
#ifndef ORCHESTRATOR_ROLLOUT_PLAN_H
#define ORCHESTRATOR_ROLLOUT_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "orchestrator/rollout_policy.h"

struct rollout_plan_host {
	const char *host, *site; /* borrowed */
	int64_t opens, closes;	 /* closes 0: without end */
	int64_t batch;		 /* from 1; filled in */
	int64_t rank;		 /* among those of its site that open then; filled in */
};

/* Sorts them: by opening, then one of each site and again one of each site, and these by name; and numbers the batches: the canary,
 * if there is one, and then as many as rollout_policy_batch() says, of which the last may be smaller. */
void
rollout_plan_make(struct rollout_plan_host *v, size_t n, const struct rollout_policy *p);

#endif
