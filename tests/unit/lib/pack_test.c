/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/pack.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/str.h"

enum { SIZE = 100000 };

static void
test_there_and_back(void **state)
{
	char *text = str_alloc(SIZE + 1), *packed, *back = NULL;
	size_t len = 0, n = 0;
	struct error err;

	(void)state;
	for (size_t i = 0; i < SIZE; i++)
		text[i] = (char)('a' + i * i % 19);
	packed = pack_make(text, SIZE, &len);
	assert_non_null(packed);
	assert_true(len < SIZE / 10);
	assert_int_equal(pack_open(packed, len, SIZE, &back, &n, &err), 0);
	assert_int_equal(n, SIZE);
	assert_string_equal(back, text);
	free(back);
	/* Too much, cut off, changed, nothing. */
	assert_int_equal(pack_open(packed, len, SIZE - 1, &back, &n, &err), -EINVAL);
	assert_string_equal(err.code, "bad-encoding");
	assert_int_equal(pack_open(packed, len - 1, SIZE, &back, &n, &err), -EINVAL);
	assert_int_equal(pack_open(packed, 0, SIZE, &back, &n, &err), -EINVAL);
	assert_int_equal(pack_open(text, SIZE, SIZE, &back, &n, &err), -EINVAL);
	free(packed);
	assert_null(pack_make(text, 100, &len));
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_there_and_back)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
