/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Orders that go over their hosts bit by bit: POST /rollouts. */
#ifndef CTL_ROLLOUT_ORDER_H
#define CTL_ROLLOUT_ORDER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctl/ctl.h"

struct rollout_order {
	json_t *body;	   /* but for `hosts` and `dry_run`, which are put in; borrowed */
	const char *hosts; /* as they were typed */
	bool destructive, yes, dry_run, wait;
	int64_t wait_us; /* 0: to its end */
};

/* Shows the plan, or asks where that is due, orders and, if wanted, waits. Prints the rollout's id at once. The exit code. */
int
rollout_order_run(const struct ctl *ctl, const struct rollout_order *o);
/* Follows one with this program's streams. */
int
rollout_order_follow(const struct ctl *ctl, const char *id, int64_t timeout_us);

#endif
