/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The shape of DHCPv4 replies: order of options and sizes. "rule N" is boot.md 0.1. */
#include "boot-services/dhcp4_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/boot-services/dhcp4_kit.h"

static struct kit kit;
static struct kit_packet packet;

static int
setup(void **state)
{
	(void)state;
	kit_start(&kit, 40);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	kit_stop(&kit);
	return 0;
}

static void
discover(const uint8_t mac[6])
{
	kit_begin(&packet, mac, DHCP4_DISCOVER);
}

static bool
answered(void)
{
	kit_end(&packet);
	return kit_handle(&kit, &packet);
}

static void
order_of_options(void **state)
{
	static const uint8_t want[] = {
	    53, 54, 51, 58, 59, 1, 3, 6, 15, 12, 28, 97, 66, 67, 150, 61, 82};
	uint8_t codes[64];

	(void)state;
	discover(kit_mac_edge);
	kit_put_pxe(&packet, 7);
	dhcp4_msg_put(&packet.w, DHCP4_OPT_CLIENT_ID, "\1abc", 4);
	dhcp4_msg_put(&packet.w, DHCP4_OPT_RELAY_INFO, "\1\2ge", 4);
	assert_true(answered());
	assert_int_equal(kit_option_order(kit.tx.data, kit.tx.len, codes), sizeof(want));
	assert_memory_equal(codes, want, sizeof(want));
}

/* RFC 2132 9.8: "MUST try to insert the requested options in the order requested"; 3.3: the subnet mask
 * before the router. What OVMF's list has in it besides (0, an uninitialised octet, doublets) moves nothing;
 * nor does the list move what firmware trips over: 66, 67, and what stands behind them. */
static void
order_that_was_asked_for(void **state)
{
	static const uint8_t list[] = {67, 6, 28, 0, 0xeb, 3, 1, 3, 82, 51, 6};
	static const uint8_t want[] = {
	    53, 54, 51, 58, 59, 1, 6, 28, 3, 15, 12, 97, 66, 67, 150, 61, 82};
	static const uint8_t url_want[] = {
	    53, 54, 51, 58, 59, 1, 6, 3, 15, 12, 60, 67, 28};
	uint8_t codes[64];

	(void)state;
	discover(kit_mac_edge);
	kit_put_pxe(&packet, 7);
	dhcp4_msg_put(&packet.w, DHCP4_OPT_PARAMETERS, list, sizeof(list));
	dhcp4_msg_put(&packet.w, DHCP4_OPT_CLIENT_ID, "\1abc", 4);
	dhcp4_msg_put(&packet.w, DHCP4_OPT_RELAY_INFO, "\1\2ge", 4);
	assert_true(answered());
	assert_int_equal(kit_option_order(kit.tx.data, kit.tx.len, codes), sizeof(want));
	assert_memory_equal(codes, want, sizeof(want));
	discover(kit_mac_edge);
	kit_put_text(
	    &packet, DHCP4_OPT_VENDOR_CLASS, "HTTPClient:Arch:00016:UNDI:003000");
	dhcp4_msg_put(&packet.w, DHCP4_OPT_PARAMETERS, list, sizeof(list));
	assert_true(answered());
	assert_int_equal(
	    kit_option_order(kit.tx.data, kit.tx.len, codes), sizeof(url_want));
	assert_memory_equal(codes, url_want, sizeof(url_want));
}

/* rule 18: at least 300 octets, never more than the client takes */
static void
sizes_rule_18(void **state)
{
	static const struct {
		uint8_t value[2];
		size_t max;
	} rows[] = {{{0xff, 0}, DHCP4_PACKET_MAX}, {{0, 100}, 548}, {{2, 64}, 548},
	    {{5, 192}, DHCP4_PACKET_MAX - DHCP4_UDP_IP_SIZE}};
	uint8_t info[255];

	(void)state;
	discover(kit_mac_other);
	assert_true(answered());
	assert_true(kit.tx.len >= DHCP4_REPLY_MIN);
	memset(info, 0, sizeof(info));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		discover(kit_mac_edge);
		dhcp4_msg_put(&packet.w, DHCP4_OPT_MAX_SIZE, rows[i].value, 2);
		dhcp4_msg_put(&packet.w, DHCP4_OPT_RELAY_INFO, info, sizeof(info));
		assert_true(answered());
		assert_true(kit.tx.len <= rows[i].max);
	}
	/* What cannot fit is not sent at all. */
	discover(kit_mac_edge);
	dhcp4_msg_put(&packet.w, DHCP4_OPT_RELAY_INFO, info, sizeof(info));
	dhcp4_msg_put(&packet.w, DHCP4_OPT_RELAY_INFO, info, sizeof(info));
	assert_false(answered());
	assert_string_equal(kit.tx.seen.kind, "dhcp4.ignored");
	assert_non_null(strstr(kit.tx.seen.reason, "larger than the client accepts"));
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(order_of_options),
	    T(order_that_was_asked_for),
	    T(sizes_rule_18),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
