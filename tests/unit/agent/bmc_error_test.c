/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "agent/bmc_error.h"

static void
every_verdict_has_a_code_and_a_next_step(void **state)
{
	struct error err;

	(void)state;
	for (int f = BMC_FAIL_NONE + 1; f < BMC_FAIL_COUNT; f++) {
		bmc_error_set(
		    &err, (enum bmc_fail)f, "192.0.2.1:623", "no answer to %s", "RAKP 1");
		assert_true(err.code[0] != '\0');
		assert_true(err.next[0] != '\0');
		assert_string_equal(err.text, "BMC 192.0.2.1:623: no answer to RAKP 1");
		assert_non_null(bmc_error_why((enum bmc_fail)f));
	}
	assert_string_equal(bmc_error_code(BMC_FAIL_NONE), "");
}

static void
status_codes(void **state)
{
	static const struct {
		uint8_t status;
		enum bmc_fail fail;
	} rows[] = {{0x00, BMC_FAIL_NONE}, {0x01, BMC_FAIL_BUSY}, {0x0B, BMC_FAIL_BUSY},
	    {0x02, BMC_FAIL_RESTART}, {0x08, BMC_FAIL_RESTART}, {0x0F, BMC_FAIL_RESTART},
	    {0x04, BMC_FAIL_CIPHER}, {0x05, BMC_FAIL_CIPHER}, {0x10, BMC_FAIL_CIPHER},
	    {0x11, BMC_FAIL_CIPHER}, {0x09, BMC_FAIL_PRIVILEGE},
	    {0x0A, BMC_FAIL_PRIVILEGE}, {0x0C, BMC_FAIL_AUTH}, {0x0D, BMC_FAIL_AUTH},
	    {0x12, BMC_FAIL_REFUSED}, {0xEE, BMC_FAIL_REFUSED}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(bmc_error_of_status(rows[i].status), rows[i].fail);
	assert_string_equal(bmc_error_status_text(0x0D), "unknown user name");
}

static void
completion_codes(void **state)
{
	static const uint8_t busy[] = {0xC0, 0xC3, 0xC4, 0xD0, 0xD1, 0xD2};

	(void)state;
	assert_int_equal(bmc_error_of_completion(0x00), BMC_FAIL_NONE);
	for (size_t i = 0; i < sizeof busy; i++)
		assert_int_equal(bmc_error_of_completion(busy[i]), BMC_FAIL_BUSY);
	assert_int_equal(bmc_error_of_completion(0xD4), BMC_FAIL_PRIVILEGE);
	assert_int_equal(bmc_error_of_completion(0xD5), BMC_FAIL_REFUSED);
	assert_int_equal(bmc_error_of_completion(0x42), BMC_FAIL_REFUSED);
	assert_string_equal(bmc_error_completion_text(0xC0), "node busy");
}

static void
the_words_for_unknown_power(void **state)
{
	(void)state;
	assert_string_equal(bmc_error_why(BMC_FAIL_TIMEOUT), "timeout");
	assert_string_equal(bmc_error_why(BMC_FAIL_AUTH), "auth");
	assert_string_equal(bmc_error_why(BMC_FAIL_BUSY), "busy");
	assert_string_equal(bmc_error_why(BMC_FAIL_CIPHER), "refused");
	assert_string_equal(bmc_error_why(BMC_FAIL_PRIVILEGE), "refused");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_verdict_has_a_code_and_a_next_step),
	    cmocka_unit_test(status_codes),
	    cmocka_unit_test(completion_codes),
	    cmocka_unit_test(the_words_for_unknown_power),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
