/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Addresses and the machines they were given to: replaced, given back, aged, bounded. */
#include "boot-services/evsink_seen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct addr_mac
mac(uint8_t n)
{
	return (struct addr_mac){{2, 0, 0, 0, 0, n}};
}

static bool
is(struct evsink_seen *s, uint32_t ip, int64_t now, uint8_t n)
{
	struct addr_ip a = addr_ip_make_v4(ip);
	struct addr_mac found, want = mac(n);

	return evsink_seen_find(s, &a, now, &found) && addr_mac_eq(&found, &want);
}

static void
put(struct evsink_seen *s, uint32_t ip, uint8_t n, int64_t now)
{
	struct addr_ip a = addr_ip_make_v4(ip);
	struct addr_mac m = mac(n);

	evsink_seen_put(s, &a, &m, now);
}

static void
keeps_the_latest(void **state UNUSED)
{
	struct evsink_seen *s = evsink_seen_new();
	struct addr_ip a = addr_ip_make_v4(0x0a000001);

	assert_false(is(s, 0x0a000001, 0, 1));
	put(s, 0x0a000001, 1, 0);
	put(s, 0x0a000002, 2, 0);
	assert_true(is(s, 0x0a000001, 1, 1) && is(s, 0x0a000002, 1, 2));
	put(s, 0x0a000001, 3, 2);
	assert_true(is(s, 0x0a000001, 3, 3));
	evsink_seen_del(s, &a);
	assert_false(is(s, 0x0a000001, 3, 3));
	evsink_seen_free(s);
}

static void
old_ones_are_no_evidence(void **state UNUSED)
{
	struct evsink_seen *s = evsink_seen_new();

	put(s, 0x0a000001, 1, 0);
	assert_true(is(s, 0x0a000001, 3 * 3600 * USEC_PER_SEC, 1));
	assert_false(is(s, 0x0a000001, 5 * 3600 * USEC_PER_SEC, 1));
	evsink_seen_free(s);
}

static void
a_full_table_forgets_the_oldest(void **state UNUSED)
{
	struct evsink_seen *s = evsink_seen_new();

	for (uint32_t i = 0; i < 100000; i++) {
		put(s, 0x0a000000 + i, (uint8_t)i, i);
		assert_true(is(s, 0x0a000000 + i, i, (uint8_t)i));
	}
	assert_false(is(s, 0x0a000000, 100000, 0));
	evsink_seen_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keeps_the_latest),
	    cmocka_unit_test(old_ones_are_no_evidence),
	    cmocka_unit_test(a_full_table_forgets_the_oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
