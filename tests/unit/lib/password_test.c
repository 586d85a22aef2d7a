/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Passwords keep the rules of BMCs, and use all of their alphabet. */
#include "lib/password.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
rules(void **state)
{
	struct rng rng = rng_seeded(1);
	char s[PASSWORD_SIZE], before[PASSWORD_SIZE] = "";
	bool seen[256] = {false};
	unsigned n = 0;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		bool upper = false, lower = false, digit = false, other = false;

		password_make(&rng, s);
		assert_int_equal(strlen(s), 20);
		assert_string_not_equal(s, before);
		memcpy(before, s, sizeof(s));
		assert_true(isalpha((unsigned char)s[0]));
		for (const char *p = s; *p != '\0'; p++) {
			upper = upper || isupper((unsigned char)*p);
			lower = lower || islower((unsigned char)*p);
			digit = digit || isdigit((unsigned char)*p);
			other = other || strchr("-_.+", *p) != NULL;
			assert_true(isalnum((unsigned char)*p) || strchr("-_.+", *p));
			seen[(unsigned char)*p] = true;
		}
		assert_true(upper && lower && digit && other);
	}
	for (int c = 0; c < 256; c++)
		n += seen[c];
	assert_int_equal(n, 66);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(rules)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
