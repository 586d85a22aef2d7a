/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/usual.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/str.h"

static void
ranks(void **state)
{
	struct usual *u = str_alloc(sizeof(*u));

	(void)state;
	usual_init(u);
	assert_int_equal(usual_of(u, STAGE_KERNEL).n, 0);
	assert_int_equal(usual_percentile(u, STAGE_KERNEL, 50), 0);
	for (int i = 10; i > 0; i--)
		usual_add(u, STAGE_KERNEL, i * USEC_PER_SEC);
	usual_add(u, STAGE_KERNEL, 0); /* the clock was set back */
	usual_add(u, STAGE_KERNEL, -5);
	const struct verdict_usual of = usual_of(u, STAGE_KERNEL);
	assert_int_equal(of.n, 10);
	assert_int_equal(of.median, 5 * USEC_PER_SEC);
	assert_int_equal(of.p90, 9 * USEC_PER_SEC);
	assert_int_equal(of.max, 10 * USEC_PER_SEC);
	assert_int_equal(usual_percentile(u, STAGE_KERNEL, 99), 10 * USEC_PER_SEC);
	for (int i = 0; i < 3 * USUAL_MAX; i++)
		usual_add(u, STAGE_KERNEL, 100 * USEC_PER_SEC);
	assert_int_equal(usual_of(u, STAGE_KERNEL).n, USUAL_MAX);
	free(u);
}

static int64_t
deadline_of(enum stage stage, unsigned n, int64_t seconds)
{
	struct usual *u = str_alloc(sizeof(*u));
	int64_t us;

	usual_init(u);
	for (unsigned i = 0; i < n; i++)
		usual_add(u, stage, seconds * USEC_PER_SEC);
	us = usual_deadline(u, stage);
	free(u);
	return us / USEC_PER_SEC;
}

static void
deadlines(void **state)
{
	(void)state;
	/* Of 300 s: twice what was seen, never below it, not above four times. */
	assert_int_equal(deadline_of(STAGE_FIRMWARE_DHCP, USUAL_ENOUGH, 200), 400);
	assert_int_equal(deadline_of(STAGE_FIRMWARE_DHCP, USUAL_ENOUGH, 150), 0);
	assert_int_equal(deadline_of(STAGE_FIRMWARE_DHCP, USUAL_ENOUGH, 142), 0);
	assert_int_equal(deadline_of(STAGE_FIRMWARE_DHCP, USUAL_ENOUGH, 20), 0);
	assert_int_equal(deadline_of(STAGE_INSTALLED, USUAL_MAX, 360), 0);
	assert_int_equal(deadline_of(STAGE_FIRMWARE_DHCP, USUAL_ENOUGH, 5000), 1200);
	assert_int_equal(deadline_of(STAGE_FIRMWARE_DHCP, USUAL_ENOUGH - 1, 142), 0);
	assert_int_equal(deadline_of(STAGE_POWER, USUAL_MAX, 142), 0);
	assert_int_equal(deadline_of(STAGE_DONE, USUAL_MAX, 142), 0);
}

/* Somebody stood in the setup for nine minutes. */
static void
one_odd_boot_sets_no_deadline(void **state)
{
	struct usual *u = str_alloc(sizeof(*u));

	(void)state;
	usual_init(u);
	usual_add(u, STAGE_FIRMWARE_DHCP, 540 * USEC_PER_SEC);
	for (unsigned i = 1; i < USUAL_ENOUGH; i++)
		usual_add(u, STAGE_FIRMWARE_DHCP, 20 * USEC_PER_SEC);
	assert_int_equal(usual_deadline(u, STAGE_FIRMWARE_DHCP), 0);
	free(u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ranks),
	    cmocka_unit_test(deadlines),
	    cmocka_unit_test(one_odd_boot_sets_no_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
