/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is typed, in one piece and octet by octet. */
#include "ctl/escape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/compiler.h"

static const struct row {
	const char *typed;
	const char *sent; /* escapes as \1 leave, \2 help, \3 break */
} rows[] = {
    {"root\r", "root\r"},
    {"~.", "\1"},
    {"a~.", "a~."},
    {"a\r~.", "a\r\1"},
    {"a\n~B~?b", "a\n\3\2b"},
    {"~~.", "~."},
    {"~x~.", "~x~."},
    {"\r~\r~.", "\r~\r\1"},
    {"~", ""},
    {"~a\r~~\r", "~a\r~\r"},
};

static void
type(const struct row *row, size_t step)
{
	const uint8_t *typed = (const uint8_t *)row->typed;
	size_t len = strlen(row->typed), n_sent = 0, k;
	struct escape e = {0};
	char sent[64] = "";

	for (size_t at = 0; at < len; at += step) {
		const uint8_t *p = typed + at;
		size_t n = len - at < step ? len - at : step;

		while (n > 0) {
			uint8_t out[32];
			enum escape_what what = escape_take(&e, &p, &n, out, &k);

			memcpy(sent + n_sent, out, k);
			n_sent += k;
			if (what != ESCAPE_NONE)
				sent[n_sent++] = (char)what;
		}
	}
	sent[n_sent] = '\0';
	assert_string_equal(sent, row->sent);
}

static void
test_rows(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (size_t step = 1; step < 12; step++)
			type(&rows[i], step);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
