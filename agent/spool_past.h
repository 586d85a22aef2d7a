/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the spool still has of the past: events, told or not, and jobs, ended or not. For those who ask the agent itself. */
#ifndef AGENT_SPOOL_PAST_H
#define AGENT_SPOOL_PAST_H

#include "agent/spool.h"

struct spool_past_filter {
	const char *host, *job; /* one of them, or neither; NULL: all */
	int64_t after;		/* only later ones */
	int64_t limit;
};

/* In order; `fn` returns whether to go on. 0 or -errno. */
int
spool_past_events(struct spool *s, const struct spool_past_filter *f,
    bool (*fn)(void *arg, int64_t seq, const struct event *ev), void *arg) MUST_CHECK;
/* The number before the host's last n events. */
int
spool_past_back(struct spool *s, const char *host, int64_t n, int64_t *ret) MUST_CHECK;

/* A job that is kept, whatever became of it. Without the secrets of its BMC. */
struct spool_past_job {
	struct bundle bundle;
	struct run run;
	int64_t ended;	 /* 0: open */
	char origin[16]; /* "": of the orchestrator; "local" */
};
/* One that is not readable is left out. The newest first, with ids before `before` (NULL: from the newest), at most n. */
int
spool_past_jobs(struct spool *s, const char *before, int64_t n,
    void (*fn)(void *arg, const struct spool_past_job *job), void *arg) MUST_CHECK;
/* 1 with *ret, which the caller ends with spool_past_job_done(); 0: it is not kept; -errno. */
int
spool_past_job(struct spool *s, const char *id, struct spool_past_job *ret) MUST_CHECK;
/* The newest one that the host is, or was, busy with: not one that waits for its window, which holds no host. */
int
spool_past_job_of_host(
    struct spool *s, const char *host, struct spool_past_job *ret) MUST_CHECK;
void
spool_past_job_done(struct spool_past_job *job);

#endif
