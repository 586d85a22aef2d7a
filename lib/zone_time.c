/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Moments of a clock on the wall, and back.
 *
 * Entry points: zone_time_find(), zone_time_moment(), zone_time_shown().
 * Ownership: libical keeps the zones. Failure modes: none behind zone_time_find().
 *
 * A time of day is looked for with the two offsets that hold a day before and a day after: no zone of tzdata has two
 * changes so near to each other that a third one would hold in between (lib/zone_time_test.c looks). The days are counted
 * as in Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms".
 */
#include "lib/zone_time.h"

#include <libical/ical.h>

#include "lib/clock.h"

#define DAY_S (24 * 60 * 60)

static icaltimezone *
zone_of(const struct zone_time *z)
{
	return (icaltimezone *)(uintptr_t)z;
}

const struct zone_time *
zone_time_find(const char *name)
{
	return (const struct zone_time *)(name[0] == '\0'
					      ? icaltimezone_get_utc_timezone()
					      : icaltimezone_get_builtin_timezone(name));
}

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int64_t
offset_at(const struct zone_time *z, int64_t s)
{
	struct icaltimetype at =
	    icaltime_from_timet_with_zone((time_t)s, 0, icaltimezone_get_utc_timezone());

	return icaltimezone_get_utc_offset_of_utc_time(zone_of(z), &at, NULL);
}

int64_t
zone_time_offset(const struct zone_time *z, int64_t wall)
{
	return offset_at(z, floor_div(wall, USEC_PER_SEC));
}

/* The moment in from..to (seconds) from which on the offset is another one than at `from`. */
static int64_t
change_between(const struct zone_time *z, int64_t from, int64_t to)
{
	int64_t before = offset_at(z, from);

	while (to - from > 1) {
		int64_t middle = from + (to - from) / 2;

		if (offset_at(z, middle) == before)
			from = middle;
		else
			to = middle;
	}
	return to;
}

enum zone_time_kind
zone_time_moment(
    const struct zone_time *z, int64_t day, int minute, int64_t *ret, int64_t *ret_again)
{
	int64_t shown = day * DAY_S + minute * 60, first, second;
	int64_t before = offset_at(z, shown - DAY_S), after = offset_at(z, shown + DAY_S);
	bool is_first, is_second;

	first = shown - before;
	second = shown - after;
	is_first = offset_at(z, first) == before;
	is_second = offset_at(z, second) == after;
	if (is_first && is_second && first != second) {
		*ret = first * USEC_PER_SEC;
		if (ret_again != NULL)
			*ret_again = second * USEC_PER_SEC;
		return ZONE_TIME_TWICE;
	}
	if (!is_first && !is_second) {
		*ret = change_between(z, shown - DAY_S, shown + DAY_S) * USEC_PER_SEC;
		return ZONE_TIME_SKIPPED;
	}
	*ret = (is_first ? first : second) * USEC_PER_SEC;
	return ZONE_TIME_ONCE;
}

void
zone_time_shown(
    const struct zone_time *z, int64_t wall, int64_t *ret_day, int *ret_minute)
{
	int64_t s = floor_div(wall, USEC_PER_SEC);

	s += offset_at(z, s);
	*ret_day = floor_div(s, DAY_S);
	*ret_minute = (int)((s - *ret_day * DAY_S) / 60);
}

void
zone_time_date(int64_t day, struct zone_time_date *ret)
{
	int64_t z = day + 719468; /* 0000-03-01 */
	int64_t era = floor_div(z, 146097), doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

	ret->day = (int)(doy - (153 * mp + 2) / 5 + 1);
	ret->month = (int)(mp < 10 ? mp + 3 : mp - 9);
	ret->year = (int)(yoe + era * 400 + (ret->month <= 2));
	ret->weekday =
	    (int)(day + 4 - 7 * floor_div(day + 4, 7)); /* 1970-01-01: Thursday */
}

int64_t
zone_time_day(int year, int month, int day)
{
	int64_t y = year - (month <= 2), era = floor_div(y, 400), yoe = y - era * 400;
	int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}
