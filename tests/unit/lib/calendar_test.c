/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When schedules are due where clocks are changed: tables by hand; tests/net/test_calendar.py has other implementations' opinion. */
#include "lib/calendar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/compiler.h"
#include "lib/str.h"

static int64_t
moment(const char *text)
{
	int64_t at;

	assert_int_equal(clock_parse(text, &at), 0);
	return at;
}

struct row {
	const char *line, *zone, *after, *due[3];
};

static const struct row lines[] = {
    /* No changes. */
    {"0 3 * * SUN", "Africa/Lagos", "2026-11-27T12:00:00Z",
	{"2026-11-29T02:00:00Z", "2026-12-06T02:00:00Z", "2026-12-13T02:00:00Z"}},
    {"0 3 * * SUN", "Africa/Johannesburg", "2026-11-29T01:00:00Z",
	{"2026-12-06T01:00:00Z", "2026-12-13T01:00:00Z", "2026-12-20T01:00:00Z"}},
    {"15 0 * * *", "Asia/Kathmandu", "2026-11-27T18:29:59Z",
	{"2026-11-27T18:30:00Z", "2026-11-28T18:30:00Z", "2026-11-29T18:30:00Z"}},
    /* Put forward from two to three: what is skipped is due at three, once. */
    {"30 2 * * *", "Europe/Prague", "2026-03-28T00:00:00Z",
	{"2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}},
    {"*/15 2 * * *", "Europe/Prague", "2026-03-28T01:45:00Z",
	{"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z", "2026-03-30T00:15:00Z"}},
    {"0 2,3 * * *", "Europe/Prague", "2026-03-29T00:00:00Z",
	{"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z", "2026-03-30T01:00:00Z"}},
    /* Put back from three to two: the first of the two. */
    {"30 2 * * *", "Europe/Prague", "2026-10-24T12:00:00Z",
	{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z", "2026-10-27T01:30:00Z"}},
    /* Every hour goes by what passes. */
    {"30 * * * *", "Europe/Prague", "2026-10-24T23:30:00Z",
	{"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"}},
    {"30 * * * *", "Europe/Prague", "2026-03-28T23:30:00Z",
	{"2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z"}},
    /* Ramadan: back on 15 February, forward on 22 March. */
    {"30 2 * * *", "Africa/Casablanca", "2026-02-14T02:00:00Z",
	{"2026-02-15T01:30:00Z", "2026-02-16T02:30:00Z", "2026-02-17T02:30:00Z"}},
    {"30 2 * * *", "Africa/Casablanca", "2026-03-21T12:00:00Z",
	{"2026-03-22T02:00:00Z", "2026-03-23T01:30:00Z", "2026-03-24T01:30:00Z"}},
    {"30 2 * * *", "America/St_Johns", "2026-03-08T00:00:00Z",
	{"2026-03-08T05:30:00Z", "2026-03-09T05:00:00Z", "2026-03-10T05:00:00Z"}},
    {"30 1 * * *", "America/St_Johns", "2026-11-01T00:00:00Z",
	{"2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z", "2026-11-03T05:00:00Z"}},
    /* Half an hour. */
    {"15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z",
	{"2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z", "2026-10-05T15:15:00Z"}},
    /* Midnight is skipped. */
    {"0 0 * * *", "America/Santiago", "2026-09-05T12:00:00Z",
	{"2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z", "2026-09-08T03:00:00Z"}},
    /* Rare days. */
    {"0 0 29 2 *", "", "2026-01-01T00:00:00Z",
	{"2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z", "2036-02-29T00:00:00Z"}},
};

static void
follow(const struct calendar *c, const struct row *r)
{
	const struct zone_time *z = zone_time_find(r->zone);
	int64_t at = moment(r->after);
	char text[CLOCK_TEXT_SIZE];

	assert_non_null(z);
	for (size_t i = 0; i < ARRAY_SIZE(r->due) && r->due[i] != NULL; i++) {
		assert_true(calendar_next(c, z, at, &at));
		if (at != moment(r->due[i]))
			fail_msg("%s in %s, %zu: %s, not %s", r->line, r->zone, i,
			    clock_text(at, text, sizeof(text)), r->due[i]);
	}
}

static void
crontab_lines_where_clocks_are_changed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct calendar c;

		assert_int_equal(calendar_parse_cron(lines[i].line, &c, NULL), 0);
		follow(&c, &lines[i]);
	}
}

static const struct row rules[] = {
    {"FREQ=WEEKLY;BYDAY=SU;BYHOUR=2;BYMINUTE=30", "Europe/Prague", "2026-03-22T12:00:00Z",
	{"2026-03-29T01:00:00Z", "2026-04-05T00:30:00Z", "2026-04-12T00:30:00Z"}},
    {"FREQ=MONTHLY;BYDAY=-1SU;BYHOUR=3", "Africa/Lagos", "2026-11-27T00:00:00Z",
	{"2026-11-29T02:00:00Z", "2026-12-27T02:00:00Z", "2027-01-31T02:00:00Z"}},
    /* In the weeks of 5 January and every second one, though it begins on a Monday. */
    {"FREQ=WEEKLY;INTERVAL=2;BYDAY=SU;BYHOUR=1", "", "2026-01-05T00:00:00Z",
	{"2026-01-11T01:00:00Z", "2026-01-25T01:00:00Z", "2026-02-08T01:00:00Z"}},
    {"FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;BYHOUR=1", "", "2026-11-01T00:00:00Z",
	{"2026-11-10T01:00:00Z", "2026-11-24T01:00:00Z", "2026-12-08T01:00:00Z"}},
};

static void
recurrence_rules(void **state)
{
	struct calendar c;
	struct error err;
	int64_t at;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		assert_int_equal(calendar_parse_rule(
				     rules[i].line, zone_time_day(2026, 1, 5), &c, NULL),
		    0);
		follow(&c, &rules[i]);
	}
	/* Counted from where it begins. */
	assert_int_equal(calendar_parse_rule(
			     "FREQ=DAILY;COUNT=3", zone_time_day(2026, 11, 1), &c, NULL),
	    0);
	at = moment("2026-11-02T12:00:00Z");
	assert_true(calendar_next(&c, zone_time_find(""), at, &at));
	assert_int_equal(at, moment("2026-11-03T00:00:00Z"));
	assert_false(calendar_next(&c, zone_time_find(""), at, &at));
	for (size_t i = 0; i < 4; i++) {
		static const char *const bad[] = {
		    "", "FREQ=SOMETIMES", "FREQ=MINUTELY", "FREQ=DAILY;BYSECOND=5"};

		assert_true(calendar_parse_rule(bad[i], 0, &c, &err) < 0);
		assert_string_equal(err.code, "bad-rrule");
	}
}

static void
single_times(void **state)
{
	static const char *const bad[] = {"", "tomorrow", "2026-12-01",
	    "2026-02-30 03:00", "2026-12-01 24:00", "2026-12-01 03:00 UTC",
	    "2026-13-01 03:00", "2026-12-01 03:60", "2026-12-01 03:00+15:00",
	    "2026-12-01 03:00Zulu", "1026-12-01 03:00"};
	static const struct {
		const char *text, *zone, *due;
	} good[] = {
	    {"2026-12-01 03:00", "Africa/Lagos", "2026-12-01T02:00:00Z"},
	    {"2026-12-01T03:00", "Asia/Kathmandu", "2026-11-30T21:15:00Z"},
	    {"2026-12-01T03:00:00Z", "Asia/Kathmandu", "2026-12-01T03:00:00Z"},
	    {"2026-12-01 03:00-03:30", "Europe/Prague", "2026-12-01T06:30:00Z"},
	    {"2026-03-29 02:30", "Europe/Prague", "2026-03-29T01:00:00Z"},
	    {"2026-10-25 02:30", "Europe/Prague", "2026-10-25T00:30:00Z"},
	};
	struct calendar c;
	struct error err;
	int64_t at;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (calendar_parse_once(bad[i], &c, &err) == 0)
			fail_msg("%s is taken", bad[i]);
		assert_string_equal(err.code, "bad-time");
	}
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		const struct zone_time *z = zone_time_find(good[i].zone);

		assert_int_equal(calendar_parse_once(good[i].text, &c, NULL), 0);
		assert_true(calendar_next(&c, z, 0, &at));
		assert_int_equal(at, moment(good[i].due));
		assert_false(calendar_next(&c, z, at, &at));
	}
	assert_null(zone_time_find("Mars/Olympus_Mons"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(crontab_lines_where_clocks_are_changed),
	    cmocka_unit_test(recurrence_rules),
	    cmocka_unit_test(single_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
