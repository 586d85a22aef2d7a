/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules of a rollout one by one. A look is carried out as if every order were taken, and written down in a line. */
#include "orchestrator/rollout_step.h"

#include "fixture.h"
#include "lib/clock.h"
#include "orchestrator/rollout_plan.h"

enum { LINE = 1024, HOSTS = 12 };

#define S USEC_PER_SEC
#define T0 FIXTURE_NOW

struct world {
	struct rollout_step r;
	char line[LINE];
	bool held[HOSTS], silent[HOSTS]; /* sites */
	bool unsettled;
	int64_t room, when;
	char refuse[HOSTS]; /* hosts whose order has to wait */
};

static bool
may(void *arg, uint32_t site)
{
	const struct world *w = arg;

	return !w->held[site];
}

static bool
heard(void *arg, uint32_t site)
{
	const struct world *w = arg;

	return !w->silent[site];
}

static void
say(struct world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
say(struct world *w, const char *fmt, ...)
{
	size_t n = strlen(w->line);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->line + n, LINE - n, fmt, ap);
	va_end(ap);
}

static void
carry_out(struct world *w, const struct rollout_step_action *a, int64_t wall)
{
	struct rollout_step *r = &w->r;

	switch (a->what) {
	case ROLLOUT_STEP_STATE:
		say(w, "%s%s%s ", db_rollout_state_name(a->state),
		    a->why.code[0] ? ":" : "", a->why.code);
		r->state = a->state;
		break;
	case ROLLOUT_STEP_BATCH: say(w, "batch%u ", r->v[a->i].batch); break;
	case ROLLOUT_STEP_ASK:
		say(w, "ask%zu ", a->i);
		r->v[a->i].asked = true;
		break;
	case ROLLOUT_STEP_JOB:
		if (w->refuse[a->i]) {
			say(w, "refused%zu ", a->i);
			rollout_step_later(r, a->i, wall);
			break;
		}
		say(w, "job%zu ", a->i);
		rollout_step_set(r, a->i, DB_ROLLOUT_HOST_JOB, wall);
		r->v[a->i].has_job = true;
		break;
	case ROLLOUT_STEP_HOST:
		say(w, "%s%zu%s%s ", db_rollout_host_state_name(a->host), a->i,
		    a->why.code[0] ? ":" : "", a->why.code);
		rollout_step_set(r, a->i, a->host, wall);
		r->v[a->i].step = a->step;
		r->v[a->i].bad = a->bad;
		r->v[a->i].has_job = false;
		break;
	case ROLLOUT_STEP_ENDED:
		say(w, "ended ");
		r->ended = true;
		break;
	}
}

static const char *
look(struct world *w, int64_t wall)
{
	struct rollout_step_scan s = {
	    .wall = wall, .room = w->room, .may = may, .heard = heard, .arg = w};
	s.unsettled = w->unsettled;
	struct rollout_step_action a;

	w->line[0] = '\0';
	rollout_step_begin(&w->r, &s);
	for (int n = 0; rollout_step_next(&w->r, &s, &a); n++) {
		size_t before = w->r.in_flight;
		assert_true(n < 1000);
		carry_out(w, &a, wall);
		s.room -= (int64_t)w->r.in_flight - (int64_t)before;
	}
	w->when = s.when;
	if (w->line[0])
		w->line[strlen(w->line) - 1] = '\0';
	return w->line;
}

/* Host i is at site i % sites; windows from T0 until `closes`. */
static struct world *
make(const char *policy, size_t n, size_t sites, int64_t closes)
{
	struct world *w = str_alloc(sizeof(*w));
	struct rollout_step *r = &w->r;
	json_t *v = fixture_json(policy);

	assert_int_equal(rollout_policy_from_json(v, &r->policy, NULL), 0);
	json_decref(v);
	int64_t size = rollout_policy_batch(&r->policy, (int64_t)n);
	r->v = str_alloc(n * sizeof(r->v[0]));
	r->n = n;
	r->n_sites = sites;
	r->in_site = str_alloc(sites * sizeof(uint32_t));
	r->steps = 1;
	r->opens = T0;
	r->state = DB_ROLLOUT_RUNNING;
	for (size_t i = 0; i < n; i++) {
		int64_t k = (int64_t)i - r->policy.canary;
		r->v[i] = (struct rollout_step_host){.opens = T0,
		    .closes = closes,
		    .since = T0,
		    .site = (uint32_t)(i % sites),
		    .batch =
			k < 0 ? 1 : (uint32_t)(1 + (r->policy.canary > 0) + k / size)};
	}
	for (size_t k = 0; k < r->policy.n_labels; k++) {
		r->label[k].group = str_alloc(n * sizeof(uint32_t));
		r->label[k].in_flight = str_alloc(n * sizeof(uint32_t));
		r->label[k].n = 2;
		for (size_t i = 0; i < n; i++)
			r->label[k].group[i] =
			    i == 4 ? (uint32_t)ROLLOUT_STEP_NO_GROUP : i % 2;
	}
	w->room = 1000;
	rollout_step_init(r);
	return w;
}

static void
drop(struct world *w)
{
	rollout_step_done(&w->r);
	free(w);
}

static void
apply(struct world *w, bool act, const struct rollout_step_action *a, int64_t wall)
{
	w->line[0] = '\0';
	if (act)
		carry_out(w, a, wall);
}

static void
ends(struct world *w, size_t i, const char *code, int64_t wall)
{
	struct rollout_step_action a;
	struct error why = {.code = ""};

	str_clip(why.code, sizeof(why.code), code);
	apply(w,
	    rollout_step_job_end(&w->r, i,
		code[0] ? rollout_step_outcome(code) : ROLLOUT_STEP_DONE, &why, &a),
	    &a, wall);
}

static void
answers(struct world *w, size_t i, bool passed, int64_t wall)
{
	struct rollout_step_action a;
	struct error why = {.code = "gate-failed"};

	apply(w, rollout_step_gate_end(&w->r, i, passed, &why, &a), &a, wall);
}

#define EXPECT(w, at, text) assert_string_equal(look(w, at), text)

static void
the_canary_comes_first_and_alone(void **state)
{
	struct world *w = make("{'canary':1,'batch':2,'per_site':9}", 5, 5, 0);

	(void)state;
	EXPECT(w, T0, "batch1 job0");
	EXPECT(w, T0 + S, "");
	ends(w, 0, "", T0 + 2 * S);
	EXPECT(w, T0 + 2 * S, "batch2 job1 job2");
	ends(w, 1, "", T0 + 3 * S);
	EXPECT(w, T0 + 3 * S, "");
	ends(w, 2, "", T0 + 4 * S);
	EXPECT(w, T0 + 4 * S, "batch3 job3 job4");
	ends(w, 3, "", T0 + 5 * S);
	ends(w, 4, "", T0 + 5 * S);
	EXPECT(w, T0 + 5 * S, "done ended");
	drop(w);
}

static void
a_failed_canary_halts_at_once(void **state)
{
	struct world *w = make("{'canary':1,'max_fail':9}", 3, 3, 0);

	(void)state;
	EXPECT(w, T0, "batch1 job0");
	ends(w, 0, "stage-timeout", T0 + S);
	assert_string_equal(w->line, "failed0:stage-timeout ");
	EXPECT(w, T0 + S, "halted:canary-failed deferred1 deferred2 ended");
	drop(w);
}

/* One that was left out proves nothing. */
static void
a_canary_that_did_not_run_is_replaced(void **state)
{
	struct world *w = make("{'canary':1,'per_site':9}", 4, 4, 0);

	(void)state;
	rollout_step_set(&w->r, 0, DB_ROLLOUT_HOST_SKIPPED, T0);
	EXPECT(w, T0, "batch2 job1");
	ends(w, 1, "", T0 + S);
	EXPECT(w, T0 + S, "job2 job3");
	drop(w);
}

static void
caps_hold(void **state)
{
	struct world *w = make("{'max_in_flight':3,'per_site':9}", 5, 5, 0);

	(void)state;
	EXPECT(w, T0, "batch1 job0 job1 job2");
	ends(w, 1, "", T0);
	EXPECT(w, T0, "job3");
	drop(w);
	w = make("{'max_in_flight':9,'per_site':2}", 6, 2, 0);
	EXPECT(w, T0, "batch1 job0 job1 job2 job3");
	ends(w, 2, "", T0);
	EXPECT(w, T0, "job4");
	drop(w);
	/* Host 4 has no such label. */
	w = make("{'max_in_flight':9,'per_label':{'rack':1}}", 6, 6, 0);
	EXPECT(w, T0, "batch1 job0 job1 job4");
	ends(w, 0, "", T0);
	EXPECT(w, T0, "job2");
	drop(w);
	/* What others have left. */
	w = make("{'max_in_flight':9}", 6, 6, 0);
	w->room = 2;
	EXPECT(w, T0, "batch1 job0 job1");
	w->room = 0;
	EXPECT(w, T0, "");
	assert_int_equal(w->when, T0 + ROLLOUT_STEP_LOOK_US);
	drop(w);
}

static void
the_budget_halts_and_what_runs_is_finished(void **state)
{
	struct world *w = make("{'max_fail':2,'max_in_flight':3}", 6, 6, 0);

	(void)state;
	EXPECT(w, T0, "batch1 job0 job1 job2");
	ends(w, 0, "x", T0);
	EXPECT(w, T0, "job3");
	ends(w, 1, "x", T0);
	EXPECT(w, T0, "halted:budget-spent deferred4 deferred5");
	assert_false(w->r.ended);
	ends(w, 2, "", T0);
	assert_string_equal(w->line, "ok2 ");
	ends(w, 3, "x", T0);
	EXPECT(w, T0, "ended");
	/* Resumed: these were taken into account. */
	w->r.forgiven = 3;
	w->r.ended = false;
	w->r.state = DB_ROLLOUT_RUNNING;
	rollout_step_set(&w->r, 4, DB_ROLLOUT_HOST_WAITING, T0);
	rollout_step_set(&w->r, 5, DB_ROLLOUT_HOST_WAITING, T0);
	EXPECT(w, T0, "job4 job5");
	ends(w, 4, "x", T0);
	ends(w, 5, "", T0);
	EXPECT(w, T0, "done ended");
	drop(w);
}

static void
windows_end_host_by_host(void **state)
{
	struct world *w = make("{'max_in_flight':1}", 3, 3, T0 + 100 * S);

	(void)state;
	w->r.v[2].closes = T0 + 300 * S;
	w->r.v[2].opens = T0 + 200 * S;
	rollout_step_init(&w->r);
	EXPECT(w, T0 - S, "");
	assert_int_equal(w->when, T0);
	EXPECT(w, T0, "batch1 job0");
	assert_int_equal(w->when, T0 + 100 * S);
	EXPECT(w, T0 + 100 * S, "deferred1");
	ends(w, 0, "", T0 + 110 * S);
	EXPECT(w, T0 + 110 * S, "");
	assert_int_equal(w->when, T0 + 200 * S);
	EXPECT(w, T0 + 200 * S, "job2");
	ends(w, 2, "window-missed", T0 + 300 * S);
	assert_string_equal(w->line, "deferred2:window-missed ");
	EXPECT(w, T0 + 300 * S, "halted:window-over ended");
	drop(w);
}

static void
gates_before_and_after_and_at_the_end_of_the_soak(void **state)
{
	struct world *w = make("{'gates':['icmp'],'soak_s':60}", 1, 1, T0 + 1000 * S);

	(void)state;
	EXPECT(w, T0, "batch1 gate-before0 ask0");
	EXPECT(w, T0, "");
	answers(w, 0, true, T0 + S);
	EXPECT(w, T0 + S, "job0");
	ends(w, 0, "", T0 + 2 * S);
	assert_string_equal(w->line, "gate-after0 ");
	EXPECT(w, T0 + 2 * S, "ask0");
	answers(w, 0, true, T0 + 3 * S);
	assert_string_equal(w->line, "soak0 ");
	EXPECT(w, T0 + 3 * S, "");
	assert_int_equal(w->when, T0 + 63 * S);
	/* The clock is set back: it soaks no longer for that. */
	EXPECT(w, T0 - 3600 * S, "");
	assert_int_equal(w->when, T0 - 3540 * S);
	EXPECT(w, T0 + 63 * S, "ask0");
	answers(w, 0, false, T0 + 64 * S);
	assert_string_equal(w->line, "failed0:gate-failed ");
	EXPECT(w, T0 + 64 * S, "halted:budget-spent ended");
	drop(w);
	w = make("{'soak_s':60}", 1, 1, 0);
	EXPECT(w, T0, "batch1 job0");
	ends(w, 0, "", T0);
	EXPECT(w, T0 + 59 * S, "");
	EXPECT(w, T0 + 60 * S, "ok0 done ended");
	drop(w);
}

/* It was removed from the inventory before it was touched: nothing of it is wrong. */
static void
a_host_that_left_before_its_gates_is_no_failure(void **state)
{
	const struct error why = {.code = "host-unknown", .text = "host h0 was removed"};
	struct rollout_step_action a;
	struct world *w = make("{'gates':['icmp']}", 2, 1, T0 + 1000 * S);

	(void)state;
	EXPECT(w, T0, "batch1 gate-before0 ask0");
	w->line[0] = '\0';
	apply(w, rollout_step_gate_end(&w->r, 0, false, &why, &a), &a, T0 + S);
	assert_string_equal(w->line, "skipped0:host-unknown ");
	EXPECT(w, T0 + S, "gate-before1 ask1");
	drop(w);
}

static void
a_clock_that_is_set_back_takes_back_what_has_not_begun(void **state)
{
	struct world *w = make("{'gates':['icmp']}", 1, 1, T0 + 1000 * S);

	(void)state;
	EXPECT(w, T0, "batch1 gate-before0 ask0");
	EXPECT(w, T0 - 3600 * S, "waiting0");
	answers(w, 0, true, T0 - 3600 * S);
	assert_string_equal(w->line, "");
	EXPECT(w, T0 - 3599 * S, "");
	EXPECT(w, T0 + 60 * S, "gate-before0 ask0");
	drop(w);
}

static void
what_has_not_begun_is_held_with_the_rollout(void **state)
{
	struct world *w =
	    make("{'gates':['icmp'],'max_in_flight':2}", 2, 2, T0 + 100 * S);

	(void)state;
	EXPECT(w, T0, "batch1 gate-before0 ask0 gate-before1 ask1");
	w->r.state = DB_ROLLOUT_PAUSED;
	EXPECT(w, T0, "waiting0 waiting1");
	answers(w, 0, true, T0);
	assert_string_equal(w->line, "");
	w->r.state = DB_ROLLOUT_RUNNING;
	EXPECT(w, T0 + S, "gate-before0 ask0 gate-before1 ask1");
	answers(w, 0, true, T0 + S);
	EXPECT(w, T0 + 100 * S, "deferred0 deferred1 halted:window-over ended");
	drop(w);
}

static void
held_sites_and_busy_hosts_wait_and_others_go_on(void **state)
{
	struct world *w = make("{'max_in_flight':9}", 4, 4, T0 + 1000 * S);

	(void)state;
	w->held[1] = true;
	w->refuse[2] = 1;
	EXPECT(w, T0, "batch1 job0 refused2 job3");
	assert_int_equal(w->when, T0 + ROLLOUT_STEP_LOOK_US);
	EXPECT(w, T0 + 30 * S, "");
	w->held[1] = false;
	w->refuse[2] = 0;
	EXPECT(w, T0 + 31 * S, "job1");
	EXPECT(w, T0 + 60 * S, "job2");
	/* Its agent had other work after all. */
	ends(w, 2, "host-busy", T0 + 61 * S);
	assert_string_equal(w->line, "waiting2:host-busy ");
	/* The engine sets that; a clock that was set back does not make it longer. */
	rollout_step_later(&w->r, 2, T0 + 61 * S);
	EXPECT(w, T0 + 62 * S, "");
	EXPECT(w, T0 - 3600 * S, "");
	w->r.v[2].opens = T0 - 9999 * S;
	EXPECT(w, T0 - 3600 * S, "job2");
	drop(w);
}

/* Jobs that were ordered all at once: what did not begin is not begun later by itself, by whom nobody expects it any more. */
static void
an_order_is_carried_out_once(void **state)
{
	struct world *w = make("{'max_in_flight':9}", 3, 3, 0);

	(void)state;
	w->r.at_once = true;
	for (size_t i = 0; i < 3; i++) {
		rollout_step_set(&w->r, i, DB_ROLLOUT_HOST_JOB, T0);
		w->r.v[i].has_job = true;
	}
	EXPECT(w, T0, "");
	ends(w, 0, "host-busy", T0 + S);
	assert_string_equal(w->line, "deferred0:host-busy ");
	ends(w, 1, "order-too-old", T0 + S);
	assert_string_equal(w->line, "deferred1:order-too-old ");
	EXPECT(w, T0 + 9999 * S, "");
	ends(w, 2, "", T0 + 9999 * S);
	EXPECT(w, T0 + 9999 * S, "halted:not-begun ended");
	/* Until somebody says so. */
	w->r.state = DB_ROLLOUT_RUNNING;
	w->r.ended = false;
	rollout_step_set(&w->r, 0, DB_ROLLOUT_HOST_WAITING, T0 + 9999 * S);
	EXPECT(w, T0 + 9999 * S, "batch1 job0");
	drop(w);
}

static void
what_may_pass_fails_no_host(void **state)
{
	static const char *const codes[] = {"agent-absent", "host-busy", "host-locked",
	    "world-stopped", "site-frozen", "over-cap"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		assert_int_equal(rollout_step_refusal(codes[i]), ROLLOUT_STEP_WAIT);
}

/* A lost site, or a locked host, stops its own part; one in flight that nobody hears of is not back, and stops all. */
static void
what_is_held_holds_up_no_later_batch(void **state)
{
	struct world *w = make("{'batch':2,'max_in_flight':9}", 8, 4, T0 + 1000 * S);

	(void)state;
	w->held[0] = true;
	w->refuse[1] = 1;
	/* Host 1 is refused, so that nothing of the first batch can begin. */
	EXPECT(w, T0, "batch1 refused1 batch2 job2 job3");
	ends(w, 2, "", T0 + S);
	/* Both of the third are held, too, and the fourth waits for the second. */
	w->held[1] = true;
	EXPECT(w, T0 + S, "");
	ends(w, 3, "", T0 + 2 * S);
	EXPECT(w, T0 + 2 * S, "batch4 job6 job7");
	/* Back again: the earliest batch has its turn before the others. */
	w->held[0] = w->held[1] = false;
	w->refuse[1] = 0;
	EXPECT(w, T0 + 100 * S, "job0 job1");
	ends(w, 0, "", T0 + 101 * S);
	ends(w, 6, "", T0 + 101 * S);
	EXPECT(w, T0 + 101 * S, "");
	ends(w, 1, "", T0 + 102 * S);
	EXPECT(w, T0 + 102 * S, "job4 job5");
	drop(w);
}

/* In its first moments no agent has found the program yet: the batches keep their order. */
static void
who_has_just_begun_waits_for_agents(void **state)
{
	struct world *w = make("{'batch':2,'max_in_flight':9}", 4, 4, T0 + 1000 * S);

	(void)state;
	w->unsettled = true;
	w->held[0] = w->held[1] = true;
	EXPECT(w, T0, "");
	w->held[1] = false;
	EXPECT(w, T0 + S, "batch1 job1");
	ends(w, 1, "", T0 + 2 * S);
	EXPECT(w, T0 + 2 * S, "");
	w->unsettled = false;
	EXPECT(w, T0 + 60 * S, "batch2 job2 job3");
	drop(w);
}

static void
an_agent_that_is_gone_loses_its_hosts_in_the_end(void **state)
{
	struct world *w = make("{}", 3, 3, T0 + 100 * S);
	int64_t end = T0 + 100 * S + ROLLOUT_STEP_LOST_US;

	(void)state;
	w->r.v[1].closes = 0;
	rollout_step_init(&w->r);
	EXPECT(w, T0, "batch1 job0 job1 job2");
	EXPECT(w, end, "");
	w->silent[0] = w->silent[1] = w->silent[2] = true;
	EXPECT(w, end - S, "");
	EXPECT(w, end, "lost0:agent-absent lost2:agent-absent");
	EXPECT(w, T0 + ROLLOUT_STEP_LOST_OPEN_US, "lost1:agent-absent done ended");
	/* It is heard again, and what became of it counts. */
	ends(w, 2, "window-missed", end);
	assert_string_equal(w->line, "deferred2:window-missed ");
	ends(w, 2, "window-missed", end);
	assert_string_equal(w->line, "");
	ends(w, 0, "", end);
	assert_string_equal(w->line, "ok0 ");
	ends(w, 1, "x", end);
	assert_string_equal(w->line, "failed1:x ");
	ends(w, 1, "x", end);
	assert_string_equal(w->line, "");
	drop(w);
}

static void
states_that_begin_nothing(void **state)
{
	struct world *w = make("{}", 2, 2, T0 + 100 * S);

	(void)state;
	w->r.state = DB_ROLLOUT_PLANNED;
	EXPECT(w, T0 - 5 * S, "");
	assert_int_equal(w->when, T0);
	w->r.state = DB_ROLLOUT_WAITING_APPROVAL;
	EXPECT(w, T0, "");
	w->r.state = DB_ROLLOUT_PAUSED;
	EXPECT(w, T0, "");
	w->r.state = DB_ROLLOUT_PLANNED;
	EXPECT(w, T0, "running batch1 job0 job1");
	ends(w, 0, "", T0);
	w->r.state = DB_ROLLOUT_ABORTED;
	EXPECT(w, T0, "");
	ends(w, 1, "", T0);
	EXPECT(w, T0, "ended");
	drop(w);
	w = make("{}", 2, 2, T0 + 100 * S);
	w->r.state = DB_ROLLOUT_WAITING_APPROVAL;
	EXPECT(w, T0 + 100 * S, "deferred0 deferred1 halted:not-approved ended");
	drop(w);
	w = make("{}", 2, 2, 0);
	w->r.state = DB_ROLLOUT_ABORTED;
	EXPECT(w, T0, "deferred0 deferred1 ended");
	drop(w);
}

/* A failed one is put back while a later batch has its turn. */
static void
what_is_retried_comes_before_the_next_batch(void **state)
{
	struct world *w = make("{'batch':2,'max_fail':9}", 6, 6, 0);

	(void)state;
	EXPECT(w, T0, "batch1 job0 job1");
	ends(w, 0, "x", T0);
	ends(w, 1, "", T0);
	EXPECT(w, T0, "batch2 job2 job3");
	rollout_step_set(&w->r, 0, DB_ROLLOUT_HOST_WAITING, T0);
	EXPECT(w, T0, "job0");
	ends(w, 2, "", T0);
	ends(w, 3, "", T0);
	EXPECT(w, T0, "");
	ends(w, 0, "", T0);
	EXPECT(w, T0, "batch3 job4 job5");
	drop(w);
}

/* Two jobs a host: it is brought back whatever became of the first, and whatever is done to the rollout. */
static void
a_drill_brings_its_machine_back(void **state)
{
	struct world *w = make("{'max_fail':9}", 2, 2, T0 + 100 * S);

	(void)state;
	w->r.steps = 2;
	EXPECT(w, T0, "batch1 job0 job1");
	ends(w, 0, "x", T0);
	assert_string_equal(w->line, "job0:x ");
	ends(w, 1, "", T0);
	assert_string_equal(w->line, "job1 ");
	w->r.state = DB_ROLLOUT_HALTED;
	EXPECT(w, T0 + 200 * S, "job0 job1");
	ends(w, 1, "", T0);
	assert_string_equal(w->line, "ok1 ");
	ends(w, 0, "", T0);
	assert_string_equal(w->line, "failed0 ");
	EXPECT(w, T0 + 200 * S, "ended");
	drop(w);
}

static void
the_order_spreads_over_sites(void **state)
{
	struct rollout_plan_host v[] = {
	    {.host = "a1", .site = "a", .opens = 5},
	    {.host = "a2", .site = "a", .opens = 5},
	    {.host = "a3", .site = "a", .opens = 5},
	    {.host = "b1", .site = "b", .opens = 5},
	    {.host = "c1", .site = "c", .opens = 4},
	    {.host = "b0", .site = "b", .opens = 5},
	};
	static const char *const want[] = {"c1", "a1", "b0", "a2", "b1", "a3"};
	static const int64_t batch[] = {1, 2, 2, 3, 3, 4};
	struct rollout_policy p;

	(void)state;
	rollout_policy_init(&p);
	p.canary = 1;
	p.batch_percent = 30;
	rollout_plan_make(v, ARRAY_SIZE(v), &p);
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		assert_string_equal(v[i].host, want[i]);
		assert_int_equal(v[i].batch, batch[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_canary_comes_first_and_alone),
	    cmocka_unit_test(a_failed_canary_halts_at_once),
	    cmocka_unit_test(a_canary_that_did_not_run_is_replaced),
	    cmocka_unit_test(caps_hold),
	    cmocka_unit_test(the_budget_halts_and_what_runs_is_finished),
	    cmocka_unit_test(windows_end_host_by_host),
	    cmocka_unit_test(gates_before_and_after_and_at_the_end_of_the_soak),
	    cmocka_unit_test(a_host_that_left_before_its_gates_is_no_failure),
	    cmocka_unit_test(a_clock_that_is_set_back_takes_back_what_has_not_begun),
	    cmocka_unit_test(what_has_not_begun_is_held_with_the_rollout),
	    cmocka_unit_test(held_sites_and_busy_hosts_wait_and_others_go_on),
	    cmocka_unit_test(an_order_is_carried_out_once),
	    cmocka_unit_test(what_may_pass_fails_no_host),
	    cmocka_unit_test(what_is_held_holds_up_no_later_batch),
	    cmocka_unit_test(who_has_just_begun_waits_for_agents),
	    cmocka_unit_test(an_agent_that_is_gone_loses_its_hosts_in_the_end),
	    cmocka_unit_test(states_that_begin_nothing),
	    cmocka_unit_test(what_is_retried_comes_before_the_next_batch),
	    cmocka_unit_test(a_drill_brings_its_machine_back),
	    cmocka_unit_test(the_order_spreads_over_sites),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
