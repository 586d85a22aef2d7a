/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of DHCPv6 leases, its lines in the journal, and the text that our addresses come from. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "boot-services/dhcp6_journal.h"
#include "boot-services/dhcp6_socket.h"
#include "boot-services/lease_pools.h"
#include "tests/unit/boot-services/dhcp6_kit.h"

enum { HOUR = 3600 };
#define NOW (1000 * USEC_PER_SEC)
#define LENGTH (HOUR * USEC_PER_SEC)

static struct dhcp6_lease_table *t;
static struct dhcp6_lease_range range;

static bool
avoid_none(const void *arg, const struct addr_ip *ip)
{
	(void)arg;
	(void)ip;
	return false;
}

static int
setup(void **state)
{
	(void)state;
	t = dhcp6_lease_new(0x1234567);
	range = (struct dhcp6_lease_range){.first = kit_ip("fd77::100"),
	    .last = kit_ip("fd77::10f"),
	    .avoid = avoid_none};
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	dhcp6_lease_free(t);
	return 0;
}

static struct dhcp6_lease_client
client(uint32_t n)
{
	struct dhcp6_lease_client c = {.subnet = {0xfd, 0x77}};
	struct addr_mac mac = {{2, 0, (uint8_t)(n >> 24), (uint8_t)(n >> 16),
	    (uint8_t)(n >> 8), (uint8_t)n}};

	c.key = dhcp6_class_key_of_mac(&mac);
	return c;
}

static int
take(uint32_t n, bool known, int64_t now, struct dhcp6_lease **ret)
{
	struct dhcp6_lease_client c = client(n);
	struct addr_ip none = {.family = 0}, ip;
	int r = dhcp6_lease_pick(t, &range, &c, &none, known, now, &ip);

	if (r == 0)
		r = dhcp6_lease_bind(t, &c, &ip, false, known, now, LENGTH, ret);
	if (r == 0)
		dhcp6_lease_add_ia(*ret, n, now);
	return r;
}

static void
a_pool_is_given_out_to_the_last_address(void **state)
{
	struct dhcp6_lease *l, *again;
	uint32_t n = 0;

	(void)state;
	while (take(n, true, NOW, &l) == 0) {
		assert_true(memcmp(l->ip.b, range.first.b, 15) == 0);
		n++;
	}
	assert_int_equal(n, 16);
	assert_int_equal(dhcp6_lease_count(t), 16);
	/* Everyone finds its own again, also after its end. */
	for (uint32_t i = 0; i < n; i++) {
		struct dhcp6_lease_client c = client(i);

		l = dhcp6_lease_by_client(t, &c);
		assert_int_equal(take(i, true, NOW + i, &again), 0);
		assert_ptr_equal(l, again);
	}
	dhcp6_lease_tick(t, NOW + 2 * LENGTH, 1000);
	assert_int_equal(take(5, true, NOW + 2 * LENGTH, &again), 0);
	assert_int_equal(take(99, true, NOW + 2 * LENGTH, &again), 0);
}

static void
unknown_machines_have_seven_eighths(void **state)
{
	struct dhcp6_lease *l;
	uint32_t n = 0;

	(void)state;
	while (take(n, false, NOW, &l) == 0)
		n++;
	assert_int_equal(n, 14);
	assert_int_equal(take(100, true, NOW, &l), 0);
	assert_int_equal(take(101, true, NOW, &l), 0);
	assert_int_equal(take(102, true, NOW, &l), -ENOSPC);
}

static void
large_pools_do_not_collide(void **state)
{
	struct dhcp6_lease *l;

	(void)state;
	range.first = kit_ip("fd77::");
	range.last = kit_ip("fd77::ffff:ffff:ffff:ffff");
	for (uint32_t n = 0; n < 3000; n++) {
		assert_int_equal(take(n, false, NOW, &l), 0);
		assert_int_equal(dhcp6_lease_count(t), n + 1);
	}
}

/* Half of the table is always there for hosts, however large the pool is. */
static void
unknown_machines_have_half_of_the_table(void **state)
{
	struct dhcp6_lease *l;
	uint32_t n = 0;

	(void)state;
	range.first = kit_ip("fd77::");
	range.last = kit_ip("fd77::ffff:ffff:ffff:ffff");
	while (n <= DHCP6_LEASE_RECORDS_MAX / 2 && take(n, false, NOW, &l) == 0)
		n++;
	assert_int_equal(n, DHCP6_LEASE_RECORDS_MAX / 2);
	assert_int_equal(take(n, true, NOW, &l), 0);
}

/* A nearly full pool larger than one search: repetitions sweep it. */
static void
the_last_address_is_found(void **state)
{
	struct dhcp6_lease *l;
	uint32_t n = 0;
	int tries = 0;

	(void)state;
	range.last = kit_ip("fd77::18ff"); /* 6144 */
	while (n < 6144 && tries < 100000) {
		if (take(n, true, NOW, &l) == 0)
			n++;
		else
			tries++;
	}
	assert_int_equal(n, 6144);
	assert_true(tries < 20 * 6144);
}

static void
fixed_addresses(void **state)
{
	struct dhcp6_lease_client a = client(1), b = client(2);
	struct addr_ip ip = kit_ip("fd77::11");
	struct dhcp6_lease *l;

	(void)state;
	assert_int_equal(dhcp6_lease_check_fixed(t, &a, &ip, false, NOW), 0);
	assert_int_equal(dhcp6_lease_bind(t, &b, &ip, true, true, NOW, LENGTH, &l), 0);
	assert_int_equal(dhcp6_lease_check_fixed(t, &a, &ip, false, NOW), -EADDRINUSE);
	assert_int_equal(dhcp6_lease_check_fixed(t, &b, &ip, false, NOW), 0);
	assert_int_equal(dhcp6_lease_check_fixed(t, &a, &ip, true, NOW), 0);
	assert_int_equal(dhcp6_lease_check_fixed(t, &a, &ip, false, NOW + LENGTH), 0);
	dhcp6_lease_decline(t, l, NOW);
	assert_int_equal(dhcp6_lease_check_fixed(t, &b, &ip, true, NOW), -EADDRINUSE);
	assert_int_equal(dhcp6_lease_check_fixed(
			     t, &b, &ip, false, NOW + DHCP6_LEASE_DECLINE_FIXED_US),
	    0);
}

static void
more_iaids_than_are_remembered(void **state)
{
	struct dhcp6_lease *l;

	(void)state;
	assert_int_equal(take(0, true, NOW, &l), 0);
	for (uint32_t i = 1; i <= DHCP6_LEASE_IAS_MAX; i++)
		dhcp6_lease_add_ia(l, i, NOW);
	assert_true(l->more);
	assert_false(dhcp6_lease_release(t, l, 0, NOW)); /* forgotten */
	for (uint32_t i = 1; i <= DHCP6_LEASE_IAS_MAX; i++)
		assert_true(dhcp6_lease_release(t, l, i, NOW));
	/* Somebody may still have it: it runs out by itself. */
	assert_int_equal(l->state, DHCP6_LEASE_BOUND);
	dhcp6_lease_tick(t, NOW + LENGTH, 10);
	assert_int_equal(l->state, DHCP6_LEASE_FREE);
}

static void
rest_is_limited(void **state)
{
	struct dhcp6_lease *l, *declined[6];

	(void)state;
	for (uint32_t i = 0; i < 6; i++) {
		assert_int_equal(take(i, true, NOW, &l), 0);
		dhcp6_lease_decline(t, l, NOW);
		declined[i] = l;
	}
	assert_int_equal(declined[0]->state, DHCP6_LEASE_FREE);
	assert_int_equal(declined[5]->state, DHCP6_LEASE_DECLINED);
}

static void
count_each(void *arg, const struct dhcp6_lease *l)
{
	(void)l;
	++*(size_t *)arg;
}

/* Between two turns of a walk everything may change. */
static void
walk_in_turns(void **state)
{
	struct dhcp6_lease *l;
	size_t n = 0;

	(void)state;
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(take(i, true, NOW, &l), 0);
	assert_true(dhcp6_lease_walk(t, true, 4, count_each, &n));
	assert_int_equal(n, 4);
	assert_true(dhcp6_lease_release(t, l, 9, NOW)); /* not seen yet, and no more */
	assert_int_equal(take(10, true, NOW, &l), 0);
	assert_int_equal(take(11, true, NOW, &l), 0);
	while (dhcp6_lease_walk(t, false, 4, count_each, &n))
		;
	assert_in_range(n, 10, 11);
	n = 0;
	assert_false(dhcp6_lease_walk(t, true, SIZE_MAX, count_each, &n));
	assert_int_equal(n, 11);
}

static int
take_on(uint32_t subnet, int64_t now, struct dhcp6_lease **ret)
{
	struct dhcp6_lease_client c = client(1);
	struct addr_ip none = {.family = 0}, ip;
	int r;

	c.subnet[6] = range.first.b[6] = range.last.b[6] = (uint8_t)(subnet >> 8);
	c.subnet[7] = range.first.b[7] = range.last.b[7] = (uint8_t)subnet;
	r = dhcp6_lease_pick(t, &range, &c, &none, true, now, &ip);
	return r < 0 ? r : dhcp6_lease_bind(t, &c, &ip, false, true, now, 100, ret);
}

/* A table that has seen more subnets than there is room for serves new ones, and forgets those without a lease. */
static void
subnets_come_and_go(void **state)
{
	struct dhcp6_lease *kept, *l;
	int64_t now = NOW;

	(void)state;
	assert_int_equal(take(0, true, NOW, &kept), 0);
	for (uint32_t n = 1; n < 4 * LEASE_POOLS_MAX; n++) {
		size_t seen = 0;

		assert_int_equal(take_on(n, now, &l), 0);
		(void)dhcp6_lease_walk(t, n % 64 == 1, 1, count_each, &seen);
		now += 100;
		dhcp6_lease_tick(t, now, 64);
	}
	assert_true(dhcp6_lease_count(t) <= LEASE_POOLS_MAX);
	assert_int_equal(kept->state, DHCP6_LEASE_BOUND);
	/* Whoever comes back to a subnet that was forgotten is served. */
	assert_int_equal(take_on(1, now, &l), 0);
}

/* --- journal --- */

static struct dhcp6_lease_record
make_record(void)
{
	struct dhcp6_lease_record r = {.client = client(7),
	    .duid = kit_duid_ll(kit_mac_edge),
	    .ip = kit_ip("fd77::107"),
	    .state = DHCP6_LEASE_BOUND,
	    .known = true,
	    .until = 1764003600000000,
	    .length = 3600000000,
	    .iaids = {0x1a2b3c4d, 1},
	    .n_ias = 2};

	return r;
}

static void
lines_come_back_as_they_were(void **state)
{
	struct dhcp6_lease_record a = make_record(), b;
	char line[LINE_JOURNAL_LINE_MAX];
	size_t n;

	(void)state;
	for (int s = DHCP6_LEASE_FREE; s <= DHCP6_LEASE_DECLINED; s++) {
		a.state = (enum dhcp6_lease_state)s;
		if (s == DHCP6_LEASE_DECLINED)
			memset(&a.client.key, 0, sizeof(a.client.key));
		n = line_journal_format(&dhcp6_journal_kind, &a, line);
		assert_int_equal(
		    line_journal_parse(&dhcp6_journal_kind, line, n - 1, &b), 0);
		assert_memory_equal(&a.client, &b.client, sizeof(a.client));
		assert_true(dhcp6_duid_eq(&a.duid, &b.duid));
		assert_true(addr_ip_eq(&a.ip, &b.ip));
		assert_int_equal(a.state, b.state);
		assert_int_equal(a.until, b.until);
		assert_int_equal(b.n_ias, 2);
		assert_int_equal(b.iaids[0], 0x1a2b3c4d);
		assert_true(b.known && !b.fixed && !b.more);
	}
	/* The longest there is. */
	a = make_record();
	a.client.key.kind = DHCP6_KEY_DUID;
	a.client.key.len = a.duid.len = DHCP6_DUID_MAX;
	memset(a.client.key.b, 0xff, sizeof(a.client.key.b));
	memset(a.ip.b, 0xff, sizeof(a.ip.b));
	memset(a.client.subnet, 0xff, sizeof(a.client.subnet));
	a.until = a.length = INT64_MAX;
	a.n_ias = DHCP6_LEASE_IAS_MAX;
	n = line_journal_format(&dhcp6_journal_kind, &a, line);
	assert_true(n < LINE_JOURNAL_LINE_MAX - 16);
	assert_int_equal(line_journal_parse(&dhcp6_journal_kind, line, n - 1, &b), 0);
	assert_int_equal(b.n_ias, DHCP6_LEASE_IAS_MAX);
}

static void
bad_lines_are_refused(void **state)
{
	static const char *const bodies[] = {
	    "10.0.0.1 fd77:: m-525400770001 - B --- 1 1 -",
	    "fd77::1 fd77:: - - B --- 1 1 -",
	    "fd77::1 fd77:: m-525400770001 - X --- 1 1 -",
	    "fd77::1 fd77:: m-525400770001 - B -- 1 1 -",
	    "fd77::1 fd77:: m-525400770001 - B --- -1 1 -",
	    "fd77::1 fd77:: m-525400770001 - B --- 1 1 1",
	    "fd77::1 fd77:: m-525400770001 - B --- 1 1 0000000g",
	    "fd77::1 fd77:: m-525400770001 zz B --- 1 1 -",
	    "fd77::1 fd77:: m-525400770001 - B --- 1 1",
	    "fd77::1 fd77:: m-525400770001 - B --- 1 1 "
	    "00000001,00000002,00000003,00000004,00000005,00000006,00000007,00000008,"
	    "00000009",
	};
	struct dhcp6_lease_record r;
	char body[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		snprintf(body, sizeof(body), "%s", bodies[i]);
		assert_int_not_equal(dhcp6_journal_kind.parse(body, &r), 0);
	}
	snprintf(body, sizeof(body), "fd77::1 fd77:: m-525400770001 - B --- 1 1 -");
	assert_int_equal(dhcp6_journal_kind.parse(body, &r), 0);
}

/* --- sockets --- */

static void
our_addresses_from_the_kernels_text(void **state)
{
	static const char text[] =
	    "00000000000000000000000000000001 01 80 10 80       lo\n"
	    "fe80000000000000505400fffe770001 02 40 20 80     eth0\n"
	    "fd770000000000000000000000000001 02 40 00 80     eth0\n"
	    "fd770000000000000000000000000002 02 40 00 c0     eth0\n"
	    "fd770000000000000000000000000003 02 40 00 88     eth0\n"
	    "garbage\n"
	    "fd880000000000000000000000000001 03 40 00 80     eth1";
	struct dhcp6_server_link l = {.ifindex = 2};
	struct addr_ip want = kit_ip("fd77::1");

	(void)state;
	dhcp6_socket_read_table(text, &l);
	assert_int_equal(l.n_addrs, 2); /* neither the tentative one nor the duplicate */
	assert_true(addr_ip_eq(&l.addrs[1], &want));
	l.ifindex = 3;
	dhcp6_socket_read_table(text, &l);
	assert_int_equal(l.n_addrs, 1);
	dhcp6_socket_read_table("", &l);
	assert_int_equal(l.n_addrs, 0);
}

static void
what_the_tap_takes(void **state)
{
	uint8_t packet[64] = {0x60, 0, 0, 0, 0, 16, 17, 64};
	struct addr_ip src;
	size_t len;

	(void)state;
	packet[8] = 0xfe;
	packet[42] = 546 >> 8;
	packet[43] = 546 & 255;
	packet[45] = 16;
	assert_ptr_equal(
	    dhcp6_socket_tap_payload(packet, 56, 546, &len, &src), packet + 48);
	assert_int_equal(len, 8);
	assert_int_equal(src.b[0], 0xfe);
	assert_null(dhcp6_socket_tap_payload(packet, 55, 546, &len, &src));
	assert_null(dhcp6_socket_tap_payload(packet, 56, 547, &len, &src));
	assert_null(dhcp6_socket_tap_payload(packet, 20, 546, &len, &src));
	packet[45] = 7;
	assert_null(dhcp6_socket_tap_payload(packet, 56, 546, &len, &src));
	packet[45] = 16;
	packet[6] = 44; /* a fragment */
	assert_null(dhcp6_socket_tap_payload(packet, 56, 546, &len, &src));
	packet[6] = 17;
	packet[0] = 0x45;
	assert_null(dhcp6_socket_tap_payload(packet, 56, 546, &len, &src));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(a_pool_is_given_out_to_the_last_address),
	    TEST(unknown_machines_have_seven_eighths),
	    TEST(large_pools_do_not_collide),
	    TEST(unknown_machines_have_half_of_the_table),
	    TEST(the_last_address_is_found),
	    TEST(fixed_addresses),
	    TEST(more_iaids_than_are_remembered),
	    TEST(rest_is_limited),
	    TEST(walk_in_turns),
	    TEST(subnets_come_and_go),
	    TEST(lines_come_back_as_they_were),
	    TEST(bad_lines_are_refused),
	    TEST(our_addresses_from_the_kernels_text),
	    TEST(what_the_tap_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
