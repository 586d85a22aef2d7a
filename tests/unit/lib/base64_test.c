/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The examples of RFC 4648 10, every octet, and texts that are none. */
#include "lib/base64.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
test_rfc_examples(void **state UNUSED)
{
	static const char *const rows[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="},
	    {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="},
	    {"foobar", "Zm9vYmFy"}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[20];
		uint8_t back[8];
		size_t n = 99;

		base64_put(text, rows[i][0], strlen(rows[i][0]));
		assert_string_equal(text, rows[i][1]);
		assert_int_equal(base64_get(text, back, strlen(rows[i][0]), &n), 0);
		assert_int_equal(n, strlen(rows[i][0]));
		assert_memory_equal(back, rows[i][0], n);
	}
}

static void
test_every_octet(void **state UNUSED)
{
	uint8_t all[256], back[256];
	char text[BASE64_SIZE(256)];
	size_t n;

	for (int i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	base64_put(text, all, sizeof(all));
	assert_int_equal(strlen(text) + 1, sizeof(text));
	assert_int_equal(base64_get(text, back, sizeof(back), &n), 0);
	assert_int_equal(n, sizeof(all));
	assert_memory_equal(all, back, n);
	assert_int_equal(base64_get(text, back, sizeof(back) - 1, &n), -EINVAL);
}

static void
test_refused(void **state UNUSED)
{
	static const char *const rows[] = {
	    "Z", "Zg", "Zg=", "Zg=\n", "====", "=g==", "Z===", "Zg==Zg==", "Zm9\xc3"};
	uint8_t back[16];
	size_t n;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(base64_get(rows[i], back, sizeof(back), &n), -EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rfc_examples),
	    cmocka_unit_test(test_every_octet),
	    cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
