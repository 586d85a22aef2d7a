/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Subnets against interfaces, and the kernel's list of IPv6 addresses. */
#include "boot-services/table_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/str.h"

struct found {
	char text[1024];
};

static void
note(void *arg, const struct error *err)
{
	struct found *f = arg;
	size_t n = strlen(f->text);

	assert_string_equal(err->code, "subnet-elsewhere");
	assert_non_null(strstr(err->next, "relay"));
	snprintf(f->text + n, sizeof(f->text) - n, "%s\n", err->text);
}

static void
add(struct table_check_iface *iface, const char *ip)
{
	assert_int_equal(addr_ip_parse(ip, &iface->addrs[iface->n_addrs++]), 0);
}

static void
subnets_on_no_interface_are_told(void **state UNUSED)
{
	static const struct {
		const char *prefix, *relay, *text;
		bool v4, v6;
	} table[] = {
	    {"10.0.0.0/24", "", "", true, true},
	    {"10.2.0.0/16", "", "", true, true}, /* of the second interface */
	    {"fd77::/64", "", "", true, true},
	    {"10.1.0.0/24", "",
		"subnet 10.1.0.0/24 is on none of the interfaces: eth1 10.0.0.1 "
		"10.0.9.1, eth2 "
		"10.2.0.1\n",
		true, true},
	    {"fd78::/64", "",
		"subnet fd78::/64 is on none of the interfaces: eth1 fe80::1 fd77::1, "
		"eth2 "
		"without an address\n",
		true, true},
	    {"10.1.0.0/24", "10.1.0.9", "", true, true},
	    {"fd78::/64", "fd78::9", "", true, true},
	    {"10.1.0.0/24", "", "", false, true},
	    {"fd78::/64", "", "", true, false},
	};
	struct table_check_iface ifaces[2] = {{.name = "eth1"}, {.name = "eth2"}};
	struct bundle_site *site = str_alloc(sizeof(*site));

	add(&ifaces[0], "10.0.0.1");
	add(&ifaces[0], "fe80::1");
	add(&ifaces[0], "10.0.9.1");
	add(&ifaces[0], "fd77::1");
	add(&ifaces[1], "10.2.0.1");
	site->n_subnets = 1;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct found f = {.text = ""};

		assert_int_equal(
		    addr_prefix_parse(table[i].prefix, &site->subnets[0].prefix), 0);
		str_clip(site->subnets[0].relay, sizeof(site->subnets[0].relay),
		    table[i].relay);
		table_check_subnets(site, ifaces, 2, table[i].v4, table[i].v6, note, &f);
		assert_string_equal(f.text, table[i].text);
	}
	free(site);
}

static void
note_managed(void *arg, const struct error *err)
{
	struct found *f = arg;

	assert_string_equal(err->code, "dhcp6-off");
	assert_non_null(strstr(err->next, "another DHCPv6 server"));
	str_clip(f->text, sizeof(f->text), err->text);
}

static void
managed_without_dhcp6_is_told(void **state UNUSED)
{
	static const struct {
		const char *prefix, *relay;
		enum bundle_ra ra;
		bool told;
	} table[] = {
	    {"fd77::/64", "", BUNDLE_RA_MANAGED, true},
	    {"fd77::/64", "", BUNDLE_RA_STATELESS, false},
	    {"fd77::/64", "", BUNDLE_RA_OFF, false},
	    {"fd77::/64", "fd77::9", BUNDLE_RA_MANAGED, false}, /* another router's */
	    {"fd78::/64", "", BUNDLE_RA_MANAGED, false},	/* not advertised */
	    {"10.0.0.0/24", "", BUNDLE_RA_MANAGED, false},
	};
	struct table_check_iface iface = {.name = "eth1"};
	struct bundle_site *site = str_alloc(sizeof(*site));

	add(&iface, "fd77::1");
	add(&iface, "10.0.0.1");
	site->n_subnets = 1;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct found f = {.text = ""};
		struct bundle_subnet *s = &site->subnets[0];

		assert_int_equal(addr_prefix_parse(table[i].prefix, &s->prefix), 0);
		str_clip(s->relay, sizeof(s->relay), table[i].relay);
		s->ra = table[i].ra;
		table_check_managed(site, &iface, 1, note_managed, &f);
		assert_string_equal(f.text,
		    table[i].told ? "subnet fd77::/64 is advertised as managed, so that "
				    "its machines look for DHCPv6, and DHCPv6 is "
				    "switched off here"
				  : "");
	}
	free(site);
}

static void
many_addresses_are_clipped(void **state UNUSED)
{
	struct table_check_iface iface = {.name = "eth1"};
	struct bundle_site *site = str_alloc(sizeof(*site));
	struct found f = {.text = ""};
	char ip[ADDR_IP_TEXT];

	for (unsigned i = 0; i < TABLE_CHECK_ADDRS_MAX; i++) {
		snprintf(ip, sizeof(ip), "fd77:1111:2222:3333:4444:5555:6666:%x", i);
		add(&iface, ip);
	}
	site->n_subnets = 1;
	assert_int_equal(addr_prefix_parse("fd78::/64", &site->subnets[0].prefix), 0);
	table_check_subnets(site, &iface, 1, true, true, note, &f);
	assert_non_null(strstr(f.text, "subnet fd78::/64 is on none"));
	free(site);
}

static void
lines_of_if_inet6(void **state UNUSED)
{
	struct table_check_iface ifaces[2] = {{.name = "eth1"}, {.name = "eth10"}};
	char text[ADDR_IP_TEXT];
	static const char *const bad[] = {"", "\n", "fd77 02 40 00 80 eth1",
	    "fd770000000000000000000000000001 02 40 00",
	    "gd770000000000000000000000000001 02 40 00 80 eth1"};

	assert_true(table_check_take_inet6(
	    "fd770000000000000000000000000001 02 40 00 80     eth1\n", ifaces, 2));
	assert_true(table_check_take_inet6(
	    "fe80000000000000505400fffe770001 03 40 20 80    eth10\n", ifaces, 2));
	assert_true(table_check_take_inet6(
	    "00000000000000000000000000000001 01 80 10 80       lo\n", ifaces, 2));
	assert_int_equal(ifaces[0].n_addrs, 1);
	assert_string_equal(
	    addr_ip_text(&ifaces[0].addrs[0], text, sizeof(text)), "fd77::1");
	assert_int_equal(ifaces[1].n_addrs, 1);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(table_check_take_inet6(bad[i], ifaces, 2));
	for (int i = 0; i < 2 * TABLE_CHECK_ADDRS_MAX; i++)
		assert_true(table_check_take_inet6(
		    "fd770000000000000000000000000002 02 40 00 80 eth1\n", ifaces, 2));
	assert_int_equal(ifaces[0].n_addrs, TABLE_CHECK_ADDRS_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(subnets_on_no_interface_are_told),
	    cmocka_unit_test(managed_without_dhcp6_is_told),
	    cmocka_unit_test(many_addresses_are_clipped),
	    cmocka_unit_test(lines_of_if_inet6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
