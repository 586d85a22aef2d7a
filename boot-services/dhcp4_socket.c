/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is IPv4's own about the sockets of dhcp_socket.c: the filter of the tap and what it delivers, and our
 * addresses.
 *
 * Entry points: those of the header. Only opening needs privilege. Failure modes: a tap's packet that is not
 * a whole datagram is none; an interface without addresses has none. */
#include "boot-services/dhcp4_socket.h"

#include <linux/filter.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>

#include "boot-services/dhcp_socket.h"
#include "lib/buf.h"

enum { IFREQS_MAX = 256 };

/* IPv4, UDP, first fragment, destination port; offsets are from the IP header. */
int
dhcp4_socket_open_tap(
    unsigned ifindex, uint16_t client_port, int *ret_fd, struct error *err)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 6),
	    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
	    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 4, 0),
	    BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
	    BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, client_port, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, DHCP4_RECEIVE_MAX),
	    BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog filter = {.len = ARRAY_SIZE(code), .filter = code};

	return dhcp_socket_open_tap(AF_INET, ifindex, &filter, ret_fd, err);
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
