/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Dates of HTTP in their three forms. */
#include "boot-services/http_date.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
/* cmocka.h wants those three first. */
#include <cmocka.h>

static void
test_forms(void **state)
{
	/* RFC 9110 5.6.7 */
	static const char *const texts[] = {"Sun, 06 Nov 1994 08:49:37 GMT",
	    "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"};
	int64_t t;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		t = 0;
		assert_int_equal(0, http_date_parse(texts[i], &t));
		assert_int_equal(784111777, t);
	}
}

static void
test_round_trip(void **state)
{
	char buf[HTTP_DATE_SIZE];
	int64_t t;

	(void)state;
	for (int64_t s = 0; s < 4102444800; s += 86400 * 13 + 7) {
		assert_int_equal(
		    0, http_date_parse(http_date_text(s, buf, sizeof buf), &t));
		assert_int_equal(s, t);
	}
	assert_string_equal(
	    "Sun, 06 Nov 1994 08:49:37 GMT", http_date_text(784111777, buf, sizeof buf));
}

static void
test_bad(void **state)
{
	static const char *const texts[] = {"", ",", "yesterday",
	    "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET",
	    "Sun, 06 Nov 1994 08:49:37 GMT x", "Sun, 06 Now 1994 08:49:37 GMT",
	    "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
	    "Sun, 06 Nov 1994 -1:49:37 GMT", "Sun, 06 Nov 99999999 08:49:37 GMT"};
	int64_t t;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		assert_int_equal(-EINVAL, http_date_parse(texts[i], &t));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_forms),
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
