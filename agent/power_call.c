/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Power status on request.
 *
 * Entry points: power_call_start().
 * Ownership: one record per call until its answer.
 * Failure modes: a BMC that cannot be asked is "unknown" with the reason, never a guess;
 * too many calls at once are answered so.
 */
#include "agent/power_call.h"

#include <stdlib.h>
#include <uthash.h>

#include "lib/compiler.h"
#include "lib/str.h"

enum { CALLS_MAX = 4096 };

struct call {
	struct power_calls *pc;
	char id[ID_SIZE];
	uint64_t bmc_id;
	UT_hash_handle hh;
};

struct power_calls {
	struct bmc_engine *bmc;
	void (*done)(void *arg, const struct agent_msg_call_result *res);
	void *arg;
	struct call *calls;
};

static void
answer(struct power_calls *pc, const char *id, const char *power, const char *reason)
{
	struct agent_msg_call_result res = {0};

	str_clip(res.id, sizeof(res.id), id);
	str_clip(res.power, sizeof(res.power), power);
	str_clip(res.reason, sizeof(res.reason), reason);
	pc->done(pc->arg, &res);
}

static void
on_status(void *arg, uint64_t id UNUSED, const struct bmc_result *res)
{
	struct call *c = arg;
	struct power_calls *pc = c->pc;
	char why[EVENT_REASON_SIZE] = "";

	if (res->err.code[0] != '\0')
		error_line(&res->err, why, sizeof(why));
	answer(pc, c->id, bmc_power_name(res->power), why);
	HASH_DEL(pc->calls, c);
	free(c);
}

void
power_call_start(struct power_calls *pc, const struct agent_msg_order *order)
{
	struct call *c;

	HASH_FIND_STR(pc->calls, order->id, c);
	if (c != NULL)
		return;
	if (!str_eq(order->verb, "power-status")) {
		answer(pc, order->id, "unknown", "this agent does not know the call");
		return;
	}
	if (order->bmc == NULL || order->bmc->address[0] == '\0') {
		answer(pc, order->id, "unknown", "the host has no BMC");
		return;
	}
	if (HASH_COUNT(pc->calls) >= CALLS_MAX) {
		answer(pc, order->id, "unknown", "too many calls at once");
		return;
	}
	c = str_alloc(sizeof(*c));
	c->pc = pc;
	str_clip(c->id, sizeof(c->id), order->id);
	HASH_ADD_STR(pc->calls, id, c);
	c->bmc_id = bmc_power_status(pc->bmc, order->bmc, on_status, c);
}

struct power_calls *
power_call_new(struct bmc_engine *bmc,
    void (*done)(void *arg, const struct agent_msg_call_result *res), void *arg)
{
	struct power_calls *pc = str_alloc(sizeof(*pc));

	pc->bmc = bmc;
	pc->done = done;
	pc->arg = arg;
	return pc;
}

void
power_call_free(struct power_calls *pc)
{
	struct call *c, *tmp;

	if (pc == NULL)
		return;
	HASH_ITER (hh, pc->calls, c, tmp) {
		bmc_cancel(pc->bmc, c->bmc_id);
		HASH_DEL(pc->calls, c);
		free(c);
	}
	free(pc);
}
