/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Followers of the event stream (server-sent events). */
#ifndef ORCHESTRATOR_FEED_H
#define ORCHESTRATOR_FEED_H

#include <event2/event.h>

#include "db/db_event.h"
#include "lib/log.h"
#include "lib/rest_server.h"

struct feed;

enum { FEED_FOLLOWERS_MAX = 1000 };

struct feed *
feed_new(struct event_base *base, const struct log *log, struct store *store);
void
feed_free(struct feed *f); /* ends all streams */
/* Starts a stream of what the filter (copied; limit ignored) lets through after filter->after.
 * -EMFILE with *err when there are too many; rq is then still to be answered. */
int
feed_follow(struct feed *f, struct rest_request *rq, const struct db_event_filter *filter,
    struct error *err) MUST_CHECK;
/* Events were stored: followers get theirs in the next turn of the loop. */
void
feed_wake(struct feed *f);
/* How many there are. */
size_t
feed_count(const struct feed *f);
/* One event as JSON with its `seq`; owned by the caller. */
json_t *
feed_event_json(int64_t seq, const struct event *ev);

#endif
