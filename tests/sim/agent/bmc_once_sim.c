/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What may reach a BMC only once, and what must survive its reboot, in virtual time:
 *   - under loss, repetition and reordering a cold reset is executed at most once, and the event log is
 *     erased once: an entry that came after that is never lost
 *   - whichever command it is that the BMC reboots at, an override that is reported as done is complete
 *     (parameter 3 too), a machine that is switched on with it boots from the network, a cycle is
 *     executed at most once, and a question has its whole answer or a failure
 * Many seeds; SIM_SEEDS=N runs more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/agent/bmc_world.h"

enum { DEFAULT_SEEDS = 40, REBOOTS_AT = 40, TIMEOUT = 120000000, LATER = 0x77 };

static unsigned
seeds(void)
{
	const char *text = getenv("SIM_SEEDS");

	return text != NULL ? (unsigned)strtoul(text, NULL, 10) : DEFAULT_SEEDS;
}

static void
fill_log(struct world *w, struct bmcsim_bmc *b, unsigned n)
{
	while (n-- > 0)
		bmcsim_sel_add(b, w->now,
		    (const uint8_t[16]){0, 0, 2, 0, 0, 0, 0, 0x20, 0, 4, 4, 5, 1});
}

/* As soon as a log has been erased something happens there. */
static void
add_later_entry(struct world *w)
{
	static const uint8_t later[16] = {0, 0, 2, 0, 0, 0, 0, 0x20, 0, 4, 4, LATER, 1};

	for (unsigned i = 0; i < BMC_WORLD_BMCS; i++)
		if (w->bmcs[i].counts.sel_clears == 1 && w->bmcs[i].sel.n == 0)
			bmcsim_sel_add(&w->bmcs[i], w->now, later);
}

static bool
has_later_entry(const struct bmcsim_bmc *b)
{
	for (unsigned i = 0; i < b->sel.n; i++)
		if (b->sel.entries[i][11] == LATER)
			return true;
	return false;
}

static bool
is_true(const struct order *o, const char *member)
{
	return json_is_true(json_object_get(o->learned, member));
}

static void
bad_weather(struct world *w)
{
	w->loss = (unsigned)rng_below(&w->rng, 30);
	w->repeat = (unsigned)rng_below(&w->rng, 30);
	w->slow = (unsigned)rng_below(&w->rng, 5);
	for (unsigned i = 0; i < BMC_WORLD_BMCS; i++) {
		w->bmcs[i].limit = w->bmcs[i].users[1].level = 4;
		w->bmcs[i].faults.no_dedup = (int)(i % 2);
	}
	memcpy(w->cfg.privilege, "administrator", sizeof "administrator");
}

static void
a_log_is_erased_once(void **state)
{
	unsigned erased = 0, orders = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= seeds(); seed++) {
		struct world *w = bmc_world_new(seed);

		bad_weather(w);
		w->each_step = add_later_entry;
		w->question = (struct bmc_question){.kind = BMC_QUESTION_SEL_CLEAR};
		for (unsigned i = 0; i < BMC_WORLD_BMCS; i++) {
			fill_log(w, &w->bmcs[i], 3);
			bmc_world_submit(w, i, BMC_SEQ_ASK, 0, TIMEOUT);
		}
		bmc_world_run(w);
		for (unsigned i = 0; i < BMC_WORLD_BMCS; i++) {
			const struct bmcsim_bmc *b = &w->bmcs[i];

			assert_in_range(b->counts.sel_clears, w->orders[i].ok, 1);
			assert_int_equal(has_later_entry(b), b->counts.sel_clears);
			erased += w->orders[i].ok;
			orders++;
		}
		bmc_world_free(w);
	}
	assert_true(erased * 10 > orders * 8);
}

static void
a_bmc_is_reset_once(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= seeds(); seed++) {
		struct world *w = bmc_world_new(seed);

		bad_weather(w);
		w->question = (struct bmc_question){.kind = BMC_QUESTION_RESET};
		for (unsigned i = 0; i < BMC_WORLD_BMCS; i++) {
			w->bmcs[i].faults.reset_silent = bmc_world_chance(w, 50);
			bmc_world_submit(w, i, BMC_SEQ_ASK, 0, TIMEOUT);
		}
		bmc_world_run(w);
		for (unsigned i = 0; i < BMC_WORLD_BMCS; i++) {
			unsigned n = w->bmcs[i].counts.reboots;

			assert_in_range(
			    n, w->orders[i].ok && is_true(&w->orders[i], "answered"), 1);
		}
		bmc_world_free(w);
	}
}

/* Its n-th command is the last that it hears before it reboots. */
static struct world *
reboots_at(uint64_t seed, unsigned n, bool on)
{
	struct world *w = bmc_world_new(seed);

	w->bmcs[0].power = on;
	w->bmcs[0].faults.reboot_after = (int)n;
	w->bmcs[0].faults.reboot_ms = (int)(n % 3) * 3000 + 1;
	w->bmcs[0].faults.ff_ms = n % 2 ? 6000 : 0;
	return w;
}

static void
an_override_survives_a_reboot(void **state)
{
	(void)state;
	for (unsigned n = 1; n < REBOOTS_AT; n++)
		for (unsigned attempt = 1; attempt <= 4; attempt++) {
			struct world *w = reboots_at(n, n % 8, false);
			const struct bmcsim_bmc *b = &w->bmcs[0];
			enum bmc_variant v =
			    bmc_manners_variant(bmc_manners_usual(), attempt);

			w->attempt = attempt;
			bmc_world_submit(w, 0, BMC_SEQ_OVERRIDE, 0, TIMEOUT);
			bmc_world_run(w);
			assert_true(w->orders[0].ok);
			assert_memory_equal(b->flags, "\xA0\x04\0\0\0", 5);
			assert_int_equal(b->keep_flags, v == BMC_VARIANT_BARE	   ? 0
							: v == BMC_VARIANT_KEEP_1F ? 0x1F
										   : 8);
			bmc_world_free(w);
		}
}

static void
a_held_power_on_survives_a_reboot(void **state)
{
	(void)state;
	for (unsigned n = 1; n < REBOOTS_AT; n++) {
		struct world *w = reboots_at(n, n % 12, false);
		const struct bmcsim_bmc *b = &w->bmcs[0];

		if (n % 4 == 0)
			w->bmcs[0].faults.lose_on = 1;
		w->hold = n % 2;
		bmc_world_submit(w, 0, BMC_SEQ_OVERRIDE, 0, TIMEOUT);
		w->hold = true;
		bmc_world_submit(w, 0, BMC_SEQ_ON_SEEN, 0, TIMEOUT);
		bmc_world_run(w);
		assert_true(w->orders[0].ok && w->orders[1].ok);
		assert_true(b->power);
		assert_int_equal(b->counts.pxe_boots, 1);
		assert_int_equal(b->counts.starts, 1);
		bmc_world_free(w);
	}
}

static void
controls_survive_a_reboot(void **state)
{
	static const struct {
		enum bmc_seq_kind kind;
		enum bmc_action action;
		bool on;
	} rows[] = {
	    {BMC_SEQ_OFF_SEEN, 0, true},
	    {BMC_SEQ_ON_SEEN, 0, false},
	    {BMC_SEQ_CONTROL, BMC_ACTION_CYCLE, true},
	    {BMC_SEQ_CONTROL, BMC_ACTION_CYCLE, false},
	    {BMC_SEQ_CONTROL, BMC_ACTION_RESET, true},
	    {BMC_SEQ_CONTROL, BMC_ACTION_ON, false},
	    {BMC_SEQ_CONTROL, BMC_ACTION_OFF, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (unsigned n = 1; n < REBOOTS_AT; n++) {
			struct world *w = reboots_at(n, n % 6, rows[i].on);
			struct bmcsim_bmc *b = &w->bmcs[0];
			struct order *o;

			/* Of the answers one is lost as well, or says that it may have been too much. */
			b->faults.lose_reply = n % 5 == 0;
			b->faults.control_c3 = n % 5 == 1;
			o = bmc_world_submit(w, 0, rows[i].kind, rows[i].action, TIMEOUT);
			bmc_world_run(w);
			assert_true(o->ok || strcmp(o->code, "power-unconfirmed") == 0);
			assert_true(
			    b->counts.starts + b->counts.controls[BMCSIM_CYCLE] <= 2);
			/* What stands for a cycle of a machine that is off is no cycle besides. */
			if (!rows[i].on)
				assert_int_equal(b->counts.controls[BMCSIM_CYCLE], 0);
			bmc_world_free(w);
		}
}

static void
questions_survive_a_reboot(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind <= BMC_QUESTION_SENSORS; kind++)
		for (unsigned n = 1; n < REBOOTS_AT; n++) {
			struct world *w = reboots_at(n, n, false);
			struct order *o;

			w->bmcs[0].faults.ff_ms = 0;
			fill_log(w, &w->bmcs[0], 5);
			w->question =
			    (struct bmc_question){.kind = (enum bmc_question_kind)kind,
				.last = 20,
				.seconds = 15};
			o = bmc_world_submit(w, 0, BMC_SEQ_ASK, 0, TIMEOUT);
			bmc_world_run(w);
			assert_true(o->ok);
			if (kind == BMC_QUESTION_SEL)
				assert_int_equal(
				    json_array_size(json_object_get(o->learned, "sel")),
				    5);
			if (kind == BMC_QUESTION_SENSORS)
				assert_int_equal(json_array_size(json_object_get(
						     o->learned, "sensors")),
				    BMCSIM_SENSORS);
			if (kind == BMC_QUESTION_SEL_CLEAR)
				assert_int_equal(w->bmcs[0].counts.sel_clears, 1);
			bmc_world_free(w);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_log_is_erased_once),
	    cmocka_unit_test(a_bmc_is_reset_once),
	    cmocka_unit_test(an_override_survives_a_reboot),
	    cmocka_unit_test(a_held_power_on_survives_a_reboot),
	    cmocka_unit_test(controls_survive_a_reboot),
	    cmocka_unit_test(questions_survive_a_reboot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
