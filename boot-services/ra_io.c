/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sockets and timers of router advertisements.
 *
 * Entry points: ra_io_open(), as root: one raw ICMPv6 socket for each interface, bound to it, that hears
 * solicitations and advertisements only. on_readable() hands packets to ra_server.c, on_time() asks it
 * for what is due; deliver() sends and tells what it made. Owns sockets, events and the server.
 *
 * The addresses of the interfaces are read every REFRESH_S: an interface that gets its first usable
 * link-local address starts then, one that gets an address of another subnet says so. That needs no
 * privilege, nor does joining ff02::2.
 *
 * Failure modes: a packet that cannot be sent is lost, as on the wire; an interface without IPv6 is silent
 * until it has it; of more addresses than are looked at the log tells once. */
#include "boot-services/ra_io.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "boot-services/inet6_list_io.h"
#include "boot-services/ra_server.h"
#include "lib/clock.h"
#include "lib/if_inet6.h"
#include "lib/str.h"

enum { REFRESH_S = 2, PACKETS_PER_TURN = 32 };

struct link {
	struct ra_io *io;
	size_t number; /* in the server */
	char name[IFNAMSIZ];
	unsigned index;
	int fd;
	bool joined; /* ff02::2 */
	struct event *readable, *timer;
	struct addr_mac mac;
	bool has_mac;
	struct addr_ip link_local; /* to send from */
	bool crowded;		   /* the log says that it has too many */
};

struct ra_io {
	struct bootd_deps deps;
	struct ra_server *server;
	struct link links[BOOTD_CONFIG_IFACES_MAX];
	size_t n_links;
	struct event *refresh;
	int list_fd; /* if_inet6_path */
	bool cut;    /* the log says that not all of it was read */
};

/* ---- sending ---- */

static void
send_packet(const struct link *l, const struct ra_server_packet *p)
{
	struct in6_pktinfo info = {.ipi6_ifindex = l->index};
	union {
		struct cmsghdr align;
		uint8_t room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control = {.room = {0}};
	struct sockaddr_storage to;
	struct iovec iov = {(void *)p->data, p->len};
	struct msghdr mh = {.msg_name = &to,
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&mh);

	mh.msg_namelen = addr_ip_sockaddr_scoped(&p->to, 0, l->index, &to);
	memcpy(&info.ipi6_addr, l->link_local.b, sizeof(info.ipi6_addr));
	c->cmsg_level = IPPROTO_IPV6;
	c->cmsg_type = IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	(void)sendmsg(l->fd, &mh, MSG_DONTWAIT);
}

static void
arm_timer(struct link *l)
{
	int64_t at = ra_server_next(l->io->server, l->number), wait;
	struct timeval tv;

	event_del(l->timer);
	if (at == INT64_MAX)
		return;
	wait = at - clock_mono();
	if (wait < 0)
		wait = 0;
	tv = (struct timeval){wait / USEC_PER_SEC, wait % USEC_PER_SEC};
	event_add(l->timer, &tv);
}

static void
deliver(struct link *l, struct ra_server_out *out)
{
	for (size_t i = 0; i < out->n_packets; i++)
		send_packet(l, &out->packets[i]);
	for (size_t i = 0; i < out->n_events; i++) {
		out->events[i].at = clock_wall();
		evsink_emit(l->io->deps.events, &out->events[i]);
	}
	if (l->timer != NULL)
		arm_timer(l);
}

/* ---- what comes in ---- */

static bool
receive(struct link *l, uint8_t data[RA_RECEIVE_MAX], struct ra_server_rx *rx)
{
	struct sockaddr_storage from = {0};
	union {
		struct cmsghdr align;
		uint8_t room[CMSG_SPACE(sizeof(int)) + 64];
	} control;
	struct iovec iov = {data, RA_RECEIVE_MAX};
	struct msghdr mh = {.msg_name = &from,
	    .msg_namelen = sizeof(from),
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(l->fd, &mh, MSG_DONTWAIT);

	if (n < 0)
		return false;
	*rx = (struct ra_server_rx){
	    .src = addr_ip_from_sockaddr((const struct sockaddr *)&from),
	    .data = data,
	    .len = (size_t)n};
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&mh); c != NULL; c = CMSG_NXTHDR(&mh, c)) {
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT)
			memcpy(&rx->hop_limit, CMSG_DATA(c), sizeof(rx->hop_limit));
	}
	return true;
}

static void
on_readable(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct link *l = arg;
	uint8_t data[RA_RECEIVE_MAX];
	struct ra_server_rx rx;

	for (int i = 0; i < PACKETS_PER_TURN && receive(l, data, &rx); i++) {
		struct ra_server_out out = {.n_packets = 0};

		ra_server_on_packet(l->io->server, l->number, &rx, clock_mono(), &out);
		deliver(l, &out);
	}
}

static void
on_time(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct link *l = arg;
	struct ra_server_out out = {.n_packets = 0};

	ra_server_on_time(l->io->server, l->number, clock_mono(), &out);
	deliver(l, &out);
}

/* ---- addresses ---- */

/* False: the interface has more than fit. */
static bool
take_addresses(const char *list, const struct link *l, struct ra_server_addrs *ret)
{
	bool all = true;

	*ret = (struct ra_server_addrs){.has_mac = l->has_mac, .mac = l->mac};
	for (const char *line = list; *line != '\0';) {
		size_t n = strcspn(line, "\n");
		struct if_inet6 a;

		if (if_inet6_parse(line, &a) == 0 && a.index == l->index &&
		    if_inet6_is_lasting(&a)) {
			if (!addr_ip_is_link_local(&a.ip)) {
				all = ret->n_own < RA_SERVER_ADDRS_MAX;
				if (all)
					ret->own[ret->n_own++] = a.ip;
			} else if (!addr_ip_is_set(&ret->link_local)) {
				ret->link_local = a.ip;
			}
		}
		line += n + (line[n] == '\n');
	}
	return all;
}

/* An address that is not seen may be all that says a subnet is on this link. */
static void
tell_cut(struct ra_io *io, bool cut)
{
	if (cut && !io->cut)
		log_warn(io->deps.log,
		    "router advertisements: this machine has more IPv6 addresses than "
		    "the first %d octets of %s tell: subnets of the others are not "
		    "advertised: remove addresses that nobody needs",
		    (int)INET6_LIST_IO_MAX, if_inet6_path);
	io->cut = cut;
}

static void
tell_crowded(struct link *l, bool crowded)
{
	if (crowded && !l->crowded)
		log_warn(l->io->deps.log,
		    "router advertisements: %s has more than %d IPv6 addresses: subnets "
		    "of the others are not advertised: remove addresses that nobody "
		    "needs",
		    l->name, (int)RA_SERVER_ADDRS_MAX);
	l->crowded = crowded;
}

/* Fails while the interface has no IPv6. */
static void
join(struct link *l)
{
	struct ipv6_mreq all = {.ipv6mr_interface = l->index,
	    .ipv6mr_multiaddr = {.s6_addr = {0xff, 0x02, [15] = 2}}};

	l->joined = l->joined || setsockopt(l->fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &all,
				     sizeof(all)) == 0;
}

static void
refresh(struct ra_io *io)
{
	bool cut = false;
	char *list = inet6_list_io_read(io->list_fd, &cut);

	tell_cut(io, cut);
	for (size_t i = 0; i < io->n_links; i++) {
		struct link *l = &io->links[i];
		struct ra_server_out out = {.n_packets = 0};
		struct ra_server_addrs addrs;

		tell_crowded(l, !take_addresses(list, l, &addrs));
		/* The last word on the old ones still goes from them. */
		if (addr_ip_is_set(&addrs.link_local))
			l->link_local = addrs.link_local;
		if (!l->joined)
			join(l);
		ra_server_refresh(io->server, l->number, &addrs, clock_mono(), &out);
		deliver(l, &out);
	}
	free(list);
}

static void
on_refresh(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	refresh(arg);
}

/* ---- the service ---- */

static int
set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0 ? 0 : -errno;
}

static int
set_up(int fd, const char *iface)
{
	struct icmp6_filter filter;
	int r;

	ICMP6_FILTER_SETBLOCKALL(&filter);
	ICMP6_FILTER_SETPASS(RA_TYPE_SOLICIT, &filter);
	ICMP6_FILTER_SETPASS(RA_TYPE_ADVERT, &filter);
	if (setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)) != 0 ||
	    setsockopt(
		fd, SOL_SOCKET, SO_BINDTODEVICE, iface, (socklen_t)strlen(iface)) != 0)
		return -errno;
	r = set_int(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
	if (r == 0)
		r = set_int(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, RA_HOP_LIMIT);
	if (r == 0)
		r = set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, RA_HOP_LIMIT);
	if (r == 0)
		r = set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
	return r;
}

static void
read_mac(struct link *l)
{
	struct ifreq req = {0};

	str_clip(req.ifr_name, sizeof(req.ifr_name), l->name);
	/* ARPHRD_ETHER is 1; others have longer addresses, or none. */
	if (ioctl(l->fd, SIOCGIFHWADDR, &req) == 0 && req.ifr_hwaddr.sa_family == 1) {
		memcpy(l->mac.b, req.ifr_hwaddr.sa_data, sizeof(l->mac.b));
		l->has_mac = true;
	}
}

/* 1: not here, which has been said. */
static int
open_socket(
    const struct bootd_deps *deps, const char *iface, int *ret_fd, struct error *err)
{
	int fd =
	    socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMPV6);
	int r = fd < 0 ? -errno : set_up(fd, iface);

	if (r == 0) {
		*ret_fd = fd;
		return 0;
	}
	if (fd >= 0)
		close(fd);
	if (r == -EAFNOSUPPORT || r == -EPERM || r == -EACCES) {
		log_warn(deps->log, "router advertisements: none are sent: %s",
		    r == -EAFNOSUPPORT ? "this machine has no IPv6"
				       : "they need root or CAP_NET_RAW");
		return 1;
	}
	return error_set(err, r, "ra-socket",
	    r == -ENODEV ? "name an interface that exists (ip link) in `interfaces`"
			 : "check the limit of open files, or set services.ra to false",
	    "cannot open an ICMPv6 socket on %s: %s", iface, strerror(-r));
}

static int
add_link(struct ra_io *io, const char *iface, struct error *err)
{
	struct link *l = &io->links[io->n_links];
	int fd = -1, r = open_socket(&io->deps, iface, &fd, err);

	if (r != 0)
		return r;
	l->io = io;
	l->fd = fd;
	l->number = ra_server_add_link(io->server, iface);
	l->index = if_nametoindex(iface);
	str_clip(l->name, sizeof(l->name), iface);
	read_mac(l);
	l->readable = event_new(io->deps.base, fd, EV_READ | EV_PERSIST, on_readable, l);
	l->timer = event_new(io->deps.base, -1, 0, on_time, l);
	event_add(l->readable, NULL);
	io->n_links++;
	return 0;
}

struct ra_io *
ra_io_open(const struct bootd_deps *deps, struct error *err)
{
	const struct bootd_config *cfg = deps->cfg;
	const struct timeval every = {.tv_sec = REFRESH_S};
	struct ra_io *io = str_alloc(sizeof(*io));
	int r = 0;

	io->deps = *deps;
	io->server = ra_server_new(deps->table, cfg->dhcp4, deps->rng);
	io->list_fd = open(if_inet6_path, O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; i < cfg->n_ifaces && r == 0; i++) {
		if (strcmp(cfg->ifaces[i], "lo") != 0)
			r = add_link(io, cfg->ifaces[i], err);
	}
	if (r < 0) {
		ra_io_close(io);
		return NULL;
	}
	io->refresh = event_new(deps->base, -1, EV_PERSIST, on_refresh, io);
	event_add(io->refresh, &every);
	refresh(io);
	return io;
}

void
ra_io_on_table_change(struct ra_io *io)
{
	refresh(io);
}

void
ra_io_close(struct ra_io *io)
{
	if (io == NULL)
		return;
	for (size_t i = 0; i < io->n_links; i++) {
		struct link *l = &io->links[i];
		struct ra_server_out out = {.n_packets = 0};

		ra_server_stop(io->server, l->number, &out);
		deliver(l, &out);
		event_free(l->readable);
		event_free(l->timer);
		close(l->fd);
	}
	if (io->refresh != NULL)
		event_free(io->refresh);
	if (io->list_fd >= 0)
		close(io->list_fd);
	ra_server_free(io->server);
	free(io);
}
