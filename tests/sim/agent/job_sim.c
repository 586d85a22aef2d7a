/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole reinstallations in virtual time: the real run_fsm.c, run.c, ticket.c and spool.c,
 * around them a bootd, a BMC, a machine, a second client that fetches the same, and a line
 * to the orchestrator, each of which fails in every way that a seed finds. Agent and bootd
 * are killed at any step, also between commit and action, and some agents do not keep running
 * from some time on until the job has ended; commits fail; events are lost,
 * repeated and late; the machine hangs, loses power, and reports twice.
 *
 * For every seed: the image is delivered whole at most once; the ticket is used at most
 * once, and nothing is switched off or tried again after that; the job ends, with a reason
 * when it failed; nothing stays armed; every event reaches the orchestrator once, in order.
 * SIM_SEEDS=N runs more seeds, SIM_SEED=N one. The machine and bootd are in job_machine.c. */
#include "tests/sim/agent/job_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { DEFAULT_SEEDS = 2000, BATCH = 64, LOADS_MAX = 3 };
#define HORIZON (24 * 3600 * S)

static struct todo
take_next(struct world *w)
{
	size_t best = 0;
	struct todo t;

	for (size_t i = 1; i < w->n_todos; i++) {
		const struct todo *a = &w->todos[i], *b = &w->todos[best];

		if (a->at < b->at || (a->at == b->at && a->order < b->order))
			best = i;
	}
	t = w->todos[best];
	w->todos[best] = w->todos[--w->n_todos];
	return t;
}

/* ---- deaths ---- */

static void
kill_bootd(struct world *w)
{
	w->bootd_up = false;
	w->link_life++;
	w->armed = w->asking = false;
	w->released = 0;
	w->ticket[0] = '\0';
	if (w->agent_up)
		later(w, between(w, S / 10, S), T_BOOTD_START)->life = w->agent_life;
}

static void
kill_agent(struct world *w)
{
	if (!w->agent_up)
		return;
	w->agent_up = false;
	w->agent_life++;
	w->killed = w->now;
	w->have_job = w->probing = false;
	kill_bootd(w);
	later(w,
	    chance(w, 100) ? between(w, 60 * S, 1200 * S) : between(w, S / 10, 5 * S),
	    T_AGENT_START);
}

static bool
strike(struct world *w)
{
	if (w->kills_left == 0 || !chance(w, w->trouble))
		return false;
	w->kills_left--;
	kill_agent(w);
	return true;
}

/* ---- the agent ---- */

static void
send_entry(struct world *w)
{
	struct todo *t;

	if (!w->bootd_up)
		return;
	t = later(w, 1000, T_ENTRY);
	t->life = w->link_life;
	if (w->have_job && ticket_is_open(&w->run.ticket)) {
		str_clip(t->ticket, sizeof(t->ticket), w->run.ticket.id);
		t->ok = ticket_is_consumed(&w->run.ticket);
	}
}

static void
begin_bmc(struct world *w, enum run_action action)
{
	struct todo *t = later(w, between(w, S / 10, 15 * S), T_EFFECT);
	int64_t at = t->at - w->now;

	t->action = action;
	t->life = w->agent_life;
	if (chance(w, w->trouble)) /* it never answers */
		return;
	t = later(w, at + between(w, 1000, 3 * S), T_STEP);
	t->life = w->agent_life;
	t->step = w->run.step;
	t->ok = !chance(w, w->trouble);
}

static void
begin_action(struct world *w, enum run_action action)
{
	struct todo *t;

	switch (action) {
	case RUN_ACT_PREFLIGHT:
		t = later(w, between(w, S / 100, 20 * S), T_STEP);
		t->life = w->agent_life;
		t->step = w->run.step;
		t->ok = !chance(w, w->trouble);
		break;
	case RUN_ACT_ARM:
		send_entry(w);
		if (w->bootd_up) {
			t = later(w, 2000, T_ACK);
			t->life = w->link_life;
			t->step = w->run.step;
		}
		break;
	case RUN_ACT_POWER_OFF:
		w->off_after_use |= w->consumed > 0;
		begin_bmc(w, action);
		break;
	case RUN_ACT_FLAGS:
	case RUN_ACT_POWER_ON: begin_bmc(w, action); break;
	case RUN_ACT_PUBLISH: send_entry(w); break;
	case RUN_ACT_PROBE:
		w->probing = true;
		later(w, S, T_PROBE)->life = w->agent_life;
		break;
	case RUN_ACT_PROBE_NOW: break;
	case RUN_ACT_PROBE_STOP: w->probing = false; break;
	case RUN_ACT_END:
		w->have_job = false;
		send_entry(w);
		break;
	case RUN_ACT_CANCEL_STEP:
	case RUN_ACT_CONTROL:
	case RUN_ACT_HOOK:
	case RUN_ACT_WATCH_OFF:
	case RUN_ACT_CAUSE:
	case RUN_ACT_IDENT:
	case RUN_ACT_IDENT_STOP:
	case RUN_ACT_NONE: break;
	}
}

static int
make_durable(struct world *w, struct run_out *out)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < out->n_events; i++)
		r = spool_put_event(w->spool, &out->events[i], false);
	if (r == 0 && out->retired.state != TICKET_NONE)
		r = spool_put_ticket(w->spool, &w->run, &out->retired);
	if (r == 0 && out->changed)
		r = spool_save_run(w->spool, &w->run, w->now);
	return r;
}

bool
job_sim_agent_input(struct world *w, struct run_input *in, bool *ret_granted)
{
	struct run saved = w->run;
	struct run_out out;
	bool full = chance(w, w->trouble / 4);

	*ret_granted = false;
	if (!w->agent_up || !w->have_job)
		return true;
	assert_int_equal(spool_begin(w->spool), 0);
	run_fsm_step(&w->run, in, w->now, &w->rng, &out);
	if (strike(w) || full) {
		spool_rollback(w->spool);
		w->run = saved;
		run_fsm_out_done(&out);
		return false;
	}
	assert_int_equal(make_durable(w, &out), 0);
	assert_int_equal(spool_commit(w->spool), 0);
	if (!ticket_is_consumed(&saved.ticket) && ticket_is_consumed(&w->run.ticket))
		w->consumed++;
	*ret_granted = out.granted;
	for (size_t i = 0; i < out.n_actions && w->agent_up; i++) {
		if (strike(w))
			*ret_granted = false; /* no answer either */
		else
			begin_action(w, out.actions[i]);
	}
	if (w->agent_up && strike(w))
		*ret_granted = false;
	run_fsm_out_done(&out);
	return true;
}

static void
recover_job(void *arg, const char *job, struct bundle *b, const struct run *r,
    const struct error *err)
{
	struct world *w = arg;

	(void)job;
	assert_non_null(b);
	assert_null(err);
	assert_string_equal(b->bmc.password, "secret");
	bundle_done(b);
	w->run = *r;
	w->have_job = true;
}

static void
start_agent(struct world *w)
{
	struct run_input in = {.type = RUN_IN_RECOVER};
	bool granted;

	w->agent_up = true;
	w->have_job = false;
	assert_true(spool_each_job(w->spool, recover_job, w) >= 0);
	later(w, between(w, S / 10, S), T_BOOTD_START)->life = w->agent_life;
	/* What the disk did not take stays queued. */
	while (w->agent_up && !job_sim_agent_input(w, &in, &granted))
		;
}

static void
start_bootd(struct world *w, const struct todo *t)
{
	struct run_input in = {.type = RUN_IN_BOOTD};
	bool granted;

	if (!w->agent_up || t->life != w->agent_life || w->bootd_up)
		return;
	w->bootd_up = true;
	w->link_life++;
	/* Its table, and only after the tickets were replaced, however long that takes. */
	while (w->agent_up && !job_sim_agent_input(w, &in, &granted))
		;
	if (w->bootd_up)
		send_entry(w);
}

/* ---- BMC, probe, uplink ---- */

static void
on_effect(struct world *w, const struct todo *t)
{
	/* A command may have gone out just before its sender was killed. */
	if (t->life != w->agent_life && (w->now - w->killed > S || chance(w, 500)))
		return;
	if (t->action == RUN_ACT_POWER_OFF) {
		w->off_after_use |= w->consumed > 0;
		if (w->state != M_OFF)
			job_machine_power(w, false);
	}
	if (t->action == RUN_ACT_FLAGS)
		w->flag = true;
	else if (t->action == RUN_ACT_POWER_ON && w->state == M_OFF)
		job_machine_power(w, true);
}

static void
on_step(struct world *w, const struct todo *t)
{
	struct error err;
	struct run_input in = {.type = RUN_IN_STEP,
	    .step = t->step,
	    .ok = t->ok,
	    .retry = chance(w, 700),
	    .err = &err,
	    .evidence = "simulated"};
	struct todo *again;
	bool granted;

	error_set(&err, 0, "bmc-busy", NULL, "simulated");
	if (t->life != w->agent_life || job_sim_agent_input(w, &in, &granted))
		return;
	again = later(w, S, T_STEP); /* what the disk did not take stays queued */
	again->life = t->life;
	again->step = t->step;
	again->ok = t->ok;
}

static void
on_probe(struct world *w, const struct todo *t)
{
	struct run_input in = {.type = RUN_IN_PROBE,
	    .ok = w->state == M_DISK && w->installed,
	    .evidence = "up"};
	bool granted;

	if (t->life != w->agent_life || !w->probing)
		return;
	job_sim_agent_input(w, &in, &granted);
	later(w, 3 * S, T_PROBE)->life = w->agent_life;
}

static void
hold_event(struct world *w, const struct event *ev)
{
	static const char *const ends[] = {"job.done", "job.failed", "job.cancelled"};

	w->events_held++;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		const char *code = json_string_value(json_object_get(ev->detail, "code"));

		if (!str_eq(ev->kind, ends[i]))
			continue;
		w->ends++;
		str_clip(w->end_kind, sizeof(w->end_kind), ev->kind);
		str_clip(w->end_code, sizeof(w->end_code), code == NULL ? "" : code);
	}
}

static void
on_uplink(struct world *w)
{
	struct event events[BATCH];
	int64_t first = 0;
	int n =
	    w->agent_up ? spool_load_events(w->spool, BATCH, 1 << 20, events, &first) : 0;

	assert_true(n >= 0);
	if (n > 0 && !chance(w, w->trouble)) {
		assert_true(first <= w->held + 1);
		for (int i = 0; i < n; i++) {
			if (first + i <= w->held)
				continue;
			w->held = first + i;
			hold_event(w, &events[i]);
		}
		if (!chance(w, w->trouble)) {
			assert_int_equal(spool_begin(w->spool), 0);
			assert_int_equal(spool_ack(w->spool, w->held), 0);
			assert_int_equal(spool_commit(w->spool), 0);
		}
	}
	for (int i = 0; i < n; i++)
		event_done(&events[i]);
	later(w, between(w, S, 60 * S), T_UPLINK);
}

/* ---- the world ---- */

static void
on_tick(struct world *w)
{
	struct run_input in = {.type = RUN_IN_TICK};
	bool granted;

	job_sim_agent_input(w, &in, &granted);
	later(w, S, T_TICK);
}

static void
on_entry(struct world *w, const struct todo *t)
{
	if (!str_eq(t->ticket, w->ticket)) {
		w->released = 0;
		w->asking = false;
	}
	memcpy(w->ticket, t->ticket, sizeof(w->ticket));
	w->armed = t->ticket[0] != '\0';
	w->used = t->ok;
}

static void
on_sign(struct world *w, const struct todo *t)
{
	struct run_input in = {
	    .type = RUN_IN_SIGN, .sign = t->sign, .index = t->part, .evidence = "seen"};
	bool granted;

	job_sim_agent_input(w, &in, &granted);
}

static void
on_cancel(struct world *w)
{
	struct run_input in = {.type = RUN_IN_CANCEL, .by = "somebody"};
	bool granted;

	job_sim_agent_input(w, &in, &granted);
	if (w->ends == 0) /* repeated until its effect is seen */
		later(w, 30 * S, T_CANCEL);
}

static void
on_kill(struct world *w, const struct todo *t)
{
	if (w->kills_left == 0)
		return;
	w->kills_left--;
	if (t->type == T_KILL_AGENT)
		kill_agent(w);
	else if (w->bootd_up)
		kill_bootd(w);
}

/* An agent that does not keep running, until the job has ended. */
static void
on_loop(struct world *w)
{
	if (w->ends > 0)
		return;
	kill_agent(w);
	later(w, between(w, S / 10, w->loop_apart), T_LOOP);
}

static void
dispatch(struct world *w, const struct todo *t)
{
	bool link = t->life == w->link_life && w->bootd_up;

	switch (t->type) {
	case T_AGENT_START: start_agent(w); break;
	case T_BOOTD_START: start_bootd(w, t); break;
	case T_TICK: on_tick(w); break;
	case T_STEP: on_step(w, t); break;
	case T_EFFECT: on_effect(w, t); break;
	case T_ENTRY:
		if (link)
			on_entry(w, t);
		break;
	case T_ACK:
		if (link) {
			struct todo step = *t;

			step.ok = true;
			step.life = w->agent_life;
			on_step(w, &step);
		}
		break;
	case T_ASK:
		if (link)
			job_machine_on_ask(w, t);
		break;
	case T_ANSWER:
		if (link)
			job_machine_on_answer(w, t);
		break;
	case T_SIGN:
		if (link)
			on_sign(w, t);
		break;
	case T_MACHINE:
		if (t->life == w->boot_life)
			job_machine_step(w);
		break;
	case T_GHOST: job_machine_ghost_step(w); break;
	case T_REPORT: break;
	case T_PROBE: on_probe(w, t); break;
	case T_UPLINK: on_uplink(w); break;
	case T_KILL_AGENT:
	case T_KILL_BOOTD: on_kill(w, t); break;
	case T_LOOP: on_loop(w); break;
	case T_POWER_LOST:
		if (w->state != M_OFF)
			job_machine_power(w, true);
		break;
	case T_CANCEL: on_cancel(w); break;
	}
}

static void
plan_trouble(struct world *w)
{
	w->trouble = (unsigned)rng_below(&w->rng, 4) * 25;
	w->kills_left = (unsigned)rng_below(&w->rng, 8);
	w->net_first = chance(w, 500);
	for (unsigned i = 0; i < w->kills_left; i++)
		later(w, between(w, 0, 1500 * S),
		    chance(w, 500) ? T_KILL_AGENT : T_KILL_BOOTD);
	for (unsigned i = 0; i < rng_below(&w->rng, 3); i++)
		later(w, between(w, 0, 1500 * S), T_POWER_LOST);
	if (chance(w, 500))
		later(w, between(w, 0, 600 * S), T_GHOST);
	if (chance(w, 60))
		later(w, between(w, 0, 1500 * S), T_CANCEL);
	if (chance(w, 150)) {
		w->loop_apart = between(w, S, 90 * S);
		later(w, between(w, 0, 1500 * S), T_LOOP);
	}
}

static void
make_bundle(struct world *w)
{
	struct bundle *b = str_alloc(sizeof(*b));
	struct bundle_image *im = &b->image;

	id_make(w->now, &w->rng, b->job);
	b->kind = BUNDLE_REINSTALL;
	b->graceful_us = chance(w, 500) ? 30 * S : 0;
	str_clip(b->host.name, sizeof(b->host.name), "edge01");
	assert_int_equal(addr_mac_parse("52:54:00:77:00:01", &b->host.nics[0].mac), 0);
	b->host.n_nics = 1;
	str_clip(b->bmc.address, sizeof(b->bmc.address), "192.0.2.1");
	b->bmc.port = 623;
	str_clip(b->bmc.user, sizeof(b->bmc.user), "admin");
	str_clip(b->bmc.password, sizeof(b->bmc.password), "secret");
	str_clip(b->bmc.privilege, sizeof(b->bmc.privilege), "operator");
	str_clip(b->bmc.boot_method, sizeof(b->bmc.boot_method),
	    chance(w, 200) ? "none" : "pxe");
	w->net_first |= str_eq(b->bmc.boot_method, "none");
	str_clip(im->name, sizeof(im->name), "debian");
	str_clip(im->kind, sizeof(im->kind), "reinstall");
	str_clip(im->kernel.name, sizeof(im->kernel.name), "vmlinuz");
	str_clip(im->kernel.path, sizeof(im->kernel.path), "d/vmlinuz");
	memset(im->kernel.sha256, 'a', 64);
	im->kernel.size = 1;
	im->n_initrds = rng_below(&w->rng, LOADS_MAX);
	for (size_t i = 0; i < im->n_initrds; i++) {
		im->initrds[i] = im->kernel;
		snprintf(
		    im->initrds[i].name, sizeof(im->initrds[i].name), "initrd%zu", i);
	}
	im->reports_up = im->reports_installed = im->local_boot = true;
	im->reports_booted = chance(w, 700);
	str_clip(b->host.probe, sizeof(b->host.probe), "tcp:22");
	w->n_parts = 1 + (unsigned)im->n_initrds;
	w->bundle = b;
}

static void
accept_job(struct world *w)
{
	static const struct run_limits limits;
	struct run_input in = {.type = RUN_IN_START};
	bool granted;

	run_plan(w->bundle, &limits, &w->run);
	assert_int_equal(spool_begin(w->spool), 0);
	assert_int_equal(spool_put_job(w->spool, w->bundle, &w->run, "", w->now), 0);
	assert_int_equal(spool_commit(w->spool), 0);
	w->have_job = true;
	while (w->agent_up && !job_sim_agent_input(w, &in, &granted))
		;
}

static void
check_world(struct world *w)
{
	assert_true(w->delivered <= 1);
	assert_true(w->consumed <= 1);
	assert_true(w->delivered <= w->consumed);
	assert_false(w->off_after_use);
}

static bool
settled(const struct world *w)
{
	return w->ends > 0 && w->agent_up && w->bootd_up && !w->have_job &&
	       spool_pending(w->spool) == 0;
}

static void
check_end(struct world *w, uint64_t seed)
{
	if (w->ends != 1)
		fail_msg("seed %llu: %u ends, stage %s", (unsigned long long)seed,
		    w->ends, stage_name(w->run.stage));
	if (str_eq(w->end_kind, "job.failed"))
		assert_string_not_equal(w->end_code, "");
	if (str_eq(w->end_kind, "job.done")) {
		assert_int_equal(w->delivered, 1);
		assert_int_equal(w->consumed, 1);
	}
	assert_int_equal(w->held, spool_last_seq(w->spool));
	assert_int_equal(w->events_held, w->held);
	assert_int_equal(spool_job_known(w->spool, w->bundle->job), 1);
}

struct totals {
	unsigned done, failed, cancelled, delivered;
};

static void
run_seed(uint64_t seed, struct secret_key *key, struct totals *totals)
{
	struct world *w = str_alloc(sizeof(*w));
	struct spool_opts opts = {.path = ":memory:", .site = "local", .key = key};
	struct error err;

	w->now = 1000 * HORIZON;
	w->rng = rng_seeded(seed);
	w->agent_up = true;
	make_bundle(w);
	assert_int_equal(spool_open(&opts, w->now, &w->rng, &w->spool, &err), 0);
	plan_trouble(w);
	if (chance(w, 500))
		job_machine_power(w, true);
	later(w, S, T_TICK);
	later(w, S, T_UPLINK);
	later(w, S / 2, T_BOOTD_START)->life = w->agent_life;
	accept_job(w);
	while (!settled(w) && w->now < 1001 * HORIZON) {
		struct todo t = take_next(w);

		w->now = t.at;
		dispatch(w, &t);
		check_world(w);
	}
	check_end(w, seed);
	totals->done += str_eq(w->end_kind, "job.done");
	totals->failed += str_eq(w->end_kind, "job.failed");
	totals->cancelled += str_eq(w->end_kind, "job.cancelled");
	totals->delivered += w->delivered;
	spool_close(w->spool);
	bundle_done(w->bundle);
	free(w->bundle);
	free(w);
}

static void
test_schedules(void **state)
{
	const char *count = getenv("SIM_SEEDS");
	const char *one = getenv("SIM_SEED");
	uint64_t n = count == NULL ? DEFAULT_SEEDS : strtoull(count, NULL, 10);
	char dir[] = "/tmp/job_simXXXXXX";
	char path[64];
	struct secret_key *key = NULL;
	struct totals totals = {0};
	struct error err;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/key", dir);
	assert_int_equal(secret_key_open(path, 1, &key, &err), 0);
	unlink(path);
	rmdir(dir);
	if (one != NULL) {
		run_seed(strtoull(one, NULL, 10), key, &totals);
	} else {
		for (uint64_t seed = 1; seed <= n; seed++)
			run_seed(seed, key, &totals);
		/* The simulation must reach both ends to mean anything. */
		assert_true(totals.done > n / 20 && totals.failed > n / 20);
	}
	print_message("%u done, %u failed, %u cancelled; %u delivered\n", totals.done,
	    totals.failed, totals.cancelled, totals.delivered);
	secret_key_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_schedules)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
