/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DUIDs, MAC addresses and classes of DHCPv6 clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "boot-services/dhcp6_learn.h"
#include "lib/arch.h"
#include "tests/unit/boot-services/dhcp6_kit.h"

static struct dhcp6_msg m;
static struct kit_packet p;

static const struct dhcp6_msg *
parsed(void)
{
	const char *why;

	assert_int_equal(dhcp6_msg_parse(p.data, p.w.len, &m, &why), 0);
	return &m;
}

static void
lengths_of_duids(void **state)
{
	uint8_t octets[DHCP6_DUID_MAX + 1] = {0, 3};
	struct dhcp6_duid d;

	(void)state;
	for (size_t n = 0; n <= sizeof(octets); n++)
		assert_int_equal(dhcp6_duid_parse(rbuf_init(octets, n), &d) == 0,
		    n >= DHCP6_DUID_MIN && n <= DHCP6_DUID_MAX);
}

static void
macs_of_duids(void **state)
{
	static const struct {
		const char *text, *mac;
	} rows[] = {
	    {"00030001525400770001", "52:54:00:77:00:01"},
	    {"000100012a2b2c2d525400770001", "52:54:00:77:00:01"},
	    {"00030006525400770001", NULL},	    /* IEEE 802, not Ethernet */
	    {"00030020525400770001", NULL},	    /* InfiniBand */
	    {"0003000152540077000102", NULL},	    /* seven octets */
	    {"00030001000000000000", NULL},	    /* nobody */
	    {"00030001ffffffffffff", NULL},	    /* a group */
	    {"0002000001570102030405060708", NULL}, /* EN */
	    {"000444332211665588779900aabbccddeeff", NULL},
	    {"0003000152", NULL},
	};
	char text[ADDR_MAC_TEXT], again[DHCP6_DUID_TEXT];
	struct addr_mac mac;
	struct dhcp6_duid d;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(dhcp6_duid_from_text(rows[i].text, &d), 0);
		assert_string_equal(
		    dhcp6_duid_text(&d, again, sizeof(again)), rows[i].text);
		assert_int_equal(dhcp6_duid_mac(&d, &mac), rows[i].mac != NULL);
		if (rows[i].mac)
			assert_string_equal(
			    addr_mac_text(&mac, text, sizeof(text)), rows[i].mac);
	}
	assert_int_not_equal(dhcp6_duid_from_text("000", &d), 0);
	assert_int_not_equal(dhcp6_duid_from_text("0003zz", &d), 0);
	assert_int_not_equal(dhcp6_duid_from_text("", &d), 0);
}

static void
uuids_of_duids(void **state)
{
	uint8_t bad[16];
	struct dhcp6_duid d = dhcp6_duid_make_uuid(kit_uuid_raw);
	struct addr_uuid uuid;
	char text[ADDR_UUID_TEXT];

	(void)state;
	assert_true(dhcp6_duid_uuid(&d, &uuid));
	uuid = addr_uuid_swap(&uuid);
	assert_string_equal(addr_uuid_text(&uuid, text, sizeof(text)), kit_uuid_text);
	memset(bad, 0, sizeof(bad));
	d = dhcp6_duid_make_uuid(bad);
	assert_false(dhcp6_duid_uuid(&d, &uuid));
	memset(bad, 0xff, sizeof(bad));
	d = dhcp6_duid_make_uuid(bad);
	assert_false(dhcp6_duid_uuid(&d, &uuid));
	d = kit_duid_ll(kit_mac_edge);
	assert_false(dhcp6_duid_uuid(&d, &uuid));
}

static void
keys_are_text(void **state)
{
	struct addr_mac mac;
	struct dhcp6_duid d = dhcp6_duid_make_uuid(kit_uuid_raw);
	struct dhcp6_class_key key, again;
	char text[DHCP6_KEY_TEXT];

	(void)state;
	memcpy(mac.b, kit_mac_edge, 6);
	key = dhcp6_class_key_of_mac(&mac);
	assert_string_equal(
	    dhcp6_class_key_text(&key, text, sizeof(text)), "m-525400770001");
	assert_int_equal(dhcp6_class_key_parse(text, &again), 0);
	assert_true(dhcp6_class_key_eq(&key, &again));
	key = dhcp6_class_key_of_duid(&d);
	dhcp6_class_key_text(&key, text, sizeof(text));
	assert_int_equal(dhcp6_class_key_parse(text, &again), 0);
	assert_true(dhcp6_class_key_eq(&key, &again));
	assert_int_not_equal(dhcp6_class_key_parse("m-5254007700", &again), 0);
	assert_int_not_equal(dhcp6_class_key_parse("x-525400770001", &again), 0);
	assert_int_not_equal(dhcp6_class_key_parse("", &again), 0);
}

static void
macs_of_messages(void **state)
{
	struct dhcp6_duid none = {.len = 0}, ll = kit_duid_ll(kit_mac_pool);
	struct addr_ip eui = kit_link_local(kit_mac_edge), other = kit_ip("fe80::1:2");
	struct addr_ip global = kit_ip("fd77::5054:ff:fe77:1");
	struct dhcp6_class_macs macs;

	(void)state;
	kit_begin(&p, DHCP6_SOLICIT);
	dhcp6_class_macs(parsed(), &ll, eui.b, &macs);
	assert_false(macs.has[DHCP6_MAC_RELAY]);
	assert_true(macs.has[DHCP6_MAC_DUID]);
	assert_memory_equal(macs.mac[DHCP6_MAC_DUID].b, kit_mac_pool, 6);
	assert_true(macs.has[DHCP6_MAC_LINK]);
	assert_memory_equal(macs.mac[DHCP6_MAC_LINK].b, kit_mac_edge, 6);
	dhcp6_class_macs(parsed(), &none, other.b, &macs);
	assert_false(macs.has[DHCP6_MAC_DUID] || macs.has[DHCP6_MAC_LINK]);
	dhcp6_class_macs(parsed(), &none, global.b, &macs);
	assert_false(macs.has[DHCP6_MAC_LINK]);
}

static void
class_of(const char *vendor, int arch, const char *user, size_t user_len,
    struct policy_client *ret)
{
	kit_begin(&p, DHCP6_SOLICIT);
	if (vendor)
		kit_put_vendor(&p, vendor);
	if (arch >= 0)
		kit_put_arch(&p, (uint16_t)arch);
	if (user)
		dhcp6_msg_put(&p.w, DHCP6_OPT_USER_CLASS, user, user_len);
	dhcp6_class_client(parsed(), ret);
}

static void
classes(void **state)
{
	static const struct {
		const char *vendor;
		int arch;
		const char *user;
		size_t user_len;
		enum policy_class class;
		uint16_t want;
	} rows[] = {
	    {"PXEClient:Arch:00007:UNDI:003000", 7, NULL, 0, POLICY_CLASS_PXE, 7},
	    {"PXEClient:Arch:00011:UNDI:003000", -1, NULL, 0, POLICY_CLASS_PXE, 11},
	    {"PXEClient", -1, NULL, 0, POLICY_CLASS_PXE, ARCH_NONE},
	    {"PXEClient:Arch:0x007", -1, NULL, 0, POLICY_CLASS_PXE, ARCH_NONE},
	    {"HTTPClient:Arch:00016:UNDI:003000", 16, NULL, 0, POLICY_CLASS_HTTP, 16},
	    {"HTTPClient:Arch:00019:UNDI:003000", -1, NULL, 0, POLICY_CLASS_HTTP, 19},
	    {NULL, 7, NULL, 0, POLICY_CLASS_PXE, 7},
	    {NULL, 16, NULL, 0, POLICY_CLASS_HTTP, 16},
	    {NULL, -1, NULL, 0, POLICY_CLASS_OS, ARCH_NONE},
	    {"d-i", -1, NULL, 0, POLICY_CLASS_OS, ARCH_NONE},
	    {"PXEClient:Arch:00007:UNDI:003010", 7, "\0\4iPXE", 6, POLICY_CLASS_IPXE, 7},
	    {"PXEClient:Arch:00007:UNDI:003010", 7, "iPXE", 4, POLICY_CLASS_IPXE, 7},
	    {NULL, 7, "\0\1x\0\4iPXE", 9, POLICY_CLASS_IPXE, 7},
	    {NULL, 7, "\0\11iPXE", 6, POLICY_CLASS_PXE, 7},
	    {NULL, 7, "\0\5iPXE2", 7, POLICY_CLASS_PXE, 7},
	};
	struct policy_client c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		class_of(
		    rows[i].vendor, rows[i].arch, rows[i].user, rows[i].user_len, &c);
		assert_int_equal(c.class, rows[i].class);
		assert_int_equal(c.arch, rows[i].want);
		assert_true(c.ipxe_able);
	}
}

static void
what_was_learned(void **state)
{
	struct dhcp6_learn *l = dhcp6_learn_new(7);
	struct dhcp6_duid d = dhcp6_duid_make_uuid(kit_uuid_raw);
	struct dhcp6_duid other = kit_duid_ll(kit_mac_pool), none = {.len = 0};
	struct addr_mac mac, found;

	(void)state;
	memcpy(mac.b, kit_mac_edge, 6);
	assert_false(dhcp6_learn_find(l, &d, &found));
	dhcp6_learn_put(l, &d, &mac);
	assert_true(dhcp6_learn_find(l, &d, &found));
	assert_true(addr_mac_eq(&mac, &found));
	assert_false(dhcp6_learn_find(l, &other, &found));
	assert_false(dhcp6_learn_find(l, &none, &found));
	dhcp6_learn_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lengths_of_duids),
	    cmocka_unit_test(macs_of_duids),
	    cmocka_unit_test(uuids_of_duids),
	    cmocka_unit_test(keys_are_text),
	    cmocka_unit_test(macs_of_messages),
	    cmocka_unit_test(classes),
	    cmocka_unit_test(what_was_learned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
