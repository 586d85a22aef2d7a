/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The token's file, and what makes it useless. */
#include "agent/agent_token.h"

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

static char path[64];

static void
put(const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void
the_first_line_is_the_token(void **state)
{
	char token[16];
	struct error err;

	(void)state;
	put("abc\r\nmore\n", 0600);
	assert_int_equal(agent_token_read(path, token, sizeof(token), &err), 0);
	assert_string_equal(token, "abc");
	put("longer than there is room for", 0400);
	assert_int_equal(agent_token_read(path, token, sizeof(token), &err), 0);
	assert_int_equal(strlen(token), sizeof(token) - 1);
	assert_int_equal(agent_token_read("", token, sizeof(token), &err), 0);
	assert_string_equal(token, "");
}

static void
useless_files_are_named(void **state)
{
	char token[16];
	struct error err;

	(void)state;
	put("", 0600);
	assert_int_equal(agent_token_read(path, token, sizeof(token), &err), -EINVAL);
	assert_non_null(strstr(err.text, path));
	put("abc\n", 0640);
	assert_int_equal(agent_token_read(path, token, sizeof(token), &err), -EPERM);
	unlink(path);
	assert_int_equal(agent_token_read(path, token, sizeof(token), &err), -ENOENT);
	assert_non_null(strstr(err.text, path));
}

static int
make_folder(void **state)
{
	static char folder[] = "/tmp/agent_token_testXXXXXX";

	*state = mkdtemp(folder);
	snprintf(path, sizeof(path), "%s/token", folder);
	return *state != NULL ? 0 : -1;
}

static int
remove_folder(void **state)
{
	unlink(path);
	return rmdir(*state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_line_is_the_token),
	    cmocka_unit_test(useless_files_are_named),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
