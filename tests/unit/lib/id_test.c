/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/id.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
ids_sort_by_time(void **state)
{
	struct rng rng = rng_seeded(1);
	char a[ID_SIZE], b[ID_SIZE];

	(void)state;
	for (int64_t t = 0; t < 5000000000000000; t += 77777777777777) {
		id_make(t, &rng, a);
		id_make(t + 1000, &rng, b);
		assert_true(strcmp(a, b) < 0);
		assert_true(id_valid(a));
	}
}

static void
an_id_tells_its_time(void **state)
{
	struct rng rng = rng_seeded(1);
	char id[ID_SIZE];

	(void)state;
	for (int64_t t = 0; t < 5000000000000000; t += 77777777777777) {
		id_make(t, &rng, id);
		assert_int_equal(id_time(id), t / 1000 * 1000);
	}
	assert_int_equal(id_time("zzz"), 0);
	assert_int_equal(id_time(""), 0);
}

static void
ids_of_one_instant_differ(void **state)
{
	struct rng rng = rng_system();
	char a[ID_SIZE], b[ID_SIZE];

	(void)state;
	id_make(1769851800123456, &rng, a);
	id_make(1769851800123456, &rng, b);
	assert_memory_equal(a, b, 10);
	assert_string_not_equal(a, b);
}

static void
tokens_use_all_their_bits(void **state)
{
	struct rng rng = rng_seeded(3);
	char token[ID_TOKEN_SIZE];
	bool seen[26][32] = {{false}};

	(void)state;
	for (int i = 0; i < 4000; i++) {
		id_token(&rng, token);
		assert_true(id_token_valid(token));
		for (int k = 0; k < 26; k++)
			seen[k][strchr("0123456789abcdefghjkmnpqrstvwxyz", token[k]) -
				strchr("0123456789abcdefghjkmnpqrstvwxyz", '0')] = true;
	}
	for (int k = 0; k < 25; k++)
		for (int v = 0; v < 32; v++)
			assert_true(seen[k][v]);
	/* 128 - 125 bits are left for the last one. */
	for (int v = 0; v < 32; v++)
		assert_int_equal(seen[25][v], v < 8);
}

static void
validity(void **state)
{
	(void)state;
	assert_true(id_valid("0123456789abcdef"));
	assert_false(id_valid("0123456789abcde"));
	assert_false(id_valid("0123456789abcdefg"));
	assert_false(id_valid("0123456789abcdEf"));
	assert_false(id_valid("0123456789abcdei"));
	assert_false(id_valid("../../etc/passwd"));
	assert_false(id_valid(NULL));
	assert_true(id_token_valid("0123456789abcdefghjkmnpqrs"));
	assert_false(id_token_valid("0123456789abcdef"));
}

static void
parts_of_ids(void **state)
{
	(void)state;
	assert_true(id_part_valid("0a7z"));
	assert_true(id_part_valid("0123456789abcdef"));
	assert_false(id_part_valid("0123456789abcdefg"));
	assert_false(id_part_valid(""));
	assert_false(id_part_valid("all"));
	assert_false(id_part_valid("edge01.los"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ids_sort_by_time),
	    cmocka_unit_test(an_id_tells_its_time),
	    cmocka_unit_test(ids_of_one_instant_differ),
	    cmocka_unit_test(tokens_use_all_their_bits),
	    cmocka_unit_test(validity),
	    cmocka_unit_test(parts_of_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
