/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Poll, orders and report: the same octets are read as each of the three. */
#include "lib/agent_msg.h"

#include <assert.h>
#include <stdint.h>

#include "lib/json.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_orders(const json_t *v)
{
	struct agent_msg_orders m, again;
	struct error err;
	bool whole = true;
	json_t *out;

	if (agent_msg_orders_from_json(v, &m, &err) < 0)
		return;
	for (size_t i = 0; i < m.n_orders; i++)
		whole = whole && m.orders[i].type != AGENT_ORDER_BAD_JOB;
	/* Refused jobs are never sent on. */
	if (whole) {
		out = agent_msg_orders_to_json(&m);
		assert(agent_msg_orders_from_json(out, &again, &err) == 0);
		assert(again.n_orders == m.n_orders);
		agent_msg_orders_done(&again);
		json_decref(out);
	}
	agent_msg_orders_done(&m);
}

static void
check_report(const json_t *v)
{
	struct agent_msg_report m, again;
	struct error err;
	json_t *out;

	if (agent_msg_report_from_json(v, &m, &err) < 0)
		return;
	out = agent_msg_report_to_json(&m);
	assert(agent_msg_report_from_json(out, &again, &err) == 0);
	assert(again.n_events == m.n_events);
	agent_msg_report_done(&again);
	agent_msg_report_done(&m);
	json_decref(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct agent_msg_poll poll;
	struct error err;
	json_t *v = json_parse((const char *)data, size, &err), *out;

	if (v == NULL)
		return 0;
	if (agent_msg_poll_from_json(v, &poll, &err) == 0) {
		out = agent_msg_poll_to_json(&poll);
		assert(agent_msg_poll_from_json(out, &poll, &err) == 0);
		json_decref(out);
	}
	check_orders(v);
	check_report(v);
	json_decref(v);
	return 0;
}
