/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void
good(int dir, const char *path)
{
	int fd = beneath_open(dir, path);

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	close(fd);
}

static void
only_what_lies_in_the_folder(void **state)
{
	char path[] = "/tmp/beneath_testXXXXXX";
	int dir, fd;

	(void)state;
	assert_non_null(mkdtemp(path));
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(dir >= 0);
	fd = openat(dir, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(symlinkat("file", dir, "inside"), 0);
	assert_int_equal(symlinkat("/etc/hostname", dir, "absolute"), 0);
	assert_int_equal(symlinkat("../../etc/hostname", dir, "relative"), 0);
	assert_int_equal(mkfifoat(dir, "fifo", 0644), 0);
	good(dir, "file");
	good(dir, "inside");
	good(dir, "fifo"); /* at once, without a writer */
	assert_int_equal(beneath_open(dir, "absolute"), -EXDEV);
	assert_int_equal(beneath_open(dir, "relative"), -EXDEV);
	assert_int_equal(beneath_open(dir, "../x"), -EXDEV);
	assert_int_equal(beneath_open(dir, "/etc/hostname"), -EXDEV);
	assert_int_equal(beneath_open(dir, "none"), -ENOENT);
	for (size_t i = 0; i < 5; i++) {
		static const char *const names[] = {
		    "file", "inside", "absolute", "relative", "fifo"};

		assert_int_equal(unlinkat(dir, names[i], 0), 0);
	}
	close(dir);
	assert_int_equal(rmdir(path), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_what_lies_in_the_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
