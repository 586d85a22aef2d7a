// SPDX-License-Identifier: GPL-3.0-or-later
/* What is around the scheduler and the rollouts in the orchestrator, in virtual time: the timer, the hand-out of orders
 * (orchestrator/dispatch.c), the reception of reports, gates, and the end and start of the process.
 *
 * A crash may come between any two calls, or within one: then the disk takes nothing more from one of its writes on, and what the call
 * asks for after that comes to nothing, as from a process that is not there any more.
 * After every call the orders it has made are shown to the judge (fleet_oracle.h). */
#include "tests/sim/orchestrator/fleet_orch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db/db_agent.h"
#include "db/db_job.h"
#include "lib/agent_msg.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/holds.h"
#include "orchestrator/lifecycle.h"
#include "orchestrator/record.h"
#include "orchestrator/retention.h"
#include "tests/sim/orchestrator/fleet_agent.h"
#include "tests/sim/orchestrator/fleet_disk.h"
#include "tests/sim/orchestrator/fleet_setup.h"

/* More hosts than that need a second person. */
enum {
	DUE_MAX = 1000,
	ENDED_MAX = 256,
	NEW_JOBS = 200,
	NEW_ROLLOUTS = 16,
	APPROVAL_HOSTS = 5
};

static const struct log quiet = {.program = "sim"};

int64_t
fleet_orch_wall(const struct fleet *f)
{
	return f->now + f->orch->off;
}

int
fleet_orch_week(int64_t nominal)
{
	return (int)((nominal - FLEET_BEGIN) / (7 * DAY));
}

struct audit_who
fleet_orch_who(const char *name)
{
	struct audit_who who = {.role = AUTH_ADMIN, .from = "unix"};

	str_clip(who.name, sizeof(who.name), name);
	return who;
}

/* ---- what it is told, and does, from within ---- */

static int64_t
silence(void *arg, const char *site)
{
	struct fleet *f = arg;
	int i = fleet_world_site(f, site);
	const struct fleet_site *s = &f->sites[i];

	if (i == FLEET_NONE)
		return INT64_MAX;
	if (f->orch->connected[i] && fleet_agent_there(s))
		return 0;
	return f->now - s->heard;
}

static struct orders_context
orders(void *arg, int64_t wall)
{
	struct fleet *f = arg;

	return (struct orders_context){.store = f->orch->store,
	    .rng = &f->rng,
	    .images_root = "/dev/shm",
	    .silence = silence,
	    .arg = f,
	    .now = wall};
}

static void
poll_soon(struct fleet *f, int site, int64_t delay)
{
	if (f->orch->polling[site] || !fleet_agent_there(&f->sites[site]))
		return;
	f->orch->polling[site] = true;
	fleet_world_later(f, delay, FLEET_POLL, site, FLEET_NONE);
}

static void
wake(void *arg, const char *site)
{
	struct fleet *f = arg;
	int i = fleet_world_site(f, site);

	if (i != FLEET_NONE && !fleet_disk_failed())
		poll_soon(f, i, fleet_between(f, S / 100, S / 5));
}

static void
ignore(void *arg, const char *job)
{
	(void)arg;
	(void)job;
}

static void
on_events(void *arg)
{
	(void)arg;
}

/* What people order by hand asks something of its own; of a schedule's runs the newest one asks, or one that is not done with the host. */
static struct fleet_side *
gate_side(struct fleet *f, int host, const json_t *checks)
{
	struct fleet_orch *o = f->orch;
	const char *own = json_string_value(json_array_get(checks, 1));
	const char *name =
	    fleet_oracle_rule(f->oracle, (size_t)f->hosts[host].wave)->name;
	struct fleet_side *d = o->party[host];
	char id[ID_SIZE];

	if (own && strncmp(own, "tcp:", 4) == 0)
		return fleet_side_at(f, (size_t)strtoul(own + 4, NULL, 10) - FLEET_PORT);
	if (d && d->rule != FLEET_NONE) {
		struct db_rollout r = {.id = ""};
		bool open = db_rollout_get(o->store, d->id, &r) == 0 && r.ended == 0;

		db_rollout_done(&r);
		if (open)
			return d;
	}
	return db_rollout_last(o->store, name, id) == 0 ? fleet_side_of_rollout(f, id)
							: NULL;
}

static void
gate_forgotten(struct fleet *f, const struct fleet_gate *g)
{
	if (g->side)
		fleet_side_gate_forgotten(f, g->side, g->host);
	else
		fleet_oracle_gate_forgotten(f, g->host);
}

static void
ask_gate(void *arg, uint64_t ticket, const char *site, const char *host, json_t *checks,
    int64_t timeout_s)
{
	struct fleet *f = arg;
	struct fleet_orch *o = f->orch;
	int i = fleet_world_host(f, host);
	struct fleet_gate *g = &o->gates[o->n_gates];

	(void)site;
	if (fleet_disk_failed())
		return;
	assert_true(i != FLEET_NONE && o->n_gates < FLEET_GATES);
	*g = (struct fleet_gate){.ticket = ticket,
	    .life = o->life,
	    .host = i,
	    .side = gate_side(f, i, checks),
	    .after = o->after[i] && f->now - o->done_at[i] < 12 * HOUR};
	g->after = g->after && g->side == o->party[i];
	o->n_gates++;
	o->n_gates_asked++;
	fleet_world_note(f, i,
	    g->after ? "gate behind it is asked" : "gate before it is asked",
	    (int64_t)ticket);
	if (g->side)
		fleet_side_gate_asked(f, g->side, i, g->after);
	else
		fleet_oracle_gate_asked(f, i, g->after);
	/* Who is well says so soon; else it is asked until the time is over. */
	fleet_world_later(f,
	    fleet_agent_check(f, i) ? fleet_between(f, S / 5, 6 * S) : timeout_s * S,
	    FLEET_GATE, f->hosts[i].site, i)
	    ->a = (int64_t)ticket;
}

static void
judge_answer(
    struct fleet *f, const struct fleet_gate *g, enum rollouts_gate_result result)
{
	bool passed = result == ROLLOUTS_GATE_PASSED;

	if (result == ROLLOUTS_GATE_NOT_HEARD) {
		gate_forgotten(f, g);
		return;
	}
	if (g->side)
		fleet_side_gate_answered(f, g->side, g->host, g->after, passed);
	else
		fleet_oracle_gate_answered(f, g->host, g->after, passed);
	if (!passed && g->side)
		fleet_side_failure_heard(f, g->side, g->host);
	else if (!passed)
		fleet_oracle_failure_heard(f, g->host);
	if (g->side == f->orch->party[g->host])
		f->orch->after[g->host] = false;
}

static void
gate_answered(struct fleet *f, const struct fleet_todo *t)
{
	struct fleet_orch *o = f->orch;
	const struct error why = {
	    .code = "gate-failed", .text = "tcp:22: refused", .next = "look at it"};
	enum rollouts_gate_result result;
	struct fleet_gate g;
	size_t i;

	for (i = 0; i < o->n_gates; i++)
		if (o->gates[i].ticket == (uint64_t)t->a && o->gates[i].host == t->host)
			break;
	if (i == o->n_gates || !o->store)
		return;
	g = o->gates[i];
	o->gates[i] = o->gates[--o->n_gates];
	result = !fleet_agent_there(&f->sites[t->site]) ? ROLLOUTS_GATE_NOT_HEARD
		 : fleet_agent_check(f, t->host)	? ROLLOUTS_GATE_PASSED
							: ROLLOUTS_GATE_FAILED;
	fleet_world_note(
	    f, t->host, "gate answers (0 passed, 1 failed, 2 nobody could ask):", result);
	/* One that was asked anew meanwhile, or is not wanted any more, says nothing. */
	if (rollouts_gate_done(o->rollouts, g.ticket, result,
		result == ROLLOUTS_GATE_PASSED ? NULL : &why, fleet_orch_wall(f)))
		judge_answer(f, &g, result);
	fleet_orch_soon(f);
}

static void
show_order(struct fleet *f, const char *job)
{
	struct fleet_orch *o = f->orch;
	struct db_rollout_host *rh = str_alloc(sizeof(*rh));
	struct db_rollout r = {.id = ""};
	char id[ID_SIZE];
	int64_t place = 0, batch = 0, of = 0;
	struct fleet_side *side;
	int host, rule;

	if (db_rollout_of_job(o->store, job, id, &place) < 0)
		fleet_world_wrong(f, FLEET_NONE, "job %s is no rollout's", job);
	assert_int_equal(db_rollout_get(o->store, id, &r), 0);
	assert_int_equal(db_rollout_host_get(o->store, id, place, rh), 0);
	assert_int_equal(db_rollout_batches(o->store, id, &batch, &of), 0);
	host = fleet_world_host(f, rh->host);
	rule = fleet_oracle_find(f->oracle, r.reason);
	side = fleet_side_of(f, r.reason);
	o->after[host] = false;
	o->n_ordered++;
	o->party[host] = side;
	if (side) {
		fleet_side_ordered(f, side, host);
	} else {
		int week = fleet_orch_week(r.nominal);

		fleet_oracle_made_up(f, host, rule, week, rh->opens, rh->closes);
		fleet_oracle_ordered(f, host, rule, week, (int)rh->batch, (int)of);
	}
	db_rollout_done(&r);
	free(rh);
}

static void
show_begun(struct fleet *f, const char *id)
{
	struct db_rollout r = {.id = ""};

	assert_int_equal(db_rollout_get(f->orch->store, id, &r), 0);
	if (r.nominal != DB_ROLLOUT_NO_NOMINAL)
		fleet_oracle_run_begun(f, fleet_oracle_find(f->oracle, r.schedule),
		    fleet_orch_week(r.nominal));
	db_rollout_done(&r);
}

static void
show_rollouts(struct fleet *f)
{
	struct fleet_orch *o = f->orch;
	const struct db_rollout_filter newest = {.limit = NEW_ROLLOUTS};
	struct store_names ids = {0};
	char last[ID_SIZE] = "";
	size_t n = 0;

	if (db_rollout_last(o->store, NULL, last) < 0 ||
	    strcmp(last, o->last_rollout) <= 0)
		return;
	assert_int_equal(db_rollout_ids(o->store, &newest, &ids), 0);
	while (n < ids.n && strcmp(ids.v[n], o->last_rollout) > 0)
		n++;
	str_clip(o->last_rollout, sizeof(o->last_rollout), last);
	for (size_t i = n; i-- > 0;)
		show_begun(f, ids.v[i]);
	store_names_done(&ids);
}

static void
show_orders(struct fleet *f)
{
	struct fleet_orch *o = f->orch;
	const struct db_job_filter newest = {.open = -1, .limit = NEW_JOBS};
	struct store_names ids = {0};
	char last[ID_SIZE] = "";
	size_t n = 0;

	if (db_job_last(o->store, last) < 0 || strcmp(last, o->last_job) <= 0)
		return;
	assert_int_equal(db_job_ids(o->store, &newest, &ids), 0);
	while (n < ids.n && strcmp(ids.v[n], o->last_job) > 0)
		n++;
	assert_true(n < NEW_JOBS);
	str_clip(o->last_job, sizeof(o->last_job), last);
	for (size_t i = n; i-- > 0;)
		show_order(f, ids.v[i]);
	store_names_done(&ids);
}

/* ---- its life ---- */

static void
start(struct fleet *f)
{
	struct fleet_orch *o = f->orch;
	struct error err = {.code = ""};
	const struct rollouts_ops rops = {.log = &quiet,
	    .in_flight = o->in_flight * (o->mutant == FLEET_FORGETS_GLOBAL ? 2 : 1),
	    .orders = orders,
	    .gate = ask_gate,
	    .wake = wake,
	    .changed = ignore,
	    .on_events = on_events,
	    .arg = f};
	struct rollouts_ops ops = rops;

	if (store_open(o->path, fleet_orch_wall(f), &o->store, &err) < 0)
		fleet_world_wrong(
		    f, FLEET_NONE, "the database does not open: %s", err.text);
	ops.store = o->store;
	o->life++;
	fleet_oracle_started(f);
	if (rollouts_new(&ops, fleet_orch_wall(f), &o->rollouts, &err) < 0)
		fleet_world_wrong(f, FLEET_NONE, "rollouts do not load: %s", err.text);
	show_rollouts(f);
	show_orders(f);
	o->scheduler = scheduler_new(&(struct scheduler_ops){.log = &quiet,
	    .store = o->store,
	    .rollouts = o->rollouts,
	    .approval_hosts =
		o->mutant == FLEET_NEEDS_NOBODY ? INT64_MAX : APPROVAL_HOSTS,
	    .approval_lead = DAY,
	    .on_events = on_events,
	    .arg = f});
	for (size_t i = 0; i < f->n_sites; i++) {
		o->connected[i] = false;
		o->gaps[i] = (struct record_gap){0};
		poll_soon(f, (int)i, fleet_between(f, S / 10, 20 * S));
	}
	fleet_orch_soon(f);
}

static void
stop(struct fleet *f)
{
	struct fleet_orch *o = f->orch;

	for (size_t i = 0; i < f->n_sites; i++) {
		if (fleet_agent_there(&f->sites[i]))
			f->sites[i].heard = f->now;
		o->polling[i] = false;
	}
	for (size_t i = 0; i < o->n_gates; i++)
		gate_forgotten(f, &o->gates[i]);
	o->n_gates = 0;
	scheduler_free(o->scheduler);
	rollouts_free(o->rollouts);
	o->scheduler = NULL;
	store_close(o->store);
	o->rollouts = NULL;
	o->store = NULL;
	fleet_disk_fail_after(-1);
}

/* Down for seconds as a rule, and for hours now and then. */
static void
crash(struct fleet *f)
{
	if (!f->orch->store)
		return;
	stop(f);
	f->orch->n_crashes++;
	fleet_world_later(f,
	    fleet_chance(f, 100) ? fleet_between(f, HOUR, 9 * HOUR)
				 : fleet_between(f, S, 40 * S),
	    FLEET_START, FLEET_NONE, FLEET_NONE);
}

/* One call in so many is the last thing that a process does. */
static void
call_begins(struct fleet *f)
{
	f->orch->failing = f->now < f->until && rng_below(&f->rng, 4000) == 0;
	if (f->orch->failing)
		fleet_disk_fail_after((int)fleet_between(f, 0, 40));
}

static void
call_ends(struct fleet *f)
{
	struct fleet_orch *o = f->orch;
	bool failed = o->failing && fleet_disk_failed();

	o->failing = false;
	if (failed) {
		o->n_inside++;
		crash(f);
		return;
	}
	fleet_disk_fail_after(-1);
	show_rollouts(f);
	show_orders(f);
}

void
fleet_orch_soon(struct fleet *f)
{
	if (f->orch->tick_at <= f->now + S / 20 && f->orch->tick_at > f->now)
		return;
	f->orch->tick_at = f->now + S / 20;
	fleet_world_later(f, S / 20, FLEET_TICK, FLEET_NONE, FLEET_NONE);
}

static void
tick(struct fleet *f)
{
	struct fleet_orch *o = f->orch;
	int64_t wall = fleet_orch_wall(f), next, after;

	if (!o->store || f->now < o->tick_at)
		return;
	call_begins(f);
	after = scheduler_tick(o->scheduler, wall);
	next = rollouts_tick(o->rollouts, wall);
	call_ends(f);
	if (!o->store)
		return;
	next = after < next ? after : next;
	/* The timer of orchestrator/unattended.c, which looks once a minute whatever was said. */
	next = next <= wall ? S / 1000 : next - wall < MIN ? next - wall : MIN;
	o->tick_at = f->now + next;
	fleet_world_later(f, next, FLEET_TICK, FLEET_NONE, FLEET_NONE);
}

/* ---- orders to agents, and what comes back ---- */

/* As one that forgot, in a crash, that it had ordered this already. */
static void
tell_twice(struct fleet *f, const struct fleet_order *order)
{
	struct fleet_order *again = str_alloc(sizeof(*again));

	*again = *order;
	again->job[ID_SIZE - 2] = again->job[ID_SIZE - 2] == '0' ? '1' : '0';
	fleet_world_later(
	    f, fleet_between(f, S, 30 * MIN), FLEET_TOLD, FLEET_NONE, order->host)
	    ->p = again;
}

static void
hand_out(struct fleet *f, int site, const char *id)
{
	struct fleet_orch *o = f->orch;
	struct db_job *job = str_alloc(sizeof(*job));
	struct fleet_order *order = str_alloc(sizeof(*order));
	struct fleet_todo *t;
	char *text = NULL;
	json_t *v;

	assert_int_equal(db_job_get(o->store, id, job), 0);
	assert_int_equal(db_job_bundle(o->store, id, &text), 0);
	v = json_parse(text, strlen(text), NULL);
	str_clip(order->job, sizeof(order->job), id);
	str_clip(order->reason, sizeof(order->reason),
	    json_string_value(json_object_get(v, "reason")));
	order->host = fleet_world_host(f, job->host);
	order->not_before = job->not_before;
	order->not_after = job->not_after;
	order->cancel = job->cancel_at != 0;
	assert_int_equal(db_job_sent(o->store, id, fleet_orch_wall(f)), 0);
	t = fleet_world_later(
	    f, fleet_between(f, S / 50, S), FLEET_TOLD, site, order->host);
	t->p = order;
	if (o->mutant == FLEET_TWICE && fleet_chance(f, 50))
		tell_twice(f, order);
	json_decref(v);
	free(text);
	free(job);
}

static void
poll(struct fleet *f, int site)
{
	struct fleet_orch *o = f->orch;
	struct store_names ids = {0};
	bool lost = fleet_chance(f, f->odds.lost);

	o->polling[site] = false;
	if (!o->store || !fleet_agent_there(&f->sites[site]))
		return;
	if (!o->connected[site])
		fleet_orch_soon(f);
	o->connected[site] = true;
	f->sites[site].heard = f->now;
	assert_int_equal(
	    db_job_due_of_site(o->store, f->sites[site].name, false, DUE_MAX, &ids), 0);
	if (ids.n > 0 && !lost) {
		assert_int_equal(db_begin(store_db(o->store)), 0);
		for (size_t i = 0; i < ids.n; i++)
			hand_out(f, site, ids.v[i]);
		assert_int_equal(db_commit(store_db(o->store)), 0);
	}
	/* Told again until their effect is told. */
	if (ids.n > 0)
		poll_soon(f, site, fleet_between(f, 10 * S, 20 * S));
	store_names_done(&ids);
}

struct ended {
	struct fleet *f;
	struct db_job jobs[ENDED_MAX];
	size_t n;
};

static void
on_job(void *arg, const struct db_job *before, const struct db_job *after)
{
	struct ended *e = arg;

	if (lifecycle_ended(before->state))
		fleet_world_wrong(e->f, fleet_world_host(e->f, after->host),
		    "job %s changes after its end", after->id);
	if (lifecycle_ended(after->state)) {
		assert_true(e->n < ENDED_MAX);
		e->jobs[e->n++] = *after;
	}
}

static void
hear_end(struct fleet *f, const struct db_job *job)
{
	struct fleet_orch *o = f->orch;
	int host = fleet_world_host(f, job->host);
	struct fleet_side *side = NULL;
	struct fleet_job *known;
	static const char *const failures[] = {"no-local-boot", "bmc-timeout"};

	fleet_world_note(f, host,
	    "the orchestrator has its end (3 done, 4 failed, 5 cancelled):", job->state);
	o->after[host] = job->state == DB_JOB_DONE;
	o->done_at[host] = f->now;
	if (o->after[host])
		fleet_oracle_up_heard(f, host);
	HASH_FIND_STR(f->jobs, job->id, known);
	if (known)
		side = fleet_side_of(f, known->order.reason);
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
		if (job->state == DB_JOB_FAILED &&
		    (str_eq(job->verdict_code, failures[i]) ||
			str_eq(job->agent_code, failures[i]))) {
			if (side)
				fleet_side_failure_heard(f, side, host);
			else
				fleet_oracle_failure_heard(f, host);
		}
}

static void
take_report(struct fleet *f, int site, struct agent_msg_report *m)
{
	struct fleet_orch *o = f->orch;
	struct ended *e = str_alloc(sizeof(*e));
	const struct record_ops ops = {.on_job = on_job, .arg = e};
	int64_t held = 0, wall = fleet_orch_wall(f);
	int rc;

	e->f = f;
	call_begins(f);
	rc = db_begin(store_db(o->store));
	if (rc == 0)
		rc = record_take(o->store, m, &o->gaps[site],
		    (struct record_clock){wall, f->now}, &ops, &held);
	rc = rc < 0 ? rc : db_commit(store_db(o->store));
	if (rc < 0) {
		db_rollback(store_db(o->store));
		if (!fleet_disk_failed())
			fleet_world_wrong(
			    f, FLEET_NONE, "a report cannot be recorded: %d", rc);
	}
	for (size_t i = 0; rc == 0 && i < e->n; i++) {
		hear_end(f, &e->jobs[i]);
		rollouts_jobs_ended(o->rollouts, &(char *){e->jobs[i].id}, 1, wall);
	}
	call_ends(f);
	if (rc == 0 && e->n > 0 && o->store)
		fleet_orch_soon(f);
	/* The answer may be lost, or come from a process that is not there any more. */
	if (rc == 0 && o->store && !fleet_chance(f, f->odds.lost))
		fleet_world_later(
		    f, fleet_between(f, S / 50, S / 2), FLEET_ACK, site, FLEET_NONE)
		    ->a = held;
	free(e);
}

static void
arrive(struct fleet *f, const struct fleet_todo *t)
{
	struct agent_msg_report *m = t->p;

	if (f->orch->store && fleet_agent_there(&f->sites[t->site])) {
		f->sites[t->site].heard = f->now;
		take_report(f, t->site, m);
	}
	agent_msg_report_done(m);
}

static int
wake_site(void *arg, const char *site)
{
	wake(arg, site);
	return 0;
}

void
fleet_orch_effect(struct fleet *f, const struct holds_effect *e)
{
	struct db_job job;

	for (size_t i = 0; i < e->jobs.n; i++) {
		assert_int_equal(db_job_get(f->orch->store, e->jobs.v[i], &job), 0);
		if (lifecycle_ended(job.state))
			rollouts_jobs_ended(
			    f->orch->rollouts, &(char *){job.id}, 1, fleet_orch_wall(f));
	}
	(void)strset_each(&e->sites, wake_site, f);
}

/* The run of this week is passed over, and nothing is said of it. */
static void
lose_run(struct fleet *f)
{
	struct fleet_orch *o = f->orch;
	struct db_schedule row = {.doc = NULL};
	const char *name = fleet_oracle_rule(f->oracle, 0)->name;

	assert_int_equal(db_schedule_get(o->store, name, &row), 0);
	row.next += 7 * DAY;
	row.due += 7 * DAY;
	assert_int_equal(db_begin(store_db(o->store)), 0);
	assert_int_equal(db_schedule_plan(o->store, &row), 0);
	assert_int_equal(db_commit(store_db(o->store)), 0);
	db_schedule_done(&row);
}

/* As an operator with a small disk would have it, so that a year of events fits into memory. */
void
fleet_orch_weekly(struct fleet *f)
{
	const struct retention_days days = {
	    .events_days = 21, .progress_days = 21, .boots_days = 21, .jobs_days = 21};
	struct retention_round rnd = {.rows = RETENTION_ROWS_MAX};
	int rc;

	if (f->orch->mutant == FLEET_LOSES_RUN)
		lose_run(f);
	do
		rc = retention_turn(f->orch->store, &days, &rnd, fleet_orch_wall(f));
	while (rc == 1);
	assert_int_equal(rc, 0);
}

static void
set_clock(struct fleet *f, int64_t off)
{
	f->orch->off = off;
	f->orch->n_jumps++;
	fleet_oracle_clock(f, off);
	fleet_orch_soon(f);
}

bool
fleet_orch_take(struct fleet *f, const struct fleet_todo *t)
{
	switch ((int)t->type) {
	case FLEET_TICK: tick(f); return true;
	case FLEET_POLL: poll(f, t->site); return true;
	case FLEET_ARRIVE: arrive(f, t); return true;
	case FLEET_GATE: gate_answered(f, t); return true;
	case FLEET_CRASH: crash(f); return true;
	case FLEET_START: start(f); return true;
	case FLEET_CLOCK: set_clock(f, t->a); return true;
	default: return false;
	}
}

void
fleet_orch_new(struct fleet *f, enum fleet_mutant mutant, unsigned in_flight)
{
	struct fleet_orch *o = str_alloc(sizeof(*o));
	struct error err;

	f->orch = o;
	o->mutant = mutant;
	o->in_flight = in_flight;
	assert_int_equal(str_format(o->path, sizeof(o->path),
			     "/dev/shm/netboot-sim-%d.db", (int)getpid()),
	    0);
	o->gaps = str_alloc(f->n_sites * sizeof(o->gaps[0]));
	o->connected = str_alloc(f->n_sites);
	o->polling = str_alloc(f->n_sites);
	o->after = str_alloc(f->n_hosts);
	o->done_at = str_alloc(f->n_hosts * sizeof(o->done_at[0]));
	o->party = str_alloc(f->n_hosts * sizeof(struct fleet_side *));
	assert_int_equal(store_open(o->path, f->now, &o->store, &err), 0);
	fleet_setup_inventory(f, o->store, mutant);
	store_close(o->store);
	o->store = NULL;
	start(f);
}

static void
db_path(char *ret, size_t size, int pid, const char *end)
{
	assert_int_equal(
	    str_format(ret, size, "/dev/shm/netboot-sim-%d.db%s", pid, end), 0);
}

void
fleet_orch_remove(int pid)
{
	static const char *const ends[] = {"", "-wal", "-shm", ".lock", ".kernel"};
	char name[96];

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		db_path(name, sizeof(name), pid, ends[i]);
		unlink(name);
	}
}

void
fleet_orch_free(struct fleet *f)
{
	struct fleet_orch *o = f->orch;

	if (o->store)
		stop(f);
	fleet_orch_remove((int)getpid());
	free(o->gaps);
	free(o->connected);
	free(o->polling);
	free(o->after);
	free(o->done_at);
	free(o->party);
	free(o);
}

void
fleet_orch_outcome(
    struct fleet *f, const char *schedule, int64_t nominal, char *ret, size_t size)
{
	struct db_schedule_run run = {.outcome = ""};

	if (db_schedule_run_get(f->orch->store, schedule, nominal, &run) == 0)
		str_clip(ret, size, run.outcome);
}
