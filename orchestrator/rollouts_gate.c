// SPDX-License-Identifier: GPL-3.0-or-later
/* Gates of hosts in flight: who is being asked, and what the answers make of them.
 *
 * Entry points: rollouts_gate_ask() when a look has found one to be asked, rollouts_gate_done() with the answer. That a host's gates are
 * being asked is nowhere written down: after a restart they are asked again. Each question has a number, so that an answer which
 * comes after its host has gone on, or was asked anew, is not taken for another one's.
 * Failure modes: an answer whose effect cannot be written is forgotten, and the question asked again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"
#include "orchestrator/rollouts_priv.h"

void
rollouts_gate_ask(struct rollouts *r, struct rollout *ro, size_t i)
{
	(void)ro;
	r->ask_i = str_realloc(r->ask_i, (r->n_ask_i + 1) * sizeof(r->ask_i[0]));
	r->ask_i[r->n_ask_i++] = i;
}

static void
drop(struct rollouts *r, size_t k)
{
	r->asks[k] = r->asks[--r->n_asks];
}

void
rollouts_gate_forget(struct rollouts *r, const char *id)
{
	for (size_t k = r->n_asks; k-- > 0;)
		if (str_eq(r->asks[k].id, id))
			drop(r, k);
}

static void
forget_host(struct rollouts *r, const char *id, size_t i)
{
	for (size_t k = r->n_asks; k-- > 0;)
		if (r->asks[k].i == i && str_eq(r->asks[k].id, id))
			drop(r, k);
}

void
rollouts_gate_send(struct rollouts *r, struct rollout *ro)
{
	for (size_t k = 0; k < r->n_ask_i; k++) {
		size_t i = r->ask_i[k];
		struct rollouts_ask *ask;
		forget_host(r, ro->row.id, i);
		r->asks = str_realloc(r->asks, (r->n_asks + 1) * sizeof(r->asks[0]));
		ask = &r->asks[r->n_asks++];
		*ask = (struct rollouts_ask){.ticket = ++r->ticket, .i = i};
		str_clip(ask->id, sizeof(ask->id), ro->row.id);
		r->ops.gate(r->ops.arg, r->ticket, ro->site[ro->step.v[i].site],
		    ro->host[i], ro->gates, ro->step.policy.gate_timeout_s);
	}
	r->n_ask_i = 0;
}

/* Whose question it was; NULL: nobody's any more. */
static struct rollout *
take(struct rollouts *r, uint64_t ticket, size_t *ret_i)
{
	for (size_t k = 0; k < r->n_asks; k++) {
		struct rollout *ro;
		if (r->asks[k].ticket != ticket)
			continue;
		*ret_i = r->asks[k].i;
		ro = rollouts_find(r, r->asks[k].id);
		drop(r, k);
		return ro && *ret_i < ro->step.n && ro->step.v[*ret_i].asked ? ro : NULL;
	}
	return NULL;
}

/* A host that has not begun leaves its place to another one; any other is asked again. */
static bool
not_heard(struct rollout *ro, size_t i, const struct error *why, int64_t wall,
    struct rollout_step_action *ret)
{
	ro->step.v[i].asked = false;
	rollout_step_later(&ro->step, i, wall);
	if (ro->step.v[i].state != DB_ROLLOUT_HOST_GATE_BEFORE)
		return false;
	*ret = (struct rollout_step_action){.what = ROLLOUT_STEP_HOST,
	    .i = i,
	    .host = DB_ROLLOUT_HOST_WAITING,
	    .why = *why};
	return true;
}

bool
rollouts_gate_done(struct rollouts *r, uint64_t ticket, enum rollouts_gate_result result,
    const struct error *why, int64_t wall)
{
	struct rollout_step_action a;
	struct error said = {.code = ""};
	size_t i;
	struct rollout *ro = take(r, ticket, &i);
	bool act;

	if (!ro)
		return false;
	if (why)
		said = *why;
	if (result == ROLLOUTS_GATE_NOT_HEARD) {
		act = not_heard(ro, i, &said, wall, &a);
	} else {
		if (result == ROLLOUTS_GATE_FAILED)
			error_prefix(&said, "%s",
			    ro->step.v[i].state == DB_ROLLOUT_HOST_GATE_BEFORE
				? "before it was touched"
			    : ro->step.v[i].state == DB_ROLLOUT_HOST_SOAK
				? "some time after its job"
				: "after its job");
		act = rollout_step_gate_end(
		    &ro->step, i, result == ROLLOUTS_GATE_PASSED, &said, &a);
	}
	if (!act || rollouts_one(r, ro, &a, wall) == 0)
		return true;
	log_warn(r->ops.log, "rollout %s: what became of the gates of %s is asked again",
	    ro->row.id, ro->host[i]);
	return false;
}
