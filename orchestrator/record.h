/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An agent's report into the database, each event exactly once. No clock, no sockets, no logging:
 * what is worth telling goes out through struct record_ops. */
#ifndef ORCHESTRATOR_RECORD_H
#define ORCHESTRATOR_RECORD_H

#include "db/db_job.h"
#include "lib/agent_msg.h"
#include "orchestrator/agent_scope.h"

/* How long a gap in an agent's numbers is waited for. */
#define RECORD_GAP_US (60LL * USEC_PER_SEC)

/* A report that did not follow on, per agent; zero it to begin with. */
struct record_gap {
	int64_t first; /* its first number */
	int64_t since; /* mono */
};

/* Each member may be NULL. */
struct record_ops {
	/* An event changed a job. */
	void (*on_job)(
	    void *arg, const struct db_job *before, const struct db_job *after);
	/* An event that should have changed something did not. */
	void (*on_ignored)(
	    void *arg, int64_t number, const struct event *ev, const char *why);
	/* An event is not of the report's site, and was recorded as that. */
	void (*on_foreign)(void *arg, int64_t number, const struct event *note,
	    const struct agent_scope_finding *finding);
	/* Events that the agent had handed over are not here: numbers from..to. */
	void (*on_lost)(void *arg, int64_t from, int64_t to);
	size_t limit; /* events that are taken at a time; 0: all */
	void *arg;
};

struct record_clock {
	int64_t wall, mono;
};

/* Within a transaction, which the caller rolls back on error. The agent's row must be there. Takes
 * what is new of `m` (blank sites are filled in) and sets *ret_held to the highest number held
 * then, which is below the report's last one where there are more than ops->limit: take it again. A report that leaves numbers out is not taken, until the same gap has stood for
 * RECORD_GAP_US. What is not of the report's site changes nothing (agent_scope.h). 0 or an errno of the database. */
int
record_take(struct store *s, struct agent_msg_report *m, struct record_gap *gap,
    struct record_clock now, const struct record_ops *ops, int64_t *ret_held) MUST_CHECK;

#endif
