/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Crontab lines: what they mean, and what is said of those that mean nothing. */
#include "lib/cron_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/compiler.h"

static struct cron_line
parsed(const char *text)
{
	struct cron_line c;
	struct error err = {.code = ""};

	if (cron_line_parse(text, &c, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	return c;
}

static bool
due(const char *text, int year, int month, int day, int hour, int minute)
{
	struct cron_line c = parsed(text);
	struct zone_time_date date;

	zone_time_date(zone_time_day(year, month, day), &date);
	return cron_line_on(&c, &date) && cron_line_at(&c, hour * 60 + minute);
}

static void
fields_of_a_line(void **state)
{
	(void)state;
	assert_true(due("0 3 * * SUN", 2026, 11, 29, 3, 0));
	assert_false(due("0 3 * * SUN", 2026, 11, 28, 3, 0));
	assert_false(due("0 3 * * SUN", 2026, 11, 29, 3, 1));
	assert_true(due("*/20 1-5/2 * jan,Nov *", 2026, 11, 29, 5, 40));
	assert_false(due("*/20 1-5/2 * jan,Nov *", 2026, 11, 29, 4, 40));
	assert_false(due("*/20 1-5/2 * jan,Nov *", 2026, 12, 29, 5, 40));
	assert_true(due("0 0 * * 7", 2026, 11, 29, 0, 0)); /* Sunday as well as 0 */
	assert_true(due("0 0 * * fri-sun", 2026, 11, 29, 0, 0));
	assert_true(due("0 0 * * 5-7", 2026, 11, 29, 0, 0));
	assert_false(due("0 0 * * fri-sun", 2026, 11, 30, 0, 0));
	assert_true(due("@weekly", 2026, 11, 29, 0, 0));
	assert_true(due("\t0  3 * * *  ", 2026, 1, 1, 3, 0));
	assert_true(due("0 0 29 2 *", 2028, 2, 29, 0, 0));
}

/* "If both fields are restricted, the command will be run when either field matches" (crontab(5)); restricted is what does not
 * begin with '*'. */
static void
day_of_the_month_or_of_the_week(void **state)
{
	(void)state;
	assert_true(due("0 0 13 * FRI", 2026, 11, 13, 0, 0));  /* both */
	assert_true(due("0 0 13 * FRI", 2026, 10, 13, 0, 0));  /* a Tuesday */
	assert_true(due("0 0 13 * FRI", 2026, 11, 27, 0, 0));  /* another Friday */
	assert_false(due("0 0 13 * FRI", 2026, 11, 28, 0, 0)); /* neither */
	assert_true(due("0 0 13 * *", 2026, 11, 13, 0, 0));
	assert_false(due("0 0 13 * *", 2026, 11, 27, 0, 0));
	assert_true(due("0 0 * * FRI", 2026, 11, 27, 0, 0));
	/* Every second day, where it is a Friday. */
	assert_true(due("0 0 */2 * FRI", 2026, 11, 13, 0, 0));
	assert_false(due("0 0 */2 * FRI", 2026, 11, 20, 0, 0));
	assert_false(due("0 0 */2 * FRI", 2026, 11, 15, 0, 0));
}

static const struct {
	const char *line, *said;
} bad[] = {
    {"", "0 fields"},
    {"0 3 * *", "4 fields"},
    {"0 0 3 * * *", "6 fields, not 5 (neither seconds"},
    {"60 3 * * *", "minute: '60' is none of 0-59"},
    {"0 24 * * *", "hour: '24' is none of 0-23"},
    {"0 3 0 * *", "day of the month: '0'"},
    {"0 3 32 * *", "day of the month: '32'"},
    {"0 3 * 13 *", "month: '13' is none of 1-12 or JAN-DEC"},
    {"0 3 * * 8", "day of the week: '8' is none of 0-7 or SUN-SAT"},
    {"0 3 * * SUNDAY", "'SUNDAY'"},
    {"0 3 * * FRI-MON", "'FRI-MON' ends before it begins"},
    {"5/10 3 * * *", "'5/10': a step needs a range: 5-59/10"},
    {"*/0 3 * * *", "the step is none of 1-59"},
    {"*/ 3 * * *", "the step is none"},
    {"-5 3 * * *", "a value is missing"},
    {"1- 3 * * *", "a value is missing"},
    {"1,,2 3 * * *", "a value is missing"},
    {"1, 3 * * *", "a value is missing"},
    {"+1 3 * * *", "'+1'"},
    {"*5 3 * * *", "'*5' is not understood"},
    {"1-5-7 3 * * *", "'1-5-7' is not understood"},
    {"0 3 L * *", "L, W, # and ? are not known"},
    {"0 3 ? * *", "are not known"},
    {"0 3 * * 5#2", "are not known"},
    {"0 0 31 2,4 *", "that day never comes"},
    {"0 0 30 FEB *", "that day never comes"},
    {"@reboot", "'@reboot' is none of @hourly"},
};

static void
bad_lines_are_refused_with_words(void **state)
{
	struct cron_line c;
	struct error err;
	char longest[CRON_LINE_TEXT + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		err.text[0] = '\0';
		assert_true(cron_line_parse(bad[i].line, &c, &err) < 0);
		assert_string_equal(err.code, "bad-cron");
		if (strstr(err.text, bad[i].said) == NULL)
			fail_msg("%s: %s", bad[i].line, err.text);
		assert_non_null(strstr(err.next, "'0 3 * * SUN'"));
	}
	memset(longest, '1', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_true(cron_line_parse(longest, &c, &err) < 0);
	/* February has 31 days on no Friday either, but Fridays come. */
	parsed("0 0 31 2 FRI");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fields_of_a_line),
	    cmocka_unit_test(day_of_the_month_or_of_the_week),
	    cmocka_unit_test(bad_lines_are_refused_with_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
