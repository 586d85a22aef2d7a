/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The socket of a question to an NFS server.
 *
 * Entry points: nfs_check_io_start(), nfs_check_io_cancel().
 * Ownership: a check frees itself before it calls `done`; a cancelled one at once, but for the name that a thread
 * is looking up.
 * Failure modes: a name that is not known here, or a server that cannot be asked, is code nfs-unchecked; no server, none that answers in time, or one that answers with what is no
 * answer: each is code nfs-export with its reason. Nothing is asked twice: whoever wants
 * to know later starts another check.
 *
 *	start ──► look up a name ──► connect ──► send ──► receive ──► judge ──► done
 *	  └── every step: on_timer, or a failure ──► done
 */
#include "agent/nfs_check_io.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/nfs_msg.h"
#include "lib/clock.h"
#include "lib/compiler.h"
#include "lib/str.h"

/* Exports are for ports below 1024 only, unless they say "insecure" (exports(5)). */
enum { XID = 0x6e626f74, PORT_LAST = 1023, PORT_FIRST = 900, NAME_SIZE = 256 };

/* In a thread; outlives a check that was cancelled. */
struct lookup {
	struct nfs_check_io *check; /* NULL: it was */
	char name[NAME_SIZE];
	int error; /* EAI_… */
	struct addr_ip found;
};

struct nfs_check_io {
	struct lookup *lookup; /* under way */
	uint16_t port;
	int fd;
	struct event *io, *timer;
	char server[NAME_SIZE + ADDR_IP_TEXT]; /* for people */
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
	if (c->lookup != NULL)
		c->lookup->check = NULL;
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

/* Machines may know a name that we do not. */
static void
no_address(struct nfs_check_io *c, const char *why)
{
	struct error err = {.code = ""};

	error_set(&err, -EAGAIN, "nfs-unchecked",
	    "give the agent's machine a resolver that knows the name, or the site a url "
	    "with "
	    "an address",
	    "whether %s is exported was not seen: the address of %s is not known here: "
	    "%s",
	    c->path, c->server, why);
	end(c, &err);
}

static void
on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct nfs_check_io *c = arg;
	const struct error err = c->err;

	if (err.code[0] != '\0')
		end(c, &err);
	else if (c->lookup != NULL)
		no_address(c, "no name server answers in time");
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

static void
begin_or_tell(struct nfs_check_io *c, const struct addr_ip *server)
{
	int r = begin(c, server, c->port);

	if (r < 0) {
		no_server(c, strerror(-r), &c->err);
		evtimer_add(c->timer, &(struct timeval){0});
	}
}

static void
look_up(void *arg)
{
	struct lookup *l = arg;
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM},
			*list = NULL;

	l->error = getaddrinfo(l->name, NULL, &hints, &list);
	if (l->error == 0)
		l->found = addr_ip_from_sockaddr(list->ai_addr);
	if (list != NULL)
		freeaddrinfo(list);
}

static void
on_looked_up(void *arg)
{
	struct lookup *l = arg;
	struct nfs_check_io *c = l->check;
	char text[ADDR_IP_TEXT];

	if (c != NULL) {
		c->lookup = NULL;
		if (l->error != 0) {
			no_address(c, gai_strerror(l->error));
		} else {
			snprintf(c->server, sizeof(c->server), "%s (%s)", l->name,
			    addr_ip_text(&l->found, text, sizeof(text)));
			begin_or_tell(c, &l->found);
		}
	}
	free(l);
}

static void
begin_lookup(struct nfs_check_io *c, struct workq *names, const char *name)
{
	struct lookup *l = str_alloc(sizeof(*l));

	str_clip(l->name, sizeof(l->name), name);
	l->check = c;
	if (workq_submit(names, look_up, on_looked_up, l) == 0) {
		c->lookup = l;
		return;
	}
	free(l);
	error_set(&c->err, -EAGAIN, "nfs-unchecked", "retry in a minute",
	    "whether %s is exported was not seen: too many names are being looked up",
	    c->path);
	evtimer_add(c->timer, &(struct timeval){0});
}

struct nfs_check_io *
nfs_check_io_start(struct event_base *base, struct workq *names, const char *server,
    uint16_t port, const char *path, int64_t patience_us, nfs_check_io_done *done,
    void *arg)
{
	struct nfs_check_io *c = str_alloc(sizeof(*c));
	struct timeval patience = {
	    .tv_sec = patience_us / USEC_PER_SEC, .tv_usec = patience_us % USEC_PER_SEC};
	struct addr_ip address;

	c->fd = -1;
	c->port = port;
	c->done = done;
	c->arg = arg;
	str_clip(c->server, sizeof(c->server), server);
	str_clip(c->path, sizeof(c->path), path);
	c->timer = evtimer_new(base, on_timer, c);
	evtimer_add(c->timer, &patience);
	if (addr_ip_parse(server, &address) == 0)
		begin_or_tell(c, &address);
	else
		begin_lookup(c, names, server);
	return c;
}
