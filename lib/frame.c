/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Framed JSON messages over a stream socket.
 *
 * Entry points: frame_open(), frame_send(), frame_close(); frame_scan() is the pure part.
 * Ownership: a connection owns its descriptor. Messages handed to on_message are
 * borrowed, messages given to frame_send() are taken. Failure modes: EOF, a bad frame or
 * a read error call on_close once, after every whole frame that had arrived; the callee
 * closes. A write error does not: the peer's last words (why it gives up) may still wait
 * to be read, and the read side ends the stream after them.
 */
#include "lib/frame.h"

#include <errno.h>
#include <event2/buffer.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"

enum {
	HEADER_SIZE = 4,
	READ_AT_ONCE = 64 * 1024,
	WRITE_VECS = 16,
	FLUSH_US = 1000000,
};

struct frame_conn {
	int fd;
	struct event *on_readable, *on_writable;
	struct evbuffer *in, *out;
	const struct frame_ops *ops;
	void *arg;
	bool ended;   /* on_close was called */
	bool broken;  /* writing failed */
	bool closed;  /* frame_close() was called */
	bool in_call; /* a callback of the owner is running: free later */
};

int64_t
frame_scan(const void *data, size_t len)
{
	struct rbuf r = rbuf_init(data, len);
	uint32_t size = rbuf_u32(&r);

	if (!rbuf_ok(&r))
		return 0;
	if (size > FRAME_MAX)
		return -EMSGSIZE;
	return rbuf_left(&r) < size ? 0 : (int64_t)HEADER_SIZE + size;
}

static void
conn_free(struct frame_conn *c)
{
	if (c->on_readable != NULL)
		event_free(c->on_readable);
	if (c->on_writable != NULL)
		event_free(c->on_writable);
	if (c->fd >= 0)
		close(c->fd);
	evbuffer_free(c->in);
	evbuffer_free(c->out);
	free(c);
}

static void
conn_end(struct frame_conn *c, const struct error *why)
{
	if (c->ended || c->closed)
		return;
	c->ended = true;
	event_del(c->on_readable);
	event_del(c->on_writable);
	c->ops->on_close(c->arg, why);
}

/* One frame of `size` octets from the front of the input. */
static int
deliver(struct frame_conn *c, size_t size, struct error *why)
{
	unsigned char *data = evbuffer_pullup(c->in, (ev_ssize_t)size);
	json_t *msg;

	if (data == NULL)
		abort(); /* out of memory: the octets are there */
	msg = json_parse((const char *)data + HEADER_SIZE, size - HEADER_SIZE, why);
	evbuffer_drain(c->in, size);
	if (msg == NULL)
		return -EBADMSG;
	c->ops->on_message(c->arg, msg);
	json_decref(msg);
	return 0;
}

/* Every whole frame of the input; stops early when the owner closes. */
static int
deliver_all(struct frame_conn *c, struct error *why)
{
	while (!c->closed) {
		unsigned char header[HEADER_SIZE];
		uint32_t size;
		struct rbuf r;

		if (evbuffer_copyout(c->in, header, sizeof(header)) < HEADER_SIZE)
			return 0;
		r = rbuf_init(header, sizeof(header));
		size = rbuf_u32(&r);
		if (size > FRAME_MAX)
			return error_set(why, -EMSGSIZE, "bad-frame", NULL,
			    "a frame of %u octets is above the limit of %d", size,
			    FRAME_MAX);
		if (evbuffer_get_length(c->in) < HEADER_SIZE + (size_t)size)
			return 0;
		if (deliver(c, HEADER_SIZE + (size_t)size, why) < 0)
			return -EBADMSG;
	}
	return 0;
}

static void
readable(evutil_socket_t fd, short what, void *arg)
{
	struct frame_conn *c = arg;
	struct error why = {.code = ""};
	int n, failed;

	(void)what;
	n = evbuffer_read(c->in, fd, READ_AT_ONCE);
	failed = n < 0 ? errno : 0;
	if (failed == EAGAIN || failed == EINTR)
		return;
	c->in_call = true;
	if (deliver_all(c, &why) < 0) {
		conn_end(c, &why);
	} else if (n == 0) {
		error_set(
		    &why, 0, "closed", NULL, "the other side closed the connection");
		conn_end(c, &why);
	} else if (failed != 0) {
		error_set(&why, 0, "io", NULL, "reading failed: %s", strerror(failed));
		conn_end(c, &why);
	}
	c->in_call = false;
	if (c->closed)
		conn_free(c);
}

/* Writes what the socket takes. 0, or -errno (-EAGAIN when it takes no more). */
static int
write_some(struct frame_conn *c)
{
	struct evbuffer_iovec vecs[WRITE_VECS];
	struct msghdr msg = {.msg_iov = (struct iovec *)vecs};
	int n = evbuffer_peek(c->out, -1, NULL, vecs, WRITE_VECS);
	ssize_t done;

	msg.msg_iovlen = (size_t)(n < WRITE_VECS ? n : WRITE_VECS);
	/* MSG_NOSIGNAL: a peer that went away must not kill us by SIGPIPE. */
	done = sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (done < 0)
		return errno == EINTR ? 0 : -errno;
	evbuffer_drain(c->out, (size_t)done);
	return 0;
}

static void
stop_writing(struct frame_conn *c)
{
	c->broken = true;
	evbuffer_drain(c->out, evbuffer_get_length(c->out));
	event_del(c->on_writable);
}

static void
writable(evutil_socket_t fd, short what, void *arg)
{
	struct frame_conn *c = arg;
	int r = 0;

	(void)fd;
	(void)what;
	while (r == 0 && evbuffer_get_length(c->out) > 0)
		r = write_some(c);
	if (r < 0 && r != -EAGAIN)
		stop_writing(c);
	else if (r == 0)
		event_del(c->on_writable);
}

struct frame_conn *
frame_open(struct event_base *base, int fd, const struct frame_ops *ops, void *arg)
{
	struct frame_conn *c = str_alloc(sizeof(*c));

	evutil_make_socket_nonblocking(fd);
	evutil_make_socket_closeonexec(fd);
	c->fd = fd;
	c->ops = ops;
	c->arg = arg;
	c->in = evbuffer_new();
	c->out = evbuffer_new();
	c->on_readable = event_new(base, fd, EV_READ | EV_PERSIST, readable, c);
	c->on_writable = event_new(base, fd, EV_WRITE | EV_PERSIST, writable, c);
	if (c->in == NULL || c->out == NULL || c->on_readable == NULL ||
	    c->on_writable == NULL || event_add(c->on_readable, NULL) < 0)
		abort();
	return c;
}

int64_t
frame_send(struct frame_conn *c, json_t *msg)
{
	uint8_t header[HEADER_SIZE];
	struct wbuf w = wbuf_init(header, sizeof(header));
	char *text = json_text(msg);
	size_t len = strlen(text);
	int64_t r;

	json_decref(msg);
	if (c->ended || c->broken || c->closed) {
		r = -EPIPE;
	} else if (len > FRAME_MAX) {
		r = -EMSGSIZE;
	} else {
		wbuf_u32(&w, (uint32_t)len);
		if (evbuffer_add(c->out, header, sizeof(header)) < 0 ||
		    evbuffer_add(c->out, text, len) < 0 ||
		    event_add(c->on_writable, NULL) < 0)
			abort();
		r = frame_queued(c);
	}
	free(text);
	return r;
}

int64_t
frame_queued(const struct frame_conn *c)
{
	return (int64_t)evbuffer_get_length(c->out);
}

void
frame_flush(struct frame_conn *c)
{
	int64_t deadline = clock_mono() + FLUSH_US;
	struct pollfd pfd = {.fd = c->fd, .events = POLLOUT};

	while (!c->broken && evbuffer_get_length(c->out) > 0) {
		int r = write_some(c);
		int64_t left = deadline - clock_mono();

		if (r == -EAGAIN && left > 0)
			(void)poll(&pfd, 1, (int)(left / USEC_PER_MSEC) + 1);
		else if (r < 0)
			stop_writing(c);
	}
}

void
frame_close(struct frame_conn *c)
{
	if (c == NULL || c->closed)
		return;
	c->closed = true;
	event_del(c->on_readable);
	event_del(c->on_writable);
	if (!c->in_call)
		conn_free(c);
}
