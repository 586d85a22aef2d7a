/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A job whose agent is started anew. */
#include "agent/run_fsm.h"

#include "tests/unit/agent/run_fsm_kit.h"

static void
test_recovery(void **state)
{
	struct kit k = setup(NULL);
	int64_t due;

	(void)state;
	to_watching(&k);
	due = k.run.due;
	give(&k, (struct run_input){.type = RUN_IN_RECOVER});
	assert_int_equal(k.run.stage, STAGE_FIRMWARE_DHCP);
	assert_int_equal(k.run.due, due); /* what is left of it */
	k.now = due + USEC_PER_SEC;
	give(&k, (struct run_input){.type = RUN_IN_RECOVER});
	assert_true(k.run.due > k.now); /* not missed by our absence alone */
	k.run.due =
	    k.now + 10 * 365 * 86400 * USEC_PER_SEC; /* the clock was ahead then */
	give(&k, (struct run_input){.type = RUN_IN_RECOVER});
	assert_true(k.run.due <= k.now + k.run.allow[k.run.stage]);
	teardown(&k);
	k = setup(NULL);
	give(&k, (struct run_input){.type = RUN_IN_START});
	step_ok(&k);
	step_ok(&k);
	step_ok(&k); /* flags under way */
	give(&k, (struct run_input){.type = RUN_IN_RECOVER});
	assert_true(did(&k, RUN_ACT_POWER_OFF));
	assert_int_equal(k.run.stage, STAGE_OVERRIDE);
	assert_int_equal(k.run.attempt, 1);
	for (int i = 0; i < RUN_RESTARTS; i++)
		give(&k, (struct run_input){.type = RUN_IN_RECOVER});
	assert_non_null(told(&k, "job.failed", "code", "interrupted"));
	teardown(&k);
}

static void
flags_ok(struct kit *k, const char *variant)
{
	give(k, (struct run_input){.type = RUN_IN_STEP,
		    .step = k->run.step,
		    .ok = true,
		    .variant = variant});
}

/* Off, flags, on; then the firmware is waited for. */
static void
switch_on_again(struct kit *k, const char *variant)
{
	step_ok(k);
	flags_ok(k, variant);
	step_ok(k);
	assert_int_equal(k->run.stage, STAGE_FIRMWARE_DHCP);
}

static void
miss(struct kit *k)
{
	k->now = k->run.due;
	give(k, (struct run_input){.type = RUN_IN_TICK});
	assert_int_equal(k->run.stage, STAGE_OVERRIDE);
}

static void
save_and_load(struct kit *k)
{
	json_t *v = run_to_json(&k->run);
	struct error err;

	memset(&k->run, 0xEE, sizeof(k->run));
	assert_int_equal(run_from_json(v, &k->run, &err), 0);
	json_decref(v);
}

/* Which variant of the override comes next is known to the agent that comes after, too. */
static void
test_variant_after_a_restart(void **state)
{
	struct kit k = setup(NULL);

	(void)state;
	give(&k, (struct run_input){.type = RUN_IN_START});
	step_ok(&k);
	step_ok(&k);
	switch_on_again(&k, "once");
	assert_string_equal(k.run.variant, "once");
	save_and_load(&k);
	give(&k, (struct run_input){.type = RUN_IN_RECOVER});
	miss(&k);
	assert_int_equal(k.run.misses, 1);
	assert_string_equal(k.run.variant, "");
	save_and_load(&k);
	assert_int_equal(k.run.misses, 1);
	give(&k, (struct run_input){.type = RUN_IN_RECOVER});
	switch_on_again(&k, "in-progress");
	sign(&k, RUN_SIGN_FIRMWARE_DHCP, 0);
	/* It came: what fails later is not the override's fault. */
	miss(&k);
	assert_int_equal(k.run.attempt, 3);
	assert_int_equal(k.run.misses, 1);
	assert_string_equal(k.run.variant, "in-progress");
	teardown(&k);
}

/* Flags that are not kept are a miss; a power-on that fails is none. */
static void
test_what_a_miss_is(void **state)
{
	struct kit k = setup(NULL);
	struct error err;

	(void)state;
	give(&k, (struct run_input){.type = RUN_IN_START});
	step_ok(&k);
	step_ok(&k);
	step_ok(&k);
	flags_ok(&k, "once");
	step_bad(&k, "bmc-unreachable", true);
	assert_int_equal(k.run.attempt, 2);
	assert_int_equal(k.run.misses, 0);
	step_ok(&k);
	error_set(&err, 0, "override-not-kept", "next", "text");
	give(&k, (struct run_input){.type = RUN_IN_STEP,
		     .step = k.run.step,
		     .err = &err,
		     .retry = true,
		     .variant = "once"});
	assert_int_equal(k.run.attempt, 3);
	assert_int_equal(k.run.misses, 1);
	teardown(&k);
}

/* Until the job has ended; how often the agent had to be restarted for that. */
static unsigned
restart_until_ended(struct kit *k, int64_t apart)
{
	unsigned n = 0;

	for (; n < 10000 && !run_ended(&k->run); n++) {
		k->now += apart;
		give(k, (struct run_input){.type = RUN_IN_RECOVER});
	}
	return n;
}

/* Restarts begin stages anew, or lengthen them, a bounded number of times in all. */
static void
test_restarts_in_a_loop(void **state)
{
	struct kit k = setup(NULL);
	const struct event *end;
	const char *text;

	(void)state;
	give(&k, (struct run_input){.type = RUN_IN_START});
	for (int i = 0; i < RUN_RESTARTS / 2; i++) {
		give(&k, (struct run_input){.type = RUN_IN_RECOVER});
		assert_true(did(&k, RUN_ACT_PREFLIGHT));
	}
	step_ok(&k);
	assert_int_equal(k.run.stage, STAGE_ARMED);
	assert_int_equal(restart_until_ended(&k, 0), RUN_RESTARTS / 2 + 1);
	end = told(&k, "job.failed", "code", "interrupted");
	assert_non_null(end);
	text = json_string_value(json_object_get(end->detail, "text"));
	assert_non_null(strstr(text, "stage armed"));
	assert_non_null(strstr(text, "nothing had been done to the machine"));
	assert_non_null(told(&k, "job.ticket", "state", "revoked"));
	teardown(&k);

	/* While the machine is waited for, only those count that lengthen the stage. */
	k = setup(NULL);
	to_watching(&k);
	assert_true(restart_until_ended(&k, 20 * USEC_PER_SEC) > RUN_RESTARTS);
	assert_non_null(told(&k, "job.failed", "code", "interrupted"));
	assert_true(k.now - k.run.entered < USEC_PER_SEC);
	teardown(&k);
}

/* Upgrades all through an installation are no reason to give it up. */
static void
test_restarts_over_a_long_installation(void **state)
{
	struct kit k = setup(NULL);
	int64_t due;

	(void)state;
	to_used(&k);
	say(&k, RUN_REPORT_UP);
	assert_int_equal(k.run.stage, STAGE_INSTALLED);
	due = k.run.due;
	while (k.now < due - 60 * USEC_PER_SEC) {
		k.now += 30 * USEC_PER_SEC;
		give(&k, (struct run_input){.type = RUN_IN_RECOVER});
		assert_int_equal(k.run.stage, STAGE_INSTALLED);
	}
	assert_int_equal(k.run.due, due);
	assert_int_equal(k.run.restarts, 0);
	/* And at its end they have their grace, until it is used up. */
	for (unsigned i = 0; i < RUN_RESTARTS; i++) {
		k.now = k.run.due - USEC_PER_SEC;
		give(&k, (struct run_input){.type = RUN_IN_RECOVER});
		assert_true(k.run.due > k.now + 20 * USEC_PER_SEC);
	}
	due = k.run.due;
	k.now = due - 10 * USEC_PER_SEC;
	give(&k, (struct run_input){.type = RUN_IN_RECOVER});
	assert_int_equal(k.run.stage, STAGE_INSTALLED);
	assert_int_equal(k.run.due, due);
	k.now = due;
	give(&k, (struct run_input){.type = RUN_IN_TICK});
	assert_non_null(told(&k, "job.failed", "code", "interrupted"));
	assert_false(did(&k, RUN_ACT_POWER_OFF));
	teardown(&k);
}

/* A spool from last night's backup, or a machine that was off for a day: nobody expects the
 * installation now. One that has begun is only watched. */
static void
test_recovery_of_an_old_order(void **state)
{
	struct kit k = setup(NULL);

	(void)state;
	to_watching(&k);
	k.now = k.run.due + RUN_AGE_MAX + USEC_PER_SEC;
	give(&k, (struct run_input){.type = RUN_IN_RECOVER});
	/* The machine was touched: whoever ordered it must not take it for one that was not. */
	assert_non_null(told(&k, "job.failed", "code", "interrupted"));
	assert_non_null(told(&k, "job.ticket", "state", "revoked"));
	assert_false(did(&k, RUN_ACT_POWER_OFF));
	teardown(&k);
	k = setup(NULL);
	k.run.entered = k.now; /* accepted, not begun */
	k.now += RUN_AGE_MAX + USEC_PER_SEC;
	give(&k, (struct run_input){.type = RUN_IN_RECOVER});
	assert_non_null(told(&k, "job.failed", "code", "order-too-old"));
	teardown(&k);
	k = setup(NULL);
	to_used(&k);
	k.now = k.run.due + RUN_AGE_MAX + USEC_PER_SEC;
	give(&k, (struct run_input){.type = RUN_IN_RECOVER});
	assert_int_equal(k.run.stage, STAGE_INITRD);
	teardown(&k);
}

/* A window holds for what was not begun when the agent went away; what was, is finished. */
static void
test_recovery_after_the_window(void **state)
{
	static const enum stage stages[] = {
	    STAGE_QUEUED, STAGE_PREFLIGHT, STAGE_ARMED, STAGE_OVERRIDE, STAGE_POWER};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stages); i++) {
		struct kit k = setup(NULL);
		bool begun = stages[i] > STAGE_ARMED;

		if (stages[i] != STAGE_QUEUED)
			give(&k, (struct run_input){.type = RUN_IN_START});
		while (k.run.stage < stages[i])
			step_ok(&k);
		assert_int_equal(k.run.stage, stages[i]);
		give(&k, (struct run_input){.type = RUN_IN_RECOVER, .late = true});
		assert_int_equal(
		    told(&k, "job.failed", "code", "window-missed") == NULL, begun);
		assert_int_equal(did(&k, RUN_ACT_POWER_OFF), begun);
		assert_false(did(&k, RUN_ACT_PREFLIGHT));
		teardown(&k);
	}
	/* One that could not be recorded for hours. */
	struct kit k = setup(NULL);

	give(&k, (struct run_input){.type = RUN_IN_START, .late = true});
	assert_non_null(told(&k, "job.failed", "code", "window-missed"));
	assert_false(did(&k, RUN_ACT_PREFLIGHT));
	teardown(&k);
}

static void
make_cycle(struct bundle *b)
{
	b->kind = BUNDLE_POWER;
	str_clip(b->power_action, sizeof(b->power_action), "cycle");
}

static void
test_a_cycle_is_not_done_twice(void **state)
{
	struct kit k = setup(make_cycle);

	(void)state;
	give(&k, (struct run_input){.type = RUN_IN_START});
	step_ok(&k);
	assert_true(did(&k, RUN_ACT_CONTROL));
	give(&k, (struct run_input){.type = RUN_IN_RECOVER});
	assert_false(did(&k, RUN_ACT_CONTROL));
	assert_non_null(told(&k, "job.failed", "code", "interrupted"));
	teardown(&k);
	k = setup(make_cycle);
	give(&k, (struct run_input){.type = RUN_IN_START});
	step_ok(&k);
	step_ok(&k);
	assert_int_equal(k.run.stage, STAGE_DONE);
	assert_null(told(&k, "boot.end", NULL, NULL));
	teardown(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_recovery),
	    cmocka_unit_test(test_variant_after_a_restart),
	    cmocka_unit_test(test_what_a_miss_is),
	    cmocka_unit_test(test_restarts_in_a_loop),
	    cmocka_unit_test(test_restarts_over_a_long_installation),
	    cmocka_unit_test(test_recovery_of_an_old_order),
	    cmocka_unit_test(test_recovery_after_the_window),
	    cmocka_unit_test(test_a_cycle_is_not_done_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
