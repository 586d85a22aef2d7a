/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Request bodies, whole and octet by octet. */
#include "boot-services/http_body.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka.h wants those three first. */
#include <cmocka.h>

static char note[64];
static size_t len;
static struct http_body body;

/* Feeds `text` in pieces of `piece`; returns the first error, and octets taken in *taken.
 */
static int
feed(const char *text, size_t piece, size_t *taken)
{
	size_t n = strlen(text);

	*taken = 0;
	len = 0;
	while (*taken < n && body.state != HTTP_BODY_DONE) {
		size_t used = 0, give = n - *taken < piece ? n - *taken : piece;
		int err = http_body_feed(
		    &body, text + *taken, give, note, sizeof note, &len, &used);

		if (err != 0)
			return err;
		*taken += used;
	}
	return 0;
}

static void
test_length(void **state)
{
	size_t taken;

	(void)state;
	for (size_t piece = 1; piece < 9; piece++) {
		http_body_init(&body, false, 5);
		assert_int_equal(0, feed("helloGET /", piece, &taken));
		assert_int_equal(HTTP_BODY_DONE, body.state);
		assert_int_equal(5, taken);
		assert_int_equal(5, len);
		assert_memory_equal("hello", note, 5);
	}
	http_body_init(&body, false, 0);
	assert_int_equal(HTTP_BODY_DONE, body.state);
	http_body_init(&body, false, -1);
	assert_int_equal(HTTP_BODY_DONE, body.state);
	http_body_init(&body, false, 6);
	assert_int_equal(0, feed("hello", 5, &taken));
	assert_int_equal(HTTP_BODY_DATA, body.state);
}

static void
test_chunked(void **state)
{
	const char *text =
	    "5\r\nhello\r\nA;ext=\"x\"\r\n, whole wo\r\n3\r\nrld\r\n0 ; last\r\n"
	    "Trailer: x\r\n\r\n";
	size_t taken;

	(void)state;
	for (size_t piece = 1; piece < 80; piece++) {
		http_body_init(&body, true, -1);
		assert_int_equal(0, feed(text, piece, &taken));
		assert_int_equal(HTTP_BODY_DONE, body.state);
		assert_int_equal(strlen(text), taken);
		assert_int_equal(18, len);
		assert_memory_equal("hello, whole world", note, 18);
	}
}

static void
assert_bad(int want, const char *text)
{
	size_t taken;

	http_body_init(&body, true, -1);
	assert_int_equal(want, feed(text, 1000, &taken));
}

static void
test_bad(void **state)
{
	char line[HTTP_CHUNK_LINE_MAX + 10];
	size_t taken;

	(void)state;
	assert_bad(-EBADMSG, "\r\n");
	assert_bad(-EBADMSG, "x\r\n");
	assert_bad(-EBADMSG, "-1\r\n");
	assert_bad(-EBADMSG, "1\r\nab\r\n");
	assert_bad(-EBADMSG, "1 1\r\na\r\n");
	assert_bad(-EBADMSG, "1\tx;y\r\na\r\n");
	assert_bad(-EBADMSG, "1;x=\ry\r\na\r\n");
	assert_bad(-EFBIG, "123456789\r\n");
	assert_bad(-EFBIG,
	    "41\r\n"
	    "00000000000000000000000000000000000000000000000000000000000000000\r\n");
	http_body_init(&body, true, -1);
	len = 0;
	assert_int_equal(-EBADMSG, http_body_feed(&body,
				       "1\0"
				       "1\r\na",
				       6, note, sizeof note, &len, &taken));
	memset(line, '1', sizeof line - 1);
	line[sizeof line - 1] = '\0';
	assert_bad(-EBADMSG, line);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_length),
	    cmocka_unit_test(test_chunked),
	    cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
