/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The jobs under way. Whatever happens is posted here; once in a turn of the event loop
 * all of it is decided (run_fsm.c) and made durable in one transaction, and only then are
 * answers given and actions begun. */
#ifndef AGENT_RUN_JOBS_H
#define AGENT_RUN_JOBS_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/agent_config.h"
#include "agent/bmc.h"
#include "agent/preflight.h"
#include "agent/spool.h"
#include "lib/bootd_msg.h"
#include "lib/bundle.h"
#include "lib/event.h"
#include "lib/log.h"

struct run_jobs;

/* What the jobs ask of the rest of the agent. */
struct run_jobs_ops {
	/* Sends a host's entry; the number that bootd will acknowledge, or 0 while no
	 * table is in force (run_jobs_table_sent() comes when one is). */
	int64_t (*put_host)(
	    void *arg, const struct bundle_host *h, const struct bootd_msg_boot *b);
	/* Sends the site table's entry of that host, without a boot. */
	void (*restore_host)(void *arg, const char *host);
	void (*answer)(
	    void *arg, enum bootd_msg_type type, uint64_t req, const char *reason);
	/* The base URL for a host, or -errno with *err. */
	int (*url)(void *arg, const struct bundle_host *h, char *ret, size_t size,
	    struct error *err);
	/* The site as the newest table has it, borrowed. May be NULL: nothing is known of it. */
	const struct bundle_site *(*site)(void *arg);
	/* A job has been accepted for that host. May be NULL. */
	void (*accepted)(void *arg, const char *host);
	/* A job has come that far, durably. May be NULL. */
	void (*progress)(void *arg, const struct bundle *b, const struct run *run);
	/* Files of an image are not there, or not the ones that were ordered: *why may be told better. May be NULL. */
	void (*not_here)(void *arg, const struct bundle_image *image, struct error *why);
	/* What the orchestrator's clock shows: by it orders have an age, and windows open. May be NULL: as the one here. */
	int64_t (*time_there)(void *arg);
	/* Was the orchestrator asked, since this program began, what time it is and whether it knows more of this spool than the spool
	 * does, or can it not be asked? Until then no job for later begins. May be NULL: yes. */
	bool (*settled)(void *arg);
	/* A turn has been committed: there may be events to report. */
	void (*committed)(void *arg);
	/* Nothing can be recorded any more; without a code, it can again. May be NULL. */
	void (*trouble)(void *arg, const struct error *err);
};

struct run_jobs_deps {
	struct event_base *base;
	const struct log *log;
	const struct agent_config *cfg;
	struct spool *spool;
	struct rng *rng;
	struct bmc_engine *bmc;
	struct preflight *preflight;
	struct workq *names; /* for getaddrinfo() */
	struct host_ssh
	    *ssh; /* set by run_jobs_new(); NULL: hosts are not logged in on */
	const struct run_jobs_ops *ops;
	void *arg;
};

struct run_jobs *
run_jobs_new(const struct run_jobs_deps *deps);
void
run_jobs_free(struct run_jobs *js); /* NULL allowed */
/* Reads the unfinished jobs and goes on with them. */
int
run_jobs_recover(struct run_jobs *js, struct error *err) MUST_CHECK;

/* Jobs as ordered, made durable in one transaction; the bundles are taken. A known job is
 * accepted already. Refusals become job.refused. */
void
run_jobs_accept(struct run_jobs *js, struct bundle **list, size_t n);
/* Calls `fn` with the digest of each image file that an unfinished job needs, those that wait for their window too. */
void
run_jobs_files(struct run_jobs *js, void (*fn)(void *arg, const char *sha256), void *arg);
/* What orders are judged and numbered by: the orchestrator's clock, as far as it is known. */
int64_t
run_jobs_now(const struct run_jobs *js);
/* A job whose bundle could not be read. */
void
run_jobs_refuse(struct run_jobs *js, const char *job, const struct error *why);
void
run_jobs_cancel(struct run_jobs *js, const char *job, const char *by);
/* The same of a job that waits for its window or was never heard of; one that has begun goes on. */
void
run_jobs_cancel_unbegun(struct run_jobs *js, const char *job, const char *by);
/* Ends the jobs whose ticket is not used, at the word of `by`; `why` when what the runs
 * know of their machines does not hold any more, or NULL. The others cannot do harm. */
void
run_jobs_end_unused(struct run_jobs *js, const char *by, const struct error *why);

/* From bootd. */
void
run_jobs_on_event(struct run_jobs *js, const struct event *ev);
void
run_jobs_on_consume(struct run_jobs *js, const struct bootd_msg *m);
void
run_jobs_on_report(struct run_jobs *js, const struct bootd_msg *m);
void
run_jobs_on_ack(struct run_jobs *js, int64_t gen);
/* A new process is up and has no table yet: `then` runs when the jobs are ready for it. `by_logs`: it is the
 * site's own servers, whose logs are read on where they were left. */
void
run_jobs_on_bootd(struct run_jobs *js, bool by_logs, void (*then)(void *arg), void *arg);
/* It is gone, or could not start: the reason of jobs that wait for it in vain. */
void
run_jobs_bootd_down(struct run_jobs *js, const struct error *why);
/* The table is out: the entries of the jobs follow it. */
void
run_jobs_table_sent(struct run_jobs *js);
/* Keeps `value` under `key` in the spool, durable with all that was said before and not before it. */
void
run_jobs_mark(struct run_jobs *js, const char *key, const char *value);
/* From the BMC engine. */
void
run_jobs_on_note(struct run_jobs *js, const struct bmc_note *note);

/* The host's entry for the table: its boot in *ret_boot, and the host as the job's bundle
 * has it (borrowed); NULL when no job is at it. */
const struct bundle_host *
run_jobs_host(struct run_jobs *js, const char *host, struct bootd_msg_boot *ret_boot);
/* Does the table know, under that name, the machine of a job that was ordered under another one and
 * is past stage armed? bootd would take one of the two alone. Before, the job is the one to be
 * refused: nothing has been done to the machine yet. */
bool
run_jobs_has_machine(struct run_jobs *js, const struct bundle_host *host);
/* An event of the agent itself; *ev is taken. */
void
run_jobs_emit(struct run_jobs *js, struct event *ev, bool droppable);
/* Is a job under way on that host? */
bool
run_jobs_has_host(struct run_jobs *js, const char *host);
size_t
run_jobs_count(const struct run_jobs *js);

#endif
