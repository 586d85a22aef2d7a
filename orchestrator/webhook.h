/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Webhooks: events told to other people's servers, each until it was taken (docs/operations.md). */
#ifndef ORCHESTRATOR_WEBHOOK_H
#define ORCHESTRATOR_WEBHOOK_H

#include <event2/event.h>
#include <jansson.h>

#include "db/store.h"
#include "lib/event.h"
#include "lib/log.h"
#include "lib/rng.h"
#include "orchestrator/metrics.h"
#include "orchestrator/webhook_config.h"

struct webhook;

enum { WEBHOOK_QUEUE_MAX = 10000 };

struct webhook_ops {
	struct event_base *base;
	const struct log *log;
	struct store *store;
	struct metrics *metrics;
	struct rng *rng;
	const struct webhook_config *list; /* borrowed; their secrets are read */
	size_t n;
	const char *page; /* the page's address for links, or NULL; borrowed */
	/* After events were stored. */
	void (*on_events)(void *arg);
	void *arg;
};

/* Forgets the queues of webhooks that are configured no more. */
int
webhook_new(
    const struct webhook_ops *ops, struct webhook **ret, struct error *err) MUST_CHECK;
void
webhook_free(struct webhook *w);

/* The number of the last event that was looked at; -1: none is remembered. */
int64_t
webhook_cursor(const struct webhook *w);
/* An event in order of its number; remembered until webhook_flush(). */
void
webhook_note(struct webhook *w, int64_t seq, const struct event *ev);
/* Makes what was noted durable, together with the number up to which events were looked at; keep false: forgets it.
 * 0, or an errno of the database and nothing was kept. */
int
webhook_flush(struct webhook *w, int64_t seq, bool keep) MUST_CHECK;
/* Forgets deliveries that were given up a month ago. */
void
webhook_prune(struct webhook *w);

/* How they stand; owned by the caller. NULL: the database cannot be read. */
json_t *
webhook_json(struct webhook *w);
struct webhook_queue {
	const char *name; /* borrowed from the configuration */
	int64_t queued;
	bool failing;
};
/* How long each one's queue is: fills at most `max`, returns how many. */
size_t
webhook_queues(const struct webhook *w, struct webhook_queue *ret, size_t max);

/* Sends one test event past the queue; `done` is called once, later. -ENOENT: no such webhook; -EBUSY: one is on its way. */
struct webhook_result {
	int status;	     /* 0: no answer */
	const char *error;   /* "" : it was taken */
	const char *id, *to; /* the delivery, and the receiver's origin */
	int64_t us;
};
typedef void
webhook_done(void *arg, const struct webhook_result *result);
bool
webhook_testing(
    const struct webhook *w, const char *name); /* -EBUSY would be the answer */
int
webhook_test(struct webhook *w, const char *name, const char *by, webhook_done *done,
    void *arg) MUST_CHECK;

#endif
