/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCPv6 on the wire.
 *
 *   socket ── recvmmsg ──► dhcp6_server_handle ──┬── ADVERTISE… ──────► sendmsg
 *                                                └── REPLY, records ──► waiting
 *   waiting ── one group on the disk ──────► sendmmsg, events       (lease_commit_io.c)
 *
 * A sender whose message does not say its MAC address is looked for in the neighbour cache; where that cannot
 * be asked the log says so once, and the rest of the ways to know a machine remain.
 *
 * Every REFRESH_S seconds our addresses are read anew, and an interface that could not join its groups tries
 * again.
 *
 * Ownership: struct dhcp6_io owns sockets, server, the commit of its leases, and the way to the neighbour
 * cache. */
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
#include "boot-services/dhcp6_server.h"
#include "boot-services/dhcp6_socket.h"
#include "boot-services/dhcp_socket.h"
#include "boot-services/inet6_list_io.h"
#include "boot-services/lease_commit_io.h"
#include "boot-services/neigh_io.h"
#include "boot-services/rxdrop_io.h"
#include "lib/clock.h"
#include "lib/if_inet6.h"
#include "lib/str.h"

enum {
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
	struct lease_commit_io *leases;
	struct dhcp6_server_link links[DHCP6_SERVER_LINKS_MAX];
	size_t n_links;
	struct sock socks[SOCKETS_MAX];
	size_t n_socks;
	int table_fd; /* of our addresses */
	bool cut;     /* the log says that not all of them are seen */
	struct event *refresh;
	struct rxdrop_io *drops;
	struct neigh_io *neigh;	   /* NULL: not to be had */
	bool told_of_neigh;	   /* the log says that the cache cannot be asked */
	struct dhcp6_server_tx tx; /* of the packet being handled */
	struct dhcp_socket_packet rx[DHCP_SOCKET_BATCH];
};

_Static_assert((int)DHCP6_PACKET_MAX <= (int)DHCP_OUT_SIZE_MAX, "a reply fits");
_Static_assert((int)DHCP6_RECEIVE_MAX <= (int)DHCP_SOCKET_SIZE_MAX,
    "what the server reads is there");

bool
dhcp6_io_possible(void)
{
	return dhcp6_socket_available();
}

/* --- leases --- */

static void
restore(void *arg, const void *r)
{
	struct dhcp6_io *io = arg;

	dhcp6_server_restore(io->server, r, clock_mono(), clock_wall());
}

static void
add_to_snapshot(void *arg, const struct dhcp6_lease_record *r, bool current)
{
	line_journal_snapshot(arg, r, current);
}

static bool
snapshot(void *arg, struct line_journal *journal, bool begin, size_t max)
{
	struct dhcp6_io *io = arg;

	return dhcp6_server_walk(
	    io->server, begin, max, clock_mono(), clock_wall(), add_to_snapshot, journal);
}

static const struct lease_commit_io_kind leases_kind = {
    .name = "dhcp6",
    .journal = &dhcp6_journal_kind,
    .refusal = "no REPLY",
    .restore = restore,
    .snapshot = snapshot,
};

/* --- requests --- */

static void
handle(struct sock *s, const struct dhcp6_server_rx *rx)
{
	struct dhcp6_io *io = s->io;
	struct dhcp6_server_tx *tx = &io->tx;
	struct dhcp_out_packet p = {.fd = s->fd, .ifindex = io->links[s->link].ifindex};

	dhcp6_server_handle(io->server, rx, tx);
	dhcp_out_tell(io->deps.events, &tx->seen);
	for (size_t i = 0; i < tx->n_records; i++)
		lease_commit_io_record(io->leases, &tx->records[i]);
	if (tx->reply) {
		p.to = tx->to;
		p.to_port = tx->to_port;
		p.from = tx->from;
		p.data = tx->data;
		p.len = tx->len;
		lease_commit_io_reply(io->leases, tx->durable_first, &p, &tx->sent);
	}
	event_done(&tx->sent);
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

static void
on_readable(evutil_socket_t fd, short what UNUSED, void *arg)
{
	struct sock *s = arg;
	struct dhcp6_io *io = s->io;
	size_t n = dhcp_socket_receive(fd, io->rx);
	struct dhcp6_server_rx rx = {
	    .link = s->link, .mono = clock_mono(), .wall = clock_wall()};

	for (size_t i = 0; i < n; i++) {
		const struct dhcp_socket_packet *p = &io->rx[i];

		rx.data = p->data;
		rx.len = p->len; /* too long is refused */
		rx.src = p->from;
		rx.src_port = p->from_port;
		rx.dst = p->to;
		ask_neigh(io, &rx);
		handle(s, &rx);
	}
	lease_commit_io_flush(io->leases);
}

static void
on_overheard(evutil_socket_t fd, short what UNUSED, void *arg)
{
	struct sock *s = arg;
	struct dhcp6_server_rx rx = {
	    .link = s->link, .mono = clock_mono(), .wall = clock_wall()};

	for (int i = 0; i < TAP_MAX; i++) {
		ssize_t n = recv(fd, s->io->rx[0].data, DHCP6_RECEIVE_MAX, MSG_DONTWAIT);
		struct event ev;

		if (n < 0)
			return;
		rx.data = dhcp6_socket_tap_payload(s->io->rx[0].data, (size_t)n,
		    s->io->deps.cfg->dhcp6_client_port, &rx.len, &rx.src);
		if (!rx.data)
			continue;
		dhcp6_server_overhear(s->io->server, &rx, &ev);
		dhcp_out_tell(s->io->deps.events, &ev);
	}
}

/* --- opening and closing --- */

/* Joins the groups where that was not possible yet. An interface whose IPv6 is switched off can join, but
 * hears nothing until it has an address: both are told of, once. */
static void
look_at(struct dhcp6_io *io, struct sock *s, const char *table)
{
	struct dhcp6_server_link *l = &io->links[s->link];
	bool good;

	dhcp6_socket_read_table(table, l);
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
	bool cut = false;
	char *table = inet6_list_io_read(io->table_fd, &cut);

	if (cut && !io->cut)
		log_warn(io->deps.log,
		    "dhcp6: this machine has more IPv6 addresses than the first %d "
		    "octets "
		    "of %s tell: subnets of the others are not served: remove addresses "
		    "that nobody needs",
		    (int)INET6_LIST_IO_MAX, if_inet6_path);
	io->cut = cut;
	for (size_t i = 0; i < io->n_socks; i++) {
		if (!io->socks[i].tap)
			look_at(io, &io->socks[i], table);
	}
	free(table);
	dhcp6_server_set_links(io->server, io->links, io->n_links);
}

static void
on_refresh(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct dhcp6_io *io = arg;

	refresh(io);
	lease_commit_io_check_clock(io->leases);
}

static int
open_server(struct dhcp6_io *io, struct error *err)
{
	const struct bootd_deps *d = &io->deps;
	struct dhcp6_duid duid;
	int r = dhcp6_identity_load(d->state_fd, d->uid, d->gid, d->rng, &duid, err);

	if (r < 0)
		return r;
	io->server = dhcp6_server_new(d->cfg, d->table, &duid, rng_u64(d->rng));
	io->leases = lease_commit_io_open(d, &leases_kind, io, err);
	if (!io->leases)
		return -EIO;
	for (size_t i = 0; i < io->n_socks; i++)
		lease_commit_io_watch(io->leases, io->socks[i].readable);
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
		r = dhcp_socket_open(
		    AF_INET6, io->links[link].name, cfg->dhcp6_port, &s->fd, err);
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
open_timer(struct dhcp6_io *io, struct error *err)
{
	const struct timeval every = {.tv_sec = REFRESH_S};

	io->refresh = event_new(io->deps.base, -1, EV_PERSIST, on_refresh, io);
	if (!io->refresh || event_add(io->refresh, &every) < 0)
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
	    open_timer(io, err) < 0) {
		dhcp6_io_close(io);
		return NULL;
	}
	r = neigh_io_open(&io->neigh);
	if (r < 0)
		no_neigh(io, r);
	refresh(io);
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
	lease_commit_io_close(io->leases);
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
	dhcp6_server_free(io->server);
	free(io);
}
