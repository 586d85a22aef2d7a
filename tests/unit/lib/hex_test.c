/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hexadecimal digits, to and fro. */
#include "lib/hex.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
digits(void **state)
{
	(void)state;
	for (int c = -128; c < 128; c++) {
		char text[2] = {(char)c, '\0'}, *end;
		long value = strtol(text, &end, 16);

		assert_int_equal(hex_digit((char)c), end == text ? -1 : value);
	}
}

static void
there_and_back(void **state)
{
	uint8_t all[256], back[256];
	char text[2 * sizeof(all) + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)i;
	hex_put(text, all, sizeof(all));
	assert_int_equal(strlen(text), 2 * sizeof(all));
	assert_memory_equal(text + 2 * 0xa9, "a9aaab", 6);
	assert_int_equal(hex_get(text, back, sizeof(back)), 0);
	assert_memory_equal(all, back, sizeof(all));
	hex_put(text, all, 0);
	assert_string_equal(text, "");
}

static void
what_is_not_hexadecimal(void **state)
{
	static const char *const texts[] = {
	    "", "1", "123", "12 4", "g234", "123g", "0x12"};
	uint8_t b[2];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(hex_get(texts[i], b, sizeof(b)), -EINVAL);
	assert_int_equal(hex_get("AbCd, and more", b, sizeof(b)), 0);
	assert_int_equal(b[0] << 8 | b[1], 0xabcd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(digits),
	    cmocka_unit_test(there_and_back),
	    cmocka_unit_test(what_is_not_hexadecimal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
