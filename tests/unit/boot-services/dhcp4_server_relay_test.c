/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCPv4 decisions: relays, flags and hostile packets. "rule N" is boot.md 0.1. */
#include "tests/unit/boot-services/dhcp4_server_kit.h"

/* rule 19: flags, giaddr, chaddr, xid copied; hops and secs zero; 82 last and verbatim */
static void
relayed_rule_19(void **state)
{
	static const uint8_t info[] = {1, 3, 'g', 'e', '1', 2, 2, 'r', '1'};
	struct bundle_subnet far = {.prefix = {kit_addr(KIT_IP(10, 88, 0, 0)), 24},
	    .pool_first = kit_addr(KIT_IP(10, 88, 0, 10)),
	    .pool_last = kit_addr(KIT_IP(10, 88, 0, 99)),
	    .lease_s = 7200};
	uint8_t codes[64];
	size_t n;

	(void)state;
	assert_int_equal(hosttab_add_subnet(kit.table, &far, NULL), 0);
	discover(kit_mac_other);
	packet.data[3] = 2;
	kit_set_u32(&packet, 8, 0x00028000);
	kit_set_giaddr(&packet, KIT_IP(10, 88, 0, 1));
	dhcp4_msg_put(&packet.w, DHCP4_OPT_RELAY_INFO, info, sizeof(info));
	kit_end(&packet);
	assert_true(
	    kit_handle_from(&kit, &packet, KIT_IP(10, 88, 0, 1), KIT_SERVER, 67, false));
	assert_int_equal(kit.reply.yiaddr, KIT_IP(10, 88, 0, 10));
	assert_int_equal(kit.reply.giaddr, KIT_IP(10, 88, 0, 1));
	assert_int_equal(kit.reply.flags, DHCP4_FLAG_BROADCAST);
	assert_int_equal(kit.reply.hops, 0);
	assert_int_equal(kit.reply.secs, 0);
	assert_int_equal(kit.reply.xid, 0x1b760c0f);
	assert_memory_equal(kit.reply.chaddr, kit_mac_other, 6);
	assert_int_equal(kit.tx.to_ip, KIT_IP(10, 88, 0, 1));
	assert_int_equal(kit.tx.to_port, 67); /* not 68 */
	assert_option(DHCP4_OPT_RELAY_INFO, info, sizeof(info));
	n = kit_option_order(kit.tx.data, kit.tx.len, codes);
	assert_int_equal(codes[n - 1], DHCP4_OPT_RELAY_INFO);
	assert_string_equal(detail(&kit.tx.seen, "relay"), "10.88.0.1");
	assert_string_equal(detail(&kit.tx.seen, "circuit_id"), "ge1");
	/* Also in a NAK, with the broadcast bit set for the relay. */
	request(kit_mac_other, 0, KIT_IP(10, 99, 0, 1));
	kit_set_giaddr(&packet, KIT_IP(10, 88, 0, 1));
	dhcp4_msg_put(&packet.w, DHCP4_OPT_RELAY_INFO, info, sizeof(info));
	assert_true(answered());
	assert_int_equal(kit.reply.type, DHCP4_NAK);
	assert_int_equal(kit.reply.flags, DHCP4_FLAG_BROADCAST);
	assert_option(DHCP4_OPT_RELAY_INFO, info, sizeof(info));
	assert_int_equal(kit.tx.to_ip, KIT_IP(10, 88, 0, 1));
}

static void
link_selection_and_server_override(void **state)
{
	static const uint8_t info[] = {5, 4, 10, 88, 0, 0, 11, 4, 10, 50, 0, 1};
	static const uint8_t id[4] = {10, 50, 0, 1};
	struct bundle_subnet far = {.prefix = {kit_addr(KIT_IP(10, 88, 0, 0)), 24},
	    .pool_first = kit_addr(KIT_IP(10, 88, 0, 10)),
	    .pool_last = kit_addr(KIT_IP(10, 88, 0, 99))};

	(void)state;
	assert_int_equal(hosttab_add_subnet(kit.table, &far, NULL), 0);
	discover(kit_mac_other);
	kit_set_giaddr(&packet, KIT_IP(10, 50, 0, 1));
	dhcp4_msg_put(&packet.w, DHCP4_OPT_RELAY_INFO, info, sizeof(info));
	assert_true(answered());
	assert_int_equal(kit.reply.yiaddr, KIT_IP(10, 88, 0, 10));
	assert_option(DHCP4_OPT_SERVER_ID, id, 4);
	assert_int_equal(kit.tx.to_ip, KIT_IP(10, 50, 0, 1));
	request(kit_mac_other, KIT_IP(10, 50, 0, 1), KIT_IP(10, 88, 0, 10));
	kit_set_giaddr(&packet, KIT_IP(10, 50, 0, 1));
	dhcp4_msg_put(&packet.w, DHCP4_OPT_RELAY_INFO, info, sizeof(info));
	assert_true(answered());
	assert_int_equal(kit.reply.type, DHCP4_ACK);
	/* A client on our own link cannot choose its subnet that way. */
	discover(kit_mac_pool);
	dhcp4_msg_put(&packet.w, DHCP4_OPT_RELAY_INFO, info, sizeof(info));
	assert_true(answered());
	assert_in_range(kit.reply.yiaddr, KIT_POOL, KIT_POOL + 39);
}

static void
unknown_relay(void **state)
{
	static const uint32_t none[] = {
	    KIT_SERVER, KIT_IP(10, 77, 0, 255), KIT_IP(10, 77, 0, 0), 0xffffffff};

	(void)state;
	discover(kit_mac_other);
	kit_set_giaddr(&packet, KIT_IP(172, 16, 0, 1));
	assert_false(answered());
	assert_ignored("no subnet is configured for this relay");
	/* The answer would come back to us, or go to everybody's port 67. */
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		discover(kit_mac_other);
		kit_set_giaddr(&packet, none[i]);
		assert_false(answered());
		assert_ignored("no relay can have");
	}
}

static void
ciaddr_in_a_discover_is_not_believed(void **state)
{
	(void)state;
	discover(kit_mac_other);
	kit_set_ciaddr(&packet, KIT_IP(192, 168, 7, 7));
	assert_true(answered());
	assert_int_equal(kit.reply.ciaddr, 0);
	assert_int_equal(kit.tx.to_ip, 0xffffffff);
}

static void
packets_that_are_dropped(void **state)
{
	(void)state;
	discover(kit_mac_edge);
	packet.data[3] = 17;
	assert_false(answered());
	assert_ignored("16 relays");
	discover(kit_mac_edge);
	packet.data[2] = 17;
	assert_false(answered());
	assert_ignored("longer than its field");
	discover(kit_mac_edge);
	memset(packet.data + 28, 0, 6);
	assert_false(answered());
	assert_ignored("all zero");
	discover(kit_mac_edge);
	packet.data[28] = 0xff;
	assert_false(answered());
	assert_ignored("group address");
	discover(kit_mac_edge);
	packet.data[0] = 9;
	assert_false(answered());
	assert_ignored("neither");
	kit_begin(&packet, kit_mac_edge, 0);
	assert_false(answered());
	assert_ignored("no DHCP message type");
	kit_begin(&packet, kit_mac_edge, DHCP4_OFFER);
	assert_false(answered());
	assert_ignored("server's message type");
	request(kit_mac_edge, 0, 0);
	assert_false(answered());
	assert_ignored("names no address");
	packet.w.len = 100;
	assert_false(kit_handle(&kit, &packet));
	assert_ignored("shorter");
	discover(kit_mac_edge);
	packet.data[0] = DHCP4_BOOTREPLY;
	assert_false(answered());
	assert_string_equal(kit.tx.seen.kind, "dhcp4.foreign");
}

/* Hardware addresses that are not Ethernet's: a UUID in chaddr, InfiniBand without any.
 */
static void
odd_hardware(void **state)
{
	(void)state;
	discover(kit_mac_other);
	packet.data[2] = 16;
	assert_true(answered());
	assert_int_equal(packet.data[2], kit.tx.data[2]);
	discover(kit_mac_other);
	packet.data[1] = DHCP4_HTYPE_INFINIBAND;
	packet.data[2] = 0;
	assert_false(answered());
	assert_ignored("client id");
	discover(kit_mac_other);
	packet.data[1] = DHCP4_HTYPE_INFINIBAND;
	packet.data[2] = 0;
	dhcp4_msg_put(&packet.w, DHCP4_OPT_CLIENT_ID, "\x20guid-guid", 10);
	assert_true(answered());
	assert_int_equal(kit.tx.data[1], DHCP4_HTYPE_INFINIBAND);
	assert_int_equal(kit.tx.data[2], 0);
}

static void
text_from_the_wire_is_escaped(void **state)
{
	(void)state;
	discover(kit_mac_edge);
	dhcp4_msg_put(&packet.w, DHCP4_OPT_HOSTNAME, "a\n\x1b[31m\"", 8);
	assert_true(answered());
	assert_null(strchr(detail(&kit.tx.seen, "hostname"), '\n'));
	assert_null(strchr(detail(&kit.tx.seen, "hostname"), '\x1b'));
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(relayed_rule_19),
	    T(link_selection_and_server_override),
	    T(unknown_relay),
	    T(ciaddr_in_a_discover_is_not_believed),
	    T(packets_that_are_dropped),
	    T(odd_hardware),
	    T(text_from_the_wire_is_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
