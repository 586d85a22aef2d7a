// SPDX-License-Identifier: GPL-3.0-or-later
/* A timer of one second, and how late the loop comes to it: what every request waits for while something else is done.
 * It sees all that holds the loop, also what no handler's time shows: a commit, a slow disk, a machine that is short of
 * processors.
 *
 * Entry point: loop_watch_new(). Ownership: its timer; the counters are borrowed. There are no failure modes. */
#include "orchestrator/loop_watch.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "lib/compiler.h"
#include "lib/str.h"

enum { EVERY_S = 1 };

struct loop_watch {
	struct metrics *metrics;
	struct event *timer;
	int64_t due; /* mono */
};

static void
arm(struct loop_watch *w)
{
	const struct timeval tv = {.tv_sec = EVERY_S};

	w->due = clock_mono() + EVERY_S * USEC_PER_SEC;
	evtimer_add(w->timer, &tv);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop_watch *w = arg;
	int64_t late = clock_mono() - w->due;

	(void)fd;
	(void)what;
	metrics_observe(w->metrics, METRICS_LOOP_LATE, NULL,
	    late > 0 ? (double)late / USEC_PER_SEC : 0);
	arm(w);
}

struct loop_watch *
loop_watch_new(struct event_base *base, struct metrics *m)
{
	struct loop_watch *w = str_alloc(sizeof(*w));

	w->metrics = m;
	w->timer = evtimer_new(base, on_timer, w);
	if (!w->timer)
		abort();
	arm(w);
	return w;
}

void
loop_watch_free(struct loop_watch *w)
{
	if (!w)
		return;
	event_free(w->timer);
	free(w);
}
