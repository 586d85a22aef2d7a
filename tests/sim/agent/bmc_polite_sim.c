/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pauses, circuit breaker and lockout stop, with the engine and simulated BMCs in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"
#include "tests/sim/agent/bmc_world.h"

enum { S = 1000000 };

static void
end(struct world *w, struct order *o)
{
	while (o->n_done == 0)
		assert_true(bmc_world_step(w));
}

/* Power off and on with three seconds between any two commands, in sessions a minute apart. */
static void
pauses_are_kept(void **state)
{
	struct world *w = bmc_world_new(3);
	struct order *off, *on;
	int64_t begin = w->now;

	(void)state;
	w->env.polite = (struct bmc_polite_rules){
	    .command_gap = 3 * S, .session_gap = 60 * S, .per_minute = 4};
	w->bmcs[0].power = true;
	off = bmc_world_submit(w, 0, BMC_SEQ_OFF_SEEN, 0, 300 * S);
	on = bmc_world_submit(w, 0, BMC_SEQ_ON_SEEN, 0, 300 * S);
	end(w, off);
	assert_true(off->ok);
	assert_true(w->now - begin >= 3 * 3 * S); /* level, look, soft, look */
	begin = w->now;
	end(w, on);
	assert_true(on->ok);
	assert_true(w->now - begin >= 60 * S);
	assert_int_equal(w->bmcs[0].counts.sessions, 2);
	bmc_world_run(w);
	bmc_world_free(w);
}

/* A call whose deadline comes before its turn is not the BMC's fault. */
static void
waiting_for_a_turn_is_no_failure(void **state)
{
	struct world *w = bmc_world_new(3);
	struct order *o;

	(void)state;
	w->env.polite = (struct bmc_polite_rules){.session_gap = 600 * S,
	    .breaker_after = 1,
	    .breaker_first = 600 * S,
	    .breaker_max = 600 * S};
	bmc_world_submit(w, 0, BMC_SEQ_STATUS, 0, 20 * S);
	bmc_world_run(w);
	o = bmc_world_submit(w, 0, BMC_SEQ_STATUS, 0, 20 * S);
	bmc_world_run(w);
	assert_string_equal(o->code, "bmc-busy");
	o = bmc_world_submit(w, 0, BMC_SEQ_STATUS, 0, 900 * S);
	bmc_world_run(w);
	assert_true(o->ok);
	bmc_world_free(w);
}

static void
a_dead_bmc_is_left_alone(void **state)
{
	struct world *w = bmc_world_new(3);
	struct order *o;
	unsigned unheard;
	int64_t begin;

	(void)state;
	w->env.polite = (struct bmc_polite_rules){
	    .breaker_after = 3, .breaker_first = 30 * S, .breaker_max = 300 * S};
	w->bmcs[0].faults.dead = 1;
	for (int i = 0; i < 3; i++) {
		o = bmc_world_submit(w, 0, BMC_SEQ_STATUS, 0, 20 * S);
		bmc_world_run(w);
		assert_string_equal(o->code, "bmc-unreachable");
	}
	unheard = w->bmcs[0].counts.unheard;
	begin = w->now;
	o = bmc_world_submit(w, 0, BMC_SEQ_STATUS, 0, 20 * S);
	bmc_world_run(w);
	assert_string_equal(o->code, "bmc-breaker");
	assert_int_equal(w->now, begin);
	assert_int_equal(w->bmcs[0].counts.unheard, unheard);
	/* Others go on meanwhile. */
	o = bmc_world_submit(w, 1, BMC_SEQ_STATUS, 0, 20 * S);
	bmc_world_run(w);
	assert_true(o->ok);
	/* A job's call goes through; it fails too, and the rest is doubled. */
	o = bmc_world_submit(w, 0, BMC_SEQ_STATUS, 0, 20 * S);
	bmc_pool_insist(w->pool, o->id);
	bmc_world_run(w);
	assert_string_equal(o->code, "bmc-unreachable");
	w->now += 40 * S;
	o = bmc_world_submit(w, 0, BMC_SEQ_STATUS, 0, 20 * S);
	bmc_world_run(w);
	assert_string_equal(o->code, "bmc-breaker");
	/* It is back: the first call after the rest finds it, and all is as before. */
	w->bmcs[0].faults.dead = 0;
	w->now += 40 * S;
	for (int i = 0; i < 3; i++) {
		o = bmc_world_submit(w, 0, BMC_SEQ_STATUS, 0, 20 * S);
		bmc_world_run(w);
		assert_true(o->ok);
	}
	bmc_world_free(w);
}

/* So is one that is busy to the end; calls that wait behind the one that opens the breaker end with it. */
static void
a_busy_bmc_is_left_alone(void **state)
{
	struct world *w = bmc_world_new(3);
	struct order *o[4];

	(void)state;
	w->env.polite = (struct bmc_polite_rules){
	    .breaker_after = 2, .breaker_first = 30 * S, .breaker_max = 300 * S};
	w->bmcs[0].faults.busy = -1;
	for (int i = 0; i < 4; i++)
		o[i] = bmc_world_submit(w, 0, BMC_SEQ_STATUS, 0, 20 * S + i * 20 * S);
	bmc_world_run(w);
	assert_string_equal(o[0]->code, "bmc-busy");
	assert_string_equal(o[1]->code, "bmc-busy");
	assert_string_equal(o[2]->code, "bmc-breaker");
	assert_string_equal(o[3]->code, "bmc-breaker");
	bmc_world_free(w);
}

/* FFh while it boots is borne for a minute, and then it is a refusal. */
static void
unspecified_error_while_booting(void **state)
{
	struct world *w = bmc_world_new(3);
	struct order *o;
	int64_t begin;

	(void)state;
	w->bmcs[0].faults.busy = 4;
	w->bmcs[0].faults.busy_code = 0xFF;
	w->bmcs[1].faults.busy = -1;
	w->bmcs[1].faults.busy_code = 0xFF;
	o = bmc_world_submit(w, 0, BMC_SEQ_STATUS, 0, 300 * S);
	end(w, o);
	assert_true(o->ok);
	begin = w->now;
	o = bmc_world_submit(w, 1, BMC_SEQ_STATUS, 0, 300 * S);
	bmc_world_run(w);
	assert_string_equal(o->code, "bmc-refused");
	assert_in_range(w->now - begin, 60 * S, 80 * S);
	/* A cycle may have been carried out: it is not sent again, nor told as refused. */
	w->bmcs[2].power = true;
	w->bmcs[2].faults.refuse_control = 0xFF;
	begin = w->now;
	o = bmc_world_submit(w, 2, BMC_SEQ_CONTROL, BMC_ACTION_CYCLE, 300 * S);
	end(w, o);
	assert_string_equal(o->code, "power-unconfirmed");
	assert_true(w->now - begin < 15 * S);
	bmc_world_run(w);
	bmc_world_free(w);
}

/* Four of six refuse the password: the fifth and sixth are not asked any more. */
static void
wrong_passwords_stop_all(void **state)
{
	struct world *w = bmc_world_new(3);
	struct bmc_lockout stop = {.window = 600LL * S, .more_than = 2, .percent = 20};
	struct order *o, *job;

	(void)state;
	w->env.lockout = &stop;
	o = bmc_world_submit(w, 5, BMC_SEQ_STATUS, 0, 20 * S);
	bmc_world_run(w);
	assert_true(o->ok);
	str_clip(w->cfg.password, sizeof(w->cfg.password), "wrong");
	for (unsigned i = 0; i < 3; i++) {
		o = bmc_world_submit(w, i, BMC_SEQ_STATUS, 0, 20 * S);
		bmc_world_run(w);
		assert_string_equal(o->code, "bmc-auth");
	}
	for (unsigned i = 0; i < 4; i++) {
		unsigned rakp1 = w->bmcs[i].counts.rakp1;

		o = bmc_world_submit(w, i, BMC_SEQ_STATUS, 0, 20 * S);
		job = bmc_world_submit(w, i, BMC_SEQ_STATUS, 0, 20 * S);
		bmc_pool_insist(w->pool, job->id);
		bmc_world_run(w);
		assert_string_equal(o->code, "bmc-lockout-stop");
		assert_string_equal(job->code, "bmc-lockout-stop");
		assert_int_equal(w->bmcs[i].counts.rakp1, rakp1);
	}
	/* Where the password is known to be right a job is not left half done. */
	str_clip(w->cfg.password, sizeof(w->cfg.password), "secret17");
	o = bmc_world_submit(w, 5, BMC_SEQ_STATUS, 0, 20 * S);
	job = bmc_world_submit(w, 5, BMC_SEQ_STATUS, 0, 20 * S);
	bmc_pool_insist(w->pool, job->id);
	bmc_world_run(w);
	assert_string_equal(o->code, "bmc-lockout-stop");
	assert_true(job->ok);
	bmc_lockout_release(&stop);
	o = bmc_world_submit(w, 3, BMC_SEQ_STATUS, 0, 20 * S);
	bmc_world_run(w);
	assert_true(o->ok);
	bmc_world_free(w);
}

/* A BMC that forgets its boot flags after a minute, and a job that took longer: the machine is not
 * started from the disk. */
static void
forgotten_flags_are_set_again(void **state)
{
	struct world *w = bmc_world_new(3);
	struct order *o;

	(void)state;
	for (unsigned hold = 0; hold < 2; hold++) {
		w->bmcs[hold].faults.refuse_options = 1 << 3;
		o = bmc_world_submit(w, hold, BMC_SEQ_OVERRIDE, 0, 60 * S);
		bmc_world_run(w);
		assert_true(o->ok);
		assert_string_equal(o->variant, "once");
		w->now += 90 * S;
		o = bmc_world_submit(w, hold, BMC_SEQ_ON_SEEN, 0, 60 * S);
		if (hold)
			bmc_pool_hold(w->pool, o->id, BMC_BOOT_PXE_EFI);
		bmc_world_run(w);
		assert_true(o->ok);
		assert_int_equal(o->flags_again, hold);
		assert_int_equal(w->bmcs[hold].counts.pxe_boots, hold);
	}
	bmc_world_free(w);
}

/* Each attempt has another variant; what worked comes first from then on, unless the owner says
 * otherwise. */
static void
what_worked_comes_first(void **state)
{
	static const char *const first[] = {
	    "once", "in-progress", "keep-1f", "bare", "once"};
	struct world *w = bmc_world_new(3);
	struct order *o;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(first); i++) {
		o = bmc_world_submit(w, 0, BMC_SEQ_OVERRIDE, 0, 60 * S);
		bmc_pool_attempt(w->pool, o->id, i + 1, BMC_VARIANT_NONE);
		bmc_world_run(w);
		assert_true(o->ok);
		assert_string_equal(o->variant, first[i]);
	}
	w->cfg.port = 1;
	bmc_pool_worked(w->pool, &w->cfg, BMC_VARIANT_KEEP_1F);
	for (unsigned i = 0; i < 2; i++) {
		o = bmc_world_submit(w, 0, BMC_SEQ_OVERRIDE, 0, 60 * S);
		bmc_pool_attempt(w->pool, o->id, i + 1, BMC_VARIANT_NONE);
		bmc_world_run(w);
		assert_string_equal(o->variant, i == 0 ? "keep-1f" : "once");
	}
	/* A job that has found one goes on with it, wherever it stands in the list now. */
	o = bmc_world_submit(w, 0, BMC_SEQ_OVERRIDE, 0, 60 * S);
	bmc_pool_attempt(w->pool, o->id, 2, BMC_VARIANT_KEEP_1F);
	bmc_world_run(w);
	assert_string_equal(o->variant, "keep-1f");
	w->cfg.manners = json_pack("{s:[s]}", "variants", "bare");
	o = bmc_world_submit(w, 0, BMC_SEQ_OVERRIDE, 0, 60 * S);
	bmc_world_run(w);
	assert_string_equal(o->variant, "bare");
	json_decref(w->cfg.manners);
	w->cfg.manners = NULL;
	bmc_world_free(w);
}

/* What the host's owner says of the pace holds for that BMC alone. */
static void
manners_set_the_pace(void **state)
{
	struct world *w = bmc_world_new(3);
	struct order *slow, *fast;
	int64_t begin = w->now;

	(void)state;
	fast = bmc_world_submit(w, 1, BMC_SEQ_STATUS, 0, 60 * S);
	w->cfg.manners = json_pack("{s:i}", "command_gap_ms", 5000);
	slow = bmc_world_submit(w, 0, BMC_SEQ_STATUS, 0, 60 * S);
	json_decref(w->cfg.manners);
	w->cfg.manners = NULL;
	end(w, fast);
	assert_true(w->now - begin < S);
	end(w, slow);
	assert_true(w->now - begin >= 5 * S);
	assert_true(slow->ok);
	bmc_world_run(w);
	bmc_world_free(w);
}

static const char *
text_at(const json_t *v, const char *a, const char *b)
{
	return json_string_value(json_object_get(json_object_get(v, a), b));
}

/* What the thorough look finds is so, changes nothing, and is heeded by the next override. */
static void
a_thorough_look(void **state)
{
	struct world *w = bmc_world_new(3);
	struct order *o, *bare;
	const json_t *v;

	(void)state;
	w->bmcs[0].faults.refuse_options = 1;
	w->bmcs[1].faults.drop_efi = 1;
	memcpy(w->bmcs[1].flags, "\x20\x04\0\0\0", 5); /* used up: not valid */
	for (unsigned i = 0; i < 2; i++) {
		o = bmc_world_submit(w, i, BMC_SEQ_EXAMINE, 0, 60 * S);
		bmc_world_run(w);
		assert_true(o->ok);
		v = o->learned;
		assert_int_equal(json_integer_value(json_object_get(
				     json_object_get(v, "device"), "manufacturer")),
		    0x1291);
		assert_string_equal(text_at(v, "device", "by"), "Get Device ID");
		assert_string_equal(text_at(v, "device", "firmware"), "2.17");
		assert_string_equal(text_at(v, "cipher_suites", "raw"), "c0030141"
									"81c0110344"
									"81");
		assert_int_equal(json_integer_value(json_object_get(v, "cipher")), 17);
		assert_string_equal(text_at(v, "privilege", "value"), "operator");
		assert_int_equal(json_is_true(json_object_get(
				     json_object_get(v, "flags_read_back"), "efi")),
		    i == 0);
	}
	assert_string_equal(text_at(json_object_get(w->orders[0].learned, "boot_options"),
				"0", "refused"),
	    "80");
	assert_null(text_at(w->orders[0].learned, "manners", "verify"));
	assert_string_equal(text_at(w->orders[1].learned, "manners", "verify"), "device");
	assert_memory_equal(w->bmcs[1].flags, "\0\x04\0\0\0", 5);
	/* An override that is pending is left alone. */
	o = bmc_world_submit(w, 0, BMC_SEQ_OVERRIDE, 0, 30 * S);
	bmc_world_run(w);
	assert_true(o->ok);
	o = bmc_world_submit(w, 0, BMC_SEQ_EXAMINE, 0, 60 * S);
	bmc_world_run(w);
	assert_true(o->ok);
	assert_null(json_object_get(o->learned, "flags_read_back"));
	assert_memory_equal(w->bmcs[0].flags, "\xA0\x04\0\0\0", 5);
	/* A BMC that loses the EFI bit: with what was learned the device alone is compared. */
	bare = bmc_world_submit(w, 1, BMC_SEQ_OVERRIDE, 0, 30 * S);
	w->cfg.learned = w->orders[1].learned;
	o = bmc_world_submit(w, 1, BMC_SEQ_OVERRIDE, 0, 30 * S);
	w->cfg.learned = NULL;
	bmc_world_run(w);
	assert_string_equal(bare->code, "override-not-kept");
	assert_true(o->ok);
	bmc_world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pauses_are_kept),
	    cmocka_unit_test(waiting_for_a_turn_is_no_failure),
	    cmocka_unit_test(a_dead_bmc_is_left_alone),
	    cmocka_unit_test(a_busy_bmc_is_left_alone),
	    cmocka_unit_test(unspecified_error_while_booting),
	    cmocka_unit_test(wrong_passwords_stop_all),
	    cmocka_unit_test(forgotten_flags_are_set_again),
	    cmocka_unit_test(what_worked_comes_first),
	    cmocka_unit_test(manners_set_the_pace),
	    cmocka_unit_test(a_thorough_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
