/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Token buckets: bursts, refills, independence of keys, clocks that go back, floods of keys. */
#include "boot-services/evsink_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/compiler.h"

static const struct evsink_limit_rate rate = {5, USEC_PER_SEC};

static int
passed(struct evsink_limit *l, const char *who, int n, int64_t now)
{
	int passes = 0;

	for (int i = 0; i < n; i++)
		passes += evsink_limit_allow(l, "kind", who, &rate, now);
	return passes;
}

static void
passes_a_burst_then_a_rate(void **state UNUSED)
{
	struct evsink_limit *l = evsink_limit_new();
	const int64_t t = 1000 * USEC_PER_SEC;

	assert_int_equal(passed(l, "a", 10, t), 5);
	assert_int_equal(passed(l, "a", 10, t + USEC_PER_SEC / 2), 0);
	assert_int_equal(passed(l, "a", 10, t + USEC_PER_SEC), 1);
	assert_int_equal(passed(l, "a", 10, t + 3 * USEC_PER_SEC), 2);
	assert_int_equal(passed(l, "a", 10, t + 3600 * USEC_PER_SEC), 5);
	evsink_limit_free(l);
}

static void
keys_do_not_share(void **state UNUSED)
{
	struct evsink_limit *l = evsink_limit_new();

	assert_int_equal(passed(l, "a", 10, 0), 5);
	assert_int_equal(passed(l, "b", 10, 0), 5);
	assert_true(evsink_limit_allow(l, "other", "a", &rate, 0));
	evsink_limit_free(l);
}

static void
a_clock_that_goes_back_refills_nothing(void **state UNUSED)
{
	struct evsink_limit *l = evsink_limit_new();
	const int64_t t = 1000 * USEC_PER_SEC;

	assert_int_equal(passed(l, "a", 5, t), 5);
	assert_int_equal(passed(l, "a", 5, t - 900 * USEC_PER_SEC), 0);
	assert_int_equal(passed(l, "a", 5, t - 898 * USEC_PER_SEC), 2);
	evsink_limit_free(l);
}

static void
a_flood_of_keys_is_survived(void **state UNUSED)
{
	struct evsink_limit *l = evsink_limit_new();
	char who[16];

	for (int i = 0; i < 100000; i++) {
		snprintf(who, sizeof(who), "%d", i);
		assert_true(evsink_limit_allow(l, "kind", who, &rate, i));
	}
	evsink_limit_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(passes_a_burst_then_a_rate),
	    cmocka_unit_test(keys_do_not_share),
	    cmocka_unit_test(a_clock_that_goes_back_refills_nothing),
	    cmocka_unit_test(a_flood_of_keys_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
