/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole IPMI engine but for its sockets, against simulated BMCs in virtual time, over
 * a network that loses, delays, reorders and repeats packets. Many seeds; for each,
 * whatever happens:
 *   - every call ends, once, within its deadline and the time of one farewell
 *   - a cycle or reset is executed at most once, and exactly once if it is reported as
 * done
 *   - what is reported as seen or kept was so at the BMC
 *   - a BMC never has two calls of ours at once, and all its slots become free again
 * SIM_SEEDS=N runs more seeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"
#include "tests/sim/agent/bmc_world.h"

enum { DEFAULT_SEEDS = 150 };

static void
random_faults(struct world *w, struct bmcsim_bmc *b)
{
	struct bmcsim_faults *f = &b->faults;

	b->power = bmc_world_chance(w, 50);
	f->d5 = bmc_world_chance(w, 30);
	f->busy = bmc_world_chance(w, 20) ? (int)rng_below(&w->rng, 4) : 0;
	f->busy_code = bmc_world_chance(w, 50) ? 0xD2 : 0;
	f->lose_reply = bmc_world_chance(w, 20);
	f->control_c3 = bmc_world_chance(w, 10);
	f->no_dedup = bmc_world_chance(w, 50);
	f->cycle_ms = bmc_world_chance(w, 50) ? 1 + (int)rng_below(&w->rng, 8000) : 0;
	f->lose_on = bmc_world_chance(w, 20);
	f->off_ms = bmc_world_chance(w, 30) ? 4000 : 0;
	f->ignore_soft = bmc_world_chance(w, 30);
	f->soft_ms = bmc_world_chance(w, 30) ? 3000 : 0;
	f->suites = bmc_world_chance(w, 30) ? 1 + (int)rng_below(&w->rng, 2) : 0;
	f->suite_silent = bmc_world_chance(w, 20);
	f->echo_level = bmc_world_chance(w, 20);
	f->open_level_keys = bmc_world_chance(w, 15);
	f->refuse_options = bmc_world_chance(w, 20) ? 0x19 : 0;
	f->drop_efi = bmc_world_chance(w, 10);
	f->rakp3_once = bmc_world_chance(w, 30);
	f->no_slots = bmc_world_chance(w, 5);
	f->dead = bmc_world_chance(w, 5);
}

static void
random_order(struct world *w)
{
	enum bmc_seq_kind kind =
	    (enum bmc_seq_kind)rng_below(&w->rng, BMC_SEQ_EXAMINE + 1);
	struct order *o =
	    bmc_world_submit(w, (unsigned)rng_below(&w->rng, BMC_WORLD_BMCS), kind,
		(enum bmc_action)rng_below(&w->rng, BMC_ACTION_SOFT + 1), 300000000);

	if (bmc_world_chance(w, 8)) {
		for (unsigned i = (unsigned)rng_below(&w->rng, 40); i > 0; i--)
			bmc_world_step(w);
		if (o->n_done == 0) {
			o->cancelled = true;
			w->cancelled[o->bmc][0] +=
			    kind == BMC_SEQ_CONTROL && o->action == BMC_ACTION_CYCLE;
			w->cancelled[o->bmc][1] +=
			    kind == BMC_SEQ_CONTROL && o->action == BMC_ACTION_RESET;
			w->left--;
			bmc_pool_cancel(w->pool, o->id, w->now);
		}
	}
}

/* Any orders, any faults, any weather. */
static void
chaos(uint64_t seed)
{
	struct world *w = bmc_world_new(seed);

	w->loss = (unsigned)rng_below(&w->rng, 35);
	w->repeat = (unsigned)rng_below(&w->rng, 20);
	w->slow = (unsigned)rng_below(&w->rng, 5);
	for (unsigned i = 0; i < BMC_WORLD_BMCS; i++)
		random_faults(w, &w->bmcs[i]);
	for (unsigned i = 0; i < BMC_WORLD_CALLS; i++)
		random_order(w);
	bmc_world_run(w);
	for (unsigned i = 0; i < w->n_orders; i++)
		assert_int_equal(w->orders[i].n_done, !w->orders[i].cancelled);
	for (unsigned i = 0; i < BMC_WORLD_BMCS;
	     i++) { /* lost farewells are cured by the BMC's clock */
		w->bmcs[i].faults.dead = w->bmcs[i].faults.drop = 0;
		bmcsim_input(&w->bmcs[i], w->now + BMCSIM_SESSION_US,
		    (const uint8_t *)"\6\0\xFF\7\6", 5, (uint8_t[BMCSIM_PACKET_MAX]){0});
		assert_int_equal(bmcsim_slots_used(&w->bmcs[i], false), 0);
	}
	bmc_world_free(w);
}

static void
never_twice_and_never_for_ever(void **state)
{
	const char *text = getenv("SIM_SEEDS");
	unsigned long n = text != NULL ? strtoul(text, NULL, 10) : DEFAULT_SEEDS;

	(void)state;
	for (unsigned long seed = 1; seed <= n; seed++)
		chaos(seed);
}

/* In fair weather every order succeeds, and every session is closed by us. */
static void
fair_weather_leaves_nothing_open(void **state)
{
	struct world *w = bmc_world_new(7);

	(void)state;
	for (unsigned i = 0; i < BMC_WORLD_BMCS; i++) {
		bmc_world_submit(w, i, BMC_SEQ_PROBE, 0, 30000000);
		bmc_world_submit(w, i, BMC_SEQ_OVERRIDE, 0, 60000000);
		bmc_world_submit(w, i, BMC_SEQ_ON_SEEN, 0, 60000000);
		bmc_world_submit(w, i, BMC_SEQ_CONTROL, BMC_ACTION_CYCLE, 60000000);
	}
	bmc_world_run(w);
	for (unsigned i = 0; i < w->n_orders; i++)
		assert_true(w->orders[i].ok);
	for (unsigned i = 0; i < BMC_WORLD_BMCS; i++) {
		assert_int_equal(bmcsim_slots_used(&w->bmcs[i], false), 0);
		assert_int_equal(w->bmcs[i].counts.sessions, w->bmcs[i].counts.closed);
		assert_int_equal(w->bmcs[i].counts.opens, w->bmcs[i].counts.sessions);
		assert_int_equal(w->bmcs[i].counts.pxe_boots, 1);
	}
	bmc_world_free(w);
}

/* Five dead BMCs and room for four at once: the sixth's calls do not wait for the dead.
 */
static void
the_dead_delay_nobody(void **state)
{
	struct world *w = bmc_world_new(11);
	struct order *alive[3];
	int64_t begin = w->now;

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		w->bmcs[i].faults.dead = 1;
		bmc_world_submit(w, i, BMC_SEQ_STATUS, 0, 20000000);
	}
	for (unsigned i = 0; i < 3; i++)
		alive[i] = bmc_world_submit(w, 5, BMC_SEQ_STATUS, 0, 20000000);
	while (alive[2]->n_done == 0)
		assert_true(bmc_world_step(w));
	assert_true(w->now - begin < 3000000);
	bmc_world_run(w);
	for (unsigned i = 0; i < 5; i++)
		assert_false(w->orders[i].ok);
	bmc_world_free(w);
}

/* Nor does a name server that does not answer. */
static void
slow_names_delay_nobody(void **state)
{
	struct world *w = bmc_world_new(11);
	struct order *alive;
	int64_t begin = w->now;

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		w->name_delay[i] = 25000000;
		bmc_world_submit(w, i, BMC_SEQ_STATUS, 0, 20000000);
	}
	alive = bmc_world_submit(w, 5, BMC_SEQ_STATUS, 0, 20000000);
	while (alive->n_done == 0)
		assert_true(bmc_world_step(w));
	assert_true(alive->ok && w->now - begin < 3000000);
	bmc_world_run(w);
	for (unsigned i = 0; i < 5; i++)
		assert_string_equal(w->orders[i].code, "bmc-unreachable");
	bmc_world_free(w);
}

/* An unanswered cycle that stays off long enough to be seen is known to have come through,
 * and what was not seen is not claimed. */
static void
unanswered_controls_are_looked_for(void **state)
{
	struct world *w = bmc_world_new(5);
	struct order *cycle, *brief, *reset;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		w->bmcs[i].power = true;
		w->bmcs[i].faults.lose_reply = 1;
		w->bmcs[i].faults.no_dedup = 1;
	}
	w->bmcs[0].faults.cycle_ms = 6000;
	cycle = bmc_world_submit(w, 0, BMC_SEQ_CONTROL, BMC_ACTION_CYCLE, 30000000);
	brief = bmc_world_submit(w, 1, BMC_SEQ_CONTROL, BMC_ACTION_CYCLE, 30000000);
	reset = bmc_world_submit(w, 2, BMC_SEQ_CONTROL, BMC_ACTION_RESET, 30000000);
	bmc_world_run(w);
	assert_true(cycle->ok);
	assert_string_equal(brief->code, "power-unconfirmed");
	assert_string_equal(reset->code, "power-unconfirmed");
	assert_int_equal(w->bmcs[0].counts.controls[BMCSIM_CYCLE], 1);
	assert_int_equal(w->bmcs[1].counts.controls[BMCSIM_CYCLE], 1);
	assert_int_equal(w->bmcs[2].counts.controls[BMCSIM_RESET], 1);
	bmc_world_free(w);
}

/* Fifty percent of all packets lost: cycles are still executed at most once. */
static void
half_the_packets_lost(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct world *w = bmc_world_new(seed);

		w->loss = 50;
		for (unsigned i = 0; i < BMC_WORLD_BMCS; i++) {
			w->bmcs[i].power = true;
			w->bmcs[i].faults.no_dedup = i % 2;
			bmc_world_submit(
			    w, i, BMC_SEQ_CONTROL, BMC_ACTION_CYCLE, 120000000);
		}
		bmc_world_run(w);
		bmc_world_free(w);
	}
}

/* What worked is remembered: the next call begins with it. */
static void
suite_and_variant_are_remembered(void **state)
{
	struct world *w = bmc_world_new(3);
	struct order *o;
	int64_t begin;

	(void)state;
	w->bmcs[0].faults.suites = 1;
	w->bmcs[0].faults.suite_silent = 1;
	w->bmcs[1].faults.open_level_keys = 1;
	bmc_world_submit(w, 0, BMC_SEQ_STATUS, 0, 30000000);
	bmc_world_submit(w, 1, BMC_SEQ_STATUS, 0, 30000000);
	bmc_world_run(w);
	assert_int_equal(w->bmcs[1].counts.rakp1, 2);
	begin = w->now;
	o = bmc_world_submit(w, 0, BMC_SEQ_STATUS, 0, 30000000);
	bmc_world_submit(w, 1, BMC_SEQ_STATUS, 0, 30000000);
	while (o->n_done == 0)
		assert_true(bmc_world_step(w));
	assert_true(w->now - begin < 2000000);
	bmc_world_run(w);
	assert_int_equal(w->bmcs[1].counts.rakp1, 3);
	/* … and a wrong password is then tried exactly once. */
	str_clip(w->cfg.password, sizeof w->cfg.password, "wrong");
	o = bmc_world_submit(w, 1, BMC_SEQ_STATUS, 0, 30000000);
	bmc_world_run(w);
	assert_string_equal(o->code, "bmc-auth");
	assert_int_equal(w->bmcs[1].counts.rakp1, 4);
	assert_int_equal(w->bmcs[1].counts.bad_auth, 0);
	bmc_world_free(w);
}

/* 17 worked, and now only 3 does: told once, and where the policy asks for 17 not accepted. */
static void
a_downgrade_is_told(void **state)
{
	struct world *w = bmc_world_new(3);
	struct order *o;

	(void)state;
	for (unsigned silent = 0; silent < 2; silent++) {
		w->bmcs[silent].faults.suites = 0;
		o = bmc_world_submit(w, silent, BMC_SEQ_STATUS, 0, 30000000);
		bmc_world_run(w);
		assert_true(o->ok && o->cipher == 17 && !o->downgrade);
		w->bmcs[silent].faults.suites = 1;
		w->bmcs[silent].faults.suite_silent = (int)silent;
		w->cfg.require_cipher = 17;
		o = bmc_world_submit(w, silent, BMC_SEQ_STATUS, 0, 30000000);
		bmc_world_run(w);
		assert_string_equal(o->code, silent ? "bmc-unreachable" : "bmc-cipher");
		assert_int_equal(o->downgrade, !silent);
		assert_int_equal(w->bmcs[silent].counts.sessions, 1);
		w->cfg.require_cipher = 0;
		o = bmc_world_submit(w, silent, BMC_SEQ_STATUS, 0, 60000000);
		bmc_world_run(w);
		assert_true(o->ok && o->cipher == 3 && o->downgrade);
		o = bmc_world_submit(w, silent, BMC_SEQ_STATUS, 0, 30000000);
		bmc_world_run(w);
		assert_true(o->ok && o->cipher == 3 && !o->downgrade);
	}
	assert_int_equal(w->n_downgrades, 3);
	w->cfg.require_cipher = 17;
	w->cfg.cipher = 3;
	o = bmc_world_submit(w, 2, BMC_SEQ_STATUS, 0, 30000000);
	bmc_world_run(w);
	assert_string_equal(o->code, "bmc-cipher");
	assert_int_equal(w->bmcs[2].counts.opens, 0);
	bmc_world_free(w);
}

static void
orders_that_cannot_be_carried_out(void **state)
{
	struct world *w = bmc_world_new(3);
	struct order *none, *weak, *lost;

	(void)state;
	w->cfg.cipher = 1;
	weak = bmc_world_submit(w, 0, BMC_SEQ_STATUS, 0, 5000000);
	w->cfg.cipher = 0;
	w->cfg.address[0] = '\0';
	none = bmc_world_submit(w, 1, BMC_SEQ_STATUS, 0, 5000000);
	bmc_world_run(w);
	assert_string_equal(weak->code, "bmc-cipher");
	assert_string_equal(none->code, "no-bmc");
	assert_int_equal(w->bmcs[0].counts.opens + w->bmcs[1].counts.opens, 0);
	w->no_route = true;
	str_clip(w->cfg.address, sizeof w->cfg.address, "192.0.2.1");
	lost = bmc_world_submit(w, 2, BMC_SEQ_STATUS, 0, 5000000);
	bmc_world_run(w);
	assert_string_equal(lost->code, "bmc-unreachable");
	bmc_world_free(w);
}

/* A call behind a slow one ends at its own deadline, and a cancelled one makes room. */
static void
queued_calls_have_deadlines_and_can_be_cancelled(void **state)
{
	struct world *w = bmc_world_new(3);
	struct order *waiting, *last;

	(void)state;
	w->bmcs[0].power = true;
	w->bmcs[0].faults.ignore_off = w->bmcs[0].faults.ignore_soft = 1;
	bmc_world_submit(w, 0, BMC_SEQ_OFF_SEEN, 0, 30000000);
	waiting = bmc_world_submit(w, 0, BMC_SEQ_STATUS, 0, 5000000);
	last = bmc_world_submit(w, 0, BMC_SEQ_STATUS, 0, 100000000);
	while (waiting->n_done == 0)
		assert_true(bmc_world_step(w));
	assert_string_equal(waiting->code, "bmc-busy");
	assert_true(last->n_done == 0);
	w->orders[0].cancelled = true;
	w->left--;
	bmc_pool_cancel(w->pool, w->orders[0].id, w->now);
	bmc_world_run(w);
	assert_true(last->ok);
	assert_int_equal(w->orders[0].n_done, 0);
	assert_int_equal(bmcsim_slots_used(&w->bmcs[0], false), 0);
	bmc_world_free(w);
}

/* A job's call does not wait for what was asked of its BMC beside it, but for what has begun. */
static void
a_job_goes_first(void **state)
{
	struct world *w = bmc_world_new(3);
	struct order *begun, *asked, *job, *next;

	(void)state;
	begun = bmc_world_submit(w, 0, BMC_SEQ_STATUS, 0, 30000000);
	asked = bmc_world_submit(w, 0, BMC_SEQ_STATUS, 0, 30000000);
	job = bmc_world_submit(w, 0, BMC_SEQ_OVERRIDE, 0, 30000000);
	bmc_pool_insist(w->pool, job->id);
	next = bmc_world_submit(w, 0, BMC_SEQ_ON_SEEN, 0, 30000000);
	bmc_pool_insist(w->pool, next->id);
	bmc_pool_insist(w->pool, begun->id);
	while (job->n_done == 0) {
		assert_true(asked->n_done == 0 && next->n_done == 0);
		assert_true(bmc_world_step(w));
	}
	assert_true(begun->n_done == 1);
	while (next->n_done == 0) {
		assert_int_equal(asked->n_done, 0);
		assert_true(bmc_world_step(w));
	}
	bmc_world_run(w);
	assert_true(begun->ok && asked->ok && job->ok && next->ok);
	bmc_world_free(w);
}

/* Cancelled before it began, a call sends nothing, whatever else begins meanwhile. */
static void
cancelled_before_it_began(void **state)
{
	struct world *w = bmc_world_new(3);
	struct order *o;

	(void)state;
	w->bmcs[0].power = true;
	o = bmc_world_submit(w, 0, BMC_SEQ_OFF_SEEN, 0, 30000000);
	bmc_world_submit(w, 0, BMC_SEQ_STATUS, 0, 30000000);
	bmc_world_submit(w, 1, BMC_SEQ_STATUS, 0, 30000000);
	o->cancelled = true;
	w->left--;
	bmc_pool_cancel(w->pool, o->id, w->now);
	w->conns[0].timer++; /* the others' timers come first */
	bmc_world_run(w);
	assert_true(w->bmcs[0].power);
	assert_int_equal(w->bmcs[0].counts.sessions, 1);
	assert_true(w->orders[1].ok && w->orders[2].ok);
	bmc_world_free(w);
}

/* A cycle that is answered "busy" to the end was not carried out, and that is said. */
static void
busy_control_is_not_in_the_dark(void **state)
{
	struct world *w = bmc_world_new(3);
	struct order *o;

	(void)state;
	w->bmcs[0].power = true;
	w->bmcs[0].faults.busy_control = 1;
	o = bmc_world_submit(w, 0, BMC_SEQ_CONTROL, BMC_ACTION_CYCLE, 30000000);
	bmc_world_run(w);
	assert_string_equal(o->code, "bmc-busy");
	assert_int_equal(w->bmcs[0].counts.controls[BMCSIM_CYCLE], 0);
	bmc_world_free(w);
}

/* Nor is a cold reset that was answered "busy" to the end one that was sent and not answered. */
static void
busy_reset_is_not_done(void **state)
{
	struct world *w = bmc_world_new(3);
	struct order *o;

	(void)state;
	w->bmcs[0].faults.busy = -1;
	w->question.kind = BMC_QUESTION_RESET;
	o = bmc_world_submit(w, 0, BMC_SEQ_ASK, 0, 30000000);
	bmc_world_run(w);
	assert_string_equal(o->code, "bmc-busy");
	bmc_world_free(w);
}

/* One sensor that is busy for good, as behind a bus that hangs, does not take the others with it. */
static void
a_busy_sensor_is_left_out(void **state)
{
	struct world *w = bmc_world_new(3);
	struct order *o;
	const struct bmc_seq *seq = NULL;
	const char *status;
	const json_t *rows;

	(void)state;
	w->question.kind = BMC_QUESTION_SENSORS;
	o = bmc_world_submit(w, 0, BMC_SEQ_ASK, 0, 60000000);
	do {
		if (w->n_conns > 0 && w->conns[0].call != NULL)
			seq = &w->conns[0].call->seq;
		w->bmcs[0].faults.busy = seq != NULL && o->n_done == 0 &&
						 seq->cmd.netfn == BMC_NETFN_SENSOR &&
						 seq->cmd.data[0] == 2
					     ? -1
					     : 0;
	} while (bmc_world_step(w) && o->n_done == 0);
	assert_string_equal(o->code, "");
	rows = json_object_get(o->learned, "sensors");
	assert_int_equal(json_array_size(rows), BMCSIM_SENSORS);
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);

		status = json_string_value(json_object_get(row, "status"));
		assert_int_equal(str_eq(status, "refused"),
		    json_integer_value(json_object_get(row, "number")) == 2);
	}
	bmc_world_run(w);
	bmc_world_free(w);
}

/* A pool that is dropped in the middle says farewell everywhere. */
static void
dropped_pool_closes_its_sessions(void **state)
{
	(void)state;
	for (unsigned steps = 0; steps < 60; steps++) {
		struct world *w = bmc_world_new(3);
		uint8_t reply[BMCSIM_PACKET_MAX];

		for (unsigned i = 0; i < BMC_WORLD_BMCS; i++)
			bmc_world_submit(w, i, BMC_SEQ_ON_SEEN, 0, 30000000);
		for (unsigned i = 0; i < steps; i++)
			bmc_world_step(w);
		bmc_pool_free(w->pool, w->now);
		for (unsigned i = 0; i < BMC_WORLD_EVENTS; i++)
			if (w->packets[i].at != 0 && w->packets[i].to_bmc)
				bmcsim_input(&w->bmcs[w->conns[w->packets[i].conn].bmc],
				    w->now, w->packets[i].data, w->packets[i].len, reply);
		for (unsigned i = 0; i < BMC_WORLD_BMCS; i++)
			assert_int_equal(bmcsim_slots_used(&w->bmcs[i], true), 0);
		w->pool = NULL;
		bmc_world_free(w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fair_weather_leaves_nothing_open),
	    cmocka_unit_test(the_dead_delay_nobody),
	    cmocka_unit_test(slow_names_delay_nobody),
	    cmocka_unit_test(unanswered_controls_are_looked_for),
	    cmocka_unit_test(half_the_packets_lost),
	    cmocka_unit_test(suite_and_variant_are_remembered),
	    cmocka_unit_test(a_downgrade_is_told),
	    cmocka_unit_test(orders_that_cannot_be_carried_out),
	    cmocka_unit_test(queued_calls_have_deadlines_and_can_be_cancelled),
	    cmocka_unit_test(a_job_goes_first),
	    cmocka_unit_test(cancelled_before_it_began),
	    cmocka_unit_test(busy_control_is_not_in_the_dark),
	    cmocka_unit_test(busy_reset_is_not_done),
	    cmocka_unit_test(a_busy_sensor_is_left_out),
	    cmocka_unit_test(dropped_pool_closes_its_sessions),
	    cmocka_unit_test(never_twice_and_never_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
