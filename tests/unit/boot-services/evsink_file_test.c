/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rotating event log: generations, what happens when rotation is impossible, refusals. */
#include "boot-services/evsink_file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];
static char path[96];

static int
set_up(void **state UNUSED)
{
	snprintf(dir, sizeof(dir), "/tmp/evsink_file_test.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/events.ndjson", dir);
	return 0;
}

static int
tear_down(void **state UNUSED)
{
	char name[128];

	for (int i = 0; i <= EVSINK_FILE_GENERATIONS + 1; i++) {
		snprintf(name, sizeof(name), "%s.%d", path, i);
		(void)remove(name);
	}
	(void)unlink(path);
	return rmdir(dir);
}

static int64_t
size_of(const char *suffix)
{
	char name[128];
	struct stat st;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	return stat(name, &st) < 0 ? -1 : st.st_size;
}

static void
rotates_through_five_generations(void **state UNUSED)
{
	struct error err = {0};
	struct evsink_file *f = evsink_file_open(path, 100, (uid_t)-1, (gid_t)-1, &err);
	char line[41];

	assert_non_null(f);
	memset(line, 'x', sizeof(line));
	line[39] = '\n';
	for (int i = 0; i < 20; i++)
		assert_int_equal(evsink_file_write(f, line, 40), 0);
	assert_int_equal(size_of(""), 80);
	assert_int_equal(size_of(".1"), 80);
	assert_int_equal(size_of(".5"), 80);
	assert_int_equal(size_of(".6"), -1);
	evsink_file_close(f);
	/* Opened again it goes on where it was. */
	f = evsink_file_open(path, 100, (uid_t)-1, (gid_t)-1, &err);
	assert_int_equal(evsink_file_write(f, line, 40), 0);
	assert_int_equal(size_of(""), 40);
	evsink_file_close(f);
}

/* A directory in the place of the oldest generation makes rename fail, for root as well. */
static void
grows_to_twice_its_size_when_it_cannot_rotate(void **state UNUSED)
{
	struct error err = {0};
	struct evsink_file *f = evsink_file_open(path, 100, (uid_t)-1, (gid_t)-1, &err);
	char blocker[128], older[128];
	int r = 0;

	assert_non_null(f);
	snprintf(blocker, sizeof(blocker), "%s.5", path);
	snprintf(older, sizeof(older), "%s.4", path);
	assert_int_equal(mkdir(blocker, 0755), 0);
	close(open(older, O_WRONLY | O_CREAT, 0644));
	for (int i = 0; i < 30 && r == 0; i++)
		r = evsink_file_write(f, "123456789\n", 10);
	assert_int_equal(r, -EISDIR);
	assert_int_equal(size_of(""), 200);
	assert_int_equal(rmdir(blocker), 0);
	assert_int_equal(evsink_file_write(f, "123456789\n", 10), 0);
	assert_int_equal(size_of(""), 10);
	assert_int_equal(size_of(".1"), 200);
	evsink_file_close(f);
}

/* No descriptor is left for a new file (or no inode on the disk): what there is must not be pushed out
 * by one vain attempt after the other. */
static void
keeps_its_generations_when_no_file_can_be_made(void **state UNUSED)
{
	struct error err = {0};
	struct evsink_file *f = evsink_file_open(path, 100, (uid_t)-1, (gid_t)-1, &err);
	struct rlimit normal, none;

	assert_non_null(f);
	for (int i = 0; i < 110; i++)
		assert_int_equal(evsink_file_write(f, "123456789\n", 10), 0);
	assert_int_equal(size_of(".5"), 100);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &normal), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = normal.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(evsink_file_write(f, "123456789\n", 10), 0);
	assert_int_equal(evsink_file_write(f, "123456789\n", 10), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &normal), 0);
	assert_int_equal(size_of(""), 200);
	for (int i = 1; i <= EVSINK_FILE_GENERATIONS; i++) {
		char suffix[16];

		snprintf(suffix, sizeof(suffix), ".%d", i);
		assert_int_equal(size_of(suffix), 100);
	}
	assert_int_equal(evsink_file_write(f, "123456789\n", 10), 0);
	assert_int_equal(size_of(""), 10);
	assert_int_equal(size_of(".1"), 200);
	evsink_file_close(f);
}

static void
refuses_what_is_not_a_file(void **state UNUSED)
{
	struct error err = {0};

	assert_null(evsink_file_open("/nonexistent/x", 100, (uid_t)-1, (gid_t)-1, &err));
	assert_string_equal(err.code, "event-log");
	assert_non_null(strstr(err.text, "/nonexistent/x"));
	assert_null(evsink_file_open("/dev/null", 100, (uid_t)-1, (gid_t)-1, &err));
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_null(evsink_file_open(path, 100, (uid_t)-1, (gid_t)-1, &err));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		rotates_through_five_generations, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		grows_to_twice_its_size_when_it_cannot_rotate, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		keeps_its_generations_when_no_file_can_be_made, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		refuses_what_is_not_a_file, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
