/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How late the event loop is. */
#ifndef ORCHESTRATOR_LOOP_WATCH_H
#define ORCHESTRATOR_LOOP_WATCH_H

#include <event2/event.h>

#include "orchestrator/metrics.h"

struct loop_watch;

struct loop_watch *
loop_watch_new(struct event_base *base, struct metrics *m);
void
loop_watch_free(struct loop_watch *w); /* NULL allowed */

#endif
