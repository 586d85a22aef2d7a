/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which pool gives way to that of a new subnet. */
#include "boot-services/lease_pools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct pool {
	struct lease_pools_one one;
	int mine;
};

static struct lease_pools s;

static int
teardown(void **state)
{
	(void)state;
	lease_pools_done(&s);
	return 0;
}

static struct pool *
get(unsigned n)
{
	const uint8_t key[LEASE_POOLS_KEY] = {10, (uint8_t)(n >> 8), (uint8_t)n};

	return lease_pools_get(&s, key, sizeof(struct pool));
}

static void
each_subnet_has_its_own(void **state)
{
	struct pool *p = get(1);

	(void)state;
	assert_int_equal(p->mine, 0);
	p->mine = 7;
	assert_ptr_not_equal(get(2), p);
	assert_ptr_equal(get(1), p);
	assert_int_equal(s.n, 2);
}

/* The one asked for longest ago, unless a lease of it is in use. */
static void
the_least_missed_gives_way(void **state)
{
	struct pool *busy, *kept, *first;

	(void)state;
	busy = get(0);
	busy->one.n_used = 1;
	kept = get(1);
	first = get(2);
	for (unsigned n = 3; n < LEASE_POOLS_MAX; n++)
		assert_non_null(get(n));
	assert_ptr_equal(get(1), kept);
	assert_null(s.ending);
	assert_non_null(get(1000));
	assert_ptr_equal(s.ending, &first->one);
	assert_int_equal(s.n, LEASE_POOLS_MAX);
	assert_ptr_equal(get(0), busy);
	assert_ptr_equal(get(1), kept);
	lease_pools_drop(&s);
	assert_null(s.ending);
	/* One subnet may come back while its old pool still ends. */
	assert_non_null(get(1001));
	first = get(3);
	assert_non_null(first);
	assert_int_equal(first->mine, 0);
	assert_non_null(s.ending->next);
}

static void
full_of_leases(void **state)
{
	(void)state;
	for (unsigned n = 0; n < LEASE_POOLS_MAX; n++)
		get(n)->one.n_used = 1;
	assert_null(get(1000));
	assert_non_null(get(7));
	get(7)->one.n_used = 0;
	assert_non_null(get(1000));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(each_subnet_has_its_own, teardown),
	    cmocka_unit_test_teardown(the_least_missed_gives_way, teardown),
	    cmocka_unit_test_teardown(full_of_leases, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
