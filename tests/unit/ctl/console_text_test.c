/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Consoles as lines. */
#include "ctl/console_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/compiler.h"

static char seen[8192];

static void
on_line(void *arg UNUSED, int64_t at, const char *line)
{
	size_t n = strlen(seen);

	snprintf(seen + n, sizeof(seen) - n, "%lld %s|", (long long)at, line);
}

static void
check(const char *text, const char *want)
{
	for (size_t step = 1; step < 8; step++) {
		struct console_text t = {.fn = on_line};
		size_t len = strlen(text);

		seen[0] = '\0';
		for (size_t at = 0; at < len; at += step)
			console_text_add(&t, 5, (const uint8_t *)text + at,
			    len - at < step ? len - at : step);
		console_text_end(&t);
		assert_string_equal(seen, want);
	}
}

static void
test_lines(void **state UNUSED)
{
	check("one\r\ntwo\r\n\r\n", "5 one|5 two|");
	check("\x1b[1;31mred\x1b[0m \xc3\xa9\r\n", "5 red \xc3\xa9|");
	check("\x1b[2J\x1b[1;1Ha\x1b[2;1Hb", "5 a|5 b|");
	check("a\x1b[5Cb\tc\x1b]0;title\x07"
	      "d\x1b(0",
	    "5 a b cd|");
	check("ab\bc  \r\n", "5 ac|");
	check("\xff\r\n", "5 \\xff|");
	check("", "");
}

static void
test_a_line_without_end(void **state UNUSED)
{
	struct console_text t = {.fn = on_line};

	seen[0] = '\0';
	for (int i = 0; i < 2 * CONSOLE_TEXT_LINE_MAX; i++)
		console_text_add(&t, i, (const uint8_t *)"x", 1);
	assert_int_equal(strlen(seen), CONSOLE_TEXT_LINE_MAX + 3);
	assert_int_equal(t.len, CONSOLE_TEXT_LINE_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_a_line_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
