/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One TFTP transfer on the wire: its socket, its timer, its file.
 *
 * Entry points: tftp_session_io_start(); session_on_packet() and session_on_timer() drive
 * the state machine of tftp_xfer.c and send what it names; tftp_session_io_close() is the
 * one way out and tells the result.
 *
 * A session owns its file, its socket and its read-ahead, and is owned by the table of
 * sessions in struct tftp_io. Its socket is bound to the address that the client asked
 * and connected to the client: replies from another address of ours make firmware give up
 * (boot.md 0.1, 8), and the kernel turns strangers away. Packets that cannot be sent now
 * are treated as lost on the wire: the transfer's timer repeats them. */
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "boot-services/tftp_priv.h"
#include "lib/clock.h"
#include "lib/str.h"

enum {
	WINDOW_OCTETS_MAX = 256 * 1024, /* one window in flight */
	READ_AHEAD = 64 * 1024,
	NETASCII_FILE_MAX = 1024 * 1024,
	/* Text is held as a whole, so there is a limit on all of it. */
	NETASCII_ALL_MAX = 32 * 1024 * 1024,
};
#define PROGRESS_EVERY USEC_PER_SEC

/* ---- events ---- */

struct event
tftp_session_io_event(const char *kind, const struct tftp_peer *peer, const char *file)
{
	struct event ev = event_make(kind, clock_wall());

	addr_ip_text(&peer->ip, ev.ip, sizeof ev.ip);
	str_escape(ev.file, sizeof ev.file, file, strlen(file));
	return ev;
}

static void
tell_session(
    struct tftp_session *s, const char *kind, const char *result, const char *reason)
{
	struct event ev = tftp_session_io_event(kind, &s->peer, s->name);
	int64_t now = clock_mono();
	/* An end that is known by silence was when the silence began. */
	bool silent = result != NULL && s->xfer.result == TFTP_XFER_COMPLETE_UNACKED;
	int64_t waited = silent ? now - s->xfer.progress_at : 0;

	ev.bytes = tftp_xfer_bytes(&s->xfer);
	ev.total = s->xfer.size;
	str_clip(ev.reason, sizeof ev.reason, reason);
	if (result != NULL)
		event_put(&ev, "result", result);
	event_put_i64(&ev, "blksize", s->xfer.blksize);
	event_put_i64(&ev, "windowsize", s->xfer.windowsize);
	if (result != NULL) {
		event_put_i64(&ev, "resent", s->xfer.resent);
		event_put_i64(&ev, "took_us", now - s->began - waited);
	}
	if (silent)
		event_put_i64(&ev, "waited_us", waited);
	if (s->broken)
		event_put(&ev, EVENT_ENDED_BY, EVENT_BY_SERVER);
	evsink_emit(s->io->deps->events, &ev);
}

/* ---- a session's end ---- */

static void
session_free(struct tftp_session *s)
{
	if (s->readable != NULL)
		event_free(s->readable);
	if (s->timer != NULL)
		event_free(s->timer);
	if (s->fd >= 0)
		close(s->fd);
	if (s->file.fd >= 0)
		close(s->file.fd);
	s->io->text_octets -= s->text;
	free(s->ahead);
	free(s);
}

/* The one way out of a transfer that was announced. */
void
tftp_session_io_close(
    struct tftp_session *s, const char *kind, const char *result, const char *reason)
{
	tell_session(s, kind, result, reason);
	HASH_DEL(s->io->sessions, s);
	session_free(s);
}

void
tftp_session_io_break(struct tftp_session *s, const char *reason)
{
	s->broken = true;
	tftp_session_io_close(s, "tftp.error", "aborted", reason);
}

static void
session_finish(struct tftp_session *s)
{
	const struct tftp_xfer *x = &s->xfer;
	const char *result = tftp_xfer_result_name(x->result);
	char reason[EVENT_REASON_SIZE];

	switch (x->result) {
	case TFTP_XFER_COMPLETE:
		tftp_session_io_close(
		    s, "tftp.end", result, "every block was acknowledged");
		break;
	case TFTP_XFER_COMPLETE_UNACKED:
		tftp_session_io_close(s, "tftp.end", result,
		    "every block was sent, but the last one was never acknowledged");
		break;
	case TFTP_XFER_PROBE:
		tftp_session_io_close(
		    s, "tftp.end", result, "the client only asked for the size");
		break;
	case TFTP_XFER_ABORTED:
		if (x->closed)
			snprintf(reason, sizeof reason, "the client closed its port");
		else
			snprintf(
			    reason, sizeof reason, "the client sent error %u", x->error);
		tftp_session_io_close(s, "tftp.error", result, reason);
		break;
	case TFTP_XFER_TIMEOUT:
	case TFTP_XFER_RUNNING:
		tftp_session_io_close(
		    s, "tftp.error", result, "the client stopped answering");
		break;
	}
}

/* ---- sending ---- */

/* Makes `len` octets at `off` available in s->ahead and points at them, or NULL with
 * errno. */
static const uint8_t *
session_octets(struct tftp_session *s, int64_t off, size_t len)
{
	size_t n = 0;

	if (off >= s->ahead_at &&
	    off + (int64_t)len <= s->ahead_at + (int64_t)s->ahead_len)
		return s->ahead + (off - s->ahead_at);
	while (n < s->ahead_cap) {
		ssize_t got =
		    pread(s->file.fd, s->ahead + n, s->ahead_cap - n, off + (int64_t)n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return NULL;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	s->ahead_at = off;
	s->ahead_len = n;
	if (n < len) {
		errno = ENODATA; /* the file shrank under us */
		return NULL;
	}
	return s->ahead;
}

static int
session_send_blocks(struct tftp_session *s, uint64_t first, unsigned count)
{
	struct tftp_io *io = s->io;
	int64_t off = tftp_xfer_offset(&s->xfer, first);
	size_t len = (size_t)(count - 1) * s->xfer.blksize +
		     tftp_xfer_length(&s->xfer, first + count - 1);
	const uint8_t *octets = session_octets(s, off, len);

	if (octets == NULL)
		return -errno;
	for (unsigned i = 0; i < count; i++) {
		struct wbuf w = wbuf_init(io->headers[i], sizeof io->headers[i]);

		tftp_msg_build_data_header(&w, (uint16_t)(first + i));
		io->iov[i][0] = (struct iovec){io->headers[i], sizeof io->headers[i]};
		io->iov[i][1] =
		    (struct iovec){(void *)(octets + (size_t)i * s->xfer.blksize),
			tftp_xfer_length(&s->xfer, first + i)};
		io->msgs[i].msg_hdr =
		    (struct msghdr){.msg_iov = io->iov[i], .msg_iovlen = 2};
	}
	/* What does not fit now counts as lost; an ICMP error shows at the next read. */
	if (count == 1)
		(void)sendmsg(s->fd, &io->msgs[0].msg_hdr, MSG_DONTWAIT);
	else
		(void)sendmmsg(s->fd, io->msgs, count, MSG_DONTWAIT);
	return 0;
}

static void
session_send_error(struct tftp_session *s, enum tftp_error code, const char *text)
{
	uint8_t pkt[256];
	struct wbuf w = wbuf_init(pkt, sizeof pkt);
	size_t n = tftp_msg_build_error(&w, code, text);

	(void)send(s->fd, pkt, n, MSG_DONTWAIT);
}

static int
session_send(struct tftp_session *s, const struct tftp_xfer_out *out)
{
	uint8_t pkt[256];
	struct wbuf w = wbuf_init(pkt, sizeof pkt);

	if (out->oack) {
		size_t n = tftp_msg_build_oack(&w, &s->xfer.agreed);

		(void)send(s->fd, pkt, n, MSG_DONTWAIT);
	}
	return out->count > 0 ? session_send_blocks(s, out->first, out->count) : 0;
}

/* Sets the timer so that it fires at the deadline or before. It is moved only when it
 * would be late: a deadline that runs ahead with every packet costs nothing. */
static void
session_arm(struct tftp_session *s, int64_t now)
{
	int64_t wait = s->xfer.deadline - now;
	struct timeval tv;

	if (s->timer_at <= s->xfer.deadline)
		return;
	if (wait < 0)
		wait = 0;
	tv = (struct timeval){wait / USEC_PER_SEC, wait % USEC_PER_SEC};
	s->timer_at = s->xfer.deadline;
	event_add(s->timer, &tv);
}

/* After each step of the transfer: send, tell, or end. The session may be gone
 * afterwards. */
static void
session_step(struct tftp_session *s, const struct tftp_xfer_out *out, int64_t now)
{
	int err;

	if (s->xfer.state == TFTP_XFER_DONE) {
		session_finish(s);
		return;
	}
	err = session_send(s, out);
	if (err != 0) {
		char reason[EVENT_REASON_SIZE];

		session_send_error(s, TFTP_ERR_UNDEFINED, "cannot read the file");
		snprintf(
		    reason, sizeof reason, "cannot read the file: %s", strerror(-err));
		tftp_session_io_break(s, reason);
		return;
	}
	if (now - s->reported >= PROGRESS_EVERY && s->xfer.acked > 0) {
		s->reported = now;
		tell_session(s, "tftp.progress", NULL, "");
	}
	session_arm(s, now);
}

static void
session_on_packet(evutil_socket_t fd, short what, void *arg)
{
	struct tftp_session *s = arg;
	struct tftp_xfer_out out = {0};
	int64_t now = clock_mono();
	uint8_t pkt[TFTP_RRQ_MAX];
	struct tftp_msg m;
	ssize_t n = recv(fd, pkt, sizeof pkt, MSG_DONTWAIT);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		tftp_xfer_on_closed(&s->xfer);
	else if (tftp_msg_parse(pkt, (size_t)n, &m) == 0) {
		s->heard = now;
		tftp_xfer_on_msg(&s->xfer, &m, now, &out);
	}
	session_step(s, &out, now);
}

static void
session_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct tftp_session *s = arg;
	struct tftp_xfer_out out;
	int64_t now = clock_mono();

	(void)fd;
	(void)what;
	s->timer_at = INT64_MAX;
	tftp_xfer_on_time(&s->xfer, now, &out);
	session_step(s, &out, now);
}

/* ---- a session's start ---- */

/* A relayed client may sit behind a narrower path. IPv4: its routers are often not heard, they may
 * cut a packet. IPv6: they say so, which otherwise would be an error of this socket and end the
 * transfer; so it makes the kernel send fragments from then on. */
static void
allow_fragments(int fd, int family)
{
	int v4 = IP_PMTUDISC_DONT, v6 = IPV6_PMTUDISC_DONT;

	if (family == AF_INET)
		(void)setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &v4, sizeof v4);
	else
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &v6, sizeof v6);
}

/* A socket for one answer or transfer: from the address that was asked, to the client
 * only. */
int
tftp_session_io_socket(const struct addr_ip *local, const struct tftp_peer *peer)
{
	struct sockaddr_storage here, there;
	socklen_t here_len = addr_ip_sockaddr_scoped(local, 0, peer->scope, &here);
	socklen_t there_len =
	    addr_ip_sockaddr_scoped(&peer->ip, peer->port, peer->scope, &there);
	int fd = socket(here.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	allow_fragments(fd, here.ss_family);
	if (bind(fd, (struct sockaddr *)&here, here_len) != 0 ||
	    connect(fd, (struct sockaddr *)&there, there_len) != 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static struct tftp_xfer_limits
limits_for(const struct tftp_session *s, const struct bootd_config *cfg)
{
	struct tftp_xfer_limits l = {
	    .blksize = cfg->tftp_max_blksize, .windowsize = cfg->tftp_max_windowsize};
	bool v4 = s->peer.ip.family == AF_INET;
	int mtu = 0, room;
	socklen_t len = sizeof mtu;

	if (getsockopt(s->fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU : IPV6_MTU,
		&mtu, &len) == 0) {
		room = mtu - (v4 ? TFTP_OVERHEAD_V4 : TFTP_OVERHEAD_V6);
		if (room >= TFTP_BLKSIZE_DEFAULT && room < l.blksize)
			l.blksize = (uint16_t)room;
	}
	if (l.blksize < TFTP_BLKSIZE_DEFAULT)
		l.blksize = TFTP_BLKSIZE_DEFAULT;
	if (l.windowsize > TFTP_WINDOW_CAP)
		l.windowsize = TFTP_WINDOW_CAP;
	if (l.windowsize > WINDOW_OCTETS_MAX / l.blksize)
		l.windowsize = (uint16_t)(WINDOW_OCTETS_MAX / l.blksize);
	if (l.windowsize < 1)
		l.windowsize = 1;
	return l;
}

/* Reads and translates the whole file. Returns 0 or -errno. */
static int
session_load_netascii(struct tftp_session *s)
{
	size_t size = (size_t)s->file.size;
	uint8_t *raw;
	int err = 0;

	if (s->file.size > NETASCII_FILE_MAX)
		return -EFBIG;
	if (s->io->text_octets + 2 * size > NETASCII_ALL_MAX)
		return -ENOBUFS;
	s->text = 2 * size;
	s->io->text_octets += s->text;
	s->ahead = str_alloc(size + 1);
	s->ahead_cap = size;
	if (size > 0 && session_octets(s, 0, size) == NULL)
		err = -errno;
	raw = s->ahead;
	s->ahead = str_alloc(2 * size + 1);
	s->ahead_at = 0;
	s->ahead_len = err == 0 ? tftp_msg_netascii(s->ahead, raw, size) : 0;
	s->ahead_cap = 0;
	free(raw);
	return err;
}

/* Read-ahead for the transfer, never less than one window. */
static void
session_make_ahead(struct tftp_session *s)
{
	size_t window = (size_t)s->xfer.windowsize * s->xfer.blksize;

	if (s->ahead != NULL)
		return;
	s->ahead_cap = window > READ_AHEAD ? window : READ_AHEAD;
	if ((int64_t)s->ahead_cap > s->file.size)
		s->ahead_cap = (size_t)s->file.size;
	s->ahead = str_alloc(s->ahead_cap + 1);
}

/* A whole window leaves in one call; the kernel counts more than its octets. */
static void
session_make_room(const struct tftp_session *s)
{
	int want = 4 * s->xfer.windowsize * (s->xfer.blksize + 512);

	if (want > 128 * 1024)
		(void)setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &want, sizeof want);
}

static void
session_start(struct tftp_session *s)
{
	struct tftp_io *io = s->io;
	struct tftp_xfer_limits limits = limits_for(s, io->deps->cfg);
	struct tftp_xfer_out out;
	int64_t now = clock_mono();
	int64_t size =
	    s->req.mode == TFTP_MODE_NETASCII ? (int64_t)s->ahead_len : s->file.size;

	tftp_xfer_start(&s->xfer, &s->req, size, &limits, now, &out);
	session_make_ahead(s);
	session_make_room(s);
	s->began = s->heard = s->reported = now;
	s->timer_at = INT64_MAX;
	s->readable =
	    event_new(io->deps->base, s->fd, EV_READ | EV_PERSIST, session_on_packet, s);
	s->timer = event_new(io->deps->base, -1, 0, session_on_timer, s);
	event_add(s->readable, NULL);
	HASH_ADD(hh, io->sessions, peer, sizeof s->peer, s);
	tell_session(s, "tftp.begin", NULL, "");
	session_step(s, &out, now);
}

int
tftp_session_io_start(struct tftp_io *io, const struct tftp_peer *peer,
    const struct addr_ip *local, const struct tftp_request *req, const char *name,
    struct fileroot_file *file)
{
	struct tftp_session *s = str_alloc(sizeof *s);
	int err = 0;

	s->io = io;
	/* Whole, padding too: it is a hash key. */
	memcpy(&s->peer, peer, sizeof s->peer);
	s->req = *req;
	s->shares = peer_share_counts(*io->deps->table, &peer->ip);
	s->file = *file;
	file->fd = -1;
	str_clip(s->name, sizeof s->name, name);
	s->fd = tftp_session_io_socket(local, peer);
	if (s->fd < 0)
		err = s->fd;
	else if (req->mode == TFTP_MODE_NETASCII)
		err = session_load_netascii(s);
	if (err != 0) {
		session_free(s);
		return err;
	}
	session_start(s);
	return 0;
}

void
tftp_session_io_repeat(struct tftp_session *s)
{
	int64_t now = clock_mono();
	struct tftp_xfer_out out;

	tftp_xfer_on_repeat(&s->xfer, now, &out);
	session_step(s, &out, now);
}
