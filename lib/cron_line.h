/* SPDX-License-Identifier: GPL-3.0-or-later */
/* "0 3 * * SUN": the five fields of a crontab line, as POSIX and the crons have them (crontab(5)). Pure. */
#ifndef LIB_CRON_LINE_H
#define LIB_CRON_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/error.h"
#include "lib/zone_time.h"

enum { CRON_LINE_TEXT = 128 };

struct cron_line {
	uint64_t minutes; /* bit 0..59 */
	uint32_t hours;	  /* bit 0..23 */
	uint32_t days;	  /* bit 1..31 */
	uint16_t months;  /* bit 1..12 */
	uint8_t weekdays; /* bit 0..6, 0: Sunday */
	bool any_day;	  /* the field begins with '*' */
	bool any_weekday; /* the same */
	bool every_hour;  /* the field of hours is '*' */
};

/* Names of months and days, ranges, lists and steps; "@daily" and its like. 0, or -EINVAL with *err ("bad-cron"), which names the
 * field, what is wrong with it and how it is written; also for a line that no day ever fits ("0 0 31 2 *"). */
int
cron_line_parse(const char *text, struct cron_line *ret, struct error *err) MUST_CHECK;
/* Is it due at all on that day? Where both the day of the month and the day of the week are named, either will do. */
bool
cron_line_on(const struct cron_line *c, const struct zone_time_date *date);
/* Is it due at that minute of a day on which it is? */
bool
cron_line_at(const struct cron_line *c, int minute);

#endif
