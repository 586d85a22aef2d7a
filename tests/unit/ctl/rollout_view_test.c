/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl/rollout_view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/ctl.h"
#include "lib/compiler.h"

static json_t *
rollout(const char *state, const char *counts)
{
	json_t *r = json_pack("{s:s,s:s,s:s,s:{s:i,s:i},s:n}", "id", "01k9xyz0a0rabcde",
	    "kind", "reboot", "state", state, "batch", "n", 2, "of", 5, "why");

	json_object_set_new(r, "counts", json_loads(counts, 0, NULL));
	return r;
}

static void
test_when_it_is_over_and_how(void **state UNUSED)
{
	static const struct {
		const char *state, *counts;
		bool over;
		int exit;
	} rows[] = {
	    {"running", "{\"total\":2,\"ok\":1,\"failed\":1}", false, CTL_TIMEOUT},
	    {"paused", "{\"total\":2,\"ok\":2}", false, CTL_TIMEOUT},
	    {"waiting-approval", "{\"total\":2,\"waiting\":2}", false, CTL_TIMEOUT},
	    {"done", "{\"total\":2,\"ok\":1,\"skipped\":1}", true, CTL_OK},
	    {"done", "{\"total\":2,\"ok\":1,\"failed\":1}", true, CTL_FAILED},
	    {"done", "{\"total\":2,\"ok\":1,\"lost\":1}", true, CTL_FAILED},
	    {"aborted", "{\"total\":2,\"ok\":2}", true, CTL_FAILED},
	    {"halted", "{\"total\":2,\"in_flight\":1,\"failed\":1}", false, CTL_TIMEOUT},
	    {"halted", "{\"total\":2,\"deferred\":1,\"failed\":1}", true, CTL_FAILED}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *r = rollout(rows[i].state, rows[i].counts);

		assert_int_equal(rollout_view_over(r), rows[i].over);
		assert_int_equal(rollout_view_exit(r), rows[i].exit);
		json_decref(r);
	}
}

static void
test_only_what_changed_is_told(void **state UNUSED)
{
	json_t *a = rollout("running", "{\"total\":3,\"waiting\":3}"),
	       *b = rollout("running", "{\"total\":3,\"ok\":1,\"waiting\":2}"),
	       *c = rollout("halted", "{\"total\":3,\"ok\":1,\"deferred\":2}");
	struct text t = {0};

	rollout_view_change(NULL, a, &t);
	assert_string_equal(
	    text_str(&t), "rollout running\nbatch 2 of 5; 3 hosts: 3 waiting\n");
	text_clear(&t);
	rollout_view_change(a, b, &t);
	assert_string_equal(text_str(&t), "");
	json_object_set_new(c, "why",
	    json_pack("{s:s,s:s,s:s}", "code", "canary-failed", "text", "edge01 failed",
		"next", "look at it"));
	rollout_view_change(b, c, &t);
	assert_string_equal(
	    text_str(&t), "rollout halted: canary-failed: edge01 failed: look at it\n");
	text_done(&t);
	json_decref(a);
	json_decref(b);
	json_decref(c);
}

/* What is said of hosts is escaped, long reasons are broken at words, and hosts with one reason are one line. */
static void
test_the_whole_of_one(void **state UNUSED)
{
	json_t *r = rollout("running", "{\"total\":4,\"failed\":1,\"waiting\":3}"),
	       *hosts;
	struct text t = {0};

	hosts = json_pack("[{s:s,s:s,s:{s:s,s:s}},{s:s,s:s},{s:s,s:s},{s:s,s:s}]", "host",
	    "e1", "state", "failed", "why", "code", "os-not-up", "text",
	    "it said \033[2J and then nothing more came from it for as long as fifteen "
	    "minutes",
	    "host", "e2", "state", "waiting", "host", "e3", "state", "waiting", "host",
	    "e4", "state", "waiting");
	rollout_view_show(r, hosts, 0, &t);
	assert_null(strchr(text_str(&t), '\033'));
	assert_non_null(strstr(text_str(&t),
	    "\nfailed:\n  e1: failed\n    os-not-up: it said \\x1b[2J and then"));
	for (const char *line = text_str(&t); line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		assert_true(strcspn(line, "\n") <= 80);
	}
	assert_non_null(strstr(
	    text_str(&t), "\nwaiting, and what for:\n  e[2-4] (3)\n    their turn\n"));
	assert_non_null(strstr(
	    text_str(&t), "next:     netboot-ctl rollout retry-failed 01k9xyz0a0rabcde"));
	text_done(&t);
	json_decref(hosts);
	json_decref(r);
}

static void
test_members_that_are_missing_are_left_out(void **state UNUSED)
{
	json_t *nothing = json_object();
	struct text t = {0};

	rollout_view_show(nothing, NULL, 0, &t);
	rollout_view_line(nothing, &t);
	rollout_view_result(nothing, &t);
	rollout_view_host(nothing, &t);
	assert_int_equal(rollout_view_exit(nothing), CTL_TIMEOUT);
	text_done(&t);
	json_decref(rollout_view_plan_rows(nothing));
	json_decref(nothing);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_when_it_is_over_and_how),
	    cmocka_unit_test(test_only_what_changed_is_told),
	    cmocka_unit_test(test_the_whole_of_one),
	    cmocka_unit_test(test_members_that_are_missing_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
