/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCPv4 on the wire.
 *
 *   socket ── recvmmsg ──► dhcp4_server_handle ──┬── OFFER, NAK… ──► sendmmsg
 *                                                └── ACK, record ──► waiting
 *   waiting ── one group (lease_commit_io.c) ──► sendmmsg, events
 *
 * When a group fails (full disk), its replies are dropped and every one becomes a dhcp4.ignored event: the
 * client asks again.
 *
 * Bounds: QUEUE_MAX replies wait at most; then nothing more is read until the disk is
 * done, and the kernel's buffer drops what is too much (rxdrop_io.c tells how much).
 *
 * Ownership: struct dhcp4_io owns sockets, server, journal and its commit. */
#include "boot-services/dhcp4_io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "boot-services/dhcp4_out.h"
#include "boot-services/dhcp4_server.h"
#include "boot-services/dhcp4_socket.h"
#include "boot-services/lease_commit_io.h"
#include "boot-services/lease_journal.h"
#include "boot-services/rxdrop_io.h"
#include "lib/clock.h"
#include "lib/str.h"

enum {
	BATCH = 64,
	QUEUE_MAX = 512,
	CONTROL_SIZE = 64,
	CLOCK_STEP_US = 2 * 1000 * 1000,
	REFRESH_S = 5, /* our addresses may change */
	TAP_MAX = 16,  /* overheard packets per wakeup: they are rare or hostile */
	SOCKETS_MAX = 3 * DHCP4_SERVER_LINKS_MAX,
};

enum kind { KIND_SERVER, KIND_PXE, KIND_TAP };

struct sock {
	struct dhcp4_io *io;
	int fd;
	size_t link;
	enum kind kind;
	struct event *readable;
};

struct dhcp4_io {
	struct bootd_deps deps;
	struct dhcp4_server *server;
	struct line_journal *journal;
	struct lease_commit_io *commit;
	struct dhcp4_server_link links[DHCP4_SERVER_LINKS_MAX];
	size_t n_links;
	struct sock socks[SOCKETS_MAX];
	size_t n_socks;
	struct event *refresh;
	struct rxdrop_io *drops;
	bool paused;
	struct dhcp4_out now, waiting, writing;
	int64_t wall_offset;	   /* wall clock less monotonic clock */
	struct dhcp4_server_tx tx; /* of the packet being handled */
	uint8_t rx[BATCH][DHCP4_RECEIVE_MAX];
};

static void
emit(struct dhcp4_io *io, struct event *ev)
{
	if (ev->kind[0] != '\0')
		evsink_emit(io->deps.events, ev);
	event_done(ev);
}

/* --- group commit --- */

static void
pause_reading(struct dhcp4_io *io, bool pause)
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
	const struct dhcp4_io *io = arg;

	return io->waiting.n;
}

static void
on_begin(void *arg)
{
	struct dhcp4_io *io = arg;
	struct dhcp4_out spare = io->writing;

	io->writing = io->waiting;
	io->waiting = spare;
	pause_reading(io, false);
}

static void
add_to_snapshot(void *arg, const struct dhcp4_lease_record *r)
{
	struct dhcp4_io *io = arg;

	line_journal_snapshot(io->journal, r);
}

static void
on_snapshot(void *arg)
{
	struct dhcp4_io *io = arg;

	dhcp4_server_each_record(
	    io->server, clock_mono(), clock_wall(), add_to_snapshot, io);
}

static void
on_end(void *arg, int result)
{
	struct dhcp4_io *io = arg;

	if (result == 0)
		dhcp4_out_send(&io->writing, io->deps.events);
	else
		dhcp4_out_drop(&io->writing, io->deps.events,
		    "no ACK, because the lease journal cannot be written", -result);
	if (io->waiting.n < QUEUE_MAX)
		pause_reading(io, false);
}

/* --- requests --- */

static void
handle(struct sock *s, const struct dhcp4_server_rx *rx)
{
	struct dhcp4_io *io = s->io;

	dhcp4_server_handle(io->server, rx, &io->tx);
	emit(io, &io->tx.seen);
	emit(io, &io->tx.extra);
	if (io->tx.has_record)
		line_journal_append(io->journal, &io->tx.record);
	if (io->tx.reply)
		dhcp4_out_add(
		    io->tx.durable_first ? &io->waiting : &io->now, s->fd, &io->tx);
	event_done(&io->tx.sent);
}

static uint32_t
destination_of(struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		struct in_pktinfo info;

		if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_PKTINFO)
			continue;
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		return ntohl(info.ipi_addr.s_addr);
	}
	return 0;
}

struct incoming {
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_in from[BATCH];
	union {
		char buf[CONTROL_SIZE];
		struct cmsghdr align;
	} control[BATCH];
};

static int
receive(struct sock *s, struct incoming *in)
{
	for (size_t i = 0; i < BATCH; i++) {
		in->iov[i] = (struct iovec){s->io->rx[i], DHCP4_RECEIVE_MAX};
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
	struct dhcp4_io *io = s->io;
	struct incoming in;
	int n = receive(s, &in);
	struct dhcp4_server_rx rx = {.link = s->link,
	    .pxe_port = s->kind == KIND_PXE,
	    .mono = clock_mono(),
	    .wall = clock_wall()};

	for (int i = 0; i < n; i++) {
		rx.data = io->rx[i];
		rx.len = in.msgs[i].msg_len; /* the true length; too long is refused */
		rx.src_ip = ntohl(in.from[i].sin_addr.s_addr);
		rx.src_port = ntohs(in.from[i].sin_port);
		rx.dst_ip = destination_of(&in.msgs[i].msg_hdr);
		handle(s, &rx);
	}
	dhcp4_out_send(&io->now, io->deps.events);
	lease_commit_io_start(io->commit);
	if (io->waiting.n >= QUEUE_MAX)
		pause_reading(io, true);
}

static void
on_overheard(evutil_socket_t fd, short what UNUSED, void *arg)
{
	struct sock *s = arg;
	struct dhcp4_server_rx rx = {
	    .link = s->link, .mono = clock_mono(), .wall = clock_wall()};

	for (int i = 0; i < TAP_MAX; i++) {
		struct sockaddr_ll from = {.sll_halen = 0};
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(fd, s->io->rx[0], DHCP4_RECEIVE_MAX, MSG_DONTWAIT,
		    (struct sockaddr *)&from, &from_len);
		struct event ev;

		if (n < 0)
			return;
		rx.data = dhcp4_socket_tap_payload(s->io->rx[0], (size_t)n,
		    s->io->deps.cfg->dhcp4_client_port, &rx.len, &rx.src_ip);
		if (!rx.data)
			continue;
		rx.src_mac = (struct addr_mac){{0}};
		if (from.sll_halen == sizeof(rx.src_mac.b))
			memcpy(rx.src_mac.b, from.sll_addr, sizeof(rx.src_mac.b));
		dhcp4_server_overhear(s->io->server, &rx, &ev);
		emit(s->io, &ev);
	}
}

/* --- opening and closing --- */

static void
refresh_addresses(struct dhcp4_io *io)
{
	for (size_t i = 0; i < io->n_links; i++)
		dhcp4_socket_addresses(io->socks[0].fd, &io->links[i]);
	dhcp4_server_set_links(io->server, io->links, io->n_links);
}

/* The journal holds wall times. When that clock was set, a restart would take leases for expired,
 * or for longer than they are: write them anew. */
static void
notice_clock_step(struct dhcp4_io *io)
{
	int64_t offset = clock_wall() - clock_mono();
	int64_t step = offset - io->wall_offset;

	io->wall_offset = offset;
	if (step > -CLOCK_STEP_US && step < CLOCK_STEP_US)
		return;
	log_info(
	    io->deps.log, "dhcp4: the clock was set; the lease journal is written anew");
	line_journal_rewrite(io->journal);
	lease_commit_io_start(io->commit);
}

static void
on_refresh(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	refresh_addresses(arg);
	notice_clock_step(arg);
}

static void
replayed(void *arg, const void *r)
{
	struct dhcp4_io *io = arg;

	dhcp4_server_restore(io->server, r, clock_mono(), clock_wall());
}

static int
open_journal(struct dhcp4_io *io, struct error *err)
{
	const struct bootd_deps *d = &io->deps;
	struct line_journal_replay seen;
	int r = line_journal_open(&lease_journal_kind, d->state_fd, d->uid, d->gid,
	    replayed, io, &io->journal, &seen, err);

	if (r < 0)
		return r;
	log_info(d->log, "dhcp4: lease journal replayed, %llu records",
	    (unsigned long long)seen.records);
	if (seen.damaged > 0)
		log_warn(d->log,
		    "dhcp4: %llu damaged lines of the lease journal were skipped",
		    (unsigned long long)seen.damaged);
	return 0;
}

static int
add_socket(struct dhcp4_io *io, size_t link, enum kind kind, struct error *err)
{
	const struct bootd_config *cfg = io->deps.cfg;
	struct sock *s = &io->socks[io->n_socks];
	int r;

	if (kind == KIND_TAP)
		r = dhcp4_socket_open_tap(
		    io->links[link].ifindex, cfg->dhcp4_client_port, &s->fd, err);
	else
		r = dhcp4_socket_open(io->links[link].name,
		    kind == KIND_PXE ? cfg->pxe_port : cfg->dhcp4_port, &s->fd, err);
	if (r < 0)
		return r;
	io->n_socks++;
	s->io = io;
	s->link = link;
	s->kind = kind;
	if (kind != KIND_TAP)
		rxdrop_io_add(io->drops, s->fd, io->links[link].name,
		    kind == KIND_PXE ? cfg->pxe_port : cfg->dhcp4_port);
	s->readable = event_new(io->deps.base, s->fd, EV_READ | EV_PERSIST,
	    kind == KIND_TAP ? on_overheard : on_readable, s);
	if (!s->readable || event_add(s->readable, NULL) < 0)
		return error_set(
		    err, -ENOMEM, "dhcp4-socket", NULL, "cannot watch a DHCP socket");
	return 0;
}

static int
open_links(struct dhcp4_io *io, struct error *err)
{
	const struct bootd_config *cfg = io->deps.cfg;
	int r = 0;

	for (size_t i = 0; r == 0 && i < cfg->n_ifaces; i++) {
		struct dhcp4_server_link *l = &io->links[i];

		str_clip(l->name, sizeof(l->name), cfg->ifaces[i]);
		l->ifindex = if_nametoindex(l->name);
		if (l->ifindex == 0)
			return error_set(err, -ENODEV, "interface-missing",
			    "check 'interfaces' in bootd.yaml against 'ip link'",
			    "there is no network interface %s", l->name);
		io->n_links++;
		r = add_socket(io, i, KIND_SERVER, err);
		if (r == 0)
			r = add_socket(io, i, KIND_PXE, err);
		if (r == 0)
			r = add_socket(io, i, KIND_TAP, err);
	}
	if (r == 0 && io->n_links == 0)
		return error_set(err, -EINVAL, "no-interface",
		    "name at least one under 'interfaces' in bootd.yaml",
		    "DHCP is switched on, but no interface is named");
	return r;
}

struct dhcp4_io *
dhcp4_io_open(const struct bootd_deps *deps, struct error *err)
{
	static const struct lease_commit_io_ops ops = {.n_waiting = n_waiting,
	    .on_begin = on_begin,
	    .on_snapshot = on_snapshot,
	    .on_end = on_end};
	struct dhcp4_io *io = str_alloc(sizeof(*io));
	const struct timeval every = {.tv_sec = REFRESH_S};

	io->deps = *deps;
	io->server = dhcp4_server_new(deps->cfg, deps->table, rng_u64(deps->rng));
	io->drops = rxdrop_io_open(deps->base, deps->events);
	if (open_links(io, err) < 0 || open_journal(io, err) < 0)
		goto fail;
	refresh_addresses(io);
	io->wall_offset = clock_wall() - clock_mono();
	io->commit =
	    lease_commit_io_new(deps->base, deps->log, "dhcp4", io->journal, &ops, io);
	io->refresh = event_new(deps->base, -1, EV_PERSIST, on_refresh, io);
	if (!io->commit || !io->refresh || event_add(io->refresh, &every) < 0) {
		error_set(err, -ENOMEM, "dhcp4-timer", NULL, "cannot start a timer");
		goto fail;
	}
	return io;
fail:
	dhcp4_io_close(io);
	return NULL;
}

void
dhcp4_io_on_table_change(struct dhcp4_io *io)
{
	refresh_addresses(io);
}

void
dhcp4_io_close(struct dhcp4_io *io)
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
	line_journal_close(io->journal);
	dhcp4_server_free(io->server);
	dhcp4_out_done(&io->now);
	dhcp4_out_done(&io->waiting);
	dhcp4_out_done(&io->writing);
	free(io);
}
