/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TFTP packets as firmware sends them, and as nobody should. */
#include "boot-services/tftp_msg.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka.h wants those three first. */
#include <cmocka.h>

#define PARSE(text, ret) tftp_msg_parse(text, sizeof(text) - 1, ret)

static void
test_edk2_probe(void **state)
{
	struct tftp_msg m;

	(void)state;
	assert_int_equal(0, PARSE("\0\1snponly.efi\0octet\0tsize\0"
				  "0\0blksize\0"
				  "1468\0windowsize\0"
				  "4\0",
				&m));
	assert_int_equal(TFTP_OP_RRQ, m.op);
	assert_string_equal("snponly.efi", m.req.name);
	assert_int_equal(TFTP_MODE_OCTET, m.req.mode);
	assert_true(m.req.opts.has_tsize);
	assert_int_equal(1468, m.req.opts.blksize);
	assert_int_equal(4, m.req.opts.windowsize);
	assert_int_equal(0, m.req.opts.timeout_s);
}

static void
test_case_and_order_do_not_matter(void **state)
{
	struct tftp_msg m;

	(void)state;
	assert_int_equal(0, PARSE("\0\1a\0NetAscii\0TIMEOUT\0"
				  "255\0BlkSize\0"
				  "8\0",
				&m));
	assert_int_equal(TFTP_MODE_NETASCII, m.req.mode);
	assert_int_equal(255, m.req.opts.timeout_s);
	assert_int_equal(8, m.req.opts.blksize);
}

static void
test_bad_options_are_left_out(void **state)
{
	struct tftp_msg m;

	(void)state;
	assert_int_equal(0, PARSE("\0\1a\0octet\0blksize\0"
				  "7\0windowsize\0"
				  "0\0timeout\0"
				  "256\0tsize\0x\0multicast\0\0",
				&m));
	assert_int_equal(0, m.req.opts.blksize);
	assert_int_equal(0, m.req.opts.windowsize);
	assert_int_equal(0, m.req.opts.timeout_s);
	assert_false(m.req.opts.has_tsize);
	/* busybox asks for more than there is. */
	assert_int_equal(0, PARSE("\0\1a\0octet\0blksize\0"
				  "65535\0",
				&m));
	assert_int_equal(TFTP_BLKSIZE_MAX, m.req.opts.blksize);
	/* The first of two counts; one cut off ends the list; an overlong one is skipped.
	 */
	assert_int_equal(0, PARSE("\0\1a\0octet\0x-very-long-option-of-a-vendor\0"
				  "1\0blksize\0"
				  "512\0blksize\0"
				  "1024\0timeout\0"
				  "3",
				&m));
	assert_int_equal(512, m.req.opts.blksize);
	assert_int_equal(0, m.req.opts.timeout_s);
}

static void
test_refused_packets(void **state)
{
	struct tftp_msg m;
	char big[TFTP_RRQ_MAX + 10] = "\0\1a";
	char name[TFTP_NAME_SIZE + 20];

	(void)state;
	assert_int_equal(-EBADMSG, PARSE("", &m));
	assert_int_equal(-EBADMSG, PARSE("\0", &m));
	assert_int_equal(-EBADMSG, PARSE("\0\0a\0octet\0", &m));
	assert_int_equal(-EBADMSG, PARSE("\0\7a\0octet\0", &m));
	assert_int_equal(-EBADMSG, PARSE("\0\1", &m));
	assert_int_equal(-EBADMSG, PARSE("\0\1name", &m));
	assert_int_equal(-EBADMSG, PARSE("\0\1name\0octet", &m));
	assert_int_equal(-EBADMSG, PARSE("\0\1\0octet\0", &m));
	assert_int_equal(-EBADMSG, PARSE("\0\4\1", &m));
	assert_int_equal(-EPROTONOSUPPORT, PARSE("\0\1a\0mail\0", &m));
	assert_int_equal(-EROFS, PARSE("\0\2a\0octet\0", &m));
	assert_int_equal(-EBADMSG, tftp_msg_parse(big, sizeof big, &m));
	memset(name, 'a', sizeof name);
	memcpy(name, "\0\1", 2);
	memcpy(name + sizeof name - 7, "\0octet", 7);
	assert_int_equal(-EBADMSG, tftp_msg_parse(name, sizeof name, &m));
}

static void
test_error_and_ack(void **state)
{
	struct tftp_msg m;

	(void)state;
	assert_int_equal(0, PARSE("\0\5\0\10User aborted the transfer\0", &m));
	assert_int_equal(TFTP_ERR_OPTION, m.error);
	assert_string_equal("User aborted the transfer", m.text);
	/* Without its end, and with what must not reach a log. */
	assert_int_equal(0, PARSE("\0\5\0\0a\nb", &m));
	assert_string_equal("a\\x0ab", m.text);
	assert_int_equal(0, PARSE("\0\5\0\0", &m));
	assert_string_equal("", m.text);
	assert_int_equal(0, PARSE("\0\4\xff\xff", &m));
	assert_int_equal(65535, m.block);
}

static void
test_build(void **state)
{
	uint8_t buf[64];
	struct wbuf w = wbuf_init(buf, sizeof buf);
	struct tftp_options o = {.blksize = 1468, .windowsize = 4, .has_tsize = true};

	(void)state;
	o.tsize = 5000000000;
	assert_int_equal(
	    sizeof "\0\6blksize\0001468\0tsize\0005000000000\0windowsize\0004",
	    tftp_msg_build_oack(&w, &o));
	assert_memory_equal(
	    buf, "\0\6blksize\0001468\0tsize\0005000000000\0windowsize\0004", w.len);
	w = wbuf_init(buf, sizeof buf);
	assert_int_equal(7, tftp_msg_build_error(&w, TFTP_ERR_NOT_FOUND, "no"));
	assert_memory_equal(buf, "\0\5\0\1no", 7);
	w = wbuf_init(buf, 3);
	assert_int_equal(0, tftp_msg_build_ack(&w, 1));
}

static void
test_netascii(void **state)
{
	uint8_t out[16];

	(void)state;
	assert_int_equal(8, tftp_msg_netascii(out, (const uint8_t *)"a\nb\rc\n", 6) - 1);
	assert_memory_equal(out, "a\r\nb\r\0c\r\n", 9);
	assert_int_equal(0, tftp_msg_netascii(out, (const uint8_t *)"", 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_edk2_probe),
	    cmocka_unit_test(test_case_and_order_do_not_matter),
	    cmocka_unit_test(test_bad_options_are_left_out),
	    cmocka_unit_test(test_refused_packets),
	    cmocka_unit_test(test_error_and_ack),
	    cmocka_unit_test(test_build),
	    cmocka_unit_test(test_netascii),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
