/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/store_ranges.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/rng.h"

enum { SIZE = 200 };

static void
ranges_join(void **state)
{
	struct store_ranges s = {.r = NULL};
	char *text;

	(void)state;
	store_ranges_add(&s, 10, 20);
	store_ranges_add(&s, 30, 40);
	store_ranges_add(&s, 5, 5);
	store_ranges_add(&s, 0, 4);
	assert_int_equal(s.n, 3);
	store_ranges_add(&s, 20, 30);
	assert_int_equal(s.n, 2);
	text = store_ranges_text(&s);
	assert_string_equal(text, "0-4\n10-40\n");
	free(text);
	assert_int_equal(store_ranges_total(&s), 34);
	store_ranges_done(&s);
}

static void
gaps_are_found_in_order(void **state)
{
	struct store_ranges s = {.r = NULL};
	struct store_range gap;

	(void)state;
	assert_true(store_ranges_gap(&s, 100, 60, &gap));
	assert_true(gap.from == 0 && gap.to == 60);
	store_ranges_add(&s, 0, 60);
	store_ranges_add(&s, 70, 100);
	assert_true(store_ranges_gap(&s, 100, 60, &gap));
	assert_true(gap.from == 60 && gap.to == 70);
	store_ranges_add(&s, 60, 70);
	assert_false(store_ranges_gap(&s, 100, 60, &gap));
	assert_false(store_ranges_gap(&s, 0, 60, &gap));
	store_ranges_done(&s);
}

/* Against a table of octets. */
static void
any_order_gives_the_same_set(void **state)
{
	struct rng rng = rng_seeded(11);

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct store_ranges s = {.r = NULL}, back;
		char there[SIZE] = {0}, *text;
		int64_t sum = 0;

		for (int i = 0; i < 20; i++) {
			int64_t from = (int64_t)rng_below(&rng, SIZE);
			int64_t to = from + (int64_t)rng_below(&rng, 30);

			to = to > SIZE ? SIZE : to;
			store_ranges_add(&s, from, to);
			memset(there + from, 1, (size_t)(to - from));
		}
		for (int i = 0; i < SIZE; i++)
			sum += there[i];
		assert_int_equal(store_ranges_total(&s), sum);
		for (int64_t from = 0; from < SIZE; from += 7) {
			struct store_range r = {.from = from, .to = from};
			int64_t to = from + 40 > SIZE ? SIZE : from + 40, at = from, end;

			while (at < to && there[at])
				at++;
			for (end = at; end < to && !there[end];)
				end++;
			assert_int_equal(store_ranges_missing(&s, from, to, &r), at < to);
			assert_true(at == to || (r.from == at && r.to == end));
		}
		text = store_ranges_text(&s);
		assert_int_equal(store_ranges_parse(text, SIZE, &back), 0);
		assert_int_equal(back.n, s.n);
		assert_memory_equal(back.r, s.r, s.n * sizeof(s.r[0]));
		free(text);
		store_ranges_done(&s);
		store_ranges_done(&back);
	}
}

static void
a_damaged_record_says_nothing(void **state)
{
	static const char *const bad[] = {"0-", "0-5", "5-0\n", "0-5\n5-6\n",
	    "9-12\n0-3\n", "0-101\n", "-1-5\n", "a-b\n", "0-5\n\n",
	    "99999999999999999999999-5\n"};
	struct store_ranges s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_not_equal(store_ranges_parse(bad[i], 100, &s), 0);
		assert_int_equal(s.n, 0);
	}
	assert_int_equal(store_ranges_parse("", 100, &s), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ranges_join),
	    cmocka_unit_test(gaps_are_found_in_order),
	    cmocka_unit_test(any_order_gives_the_same_set),
	    cmocka_unit_test(a_damaged_record_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
