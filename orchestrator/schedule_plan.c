// SPDX-License-Identifier: GPL-3.0-or-later
/* Runs of a schedule beside the time that it is.
 *
 * Entry points: those of the header. Ownership: values. Failure modes: none.
 *
 * No clock is more than fourteen hours ahead of UTC's or twelve behind it, so that only runs of nearly two days around now are asked of
 * every zone; what lies before is over and what lies behind has not opened. */
#include "orchestrator/schedule_plan.h"

#include "lib/clock.h"

/* With an hour to spare for what a clock skips. */
#define AHEAD_US (15 * 3600 * USEC_PER_SEC)
#define BEHIND_US (13 * 3600 * USEC_PER_SEC)
#define DAY_US (24 * 3600 * USEC_PER_SEC)

/* How far back is looked for the last of many missed runs: 2 days, and 8 times as many each time. */
enum { TIMES = 8, DAYS_MAX = 10000 };

static bool
same_everywhere(const struct schedule_time *t)
{
	return schedule_time_fixed(t) && t->n_blackout == 0;
}

int64_t
schedule_plan_opens(
    const struct schedule_time *t, const struct schedule_plan_zones *z, int64_t nominal)
{
	return schedule_plan_opens_after(t, z, nominal, INT64_MIN);
}

int64_t
schedule_plan_opens_after(const struct schedule_time *t,
    const struct schedule_plan_zones *z, int64_t nominal, int64_t now)
{
	int64_t first = INT64_MAX;

	for (size_t i = 0; i < (schedule_time_fixed(t) ? 1 : z->n); i++) {
		struct schedule_time_window w;

		schedule_time_at_site(t, nominal, z->v[i], &w);
		if (w.opens > now && w.opens < first)
			first = w.opens;
	}
	return first;
}

bool
schedule_plan_over(const struct schedule_time *t, const struct schedule_plan_zones *z,
    int64_t nominal, int64_t now)
{
	int64_t latest = nominal + t->window;

	if (same_everywhere(t))
		return latest <= now;
	if (latest + (schedule_time_fixed(t) ? 0 : BEHIND_US) <= now)
		return true;
	if (nominal - AHEAD_US > now)
		return false;
	for (size_t i = 0; i < z->n; i++) {
		struct schedule_time_window w;

		schedule_time_at_site(t, nominal, z->v[i], &w);
		if (w.closes > now)
			return false;
	}
	return true;
}

bool
schedule_plan_upcoming(const struct schedule_time *t, const struct schedule_plan_zones *z,
    int64_t now, int64_t *ret)
{
	int64_t at = schedule_time_fixed(t) ? now : now - BEHIND_US;

	while (schedule_time_next(t, at, &at))
		if (schedule_plan_opens(t, z, at) > now) {
			*ret = at;
			return true;
		}
	return false;
}

/* Of many that are over, one of the last: they need not all be looked at. Not before `at`. */
static int64_t
one_of_the_last(const struct schedule_time *t, const struct schedule_plan_zones *z,
    int64_t at, int64_t now)
{
	int64_t late = now - t->window - BEHIND_US - AHEAD_US, found;

	for (int64_t days = 2; days < DAYS_MAX; days *= TIMES) {
		int64_t from = late - days * DAY_US;

		if (from <= at)
			break;
		if (schedule_time_next(t, from, &found) &&
		    schedule_plan_over(t, z, found, now) &&
		    !schedule_time_left_out(t, found))
			return found;
	}
	return at;
}

int64_t
schedule_plan_catch_up(const struct schedule_time *t, const struct schedule_plan_zones *z,
    int64_t first, int64_t now, struct schedule_plan_missed *ret)
{
	int64_t at = first;
	bool more = true;

	*ret = (struct schedule_plan_missed){.n = 0};
	for (int n = 1; more && schedule_plan_over(t, z, at, now); n++) {
		if (n == SCHEDULE_PLAN_MISSED_MAX) {
			int64_t last = one_of_the_last(t, z, at, now);

			ret->more = last > at;
			at = last;
		}
		if (!schedule_time_left_out(t, at)) {
			ret->n += ret->n < SCHEDULE_PLAN_MISSED_MAX;
			ret->last = at;
		}
		more = schedule_time_next(t, at, &at);
	}
	return more ? at : 0;
}
