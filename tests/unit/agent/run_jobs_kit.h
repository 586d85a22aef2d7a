/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run_jobs.c, run_turn.c, run_orders.c and run_exec.c together, with a spool in memory, no bootd and no BMC. */
#ifndef TESTS_UNIT_AGENT_RUN_JOBS_KIT_H
#define TESTS_UNIT_AGENT_RUN_JOBS_KIT_H

#include "agent/run_jobs.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/run_priv.h"
#include "lib/clock.h"
#include "tests/unit/agent/job_fixture.h"

enum { EVENTS = 64 };

struct kit {
	char dir[64], path[96];
	struct event_base *base;
	struct log log;
	struct rng rng;
	struct secret_key *key;
	struct spool *spool;
	struct workq *workq;
	struct preflight *preflight;
	struct bmc_engine *bmc;
	struct agent_config cfg;
	struct run_jobs *jobs;
	int64_t ahead;	/* of the orchestrator's clock */
	bool unsettled; /* the orchestrator was not asked yet */
	int64_t gen;	/* of the next entry for bootd; 0: no table is in force */
	unsigned accepted, commits, answers, restored, puts;
	enum bootd_msg_type answer;
	char reason[256];
	struct event events[EVENTS];
	int n_events;
};

static inline int64_t
put_host(void *arg, const struct bundle_host *h, const struct bootd_msg_boot *b)
{
	struct kit *k = arg;

	(void)h;
	(void)b;
	k->puts++;
	return k->gen;
}

static inline void
restore_host(void *arg, const char *host)
{
	struct kit *k = arg;

	assert_string_equal(host, "edge01");
	k->restored++;
}

static inline void
answer(void *arg, enum bootd_msg_type type, uint64_t req, const char *reason)
{
	struct kit *k = arg;

	assert_int_equal(req, 42);
	k->answers++;
	k->answer = type;
	str_clip(k->reason, sizeof(k->reason), reason == NULL ? "" : reason);
}

static inline int
url(void *arg, const struct bundle_host *h, char *ret, size_t size, struct error *err)
{
	(void)arg;
	(void)h;
	(void)err;
	return str_copy(ret, size, "http://10.77.0.1");
}

static inline void
accepted(void *arg, const char *host)
{
	struct kit *k = arg;

	assert_true(run_jobs_has_host(k->jobs, host));
	k->accepted++;
}

static inline void
committed(void *arg)
{
	struct kit *k = arg;

	k->commits++;
}

static inline int64_t
time_there(void *arg)
{
	const struct kit *k = arg;

	return clock_wall() - k->ahead;
}

static inline bool
settled(void *arg)
{
	const struct kit *k = arg;

	return !k->unsettled;
}

static const struct run_jobs_ops kit_ops = {
    .put_host = put_host,
    .restore_host = restore_host,
    .answer = answer,
    .url = url,
    .accepted = accepted,
    .time_there = time_there,
    .settled = settled,
    .committed = committed,
};

static inline void
open_jobs(struct kit *k)
{
	struct run_jobs_deps deps = {.base = k->base,
	    .log = &k->log,
	    .cfg = &k->cfg,
	    .spool = k->spool,
	    .rng = &k->rng,
	    .bmc = k->bmc,
	    .preflight = k->preflight,
	    .ops = &kit_ops,
	    .arg = k};

	k->jobs = run_jobs_new(&deps);
}

static inline int
setup(void **state)
{
	struct kit *k = str_alloc(sizeof(*k));
	struct spool_opts spool = {.path = ":memory:", .site = "los"};
	struct error err;

	snprintf(k->dir, sizeof(k->dir), "/tmp/run_jobs_testXXXXXX");
	assert_non_null(mkdtemp(k->dir));
	assert_int_equal(chmod(k->dir, 0755), 0); /* bootd is to read images there */
	snprintf(k->path, sizeof(k->path), "%s/key", k->dir);
	assert_int_equal(secret_key_open(k->path, 1, &k->key, &err), 0);
	spool.key = k->key;
	k->base = event_base_new();
	k->log = log_init("test", LOG_LEVEL_ERROR);
	k->rng = rng_seeded(8);
	assert_int_equal(spool_open(&spool, 1, &k->rng, &k->spool, &err), 0);
	k->workq = workq_new(k->base, 1);
	k->preflight = preflight_new(k->workq, k->workq, k->dir, k->dir);
	k->bmc = bmc_engine_new(k->base, &k->log, &k->rng, NULL, &err);
	assert_non_null(k->bmc);
	k->cfg.max_jobs = 2;
	str_clip(k->cfg.scripts_root, sizeof(k->cfg.scripts_root), k->dir);
	open_jobs(k);
	*state = k;
	return 0;
}

static inline void
forget_events(struct kit *k)
{
	for (int i = 0; i < k->n_events; i++)
		event_done(&k->events[i]);
	k->n_events = 0;
}

static inline int
teardown(void **state)
{
	struct kit *k = *state;

	forget_events(k);
	run_jobs_free(k->jobs);
	bmc_engine_free(k->bmc);
	workq_free(k->workq);
	preflight_free(k->preflight);
	spool_close(k->spool);
	event_base_free(k->base);
	secret_key_free(k->key);
	unlink(k->path);
	assert_int_equal(rmdir(k->dir), 0);
	free(k);
	return 0;
}

static inline const struct event *
find_event(struct kit *k, const char *kind)
{
	int64_t first;

	forget_events(k);
	k->n_events = spool_load_events(k->spool, EVENTS, 1 << 20, k->events, &first);
	for (int i = 0; i < k->n_events; i++) {
		if (str_eq(k->events[i].kind, kind))
			return &k->events[i];
	}
	return NULL;
}

static inline const struct event *
await_event(struct kit *k, const char *kind)
{
	int64_t limit = clock_mono() + 60 * USEC_PER_SEC;
	const struct event *ev;

	while ((ev = find_event(k, kind)) == NULL && clock_mono() < limit)
		event_base_loop(k->base, EVLOOP_ONCE);
	if (ev == NULL)
		fail_msg("no event %s", kind);
	return ev;
}

static inline const char *
detail(const struct event *ev, const char *key)
{
	return json_string_value(json_object_get(ev->detail, key));
}

static inline void
accept_one(struct kit *k, struct bundle *b)
{
	run_jobs_accept(k->jobs, &b, 1);
}

static inline void
await_answers(struct kit *k, unsigned n)
{
	while (k->answers < n)
		event_base_loop(k->base, EVLOOP_ONCE);
}

#endif
