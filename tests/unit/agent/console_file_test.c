/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A recording on disk: gone on with after a kill, ended at its limit. */
#include "agent/console_file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/str.h"

#define ID "01m8186kgj3sd2xm"
#define LIMIT (1024 * 1024)

static const struct console_file_what edge01 = {.host = "edge01", .id = ID},
				      second = {
					  .host = "edge01", .id = "01m8186kgj3sd2xn"};
static char dir[] = "/tmp/console_file_testXXXXXX";
static char path[CONSOLE_FILE_PATH_SIZE];

static int
setup(void **state UNUSED)
{
	str_clip(dir, sizeof(dir), "/tmp/console_file_testXXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(console_file_path(dir, ID, path), 0);
	return 0;
}

static int
teardown(void **state UNUSED)
{
	unlink(path);
	return rmdir(dir);
}

static struct console_file *
reopen(int64_t limit)
{
	struct console_file *f = NULL;
	struct error err;

	assert_int_equal(console_file_open(dir, &edge01, limit, 10, &f, &err), 0);
	return f;
}

static int64_t
size(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

static void
add(const char *octets)
{
	int fd = open(path, O_WRONLY | O_APPEND);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, octets, strlen(octets)), strlen(octets));
	close(fd);
}

static void
test_goes_on_behind_what_is_whole(void **state UNUSED)
{
	struct console_file *f = reopen(LIMIT);
	int64_t good;

	assert_int_equal(console_file_data(f, 11, (const uint8_t *)"one", 3), 0);
	assert_int_equal(console_file_mark(f, 12, CONSOLE_RECORD_END, "over"), 0);
	console_file_close(f);
	good = size();
	add("D\0\0\0 torn");
	f = reopen(LIMIT);
	assert_int_equal(size(), good);
	assert_int_equal(console_file_sum(f)->octets, 3);
	assert_string_equal(console_file_sum(f)->host, "edge01");
	assert_int_equal(console_file_data(f, 13, (const uint8_t *)"two", 3), 0);
	console_file_close(f);
	/* Damaged in the middle: what is good stays. */
	add("garbage, and more of it than a frame's head is long");
	f = reopen(LIMIT);
	assert_int_equal(console_file_sum(f)->octets, 6);
	assert_false(console_file_sum(f)->damaged);
	console_file_close(f);
}

static void
test_ends_at_its_limit(void **state UNUSED)
{
	static uint8_t data[5000];
	struct console_file *f = reopen(LIMIT);

	for (int i = 0; i < 400; i++)
		assert_int_equal(console_file_data(f, 11, data, sizeof(data)), 0);
	assert_true(console_file_sum(f)->truncated);
	assert_true(size() > LIMIT - 2 * 4096 && size() <= LIMIT);
	/* Told once; only the end comes behind it, also in a later life. */
	console_file_close(f);
	f = reopen(LIMIT);
	assert_int_equal(console_file_data(f, 12, data, 10), 0);
	assert_int_equal(console_file_mark(f, 13, CONSOLE_RECORD_LOST, "x"), 0);
	assert_int_equal(console_file_mark(f, 14, CONSOLE_RECORD_END, "over"), 0);
	assert_true(console_file_sum(f)->ended && size() <= LIMIT);
	assert_int_equal(console_file_sum(f)->last, 14);
	console_file_close(f);
}

static void
test_another_recording_is_not_touched(void **state UNUSED)
{
	struct console_file *f = reopen(LIMIT);
	char other[CONSOLE_FILE_PATH_SIZE];
	struct error err;
	int64_t before;

	console_file_close(f);
	before = size();
	assert_int_equal(console_file_path(dir, "01m8186kgj3sd2xn", other), 0);
	assert_int_equal(rename(path, other), 0);
	f = NULL;
	assert_int_equal(console_file_open(dir, &second, LIMIT, 1, &f, &err), -EEXIST);
	assert_null(f);
	assert_int_equal(rename(other, path), 0);
	assert_int_equal(size(), before);
	assert_false(console_file_is_always(path));
	assert_int_equal(
	    console_file_open("/nowhere", &edge01, LIMIT, 1, &f, &err), -ENOENT);
}

static void
test_read_while_it_is_written(void **state UNUSED)
{
	struct console_record_frame first;
	struct console_record_sum sum;
	struct console_file *f = reopen(LIMIT);
	int64_t whole;
	int fd;

	assert_int_equal(console_file_data(f, 11, (const uint8_t *)"hello", 5), 0);
	whole = size();
	add("D torn");
	assert_int_equal(console_file_first(path, &first), 0);
	assert_string_equal(first.host, "edge01");
	assert_string_equal(first.id, ID);
	assert_false(first.always);
	fd = console_file_read(path, &sum);
	assert_true(fd >= 0);
	assert_true(sum.octets == 5 && sum.good == whole && sum.last == 11 && !sum.ended);
	close(fd);
	console_file_close(f);
	/* One that is none, or is not there. */
	assert_int_equal(truncate(path, 7), 0);
	assert_int_equal(console_file_first(path, &first), -EBADMSG);
	assert_int_equal(console_file_read(path, &sum), -EBADMSG);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(console_file_first(path, &first), -ENOENT);
	assert_int_equal(console_file_read(path, &sum), -ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_goes_on_behind_what_is_whole, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_ends_at_its_limit, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_another_recording_is_not_touched, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_read_while_it_is_written, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
