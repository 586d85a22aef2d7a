/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sockets of the DHCP servers.
 *
 * Each interface has its own socket per port, bound to the device and to no address: a socket bound to an
 * address would not hear broadcasts and multicasts. SO_REUSEADDR is left out on purpose, so that another DHCP
 * server on the same port is found at start and not by lost packets.
 *
 * Other servers' replies go to the clients' port, where a local DHCP client may listen; a packet socket with a
 * filter hears them without getting in its way. What it delivers is parsed with the same care as everything
 * else.
 *
 * Opening needs privilege; receiving does not. */
#include "boot-services/dhcp_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECEIVE_BUFFER = 4 << 20, CONTROL_SIZE = 64 };

static const struct family {
	int family;
	uint16_t ethertype;
	struct {
		int level, option;
	} on[2]; /* options that are switched on */
	const char *code, *server, *note, *in_use;
} families[] = {
    {AF_INET, ETH_P_IP, {{SOL_SOCKET, SO_BROADCAST}, {IPPROTO_IP, IP_PKTINFO}},
	"dhcp4-socket", "DHCP", "",
	"stop the other DHCP server (ss -lunp shows it) or set another port"},
    {AF_INET6, ETH_P_IPV6,
	{{IPPROTO_IPV6, IPV6_V6ONLY}, {IPPROTO_IPV6, IPV6_RECVPKTINFO}}, "dhcp6-socket",
	"DHCPv6", " (IPv6)",
	"stop the other DHCPv6 server (ss -lunp shows it), set another port, or switch "
	"services.dhcp6 off"},
};

static const struct family *
family_of(int family)
{
	return &families[family == AF_INET6];
}

static int
set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int
bind_to(int fd, const struct family *f, const char *iface, uint16_t port)
{
	const struct addr_ip any = {.family = f->family};
	struct sockaddr_storage at;
	socklen_t len = addr_ip_sockaddr(&any, port, &at);
	int r = 0;

	if (setsockopt(
		fd, SOL_SOCKET, SO_BINDTODEVICE, iface, (socklen_t)strlen(iface) + 1) < 0)
		return -errno;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(f->on); i++)
		r = set_int(fd, f->on[i].level, f->on[i].option, 1);
	/* Boot storms come in bursts. FORCE needs privilege and is worth trying only. */
	if (set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER) < 0)
		(void)set_int(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
	if (r == 0 && bind(fd, (const struct sockaddr *)&at, len) < 0)
		r = -errno;
	return r;
}

static const char *
advice(const struct family *f, int r)
{
	switch (r) {
	case -EADDRINUSE: return f->in_use;
	case -ENODEV: return "check 'interfaces' in bootd.yaml against 'ip link'";
	case -EPERM:
	case -EACCES: return "start as root or with CAP_NET_BIND_SERVICE and CAP_NET_RAW";
	default: return "check the interface and the limit of open files";
	}
}

int
dhcp_socket_open(
    int family, const char *iface, uint16_t port, int *ret_fd, struct error *err)
{
	const struct family *f = family_of(family);
	int fd = socket(f->family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r = fd < 0 ? -errno : bind_to(fd, f, iface, port);

	if (r < 0) {
		if (fd >= 0)
			close(fd);
		return error_set(err, r, r == -EADDRINUSE ? "port-in-use" : f->code,
		    advice(f, r), "cannot open UDP port %u%s on %s: %s", port, f->note,
		    iface, strerror(-r));
	}
	*ret_fd = fd;
	return 0;
}

static int
listen_on(
    int fd, const struct family *f, unsigned ifindex, const struct sock_fprog *filter)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
	    .sll_protocol = htons(f->ethertype),
	    .sll_ifindex = (int)ifindex};

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, filter, sizeof(*filter)) < 0 ||
	    bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		return -errno;
	return 0;
}

int
dhcp_socket_open_tap(int family, unsigned ifindex, const struct sock_fprog *filter,
    int *ret_fd, struct error *err)
{
	const struct family *f = family_of(family);
	/* Protocol 0: nothing is received before the filter is in place. */
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r = fd < 0 ? -errno : listen_on(fd, f, ifindex, filter);

	if (r < 0) {
		if (fd >= 0)
			close(fd);
		return error_set(err, r, f->code, advice(f, r),
		    "cannot listen for other %s servers: %s", f->server, strerror(-r));
	}
	*ret_fd = fd;
	return 0;
}

struct incoming {
	struct mmsghdr msgs[DHCP_SOCKET_BATCH];
	struct iovec iov[DHCP_SOCKET_BATCH];
	struct sockaddr_storage from[DHCP_SOCKET_BATCH];
	union {
		char buf[CONTROL_SIZE];
		struct cmsghdr align;
	} control[DHCP_SOCKET_BATCH];
};

/* As it is: nothing of this socket is taken for IPv4, whatever the address looks like. */
static struct addr_ip
ip6_of(const struct in6_addr *in)
{
	struct addr_ip ip = {.family = AF_INET6};

	memcpy(ip.b, in, sizeof(ip.b));
	return ip;
}

static void
take_source(struct dhcp_socket_packet *p, const struct sockaddr_storage *from)
{
	const struct sockaddr *sa = (const struct sockaddr *)from;
	struct sockaddr_in6 sin6;

	p->from = addr_ip_from_sockaddr(sa);
	p->from_port = addr_port_from_sockaddr(sa);
	if (sa->sa_family == AF_INET6) {
		memcpy(&sin6, sa, sizeof(sin6));
		p->from = ip6_of(&sin6.sin6_addr);
	}
}

static struct addr_ip
destination_of(struct msghdr *h)
{
	struct in6_pktinfo info6;
	struct in_pktinfo info;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			return addr_ip_from_in(info.ipi_addr);
		}
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&info6, CMSG_DATA(c), sizeof(info6));
			return ip6_of(&info6.ipi6_addr);
		}
	}
	return (struct addr_ip){.family = 0};
}

size_t
dhcp_socket_receive(int fd, struct dhcp_socket_packet packets[DHCP_SOCKET_BATCH])
{
	struct incoming in;
	int n;

	for (size_t i = 0; i < DHCP_SOCKET_BATCH; i++) {
		in.iov[i] = (struct iovec){packets[i].data, DHCP_SOCKET_SIZE_MAX};
		in.msgs[i].msg_hdr = (struct msghdr){.msg_name = &in.from[i],
		    .msg_namelen = sizeof(in.from[i]),
		    .msg_iov = &in.iov[i],
		    .msg_iovlen = 1,
		    .msg_control = in.control[i].buf,
		    .msg_controllen = CONTROL_SIZE};
	}
	n = recvmmsg(fd, in.msgs, DHCP_SOCKET_BATCH, MSG_DONTWAIT | MSG_TRUNC, NULL);
	for (int i = 0; i < n; i++) {
		packets[i].len = in.msgs[i].msg_len;
		take_source(&packets[i], &in.from[i]);
		packets[i].to = destination_of(&in.msgs[i].msg_hdr);
	}
	return n > 0 ? (size_t)n : 0;
}
