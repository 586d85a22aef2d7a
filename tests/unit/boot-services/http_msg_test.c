/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Request heads: what firmware, iPXE, wget and curl send, and what attackers do. */
#include "boot-services/http_msg.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h wants those three first. */
#include <cmocka.h>

static struct http_request req;
static size_t used;
static enum http_status status;
static const char *why;

static int
parse(const char *text)
{
	used = 0;
	status = 0;
	return http_msg_parse(text, strlen(text), &req, &used, &status, &why);
}

static void
assert_refused(enum http_status want, const char *text)
{
	assert_int_equal(-EBADMSG, parse(text));
	assert_int_equal(want, status);
	assert_false(req.keep_alive);
	assert_non_null(why);
}

static void
test_edk2(void **state)
{
	const char *text =
	    "HEAD /snponly.efi HTTP/1.1\r\nHost: 10.98.0.1\r\nAccept: */*\r\n"
	    "User-Agent: UefiHttpBoot/1.0\r\n\r\nGET /";

	(void)state;
	assert_int_equal(0, parse(text));
	assert_int_equal(strlen(text) - 5, used);
	assert_int_equal(HTTP_HEAD, req.method);
	assert_string_equal("/snponly.efi", req.path);
	assert_string_equal("UefiHttpBoot/1.0", req.user_agent);
	assert_true(req.keep_alive);
	assert_int_equal(1, req.minor);
	assert_int_equal(-1, req.content_length);
}

static void
test_connection(void **state)
{
	(void)state;
	assert_int_equal(0, parse("GET / HTTP/1.0\r\n\r\n"));
	assert_false(req.keep_alive);
	assert_int_equal(
	    0, parse("GET / HTTP/1.0\r\nConnection: TE, Keep-Alive\r\n\r\n"));
	assert_true(req.keep_alive);
	assert_int_equal(
	    0, parse("GET / HTTP/1.1\r\nHost: a\r\nconnection: close\r\n\r\n"));
	assert_false(req.keep_alive);
	assert_int_equal(0,
	    parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: close, keep-alive\r\n\r\n"));
	assert_false(req.keep_alive);
}

static void
test_fields(void **state)
{
	(void)state;
	assert_int_equal(
	    0, parse("POST /report/x/up HTTP/1.1\nHost:a\nContent-Length: 12 \n"
		     "Expect: 100-Continue\nRange:bytes=0-1\nIf-Range: \"e\"\n"
		     "If-None-Match: \"a\"\nIf-None-Match: W/\"b\"\n\n"));
	assert_int_equal(HTTP_POST, req.method);
	assert_int_equal(12, req.content_length);
	assert_true(req.expect_continue);
	assert_false(req.expect_other);
	assert_string_equal("bytes=0-1", req.range);
	assert_string_equal("\"e\"", req.if_range);
	assert_string_equal("\"a\",W/\"b\"", req.if_none_match);
	assert_int_equal(
	    0, parse("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n"
		     "Expect: the-unexpected\r\n\r\n"));
	assert_true(req.chunked);
	assert_true(req.expect_other);
}

static void
test_incomplete(void **state)
{
	const char *text = "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";

	(void)state;
	for (size_t n = 0; n < strlen(text); n++)
		assert_int_equal(
		    -EAGAIN, http_msg_parse(text, n, &req, &used, &status, &why));
	assert_int_equal(0, parse(text));
	assert_int_equal(strlen(text), used);
}

static void
test_refused(void **state)
{
	(void)state;
	assert_refused(HTTP_BAD_REQUEST, "GET /\r\n\r\n");
	assert_refused(HTTP_BAD_REQUEST, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_refused(HTTP_BAD_REQUEST, "GET a HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_refused(HTTP_BAD_REQUEST, "GET * HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_refused(HTTP_BAD_REQUEST, "GET / http/1.1\r\nHost: a\r\n\r\n");
	assert_refused(HTTP_VERSION, "GET / HTTP/2.0\r\nHost: a\r\n\r\n");
	assert_refused(HTTP_BAD_REQUEST, "GET / HTTP/1.1\r\n\r\n");
	assert_refused(HTTP_BAD_REQUEST, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
	assert_refused(HTTP_BAD_REQUEST, "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n");
	assert_refused(HTTP_BAD_REQUEST, "GET / HTTP/1.1\r\nHost : a\r\n\r\n");
	assert_refused(
	    HTTP_BAD_REQUEST, "GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n");
	assert_refused(HTTP_BAD_REQUEST, "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n");
	assert_refused(HTTP_BAD_REQUEST, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: "
					 "1\r\nContent-Length: 1\r\n\r\n");
	assert_refused(
	    HTTP_BAD_REQUEST, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n");
	assert_refused(HTTP_BAD_REQUEST,
	    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n");
	assert_refused(HTTP_BAD_REQUEST,
	    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n");
	assert_refused(HTTP_BAD_REQUEST,
	    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n");
	assert_refused(HTTP_NOT_IMPLEMENTED,
	    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n");
	/* Between NULs a head looks shorter than it is. */
	assert_int_equal(-EBADMSG, http_msg_parse("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n",
				       29, &req, &used, &status, &why));
}

static void
test_limits(void **state)
{
	char *text = calloc(1, 4 * HTTP_HEAD_MAX);
	size_t n;

	(void)state;
	n = (size_t)sprintf(text, "GET /");
	memset(text + n, 'a', HTTP_LINE_MAX);
	assert_refused(HTTP_URI_TOO_LONG, text);
	n = (size_t)sprintf(text, "GET /");
	memset(text + n, 'a', HTTP_PATH_SIZE);
	strcpy(text + n + HTTP_PATH_SIZE, " HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_refused(HTTP_URI_TOO_LONG, text);
	n = (size_t)sprintf(text, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
	memset(text + n, 'a', HTTP_HEAD_MAX);
	text[n + HTTP_HEAD_MAX] = '\0';
	assert_refused(HTTP_HEAD_TOO_LARGE, text);
	n = (size_t)sprintf(text, "GET / HTTP/1.1\r\n");
	for (int i = 0; i <= HTTP_FIELDS_MAX; i++)
		n += (size_t)sprintf(text + n, "A: b\r\n");
	strcpy(text + n, "\r\n");
	assert_refused(HTTP_HEAD_TOO_LARGE, text);
	free(text);
}

static void
assert_path(const char *want, const char *target)
{
	char path[32];

	assert_int_equal(0, http_msg_path(target, strlen(target), path, sizeof path));
	assert_string_equal(want, path);
}

static void
assert_no_path(int want, const char *target)
{
	char path[32];

	assert_int_equal(want, http_msg_path(target, strlen(target), path, sizeof path));
}

static void
test_paths(void **state)
{
	(void)state;
	assert_path("/", "/");
	assert_path("/a/b", "//a///b");
	assert_path("/a/b", "/a/./b?c=/../d");
	assert_path("/a/", "/a/.");
	assert_path("/a/", "/./a/././");
	assert_path("/a b", "/a%20b#c");
	assert_path("/a/b", "/a%2fb");
	assert_path("/..a/b..", "/..a/b..");
	assert_path("/%2e", "/%252e");
	assert_path("/script.ipxe-52:54:00:77:00:01", "/script.ipxe-52:54:00:77:00:01");
	assert_no_path(-EINVAL, "/..");
	assert_no_path(-EINVAL, "/a/../b");
	assert_no_path(-EINVAL, "/a/%2e%2e/b");
	assert_no_path(-EINVAL, "/a%2f..%2fb");
	assert_no_path(-EINVAL, "/a\\..\\b");
	assert_no_path(-EINVAL, "/a%5c");
	assert_no_path(-EINVAL, "/a%00");
	assert_no_path(-EINVAL, "/a%0a");
	assert_no_path(-EINVAL, "/a%");
	assert_no_path(-EINVAL, "/a%2");
	assert_no_path(-EINVAL, "/a%zz");
	assert_no_path(-EINVAL, "");
	assert_no_path(-EINVAL, "a");
	assert_no_path(-ENAMETOOLONG, "/0123456789012345678901234567890");
}

static void
test_absolute_form(void **state)
{
	(void)state;
	assert_int_equal(
	    0, parse("GET http://10.77.0.1:80//a HTTP/1.1\r\nHost: a\r\n\r\n"));
	assert_string_equal("/a", req.path);
	assert_int_equal(0, parse("GET http://10.77.0.1 HTTP/1.1\r\nHost: a\r\n\r\n"));
	assert_string_equal("/", req.path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_edk2),
	    cmocka_unit_test(test_connection),
	    cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_incomplete),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_paths),
	    cmocka_unit_test(test_absolute_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
