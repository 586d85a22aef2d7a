/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/keepfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void
test_all(void **state UNUSED)
{
	char dir[] = "/tmp/keepfile.XXXXXX", *text = NULL, *path, *big;
	struct stat st;

	assert_non_null(mkdtemp(dir));
	path = keepfile_beside(dir, "x");
	assert_string_equal(path, "/tmp/x");
	free(path);
	path = malloc(64);
	snprintf(path, 64, "%s/key", dir);
	assert_int_equal(keepfile_read(path, &text), -ENOENT);
	assert_int_equal(keepfile_write(path, "one"), 0);
	assert_int_equal(keepfile_write(path, "two\n"), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(keepfile_read(path, &text), 0);
	assert_string_equal(text, "two\n");
	free(text);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(keepfile_read(path, &text), -EPERM);
	assert_int_equal(keepfile_read(dir, &text), -EINVAL);
	big = calloc(1, KEEPFILE_MAX + 2);
	memset(big, 'x', KEEPFILE_MAX + 1);
	assert_int_equal(keepfile_write(path, big), 0);
	assert_int_equal(keepfile_read(path, &text), -EINVAL);
	free(big);
	unlink(path);
	/* Nothing is left behind. */
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(keepfile_write(path, "x"), -ENOENT);
	free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
