/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCPv6 on the wire.
 *
 *   socket ── recvmmsg ──► dhcp6_server_handle ──┬── ADVERTISE… ──────► sendmsg
 *                                                └── REPLY, records ──► waiting
 *   waiting ── one group (lease_commit_io.c) ──► sendmsg, events
 *
 * When a group fails (full disk), its replies are dropped and every one becomes a dhcp6.ignored event: the
 * client asks again.
 *
 * Bounds: QUEUE_MAX replies wait at most; then nothing more is read until the disk is done, and the kernel's
 * buffer drops what is too much (rxdrop_io.c tells how much).
 *
 * A sender whose message does not say its MAC address is looked for in the neighbour cache; where that cannot
 * be asked the log says so once, and the rest of the ways to know a machine remain.
 *
 * Every REFRESH_S seconds our addresses are read anew, and an interface that could not join its groups tries
 * again.
 *
 * Ownership: struct dhcp6_io owns sockets, server, journal and its commit, and the way to the neighbour cache. */
#include "boot-services/dhcp6_io.h"

#include <errno.h>
#include <event2/event.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "boot-services/dhcp6_identity.h"
#include "boot-services/dhcp6_journal.h"
#include "boot-services/dhcp6_out.h"
#include "boot-services/dhcp6_server.h"
#include "boot-services/dhcp6_socket.h"
#include "boot-services/lease_commit_io.h"
#include "boot-services/neigh_io.h"
#include "boot-services/rxdrop_io.h"
#include "lib/clock.h"
#include "lib/str.h"

enum {
	BATCH = 32,
	QUEUE_MAX = 512,
	CONTROL_SIZE = 64,
	CLOCK_STEP_US = 2 * 1000 * 1000,
	REFRESH_S = 5,
	TAP_MAX = 16, /* overheard packets per wakeup: they are rare or hostile */
	SOCKETS_MAX = 2 * DHCP6_SERVER_LINKS_MAX,
};

struct sock {
	struct dhcp6_io *io;
	int fd;
	size_t link;
	bool tap;
	bool joined;  /* the multicast groups, server sockets only */
	bool told_of; /* the log says that it is not */
	struct event *readable;
};

struct dhcp6_io {
	struct bootd_deps deps;
	struct dhcp6_server *server;
	struct line_journal *journal;
	struct lease_commit_io *commit;
	struct dhcp6_server_link links[DHCP6_SERVER_LINKS_MAX];
	size_t n_links;
	struct sock socks[SOCKETS_MAX];
	size_t n_socks;
	int table_fd; /* of our addresses */
	struct event *refresh;
	struct rxdrop_io *drops;
	struct neigh_io *neigh; /* NULL: not to be had */
	bool told_of_neigh;	/* the log says that the cache cannot be asked */
	bool paused;
	struct dhcp6_out now, waiting, writing;
	int64_t wall_offset;	   /* wall clock less monotonic clock */
	struct dhcp6_server_tx tx; /* of the packet being handled */
	uint8_t rx[BATCH][DHCP6_RECEIVE_MAX];
};

bool
dhcp6_io_possible(void)
{
	return dhcp6_socket_available();
}

static void
emit(struct dhcp6_io *io, struct event *ev)
{
	if (ev->kind[0] != '\0')
		evsink_emit(io->deps.events, ev);
	event_done(ev);
}

/* --- group commit --- */

static void
pause_reading(struct dhcp6_io *io, bool pause)
{
	if (io->paused == pause)
		return;
	io->paused = pause;
	for (size_t i = 0; i < io->n_socks; i++) {
		if (pause)
			event_del(io->socks[i].readable);
		else
			event_add(io->socks[i].readable, NULL);
	}
}

static size_t
n_waiting(void *arg)
{
	const struct dhcp6_io *io = arg;

	return io->waiting.n;
}

static void
on_begin(void *arg)
{
	struct dhcp6_io *io = arg;
	struct dhcp6_out spare = io->writing;

	io->writing = io->waiting;
	io->waiting = spare;
	pause_reading(io, false);
}

static void
add_to_snapshot(void *arg, const struct dhcp6_lease_record *r)
{
	struct dhcp6_io *io = arg;

	line_journal_snapshot(io->journal, r);
}

static void
on_snapshot(void *arg)
{
	struct dhcp6_io *io = arg;

	dhcp6_server_each_record(
	    io->server, clock_mono(), clock_wall(), add_to_snapshot, io);
}

static void
on_end(void *arg, int result)
{
	struct dhcp6_io *io = arg;

	if (result == 0)
		dhcp6_out_send(&io->writing, io->deps.events);
	else
		dhcp6_out_drop(&io->writing, io->deps.events,
		    "no REPLY, because the lease journal cannot be written", -result);
	if (io->waiting.n < QUEUE_MAX)
		pause_reading(io, false);
}

/* --- requests --- */

static void
handle(struct sock *s, const struct dhcp6_server_rx *rx)
{
	struct dhcp6_io *io = s->io;

	dhcp6_server_handle(io->server, rx, &io->tx);
	emit(io, &io->tx.seen);
	for (size_t i = 0; i < io->tx.n_records; i++)
		line_journal_append(io->journal, &io->tx.records[i]);
	if (io->tx.reply)
		dhcp6_out_add(io->tx.durable_first ? &io->waiting : &io->now, s->fd,
		    io->links[s->link].ifindex, &io->tx);
	event_done(&io->tx.sent);
}

static struct addr_ip
ip_of(const struct in6_addr *in)
{
	struct addr_ip ip = {.family = AF_INET6};

	memcpy(ip.b, in, sizeof(ip.b));
	return ip;
}

static struct addr_ip
destination_of(struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		struct in6_pktinfo info;

		if (c->cmsg_level != IPPROTO_IPV6 || c->cmsg_type != IPV6_PKTINFO)
			continue;
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		return ip_of(&info.ipi6_addr);
	}
	return (struct addr_ip){.family = 0};
}

static void
no_neigh(struct dhcp6_io *io, int r)
{
	if (!io->told_of_neigh)
		log_warn(io->deps.log,
		    "dhcp6: the kernel's neighbour cache cannot be asked (%s): "
		    "machines that name no MAC address are known by what was learned "
		    "and by their UUID",
		    strerror(-r));
	io->told_of_neigh = true;
}

static void
ask_neigh(struct dhcp6_io *io, struct dhcp6_server_rx *rx)
{
	int r;

	rx->has_neighbour = false;
	if (!io->neigh || !dhcp6_server_wants_neighbour(io->server, rx))
		return;
	r = neigh_io_find(
	    io->neigh, io->links[rx->link].ifindex, &rx->src, &rx->neighbour);
	rx->has_neighbour = r == 0;
	if (r < 0 && r != -ENOENT)
		no_neigh(io, r);
}

struct incoming {
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_in6 from[BATCH];
	union {
		char buf[CONTROL_SIZE];
		struct cmsghdr align;
	} control[BATCH];
};

static int
receive(struct sock *s, struct incoming *in)
{
	for (size_t i = 0; i < BATCH; i++) {
		in->iov[i] = (struct iovec){s->io->rx[i], DHCP6_RECEIVE_MAX};
		in->msgs[i].msg_hdr = (struct msghdr){.msg_name = &in->from[i],
		    .msg_namelen = sizeof(in->from[i]),
		    .msg_iov = &in->iov[i],
		    .msg_iovlen = 1,
		    .msg_control = in->control[i].buf,
		    .msg_controllen = CONTROL_SIZE};
	}
	return recvmmsg(s->fd, in->msgs, BATCH, MSG_DONTWAIT | MSG_TRUNC, NULL);
}

static void
on_readable(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct sock *s = arg;
	struct dhcp6_io *io = s->io;
	struct incoming in;
	int n = receive(s, &in);
	struct dhcp6_server_rx rx = {
	    .link = s->link, .mono = clock_mono(), .wall = clock_wall()};

	for (int i = 0; i < n; i++) {
		rx.data = io->rx[i];
		rx.len = in.msgs[i].msg_len; /* the true length; too long is refused */
		rx.src = ip_of(&in.from[i].sin6_addr);
		rx.src_port = ntohs(in.from[i].sin6_port);
		rx.dst = destination_of(&in.msgs[i].msg_hdr);
		ask_neigh(io, &rx);
		handle(s, &rx);
	}
	dhcp6_out_send(&io->now, io->deps.events);
	lease_commit_io_start(io->commit);
	if (io->waiting.n >= QUEUE_MAX)
		pause_reading(io, true);
}

static void
on_overheard(evutil_socket_t fd, short what UNUSED, void *arg)
{
	struct sock *s = arg;
	struct dhcp6_server_rx rx = {
	    .link = s->link, .mono = clock_mono(), .wall = clock_wall()};

	for (int i = 0; i < TAP_MAX; i++) {
		ssize_t n = recv(fd, s->io->rx[0], DHCP6_RECEIVE_MAX, MSG_DONTWAIT);
		struct event ev;

		if (n < 0)
			return;
		rx.data = dhcp6_socket_tap_payload(s->io->rx[0], (size_t)n,
		    s->io->deps.cfg->dhcp6_client_port, &rx.len, &rx.src);
		if (!rx.data)
			continue;
		dhcp6_server_overhear(s->io->server, &rx, &ev);
		emit(s->io, &ev);
	}
}

/* --- opening and closing --- */

/* Joins the groups where that was not possible yet. An interface whose IPv6 is switched off can join, but
 * hears nothing until it has an address: both are told of, once. */
static void
look_at(struct dhcp6_io *io, struct sock *s)
{
	struct dhcp6_server_link *l = &io->links[s->link];
	bool good;

	dhcp6_socket_addresses(io->table_fd, l);
	if (!s->joined)
		s->joined = dhcp6_socket_join(s->fd, l->ifindex) == 0;
	good = s->joined && l->has_ipv6;
	if (!good && !s->told_of)
		log_warn(io->deps.log,
		    "dhcp6: %s has no IPv6: nobody is answered there until it has",
		    l->name);
	else if (good && s->told_of)
		log_info(io->deps.log, "dhcp6: %s has IPv6 now", l->name);
	s->told_of = !good;
}

static void
refresh(struct dhcp6_io *io)
{
	for (size_t i = 0; i < io->n_socks; i++) {
		if (!io->socks[i].tap)
			look_at(io, &io->socks[i]);
	}
	dhcp6_server_set_links(io->server, io->links, io->n_links);
}

/* The journal holds wall times. When that clock was set, a restart would take leases for expired, or for
 * longer than they are: write them anew. */
static void
notice_clock_step(struct dhcp6_io *io)
{
	int64_t offset = clock_wall() - clock_mono();
	int64_t step = offset - io->wall_offset;

	io->wall_offset = offset;
	if (step > -CLOCK_STEP_US && step < CLOCK_STEP_US)
		return;
	log_info(
	    io->deps.log, "dhcp6: the clock was set; the lease journal is written anew");
	line_journal_rewrite(io->journal);
	lease_commit_io_start(io->commit);
}

static void
on_refresh(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	refresh(arg);
	notice_clock_step(arg);
}

static void
replayed(void *arg, const void *r)
{
	struct dhcp6_io *io = arg;

	dhcp6_server_restore(io->server, r, clock_mono(), clock_wall());
}

static int
open_server(struct dhcp6_io *io, struct error *err)
{
	const struct bootd_deps *d = &io->deps;
	struct line_journal_replay seen;
	struct dhcp6_duid duid;
	int r = dhcp6_identity_load(d->state_fd, d->uid, d->gid, d->rng, &duid, err);

	if (r < 0)
		return r;
	io->server = dhcp6_server_new(d->cfg, d->table, &duid, rng_u64(d->rng));
	r = line_journal_open(&dhcp6_journal_kind, d->state_fd, d->uid, d->gid, replayed,
	    io, &io->journal, &seen, err);
	if (r < 0)
		return r;
	log_info(d->log, "dhcp6: lease journal replayed, %llu records",
	    (unsigned long long)seen.records);
	if (seen.damaged > 0)
		log_warn(d->log,
		    "dhcp6: %llu damaged lines of the lease journal were skipped",
		    (unsigned long long)seen.damaged);
	r = dhcp6_socket_open_table(&io->table_fd);
	if (r < 0)
		return error_set(err, r, "dhcp6-socket",
		    "mount /proc, or switch services.dhcp6 off",
		    "cannot read our IPv6 addresses: %s", strerror(-r));
	return 0;
}

static int
add_socket(struct dhcp6_io *io, size_t link, bool tap, struct error *err)
{
	const struct bootd_config *cfg = io->deps.cfg;
	struct sock *s = &io->socks[io->n_socks];
	int r;

	if (tap)
		r = dhcp6_socket_open_tap(
		    io->links[link].ifindex, cfg->dhcp6_client_port, &s->fd, err);
	else
		r = dhcp6_socket_open(io->links[link].name, cfg->dhcp6_port, &s->fd, err);
	if (r < 0)
		return r;
	io->n_socks++;
	s->io = io;
	s->link = link;
	s->tap = tap;
	if (!tap)
		rxdrop_io_add(io->drops, s->fd, io->links[link].name, cfg->dhcp6_port);
	s->readable = event_new(io->deps.base, s->fd, EV_READ | EV_PERSIST,
	    tap ? on_overheard : on_readable, s);
	if (!s->readable || event_add(s->readable, NULL) < 0)
		return error_set(
		    err, -ENOMEM, "dhcp6-socket", NULL, "cannot watch a DHCPv6 socket");
	return 0;
}

static int
open_links(struct dhcp6_io *io, struct error *err)
{
	const struct bootd_config *cfg = io->deps.cfg;
	int r = 0;

	for (size_t i = 0; r == 0 && i < cfg->n_ifaces; i++) {
		struct dhcp6_server_link *l = &io->links[i];

		str_clip(l->name, sizeof(l->name), cfg->ifaces[i]);
		l->ifindex = if_nametoindex(l->name);
		if (l->ifindex == 0)
			return error_set(err, -ENODEV, "interface-missing",
			    "check 'interfaces' in bootd.yaml against 'ip link'",
			    "there is no network interface %s", l->name);
		io->n_links++;
		r = add_socket(io, i, false, err);
		if (r == 0)
			r = add_socket(io, i, true, err);
	}
	return r;
}

static int
open_timers(struct dhcp6_io *io, struct error *err)
{
	static const struct lease_commit_io_ops ops = {.n_waiting = n_waiting,
	    .on_begin = on_begin,
	    .on_snapshot = on_snapshot,
	    .on_end = on_end};
	const struct timeval every = {.tv_sec = REFRESH_S};
	const struct bootd_deps *d = &io->deps;

	io->commit = lease_commit_io_new(d->base, d->log, "dhcp6", io->journal, &ops, io);
	io->refresh = event_new(d->base, -1, EV_PERSIST, on_refresh, io);
	if (!io->commit || !io->refresh || event_add(io->refresh, &every) < 0)
		return error_set(
		    err, -ENOMEM, "dhcp6-timer", NULL, "cannot start a timer");
	return 0;
}

struct dhcp6_io *
dhcp6_io_open(const struct bootd_deps *deps, struct error *err)
{
	struct dhcp6_io *io = str_alloc(sizeof(*io));
	int r;

	io->deps = *deps;
	io->table_fd = -1;
	io->drops = rxdrop_io_open(deps->base, deps->events);
	if (open_links(io, err) < 0 || open_server(io, err) < 0 ||
	    open_timers(io, err) < 0) {
		dhcp6_io_close(io);
		return NULL;
	}
	r = neigh_io_open(&io->neigh);
	if (r < 0)
		no_neigh(io, r);
	refresh(io);
	io->wall_offset = clock_wall() - clock_mono();
	return io;
}

void
dhcp6_io_on_table_change(struct dhcp6_io *io)
{
	refresh(io);
}

void
dhcp6_io_close(struct dhcp6_io *io)
{
	if (!io)
		return;
	lease_commit_io_free(io->commit);
	rxdrop_io_close(io->drops);
	if (io->refresh)
		event_free(io->refresh);
	for (size_t i = 0; i < io->n_socks; i++) {
		if (io->socks[i].readable)
			event_free(io->socks[i].readable);
		close(io->socks[i].fd);
	}
	if (io->table_fd >= 0)
		close(io->table_fd);
	neigh_io_close(io->neigh);
	line_journal_close(io->journal);
	dhcp6_server_free(io->server);
	dhcp6_out_done(&io->now);
	dhcp6_out_done(&io->waiting);
	dhcp6_out_done(&io->writing);
	free(io);
}
