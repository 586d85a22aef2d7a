/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Local time of a site, with its daylight saving.
 *
 * Entry point: local_time_at(). Only on the loop's thread: libical loads a zone when it is first asked for.
 * Ownership: libical keeps the zones.
 * Failure modes: a zone that this machine's tzdata does not know is UTC, and said to be unknown.
 */
#include "lib/local_time.h"

#include <errno.h>
#include <libical/ical.h>

enum { DAY_MIN = 24 * 60, DAYS = 7, THURSDAY = 3 };

int
local_time_at(int64_t wall, const char *zone, struct local_time *ret)
{
	icaltimezone *tz =
	    zone[0] == '\0' ? NULL : icaltimezone_get_builtin_timezone(zone);
	int64_t s = wall / USEC_PER_SEC, day;

	if (tz != NULL) {
		struct icaltimetype at = icaltime_from_timet_with_zone(
		    (time_t)s, 0, icaltimezone_get_utc_timezone());

		s += icaltimezone_get_utc_offset_of_utc_time(tz, &at, NULL);
	}
	day = s / (DAY_MIN * 60);
	/* The epoch was a Thursday. */
	*ret = (struct local_time){
	    .weekday = (int)((day + THURSDAY) % DAYS), .minute = (int)(s / 60 % DAY_MIN)};
	return tz != NULL || zone[0] == '\0' ? 0 : -ENOENT;
}
