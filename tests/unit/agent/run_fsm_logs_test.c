/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A job of a site that keeps its own servers: what a log shows has happened already. */
#include "tests/unit/agent/run_fsm_kit.h"

static struct kit
by_logs(void)
{
	struct kit k = setup(NULL);

	k.run.by_logs = true;
	give(&k, (struct run_input){.type = RUN_IN_START});
	step_ok(&k); /* preflight */
	step_ok(&k); /* armed */
	assert_int_equal(k.run.stage, STAGE_OVERRIDE);
	return k;
}

/* Fetched by the boot that the power-off ends: the ticket stays for the one that is ordered. */
static void
test_before_the_power_off(void **state)
{
	struct kit k = by_logs();

	(void)state;
	consume(&k, k.run.ticket.id);
	assert_false(k.out.granted);
	assert_true(ticket_is_armed(&k.run.ticket));
	teardown(&k);
}

/* The line was read before the BMC said that the power is on. */
static void
test_faster_than_the_bmc(void **state)
{
	struct kit k = by_logs();

	(void)state;
	step_ok(&k); /* off */
	step_ok(&k); /* flags */
	assert_int_equal(k.run.stage, STAGE_POWER);
	assert_int_equal(k.run.phase, RUN_PHASE_ON);
	consume(&k, k.run.ticket.id);
	assert_true(k.out.granted);
	assert_true(ticket_is_consumed(&k.run.ticket));
	assert_non_null(told(&k, "job.ticket", "confirmed_by", "logs"));
	step_ok(&k);
	assert_true(k.run.stage > STAGE_SCRIPT);
	assert_false(did(&k, RUN_ACT_POWER_OFF));
	teardown(&k);
}

/* With bootd the same is too early: the last octets stay where they are. */
static void
test_bootd_waits_for_the_bmc(void **state)
{
	struct kit k = by_logs();

	(void)state;
	k.run.by_logs = false;
	step_ok(&k);
	step_ok(&k);
	consume(&k, k.run.ticket.id);
	assert_false(k.out.granted);
	teardown(&k);
}

/* The logs are read on: the ticket stays, unless it was bootd that let parts of it go. */
static void
test_restart_keeps_the_ticket(void **state)
{
	struct kit k = by_logs();
	char ticket[ID_SIZE];

	(void)state;
	memcpy(ticket, k.run.ticket.id, sizeof(ticket));
	give(&k, (struct run_input){.type = RUN_IN_BOOTD, .ok = true});
	assert_string_equal(k.run.ticket.id, ticket);
	assert_true(did(&k, RUN_ACT_PUBLISH));
	give(&k, (struct run_input){.type = RUN_IN_BOOTD, .ok = false});
	assert_string_not_equal(k.run.ticket.id, ticket);
	assert_false(k.run.by_logs);
	memcpy(ticket, k.run.ticket.id, sizeof(ticket));
	give(&k, (struct run_input){.type = RUN_IN_BOOTD, .ok = true});
	assert_string_not_equal(k.run.ticket.id, ticket);
	assert_true(k.run.by_logs);
	teardown(&k);
}

/* A server that logs requests and no ends. */
static void
test_loader_by_what_follows(void **state)
{
	struct kit k = by_logs();
	const struct event *ev;
	const char *evidence;

	(void)state;
	step_ok(&k);
	step_ok(&k);
	step_ok(&k); /* on */
	give(&k,
	    (struct run_input){
		.type = RUN_IN_SIGN, .sign = RUN_SIGN_FIRMWARE_DHCP, .evidence = "dhcp"});
	give(&k, (struct run_input){.type = RUN_IN_SIGN,
		     .sign = RUN_SIGN_LOADER_BEGIN,
		     .evidence = "a.efi requested"});
	assert_int_equal(k.run.stage, STAGE_LOADER);
	give(&k, (struct run_input){.type = RUN_IN_SIGN,
		     .sign = RUN_SIGN_IPXE_DHCP,
		     .evidence = "iPXE asks"});
	assert_int_equal(k.run.stage, STAGE_SCRIPT);
	ev = told(&k, "job.stage", "state", "confirmed");
	assert_non_null(ev);
	evidence = json_string_value(json_object_get(ev->detail, "evidence"));
	assert_string_equal(evidence, "a.efi requested; proven by: iPXE asks");
	teardown(&k);
}

static void
test_record(void **state)
{
	struct kit k = by_logs();
	json_t *v = run_to_json(&k.run);
	struct run again;
	struct error err;

	(void)state;
	assert_int_equal(run_from_json(v, &again, &err), 0);
	assert_true(again.by_logs);
	json_object_del(v, "by_logs"); /* of an earlier program */
	assert_int_equal(run_from_json(v, &again, &err), 0);
	assert_false(again.by_logs);
	json_decref(v);
	teardown(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_before_the_power_off),
	    cmocka_unit_test(test_faster_than_the_bmc),
	    cmocka_unit_test(test_bootd_waits_for_the_bmc),
	    cmocka_unit_test(test_restart_keeps_the_ticket),
	    cmocka_unit_test(test_loader_by_what_follows),
	    cmocka_unit_test(test_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
