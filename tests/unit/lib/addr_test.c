/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/addr.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "lib/compiler.h"

static void
macs_in_every_form(void **state)
{
	static const char *const good[] = {"52:54:00:77:00:01", "52-54-00-77-00-01",
	    "5254.0077.0001", "52:54:00:77:00:01"};
	char text[ADDR_MAC_TEXT];
	struct addr_mac mac;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(addr_mac_parse(good[i], &mac), 0);
		assert_string_equal(
		    addr_mac_text(&mac, text, sizeof(text)), "52:54:00:77:00:01");
	}
	assert_int_equal(addr_mac_parse("AA:Bb:cC:DD:EE:0f", &mac), 0);
	assert_string_equal(addr_mac_text(&mac, text, sizeof(text)), "aa:bb:cc:dd:ee:0f");
}

static void
macs_that_no_host_has(void **state)
{
	static const char *const bad[] = {"", "52", "52:54:00:77:00",
	    "52:54:00:77:00:01:02", "52:54:00-77:00:01", "525400770001",
	    "52:54:00:77:00:0g", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff",
	    "01:00:5e:00:00:01", "52.54.00.77.00.01", "5254:0077:0001", "5254.0077.000",
	    "52:54:00:77:00:1:", " 52:54:00:77:00:1"};
	struct addr_mac mac;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(addr_mac_parse(bad[i], &mac), -EINVAL);
}

static void
ips_of_both_families(void **state)
{
	char text[ADDR_IP_TEXT];
	struct addr_ip a, b, none = {.family = 0};

	(void)state;
	assert_int_equal(addr_ip_parse("10.77.0.1", &a), 0);
	assert_string_equal(addr_ip_text(&a, text, sizeof(text)), "10.77.0.1");
	assert_int_equal(addr_ip_v4(&a), 0x0a4d0001);
	b = addr_ip_make_v4(0x0a4d0001);
	assert_true(addr_ip_eq(&a, &b));
	assert_int_equal(addr_ip_parse("FD77:0:0::1", &b), 0);
	assert_string_equal(addr_ip_text(&b, text, sizeof(text)), "fd77::1");
	assert_false(addr_ip_eq(&a, &b));
	assert_int_equal(addr_ip_v4(&b), 0);
	assert_false(addr_ip_is_set(&none));
	assert_string_equal(addr_ip_text(&none, text, sizeof(text)), "");
	assert_int_equal(addr_ip_parse("10.77.0", &a), -EINVAL);
	assert_int_equal(addr_ip_parse("10.77.0.256", &a), -EINVAL);
	assert_int_equal(addr_ip_parse("fe80::1%eth0", &a), -EINVAL);
	assert_int_equal(addr_ip_parse("", &a), -EINVAL);
}

static void
socket_addresses(void **state)
{
	struct addr_ip a, b;
	struct sockaddr_storage ss;
	struct sockaddr_in6 mapped = {.sin6_family = AF_INET6};
	struct sockaddr_in sin;

	(void)state;
	assert_int_equal(addr_ip_parse("10.77.0.1", &a), 0);
	assert_int_equal(addr_ip_sockaddr(&a, 69, &ss), sizeof(struct sockaddr_in));
	memcpy(&sin, &ss, sizeof(sin));
	assert_int_equal(ntohs(sin.sin_port), 69);
	b = addr_ip_from_sockaddr((struct sockaddr *)&ss);
	assert_true(addr_ip_eq(&a, &b));
	b = addr_ip_from_in(sin.sin_addr);
	assert_true(addr_ip_eq(&a, &b));
	assert_int_equal(inet_pton(AF_INET6, "::ffff:10.77.0.1", &mapped.sin6_addr), 1);
	b = addr_ip_from_sockaddr((struct sockaddr *)&mapped);
	assert_true(addr_ip_eq(&a, &b));
	assert_int_equal(addr_ip_parse("fd77::1", &a), 0);
	assert_int_equal(addr_ip_sockaddr(&a, 80, &ss), sizeof(struct sockaddr_in6));
	b = addr_ip_from_sockaddr((struct sockaddr *)&ss);
	assert_true(addr_ip_eq(&a, &b));
	a.family = 0;
	assert_int_equal(addr_ip_sockaddr(&a, 80, &ss), 0);
	b = addr_ip_from_sockaddr((struct sockaddr *)&ss);
	assert_false(addr_ip_is_set(&b));
}

static void
link_local_addresses_have_a_scope(void **state)
{
	struct sockaddr_storage ss;
	struct sockaddr_in6 sin6;
	struct addr_ip ip;

	(void)state;
	assert_int_equal(addr_ip_parse("fe80::1", &ip), 0);
	assert_true(addr_ip_is_link_local(&ip));
	assert_int_equal(
	    addr_ip_sockaddr_scoped(&ip, 69, 7, &ss), sizeof(struct sockaddr_in6));
	memcpy(&sin6, &ss, sizeof(sin6));
	assert_int_equal(sin6.sin6_scope_id, 7);
	assert_int_equal(addr_port_from_sockaddr((struct sockaddr *)&ss), 69);
	assert_int_equal(addr_ip_parse("fd77::1", &ip), 0);
	assert_false(addr_ip_is_link_local(&ip));
	assert_int_equal(
	    addr_ip_sockaddr_scoped(&ip, 69, 7, &ss), sizeof(struct sockaddr_in6));
	memcpy(&sin6, &ss, sizeof(sin6));
	assert_int_equal(sin6.sin6_scope_id, 0);
	ip = addr_ip_make_v4(0xfe800001);
	assert_false(addr_ip_is_link_local(&ip));
	assert_int_equal(
	    addr_ip_sockaddr_scoped(&ip, 80, 7, &ss), sizeof(struct sockaddr_in));
	assert_int_equal(addr_port_from_sockaddr((struct sockaddr *)&ss), 80);
}

/* RFC 4291 appendix A. */
static void
mac_of_an_interface_identifier(void **state)
{
	static const struct {
		const char *ip, *mac;
	} rows[] = {
	    {"fe80::5054:ff:fe77:1", "52:54:00:77:00:01"},
	    {"fd77::3656:78ff:fe9a:bcde", "34:56:78:9a:bc:de"},
	    {"fd77::3456:78ff:fe9a:bcde", "36:56:78:9a:bc:de"},
	    {"fd77::1", NULL},
	    {"fd77::5054:ff:ff77:1", NULL},
	    {"fd77::5354:ff:fe77:1", NULL}, /* of a group address */
	    {"10.77.0.1", NULL},
	};
	char text[ADDR_MAC_TEXT];
	struct addr_mac mac;
	struct addr_ip ip;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(addr_ip_parse(rows[i].ip, &ip), 0);
		assert_int_equal(addr_ip_eui64_mac(&ip, &mac), rows[i].mac != NULL);
		if (rows[i].mac != NULL)
			assert_string_equal(
			    addr_mac_text(&mac, text, sizeof(text)), rows[i].mac);
	}
}

static void
prefixes(void **state)
{
	struct addr_prefix p;
	struct addr_ip ip;
	char text[ADDR_PREFIX_TEXT];

	(void)state;
	assert_int_equal(addr_prefix_parse("10.77.3.9/22", &p), 0);
	assert_string_equal(addr_prefix_text(&p, text, sizeof(text)), "10.77.0.0/22");
	assert_int_equal(addr_prefix_mask_v4(&p), 0xfffffc00);
	assert_int_equal(addr_ip_parse("10.77.3.255", &ip), 0);
	assert_true(addr_prefix_contains(&p, &ip));
	assert_int_equal(addr_ip_parse("10.77.4.0", &ip), 0);
	assert_false(addr_prefix_contains(&p, &ip));
	assert_int_equal(addr_ip_parse("fd77::1", &ip), 0);
	assert_false(addr_prefix_contains(&p, &ip));
	assert_int_equal(addr_prefix_parse("fd77::1/63", &p), 0);
	assert_string_equal(addr_prefix_text(&p, text, sizeof(text)), "fd77::/63");
	assert_true(addr_prefix_contains(&p, &ip));
	assert_int_equal(addr_prefix_parse("0.0.0.0/0", &p), 0);
	assert_int_equal(addr_prefix_mask_v4(&p), 0);
	assert_int_equal(addr_prefix_parse("10.77.0.0/22", &p), 0);
	assert_false(addr_prefix_has_host_v4(&p, &(struct addr_ip){0}));
	for (uint32_t i = 0; i < 1025; i++) {
		ip = addr_ip_make_v4(0x0a4d0000 + i);
		assert_int_equal(addr_prefix_has_host_v4(&p, &ip), i > 0 && i < 1023);
	}
	assert_int_equal(addr_prefix_parse("10.77.4.0/31", &p), 0);
	assert_true(addr_prefix_has_host_v4(&p, &ip));
	assert_int_equal(addr_prefix_parse("10.0.0.1/32", &p), 0);
	assert_int_equal(addr_prefix_mask_v4(&p), 0xffffffff);
}

static void
special_addresses(void **state)
{
	static const struct {
		const char *ip, *what;
	} table[] = {
	    {"10.0.0.1", NULL},
	    {"0.1.2.3", "no network"},
	    {"127.255.0.1", "loopback"},
	    {"169.254.9.9", "link-local"},
	    {"239.1.1.1", "multicast"},
	    {"255.255.255.255", "reserved"},
	    {"2001:db8::1", NULL},
	    {"fd77::1", NULL},
	    {"::", "unspecified"},
	    {"::1", "loopback"},
	    {"::2", NULL},
	    {"::ffff:10.0.0.1", "IPv4-mapped"},
	    {"fe80::1", "link-local"},
	    {"febf::1", "link-local"},
	    {"fec0::1", NULL},
	    {"ff02::1", "multicast"},
	};
	struct addr_ip ip = {.family = 0};

	(void)state;
	assert_null(addr_ip_special(&ip));
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		assert_int_equal(addr_ip_parse(table[i].ip, &ip), 0);
		if (table[i].what)
			assert_non_null(strstr(addr_ip_special(&ip), table[i].what));
		else
			assert_null(addr_ip_special(&ip));
	}
}

static void
prefixes_that_are_none(void **state)
{
	static const char *const bad[] = {"", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33",
	    "10.0.0.0/-1", "/8", "10.0.0/8", "fd77::/129", "10.0.0.0/8x"};
	struct addr_prefix p, unset = {.len = 0};
	char text[ADDR_PREFIX_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(addr_prefix_parse(bad[i], &p), -EINVAL);
	assert_string_equal(addr_prefix_text(&unset, text, sizeof(text)), "");
}

static void
uuids(void **state)
{
	struct addr_uuid u, swapped, back;
	char text[ADDR_UUID_TEXT];

	(void)state;
	assert_int_equal(addr_uuid_parse("00112233-4455-6677-8899-AABBCCDDEEFF", &u), 0);
	assert_string_equal(addr_uuid_text(&u, text, sizeof(text)),
	    "00112233-4455-6677-8899-aabbccddeeff");
	swapped = addr_uuid_swap(&u);
	assert_string_equal(addr_uuid_text(&swapped, text, sizeof(text)),
	    "33221100-5544-7766-8899-aabbccddeeff");
	back = addr_uuid_swap(&swapped);
	assert_memory_equal(&back, &u, sizeof(u));
	assert_int_equal(
	    addr_uuid_parse("0011223344556677-8899-AABBCCDDEEFF-", &u), -EINVAL);
	assert_int_equal(
	    addr_uuid_parse("00112233-4455-6677-8899-AABBCCDDEEF", &u), -EINVAL);
	assert_int_equal(
	    addr_uuid_parse("00112233-4455-6677-8899-AABBCCDDEEFG", &u), -EINVAL);
	assert_int_equal(addr_uuid_parse("", &u), -EINVAL);
}

static void
private_networks(void **state)
{
	static const struct {
		const char *ip;
		bool private;
	} rows[] = {{"10.9.0.1", true}, {"172.31.255.1", true}, {"172.32.0.1", false},
	    {"192.168.1.1", true}, {"100.64.0.1", true}, {"100.128.0.1", false},
	    {"127.0.0.1", true}, {"203.0.113.9", false}, {"fd00:9::1", true},
	    {"fe80::1", true}, {"2001:db8::1", false}, {"::1", true}};
	struct addr_ip ip;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(addr_ip_parse(rows[i].ip, &ip), 0);
		assert_int_equal(addr_ip_private(&ip), rows[i].private);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(private_networks),
	    cmocka_unit_test(macs_in_every_form),
	    cmocka_unit_test(macs_that_no_host_has),
	    cmocka_unit_test(ips_of_both_families),
	    cmocka_unit_test(socket_addresses),
	    cmocka_unit_test(link_local_addresses_have_a_scope),
	    cmocka_unit_test(mac_of_an_interface_identifier),
	    cmocka_unit_test(prefixes),
	    cmocka_unit_test(prefixes_that_are_none),
	    cmocka_unit_test(special_addresses),
	    cmocka_unit_test(uuids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
