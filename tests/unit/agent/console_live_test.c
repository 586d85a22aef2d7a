/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A watched console between a hub and an orchestrator that are the test's own. */
#include "agent/console_live.h"

#include "lib/base64.h"
#include "lib/json.h"
#include "tests/unit/agent/console_kit.h"
#include "tests/unit/agent/http_kit.h"

#define OUTPUT "/agent/v1/console/output"
#define INPUT "/agent/v1/console/input"
#define ID "01m8186kgj3sd2xa"

struct kit {
	struct event_base *base;
	struct log log;
	struct console_hub *hub;
	struct console_live *cl;
};

static int
setup(void **state)
{
	struct kit *k = str_alloc(sizeof(*k));
	struct console_live_opts o = {.log = &k->log};
	struct error err;

	console_kit_reset();
	k->base = event_base_new();
	k->hub = console_hub_new(NULL);
	o.base = k->base;
	o.hub = k->hub;
	k->cl = console_live_new(&o, &err);
	*state = k;
	return 0;
}

static int
teardown(void **state)
{
	struct kit *k = *state;

	console_live_free(k->cl);
	console_hub_free(k->hub);
	event_base_free(k->base);
	assert_null(http_kit_calls);
	assert_int_equal(console_kit_open, 0);
	free(k);
	return 0;
}

static void
start(struct kit *k, const char *verb)
{
	struct bundle_bmc bmc = {.address = "192.0.2.1", .port = 623};
	struct agent_msg_order order = {.id = ID, .bmc = &bmc};
	struct error err;

	str_clip(order.verb, sizeof(order.verb), verb);
	order.args = json_pack("{s:s}", "host", "edge01");
	assert_int_equal(console_live_start(k->cl, &order, &err), 0);
	json_decref(order.args);
}

static void
sent(const struct http_client_call *call, const char *data, const char *state)
{
	uint8_t got[4096];
	size_t n = 0;

	assert_int_equal(
	    base64_get(json_string_value(json_object_get(call->body, "data")), got,
		sizeof(got), &n),
	    0);
	assert_int_equal(n, strlen(data));
	assert_memory_equal(got, data, n);
	assert_string_equal(
	    json_string_value(json_object_get(call->body, "state")), state);
}

static void
typed(const struct http_client_call *call, int64_t n, int64_t breaks)
{
	assert_int_equal(json_integer_value(json_object_get(call->body, "typed")), n);
	assert_int_equal(
	    json_integer_value(json_object_get(call->body, "breaks")), breaks);
}

static void
test_what_it_says_goes_up(void **state)
{
	struct kit *k = *state;

	start(k, "console");
	start(k, "console"); /* the call is repeated: known */
	assert_int_equal(console_kit_opened, 1);
	sent(http_kit_find(OUTPUT), "", "connecting");
	console_kit_up(0);
	console_kit_say(0, "hello");
	/* One request at a time, with what has come meanwhile in the next. */
	http_kit_answer(http_kit_find(OUTPUT), 200, "{}");
	sent(http_kit_find(OUTPUT), "hello", "up");
	console_kit_say(0, " you");
	http_kit_answer(http_kit_find(OUTPUT), 200, "{}");
	sent(http_kit_find(OUTPUT), " you", "up");
	/* No answer: once more, with all of it. */
	http_kit_answer(http_kit_find(OUTPUT), 0, "");
	console_kit_say(0, "!");
	sent(http_kit_wait(k->base, OUTPUT), " you!", "up");
	http_kit_answer(http_kit_find(OUTPUT), 200, "{}");
	assert_null(http_kit_find(OUTPUT));
	console_kit_down(0, CONSOLE_HELD, 1);
	sent(http_kit_find(OUTPUT), "", "held");
	http_kit_answer(http_kit_find(OUTPUT), 404, "{}"); /* nobody watches */
	assert_int_equal(console_kit_open, 0);
}

static void
test_what_is_typed_is_typed_once(void **state)
{
	struct kit *k = *state;

	start(k, "console");
	/* It is not up: what is typed goes nowhere, and never comes out later. */
	typed(http_kit_find(INPUT), 0, 0);
	http_kit_answer(
	    http_kit_find(INPUT), 200, "{\"data\":\"cm9vdA0=\",\"breaks\":0}");
	typed(http_kit_find(INPUT), 5, 0);
	console_kit_up(0);
	http_kit_answer(http_kit_find(INPUT), 200, "{\"data\":\"eA==\",\"breaks\":2}");
	typed(http_kit_find(INPUT), 6, 2);
	/* Answers that are none change nothing. */
	http_kit_answer(http_kit_find(INPUT), 200, "{\"data\":\"?\",\"breaks\":9}");
	typed(http_kit_wait(k->base, INPUT), 6, 2);
	http_kit_answer(http_kit_find(INPUT), 200, "[");
	typed(http_kit_wait(k->base, INPUT), 6, 2);
	http_kit_answer(http_kit_find(INPUT), 200, "{\"data\":7}");
	typed(http_kit_wait(k->base, INPUT), 6, 2);
	http_kit_answer(http_kit_find(INPUT), 404, "{}");
	assert_int_equal(console_kit_open, 0);
}

static void
test_an_orchestrator_that_does_not_take_it(void **state)
{
	struct kit *k = *state;
	char line[1001];
	const struct http_client_call *call;

	memset(line, 'x', 1000);
	line[1000] = '\0';
	start(k, "console-steal");
	assert_true(console_kit[0].steal);
	console_kit_up(0);
	for (int i = 0; i < 1000; i++)
		console_kit_say(0, line); /* a megabyte, and nobody answers */
	http_kit_answer(http_kit_find(OUTPUT), 200, "{}");
	call = http_kit_find(OUTPUT);
	assert_true(json_is_true(json_object_get(call->body, "lost")));
	assert_true(
	    strlen(json_string_value(json_object_get(call->body, "data"))) < 256 * 1024);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_what_it_says_goes_up),
	    TEST(test_what_is_typed_is_typed_once),
	    TEST(test_an_orchestrator_that_does_not_take_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
