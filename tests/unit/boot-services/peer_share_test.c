/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What counts as one IPv6 network, and what does not. */
#include "boot-services/peer_share.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h wants those three first. */
#include <cmocka.h>

#include "tests/unit/boot-services/fixture.h"

static struct addr_ip
ip(const char *text)
{
	struct addr_ip a;

	assert_int_equal(addr_ip_parse(text, &a), 0);
	return a;
}

static void
strangers_count_together(void **state UNUSED)
{
	static const struct {
		const char *text;
		bool counts;
	} rows[] = {
	    {"10.77.0.11", false}, /* IPv4: as many addresses as there are machines */
	    {"fd77::11", false},   /* fixed */
	    {"fd77::12", true},
	    {"fe80::1", true},
	};
	struct hosttab *t = hosttab_new();
	struct bundle_host h = fixture_host("edge01", 1);
	struct error err = {0};

	h.nics[0].ip6 = ip("fd77::11");
	assert_int_equal(hosttab_put(t, &h, NULL, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct addr_ip a = ip(rows[i].text);

		assert_int_equal(peer_share_counts(t, &a), rows[i].counts);
	}
	hosttab_free(t);
}

static void
a_network_is_a_64(void **state UNUSED)
{
	struct addr_ip a = ip("fd77::1"), b = ip("fd77::ffff:ffff:ffff:ffff");
	struct addr_ip c = ip("fd77:0:0:1::1"), v4 = ip("10.77.0.1");

	assert_true(peer_share_same(&a, &b));
	assert_false(peer_share_same(&a, &c));
	assert_false(peer_share_same(&v4, &v4));
}

static void
half_of_the_room(void **state UNUSED)
{
	assert_int_equal(peer_share_max(1), 1);
	assert_int_equal(peer_share_max(3), 1);
	assert_int_equal(peer_share_max(1024), 512);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(strangers_count_together),
	    cmocka_unit_test(a_network_is_a_64),
	    cmocka_unit_test(half_of_the_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
