/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/schedule_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/str.h"
#include "times.h"

#define HOUR (3600 * USEC_PER_SEC)
#define DAY (24 * HOUR)

static const struct zone_time *zones[3];
static const struct schedule_plan_zones all = {zones, 3};

static int
setup(void **state)
{
	(void)state;
	zones[0] = zone_time_find("Africa/Lagos");
	zones[1] = zone_time_find("Asia/Kathmandu");
	zones[2] = zone_time_find("America/St_Johns");
	return 0;
}

static void
expect(int64_t got, const char *want)
{
	char text[CLOCK_TEXT_SIZE];

	if (got != times_moment(want))
		fail_msg("%s, not %s", clock_text(got, text, sizeof(text)), want);
}

/* Kathmandu first, St John's last. */
static void
a_run_goes_round_the_world(void **state)
{
	struct schedule_time t = times_by_line("0 3 * * *", NULL);
	int64_t run = times_moment("2026-11-29T03:00:00Z"), at;

	(void)state;
	at = schedule_plan_opens(&t, &all, run);
	expect(at, "2026-11-28T21:15:00Z");
	at = schedule_plan_opens_after(&t, &all, run, at);
	expect(at, "2026-11-29T02:00:00Z");
	at = schedule_plan_opens_after(&t, &all, run, at);
	expect(at, "2026-11-29T06:30:00Z");
	assert_false(schedule_plan_over(&t, &all, run, at + 4 * HOUR - 1));
	assert_true(schedule_plan_over(&t, &all, run, at + 4 * HOUR));
	assert_int_equal(schedule_plan_opens_after(&t, &all, run, at), INT64_MAX);
	/* One that has begun anywhere is not the next. */
	assert_true(
	    schedule_plan_upcoming(&t, &all, times_moment("2026-11-28T21:14:59Z"), &at));
	expect(at, "2026-11-29T03:00:00Z");
	assert_true(
	    schedule_plan_upcoming(&t, &all, times_moment("2026-11-28T21:15:00Z"), &at));
	expect(at, "2026-11-30T03:00:00Z");
}

static void
what_was_missed_is_counted(void **state)
{
	struct schedule_time t = times_by_line("0 3 * * SUN", NULL);
	struct schedule_plan_missed m;
	int64_t first = times_moment("2026-11-01T03:00:00Z"), at;

	(void)state;
	at = schedule_plan_catch_up(
	    &t, &all, first, times_moment("2026-11-01T10:29:00Z"), &m);
	expect(at, "2026-11-01T03:00:00Z");
	assert_int_equal(m.n, 0);
	at = schedule_plan_catch_up(
	    &t, &all, first, times_moment("2026-11-01T10:30:00Z"), &m);
	expect(at, "2026-11-08T03:00:00Z");
	assert_int_equal(m.n, 1);
	at = schedule_plan_catch_up(
	    &t, &all, first, times_moment("2026-11-30T00:00:00Z"), &m);
	expect(at, "2026-12-06T03:00:00Z");
	assert_int_equal(m.n, 5);
	expect(m.last, "2026-11-29T03:00:00Z");
}

static void
many_that_were_missed_cost_little(void **state)
{
	static const struct {
		const char *line, *zone, *last, *next;
	} rows[] = {
	    {"0 * * * *", "UTC", "2036-11-27T07:00:00Z", "2036-11-27T08:00:00Z"},
	    {"0 3 * * *", NULL, "2036-11-27T03:00:00Z", "2036-11-28T03:00:00Z"},
	    {"0 3 * * SUN", NULL, "2036-11-23T03:00:00Z", "2036-11-30T03:00:00Z"},
	    {"0 3 1-28 5 *", NULL, "2036-05-28T03:00:00Z", "2037-05-01T03:00:00Z"},
	    {"0 3 1 1 *", NULL, "2036-01-01T03:00:00Z", "2037-01-01T03:00:00Z"},
	};
	int64_t now = times_moment("2036-11-27T11:00:00Z"),
		from = times_moment("2026-11-27T00:00:00Z");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct schedule_time t = times_by_line(rows[i].line, rows[i].zone);
		struct schedule_plan_missed m;
		int64_t first, next;

		assert_true(schedule_time_next(&t, from, &first));
		next = schedule_plan_catch_up(&t, &all, first, now, &m);
		expect(m.last, rows[i].last);
		expect(next, rows[i].next);
		assert_int_equal(m.more, i < 4);
		assert_int_equal(m.n, i < 4 ? SCHEDULE_PLAN_MISSED_MAX : 10);
	}
}

static void
blackouts_are_not_missed(void **state)
{
	struct schedule_time t = times_by_line("0 3 * * *", NULL);
	const struct schedule_time_span span = {
	    zone_time_day(2026, 11, 2), zone_time_day(2026, 11, 3)};
	struct schedule_plan_missed m;
	int64_t at;

	(void)state;
	t.blackout = &span;
	t.n_blackout = 1;
	at = schedule_plan_catch_up(&t, &all, times_moment("2026-11-01T03:00:00Z"),
	    times_moment("2026-11-03T23:00:00Z"), &m);
	expect(at, "2026-11-04T03:00:00Z");
	assert_int_equal(m.n, 1);
	expect(m.last, "2026-11-01T03:00:00Z");
}

static void
what_ends_ends(void **state)
{
	struct schedule_time t = {.window = HOUR};
	struct schedule_plan_missed m;
	int64_t at;

	(void)state;
	assert_int_equal(calendar_parse_once("2026-12-01 03:00", &t.calendar, NULL), 0);
	assert_true(
	    schedule_plan_upcoming(&t, &all, times_moment("2026-11-30T00:00:00Z"), &at));
	expect(at, "2026-12-01T03:00:00Z");
	assert_false(
	    schedule_plan_upcoming(&t, &all, times_moment("2026-12-01T01:00:00Z"), &at));
	assert_int_equal(schedule_plan_catch_up(
			     &t, &all, at, times_moment("2026-12-02T03:00:00Z"), &m),
	    0);
	assert_int_equal(m.n, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_run_goes_round_the_world),
	    cmocka_unit_test(what_was_missed_is_counted),
	    cmocka_unit_test(many_that_were_missed_cost_little),
	    cmocka_unit_test(blackouts_are_not_missed),
	    cmocka_unit_test(what_ends_ends),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
