/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lease table by itself: exclusivity, stickiness, shares, time. */
#include "boot-services/dhcp4_lease.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "boot-services/lease_pools.h"

enum { NET = 0x0a4d0000, FIRST = NET + 100 };

static struct dhcp4_lease_table *t;
static struct dhcp4_lease_range range;
static uint32_t avoided;
static int64_t now;

static bool
avoid(const void *arg, uint32_t ip)
{
	(void)arg;
	return ip == avoided;
}

static int
setup(void **state)
{
	(void)state;
	t = dhcp4_lease_new(42);
	range = (struct dhcp4_lease_range){NET, FIRST, FIRST + 15, avoid, NULL};
	avoided = 0;
	now = 1;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	dhcp4_lease_free(t);
	return 0;
}

static struct dhcp4_lease_client
client(uint8_t n)
{
	struct dhcp4_lease_client c = {.subnet = NET, .key = {.htype = 1, .len = 6}};

	c.key.b[0] = 2;
	c.key.b[5] = n;
	return c;
}

/* The address that a client is offered, or 0. */
static uint32_t
offer(uint8_t n, bool known)
{
	struct dhcp4_lease_client c = client(n);
	struct dhcp4_lease *l;

	return dhcp4_lease_any(t, &range, &c, 0, known, now, &l) < 0 ? 0 : l->ip;
}

static uint32_t
bind_for(uint8_t n, int64_t length)
{
	struct dhcp4_lease_client c = client(n);
	struct dhcp4_lease *l;

	if (dhcp4_lease_any(t, &range, &c, 0, true, now, &l) < 0)
		return 0;
	dhcp4_lease_bind(t, l, now, length);
	return l->ip;
}

static void
every_client_gets_its_own(void **state)
{
	bool used[16] = {false};

	(void)state;
	for (uint8_t n = 0; n < 16; n++) {
		uint32_t ip = bind_for(n, 1000);

		assert_in_range(ip, FIRST, FIRST + 15);
		assert_false(used[ip - FIRST]);
		used[ip - FIRST] = true;
		assert_int_equal(bind_for(n, 1000), ip);
	}
	assert_int_equal(bind_for(99, 1000), 0);
	assert_int_equal(dhcp4_lease_count(t), 16);
}

static void
expired_leases_are_remembered_until_needed(void **state)
{
	uint32_t a = bind_for(1, 100), b = bind_for(2, 200);

	(void)state;
	now = 1000;
	dhcp4_lease_tick(t, now, 100);
	assert_int_equal(bind_for(1, 100000), a);
	for (uint8_t n = 10; n < 24; n++)
		assert_int_not_equal(bind_for(n, 100000), b);
	assert_int_equal(bind_for(30, 100), b); /* the last one: now it is needed */
	assert_int_equal(bind_for(2, 100), 0);
}

static void
tick_is_bounded(void **state)
{
	(void)state;
	for (uint8_t n = 0; n < 16; n++)
		bind_for(n, 10);
	now = 1000;
	dhcp4_lease_tick(t, now, 3);
	assert_int_not_equal(bind_for(50, 10), 0);
	assert_int_not_equal(bind_for(51, 10), 0);
	assert_int_not_equal(bind_for(52, 10), 0);
	assert_int_equal(bind_for(53, 10), 0);
	dhcp4_lease_tick(t, now, 3);
	assert_int_not_equal(bind_for(53, 10), 0);
}

static void
offers_expire_after_ten_seconds(void **state)
{
	(void)state;
	assert_int_equal(offer(1, true), FIRST);
	now += DHCP4_LEASE_OFFER_US - 1;
	dhcp4_lease_tick(t, now, 100);
	assert_int_equal(dhcp4_lease_by_ip(t, FIRST)->state, DHCP4_LEASE_OFFERED);
	now += 1;
	dhcp4_lease_tick(t, now, 100);
	assert_int_equal(dhcp4_lease_by_ip(t, FIRST)->state, DHCP4_LEASE_FREE);
}

static void
fixed_addresses(void **state)
{
	struct dhcp4_lease_client a = client(1), b = client(2);
	struct dhcp4_lease *l;

	(void)state;
	assert_int_equal(dhcp4_lease_fixed(t, &a, NET + 5, false, now, &l), 0);
	assert_int_equal(
	    dhcp4_lease_fixed(t, &b, NET + 5, false, now, &l), 0); /* only offered */
	assert_ptr_equal(dhcp4_lease_by_client(t, &b), l);
	assert_null(dhcp4_lease_by_client(t, &a));
	dhcp4_lease_bind(t, l, now, 1000);
	assert_int_equal(dhcp4_lease_fixed(t, &a, NET + 5, false, now, &l), -EADDRINUSE);
	assert_int_equal(dhcp4_lease_fixed(t, &a, NET + 5, true, now, &l), 0);
	now += 2000;
	assert_int_equal(dhcp4_lease_fixed(t, &b, NET + 5, false, now, &l), 0);
}

/* A client that moves to another address leaves the old one blocked until its lease ends.
 */
static void
old_address_stays_blocked(void **state)
{
	struct dhcp4_lease_client c = client(1), other = client(2);
	uint32_t ip = bind_for(1, 1000);
	struct dhcp4_lease *l;

	(void)state;
	assert_int_equal(dhcp4_lease_fixed(t, &c, NET + 5, false, now, &l), 0);
	assert_int_equal(
	    dhcp4_lease_wanted(t, &range, &other, ip, true, now, &l), -EADDRINUSE);
	now = 2000;
	assert_int_equal(dhcp4_lease_wanted(t, &range, &other, ip, true, now, &l), 0);
}

static void
avoided_addresses(void **state)
{
	struct dhcp4_lease_client c = client(2);
	struct dhcp4_lease *l;

	(void)state;
	avoided = FIRST;
	assert_int_equal(offer(1, true), FIRST + 1);
	assert_int_equal(
	    dhcp4_lease_wanted(t, &range, &c, FIRST, true, now, &l), -EADDRNOTAVAIL);
	assert_int_equal(
	    dhcp4_lease_wanted(t, &range, &c, NET + 1, true, now, &l), -EADDRNOTAVAIL);
	avoided = 0;
	for (uint8_t n = 10; n < 24; n++)
		assert_int_not_equal(bind_for(n, INT32_MAX), 0);
	now +=
	    11 * USEC_PER_SEC; /* what was skipped is looked at again, not more often */
	assert_int_equal(bind_for(30, INT32_MAX), FIRST);
}

static void
shares_of_unknown_machines(void **state)
{
	unsigned got = 0;

	(void)state;
	for (uint8_t n = 0; n < 100; n++)
		got += offer(n, false) != 0;
	assert_int_equal(got, 100); /* offers are taken back in turn … */
	got = 0;
	for (uint8_t n = 100; n < 200; n++) {
		struct dhcp4_lease_client c = client(n);
		struct dhcp4_lease *l;

		if (dhcp4_lease_any(t, &range, &c, 0, false, now, &l) == 0) {
			dhcp4_lease_bind(t, l, now, INT32_MAX);
			got++;
		}
	}
	assert_int_equal(got, 14); /* … leases are not: 16 less an eighth */
	assert_int_not_equal(bind_for(200, 10), 0);
	assert_int_not_equal(bind_for(201, 10), 0);
}

static void
declined_addresses_come_back(void **state)
{
	(void)state;
	for (uint8_t n = 0; n < 8; n++) {
		struct dhcp4_lease_client c = client(n);

		assert_int_not_equal(bind_for(n, 1000), 0);
		dhcp4_lease_decline(t, dhcp4_lease_by_client(t, &c), now);
		assert_null(dhcp4_lease_by_client(t, &c));
	}
	/* At most a quarter rests. */
	for (uint8_t n = 20; n < 32; n++)
		assert_int_not_equal(bind_for(n, INT32_MAX), 0);
	assert_int_equal(bind_for(40, 10), 0);
	now += DHCP4_LEASE_DECLINE_US;
	dhcp4_lease_tick(t, now, 100);
	assert_int_not_equal(bind_for(40, 10), 0);
}

static void
count_each(void *arg, const struct dhcp4_lease *l)
{
	(void)l;
	++*(size_t *)arg;
}

static void
restore(void **state)
{
	struct dhcp4_lease_record r = {
	    .client = client(1), .ip = FIRST + 3, .state = DHCP4_LEASE_BOUND};
	size_t n = 0;

	(void)state;
	assert_int_equal(dhcp4_lease_restore(t, &r, 1000), 0);
	r.client = client(2); /* a later record of the same address wins */
	assert_int_equal(dhcp4_lease_restore(t, &r, 2000), 0);
	assert_null(
	    dhcp4_lease_by_client(t, &(struct dhcp4_lease_client){.subnet = NET}));
	assert_int_equal(bind_for(2, 10), FIRST + 3);
	assert_int_not_equal(bind_for(1, 10), FIRST + 3);
	r.state = DHCP4_LEASE_FREE;
	assert_int_equal(dhcp4_lease_restore(t, &r, 0), 0);
	r = (struct dhcp4_lease_record){
	    .ip = FIRST + 9, .client.subnet = NET, .state = DHCP4_LEASE_DECLINED};
	assert_int_equal(dhcp4_lease_restore(t, &r, 5000), 0);
	assert_false(dhcp4_lease_walk(t, true, SIZE_MAX, count_each, &n));
	assert_int_equal(n, 2); /* client 1's and the declined one */
}

/* Between two turns of a walk everything may change, also the record that is next. */
static void
walk_in_turns(void **state)
{
	size_t n = 0;

	(void)state;
	for (uint8_t i = 0; i < 16; i++)
		assert_int_not_equal(bind_for(i, 1000), 0);
	assert_true(dhcp4_lease_walk(t, true, 5, count_each, &n));
	assert_int_equal(n, 5);
	for (uint8_t i = 0; i < 16; i++)
		dhcp4_lease_release(t, dhcp4_lease_by_ip(t, FIRST + i));
	range.first = FIRST + 50;
	range.last = FIRST + 52;
	for (uint8_t i = 0; i < 3; i++)
		assert_int_not_equal(bind_for(100 + i, 1000), 0);
	assert_int_equal(bind_for(103, 1000), 0); /* looks at all free ones */
	assert_int_equal(dhcp4_lease_count(t), 3);
	n = 0;
	assert_true(dhcp4_lease_walk(t, false, 2, count_each, &n));
	assert_false(dhcp4_lease_walk(t, false, 2, count_each, &n));
	assert_int_equal(n, 3);
	assert_false(dhcp4_lease_walk(t, false, 2, count_each, &n));
	assert_int_equal(n, 3);
}

/* A table that has seen more subnets than there is room for serves new ones, and forgets those without a lease. */
static void
subnets_come_and_go(void **state)
{
	uint32_t kept = bind_for(0, 3600 * USEC_PER_SEC);
	struct dhcp4_lease_client c = client(1);
	struct dhcp4_lease *l;

	(void)state;
	for (uint32_t n = 1; n < 4 * LEASE_POOLS_MAX; n++) {
		size_t seen = 0;

		c.subnet = range.subnet = NET + (n << 8);
		range.first = c.subnet + 100;
		range.last = c.subnet + 115;
		assert_int_equal(dhcp4_lease_any(t, &range, &c, 0, true, now, &l), 0);
		dhcp4_lease_bind(t, l, now, 100);
		(void)dhcp4_lease_walk(t, n % 64 == 1, 1, count_each, &seen);
		now += 100;
		dhcp4_lease_tick(t, now, 64);
	}
	assert_true(dhcp4_lease_count(t) <= LEASE_POOLS_MAX);
	assert_int_equal(dhcp4_lease_by_ip(t, kept)->state, DHCP4_LEASE_BOUND);
	/* Whoever comes back to a subnet that was forgotten is served. */
	c.subnet = range.subnet = NET + (1 << 8);
	range.first = c.subnet + 100;
	range.last = c.subnet + 115;
	assert_int_equal(dhcp4_lease_any(t, &range, &c, 0, true, now, &l), 0);
	assert_int_equal(l->ip, range.first);
}

static void
pool_that_changes(void **state)
{
	uint32_t ip = bind_for(1, 1000);

	(void)state;
	range.first = FIRST + 50;
	range.last = FIRST + 51;
	assert_in_range(bind_for(1, 1000), FIRST + 50, FIRST + 51);
	assert_int_equal(dhcp4_lease_by_ip(t, ip)->state, DHCP4_LEASE_BOUND);
	range.first = 0;
	assert_int_equal(offer(2, true), 0);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(every_client_gets_its_own),
	    T(expired_leases_are_remembered_until_needed),
	    T(tick_is_bounded),
	    T(offers_expire_after_ten_seconds),
	    T(fixed_addresses),
	    T(old_address_stays_blocked),
	    T(avoided_addresses),
	    T(shares_of_unknown_machines),
	    T(declined_addresses_come_back),
	    T(restore),
	    T(walk_in_turns),
	    T(subnets_come_and_go),
	    T(pool_that_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
