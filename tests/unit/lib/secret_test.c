/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/secret.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
	char dir[64];
	char path[128];
};

static void
setup(struct fixture *f)
{
	memcpy(
	    f->dir, "/tmp/netboot-secret-XXXXXX", sizeof("/tmp/netboot-secret-XXXXXX"));
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/key", f->dir);
}

static void
teardown(struct fixture *f)
{
	unlink(f->path);
	assert_int_equal(rmdir(f->dir), 0);
}

static void
key_is_made_once(void **state)
{
	struct secret_key *a = NULL, *b = NULL;
	struct fixture f;
	struct error err;
	struct stat st;
	char *sealed, *plain = NULL;

	(void)state;
	setup(&f);
	assert_int_equal(secret_key_open(f.path, 0, &a, &err), -ENOENT);
	assert_int_equal(secret_key_open(f.path, 1, &a, &err), 0);
	assert_int_equal(stat(f.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 32);
	assert_int_equal(secret_key_open(f.path, 1, &b, &err), 0);
	sealed = secret_seal(a, "bmc/edge01", "hunter2");
	assert_int_equal(secret_unseal(b, "bmc/edge01", sealed, &plain), 0);
	assert_string_equal(plain, "hunter2");
	secret_free(plain);
	free(sealed);
	secret_key_free(a);
	secret_key_free(b);
	secret_key_free(NULL);
	secret_free(NULL);
	teardown(&f);
}

static void
readable_keys_are_refused(void **state)
{
	struct secret_key *key = NULL;
	struct fixture f;
	struct error err;

	(void)state;
	setup(&f);
	assert_int_equal(secret_key_open(f.path, 1, &key, &err), 0);
	secret_key_free(key);
	key = NULL;
	assert_int_equal(chmod(f.path, 0640), 0);
	assert_int_equal(secret_key_open(f.path, 1, &key, &err), -EPERM);
	assert_string_equal(err.code, "key-readable");
	assert_int_equal(chmod(f.path, 0600), 0);
	assert_int_equal(truncate(f.path, 31), 0);
	assert_int_equal(secret_key_open(f.path, 1, &key, &err), -EINVAL);
	assert_null(key);
	teardown(&f);
}

static void
links_and_folders_are_refused(void **state)
{
	struct secret_key *key = NULL;
	struct fixture f;
	struct error err;

	(void)state;
	setup(&f);
	assert_int_equal(symlink("/etc/hostname", f.path), 0);
	assert_int_equal(secret_key_open(f.path, 1, &key, &err), -ELOOP);
	unlink(f.path);
	assert_int_equal(secret_key_open(f.dir, 1, &key, &err), -EINVAL);
	assert_int_equal(secret_key_open("/nonexistent/key", 1, &key, &err), -ENOENT);
	assert_null(key);
	assert_int_equal(rmdir(f.dir), 0);
}

static void
changed_or_moved_seals_do_not_open(void **state)
{
	struct secret_key *key = NULL;
	struct fixture f;
	char *sealed, *plain = NULL;

	(void)state;
	setup(&f);
	assert_int_equal(secret_key_open(f.path, 1, &key, NULL), 0);
	sealed = secret_seal(key, "bmc/edge01", "pass");
	assert_int_equal(secret_unseal(key, "bmc/edge02", sealed, &plain), -EBADMSG);
	assert_int_equal(secret_unseal(key, "bmc/edge01", sealed + 1, &plain), -EBADMSG);
	assert_int_equal(secret_unseal(key, "bmc/edge01", "", &plain), -EBADMSG);
	assert_int_equal(secret_unseal(key, "bmc/edge01", "s1:", &plain), -EBADMSG);
	assert_int_equal(secret_unseal(key, "bmc/edge01", "s1:AAAA", &plain), -EBADMSG);
	for (size_t i = 3; sealed[i] != '\0'; i++) {
		char was = sealed[i];

		sealed[i] = was == 'A' ? 'B' : 'A';
		/* The last characters may hold unused bits; a change there is refused as
		 * well. */
		assert_int_equal(
		    secret_unseal(key, "bmc/edge01", sealed, &plain), -EBADMSG);
		sealed[i] = was;
	}
	assert_int_equal(secret_unseal(key, "bmc/edge01", sealed, &plain), 0);
	secret_free(plain);
	free(sealed);
	secret_key_free(key);
	teardown(&f);
}

static void
two_seals_of_one_text_differ(void **state)
{
	struct secret_key *key = NULL;
	struct fixture f;
	char *a, *b;

	(void)state;
	setup(&f);
	assert_int_equal(secret_key_open(f.path, 1, &key, NULL), 0);
	a = secret_seal(key, "x", "");
	b = secret_seal(key, "x", "");
	assert_string_not_equal(a, b);
	free(a);
	free(b);
	secret_key_free(key);
	teardown(&f);
}

static void
keyed_digests_differ_by_text_context_and_key(void **state)
{
	struct fixture f, g;
	struct secret_key *key = NULL, *other = NULL;
	char a[SECRET_MAC_TEXT], b[SECRET_MAC_TEXT];

	(void)state;
	setup(&f);
	setup(&g);
	assert_int_equal(secret_key_open(f.path, 1, &key, NULL), 0);
	assert_int_equal(secret_key_open(g.path, 1, &other, NULL), 0);
	secret_mac(key, "idempotency", "text", a);
	assert_int_equal(strlen(a), SECRET_MAC_TEXT - 1);
	secret_mac(key, "idempotency", "text", b);
	assert_string_equal(a, b);
	secret_mac(key, "idempotency", "tex", b);
	assert_string_not_equal(a, b);
	secret_mac(key, "other", "text", b);
	assert_string_not_equal(a, b);
	secret_mac(other, "idempotency", "text", b);
	assert_string_not_equal(a, b);
	secret_key_free(key);
	secret_key_free(other);
	teardown(&f);
	teardown(&g);
}

static void
wiping_and_comparing(void **state)
{
	char buf[] = "secret";

	(void)state;
	secret_wipe(buf, sizeof(buf));
	assert_memory_equal(buf, "\0\0\0\0\0\0\0", 7);
	assert_true(secret_equal("abc", "abc"));
	assert_false(secret_equal("abc", "abd"));
	assert_false(secret_equal("abc", "abcd"));
	assert_true(secret_equal("", ""));
}

/* In a process of its own: 1 when its memory cannot be dumped. */
static int
hidden(const char *wanted)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		unsetenv("NETBOOT_CORE");
		if (wanted != NULL)
			setenv("NETBOOT_CORE", wanted, 1);
		secret_hide_memory();
		_exit(prctl(PR_GET_DUMPABLE) == 0 ? 1 : 0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
memory_is_locked_or_that_is_said(void **state)
{
	pid_t pid = fork();
	int status = 0;

	(void)state;
	if (pid == 0) {
		struct rlimit few = {65536, 65536};
		struct rlimit now;
		int r = secret_lock_memory();

		if (getrlimit(RLIMIT_MEMLOCK, &now) < 0)
			_exit(1);
		/* Locked exactly where nothing can run into the limit. */
		if ((now.rlim_cur == RLIM_INFINITY) != (r == 0) && r != -EPERM)
			_exit(2);
		(void)munlockall();
		if (setuid(65534) < 0 || setrlimit(RLIMIT_MEMLOCK, &few) < 0)
			_exit(0); /* not root: nothing more to be seen */
		_exit(secret_lock_memory() == -EPERM ? 0 : 3);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void
memory_is_not_dumped(void **state)
{
	(void)state;
	assert_int_equal(hidden(NULL), 1);
	assert_int_equal(hidden(""), 1);
	assert_int_equal(hidden("1"), 0);
}

/* RFC 4231 4.2, 4.3, 4.7 (a key longer than a block); the last: an empty text. */
static void
hmac_is_that_of_the_rfc(void **state)
{
	static const struct {
		const char *key, *text, *wanted;
	} table[] = {
	    {"\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"
	     "\x0b\x0b",
		"Hi There",
		"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
	    {"Jefe", "what do ya want for nothing?",
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	    {NULL, "Test Using Larger Than Block-Size Key - Hash Key First",
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
	};
	char hex[SECRET_MAC_TEXT], longest[132] = "";

	(void)state;
	memset(longest, 0xaa, 131);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		secret_hmac_sha256(table[i].key ? table[i].key : longest, table[i].text,
		    strlen(table[i].text), hex);
		assert_string_equal(hex, table[i].wanted);
	}
}

static int
read_secret(const char *content, size_t len, mode_t mode, char **ret)
{
	char path[] = "/tmp/secret_file-XXXXXX";
	int fd = mkstemp(path), r;
	struct error err = {.code = ""};

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	*ret = NULL;
	r = secret_file_read(path, 4, ret, &err);
	if (r < 0)
		assert_string_equal(err.code, "secret-file");
	unlink(path);
	return r;
}

static void
secrets_of_people_are_a_line(void **state)
{
	char *got, big[1200];
	struct error err;

	(void)state;
	memset(big, 'x', sizeof(big));
	assert_int_equal(read_secret("four\nmore\n", 10, 0600, &got), 0);
	assert_string_equal(got, "four");
	secret_free(got);
	assert_int_equal(read_secret(big, 1024, 0400, &got), 0);
	assert_int_equal(strlen(got), 1024);
	secret_free(got);
	assert_int_equal(read_secret("abc\n", 4, 0600, &got), -EINVAL);
	assert_int_equal(read_secret("ab\0cdef", 7, 0600, &got), -EINVAL);
	assert_int_equal(read_secret("", 0, 0600, &got), -EINVAL);
	assert_int_equal(read_secret(big, 1025, 0600, &got), -EINVAL);
	assert_int_equal(read_secret(big, sizeof(big), 0600, &got), -EINVAL);
	assert_int_equal(read_secret("fourfour", 8, 0640, &got), -EINVAL);
	assert_int_equal(read_secret("fourfour", 8, 0604, &got), -EINVAL);
	assert_int_equal(secret_file_read("/tmp", 4, &got, &err), -EINVAL);
	assert_int_equal(secret_file_read("/tmp/no-such-secret", 4, &got, &err), -EINVAL);
	assert_null(got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(key_is_made_once),
	    cmocka_unit_test(readable_keys_are_refused),
	    cmocka_unit_test(links_and_folders_are_refused),
	    cmocka_unit_test(changed_or_moved_seals_do_not_open),
	    cmocka_unit_test(two_seals_of_one_text_differ),
	    cmocka_unit_test(keyed_digests_differ_by_text_context_and_key),
	    cmocka_unit_test(hmac_is_that_of_the_rfc),
	    cmocka_unit_test(secrets_of_people_are_a_line),
	    cmocka_unit_test(wiping_and_comparing),
	    cmocka_unit_test(memory_is_not_dumped),
	    cmocka_unit_test(memory_is_locked_or_that_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
