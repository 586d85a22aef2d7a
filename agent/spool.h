/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the agent must not forget: the site's table, jobs, tickets and the events that the
 * orchestrator has not yet acknowledged. One SQLite file; BMC passwords are sealed in it.
 *
 * All changes happen between spool_begin() and spool_commit(). After a failed commit
 * nothing of the transaction has happened, neither in the file nor in the counters. */
#ifndef AGENT_SPOOL_H
#define AGENT_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/run.h"
#include "lib/bundle.h"
#include "lib/compiler.h"
#include "lib/error.h"
#include "lib/event.h"
#include "lib/rng.h"
#include "lib/secret.h"

struct spool;

/* Both clocks at one moment. */
typedef void
spool_clocks_fn(int64_t *ret_wall, int64_t *ret_mono);

struct spool_opts {
	const char *path;	      /* ":memory:" for tests */
	const char *site;	      /* put into events that name none */
	const struct secret_key *key; /* borrowed */
	int64_t max_events;	      /* unsent ones; 0: 200000 */
	int64_t max_octets;	      /* of these; 0: 256 MB */
	spool_clocks_fn *clocks;      /* NULL: the machine's */
};

/* Codes: those of db_open() and db_migrate(). `now` and `rng` serve a new spool's id. */
int
spool_open(const struct spool_opts *opts, int64_t now, struct rng *rng,
    struct spool **ret, struct error *err) MUST_CHECK;
void
spool_close(struct spool *s); /* NULL allowed */
/* Of this spool, made with it: a lost spool is another agent. */
const char *
spool_id(const struct spool *s);
/* Has the orchestrator said that another agent is in charge of the site? Holds over a
 * restart, until it says otherwise. */
int
spool_is_replaced(struct spool *s, bool *ret) MUST_CHECK;
int
spool_set_replaced(struct spool *s, bool replaced) MUST_CHECK;

int
spool_begin(struct spool *s) MUST_CHECK;
int
spool_commit(struct spool *s) MUST_CHECK;
void
spool_rollback(struct spool *s);
/* A file of some size stands beside the spool, so that on a full disk there is room to
 * bring the jobs under way to their ends and to say what happened. spool_reserve() makes
 * it (again): 0, or -errno when there is no room, and then no new job may be taken.
 * spool_release() gives it up; false when there was none. While there is none, what room is
 * left is for the jobs: observations are only counted. */
int
spool_reserve(struct spool *s) MUST_CHECK;
bool
spool_release(struct spool *s);
/* Fills *err for a negative result of this file; code spool-full when the disk is. */
int
spool_error(struct spool *s, int rc, struct error *err, const char *doing);

/* Numbers and keeps an event. Above either limit, and without the reserve, observations
 * (`droppable`) are only counted and an event "spool.dropped" tells how many of what kind and
 * time, once there is room. An event "clock.step" goes before it when the clock was set. */
int
spool_put_event(struct spool *s, const struct event *ev, bool droppable) MUST_CHECK;
/* Observations that were lost before they came here, the last of them at `at`; told like those that are dropped. */
void
spool_count_dropped(struct spool *s, int64_t n, int64_t at);
/* Up to max events in order, and no more than the first of them that make `octets`, into ret[] (event_done() each);
 * returns their number, the number of the first in *ret_first. */
int
spool_load_events(struct spool *s, size_t max, size_t octets, struct event *ret,
    int64_t *ret_first) MUST_CHECK;
/* When the oldest of them was (wall, by this machine's clock then); 0: there is none. */
int
spool_oldest(struct spool *s, int64_t *ret_at) MUST_CHECK;
/* The orchestrator holds the events up to seq: they are not loaded any more, and of the past (spool_past.h); later ones
 * get higher numbers than that. */
int
spool_ack(struct spool *s, int64_t seq) MUST_CHECK;
int64_t
spool_last_seq(const struct spool *s);
int64_t
spool_pending(const struct spool *s);

/* Looks whether the clock was set, and journals that. Outside a transaction. */
int
spool_look_clock(struct spool *s) MUST_CHECK;
/* All steps that are journalled, added up, and how often the machine was restarted, since the spool was made. */
void
spool_clock_steps(const struct spool *s, int64_t *ret_stepped, int64_t *ret_restarts);

/* A new job: the bundle and its first run; origin "": of the orchestrator, "local": ordered at the site. -EEXIST when the
 * id is known. */
int
spool_put_job(struct spool *s, const struct bundle *b, const struct run *r,
    const char *origin, int64_t now) MUST_CHECK;
/* The run, and its ticket when it has one. An ended run loses its sealed password. */
int
spool_save_run(struct spool *s, const struct run *r, int64_t now) MUST_CHECK;
int
spool_put_ticket(struct spool *s, const struct run *r, const struct ticket *t) MUST_CHECK;
/* Remembers a job that will never run, so that a late repetition of the order finds it
 * known; a job that is known already is ended as it stands. */
int
spool_end_job(struct spool *s, const char *job, int64_t now) MUST_CHECK;
/* 1 known (also when ended long ago), 0 not, or -errno. */
int
spool_job_known(struct spool *s, const char *job) MUST_CHECK;
/* The run of a known job: 1, 0 when it is not kept any more, or -errno. */
int
spool_get_run(struct spool *s, const char *job, struct run *ret) MUST_CHECK;
/* Every job that has not ended. `fn` takes what *b owns; an unreadable row is told by
 * b == NULL and *err. */
typedef void
spool_job_fn(void *arg, const char *job, struct bundle *b, const struct run *r,
    const struct error *err);
int
spool_each_job(struct spool *s, spool_job_fn *fn, void *arg) MUST_CHECK;
/* Of jobs that ended before `before` keeps nothing but that they are known. */
int
spool_purge(struct spool *s, int64_t before) MUST_CHECK;

/* Replaces the site's table. */
int
spool_put_site(struct spool *s, const struct bundle_site *site) MUST_CHECK;
/* Its parts: what is no host, and one host. One that is not there is gone already. */
int
spool_put_head(struct spool *s, const struct bundle_site *site) MUST_CHECK;
int
spool_put_host(struct spool *s, const struct bundle_host *h) MUST_CHECK;
int
spool_del_host(struct spool *s, const char *name) MUST_CHECK;
/* The table without its hosts. 1 there, 0 none yet. */
int
spool_load_site(struct spool *s, struct bundle_site *ret, struct error *err) MUST_CHECK;
/* 1 with *ret filled, 0 unknown, -errno. */
int
spool_get_host(struct spool *s, const char *name, struct bundle_host *ret,
    struct error *err) MUST_CHECK;
/* The next host after `after` ("" first) by name: 1, 0 at the end, -errno. */
int
spool_next_host(struct spool *s, const char *after, struct bundle_host *ret,
    struct error *err) MUST_CHECK;

/* How far something was read: text by key, kept until it is put anew. */
enum { SPOOL_MARK_SIZE = 300 };
int
spool_put_mark(struct spool *s, const char *key, const char *value) MUST_CHECK;
/* 1 with *ret owned by the caller, 0 none yet, -errno. */
int
spool_get_mark(struct spool *s, const char *key, char **ret) MUST_CHECK;

/* Boots that no job ordered, still open. */
struct spool_boot {
	char host[BUNDLE_NAME_SIZE];
	char id[ID_SIZE];
	int64_t last; /* wall time of the last sign */
};
int
spool_put_boot(struct spool *s, const struct spool_boot *b) MUST_CHECK;
int
spool_del_boot(struct spool *s, const char *host) MUST_CHECK;
int
spool_each_boot(struct spool *s, void (*fn)(void *arg, const struct spool_boot *b),
    void *arg) MUST_CHECK;

#endif
