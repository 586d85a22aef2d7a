/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/rest_head.h"

#include <event2/http.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GET "GET / HTTP/1.1\r\nHost: x\r\n"

static void
test_length(void **state UNUSED)
{
	assert_int_equal(rest_head_length("", 0), 0);
	assert_int_equal(rest_head_length("GET / HTTP/1.1\r\n", 16), 0);
	assert_int_equal(rest_head_length("a\r\n\r\nbody", 9), 5);
}

static void
test_a_request(void **state UNUSED)
{
	static const char text[] =
	    "POST /api/v1/jobs?x=1 HTTP/1.1\r\nhost: [::1]:8017\r\nContent-Length: 12\r\n"
	    "X-A: \t b c \t\r\nExpect: 100-Continue\r\n\r\n";
	struct rest_head h;

	assert_int_equal(rest_head_parse(text, sizeof(text) - 1, &h), 0);
	assert_string_equal(h.method, "POST");
	assert_string_equal(h.target, "/api/v1/jobs?x=1");
	assert_int_equal(h.body_len, 12);
	assert_true(h.keep && h.wants_continue && !h.old);
	assert_string_equal(evhttp_find_header(&h.fields, "Host"), "[::1]:8017");
	assert_string_equal(evhttp_find_header(&h.fields, "x-a"), "b c");
	rest_head_done(&h);
}

static void
test_refusals(void **state UNUSED)
{
	static const struct {
		const char *text;
		int status;
	} rows[] = {
	    {GET "\r\n", 0},
	    {"GET / HTTP/1.0\r\n\r\n", 0},
	    {"GET / HTTP/1.1\r\n\r\n", 400}, /* no Host */
	    {GET "Host: y\r\n\r\n", 400},
	    {"\r\n\r\n", 400},
	    {"GET /\r\n\r\n", 400},
	    {"GET / HTTP/2.0\r\n\r\n", 505},
	    {"GET / HTTP/1.2\r\n\r\n", 505},
	    {"GET / http/1.1\r\n\r\n", 400},
	    {"GET  / HTTP/1.1\r\n\r\n", 400},
	    {"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
	    {"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 400},
	    {"GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
	    {"GET /\xc3\xa4 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
	    {"VERYLONGMETHODNAME / HTTP/1.1\r\nHost: x\r\n\r\n", 501},
	    {GET "Transfer-Encoding: chunked\r\n\r\n", 411},
	    {GET "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
	    {GET "Content-Length: -1\r\n\r\n", 400},
	    {GET "Content-Length: +1\r\n\r\n", 400},
	    {GET "Content-Length: 1, 1\r\n\r\n", 400},
	    {GET "Content-Length: 99999999999999999999\r\n\r\n", 400},
	    {GET "Content-Length:\r\n\r\n", 400},
	    {GET "Cookie: a\r\nCookie: b\r\n\r\n", 400},
	    {GET "Expect: miracles\r\n\r\n", 417},
	    {GET "X : y\r\n\r\n", 400},
	    {GET " folded\r\n\r\n", 400},
	    {GET "X: a\n b\r\n\r\n", 400},
	    {GET "X: a\rb\r\n\r\n", 400},
	    {GET "no colon\r\n\r\n", 400},
	    {GET ": nameless\r\n\r\n", 400},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rest_head h;
		int status = rest_head_parse(rows[i].text, strlen(rows[i].text), &h);
		if (status != rows[i].status)
			fail_msg("%zu: %d", i, status);
		rest_head_done(&h);
	}
}

static void
test_too_many_fields(void **state UNUSED)
{
	char text[4096] = GET;
	struct rest_head h;

	for (int i = 0; i < REST_HEAD_FIELDS_MAX; i++)
		strcat(text, "a: b\r\n");
	strcat(text, "\r\n");
	assert_int_equal(rest_head_parse(text, strlen(text), &h), 431);
	rest_head_done(&h);
}

static void
test_connection(void **state UNUSED)
{
	static const char closes[] = GET "Connection: x, Close\r\n\r\n";
	struct rest_head h;

	assert_int_equal(rest_head_parse(closes, sizeof(closes) - 1, &h), 0);
	assert_false(h.keep);
	rest_head_done(&h);
	assert_int_equal(rest_head_parse("GET / HTTP/1.0\r\n\r\n", 18, &h), 0);
	assert_true(h.old && !h.keep);
	rest_head_done(&h);
}

static void
test_host(void **state UNUSED)
{
	static const char *const names[] = {"netboot.example.org"};
	static const struct {
		const char *host;
		bool ok;
	} rows[] = {
	    {"127.0.0.1", true},
	    {"127.0.0.1:8017", true},
	    {"192.0.2.7:1", true},
	    {"[::1]", true},
	    {"[2001:db8::1]:8017", true},
	    {"localhost", true},
	    {"LocalHost:8017", true},
	    {"netboot.example.org", true},
	    {"NETBOOT.example.org:443", true},
	    {"evil.example.org", false},
	    {"evil.netboot.example.org", false},
	    {"netboot.example.org.evil", false},
	    {"127.0.0.1.evil.example", false},
	    {"localhost.evil.example:80", false},
	    {"[::1", false},
	    {"[::1]evil", false},
	    {"::1", false},
	    {":8017", false},
	    {"", false},
	    {NULL, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rest_head_host_ok(rows[i].host, names, 1) != rows[i].ok)
			fail_msg("%s", rows[i].host);
}

static void
test_cookie(void **state UNUSED)
{
	char buf[8];

	assert_true(rest_head_cookie("netboot=abc", "netboot", buf, sizeof(buf)));
	assert_string_equal(buf, "abc");
	assert_true(
	    rest_head_cookie("a=1; netboot=xyz ;b=2", "netboot", buf, sizeof(buf)));
	assert_string_equal(buf, "xyz ");
	assert_true(rest_head_cookie("netboot=1;a=2", "netboot", buf, sizeof(buf)));
	assert_false(rest_head_cookie("netbootx=1", "netboot", buf, sizeof(buf)));
	assert_false(rest_head_cookie("xnetboot=1", "netboot", buf, sizeof(buf)));
	assert_false(
	    rest_head_cookie("netboot=1; netboot=2", "netboot", buf, sizeof(buf)));
	assert_false(rest_head_cookie("netboot=12345678", "netboot", buf, sizeof(buf)));
	assert_false(rest_head_cookie("", "netboot", buf, sizeof(buf)));
	assert_false(rest_head_cookie(NULL, "netboot", buf, sizeof(buf)));
}

static void
test_bearer(void **state UNUSED)
{
	assert_string_equal(rest_head_bearer("Bearer nb_x"), "nb_x");
	assert_string_equal(rest_head_bearer("bearer  nb_x"), "nb_x");
	assert_null(rest_head_bearer("Basic eDp5"));
	assert_null(rest_head_bearer("Bearer "));
	assert_null(rest_head_bearer("Bearer"));
	assert_null(rest_head_bearer(NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_length),
	    cmocka_unit_test(test_a_request),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_too_many_fields),
	    cmocka_unit_test(test_connection),
	    cmocka_unit_test(test_host),
	    cmocka_unit_test(test_cookie),
	    cmocka_unit_test(test_bearer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
