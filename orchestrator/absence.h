/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Agents that fall silent, and come back, as events of their sites: agent.absent and agent.back. */
#ifndef ORCHESTRATOR_ABSENCE_H
#define ORCHESTRATOR_ABSENCE_H

#include <event2/event.h>

#include "db/store.h"
#include "lib/log.h"

struct absence;

struct absence_ops {
	struct event_base *base; /* NULL: the caller runs absence_look() */
	const struct log *log;
	struct store *store;
	/* Microseconds since the site's agent was heard; INT64_MAX: never. */
	int64_t (*silence)(void *arg, const char *site);
	/* After events were stored. */
	void (*on_events)(void *arg);
	void *arg;
};

/* How long agents have to be heard again after a start, before silence counts. */
#define ABSENCE_GRACE_US (60LL * USEC_PER_SEC)

struct absence *
absence_new(const struct absence_ops *ops, int64_t mono);
void
absence_free(struct absence *a); /* NULL allowed */
/* Looks at every site, and records what has changed since the last event about it. */
void
absence_look(struct absence *a, int64_t wall, int64_t mono);

#endif
