/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/str.h"

static void
set_returns_its_value(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(
	    error_set(&err, -EBUSY, "host-busy", "Wait.", "host %s has a job", "a"),
	    -EBUSY);
	assert_string_equal(err.code, "host-busy");
	assert_string_equal(err.text, "host a has a job");
	assert_string_equal(err.next, "Wait.");
}

static void
set_takes_nulls(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(error_set(NULL, -EIO, "io", NULL, "x"), -EIO);
	assert_int_equal(error_set(&err, 0, "io", NULL, "x"), 0);
	assert_string_equal(err.next, "");
}

static void
set_may_quote_its_own_text(void **state)
{
	struct error err;

	(void)state;
	error_set(&err, 0, "a", NULL, "inner");
	error_set(&err, 0, "b", NULL, "outer (%s: %s)", err.code, err.text);
	assert_string_equal(err.text, "outer (a: inner)");
}

static void
long_text_is_clipped(void **state)
{
	struct error err;
	char big[2000];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	error_set(&err, 0, big, big, "%s", big);
	assert_int_equal(strlen(err.code), ERROR_CODE_SIZE - 1);
	assert_int_equal(strlen(err.text), ERROR_TEXT_SIZE - 1);
	assert_int_equal(strlen(err.next), ERROR_NEXT_SIZE - 1);
	error_prefix(&err, "%s", big);
	assert_int_equal(strlen(err.text), ERROR_TEXT_SIZE - 1);
}

/* At every length of what stands before it, the text stays UTF-8. */
static void
long_text_is_clipped_between_characters(void **state)
{
	struct error err;
	char big[2000];

	(void)state;
	for (size_t i = 0; i + 2 < sizeof(big); i += 2)
		memcpy(big + i, "\xc3\xa9", 3);
	for (size_t i = 0; i < 4; i++) {
		error_set(&err, 0, "code", big + 2 * i, "%.*s%s", (int)i, "xxxx", big);
		assert_int_equal(strlen(err.text) % 2, i % 2);
		assert_int_equal(strlen(err.next) % 2, 0);
		error_prefix(&err, "%.*s%s", (int)i, "xxxx", big);
		const char *colon = strstr(err.text, ": ");
		assert_int_equal((size_t)(colon - err.text) % 2, i % 2);
		assert_int_equal(strlen(colon + 2 + i) % 2, 0);
	}
}

static void
prefix_and_line(void **state)
{
	struct error err;
	char line[128], tiny[8];

	(void)state;
	error_set(&err, 0, "bad-value", NULL, "mac: missing");
	error_prefix(&err, "hosts[%d]", 3);
	error_prefix(NULL, "nothing");
	assert_string_equal(
	    error_line(&err, line, sizeof(line)), "bad-value: hosts[3]: mac: missing");
	str_clip(err.next, sizeof(err.next), "Add it.");
	assert_string_equal(error_line(&err, line, sizeof(line)),
	    "bad-value: hosts[3]: mac: missing: Add it.");
	assert_string_equal(error_line(&err, tiny, sizeof(tiny)), "bad-val");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(set_returns_its_value),
	    cmocka_unit_test(set_takes_nulls),
	    cmocka_unit_test(set_may_quote_its_own_text),
	    cmocka_unit_test(long_text_is_clipped),
	    cmocka_unit_test(long_text_is_clipped_between_characters),
	    cmocka_unit_test(prefix_and_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
