/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How much of a site's line may be used, by time of day: text and JSON <-> struct, and what holds at a time. */
#ifndef LIB_LINE_CAP_H
#define LIB_LINE_CAP_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"

enum { LINE_CAP_MAX = 32, LINE_CAP_DAY_MIN = 24 * 60, LINE_CAP_TEXT = 80 };
#define LINE_CAP_KBIT_MAX 1000000000LL /* 1 Tbit/s */

/* A rule. One that ends before it begins goes over midnight and belongs to the day it begins on. */
struct line_cap {
	uint8_t days; /* bit 0: Monday … bit 6: Sunday; never 0 */
	int16_t from; /* minute of the day, 0..1439 */
	int16_t to;   /* 1..1440; not equal to from */
	int64_t kbit; /* in a second (1000 bits); 0: nothing is to be fetched */
};

/* "mon-fri 08:00-18:00 2Mbit", "sat,sun 10Mbit", "daily 22:00-06:00 none", "500kbit": days (every day when
 * absent), hours (all when absent), rate in kbit, Mbit or Gbit, or "none". -EINVAL with code "bad-cap". */
int
line_cap_parse(const char *text, struct line_cap *ret, struct error *err) MUST_CHECK;
/* The same as line_cap_parse() reads it; returns buf. */
const char *
line_cap_text(const struct line_cap *cap, char buf[LINE_CAP_TEXT]);

/* The rate that holds at a minute (0..1439) of a weekday (0: Monday) in the site's zone, in kbit: that of the
 * first rule that speaks of the time, or -1: none does. */
int64_t
line_cap_at(const struct line_cap *caps, size_t n, int weekday, int minute);

/* {"days":"mon-fri","from":"08:00","to":"18:00","kbit":2000} */
json_t *
line_cap_to_json(const struct line_cap *cap);
int
line_cap_from_json(const json_t *v, struct line_cap *ret, struct error *err) MUST_CHECK;
/* Member "caps", an array, which may be absent; at most LINE_CAP_MAX. */
int
line_cap_list_from_json(const json_t *v, struct line_cap ret[LINE_CAP_MAX], size_t *ret_n,
    struct error *err) MUST_CHECK;
/* Sets it unless n is 0. */
void
line_cap_list_put(json_t *v, const struct line_cap *caps, size_t n);

#endif
