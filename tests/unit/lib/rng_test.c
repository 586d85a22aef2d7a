/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/rng.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
seeded_sequences_repeat(void **state)
{
	struct rng a = rng_seeded(42), b = rng_seeded(42), c = rng_seeded(43);
	uint64_t first = rng_u64(&a);

	(void)state;
	assert_true(first == rng_u64(&b));
	assert_true(first != rng_u64(&c));
	assert_true(rng_u64(&a) != first);
}

static void
below_covers_its_range_only(void **state)
{
	struct rng rng = rng_seeded(1);
	unsigned seen[7] = {0};

	(void)state;
	for (int i = 0; i < 7000; i++) {
		uint64_t v = rng_below(&rng, 7);

		assert_true(v < 7);
		seen[v]++;
	}
	for (int i = 0; i < 7; i++)
		assert_in_range(seen[i], 850, 1150);
	assert_int_equal(rng_below(&rng, 1), 0);
	assert_true(rng_below(&rng, UINT64_MAX) < UINT64_MAX);
}

static void
bytes_fill_exactly(void **state)
{
	struct rng rng = rng_seeded(2), sys = rng_system();
	uint8_t buf[13] = {0}, zero[11] = {0};

	(void)state;
	rng_bytes(&rng, buf + 1, 11);
	assert_int_equal(buf[0], 0);
	assert_int_equal(buf[12], 0);
	assert_memory_not_equal(buf + 1, zero, 11);
	memset(buf, 0, sizeof(buf));
	rng_bytes(&sys, buf + 1, 11);
	assert_int_equal(buf[12], 0);
	assert_memory_not_equal(buf + 1, zero, 11);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(seeded_sequences_repeat),
	    cmocka_unit_test(below_covers_its_range_only),
	    cmocka_unit_test(bytes_fill_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
