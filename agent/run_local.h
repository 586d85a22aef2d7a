/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Jobs that are ordered at the site itself, while the orchestrator cannot be reached. From their acceptance on they are
 * like any other; the event job.local, durable with them, tells the orchestrator of their beginning. */
#ifndef AGENT_RUN_LOCAL_H
#define AGENT_RUN_LOCAL_H

#include "agent/run_jobs.h"

struct run_local {
	int64_t uid;
	const char *user;
	/* Something that is to be durable with the jobs, or not at all; NULL: nothing. 0 or -errno. */
	int (*also)(void *arg, struct spool *spool);
	void *arg;
};

/* May a job for that host be begun now, together with so many of the same order? 0, or -errno with *err. */
int
run_local_may(struct run_jobs *js, const struct bundle *b, size_t with,
    struct error *err) MUST_CHECK;
/* All of them, each checked before, or none: durable when it returns 0. Else -errno of the spool. The bundles are taken. */
int
run_local_order(struct run_jobs *js, struct bundle **list, size_t n,
    const struct run_local *how) MUST_CHECK;
/* What was refused or cancelled here and is to be in the orchestrator's audit: "local.refused", "local.cancel". `detail` is
 * taken. */
void
run_local_tell(struct run_jobs *js, const char *kind, const char *host, const char *job,
    const char *reason, json_t *detail, const struct run_local *how);
/* The same of who looks and types at a console: "local.console", "local.typing", "local.console-end". Durable when it
 * returns 0, else -errno of the spool. */
int
run_local_record(struct run_jobs *js, const char *kind, const char *host, json_t *detail,
    const struct run_local *how) MUST_CHECK;

#endif
