/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/buf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
reads_in_network_order(void **state)
{
	static const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};
	struct rbuf r = rbuf_init(data, sizeof(data));

	(void)state;
	assert_int_equal(rbuf_u8(&r), 1);
	assert_int_equal(rbuf_u16(&r), 0x0203);
	assert_int_equal(rbuf_u32(&r), 0x04050607);
	assert_int_equal(rbuf_u16le(&r), 0x0908);
	assert_int_equal(rbuf_u32le(&r), 0x0d0c0b0a);
	assert_int_equal(rbuf_left(&r), 0);
	assert_true(rbuf_ok(&r));
}

static void
high_octets_do_not_sign_extend(void **state)
{
	static const uint8_t data[] = {0xff, 0xfe, 0xfd, 0xfc};
	struct rbuf r = rbuf_init(data, sizeof(data));

	(void)state;
	assert_int_equal(rbuf_u32(&r), 0xfffefdfc);
}

static void
overflow_is_sticky(void **state)
{
	static const uint8_t data[] = {1, 2, 3};
	struct rbuf r = rbuf_init(data, sizeof(data));

	(void)state;
	assert_int_equal(rbuf_u32(&r), 0);
	assert_false(rbuf_ok(&r));
	assert_int_equal(rbuf_u8(&r), 0);
	assert_int_equal(rbuf_left(&r), 0);
	assert_ptr_equal(rbuf_rest(&r), data + 3);
	assert_false(rbuf_ok(&r));
}

static void
copy_and_skip(void **state)
{
	static const uint8_t data[] = {1, 2, 3, 4};
	struct rbuf r = rbuf_init(data, sizeof(data));
	uint8_t out[4] = {9, 9, 9, 9};

	(void)state;
	rbuf_skip(&r, 1);
	rbuf_copy(&r, out, 2);
	assert_memory_equal(out, "\2\3", 2);
	assert_ptr_equal(rbuf_rest(&r), data + 3);
	rbuf_copy(&r, out, 4);
	assert_memory_equal(out, "\0\0\0\0", 4);
	assert_false(rbuf_ok(&r));
}

static void
huge_lengths_do_not_wrap(void **state)
{
	static const uint8_t data[] = {1, 2, 3, 4};
	struct rbuf r = rbuf_init(data, sizeof(data)), sub;

	(void)state;
	rbuf_skip(&r, 2);
	sub = rbuf_sub(&r, SIZE_MAX);
	assert_false(rbuf_ok(&r));
	assert_false(rbuf_ok(&sub));
	assert_int_equal(rbuf_u8(&sub), 0);
}

static void
sub_cursor_is_bounded(void **state)
{
	static const uint8_t data[] = {1, 2, 3, 4};
	struct rbuf r = rbuf_init(data, sizeof(data)), sub = rbuf_sub(&r, 2);

	(void)state;
	assert_int_equal(rbuf_u16(&sub), 0x0102);
	assert_int_equal(rbuf_u8(&sub), 0);
	assert_false(rbuf_ok(&sub));
	assert_int_equal(rbuf_u8(&r), 3);
	assert_true(rbuf_ok(&r));
}

static void
terminated_strings(void **state)
{
	static const char data[] = "ab\0cdef\0zz";
	struct rbuf r = rbuf_init(data, sizeof(data) - 1);
	char out[5];

	(void)state;
	assert_int_equal(rbuf_cstr(&r, out, sizeof(out)), 2);
	assert_string_equal(out, "ab");
	assert_int_equal(rbuf_cstr(&r, out, sizeof(out)), 4);
	assert_string_equal(out, "cdef");
	assert_int_equal(rbuf_cstr(&r, out, sizeof(out)), 0);
	assert_string_equal(out, "");
	assert_false(rbuf_ok(&r));
	r = rbuf_init(data + 3, 6);
	assert_int_equal(rbuf_cstr(&r, out, 4), 0);
	assert_false(rbuf_ok(&r));
	r = rbuf_init(NULL, 0);
	rbuf_cstr(&r, out, sizeof(out));
	assert_false(rbuf_ok(&r));
}

static void
writes_in_network_order(void **state)
{
	uint8_t out[32];
	struct wbuf w = wbuf_init(out, sizeof(out));

	(void)state;
	wbuf_u8(&w, 1);
	wbuf_u16(&w, 0x0203);
	wbuf_u32(&w, 0x04050607);
	wbuf_u16le(&w, 0x0908);
	wbuf_u32le(&w, 0x0d0c0b0a);
	wbuf_str(&w, "\x0e");
	wbuf_zero(&w, 1);
	wbuf_patch_u8(&w, 0, 0xff);
	assert_true(wbuf_ok(&w));
	assert_int_equal(w.len, 15);
	assert_memory_equal(out, "\xff\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e\0", 15);
}

static void
full_buffer_writes_nothing(void **state)
{
	uint8_t out[4] = {9, 9, 9, 9};
	struct wbuf w = wbuf_init(out, 3);

	(void)state;
	wbuf_u16(&w, 0x0102);
	wbuf_u32(&w, 5);
	assert_false(wbuf_ok(&w));
	wbuf_u8(&w, 7);
	assert_int_equal(wbuf_left(&w), 0);
	assert_int_equal(w.len, 2);
	assert_memory_equal(out, "\1\2\x09\x09", 4);
}

static void
patching_the_unwritten_fails(void **state)
{
	uint8_t out[4];
	struct wbuf w = wbuf_init(out, sizeof(out));

	(void)state;
	wbuf_u8(&w, 1);
	wbuf_patch_u8(&w, 1, 5);
	assert_false(wbuf_ok(&w));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_in_network_order),
	    cmocka_unit_test(high_octets_do_not_sign_extend),
	    cmocka_unit_test(overflow_is_sticky),
	    cmocka_unit_test(copy_and_skip),
	    cmocka_unit_test(huge_lengths_do_not_wrap),
	    cmocka_unit_test(sub_cursor_is_bounded),
	    cmocka_unit_test(terminated_strings),
	    cmocka_unit_test(writes_in_network_order),
	    cmocka_unit_test(full_buffer_writes_nothing),
	    cmocka_unit_test(patching_the_unwritten_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
