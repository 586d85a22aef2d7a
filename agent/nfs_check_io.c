/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The socket of a question to an NFS server.
 *
 * Entry points: nfs_check_io_start(), nfs_check_io_cancel().
 * Ownership: a check frees itself before it calls `done`; a cancelled one at once.
 * Failure modes: no server, none that answers in time, or one that answers with what is no
 * answer: each is code nfs-export with its reason. Nothing is asked twice: whoever wants
 * to know later starts another check.
 *
 *	start ──► connect ──► send ──► receive ──► judge ──► done
 *	  └── every step: on_timer, or a failure ──► done
 */
#include "agent/nfs_check_io.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/nfs_msg.h"
#include "lib/clock.h"
#include "lib/compiler.h"
#include "lib/str.h"

/* Exports are for ports below 1024 only, unless they say "insecure" (exports(5)). */
enum { XID = 0x6e626f74, PORT_LAST = 1023, PORT_FIRST = 900 };

struct nfs_check_io {
	int fd;
	struct event *io, *timer;
	char server[ADDR_IP_TEXT];
	char path[512];
	uint8_t call[NFS_MSG_CALL_MAX];
	size_t call_len, sent;
	uint8_t reply[NFS_MSG_RECORD_MARK + NFS_MSG_REPLY_MAX];
	size_t got;
	struct error err; /* known at the start; told by the timer */
	nfs_check_io_done *done;
	void *arg;
};

void
nfs_check_io_cancel(struct nfs_check_io *c)
{
	if (c == NULL)
		return;
	if (c->io != NULL)
		event_free(c->io);
	event_free(c->timer);
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

static void
end(struct nfs_check_io *c, const struct error *err)
{
	nfs_check_io_done *done = c->done;
	void *arg = c->arg;

	nfs_check_io_cancel(c);
	done(arg, err);
}

static void
no_server(const struct nfs_check_io *c, const char *why, struct error *err)
{
	error_set(err, -ECONNREFUSED, "nfs-export",
	    "start nfs-kernel-server or nfs-ganesha on the machine that serves the site; "
	    "netboot-ctl site config SITE --for nfs prints what it needs",
	    "no NFS server at %s: %s", c->server, why);
}

static void
fail(struct nfs_check_io *c, const char *why)
{
	struct error err = {.code = ""};

	no_server(c, why, &err);
	end(c, &err);
}

static void
on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct nfs_check_io *c = arg;
	const struct error err = c->err;

	if (err.code[0] != '\0')
		end(c, &err);
	else
		fail(c, c->sent > 0 ? "it does not answer" : "it cannot be reached");
}

static void
judge(struct nfs_check_io *c, struct rbuf r)
{
	struct nfs_msg_reply reply;
	struct error err = {.code = ""};

	if (nfs_msg_parse(r, XID, &reply) < 0) {
		fail(c, "what listens there does not answer as one");
		return;
	}
	if (nfs_msg_judge(&reply, c->server, c->path, &err) == 0)
		err.code[0] = '\0';
	end(c, &err);
}

static void
on_readable(evutil_socket_t fd, short what UNUSED, void *arg)
{
	struct nfs_check_io *c = arg;
	ssize_t n = recv(fd, c->reply + c->got, sizeof(c->reply) - c->got, 0);
	int len;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		fail(c, n < 0 ? strerror(errno) : "it closes the connection");
		return;
	}
	c->got += (size_t)n;
	if (c->got < NFS_MSG_RECORD_MARK)
		return;
	len = nfs_msg_record(c->reply);
	if (len < 0)
		fail(c, "what listens there does not answer as one");
	else if (c->got - NFS_MSG_RECORD_MARK >= (size_t)len)
		judge(c, rbuf_init(c->reply + NFS_MSG_RECORD_MARK, (size_t)len));
}

static void
on_writable(evutil_socket_t fd, short what UNUSED, void *arg)
{
	struct nfs_check_io *c = arg;
	ssize_t n = send(fd, c->call + c->sent, c->call_len - c->sent, MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		fail(c, strerror(errno));
		return;
	}
	c->sent += (size_t)n;
	if (c->sent < c->call_len)
		return;
	event_free(c->io);
	c->io = event_new(
	    event_get_base(c->timer), c->fd, EV_READ | EV_PERSIST, on_readable, c);
	event_add(c->io, NULL);
}

/* Best effort: who may not have one asks from where it is let. */
static void
bind_low(int fd, int family)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct sockaddr_in v4 = {.sin_family = AF_INET};

	for (int port = PORT_LAST; port >= PORT_FIRST; port--) {
		bool is_v6 = family == AF_INET6;
		int r;

		v4.sin_port = v6.sin6_port = htons((uint16_t)port);
		r = bind(fd,
		    is_v6 ? (const struct sockaddr *)&v6 : (const struct sockaddr *)&v4,
		    is_v6 ? sizeof(v6) : sizeof(v4));
		if (r == 0 || errno != EADDRINUSE)
			return;
	}
}

static int
begin(struct nfs_check_io *c, const struct addr_ip *server, uint16_t port)
{
	struct sockaddr_storage to;
	socklen_t n = addr_ip_sockaddr(server, port, &to);
	int len = nfs_msg_build(XID, c->path, c->call);

	if (len < 0)
		return len;
	c->call_len = (size_t)len;
	c->fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return -errno;
	bind_low(c->fd, to.ss_family);
	if (connect(c->fd, (const struct sockaddr *)&to, n) < 0 && errno != EINPROGRESS)
		return -errno;
	c->io = event_new(
	    event_get_base(c->timer), c->fd, EV_WRITE | EV_PERSIST, on_writable, c);
	event_add(c->io, NULL);
	return 0;
}

struct nfs_check_io *
nfs_check_io_start(struct event_base *base, const struct addr_ip *server, uint16_t port,
    const char *path, int64_t patience_us, nfs_check_io_done *done, void *arg)
{
	struct nfs_check_io *c = str_alloc(sizeof(*c));
	struct timeval patience = {
	    .tv_sec = patience_us / USEC_PER_SEC, .tv_usec = patience_us % USEC_PER_SEC};
	int r;

	c->fd = -1;
	c->done = done;
	c->arg = arg;
	addr_ip_text(server, c->server, sizeof(c->server));
	str_clip(c->path, sizeof(c->path), path);
	c->timer = evtimer_new(base, on_timer, c);
	r = begin(c, server, port);
	if (r < 0) {
		no_server(c, strerror(-r), &c->err);
		patience = (struct timeval){0};
	}
	evtimer_add(c->timer, &patience);
	return c;
}
