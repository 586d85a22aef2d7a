/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An agent's events on their way into the record, in virtual time: reports are lost, repeated and
 * overtake each other, answers are lost, and the orchestrator crashes before its commit. For every
 * seed, whatever happens:
 *   - each event is stored once, in the agent's order, and none that was acknowledged is missing
 *   - a job that has ended never changes again, and ends as its last event says
 *   - every stage of every attempt has the state that the agent told last
 * SIM_SEEDS=N runs more seeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_agent.h"
#include "db/db_event.h"
#include "lib/json.h"
#include "lib/stage.h"
#include "lib/str.h"
#include "orchestrator/lifecycle.h"
#include "orchestrator/record.h"

enum { DEFAULT_SEEDS = 80, JOBS = 4, EVENTS_MAX = 400, FLIGHT_MAX = 16, NOW = 1000 };

static const char agent_id[] = "01k9xyz0a0abcdef";

/* Numbers [first, first + n) of the agent's events, on the wire. */
struct flight {
	int64_t first, n; /* n 0: slot free */
};

struct plan {
	char id[ID_SIZE];
	enum db_job_state end;
	int64_t attempts;
	/* What was told last of each stage of each attempt: NULL nothing. */
	const char *told[4][STAGE_COUNT];
};

struct world {
	struct rng rng;
	struct store *s;
	struct record_gap gap;
	int64_t mono;
	struct event log[EVENTS_MAX]; /* log[i] has number i + 1 */
	int64_t total, acked;
	struct plan jobs[JOBS];
	struct flight air[FLIGHT_MAX];
	int64_t seen_seq; /* while checking */
	int64_t verdicts; /* events of the orchestrator among them */
	bool judging;	  /* one was the last */
};

static bool
chance(struct world *w, unsigned percent)
{
	return rng_below(&w->rng, 100) < percent;
}

/* ---- what the agent did ---- */

static struct event *
tell(struct world *w, const char *kind, const struct plan *p)
{
	assert_true(w->total < EVENTS_MAX);
	struct event *ev = &w->log[w->total++];

	*ev = event_make(kind, NOW + w->total);
	if (p)
		str_clip(ev->job, sizeof(ev->job), p->id);
	return ev;
}

static void
tell_stage(struct world *w, struct plan *p, enum stage stage, const char *state)
{
	struct event *ev = tell(w, "job.stage", p);

	event_put(ev, "stage", stage_name(stage));
	event_put(ev, "state", state);
	event_put_i64(ev, "attempt", p->attempts);
	event_put(ev, "evidence", state);
	p->told[p->attempts][stage] = state;
}

/* One attempt; true when it went through to the end. */
static bool
run_attempt(struct world *w, struct plan *p)
{
	p->attempts++;
	event_put_i64(tell(w, "job.attempt", p), "attempt", p->attempts);
	for (enum stage g = STAGE_PREFLIGHT; g < STAGE_DONE; g++) {
		if (chance(w, 20)) {
			tell_stage(w, p, g, "skipped");
			continue;
		}
		tell_stage(w, p, g, "entered");
		if (chance(w, 10)) {
			tell_stage(w, p, g, "missed");
			return false;
		}
		tell_stage(w, p, g, "confirmed");
	}
	return true;
}

static void
run_job(struct world *w, struct plan *p)
{
	static const char *const ends[] = {[DB_JOB_DONE] = "job.done",
	    [DB_JOB_FAILED] = "job.failed",
	    [DB_JOB_CANCELLED] = "job.cancelled"};
	bool through = false;

	if (chance(w, 10)) {
		event_put(tell(w, "job.refused", p), "code", "spool-full");
		p->end = DB_JOB_FAILED;
		return;
	}
	tell(w, "job.accepted", p);
	while (!through && p->attempts < 3)
		through = run_attempt(w, p);
	p->end = through ? DB_JOB_DONE : chance(w, 50) ? DB_JOB_FAILED : DB_JOB_CANCELLED;
	tell(w, ends[p->end], p);
	if (chance(w, 30))
		tell(w, "job.accepted", p); /* too late: changes nothing */
}

static void
add_job(struct world *w, struct plan *p, unsigned n)
{
	struct db_job job = {.kind = "reinstall",
	    .site = "los",
	    .reason = "r",
	    .by = "ada",
	    .created = 1,
	    .stage = "queued"};

	id_make(n, &w->rng, p->id);
	str_clip(job.id, sizeof(job.id), p->id);
	assert_int_equal(str_format(job.host, sizeof(job.host), "h%u", n), 0);
	assert_int_equal(db_job_add(w->s, &job, "{}"), 0);
}

/* ---- the way there ---- */

static void
send_some(struct world *w)
{
	int64_t first = w->acked + 1, left = w->total - w->acked;

	/* Now and then something older, as after a restart of the agent from an old copy of its spool. */
	if (chance(w, 10) && w->acked > 0)
		first = 1 + (int64_t)rng_below(&w->rng, (uint64_t)w->acked);
	/* Or something later, as from an agent that does not wait. */
	else if (chance(w, 10) && left > 1)
		first += (int64_t)rng_below(&w->rng, (uint64_t)left);
	for (size_t i = 0; i < FLIGHT_MAX; i++) {
		if (w->air[i].n > 0)
			continue;
		int64_t most = w->total - first + 1;
		w->air[i].first = first;
		w->air[i].n =
		    1 + (int64_t)rng_below(&w->rng, (uint64_t)(most < 20 ? most : 20));
		return;
	}
}

static void
check_final(void *arg, const struct db_job *before, const struct db_job *after)
{
	(void)arg;
	assert_false(lifecycle_ended(before->state));
	assert_true(after->state >= before->state);
}

/* The orchestrator takes a report; a crash before the commit forgets all of it. */
static void
arrive(struct world *w, const struct flight *f)
{
	struct agent_msg_report m = {
	    .site = "los", .first = f->first, .n_events = (size_t)f->n};
	const struct record_ops ops = {.on_job = check_final};
	int64_t held = 0;

	str_clip(m.agent, sizeof(m.agent), agent_id);
	m.events = str_alloc(m.n_events * sizeof(m.events[0]));
	for (size_t i = 0; i < m.n_events; i++) {
		m.events[i] = w->log[f->first - 1 + (int64_t)i];
		json_incref(m.events[i].detail);
	}
	assert_int_equal(db_begin(store_db(w->s)), 0);
	assert_int_equal(record_take(w->s, &m, &w->gap,
			     (struct record_clock){NOW, w->mono}, &ops, &held),
	    0);
	if (chance(w, 15)) {
		db_rollback(store_db(w->s));
		w->gap = (struct record_gap){0};
	} else {
		assert_int_equal(db_commit(store_db(w->s)), 0);
		assert_true(held >= w->acked);
		if (chance(w, 75))
			w->acked = held;
	}
	agent_msg_report_done(&m);
}

static void
step(struct world *w)
{
	struct flight *f = &w->air[rng_below(&w->rng, FLIGHT_MAX)];

	w->mono += 1000;
	if (chance(w, 40))
		send_some(w);
	if (f->n == 0)
		return;
	struct flight now = *f;
	if (!chance(w, 25)) /* else it arrives again later */
		f->n = 0;
	if (chance(w, 80))
		arrive(w, &now);
}

/* ---- what must be there then ---- */

static int
check_event(void *arg, int64_t seq, const struct event *ev)
{
	struct world *w = arg;
	json_t *want, *have;

	assert_int_equal(seq, ++w->seen_seq);
	/* The orchestrator's own word on how a job ended, once, right before the agent's. */
	if (str_eq(ev->kind, "job.verdict")) {
		assert_false(w->judging);
		w->judging = true;
		w->verdicts++;
		return 0;
	}
	assert_true(seq - w->verdicts <= w->total);
	struct event copy = w->log[seq - w->verdicts - 1];
	assert_true(!w->judging || str_eq(ev->kind, "job.failed") ||
		    str_eq(ev->kind, "job.refused"));
	w->judging = false;
	str_clip(copy.site, sizeof(copy.site), "los");
	want = event_to_json(&copy);
	have = event_to_json(ev);
	assert_true(json_equal(want, have));
	json_decref(want);
	json_decref(have);
	return 0;
}

static void
check_stage(void *arg, const struct db_job_stage *g)
{
	struct plan *p = arg;
	enum stage stage;

	assert_int_equal(stage_parse(g->stage, &stage), 0);
	assert_non_null(p->told[g->attempt][stage]);
	assert_string_equal(g->state, p->told[g->attempt][stage]);
	p->told[g->attempt][stage] = NULL;
}

static void
check_job(struct world *w, struct plan *p)
{
	struct db_job job;

	assert_int_equal(db_job_get(w->s, p->id, &job), 0);
	assert_int_equal(job.state, p->end);
	assert_int_equal(job.attempt, p->attempts);
	assert_true(job.ended > NOW);
	assert_int_equal(db_job_stages(w->s, p->id, check_stage, p), 0);
	for (size_t a = 0; a < 4; a++)
		for (size_t g = 0; g < STAGE_COUNT; g++)
			assert_null(p->told[a][g]);
}

static void
run(uint64_t seed)
{
	struct world *w = str_alloc(sizeof(*w));
	const struct db_event_filter all = {.limit = INT64_MAX};
	struct error err;

	w->rng = rng_seeded(seed);
	assert_int_equal(store_open(":memory:", NOW, &w->s, &err), 0);
	assert_int_equal(db_agent_seen(w->s, agent_id, "los", NOW, 0), 0);
	for (unsigned i = 0; i < JOBS; i++) {
		add_job(w, &w->jobs[i], i);
		run_job(w, &w->jobs[i]);
	}
	/* The jobs of several hosts run side by side: their events are told interleaved. */
	for (int64_t i = w->total - 1; i > 0; i--) {
		int64_t k = i - 1;
		if (!str_eq(w->log[i].job, w->log[k].job) && chance(w, 50)) {
			struct event ev = w->log[i];
			w->log[i] = w->log[k];
			w->log[k] = ev;
		}
	}
	while (w->acked < w->total)
		step(w);
	assert_int_equal(db_event_list(w->s, &all, check_event, w), 0);
	assert_int_equal(w->seen_seq, w->total + w->verdicts);
	for (size_t i = 0; i < JOBS; i++)
		check_job(w, &w->jobs[i]);
	for (int64_t i = 0; i < w->total; i++)
		event_done(&w->log[i]);
	store_close(w->s);
	free(w);
}

static void
every_event_once_whatever_happens(void **state)
{
	const char *env = getenv("SIM_SEEDS");
	uint64_t seeds = env ? strtoull(env, NULL, 10) : DEFAULT_SEEDS;

	(void)state;
	for (uint64_t seed = 1; seed <= seeds; seed++)
		run(seed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_event_once_whatever_happens)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
