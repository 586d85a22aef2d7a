// SPDX-License-Identifier: GPL-3.0-or-later
/* HTTP/1.1 on one TCP connection, for strangers: evhttp reads a body of any client whole, however slowly it comes,
 * before anybody is asked whose it is. Here every state has an end in time, and the size of a body is
 * decided with its head.
 *
 *   HEAD -> BODY -> HANDLING -> WRITING -> HEAD        on_read(), rest_conn_reply(), on_write()
 *                   HANDLING -> STREAM  -> WRITING     rest_conn_stream_start(), rest_conn_stream_end()
 *                               WRITING -> LINGER      on_write(): then it is closed
 *
 * Entry points: rest_conn_new(), and the answers. A connection owns its bufferevent and frees itself when the
 * client goes or is too slow; it tells its server before (`closed`), and its request's handler (`gone`).
 * Pipelined requests are answered in turn: the next is not looked at before the last octet of the
 * answer has left. Failure modes: a request that is none is refused with its status, and the connection closed. */
#include "lib/rest_conn.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/rest_tls.h"
#include "lib/str.h"

enum {
	HEAD_S = 15,	    /* handshake and head */
	IDLE_S = 60,	    /* between requests */
	BODY_S = 15,	    /* and in addition, what SLOWEST makes of its size */
	WRITE_S = 30,	    /* likewise */
	SLOWEST = 4 * 1024, /* octets a second */
	LINGER_S = 2,
	LINGER_MAX = 1024 * 1024,
	INPUT_MAX = 64 * 1024,
	FILE_PIECE = 256 * 1024,
};

static void
step(struct rest_conn *c);

static void
arm(struct rest_conn *c, int64_t seconds)
{
	const struct timeval tv = {.tv_sec = seconds};

	event_add(c->deadline, &tv);
}

static void
forget_request(struct rest_conn *c)
{
	if (c->has_head)
		rest_head_done(&c->head);
	c->has_head = false;
	if (c->uri)
		evhttp_uri_free(c->uri);
	c->uri = NULL;
	evbuffer_drain(c->body, evbuffer_get_length(c->body));
	evhttp_clear_headers(&c->out);
	event_del(c->end);
	c->owner[0] = c->token[0] = '\0';
}

void
rest_conn_free(struct rest_conn *c)
{
	c->ops->closed(c->ops->arg, c);
	if (c->rq)
		c->ops->gone(c->ops->arg, c);
	forget_request(c);
	event_free(c->deadline);
	event_free(c->end);
	evbuffer_free(c->body);
	bufferevent_free(c->bev);
	if (c->file >= 0)
		close(c->file);
	free(c);
}

/* ---- answers ---- */

static bool
keeps(const struct rest_conn *c)
{
	return c->has_head && c->head.keep && !c->body_refused;
}

/* "An origin server with a clock MUST generate a Date" (RFC 9110 6.6.1); the page judges by it what is late. */
static void
put_date(struct evbuffer *to)
{
	time_t now = (time_t)(clock_wall() / USEC_PER_SEC);
	struct tm tm;
	char text[32];

	if (gmtime_r(&now, &tm) && evutil_date_rfc1123(text, sizeof(text), &tm) > 0)
		evbuffer_add_printf(to, "Date: %s\r\n", text);
}

static void
put_head(struct rest_conn *c, int status, const char *title)
{
	struct evbuffer *to = bufferevent_get_output(c->bev);
	const struct evkeyval *kv;

	evbuffer_add_printf(to, "HTTP/1.1 %d %s\r\n", status, title);
	put_date(to);
	TAILQ_FOREACH (kv, &c->out, next)
		evbuffer_add_printf(to, "%s: %s\r\n", kv->key, kv->value);
	for (size_t i = 0; i < c->ops->n_headers; i++)
		evbuffer_add_printf(
		    to, "%s: %s\r\n", c->ops->headers[i].name, c->ops->headers[i].value);
	if (!evhttp_find_header(&c->out, "Cache-Control"))
		evbuffer_add_printf(to, "Cache-Control: no-store\r\n");
	if (!keeps(c))
		evbuffer_add_printf(to, "Connection: close\r\n");
}

/* Nothing is read before the answer has left. */
static void
begin_writing(struct rest_conn *c)
{
	size_t n = evbuffer_get_length(bufferevent_get_output(c->bev));
	int64_t left = c->file >= 0 ? c->file_end - c->file_at : 0;

	c->state = REST_CONN_WRITING;
	arm(c, WRITE_S + ((int64_t)n + left) / SLOWEST);
	/* A stream of HTTP/1.0 that had been read to its end adds nothing, and nothing would tell that it has left. */
	if (n == 0)
		bufferevent_trigger(c->bev, EV_WRITE, BEV_TRIG_DEFER_CALLBACKS);
}

void
rest_conn_reply(struct rest_conn *c, int status, const char *title, struct evbuffer *body)
{
	struct evbuffer *to = bufferevent_get_output(c->bev);

	put_head(c, status, title);
	if (status != 204 && status != 304)
		evbuffer_add_printf(
		    to, "Content-Length: %zu\r\n", body ? evbuffer_get_length(body) : 0);
	evbuffer_add(to, "\r\n", 2);
	/* "The server MUST NOT send content in the response" to HEAD (RFC 9110 9.3.2): it would be taken for the next one. */
	if (body && !(c->has_head && str_eq(c->head.method, "HEAD")))
		evbuffer_add_buffer(to, body);
	begin_writing(c);
}

/* The next piece of the file behind what was sent. It is read, not mapped: a file that somebody makes shorter meanwhile
 * is an end before its time, and no signal to this process. False: that is what happened. */
static bool
feed(struct rest_conn *c)
{
	struct evbuffer *to = bufferevent_get_output(c->bev);
	int64_t left = c->file_end - c->file_at;
	size_t want = left < FILE_PIECE ? (size_t)left : FILE_PIECE;
	struct evbuffer_iovec room;

	if (evbuffer_reserve_space(to, (ev_ssize_t)want, &room, 1) != 1)
		abort();
	ssize_t n = pread(c->file, room.iov_base, want, (off_t)c->file_at);
	if (n <= 0)
		return false;
	room.iov_len = (size_t)n;
	if (evbuffer_commit_space(to, &room, 1) < 0)
		abort();
	c->file_at += n;
	if (c->file_at == c->file_end) {
		close(c->file);
		c->file = -1;
	}
	return true;
}

void
rest_conn_reply_file(
    struct rest_conn *c, int status, const char *title, int fd, int64_t from, int64_t end)
{
	struct evbuffer *to = bufferevent_get_output(c->bev);

	put_head(c, status, title);
	evbuffer_add_printf(to, "Content-Length: %lld\r\n\r\n", (long long)(end - from));
	if (end > from && !str_eq(c->head.method, "HEAD")) {
		c->file = fd;
		c->file_at = from;
		c->file_end = end;
	} else {
		close(fd);
	}
	begin_writing(c);
}

void
rest_conn_stream_start(struct rest_conn *c)
{
	struct evbuffer *to = bufferevent_get_output(c->bev);

	put_head(c, 200, "OK");
	/* Of HTTP/1.0 a message without a length ends with its connection. */
	evbuffer_add_printf(
	    to, "%s\r\n", c->head.old ? "" : "Transfer-Encoding: chunked\r\n");
	c->state = REST_CONN_STREAM;
	event_del(c->deadline);
	if (c->until > 0 && c->until < INT64_MAX) {
		int64_t left = c->until - clock_wall();
		const struct timeval tv = {.tv_sec = left > 0 ? left / USEC_PER_SEC : 0};
		event_add(c->end, &tv);
	}
}

void
rest_conn_stream_send(struct rest_conn *c, struct evbuffer *piece)
{
	struct evbuffer *to = bufferevent_get_output(c->bev);
	size_t n = evbuffer_get_length(piece);

	if (n == 0) /* that chunk would be the last one */
		return;
	if (!c->head.old)
		evbuffer_add_printf(to, "%zx\r\n", n);
	evbuffer_add_buffer(to, piece);
	if (!c->head.old)
		evbuffer_add(to, "\r\n", 2);
}

void
rest_conn_stream_end(struct rest_conn *c, bool stuck)
{
	if (stuck) {
		rest_conn_free(c);
		return;
	}
	if (!c->head.old)
		evbuffer_add(bufferevent_get_output(c->bev), "0\r\n\r\n", 5);
	begin_writing(c);
}

static void
refuse(struct rest_conn *c, int status)
{
	static const struct {
		int status;
		const char *title;
	} titles[] = {
	    {400, "Bad Request"},
	    {411, "Length Required"},
	    {413, "Content Too Large"},
	    {417, "Expectation Failed"},
	    {431, "Request Header Fields Too Large"},
	    {501, "Not Implemented"},
	    {505, "HTTP Version Not Supported"},
	};
	const char *title = "Bad Request";

	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		if (titles[i].status == status)
			title = titles[i].title;
	c->body_refused = true;
	rest_conn_reply(c, status, title, NULL);
}

/* ---- requests ---- */

/* False: not whole yet, or answered. */
static bool
take_head(struct rest_conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	size_t have = evbuffer_get_length(in), len;
	char buf[REST_HEAD_MAX];
	ssize_t n = evbuffer_copyout(in, buf, sizeof(buf));
	int status;

	len = rest_head_length(buf, n > 0 ? (size_t)n : 0);
	if (len == 0) {
		if (have >= REST_HEAD_MAX)
			refuse(c, 431);
		return false;
	}
	status = rest_head_parse(buf, len, &c->head);
	explicit_bzero(buf, len);
	c->has_head = true;
	c->body_refused = false;
	evbuffer_drain(in, len);
	if (status == 0) {
		c->uri =
		    evhttp_uri_parse_with_flags(c->head.target, EVHTTP_URI_NONCONFORMANT);
		/* "//x" would be an authority (RFC 3986 3.2). */
		if (!c->uri || evhttp_uri_get_host(c->uri))
			status = 400;
	}
	if (status != 0)
		refuse(c, status);
	return status == 0;
}

/* False: refused. */
static bool
admit(struct rest_conn *c)
{
	if (c->head.body_len > 0 &&
	    (uint64_t)c->head.body_len > c->ops->body_max(c->ops->arg, c)) {
		refuse(c, 413);
		return false;
	}
	c->state = REST_CONN_BODY;
	arm(c, BODY_S + c->head.body_len / SLOWEST);
	if (c->head.wants_continue && c->head.body_len > 0) {
		static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
		evbuffer_add(bufferevent_get_output(c->bev), go_on, sizeof(go_on) - 1);
	}
	return true;
}

static bool
take_body(struct rest_conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	size_t have = evbuffer_get_length(c->body);

	evbuffer_remove_buffer(in, c->body, (size_t)c->head.body_len - have);
	return evbuffer_get_length(c->body) == (size_t)c->head.body_len;
}

/* The last thing that is done with c: the handler may end it. */
static void
step(struct rest_conn *c)
{
	if (c->state == REST_CONN_HEAD) {
		if (evbuffer_get_length(bufferevent_get_input(c->bev)) == 0)
			return;
		/* The time of a head runs from its first octet, or from the connection. */
		if (!c->stepping && !c->first)
			arm(c, HEAD_S);
		c->stepping = true;
		if (!take_head(c) || !admit(c))
			return;
	}
	if (c->state == REST_CONN_BODY && take_body(c)) {
		c->stepping = false;
		c->first = false;
		c->state = REST_CONN_HANDLING;
		event_del(c->deadline);
		c->ops->request(c->ops->arg, c);
	}
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct rest_conn *c = arg;

	if (c->state == REST_CONN_LINGER)
		evbuffer_drain(bufferevent_get_input(bev), LINGER_MAX);
	else if (c->state == REST_CONN_HEAD || c->state == REST_CONN_BODY)
		step(c);
}

/* Everything has left. */
static void
on_write(struct bufferevent *bev, void *arg)
{
	struct rest_conn *c = arg;

	/* The callback may be of an earlier emptiness: over TLS it comes later than what it tells of. */
	if (c->state != REST_CONN_WRITING ||
	    evbuffer_get_length(bufferevent_get_output(bev)) > 0)
		return;
	if (c->file >= 0) {
		if (!feed(c))
			rest_conn_free(c);
		return;
	}
	if (!keeps(c)) {
		/* Closed at once, what the client still sends would be answered with a reset, which takes the
		 * answer from it (RFC 9112 9.6). */
		c->state = REST_CONN_LINGER;
		rest_tls_close(bev);
		shutdown(bufferevent_getfd(bev), SHUT_WR);
		evbuffer_drain(bufferevent_get_input(bev), LINGER_MAX);
		arm(c, LINGER_S);
		return;
	}
	forget_request(c);
	c->state = REST_CONN_HEAD;
	c->stepping = false;
	arm(c, IDLE_S);
	step(c);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct rest_conn *c = arg;

	(void)bev;
	if (what & BEV_EVENT_CONNECTED) {
		c->ops->connected(c->ops->arg, c);
		return;
	}
	/* Who has asked may close that side and still wait for the answer. */
	if ((what & BEV_EVENT_EOF) && c->state == REST_CONN_WRITING)
		c->body_refused = true;
	else
		rest_conn_free(c);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	rest_conn_free(arg);
}

struct rest_conn *
rest_conn_new(const struct rest_conn_ops *ops, struct bufferevent *bev,
    const struct addr_ip *address, bool tls)
{
	struct rest_conn *c = str_alloc(sizeof(*c));

	c->ops = ops;
	c->bev = bev;
	c->address = *address;
	c->tls = tls;
	c->first = true;
	c->file = -1;
	TAILQ_INIT(&c->out);
	c->body = evbuffer_new();
	c->deadline = evtimer_new(ops->base, on_deadline, c);
	c->end = evtimer_new(ops->base, on_deadline, c);
	if (!c->body || !c->deadline || !c->end)
		abort();
	bufferevent_setcb(bev, on_read, on_write, on_event, c);
	bufferevent_setwatermark(bev, EV_READ, 0, INPUT_MAX);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	arm(c, HEAD_S);
	return c;
}
