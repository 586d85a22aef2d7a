/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/progress_view.h"
#include "lib/clock.h"

#define T "2026-01-31T09:30:"

static void
begin(struct progress *p)
{
	json_t *job = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "id", "01k9xyz0a0abcdef",
	    "host", "edge01", "kind", "reinstall", "image", "debian", "state", "queued",
	    "created", T "00Z");

	progress_init(p, job);
	json_decref(job);
}

static void
event(struct progress *p, const char *json, const char *expected)
{
	json_t *ev = json_loads(json, 0, NULL);
	struct text t = {0};

	assert_non_null(ev);
	progress_on_event(p, ev, &t);
	assert_string_equal(text_str(&t), expected);
	text_done(&t);
	json_decref(ev);
}

#define STAGE(at, stage, state, attempt, more)                                        \
	"{\"kind\":\"job.stage\",\"at\":\"" T at "Z\",\"detail\":{\"stage\":\"" stage \
	"\",\"state\":\"" state "\",\"attempt\":" #attempt more "}}"

static void
test_events_become_lines(void **state UNUSED)
{
	struct progress p;

	begin(&p);
	event(&p, STAGE("01", "preflight", "entered", 1, ",\"deadline_us\":30000000"),
	    "edge01: preflight: begun, may take 30s\n");
	event(&p, STAGE("03", "preflight", "confirmed", 1, ",\"evidence\":\"2 files\""),
	    "edge01: preflight: confirmed after 2.0s: 2 files\n");
	event(&p, STAGE("03", "initrd", "skipped", 1, ""), "edge01: initrd: skipped\n");
	event(&p, "{\"kind\":\"dhcp4.offer\",\"at\":\"" T "03Z\"}", "");
	event(&p, "{}", "");
	event(&p, "{\"kind\":\"job.stage\",\"detail\":{\"stage\":\"x\",\"state\":\"y\"}}",
	    "");
}

/* Streams are taken up again and records overlap them: nothing is told twice or
 * backwards. */
static void
test_repeats_and_old_news_change_nothing(void **state UNUSED)
{
	struct progress p;
	struct text t = {0};
	json_t *job = json_loads(
	    "{\"state\":\"running\",\"stages\":[{\"stage\":\"preflight\","
	    "\"state\":\"confirmed\",\"attempt\":1,\"entered\":1,\"confirmed\":2}]}",
	    0, NULL);

	begin(&p);
	progress_on_job(&p, job, &t);
	assert_true(t.len > 0);
	text_clear(&t);
	progress_on_job(&p, job, &t);
	assert_string_equal(text_str(&t), "");
	event(&p, STAGE("01", "preflight", "entered", 1, ""), "");
	event(&p, STAGE("02", "preflight", "confirmed", 1, ""), "");
	json_decref(job);
	text_done(&t);
}

static void
test_attempts(void **state UNUSED)
{
	struct progress p;

	begin(&p);
	event(&p, STAGE("01", "armed", "confirmed", 1, ""),
	    "edge01: armed: confirmed after 0.0s\n");
	event(&p, STAGE("01", "override", "entered", 1, ""), "edge01: override: begun\n");
	event(&p, STAGE("05", "override", "missed", 1, ""),
	    "edge01: override: FAILED after 4.0s\n");
	event(&p, "{\"kind\":\"job.attempt\",\"detail\":{\"attempt\":2}}",
	    "edge01: attempt 2 begins\n");
	event(&p, STAGE("06", "override", "entered", 2, ""), "edge01: override: begun\n");
	event(&p, STAGE("05", "power", "entered", 1, ""), "");
	/* What was before `override` is not done again. */
	assert_int_equal(p.stages[STAGE_ARMED].mark, PROGRESS_CONFIRMED);
}

static void
result(const struct progress *p, const char *expected, int exit_code)
{
	struct text t = {0};

	progress_view_result(p, &t);
	assert_string_equal(text_str(&t), expected);
	assert_int_equal(progress_view_exit(p), exit_code);
	text_done(&t);
}

static void
test_results(void **state UNUSED)
{
	struct progress p;

	begin(&p);
	result(&p, "edge01: still at queued\n", CTL_TIMEOUT);
	event(&p, "{\"kind\":\"job.done\",\"at\":\"2026-01-31T09:32:31Z\"}", "");
	result(&p, "edge01: done in 2m31s\n", CTL_OK);
	/* An end is an end. */
	event(&p, "{\"kind\":\"job.cancelled\",\"at\":\"2026-01-31T09:33:31Z\"}", "");
	result(&p, "edge01: done in 2m31s\n", CTL_OK);

	begin(&p);
	event(&p,
	    "{\"kind\":\"job.cancelled\",\"at\":\"" T
	    "30Z\",\"detail\":{\"by\":\"ann\"}}",
	    "");
	result(&p, "edge01: cancelled after 30s by ann\n", CTL_FAILED);

	begin(&p);
	event(&p,
	    "{\"kind\":\"job.cancelled\",\"at\":\"" T
	    "30Z\",\"detail\":{\"by\":\"ann\",\"code\":\"image-let-go\",\"text\":\"it "
	    "may be at work\",\"next\":\"watch\"}}",
	    "");
	result(&p,
	    "edge01: cancelled after 30s by ann: image-let-go: it may be at work: "
	    "watch\n",
	    CTL_FAILED);

	begin(&p);
	event(&p,
	    "{\"kind\":\"job.failed\",\"detail\":{\"code\":\"kernel-stalled\",\"text\":"
	    "\"no octet\","
	    "\"next\":\"look\",\"stage\":\"kernel\"}}",
	    "");
	result(
	    &p, "edge01: FAILED at kernel: kernel-stalled: no octet: look\n", CTL_FAILED);

	begin(&p);
	event(&p,
	    "{\"kind\":\"job.failed\",\"detail\":{\"code\":\"image-altered\",\"text\":"
	    "\"x\\u001b\","
	    "\"stage\":\"preflight\"}}",
	    "");
	result(&p, "edge01: FAILED at preflight: image-altered: x\\x1b\n", CTL_REFUSED);
}

static int64_t
wall(const char *text)
{
	int64_t w = 0;

	assert_int_equal(clock_parse(text, &w), 0);
	return w;
}

/* The verdict that was found comes before the end, which repeats what the agent said. */
static void
test_the_verdict_stands(void **state)
{
	struct progress p;
	struct text t = {0};

	(void)state;
	begin(&p);
	event(&p,
	    "{\"kind\":\"job.verdict\",\"at\":\"" T
	    "09Z\",\"detail\":{\"code\":\"kernel-panic-seen\",\"text\":\"it panicked\","
	    "\"next\":\"look\"}}",
	    "");
	assert_int_equal(p.state, PROGRESS_OPEN);
	event(&p,
	    "{\"kind\":\"job.failed\",\"at\":\"" T
	    "09Z\",\"detail\":{\"code\":\"os-silent\",\"text\":\"silence\","
	    "\"next\":\"watch\",\"stage\":\"os-up\"}}",
	    "");
	progress_view_result(&p, &t);
	assert_string_equal(text_str(&t),
	    "edge01: FAILED at os-up: kernel-panic-seen: it panicked: look\n");
	text_done(&t);
}

static void
test_screen(void **state UNUSED)
{
	struct progress_look look = {.now = wall(T "14Z"), .width = 200};
	struct text t = {0};
	struct progress p;

	begin(&p);
	event(&p,
	    STAGE("01", "armed", "confirmed", 1, ",\"evidence\":\"script written\""),
	    "edge01: armed: confirmed after 0.0s: script written\n");
	event(&p, STAGE("04", "kernel", "entered", 1, ",\"deadline_us\":600000000"),
	    "edge01: kernel: begun, may take 10m00s\n");
	event(&p,
	    "{\"kind\":\"http.end\",\"at\":\"" T
	    "05Z\",\"file\":\"script.ipxe\",\"bytes\":800}",
	    "");
	event(&p,
	    "{\"kind\":\"http.progress\",\"at\":\"" T
	    "05Z\",\"file\":\"vmlinuz\",\"bytes\":1000000,"
	    "\"total\":14000000}",
	    "");
	event(&p,
	    "{\"kind\":\"http.progress\",\"at\":\"" T
	    "07Z\",\"file\":\"vmlinuz\",\"bytes\":5000000,"
	    "\"total\":14000000}",
	    "");
	progress_view_stages(&p, &look, &t);
	assert_string_equal(text_str(&t),
	    "edge01  reinstall  debian  job 01k9xyz0a0abcdef  14s\n"
	    "  ok  armed                                     script written\n"
	    "  ..  kernel          10s (at most 10m00s)      5.0 MB of 14.0 MB, 2.0 MB/s "
	    " vmlinuz\n");
	text_clear(&t);
	progress_view_line(&p, &look, &t);
	assert_string_equal(text_str(&t),
	    "edge01                kernel          10s (at most 10m00s)  "
	    "5.0 MB of 14.0 MB, 2.0 MB/s  vmlinuz\n");
	text_clear(&t);
	event(&p,
	    "{\"kind\":\"http.end\",\"at\":\"" T
	    "09Z\",\"file\":\"vmlinuz\",\"bytes\":14000000,"
	    "\"total\":14000000}",
	    "");
	progress_view_line(&p, &look, &t);
	assert_string_equal(
	    text_str(&t), "edge01                kernel          10s (at most 10m00s)\n");
	text_clear(&t);
	look.width = 10;
	look.color = true;
	progress_view_stages(&p, &look, &t);
	assert_string_equal(text_str(&t),
	    "edge01  re\n\033[32m  ok  arme\033[0m\n\033[33m  ..  kern\033[0m\n");
	text_done(&t);
}

/* What a retry forgets of a stage is not what is usual for it. */
static void
test_the_usual_time_is_shown_of_what_is_under_way(void **state UNUSED)
{
	json_t *why = json_loads(
	    "{\"stages\":[{\"stage\":\"override\",\"usual_us\":1500000},"
	    "{\"stage\":\"power\",\"usual_us\":null},{\"stage\":\"x\",\"usual_us\":1},"
	    "{\"stage\":\"armed\",\"usual_us\":-1},{\"stage\":\"kernel\","
	    "\"usual_us\":\"1\"}]}",
	    0, NULL);
	struct progress_look look = {.now = wall(T "14Z"), .width = 200};
	struct text t = {0};
	struct progress p;

	begin(&p);
	event(&p, STAGE("01", "armed", "entered", 1, ""), "edge01: armed: begun\n");
	event(&p, STAGE("02", "override", "entered", 1, ",\"deadline_us\":60000000"),
	    "edge01: override: begun, may take 1m00s\n");
	progress_on_why(&p, why);
	progress_on_why(&p, NULL);
	event(&p, "{\"kind\":\"job.attempt\",\"detail\":{\"attempt\":2}}",
	    "edge01: attempt 2 begins\n");
	event(&p, STAGE("08", "override", "entered", 2, ""), "edge01: override: begun\n");
	progress_view_stages(&p, &look, &t);
	assert_string_equal(text_str(&t),
	    "edge01  reinstall  debian  job 01k9xyz0a0abcdef  attempt 2  14s\n"
	    "  ..  armed           13s\n"
	    "  ..  override        6.0s (usually 1.5s)\n");
	text_clear(&t);
	p.stages[STAGE_OVERRIDE].deadline_us = 60 * USEC_PER_SEC;
	progress_view_line(&p, &look, &t);
	assert_string_equal(text_str(&t),
	    "edge01                override        6.0s (usually 1.5s, at most 1m00s)\n");
	json_decref(why);
	text_done(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_events_become_lines),
	    cmocka_unit_test(test_repeats_and_old_news_change_nothing),
	    cmocka_unit_test(test_attempts),
	    cmocka_unit_test(test_results),
	    cmocka_unit_test(test_the_verdict_stands),
	    cmocka_unit_test(test_screen),
	    cmocka_unit_test(test_the_usual_time_is_shown_of_what_is_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
