/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Orders on many hosts that are carried out bit by bit, and what becomes of each host. */
#ifndef DB_DB_ROLLOUT_H
#define DB_DB_ROLLOUT_H

#include "db/store.h"
#include "lib/bundle.h"

/* Of a rollout that is no run of a schedule. */
#define DB_ROLLOUT_NO_NOMINAL INT64_MIN

enum db_rollout_state {
	DB_ROLLOUT_WAITING_APPROVAL, /* a second person has to say yes */
	DB_ROLLOUT_PLANNED,	     /* no window of it is open yet */
	DB_ROLLOUT_RUNNING,
	DB_ROLLOUT_PAUSED, /* somebody holds it */
	DB_ROLLOUT_HALTED, /* it holds itself: what was left is deferred */
	DB_ROLLOUT_DONE,
	DB_ROLLOUT_ABORTED,
	DB_ROLLOUT_STATES,
};

enum db_rollout_host_state {
	DB_ROLLOUT_HOST_WAITING,
	DB_ROLLOUT_HOST_GATE_BEFORE,
	DB_ROLLOUT_HOST_JOB,
	DB_ROLLOUT_HOST_GATE_AFTER,
	DB_ROLLOUT_HOST_SOAK,
	/* Final, and nothing is in flight any more: */
	DB_ROLLOUT_HOST_OK,
	DB_ROLLOUT_HOST_FAILED,
	DB_ROLLOUT_HOST_SKIPPED,
	DB_ROLLOUT_HOST_DEFERRED,
	DB_ROLLOUT_HOST_LOST, /* it had a job, and its site is not heard any more */
	DB_ROLLOUT_HOST_STATES,
};

const char *
db_rollout_state_name(enum db_rollout_state state);
int
db_rollout_state_parse(const char *s, enum db_rollout_state *ret) MUST_CHECK;
const char *
db_rollout_host_state_name(enum db_rollout_host_state state);
int
db_rollout_host_state_parse(const char *s, enum db_rollout_host_state *ret) MUST_CHECK;

struct db_rollout {
	char id[ID_SIZE];
	char schedule[BUNDLE_NAME_SIZE]; /* "": by hand */
	int64_t nominal;		 /* or DB_ROLLOUT_NO_NOMINAL */
	char kind[16];
	char *doc;   /* what each host gets, and how, as JSON; owned */
	char *hosts; /* the selector as it was given; owned */
	char reason[BUNDLE_REASON_SIZE];
	char by[64];
	int64_t created;
	enum db_rollout_state state;
	struct error why; /* it halted, was paused or aborted; code "": none */
	int64_t changed;
	char changed_by[64];   /* "": nobody */
	int64_t opens, closes; /* closes 0: without end */
	int64_t started;       /* 0: not yet */
	int64_t ended;	       /* 0: it may still begin something, or something runs */
	int64_t approved_at;
	char approved_by[64];
	int64_t forgiven; /* failures that whoever resumed it has taken into account */
};

struct db_rollout_host {
	int64_t n; /* its place in the order, from 0 */
	char host[BUNDLE_NAME_SIZE];
	char site[64];
	int64_t batch; /* from 1 */
	int64_t opens, closes;
	enum db_rollout_host_state state;
	int64_t step; /* which of the jobs that each host gets in turn, from 0 */
	char job[ID_SIZE];
	int64_t since;
	struct error why; /* code "": none */
};

struct db_rollout_filter {
	const char *schedule; /* NULL: all */
	const char *state;    /* NULL: all */
	const char *before;   /* id: only older ones; NULL: from the newest */
	int64_t limit;
};

int
db_rollout_add(struct store *s, const struct db_rollout *r) MUST_CHECK;
/* The caller runs db_rollout_done(). -ENOENT. */
int
db_rollout_get(struct store *s, const char *id, struct db_rollout *ret) MUST_CHECK;
void
db_rollout_done(struct db_rollout *r);
/* Writes state, why, changed*, opens, closes, started, ended, approved* and forgiven. */
int
db_rollout_update(struct store *s, const struct db_rollout *r) MUST_CHECK;
/* Ids of those that have not ended, the oldest first. */
int
db_rollout_open(struct store *s, struct store_names *ret) MUST_CHECK;
/* Ids, newest first. */
int
db_rollout_ids(struct store *s, const struct db_rollout_filter *f,
    struct store_names *ret) MUST_CHECK;
/* The newest of all, or of a schedule (else NULL); -ENOENT: none. */
int
db_rollout_last(struct store *s, const char *schedule, char ret_id[ID_SIZE]) MUST_CHECK;
/* Who changed the schedule last; -ENOENT: it is gone. */
int
db_rollout_orderer(
    struct store *s, const char *schedule, char *ret, size_t size) MUST_CHECK;

int
db_rollout_host_add(
    struct store *s, const char *rollout, const struct db_rollout_host *h) MUST_CHECK;
/* Writes opens, closes, state, step, job, since and why. */
int
db_rollout_host_put(
    struct store *s, const char *rollout, const struct db_rollout_host *h) MUST_CHECK;
int
db_rollout_host_get(struct store *s, const char *rollout, int64_t n,
    struct db_rollout_host *ret) MUST_CHECK;
/* In order of n, after `after` (-1: from the first), at most `limit`; state NULL: all. `each` must not use the store. */
int
db_rollout_hosts(struct store *s, const char *rollout, const char *state, int64_t after,
    int64_t limit, void (*each)(void *arg, const struct db_rollout_host *h),
    void *arg) MUST_CHECK;
/* How many hosts are in each state. */
int
db_rollout_counts(
    struct store *s, const char *rollout, int64_t ret[DB_ROLLOUT_HOST_STATES]) MUST_CHECK;
/* The batch of the first host that is not final, 0: there is none; and how many batches there are. */
int
db_rollout_batches(
    struct store *s, const char *rollout, int64_t *ret_n, int64_t *ret_of) MUST_CHECK;
/* Whose job is it? -ENOENT: no rollout's, or not its last one. */
int
db_rollout_of_job(
    struct store *s, const char *job, char ret_id[ID_SIZE], int64_t *ret_n) MUST_CHECK;
/* Puts the hosts in that state back to waiting, from the first of their jobs, and nothing is said of them any more. Where closes > 0,
 * those whose window is over have another one, from `now` until then. */
int
db_rollout_again(struct store *s, const char *rollout, enum db_rollout_host_state state,
    int64_t now, int64_t closes) MUST_CHECK;
/* Of how many hosts in that state is the window over? */
int
db_rollout_over(struct store *s, const char *rollout, enum db_rollout_host_state state,
    int64_t now, int64_t *ret) MUST_CHECK;
/* How long the host's newest job of that kind took that was done, from its first attempt on (microseconds); -ENOENT: none was. */
int
db_rollout_took(
    struct store *s, const char *host, const char *kind, int64_t *ret) MUST_CHECK;
/* The value that each of its hosts has of a label; not those without it. `each` must not use the store. */
int
db_rollout_labels(struct store *s, const char *rollout, const char *key,
    void (*each)(void *arg, int64_t n, const char *value), void *arg) MUST_CHECK;

#endif
