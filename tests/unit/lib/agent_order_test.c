/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/agent_order.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "lib/agent_msg.h"
#include "lib/bmc_sealed.h"
#include "lib/json.h"
#include "lib/str.h"

#define AGENT "01k9xyz0a0abcdef"
#define JOB "01k9xyz0a0aaaaaa"
#define NONCE "0123456789abcdefghjkmnpqrs"

struct kit {
	char dir[64];
	struct secret_sign *key, *other;
	struct secret_box *box, *other_box;
	struct agent_order_trust trust;
};

static void *
opened(struct kit *k, const char *name, bool box)
{
	char path[96];
	struct secret_sign *key = NULL;
	struct secret_box *b = NULL;
	struct error err;

	snprintf(path, sizeof(path), "%s/%s", k->dir, name);
	if (box)
		assert_int_equal(secret_box_open(path, 1, &b, &err), 0);
	else
		assert_int_equal(secret_sign_open(path, 1, &key, &err), 0);
	unlink(path);
	return box ? (void *)b : (void *)key;
}

static int
setup(void **state)
{
	struct kit *k = str_alloc(sizeof(*k));

	snprintf(k->dir, sizeof(k->dir), "/tmp/netboot-order-XXXXXX");
	assert_non_null(mkdtemp(k->dir));
	k->key = opened(k, "a", false);
	k->other = opened(k, "b", false);
	k->box = opened(k, "c", true);
	k->other_box = opened(k, "d", true);
	k->trust = (struct agent_order_trust){
	    .box = k->box, .site = "los", .agent = AGENT, .nonce = NONCE, .n_keys = 1};
	str_clip(k->trust.keys[0], sizeof(k->trust.keys[0]), secret_sign_public(k->key));
	*state = k;
	return 0;
}

static int
teardown(void **state)
{
	struct kit *k = *state;

	secret_sign_free(k->key);
	secret_sign_free(k->other);
	secret_box_free(k->box);
	secret_box_free(k->other_box);
	assert_int_equal(rmdir(k->dir), 0);
	free(k);
	return 0;
}

static json_t *
bmc(void)
{
	return json_pack("{s:s, s:i, s:s, s:s, s:s}", "address", "10.9.0.1", "port", 623,
	    "user", "admin", "password", "hunter2", "kg",
	    "0102030405060708090a0b0c0d0e0f1011121314");
}

static json_t *
call(void)
{
	return json_pack("{s:s, s:s, s:s, s:o}", "t", "call", "id", JOB, "verb",
	    "power-status", "bmc", bmc());
}

static void
open_is(struct kit *k, const json_t *order, const char *code)
{
	json_t *plain = NULL;
	struct error err = {.code = ""};
	int rc = agent_order_open(order, &k->trust, &plain, &err);

	if (!str_eq(err.code, code) || (rc == 0) != (code[0] == '\0'))
		fail_msg("%d %s: %s", rc, err.code, err.text);
	json_decref(plain);
}

static void
signed_for_one_agent_and_one_poll(void **state)
{
	struct kit *k = *state;
	json_t *o = agent_order_sign(call(), k->key, "los", AGENT, NONCE), *plain = NULL;
	struct error err;

	assert_string_equal(json_string_value(json_object_get(o, "t")), "call");
	assert_string_equal(
	    json_string_value(json_object_get(o, "key")), secret_sign_id(k->key));
	assert_null(json_object_get(o, "bmc"));
	assert_int_equal(agent_order_open(o, &k->trust, &plain, &err), 0);
	assert_string_equal(json_string_value(json_object_get(plain, "id")), JOB);
	json_decref(plain);
	k->trust.site = "nyc";
	open_is(k, o, "order-forged");
	k->trust.site = "los";
	k->trust.agent = JOB;
	open_is(k, o, "order-forged");
	k->trust.agent = AGENT;
	k->trust.nonce[0] = 'x';
	open_is(k, o, "order-forged");
	k->trust.nonce[0] = '\0';
	open_is(k, o, "order-forged");
	str_clip(k->trust.nonce, sizeof(k->trust.nonce), NONCE);
	open_is(k, o, "");
	/* A new key and the one before it may both be pinned. */
	str_clip(k->trust.keys[1], sizeof(k->trust.keys[1]), k->trust.keys[0]);
	str_clip(
	    k->trust.keys[0], sizeof(k->trust.keys[0]), secret_sign_public(k->other));
	open_is(k, o, "order-forged");
	k->trust.n_keys = 2;
	open_is(k, o, "");
	json_decref(o);
}

static void
what_is_not_signed_is_refused(void **state)
{
	struct kit *k = *state;
	json_t *plain = call(), *o;

	open_is(k, plain, "order-unsigned");
	k->trust.n_keys = 0;
	open_is(k, plain, "");
	k->trust.n_keys = 1;
	json_decref(plain);
	o = agent_order_sign(call(), k->other, "los", AGENT, NONCE);
	open_is(k, o, "order-forged");
	json_decref(o);
	o = agent_order_sign(call(), k->key, "los", AGENT, NONCE);
	json_put_str(o, "sig", "AAAA");
	open_is(k, o, "order-forged");
	json_object_del(o, "sig");
	open_is(k, o, "order-forged");
	json_put_str(o, "signed", "[");
	open_is(k, o, "order-forged");
	json_put_str(o, "signed", "7");
	open_is(k, o, "order-forged");
	json_decref(o);
}

static void
the_text_is_what_was_signed(void **state)
{
	struct kit *k = *state;
	json_t *o = agent_order_sign(call(), k->key, "los", AGENT, NONCE);
	char *text = str_dup(json_string_value(json_object_get(o, "signed")));
	char *at = strstr(text, "power-status");

	assert_non_null(at);
	memcpy(at, "power-cycle\"", 12);
	json_put_str(o, "signed", text);
	open_is(k, o, "order-forged");
	free(text);
	json_decref(o);
}

static void
secrets_are_for_one_agent_and_one_bmc(void **state)
{
	struct kit *k = *state;
	json_t *v = bmc(), *copy;
	struct error err;
	char *text;

	assert_int_equal(bmc_sealed_put(v, "no key", &err), -EINVAL);
	assert_string_equal(json_string_value(json_object_get(v, "password")), "hunter2");
	assert_int_equal(bmc_sealed_put(v, secret_box_public(k->box), &err), 0);
	text = json_text(v);
	assert_null(strstr(text, "hunter2"));
	assert_null(strstr(text, "0102030405"));
	free(text);
	copy = json_deep_copy(v);
	assert_int_equal(bmc_sealed_open(v, k->other_box, &err), -EBADMSG);
	assert_string_equal(err.code, "bmc-secret-sealed");
	assert_int_equal(bmc_sealed_open(v, NULL, &err), -EBADMSG);
	json_put_str(v, "address", "10.9.0.2");
	assert_int_equal(bmc_sealed_open(v, k->box, &err), -EBADMSG);
	assert_null(json_object_get(v, "password"));
	assert_int_equal(bmc_sealed_open(copy, k->box, &err), 0);
	assert_string_equal(
	    json_string_value(json_object_get(copy, "password")), "hunter2");
	assert_null(json_object_get(copy, "sealed"));
	assert_int_equal(bmc_sealed_open(json_null(), k->box, &err), 0);
	json_decref(copy);
	json_decref(v);
}

/* A whole answer: who ordered is told of each job and call that is not taken. */
static void
refused_orders_have_their_names(void **state)
{
	struct kit *k = *state;
	json_t *orders = json_array(),
	       *v = json_pack("{s:i, s:n, s:o}", "v", 1, "table", "orders", orders);
	struct agent_msg_orders m;
	struct error err;

	json_array_append_new(
	    orders, json_pack("{s:s, s:{s:s}}", "t", "job", "bundle", "job", JOB));
	json_array_append_new(orders, call());
	json_array_append_new(orders, json_pack("{s:s, s:s}", "t", "cancel", "job", JOB));
	json_array_append_new(orders, json_pack("{s:s}", "t", "newer"));
	json_array_append_new(
	    orders, agent_order_sign(json_pack("{s:s, s:s}", "t", "cancel", "job", JOB),
			k->key, "los", AGENT, NONCE));
	json_array_append_new(orders, agent_order_sign(json_pack("{s:s}", "t", "newer"),
					  k->key, "los", AGENT, NONCE));
	assert_int_equal(agent_msg_orders_open(v, &k->trust, &m, &err), 0);
	assert_int_equal(m.n_orders, 3);
	assert_int_equal(m.orders[0].type, AGENT_ORDER_BAD_JOB);
	assert_string_equal(m.orders[0].id, JOB);
	assert_string_equal(m.orders[0].refused.code, "order-unsigned");
	assert_int_equal(m.orders[1].type, AGENT_ORDER_BAD_CALL);
	assert_string_equal(m.orders[1].refused.code, "order-unsigned");
	assert_int_equal(m.orders[2].type, AGENT_ORDER_CANCEL);
	assert_int_equal(m.n_refused, 2);
	assert_string_equal(m.refused.code, "order-unsigned");
	agent_msg_orders_done(&m);
	json_decref(v);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(signed_for_one_agent_and_one_poll),
	    TEST(what_is_not_signed_is_refused),
	    TEST(the_text_is_what_was_signed),
	    TEST(secrets_are_for_one_agent_and_one_bmc),
	    TEST(refused_orders_have_their_names),
	};

	return cmocka_run_group_tests_name("agent_order", tests, NULL, NULL);
}
