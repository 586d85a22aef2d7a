/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What has changed between two tables, and the sums that guard it. */
#include "orchestrator/dispatch_base.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/agent_msg_delta.h"
#include "lib/json.h"
#include "lib/str.h"
#include "lib/table_sum.h"

static json_t *
table(const char *zone, int version, const char *hosts)
{
	char text[512];

	assert_int_equal(
	    str_format(text, sizeof(text),
		"{\"name\":\"a\",\"timezone\":\"%s\",\"version\":%d,\"hosts\":[%s]}",
		zone, version, hosts),
	    0);
	return json_parse(text, strlen(text), NULL);
}

#define HOST(name, serial) "{\"name\":\"" name "\",\"nics\":[],\"serial\":\"" serial "\"}"

static uint64_t
sum(const json_t *v, const char *key)
{
	uint64_t n = 0;

	assert_int_equal(table_sum_get(v, key, &n, NULL), 0);
	return n;
}

static void
the_sum_is_of_head_and_hosts_and_not_of_the_version(void **state)
{
	json_t *one = table("UTC", 1, HOST("x", "1") "," HOST("y", "2"));
	json_t *two = table("UTC", 2, HOST("x", "1") "," HOST("y", "2"));
	struct dispatch_base *a = dispatch_base_new(one), *b = dispatch_base_new(two);
	json_t *hosts = json_object_get(one, "hosts");

	(void)state;
	assert_int_equal(dispatch_base_version(a), 1);
	assert_int_equal(dispatch_base_version(NULL), -1);
	assert_true(dispatch_base_digest(a) == dispatch_base_digest(b));
	assert_true(dispatch_base_digest(a) ==
		    sum(one, "head_digest") + sum(json_array_get(hosts, 0), "digest") +
			sum(json_array_get(hosts, 1), "digest"));
	assert_true(sum(one, "digest") == dispatch_base_digest(a));
	dispatch_base_free(a);
	dispatch_base_free(b);
	json_decref(one);
	json_decref(two);
}

/* Of a delta: names of hosts, names gone, whether the head is in it. */
static void
check(const char *old_hosts, const char *zone, const char *new_hosts, const char *changed,
    const char *gone)
{
	json_t *one = table("UTC", 1, old_hosts), *two = table(zone, 2, new_hosts);
	struct dispatch_base *a = dispatch_base_new(one), *b = dispatch_base_new(two);
	json_t *v = dispatch_base_delta(a, b, two, 1);
	struct agent_msg_delta d;
	struct error err;
	char names[64] = "", names_gone[64] = "";

	assert_int_equal(agent_msg_delta_from_json(v, &d, &err), 0);
	assert_int_equal(d.from, 1);
	assert_int_equal(d.to, 2);
	assert_true(d.digest == dispatch_base_digest(b));
	for (size_t i = 0; i < d.n_hosts; i++)
		strcat(names, d.hosts[i].name);
	for (size_t i = 0; i < d.n_gone; i++)
		strcat(names_gone, d.gone[i]);
	assert_string_equal(names, changed);
	assert_string_equal(names_gone, gone);
	assert_int_equal(d.head != NULL, !str_eq(zone, "UTC"));
	if (d.head) {
		assert_string_equal(d.head->timezone, zone);
		assert_int_equal(d.head->version, 2);
		assert_true(d.head->digest == d.digest);
	}
	json_t *again = agent_msg_delta_to_json(&d);
	assert_true(
	    json_equal(json_object_get(again, "gone"), json_object_get(v, "gone")));
	json_decref(again);
	agent_msg_delta_done(&d);
	json_decref(v);
	dispatch_base_free(a);
	dispatch_base_free(b);
	json_decref(one);
	json_decref(two);
}

static void
what_has_changed(void **state)
{
	(void)state;
	check("", "UTC", "", "", "");
	check(HOST("x", "1"), "UTC", HOST("x", "1"), "", "");
	check(HOST("x", "1"), "UTC", HOST("x", "2"), "x", "");
	check(HOST("x", "1"), "UTC", "", "", "x");
	check("", "UTC", HOST("x", "1"), "x", "");
	check(HOST("b", "1") "," HOST("d", "1"), "UTC",
	    HOST("a", "1") "," HOST("b", "1") "," HOST("c", "1") "," HOST("e", "1"),
	    "ace", "d");
	check(HOST("x", "1"), "Africa/Lagos", HOST("x", "1"), "", "");
}

static void
the_same_under_another_version(void **state)
{
	json_t *now = table("UTC", 9, HOST("x", "1"));
	struct dispatch_base *b = dispatch_base_new(now);
	json_t *v = dispatch_base_delta(NULL, b, now, 4);

	(void)state;
	assert_int_equal(json_integer_value(json_object_get(v, "from")), 4);
	assert_int_equal(json_array_size(json_object_get(v, "hosts")), 0);
	assert_null(json_object_get(v, "site"));
	json_decref(v);
	assert_ptr_equal(dispatch_base_ref(b), b);
	dispatch_base_free(b);
	dispatch_base_free(b);
	json_decref(now);
}

static void
refuses(const char *text)
{
	json_t *v = json_parse(text, strlen(text), NULL);
	struct agent_msg_delta d;
	struct error err;

	assert_non_null(v);
	assert_int_equal(agent_msg_delta_from_json(v, &d, &err), -EINVAL);
	json_decref(v);
}

static void
broken_deltas(void **state)
{
	(void)state;
	refuses("{}");
	refuses("{\"from\":1}");
	refuses("{\"from\":1,\"to\":2,\"digest\":\"12\"}");
	refuses("{\"from\":1,\"to\":2,\"digest\":\"xyzxyzxyzxyzxyzx\"}");
	refuses("{\"from\":1,\"to\":2,\"hosts\":[{}]}");
	refuses("{\"from\":1,\"to\":2,\"gone\":[\"../x\"]}");
	refuses("{\"from\":1,\"to\":2,\"gone\":[1]}");
	refuses("{\"from\":1,\"to\":2,\"site\":{\"name\":\"a b\"}}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_sum_is_of_head_and_hosts_and_not_of_the_version),
	    cmocka_unit_test(what_has_changed),
	    cmocka_unit_test(the_same_under_another_version),
	    cmocka_unit_test(broken_deltas),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
