/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reboots in virtual time: the real run_fsm*.c and run.c, around them a machine, its BMC (or another machine's), a hook, a probe
 * and a boot id, each of which fails in every way that a seed finds; the agent is killed at any second, also between a commit and
 * what was to be done after it, and goes on from what it had saved.
 *
 * For every seed: the hook is run at most once; what must not be forced is not; the job ends, with a reason when it failed; and
 * when it ended well, the machine has started anew since it was ordered, and is up. SIM_SEEDS=N runs more seeds, SIM_SEED=N one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/run_fsm.h"
#include "lib/str.h"

enum { DEFAULT_SEEDS = 3000, STEPS = 8 };
#define S USEC_PER_SEC
#define HORIZON (6 * 3600 * S)

enum { UNKNOWN = 1, BY_BMC, BY_ITSELF = 11 }; /* struct run has them + 1 */
enum machine { UP, STOPPING, OFF, BOOTING, HUNG };
enum hook { HOOK_REBOOTS, HOOK_GOES_OFF, HOOK_NOTHING, HOOK_FAILS, HOOK_HANGS };

/* A machine; the other one is whose BMC it is when the inventory is wrong. */
struct box {
	enum machine state;
	int64_t until; /* of the state; 0: it lasts */
	bool then_off; /* after stopping; else it starts again */
	unsigned boots;
	unsigned cause; /* of the last one, as its BMC says and struct run has it */
};

/* An action under way. */
struct doing {
	enum run_action action;
	uint64_t step;
	int64_t asked, ends; /* ends 0: when its effect is seen */
};

struct world {
	int64_t now;
	struct rng rng;
	struct run run;
	char *saved; /* the run as it is on disk */
	bool agent_up, probing, looking;
	int64_t agent_at, probe_at, look_at; /* next time */
	int64_t hook_at; /* the hook's command begins; 0: it does not */
	struct doing doing[STEPS];
	size_t n_doing;
	struct box host, other, *bmc;
	enum hook hook;
	bool acpi, readable, broken, lossy, lost, comes_back, moody, tells;
	unsigned hooks, hard_offs, kills_left;
	bool cancelled;
};

static bool
chance(struct world *w, unsigned in_1000)
{
	return rng_below(&w->rng, 1000) < in_1000;
}

static int64_t
between(struct world *w, int64_t a, int64_t b)
{
	return a + (int64_t)rng_below(&w->rng, (uint64_t)(b - a)) / S * S;
}

/* ---- machines ---- */

static void
stop_box(struct world *w, struct box *b, bool then_off)
{
	if (b->state != UP)
		return;
	b->state = STOPPING;
	b->until = w->now + between(w, S, 100 * S);
	b->then_off = then_off;
}

static void
start_box(struct world *w, struct box *b, unsigned cause)
{
	b->cause = w->tells ? cause : b->cause;
	b->state = BOOTING;
	b->until = w->now + between(w, 10 * S, 200 * S);
}

static void
pass_box(struct world *w, struct box *b)
{
	if (b->until == 0 || w->now < b->until)
		return;
	b->until = 0;
	if (b->state == STOPPING && b->then_off)
		b->state = OFF;
	else if (b->state == STOPPING)
		start_box(w, b, BY_ITSELF);
	else if (b->state == BOOTING) {
		b->boots++;
		b->state = w->comes_back ? UP : HUNG;
	}
}

/* ---- the agent ---- */

static void
give(struct world *w, struct run_input in);

static void
kill_agent(struct world *w)
{
	json_t *v;
	struct error err;

	w->agent_up = w->probing = w->looking = false;
	w->n_doing = 0;
	w->agent_at = w->now + between(w, S, chance(w, 200) ? 900 * S : 20 * S);
	v = json_loads(w->saved, 0, NULL);
	assert_int_equal(run_from_json(v, &w->run, &err), 0);
	json_decref(v);
}

static bool
strike(struct world *w)
{
	if (w->kills_left == 0 || !chance(w, 20))
		return false;
	w->kills_left--;
	kill_agent(w);
	return true;
}

static int64_t
hook_time(struct world *w)
{
	if (w->hook == HOOK_HANGS)
		return w->run.hook_allow;
	return between(w, S, 20 * S);
}

static void
begin_hook(struct world *w)
{
	w->hooks++;
	w->hook_at = w->now + between(w, S, 6 * S);
}

/* Logged in by now. */
static void
pass_hook(struct world *w)
{
	if (w->hook_at == 0 || w->now < w->hook_at)
		return;
	w->hook_at = 0;
	if (w->host.state != UP)
		return;
	if (w->hook == HOOK_REBOOTS)
		stop_box(w, &w->host, false);
	else if (w->hook == HOOK_GOES_OFF)
		stop_box(w, &w->host, true);
}

static void
begin(struct world *w, enum run_action action)
{
	struct doing d = {.action = action, .step = w->run.step, .asked = w->now};

	switch (action) {
	case RUN_ACT_PREFLIGHT: d.ends = w->now + between(w, S, 8 * S); break;
	case RUN_ACT_HOOK:
		begin_hook(w);
		d.ends = w->now + hook_time(w);
		break;
	case RUN_ACT_POWER_OFF:
		if (w->run.graceful > 0 && w->acpi)
			stop_box(w, w->bmc, true);
		break;
	case RUN_ACT_POWER_ON:
		if (w->bmc->state == OFF)
			start_box(w, w->bmc, BY_BMC);
		d.ends = w->now + between(w, S, 5 * S);
		break;
	case RUN_ACT_WATCH_OFF:
		if (w->moody)
			d.ends = w->now + S;
		break;
	case RUN_ACT_CAUSE: d.ends = w->now + between(w, S, 8 * S); break;
	case RUN_ACT_PROBE: w->probing = true; return;
	case RUN_ACT_PROBE_NOW: w->probe_at = w->now; return;
	case RUN_ACT_PROBE_STOP: w->probing = false; return;
	case RUN_ACT_IDENT: w->looking = true; return;
	case RUN_ACT_IDENT_STOP: w->looking = false; return;
	case RUN_ACT_CANCEL_STEP: w->n_doing = 0; return;
	case RUN_ACT_NONE:
	case RUN_ACT_ARM:
	case RUN_ACT_FLAGS:
	case RUN_ACT_CONTROL:
	case RUN_ACT_PUBLISH:
	case RUN_ACT_END: return;
	}
	assert_true(w->n_doing < STEPS);
	w->doing[w->n_doing++] = d;
}

static void
give(struct world *w, struct run_input in)
{
	struct run_out out;
	json_t *v;

	if (!w->agent_up)
		return;
	run_fsm_step(&w->run, &in, w->now, &w->rng, &out);
	if (out.changed || out.n_events > 0) {
		v = run_to_json(&w->run);
		free(w->saved);
		w->saved = json_dumps(v, JSON_COMPACT);
		json_decref(v);
	}
	for (size_t i = 0; i < out.n_actions && w->agent_up; i++)
		if (!strike(w))
			begin(w, out.actions[i]);
	run_fsm_out_done(&out);
}

static void
end_step(struct world *w, const struct doing *d, const char *code, bool retry)
{
	char ident[RUN_IDENT_SIZE] = "";
	struct error err;
	unsigned cause = w->moody && chance(w, 300) ? 0 : w->bmc->cause;

	error_set(&err, 0, code, "next", "simulated");
	if (d->action == RUN_ACT_CAUSE) {
		give(w, (struct run_input){.type = RUN_IN_CAUSE, .cause = cause});
		return;
	}
	if (d->action == RUN_ACT_PREFLIGHT && w->readable && w->host.state == UP)
		snprintf(ident, sizeof(ident), "boot-%u", w->host.boots);
	give(w, (struct run_input){.type = RUN_IN_STEP,
		    .step = d->step,
		    .ok = code[0] == '\0',
		    .retry = retry,
		    .err = &err,
		    .evidence = "simulated",
		    .ident = ident,
		    .cause = w->run.hook ? cause : 0});
}

static const char *
hook_code(struct world *w, bool *ret_retry)
{
	*ret_retry = w->hook == HOOK_HANGS;
	if (w->hook == HOOK_REBOOTS || w->hook == HOOK_GOES_OFF)
		*ret_retry = w->broken;
	return w->hook == HOOK_FAILS || w->host.state == OFF || *ret_retry ? "hook-failed"
									   : "";
}

/* Has this action come to its end? Then *ret_code says how. */
static bool
has_ended(struct world *w, const struct doing *d, const char **ret_code, bool *ret_retry)
{
	bool off = w->bmc->state == OFF;

	*ret_code = "";
	*ret_retry = false;
	if (d->action == RUN_ACT_WATCH_OFF && d->ends != 0)
		*ret_code = "bmc-busy";
	if (d->action == RUN_ACT_HOOK && w->now >= d->ends)
		*ret_code = hook_code(w, ret_retry);
	if (d->ends != 0)
		return w->now >= d->ends;
	if (d->action == RUN_ACT_POWER_OFF && !off &&
	    w->now >= d->asked + w->run.graceful && w->run.force != BUNDLE_FORCE_NEVER) {
		w->hard_offs++;
		w->bmc->state = OFF;
		w->bmc->until = 0;
		return false; /* seen a second later */
	}
	if (d->action == RUN_ACT_POWER_OFF && !off && w->now >= w->run.due - S) {
		*ret_code = "graceful-timeout";
		return true;
	}
	return off;
}

static void
pass_steps(struct world *w)
{
	for (size_t i = 0; i < w->n_doing; i++) {
		struct doing d = w->doing[i];
		const char *code;
		bool retry;

		if (!has_ended(w, &d, &code, &retry))
			continue;
		w->doing[i] = w->doing[--w->n_doing];
		end_step(w, &d, code, retry);
		return;
	}
}

static void
ask_machine(struct world *w)
{
	char ident[RUN_IDENT_SIZE];
	struct error err;

	if (w->probing && w->now >= w->probe_at) {
		bool up;

		w->lost = w->lossy && !w->lost && chance(w, 50);
		up = w->host.state == UP && !w->lost;
		w->probe_at = w->now + (up ? 3 * S : 5 * S / 2);
		give(w, (struct run_input){
			    .type = RUN_IN_PROBE, .ok = up, .evidence = "answers"});
	}
	if (!w->looking || w->now < w->look_at)
		return;
	w->look_at = w->now + 5 * S;
	snprintf(ident, sizeof(ident), "boot-%u", w->host.boots);
	error_set(&err, 0, "boot-id-unread", NULL, "simulated");
	give(w, (struct run_input){.type = RUN_IN_IDENT,
		    .ok = w->host.state == UP && w->readable,
		    .ident = ident,
		    .err = &err});
}

/* ---- the world ---- */

static void
pass_second(struct world *w)
{
	w->now += S;
	pass_box(w, &w->host);
	pass_box(w, &w->other);
	pass_hook(w);
	if (!w->agent_up) {
		if (w->now < w->agent_at)
			return;
		w->agent_up = true;
		give(w, (struct run_input){.type = RUN_IN_RECOVER});
	}
	strike(w);
	pass_steps(w);
	ask_machine(w);
	give(w, (struct run_input){.type = RUN_IN_TICK});
	if (w->cancelled && chance(w, 5))
		give(w, (struct run_input){.type = RUN_IN_CANCEL, .by = "somebody"});
}

static void
plan(struct world *w, bool wrong_bmc)
{
	static struct bundle b;
	struct run_limits limits = {.hook = 60 * S};

	memset(&b, 0, sizeof(b));
	id_make(w->now, &w->rng, b.job);
	b.kind = BUNDLE_REBOOT;
	b.force = (enum bundle_force)rng_below(&w->rng, 3);
	b.graceful_us = 60 * S;
	str_clip(b.host.name, sizeof(b.host.name), "edge01");
	if (chance(w, 700))
		str_clip(b.host.probe, sizeof(b.host.probe), "tcp:22");
	if (b.force != BUNDLE_FORCE_AT_ONCE && chance(w, 600))
		str_clip(b.hook, sizeof(b.hook), "systemctl reboot");
	run_plan(&b, &limits, &w->run);
	w->hook = (enum hook)rng_below(&w->rng, 5);
	w->bmc = wrong_bmc ? &w->other : &w->host;
	w->acpi = chance(w, 700);
	w->readable = chance(w, 600);
	w->broken = chance(w, 300);
	w->comes_back = chance(w, 850);
	w->moody = chance(w, 200);
	w->tells = chance(w, 600);
	w->host.cause = w->other.cause =
	    (unsigned[]){0, UNKNOWN, BY_BMC, BY_ITSELF}[rng_below(&w->rng, 4)];
	w->lossy = chance(w, 300); /* never two in a row */
	w->cancelled = chance(w, 50);
	w->kills_left = chance(w, 500) ? (unsigned)rng_below(&w->rng, 6) : 0;
}

struct totals {
	unsigned done, failed, cancelled, proven, caused;
};

static void
check_end(const struct world *w, uint64_t seed, struct totals *totals)
{
	const struct run *r = &w->run;
	bool watched = run_planned(r, STAGE_OS_UP);

	if (!run_ended(r))
		fail_msg("seed %llu: stage %s, phase %d", (unsigned long long)seed,
		    stage_name(r->stage), (int)r->phase);
	if (w->hooks > 1)
		fail_msg("seed %llu: %u hooks", (unsigned long long)seed, w->hooks);
	if (r->force == BUNDLE_FORCE_NEVER && w->hard_offs > 0)
		fail_msg("seed %llu: forced", (unsigned long long)seed);
	if (r->stage == STAGE_FAILED)
		assert_string_not_equal(r->verdict.code, "");
	if (r->stage == STAGE_DONE && watched && w->host.boots < 2)
		fail_msg("seed %llu: done, and not rebooted", (unsigned long long)seed);
	totals->done += r->stage == STAGE_DONE;
	totals->proven += r->stage == STAGE_DONE && watched;
	totals->caused += r->stage == STAGE_DONE && r->asked && r->ident[0] == '\0';
	totals->failed += r->stage == STAGE_FAILED;
	totals->cancelled += r->stage == STAGE_CANCELLED;
}

static void
run_seed(uint64_t seed, struct totals *totals)
{
	struct world *w = str_alloc(sizeof(*w));

	w->now = 1000 * HORIZON;
	w->rng = rng_seeded(seed);
	w->agent_up = true;
	w->host = w->other = (struct box){.state = UP, .boots = 1};
	plan(w, chance(w, 150));
	json_t *v = run_to_json(&w->run);
	w->saved = json_dumps(v, JSON_COMPACT);
	json_decref(v);
	give(w, (struct run_input){.type = RUN_IN_START});
	while (!(run_ended(&w->run) && w->agent_up) && w->now < 1001 * HORIZON)
		pass_second(w);
	check_end(w, seed, totals);
	free(w->saved);
	free(w);
}

static void
test_reboots(void **state)
{
	const char *count = getenv("SIM_SEEDS");
	const char *one = getenv("SIM_SEED");
	uint64_t n = count == NULL ? DEFAULT_SEEDS : strtoull(count, NULL, 10);
	struct totals totals = {0};

	(void)state;
	if (one != NULL) {
		run_seed(strtoull(one, NULL, 10), &totals);
		return;
	}
	for (uint64_t seed = 1; seed <= n; seed++)
		run_seed(seed, &totals);
	print_message("%u done (%u proven, %u of them by the cause), %u failed, %u "
		      "cancelled\n",
	    totals.done, totals.proven, totals.caused, totals.failed, totals.cancelled);
	/* The simulation must reach both ends to mean anything. */
	assert_true(totals.proven > n / 10 && totals.failed > n / 20 &&
		    (totals.caused > 0 || n < 1000));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_reboots)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
