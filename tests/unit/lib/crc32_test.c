/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The check value that every description of this checksum gives. */
#include "lib/crc32.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/compiler.h"

static void
test_check_value(void **state UNUSED)
{
	assert_int_equal(crc32_of("123456789", 9), 0xcbf43926);
	assert_int_equal(crc32_of("", 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_check_value)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
