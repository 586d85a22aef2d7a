/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Moments of a clock on the wall, and back: what schedules are written in. Days are days since 1970-01-01, minutes those of the
 * day; by libical, which has the zones of this machine's tzdata. */
#ifndef LIB_ZONE_TIME_H
#define LIB_ZONE_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"

/* A zone; libical's, for the life of the process. */
struct zone_time;

struct zone_time_date {
	int year, month, day; /* month 1..12, day 1..31 */
	int weekday;	      /* 0: Sunday */
};

/* How a time of the clock on the wall comes to be. */
enum zone_time_kind {
	ZONE_TIME_ONCE,
	ZONE_TIME_TWICE, /* the clock was put back over it: *ret is the first, *ret_again the second moment */
	ZONE_TIME_SKIPPED /* the clock was put forward over it: *ret is the moment at which it was */
};

/* NULL: no such zone; "" is UTC. Only on one thread: libical loads a zone when it is first asked for. */
const struct zone_time *
zone_time_find(const char *name);
/* Seconds to be added to UTC at that moment (microseconds since 1970). */
int64_t
zone_time_offset(const struct zone_time *z, int64_t wall);
/* The moment (microseconds since 1970) at which the clock shows `minute` of the day. *ret_again may be NULL. */
enum zone_time_kind
zone_time_moment(
    const struct zone_time *z, int64_t day, int minute, int64_t *ret, int64_t *ret_again);
/* What the clock shows at that moment. */
void
zone_time_shown(
    const struct zone_time *z, int64_t wall, int64_t *ret_day, int *ret_minute);
/* The proleptic Gregorian calendar. */
void
zone_time_date(int64_t day, struct zone_time_date *ret);
int64_t
zone_time_day(int year, int month, int day);

#endif
