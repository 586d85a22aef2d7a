/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The only code that reads a clock. Everything else takes `now` as an argument. */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

enum { CLOCK_TEXT_SIZE = 32 };

/* Microseconds since the epoch, UTC (for records). */
int64_t
clock_wall(void);
/* Microseconds of a clock that never jumps (for deadlines). */
int64_t
clock_mono(void);
/* RFC 3339 in UTC with milliseconds, "2026-01-31T09:30:00.123Z"; returns buf. */
const char *
clock_text(int64_t wall, char *buf, size_t size);
/* Parses RFC 3339 (Z or offset). 0 or -EINVAL. */
int
clock_parse(const char *text, int64_t *ret_wall) MUST_CHECK;

/* A date and time of day of this machine's zone that does not say its year: "Nov 26 01:45:31" of syslog. */
struct clock_local {
	int month; /* 1 … 12; 0: there is none */
	int day, hour, min, sec;
};
/* The last such time before `now`; one that is at most a day after it (the clock was set back, or another's zone) is
 * `now`. 0 or -EINVAL when there is no such date. */
int
clock_from_local(
    const struct clock_local *local, int64_t now, int64_t *ret_wall) MUST_CHECK;

#endif
