/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A job whose agent keeps running; restarts: run_fsm_recovery_test.c. */
#include "agent/run_fsm.h"

#include "agent/run_verdict.h"
#include "tests/unit/agent/run_fsm_kit.h"

static void
test_whole_reinstall(void **state)
{
	struct kit k = setup(NULL);

	(void)state;
	give(&k, (struct run_input){.type = RUN_IN_START});
	assert_non_null(told(&k, "job.accepted", NULL, NULL));
	assert_true(did(&k, RUN_ACT_PREFLIGHT));
	step_ok(&k);
	assert_true(did(&k, RUN_ACT_ARM) && ticket_is_armed(&k.run.ticket));
	assert_non_null(told(&k, "job.ticket", "state", "armed"));
	step_ok(&k);
	assert_true(did(&k, RUN_ACT_POWER_OFF));
	step_ok(&k);
	assert_true(did(&k, RUN_ACT_FLAGS));
	assert_non_null(told(&k, "power.state", "power", "off"));
	step_ok(&k);
	assert_true(did(&k, RUN_ACT_POWER_ON));
	assert_non_null(told(&k, "boot.begin", "trigger", "reinstall"));
	step_ok(&k);
	assert_non_null(told(&k, "power.state", "power", "on"));
	teardown(&k);

	k = setup(NULL);
	to_used(&k);
	assert_non_null(told(&k, "job.ticket", "state", "consumed"));
	assert_int_equal(k.run.stage, STAGE_INITRD); /* used, but not yet arrived */
	sign(&k, RUN_SIGN_LOAD, 1);
	assert_int_equal(k.run.stage, STAGE_OS_UP);
	say(&k, RUN_REPORT_UP);
	assert_true(k.out.granted);
	say(&k, RUN_REPORT_INSTALLED);
	say(&k, RUN_REPORT_BOOTED);
	assert_int_equal(k.run.stage, STAGE_DONE);
	assert_non_null(told(&k, "job.done", NULL, NULL));
	assert_non_null(told(&k, "boot.end", "outcome", "ok"));
	assert_true(did(&k, RUN_ACT_END));
	assert_int_equal(k.run.ticket.state, TICKET_CLOSED);
	teardown(&k);
}

static void
test_consume_only_while_loading(void **state)
{
	struct kit k = setup(NULL);
	char old[ID_SIZE];

	(void)state;
	give(&k, (struct run_input){.type = RUN_IN_START});
	step_ok(&k);
	step_ok(&k);
	consume(&k, k.run.ticket.id); /* the machine still runs what it ran before */
	assert_false(k.out.granted);
	assert_string_not_equal(k.out.reason, "");
	step_ok(&k);
	step_ok(&k);
	consume(&k, k.run.ticket.id);
	assert_false(k.out.granted);
	step_ok(&k);
	memcpy(old, k.run.ticket.id, sizeof(old));
	give(&k, (struct run_input){.type = RUN_IN_BOOTD});
	assert_string_not_equal(old, k.run.ticket.id);
	assert_int_equal(k.out.retired.state, TICKET_REVOKED);
	assert_string_equal(k.out.retired.id, old);
	assert_true(did(&k, RUN_ACT_PUBLISH));
	consume(&k, old);
	assert_false(k.out.granted);
	consume(&k, k.run.ticket.id);
	assert_true(k.out.granted);
	consume(&k, k.run.ticket.id);
	assert_false(k.out.granted);
	/* A used ticket stays what it is, whoever restarts. */
	memcpy(old, k.run.ticket.id, sizeof(old));
	give(&k, (struct run_input){.type = RUN_IN_BOOTD});
	assert_string_equal(old, k.run.ticket.id);
	assert_int_equal(k.run.ticket.state, TICKET_CONSUMED);
	teardown(&k);
}

/* The image was replaced after preflight: its ticket is never used. */
static void
test_altered_image_is_not_released(void **state)
{
	static const struct ticket_use use = {.file = "initrd"};
	struct kit k = setup(NULL);
	struct error err;

	(void)state;
	to_watching(&k);
	error_set(&err, 0, "image-altered", "next", "text");
	give(&k, (struct run_input){.type = RUN_IN_CONSUME,
		     .ticket = k.run.ticket.id,
		     .use = &use,
		     .err = &err});
	assert_false(k.out.granted);
	assert_string_equal(k.out.reason, "text");
	assert_non_null(told(&k, "job.failed", "code", "image-altered"));
	assert_int_equal(k.run.ticket.state, TICKET_REVOKED);
	teardown(&k);
}

static void
test_three_attempts(void **state)
{
	struct kit k = setup(NULL);

	(void)state;
	to_watching(&k);
	for (unsigned attempt = 2; attempt <= 3; attempt++) {
		k.now = k.run.due;
		give(&k, (struct run_input){.type = RUN_IN_TICK});
		assert_int_equal(k.run.attempt, attempt);
		assert_int_equal(k.run.stage, STAGE_OVERRIDE);
		assert_true(did(&k, RUN_ACT_POWER_OFF) && did(&k, RUN_ACT_PUBLISH));
		assert_non_null(told(&k, "boot.end", "outcome", "failed"));
		step_ok(&k);
		step_ok(&k);
		step_ok(&k);
		assert_int_equal(k.run.stage, STAGE_FIRMWARE_DHCP);
	}
	k.now = k.run.due;
	give(&k, (struct run_input){.type = RUN_IN_TICK});
	assert_int_equal(k.run.stage, STAGE_FAILED);
	assert_non_null(told(&k, "job.failed", "code", "no-dhcp-after-power-on"));
	assert_non_null(told(&k, "job.ticket", "state", "revoked"));
	teardown(&k);
}

/* What an attempt has loaded is no proof in the next one. */
static void
test_attempts_start_from_nothing(void **state)
{
	struct kit k = setup(NULL);

	(void)state;
	to_watching(&k);
	sign(&k, RUN_SIGN_LOAD, 0);
	assert_int_equal(k.run.stage, STAGE_INITRD);
	k.now = k.run.due;
	give(&k, (struct run_input){.type = RUN_IN_TICK});
	assert_int_equal(k.run.attempt, 2);
	step_ok(&k);
	step_ok(&k);
	step_ok(&k);
	assert_int_equal(k.run.stage, STAGE_FIRMWARE_DHCP);
	sign(&k, RUN_SIGN_LOAD, 0);
	give(&k, (struct run_input){.type = RUN_IN_BOOTD});
	assert_int_equal(k.run.loaded, 0);
	teardown(&k);

	/* Nor after a restart of the agent that begins the boot anew. */
	k = setup(NULL);
	to_watching(&k);
	k.run.stage = STAGE_POWER;
	k.run.loaded = 1;
	give(&k, (struct run_input){.type = RUN_IN_RECOVER});
	assert_int_equal(k.run.stage, STAGE_OVERRIDE);
	assert_int_equal(k.run.loaded, 0);
	teardown(&k);
}

/* The reason of bootd's absence is told when it is absent, and only then. */
static void
test_armed_in_vain(void **state)
{
	static const struct error none;
	struct kit k = setup(NULL);
	struct error down;

	(void)state;
	error_set(&down, 0, "port-in-use", "stop it", "port 67 is in use");
	give(&k, (struct run_input){.type = RUN_IN_START});
	step_ok(&k);
	k.now = k.run.due;
	give(&k, (struct run_input){.type = RUN_IN_TICK, .err = &none});
	assert_null(
	    strstr(json_string_value(json_object_get(
		       told(&k, "job.stage", "state", "missed")->detail, "evidence")),
		"do not run"));
	k.now = k.run.due;
	give(&k, (struct run_input){.type = RUN_IN_TICK, .err = &down});
	assert_non_null(
	    strstr(json_string_value(json_object_get(
		       told(&k, "job.stage", "state", "missed")->detail, "evidence")),
		"port 67 is in use"));
	teardown(&k);
}

/* The checks end by the clock while a BMC is silent: that is what is said, and not that they took too long. */
static void
test_checked_in_vain(void **state)
{
	static const struct error none;
	struct error silent;

	(void)state;
	error_set(&silent, 0, "bmc-unreachable", "look at it", "it had not answered");
	for (int i = 0; i < 2; i++) {
		struct kit k = setup(NULL);

		give(&k, (struct run_input){.type = RUN_IN_START});
		k.now = k.run.due;
		give(&k, (struct run_input){
			     .type = RUN_IN_TICK, .err = i == 0 ? &none : &silent});
		assert_non_null(told(&k, "job.failed", "code",
		    i == 0 ? "preflight-timeout" : "bmc-unreachable"));
		teardown(&k);
	}
}

static void
test_nothing_again_after_use(void **state)
{
	struct kit k = setup(NULL);

	(void)state;
	to_used(&k);
	k.now = k.run.due;
	give(&k, (struct run_input){.type = RUN_IN_TICK});
	assert_int_equal(k.run.stage, STAGE_FAILED);
	assert_int_equal(k.run.attempt, 1);
	assert_false(did(&k, RUN_ACT_POWER_OFF));
	assert_string_equal(k.run.verdict.code, "ticket-consumed-undelivered");
	teardown(&k);
}

static void
test_signs_out_of_order(void **state)
{
	struct kit k = setup(NULL);

	(void)state;
	to_watching(&k);
	sign(&k, RUN_SIGN_FILE, 0); /* proves nothing before the ticket is used */
	assert_int_equal(k.run.stage, STAGE_FIRMWARE_DHCP);
	sign(&k, RUN_SIGN_SCRIPT, 0);
	assert_int_equal(k.run.stage, STAGE_KERNEL);
	assert_non_null(told(&k, "job.stage", "state", "skipped"));
	sign(&k, RUN_SIGN_LOAD, 1); /* the initrd first: still no kernel */
	assert_int_equal(k.run.stage, STAGE_KERNEL);
	sign(&k, RUN_SIGN_LOAD, 0);
	assert_int_equal(k.run.stage, STAGE_INITRD);
	consume(&k, k.run.ticket.id);
	assert_int_equal(k.run.stage, STAGE_OS_UP);
	say(&k, RUN_REPORT_BOOTED); /* up and installed were lost */
	assert_int_equal(k.run.stage, STAGE_DONE);
	teardown(&k);
}

static void
test_reports(void **state)
{
	struct kit k = setup(NULL);

	(void)state;
	to_watching(&k);
	say(&k, RUN_REPORT_INSTALLED);
	assert_false(k.out.granted);
	teardown(&k);
	k = setup(NULL);
	to_used(&k);
	say(&k, RUN_REPORT_UP); /* proves that the initrd arrived */
	assert_int_equal(k.run.stage, STAGE_INSTALLED);
	assert_string_equal(
	    json_string_value(json_object_get(
		told(&k, "job.stage", "stage", "initrd")->detail, "state")),
	    "confirmed");
	assert_non_null(told(&k, "job.stage", "evidence",
	    "the last octets were let go; proven by: the system's report"));
	assert_non_null(told(&k, "report.up", "note", "n"));
	say(&k, RUN_REPORT_UP);
	assert_true(k.out.granted); /* said twice, kept once */
	assert_int_equal(k.out.n_events, 0);
	assert_int_equal(k.run.stage, STAGE_INSTALLED);
	say(&k, RUN_REPORT_FAILED);
	assert_non_null(told(&k, "job.failed", "code", "installer-failed"));
	say(&k, RUN_REPORT_INSTALLED);
	assert_false(k.out.granted);
	teardown(&k);
}

static void
test_steps_that_fail(void **state)
{
	struct kit k = setup(NULL);

	(void)state;
	give(&k, (struct run_input){.type = RUN_IN_START});
	step_bad(&k, "image-altered", true);
	assert_int_equal(
	    k.run.stage, STAGE_FAILED); /* nothing was switched: no attempt 2 */
	assert_null(told(&k, "job.ticket", NULL, NULL));
	teardown(&k);
	k = setup(NULL);
	give(&k, (struct run_input){.type = RUN_IN_START});
	step_ok(&k);
	step_bad(&k, "script-not-written", true);
	assert_int_equal(k.run.stage, STAGE_ARMED);
	assert_int_equal(k.run.attempt, 2);
	step_ok(&k);
	step_bad(&k, "bmc-busy", true);
	assert_int_equal(k.run.stage, STAGE_OVERRIDE);
	assert_int_equal(k.run.attempt, 3);
	step_bad(&k, "bmc-auth", false);
	assert_non_null(told(&k, "job.failed", "code", "bmc-auth"));
	teardown(&k);
}

static void
test_stale_answers(void **state)
{
	struct kit k = setup(NULL);
	uint64_t old;

	(void)state;
	give(&k, (struct run_input){.type = RUN_IN_START});
	old = k.run.step;
	step_ok(&k);
	give(&k, (struct run_input){.type = RUN_IN_STEP, .step = old, .ok = true});
	assert_int_equal(k.run.stage, STAGE_ARMED);
	assert_false(k.out.changed);
	teardown(&k);
}

static void
make_reboot(struct bundle *b)
{
	b->kind = BUNDLE_REBOOT;
	b->graceful_us = 90 * USEC_PER_SEC;
	str_clip(b->host.probe, sizeof(b->host.probe), "tcp:22");
}

static void
test_reboot(void **state)
{
	struct kit k = setup(make_reboot);

	(void)state;
	give(&k, (struct run_input){.type = RUN_IN_START});
	step_ok(&k);
	assert_true(did(&k, RUN_ACT_POWER_OFF));
	assert_int_equal(k.run.due - k.run.entered, (180 + 90) * USEC_PER_SEC);
	step_ok(&k);
	for (int i = 0; i < 2; i++)
		give(&k, (struct run_input){.type = RUN_IN_PROBE, .ok = false});
	assert_true(did(&k, RUN_ACT_POWER_ON));
	step_ok(&k);
	assert_true(did(&k, RUN_ACT_PROBE));
	assert_int_equal(k.run.stage, STAGE_OS_UP);
	give(&k, (struct run_input){.type = RUN_IN_PROBE, .ok = true});
	assert_int_equal(k.run.stage, STAGE_DONE);
	assert_true(did(&k, RUN_ACT_PROBE_STOP));
	teardown(&k);
}

static void
make_probed(struct bundle *b)
{
	b->image.reports_booted = false;
	str_clip(b->host.probe, sizeof(b->host.probe), "tcp:22");
}

static void
test_disk_boot_begins_with_silence(void **state)
{
	struct kit k = setup(make_probed);
	struct error why;

	(void)state;
	to_used(&k);
	say(&k, RUN_REPORT_INSTALLED);
	assert_int_equal(k.run.stage, STAGE_LOCAL_BOOT);
	give(&k,
	    (struct run_input){.type = RUN_IN_PROBE, .ok = true}); /* the installer's */
	assert_int_equal(k.run.stage, STAGE_LOCAL_BOOT);
	run_verdict_missed(&k.run, &why);
	assert_non_null(strstr(why.text, "not seen to stop answering"));
	give(&k, (struct run_input){.type = RUN_IN_PROBE, .ok = false});
	run_verdict_missed(&k.run, &why);
	assert_string_equal(why.code, "disk-boot-not-seen");
	sign(&k, RUN_SIGN_FIRMWARE_DHCP, 0);
	run_verdict_missed(&k.run, &why);
	assert_string_equal(why.code, "booted-again-after-install");
	assert_non_null(told(&k, "job.note", "code", "booted-again-after-install"));
	give(&k, (struct run_input){.type = RUN_IN_PROBE, .ok = true});
	assert_int_equal(k.run.stage, STAGE_DONE);
	teardown(&k);
}

/* The installer was interrupted: nobody waits an hour for it, and nobody starts it again. */
static void
test_restart_before_installed(void **state)
{
	struct kit k = setup(NULL);

	(void)state;
	to_used(&k);
	say(&k, RUN_REPORT_UP);
	assert_int_equal(k.run.stage, STAGE_INSTALLED);
	sign(&k, RUN_SIGN_FIRMWARE_DHCP, 0);
	assert_int_equal(k.run.due, k.now + 900 * USEC_PER_SEC);
	k.now = k.run.due;
	give(&k, (struct run_input){.type = RUN_IN_TICK});
	assert_non_null(told(&k, "job.failed", "code", "installer-silent"));
	assert_non_null(strstr(k.run.verdict.text, "restarted"));
	assert_int_equal(k.run.attempt, 1);
	teardown(&k);
}

static void
test_cancel(void **state)
{
	struct kit k = setup(NULL);

	(void)state;
	to_watching(&k);
	give(&k, (struct run_input){.type = RUN_IN_CANCEL, .by = "ops"});
	assert_non_null(told(&k, "job.cancelled", "by", "ops"));
	assert_non_null(told(&k, "job.cancelled", "code", "image-not-let-go"));
	assert_non_null(told(&k, "job.ticket", "state", "revoked"));
	assert_true(did(&k, RUN_ACT_CANCEL_STEP) && did(&k, RUN_ACT_END));
	give(&k, (struct run_input){.type = RUN_IN_CANCEL, .by = "ops"});
	assert_int_equal(k.out.n_events, 0);
	teardown(&k);
}

/* A cancelled job says what had been done to the machine, and no more than was seen. */
static void
test_cancel_is_truthful(void **state)
{
	static const char *const by_steps[] = {"nothing-done", "nothing-done",
	    "power-in-doubt", "left-off", "power-in-doubt", "image-not-let-go"};
	struct error old = {.code = "spool-old"};
	struct kit k;

	(void)state;
	for (size_t steps = 0; steps < ARRAY_SIZE(by_steps); steps++) {
		k = setup(NULL);
		give(&k, (struct run_input){.type = RUN_IN_START});
		for (size_t i = 0; i < steps; i++)
			step_ok(&k);
		give(&k, (struct run_input){.type = RUN_IN_CANCEL, .by = "ops"});
		assert_non_null(told(&k, "job.cancelled", "code", by_steps[steps]));
		assert_string_not_equal(
		    told(&k, "job.cancelled", NULL, NULL)->reason, "");
		teardown(&k);
	}
	k = setup(NULL);
	to_used(&k);
	give(&k, (struct run_input){.type = RUN_IN_CANCEL, .by = "ops"});
	assert_non_null(told(&k, "job.cancelled", "code", "image-let-go"));
	assert_non_null(told(&k, "boot.end", "text", k.run.verdict.text));
	teardown(&k);
	k = setup(NULL);
	give(&k, (struct run_input){.type = RUN_IN_START});
	give(&k, (struct run_input){.type = RUN_IN_CANCEL, .by = "a", .err = &old});
	assert_non_null(told(&k, "job.cancelled", "code", "spool-old"));
	teardown(&k);
}

static void
test_verdicts(void **state)
{
	struct kit k = setup(NULL);
	struct error why;

	(void)state;
	for (int s = STAGE_PREFLIGHT; s < STAGE_DONE; s++) {
		memset(&why, 0, sizeof(why));
		k.run.stage = (enum stage)s;
		run_verdict_missed(&k.run, &why);
		assert_string_not_equal(why.code, "internal");
		assert_string_not_equal(why.text, "");
		assert_string_not_equal(why.next, "");
	}
	k.run.unanswered = true;
	for (enum stage s = STAGE_FIRMWARE_DHCP; s <= STAGE_IPXE_DHCP; s++) {
		k.run.stage = s;
		run_verdict_missed(&k.run, &why);
		assert_string_equal(why.code, "dhcp-not-answered");
	}
	k.run.unanswered = false;
	k.run.stage = STAGE_LOADER;
	k.run.no_loader = true;
	run_verdict_missed(&k.run, &why);
	assert_string_equal(why.code, "loader-missing");
	k.run.no_loader = false;
	k.run.proxied = true;
	run_verdict_missed(&k.run, &why);
	assert_string_equal(why.code, "proxy-offer-not-taken");
	k.run.took = true;
	run_verdict_missed(&k.run, &why);
	assert_string_equal(why.code, "loader-not-fetched");
	k.run.stage = STAGE_FIRMWARE_DHCP;
	k.run.other_dhcp = true;
	run_verdict_missed(&k.run, &why);
	assert_string_equal(why.code, "other-dhcp-answered");
	k.run.stage = STAGE_LOADER;
	k.run.begun = true;
	run_verdict_missed(&k.run, &why);
	assert_string_equal(why.code, "loader-stalled");
	k.run.stage = STAGE_KERNEL;
	run_verdict_missed(&k.run, &why);
	assert_string_equal(why.code, "kernel-stalled");
	k.run.stage = STAGE_POWER;
	k.run.phase = RUN_PHASE_OFF;
	run_verdict_missed(&k.run, &why);
	assert_string_equal(why.code, "power-not-off");
	teardown(&k);
}

/* A sign is what bootd makes of strangers' octets, cut to fit: what is kept of it must be text that
 * the spool can take. */
static void
test_evidence_is_text(void **state)
{
	struct kit k = setup(NULL);
	struct run back;
	struct error err;
	json_t *v;

	(void)state;
	to_watching(&k);
	give(&k, (struct run_input){.type = RUN_IN_SIGN,
		     .sign = RUN_SIGN_LOADER,
		     .evidence = "za\xc5\x82 \x1b[2J\xc5"});
	v = run_to_json(&k.run);
	assert_int_equal(run_from_json(v, &back, &err), 0);
	assert_string_equal(
	    back.signs[STAGE_LOADER].evidence, "za\xc5\x82 \\x1b[2J\\xc5");
	json_decref(v);
	teardown(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_evidence_is_text),
	    cmocka_unit_test(test_whole_reinstall),
	    cmocka_unit_test(test_consume_only_while_loading),
	    cmocka_unit_test(test_altered_image_is_not_released),
	    cmocka_unit_test(test_three_attempts),
	    cmocka_unit_test(test_attempts_start_from_nothing),
	    cmocka_unit_test(test_armed_in_vain),
	    cmocka_unit_test(test_checked_in_vain),
	    cmocka_unit_test(test_nothing_again_after_use),
	    cmocka_unit_test(test_signs_out_of_order),
	    cmocka_unit_test(test_reports),
	    cmocka_unit_test(test_steps_that_fail),
	    cmocka_unit_test(test_stale_answers),
	    cmocka_unit_test(test_reboot),
	    cmocka_unit_test(test_disk_boot_begins_with_silence),
	    cmocka_unit_test(test_restart_before_installed),
	    cmocka_unit_test(test_cancel),
	    cmocka_unit_test(test_cancel_is_truthful),
	    cmocka_unit_test(test_verdicts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
