/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When the runs of a schedule are, and when each opens and closes at a site. Times are microseconds; docs/schedules.md has the rules.
 *
 * A run is one time of the schedule, its "nominal" time: what the clock on the wall shows at each site, as if that were UTC; or, of a
 * schedule that goes by a fixed zone or names a moment, that moment. */
#ifndef ORCHESTRATOR_SCHEDULE_TIME_H
#define ORCHESTRATOR_SCHEDULE_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/calendar.h"
#include "lib/compiler.h"

/* Days since 1970-01-01, both included. */
struct schedule_time_span {
	int64_t from, to;
};

struct schedule_time {
	struct calendar calendar;
	const struct zone_time *zone; /* NULL: each site's own */
	int64_t window, jitter;
	const struct schedule_time_span *blackout; /* borrowed */
	size_t n_blackout;
};

/* From opens to before closes; closes == opens: it does not open there. */
struct schedule_time_window {
	int64_t opens, closes;
};

/* The first run behind that nominal time. False: never again. */
bool
schedule_time_next(const struct schedule_time *t, int64_t after, int64_t *ret);
/* Is it one moment everywhere? */
bool
schedule_time_fixed(const struct schedule_time *t);
/* Is the run left out everywhere, for its date? */
bool
schedule_time_left_out(const struct schedule_time *t, int64_t nominal);
/* When it opens and closes at a site of that zone: by the first of two moments that show the time, and when the clock is put forward
 * over it, at that moment. It ends where a blackout begins there. */
void
schedule_time_at_site(const struct schedule_time *t, int64_t nominal,
    const struct zone_time *site, struct schedule_time_window *ret);
/* One that opens at that moment, whatever the calendar says. */
void
schedule_time_window_at(const struct schedule_time *t, int64_t opens,
    const struct zone_time *site, struct schedule_time_window *ret);
/* How much later than its site the host opens: always the same for the same run. `window` is its site's; of one that was cut, the jitter
 * is cut likewise. */
int64_t
schedule_time_jitter(const struct schedule_time *t, const char *schedule, int64_t nominal,
    const char *host, const struct schedule_time_window *window);
/* The first run behind the moment `from` and up to `until` whose time the clock of that zone skips or shows twice; *ret is what it
 * shows. ZONE_TIME_ONCE: none. Lines of every hour have none. */
enum zone_time_kind
schedule_time_odd(const struct schedule_time *t, const struct zone_time *site,
    int64_t from, int64_t until, int64_t *ret);

#endif
