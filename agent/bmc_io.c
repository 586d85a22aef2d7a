/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pool's hands: one connected UDP socket per session under way, one timer per call,
 * host names by getaddrinfo() in lib/workq. Connected, because the kernel then drops what
 * others send.
 *
 * A name is looked up for each call: its BMC may have moved. Name servers that do not answer
 * hold up the threads, and with them the names of other zones; then, and when a server
 * fails, the address is used that was found within the last minutes. One that says that there
 * is no such name is believed.
 *
 * Entry points: bmc_io_ops() for the pool, the libevent callbacks on_*(). A struct conn
 * belongs to its call (c->io) and goes with it, within its own callbacks as well. ECONNREFUSED and its like are no failure: on shared ports the
 * server's own system answers for the BMC, and a BMC that restarts refuses for a while.
 * They count as lost packets. */
#include "agent/bmc_io.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uthash.h>

#include "lib/clock.h"
#include "lib/str.h"
#include "lib/workq.h"

enum { FOUND_MAX = 10000 };
#define FOUND_AGE_MAX (600 * USEC_PER_SEC)
#define LOOKUP_SLOW (1 * USEC_PER_SEC)

/* What names resolve to. */
struct target {
	char name[BUNDLE_NAME_SIZE];
	char port[6];
};

struct found {
	struct target target;
	struct sockaddr_storage addr;
	socklen_t addr_len;
	int64_t at;
	UT_hash_handle hh;
};

struct bmc_io {
	struct event_base *base;
	struct workq *workq;
	void (*note)(void *arg, const struct bmc_note *note);
	void *note_arg;
	struct bmc_pool *pool;
	struct found *found;
};

struct conn {
	struct bmc_io *io;
	struct bmc_call *call;
	int fd;
	struct event ev_read, ev_timer, ev_go;
	int64_t due, armed; /* the call's timer, and libevent's; -1: none */
	struct sockaddr_storage addr;
	socklen_t addr_len; /* 0: not resolved yet */
	struct resolve *resolve;
};

/* Lives until its work is done, even if the call does not. */
struct resolve {
	struct conn *conn; /* NULL: nobody waits any more */
	struct target target;
	struct sockaddr_storage addr;
	socklen_t addr_len;
	int error;
};

/* ---- names and their addresses ---- */

static void
forget_all(struct bmc_io *io)
{
	struct found *f, *tmp;

	HASH_ITER (hh, io->found, f, tmp) {
		HASH_DEL(io->found, f);
		free(f);
	}
}

static struct found *
find(struct bmc_io *io, const struct target *t)
{
	struct found *f;

	HASH_FIND(hh, io->found, t, sizeof *t, f);
	return f;
}

static void
remember(struct bmc_io *io, const struct resolve *r)
{
	struct found *f = find(io, &r->target);

	if (f == NULL) {
		if (HASH_COUNT(io->found) >= FOUND_MAX)
			forget_all(io);
		f = str_alloc(sizeof *f);
		f->target = r->target;
		HASH_ADD(hh, io->found, target, sizeof f->target, f);
	}
	f->addr = r->addr;
	f->addr_len = r->addr_len;
	f->at = clock_mono();
}

/* The address that was found lately, if any. */
static void
use_found(struct conn *k, const struct target *t)
{
	const struct found *f = find(k->io, t);

	if (f == NULL || clock_mono() - f->at > FOUND_AGE_MAX)
		return;
	k->addr = f->addr;
	k->addr_len = f->addr_len;
}

/* ---- */

struct bmc_io *
bmc_io_new(struct event_base *base, struct workq *workq,
    void (*note)(void *arg, const struct bmc_note *note), void *note_arg)
{
	struct bmc_io *io = str_alloc(sizeof *io);

	io->base = base;
	io->workq = workq;
	io->note = note;
	io->note_arg = note_arg;
	return io;
}

void
bmc_io_free(struct bmc_io *io)
{
	if (io != NULL)
		forget_all(io);
	free(io);
}

void
bmc_io_set_pool(struct bmc_io *io, struct bmc_pool *pool)
{
	io->pool = pool;
}

static void
close_socket(struct conn *k)
{
	event_del(&k->ev_go);
	if (k->fd < 0)
		return;
	event_del(&k->ev_read);
	close(k->fd);
	k->fd = -1;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *k = arg;
	uint8_t pkt[BMC_PROTO_PACKET_MAX];
	ssize_t n;

	(void)what;
	/* One is under way at a time: a second recv() would find nothing. If there is more all the
	 * same, the loop comes back. */
	n = recv(fd, pkt, sizeof pkt, MSG_DONTWAIT | MSG_TRUNC);
	if (n <= 0 || (size_t)n > sizeof pkt)
		return; /* refused, empty, or longer than any answer of a BMC */
	bmc_pool_input(k->io->pool, k->call, clock_mono(), pkt, (size_t)n);
}

static void
arm(struct event *ev, int64_t wait)
{
	struct timeval tv = {0, 0};

	if (wait > 0) {
		tv.tv_sec = (time_t)(wait / USEC_PER_SEC);
		tv.tv_usec = (suseconds_t)(wait % USEC_PER_SEC);
	}
	/* event_add() of a timer fails only for want of memory. */
	if (event_add(ev, &tv) < 0)
		abort();
}

/* A call's timer moves with each packet, nearly always to a later time: libevent's is left where it
 * is then, and set anew when it comes too early. */
static void
arm_timer(struct conn *k, int64_t now)
{
	k->armed = k->due;
	arm(&k->ev_timer, k->due - now);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conn *k = arg;

	int64_t now = clock_mono();

	(void)fd;
	(void)what;
	k->armed = -1;
	if (k->due > now)
		arm_timer(k, now);
	else if (k->due >= 0)
		bmc_pool_timer(k->io->pool, k->call, now);
}

/* 0 or -errno. */
static int
open_socket(struct conn *k)
{
	int fd, r;

	fd = socket(k->addr.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&k->addr, k->addr_len) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	k->fd = fd;
	event_assign(&k->ev_read, k->io->base, fd, EV_READ | EV_PERSIST, on_readable, k);
	if (event_add(&k->ev_read, NULL) < 0) {
		close_socket(k);
		return -ENOMEM;
	}
	return 0;
}

/* Where its credentials would go, in words, when they may not; else NULL. Judged by the address itself,
 * since a name may lead anywhere. */
static const char *
outside(const struct conn *k, char *buf, size_t size)
{
	const struct addr_ip ip =
	    addr_ip_from_sockaddr((const struct sockaddr *)&k->addr);

	if (bundle_bmc_may_reach(&k->call->bmc, &ip))
		return NULL;
	return addr_ip_text(&ip, buf, size);
}

static void
on_go(evutil_socket_t fd, short what, void *arg)
{
	struct conn *k = arg;
	char why[128];
	int r;

	(void)fd;
	(void)what;
	if (k->addr_len == 0 && k->resolve != NULL) { /* it takes long */
		use_found(k, &k->resolve->target);
		if (k->addr_len == 0)
			return;
	}
	if (k->addr_len == 0) {
		bmc_pool_no_route(
		    k->io->pool, k->call, clock_mono(), "its name has no address");
		return;
	}
	if (outside(k, why, sizeof(why)) != NULL) {
		bmc_pool_outside(k->io->pool, k->call, clock_mono(), why);
		return;
	}
	r = open_socket(k);
	if (r == 0) {
		bmc_pool_connected(k->io->pool, k->call, clock_mono());
		return;
	}
	snprintf(why, sizeof why, "no socket to it: %s", strerror(-r));
	bmc_pool_no_route(k->io->pool, k->call, clock_mono(), why);
}

static struct conn *
conn_of(struct bmc_io *io, struct bmc_call *c)
{
	struct conn *k = c->io;

	if (k != NULL)
		return k;
	k = str_alloc(sizeof *k);
	k->io = io;
	k->call = c;
	k->fd = -1;
	k->due = k->armed = -1;
	event_assign(&k->ev_timer, io->base, -1, 0, on_timer, k);
	event_assign(&k->ev_go, io->base, -1, 0, on_go, k);
	c->io = k;
	return k;
}

/* Thread of the work queue. */
static void
resolve_work(void *arg)
{
	struct resolve *r = arg;
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM},
			*list = NULL;

	r->error = getaddrinfo(r->target.name, r->target.port, &hints, &list);
	if (r->error == 0 && list->ai_addrlen <= sizeof r->addr) {
		memcpy(&r->addr, list->ai_addr, list->ai_addrlen);
		r->addr_len = list->ai_addrlen;
	}
	if (list != NULL)
		freeaddrinfo(list);
}

static void
take_answer(struct conn *k, const struct resolve *r)
{
	k->addr = r->addr;
	k->addr_len = r->addr_len;
	if (r->error == EAI_AGAIN || r->error == EAI_FAIL)
		use_found(k, &r->target);
	arm(&k->ev_go, 0);
}

static void
resolve_done(void *arg)
{
	struct resolve *r = arg;
	struct conn *k = r->conn;

	if (k != NULL) {
		k->resolve = NULL;
		if (r->addr_len > 0)
			remember(k->io, r);
		if (k->addr_len == 0)
			take_answer(k, r);
	}
	free(r);
}

static void
start_resolving(struct bmc_io *io, struct conn *k, const struct bundle_bmc *bmc)
{
	struct resolve *r;

	if (io->workq == NULL) {
		arm(&k->ev_go, 0); /* on_go() reports it */
		return;
	}
	r = str_alloc(sizeof *r);
	str_clip(r->target.name, sizeof r->target.name, bmc->address);
	snprintf(r->target.port, sizeof r->target.port, "%u", bmc->port);
	r->conn = k;
	k->resolve = r;
	if (workq_submit(io->workq, resolve_work, resolve_done, r) == 0) {
		arm(&k->ev_go, LOOKUP_SLOW);
		return;
	}
	k->resolve = NULL;
	free(r);
	arm(&k->ev_go, 0);
}

static void
op_connect(void *arg, struct bmc_call *c)
{
	struct bmc_io *io = arg;
	struct conn *k = conn_of(io, c);
	struct addr_ip ip;

	close_socket(k);
	if (k->addr_len == 0 && k->resolve != NULL) {
		arm(&k->ev_go, LOOKUP_SLOW); /* the answer is still under way */
		return;
	}
	if (k->addr_len == 0 && addr_ip_parse(c->bmc.address, &ip) == 0)
		k->addr_len = addr_ip_sockaddr(&ip, c->bmc.port, &k->addr);
	if (k->addr_len == 0)
		start_resolving(io, k, &c->bmc);
	else
		arm(&k->ev_go, 0);
}

static void
op_disconnect(void *arg, struct bmc_call *c)
{
	(void)arg;
	if (c->io != NULL)
		close_socket(c->io);
}

static void
op_send(void *arg, struct bmc_call *c, const void *pkt, size_t len)
{
	struct conn *k = c->io;

	(void)arg;
	/* What cannot be sent is lost, and the session's timer sends it again. */
	if (k != NULL && k->fd >= 0 &&
	    send(k->fd, pkt, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
	    errno == ECONNREFUSED)
		(void)!send(k->fd, pkt, len,
		    MSG_DONTWAIT | MSG_NOSIGNAL); /* told of an earlier one */
}

static void
op_timer(void *arg, struct bmc_call *c, int64_t at)
{
	struct conn *k = conn_of(arg, c);

	k->due = at;
	if (at >= 0 && (k->armed < 0 || at < k->armed))
		arm_timer(k, clock_mono());
}

static void
op_note(void *arg, const struct bmc_note *note)
{
	struct bmc_io *io = arg;

	if (io->note != NULL)
		io->note(io->note_arg, note);
}

static void
op_release(void *arg, struct bmc_call *c)
{
	struct conn *k = c->io;

	(void)arg;
	if (k == NULL)
		return;
	close_socket(k);
	event_del(&k->ev_timer);
	if (k->resolve != NULL)
		k->resolve->conn = NULL;
	c->io = NULL;
	free(k);
}

const struct bmc_call_ops *
bmc_io_ops(void)
{
	static const struct bmc_call_ops ops = {
	    .connect = op_connect,
	    .disconnect = op_disconnect,
	    .send = op_send,
	    .timer = op_timer,
	    .note = op_note,
	    .release = op_release,
	};

	return &ops;
}
