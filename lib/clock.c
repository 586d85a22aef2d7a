/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The only code that reads a clock, and the text form of times.
 *
 * Entry points: clock_wall() for records, clock_mono() for deadlines, clock_text() and
 * clock_parse() for RFC 3339, clock_from_local() for syslog's older form.
 * Ownership: none.
 * Failure modes: clock_parse() refuses what is not a whole RFC 3339 time; the clocks
 * cannot fail.
 */
#include "lib/clock.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t
read_clock(clockid_t id)
{
	struct timespec ts;
	int r = clock_gettime(id, &ts);

	assert(r == 0);
	return (int64_t)ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

int64_t
clock_wall(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t
clock_mono(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

const char *
clock_text(int64_t wall, char *buf, size_t size)
{
	int64_t rest = wall % USEC_PER_SEC;
	time_t sec = (time_t)(wall / USEC_PER_SEC);
	struct tm tm;
	char date[24];

	if (rest < 0) {
		rest += USEC_PER_SEC;
		sec--;
	}
	if (gmtime_r(&sec, &tm) == NULL ||
	    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
		snprintf(buf, size, "(no time)");
		return buf;
	}
	snprintf(buf, size, "%s.%03dZ", date, (int)(rest / USEC_PER_MSEC));
	return buf;
}

/* Reads exactly n digits; advances *s. Returns -1 when there are fewer. */
static int
take_digits(const char **s, int n)
{
	int v = 0;

	while (n-- > 0) {
		if (**s < '0' || **s > '9')
			return -1;
		v = v * 10 + (*(*s)++ - '0');
	}
	return v;
}

static bool
take_char(const char **s, const char *set)
{
	if (**s == '\0' || strchr(set, **s) == NULL)
		return false;
	(*s)++;
	return true;
}

/* Date and time of day; the calendar is checked by turning the result back. */
static int
parse_datetime(const char **s, int64_t *ret_sec)
{
	struct tm tm = {0}, back;
	time_t t;

	tm.tm_year = take_digits(s, 4);
	if (tm.tm_year < 1970 || !take_char(s, "-"))
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon = take_digits(s, 2) - 1;
	if (tm.tm_mon < 0 || !take_char(s, "-"))
		return -EINVAL;
	tm.tm_mday = take_digits(s, 2);
	if (tm.tm_mday < 1 || !take_char(s, "Tt "))
		return -EINVAL;
	tm.tm_hour = take_digits(s, 2);
	if (tm.tm_hour < 0 || tm.tm_hour > 23 || !take_char(s, ":"))
		return -EINVAL;
	tm.tm_min = take_digits(s, 2);
	if (tm.tm_min < 0 || tm.tm_min > 59 || !take_char(s, ":"))
		return -EINVAL;
	tm.tm_sec = take_digits(s, 2);
	if (tm.tm_sec < 0 || tm.tm_sec > 60)
		return -EINVAL;
	/* RFC 3339 5.7 allows a leap second; POSIX time has none. */
	if (tm.tm_sec == 60)
		tm.tm_sec = 59;
	back = tm;
	t = timegm(&back);
	if (back.tm_mday != tm.tm_mday || back.tm_mon != tm.tm_mon)
		return -EINVAL;
	*ret_sec = t;
	return 0;
}

/* ".123456789": microseconds, further digits dropped. */
static int
parse_fraction(const char **s, int64_t *ret_us)
{
	int64_t us = 0, scale = USEC_PER_SEC / 10;

	if (!take_char(s, "."))
		return 0;
	if (**s < '0' || **s > '9')
		return -EINVAL;
	for (; **s >= '0' && **s <= '9'; (*s)++) {
		us += (**s - '0') * scale;
		scale /= 10;
	}
	*ret_us = us;
	return 0;
}

static int
parse_offset(const char **s, int64_t *ret_sec)
{
	bool west = **s == '-';
	int hours, minutes;

	if (take_char(s, "Zz")) {
		*ret_sec = 0;
		return 0;
	}
	if (!take_char(s, "+-"))
		return -EINVAL;
	hours = take_digits(s, 2);
	if (hours < 0 || hours > 23 || !take_char(s, ":"))
		return -EINVAL;
	minutes = take_digits(s, 2);
	if (minutes < 0 || minutes > 59)
		return -EINVAL;
	*ret_sec = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
	return 0;
}

int
clock_parse(const char *text, int64_t *ret_wall)
{
	int64_t sec, us = 0, offset;

	if (parse_datetime(&text, &sec) < 0 || parse_fraction(&text, &us) < 0 ||
	    parse_offset(&text, &offset) < 0 || *text != '\0')
		return -EINVAL;
	*ret_wall = (sec - offset) * USEC_PER_SEC + us;
	return 0;
}

/* In that year; false when it has no such date. */
static bool
local_in_year(const struct clock_local *local, int year, int64_t *ret_wall)
{
	struct tm tm = {.tm_year = year,
	    .tm_mon = local->month - 1,
	    .tm_mday = local->day,
	    .tm_hour = local->hour,
	    .tm_min = local->min,
	    .tm_sec = local->sec,
	    .tm_isdst = -1};
	time_t t = mktime(&tm);

	*ret_wall = (int64_t)t * USEC_PER_SEC;
	/* mktime() makes March out of the 30th of February. */
	return t != (time_t)-1 && tm.tm_mon == local->month - 1;
}

int
clock_from_local(const struct clock_local *local, int64_t now, int64_t *ret_wall)
{
	time_t sec = (time_t)(now / USEC_PER_SEC);
	struct tm tm;

	if (local->month < 1 || local->month > 12 || local->day < 1 || local->day > 31 ||
	    local->hour < 0 || local->hour > 23 || local->min < 0 || local->min > 59 ||
	    local->sec < 0 || local->sec > 60 || localtime_r(&sec, &tm) == NULL)
		return -EINVAL;
	/* The 29th of February may be up to eight years ago. */
	for (int year = tm.tm_year + 1; year >= tm.tm_year - 8; year--) {
		int64_t wall;

		if (!local_in_year(local, year, &wall) ||
		    wall > now + 24 * 3600 * USEC_PER_SEC)
			continue;
		*ret_wall = wall < now ? wall : now;
		return 0;
	}
	return -EINVAL;
}
