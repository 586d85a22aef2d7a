/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/http_client.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/compiler.h"
#include "lib/str.h"

/* A server by hand on loopback: it accepts, keeps what it read, and answers what the test
 * says. */
struct fixture {
	struct event_base *base;
	struct http_client *client;
	struct event *on_accept, *on_read;
	int listener, conn;
	char server[64];
	const char *answer; /* NULL: none */
	bool hang_up;
	char request[4096];
	int answers;
	struct http_client_reply reply;
	char body[256];
	struct http_client_call *other; /* cancelled in the callback */
	bool free_in_callback;
};

static void
readable(evutil_socket_t fd, short what, void *arg)
{
	struct fixture *f = arg;
	size_t have = strlen(f->request);
	ssize_t n = recv(fd, f->request + have, sizeof(f->request) - 1 - have, 0);

	(void)what;
	if (n <= 0) {
		event_del(f->on_read);
		return;
	}
	f->request[have + (size_t)n] = '\0';
	if (strstr(f->request, "\r\n\r\n") == NULL)
		return;
	if (f->answer != NULL)
		(void)!send(fd, f->answer, strlen(f->answer), MSG_NOSIGNAL);
	if (f->hang_up)
		shutdown(fd, SHUT_RDWR);
}

static void
accepted(evutil_socket_t fd, short what, void *arg)
{
	struct fixture *f = arg;

	(void)what;
	f->conn = accept(fd, NULL, NULL);
	f->on_read = event_new(f->base, f->conn, EV_READ | EV_PERSIST, readable, f);
	event_add(f->on_read, NULL);
}

static int
setup(void **state)
{
	struct fixture *f = str_alloc(sizeof(*f));
	struct sockaddr_in sin = {
	    .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(sin);
	struct error err;

	f->base = event_base_new();
	f->conn = -1;
	f->listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(f->listener, (struct sockaddr *)&sin, sizeof(sin)) < 0 ||
	    listen(f->listener, 8) < 0 ||
	    getsockname(f->listener, (struct sockaddr *)&sin, &len) < 0)
		return -1;
	snprintf(
	    f->server, sizeof(f->server), "http://127.0.0.1:%d", ntohs(sin.sin_port));
	f->on_accept = event_new(f->base, f->listener, EV_READ, accepted, f);
	event_add(f->on_accept, NULL);
	f->client = http_client_new(f->base, f->server, "tok3n", &err);
	*state = f;
	return f->client != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	http_client_free(f->client);
	event_free(f->on_accept);
	if (f->on_read != NULL)
		event_free(f->on_read);
	close(f->listener);
	if (f->conn >= 0)
		close(f->conn);
	event_base_free(f->base);
	free(f);
	return 0;
}

static void
done(void *arg, const struct http_client_reply *reply)
{
	struct fixture *f = arg;

	f->answers++;
	f->reply = *reply;
	str_clip(f->body, sizeof(f->body), reply->body);
	if (f->other != NULL)
		http_client_cancel(f->other);
	if (f->free_in_callback) {
		http_client_free(f->client);
		f->client = NULL;
	}
	event_base_loopbreak(f->base);
}

static void
run(struct fixture *f)
{
	struct timeval limit = {.tv_sec = 30};

	event_base_loopexit(f->base, &limit);
	event_base_dispatch(f->base);
	assert_true(event_base_got_break(f->base));
}

static void
the_request_on_the_wire(void **state)
{
	struct fixture *f = *state;
	struct http_client_request rq = {.method = "PATCH",
	    .path = "/api/v1/hosts/a?x=1",
	    .body = "{\"a\":1}",
	    .idempotency_key = "k",
	    .if_match = "\"e\"",
	    .timeout_us = 20000000};

	f->answer = "HTTP/1.1 200 OK\r\nETag: \"abc\"\r\nContent-Length: 2\r\n\r\n{}";
	http_client_start(f->client, &rq, done, f);
	run(f);
	assert_int_equal(f->reply.status, 200);
	assert_string_equal(f->body, "{}");
	assert_int_equal(f->reply.body_len, 2);
	assert_string_equal(f->reply.etag, "\"abc\"");
	assert_int_equal(
	    strncmp(f->request, "PATCH /api/v1/hosts/a?x=1 HTTP/1.1\r\n", 36), 0);
	assert_non_null(strstr(f->request, "\r\nAuthorization: Bearer tok3n\r\n"));
	assert_non_null(strstr(f->request, "\r\nContent-Type: application/json\r\n"));
	assert_non_null(strstr(f->request, "\r\nIdempotency-Key: k\r\n"));
	assert_non_null(strstr(f->request, "\r\nIf-Match: \"e\"\r\n"));
	assert_non_null(strstr(f->request, "\r\n\r\n{\"a\":1}"));
	assert_null(strstr(f->request, "Expect:"));
}

static void
a_post_without_body_says_so(void **state)
{
	struct fixture *f = *state;
	struct http_client_request rq = {.method = "POST", .path = "/x"};

	f->answer = "HTTP/1.1 204 No Content\r\n\r\n";
	http_client_start(f->client, &rq, done, f);
	run(f);
	assert_int_equal(f->reply.status, 204);
	assert_string_equal(f->body, "");
	assert_non_null(strstr(f->request, "\r\nContent-Length: 0\r\n"));
}

static void
a_refusal_is_an_answer(void **state)
{
	struct fixture *f = *state;
	struct http_client_request rq = {.method = "GET", .path = "/x"};

	f->answer = "HTTP/1.1 409 Conflict\r\nContent-Length: 2\r\n\r\n{}";
	http_client_start(f->client, &rq, done, f);
	run(f);
	assert_int_equal(f->reply.status, 409);
	assert_string_equal(f->reply.err.code, "");
}

static void
half_an_answer_is_none(void **state)
{
	struct fixture *f = *state;
	struct http_client_request rq = {.method = "GET", .path = "/x"};

	f->answer = "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n{";
	f->hang_up = true;
	http_client_start(f->client, &rq, done, f);
	run(f);
	assert_int_equal(f->reply.status, 0);
	assert_string_equal(f->reply.err.code, "server-unreachable");
}

static void
silence_times_out(void **state)
{
	struct fixture *f = *state;
	struct http_client_request rq = {
	    .method = "GET", .path = "/x", .timeout_us = 50000};

	http_client_start(f->client, &rq, done, f);
	run(f);
	assert_int_equal(f->reply.status, 0);
	assert_string_equal(f->reply.err.code, "timeout");
}

static void
nobody_listens(void **state)
{
	struct fixture *f = *state;
	struct http_client_request rq = {.method = "GET", .path = "/x"};
	struct http_client_reply reply;

	close(f->listener);
	f->listener = socket(AF_INET, SOCK_STREAM, 0);
	event_del(f->on_accept);
	http_client_start(f->client, &rq, done, f);
	assert_int_equal(f->answers, 0);
	run(f);
	assert_int_equal(f->reply.status, 0);
	assert_string_equal(f->reply.err.code, "server-unreachable");
	assert_int_equal(
	    http_client_once("unix:/nonexistent/sock", NULL, &rq, &reply), -ECONNREFUSED);
	assert_string_equal(reply.err.code, "server-unreachable");
	assert_non_null(strstr(reply.err.text, "/nonexistent/sock"));
	http_client_reply_done(&reply);
}

static void
cancelling_in_a_callback(void **state)
{
	struct fixture *f = *state;
	struct http_client_request rq = {.method = "GET", .path = "/x"};

	f->answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	http_client_start(f->client, &rq, done, f);
	f->other = http_client_start(f->client, &rq, done, f);
	http_client_cancel(http_client_start(f->client, &rq, done, f));
	http_client_cancel(NULL);
	run(f);
	assert_int_equal(f->answers, 1);
}

static void
freeing_in_a_callback(void **state)
{
	struct fixture *f = *state;
	struct http_client_request rq = {.method = "GET", .path = "/x"};

	f->answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	f->free_in_callback = true;
	http_client_start(f->client, &rq, done, f);
	http_client_start(f->client, &rq, done, f);
	run(f);
	assert_int_equal(f->answers, 1);
}

static void
server_addresses(void **state)
{
	static const char *const bad[] = {
	    "", "unix:", "ftp://x", "/run/x.sock", "localhost"};
	struct fixture *f = *state;
	struct http_client_request rq = {.method = "GET", .path = "/x"};
	struct http_client_reply reply;
	struct error err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(http_client_new(f->base, bad[i], NULL, &err));
		assert_string_equal(err.code, "bad-server");
		assert_int_equal(http_client_once(bad[i], NULL, &rq, &reply), -EINVAL);
		http_client_reply_done(&reply);
	}
	http_client_reply_done(NULL);
}

/* A client without a server: the URL, the headers and the type are the request's, and a redirect is an answer. */
static void
a_request_to_anywhere(void **state)
{
	static const char *const headers[] = {"X-One: 1", "X-Two: two words", NULL};
	struct fixture *f = *state;
	char url[128];
	struct http_client_request rq = {.method = "POST",
	    .url = url,
	    .url_name = "http://the-host",
	    .body = "text",
	    .content_type = "text/plain",
	    .headers = headers,
	    .body_max = 5};

	http_client_free(f->client);
	f->client = http_client_new_anywhere(f->base);
	assert_int_equal(
	    str_format(url, sizeof(url), "%s/hooks/secret?x=1", f->server), 0);
	f->answer = "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: "
		    "5\r\n\r\n12345";
	http_client_start(f->client, &rq, done, f);
	run(f);
	assert_int_equal(f->reply.status, 302);
	assert_string_equal(f->body, "12345");
	assert_non_null(strstr(f->request, "POST /hooks/secret?x=1 HTTP/1.1\r\n"));
	assert_non_null(strstr(f->request, "\r\nX-One: 1\r\nX-Two: two words\r\n"));
	assert_non_null(strstr(f->request, "\r\nContent-Type: text/plain\r\n"));
	assert_null(strstr(f->request, "elsewhere"));
	assert_null(strstr(f->request, "application/json"));
}

static void
an_answer_from_anywhere_is_bounded(void **state)
{
	struct fixture *f = *state;
	char url[128];
	struct http_client_request rq = {.method = "POST",
	    .url = url,
	    .url_name = "http://the-host",
	    .body = "{}",
	    .body_max = 5};

	http_client_free(f->client);
	f->client = http_client_new_anywhere(f->base);
	assert_int_equal(str_format(url, sizeof(url), "%s/secret", f->server), 0);
	f->answer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n123456";
	http_client_start(f->client, &rq, done, f);
	run(f);
	assert_int_equal(f->reply.status, 0);
	assert_string_equal(f->reply.err.code, "reply-too-large");
	assert_non_null(strstr(f->reply.err.text, "http://the-host: "));
	assert_null(strstr(f->reply.err.text, "secret"));
}

/* Whatever follows the status: too much, too little, nothing for a while. */
static void
only_the_status_counts(void **state)
{
	struct fixture *f = *state;
	char url[128], *much = str_alloc(300 * 1024);
	struct http_client_request rq = {.method = "POST",
	    .url = url,
	    .url_name = "http://the-host",
	    .body = "{}",
	    .status_only = true,
	    .timeout_us = 300 * USEC_PER_MSEC};
	static const char *const heads[] = {
	    "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n",
	    "HTTP/1.1 422 No\r\nContent-Length: 250000\r\n\r\n",
	    "HTTP/1.1 200 OK\r\n\r\n"};
	static const size_t sent[] = {200000, 100, 100};
	static const int want[] = {200, 422, 200};

	http_client_free(f->client);
	assert_int_equal(str_format(url, sizeof(url), "%s/secret", f->server), 0);
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		f->client = http_client_new_anywhere(f->base);
		size_t n = strlen(heads[i]);
		memcpy(much, heads[i], n);
		memset(much + n, 'x', sent[i]);
		much[n + sent[i]] = '\0';
		f->answer = much;
		f->hang_up = i == 1;
		f->request[0] = '\0';
		http_client_start(f->client, &rq, done, f);
		run(f);
		if (f->reply.status != want[i])
			fail_msg("%zu: %d, %s", i, f->reply.status, f->reply.err.text);
		assert_string_equal(f->body, "");
		http_client_free(f->client);
		event_free(f->on_read);
		f->on_read = NULL;
		close(f->conn);
		f->conn = -1;
		event_add(f->on_accept, NULL); /* the next connection */
	}
	f->client = NULL;
	free(much);
}

struct parts {
	struct fixture *f;
	struct http_client_call *call;
	struct http_client_head head;
	struct event *on;
	size_t came;
	bool paused, was_paused;
};

static void
let_go_on(evutil_socket_t fd, short what, void *arg)
{
	struct parts *p = arg;

	(void)fd;
	(void)what;
	p->paused = false;
	http_client_pause(p->call, false);
}

static int
part_came(void *arg, const char *data, size_t len)
{
	const struct timeval soon = {.tv_usec = 20000};
	struct parts *p = arg;

	assert_false(p->paused);
	assert_int_equal(data[0], 'x');
	http_client_head(p->call, &p->head);
	p->came += len;
	if (!p->was_paused) {
		p->paused = p->was_paused = true;
		http_client_pause(p->call, true);
		event_add(p->on, &soon);
	}
	return 0;
}

static void
part_done(void *arg, const struct http_client_reply *reply)
{
	struct parts *p = arg;

	done(p->f, reply);
}

/* A part of a file: what its answer says of itself, and a pause in the midst. */
static void
a_part_of_a_file(void **state)
{
	enum { LEN = 100000 };
	static const char *const headers[] = {"Range: bytes=5-100004", NULL};
	struct fixture *f = *state;
	struct parts p = {.f = f};
	struct http_client_request rq = {
	    .method = "GET", .path = "/x", .headers = headers, .part = true};
	char *answer = str_alloc(LEN + 200);
	int n = snprintf(answer, 200,
	    "HTTP/1.1 206 Partial Content\r\nETag: \"e\"\r\nContent-Length: "
	    "100000\r\nContent-Range: bytes 5-100004/200000\r\n\r\n");

	memset(answer + n, 'x', LEN);
	f->answer = answer;
	p.on = evtimer_new(f->base, let_go_on, &p);
	p.call = http_client_stream(f->client, &rq, part_came, part_done, &p);
	run(f);
	assert_int_equal(f->reply.status, 206);
	assert_true(p.was_paused);
	assert_int_equal(p.came, LEN);
	assert_int_equal(p.head.status, 206);
	assert_int_equal(p.head.from, 5);
	assert_int_equal(p.head.to, 100005);
	assert_int_equal(p.head.total, 200000);
	assert_string_equal(p.head.etag, "\"e\"");
	assert_non_null(strstr(f->request, "\r\nRange: bytes=5-100004\r\n"));
	event_free(p.on);
	free(answer);
}

/* What says nothing that can be believed says nothing. */
static void
content_ranges_that_are_none(void **state)
{
	static const char *const bad[] = {"bytes 5-9/*", "bytes 9-5/20", "bytes 5-9/9",
	    "octets 5-9/20", "bytes 5-9/20x", "bytes -1-9/20"};
	struct fixture *f = *state;
	struct parts p = {.f = f, .was_paused = true};
	struct http_client_request rq = {.method = "GET", .path = "/x", .part = true};
	char answer[200];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(answer, sizeof(answer),
		    "HTTP/1.1 206 Partial Content\r\nContent-Length: "
		    "1\r\nContent-Range: %s\r\n\r\nx",
		    bad[i]);
		f->answer = answer;
		f->request[0] = '\0';
		p.call = http_client_stream(f->client, &rq, part_came, part_done, &p);
		run(f);
		assert_int_equal(p.head.from, -1);
		assert_int_equal(p.head.total, -1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(the_request_on_the_wire, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_post_without_body_says_so, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_refusal_is_an_answer, setup, teardown),
	    cmocka_unit_test_setup_teardown(half_an_answer_is_none, setup, teardown),
	    cmocka_unit_test_setup_teardown(silence_times_out, setup, teardown),
	    cmocka_unit_test_setup_teardown(nobody_listens, setup, teardown),
	    cmocka_unit_test_setup_teardown(cancelling_in_a_callback, setup, teardown),
	    cmocka_unit_test_setup_teardown(freeing_in_a_callback, setup, teardown),
	    cmocka_unit_test_setup_teardown(server_addresses, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_request_to_anywhere, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		an_answer_from_anywhere_is_bounded, setup, teardown),
	    cmocka_unit_test_setup_teardown(only_the_status_counts, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_part_of_a_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		content_ranges_that_are_none, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
