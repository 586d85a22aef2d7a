/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/line_cap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/compiler.h"

enum { MON, TUE, FRI = 4, SAT, SUN };

static struct line_cap
cap(const char *text)
{
	struct line_cap c;
	struct error err = {.text = ""};

	if (line_cap_parse(text, &c, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	return c;
}

static void
what_people_write(void **state)
{
	static const char *const rows[][2] = {
	    {"mon-fri 08:00-18:00 2Mbit", "mon-fri 08:00-18:00 2Mbit"},
	    {"Sat,SUN 10mbit", "sat-sun 00:00-24:00 10Mbit"},
	    {"daily 22:00-6:00 none", "daily 22:00-06:00 none"},
	    {"500kbit", "daily 00:00-24:00 500kbit"},
	    {"08:00-18:00 1500kbit", "daily 08:00-18:00 1500kbit"},
	    {"sat-mon 1000Mbit", "mon,sat-sun 00:00-24:00 1Gbit"},
	    {"mon,wed,fri 18:00-00:00 none", "mon,wed,fri 18:00-24:00 none"},
	};
	char buf[LINE_CAP_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct line_cap c = cap(rows[i][0]);
		assert_string_equal(line_cap_text(&c, buf), rows[i][1]);
	}
}

static void
what_is_no_cap(void **state)
{
	static const char *const rows[] = {"", "  ", "2", "2MB", "0kbit", "-1kbit",
	    "mon-fri", "mon-fri 08:00-18:00", "08:00-18:00 mon-fri 1Mbit",
	    "mon-fro 1Mbit", "mon- 1Mbit", ", 1Mbit", "25:00-26:00 1Mbit",
	    "08:60-09:00 1Mbit", "08:00-08:00 1Mbit", "24:00-06:00 1Mbit",
	    "mon 08:00-09:00 1Mbit more", "mon tue 1Mbit", "99999999999999999999kbit",
	    "2000000000Gbit"};
	struct line_cap c = {.days = 0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error err = {.code = ""};
		if (line_cap_parse(rows[i], &c, &err) == 0)
			fail_msg("taken: %s", rows[i]);
		assert_string_equal(err.code, "bad-cap");
		assert_non_null(strstr(err.next, "mon-fri"));
	}
	assert_int_equal(c.days, 0);
}

static void
the_first_that_speaks_of_the_time(void **state)
{
	struct line_cap caps[] = {cap("sat 10:00-12:00 none"),
	    cap("mon-fri 08:00-18:00 2Mbit"), cap("fri 22:00-06:00 20Mbit")};
	size_t n = ARRAY_SIZE(caps);

	(void)state;
	assert_int_equal(line_cap_at(caps, n, MON, 8 * 60), 2000);
	assert_int_equal(line_cap_at(caps, n, MON, 8 * 60 - 1), -1);
	assert_int_equal(line_cap_at(caps, n, FRI, 18 * 60), -1);
	assert_int_equal(line_cap_at(caps, n, FRI, 23 * 60), 20000);
	assert_int_equal(line_cap_at(caps, n, SAT, 5 * 60), 20000);
	assert_int_equal(line_cap_at(caps, n, SAT, 11 * 60), 0);
	assert_int_equal(line_cap_at(caps, n, SUN, 5 * 60), -1);
	assert_int_equal(line_cap_at(caps, n, TUE, 5 * 60), -1);
	assert_int_equal(line_cap_at(NULL, 0, TUE, 0), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_people_write),
	    cmocka_unit_test(what_is_no_cap),
	    cmocka_unit_test(the_first_that_speaks_of_the_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
