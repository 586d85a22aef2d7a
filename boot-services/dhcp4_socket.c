/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sockets of the DHCPv4 server.
 *
 * Each interface has its own socket per port, bound to the device and to no address: a
 * socket bound to an address would not hear broadcasts. SO_REUSEADDR is left out on
 * purpose, so that another DHCP server on the same port is found at start and not by lost
 * packets.
 *
 * Other servers' replies go to the clients' port 68, where a local DHCP client may
 * listen; a packet socket with a filter hears them without getting in its way. What it
 * delivers is parsed with the same care as everything else.
 *
 * The first two need privilege; the others do not. */
#include "boot-services/dhcp4_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/buf.h"

enum { RECEIVE_BUFFER = 4 << 20, IFREQS_MAX = 256 };

static int
set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int
configure(int fd, const char *iface, uint16_t port)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
	int r;

	if (setsockopt(
		fd, SOL_SOCKET, SO_BINDTODEVICE, iface, (socklen_t)strlen(iface) + 1) < 0)
		return -errno;
	r = set_int(fd, SOL_SOCKET, SO_BROADCAST, 1);
	if (r == 0)
		r = set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
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
		return "stop the other DHCP server (ss -lunp shows it) or set another "
		       "port";
	case -ENODEV: return "check 'interfaces' in bootd.yaml against 'ip link'";
	case -EPERM:
	case -EACCES: return "start as root or with CAP_NET_BIND_SERVICE and CAP_NET_RAW";
	default: return "check the interface and the limit of open files";
	}
}

int
dhcp4_socket_open(const char *iface, uint16_t port, int *ret_fd, struct error *err)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r = fd < 0 ? -errno : configure(fd, iface, port);

	if (r < 0) {
		if (fd >= 0)
			close(fd);
		return error_set(err, r,
		    r == -EADDRINUSE ? "port-in-use" : "dhcp4-socket", advice(r),
		    "cannot open UDP port %u on %s: %s", port, iface, strerror(-r));
	}
	*ret_fd = fd;
	return 0;
}

/* IPv4, UDP, first fragment, destination port; offsets are from the IP header. */
static int
filter_tap(int fd, uint16_t port)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 6),
	    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
	    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 4, 0),
	    BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
	    BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, DHCP4_RECEIVE_MAX),
	    BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = {.len = ARRAY_SIZE(code), .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0
		   ? -errno
		   : 0;
}

int
dhcp4_socket_open_tap(
    unsigned ifindex, uint16_t client_port, int *ret_fd, struct error *err)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
	    .sll_protocol = htons(ETH_P_IP),
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
		return error_set(err, r, "dhcp4-socket", advice(r),
		    "cannot listen for other DHCP servers: %s", strerror(-r));
	}
	*ret_fd = fd;
	return 0;
}

const uint8_t *
dhcp4_socket_tap_payload(const uint8_t *packet, size_t len, uint16_t client_port,
    size_t *ret_len, uint32_t *ret_src)
{
	struct rbuf r = rbuf_init(packet, len);
	uint8_t first = rbuf_u8(&r);
	size_t header = (size_t)(first & 15) * 4, udp;
	uint16_t fragment, port;
	uint8_t protocol;
	uint32_t src;

	rbuf_skip(&r, 5);
	fragment = rbuf_u16(&r);
	rbuf_skip(&r, 1);
	protocol = rbuf_u8(&r);
	rbuf_skip(&r, 2);
	src = rbuf_u32(&r);
	rbuf_skip(&r, 4);
	if (first >> 4 != 4 || header < 20 || protocol != IPPROTO_UDP ||
	    (fragment & 0x3fff) != 0)
		return NULL;
	rbuf_skip(&r, header - 20);
	rbuf_skip(&r, 2);
	port = rbuf_u16(&r);
	udp = rbuf_u16(&r);
	rbuf_skip(&r, 2);
	if (!rbuf_ok(&r) || port != client_port || udp < 8 || udp - 8 > rbuf_left(&r))
		return NULL;
	*ret_len = udp - 8;
	*ret_src = src;
	return rbuf_rest(&r);
}

/* SIOCGIFCONF rather than netlink: any socket will do, and the sandbox needs no other
 * family. */
void
dhcp4_socket_addresses(int fd, struct dhcp4_server_link *link)
{
	struct ifreq reqs[IFREQS_MAX] = {0};
	struct ifconf conf = {.ifc_len = sizeof(reqs), .ifc_req = reqs};
	size_t n = strlen(link->name);

	link->n_addrs = 0;
	if (ioctl(fd, SIOCGIFCONF, &conf) < 0)
		return;
	for (size_t i = 0; i < (size_t)conf.ifc_len / sizeof(reqs[0]); i++) {
		struct sockaddr_in sin;

		/* Labels of further addresses: "eth0:1". */
		if (strncmp(reqs[i].ifr_name, link->name, n) != 0 ||
		    (reqs[i].ifr_name[n] != '\0' && reqs[i].ifr_name[n] != ':'))
			continue;
		memcpy(&sin, &reqs[i].ifr_addr, sizeof(sin));
		if (sin.sin_family == AF_INET && link->n_addrs < DHCP4_SERVER_ADDRS_MAX)
			link->addrs[link->n_addrs++] = ntohl(sin.sin_addr.s_addr);
	}
}
