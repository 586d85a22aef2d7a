// SPDX-License-Identifier: GPL-3.0-or-later
/* The times of a schedule's runs.
 *
 * Entry points: schedule_time_next() for which runs there are, schedule_time_at_site() for what a run is at a site. Ownership: all
 * values. Failure modes: none; a schedule that is over says so.
 *
 * A schedule by sites' own clocks is looked for by a clock that is never changed (UTC's), so that each date and time comes once; what
 * that is in a zone, and that a time is skipped there, is asked only then. So a run is the same run at every site. */
#include "orchestrator/schedule_time.h"

#include "lib/clock.h"

enum { ODD_MAX = 400 };
#define DAY_US (24 * 60 * 60 * USEC_PER_SEC)
#define MINUTE_US (60 * USEC_PER_SEC)
#define WEEK_US (7 * DAY_US)

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

bool
schedule_time_fixed(const struct schedule_time *t)
{
	return t->zone != NULL ||
	       (t->calendar.kind == CALENDAR_ONCE && t->calendar.fixed);
}

bool
schedule_time_next(const struct schedule_time *t, int64_t after, int64_t *ret)
{
	return calendar_next(
	    &t->calendar, t->zone != NULL ? t->zone : zone_time_find(""), after, ret);
}

static bool
blacked_out(const struct schedule_time *t, int64_t day)
{
	for (size_t i = 0; i < t->n_blackout; i++)
		if (day >= t->blackout[i].from && day <= t->blackout[i].to)
			return true;
	return false;
}

bool
schedule_time_left_out(const struct schedule_time *t, int64_t nominal)
{
	int64_t day = floor_div(nominal, DAY_US);
	int minute;

	/* A moment has another date at each site. */
	if (t->zone == NULL && schedule_time_fixed(t))
		return false;
	if (t->zone != NULL)
		zone_time_shown(t->zone, nominal, &day, &minute);
	return blacked_out(t, day);
}

void
schedule_time_window_at(const struct schedule_time *t, int64_t opens,
    const struct zone_time *site, struct schedule_time_window *ret)
{
	int64_t closes = opens + t->window, day, midnight;
	int minute;

	*ret = (struct schedule_time_window){.opens = opens, .closes = closes};
	if (t->n_blackout == 0)
		return;
	zone_time_shown(site, opens, &day, &minute);
	if (blacked_out(t, day)) {
		ret->closes = opens;
		return;
	}
	for (;;) {
		zone_time_moment(site, ++day, 0, &midnight, NULL);
		if (midnight >= closes)
			return;
		if (blacked_out(t, day)) {
			ret->closes = midnight;
			return;
		}
	}
}

void
schedule_time_at_site(const struct schedule_time *t, int64_t nominal,
    const struct zone_time *site, struct schedule_time_window *ret)
{
	int64_t opens = nominal;

	if (!schedule_time_fixed(t)) {
		int64_t day = floor_div(nominal, DAY_US);

		zone_time_moment(
		    site, day, (int)((nominal - day * DAY_US) / MINUTE_US), &opens, NULL);
	}
	schedule_time_window_at(t, opens, site, ret);
}

/* FNV-1a, with a last stir (MurmurHash3's finaliser), since its low bits follow those of the last octets. */
static uint64_t
mix(uint64_t h, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * UINT64_C(1099511628211);
	return h;
}

static uint64_t
hash(const char *schedule, int64_t nominal, const char *host)
{
	uint64_t h = UINT64_C(14695981039346656037);
	char at[8];

	for (int i = 0; i < 8; i++)
		at[i] = (char)((uint64_t)nominal >> (8 * i) & 0xff);
	for (; *schedule != '\0'; schedule++)
		h = mix(h, schedule, 1);
	h = mix(h, at, sizeof(at));
	for (; *host != '\0'; host++)
		h = mix(h, host, 1);
	h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
	h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 33;
}

int64_t
schedule_time_jitter(const struct schedule_time *t, const char *schedule, int64_t nominal,
    const char *host, const struct schedule_time_window *window)
{
	int64_t span = t->jitter, got = window->closes - window->opens;

	/* In whole seconds: what is left of a week times a week does not fit otherwise. */
	if (got < t->window)
		span = span / USEC_PER_SEC * (got / USEC_PER_SEC) /
		       (t->window / USEC_PER_SEC) * USEC_PER_SEC;
	if (span < USEC_PER_SEC)
		return 0;
	return (int64_t)(hash(schedule, nominal, host) %
			 (uint64_t)(span / USEC_PER_SEC)) *
	       USEC_PER_SEC;
}

/* The moment in from..to from which on the offset is another one than at `from`. */
static int64_t
change_between(const struct zone_time *z, int64_t from, int64_t to)
{
	int64_t before = zone_time_offset(z, from);

	while (to - from > MINUTE_US) {
		int64_t middle = from + (to - from) / 2;

		if (zone_time_offset(z, middle) == before)
			from = middle;
		else
			to = middle;
	}
	return to;
}

/* Runs within a day of a change. */
static enum zone_time_kind
odd_around(const struct schedule_time *t, const struct zone_time *site, int64_t change,
    int64_t *ret)
{
	int64_t at = change + zone_time_offset(site, change) * USEC_PER_SEC - DAY_US;
	int64_t end = at + 2 * DAY_US, moment;

	for (int n = 0; n < ODD_MAX; n++) {
		if (!calendar_next(&t->calendar, zone_time_find(""), at, &at) || at > end)
			break;
		int64_t day = floor_div(at, DAY_US);
		enum zone_time_kind kind = zone_time_moment(
		    site, day, (int)((at - day * DAY_US) / MINUTE_US), &moment, NULL);
		if (kind != ZONE_TIME_ONCE) {
			*ret = at;
			return kind;
		}
	}
	return ZONE_TIME_ONCE;
}

enum zone_time_kind
schedule_time_odd(const struct schedule_time *t, const struct zone_time *site,
    int64_t from, int64_t until, int64_t *ret)
{
	const struct calendar *c = &t->calendar;

	if ((c->kind == CALENDAR_CRON && c->cron.every_hour) ||
	    (c->kind == CALENDAR_ONCE && c->fixed))
		return ZONE_TIME_ONCE;
	for (int64_t at = from; at < until; at += WEEK_US) {
		enum zone_time_kind kind;

		if (zone_time_offset(site, at) == zone_time_offset(site, at + WEEK_US))
			continue;
		kind = odd_around(t, site, change_between(site, at, at + WEEK_US), ret);
		if (kind != ZONE_TIME_ONCE)
			return kind;
	}
	return ZONE_TIME_ONCE;
}
