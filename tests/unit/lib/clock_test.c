/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void
text_of_times(void **state)
{
	char buf[CLOCK_TEXT_SIZE];

	(void)state;
	assert_string_equal(clock_text(0, buf, sizeof(buf)), "1970-01-01T00:00:00.000Z");
	assert_string_equal(
	    clock_text(1769851800123456, buf, sizeof(buf)), "2026-01-31T09:30:00.123Z");
	assert_string_equal(clock_text(-1, buf, sizeof(buf)), "1969-12-31T23:59:59.999Z");
	assert_string_equal(clock_text(INT64_MAX, buf, 8), "294247-");
}

static void
parses_rfc3339(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} good[] = {
	    {"1970-01-01T00:00:00Z", 0},
	    {"2026-01-31T09:30:00.123Z", 1769851800123000},
	    {"2026-01-31T09:30:00.123456789Z", 1769851800123456},
	    {"2026-01-31t10:30:00+01:00", 1769851800000000},
	    {"2026-01-31T04:00:00-05:30", 1769851800000000},
	    {"2024-02-29T00:00:00Z", 1709164800000000},
	    {"2016-12-31T23:59:60Z", 1483228799000000},
	};
	int64_t us;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(clock_parse(good[i].text, &us), 0);
		assert_int_equal(us, good[i].us);
	}
}

static void
refuses_what_is_no_time(void **state)
{
	static const char *const bad[] = {"", "2026", "2026-01-31", "2026-01-31T09:30:00",
	    "2026-02-30T00:00:00Z", "2023-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
	    "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:00.Z",
	    "2026-01-01T00:00:00Zx", "2026-01-01T00:00:00+0100", "2026-1-1T00:00:00Z",
	    "-026-01-01T00:00:00Z", "2026-01-01T00:00:00+24:00"};
	int64_t us = 5;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(clock_parse(bad[i], &us), -EINVAL);
	assert_int_equal(us, 5);
}

static void
there_and_back(void **state)
{
	char buf[CLOCK_TEXT_SIZE];
	int64_t us;

	(void)state;
	for (int64_t t = 0; t < 4102444800000000; t += 86399999000) {
		assert_int_equal(clock_parse(clock_text(t, buf, sizeof(buf)), &us), 0);
		assert_int_equal(us, t);
	}
}

/* Syslog's older dates have neither year nor zone. */
static void
local_dates_are_of_the_past(void **state)
{
	static const struct {
		struct clock_local local;
		const char *zone, *now, *want; /* NULL: refused */
	} rows[] = {
	    {{11, 26, 1, 45, 31}, "UTC0", "2026-11-26T01:45:33Z", "2026-11-26T01:45:31Z"},
	    {{11, 26, 1, 45, 31}, "WAT-1", "2026-11-26T01:45:33Z",
		"2026-11-26T00:45:31Z"},
	    /* Over the turn of the year, on both sides of it. */
	    {{12, 31, 23, 59, 59}, "UTC0", "2027-01-01T00:00:05Z",
		"2026-12-31T23:59:59Z"},
	    {{1, 1, 0, 30, 0}, "WAT-1", "2026-12-31T23:40:00Z", "2026-12-31T23:30:00Z"},
	    /* A clock that was set back: not a year ago. */
	    {{11, 26, 1, 50, 0}, "UTC0", "2026-11-26T01:45:33Z", "2026-11-26T01:45:33Z"},
	    {{11, 28, 1, 50, 0}, "UTC0", "2026-11-26T01:45:33Z", "2025-11-28T01:50:00Z"},
	    {{2, 29, 12, 0, 0}, "UTC0", "2026-11-26T01:45:33Z", "2024-02-29T12:00:00Z"},
	    {{2, 30, 12, 0, 0}, "UTC0", "2026-11-26T01:45:33Z", NULL},
	    {{0, 0, 0, 0, 0}, "UTC0", "2026-11-26T01:45:33Z", NULL},
	    {{13, 1, 0, 0, 0}, "UTC0", "2026-11-26T01:45:33Z", NULL},
	    {{1, 1, 24, 0, 0}, "UTC0", "2026-11-26T01:45:33Z", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t now, want = 0, got = 0;
		int r;

		setenv("TZ", rows[i].zone, 1);
		tzset();
		assert_int_equal(clock_parse(rows[i].now, &now), 0);
		r = clock_from_local(&rows[i].local, now, &got);
		assert_int_equal(r, rows[i].want ? 0 : -EINVAL);
		if (rows[i].want)
			assert_int_equal(clock_parse(rows[i].want, &want), 0);
		if (got != want)
			fail_msg("row %zu: %lld, not %lld", i, (long long)got,
			    (long long)want);
	}
	unsetenv("TZ");
	tzset();
}

static void
clocks_run(void **state)
{
	int64_t a = clock_mono(), b = clock_mono();

	(void)state;
	assert_true(b >= a);
	assert_true(clock_wall() > 1700000000000000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text_of_times),
	    cmocka_unit_test(parses_rfc3339),
	    cmocka_unit_test(refuses_what_is_no_time),
	    cmocka_unit_test(there_and_back),
	    cmocka_unit_test(local_dates_are_of_the_past),
	    cmocka_unit_test(clocks_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
