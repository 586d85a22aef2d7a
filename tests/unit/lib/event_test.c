/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/event.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/json.h"
#include "lib/str.h"

static void
round_trip(void **state)
{
	struct event a = event_make("http.end", 1769851800123000), b;
	json_t *v, *again;

	(void)state;
	str_clip(a.site, sizeof(a.site), "los");
	str_clip(a.host, sizeof(a.host), "edge01");
	str_clip(a.mac, sizeof(a.mac), "52:54:00:77:00:01");
	str_clip(a.ip, sizeof(a.ip), "10.77.0.50");
	str_clip(a.arch, sizeof(a.arch), "x64-uefi");
	str_clip(a.boot, sizeof(a.boot), "0123456789abcdef");
	str_clip(a.job, sizeof(a.job), "0123456789abcdeg");
	str_clip(a.file, sizeof(a.file), "vmlinuz");
	str_clip(a.reason, sizeof(a.reason), "because");
	a.bytes = 0;
	a.total = 12;
	event_put(&a, "why", "x");
	event_put_i64(&a, "n", 3);
	v = event_to_json(&a);
	assert_int_equal(event_from_json(v, &b, NULL), 0);
	again = event_to_json(&b);
	assert_true(json_equal(v, again));
	assert_int_equal(b.at, a.at);
	assert_int_equal(b.bytes, 0);
	json_decref(v);
	json_decref(again);
	event_done(&a);
	event_done(&b);
	event_done(NULL);
}

static void
unknown_members_are_left_out(void **state)
{
	struct event ev = event_make("dhcp4.ack", 0);
	json_t *v = event_to_json(&ev);
	char *text = json_text(v);

	(void)state;
	assert_string_equal(
	    text, "{\"at\":\"1970-01-01T00:00:00.000Z\",\"kind\":\"dhcp4.ack\"}");
	free(text);
	json_decref(v);
	event_done(&ev);
}

static void
bad_events_are_refused(void **state)
{
	static const char *const bad[] = {
	    "[]",
	    "{}",
	    "{\"at\":\"now\",\"kind\":\"a.b\"}",
	    "{\"at\":1,\"kind\":\"a.b\"}",
	    "{\"at\":\"1970-01-01T00:00:00Z\"}",
	    "{\"at\":\"1970-01-01T00:00:00Z\",\"kind\":\"\"}",
	    "{\"at\":\"1970-01-01T00:00:00Z\",\"kind\":\"job.x\\r\\nX: 1\"}",
	    "{\"at\":\"1970-01-01T00:00:00Z\",\"kind\":\"Job.x\"}",
	    "{\"at\":\"1970-01-01T00:00:00Z\",\"kind\":\"a.b\",\"mac\":\"52:54:00:77:00:"
	    "01:02\"}",
	    "{\"at\":\"1970-01-01T00:00:00Z\",\"kind\":\"a.b\",\"bytes\":\"1\"}",
	    "{\"at\":\"1970-01-01T00:00:00Z\",\"kind\":\"a.b\",\"detail\":[]}",
	    "{\"at\":\"1970-01-01T00:00:00Z\",\"kind\":"
	    "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
	};
	struct event ev;
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *v = json_parse(bad[i], strlen(bad[i]), &err);

		assert_non_null(v);
		err.code[0] = '\0';
		assert_int_equal(event_from_json(v, &ev, &err), -EINVAL);
		assert_string_equal(err.code, "bad-value");
		json_decref(v);
	}
}

static void
octets_of_the_wire_survive_as_escapes(void **state)
{
	struct event ev = event_make("tftp.error", 0);
	json_t *v;

	(void)state;
	str_clip(ev.file, sizeof(ev.file), "a\xff");
	v = event_to_json(&ev);
	assert_string_equal(json_string_value(json_object_get(v, "file")), "a\\xff");
	json_decref(v);
	event_done(&ev);
}

static void
details_of_another_type_are_none(void **state)
{
	struct event ev = event_make("job.stage", 0);

	(void)state;
	assert_string_equal(event_str(&ev, "stage"), "");
	assert_int_equal(event_i64(&ev, "attempt", -1), -1);
	event_put(&ev, "stage", "loader");
	event_put_i64(&ev, "attempt", 2);
	assert_string_equal(event_str(&ev, "stage"), "loader");
	assert_int_equal(event_i64(&ev, "attempt", -1), 2);
	assert_string_equal(event_str(&ev, "attempt"), "");
	assert_int_equal(event_i64(&ev, "stage", -1), -1);
	event_done(&ev);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(round_trip),
	    cmocka_unit_test(unknown_members_are_left_out),
	    cmocka_unit_test(bad_events_are_refused),
	    cmocka_unit_test(octets_of_the_wire_survive_as_escapes),
	    cmocka_unit_test(details_of_another_type_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
