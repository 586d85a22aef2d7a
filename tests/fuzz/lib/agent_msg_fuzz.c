/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Poll, orders and report: the same octets are read as each of the three. Orders also by an agent that has a key pinned: as they came, and
 * signed and sealed by the holder of that key, since no signature is found by trying. */
#include "lib/agent_msg.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/bmc_sealed.h"
#include "lib/json.h"
#include "lib/str.h"

#define SITE "los"
#define AGENT "01k9xyz0a0abcdef"
#define NONCE "0123456789abcdefghjkmnpqrs"

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

/* Made once, and never freed. */
static struct keys {
	struct secret_sign *sign;
	struct secret_box *box;
	struct agent_order_trust trust;
} * keys;

static void
make_keys(void)
{
	char dir[] = "/tmp/netboot-fuzz-XXXXXX", path[64];

	if (keys != NULL)
		return;
	keys = str_alloc(sizeof(*keys));
	if (mkdtemp(dir) == NULL)
		abort();
	snprintf(path, sizeof(path), "%s/key", dir);
	if (secret_sign_open(path, 1, &keys->sign, NULL) < 0)
		abort();
	unlink(path);
	if (secret_box_open(path, 1, &keys->box, NULL) < 0)
		abort();
	unlink(path);
	rmdir(dir);
	keys->trust = (struct agent_order_trust){
	    .box = keys->box, .site = SITE, .agent = AGENT, .nonce = NONCE, .n_keys = 1};
	str_clip(keys->trust.keys[0], sizeof(keys->trust.keys[0]),
	    secret_sign_public(keys->sign));
}

/* Nothing is taken that is not signed: there are only refusals. */
static void
check_strange(const json_t *v)
{
	struct agent_msg_orders m;
	struct error err;

	if (agent_msg_orders_open(v, &keys->trust, &m, &err) < 0)
		return;
	for (size_t i = 0; i < m.n_orders; i++)
		assert(m.orders[i].type == AGENT_ORDER_BAD_JOB ||
		       m.orders[i].type == AGENT_ORDER_BAD_CALL);
	agent_msg_orders_done(&m);
}

static void
seal(json_t *order)
{
	json_t *bundle = json_object_get(order, "bundle");
	json_t *bmc = json_object_get(bundle != NULL ? bundle : order, "bmc");

	if (json_is_object(bmc) && json_object_get(bmc, "sealed") == NULL)
		(void)!bmc_sealed_put(bmc, secret_box_public(keys->box), NULL);
}

static bool
is_forged(const struct error *err)
{
	return str_eq(err->code, "order-forged") || str_eq(err->code, "order-unsigned");
}

static void
check_signed(const json_t *v)
{
	json_t *copy = json_deep_copy(v), *list = json_array(), *order;
	struct agent_msg_orders m;
	struct error err;
	size_t i;

	json_array_foreach (json_object_get(copy, "orders"), i, order) {
		if (!json_is_object(order))
			continue;
		seal(order);
		json_array_append_new(list,
		    agent_order_sign(json_incref(order), keys->sign, SITE, AGENT, NONCE));
	}
	if (json_is_object(copy))
		json_object_set(copy, "orders", list);
	json_decref(list);
	if (agent_msg_orders_open(copy, &keys->trust, &m, &err) == 0) {
		assert(!is_forged(&m.refused));
		for (i = 0; i < m.n_orders; i++)
			assert(!is_forged(&m.orders[i].refused));
		agent_msg_orders_done(&m);
	}
	json_decref(copy);
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
	make_keys();
	check_orders(v);
	check_strange(v);
	check_signed(v);
	check_report(v);
	json_decref(v);
	return 0;
}
