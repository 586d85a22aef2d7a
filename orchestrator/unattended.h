/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The clock of what is done without anybody looking on: when schedules and rollouts have their turn, and their doors to the rest of the program. */
#ifndef ORCHESTRATOR_UNATTENDED_H
#define ORCHESTRATOR_UNATTENDED_H

#include <event2/event.h>

#include "lib/event.h"
#include "orchestrator/dispatch.h"
#include "orchestrator/rollouts.h"
#include "orchestrator/scheduler.h"

struct unattended;

struct unattended_ops {
	struct event_base *base;
	const struct log *log;
	struct store *store;
	struct dispatch *dispatch;
	int64_t in_flight;		       /* hosts, of all rollouts together */
	int64_t approval_hosts, approval_lead; /* scheduler_ops */
	struct orders_context (*orders)(void *arg, int64_t wall);
	void (*on_events)(void *arg); /* after events were stored */
	void *arg;
};

/* Loads what is open. 0, or an errno of the database with *err. */
int
unattended_new(const struct unattended_ops *ops, struct unattended **ret,
    struct error *err) MUST_CHECK;
/* After dispatch_free(): nothing is answered any more. NULL allowed. */
void
unattended_free(struct unattended *u);
/* Something has changed: all have their turn, in a later turn of the loop. NULL allowed. */
void
unattended_wake(struct unattended *u);
/* An event was recorded. Does not use the store. NULL allowed. */
void
unattended_event(struct unattended *u, const struct event *ev);
struct rollouts *
unattended_rollouts(struct unattended *u);
struct scheduler *
unattended_scheduler(struct unattended *u);

#endif
