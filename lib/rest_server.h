/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON over HTTP/1.1 on a unix socket, on libevent's evhttp (and on TCP: lib/rest_web.h): routes, peer credentials,
 * problem details (RFC 9457), deferred answers (long poll) and server-sent events. */
#ifndef LIB_REST_SERVER_H
#define LIB_REST_SERVER_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "lib/addr.h"
#include "lib/error.h"
#include "lib/log.h"

enum {
	REST_BODY_MAX = 16 * 1024 * 1024,
	/* A stream that ends with more than this unsent is reset: its reader is not reading, and would
	 * hold the memory. */
	REST_STREAM_LINGER_MAX = 256 * 1024,
};

enum rest_peer_kind {
	REST_PEER_UNIX, /* who it is says the kernel */
	REST_PEER_TCP,	/* nobody, until a token says */
};

struct rest_peer {
	enum rest_peer_kind kind;
	uid_t uid; /* of TCP -1, as of one that the kernel does not know */
	gid_t gid;
	pid_t pid;
	bool tls;
	struct addr_ip address; /* of TCP */
};

struct rest_request; /* valid until answered */

typedef void
rest_handler(void *arg, struct rest_request *rq);

struct rest_route {
	const char *method;
	const char *pattern; /* "/api/v1/hosts/{name}/lock" */
	rest_handler *handler;
	int need; /* whom it is for, in the program's own terms: rest_need() */
};

struct rest_server;

/* Binds the socket (mode 0660, group `group` when it exists); a stale socket file is
 * replaced, a live one is refused: code "socket-in-use". Routes are borrowed. */
struct rest_server *
rest_server_new(struct event_base *base, const struct log *log, const char *socket_path,
    const char *group, const struct rest_route *routes, size_t n_routes, void *arg,
    struct error *err);
void
rest_server_free(struct rest_server *s);
/* Requests whose handler took longer than 50 ms. */
long long
rest_server_slow(const struct rest_server *s);

const char *
rest_method(const struct rest_request *rq);
const char *
rest_path(const struct rest_request *rq);
const char *
rest_param(const struct rest_request *rq, const char *name); /* {name}; decoded */
const char *
rest_query(const struct rest_request *rq, const char *name); /* decoded or NULL */
const char *
rest_header(const struct rest_request *rq, const char *name);
struct rest_peer
rest_peer(const struct rest_request *rq);
/* What the request's route says of whom it is for. */
int
rest_need(const struct rest_request *rq);
/* The path of its route, "/api/v1/hosts/{name}/lock"; "" while there is none. */
const char *
rest_pattern(const struct rest_request *rq);
/* Who asks, in the program's own terms: kept as a copy of `size` octets, NULL before it was set. */
void
rest_set_user(struct rest_request *rq, const void *user, size_t size);
const void *
rest_user(const struct rest_request *rq);
/* The program has recorded by itself that the request is refused. */
void
rest_set_recorded(struct rest_request *rq);

/* Told of every refusal of a request that has a route, before it is answered, unless it was recorded. */
typedef void
rest_problem_fn(void *arg, struct rest_request *rq, int status, const struct error *err,
    const json_t *errors);
void
rest_on_problem(struct rest_server *s, rest_problem_fn *fn);
/* Answers what has no route; without it that is 404, or 405 for a path that has one under another method. */
void
rest_on_unknown(struct rest_server *s, rest_handler *handler);
/* The parsed body (borrowed), or NULL with *err; an absent body is an empty object. */
json_t *
rest_body(struct rest_request *rq, struct error *err);

/* The same where a body may be packed (lib/pack.h), to `max` octets of text; *ret_len: the octets of its text. */
json_t *
rest_body_packed(struct rest_request *rq, size_t max, size_t *ret_len, struct error *err);

/* Each answers once and ends the request. body is taken; etag may be NULL. */
void
rest_reply(struct rest_request *rq, int status, json_t *body, const char *etag);
/* text/plain, of this server's own making. Takes text. */
void
rest_reply_text(struct rest_request *rq, int status, char *text);
/* The same of a JSON text that is there already: takes it. */
void
rest_reply_json(struct rest_request *rq, int status, char *text, const char *etag);
/* `size` octets that outlive the server: a file of the program's own. */
void
rest_reply_static(
    struct rest_request *rq, int status, const char *type, const void *data, size_t size);
/* A header field of the answer to come. */
void
rest_add_header(struct rest_request *rq, const char *name, const char *value);
/* The same of another type. */
void
rest_reply_typed(struct rest_request *rq, int status, char *text, const char *type);
/* `size` octets of JSON in gzip: takes them. */
void
rest_reply_gzip(struct rest_request *rq, int status, char *octets, size_t size);
/* The first `size` octets of an open file. Takes fd. */
void
rest_reply_file(struct rest_request *rq, int fd, int64_t size, const char *type);
/* The octets [from, end) of an open file of `size`: 200 when that is all of it, else 206 with Content-Range. Takes fd. */
void
rest_reply_part(struct rest_request *rq, int fd, int64_t from, int64_t end, int64_t size,
    const char *type);
/* application/problem+json with type, title, status, detail, code, next and `errors`
 * (taken, may be NULL: a list of {host|pointer, code, text, next}). */
void
rest_problem(
    struct rest_request *rq, int status, const struct error *err, json_t *errors);

/* Deferred: called when the client goes away before the answer; rq is invalid afterwards.
 */
void
rest_on_gone(struct rest_request *rq, void (*gone)(void *arg), void *arg);

/* An answer (200) in pieces: after rest_stream_start the request stays open until rest_stream_end or gone.
 * Both tell the octets waiting in the socket, so that a slow reader is waited for, or dropped. */
void
rest_stream_start(struct rest_request *rq, const char *type);
size_t
rest_stream_send(struct rest_request *rq, const char *data, size_t len);
size_t
rest_stream_waiting(const struct rest_request *rq);
void
rest_stream_end(struct rest_request *rq);

/* Server-sent events: after rest_sse_start the request stays open until rest_sse_end or
 * gone. Returns the octets waiting in the socket, so that a slow reader can be dropped.
 */
void
rest_sse_start(struct rest_request *rq);
size_t
rest_sse_send(struct rest_request *rq, const char *id, const char *data);
/* An event "beat" without data: a browser's script is told of it, as it is not of a comment. */
size_t
rest_sse_beat(struct rest_request *rq, const char *id);
void
rest_sse_end(struct rest_request *rq);

#endif
