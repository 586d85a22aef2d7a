/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/str.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
copy_refuses_instead_of_truncating(void **state)
{
	char dst[4] = "old";

	(void)state;
	assert_int_equal(str_copy(dst, sizeof(dst), "abc"), 0);
	assert_string_equal(dst, "abc");
	assert_int_equal(str_copy(dst, sizeof(dst), "abcd"), -ENAMETOOLONG);
	assert_string_equal(dst, "");
	str_clip(dst, sizeof(dst), "abcd");
	assert_string_equal(dst, "abc");
}

/* U+00E9 is two octets, U+20AC three, U+1F600 four. */
static void
clip_keeps_characters_whole(void **state)
{
	static const char *const whole[] = {
	    "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
	char src[16], dst[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(whole); i++) {
		size_t len = strlen(whole[i]);
		strcpy(src, "ab");
		strcat(src, whole[i]);
		for (size_t size = 3; size <= 2 + len; size++) {
			str_clip(dst, size, src);
			assert_string_equal(dst, "ab");
		}
		str_clip(dst, 3 + len, src);
		assert_string_equal(dst, src);
	}
	/* What is no text is cut all the same. */
	str_clip(dst, 9, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80");
	assert_int_equal(strlen(dst), 5);
}

static void
format_refuses_instead_of_truncating(void **state)
{
	char dst[8];

	(void)state;
	assert_int_equal(str_format(dst, sizeof(dst), "%s-%d", "ab", 12), 0);
	assert_string_equal(dst, "ab-12");
	assert_int_equal(str_format(dst, sizeof(dst), "%s", "12345678"), -ENAMETOOLONG);
	assert_string_equal(dst, "");
}

static void
escape_leaves_what_is_printable(void **state)
{
	static const char hostile[] = "gr\xc3\xbc\xc3\x9f\x1b[2J\xc2\x9b\xe2\x80\xae\xc5";
	char dst[64], again[64];

	(void)state;
	assert_string_equal(
	    str_escape(dst, sizeof(dst), "a\n\0\xff\\z", 6), "a\\x0a\\x00\\xff\\z");
	assert_string_equal(str_escape(dst, sizeof(dst), "", 0), "");
	str_escape(dst, sizeof(dst), hostile, strlen(hostile));
	assert_string_equal(
	    dst, "gr\xc3\xbc\xc3\x9f\\x1b[2J\\xc2\\x9b\\xe2\\x80\\xae\\xc5");
	/* A second program that makes sure changes nothing. */
	assert_string_equal(str_escape(again, sizeof(again), dst, strlen(dst)), dst);
}

static void
escape_clips_between_characters(void **state)
{
	static const uint8_t ones[64] = {1};
	char dst[64];

	(void)state;
	/* At every size: terminated, and no escape cut in two before the dots. */
	for (size_t size = 1; size < 40; size++) {
		size_t len;

		memset(dst, '!', sizeof(dst));
		str_escape(dst, size, ones, sizeof(ones));
		len = strlen(dst);
		assert_true(len < size);
		assert_int_equal(dst[size], '!');
		if (size > 4) {
			assert_int_equal((len - 3) % 4, 0);
			assert_string_equal(dst + len - 3, "...");
		}
	}
	/* Nor a character: two of them are four octets. */
	assert_string_equal(str_escape(dst, 8, "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", 8),
	    "\xc3\xbc\xc3\xbc...");
	assert_string_equal(
	    str_escape(dst, 7, "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", 8), "\xc3\xbc...");
	assert_string_equal(str_escape(dst, 6, "abcdef", 6), "ab...");
	assert_string_equal(str_escape(dst, 7, "abcdef", 6), "abcdef");
}

static void
numbers_are_whole_and_in_range(void **state)
{
	int64_t v = 7;

	(void)state;
	assert_int_equal(str_to_i64("12", 0, 100, &v), 0);
	assert_int_equal(v, 12);
	assert_int_equal(str_to_i64("-5", -10, 0, &v), 0);
	assert_int_equal(v, -5);
	assert_int_equal(str_to_i64("9223372036854775807", 0, INT64_MAX, &v), 0);
	assert_int_equal(str_to_i64("9223372036854775808", 0, INT64_MAX, &v), -ERANGE);
	assert_int_equal(str_to_i64("101", 0, 100, &v), -ERANGE);
	assert_int_equal(str_to_i64("", 0, 100, &v), -EINVAL);
	assert_int_equal(str_to_i64("-", -9, 100, &v), -EINVAL);
	assert_int_equal(str_to_i64("+1", 0, 100, &v), -EINVAL);
	assert_int_equal(str_to_i64(" 1", 0, 100, &v), -EINVAL);
	assert_int_equal(str_to_i64("1x", 0, 100, &v), -EINVAL);
	assert_int_equal(str_to_i64("0x1", 0, 100, &v), -EINVAL);
	assert_int_equal(v, INT64_MAX);
}

static void
equality_and_prefix(void **state)
{
	(void)state;
	assert_true(str_eq("a", "a"));
	assert_false(str_eq("a", "b"));
	assert_true(str_eq(NULL, NULL));
	assert_false(str_eq(NULL, ""));
	assert_true(str_has_prefix("unix:/x", "unix:"));
	assert_false(str_has_prefix("uni", "unix:"));
}

static void
names(void **state)
{
	static const char *const good[] = {"a", "edge01.los", "a-b_c.d", "_x", "0"};
	static const char *const bad[] = {"", ".", "a.", ".a", "a..b", "-a", "a-", "a b",
	    "a/b", "a\n", "\xc3\xa9", "a,b", "a=b", "[1]"};
	char label[66], name[256];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(str_name_valid(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(str_name_valid(bad[i]));
	assert_false(str_name_valid(NULL));
	memset(label, 'a', sizeof(label));
	label[63] = '\0';
	assert_true(str_name_valid(label));
	label[63] = 'a';
	label[64] = '\0';
	assert_false(str_name_valid(label));
	for (size_t i = 0; i < 255; i++)
		name[i] = i % 2 == 0 ? 'a' : '.';
	name[253] = '\0';
	assert_true(str_name_valid(name));
	name[253] = '.';
	name[255] = '\0';
	assert_false(str_name_valid(name));
}

static void
durations_as_typed(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} good[] = {{"90", 90000000}, {"90s", 90000000}, {"10m", 600000000},
	    {"1h30m", 5400000000}, {"2d", 172800000000}, {"0", 0},
	    {"1d1h1m1s", 90061000000}};
	static const char *const bad[] = {
	    "", "s", "1x", "1h30", "-1s", "1 s", "1m1h", "1m1m", "1.5s", "m1"};
	int64_t us = -1;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(str_to_duration(good[i].text, &us), 0);
		assert_int_equal(us, good[i].us);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(str_to_duration(bad[i], &us), -EINVAL);
	assert_int_equal(str_to_duration("9999999999999d", &us), -ERANGE);
	assert_int_equal(str_to_duration("99999999999999999999s", &us), -ERANGE);
	assert_int_equal(us, 90061000000);
}

static void
durations_for_people(void **state)
{
	char buf[32];

	(void)state;
	assert_string_equal(str_duration(0, buf, sizeof(buf)), "0.0s");
	assert_string_equal(str_duration(-5, buf, sizeof(buf)), "0.0s");
	assert_string_equal(str_duration(840000, buf, sizeof(buf)), "0.8s");
	assert_string_equal(str_duration(9990000, buf, sizeof(buf)), "9.9s");
	assert_string_equal(str_duration(65000000, buf, sizeof(buf)), "1m05s");
	assert_string_equal(str_duration(7380000000, buf, sizeof(buf)), "2h03m");
	assert_string_equal(str_duration(266400000000, buf, sizeof(buf)), "3d02h");
}

static void
sizes_for_people(void **state)
{
	char buf[32];

	(void)state;
	assert_string_equal(str_bytes(0, buf, sizeof(buf)), "0 B");
	assert_string_equal(str_bytes(999, buf, sizeof(buf)), "999 B");
	assert_string_equal(str_bytes(1000, buf, sizeof(buf)), "1.0 kB");
	assert_string_equal(str_bytes(999960, buf, sizeof(buf)), "1.0 MB");
	assert_string_equal(str_bytes(14200000, buf, sizeof(buf)), "14.2 MB");
	assert_string_equal(str_bytes(INT64_MAX, buf, sizeof(buf)), "9.2 EB");
}

static void
allocation(void **state)
{
	char *p = str_alloc(3), *d;

	(void)state;
	assert_memory_equal(p, "\0\0\0", 3);
	p = str_realloc(p, 100);
	free(p);
	assert_null(str_dup(NULL));
	d = str_dup("x");
	assert_string_equal(d, "x");
	free(d);
	free(str_alloc(0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(copy_refuses_instead_of_truncating),
	    cmocka_unit_test(clip_keeps_characters_whole),
	    cmocka_unit_test(format_refuses_instead_of_truncating),
	    cmocka_unit_test(escape_leaves_what_is_printable),
	    cmocka_unit_test(escape_clips_between_characters),
	    cmocka_unit_test(numbers_are_whole_and_in_range),
	    cmocka_unit_test(equality_and_prefix),
	    cmocka_unit_test(names),
	    cmocka_unit_test(durations_as_typed),
	    cmocka_unit_test(durations_for_people),
	    cmocka_unit_test(sizes_for_people),
	    cmocka_unit_test(allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
