/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCPv4 on the wire.
 *
 *   socket ── recvmmsg ──► dhcp4_server_handle ──┬── OFFER, NAK… ──► sendmmsg
 *                                                └── ACK, record ──► waiting
 *   waiting ── one group on the disk ─────► sendmmsg, events       (lease_commit_io.c)
 *
 * Every REFRESH_S seconds our addresses are read anew.
 *
 * Ownership: struct dhcp4_io owns sockets, server and the commit of its leases. */
#include "boot-services/dhcp4_io.h"

#include <errno.h>
#include <event2/event.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "boot-services/dhcp4_server.h"
#include "boot-services/dhcp4_socket.h"
#include "boot-services/dhcp_socket.h"
#include "boot-services/lease_commit_io.h"
#include "boot-services/lease_journal.h"
#include "boot-services/rxdrop_io.h"
#include "lib/clock.h"
#include "lib/str.h"

enum {
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
	struct lease_commit_io *leases;
	struct dhcp4_server_link links[DHCP4_SERVER_LINKS_MAX];
	size_t n_links;
	struct sock socks[SOCKETS_MAX];
	size_t n_socks;
	struct event *refresh;
	struct rxdrop_io *drops;
	struct dhcp4_server_tx tx; /* of the packet being handled */
	struct dhcp_socket_packet rx[DHCP_SOCKET_BATCH];
};

_Static_assert((int)DHCP4_PACKET_MAX <= (int)DHCP_OUT_SIZE_MAX, "a reply fits");
_Static_assert((int)DHCP4_RECEIVE_MAX <= (int)DHCP_SOCKET_SIZE_MAX,
    "what the server reads is there");

/* --- leases --- */

static void
restore(void *arg, const void *r)
{
	struct dhcp4_io *io = arg;

	dhcp4_server_restore(io->server, r, clock_mono(), clock_wall());
}

static void
add_to_snapshot(void *arg, const struct dhcp4_lease_record *r, bool current)
{
	line_journal_snapshot(arg, r, current);
}

static bool
snapshot(void *arg, struct line_journal *journal, bool begin, size_t max)
{
	struct dhcp4_io *io = arg;

	return dhcp4_server_walk(
	    io->server, begin, max, clock_mono(), clock_wall(), add_to_snapshot, journal);
}

static const struct lease_commit_io_kind leases_kind = {
    .name = "dhcp4",
    .journal = &lease_journal_kind,
    .refusal = "no ACK",
    .restore = restore,
    .snapshot = snapshot,
};

/* --- requests --- */

static void
handle(struct sock *s, const struct dhcp4_server_rx *rx)
{
	struct dhcp4_io *io = s->io;
	struct dhcp4_server_tx *tx = &io->tx;
	struct dhcp_out_packet p = {.fd = s->fd};

	dhcp4_server_handle(io->server, rx, tx);
	dhcp_out_tell(io->deps.events, &tx->seen);
	dhcp_out_tell(io->deps.events, &tx->extra);
	if (tx->has_record)
		lease_commit_io_record(io->leases, &tx->record);
	if (tx->reply) {
		p.to = addr_ip_make_v4(tx->to_ip);
		p.to_port = tx->to_port;
		p.from = addr_ip_make_v4(tx->from_ip);
		p.data = tx->data;
		p.len = tx->len;
		lease_commit_io_reply(io->leases, tx->durable_first, &p, &tx->sent);
	}
	event_done(&tx->sent);
}

static void
on_readable(evutil_socket_t fd, short what UNUSED, void *arg)
{
	struct sock *s = arg;
	struct dhcp4_io *io = s->io;
	size_t n = dhcp_socket_receive(fd, io->rx);
	struct dhcp4_server_rx rx = {.link = s->link,
	    .pxe_port = s->kind == KIND_PXE,
	    .mono = clock_mono(),
	    .wall = clock_wall()};

	for (size_t i = 0; i < n; i++) {
		const struct dhcp_socket_packet *p = &io->rx[i];

		rx.data = p->data;
		rx.len = p->len; /* too long is refused */
		rx.src_ip = addr_ip_v4(&p->from);
		rx.src_port = p->from_port;
		rx.dst_ip = addr_ip_v4(&p->to);
		handle(s, &rx);
	}
	lease_commit_io_flush(io->leases);
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
		ssize_t n = recvfrom(fd, s->io->rx[0].data, DHCP4_RECEIVE_MAX,
		    MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);
		struct event ev;

		if (n < 0)
			return;
		rx.data = dhcp4_socket_tap_payload(s->io->rx[0].data, (size_t)n,
		    s->io->deps.cfg->dhcp4_client_port, &rx.len, &rx.src_ip);
		if (!rx.data)
			continue;
		rx.src_mac = (struct addr_mac){{0}};
		if (from.sll_halen == sizeof(rx.src_mac.b))
			memcpy(rx.src_mac.b, from.sll_addr, sizeof(rx.src_mac.b));
		dhcp4_server_overhear(s->io->server, &rx, &ev);
		dhcp_out_tell(s->io->deps.events, &ev);
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

static void
on_refresh(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct dhcp4_io *io = arg;

	refresh_addresses(io);
	lease_commit_io_check_clock(io->leases);
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
		r = dhcp_socket_open(AF_INET, io->links[link].name,
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

static int
open_leases(struct dhcp4_io *io, struct error *err)
{
	const struct timeval every = {.tv_sec = REFRESH_S};

	io->leases = lease_commit_io_open(&io->deps, &leases_kind, io, err);
	if (!io->leases)
		return -EIO;
	for (size_t i = 0; i < io->n_socks; i++)
		lease_commit_io_watch(io->leases, io->socks[i].readable);
	io->refresh = event_new(io->deps.base, -1, EV_PERSIST, on_refresh, io);
	if (!io->refresh || event_add(io->refresh, &every) < 0)
		return error_set(
		    err, -ENOMEM, "dhcp4-timer", NULL, "cannot start a timer");
	return 0;
}

struct dhcp4_io *
dhcp4_io_open(const struct bootd_deps *deps, struct error *err)
{
	struct dhcp4_io *io = str_alloc(sizeof(*io));

	io->deps = *deps;
	io->server = dhcp4_server_new(deps->cfg, deps->table, rng_u64(deps->rng));
	io->drops = rxdrop_io_open(deps->base, deps->events);
	if (open_links(io, err) < 0 || open_leases(io, err) < 0) {
		dhcp4_io_close(io);
		return NULL;
	}
	refresh_addresses(io);
	return io;
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
	lease_commit_io_close(io->leases);
	rxdrop_io_close(io->drops);
	if (io->refresh)
		event_free(io->refresh);
	for (size_t i = 0; i < io->n_socks; i++) {
		if (io->socks[i].readable)
			event_free(io->socks[i].readable);
		close(io->socks[i].fd);
	}
	dhcp4_server_free(io->server);
	free(io);
}
