/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCPv4 decisions beside somebody else's server: the reply matrix of boot.md 1.5 in proxy mode, who gets
 * nothing, and what is told of the other server. "rule N" is boot.md 0.1. */
#include "tests/unit/boot-services/dhcp4_server_kit.h"

static const uint8_t use_file[] = {6, 1, 8, 255};
static const uint8_t uuid[17] = {0, 0x44, 0x33, 0x22, 0x11, 0x66, 0x55, 0x88, 0x77, 0x99,
    0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0};

enum { OTHER_SERVER = 0x0a4d0002 }; /* 10.77.0.2 */

static int
setup_proxy(void **state)
{
	setup(state);
	kit.cfg.dhcp4_proxy = true;
	return 0;
}

static void
put_http(void)
{
	kit_put_text(
	    &packet, DHCP4_OPT_VENDOR_CLASS, "HTTPClient:Arch:00016:UNDI:003000");
	dhcp4_msg_put(&packet.w, DHCP4_OPT_CLIENT_ARCH, "\0\x10", 2);
	dhcp4_msg_put(&packet.w, DHCP4_OPT_CLIENT_UUID, uuid, sizeof(uuid));
}

/* What no answer of a proxy may have. */
static void
assert_no_address(void)
{
	static const enum dhcp4_opt forbidden[] = {DHCP4_OPT_SUBNET_MASK,
	    DHCP4_OPT_ROUTER, DHCP4_OPT_DNS, DHCP4_OPT_LEASE_TIME, DHCP4_OPT_RENEWAL_TIME,
	    DHCP4_OPT_REBINDING_TIME, DHCP4_OPT_HOSTNAME, DHCP4_OPT_DOMAIN,
	    DHCP4_OPT_BROADCAST};

	assert_int_equal(kit.reply.yiaddr, 0);
	for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++)
		assert_false(dhcp4_msg_has(&kit.reply, forbidden[i]));
	assert_false(kit.tx.durable_first);
	assert_false(kit.tx.has_record);
	assert_string_equal(detail(&kit.tx.seen, "mode"), "proxy");
	assert_non_null(strstr(kit.tx.sent.reason, "proxy: "));
}

static void
assert_from_us(void)
{
	static const uint8_t us[4] = {10, 77, 0, 1};

	assert_option(DHCP4_OPT_SERVER_ID, us, 4);
	assert_int_equal(kit.reply.siaddr, KIT_SERVER);
	assert_option(DHCP4_OPT_CLIENT_UUID, uuid, sizeof(uuid));
	assert_true(kit.tx.len >= DHCP4_REPLY_MIN);
}

static void
assert_silent(void)
{
	assert_false(answered());
	assert_string_equal(kit.tx.seen.kind, "");
	assert_string_equal(kit.tx.extra.kind, "");
}

static void
firmware_gets_the_loader(void **state)
{
	uint8_t codes[64];
	size_t n;

	(void)state;
	discover(kit_mac_edge);
	kit_put_pxe(&packet, 7);
	assert_true(answered());
	assert_int_equal(kit.reply.type, DHCP4_OFFER);
	assert_no_address();
	assert_from_us();
	assert_option(DHCP4_OPT_VENDOR_CLASS, "PXEClient", 9);
	assert_option(DHCP4_OPT_VENDOR_INFO, use_file, sizeof(use_file));
	assert_option(DHCP4_OPT_BOOTFILE, "snponly.efi", 12);
	assert_string_equal(kit.reply.file, "snponly.efi");
	n = kit_option_order(kit.tx.data, kit.tx.len, codes);
	assert_int_not_equal(codes[n - 1], DHCP4_OPT_BOOTFILE);
	assert_int_equal(kit.tx.to_ip, 0xffffffff);
	assert_int_equal(kit.tx.to_port, 68);
	assert_string_equal(kit.tx.seen.kind, "dhcp4.discover");
	assert_string_equal(kit.tx.sent.kind, "dhcp4.offer");
	assert_string_equal(kit.tx.sent.ip, "");
	discover(kit_mac_edge);
	kit_put_pxe(&packet, 0);
	assert_true(answered());
	assert_string_equal(kit.reply.file, "undionly.kpxe");
}

static void
http_boot_gets_the_url_and_no_43(void **state)
{
	static const char url[] = "http://10.77.0.1/loaders/snponly.efi";
	uint8_t codes[64];
	size_t n;

	(void)state;
	discover(kit_mac_edge);
	put_http();
	assert_true(answered());
	assert_no_address();
	assert_from_us();
	assert_option(DHCP4_OPT_VENDOR_CLASS, "HTTPClient", 10);
	assert_option(DHCP4_OPT_BOOTFILE, url, sizeof(url));
	assert_false(dhcp4_msg_has(&kit.reply, DHCP4_OPT_VENDOR_INFO));
	n = kit_option_order(kit.tx.data, kit.tx.len, codes);
	assert_int_not_equal(codes[n - 1], DHCP4_OPT_BOOTFILE);
}

static void
ipxe_gets_its_script_in_the_offer(void **state)
{
	static const char url[] = "http://10.77.0.1/script.ipxe-52:54:00:77:00:01";

	(void)state;
	discover(kit_mac_edge);
	kit_put_ipxe(&packet);
	assert_true(answered());
	assert_no_address();
	assert_from_us();
	assert_option(DHCP4_OPT_VENDOR_CLASS, "PXEClient", 9);
	assert_option(DHCP4_OPT_VENDOR_INFO, use_file, sizeof(use_file));
	assert_option(DHCP4_OPT_BOOTFILE, url, sizeof(url));
	assert_string_equal(kit.reply.file, url);
	/* It must wait for our offer, so it is not told that there is none. */
	assert_false(dhcp4_msg_has(&kit.reply, DHCP4_OPT_IPXE));
	assert_string_equal(detail(&kit.tx.seen, "class"), "ipxe");
}

/* rule 20, for the three ways a machine may come */
static void
local_boot_is_an_answer_rule_20(void **state)
{
	static const uint8_t menu[] = {6, 1, 3, 8, 7, 0, 0, 1, 10, 77, 0, 1, 9, 8, 0, 0,
	    5, 'L', 'o', 'c', 'a', 'l', 10, 6, 0, 'L', 'o', 'c', 'a', 'l', 255};

	(void)state;
	discover(kit_mac_pool);
	kit_put_pxe(&packet, 7);
	assert_true(answered());
	assert_no_address();
	assert_option(DHCP4_OPT_VENDOR_CLASS, "PXEClient", 9);
	assert_option(DHCP4_OPT_VENDOR_INFO, menu, sizeof(menu));
	assert_string_equal(kit.reply.file, "");
	assert_false(dhcp4_msg_has(&kit.reply, DHCP4_OPT_BOOTFILE));
	discover(kit_mac_pool);
	put_http();
	assert_true(answered());
	assert_option(DHCP4_OPT_VENDOR_CLASS, "HTTPClient", 10);
	assert_non_null(strstr(kit.reply.file, "local-boot.efi"));
	discover(kit_mac_pool);
	kit_put_ipxe(&packet);
	assert_true(answered());
	assert_non_null(strstr(kit.reply.file, "script.ipxe-"));
}

static void
silent_hosts_get_nothing(void **state)
{
	struct bundle_host h = {.n_nics = 1, .idle = BUNDLE_IDLE_SILENT};

	(void)state;
	str_clip(h.name, sizeof(h.name), "edge02.los");
	memcpy(h.nics[0].mac.b, kit_mac_pool, 6);
	assert_int_equal(hosttab_put(kit.table, &h, NULL, NULL), 0);
	discover(kit_mac_pool);
	kit_put_pxe(&packet, 7);
	assert_false(answered());
	assert_ignored("silent");
	kit_begin(&packet, kit_mac_pool, DHCP4_REQUEST);
	kit_put_pxe(&packet, 7);
	kit_end(&packet);
	assert_false(kit_handle_from(&kit, &packet, KIT_FIXED, KIT_SERVER, 4011, true));
	assert_ignored("silent");
}

static void
operating_systems_are_none_of_our_business(void **state)
{
	static const enum dhcp4_type types[] = {
	    DHCP4_DISCOVER, DHCP4_REQUEST, DHCP4_DECLINE, DHCP4_RELEASE, DHCP4_INFORM};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		kit_begin(&packet, kit_mac_other, types[i]);
		assert_silent();
	}
	/* Option 60 decides, not what else a client says. */
	discover(kit_mac_other);
	kit_put_text(&packet, DHCP4_OPT_USER_CLASS, "iPXE");
	assert_silent();
	/* A host of the table is told of, and gets no answer either. */
	discover(kit_mac_edge);
	assert_false(answered());
	assert_string_equal(kit.tx.seen.kind, "dhcp4.discover");
}

static void
request_for_another_server_is_left_alone(void **state)
{
	(void)state;
	request(kit_mac_edge, OTHER_SERVER, KIT_FIXED);
	kit_put_pxe(&packet, 7);
	assert_false(answered());
	assert_string_equal(kit.tx.seen.kind, "dhcp4.request");
	assert_string_equal(kit.tx.seen.ip, "10.77.0.11");
	assert_string_equal(kit.tx.extra.kind, "dhcp4.foreign");
	assert_string_equal(detail(&kit.tx.extra, "server"), "10.77.0.2");
	assert_string_equal(detail(&kit.tx.extra, "mode"), "proxy");
	/* No NAK either, whatever address it wants, of whomever. */
	request(kit_mac_edge, OTHER_SERVER, KIT_IP(192, 168, 5, 5));
	assert_false(answered());
	request(kit_mac_edge, 0, KIT_IP(192, 168, 5, 5));
	assert_false(answered());
	assert_string_equal(kit.tx.extra.kind, "");
	request(kit_mac_edge, KIT_SERVER, KIT_FIXED);
	assert_false(answered());
	assert_ignored("we give none");
}

static void
request_for_us_and_inform(void **state)
{
	(void)state;
	request(kit_mac_edge, KIT_SERVER, KIT_FIXED);
	kit_put_pxe(&packet, 7);
	assert_true(answered());
	assert_int_equal(kit.reply.type, DHCP4_ACK);
	assert_no_address();
	assert_string_equal(kit.reply.file, "snponly.efi");
	kit_begin(&packet, kit_mac_edge, DHCP4_INFORM);
	kit_set_ciaddr(&packet, KIT_FIXED);
	kit_put_pxe(&packet, 7);
	kit_end(&packet);
	assert_true(kit_handle_from(&kit, &packet, KIT_FIXED, 0xffffffff, 68, false));
	assert_int_equal(kit.reply.type, DHCP4_ACK);
	assert_no_address();
	assert_from_us();
	assert_int_equal(kit.reply.ciaddr, KIT_FIXED);
	assert_int_equal(kit.tx.to_ip, KIT_FIXED);
	assert_int_equal(kit.tx.to_port, 68);
	assert_string_equal(kit.tx.seen.kind, "dhcp4.inform");
	assert_string_equal(kit.tx.sent.ip, "10.77.0.11");
	kit_begin(&packet, kit_mac_edge, DHCP4_INFORM);
	kit_set_ciaddr(&packet, KIT_SERVER);
	kit_put_pxe(&packet, 7);
	assert_false(answered());
	assert_ignored("cannot be answered");
}

/* rule 1; UEFI asks from 4011 and names no server, iPXE and BIOS from 68 */
static void
port_4011_rule_1(void **state)
{
	static const uint16_t ports[] = {4011, 68};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		kit_begin(&packet, kit_mac_edge, DHCP4_REQUEST);
		kit_set_ciaddr(&packet, KIT_FIXED);
		kit_put_pxe(&packet, 7);
		kit_end(&packet);
		assert_true(kit_handle_from(
		    &kit, &packet, KIT_FIXED, KIT_SERVER, ports[i], true));
		assert_int_equal(kit.reply.type, DHCP4_ACK);
		assert_no_address();
		assert_string_equal(kit.reply.file, "snponly.efi");
		assert_option(DHCP4_OPT_VENDOR_INFO, use_file, sizeof(use_file));
		assert_int_equal(kit.tx.to_ip, KIT_FIXED);
		assert_int_equal(kit.tx.to_port, ports[i]);
	}
	kit_begin(&packet, kit_mac_edge, DHCP4_REQUEST);
	dhcp4_msg_put_u32(&packet.w, DHCP4_OPT_SERVER_ID, OTHER_SERVER);
	kit_put_pxe(&packet, 7);
	kit_end(&packet);
	assert_false(kit_handle_from(&kit, &packet, KIT_FIXED, KIT_SERVER, 68, true));
	assert_ignored("another server");
}

/* No subnet is needed, not even for a relay's clients; giaddr, flags and option 82 come back. */
static void
relayed_without_subnets(void **state)
{
	static const uint8_t info[] = {1, 2, 'e', '1', 11, 4, 10, 88, 0, 1};
	struct bundle_site site = *hosttab_site(kit.table);
	uint8_t codes[64];
	size_t n;

	(void)state;
	site.n_subnets = 0;
	hosttab_set_site(kit.table, &site);
	discover(kit_mac_edge);
	kit_set_giaddr(&packet, KIT_IP(10, 88, 0, 1));
	packet.data[10] = 0x80;
	kit_put_pxe(&packet, 7);
	dhcp4_msg_put(&packet.w, DHCP4_OPT_RELAY_INFO, info, sizeof(info));
	kit_end(&packet);
	assert_true(
	    kit_handle_from(&kit, &packet, KIT_IP(10, 88, 0, 1), KIT_SERVER, 67, false));
	assert_no_address();
	assert_from_us(); /* also with a server-id override: port 4011 is ours */
	assert_int_equal(kit.reply.giaddr, KIT_IP(10, 88, 0, 1));
	assert_int_equal(kit.reply.flags, DHCP4_FLAG_BROADCAST);
	assert_int_equal(kit.tx.to_ip, KIT_IP(10, 88, 0, 1));
	assert_int_equal(kit.tx.to_port, 67);
	n = kit_option_order(kit.tx.data, kit.tx.len, codes);
	assert_int_equal(codes[n - 1], DHCP4_OPT_RELAY_INFO);
	assert_option(DHCP4_OPT_RELAY_INFO, info, sizeof(info));
}

static void
nothing_to_boot_is_silence(void **state)
{
	(void)state;
	discover(kit_mac_edge);
	kit_put_pxe(&packet, 0x0b);
	assert_false(answered());
	assert_ignored("no loader");
	kit.cfg.http = false;
	discover(kit_mac_pool);
	kit_put_ipxe(&packet);
	assert_false(answered());
	assert_ignored("goes on to the disk");
}

/* An iPXE in ROM that lacks HTTP is given our loader once. */
static void
rom_ipxe_is_chained_once(void **state)
{
	static const uint8_t poor[] = {0xeb, 3, 1, 0, 0, 0x15, 1, 1};

	(void)state;
	for (int i = 0; i < 2; i++) {
		discover(kit_mac_edge);
		kit_put_pxe(&packet, 0);
		kit_put_text(&packet, DHCP4_OPT_USER_CLASS, "iPXE");
		dhcp4_msg_put(&packet.w, DHCP4_OPT_IPXE, poor, sizeof(poor));
		assert_int_equal(answered(), i == 0);
	}
	assert_ignored("not again");
}

static struct event
overhear(const uint8_t mac[6], uint32_t offered, const char *file)
{
	struct dhcp4_server_rx rx = {.data = packet.data,
	    .src_ip = OTHER_SERVER,
	    .src_mac = {{2, 0, 0, 0, 0, 0x66}},
	    .mono = kit.now};
	struct event ev;

	kit_begin(&packet, mac, DHCP4_OFFER);
	packet.data[0] = DHCP4_BOOTREPLY;
	kit_set_u32(&packet, 16, offered);
	kit_set_u32(&packet, 20, OTHER_SERVER);
	memcpy(packet.data + 108, file, strlen(file));
	dhcp4_msg_put_u32(&packet.w, DHCP4_OPT_SERVER_ID, OTHER_SERVER);
	kit_end(&packet);
	rx.len = packet.w.len;
	dhcp4_server_overhear(kit.server, &rx, &ev);
	return ev;
}

static void
the_other_server_is_described(void **state)
{
	struct event ev = overhear(kit_mac_other, KIT_POOL, "");

	(void)state;
	assert_string_equal(ev.kind, "dhcp4.foreign");
	assert_string_equal(detail(&ev, "server"), "10.77.0.2");
	assert_string_equal(detail(&ev, "server_mac"), "02:00:00:00:00:66");
	assert_string_equal(detail(&ev, "offered"), "10.77.0.100");
	assert_string_equal(detail(&ev, "next_server"), "10.77.0.2");
	assert_string_equal(detail(&ev, "competes"), ""); /* siaddr alone is harmless */
	event_done(&ev);
	kit.now += 599 * USEC_PER_SEC;
	ev = overhear(kit_mac_other, KIT_POOL, "");
	assert_string_equal(ev.kind, "");
	kit.now += 2 * USEC_PER_SEC;
	ev = overhear(kit_mac_other, KIT_POOL, "pxelinux.0");
	assert_string_equal(detail(&ev, "bootfile"), "pxelinux.0");
	assert_string_equal(detail(&ev, "competes"), "boot");
	event_done(&ev);
}

static void
ask(int64_t after_s)
{
	kit.now += after_s * USEC_PER_SEC;
	discover(kit_mac_edge);
	kit_put_pxe(&packet, 7);
	assert_true(answered());
}

static void
nobody_gives_addresses(void **state)
{
	(void)state;
	ask(0);
	assert_string_equal(kit.tx.extra.kind, "");
	ask(4);
	assert_string_equal(kit.tx.extra.kind, "");
	ask(8);
	assert_string_equal(kit.tx.extra.kind, "dhcp4.alone");
	assert_string_equal(kit.tx.extra.host, "edge01.los");
	ask(16);
	assert_string_equal(kit.tx.extra.kind, "");
	/* Ten minutes later it is told again. */
	ask(600);
	ask(4);
	ask(8);
	assert_string_equal(kit.tx.extra.kind, "dhcp4.alone");
	/* Then the other server comes, which is news whenever it was told of before. */
	struct event ev = overhear(kit_mac_edge, KIT_FIXED, "");
	assert_string_equal(ev.kind, "dhcp4.foreign");
	event_done(&ev);
	ask(700);
	ask(4);
	ev = overhear(kit_mac_edge, KIT_FIXED, "");
	event_done(&ev);
	ask(8);
	assert_string_equal(kit.tx.extra.kind, "");
	assert_non_null(strstr(kit.tx.seen.reason, "asks again instead"));
}

/* Another proxy is no giver of addresses. */
static void
another_proxy_does_not_count(void **state)
{
	struct event ev;

	(void)state;
	ask(0);
	ev = overhear(kit_mac_edge, 0, "x");
	event_done(&ev);
	ask(4);
	ask(8);
	assert_string_equal(kit.tx.extra.kind, "dhcp4.alone");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup_proxy, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(firmware_gets_the_loader),
	    T(http_boot_gets_the_url_and_no_43),
	    T(ipxe_gets_its_script_in_the_offer),
	    T(local_boot_is_an_answer_rule_20),
	    T(silent_hosts_get_nothing),
	    T(operating_systems_are_none_of_our_business),
	    T(request_for_another_server_is_left_alone),
	    T(request_for_us_and_inform),
	    T(port_4011_rule_1),
	    T(relayed_without_subnets),
	    T(nothing_to_boot_is_silence),
	    T(rom_ipxe_is_chained_once),
	    T(the_other_server_is_described),
	    T(nobody_gives_addresses),
	    T(another_proxy_does_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
