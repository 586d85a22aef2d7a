/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/drill.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/str.h"

enum { SEC = USEC_PER_SEC };

static bool
chosen(const struct drill_candidate *c, size_t n, const char *host)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(c[i].host, host))
			return c[i].chosen;
	fail_msg("no %s", host);
	return false;
}

static void
one_of_each_site_the_longest_ago(void **state)
{
	struct drill_candidate c[] = {
	    {.host = "a", .site = "los", .last = 20},
	    {.host = "p", .site = "prg", .barred = true},
	    {.host = "b", .site = "los", .last = 10},
	    {.host = "c", .site = "los", .last = 5, .barred = true},
	    {.host = "r", .site = "nbo", .last = 7},
	    {.host = "q", .site = "nbo"},
	    {.host = "s", .site = "nbo"},
	};
	const size_t n = ARRAY_SIZE(c);

	(void)state;
	assert_int_equal(drill_choose(c, n), 3);
	assert_true(chosen(c, n, "b"));
	assert_true(chosen(c, n, "q")); /* never drilled, the first by name */
	assert_true(chosen(c, n, "p")); /* the site has no other */
	assert_false(chosen(c, n, "a") || chosen(c, n, "c") || chosen(c, n, "r") ||
		     chosen(c, n, "s"));
	assert_int_equal(drill_choose(c, 0), 0);
}

static struct drill_run *
run_new(enum drill_end end)
{
	struct drill_run *run = str_alloc(sizeof(*run));

	run->end = end;
	return run;
}

static void
confirm(struct drill_run *run, const char *stage, int64_t seconds)
{
	drill_take(run, stage, "confirmed", 1, 1000 * SEC, (1000 + seconds) * SEC);
}

static void
it_goes_back_when_it_left_its_disk(void **state)
{
	struct drill_run *run = run_new(DRILL_FAILED);

	(void)state;
	assert_int_equal(drill_returns(run), DRILL_STAYS);
	drill_take(run, "preflight", "missed", 1, SEC, 2 * SEC);
	assert_int_equal(drill_returns(run), DRILL_STAYS);
	/* Perhaps its own system did not stop. */
	drill_take(run, "override", "entered", 1, SEC, 0);
	assert_int_equal(drill_returns(run), DRILL_BACK_ASKED);
	drill_take(run, "power", "entered", 1, SEC, 0);
	assert_int_equal(drill_returns(run), DRILL_BACK);
	drill_take(run, "override", "entered", 2, SEC, 0);
	assert_int_equal(drill_returns(run), DRILL_BACK);
	/* Whoever ended the job has the machine in hand. */
	run->end = DRILL_CANCELLED;
	assert_int_equal(drill_returns(run), DRILL_STAYS);
	run->end = DRILL_DONE;
	assert_int_equal(drill_returns(run), DRILL_BACK);
	free(run);
}

static void
past(struct usual *u, enum stage stage, int64_t seconds, int n)
{
	for (int i = 0; i < n; i++)
		usual_add(u, stage, seconds * SEC);
}

static struct drill_verdict
judge(const struct drill_run *live, const struct drill_run *back)
{
	struct drill_verdict v;

	drill_judge(live, back, &v);
	return v;
}

static void
done(struct drill_verdict *v)
{
	json_decref(v->stages);
	json_decref(v->slow);
}

static void
slower_than_the_past_is_a_regression(void **state)
{
	static const struct {
		int own, site;
		int64_t took;
		const char *outcome, *slow;
	} rows[] = {
	    /* Nothing to compare with. */
	    {2, 2, 900, "ok", NULL},
	    {3, 0, 30, "ok", NULL},
	    {3, 0, 31, "regression",
		"kernel took 31s; nine of ten of the machine's 3 within 20s"},
	    /* The machine's own past counts, where there is enough of it. */
	    {3, 9, 40, "regression",
		"kernel took 40s; nine of ten of the machine's 3 within 20s"},
	    {2, 3, 40, "ok", NULL},
	    {2, 3, 91, "regression",
		"kernel took 1m31s; nine of ten of the site's 3 within 1m00s"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct drill_run *live = run_new(DRILL_DONE), *back = run_new(DRILL_DONE);
		past(&live->own, STAGE_KERNEL, 20, rows[i].own);
		past(&live->site, STAGE_KERNEL, 60, rows[i].site);
		confirm(live, "kernel", rows[i].took);
		struct drill_verdict v = judge(live, back);
		assert_string_equal(v.outcome, rows[i].outcome);
		assert_string_equal(v.returned, "yes");
		assert_string_equal(v.why.code, "");
		if (rows[i].slow)
			assert_string_equal(
			    json_string_value(json_array_get(v.slow, 0)), rows[i].slow);
		else
			assert_int_equal(json_array_size(v.slow), 0);
		done(&v);
		free(live);
		free(back);
	}
}

/* Of quick stages the half of them is nothing. */
static void
moments_are_none(void **state)
{
	struct drill_run *live = run_new(DRILL_DONE), *back = run_new(DRILL_DONE);

	(void)state;
	past(&back->own, STAGE_POWER, 1, 5);
	confirm(back, "power", 6);
	struct drill_verdict v = judge(live, back);
	assert_string_equal(v.outcome, "ok");
	done(&v);
	confirm(back, "power", 7);
	v = judge(live, back);
	assert_string_equal(v.outcome, "regression");
	assert_string_equal(json_string_value(json_array_get(v.slow, 0)),
	    "back power took 7.0s; nine of ten of the machine's 5 within 1.0s");
	done(&v);
	free(live);
	free(back);
}

static void
later_attempts_replace_earlier_ones(void **state)
{
	struct drill_run *live = run_new(DRILL_DONE), *back = run_new(DRILL_DONE);

	(void)state;
	confirm(live, "preflight", 1);
	confirm(live, "power", 9);
	drill_take(live, "kernel", "missed", 1, SEC, 2 * SEC);
	drill_take(live, "power", "confirmed", 2, SEC, 4 * SEC);
	drill_take(live, "kernel", "missed", 1, SEC, 2 * SEC); /* of before */
	drill_take(live, "rootfs", "skipped", 2, SEC, SEC);
	assert_false(live->took[STAGE_KERNEL].entered);
	assert_false(live->took[STAGE_ROOTFS].entered);
	assert_true(live->took[STAGE_PREFLIGHT].confirmed);
	assert_int_equal(live->took[STAGE_POWER].us, 3 * SEC);
	struct drill_verdict v = judge(live, back);
	assert_string_equal(v.outcome, "regression");
	assert_string_equal(
	    json_string_value(json_array_get(v.slow, 0)), "the image came at attempt 2");
	assert_int_equal(json_array_size(v.stages), 2);
	done(&v);
	free(live);
	free(back);
}

static void
failures_say_where(void **state)
{
	struct drill_run *live = run_new(DRILL_FAILED), *back = run_new(DRILL_DONE);

	(void)state;
	error_set(&live->verdict, 0, "kernel-stalled", "look", "it stood still");
	confirm(live, "power", 2);
	drill_take(live, "kernel", "missed", 1, SEC, 600 * SEC);
	confirm(back, "power", 2);
	struct drill_verdict v = judge(live, back);
	assert_string_equal(v.outcome, "failed");
	assert_string_equal(v.returned, "yes");
	assert_string_equal(v.stuck, "kernel");
	assert_string_equal(v.why.code, "kernel-stalled");
	done(&v);
	/* That it is not back weighs more. */
	back->end = DRILL_FAILED;
	error_set(&back->verdict, 0, "os-silent", "look", "nothing answers");
	drill_take(back, "os-up", "missed", 1, SEC, 900 * SEC);
	v = judge(live, back);
	assert_string_equal(v.outcome, "failed");
	assert_string_equal(v.returned, "no");
	assert_string_equal(v.stuck, "back os-up");
	assert_string_equal(v.why.code, "drill-not-back");
	assert_string_equal(
	    v.why.text, "it is not back on its disk after the drill: nothing answers");
	done(&v);
	free(live);
	/* It never left its disk. */
	live = run_new(DRILL_FAILED);
	memset(back, 0, sizeof(*back));
	error_set(&live->verdict, 0, "bmc-auth", "look", "wrong password");
	drill_take(live, "preflight", "missed", 1, SEC, 2 * SEC);
	v = judge(live, back);
	assert_string_equal(v.outcome, "failed");
	assert_string_equal(v.returned, "untouched");
	assert_string_equal(v.stuck, "preflight");
	assert_string_equal(v.why.code, "bmc-auth");
	done(&v);
	free(live);
	free(back);
}

static void
a_report_is_the_past_of_the_next(void **state)
{
	struct drill_run *live = run_new(DRILL_DONE), *back = run_new(DRILL_DONE);
	struct usual *of_live = str_alloc(sizeof(*of_live)),
		     *of_back = str_alloc(sizeof(*of_back));

	(void)state;
	confirm(live, "kernel", 7);
	drill_take(live, "initrd", "missed", 1, SEC, 9 * SEC);
	confirm(back, "os-up", 30);
	struct drill_verdict v = judge(live, back);
	drill_past(v.stages, of_live, of_back);
	assert_int_equal(usual_percentile(of_live, STAGE_KERNEL, 50), 7 * SEC);
	assert_int_equal(of_live->n[STAGE_INITRD], 0);
	assert_int_equal(of_live->n[STAGE_OS_UP], 0);
	assert_int_equal(usual_percentile(of_back, STAGE_OS_UP, 50), 30 * SEC);
	drill_past(NULL, of_live, of_back);
	done(&v);
	free(of_live);
	free(of_back);
	free(live);
	free(back);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_of_each_site_the_longest_ago),
	    cmocka_unit_test(it_goes_back_when_it_left_its_disk),
	    cmocka_unit_test(slower_than_the_past_is_a_regression),
	    cmocka_unit_test(moments_are_none),
	    cmocka_unit_test(later_attempts_replace_earlier_ones),
	    cmocka_unit_test(failures_say_where),
	    cmocka_unit_test(a_report_is_the_past_of_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
