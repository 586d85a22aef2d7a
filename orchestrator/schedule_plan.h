/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which of a schedule's runs is next, and which were missed, by the clocks of several zones. Pure. */
#ifndef ORCHESTRATOR_SCHEDULE_PLAN_H
#define ORCHESTRATOR_SCHEDULE_PLAN_H

#include "orchestrator/schedule_time.h"

/* Missed runs are counted up to this. */
enum { SCHEDULE_PLAN_MISSED_MAX = 100 };

struct schedule_plan_zones {
	const struct zone_time *const *v;
	size_t n; /* one at least */
};

/* When the run opens where it opens first. */
int64_t
schedule_plan_opens(
    const struct schedule_time *t, const struct schedule_plan_zones *z, int64_t nominal);
/* The first opening behind `now`; INT64_MAX: it has opened everywhere. */
int64_t
schedule_plan_opens_after(const struct schedule_time *t,
    const struct schedule_plan_zones *z, int64_t nominal, int64_t now);
/* Is it over everywhere? */
bool
schedule_plan_over(const struct schedule_time *t, const struct schedule_plan_zones *z,
    int64_t nominal, int64_t now);
/* The first run that has opened nowhere. False: there is none any more. */
bool
schedule_plan_upcoming(const struct schedule_time *t, const struct schedule_plan_zones *z,
    int64_t now, int64_t *ret);

struct schedule_plan_missed {
	int64_t n;    /* runs; those of blackouts are none */
	bool more;    /* than n */
	int64_t last; /* nominal */
};
/* From the run `first` on: what is over everywhere, and the first that is not, or 0. However much time has passed this ends soon. */
int64_t
schedule_plan_catch_up(const struct schedule_time *t, const struct schedule_plan_zones *z,
    int64_t first, int64_t now, struct schedule_plan_missed *ret);

#endif
