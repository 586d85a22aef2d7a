/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Local time around the moments when clocks are changed; the other opinion is Python's zoneinfo. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/compiler.h"
#include "lib/local_time.h"

static const struct {
	const char *zone;
	int64_t at; /* seconds */
	int weekday, minute;
} rows[] = {
    {"", 1795822200, 4, 1410}, /* 2026-11-27T23:30:00Z */
    {"Africa/Lagos", 1795822200, 5, 30},
    {"Africa/Johannesburg", 1795816799, 4, 1439}, /* 2026-11-27T21:59:59Z */
    {"Africa/Johannesburg", 1795816800, 5, 0},
    /* Back for Ramadan, and forward after it. */
    {"Africa/Casablanca", 1771120799, 6, 179}, /* 2026-02-15T01:59:59Z */
    {"Africa/Casablanca", 1771120800, 6, 120},
    {"Africa/Casablanca", 1774144799, 6, 119}, /* 2026-03-22T01:59:59Z */
    {"Africa/Casablanca", 1774144800, 6, 180},
    {"Africa/Casablanca", 2081332800, 5,
	780},				   /* 2035-12-15T12:00:00Z, in Ramadan no more */
    {"Europe/Prague", 1774745999, 6, 119}, /* 2026-03-29T00:59:59Z */
    {"Europe/Prague", 1774746000, 6, 180},
    {"Europe/Prague", 1792888200, 6, 150},    /* 2026-10-25T00:30:00Z */
    {"Europe/Prague", 1792891800, 6, 150},    /* an hour later it is the same */
    {"Europe/Prague", 2130019200, 2, 120},    /* 2037-07-01T00:00:00Z */
    {"America/St_Johns", 1772947799, 6, 119}, /* 2026-03-08T05:29:59Z */
    {"America/St_Johns", 1772947800, 6, 180},
    {"America/St_Johns", 1793507340, 6, 119}, /* 2026-11-01T04:29:00Z */
    {"America/St_Johns", 1793507400, 6, 60},
    {"Asia/Kathmandu", 1795803299, 4, 1439}, /* 2026-11-27T18:14:59Z */
    {"Asia/Kathmandu", 1795803300, 5, 0},
    {"Australia/Lord_Howe", 1775314740, 6,
	119}, /* 2026-04-04T14:59:00Z: by half an hour */
    {"Australia/Lord_Howe", 1775314800, 6, 90},
};

static void
the_clock_on_the_wall(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct local_time t;

		assert_int_equal(
		    local_time_at(rows[i].at * USEC_PER_SEC, rows[i].zone, &t), 0);
		if (t.weekday != rows[i].weekday || t.minute != rows[i].minute)
			fail_msg("%s at %lld: day %d, minute %d", rows[i].zone,
			    (long long)rows[i].at, t.weekday, t.minute);
	}
}

static void
an_unknown_zone_is_utc_and_said_to_be_unknown(void **state)
{
	struct local_time t;

	(void)state;
	assert_int_equal(
	    local_time_at(1795822200 * USEC_PER_SEC, "Mars/Olympus_Mons", &t), -2);
	assert_int_equal(t.weekday, 4);
	assert_int_equal(t.minute, 1410);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_clock_on_the_wall),
	    cmocka_unit_test(an_unknown_zone_is_utc_and_said_to_be_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
