/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pauses grow, are spread, and heed who asks for more. */
#include "lib/back_off.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/compiler.h"

static void
later_and_later(void **state)
{
	const struct back_off_why why = {.lost = true};
	struct rng rng = rng_seeded(1);
	int64_t delay = 0, expected = 200 * USEC_PER_MSEC;

	(void)state;
	for (int i = 0; i < 12; i++) {
		int64_t wait = back_off_next(&delay, &why, &rng);

		assert_int_equal(delay, expected);
		assert_in_range(wait, expected / 2, expected / 2 + expected);
		expected =
		    expected * 2 > 15 * USEC_PER_SEC ? 15 * USEC_PER_SEC : expected * 2;
	}
}

static void
a_thousand_come_back_over_their_window(void **state)
{
	const struct back_off_why why = {.lost = true, .window_us = 2 * USEC_PER_SEC};
	struct rng rng = rng_seeded(2);
	int tenth[11] = {0};

	(void)state;
	for (int i = 0; i < 1000; i++) {
		int64_t delay = 0, wait = back_off_next(&delay, &why, &rng);

		assert_in_range(wait, 100 * USEC_PER_MSEC, 2100 * USEC_PER_MSEC);
		tenth[(wait - 100 * USEC_PER_MSEC) / (200 * USEC_PER_MSEC)]++;
	}
	for (int i = 0; i < 10; i++)
		assert_in_range(tenth[i], 60, 140);
}

static void
only_the_first_pause_is_of_the_window(void **state)
{
	const struct back_off_why why = {.lost = true, .window_us = 30 * USEC_PER_SEC};
	const struct back_off_why refused = {.window_us = 30 * USEC_PER_SEC};
	struct rng rng = rng_seeded(3);
	int64_t delay = 0;

	(void)state;
	(void)back_off_next(&delay, &why, &rng);
	assert_in_range(
	    back_off_next(&delay, &why, &rng), 200 * USEC_PER_MSEC, 600 * USEC_PER_MSEC);
	delay = 0;
	assert_in_range(back_off_next(&delay, &refused, &rng), 100 * USEC_PER_MSEC,
	    300 * USEC_PER_MSEC);
}

static void
who_is_busy_says_how_long(void **state)
{
	const struct back_off_why why = {.at_least_us = 4 * USEC_PER_SEC};
	struct rng rng = rng_seeded(4);

	(void)state;
	for (int i = 0; i < 100; i++) {
		int64_t delay = 0, wait = back_off_next(&delay, &why, &rng);

		assert_in_range(wait, 4 * USEC_PER_SEC, 6 * USEC_PER_SEC);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(later_and_later),
	    cmocka_unit_test(a_thousand_come_back_over_their_window),
	    cmocka_unit_test(only_the_first_pause_is_of_the_window),
	    cmocka_unit_test(who_is_busy_says_how_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
