/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One HTTP connection: reads requests, writes answers, watches what the peer
 * acknowledges.
 *
 *	HEAD ──request──► SEND ──written──► HEAD, or DRAIN when it was the last one
 *	HEAD ──POST──► BODY ──whole──► REPORT ──agent──► SEND
 *	SEND ──last chunk of a kernel or initrd──► HELD ──agent──► SEND, or reset
 *	DRAIN ──all acknowledged and the peer's side shut──► CLOSED
 *
 * Entry points: http_conn_on_ready() and http_conn_on_time() from http_io.c, which waits
 * for what want_read, want_write and wake_at say; http_conn_close() is the one way out. No
 * call waits. The connection owns its descriptor and the file being sent.
 *
 * Octets count as arrived when TCP_INFO says that the peer acknowledged them: EDK2 ends
 * every download with a reset, and what sendfile() took says nothing. Each answer with
 * file octets is a "flight" until its last one is acknowledged, which may be after the
 * next request of the same connection. */
#include <assert.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "boot-services/http_priv.h"
#include "boot-services/ticket_gate.h"
#include "lib/clock.h"
#include "lib/str.h"

enum {
	SENDFILE_CHUNK = 2 * 1024 * 1024, /* then others have their turn */
	STEPS_PER_TURN = 32,
	UNACKED_MAX = 256 * 1024,
	UNACKED_RETRIES = 3, /* of TCP, each twice as long as the one before */
};
#define UNACKED_AFTER (2 * USEC_PER_SEC)
#define SAMPLE_FIRST (4 * USEC_PER_MSEC)
#define SAMPLE_MAX (250 * USEC_PER_MSEC)
#define BODY_TIMEOUT (30 * USEC_PER_SEC)
/* After the last acknowledgement the peer has this long to shut its side. */
#define DRAIN_TIMEOUT (2 * USEC_PER_SEC)

/* ---- acknowledgements ---- */

static struct tcp_info
ask_tcp(const struct http_conn *c)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof info;

	(void)getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	return info;
}

static void
pop_flight(struct http_conn *c, const char *result, const char *reason, int64_t now)
{
	if (result != NULL && c->broken)
		http_xfer_break(c->flights[0].xfer, reason, now);
	else
		http_xfer_leave(c->flights[0].xfer, result, reason, now);
	c->n_flights--;
	memmove(&c->flights[0], &c->flights[1], c->n_flights * sizeof c->flights[0]);
}

/* All that may leave freely is with the kernel. */
static bool
is_at_hold(const struct http_conn *c)
{
	return c->state == HTTP_CONN_SEND && c->at >= c->hold && !c->grant.open;
}

/* iPXE starts the kernel as soon as it has the last octet, and takes the acknowledgement of what
 * it had not come to acknowledging with it: eight segments as a rule, 121 on a busy machine (seen
 * on the wire), at most its receive window (TCP_MAX_WINDOW_SIZE, 256 KiB). No FIN, no reset, only
 * silence. When all has been sent and repeated to no avail, that is what happened. */
static void
give_up_acks(struct http_conn *c, const struct tcp_info *info, int64_t now)
{
	if (c->state == HTTP_CONN_SEND || c->state == HTTP_CONN_HELD ||
	    info->tcpi_notsent_bytes > 0 || info->tcpi_retransmits < UNACKED_RETRIES ||
	    now - c->moved < UNACKED_AFTER)
		return;
	while (c->n_flights > 0) {
		int64_t missing = c->flights[0].length - c->flights[0].got;

		if (missing > UNACKED_MAX)
			return;
		http_xfer_unacked(c->flights[0].xfer, missing, now);
		pop_flight(c, NULL, "", now);
	}
}

/* Looks at what has been acknowledged since the last time. The answer that is still being
 * written is the last flight, and stays one. */
static void
sample(struct http_conn *c, int64_t now)
{
	struct tcp_info info;
	int64_t acked;

	if (c->n_flights == 0)
		return;
	c->sample_at =
	    now +
	    (c->state == HTTP_CONN_SEND && !is_at_hold(c) ? SAMPLE_MAX : c->sample_gap);
	info = ask_tcp(c);
	acked = c->acked = (int64_t)info.tcpi_bytes_acked - c->acked_base;
	for (size_t i = 0; i < c->n_flights; i++) {
		struct http_flight *f = &c->flights[i];
		int64_t got = acked - f->start;

		if (got > f->length)
			got = f->length;
		if (got <= f->got)
			continue;
		http_xfer_arrived(f->xfer, f->from + f->got, f->from + got, now);
		f->got = got;
		c->moved = now;
	}
	while (c->n_flights > 0 && c->flights[0].got == c->flights[0].length &&
	       acked >= c->flights[0].start &&
	       (c->n_flights > 1 ||
		   (c->state != HTTP_CONN_SEND && c->state != HTTP_CONN_HELD)))
		pop_flight(c, NULL, "", now);
	give_up_acks(c, &info, now);
}

void
http_conn_start_pace(struct http_conn *c, int64_t now)
{
	c->acked = (int64_t)ask_tcp(c).tcpi_bytes_acked - c->acked_base;
	c->pace_since = now;
	c->pace_from = c->acked;
}

/* A client that takes an octet now and then is not stalled, but would keep its connection for
 * ever. True once for each whole span in which it took too few of those that it was given. */
static bool
is_too_slow(struct http_conn *c, int64_t now)
{
	const struct bootd_config *cfg = c->io->deps->cfg;
	int64_t span = now - c->pace_since, took = c->acked - c->pace_from;

	if (c->n_flights == 0 || c->state == HTTP_CONN_HELD) {
		/* It waits for us. */
		c->pace_since = now;
		c->pace_from = c->acked;
		return false;
	}
	if (span < cfg->http_slow_timeout_us)
		return false;
	c->pace_since = now;
	c->pace_from = c->acked;
	return took < cfg->http_min_rate * (span / USEC_PER_SEC);
}

/* ---- life ---- */

struct http_conn *
http_conn_new(struct http_io *io, int fd, const struct addr_ip *ip, int64_t now)
{
	struct http_conn *c = str_alloc(sizeof *c);
	int on = 1;

	c->io = io;
	c->fd = fd;
	c->file.fd = -1;
	c->ip = *ip;
	c->since = c->moved = now;
	c->want_read = true;
	c->hold = INT64_MAX;
	c->sample_gap = SAMPLE_FIRST;
	/* Heads leave with their body (MSG_MORE), so nothing is gained by Nagle's delay,
	 * and with it each answer would wait for a delayed ACK (boot.md 4.4). */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	c->acked_base = (int64_t)ask_tcp(c).tcpi_bytes_acked;
	return c;
}

static void
close_file(struct http_conn *c)
{
	if (c->file.fd >= 0)
		close(c->file.fd);
	c->file.fd = -1;
}

void
http_conn_close(struct http_conn *c, bool reset, const char *result, const char *fmt, ...)
{
	struct linger hard = {.l_onoff = 1, .l_linger = 0};
	int64_t now = clock_mono();
	char reason[EVENT_REASON_SIZE];
	va_list ap;

	if (c->state == HTTP_CONN_CLOSED)
		return;
	va_start(ap, fmt);
	vsnprintf(reason, sizeof reason, fmt, ap);
	va_end(ap);
	sample(c, now);
	c->state = HTTP_CONN_CLOSED;
	while (c->n_flights > 0) {
		bool whole = c->flights[0].got == c->flights[0].length;

		pop_flight(c, whole ? NULL : result, reason, now);
	}
	if (reset)
		(void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close_file(c);
	c->want_read = c->want_write = false;
}

void
http_conn_break(struct http_conn *c, bool reset, const char *reason)
{
	c->broken = true;
	http_conn_close(c, reset, "aborted", "%s", reason);
}

void
http_conn_free(struct http_conn *c)
{
	assert(c->state == HTTP_CONN_CLOSED && c->fd < 0);
	free(c->note);
	free(c);
}

/* ---- reading ---- */

/* What the peer's end of the connection says, when it is not octets. */
static void
take_end(struct http_conn *c, ssize_t n)
{
	if (n == 0) {
		c->eof = true;
		c->want_read = false;
	} else if (errno != EAGAIN && errno != EINTR) {
		http_conn_close(c, true, "aborted", "the client reset the connection");
	}
}

static void
fill(struct http_conn *c, int64_t now)
{
	char waste[4096];
	ssize_t n;

	if (c->eof)
		return;
	if (c->state == HTTP_CONN_DRAIN) {
		n = recv(c->fd, waste, sizeof waste, 0);
	} else {
		if (c->in_len == sizeof c->in)
			return;
		n = recv(c->fd, c->in + c->in_len, sizeof c->in - c->in_len, 0);
	}
	if (n <= 0) {
		take_end(c, n);
		return;
	}
	if (c->state == HTTP_CONN_DRAIN)
		return;
	if (c->in_len == 0 && c->state == HTTP_CONN_HEAD)
		c->since = now;
	c->in_len += (size_t)n;
}

static void
consume(struct http_conn *c, size_t n)
{
	c->in_len -= n;
	memmove(c->in, c->in + n, c->in_len);
}

/* ---- states; each step returns whether there is more to do now ---- */

static void
start_drain(struct http_conn *c, int64_t now)
{
	c->state = HTTP_CONN_DRAIN;
	c->since = c->moved = now;
	c->in_len = 0;
	(void)shutdown(c->fd, SHUT_WR);
}

static bool
step_head(struct http_conn *c, int64_t now)
{
	enum http_status status = HTTP_BAD_REQUEST;
	const char *why = "";
	size_t used = 0;
	int err;

	if (c->in_len == 0 && !c->eof)
		return false;
	if (c->n_flights == HTTP_FLIGHTS_MAX)
		sample(c, now);
	if (c->n_flights == HTTP_FLIGHTS_MAX)
		return false;
	err = http_msg_parse(c->in, c->in_len, &c->req, &used, &status, &why);
	if (err == -EAGAIN) {
		/* The client will ask for nothing more, but may still be reading. */
		if (c->eof)
			start_drain(c, now);
		return c->eof;
	}
	c->served_once = true;
	c->since = c->moved = now;
	sample(c, now);
	if (err != 0) {
		http_answer_bad(c, status, why);
		return true;
	}
	consume(c, used);
	http_answer_request(c, now);
	return true;
}

static bool
step_body(struct http_conn *c, int64_t now)
{
	size_t used = 0;
	int err = http_body_feed(
	    &c->body, c->in, c->in_len, c->note, HTTP_BODY_MAX, &c->note_len, &used);

	if (err != 0) {
		http_answer_bad(c, err == -EFBIG ? HTTP_TOO_LARGE : HTTP_BAD_REQUEST,
		    err == -EFBIG ? "a report's body is at most 64 KiB"
				  : "the request's body is malformed");
		return true;
	}
	consume(c, used);
	if (c->body.state == HTTP_BODY_DONE) {
		c->state = HTTP_CONN_REPORT;
		c->since = c->moved = now;
		http_ticket_report(c);
		return c->state == HTTP_CONN_SEND;
	}
	if (c->eof)
		http_conn_close(c, false, "aborted", "the client left within its report");
	return false;
}

static void
end_answer(struct http_conn *c, int64_t now)
{
	close_file(c);
	c->grant = (struct http_grant){0};
	c->hold = INT64_MAX;
	c->sample_gap = SAMPLE_FIRST;
	c->sample_at = now + SAMPLE_FIRST;
	c->since = c->moved = now;
	if (c->close_after)
		start_drain(c, now);
	else
		c->state = HTTP_CONN_HEAD;
}

/* True when all of `out` is with the kernel. */
static bool
send_out(struct http_conn *c, int64_t now)
{
	int flags = MSG_NOSIGNAL | (c->at < c->end ? MSG_MORE : 0);

	while (c->out_pos < c->out_len) {
		ssize_t n =
		    send(c->fd, c->out + c->out_pos, c->out_len - c->out_pos, flags);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			c->want_write = true;
			return false;
		}
		if (n < 0) {
			http_conn_close(
			    c, true, "aborted", "the client reset the connection");
			return false;
		}
		c->out_pos += (size_t)n;
		c->sent += n;
		c->moved = now;
	}
	return true;
}

/* True when the file's octets up to `limit` are with the kernel. */
static bool
send_file(struct http_conn *c, int64_t limit, int64_t now)
{
	int64_t turn = SENDFILE_CHUNK;

	while (c->at < limit && turn > 0) {
		int64_t want = limit - c->at < turn ? limit - c->at : turn;
		off_t off = c->at;
		ssize_t n = sendfile(c->fd, c->file.fd, &off, (size_t)want);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			if (errno == EPIPE || errno == ECONNRESET)
				http_conn_close(c, true, "aborted",
				    "the client reset the connection");
			else
				http_conn_break(c, true, "the file cannot be read");
			return false;
		}
		if (n == 0) {
			http_conn_break(c, true, "the file shrank while it was sent");
			return false;
		}
		c->at += n;
		c->sent += n;
		c->moved = now;
		turn -= n;
	}
	c->want_write = c->at < limit;
	return !c->want_write;
}

/* Stands before the last chunk of a kernel or initrd. The question is asked only when the
 * client has everything before it: what lies in our buffers says nothing about a client that
 * may have lost power, and must not cost it the ticket. */
static bool
step_gate(struct http_conn *c, int64_t now)
{
	const struct http_flight *f = &c->flights[c->n_flights - 1];

	if (f->got < c->hold - f->from)
		return false;
	switch (http_ticket_pass(c)) {
	case HTTP_TICKET_GO: c->state = HTTP_CONN_SEND; return true;
	case HTTP_TICKET_WAIT:
		c->state = HTTP_CONN_HELD;
		c->since = c->moved = now;
		return false;
	case HTTP_TICKET_STOP: return c->state != HTTP_CONN_CLOSED;
	}
	return false;
}

static bool
step_send(struct http_conn *c, int64_t now)
{
	int64_t limit = c->grant.open || c->hold > c->end ? c->end : c->hold;

	if (is_at_hold(c))
		return step_gate(c, now);
	if (!send_out(c, now) || !send_file(c, limit, now))
		return false;
	if (c->at == c->end) {
		end_answer(c, now);
		return true;
	}
	c->sample_gap = SAMPLE_FIRST;
	sample(c, now);
	return true;
}

static bool
step_drain(struct http_conn *c, int64_t now)
{
	sample(c, now);
	if (c->n_flights == 0 && (c->eof || now - c->since >= DRAIN_TIMEOUT))
		http_conn_close(c, false, "aborted", "closed");
	return false;
}

static bool
step(struct http_conn *c, int64_t now)
{
	switch (c->state) {
	case HTTP_CONN_HEAD: return step_head(c, now);
	case HTTP_CONN_BODY: return step_body(c, now);
	case HTTP_CONN_SEND: return step_send(c, now);
	case HTTP_CONN_DRAIN: return step_drain(c, now);
	case HTTP_CONN_REPORT:
	case HTTP_CONN_HELD:
	case HTTP_CONN_CLOSED: return false;
	}
	return false;
}

/* When to look again, if nothing happens. */
static int64_t
next_wake(struct http_conn *c, int64_t now)
{
	const struct bootd_config *cfg = c->io->deps->cfg;
	int64_t at = INT64_MAX;

	switch (c->state) {
	case HTTP_CONN_HEAD:
		at = c->since + (c->in_len == 0 && c->served_once
					? cfg->http_idle_timeout_us
					: cfg->http_header_timeout_us);
		break;
	case HTTP_CONN_BODY: at = c->since + BODY_TIMEOUT; break;
	case HTTP_CONN_DRAIN: at = c->since + DRAIN_TIMEOUT; break;
	case HTTP_CONN_REPORT:
	case HTTP_CONN_SEND:
	case HTTP_CONN_HELD: at = c->moved + cfg->http_stall_timeout_us; break;
	case HTTP_CONN_CLOSED: return INT64_MAX;
	}
	if (c->n_flights == 0)
		return at;
	/* A deadline that has passed is not due while acknowledgements come in. */
	if (at <= now || at > c->sample_at)
		at = c->sample_at;
	return at;
}

static void
run(struct http_conn *c, int64_t now)
{
	int steps = 0;

	c->want_write = false;
	while (steps < STEPS_PER_TURN && step(c, now))
		steps++;
	/* More requests are in the buffer: come back after the others had their turn. */
	if (steps == STEPS_PER_TURN)
		c->want_write = true;
	if (c->state == HTTP_CONN_CLOSED)
		return;
	c->want_read =
	    !c->eof && (c->state == HTTP_CONN_DRAIN || c->in_len < sizeof c->in);
	c->wake_at = next_wake(c, now);
}

void
http_conn_on_ready(struct http_conn *c, bool readable, int64_t now)
{
	if (readable)
		fill(c, now);
	if (c->state != HTTP_CONN_CLOSED)
		run(c, now);
}

void
http_conn_resume(struct http_conn *c, int64_t now)
{
	c->state = HTTP_CONN_SEND;
	c->since = c->moved = now;
	run(c, now);
}

/* The client has done nothing for too long. */
static void
on_timeout(struct http_conn *c)
{
	switch (c->state) {
	case HTTP_CONN_HEAD:
		if (c->in_len > 0) {
			http_answer_bad(
			    c, HTTP_TIMEOUT, "the request head did not come in time");
			return;
		}
		if (c->n_flights > 0)
			http_conn_close(c, true, "timeout", "the client stopped reading");
		else
			http_conn_close(c, false, "timeout", "idle");
		return;
	case HTTP_CONN_BODY:
		http_answer_bad(c, HTTP_TIMEOUT, "the report did not come in time");
		return;
	case HTTP_CONN_REPORT:
		http_answer_short(c, HTTP_UNAVAILABLE, "http.error", "timeout",
		    "the agent has not recorded the report; try again", true);
		return;
	case HTTP_CONN_HELD:
		http_conn_close(
		    c, true, "timeout", "the agent did not answer for the ticket");
		return;
	case HTTP_CONN_SEND:
	case HTTP_CONN_DRAIN:
		http_conn_close(c, true, "timeout", "the client stopped reading");
		return;
	case HTTP_CONN_CLOSED: return;
	}
}

static bool
is_due(const struct http_conn *c, int64_t now)
{
	const struct bootd_config *cfg = c->io->deps->cfg;
	bool stalled = now - c->moved >= cfg->http_stall_timeout_us;

	switch (c->state) {
	case HTTP_CONN_HEAD:
		/* A client that still reads the last answer is not idle. */
		if (c->n_flights > 0)
			return stalled;
		return now - c->since >= (c->in_len == 0 && c->served_once
						 ? cfg->http_idle_timeout_us
						 : cfg->http_header_timeout_us);
	case HTTP_CONN_BODY: return now - c->since >= BODY_TIMEOUT;
	case HTTP_CONN_DRAIN: return c->n_flights > 0 && stalled;
	case HTTP_CONN_REPORT:
	case HTTP_CONN_SEND:
	case HTTP_CONN_HELD: return stalled;
	case HTTP_CONN_CLOSED: return false;
	}
	return false;
}

void
http_conn_on_time(struct http_conn *c, int64_t now)
{
	if (c->sample_gap < SAMPLE_MAX)
		c->sample_gap *= 2;
	sample(c, now);
	if (is_due(c, now))
		on_timeout(c);
	else if (is_too_slow(c, now))
		http_conn_close(c, true, "timeout",
		    "the client read less than %u octets a second for %lld s",
		    c->io->deps->cfg->http_min_rate,
		    (long long)(c->io->deps->cfg->http_slow_timeout_us / USEC_PER_SEC));
	if (c->state != HTTP_CONN_CLOSED)
		run(c, now);
}
