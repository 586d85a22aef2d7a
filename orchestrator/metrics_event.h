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

#endif
