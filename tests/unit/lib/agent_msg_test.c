/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/agent_msg.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/json.h"

static json_t *
parse(const char *text)
{
	struct error err;
	json_t *v = json_parse(text, strlen(text), &err);

	assert_non_null(v);
	return v;
}

static void
polls(void **state)
{
	json_t
	    *v = parse(
		"{\"v\":1,\"site\":\"local\",\"agent\":\"0123456789abcdef\",\"table\":12,"
		"\"wait_s\":25,"
		"\"trouble\":{\"code\":\"spool-full\",\"text\":\"no space\",\"next\":"
		"\"free "
		"some\"},\"own_servers\":true,\"max_jobs\":7,\"now\":1769851800000000}"),
	    *again;
	struct agent_msg_poll m;
	struct error err;

	(void)state;
	assert_int_equal(agent_msg_poll_from_json(v, &m, &err), 0);
	assert_int_equal(m.wait_s, 25);
	assert_string_equal(m.trouble.code, "spool-full");
	assert_string_equal(m.trouble.next, "free some");
	assert_true(m.own_servers);
	assert_int_equal(m.max_jobs, 7);
	assert_int_equal(m.now, 1769851800000000);
	again = agent_msg_poll_to_json(&m);
	assert_true(json_equal(v, again));
	json_decref(again);
	json_object_set_new(v, "trouble", json_object());
	assert_int_equal(agent_msg_poll_from_json(v, &m, &err), -EINVAL);
	json_object_del(v, "trouble");
	assert_int_equal(agent_msg_poll_from_json(v, &m, &err), 0);
	assert_string_equal(m.trouble.code, "");
	json_object_del(v, "own_servers");
	assert_int_equal(agent_msg_poll_from_json(v, &m, &err), 0);
	assert_false(m.own_servers);
	json_object_set_new(v, "wait_s", json_integer(100000));
	assert_int_equal(agent_msg_poll_from_json(v, &m, &err), -EINVAL);
	json_object_set_new(v, "wait_s", json_integer(1));
	json_object_set_new(v, "agent", json_string("me"));
	assert_int_equal(agent_msg_poll_from_json(v, &m, &err), -EINVAL);
	json_object_set_new(v, "agent", json_string("0123456789abcdef"));
	json_object_set_new(v, "v", json_integer(2));
	assert_int_equal(agent_msg_poll_from_json(v, &m, &err), -EINVAL);
	assert_string_equal(err.code, "bad-version");
	json_decref(v);
}

static const char orders_text[] =
    "{\"v\":1,\"table\":{\"name\":\"los\",\"timezone\":\"UTC\",\"answer_unknown\":false,"
    "\"idle\":\"local\",\"subnets\":[],\"hosts\":[],\"version\":3},\"orders\":["
    "{\"t\":\"job\",\"bundle\":{\"v\":1,\"job\":\"0123456789abcdef\",\"kind\":\"reboot\","
    "\"hard\":true,\"graceful_us\":0,\"reason\":\"r\",\"by\":\"root\",\"created\":1,"
    "\"host\":{\"name\":\"a\",\"nics\":[],\"firmware\":\"uefi\",\"idle\":\"local\","
    "\"local_boot\":\"exit1\",\"labels\":{}},\"bmc\":null,\"image\":null}},"
    "{\"t\":\"cancel\",\"job\":\"0123456789abcdef\",\"by\":\"ann\"},"
    "{\"t\":\"call\",\"id\":\"0123456789abcdef\",\"verb\":\"identify\","
    "\"args\":{\"seconds\":30},"
    "\"bmc\":{\"address\":\"b\",\"port\":623,\"user\":\"u\",\"password\":\"p\","
    "\"privilege\":\"operator\",\"cipher\":0,\"boot_method\":\"pxe\",\"boot_verify\":"
    "\"full\"}}]}";

static void
orders(void **state)
{
	json_t *v = parse(orders_text), *again;
	struct agent_msg_orders m;
	struct error err;

	(void)state;
	assert_int_equal(agent_msg_orders_from_json(v, &m, &err), 0);
	assert_int_equal(m.n_orders, 3);
	assert_int_equal(m.orders[0].bundle->kind, BUNDLE_REBOOT);
	assert_string_equal(m.orders[2].bmc->password, "p");
	again = agent_msg_orders_to_json(&m);
	assert_true(json_equal(v, again));
	json_decref(again);
	json_decref(v);
	agent_msg_orders_done(&m);
	agent_msg_orders_done(NULL);
}

static void
a_current_table_is_null(void **state)
{
	json_t *v = parse("{\"v\":1,\"table\":null,\"orders\":[]}"), *again;
	struct agent_msg_orders m;

	(void)state;
	assert_int_equal(agent_msg_orders_from_json(v, &m, NULL), 0);
	assert_null(m.table);
	again = agent_msg_orders_to_json(&m);
	assert_true(json_equal(v, again));
	json_decref(again);
	json_decref(v);
	agent_msg_orders_done(&m);
}

static void
orders_of_a_newer_release_are_left_out(void **state)
{
	json_t *v = parse("{\"v\":1,\"orders\":[{\"t\":\"dance\"},"
			  "{\"t\":\"cancel\",\"job\":\"0123456789abcdef\"}]}");
	struct agent_msg_orders m;

	(void)state;
	assert_int_equal(agent_msg_orders_from_json(v, &m, NULL), 0);
	assert_int_equal(m.n_orders, 1);
	assert_int_equal(m.orders[0].type, AGENT_ORDER_CANCEL);
	json_decref(v);
	agent_msg_orders_done(&m);
}

static void
a_bad_bundle_spoils_only_itself(void **state)
{
	json_t *v = parse(orders_text), *bundle;
	struct agent_msg_orders m;
	struct error err;

	(void)state;
	bundle =
	    json_object_get(json_array_get(json_object_get(v, "orders"), 0), "bundle");
	json_object_set_new(bundle, "kind", json_string("format"));
	assert_int_equal(agent_msg_orders_from_json(v, &m, &err), 0);
	assert_int_equal(m.n_orders, 3);
	assert_int_equal(m.orders[0].type, AGENT_ORDER_BAD_JOB);
	assert_null(m.orders[0].bundle);
	assert_string_equal(m.orders[0].id, "0123456789abcdef");
	assert_string_equal(m.orders[0].refused.code, "bad-value");
	agent_msg_orders_done(&m);
	json_object_set_new(bundle, "job", json_string(""));
	assert_int_equal(agent_msg_orders_from_json(v, &m, &err), -EINVAL);
	assert_non_null(strstr(err.text, "orders[0]"));
	json_decref(v);
}

static void
broken_orders(void **state)
{
	static const char *const bad[] = {
	    "[]",
	    "{}",
	    "{\"v\":1,\"orders\":{}}",
	    "{\"v\":1,\"orders\":[1]}",
	    "{\"v\":1,\"orders\":[{}]}",
	    "{\"v\":1,\"orders\":[{\"t\":\"job\"}]}",
	    "{\"v\":1,\"orders\":[{\"t\":\"cancel\",\"job\":\"x\"}]}",
	    "{\"v\":1,\"orders\":[{\"t\":\"call\",\"id\":\"0123456789abcdef\"}]}",
	    "{\"v\":1,\"table\":{},\"orders\":[]}",
	    "{\"v\":1,\"table\":[],\"orders\":[]}",
	};
	struct agent_msg_orders m;
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *v = parse(bad[i]);

		if (agent_msg_orders_from_json(v, &m, &err) != -EINVAL)
			fail_msg("accepted: %s", bad[i]);
		json_decref(v);
	}
}

static void
reports(void **state)
{
	json_t *
	    v = parse(
	       "{\"v\":1,\"site\":\"local\",\"agent\":\"0123456789abcdef\",\"first\":101,"
	       "\"events\":[{\"at\":\"2026-01-31T09:30:00.123Z\",\"kind\":\"job."
	       "accepted\","
	       "\"job\":\"0123456789abcdef\"}],"
	       "\"calls\":[{\"id\":\"0123456789abcdef\",\"power\":\"on\",\"reason\":\"\"}"
	       ","
	       "{\"id\":\"0123456789abcdef\",\"power\":\"unknown\",\"reason\":\"auth\"}]"
	       "}"),
	   *again;
	struct agent_msg_report m;
	struct error err;

	(void)state;
	assert_int_equal(agent_msg_report_from_json(v, &m, &err), 0);
	assert_int_equal(m.n_events, 1);
	assert_int_equal(m.n_calls, 2);
	again = agent_msg_report_to_json(&m);
	assert_true(json_equal(v, again));
	json_decref(again);
	agent_msg_report_done(&m);
	agent_msg_report_done(NULL);
	json_object_set_new(v, "first", json_integer(INT64_MAX));
	assert_int_equal(agent_msg_report_from_json(v, &m, &err), -EINVAL);
	json_object_set_new(v, "first", json_integer(1));
	json_object_set_new(json_array_get(json_object_get(v, "calls"), 1), "power",
	    json_string("perhaps"));
	assert_int_equal(agent_msg_report_from_json(v, &m, &err), -EINVAL);
	assert_string_equal(err.text, "calls[1]: power: not on, off or unknown");
	json_object_set_new(
	    json_array_get(json_object_get(v, "events"), 0), "at", json_string("x"));
	assert_int_equal(agent_msg_report_from_json(v, &m, &err), -EINVAL);
	assert_non_null(strstr(err.text, "events[0]"));
	json_decref(v);
}

/* What is counted on must not come to an end of numbers. */
static void
clocks_out_of_range(void **state)
{
	static const char *const members[] = {
	    "ahead", "within", "stepped", "restarts", "seq"};
	struct agent_msg_report m;
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		json_t *v =
		    parse("{\"v\":1,\"site\":\"local\",\"agent\":\"0123456789abcdef\","
			  "\"first\":1,\"clock\":{\"ahead\":1,\"within\":1}}");
		json_t *clock = json_object_get(v, "clock");

		assert_int_equal(agent_msg_report_from_json(v, &m, &err), 0);
		agent_msg_report_done(&m);
		json_object_set_new(clock, members[i], json_integer(INT64_MIN));
		assert_int_equal(agent_msg_report_from_json(v, &m, &err), -EINVAL);
		json_object_set_new(clock, members[i], json_integer(INT64_MAX));
		if (i < 4)
			assert_int_equal(
			    agent_msg_report_from_json(v, &m, &err), -EINVAL);
		json_decref(v);
	}
}

static void
too_many_events_are_refused(void **state)
{
	json_t *v = json_pack("{s:i,s:s,s:s,s:[]}", "v", 1, "site", "a", "agent",
	    "0123456789abcdef", "events");
	json_t *ev = json_pack("{s:s,s:s}", "at", "2026-01-31T09:30:00Z", "kind", "a.b");
	struct agent_msg_report m;
	struct error err;

	(void)state;
	for (int i = 0; i < AGENT_MSG_EVENTS_MAX + 1; i++)
		json_array_append(json_object_get(v, "events"), ev);
	assert_int_equal(agent_msg_report_from_json(v, &m, &err), -EINVAL);
	json_array_remove(json_object_get(v, "events"), 0);
	assert_int_equal(agent_msg_report_from_json(v, &m, &err), 0);
	assert_int_equal(m.n_events, AGENT_MSG_EVENTS_MAX);
	agent_msg_report_done(&m);
	json_decref(ev);
	json_decref(v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(polls),
	    cmocka_unit_test(orders),
	    cmocka_unit_test(a_current_table_is_null),
	    cmocka_unit_test(orders_of_a_newer_release_are_left_out),
	    cmocka_unit_test(a_bad_bundle_spoils_only_itself),
	    cmocka_unit_test(broken_orders),
	    cmocka_unit_test(reports),
	    cmocka_unit_test(clocks_out_of_range),
	    cmocka_unit_test(too_many_events_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
