/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text of the machine's IPv6 addresses, however many there are. */
#include "boot-services/inet6_list_io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A file of n lines of 54 octets; the descriptor is the caller's. */
static int
file_of(size_t n)
{
	FILE *f = tmpfile();
	int fd;

	assert_non_null(f);
	for (size_t i = 0; i < n; i++)
		fprintf(f, "fd77000000000000000000000000%04zx 02 40 00 80     eth0\n", i);
	assert_int_equal(fflush(f), 0);
	fd = dup(fileno(f));
	fclose(f);
	return fd;
}

static void
every_line_is_read(void **state)
{
	static const size_t rows[] = {0, 1, 1000, 1213, 1214, 5000, 19000};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int fd = file_of(rows[i]);
		bool cut = true;
		char *text = inet6_list_io_read(fd, &cut);

		assert_false(cut);
		assert_int_equal(strlen(text), 54 * rows[i]);
		free(text);
		close(fd);
	}
}

static void
too_many_lines_are_told(void **state)
{
	int fd = file_of(30000);
	bool cut = false;
	char *text = inet6_list_io_read(fd, &cut);
	size_t len = strlen(text);

	(void)state;
	assert_true(cut);
	assert_true(len > INET6_LIST_IO_MAX - 54 && len <= INET6_LIST_IO_MAX);
	assert_int_equal(len % 54, 0); /* no half line, which would be another address */
	free(text);
	close(fd);
	text = inet6_list_io_read(-1, &cut);
	assert_string_equal(text, "");
	assert_false(cut);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_line_is_read),
	    cmocka_unit_test(too_many_lines_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
