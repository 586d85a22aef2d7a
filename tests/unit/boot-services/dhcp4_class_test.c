/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is asking: rows of options and what they mean (boot.md 1.2, 1.2.1, 1.4). */
#include "boot-services/dhcp4_class.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "boot-services/dhcp_class.h"
#include "lib/arch.h"
#include "tests/unit/boot-services/dhcp4_kit.h"

#define PXE "PXEClient:Arch:00007:UNDI:003000"
#define HTTP "HTTPClient:Arch:00016:UNDI:003000"

struct row {
	const char *vendor, *user;
	size_t user_len;
	const char *arch;
	size_t arch_len;
	const char *ipxe;
	size_t ipxe_len;
	enum policy_class class;
	uint16_t want_arch;
	bool able;
};

static const struct row rows[] = {
    /* firmware */
    {PXE, NULL, 0, "\0\7", 2, NULL, 0, POLICY_CLASS_PXE, 7, true},
    {PXE, NULL, 0, "\0\7\0\0", 4, NULL, 0, POLICY_CLASS_PXE, 7, true}, /* a list */
    {PXE, NULL, 0, "\7", 1, NULL, 0, POLICY_CLASS_PXE, 7,
	true}, /* too short: option 60 says it */
    {"PXEClient", NULL, 0, NULL, 0, NULL, 0, POLICY_CLASS_PXE, ARCH_NONE, true},
    {"PXEClient:Arch:99999", NULL, 0, NULL, 0, NULL, 0, POLICY_CLASS_PXE, ARCH_NONE,
	true},
    {"PXEClient:Arch:0x007", NULL, 0, NULL, 0, NULL, 0, POLICY_CLASS_PXE, ARCH_NONE,
	true},
    {HTTP, NULL, 0, "\0\x10", 2, NULL, 0, POLICY_CLASS_HTTP, 0x10, true},
    {HTTP, NULL, 0, NULL, 0, NULL, 0, POLICY_CLASS_HTTP, 16, true},
    /* iPXE: raw user class, a proper one, one of several, only option 175 (FlexBoot) */
    {PXE, "iPXE", 4, "\0\7", 2, "\x13\1\1", 3, POLICY_CLASS_IPXE, 7, true},
    {PXE, "\4iPXE", 5, "\0\7", 2, NULL, 0, POLICY_CLASS_IPXE, 7, true},
    {PXE, "\3abc\4iPXE", 9, "\0\7", 2, NULL, 0, POLICY_CLASS_IPXE, 7, true},
    {PXE, NULL, 0, "\0\0", 2, "\xeb\3\1\0\0\x15\1\1", 8, POLICY_CLASS_IPXE, 0, false},
    {PXE, "iPXE", 4, NULL, 0, "\x13\1\0\x15\1\1", 6, POLICY_CLASS_IPXE, 7, false},
    {NULL, "iPXE", 4, NULL, 0, NULL, 0, POLICY_CLASS_IPXE, ARCH_NONE, true},
    /* BIOS: HTTP without bzImage (VirtualBox's ROM) loads no kernel; UEFI needs it not */
    {PXE, "iPXE", 4, "\0\0", 2, "\x13\1\1", 3, POLICY_CLASS_IPXE, 0, false},
    {PXE, "iPXE", 4, "\0\0", 2, "\x13\1\1\x18\1\1", 6, POLICY_CLASS_IPXE, 0, true},
    {PXE, "iPXE", 4, "\0\0", 2, "\x18\1\1", 3, POLICY_CLASS_IPXE, 0, false},
    {NULL, "iPXE", 4, NULL, 0, "\x13\1\1", 3, POLICY_CLASS_IPXE, ARCH_NONE, false},
    /* not iPXE */
    {PXE, "iPXE2", 5, NULL, 0, NULL, 0, POLICY_CLASS_PXE, 7, true},
    {PXE, "\x09iPXE", 5, NULL, 0, NULL, 0, POLICY_CLASS_PXE, 7, true},
    {PXE, NULL, 0, NULL, 0, "\xeb\xff\1", 3, POLICY_CLASS_PXE, 7, true},
    /* operating systems */
    {NULL, NULL, 0, NULL, 0, NULL, 0, POLICY_CLASS_OS, ARCH_NONE, true},
    {"MSFT 5.0", NULL, 0, NULL, 0, NULL, 0, POLICY_CLASS_OS, ARCH_NONE, true},
    {"PXEClien", NULL, 0, NULL, 0, NULL, 0, POLICY_CLASS_OS, ARCH_NONE, true},
};

static struct dhcp4_msg msg;
static struct kit_packet packet;

static void
parse(void)
{
	const char *why;

	kit_end(&packet);
	assert_int_equal(dhcp4_msg_parse(packet.data, packet.w.len, &msg, &why), 0);
}

static void
classes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		struct policy_client c = {.arch = 0};

		kit_begin(&packet, kit_mac_edge, DHCP4_DISCOVER);
		if (r->vendor)
			kit_put_text(&packet, DHCP4_OPT_VENDOR_CLASS, r->vendor);
		if (r->user)
			dhcp4_msg_put(
			    &packet.w, DHCP4_OPT_USER_CLASS, r->user, r->user_len);
		if (r->arch)
			dhcp4_msg_put(
			    &packet.w, DHCP4_OPT_CLIENT_ARCH, r->arch, r->arch_len);
		if (r->ipxe)
			dhcp4_msg_put(&packet.w, DHCP4_OPT_IPXE, r->ipxe, r->ipxe_len);
		parse();
		dhcp4_class_client(&msg, &c);
		if (c.class != r->class || c.arch != r->want_arch ||
		    c.ipxe_able != r->able)
			fail_msg("row %zu: %s arch %u able %d", i,
			    dhcp_class_name(c.class), c.arch, c.ipxe_able);
	}
}

/* The client id is no part of the key while there is a hardware address. */
static void
keys(void **state)
{
	struct dhcp4_class_key a, b, c;
	struct addr_mac mac;
	char text[DHCP4_KEY_TEXT];
	const char *why;

	(void)state;
	kit_begin(&packet, kit_mac_edge, DHCP4_DISCOVER);
	parse();
	assert_int_equal(dhcp4_class_key(&msg, &a, &why), 0);
	kit_begin(&packet, kit_mac_edge, DHCP4_DISCOVER);
	dhcp4_msg_put(&packet.w, DHCP4_OPT_CLIENT_ID, "\1x", 2);
	parse();
	assert_int_equal(dhcp4_class_key(&msg, &b, &why), 0);
	assert_true(dhcp4_class_key_eq(&a, &b));
	assert_true(dhcp4_class_key_mac(&a, &mac));
	assert_memory_equal(mac.b, kit_mac_edge, 6);
	assert_string_equal(
	    dhcp4_class_key_text(&a, text, sizeof(text)), "01-525400770001");
	assert_int_equal(dhcp4_class_key_parse(text, strlen(text), &c), 0);
	assert_true(dhcp4_class_key_eq(&a, &c));
	/* Octets of chaddr behind hlen are not the client's. */
	packet.data[28 + 10] = 0xaa;
	assert_int_equal(dhcp4_msg_parse(packet.data, packet.w.len, &msg, &why), 0);
	assert_int_equal(dhcp4_class_key(&msg, &b, &why), 0);
	assert_true(dhcp4_class_key_eq(&a, &b));
}

static void
key_texts_that_are_none(void **state)
{
	static const char *const bad[] = {"", "01", "01-", "01-5", "01-5g", "0x-52",
	    "01:52", "01-525",
	    "01-00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00"};
	struct dhcp4_class_key key;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(
		    dhcp4_class_key_parse(bad[i], strlen(bad[i]), &key), -EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(classes),
	    cmocka_unit_test(keys),
	    cmocka_unit_test(key_texts_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
