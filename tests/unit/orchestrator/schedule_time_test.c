/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When runs open and close at sites: tables by hand; tests/net/test_calendar.py has zoneinfo's opinion. */
#include "orchestrator/schedule_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/str.h"
#include "times.h"

#define HOUR (3600 * USEC_PER_SEC)

static void
expect(const char *what, int64_t got, const char *want)
{
	char text[CLOCK_TEXT_SIZE];

	if (got != times_moment(want))
		fail_msg(
		    "%s: %s, not %s", what, clock_text(got, text, sizeof(text)), want);
}

static const struct {
	const char *zone, *nominal, *opens;
} at_sites[] = {
    {"Africa/Lagos", "2026-11-29T03:00:00Z", "2026-11-29T02:00:00Z"},
    {"Africa/Johannesburg", "2026-11-29T03:00:00Z", "2026-11-29T01:00:00Z"},
    {"Asia/Kathmandu", "2026-11-29T03:00:00Z", "2026-11-28T21:15:00Z"},
    {"America/St_Johns", "2026-11-29T03:00:00Z", "2026-11-29T06:30:00Z"},
    /* Ramadan: the clock is put back at three on 15 February, and forward at two on 22 March. */
    {"Africa/Casablanca", "2026-02-14T02:30:00Z", "2026-02-14T01:30:00Z"},
    {"Africa/Casablanca", "2026-02-15T02:30:00Z", "2026-02-15T01:30:00Z"},
    {"Africa/Casablanca", "2026-02-16T02:30:00Z", "2026-02-16T02:30:00Z"},
    {"Africa/Casablanca", "2026-03-22T02:30:00Z", "2026-03-22T02:00:00Z"},
    {"Africa/Casablanca", "2026-03-23T02:30:00Z", "2026-03-23T01:30:00Z"},
    /* Skipped: when the clock is put forward; shown twice: the first. */
    {"Europe/Prague", "2026-03-29T02:30:00Z", "2026-03-29T01:00:00Z"},
    {"Europe/Prague", "2026-03-29T03:00:00Z", "2026-03-29T01:00:00Z"},
    {"Europe/Prague", "2026-10-25T02:30:00Z", "2026-10-25T00:30:00Z"},
    {"Europe/Prague", "2026-10-25T03:00:00Z", "2026-10-25T02:00:00Z"},
    {"America/St_Johns", "2026-03-08T02:30:00Z", "2026-03-08T05:30:00Z"},
    {"America/St_Johns", "2026-11-01T01:30:00Z", "2026-11-01T04:00:00Z"},
};

static void
sites_have_their_own_night(void **state)
{
	struct schedule_time t = times_by_line("0 3 * * *", NULL);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(at_sites); i++) {
		struct schedule_time_window w;

		schedule_time_at_site(&t, times_moment(at_sites[i].nominal),
		    zone_time_find(at_sites[i].zone), &w);
		expect(at_sites[i].zone, w.opens, at_sites[i].opens);
		/* Hours that pass, whatever the clock shows. */
		assert_int_equal(w.closes - w.opens, 4 * HOUR);
	}
}

static void
runs_come_one_after_another(void **state)
{
	struct schedule_time site = times_by_line("30 2 * * SUN", NULL);
	struct schedule_time prague = times_by_line("30 2 * * SUN", "Europe/Prague");
	int64_t at = times_moment("2026-03-22T02:30:00Z");

	(void)state;
	/* By sites' clocks the time is the time, also where one of them skips it. */
	assert_true(schedule_time_next(&site, at, &at));
	expect("site", at, "2026-03-29T02:30:00Z");
	assert_false(schedule_time_fixed(&site));
	at = times_moment("2026-03-22T01:30:00Z");
	assert_true(schedule_time_next(&prague, at, &at));
	expect("Prague", at, "2026-03-29T01:00:00Z");
	assert_true(schedule_time_next(&prague, at, &at));
	expect("Prague", at, "2026-04-05T00:30:00Z");
	assert_true(schedule_time_fixed(&prague));
}

static void
a_single_time(void **state)
{
	struct schedule_time t = {.window = HOUR};
	struct schedule_time_window w;
	int64_t at;

	(void)state;
	assert_int_equal(calendar_parse_once("2026-12-01 03:00", &t.calendar, NULL), 0);
	assert_true(schedule_time_next(&t, 0, &at));
	schedule_time_at_site(&t, at, zone_time_find("Asia/Kathmandu"), &w);
	expect("by the clock", w.opens, "2026-11-30T21:15:00Z");
	assert_false(schedule_time_next(&t, at, &at));
	assert_int_equal(calendar_parse_once("2026-12-01T03:00Z", &t.calendar, NULL), 0);
	assert_true(schedule_time_next(&t, 0, &at));
	schedule_time_at_site(&t, at, zone_time_find("Asia/Kathmandu"), &w);
	expect("a moment", w.opens, "2026-12-01T03:00:00Z");
	assert_true(schedule_time_fixed(&t));
}

static void
blackouts_are_dates_of_each_place(void **state)
{
	const struct schedule_time_span span = {
	    zone_time_day(2026, 12, 24), zone_time_day(2026, 12, 26)};
	struct schedule_time t = times_by_line("0 22 * * *", NULL);
	struct schedule_time_window w;

	(void)state;
	t.blackout = &span;
	t.n_blackout = 1;
	assert_false(schedule_time_left_out(&t, times_moment("2026-12-23T22:00:00Z")));
	assert_true(schedule_time_left_out(&t, times_moment("2026-12-24T22:00:00Z")));
	assert_true(schedule_time_left_out(&t, times_moment("2026-12-26T22:00:00Z")));
	assert_false(schedule_time_left_out(&t, times_moment("2026-12-27T22:00:00Z")));
	/* Two of its four hours. */
	schedule_time_at_site(
	    &t, times_moment("2026-12-23T22:00:00Z"), zone_time_find("Africa/Lagos"), &w);
	expect("opens", w.opens, "2026-12-23T21:00:00Z");
	expect("closes", w.closes, "2026-12-23T23:00:00Z");
	/* One moment, and in Kathmandu it is the 24th already. */
	t.zone = zone_time_find("Africa/Lagos");
	assert_false(schedule_time_left_out(&t, times_moment("2026-12-23T21:00:00Z")));
	schedule_time_at_site(&t, times_moment("2026-12-23T21:00:00Z"),
	    zone_time_find("Asia/Kathmandu"), &w);
	assert_int_equal(w.opens, w.closes);
	schedule_time_at_site(&t, times_moment("2026-12-23T21:00:00Z"),
	    zone_time_find("America/St_Johns"), &w);
	expect("closes", w.closes, "2026-12-24T01:00:00Z");
}

static void
jitter_is_the_same_each_time(void **state)
{
	struct schedule_time t = times_by_line("0 3 * * *", NULL);
	struct schedule_time_window w = {.opens = 0, .closes = 4 * HOUR};
	int64_t nominal = times_moment("2026-11-29T03:00:00Z"), most = 0, sum = 0;
	int same = 0;
	char host[32];

	(void)state;
	assert_int_equal(schedule_time_jitter(&t, "s", nominal, "edge01", &w), 0);
	t.jitter = HOUR;
	/* Agreed between releases: a restart in the middle of a run must not move it. */
	assert_int_equal(schedule_time_jitter(&t, "weekly", nominal, "edge01.los", &w),
	    972 * USEC_PER_SEC);
	for (int i = 0; i < 1000; i++) {
		snprintf(host, sizeof(host), "edge%03d.los", i);
		int64_t j = schedule_time_jitter(&t, "weekly", nominal, host, &w);
		assert_in_range(j, 0, HOUR - 1);
		assert_int_equal(
		    j, schedule_time_jitter(&t, "weekly", nominal, host, &w));
		same += j ==
			schedule_time_jitter(&t, "weekly", nominal + 24 * HOUR, host, &w);
		most = j > most ? j : most;
		sum += j / 1000;
	}
	assert_true(same < 10);
	assert_true(most > HOUR * 9 / 10 && sum > HOUR * 4 / 10 && sum < HOUR * 6 / 10);
	/* Of a window that was cut to a quarter. */
	w.closes = HOUR;
	for (int i = 0; i < 1000; i++) {
		snprintf(host, sizeof(host), "edge%03d.los", i);
		assert_in_range(schedule_time_jitter(&t, "weekly", nominal, host, &w), 0,
		    HOUR / 4 - 1);
	}
	w.closes = w.opens;
	assert_int_equal(schedule_time_jitter(&t, "weekly", nominal, "edge01", &w), 0);
}

static const struct {
	const char *line, *zone;
	enum zone_time_kind kind;
	const char *at;
} odd[] = {
    {"30 2 * * SUN", "Europe/Prague", ZONE_TIME_SKIPPED, "2027-03-28T02:30:00Z"},
    {"0 3 * * SUN", "Europe/Prague", ZONE_TIME_ONCE, ""},
    {"30 2 * * MON", "Europe/Prague", ZONE_TIME_ONCE, ""},
    {"30 2 * 10 SUN", "Europe/Prague", ZONE_TIME_TWICE, "2027-10-31T02:30:00Z"},
    {"30 2 * * *", "Africa/Casablanca", ZONE_TIME_TWICE, "2027-02-07T02:30:00Z"},
    {"30 2 * * *", "Africa/Lagos", ZONE_TIME_ONCE, ""},
    {"30 1 * 11 *", "America/St_Johns", ZONE_TIME_TWICE, "2027-11-07T01:30:00Z"},
    {"30 * * * *", "Europe/Prague", ZONE_TIME_ONCE, ""},
};

static void
times_that_clocks_skip_are_found(void **state)
{
	int64_t now = times_moment("2026-11-27T00:00:00Z"), at;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		struct schedule_time t = times_by_line(odd[i].line, NULL);
		enum zone_time_kind kind = schedule_time_odd(
		    &t, zone_time_find(odd[i].zone), now, now + 366 * 24 * HOUR, &at);

		if (kind != odd[i].kind)
			fail_msg("%s %s: %d", odd[i].line, odd[i].zone, kind);
		if (kind != ZONE_TIME_ONCE)
			expect(odd[i].line, at, odd[i].at);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sites_have_their_own_night),
	    cmocka_unit_test(runs_come_one_after_another),
	    cmocka_unit_test(a_single_time),
	    cmocka_unit_test(blackouts_are_dates_of_each_place),
	    cmocka_unit_test(jitter_is_the_same_each_time),
	    cmocka_unit_test(times_that_clocks_skip_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
