/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ranges as RFC 9110 14.1.2 gives them, and sets of octets against a model of flags. */
#include "lib/http_range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka.h wants those three first. */
#include <cmocka.h>

#include "lib/rng.h"

static void
assert_range(const char *value, int64_t size, int64_t from, int64_t end)
{
	int64_t a = -1, b = -1;

	assert_int_equal(HTTP_RANGE_ONE, http_range_parse(value, size, &a, &b));
	assert_int_equal(from, a);
	assert_int_equal(end, b);
}

static void
assert_kind(enum http_range_kind want, const char *value, int64_t size)
{
	int64_t a = -1, b = -1;

	assert_int_equal(want, http_range_parse(value, size, &a, &b));
	assert_int_equal(-1, a);
	assert_int_equal(-1, b);
}

static void
test_parse(void **state)
{
	(void)state;
	assert_range("bytes=0-499", 10000, 0, 500);
	assert_range("bytes=9500-", 10000, 9500, 10000);
	assert_range("bytes=-500", 10000, 9500, 10000);
	assert_range("Bytes=-20000", 10000, 0, 10000);
	assert_range("bytes=0-99999999999999999999", 10000, 0, 10000);
	assert_range("bytes= 5-5 ", 10000, 5, 6);
	assert_kind(HTTP_RANGE_BAD, "bytes=10000-", 10000);
	assert_kind(HTTP_RANGE_BAD, "bytes=99999999999999999999-", 10000);
	assert_kind(HTTP_RANGE_BAD, "bytes=-0", 10000);
	assert_kind(HTTP_RANGE_BAD, "bytes=0-", 0);
	assert_kind(HTTP_RANGE_BAD, "bytes=-1", 0);
	assert_kind(HTTP_RANGE_NONE, "bytes=5-4", 10000);
	assert_kind(HTTP_RANGE_NONE, "bytes=0-1,3-4", 10000);
	assert_kind(HTTP_RANGE_NONE, "bytes=-", 10000);
	assert_kind(HTTP_RANGE_NONE, "bytes=", 10000);
	assert_kind(HTTP_RANGE_NONE, "bytes=5", 10000);
	assert_kind(HTTP_RANGE_NONE, "bytes=a-b", 10000);
	assert_kind(HTTP_RANGE_NONE, "lines=0-1", 10000);
	assert_kind(HTTP_RANGE_NONE, "", 10000);
}

static void
test_sets(void **state)
{
	struct http_range_set s = {0};

	(void)state;
	assert_int_equal(0, http_range_sum(&s));
	http_range_add(&s, 0, 0);
	assert_int_equal(0, s.n);
	http_range_add(&s, 10, 20);
	http_range_add(&s, 30, 40);
	assert_int_equal(2, s.n);
	http_range_add(&s, 20, 30);
	assert_int_equal(1, s.n);
	assert_int_equal(30, http_range_sum(&s));
	http_range_add(&s, 12, 15);
	http_range_add(&s, 0, 100);
	assert_int_equal(1, s.n);
	assert_int_equal(100, http_range_sum(&s));
}

static void
test_full_set_forgets_but_never_invents(void **state)
{
	struct http_range_set s = {0};

	(void)state;
	for (int64_t i = 0; i < 20; i++)
		http_range_add(&s, 10 * i, 10 * i + 1);
	assert_int_equal(HTTP_RANGE_SPANS, s.n);
	assert_int_equal(HTTP_RANGE_SPANS, http_range_sum(&s));
	http_range_add(&s, 0, 200);
	assert_int_equal(200, http_range_sum(&s));
}

static void
test_sets_against_flags(void **state)
{
	struct rng rng = rng_seeded(1);

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct http_range_set s = {0};
		char flags[100] = {0};

		for (int i = 0; i < 12; i++) {
			int64_t from = (int64_t)rng_below(&rng, 100);
			int64_t end =
			    from + (int64_t)rng_below(&rng, (uint64_t)(101 - from));
			int64_t sum = 0;

			http_range_add(&s, from, end);
			memset(flags + from, 1, (size_t)(end - from));
			for (size_t k = 0; k < sizeof flags; k++)
				sum += flags[k];
			assert_int_equal(sum, http_range_sum(&s));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_sets),
	    cmocka_unit_test(test_full_set_forgets_but_never_invents),
	    cmocka_unit_test(test_sets_against_flags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
