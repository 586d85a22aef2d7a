/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recordings written and read back, whole, in pieces, torn and damaged. */
#include "lib/console_record.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/compiler.h"

#define ID "01m8186kgj3sd2xm"

static uint8_t buf[65536];

static size_t
make(void)
{
	size_t n = console_record_put_begin(buf, sizeof(buf), 1000, "edge01.los", ID);

	assert_true(n > 0);
#define ADD(call)                   \
	do {                        \
		size_t k = call;    \
		assert_true(k > 0); \
		n += k;             \
	} while (0)
	ADD(console_record_put_mark(
	    buf + n, sizeof(buf) - n, 2000, CONSOLE_RECORD_CONNECTED, "suite 17"));
	ADD(console_record_put_data(buf + n, sizeof(buf) - n, 3000, "hello\r\n", 7));
	ADD(console_record_put_mark(
	    buf + n, sizeof(buf) - n, 4000, CONSOLE_RECORD_LOST, "timeout"));
	ADD(console_record_put_mark(
	    buf + n, sizeof(buf) - n, 9000, CONSOLE_RECORD_GAP, "5 s"));
	ADD(console_record_put_mark(
	    buf + n, sizeof(buf) - n, 9001, CONSOLE_RECORD_CONNECTED, ""));
	ADD(console_record_put_data(buf + n, sizeof(buf) - n, 9002, "\0\xff", 2));
	ADD(console_record_put_mark(
	    buf + n, sizeof(buf) - n, 9003, CONSOLE_RECORD_END, "the job ended"));
#undef ADD
	return n;
}

static void
check_sum(const struct console_record_sum *s, size_t len)
{
	assert_true(s->begun);
	assert_string_equal(s->host, "edge01.los");
	assert_string_equal(s->id, ID);
	assert_int_equal(s->first, 1000);
	assert_int_equal(s->last, 9003);
	assert_int_equal(s->octets, 9);
	assert_int_equal(s->gaps, 1);
	assert_int_equal(s->good, len);
	assert_true(s->ended);
	assert_false(s->damaged);
	assert_false(s->truncated);
}

static void
test_read_back(void **state UNUSED)
{
	struct console_record_sum s = {0};
	struct console_record_frame f;
	size_t len = make(), used, at;

	assert_int_equal(console_record_sum_add(&s, buf, len), len);
	check_sum(&s, len);
	assert_int_equal(console_record_next(buf, len, &f, &used), 1);
	assert_int_equal(f.type, CONSOLE_RECORD_BEGIN);
	at = used;
	assert_int_equal(console_record_next(buf + at, len - at, &f, &used), 1);
	assert_int_equal(f.mark, CONSOLE_RECORD_CONNECTED);
	assert_string_equal(console_record_mark_name(f.mark), "connected");
	assert_memory_equal(f.data, "suite 17", f.len);
	at += used;
	assert_int_equal(console_record_next(buf + at, len - at, &f, &used), 1);
	assert_int_equal(f.at, 3000);
	assert_int_equal(f.len, 7);
	assert_memory_equal(f.data, "hello\r\n", 7);
}

static void
test_in_pieces(void **state UNUSED)
{
	size_t len = make();

	for (size_t step = 1; step < len; step++) {
		struct console_record_sum s = {0};
		size_t done = 0;

		for (size_t have = 0; have < len;) {
			have = have + step > len ? len : have + step;
			done += console_record_sum_add(&s, buf + done, have - done);
		}
		check_sum(&s, len);
	}
}

static void
test_torn_anywhere(void **state UNUSED)
{
	size_t len = make();

	for (size_t cut = 0; cut < len; cut++) {
		struct console_record_sum s = {0};
		size_t good = console_record_sum_add(&s, buf, cut);

		assert_true(good <= cut);
		assert_false(s.damaged);
		assert_int_equal(s.good, good);
	}
}

static void
test_damaged_anywhere(void **state UNUSED)
{
	size_t len = make();

	for (size_t i = 0; i < len * 8; i++) {
		struct console_record_sum s = {0};

		buf[i / 8] ^= (uint8_t)(1u << i % 8);
		(void)!console_record_sum_add(&s, buf, len);
		/* Seen, or taken for a frame that is not whole yet: never believed. */
		assert_true(s.good <= (int64_t)(i / 8));
		buf[i / 8] ^= (uint8_t)(1u << i % 8);
	}
}

static void
test_limits(void **state UNUSED)
{
	static uint8_t big[CONSOLE_RECORD_DATA_MAX + 1];
	static char text[400];
	struct console_record_frame f;
	size_t n, used;

	assert_int_equal(
	    console_record_put_data(buf, sizeof(buf), 0, big, sizeof(big)), 0);
	n = console_record_put_data(buf, sizeof(buf), 0, big, CONSOLE_RECORD_DATA_MAX);
	assert_int_equal(n, CONSOLE_RECORD_FRAME_MAX);
	assert_int_equal(console_record_put_data(buf, 20, 0, "hello", 5), 0);
	assert_int_equal(console_record_put_begin(buf, sizeof(buf), 0, "h", "no id"), 0);
	memset(text, 'x', sizeof(text) - 1);
	n = console_record_put_mark(buf, sizeof(buf), 0, CONSOLE_RECORD_LOST, text);
	assert_int_equal(console_record_next(buf, n, &f, &used), 1);
	assert_int_equal(f.len, CONSOLE_RECORD_TEXT_MAX);
}

/* Of a later program: skipped. A second beginning, or none: refused. */
static void
test_order(void **state UNUSED)
{
	struct console_record_sum s = {0};
	size_t n = console_record_put_begin(buf, sizeof(buf), 1, "h", ID);

	n += console_record_put_mark(
	    buf + n, sizeof(buf) - n, 2, (enum console_record_mark)99, "?");
	n += console_record_put_data(buf + n, sizeof(buf) - n, 3, "x", 1);
	assert_int_equal(console_record_sum_add(&s, buf, n), n);
	assert_int_equal(s.octets, 1);
	/* Also when nothing comes after it. */
	n += console_record_put_mark(
	    buf + n, sizeof(buf) - n, 4, (enum console_record_mark)99, "?");
	memset(&s, 0, sizeof(s));
	assert_int_equal(console_record_sum_add(&s, buf, n), n);
	assert_int_equal(s.good, n);
	(void)!console_record_sum_add(&s, buf, n);
	assert_true(s.damaged);
	memset(&s, 0, sizeof(s));
	n = console_record_put_data(buf, sizeof(buf), 3, "x", 1);
	assert_int_equal(console_record_sum_add(&s, buf, n), 0);
	assert_true(s.damaged);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_read_back),
	    cmocka_unit_test(test_in_pieces),
	    cmocka_unit_test(test_torn_anywhere),
	    cmocka_unit_test(test_damaged_anywhere),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
