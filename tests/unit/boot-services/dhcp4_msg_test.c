/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCPv4 messages: what real clients send is understood, what lies about a length is not.
 */
#include "boot-services/dhcp4_msg.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/boot-services/dhcp4_kit.h"

static struct dhcp4_msg msg;
static const char *why;

static int
parse(const struct kit_packet *p)
{
	return dhcp4_msg_parse(p->data, p->w.len, &msg, &why);
}

static void
header_fields(void **state)
{
	struct kit_packet p;

	(void)state;
	kit_begin(&p, kit_mac_edge, DHCP4_DISCOVER);
	kit_set_u32(&p, 8, 0x00048000);
	kit_set_ciaddr(&p, KIT_IP(10, 1, 2, 3));
	kit_set_giaddr(&p, KIT_IP(10, 9, 9, 9));
	kit_end(&p);
	assert_int_equal(parse(&p), 0);
	assert_int_equal(msg.op, DHCP4_BOOTREQUEST);
	assert_int_equal(msg.type, DHCP4_DISCOVER);
	assert_int_equal(msg.xid, 0x1b760c0f);
	assert_int_equal(msg.secs, 4);
	assert_int_equal(msg.flags, DHCP4_FLAG_BROADCAST);
	assert_int_equal(msg.ciaddr, KIT_IP(10, 1, 2, 3));
	assert_int_equal(msg.giaddr, KIT_IP(10, 9, 9, 9));
	assert_memory_equal(msg.chaddr, kit_mac_edge, 6);
}

/* RFC 3396: the parts of an option are one value. */
static void
parts_are_joined(void **state)
{
	struct kit_packet p;
	uint8_t big[600];
	struct rbuf v;

	(void)state;
	memset(big, 'x', sizeof(big));
	kit_begin(&p, kit_mac_edge, DHCP4_DISCOVER);
	kit_put_text(&p, DHCP4_OPT_USER_CLASS, "iP");
	dhcp4_msg_put(&p.w, DHCP4_OPT_CLIENT_ID, big, sizeof(big));
	kit_put_text(&p, DHCP4_OPT_USER_CLASS, "XE");
	kit_end(&p);
	assert_int_equal(parse(&p), 0);
	v = dhcp4_msg_value(&msg, DHCP4_OPT_USER_CLASS);
	assert_int_equal(rbuf_left(&v), 4);
	assert_memory_equal(rbuf_rest(&v), "iPXE", 4);
	v = dhcp4_msg_value(&msg, DHCP4_OPT_CLIENT_ID);
	assert_int_equal(rbuf_left(&v), sizeof(big));
	assert_memory_equal(rbuf_rest(&v), big, sizeof(big));
}

/* RFC 2132 9.3 and RFC 3396 5: options, then file, then sname. */
static void
overload(void **state)
{
	struct kit_packet p;
	struct wbuf sname, file;
	struct rbuf v;

	(void)state;
	kit_begin(&p, kit_mac_edge, DHCP4_DISCOVER);
	dhcp4_msg_put_u8(&p.w, DHCP4_OPT_OVERLOAD, 3);
	kit_put_text(&p, DHCP4_OPT_HOSTNAME, "a");
	kit_end(&p);
	sname = wbuf_init(p.data + 44, DHCP4_SNAME_SIZE);
	dhcp4_msg_put(&sname, DHCP4_OPT_HOSTNAME, "c", 1);
	dhcp4_msg_put_u8(&sname, DHCP4_OPT_OVERLOAD, 0);
	file = wbuf_init(p.data + 108, DHCP4_FILE_SIZE);
	dhcp4_msg_put(&file, DHCP4_OPT_HOSTNAME, "b", 1);
	wbuf_u8(&file, DHCP4_OPT_END);
	assert_int_equal(parse(&p), 0);
	v = dhcp4_msg_value(&msg, DHCP4_OPT_HOSTNAME);
	assert_int_equal(rbuf_left(&v), 3);
	assert_memory_equal(rbuf_rest(&v), "abc", 3);
}

/* The same bytes without option 52 are a file name and nothing else. */
static void
no_overload(void **state)
{
	struct kit_packet p;
	struct wbuf file;

	(void)state;
	kit_begin(&p, kit_mac_edge, DHCP4_DISCOVER);
	kit_end(&p);
	file = wbuf_init(p.data + 108, DHCP4_FILE_SIZE);
	wbuf_u8(&file, DHCP4_OPT_HOSTNAME);
	wbuf_u8(&file, 250); /* would run past the field */
	assert_int_equal(parse(&p), 0);
	assert_false(dhcp4_msg_has(&msg, DHCP4_OPT_HOSTNAME));
}

static void
malformed(void **state)
{
	struct kit_packet p;
	uint8_t raw[DHCP4_RECEIVE_MAX + 1] = {0};

	(void)state;
	kit_begin(&p, kit_mac_edge, DHCP4_DISCOVER);
	wbuf_u8(&p.w, DHCP4_OPT_HOSTNAME);
	wbuf_u8(&p.w, 200);
	assert_int_equal(parse(&p), -EBADMSG);
	wbuf_zero(&p.w, 199);
	assert_int_equal(parse(&p), -EBADMSG); /* one octet short */
	wbuf_zero(&p.w, 1);
	assert_int_equal(parse(&p), 0); /* no end option: tolerated */

	kit_begin(&p, kit_mac_edge, DHCP4_DISCOVER);
	wbuf_u8(&p.w, DHCP4_OPT_HOSTNAME); /* a code at the very end */
	assert_int_equal(parse(&p), -EBADMSG);

	for (size_t len = 0; len < DHCP4_HEADER_SIZE + 4; len++)
		assert_int_equal(dhcp4_msg_parse(raw, len, &msg, &why), -EBADMSG);
	assert_int_equal(dhcp4_msg_parse(raw, 300, &msg, &why), -EBADMSG); /* no cookie */
	assert_int_equal(dhcp4_msg_parse(raw, sizeof(raw), &msg, &why), -EBADMSG);
}

static void
overloaded_field_may_lie_too(void **state)
{
	struct kit_packet p;

	(void)state;
	kit_begin(&p, kit_mac_edge, DHCP4_DISCOVER);
	dhcp4_msg_put_u8(&p.w, DHCP4_OPT_OVERLOAD, 2);
	kit_end(&p);
	memset(p.data + 44, DHCP4_OPT_HOSTNAME, DHCP4_SNAME_SIZE);
	assert_int_equal(parse(&p), -EBADMSG);
}

static void
typed_getters_want_the_right_size(void **state)
{
	struct kit_packet p;

	(void)state;
	kit_begin(&p, kit_mac_edge, 0);
	dhcp4_msg_put(&p.w, DHCP4_OPT_MESSAGE_TYPE, "\1\1", 2);
	dhcp4_msg_put(&p.w, DHCP4_OPT_REQUESTED_IP, "\12\115\0", 3);
	dhcp4_msg_put(&p.w, DHCP4_OPT_MAX_SIZE, "\1", 1);
	kit_end(&p);
	assert_int_equal(parse(&p), 0);
	assert_int_equal(msg.type, 0);
	assert_int_equal(dhcp4_msg_u32(&msg, DHCP4_OPT_REQUESTED_IP, 7), 7);
	assert_int_equal(dhcp4_msg_u16(&msg, DHCP4_OPT_MAX_SIZE, 576), 576);
}

static void
relay_suboptions(void **state)
{
	static const uint8_t info[] = {
	    1, 3, 'g', 'e', '1', 5, 4, 10, 88, 0, 0, 2, 200, 1};
	struct kit_packet p;
	struct rbuf v;

	(void)state;
	kit_begin(&p, kit_mac_edge, DHCP4_DISCOVER);
	dhcp4_msg_put(&p.w, DHCP4_OPT_RELAY_INFO, info, sizeof(info));
	kit_end(&p);
	assert_int_equal(parse(&p), 0);
	assert_true(dhcp4_msg_relay(&msg, DHCP4_RELAY_CIRCUIT_ID, &v));
	assert_int_equal(rbuf_left(&v), 3);
	assert_int_equal(
	    dhcp4_msg_relay_ip(&msg, DHCP4_RELAY_LINK_SELECTION), KIT_IP(10, 88, 0, 0));
	assert_false(
	    dhcp4_msg_relay(&msg, DHCP4_RELAY_REMOTE_ID, &v)); /* runs past the end */
	assert_int_equal(dhcp4_msg_relay_ip(&msg, DHCP4_RELAY_SERVER_OVERRIDE), 0);
}

/* What is built is parsed back; long values are split, short replies padded (rule 18). */
static void
build_and_parse(void **state)
{
	struct kit_packet p, reply;
	struct dhcp4_msg req;
	struct dhcp4_msg_header h = {.yiaddr = KIT_FIXED,
	    .siaddr = KIT_SERVER,
	    .flags = DHCP4_FLAG_BROADCAST,
	    .file = "snponly.efi"};
	uint8_t big[300];

	(void)state;
	memset(big, 'y', sizeof(big));
	kit_begin(&p, kit_mac_edge, DHCP4_DISCOVER);
	kit_end(&p);
	assert_int_equal(dhcp4_msg_parse(p.data, p.w.len, &req, &why), 0);
	reply.w = wbuf_init(reply.data, sizeof(reply.data));
	dhcp4_msg_begin(&reply.w, &req, &h);
	dhcp4_msg_put_u8(&reply.w, DHCP4_OPT_MESSAGE_TYPE, DHCP4_OFFER);
	dhcp4_msg_end(&reply.w);
	assert_int_equal(reply.w.len, DHCP4_REPLY_MIN);
	assert_int_equal(parse(&reply), 0);
	assert_int_equal(msg.op, DHCP4_BOOTREPLY);
	assert_int_equal(msg.xid, req.xid);
	assert_int_equal(msg.yiaddr, KIT_FIXED);
	assert_string_equal((char *)reply.data + 108, "snponly.efi");

	reply.w = wbuf_init(reply.data, sizeof(reply.data));
	dhcp4_msg_begin(&reply.w, &req, &h);
	dhcp4_msg_put(&reply.w, DHCP4_OPT_CLIENT_ID, big, sizeof(big));
	dhcp4_msg_end(&reply.w);
	assert_int_equal(parse(&reply), 0);
	assert_int_equal(msg.opt[DHCP4_OPT_CLIENT_ID].len, sizeof(big));

	reply.w = wbuf_init(reply.data, 300);
	dhcp4_msg_begin(&reply.w, &req, &h);
	dhcp4_msg_put(&reply.w, DHCP4_OPT_CLIENT_ID, big, sizeof(big));
	dhcp4_msg_end(&reply.w);
	assert_false(wbuf_ok(&reply.w)); /* does not fit: said so, not truncated */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(header_fields),
	    cmocka_unit_test(parts_are_joined),
	    cmocka_unit_test(overload),
	    cmocka_unit_test(no_overload),
	    cmocka_unit_test(malformed),
	    cmocka_unit_test(overloaded_field_may_lie_too),
	    cmocka_unit_test(typed_getters_want_the_right_size),
	    cmocka_unit_test(relay_suboptions),
	    cmocka_unit_test(build_and_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
