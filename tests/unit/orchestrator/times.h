/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Moments and lines of schedules as tests write them. To be included behind cmocka.h. */
#ifndef TESTS_UNIT_ORCHESTRATOR_TIMES_H
#define TESTS_UNIT_ORCHESTRATOR_TIMES_H

#include "lib/clock.h"
#include "orchestrator/schedule_time.h"

static inline int64_t
times_moment(const char *text)
{
	int64_t at;

	assert_int_equal(clock_parse(text, &at), 0);
	return at;
}

static inline struct schedule_time
times_by_line(const char *line, const char *zone)
{
	struct schedule_time t = {.window = 4 * 3600 * USEC_PER_SEC,
	    .zone = zone != NULL ? zone_time_find(zone) : NULL};
	struct error err;

	if (calendar_parse_cron(line, &t.calendar, &err) < 0)
		fail_msg("%s", err.text);
	return t;
}

#endif
