/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/rest_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/http_client.h"
#include "lib/json.h"
#include "lib/str.h"

/* Server and client on one loop; a watchdog ends a loop that hangs. */
struct fixture {
	struct event_base *base;
	struct log log;
	char dir[64], path[96], server[104];
	struct rest_server *rest;
	struct http_client *client;
	struct rest_request *deferred;
	int gone;
	int status;
	char body[4096], etag[80], code[ERROR_CODE_SIZE];
	int answers;
	char chunks[4096];
	int stop_after; /* chunks; 0: never */
};

static void
get_host(void *arg, struct rest_request *rq)
{
	json_t *v = json_object();

	(void)arg;
	json_put_str(v, "name", rest_param(rq, "name"));
	json_put_str(v, "path", rest_path(rq));
	json_put_str(v, "method", rest_method(rq));
	json_put_str(v, "site", rest_query(rq, "site"));
	json_put_str(v, "key", rest_header(rq, "Idempotency-Key"));
	json_put_bool(
	    v, "me", rest_peer(rq).uid == getuid() && rest_peer(rq).pid == getpid());
	rest_reply(rq, 200, v, "\"e1\"");
}

static void
echo(void *arg, struct rest_request *rq)
{
	struct error err;
	json_t *body = rest_body(rq, &err);

	(void)arg;
	if (body == NULL)
		rest_problem(rq, 400, &err, NULL);
	else
		rest_reply(rq, 202, json_incref(body), NULL);
}

static void
nothing(void *arg, struct rest_request *rq)
{
	(void)arg;
	rest_reply(rq, 204, NULL, NULL);
}

static void
conflict(void *arg, struct rest_request *rq)
{
	struct error err;

	(void)arg;
	error_set(&err, 0, "host-locked", "Unlock it.", "edge01 is locked");
	rest_problem(rq, 409, &err, json_pack("[{s:s}]", "host", "edge01"));
}

static void
on_gone(void *arg)
{
	struct fixture *f = arg;

	f->gone++;
	f->deferred = NULL;
	event_base_loopbreak(f->base);
}

static void
later(void *arg, struct rest_request *rq)
{
	struct fixture *f = arg;

	f->deferred = rq;
	rest_on_gone(rq, on_gone, f);
	event_base_loopbreak(f->base);
}

static void
stream(void *arg, struct rest_request *rq)
{
	struct fixture *f = arg;

	f->deferred = rq;
	rest_on_gone(rq, on_gone, f);
	rest_sse_start(rq);
	rest_sse_send(rq, "1", "{\"a\":1}");
	rest_sse_send(rq, NULL, "x\ny");
	rest_sse_send(rq, NULL, NULL);
}

static const struct rest_route routes[] = {
    {"GET", "/api/v1/hosts/{name}", get_host, 0},
    {"DELETE", "/api/v1/hosts/{name}", nothing, 0},
    {"POST", "/api/v1/echo", echo, 0},
    {"POST", "/api/v1/hosts/{name}/lock", conflict, 0},
    {"GET", "/api/v1/later", later, 0},
    {"GET", "/api/v1/stream", stream, 0},
};

static int
setup(void **state)
{
	struct fixture *f = str_alloc(sizeof(*f));
	struct error err;

	f->base = event_base_new();
	f->log = log_init("test", LOG_LEVEL_ERROR);
	str_clip(f->dir, sizeof(f->dir), "/tmp/netboot-rest-XXXXXX");
	if (mkdtemp(f->dir) == NULL)
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/sock", f->dir);
	snprintf(f->server, sizeof(f->server), "unix:%s", f->path);
	f->rest = rest_server_new(f->base, &f->log, f->path, "no-such-group", routes,
	    sizeof(routes) / sizeof(routes[0]), f, &err);
	f->client = http_client_new(f->base, f->server, NULL, &err);
	*state = f;
	return f->rest != NULL && f->client != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	http_client_free(f->client);
	rest_server_free(f->rest);
	event_base_free(f->base);
	rmdir(f->dir);
	free(f);
	return 0;
}

static void
on_done(void *arg, const struct http_client_reply *reply)
{
	struct fixture *f = arg;

	f->answers++;
	f->status = reply->status;
	str_clip(f->body, sizeof(f->body), reply->body);
	str_clip(f->etag, sizeof(f->etag), reply->etag);
	str_clip(f->code, sizeof(f->code), reply->err.code);
	event_base_loopbreak(f->base);
}

static struct http_client_call *
begin(struct fixture *f, const char *method, const char *path, const char *body)
{
	struct http_client_request rq = {.method = method,
	    .path = path,
	    .body = body,
	    .idempotency_key = "k1",
	    .timeout_us = 20000000};

	return http_client_start(f->client, &rq, on_done, f);
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
ask(struct fixture *f, const char *method, const char *path, const char *body)
{
	begin(f, method, path, body);
	run(f);
}

static void
a_route_with_its_parts(void **state)
{
	struct fixture *f = *state;

	ask(f, "GET", "/api/v1/hosts/edge01%2elos?site=l%20o", NULL);
	assert_int_equal(f->status, 200);
	assert_string_equal(f->body,
	    "{\"name\":\"edge01.los\",\"path\":\"/api/v1/hosts/edge01%2elos\","
	    "\"method\":\"GET\",\"site\":\"l o\",\"key\":\"k1\",\"me\":true}");
	assert_string_equal(f->etag, "\"e1\"");
}

static void
bodies(void **state)
{
	struct fixture *f = *state;

	ask(f, "POST", "/api/v1/echo", "{\"x\":[1,2]}");
	assert_int_equal(f->status, 202);
	assert_string_equal(f->body, "{\"x\":[1,2]}");
	ask(f, "POST", "/api/v1/echo", NULL);
	assert_string_equal(f->body, "{}");
	ask(f, "POST", "/api/v1/echo", "{oops");
	assert_int_equal(f->status, 400);
	assert_non_null(strstr(f->body, "\"code\":\"bad-json\""));
	ask(f, "DELETE", "/api/v1/hosts/a", NULL);
	assert_int_equal(f->status, 204);
	assert_string_equal(f->body, "");
}

static void
large_bodies(void **state)
{
	struct fixture *f = *state;
	size_t len = 3 * 1024 * 1024;
	char *body = str_alloc(len + 1);

	memset(body, ' ', len);
	memcpy(body, "[1", 2);
	body[len - 1] = ']';
	ask(f, "POST", "/api/v1/echo", body);
	assert_int_equal(f->status, 202);
	assert_string_equal(f->body, "[1]");
	free(body);
}

static void
problems(void **state)
{
	struct fixture *f = *state;

	ask(f, "POST", "/api/v1/hosts/edge01/lock", "{}");
	assert_int_equal(f->status, 409);
	assert_string_equal(f->body,
	    "{\"type\":\"about:blank\",\"title\":\"Conflict\",\"status\":409,"
	    "\"detail\":\"edge01 is locked\",\"code\":\"host-locked\",\"next\":\"Unlock "
	    "it.\","
	    "\"errors\":[{\"host\":\"edge01\"}]}");
	ask(f, "GET", "/api/v1/nothing", NULL);
	assert_int_equal(f->status, 404);
	ask(f, "GET", "/api/v1/hosts/", NULL);
	assert_int_equal(f->status, 404);
	ask(f, "GET", "/api/v1/hosts/a/b", NULL);
	assert_int_equal(f->status, 404);
	ask(f, "PUT", "/api/v1/hosts/a", NULL);
	assert_int_equal(f->status, 405);
	ask(f, "GET", "/api/v1/hosts/a%00b", NULL);
	assert_int_equal(f->status, 400);
}

static void
answers_may_come_later(void **state)
{
	struct fixture *f = *state;

	ask(f, "GET", "/api/v1/later", NULL);
	assert_non_null(f->deferred);
	assert_int_equal(f->answers, 0);
	rest_reply(f->deferred, 200, json_object(), NULL);
	run(f);
	assert_int_equal(f->status, 200);
	assert_int_equal(f->gone, 0);
	/* The connection is kept and good for another request. */
	ask(f, "GET", "/api/v1/hosts/a", NULL);
	assert_int_equal(f->status, 200);
}

static void
a_client_that_goes_away_is_noticed(void **state)
{
	struct fixture *f = *state;
	struct http_client_call *call = begin(f, "GET", "/api/v1/later", NULL);

	run(f);
	assert_non_null(f->deferred);
	http_client_cancel(call);
	run(f);
	assert_int_equal(f->gone, 1);
	assert_int_equal(f->answers, 0);
}

static int
raw(const struct fixture *f, const char *text)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	str_clip(sun.sun_path, sizeof(sun.sun_path), f->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	return fd;
}

static void
count_answer(evutil_socket_t fd, short what, void *arg)
{
	struct fixture *f = arg;

	(void)what;
	f->answers++;
	assert_true(read(fd, f->body, sizeof(f->body) - 1) > 0);
	event_base_loopbreak(f->base);
}

static void
pass_by(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

/* The loop turned 30,000 times a second, for as long as descriptors were short. */
static void
without_descriptors_the_loop_rests(void **state)
{
	struct fixture *f = *state;
	struct timeval window = {.tv_usec = 350000};
	struct rlimit old, none;
	int turns = 0, fd = raw(f, "GET /api/v1/hosts/a HTTP/1.1\r\nHost: x\r\n\r\n");
	struct event *end = event_new(f->base, -1, 0, pass_by, NULL);
	struct event *reply = event_new(f->base, fd, EV_READ, count_answer, f);

	event_add(end, &window);
	event_add(reply, NULL);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = (struct rlimit){0, old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	while (event_pending(end, EV_TIMEOUT, NULL) && turns < 1000) {
		event_base_loop(f->base, EVLOOP_ONCE);
		turns++;
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_in_range(turns, 1, 50);
	assert_int_equal(f->answers, 0);
	/* Who came meanwhile is answered when there is room again. */
	run(f);
	assert_int_equal(f->answers, 1);
	assert_non_null(strstr(f->body, "\"name\":\"a\""));
	event_free(end);
	event_free(reply);
	close(fd);
}

static void
pipelined_requests_wait_for_the_deferred_one(void **state)
{
	struct fixture *f = *state;
	char buf[2048] = "";
	size_t len = 0;
	int fd = raw(f, "GET /api/v1/later HTTP/1.1\r\nHost: x\r\n\r\n"
			"DELETE /api/v1/hosts/a HTTP/1.1\r\nHost: x\r\n\r\n");

	run(f);
	assert_non_null(f->deferred);
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	rest_reply(f->deferred, 200, json_object(), NULL);
	while (strstr(buf, "204 No Content") == NULL) {
		ssize_t n = recv(fd, buf + len, sizeof(buf) - 1 - len, MSG_DONTWAIT);

		if (n > 0)
			len += (size_t)n;
		buf[len] = '\0';
		event_base_loop(f->base, EVLOOP_NONBLOCK);
	}
	assert_non_null(strstr(buf, "200 OK"));
	close(fd);
}

static int
on_chunk(void *arg, const char *data, size_t len)
{
	struct fixture *f = arg;
	size_t have = strlen(f->chunks);

	if (have + len < sizeof(f->chunks))
		memcpy(f->chunks + have, data, len);
	if (strstr(f->chunks, ":\n\n") != NULL)
		event_base_loopbreak(f->base);
	return f->stop_after > 0 && --f->stop_after == 0 ? 1 : 0;
}

static struct http_client_call *
begin_stream(struct fixture *f)
{
	struct http_client_request rq = {.method = "GET", .path = "/api/v1/stream"};

	return http_client_stream(f->client, &rq, on_chunk, on_done, f);
}

static void
events_stream_until_the_end(void **state)
{
	struct fixture *f = *state;

	begin_stream(f);
	run(f);
	assert_string_equal(
	    f->chunks, "id: 1\ndata: {\"a\":1}\n\ndata: x\ndata: y\n\n:\n\n");
	rest_sse_end(f->deferred);
	run(f);
	assert_int_equal(f->answers, 1);
	assert_int_equal(f->status, 200);
	assert_int_equal(f->gone, 0);
}

static void
a_stream_ends_from_either_side(void **state)
{
	struct fixture *f = *state;
	struct http_client_call *call;

	f->stop_after = 1;
	begin_stream(f);
	while (f->answers == 0 || f->gone == 0)
		run(f);
	assert_int_equal(f->status, 200);
	assert_int_equal(f->gone, 1);
	f->chunks[0] = '\0';
	memset(f->chunks, 0, sizeof(f->chunks));
	call = begin_stream(f);
	run(f);
	http_client_cancel(call);
	while (f->gone < 2)
		run(f);
	assert_int_equal(f->answers, 1);
}

static void
a_slow_reader_shows_and_is_dropped(void **state)
{
	struct fixture *f = *state;
	char *data = str_alloc(100001);
	size_t waiting = 0;
	int fd = raw(f, "GET /api/v1/stream HTTP/1.1\r\nHost: x\r\n\r\n");

	memset(data, 'x', 100000);
	while (f->deferred == NULL)
		event_base_loop(f->base, EVLOOP_ONCE);
	for (int i = 0; i < 50; i++) {
		waiting = rest_sse_send(f->deferred, NULL, data);
		event_base_loop(f->base, EVLOOP_NONBLOCK);
	}
	assert_true(waiting > 1000000);
	rest_sse_end(f->deferred);
	/* Reset: the reader gets what the kernel held, then the end. */
	for (;;) {
		ssize_t n = recv(fd, data, 100000, 0);

		if (n <= 0)
			break;
	}
	assert_int_equal(f->gone, 0);
	close(fd);
	free(data);
}

static void
the_socket_is_guarded(void **state)
{
	struct fixture *f = *state;
	struct rest_server *second;
	struct error err;
	struct stat st;
	char other[128];
	FILE *file;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	second = rest_server_new(f->base, &f->log, f->path, NULL, routes, 1, f, &err);
	assert_null(second);
	assert_string_equal(err.code, "socket-in-use");
	snprintf(other, sizeof(other), "%s/file", f->dir);
	file = fopen(other, "w");
	assert_non_null(file);
	fclose(file);
	assert_null(rest_server_new(f->base, &f->log, other, NULL, routes, 1, f, &err));
	assert_string_equal(err.code, "socket-path");
	assert_int_equal(unlink(other), 0);
	assert_null(rest_server_new(
	    f->base, &f->log, "/nonexistent/s", NULL, routes, 1, f, &err));
	memset(other, 'x', sizeof(other));
	other[sizeof(other) - 1] = '\0';
	assert_null(rest_server_new(f->base, &f->log, other, NULL, routes, 1, f, &err));
}

static void
a_stale_socket_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct rest_server *s;
	struct error err;
	char stale[128];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(stale, sizeof(stale), "%s/stale", f->dir);
	str_clip(sun.sun_path, sizeof(sun.sun_path), stale);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd);
	s = rest_server_new(f->base, &f->log, stale, NULL, routes, 1, f, &err);
	assert_non_null(s);
	rest_server_free(s);
	assert_int_equal(access(stale, F_OK), -1);
}

static void
freeing_the_server_tells_open_requests(void **state)
{
	struct fixture *f = *state;

	begin(f, "GET", "/api/v1/later", NULL);
	run(f);
	assert_non_null(f->deferred);
	rest_server_free(f->rest);
	f->rest = NULL;
	assert_int_equal(f->gone, 1);
	run(f);
	assert_int_equal(f->status, 0);
	assert_string_equal(f->code, "server-unreachable");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		without_descriptors_the_loop_rests, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_route_with_its_parts, setup, teardown),
	    cmocka_unit_test_setup_teardown(bodies, setup, teardown),
	    cmocka_unit_test_setup_teardown(large_bodies, setup, teardown),
	    cmocka_unit_test_setup_teardown(problems, setup, teardown),
	    cmocka_unit_test_setup_teardown(answers_may_come_later, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_client_that_goes_away_is_noticed, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		pipelined_requests_wait_for_the_deferred_one, setup, teardown),
	    cmocka_unit_test_setup_teardown(events_stream_until_the_end, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_stream_ends_from_either_side, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_slow_reader_shows_and_is_dropped, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_socket_is_guarded, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_stale_socket_is_replaced, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		freeing_the_server_tells_open_requests, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
