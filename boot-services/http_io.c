/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The HTTP service: limits, and the event loop's side of each connection.
 *
 * Entry points: http_io_open() listens; on_accept() admits clients within the limits;
 * http_io_update() waits for what a connection wants. It owns the connections; they are
 * freed by a deferred event, never within their own callbacks, and are known by id to
 * whatever outlives a turn of the loop.
 *
 * When a limit is reached the connection longest idle makes room; when none is idle the
 * newcomer is turned away with a reset, so that it does not wait for nothing. */
#include "boot-services/http_io.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "boot-services/http_priv.h"
#include "boot-services/listen_io.h"
#include "boot-services/peer_share.h"
#include "lib/clock.h"
#include "lib/str.h"

enum { ACCEPTS_PER_TURN = 32 };

/* ---- connections ---- */

struct http_conn *
http_io_find(struct http_io *io, uint64_t id)
{
	struct http_conn *c = NULL;

	HASH_FIND(hh, io->by_id, &id, sizeof id, c);
	return c;
}

static void
on_reap(evutil_socket_t fd, short what, void *arg)
{
	struct http_io *io = arg;
	struct http_conn *c, *tmp;

	(void)fd;
	(void)what;
	DL_FOREACH_SAFE(io->dead, c, tmp)
	{
		DL_DELETE(io->dead, c);
		event_free(c->readable);
		event_free(c->writable);
		event_free(c->timer);
		http_conn_free(c);
	}
}

/* Takes a closed connection out of everything but the list of the dead. */
static void
bury(struct http_conn *c)
{
	struct http_io *io = c->io;

	event_del(c->readable);
	event_del(c->writable);
	event_del(c->timer);
	/* Not before: libevent would tell the kernel of a descriptor that is gone, or of
	 * another one with its number. */
	close(c->fd);
	c->fd = -1;
	DL_DELETE(io->conns, c);
	HASH_DEL(io->by_id, c);
	DL_APPEND(io->dead, c);
	io->n_conns--;
	event_active(io->reaper, EV_TIMEOUT, 0);
}

/* The timer is moved only when it would be late; firing early is harmless. */
static void
arm_timer(struct http_conn *c)
{
	int64_t wait;
	struct timeval tv;

	if (c->timer_at <= c->wake_at)
		return;
	wait = c->wake_at - clock_mono();
	if (wait < 0)
		wait = 0;
	tv = (struct timeval){wait / USEC_PER_SEC, wait % USEC_PER_SEC};
	c->timer_at = c->wake_at;
	event_add(c->timer, &tv);
}

void
http_io_update(struct http_conn *c)
{
	if (c->state == HTTP_CONN_CLOSED) {
		bury(c);
		return;
	}
	if (c->want_read != c->reading) {
		c->reading = c->want_read;
		if (c->reading)
			event_add(c->readable, NULL);
		else
			event_del(c->readable);
	}
	if (c->want_write != c->writing) {
		c->writing = c->want_write;
		if (c->writing)
			event_add(c->writable, NULL);
		else
			event_del(c->writable);
	}
	arm_timer(c);
}

static void
on_conn_ready(evutil_socket_t fd, short what, void *arg)
{
	struct http_conn *c = arg;

	(void)fd;
	/* Another callback of this turn may have closed it. */
	if (c->state == HTTP_CONN_CLOSED)
		return;
	http_conn_on_ready(c, (what & EV_READ) != 0, clock_mono());
	http_io_update(c);
}

static void
on_conn_time(evutil_socket_t fd, short what, void *arg)
{
	struct http_conn *c = arg;
	int64_t now = clock_mono();

	(void)fd;
	(void)what;
	if (c->state == HTTP_CONN_CLOSED)
		return;
	c->timer_at = INT64_MAX;
	if (now >= c->wake_at)
		http_conn_on_time(c, now);
	http_io_update(c);
}

/* ---- admission ---- */

static void PRINTF_LIKE(3, 4)
    turn_away(struct http_io *io, const struct addr_ip *ip, const char *fmt, ...)
{
	struct http_xfer_facts f = {0};
	char reason[EVENT_REASON_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof reason, fmt, ap);
	va_end(ap);
	addr_ip_text(ip, f.ip, sizeof f.ip);
	http_xfer_tell(io->deps->events, &f, "http.error", "refused", reason);
}

static bool
is_idle(const struct http_conn *c)
{
	return c->state == HTTP_CONN_HEAD && c->in_len == 0 && c->served_once &&
	       c->n_flights == 0;
}

/* The connections of one client, of its network and of all: how many there are, and the one
 * of them that is longest idle, or NULL. */
struct crowd {
	unsigned mine, near;
	struct http_conn *own, *kin, *any;
};

static struct http_conn *
longer_idle(struct http_conn *a, struct http_conn *b)
{
	return a == NULL || b->since < a->since ? b : a;
}

static struct crowd
count_crowd(const struct http_io *io, const struct addr_ip *ip)
{
	bool shares = peer_share_counts(*io->deps->table, ip);
	struct crowd crowd = {0};
	struct http_conn *c;

	DL_FOREACH (io->conns, c) {
		bool same = addr_ip_eq(&c->ip, ip);
		bool kin = shares && c->shares && peer_share_same(&c->ip, ip);

		crowd.mine += same;
		crowd.near += kin;
		if (!is_idle(c))
			continue;
		if (same)
			crowd.own = longer_idle(crowd.own, c);
		if (kin)
			crowd.kin = longer_idle(crowd.kin, c);
		crowd.any = longer_idle(crowd.any, c);
	}
	return crowd;
}

/* Room for one more connection of this client? */
static bool
make_room(struct http_io *io, const struct addr_ip *ip)
{
	const struct bootd_config *cfg = io->deps->cfg;
	struct crowd crowd = count_crowd(io, ip);
	bool mine_full = crowd.mine >= cfg->http_max_per_client;
	bool near_full = crowd.near >= peer_share_max(cfg->http_max_conns);
	struct http_conn *oldest = mine_full   ? crowd.own
				   : near_full ? crowd.kin
					       : crowd.any;

	if (!mine_full && !near_full && io->n_conns < cfg->http_max_conns)
		return true;
	if (oldest != NULL) {
		http_conn_break(oldest, false, "idle, and others need the room");
		http_io_update(oldest);
		return true;
	}
	turn_away(io, ip, "too many connections: %u of this client%s and %u in all",
	    crowd.mine, near_full ? ", half of all there may be of its /64," : "",
	    io->n_conns);
	return false;
}

static void
admit(struct http_io *io, int fd, const struct addr_ip *ip)
{
	struct http_conn *c = http_conn_new(io, fd, ip, clock_mono());
	struct event_base *base = io->deps->base;

	c->id = ++io->last_id;
	c->shares = peer_share_counts(*io->deps->table, ip);
	c->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_conn_ready, c);
	c->writable = event_new(base, fd, EV_WRITE | EV_PERSIST, on_conn_ready, c);
	c->timer = event_new(base, -1, 0, on_conn_time, c);
	c->timer_at = INT64_MAX;
	DL_APPEND(io->conns, c);
	HASH_ADD(hh, io->by_id, id, sizeof c->id, c);
	io->n_conns++;
	/* The request is often here already. */
	http_conn_on_ready(c, true, clock_mono());
	http_io_update(c);
}

static void
set_accepting(struct http_io *io, bool on)
{
	io->paused = !on;
	listen_io_pause(io->listener, !on);
}

static void
reset_fd(int fd)
{
	struct linger hard = {.l_onoff = 1, .l_linger = 0};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(fd);
}

static void
on_accept(evutil_socket_t listener, short what, void *arg)
{
	struct http_io *io = arg;

	(void)what;
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		struct sockaddr_storage from = {0};
		socklen_t len = sizeof from;
		struct addr_ip ip;
		int fd = accept4(listener, (struct sockaddr *)&from, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
			/* Waiting connections would wake us without end; the sweep
			 * listens again. */
			set_accepting(io, false);
			log_warn(io->deps->log,
			    "http: out of file descriptors, not accepting");
		}
		if (fd < 0)
			return;
		ip = addr_ip_from_sockaddr((struct sockaddr *)&from);
		if (make_room(io, &ip))
			admit(io, fd, &ip);
		else
			reset_fd(fd);
	}
}

static void
on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct http_io *io = arg;

	(void)fd;
	(void)what;
	http_xfers_sweep(io->xfers, clock_mono());
	if (io->paused)
		set_accepting(io, true);
}

/* ---- the service ---- */

struct http_io *
http_io_open(const struct bootd_deps *deps, struct error *err)
{
	const struct listen_io_service service = {.name = "HTTP",
	    .key = "http",
	    .type = SOCK_STREAM,
	    .port = deps->cfg->http_port};
	struct http_io *io = str_alloc(sizeof *io);
	struct timeval second = {1, 0};

	io->deps = deps;
	io->xfers = http_xfers_new(deps->events);
	io->reaper = event_new(deps->base, -1, 0, on_reap, io);
	io->sweep = event_new(deps->base, -1, EV_PERSIST, on_sweep, io);
	io->listener = listen_io_open(deps, &service, on_accept, io, err);
	if (io->listener == NULL) {
		http_io_close(io);
		return NULL;
	}
	event_add(io->sweep, &second);
	return io;
}

void
http_io_on_table_change(struct http_io *io)
{
	if (io == NULL)
		return;
	http_ticket_on_table_change(io);
}

void
http_io_close(struct http_io *io)
{
	struct http_conn *c, *tmp;

	if (io == NULL)
		return;
	listen_io_close(io->listener);
	DL_FOREACH_SAFE(io->conns, c, tmp)
	{
		http_conn_break(c, true, "the server is being stopped");
		http_io_update(c);
	}
	on_reap(-1, 0, io);
	http_ticket_done(io);
	http_menu_done(io);
	event_free(io->reaper);
	event_free(io->sweep);
	http_xfers_free(io->xfers);
	free(io);
}
