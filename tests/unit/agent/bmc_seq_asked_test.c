/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What reboots ask: a machine that its system alone may switch off, and what last restarted it. */
#include "tests/unit/agent/bmc_seq_kit.h"

/* What must not be forced is asked once and waited for, and never switched off. */
static void
what_must_not_be_forced(void **state)
{
	struct bmc_seq s = make(BMC_SEQ_OFF_SEEN);

	(void)state;
	s.soft_only = true;
	looks(&s, bmc_seq_start(&s, 0));
	controls(&s, power(&s, 0, true), BMC_CHASSIS_SOFT);
	assert_int_equal(ok(&s, 0), BMC_SEQ_WAIT);
	for (int64_t t = SECOND; t < 1000 * SECOND; t += 2 * SECOND) {
		looks(&s, bmc_seq_wake(&s, t));
		assert_int_equal(power(&s, t, true), BMC_SEQ_WAIT);
	}
	assert_int_equal(bmc_seq_give_up(&s, true), BMC_SEQ_FAIL);
	assert_int_equal(s.fail, BMC_FAIL_GRACEFUL);
	/* One that goes late is seen to. */
	s = make(BMC_SEQ_OFF_SEEN);
	s.soft_only = true;
	bmc_seq_start(&s, 0);
	controls(&s, power(&s, 0, true), BMC_CHASSIS_SOFT);
	looks(&s, bmc_seq_lost(&s, SECOND)); /* and not asked again */
	assert_int_equal(power(&s, SECOND, true), BMC_SEQ_WAIT);
	bmc_seq_wake(&s, 3 * SECOND);
	assert_int_equal(power(&s, 3 * SECOND, false), BMC_SEQ_OK);
	/* Where the BMC knows no soft shutdown nothing else is done. */
	s = make(BMC_SEQ_OFF_SEEN);
	s.soft_only = true;
	bmc_seq_start(&s, 0);
	power(&s, 0, true);
	assert_false(bmc_seq_bears_refusal(&s));
	assert_int_equal(answer(&s, 0, 0xCC, "", 0), BMC_SEQ_FAIL);
	assert_int_equal(s.fail, BMC_FAIL_REFUSED);
}

/* Reads device id and flags, and answers the cause with that. */
static struct bmc_seq
probe_with(uint8_t code, const char *data, uint8_t len)
{
	struct bmc_seq s = make(BMC_SEQ_PROBE);

	s.want_cause = true;
	bmc_seq_start(&s, 0);
	answer(&s, 0, 0xC1, "", 0);
	sends(&s, answer(&s, 0, 0x80, "", 0), BMC_CMD_GET_RESTART_CAUSE, "", 0);
	assert_true(bmc_seq_bears_refusal(&s));
	assert_int_equal(bmc_seq_lost(&s, 0), BMC_SEQ_RUN);
	looks(&s, answer(&s, 0, code, data, len));
	assert_int_equal(power(&s, 0, true), BMC_SEQ_OK);
	return s;
}

static void
what_last_restarted_it(void **state)
{
	struct bmc_seq s = probe_with(0, "\xFA\x01", 2);

	(void)state;
	assert_true(s.restart.known);
	assert_int_equal(s.restart.cause, 10); /* bits 3:0 */
	assert_string_equal(bmc_restart_name(s.restart.cause), "soft reset");
	s = probe_with(0, "\x01", 1);
	assert_true(s.restart.known);
	/* Refused, or nothing in it: the probe goes on without. */
	s = probe_with(0xC1, "", 0);
	assert_false(s.restart.known);
	s = probe_with(0, "", 0);
	assert_false(s.restart.known);
	assert_string_equal(bmc_restart_name(12), "unknown");
	/* Who does not want it does not ask. */
	s = make(BMC_SEQ_PROBE);
	bmc_seq_start(&s, 0);
	answer(&s, 0, 0xC1, "", 0);
	looks(&s, answer(&s, 0, 0x80, "", 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_must_not_be_forced),
	    cmocka_unit_test(what_last_restarted_it)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
