/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sockets of the DHCPv6 server.
 *
 * Each interface has its own socket, bound to the device and to no address: a socket bound to an address
 * would not hear multicasts. SO_REUSEADDR is left out on purpose, so that another DHCP server on the same
 * port is found at start and not by lost packets.
 *
 * Other servers' replies go to the clients' port 546, where a local DHCP client may listen; a packet socket
 * with a filter hears them without getting in its way. What it delivers is parsed with the same care as
 * everything else.
 *
 * Our addresses come from /proc/net/if_inet6, opened before privileges are dropped: SIOCGIFCONF knows no
 * IPv6, and the sandbox opens no netlink.
 *
 * Opening needs privilege; the others do not. */
#include "boot-services/dhcp6_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/str.h"

enum {
	RECEIVE_BUFFER = 4 << 20,
	IP6_HEADER = 40,
	UDP_HEADER = 8,
	TABLE_MAX = 256 * 1024, /* of if_inet6 is read: some 4000 addresses */
	FLAG_DADFAILED = 0x08,	/* linux/if_addr.h, which clashes with net/if.h */
	FLAG_TENTATIVE = 0x40,
};

bool
dhcp6_socket_available(void)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0 && access("/proc/net/if_inet6", F_OK) == 0;
}

static int
set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int
configure(int fd, const char *iface, uint16_t port)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int r;

	if (setsockopt(
		fd, SOL_SOCKET, SO_BINDTODEVICE, iface, (socklen_t)strlen(iface) + 1) < 0)
		return -errno;
	r = set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (r == 0)
		r = set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	/* Boot storms come in bursts. FORCE needs privilege and is worth trying only. */
	if (set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER) < 0)
		(void)set_int(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
	if (r == 0 && bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0)
		r = -errno;
	return r;
}

static const char *
advice(int r)
{
	switch (r) {
	case -EADDRINUSE:
		return "stop the other DHCPv6 server (ss -lunp shows it), set another "
		       "port, or switch services.dhcp6 off";
	case -ENODEV: return "check 'interfaces' in bootd.yaml against 'ip link'";
	case -EPERM:
	case -EACCES: return "start as root or with CAP_NET_BIND_SERVICE and CAP_NET_RAW";
	default: return "check the interface and the limit of open files";
	}
}

int
dhcp6_socket_open(const char *iface, uint16_t port, int *ret_fd, struct error *err)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r = fd < 0 ? -errno : configure(fd, iface, port);

	if (r < 0) {
		if (fd >= 0)
			close(fd);
		return error_set(err, r,
		    r == -EADDRINUSE ? "port-in-use" : "dhcp6-socket", advice(r),
		    "cannot open UDP port %u (IPv6) on %s: %s", port, iface,
		    strerror(-r));
	}
	*ret_fd = fd;
	return 0;
}

int
dhcp6_socket_join(int fd, unsigned ifindex)
{
	static const char *const groups[] = {"ff02::1:2", "ff05::1:3"};

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		struct ipv6_mreq req = {.ipv6mr_interface = ifindex};

		inet_pton(AF_INET6, groups[i], &req.ipv6mr_multiaddr);
		if (setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &req, sizeof(req)) <
			0 &&
		    errno != EADDRINUSE)
			return -errno;
	}
	return 0;
}

/* UDP right after the IPv6 header, destination port; offsets are from that header. */
static int
filter_tap(int fd, uint16_t port)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 3),
	    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, IP6_HEADER + 2),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, DHCP6_RECEIVE_MAX),
	    BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = {.len = ARRAY_SIZE(code), .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0
		   ? -errno
		   : 0;
}

int
dhcp6_socket_open_tap(
    unsigned ifindex, uint16_t client_port, int *ret_fd, struct error *err)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
	    .sll_protocol = htons(ETH_P_IPV6),
	    .sll_ifindex = (int)ifindex};
	/* Protocol 0: nothing is received before the filter is in place. */
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), r = 0;

	if (fd < 0)
		r = -errno;
	else
		r = filter_tap(fd, client_port);
	if (r == 0 && bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		r = -errno;
	if (r < 0) {
		if (fd >= 0)
			close(fd);
		return error_set(err, r, "dhcp6-socket", advice(r),
		    "cannot listen for other DHCPv6 servers: %s", strerror(-r));
	}
	*ret_fd = fd;
	return 0;
}

const uint8_t *
dhcp6_socket_tap_payload(const uint8_t *packet, size_t len, uint16_t client_port,
    size_t *ret_len, struct addr_ip *ret_src)
{
	struct rbuf r = rbuf_init(packet, len);
	uint8_t version = rbuf_u8(&r) >> 4, next;
	struct addr_ip src = {.family = AF_INET6};
	uint16_t port, udp;

	rbuf_skip(&r, 5);
	next = rbuf_u8(&r);
	rbuf_skip(&r, 1);
	rbuf_copy(&r, src.b, sizeof(src.b));
	rbuf_skip(&r, 16 + 2);
	port = rbuf_u16(&r);
	udp = rbuf_u16(&r);
	rbuf_skip(&r, 2);
	if (!rbuf_ok(&r) || version != 6 || next != IPPROTO_UDP || port != client_port ||
	    udp < UDP_HEADER || (size_t)udp - UDP_HEADER > rbuf_left(&r))
		return NULL;
	*ret_len = (size_t)udp - UDP_HEADER;
	*ret_src = src;
	return rbuf_rest(&r);
}

int
dhcp6_socket_open_table(int *ret_fd)
{
	int fd = open("/proc/net/if_inet6", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* "fe80000000000000505400fffe770001 02 40 20 80     eth0": address, interface, prefix length, scope and
 * flags, in hex. */
static bool
read_line(
    const char *line, unsigned *ret_ifindex, unsigned *ret_flags, struct addr_ip *ret)
{
	unsigned length, scope;
	char hex[33];

	if (sscanf(line, "%32[0-9a-f] %x %x %x %x", hex, ret_ifindex, &length, &scope,
		ret_flags) != 5 ||
	    strlen(hex) != 32)
		return false;
	*ret = (struct addr_ip){.family = AF_INET6};
	for (size_t i = 0; i < 16; i++) {
		const char octet[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

		ret->b[i] = (uint8_t)strtoul(octet, NULL, 16);
	}
	return true;
}

void
dhcp6_socket_read_table(const char *text, struct dhcp6_server_link *link)
{
	unsigned ifindex, flags;
	struct addr_ip ip;

	link->n_addrs = 0;
	link->has_ipv6 = false;
	while (text && *text != '\0') {
		bool here =
		    read_line(text, &ifindex, &flags, &ip) && ifindex == link->ifindex;

		link->has_ipv6 |= here;
		if (here && !(flags & (FLAG_TENTATIVE | FLAG_DADFAILED)) &&
		    link->n_addrs < DHCP6_SERVER_ADDRS_MAX)
			link->addrs[link->n_addrs++] = ip;
		text = strchr(text, '\n');
		text += text != NULL;
	}
}

void
dhcp6_socket_addresses(int table_fd, struct dhcp6_server_link *link)
{
	char *text = str_alloc(TABLE_MAX);
	size_t len = 0;
	ssize_t n;

	while (len < TABLE_MAX - 1 &&
	       (n = pread(table_fd, text + len, TABLE_MAX - 1 - len, (off_t)len)) > 0)
		len += (size_t)n;
	dhcp6_socket_read_table(text, link);
	free(text);
}
