/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a machine, all strangers, and a foreign server may cost. */
#include "boot-services/dhcp4_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/compiler.h"

static struct dhcp4_limit *l;

static int
setup(void **state)
{
	(void)state;
	l = dhcp4_limit_new(99);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	dhcp4_limit_free(l);
	return 0;
}

static struct dhcp4_class_key
key(uint32_t n)
{
	struct dhcp4_class_key k = {.htype = 1, .len = 6};

	k.b[0] = 2;
	k.b[3] = (uint8_t)(n >> 16);
	k.b[4] = (uint8_t)(n >> 8);
	k.b[5] = (uint8_t)n;
	return k;
}

static unsigned
passes(uint32_t who, unsigned tries, int64_t now)
{
	struct dhcp4_class_key k = key(who);
	unsigned n = 0;

	for (unsigned i = 0; i < tries; i++)
		n += dhcp4_limit_packet(l, &k, now) == DHCP4_LIMIT_PASS;
	return n;
}

static void
a_machine_has_a_burst_and_a_rate(void **state)
{
	struct dhcp4_class_key k = key(1);
	int64_t now = 5 * USEC_PER_SEC;

	(void)state;
	assert_int_equal(passes(1, 100, now), DHCP4_LIMIT_BURST);
	assert_int_equal(passes(1, 100, now + USEC_PER_SEC), DHCP4_LIMIT_RATE);
	assert_int_equal(passes(1, 100, now + 1000 * USEC_PER_SEC), DHCP4_LIMIT_BURST);
	/* Told of once, until it was let through again. */
	now += 2000 * USEC_PER_SEC;
	assert_int_equal(passes(1, DHCP4_LIMIT_BURST, now), DHCP4_LIMIT_BURST);
	assert_int_equal(dhcp4_limit_packet(l, &k, now), DHCP4_LIMIT_FIRST_DROP);
	assert_int_equal(dhcp4_limit_packet(l, &k, now), DHCP4_LIMIT_DROP);
}

static void
machines_do_not_pay_for_each_other(void **state)
{
	(void)state;
	assert_int_equal(passes(1, 1000, 1), DHCP4_LIMIT_BURST);
	for (uint32_t n = 2; n < 50000; n++)
		assert_int_equal(passes(n, 1, 1), 1);
}

/* A clock that stands still, or an argument that goes back, gives nothing away and breaks nothing. */
static void
time_that_stands_still(void **state)
{
	(void)state;
	assert_int_equal(passes(1, 1000, 1000), DHCP4_LIMIT_BURST);
	assert_int_equal(passes(1, 1000, 1000), 0);
	assert_int_equal(passes(1, 1000, 10), 0);
}

static void
events_say_how_many_were_held_back(void **state)
{
	uint64_t suppressed = 7;
	unsigned n = 0;

	(void)state;
	for (int i = 0; i < DHCP4_LIMIT_EVENT_BURST + 25; i++)
		n += dhcp4_limit_event(l, 1, &suppressed);
	assert_int_equal(n, DHCP4_LIMIT_EVENT_BURST);
	assert_int_equal(suppressed, 0);
	assert_true(dhcp4_limit_event(l, 1 + USEC_PER_SEC, &suppressed));
	assert_int_equal(suppressed, 25);
}

static void
foreign_servers(void **state)
{
	const int64_t pause = DHCP4_LIMIT_FOREIGN_S * USEC_PER_SEC;

	(void)state;
	assert_true(dhcp4_limit_foreign(l, 0x0a4d0042, 1));
	assert_false(dhcp4_limit_foreign(l, 0x0a4d0042, pause));
	assert_true(dhcp4_limit_foreign(l, 0x0a4d0043, 1));
	assert_true(dhcp4_limit_foreign(l, 0x0a4d0042, 1 + pause));
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(a_machine_has_a_burst_and_a_rate),
	    T(machines_do_not_pay_for_each_other),
	    T(time_that_stands_still),
	    T(events_say_how_many_were_held_back),
	    T(foreign_servers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
