/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A machine that its system alone may switch off. */
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

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_must_not_be_forced)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
