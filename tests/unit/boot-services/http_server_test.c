/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is answered to which request (RFC 9110 13, 14; boot.md 1.9). */
#include "boot-services/http_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka.h wants those three first. */
#include <cmocka.h>

#define MODIFIED "Sun, 06 Nov 1994 08:49:37 GMT"
#define EARLIER "Sun, 06 Nov 1994 08:49:36 GMT"

static const struct http_server_facts file = {
    .name = "x64/snponly.efi", .size = 1000, .modified = 784111777, .etag = "\"a-b\""};

static struct http_request
get(void)
{
	return (struct http_request){
	    .method = HTTP_GET, .minor = 1, .keep_alive = true, .content_length = -1};
}

static struct http_server_plan
plan(const struct http_request *req)
{
	struct http_server_plan p;

	http_server_plan(req, &file, &p);
	return p;
}

/* The head's text; static. */
static const char *
head(const struct http_request *req)
{
	static char text[HTTP_ANSWER_MAX + 1];
	struct wbuf w = wbuf_init(text, HTTP_ANSWER_MAX);
	struct http_server_plan p = plan(req);

	http_server_head(&w, req, &file, &p, 784111777);
	assert_true(wbuf_ok(&w));
	text[w.len] = '\0';
	return text;
}

static void
test_whole(void **state)
{
	struct http_request req = get();

	(void)state;
	assert_string_equal(
	    "HTTP/1.1 200 OK\r\nDate: " MODIFIED "\r\nAccept-Ranges: bytes\r\n"
	    "ETag: \"a-b\"\r\nLast-Modified: " MODIFIED
	    "\r\nContent-Type: application/efi\r\nContent-Length: 1000\r\n\r\n",
	    head(&req));
	req.method = HTTP_HEAD;
	assert_true(plan(&req).head_only);
	assert_non_null(strstr(head(&req), "Content-Length: 1000\r\n"));
	/* RFC 9110 14.2: a range is for GET only. */
	strcpy(req.range, "bytes=0-0");
	assert_int_equal(HTTP_OK, plan(&req).status);
}

static void
test_range(void **state)
{
	struct http_request req = get();
	struct http_server_plan p;

	(void)state;
	strcpy(req.range, "bytes=100-199");
	p = plan(&req);
	assert_int_equal(HTTP_PARTIAL, p.status);
	assert_int_equal(100, p.from);
	assert_int_equal(100, p.length);
	assert_non_null(strstr(head(&req), "Content-Range: bytes 100-199/1000\r\n"));
	assert_non_null(strstr(head(&req), "Content-Length: 100\r\n"));
	strcpy(req.range, "bytes=1000-");
	assert_int_equal(HTTP_RANGE, plan(&req).status);
	assert_non_null(strstr(head(&req), "Content-Range: bytes */1000\r\n"));
	assert_non_null(strstr(head(&req), "Content-Length: 0\r\n"));
}

static void
test_if_range(void **state)
{
	struct http_request req = get();

	(void)state;
	strcpy(req.range, "bytes=1-");
	strcpy(req.if_range, "\"a-b\"");
	assert_int_equal(HTTP_PARTIAL, plan(&req).status);
	strcpy(req.if_range, "\"other\"");
	assert_int_equal(HTTP_OK, plan(&req).status);
	strcpy(req.if_range, "W/\"a-b\"");
	assert_int_equal(HTTP_OK, plan(&req).status);
	strcpy(req.if_range, MODIFIED);
	assert_int_equal(HTTP_PARTIAL, plan(&req).status);
	strcpy(req.if_range, EARLIER);
	assert_int_equal(HTTP_OK, plan(&req).status);
	strcpy(req.if_range, "nonsense");
	assert_int_equal(HTTP_OK, plan(&req).status);
}

static void
test_if_match(void **state)
{
	struct http_request req = get();

	(void)state;
	strcpy(req.if_match, "\"x\", \"a-b\"");
	assert_int_equal(HTTP_OK, plan(&req).status);
	strcpy(req.if_match, "*");
	assert_int_equal(HTTP_OK, plan(&req).status);
	strcpy(req.if_match, "W/\"a-b\"");
	assert_int_equal(HTTP_PRECONDITION, plan(&req).status);
	strcpy(req.if_match, "\"a\",\"b\"");
	assert_int_equal(HTTP_PRECONDITION, plan(&req).status);
	assert_non_null(strstr(head(&req), "Content-Length: 0\r\n"));
	req = get();
	strcpy(req.if_unmodified_since, MODIFIED);
	assert_int_equal(HTTP_OK, plan(&req).status);
	strcpy(req.if_unmodified_since, EARLIER);
	assert_int_equal(HTTP_PRECONDITION, plan(&req).status);
	/* RFC 9110 13.1.4: of no effect beside If-Match. */
	strcpy(req.if_match, "\"a-b\"");
	assert_int_equal(HTTP_OK, plan(&req).status);
}

static void
test_not_modified(void **state)
{
	struct http_request req = get();

	(void)state;
	strcpy(req.if_none_match, "W/\"a-b\"");
	assert_int_equal(HTTP_NOT_MODIFIED, plan(&req).status);
	assert_true(plan(&req).head_only);
	assert_null(strstr(head(&req), "Content-Length"));
	strcpy(req.if_none_match, "\"other\"");
	strcpy(req.if_modified_since, MODIFIED);
	assert_int_equal(HTTP_OK, plan(&req).status);
	req = get();
	strcpy(req.if_modified_since, MODIFIED);
	assert_int_equal(HTTP_NOT_MODIFIED, plan(&req).status);
	strcpy(req.if_modified_since, EARLIER);
	assert_int_equal(HTTP_OK, plan(&req).status);
	strcpy(req.if_modified_since, "never");
	assert_int_equal(HTTP_OK, plan(&req).status);
}

static void
test_connection(void **state)
{
	struct http_request req = get();

	(void)state;
	assert_null(strstr(head(&req), "Connection"));
	req.keep_alive = false;
	assert_non_null(strstr(head(&req), "Connection: close\r\n"));
	req.minor = 0;
	req.keep_alive = true;
	assert_non_null(strstr(head(&req), "Connection: keep-alive\r\n"));
}

static void
test_short_answers(void **state)
{
	struct http_request req = get();
	char text[512];
	struct wbuf w = wbuf_init(text, sizeof text);

	(void)state;
	http_server_short(&w, &req, HTTP_NOT_FOUND, "not found", false, 784111777);
	text[w.len] = '\0';
	assert_string_equal(
	    "HTTP/1.1 404 Not Found\r\nDate: " MODIFIED
	    "\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nnot found\n",
	    text);
	req.method = HTTP_HEAD;
	w = wbuf_init(text, sizeof text);
	http_server_short(&w, &req, HTTP_NOT_FOUND, "not found", false, 784111777);
	text[w.len] = '\0';
	assert_non_null(strstr(text, "Content-Length: 10\r\n\r\n"));
	assert_null(strstr(text, "not found\n"));
	req.method = HTTP_POST;
	w = wbuf_init(text, sizeof text);
	http_server_short(&w, &req, HTTP_UNAVAILABLE, "later", false, 784111777);
	text[w.len] = '\0';
	assert_non_null(strstr(text, "\r\nRetry-After: 2\r\n"));
	w = wbuf_init(text, sizeof text);
	http_server_short(&w, &req, HTTP_NO_CONTENT, "", true, 784111777);
	text[w.len] = '\0';
	assert_string_equal("HTTP/1.1 204 No Content\r\nDate: " MODIFIED
			    "\r\nConnection: close\r\n\r\n",
	    text);
}

static void
test_types(void **state)
{
	(void)state;
	assert_string_equal("application/efi", http_server_type("a/SNPONLY.EFI"));
	assert_string_equal("application/vnd.efi-iso", http_server_type("a.iso"));
	assert_string_equal("application/vnd.efi-img", http_server_type("a.img"));
	assert_string_equal(
	    "text/plain", http_server_type("script.ipxe-52:54:00:77:00:01"));
	assert_string_equal("application/octet-stream", http_server_type(".efi"));
	assert_string_equal("application/octet-stream", http_server_type("vmlinuz"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_whole),
	    cmocka_unit_test(test_range),
	    cmocka_unit_test(test_if_range),
	    cmocka_unit_test(test_if_match),
	    cmocka_unit_test(test_not_modified),
	    cmocka_unit_test(test_connection),
	    cmocka_unit_test(test_short_answers),
	    cmocka_unit_test(test_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
