/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reboots step by step: the hook, whether the machine goes, and what proves that it has restarted. */
#include "tests/unit/agent/run_fsm_kit.h"

static void
make_plain(struct bundle *b)
{
	b->kind = BUNDLE_REBOOT;
	b->graceful_us = 60 * USEC_PER_SEC;
	str_clip(b->host.probe, sizeof(b->host.probe), "tcp:22");
}

static void
make_hooked(struct bundle *b)
{
	make_plain(b);
	str_clip(b->hook, sizeof(b->hook), "systemctl reboot");
}

static void
probe(struct kit *k, bool up)
{
	give(k, (struct run_input){.type = RUN_IN_PROBE, .ok = up, .evidence = "up"});
}

static void
ident(struct kit *k, const char *id)
{
	struct error err;

	error_set(&err, 0, "boot-id-unread", NULL, "Permission denied");
	give(k, (struct run_input){
		    .type = RUN_IN_IDENT, .ok = id != NULL, .ident = id, .err = &err});
}

static void
preflight(struct kit *k, const char *id)
{
	give(k, (struct run_input){.type = RUN_IN_START});
	give(k, (struct run_input){.type = RUN_IN_STEP,
		    .step = k->run.step,
		    .ok = true,
		    .evidence = "e",
		    .ident = id});
	if (k->run.phase == RUN_PHASE_LISTEN)
		probe(k, true);
}

/* Seen off before; nothing was heard of its probe. */
static void
on(struct kit *k)
{
	if (k->run.phase == RUN_PHASE_SILENCE) {
		k->now = k->run.due;
		give(k, (struct run_input){.type = RUN_IN_TICK});
	}
	assert_int_equal(k->run.phase, RUN_PHASE_ON);
	step_ok(k);
}

static void
off_and_on(struct kit *k)
{
	step_ok(k);
	on(k);
	assert_int_equal(k->run.stage, STAGE_OS_UP);
}

static const char *
code_when_due(struct kit *k)
{
	k->now = k->run.due;
	give(k, (struct run_input){.type = RUN_IN_TICK});
	assert_int_equal(k->run.stage, STAGE_FAILED);
	return k->run.verdict.code;
}

static void
an_answer_without_a_silence_is_none(void **state)
{
	struct kit k = setup(make_plain);

	(void)state;
	preflight(&k, NULL);
	off_and_on(&k);
	for (int i = 0; i < 20; i++)
		probe(&k, true);
	assert_int_equal(k.run.stage, STAGE_OS_UP);
	assert_string_equal(code_when_due(&k), "not-rebooted");
	teardown(&k);
}

/* The BMC is another machine's: this one was heard when it should have been off, and packets get lost. */
static void
a_lost_answer_is_no_silence(void **state)
{
	struct kit k = setup(make_plain);

	(void)state;
	preflight(&k, NULL);
	off_and_on(&k);
	for (int i = 0; i < 20; i++) {
		probe(&k, true);
		probe(&k, false);
		probe(&k, i % 2 == 0);
		probe(&k, true);
	}
	assert_int_equal(k.run.stage, STAGE_OS_UP);
	assert_string_equal(code_when_due(&k), "not-rebooted");
	teardown(&k);
	/* One that goes after all is another matter. */
	k = setup(make_plain);
	preflight(&k, NULL);
	off_and_on(&k);
	probe(&k, true);
	for (int i = 0; i < 3; i++)
		probe(&k, false);
	probe(&k, true);
	assert_int_equal(k.run.stage, STAGE_DONE);
	teardown(&k);
}

/* The same, with the answer lost just when that BMC's power went. */
static void
a_lost_answer_at_the_power_off_is_no_silence(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct kit k = setup(make_plain);

		preflight(&k, NULL);
		probe(&k, true);
		step_ok(&k);
		probe(&k, false);
		/* Nor do two from before and after nobody looked. */
		if (i == 1) {
			give(&k, (struct run_input){.type = RUN_IN_RECOVER});
			probe(&k, false);
		}
		probe(&k, true);
		step_ok(&k);
		if (i == 0)
			assert_int_equal(k.run.stage, STAGE_OS_UP);
		else
			assert_int_equal(k.run.stage, STAGE_FAILED);
		if (i == 0)
			assert_string_equal(code_when_due(&k), "not-rebooted");
		teardown(&k);
	}
	/* One that restarts in seconds: silent before its power was seen off, and after it. */
	struct kit k = setup(make_plain);

	preflight(&k, NULL);
	probe(&k, true);
	probe(&k, false);
	step_ok(&k);
	probe(&k, false);
	on(&k);
	probe(&k, true);
	assert_int_equal(k.run.stage, STAGE_DONE);
	teardown(&k);
}

/* A virtual machine may be back before it could be missed. */
static void
it_stays_off_until_it_was_missed(void **state)
{
	struct kit k = setup(make_plain);

	(void)state;
	preflight(&k, NULL);
	probe(&k, true);
	step_ok(&k);
	assert_true(did(&k, RUN_ACT_PROBE_NOW) && !did(&k, RUN_ACT_POWER_ON));
	assert_int_equal(k.run.due - k.now, 10 * USEC_PER_SEC);
	probe(&k, false);
	assert_false(did(&k, RUN_ACT_POWER_ON));
	probe(&k, false);
	assert_true(did(&k, RUN_ACT_POWER_ON));
	assert_int_equal(k.run.due - k.now, 180 * USEC_PER_SEC);
	step_ok(&k);
	probe(&k, true);
	assert_int_equal(k.run.stage, STAGE_DONE);
	teardown(&k);
}

/* Neither one that was missed while it went, nor one whose boot id tells. */
static void
it_does_not_stay_off_for_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct kit k = setup(make_plain);

		preflight(&k, i == 0 ? NULL : "one");
		probe(&k, i != 0);
		probe(&k, i != 0);
		step_ok(&k);
		assert_true(did(&k, RUN_ACT_POWER_ON));
		teardown(&k);
	}
}

/* The BMC is another machine's, which is not left off for that. */
static void
one_that_is_heard_while_off_is_another(void **state)
{
	struct kit k = setup(make_plain);

	(void)state;
	preflight(&k, NULL);
	step_ok(&k);
	probe(&k, true);
	assert_true(did(&k, RUN_ACT_POWER_ON));
	step_ok(&k);
	for (int i = 0; i < 2; i++)
		probe(&k, false);
	probe(&k, true);
	assert_int_equal(k.run.stage, STAGE_OS_UP);
	assert_string_equal(code_when_due(&k), "not-rebooted");
	teardown(&k);
}

/* The agent goes, or the order is cancelled, while it is off. */
static void
off_and_not_yet_missed(void **state)
{
	struct kit k = setup(make_plain);

	(void)state;
	preflight(&k, NULL);
	step_ok(&k);
	probe(&k, false);
	give(&k, (struct run_input){.type = RUN_IN_RECOVER});
	assert_int_equal(k.run.phase, RUN_PHASE_SILENCE);
	assert_true(did(&k, RUN_ACT_PROBE) && !did(&k, RUN_ACT_POWER_OFF));
	probe(&k, false);
	assert_false(did(&k, RUN_ACT_POWER_ON));
	give(&k, (struct run_input){.type = RUN_IN_CANCEL, .by = "eve"});
	assert_string_equal(k.run.verdict.code, "left-off");
	teardown(&k);
}

/* It was on and up when its BMC could not be asked any more; then it is switched off once more. */
static void
an_attempt_before_proves_nothing(void **state)
{
	struct kit k = setup(make_plain);

	(void)state;
	preflight(&k, NULL);
	step_ok(&k);
	probe(&k, false);
	probe(&k, false);
	probe(&k, true);
	give(&k, (struct run_input){.type = RUN_IN_RECOVER});
	step_bad(&k, "bmc-busy", true);
	assert_int_equal(k.run.attempt, 2);
	assert_true(did(&k, RUN_ACT_POWER_OFF));
	off_and_on(&k);
	for (int i = 0; i < 2; i++)
		probe(&k, false);
	assert_int_equal(k.run.stage, STAGE_OS_UP);
	probe(&k, true);
	assert_int_equal(k.run.stage, STAGE_DONE);
	teardown(&k);
}

/* The agent was away from the power-off on: what the machine did meanwhile it did not see. */
static void
a_silence_that_nobody_could_see(void **state)
{
	struct kit k = setup(make_plain);

	(void)state;
	preflight(&k, NULL);
	step_ok(&k);
	give(&k, (struct run_input){.type = RUN_IN_RECOVER});
	on(&k);
	probe(&k, true);
	assert_int_equal(k.run.stage, STAGE_FAILED);
	assert_string_equal(k.run.verdict.code, "reboot-not-proven");
	teardown(&k);
}

static void
the_same_boot_id_is_no_reboot(void **state)
{
	struct kit k = setup(make_plain);

	(void)state;
	preflight(&k, "one");
	off_and_on(&k);
	assert_true(did(&k, RUN_ACT_IDENT));
	probe(&k, false);
	probe(&k, true);
	ident(&k, "one");
	assert_int_equal(k.run.stage, STAGE_OS_UP);
	assert_string_equal(code_when_due(&k), "not-rebooted");
	assert_non_null(strstr(k.run.verdict.text, "boot id"));
	teardown(&k);
}

static void
another_boot_id_and_the_probe_prove_it(void **state)
{
	struct kit k = setup(make_plain);

	(void)state;
	preflight(&k, "one");
	off_and_on(&k);
	ident(&k, "two");
	assert_int_equal(k.run.stage, STAGE_OS_UP); /* and the probe? */
	probe(&k, true);
	assert_int_equal(k.run.stage, STAGE_DONE);
	assert_true(did(&k, RUN_ACT_IDENT_STOP));
	teardown(&k);
}

static void
an_id_that_cannot_be_read_any_more_is_named(void **state)
{
	struct kit k = setup(make_plain);

	(void)state;
	preflight(&k, "one");
	off_and_on(&k);
	probe(&k, false);
	probe(&k, false);
	probe(&k, true);
	ident(&k, NULL);
	assert_string_equal(code_when_due(&k), "reboot-not-proven");
	assert_non_null(strstr(k.run.verdict.text, "Permission denied"));
	teardown(&k);
}

static void
a_hook_that_reboots_leaves_the_power_alone(void **state)
{
	struct kit k = setup(make_hooked);

	(void)state;
	preflight(&k, "one");
	assert_true(did(&k, RUN_ACT_HOOK) && !did(&k, RUN_ACT_POWER_OFF));
	probe(&k, true);
	step_ok(&k);
	assert_true(did(&k, RUN_ACT_WATCH_OFF) && did(&k, RUN_ACT_IDENT));
	for (int i = 0; i < 3; i++)
		probe(&k, false);
	assert_true(k.run.went);
	probe(&k, true);
	ident(&k, "two");
	assert_non_null(told(&k, "boot.begin", NULL, NULL));
	assert_int_equal(k.run.stage, STAGE_DONE);
	teardown(&k);
}

/* What it says after the hook means something only when it was heard before. */
static void
the_hook_waits_for_the_probe(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct kit k = setup(make_hooked);

		give(&k, (struct run_input){.type = RUN_IN_START});
		step_ok(&k);
		assert_true(did(&k, RUN_ACT_PROBE) && !did(&k, RUN_ACT_HOOK));
		probe(&k, false);
		assert_false(did(&k, RUN_ACT_HOOK));
		if (i == 2)
			give(&k, (struct run_input){.type = RUN_IN_RECOVER});
		assert_int_equal(k.run.phase, RUN_PHASE_LISTEN);
		k.now = k.run.due;
		if (i == 0)
			give(&k, (struct run_input){.type = RUN_IN_TICK});
		else
			probe(&k, true);
		assert_true(did(&k, RUN_ACT_HOOK) && k.out.changed);
		assert_int_equal(k.run.was_up, i > 0);
		teardown(&k);
	}
	/* Nothing was done to one that is cancelled before. */
	struct kit k = setup(make_hooked);

	give(&k, (struct run_input){.type = RUN_IN_START});
	step_ok(&k);
	give(&k, (struct run_input){.type = RUN_IN_CANCEL, .by = "eve"});
	assert_string_equal(k.run.verdict.code, "nothing-done");
	teardown(&k);
}

/* Neither probe nor boot id: whether it went for its hook, and is starting, nobody can know for a while. */
static void
a_machine_that_was_never_heard_is_not_cut_off(void **state)
{
	struct kit k = setup(make_hooked);

	(void)state;
	give(&k, (struct run_input){.type = RUN_IN_START});
	step_ok(&k);
	k.now = k.run.due;
	give(&k, (struct run_input){.type = RUN_IN_TICK});
	assert_true(did(&k, RUN_ACT_HOOK));
	step_ok(&k);
	assert_int_equal(k.run.due - k.now, (60 + 180) * USEC_PER_SEC);
	for (int i = 0; i < 20; i++)
		probe(&k, false);
	assert_false(k.run.went);
	k.now = k.run.due;
	give(&k, (struct run_input){.type = RUN_IN_TICK});
	assert_true(did(&k, RUN_ACT_POWER_OFF));
	teardown(&k);
}

/* A hook that stops what is probed, and leaves the rest to the BMC. */
static void
a_silent_service_is_no_machine_that_went(void **state)
{
	struct kit k = setup(make_hooked);

	(void)state;
	preflight(&k, "one");
	step_ok(&k);
	for (int i = 0; i < 3; i++)
		probe(&k, false);
	assert_true(k.run.went);
	ident(&k, "one");
	assert_false(k.run.went);
	assert_int_equal(k.run.due - k.now, 60 * USEC_PER_SEC);
	/* Its grace is not begun anew with each silence, or it would have no end. */
	int64_t due = k.run.due;

	for (int i = 0; i < 60; i++) {
		k.now += USEC_PER_SEC / 2;
		probe(&k, false);
		if (i % 3 == 2)
			ident(&k, "one");
	}
	assert_int_equal(k.run.due, due);
	/* Nor is it one that came back, when the service answers for a moment. */
	probe(&k, true);
	assert_int_equal(k.run.phase, RUN_PHASE_GOING);
	ident(&k, "one");
	k.now = k.run.due;
	give(&k, (struct run_input){.type = RUN_IN_TICK});
	assert_true(did(&k, RUN_ACT_POWER_OFF));
	off_and_on(&k);
	ident(&k, "two");
	probe(&k, true);
	assert_int_equal(k.run.stage, STAGE_DONE);
	teardown(&k);
}

/* Off or on by now: its BMC could not be asked for a while. */
static void
a_machine_that_stays_away_is_not_left_off(void **state)
{
	struct kit k = setup(make_hooked);

	(void)state;
	preflight(&k, "one");
	step_ok(&k);
	step_bad(&k, "bmc-busy", true); /* nobody sees it go off */
	assert_int_equal(k.run.phase, RUN_PHASE_GOING);
	for (int i = 0; i < 3; i++)
		probe(&k, false);
	k.now = k.run.due;
	give(&k, (struct run_input){.type = RUN_IN_TICK});
	assert_true(did(&k, RUN_ACT_POWER_ON) && !did(&k, RUN_ACT_POWER_OFF));
	step_ok(&k);
	assert_int_equal(k.run.stage, STAGE_OS_UP);
	ident(&k, "two");
	probe(&k, true);
	assert_int_equal(k.run.stage, STAGE_DONE);
	teardown(&k);
}

/* One round in silence is a packet lost. */
static void
a_machine_that_stays_is_asked_over_its_bmc(void **state)
{
	struct kit k = setup(make_hooked);

	(void)state;
	preflight(&k, "one");
	step_ok(&k);
	probe(&k, true);
	probe(&k, false);
	probe(&k, true);
	ident(&k, "one");
	k.now = k.run.due;
	give(&k, (struct run_input){.type = RUN_IN_TICK});
	assert_int_equal(k.run.stage, STAGE_POWER);
	assert_true(did(&k, RUN_ACT_POWER_OFF));
	assert_int_equal(k.run.due - k.now, (180 + 60) * USEC_PER_SEC);
	/* And not a second hook in the next attempt. */
	step_bad(&k, "bmc-busy", true);
	assert_int_equal(k.run.attempt, 2);
	assert_true(did(&k, RUN_ACT_POWER_OFF) && !did(&k, RUN_ACT_HOOK));
	teardown(&k);
}

/* Nobody knows whether it is off; it may be up by now, and is not switched off for that. */
static void
one_that_went_is_never_switched_off_after_all(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct kit k = setup(make_hooked);

		preflight(&k, "one");
		step_ok(&k);
		for (int n = 0; n < 3; n++)
			probe(&k, false);
		k.now = k.run.due;
		give(&k, (struct run_input){.type = RUN_IN_TICK});
		assert_true(did(&k, RUN_ACT_POWER_ON));
		if (i == 0)
			give(&k, (struct run_input){.type = RUN_IN_RECOVER});
		else
			step_bad(&k, "bmc-busy", true);
		assert_true(did(&k, RUN_ACT_POWER_ON) && !did(&k, RUN_ACT_POWER_OFF));
		assert_true(k.run.due - k.now <= 180 * USEC_PER_SEC);
		step_ok(&k);
		assert_int_equal(k.run.stage, STAGE_OS_UP);
		ident(&k, "two");
		probe(&k, true);
		assert_int_equal(k.run.stage, STAGE_DONE);
		teardown(&k);
	}
	/* Seen off, and not seen on: it is looked at anew, and has been seen off. */
	struct kit k = setup(make_hooked);

	preflight(&k, "one");
	step_ok(&k);
	for (int n = 0; n < 3; n++)
		probe(&k, false);
	step_ok(&k);
	step_bad(&k, "bmc-busy", true);
	assert_true(did(&k, RUN_ACT_POWER_OFF));
	teardown(&k);
}

static void
a_hook_that_failed_is_followed_at_once(void **state)
{
	struct kit k = setup(make_hooked);

	(void)state;
	preflight(&k, "one");
	step_bad(&k, "hook-failed", false);
	assert_true(did(&k, RUN_ACT_POWER_OFF));
	teardown(&k);
	/* Broken off it may have been carried out. */
	k = setup(make_hooked);
	preflight(&k, "one");
	step_bad(&k, "hook-failed", true);
	assert_true(did(&k, RUN_ACT_WATCH_OFF) && !did(&k, RUN_ACT_POWER_OFF));
	/* Off by itself: it must be switched on. */
	step_ok(&k);
	assert_true(did(&k, RUN_ACT_POWER_ON));
	teardown(&k);
}

static void
what_nothing_proves_fails_at_once(void **state)
{
	struct kit k = setup(make_hooked);

	(void)state;
	preflight(&k, NULL);
	probe(&k, true);
	step_ok(&k);
	for (int i = 0; i < 3; i++)
		probe(&k, false);
	probe(&k, true);
	assert_int_equal(k.run.stage, STAGE_FAILED);
	assert_string_equal(k.run.verdict.code, "reboot-not-proven");
	teardown(&k);
}

/* A hook whose machine was not seen off, whose boot id nobody could read, and whose BMC says `before`. */
static struct kit
gone_and_back(unsigned before)
{
	struct kit k = setup(make_hooked);

	give(&k, (struct run_input){.type = RUN_IN_START});
	give(&k, (struct run_input){.type = RUN_IN_STEP,
		     .step = k.run.step,
		     .ok = true,
		     .evidence = "e",
		     .cause = before});
	probe(&k, true);
	step_ok(&k);
	for (int i = 0; i < 3; i++)
		probe(&k, false);
	probe(&k, true);
	return k;
}

static void
cause(struct kit *k, unsigned n)
{
	give(k, (struct run_input){.type = RUN_IN_CAUSE, .cause = n});
}

static void
another_cause_of_the_restart_proves_it(void **state)
{
	struct kit k = gone_and_back(2);

	(void)state;
	assert_int_equal(k.run.stage, STAGE_OS_UP);
	assert_true(did(&k, RUN_ACT_CAUSE));
	probe(&k, true);
	assert_false(did(&k, RUN_ACT_CAUSE)); /* once */
	/* By an agent that is gone: again. */
	give(&k, (struct run_input){.type = RUN_IN_RECOVER});
	assert_true(did(&k, RUN_ACT_CAUSE));
	cause(&k, 11);
	assert_int_equal(k.run.stage, STAGE_DONE);
	assert_non_null(
	    strstr(event_str(told(&k, "job.stage", "state", "confirmed"), "evidence"),
		"soft reset, before by chassis control"));
	teardown(&k);
}

/* The same one may be of the restart before; "unknown" is what a BMC says that was reset itself; 0: it did not say. */
static void
what_a_cause_does_not_prove(void **state)
{
	static const unsigned now[] = {2, 1, 0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(now); i++) {
		struct kit k = gone_and_back(2);

		cause(&k, now[i]);
		assert_int_equal(k.run.stage, STAGE_FAILED);
		assert_string_equal(k.run.verdict.code, "reboot-not-proven");
		teardown(&k);
	}
	/* Against a boot id it counts for nothing, and is not asked for. */
	struct kit k = setup(make_hooked);

	preflight(&k, "one");
	k.run.cause = 2;
	step_ok(&k);
	for (int i = 0; i < 3; i++)
		probe(&k, false);
	probe(&k, true);
	assert_int_equal(k.run.phase, RUN_PHASE_GOING);
	ident(&k, NULL); /* it does not let in any more */
	k.now = k.run.due;
	give(&k, (struct run_input){.type = RUN_IN_TICK});
	step_ok(&k);
	cause(&k, 11);
	ident(&k, "one");
	assert_int_equal(k.run.stage, STAGE_OS_UP);
	assert_string_equal(code_when_due(&k), "not-rebooted");
	teardown(&k);
}

static void
a_restart_of_the_agent_runs_no_hook_twice(void **state)
{
	static const char *const ids[] = {"one", NULL};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct kit k = setup(make_hooked);
		struct error err;
		json_t *v;

		preflight(&k, ids[i]);
		v = run_to_json(&k.run);
		assert_int_equal(run_from_json(v, &k.run, &err), 0);
		json_decref(v);
		give(&k, (struct run_input){.type = RUN_IN_RECOVER});
		assert_false(did(&k, RUN_ACT_HOOK) || did(&k, RUN_ACT_POWER_OFF));
		assert_int_equal(k.run.stage, i == 0 ? STAGE_POWER : STAGE_FAILED);
		if (i == 0) {
			ident(&k, "two"); /* it has restarted meanwhile */
			probe(&k, true);
			assert_int_equal(k.run.stage, STAGE_DONE);
		} else {
			assert_string_equal(k.run.verdict.code, "interrupted");
		}
		teardown(&k);
	}
}

static void
make_bare(struct bundle *b)
{
	make_plain(b);
	b->host.probe[0] = '\0';
}

static void
without_a_probe_the_boot_id_is_one(void **state)
{
	struct kit k = setup(make_bare);

	(void)state;
	preflight(&k, "one");
	off_and_on(&k);
	ident(&k, NULL);
	ident(&k, "two");
	assert_int_equal(k.run.stage, STAGE_DONE);
	teardown(&k);
	k = setup(make_bare);
	preflight(&k, NULL);
	step_ok(&k);
	step_ok(&k);
	assert_int_equal(k.run.stage, STAGE_DONE);
	assert_non_null(told(&k, "job.stage", "state", "confirmed"));
	assert_non_null(
	    strstr(event_str(told(&k, "job.stage", "state", "confirmed"), "evidence"),
		"no probe"));
	teardown(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_answer_without_a_silence_is_none),
	    cmocka_unit_test(a_lost_answer_is_no_silence),
	    cmocka_unit_test(a_lost_answer_at_the_power_off_is_no_silence),
	    cmocka_unit_test(it_stays_off_until_it_was_missed),
	    cmocka_unit_test(it_does_not_stay_off_for_nothing),
	    cmocka_unit_test(one_that_is_heard_while_off_is_another),
	    cmocka_unit_test(off_and_not_yet_missed),
	    cmocka_unit_test(an_attempt_before_proves_nothing),
	    cmocka_unit_test(a_silence_that_nobody_could_see),
	    cmocka_unit_test(the_same_boot_id_is_no_reboot),
	    cmocka_unit_test(another_boot_id_and_the_probe_prove_it),
	    cmocka_unit_test(an_id_that_cannot_be_read_any_more_is_named),
	    cmocka_unit_test(a_hook_that_reboots_leaves_the_power_alone),
	    cmocka_unit_test(the_hook_waits_for_the_probe),
	    cmocka_unit_test(a_machine_that_was_never_heard_is_not_cut_off),
	    cmocka_unit_test(a_silent_service_is_no_machine_that_went),
	    cmocka_unit_test(a_machine_that_stays_away_is_not_left_off),
	    cmocka_unit_test(a_machine_that_stays_is_asked_over_its_bmc),
	    cmocka_unit_test(one_that_went_is_never_switched_off_after_all),
	    cmocka_unit_test(a_hook_that_failed_is_followed_at_once),
	    cmocka_unit_test(what_nothing_proves_fails_at_once),
	    cmocka_unit_test(another_cause_of_the_restart_proves_it),
	    cmocka_unit_test(what_a_cause_does_not_prove),
	    cmocka_unit_test(a_restart_of_the_agent_runs_no_hook_twice),
	    cmocka_unit_test(without_a_probe_the_boot_id_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
