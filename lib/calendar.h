/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When is a schedule due? A crontab line (crontab(5)), a recurrence rule (RFC 5545 3.3.10) or a single time, as the clock
 * on the wall of a zone shows them.
 *
 * Where clocks are changed: a time that the clock skips is due at the moment when it is put forward; of a time that it shows twice
 * the first one counts. A crontab line whose hour is '*' goes by what passes: it is due in both hours, and not in the one that is
 * not there. */
#ifndef LIB_CALENDAR_H
#define LIB_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/cron_line.h"
#include "lib/error.h"
#include "lib/zone_time.h"

enum calendar_kind { CALENDAR_CRON, CALENDAR_RULE, CALENDAR_ONCE };

enum { CALENDAR_TEXT = 512 };

struct calendar {
	enum calendar_kind kind;
	char text[CALENDAR_TEXT]; /* as it was given */
	struct cron_line cron;
	int64_t day; /* once, and where a rule begins: what the clock shows … */
	int minute;
	bool fixed;	/* … or it is a moment, in every zone the same: */
	int64_t moment; /* microseconds since 1970 */
};

/* Each 0, or -EINVAL with *err: "bad-cron", "bad-rrule", "bad-time". */
int
calendar_parse_cron(const char *text, struct calendar *ret, struct error *err) MUST_CHECK;
/* "FREQ=WEEKLY;BYDAY=SU;BYHOUR=3"; `from` is the day that intervals are counted from, at midnight. Nothing more frequent than hourly. */
int
calendar_parse_rule(
    const char *text, int64_t from, struct calendar *ret, struct error *err) MUST_CHECK;
/* "2026-12-01 03:00" by the clock on the wall, or with "Z" or "+02:00" behind it. */
int
calendar_parse_once(const char *text, struct calendar *ret, struct error *err) MUST_CHECK;
/* The first moment behind `after` at which it is due in that zone (microseconds since 1970). False: never again, or not within nine
 * years. */
bool
calendar_next(
    const struct calendar *c, const struct zone_time *zone, int64_t after, int64_t *ret);

#endif
