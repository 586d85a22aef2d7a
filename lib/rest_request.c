/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One request of the REST server: its parts, its peer, its one answer.
 *
 * Entry points: rest_param(), rest_query(), rest_body()… for handlers; rest_reply(),
 * rest_problem() or rest_sse_start() to answer. Ownership: a request lives from its
 * handler's call to its answer, or until the client goes away; what the accessors return
 * is borrowed from it. Failure modes: a client that goes away before the answer calls
 * `gone` once. libevent's evhttp stops reading while it waits for an answer and would not
 * notice, so the descriptor is watched for the peer's close (EPOLLRDHUP) beside it.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/json.h"
#include "lib/pack.h"
#include "lib/rest_priv.h"
#include "lib/str.h"

static struct bufferevent *
transport(const struct rest_request *rq)
{
	if (rq->conn != NULL)
		return rq->conn->bev;
	return evhttp_connection_get_bufferevent(evhttp_request_get_connection(rq->ev));
}

static const struct evhttp_uri *
uri_of(const struct rest_request *rq)
{
	return rq->conn != NULL ? rq->conn->uri : evhttp_request_get_evhttp_uri(rq->ev);
}

/* Ends our part of the request; the evhttp request has its own life. */
static void
request_free(struct rest_request *rq)
{
	if (rq->server->handling == rq)
		rq->server->handling = NULL;
	if (rq->on_closed != NULL)
		event_free(rq->on_closed);
	if (rq->conn != NULL && rq->conn->rq == rq)
		rq->conn->rq = NULL;
	if (rq->ev != NULL && evhttp_request_get_connection(rq->ev) != NULL)
		evhttp_connection_set_closecb(
		    evhttp_request_get_connection(rq->ev), NULL, NULL);
	for (size_t i = 0; i < rq->n_params; i++)
		free(rq->params[i].value);
	evhttp_clear_headers(&rq->query);
	json_decref(rq->body);
	free(rq->user);
	free(rq);
}

/* evhttp tells that the connection ends before the answer. */
static void
connection_closed(struct evhttp_connection *conn, void *arg)
{
	struct rest_request *rq = arg;
	void (*gone)(void *) = rq->gone;
	void *gone_arg = rq->gone_arg;
	struct evhttp_request *ev = rq->ev;

	(void)conn;
	request_free(rq);
	/* A connection that failed while an answer was being written lets go of its
	 * request, which is ours to free then. */
	if (evhttp_request_get_connection(ev) == NULL)
		evhttp_request_free(ev);
	if (gone != NULL)
		gone(gone_arg);
}

/* The peer closed its side; evhttp is not reading and has to be told. */
static void
peer_closed(evutil_socket_t fd, short what, void *arg)
{
	struct rest_request *rq = arg;

	(void)fd;
	(void)what;
	evhttp_connection_free(evhttp_request_get_connection(rq->ev));
}

struct rest_request *
rest_request_new(struct rest_server *s, struct evhttp_request *ev)
{
	struct rest_request *rq = str_alloc(sizeof(*rq));

	rq->server = s;
	rq->ev = ev;
	TAILQ_INIT(&rq->query);
	evhttp_connection_set_closecb(
	    evhttp_request_get_connection(ev), connection_closed, rq);
	return rq;
}

struct rest_request *
rest_request_new_web(struct rest_server *s, struct rest_conn *conn)
{
	struct rest_request *rq = str_alloc(sizeof(*rq));

	rq->server = s;
	rq->conn = conn;
	TAILQ_INIT(&rq->query);
	return rq;
}

void
rest_request_cancel(struct rest_request *rq)
{
	request_free(rq);
}

void
rest_request_gone(struct rest_request *rq)
{
	void (*gone)(void *) = rq->gone;
	void *gone_arg = rq->gone_arg;

	request_free(rq);
	if (gone != NULL)
		gone(gone_arg);
}

void
rest_request_defer(struct rest_request *rq)
{
	if (rq->conn != NULL) /* it reads on, and hears it by itself */
		return;
	rq->on_closed = event_new(rq->server->base, bufferevent_getfd(transport(rq)),
	    EV_CLOSED, peer_closed, rq);
	if (rq->on_closed == NULL || event_add(rq->on_closed, NULL) < 0)
		abort();
}

int
rest_request_read_query(struct rest_request *rq)
{
	const char *query = evhttp_uri_get_query(uri_of(rq));

	if (query == NULL || query[0] == '\0')
		return 0;
	return evhttp_parse_query_str(query, &rq->query) < 0 ? -EINVAL : 0;
}

int
rest_request_add_param(struct rest_request *rq, const char *name, size_t name_len,
    const char *encoded, size_t encoded_len)
{
	struct rest_param *param = &rq->params[rq->n_params];
	char *text, *value;
	size_t len = 0;

	if (rq->n_params == REST_PARAMS_MAX || name_len >= sizeof(param->name))
		return -EINVAL;
	text = str_alloc(encoded_len + 1);
	memcpy(text, encoded, encoded_len);
	value = evhttp_uridecode(text, 0, &len);
	free(text);
	if (value == NULL || strlen(value) != len) {
		free(value);
		return -EINVAL;
	}
	memcpy(param->name, name, name_len);
	param->name[name_len] = '\0';
	param->value = value;
	rq->n_params++;
	return 0;
}

const char *
rest_method(const struct rest_request *rq)
{
	if (rq->conn != NULL)
		return rq->conn->head.method;
	switch ((unsigned)evhttp_request_get_command(rq->ev)) {
	case EVHTTP_REQ_GET: return "GET";
	case EVHTTP_REQ_POST: return "POST";
	case EVHTTP_REQ_PUT: return "PUT";
	case EVHTTP_REQ_PATCH: return "PATCH";
	case EVHTTP_REQ_DELETE: return "DELETE";
	default: return "?";
	}
}

const char *
rest_path(const struct rest_request *rq)
{
	const char *path = evhttp_uri_get_path(uri_of(rq));

	return path != NULL ? path : "";
}

const char *
rest_param(const struct rest_request *rq, const char *name)
{
	for (size_t i = 0; i < rq->n_params; i++)
		if (str_eq(rq->params[i].name, name))
			return rq->params[i].value;
	return NULL;
}

const char *
rest_query(const struct rest_request *rq, const char *name)
{
	return evhttp_find_header(&rq->query, name);
}

const char *
rest_header(const struct rest_request *rq, const char *name)
{
	return evhttp_find_header(rq->conn != NULL
				      ? &rq->conn->head.fields
				      : evhttp_request_get_input_headers(rq->ev),
	    name);
}

struct rest_peer
rest_peer(const struct rest_request *rq)
{
	/* Nobody, until the kernel says who: an unknown peer must not pass for root. */
	struct ucred cred = {.uid = (uid_t)-1, .gid = (gid_t)-1};
	socklen_t len = sizeof(cred);

	if (rq->conn != NULL)
		return (struct rest_peer){.kind = REST_PEER_TCP,
		    .uid = (uid_t)-1,
		    .gid = (gid_t)-1,
		    .tls = rq->conn->tls,
		    .address = rq->conn->address};
	if (getsockopt(bufferevent_getfd(transport(rq)), SOL_SOCKET, SO_PEERCRED, &cred,
		&len) < 0)
		return (struct rest_peer){.uid = (uid_t)-1, .gid = (gid_t)-1};
	return (struct rest_peer){.uid = cred.uid, .gid = cred.gid, .pid = cred.pid};
}

int
rest_need(const struct rest_request *rq)
{
	return rq->route ? rq->route->need : 0;
}

const char *
rest_pattern(const struct rest_request *rq)
{
	return rq->route ? rq->route->pattern : "";
}

void
rest_set_user(struct rest_request *rq, const void *user, size_t size)
{
	free(rq->user);
	rq->user = str_alloc(size);
	memcpy(rq->user, user, size);
}

const void *
rest_user(const struct rest_request *rq)
{
	return rq->user;
}

void
rest_set_recorded(struct rest_request *rq)
{
	rq->recorded = true;
}

void
rest_on_problem(struct rest_server *s, rest_problem_fn *fn)
{
	s->on_problem = fn;
}

json_t *
rest_body(struct rest_request *rq, struct error *err)
{
	struct evbuffer *in =
	    rq->conn != NULL ? rq->conn->body : evhttp_request_get_input_buffer(rq->ev);
	size_t len = evbuffer_get_length(in);

	if (rq->body != NULL)
		return rq->body;
	if (len == 0)
		rq->body = json_object();
	else
		rq->body = json_parse((const char *)evbuffer_pullup(in, -1), len, err);
	return rq->body;
}

json_t *
rest_body_packed(struct rest_request *rq, size_t max, size_t *ret_len, struct error *err)
{
	struct evbuffer *in =
	    rq->conn != NULL ? rq->conn->body : evhttp_request_get_input_buffer(rq->ev);
	const char *encoding = rest_header(rq, "Content-Encoding");
	size_t len = evbuffer_get_length(in), n = 0;
	char *text = NULL;

	*ret_len = len;
	if (rq->body != NULL || encoding == NULL || strcasecmp(encoding, "identity") == 0)
		return rest_body(rq, err);
	if (strcasecmp(encoding, PACK_ENCODING) != 0) {
		error_set(err, -EINVAL, "bad-encoding",
		    "send it without Content-Encoding, or with " PACK_ENCODING,
		    "body: its Content-Encoding is not one that is taken here");
		return NULL;
	}
	if (pack_open((const char *)evbuffer_pullup(in, -1), len, max, &text, &n, err) ==
	    0)
		rq->body = json_parse(text, n, err);
	*ret_len = n;
	free(text);
	return rq->body;
}

void
rest_on_gone(struct rest_request *rq, void (*gone)(void *arg), void *arg)
{
	rq->gone = gone;
	rq->gone_arg = arg;
}

/* ---- answers ---- */

static const char *
status_title(int status)
{
	static const struct {
		int status;
		const char *title;
	} titles[] = {
	    {200, "OK"},
	    {201, "Created"},
	    {202, "Accepted"},
	    {204, "No Content"},
	    {206, "Partial Content"},
	    {304, "Not Modified"},
	    {400, "Bad Request"},
	    {401, "Unauthorized"},
	    {403, "Forbidden"},
	    {404, "Not Found"},
	    {405, "Method Not Allowed"},
	    {409, "Conflict"},
	    {412, "Precondition Failed"},
	    {421, "Misdirected Request"},
	    {413, "Content Too Large"},
	    {416, "Range Not Satisfiable"},
	    {422, "Unprocessable Content"},
	    {429, "Too Many Requests"},
	    {500, "Internal Server Error"},
	    {501, "Not Implemented"},
	    {503, "Service Unavailable"},
	    {504, "Gateway Timeout"},
	    {507, "Insufficient Storage"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		if (titles[i].status == status)
			return titles[i].title;
	return status < 400 ? "OK" : "Error";
}

static void
add_header(struct rest_request *rq, const char *name, const char *value)
{
	evhttp_add_header(
	    rq->conn != NULL ? &rq->conn->out : evhttp_request_get_output_headers(rq->ev),
	    name, value);
}

void
rest_add_header(struct rest_request *rq, const char *name, const char *value)
{
	add_header(rq, name, value);
}

/* Ends the request with what is in `out`, which is freed. */
static void
send_answer(struct rest_request *rq, int status, struct evbuffer *out)
{
	struct evhttp_request *ev = rq->ev;
	struct rest_conn *conn = rq->conn;

	request_free(rq);
	if (conn != NULL)
		rest_conn_reply(conn, status, status_title(status), out);
	else
		evhttp_send_reply(ev, status, status_title(status), out);
	evbuffer_free(out);
}

static void
free_text(const void *data, size_t len, void *text)
{
	(void)data;
	(void)len;
	free(text);
}

/* Takes text, which may be NULL. */
static void
answer_text(struct rest_request *rq, int status, char *text, const char *type)
{
	struct evbuffer *out = evbuffer_new();

	if (out == NULL)
		abort();
	if (text != NULL) {
		if (evbuffer_add_reference(out, text, strlen(text), free_text, text) < 0)
			abort();
		add_header(rq, "Content-Type", type);
	}
	send_answer(rq, status, out);
}

static void
answer(struct rest_request *rq, int status, json_t *body, const char *type)
{
	char *text = body != NULL ? json_text(body) : NULL;

	json_decref(body);
	answer_text(rq, status, text, type);
}

void
rest_reply_typed(struct rest_request *rq, int status, char *text, const char *type)
{
	answer_text(rq, status, text, type);
}

void
rest_reply_text(struct rest_request *rq, int status, char *text)
{
	answer_text(rq, status, text, "text/plain; charset=utf-8");
}

void
rest_reply_json(struct rest_request *rq, int status, char *text, const char *etag)
{
	if (etag != NULL)
		add_header(rq, "ETag", etag);
	answer_text(rq, status, text, "application/json");
}

/* Ends the request with the octets [from, end) of a file. Takes fd. */
static void
send_file(struct rest_request *rq, int status, int fd, int64_t from, int64_t end)
{
	struct rest_conn *conn = rq->conn;

	if (conn != NULL) {
		request_free(rq);
		rest_conn_reply_file(conn, status, status_title(status), fd, from, end);
		return;
	}
	struct evbuffer *out = evbuffer_new();

	if (out == NULL ||
	    (end > from && evbuffer_add_file(out, fd, from, end - from) < 0))
		abort();
	if (end <= from)
		close(fd);
	send_answer(rq, status, out);
}

void
rest_reply_file(struct rest_request *rq, int fd, int64_t size, const char *type)
{
	add_header(rq, "Content-Type", type);
	send_file(rq, 200, fd, 0, size);
}

void
rest_reply_part(struct rest_request *rq, int fd, int64_t from, int64_t end, int64_t size,
    const char *type)
{
	bool whole = from == 0 && end == size;
	char text[96];

	if (!whole) {
		snprintf(text, sizeof(text), "bytes %lld-%lld/%lld", (long long)from,
		    (long long)end - 1, (long long)size);
		add_header(rq, "Content-Range", text);
	}
	add_header(rq, "Accept-Ranges", "bytes");
	add_header(rq, "Content-Type", type);
	send_file(rq, whole ? 200 : 206, fd, from, end);
}

void
rest_reply_gzip(struct rest_request *rq, int status, char *octets, size_t size)
{
	struct evbuffer *out = evbuffer_new();

	if (out == NULL ||
	    evbuffer_add_reference(out, octets, size, free_text, octets) < 0)
		abort();
	add_header(rq, "Content-Type", "application/json");
	add_header(rq, "Content-Encoding", "gzip");
	send_answer(rq, status, out);
}

void
rest_reply_static(
    struct rest_request *rq, int status, const char *type, const void *data, size_t size)
{
	struct evbuffer *out = evbuffer_new();

	if (out == NULL || evbuffer_add_reference(out, data, size, NULL, NULL) < 0)
		abort();
	add_header(rq, "Content-Type", type);
	send_answer(rq, status, out);
}

void
rest_reply(struct rest_request *rq, int status, json_t *body, const char *etag)
{
	if (etag != NULL)
		add_header(rq, "ETag", etag);
	answer(rq, status, body, "application/json");
}

void
rest_problem(struct rest_request *rq, int status, const struct error *err, json_t *errors)
{
	json_t *v = json_object();

	if (rq->route != NULL && rq->server->on_problem != NULL && !rq->recorded)
		rq->server->on_problem(rq->server->arg, rq, status, err, errors);
	json_put_str(v, "type", "about:blank");
	json_put_str(v, "title", status_title(status));
	json_put_i64(v, "status", status);
	json_put_str(v, "detail", err->text);
	json_put_str(v, "code", err->code);
	json_put_str(v, "next", err->next);
	if (errors != NULL)
		json_put(v, "errors", errors);
	answer(rq, status, v, "application/problem+json");
}

/* ---- streams ---- */

void
rest_stream_start(struct rest_request *rq, const char *type)
{
	add_header(rq, "Content-Type", type);
	add_header(rq, "Cache-Control", "no-store");
	if (rq->conn != NULL) {
		rest_conn_stream_start(rq->conn);
		return;
	}
	evhttp_send_reply_start(rq->ev, 200, "OK");
	/* A stream may be silent for hours, both ways. */
	bufferevent_set_timeouts(transport(rq), NULL, NULL);
}

/* `out` is freed. */
static void
send_piece(struct rest_request *rq, struct evbuffer *out)
{
	if (rq->conn != NULL)
		rest_conn_stream_send(rq->conn, out);
	else
		evhttp_send_reply_chunk(rq->ev, out);
	evbuffer_free(out);
}

size_t
rest_stream_send(struct rest_request *rq, const char *data, size_t len)
{
	struct evbuffer *out = evbuffer_new();

	if (out == NULL || evbuffer_add(out, data, len) < 0)
		abort();
	send_piece(rq, out);
	return rest_stream_waiting(rq);
}

size_t
rest_stream_waiting(const struct rest_request *rq)
{
	return evbuffer_get_length(bufferevent_get_output(transport(rq)));
}

void
rest_stream_end(struct rest_request *rq)
{
	struct evhttp_request *ev = rq->ev;
	struct rest_conn *conn = rq->conn;
	bool stuck = rest_stream_waiting(rq) > REST_STREAM_LINGER_MAX;

	request_free(rq);
	if (conn != NULL)
		rest_conn_stream_end(conn, stuck);
	else if (stuck)
		evhttp_connection_free(evhttp_request_get_connection(ev));
	else
		evhttp_send_reply_end(ev);
}

/* ---- server-sent events ---- */

void
rest_sse_start(struct rest_request *rq)
{
	rest_stream_start(rq, "text/event-stream");
}

/* Adds "data: " lines; a line break inside the data begins another one (HTML, 9.2.6). */
static void
add_data(struct evbuffer *out, const char *data)
{
	for (;;) {
		size_t len = strcspn(data, "\r\n");

		evbuffer_add_printf(out, "data: %.*s\n", (int)len, data);
		if (data[len] == '\0')
			return;
		data += len + 1;
	}
}

size_t
rest_sse_send(struct rest_request *rq, const char *id, const char *data)
{
	struct evbuffer *out = evbuffer_new();

	if (out == NULL)
		abort();
	if (id != NULL)
		evbuffer_add_printf(out, "id: %s\n", id);
	if (data != NULL)
		add_data(out, data);
	else
		evbuffer_add_printf(out, ":\n");
	evbuffer_add_printf(out, "\n");
	send_piece(rq, out);
	return rest_stream_waiting(rq);
}

size_t
rest_sse_beat(struct rest_request *rq, const char *id)
{
	struct evbuffer *out = evbuffer_new();

	if (out == NULL)
		abort();
	evbuffer_add_printf(out, "event: beat\nid: %s\ndata:\n\n", id);
	send_piece(rq, out);
	return rest_stream_waiting(rq);
}

void
rest_sse_end(struct rest_request *rq)
{
	rest_stream_end(rq);
}
