/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a recorded event adds to the counters. */
#ifndef ORCHESTRATOR_METRICS_EVENT_H
#define ORCHESTRATOR_METRICS_EVENT_H

#include "db/store.h"
#include "lib/event.h"
#include "orchestrator/metrics.h"

/* Once per event, after it was recorded. A job's end and its stages are looked up, by their keys. */
void
metrics_event(struct metrics *m, struct store *s, const struct event *ev, int64_t now);

/* Series that are looked for before anything happened begin at 0: a rate needs a number from before. */
void
metrics_event_begin(struct metrics *m);

#endif
