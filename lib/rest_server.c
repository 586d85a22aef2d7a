/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The REST server's socket and routes, on libevent's evhttp.
 *
 * Entry points: rest_server_new(), rest_server_free(). Requests are in rest_request.c.
 * Ownership: the server owns its listener, its socket file and all open requests; routes,
 * log and base are borrowed. Failure modes: a path that another process serves is refused
 * ("socket-in-use"), a file there that is no socket is never removed. A handler that
 * takes longer than 50 ms is logged. Where descriptors are short, who comes waits in the backlog, and
 * the loop goes on for the others.
 */
#include "lib/rest_server.h"

#include <errno.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/rest_priv.h"
#include "lib/str.h"

enum {
	HEADERS_MAX = 64 * 1024,
	IDLE_TIMEOUT_S = 60,
	BACKLOG = 4096, /* after a restart a thousand agents come at once */
	SLOW_HANDLER_MS = 50,
	SOCKET_MODE = 0660,
};

#define PAUSE_US (100 * USEC_PER_MSEC)
#define IDLE_RESUME_US (3600 * USEC_PER_SEC)
#define TELL_EVERY_US (60 * USEC_PER_SEC)

/* ---- routes ---- */

/* Compares a path with a pattern, part by part; fills rq's parameters when it is given. A
 * part in braces matches anything but nothing. */
static bool
pattern_matches(
    const char *pattern, const char *path, struct rest_request *rq, bool *ret_bad)
{
	for (;;) {
		size_t plen = strcspn(pattern, "/"), len = strcspn(path, "/");

		if (pattern[0] == '{') {
			if (len == 0)
				return false;
			if (rq != NULL && rest_request_add_param(
					      rq, pattern + 1, plen - 2, path, len) < 0)
				*ret_bad = true;
		} else if (plen != len || strncmp(pattern, path, len) != 0) {
			return false;
		}
		pattern += plen;
		path += len;
		if (pattern[0] == '\0' || path[0] == '\0')
			return pattern[0] == path[0];
		pattern++;
		path++;
	}
}

static void
refuse(struct rest_request *rq, int status, const char *code, const char *text)
{
	struct error err;

	error_set(&err, 0, code, "see docs/api.md for what this server understands", "%s",
	    text);
	rest_problem(rq, status, &err, NULL);
}

/* "The origin server MUST generate an Allow header field in a 405 response" (RFC 9110 15.5.6). */
static void
refuse_method(struct rest_request *rq, const char *allowed)
{
	rest_add_header(rq, "Allow", allowed);
	refuse(rq, 405, "method-not-allowed", "this resource does not know that method");
}

/* The route of a request, or NULL after an answer. */
static const struct rest_route *
find_route(const struct rest_server *s, struct rest_request *rq, bool closed)
{
	char allowed[64] = "";
	bool bad = false;

	for (size_t i = 0; !closed && i < s->n_routes; i++) {
		const struct rest_route *route = &s->routes[i];

		if (!pattern_matches(route->pattern, rest_path(rq), NULL, NULL))
			continue;
		if (strcmp(route->method, rest_method(rq)) != 0) {
			size_t len = strlen(allowed);
			str_clip(allowed + len, sizeof(allowed) - len, len ? ", " : "");
			len = strlen(allowed);
			str_clip(allowed + len, sizeof(allowed) - len, route->method);
			continue;
		}
		(void)pattern_matches(route->pattern, rest_path(rq), rq, &bad);
		if (!bad)
			return route;
		refuse(rq, 400, "bad-path", "the path is not properly encoded");
		return NULL;
	}
	if (s->on_unknown != NULL && !closed)
		s->on_unknown(s->arg, rq);
	else if (allowed[0])
		refuse_method(rq, allowed);
	else
		refuse(rq, 404, "not-found", "there is no such resource");
	return NULL;
}

void
rest_server_serve(struct rest_server *s, struct rest_request *rq, bool closed)
{
	const struct rest_route *route;
	int64_t began = clock_mono();
	int took_ms;

	if (rest_request_read_query(rq) < 0) {
		refuse(rq, 400, "bad-query", "the query is not properly encoded");
		return;
	}
	route = find_route(s, rq, closed);
	if (route == NULL)
		return;
	rq->route = route;
	s->handling = rq;
	route->handler(s->arg, rq);
	if (s->handling == rq)
		rest_request_defer(rq);
	s->handling = NULL;
	took_ms = (int)((clock_mono() - began) / USEC_PER_MSEC);
	s->slow += took_ms > SLOW_HANDLER_MS;
	if (took_ms > SLOW_HANDLER_MS)
		log_warn(
		    s->log, "%s %s took %d ms", route->method, route->pattern, took_ms);
}

static void
on_request(struct evhttp_request *ev, void *arg)
{
	rest_server_serve(arg, rest_request_new(arg, ev), false);
}

/* ---- the socket ---- */

static int
path_error(struct error *err, int r, const char *path, const char *what)
{
	return error_set(err, r, "socket-path", "check the directory and its permissions",
	    "socket %s: %s: %s", path, what, strerror(-r));
}

/* Removes a socket file that nobody listens on. */
static int
clear_stale(const struct sockaddr_un *sun, const char *path, struct error *err)
{
	struct stat st;
	int fd, r;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0
				       : path_error(err, -errno, path, "looking at it");
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, -EEXIST, "socket-path", "move that file away",
		    "socket %s: another kind of file has that name", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return path_error(err, -errno, path, "making a socket");
	r = connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) < 0 ? -errno : 0;
	close(fd);
	/* Only a refusal proves that nobody listens; a full backlog is -EAGAIN. */
	if (r != -ECONNREFUSED)
		return error_set(err, -EADDRINUSE, "socket-in-use",
		    "stop the other process, or configure another path",
		    "socket %s: another process serves it", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return path_error(err, -errno, path, "removing the stale one");
	return 0;
}

/* Mode and group of the socket file. A missing group leaves it to root. */
static int
set_access(const char *path, const char *group, struct error *err)
{
	const struct group *gr = group != NULL ? getgrnam(group) : NULL;

	/* Not being root, one may only give it to groups one is in. */
	if (gr != NULL && chown(path, (uid_t)-1, gr->gr_gid) < 0 && errno != EPERM)
		return path_error(err, -errno, path, "setting its group");
	if (chmod(path, SOCKET_MODE) < 0)
		return path_error(err, -errno, path, "setting its mode");
	return 0;
}

static int
open_socket(const char *path, const char *group, int *ret_fd, struct error *err)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd, r;

	if (str_copy(sun.sun_path, sizeof(sun.sun_path), path) < 0)
		return error_set(err, -ENAMETOOLONG, "socket-path",
		    "configure a shorter path", "socket %s: longer than %zu octets", path,
		    sizeof(sun.sun_path) - 1);
	r = clear_stale(&sun, path, err);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return path_error(err, -errno, path, "making a socket");
	/* On Linux bind() gives the file this mode: it is never open to all, not for an
	 * instant. */
	(void)fchmod(fd, SOCKET_MODE);
	if (bind(fd, (const struct sockaddr *)&sun, sizeof(sun)) < 0) {
		r = path_error(err, -errno, path, "binding");
		goto out;
	}
	r = set_access(path, group, err);
	if (r == 0 && listen(fd, BACKLOG) < 0)
		r = path_error(err, -errno, path, "listening");
	if (r < 0)
		unlink(path);
out:
	if (r < 0)
		close(fd);
	else
		*ret_fd = fd;
	return r;
}

/* ---- who comes ---- */

static void
wait_for_resume(struct rest_server *s, int64_t us)
{
	struct timeval tv = {us / USEC_PER_SEC, us % USEC_PER_SEC};

	event_add(s->resume, &tv);
}

/* Also now and then while nothing is paused, which changes nothing: see server_of(). */
static void
on_resume(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct rest_server *s = arg;

	evconnlistener_enable(s->listener);
	wait_for_resume(s, IDLE_RESUME_US);
}

struct search {
	const struct evconnlistener *listener;
	struct rest_server *found;
};

static int
is_of(const struct event_base *base UNUSED, const struct event *ev, void *arg)
{
	struct search *search = arg;
	struct rest_server *s = event_get_callback_arg(ev);

	if (event_get_callback(ev) != on_resume || s->listener != search->listener)
		return 0;
	search->found = s;
	return 1;
}

/* libevent hands the callback of errors what belongs to the other one, and that is evhttp's. So the server is found
 * by the event that it always has. */
static struct rest_server *
server_of(struct evconnlistener *listener)
{
	struct search search = {.listener = listener};

	event_base_foreach_event(evconnlistener_get_base(listener), is_of, &search);
	return search.found;
}

/* A connection that cannot be accepted stays in the backlog, and the socket ready: asked again at once, the loop would
 * do nothing else. */
static void
on_accept_error(struct evconnlistener *listener, void *arg UNUSED)
{
	int error = EVUTIL_SOCKET_ERROR();
	struct rest_server *s = server_of(listener);
	int64_t now = clock_mono();

	if (s == NULL)
		return;
	evconnlistener_disable(listener);
	wait_for_resume(s, PAUSE_US);
	if (s->told_at != 0 && now - s->told_at < TELL_EVERY_US)
		return;
	s->told_at = now;
	log_warn(s->log,
	    "socket %s: who connects has to wait: %s (LimitNOFILE=, ulimit -n raise it)",
	    s->socket_path, strerror(error));
}

/* The socket is evhttp's from here on. */
static void
accept_from(struct rest_server *s, int fd)
{
	struct evhttp_bound_socket *bound = evhttp_accept_socket_with_handle(s->http, fd);

	s->resume = event_new(s->base, -1, 0, on_resume, s);
	if (bound == NULL || s->resume == NULL)
		abort();
	s->listener = evhttp_bound_socket_get_listener(bound);
	evconnlistener_set_error_cb(s->listener, on_accept_error);
	wait_for_resume(s, IDLE_RESUME_US);
}

struct rest_server *
rest_server_new(struct event_base *base, const struct log *log, const char *socket_path,
    const char *group, const struct rest_route *routes, size_t n_routes, void *arg,
    struct error *err)
{
	struct rest_server *s;
	int fd = -1;

	if (open_socket(socket_path, group, &fd, err) < 0)
		return NULL;
	s = str_alloc(sizeof(*s));
	*s = (struct rest_server){.base = base,
	    .log = log,
	    .http = evhttp_new(base),
	    .socket_path = str_dup(socket_path),
	    .routes = routes,
	    .n_routes = n_routes,
	    .arg = arg};
	if (s->http == NULL)
		abort();
	accept_from(s, fd);
	evhttp_set_allowed_methods(s->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST |
						EVHTTP_REQ_PUT | EVHTTP_REQ_PATCH |
						EVHTTP_REQ_DELETE);
	evhttp_set_max_body_size(s->http, REST_BODY_MAX);
	evhttp_set_max_headers_size(s->http, HEADERS_MAX);
	evhttp_set_timeout(s->http, IDLE_TIMEOUT_S);
	evhttp_set_gencb(s->http, on_request, s);
	return s;
}

void
rest_server_free(struct rest_server *s)
{
	if (s == NULL)
		return;
	rest_web_free(s->web);
	unlink(s->socket_path);
	event_free(s->resume);
	evhttp_free(s->http); /* closes the connections; their requests hear `gone` */
	free(s->socket_path);
	free(s);
}

void
rest_on_unknown(struct rest_server *s, rest_handler *handler)
{
	s->on_unknown = handler;
}

long long
rest_server_slow(const struct rest_server *s)
{
	return s->slow;
}
