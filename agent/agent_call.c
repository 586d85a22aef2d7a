/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The orchestrator's questions that are no jobs, each to the part that answers it, and the answers to the uplink.
 *
 * Entry points: agent_call_take(), agent_call_refuse(). Ownership: the parts are the agent's; agent_call_open() and agent_call_close() make and
 * end them. Failure modes: what nobody here knows is bmc_verbs_start()'s to refuse, as "call-unknown".
 */
#include "agent/agent_console.h"
#include "agent/agent_priv.h"
#include "agent/bmc_verbs.h"
#include "agent/gate.h"
#include "agent/uplink.h"
#include "lib/log.h"
#include "lib/str.h"

void
agent_call_done(void *arg, struct agent_msg_call_result *res)
{
	struct agent *a = arg;

	uplink_call_result(a->uplink, res);
}

void
agent_call_take(struct agent *a, const struct agent_msg_order *o)
{
	if (!agent_console_call(a->consoles, o) && !gate_set_call(a->gates, o))
		bmc_verbs_start(a->calls, o);
}

void
agent_call_refuse(struct agent *a, const struct agent_msg_order *o)
{
	struct agent_msg_call_result res = {.power = "unknown"};

	log_error(
	    a->log, "a question was not taken: %s: %s", o->refused.text, o->refused.next);
	str_clip(res.id, sizeof(res.id), o->id);
	str_clip(res.code, sizeof(res.code), o->refused.code);
	error_line(&o->refused, res.reason, sizeof(res.reason));
	uplink_call_result(a->uplink, &res);
}

void
agent_call_open(struct agent *a)
{
	a->calls = bmc_verbs_new(a->base, a->bmc, agent_call_done, a);
	a->gates = gate_set_new(&(struct gate_set_opts){.base = a->base,
	    .spool = a->spool,
	    .site = a->cfg->site,
	    .root = a->cfg->gates_root,
	    .user = a->cfg->gates_user,
	    .done = agent_call_done,
	    .arg = a});
}

void
agent_call_close(struct agent *a)
{
	bmc_verbs_free(a->calls);
	gate_set_free(a->gates);
}
