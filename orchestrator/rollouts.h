/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine that carries out rollouts: durable rows, what runs now, and what comes next. Times are wall microseconds. */
#ifndef ORCHESTRATOR_ROLLOUTS_H
#define ORCHESTRATOR_ROLLOUTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "db/db_rollout.h"
#include "lib/log.h"
#include "orchestrator/audit.h"
#include "orchestrator/orders.h"
#include "orchestrator/rollout_policy.h"

struct rollouts;

/* What became of gates that were asked. */
enum rollouts_gate_result {
	ROLLOUTS_GATE_PASSED,
	ROLLOUTS_GATE_FAILED, /* they were asked until the time was over, or cannot be asked of this host */
	ROLLOUTS_GATE_NOT_HEARD /* nobody could ask it: it says nothing of the host */
};

struct rollouts_ops {
	const struct log *log;
	struct store *store;
	int64_t in_flight; /* of all rollouts together */
	/* What orders need, at that time: also how long agents were silent, and what troubles them. */
	struct orders_context (*orders)(void *arg, int64_t wall);
	/* Has the site's agent ask the host until all checks, a list of texts that is referred to, hold at once, or for timeout_s; answered
	 * once, and never from within, by rollouts_gate_done() with that ticket. */
	void (*gate)(void *arg, uint64_t ticket, const char *site, const char *host,
	    json_t *checks, int64_t timeout_s);
	/* The site's agent has something to be told. */
	void (*wake)(void *arg, const char *site);
	/* A job changed other than by its agent. */
	void (*changed)(void *arg, const char *job);
	/* Events were stored. */
	void (*on_events)(void *arg);
	void *arg;
};

/* Loads what is open. 0, or an errno of the database with *err. */
int
rollouts_new(const struct rollouts_ops *ops, int64_t wall, struct rollouts **ret,
    struct error *err) MUST_CHECK;
void
rollouts_free(struct rollouts *r);

struct rollouts_host {
	const char *host, *site;
	int64_t opens, closes; /* closes 0: without end */
};

struct rollouts_request {
	/* What each host gets: members kind, image, action, graceful_s, force, hook of POST /jobs. Borrowed. */
	const json_t *work;
	const struct rollout_policy *policy;
	const char *hosts; /* the selector as it was given */
	const char *reason;
	const char *by;		   /* whose order it is: audit_who.name */
	const char *schedule;	   /* or NULL: by hand */
	int64_t nominal;	   /* or DB_ROLLOUT_NO_NOMINAL */
	int64_t skip_if_younger_s; /* 0: whatever their age */
	bool approval;		   /* a second person has to say yes */
	const struct rollouts_host *v;
	size_t n;
};

/* Of a drill only one host of each site is taken: leaves these in v, and in *n how many they are. Of other work all stay. 0, or an
 * errno of the database with *err. */
int
rollouts_drill_choose(struct store *s, const json_t *work, struct rollouts_host *v,
    size_t *n, struct error *err) MUST_CHECK;
/* The same of names, before their windows are known. */
int
rollouts_drill_names(struct store *s, const json_t *work, struct store_names *names,
    struct error *err) MUST_CHECK;
/* Does that work install systems anew? An image's kind is read. */
bool
rollouts_wipes(struct store *s, const json_t *work);
/* Does a second person have to approve of that work on so many hosts? `most`: so many need none. An image's kind is read. */
bool
rollouts_needs_approval(struct store *s, const json_t *work, size_t hosts, int64_t most);
/* Is it work that rollouts can do? -EINVAL with *err naming the member. */
int
rollouts_work_check(const json_t *work, const char *reason, struct error *err) MUST_CHECK;
/* Writes the rollout, its hosts in order, and the event `rollout.planned`. Within the caller's transaction; when that is committed
 * the caller calls rollouts_begun(). -EINVAL, or -EPERM (over-cap), with *err, or an errno of the database. */
int
rollouts_begin(struct rollouts *r, const struct rollouts_request *rq, int64_t wall,
    char ret_id[ID_SIZE], struct error *err) MUST_CHECK;
/* It is there: from the next tick on it is carried out. */
void
rollouts_begun(struct rollouts *r, const char *id, int64_t wall);
/* Jobs that were ordered all at once are a rollout, too: writes it with its hosts in state `job`. `id`: the rollout of the jobs.
 * Within the transaction of the jobs; then rollouts_begun(). */
int
rollouts_add_ordered(struct rollouts *r, const struct orders *o,
    const struct orders_request *rq, const char *by, int64_t wall,
    const char *id) MUST_CHECK;
/* A new rollout's id. */
int
rollouts_new_id(struct rollouts *r, int64_t wall, char ret_id[ID_SIZE]) MUST_CHECK;

/* Does what is to be done now, and returns when it wants to be called again (INT64_MAX: when something happens). It never does more in
 * a call than takes some milliseconds: what is left makes that time `wall`. */
int64_t
rollouts_tick(struct rollouts *r, int64_t wall);
/* These jobs have come to their ends, as the database has it. To be called for every job; what is not a rollout's is nothing to it. Told
 * again it changes nothing. Those of one rollout that follow on each other are one transaction. A tick should follow. */
void
rollouts_jobs_ended(struct rollouts *r, char *const *jobs, size_t n, int64_t wall);
/* Returns false for an answer that nobody waits for any more, or that could not be written: it is asked again, if it is wanted. */
bool
rollouts_gate_done(struct rollouts *r, uint64_t ticket, enum rollouts_gate_result result,
    const struct error *why, int64_t wall);

enum rollouts_verb {
	ROLLOUTS_PAUSE,
	ROLLOUTS_RESUME,
	ROLLOUTS_ABORT,
	ROLLOUTS_RETRY_FAILED,
	ROLLOUTS_APPROVE
};

/* What people do to one. Writes it with its event and audit row, in the caller's transaction; then rollouts_begun(), also when that
 * failed. `window_s`: hosts whose window is over have one of that length from now; 0: none. -ENOENT: no such rollout; -EPERM with
 * *err where its state, its windows or the person do not allow it. */
int
rollouts_do(struct rollouts *r, const char *id, enum rollouts_verb verb,
    const struct audit_who *who, const char *reason, int64_t window_s, int64_t wall,
    struct error *err) MUST_CHECK;

/* Why nothing may be begun at the site now; false: something may. */
bool
rollouts_site_held(
    struct rollouts *r, const char *site, int64_t wall, struct error *ret_why);
/* Hosts in flight, of all rollouts but those whose jobs were ordered all at once: these may be for a time that is to come. */
size_t
rollouts_in_flight(const struct rollouts *r);

#endif
