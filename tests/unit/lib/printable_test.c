/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/printable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "lib/compiler.h"

static size_t
length(const char *s)
{
	return printable_char(s, strlen(s));
}

static void
letters_of_all_scripts_pass(void **state UNUSED)
{
	assert_int_equal(length("a"), 1);
	assert_int_equal(length(" "), 1);
	assert_int_equal(length("~"), 1);
	assert_int_equal(length("\\"), 1);
	assert_int_equal(length("\xc5\x82"), 2);	 /* l with stroke */
	assert_int_equal(length("e\xcc\x81"), 1);	 /* e, then a combining acute */
	assert_int_equal(length("\xcc\x81"), 2);	 /* which is seen by itself */
	assert_int_equal(length("\xd7\xa9"), 2);	 /* Hebrew shin */
	assert_int_equal(length("\xe4\xb8\xad"), 3);	 /* CJK */
	assert_int_equal(length("\xef\xbf\xbd"), 3);	 /* U+FFFD itself */
	assert_int_equal(length("\xf0\x9f\x9a\x80"), 4); /* an emoji */
}

static void
what_is_not_utf8_does_not(void **state UNUSED)
{
	static const char *const bad[] = {
	    "\x80",
	    "\xbf", /* continuations alone */
	    "\xc5",
	    "\xe4\xb8", /* cut short */
	    "\xf0\x9f\x9a",
	    "\xc5z",
	    "\xe4\xb8z", /* broken off */
	    "\xc0\x80",
	    "\xc1\xbf", /* over-long ASCII: NUL, DEL's neighbour */
	    "\xc0\x9b",
	    "\xe0\x80\x9b", /* over-long ESC */
	    "\xf0\x80\x80\x9b",
	    "\xe0\x82\x9b", /* over-long CSI */
	    "\xed\xa0\x80",
	    "\xed\xbf\xbf", /* surrogates */
	    "\xf4\x90\x80\x80",
	    "\xf5\x80\x80\x80", /* beyond U+10FFFF */
	    "\xf8\x88\x80\x80\x80",
	    "\xfe",
	    "\xff",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(length(bad[i]), 0);
	assert_int_equal(printable_char("", 0), 0);
	assert_int_equal(printable_char("", 1), 0); /* NUL */
	assert_int_equal(printable_char("\xc5\x82", 1), 0);
}

static void
controls_and_the_unseen_do_not(void **state UNUSED)
{
	static const char *const bad[] = {
	    "\x1b", "\n", "\t", "\r", "\x07", "\x7f", "\xc2\x80", "\xc2\x9b", "\xc2\x9d",
	    "\xc2\x9f", /* C1: CSI, OSC */
	    "\xc2\xad", /* soft hyphen */
	    "\xe2\x80\x8b", "\xe2\x80\x8c",
	    "\xe2\x80\x8d",		    /* zero-width space, joiners */
	    "\xe2\x80\x8e", "\xe2\x80\x8f", /* direction marks */
	    "\xe2\x80\xa8", "\xe2\x80\xa9", /* line, paragraph separator */
	    "\xe2\x80\xaa", "\xe2\x80\xab", "\xe2\x80\xac", "\xe2\x80\xad",
	    "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x81\xa7", "\xe2\x81\xa8",
	    "\xe2\x81\xa9", "\xd8\x9c",	    /* Arabic letter mark */
	    "\xef\xbb\xbf",		    /* byte order mark */
	    "\xef\xbf\xbe", "\xef\xbf\xbf", /* noncharacters */
	    "\xf3\xa0\x80\x81",		    /* a tag */
	    "\xe3\x85\xa4",		    /* Hangul filler */
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(length(bad[i]), 0);
	assert_int_equal(length("\xc2\xa0"), 2); /* the first after C1 */
}

/* Every character that there is: what passes is what another decoder calls UTF-8, and whole. */
static void
all_of_unicode(void **state UNUSED)
{
	size_t passed = 0;

	for (uint32_t c = 0x80; c < 0x110000; c++) {
		char s[5] = "";
		size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, got;

		for (size_t i = n; i-- > 1;)
			s[i] = (char)(0x80 | (c >> (6 * (n - 1 - i)) & 0x3f));
		s[0] = (char)((0xf00 >> n & 0xff) | c >> (6 * (n - 1)));
		got = length(s);
		assert_true(got == 0 || got == n);
		if (got > 0) {
			json_t *v = json_string(s);

			assert_non_null(v);
			json_decref(v);
			passed++;
		}
	}
	assert_true(passed > 1000000);
}

static void
cleaning_keeps_length_and_lines(void **state UNUSED)
{
	char note[] = "gr\xc3\xbc\xc3\x9f\t!\n\x1b[2J\xc2\x9b"
		      "1m\xe2\x80\xae"
		      "x\xc5";

	printable_clean(note);
	assert_string_equal(note, "gr\xc3\xbc\xc3\x9f\t!\n?[2J??1m???x?");
	note[0] = '\0';
	printable_clean(note);
	assert_string_equal(note, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(letters_of_all_scripts_pass),
	    cmocka_unit_test(what_is_not_utf8_does_not),
	    cmocka_unit_test(controls_and_the_unseen_do_not),
	    cmocka_unit_test(all_of_unicode),
	    cmocka_unit_test(cleaning_keeps_length_and_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
