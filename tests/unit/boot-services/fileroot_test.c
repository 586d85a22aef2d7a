/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files beneath a directory: what opens, what must not, and how names are cleaned. */
#include "boot-services/fileroot.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[] = "/tmp/fileroot_test.XXXXXX";

static void
write_at(int dirfd, const char *name, const char *text)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/* root/{secret,in/{file,dir/file,fifo,out -> ../secret,abs -> /etc/passwd,here ->
 * dir/file}} */
static int
set_up(void **state UNUSED)
{
	int top, in;

	assert_non_null(mkdtemp(root));
	top = open(root, O_RDONLY | O_DIRECTORY);
	write_at(top, "secret", "s");
	assert_int_equal(mkdirat(top, "in", 0755), 0);
	in = openat(top, "in", O_RDONLY | O_DIRECTORY);
	write_at(in, "file", "hello");
	assert_int_equal(mkdirat(in, "dir", 0755), 0);
	write_at(in, "dir/file", "deep");
	assert_int_equal(mkfifoat(in, "fifo", 0600), 0);
	assert_int_equal(symlinkat("../secret", in, "out"), 0);
	assert_int_equal(symlinkat("/etc/passwd", in, "abs"), 0);
	assert_int_equal(symlinkat("dir/file", in, "here"), 0);
	close(in);
	close(top);
	return 0;
}

static int
tear_down(void **state UNUSED)
{
	static const char *const names[] = {"in/file", "in/dir/file", "in/dir", "in/fifo",
	    "in/out", "in/abs", "in/here", "in", "secret"};
	int top = open(root, O_RDONLY | O_DIRECTORY);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (unlinkat(top, names[i], 0) < 0)
			unlinkat(top, names[i], AT_REMOVEDIR);
	close(top);
	return rmdir(root);
}

static int
open_in(void)
{
	char path[128];
	int fd = -1;

	snprintf(path, sizeof(path), "%s/in", root);
	assert_int_equal(fileroot_open_dir(path, &fd), 0);
	return fd;
}

static void
opens_regular_files(void **state UNUSED)
{
	static const struct {
		const char *name;
		int64_t size;
	} good[] = {{"file", 5}, {"dir/file", 4}, {"here", 4}, {"dir/../file", 5}};
	int dirfd = open_in();

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct fileroot_file f;

		assert_int_equal(fileroot_open(dirfd, good[i].name, &f), 0);
		assert_int_equal(f.size, good[i].size);
		assert_int_equal(f.etag[0], '"');
		close(f.fd);
	}
	close(dirfd);
}

static void
refuses_everything_else(void **state UNUSED)
{
	static const struct {
		const char *name;
		int error;
	} bad[] = {
	    {"none", -ENOENT},
	    {"dir", -EISDIR},
	    {"fifo", -EINVAL},
	    {"../secret", -EXDEV},
	    {"dir/../../secret", -EXDEV},
	    {"/etc/passwd", -EXDEV},
	    {"out", -EXDEV},
	    {"abs", -EXDEV},
	    {"file/x", -ENOTDIR},
	    {"", -ENOENT},
	};
	int dirfd = open_in();

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct fileroot_file f;

		assert_int_equal(fileroot_open(dirfd, bad[i].name, &f), bad[i].error);
	}
	close(dirfd);
}

static void
etag_changes_with_the_file(void **state UNUSED)
{
	struct fileroot_file before, after;
	int dirfd = open_in(), top = open(root, O_RDONLY | O_DIRECTORY);

	assert_int_equal(fileroot_open(dirfd, "file", &before), 0);
	write_at(top, "in/file.new", "HELLO");
	assert_int_equal(renameat(top, "in/file.new", top, "in/file"), 0);
	assert_int_equal(fileroot_open(dirfd, "file", &after), 0);
	assert_string_not_equal(before.etag, after.etag);
	close(before.fd);
	close(after.fd);
	close(top);
	close(dirfd);
}

static void
tells_trouble_from_absence(void **state UNUSED)
{
	static const int trouble[] = {-EMFILE, -ENFILE, -EIO, -ENOMEM};
	static const int absence[] = {
	    -ENOENT, -ENOTDIR, -EXDEV, -EISDIR, -EINVAL, -ELOOP, -EACCES, -ENAMETOOLONG};

	for (size_t i = 0; i < ARRAY_SIZE(trouble); i++)
		assert_true(fileroot_is_trouble(trouble[i]));
	for (size_t i = 0; i < ARRAY_SIZE(absence); i++)
		assert_false(fileroot_is_trouble(absence[i]));
}

static void
cleans_names(void **state UNUSED)
{
	static const struct {
		const char *name, *clean;
	} names[] = {
	    {"a", "a"},
	    {"/a/b", "a/b"},
	    {"///a//b///c", "a/b/c"},
	    {"\\boot\\x64\\a.efi", "boot/x64/a.efi"},
	    {"./a/./b", "a/b"},
	    {"a..b", "a..b"},
	    {"...", "..."},
	    {"", ""},
	    {"/", ""},
	};
	static const char *const refused[] = {
	    "..", "/..", "a/../b", "a\\..\\b", "a\nb", "a\x7f", "\x01"};
	char dst[256], longest[300];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(fileroot_clean(names[i].name, dst, sizeof(dst)), 0);
		assert_string_equal(dst, names[i].clean);
	}
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		assert_int_equal(fileroot_clean(refused[i], dst, sizeof(dst)), -EINVAL);
	memset(longest, 'a', sizeof(longest));
	longest[256] = '\0';
	assert_int_equal(fileroot_clean(longest, dst, sizeof(dst)), -EINVAL);
	longest[255] = '\0';
	assert_int_equal(fileroot_clean(longest, dst, 10), -EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(opens_regular_files),
	    cmocka_unit_test(refuses_everything_else),
	    cmocka_unit_test(etag_changes_with_the_file),
	    cmocka_unit_test(tells_trouble_from_absence),
	    cmocka_unit_test(cleans_names),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
