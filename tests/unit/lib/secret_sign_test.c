/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/secret_sign.h"

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
#include <sys/stat.h>
#include <unistd.h>

#include "lib/hex.h"

static void
temp_path(char dir[64], char path[128])
{
	snprintf(dir, 64, "/tmp/netboot-sign-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, 128, "%s/orders.key", dir);
}

static void
key_is_made_once(void **state)
{
	struct secret_sign *a = NULL, *b = NULL;
	char dir[64], path[128], sig[SECRET_SIGN_TEXT];
	struct error err;
	struct stat st;

	(void)state;
	temp_path(dir, path);
	assert_int_equal(secret_sign_open(path, 0, &a, &err), -ENOENT);
	assert_int_equal(secret_sign_open(path, 1, &a, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(secret_sign_open(path, 1, &b, &err), 0);
	assert_string_equal(secret_sign_public(a), secret_sign_public(b));
	assert_string_equal(secret_sign_id(a), secret_sign_id(b));
	assert_int_equal(strlen(secret_sign_public(a)), SECRET_SIGN_PUBLIC_TEXT - 1);
	assert_int_equal(strlen(secret_sign_id(a)), SECRET_SIGN_ID_TEXT - 1);
	secret_sign_text(a, "reinstall edge01", 16, sig);
	assert_int_equal(
	    secret_sign_verify(secret_sign_public(b), "reinstall edge01", 16, sig), 0);
	secret_sign_free(a);
	secret_sign_free(b);
	secret_sign_free(NULL);
	a = NULL;
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(secret_sign_open(path, 1, &a, &err), -EPERM);
	assert_string_equal(err.code, "key-readable");
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
}

/* RFC 8032 7.1, TEST 2. */
static void
the_standards_example(void **state)
{
	static const char seed[] =
	    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
	static const char public_text[] = "PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=";
	struct secret_sign *key = NULL;
	char dir[64], path[128], sig[SECRET_SIGN_TEXT], id[SECRET_SIGN_ID_TEXT];
	uint8_t octets[32];
	struct error err;

	(void)state;
	temp_path(dir, path);
	assert_int_equal(hex_get(seed, octets, sizeof(octets)), 0);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, octets, sizeof(octets)), 32);
	close(fd);
	assert_int_equal(secret_sign_open(path, 0, &key, &err), 0);
	assert_string_equal(secret_sign_public(key), public_text);
	secret_sign_text(key, "r", 1, sig);
	assert_string_equal(sig,
	    "kqAJqfDUyrhyDoILX2QlQKKye1QWUD+Ps3YiI+vbadoIWsHkPhWZbkWPNhPQ"
	    "8R2MOHsurrQwKu6wDSkWErsMAA==");
	assert_int_equal(secret_sign_id_of(public_text, id), 0);
	assert_string_equal(id, secret_sign_id(key));
	secret_sign_free(key);
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
}

static void
nothing_else_verifies(void **state)
{
	struct secret_sign *key = NULL, *other = NULL;
	char dir[64], path[128], path2[160], sig[SECRET_SIGN_TEXT],
	    id[SECRET_SIGN_ID_TEXT];
	struct error err;

	(void)state;
	temp_path(dir, path);
	snprintf(path2, sizeof(path2), "%s.other", path);
	assert_int_equal(secret_sign_open(path, 1, &key, &err), 0);
	assert_int_equal(secret_sign_open(path2, 1, &other, &err), 0);
	assert_string_not_equal(secret_sign_id(key), secret_sign_id(other));
	const char *pub = secret_sign_public(key);
	secret_sign_text(key, "power off", 9, sig);
	assert_int_equal(secret_sign_verify(pub, "power off", 9, sig), 0);
	assert_int_equal(secret_sign_verify(pub, "power on ", 9, sig), -EBADMSG);
	assert_int_equal(secret_sign_verify(pub, "power off", 8, sig), -EBADMSG);
	assert_int_equal(
	    secret_sign_verify(secret_sign_public(other), "power off", 9, sig), -EBADMSG);
	assert_int_equal(secret_sign_verify(pub, "power off", 9, ""), -EBADMSG);
	assert_int_equal(secret_sign_verify(pub, "power off", 9, "!"), -EBADMSG);
	sig[3] = sig[3] == 'A' ? 'B' : 'A';
	assert_int_equal(secret_sign_verify(pub, "power off", 9, sig), -EBADMSG);
	assert_int_equal(secret_sign_verify("", "power off", 9, sig), -EINVAL);
	assert_int_equal(secret_sign_verify("c2hvcnQ=", "power off", 9, sig), -EINVAL);
	assert_int_equal(secret_sign_id_of("c2hvcnQ=", id), -EINVAL);
	/* The neutral element signs anything in the equation alone. */
	assert_int_equal(
	    secret_sign_verify("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "x", 1,
		"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		"AAAAAAAAAAAAAAAAAAAAAA=="),
	    -EBADMSG);
	secret_sign_free(key);
	secret_sign_free(other);
	unlink(path);
	unlink(path2);
	assert_int_equal(rmdir(dir), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(key_is_made_once),
	    cmocka_unit_test(the_standards_example),
	    cmocka_unit_test(nothing_else_verifies),
	};

	return cmocka_run_group_tests_name("secret_sign", tests, NULL, NULL);
}
