/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCPv4 decisions: what a machine is told to boot. "rule N" is boot.md 0.1. */
#include "tests/unit/boot-services/dhcp4_server_kit.h"

/* rules 2, 16, 17: siaddr, file, 66, 67 with NULs, something behind 67, no 60, no 43 */
static void
pxe_with_a_ticket_rule_2_16_17(void **state)
{
	static const uint8_t uuid[17] = {0, 0x44, 0x33, 0x22, 0x11, 0x66, 0x55, 0x88,
	    0x77, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0};
	uint8_t codes[64];
	size_t n;

	(void)state;
	discover(kit_mac_edge);
	kit_put_pxe(&packet, 7);
	assert_true(answered());
	assert_int_equal(kit.reply.siaddr, KIT_SERVER);
	assert_string_equal((char *)kit.tx.data + 108, "snponly.efi");
	assert_option(DHCP4_OPT_TFTP_SERVER, "10.77.0.1", 10);
	assert_option(DHCP4_OPT_BOOTFILE, "snponly.efi", 12);
	assert_option(DHCP4_OPT_CLIENT_UUID, uuid, sizeof(uuid));
	assert_false(dhcp4_msg_has(&kit.reply, DHCP4_OPT_VENDOR_CLASS));
	assert_false(dhcp4_msg_has(&kit.reply, DHCP4_OPT_VENDOR_INFO));
	assert_false(dhcp4_msg_has(&kit.reply, DHCP4_OPT_OVERLOAD));
	n = kit_option_order(kit.tx.data, kit.tx.len, codes);
	assert_int_not_equal(codes[n - 1], DHCP4_OPT_BOOTFILE);
	assert_string_equal(detail(&kit.tx.seen, "class"), "pxe");
	assert_string_equal(
	    detail(&kit.tx.seen, "uuid"), "11223344-5566-7788-99aa-bbccddeeff00");
	assert_string_equal(kit.tx.seen.arch, "x64-uefi");
	assert_string_equal(kit.tx.sent.file, "snponly.efi");
}

static void
architectures(void **state)
{
	static const struct {
		uint16_t arch;
		const char *file;
	} rows[] = {{0, "undionly.kpxe"}, {7, "snponly.efi"}, {9, "snponly.efi"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		discover(kit_mac_edge);
		kit_put_pxe(&packet, rows[i].arch);
		assert_true(answered());
		assert_string_equal((char *)kit.tx.data + 108, rows[i].file);
	}
	/* No option 93: what option 60 says; nothing there either: BIOS. */
	discover(kit_mac_edge);
	kit_put_text(&packet, DHCP4_OPT_VENDOR_CLASS, "PXEClient:Arch:00007:UNDI:003000");
	assert_true(answered());
	assert_string_equal((char *)kit.tx.data + 108, "snponly.efi");
	discover(kit_mac_edge);
	kit_put_text(&packet, DHCP4_OPT_VENDOR_CLASS, "PXEClient");
	assert_true(answered());
	assert_string_equal((char *)kit.tx.data + 108, "undionly.kpxe");
	/* An architecture without a loader: an address, nothing to boot, and the reason.
	 */
	discover(kit_mac_edge);
	kit_put_pxe(&packet, 0x0b);
	assert_true(answered());
	assert_false(dhcp4_msg_has(&kit.reply, DHCP4_OPT_BOOTFILE));
	assert_non_null(strstr(kit.tx.sent.reason, "no loader"));
	assert_string_equal(detail(&kit.tx.sent, "lacks"), "loader");
}

/* rule 3: 60 "HTTPClient" and a URL; never 43; 67 not last */
static void
http_boot_rule_3(void **state)
{
	static const char url[] = "http://10.77.0.1/loaders/snponly.efi";
	uint8_t codes[64];
	size_t n;

	(void)state;
	discover(kit_mac_edge);
	kit_put_text(
	    &packet, DHCP4_OPT_VENDOR_CLASS, "HTTPClient:Arch:00016:UNDI:003000");
	dhcp4_msg_put(&packet.w, DHCP4_OPT_CLIENT_ARCH, "\0\x10", 2);
	/* OVMF's list of wanted options has an uninitialised octet in it. */
	dhcp4_msg_put(&packet.w, DHCP4_OPT_PARAMETERS, "\1\3\xeb\0\6", 5);
	assert_true(answered());
	assert_option(DHCP4_OPT_VENDOR_CLASS, "HTTPClient", 10);
	assert_option(DHCP4_OPT_BOOTFILE, url, sizeof(url));
	assert_string_equal((char *)kit.tx.data + 108, url);
	assert_int_equal(kit.reply.siaddr, 0);
	assert_false(dhcp4_msg_has(&kit.reply, DHCP4_OPT_VENDOR_INFO));
	n = kit_option_order(kit.tx.data, kit.tx.len, codes);
	assert_int_not_equal(codes[n - 1], DHCP4_OPT_BOOTFILE);
	assert_string_equal(detail(&kit.tx.seen, "class"), "http");
}

/* rule 7: 175 b0 01 01 to iPXE, which still says PXEClient in option 60 */
static void
ipxe_gets_its_script_rule_7(void **state)
{
	static const char url[] = "http://10.77.0.1/script.ipxe-52:54:00:77:00:01";

	(void)state;
	discover(kit_mac_edge);
	kit_put_ipxe(&packet);
	assert_true(answered());
	assert_option(DHCP4_OPT_IPXE, "\xb0\1\1", 3);
	assert_option(DHCP4_OPT_BOOTFILE, url, sizeof(url));
	assert_string_equal((char *)kit.tx.data + 108, url);
	assert_false(dhcp4_msg_has(&kit.reply, DHCP4_OPT_VENDOR_CLASS));
	assert_string_equal(detail(&kit.tx.seen, "class"), "ipxe");
	assert_string_equal(detail(&kit.tx.seen, "user_class"), "iPXE");
}

/* rule 20: a PXE client without a ticket gets the menu that boots its disk */
static void
local_boot_is_an_answer_rule_20(void **state)
{
	static const uint8_t menu[] = {6, 1, 3, 8, 7, 0, 0, 1, 10, 77, 0, 1, 9, 8, 0, 0,
	    5, 'L', 'o', 'c', 'a', 'l', 10, 6, 0, 'L', 'o', 'c', 'a', 'l', 255};

	(void)state;
	discover(kit_mac_pool);
	kit_put_pxe(&packet, 7);
	assert_true(answered());
	assert_option(DHCP4_OPT_VENDOR_CLASS, "PXEClient", 9);
	assert_option(DHCP4_OPT_VENDOR_INFO, menu, sizeof(menu));
	assert_false(dhcp4_msg_has(&kit.reply, DHCP4_OPT_BOOTFILE));
	assert_int_equal(kit.reply.siaddr, 0);
	assert_int_equal(kit.tx.data[108], 0);
	/* HTTP boot: a URL that is not found. */
	discover(kit_mac_pool);
	kit_put_text(
	    &packet, DHCP4_OPT_VENDOR_CLASS, "HTTPClient:Arch:00016:UNDI:003000");
	assert_true(answered());
	assert_option(DHCP4_OPT_VENDOR_CLASS, "HTTPClient", 10);
	assert_true(dhcp4_msg_has(&kit.reply, DHCP4_OPT_BOOTFILE));
	/* An operating system: an address and nothing else. */
	discover(kit_mac_pool);
	assert_true(answered());
	assert_false(dhcp4_msg_has(&kit.reply, DHCP4_OPT_VENDOR_CLASS));
	assert_false(dhcp4_msg_has(&kit.reply, DHCP4_OPT_BOOTFILE));
}

/* rule 1: a boot server request on 4011 is answered where it came from */
static void
boot_server_port_rule_1(void **state)
{
	static const uint8_t use_file[] = {6, 1, 8, 255};

	(void)state;
	kit_begin(&packet, kit_mac_edge, DHCP4_REQUEST);
	kit_put_pxe(&packet, 7);
	kit_set_ciaddr(&packet, KIT_FIXED);
	kit_end(&packet);
	assert_true(kit_handle_from(&kit, &packet, KIT_FIXED, KIT_SERVER, 4011, true));
	assert_int_equal(kit.reply.type, DHCP4_ACK);
	assert_int_equal(kit.reply.yiaddr, 0);
	assert_int_equal(kit.reply.siaddr, KIT_SERVER);
	assert_string_equal((char *)kit.tx.data + 108, "snponly.efi");
	assert_option(DHCP4_OPT_VENDOR_CLASS, "PXEClient", 9);
	assert_option(DHCP4_OPT_VENDOR_INFO, use_file, sizeof(use_file));
	assert_false(dhcp4_msg_has(&kit.reply, DHCP4_OPT_LEASE_TIME));
	assert_int_equal(kit.tx.to_ip, KIT_FIXED);
	assert_int_equal(kit.tx.to_port, 4011);
	assert_false(kit.tx.has_record);
	/* iPXE asks from port 68. */
	assert_true(kit_handle_from(&kit, &packet, KIT_FIXED, KIT_SERVER, 68, true));
	assert_int_equal(kit.tx.to_port, 68);
	/* Where no answer can go, none goes; least of all back to us. */
	assert_false(kit_handle_from(&kit, &packet, 0, 0xffffffff, 4011, true));
	assert_ignored("cannot be answered");
	assert_false(kit_handle_from(
	    &kit, &packet, KIT_IP(10, 77, 0, 255), KIT_SERVER, 4011, true));
	assert_ignored("cannot be answered");
	assert_false(kit_handle_from(&kit, &packet, KIT_SERVER, KIT_SERVER, 67, true));
	assert_ignored("cannot be answered");
	/* Others have no business there. */
	kit_begin(&packet, kit_mac_edge, DHCP4_REQUEST);
	kit_end(&packet);
	assert_false(kit_handle_from(&kit, &packet, KIT_FIXED, KIT_SERVER, 68, true));
	assert_ignored("boot server port");
}

/* A ROM's iPXE without HTTP is given our loader once, and not again within two minutes.
 */
static void
chaining_does_not_loop(void **state)
{
	static const uint8_t no_http[] = {0xeb, 3, 1, 0, 0, 0x15, 1, 1};

	(void)state;
	for (int round = 0; round < 3; round++) {
		if (round == 2)
			kit.now += 121 * USEC_PER_SEC;
		discover(kit_mac_edge);
		kit_put_pxe(&packet, 0);
		dhcp4_msg_put(&packet.w, DHCP4_OPT_IPXE, no_http, sizeof(no_http));
		assert_true(answered());
		assert_int_equal(
		    dhcp4_msg_has(&kit.reply, DHCP4_OPT_BOOTFILE), round != 1);
		for (int again = 0; again < 2; again++) { /* the ACK may have been lost */
			request(kit_mac_edge, KIT_SERVER, KIT_FIXED);
			kit_put_pxe(&packet, 0);
			dhcp4_msg_put(
			    &packet.w, DHCP4_OPT_IPXE, no_http, sizeof(no_http));
			assert_true(answered());
			assert_int_equal(
			    dhcp4_msg_has(&kit.reply, DHCP4_OPT_BOOTFILE), round != 1);
		}
	}
}

static void
retries_are_counted(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		discover(kit_mac_edge);
		kit_put_pxe(&packet, 7);
		assert_true(answered());
		assert_int_equal(
		    json_integer_value(json_object_get(kit.tx.seen.detail, "retry")), i);
		kit.now += 8 * USEC_PER_SEC;
	}
	kit.now += 71 * USEC_PER_SEC;
	assert_true(answered());
	assert_null(json_object_get(kit.tx.seen.detail, "retry"));
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(pxe_with_a_ticket_rule_2_16_17),
	    T(architectures),
	    T(http_boot_rule_3),
	    T(ipxe_gets_its_script_rule_7),
	    T(local_boot_is_an_answer_rule_20),
	    T(boot_server_port_rule_1),
	    T(chaining_does_not_loop),
	    T(retries_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
