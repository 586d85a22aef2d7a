/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/digest.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

static void
known_answers(void **state)
{
	char hex[DIGEST_TEXT];

	(void)state;
	/* FIPS 180-4 examples. */
	digest_sha256("", 0, hex);
	assert_string_equal(
	    hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	digest_sha256("abc", 3, hex);
	assert_string_equal(
	    hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void
files_are_read_from_their_start(void **state)
{
	FILE *f = tmpfile();
	char hex[DIGEST_TEXT];
	long long size = -1;

	(void)state;
	assert_non_null(f);
	/* A million times 'a': more than one chunk. */
	for (int i = 0; i < 1000000; i++)
		fputc('a', f);
	fflush(f);
	assert_int_equal(digest_sha256_fd(fileno(f), NULL, hex, &size), 0);
	assert_int_equal(size, 1000000);
	assert_string_equal(
	    hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	assert_int_equal(digest_sha256_fd(fileno(f), NULL, hex, NULL), 0);
	fclose(f);
}

static void
read_errors_are_told(void **state)
{
	char hex[DIGEST_TEXT];

	(void)state;
	assert_int_equal(digest_sha256_fd(-1, NULL, hex, NULL), -EBADF);
}

/* More than a day's work, if it did not heed the flag. */
static void
a_long_one_can_be_stopped(void **state)
{
	FILE *f = tmpfile();
	const atomic_bool stop = true;
	const atomic_bool go_on = false;
	char hex[DIGEST_TEXT] = "";

	(void)state;
	assert_non_null(f);
	fputc('a', f);
	fflush(f);
	assert_int_equal(digest_sha256_fd(fileno(f), &go_on, hex, NULL), 0);
	hex[0] = '\0';
	assert_int_equal(ftruncate(fileno(f), (off_t)1 << 42), 0);
	assert_int_equal(digest_sha256_fd(fileno(f), &stop, hex, NULL), -ECANCELED);
	assert_string_equal(hex, "");
	fclose(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known_answers),
	    cmocka_unit_test(files_are_read_from_their_start),
	    cmocka_unit_test(read_errors_are_told),
	    cmocka_unit_test(a_long_one_can_be_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
