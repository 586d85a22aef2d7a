/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What scheduler.c and scheduler_run.c share: a look at one schedule. */
#ifndef ORCHESTRATOR_SCHEDULER_PRIV_H
#define ORCHESTRATOR_SCHEDULER_PRIV_H

#include "orchestrator/schedule_plan.h"
#include "orchestrator/scheduler.h"

/* What is kept of runs, before the time that it is. */
#define SCHEDULER_KEEP_US (2LL * 366 * 24 * 3600 * USEC_PER_SEC)

struct scheduler {
	struct scheduler_ops ops;
	struct schedule_zones zones;
	int64_t last_wall;
	int64_t retry; /* after a failure, not before */
	bool
	    again; /* every schedule is asked whether its next run is the next one: after a start, and when a clock was set back */
	char *at;  /* up to which name that was done */
};

struct scheduler_look {
	struct scheduler *s;
	struct db_schedule row;
	int64_t stored_next; /* as the database has it */
	struct schedule_doc *doc;
	struct schedule_plan_zones zones;
	int64_t now;
};

/* The outcomes of runs. */
#define SCHEDULER_RAN "ran"
#define SCHEDULER_MISSED "missed"
#define SCHEDULER_PAUSED "paused"
#define SCHEDULER_SKIPPED "skipped"
#define SCHEDULER_BLACKOUT "blackout"
#define SCHEDULER_HELD "held"
#define SCHEDULER_BUSY "busy"
#define SCHEDULER_EMPTY "empty"
#define SCHEDULER_REFUSED "refused"

/* What has become of the run `nominal`, in a transaction of its own: the next is next, and is looked at at once. */
int
scheduler_run_conclude(struct scheduler_look *l, int64_t nominal, int64_t next,
    const char *outcome, const char *text) MUST_CHECK;
/* Begins the run with these hosts, whose windows are set, likewise. A refusal is an outcome, too. */
int
scheduler_run_begin(struct scheduler_look *l, const struct schedule_hosts *hosts,
    int64_t nominal, int64_t next, const char *text) MUST_CHECK;
/* May a run of so many hosts be begun? "", or the outcome that it has instead, with words. */
int
scheduler_run_may(struct scheduler *s, const struct schedule_doc *doc, size_t hosts,
    const char **ret_outcome, struct error *ret_why) MUST_CHECK;

#endif
