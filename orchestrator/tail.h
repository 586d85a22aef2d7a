/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whoever wants to see every event once it is recorded, whoever recorded it: counters, webhooks and what carries out rollouts. */
#ifndef ORCHESTRATOR_TAIL_H
#define ORCHESTRATOR_TAIL_H

#include <event2/event.h>

#include "db/store.h"
#include "lib/log.h"
#include "orchestrator/metrics.h"
#include "orchestrator/webhook.h"

struct tail;

struct tail_ops {
	struct event_base *base;
	const struct log *log;
	struct store *store;
	struct metrics *metrics;
	struct webhook *webhook;
	/* Each event of this process, once. It must not use the store. */
	void (*each)(void *arg, const struct event *ev);
	void *arg;
};

/* Begins with the events that come from now on, for webhooks with those that they have not seen. */
int
tail_new(const struct tail_ops *ops, struct tail **ret, struct error *err) MUST_CHECK;
void
tail_free(struct tail *t);
/* Events were stored, or are about to be: looked at in a later turn of the loop. */
void
tail_wake(struct tail *t);

#endif
