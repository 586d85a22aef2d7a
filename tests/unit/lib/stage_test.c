/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/stage.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
names_round_trip(void **state)
{
	enum stage s;

	(void)state;
	for (unsigned i = 0; i < STAGE_COUNT; i++) {
		assert_int_equal(stage_parse(stage_name((enum stage)i), &s), 0);
		assert_int_equal(s, i);
	}
	assert_int_equal(stage_parse("nowhere", &s), -EINVAL);
	assert_int_equal(stage_parse("", &s), -EINVAL);
	assert_string_equal(stage_name(STAGE_FIRMWARE_DHCP), "firmware-dhcp");
}

static void
deadlines_of_the_design(void **state)
{
	(void)state;
	assert_int_equal(stage_default_deadline(STAGE_QUEUED), 0);
	assert_int_equal(stage_default_deadline(STAGE_ARMED), 5 * USEC_PER_SEC);
	assert_int_equal(stage_default_deadline(STAGE_INSTALLED), 3600 * USEC_PER_SEC);
	assert_int_equal(stage_default_deadline(STAGE_DONE), 0);
	for (unsigned i = STAGE_PREFLIGHT; i < STAGE_DONE; i++)
		assert_true(stage_default_deadline((enum stage)i) > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_round_trip),
	    cmocka_unit_test(deadlines_of_the_design),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
