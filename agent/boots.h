/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Network boots of known hosts that no job ordered: each becomes a boot of its own
 * (planned false), so that history shows them. */
#ifndef AGENT_BOOTS_H
#define AGENT_BOOTS_H

#include <event2/event.h>

#include "agent/run_jobs.h"
#include "agent/spool.h"
#include "lib/event.h"
#include "lib/log.h"
#include "lib/rng.h"

struct boots;

struct boots_opts {
	struct event_base *base;
	const struct log *log;
	struct spool *spool;
	struct rng *rng;
	struct run_jobs *jobs; /* takes the events */
};

/* Everything is borrowed. Reads the open boots of an earlier life. */
struct boots *
boots_new(const struct boots_opts *opts);
void
boots_free(struct boots *b); /* NULL allowed */
/* An event of bootd about a host without a job; its boot is filled in. */
void
boots_on_event(struct boots *b, struct event *ev);
/* Ends boots of which nothing was heard for a while; called by a timer of its own. */
void
boots_look(struct boots *b, int64_t mono);
/* A job takes the host over. */
void
boots_on_job(struct boots *b, const char *host);

#endif
