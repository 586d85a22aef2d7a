/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is seen of hosts' power, by jobs and by questions, in the record: a host that nobody of ours switched off gets a
 * boot record of its own, with trigger "power-off" and flag "power-off-seen". */
#ifndef ORCHESTRATOR_SIGHT_H
#define ORCHESTRATOR_SIGHT_H

#include "db/db_job.h"
#include "lib/event.h"
#include "orchestrator/lifecycle.h"

/* All within a transaction; 0 or an errno of the database. */

/* What an event of an agent, applied as `ch` says, means for its host's power. `job`: that of the event as it is
 * afterwards, or NULL. *ch: a boot that is about to begin loses its flag where an order has started the machine. */
int
sight_event(struct store *s, const struct event *ev, const struct db_job *job,
    struct lifecycle_change *ch, int64_t wall) MUST_CHECK;

/* A job that was ended here, with the event that tells so: what it has started may be seen later. */
int
sight_job_ended(struct store *s, const struct event *ev, const struct db_job *job,
    int64_t wall) MUST_CHECK;
/* The host itself was heard, so it is on. */
int
sight_wire(struct store *s, const struct event *ev, int64_t wall) MUST_CHECK;

/* What a BMC has answered to a question. */
struct sight_answer {
	const char *host, *site,
	    *address; /* the BMC asked; not that of the host any more: nothing is seen */
	int64_t port;
	const char *power; /* "on" or "off" */
	const char *how;   /* "asked by ann" */
};

int
sight_asked(struct store *s, const struct sight_answer *a, int64_t wall) MUST_CHECK;

#endif
