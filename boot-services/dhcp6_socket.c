/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is IPv6's own about the sockets of dhcp_socket.c: multicast groups, the filter of the tap and what it
 * delivers, and our addresses.
 *
 * Those come from a file that is opened before privileges are dropped (lib/if_inet6.h): SIOCGIFCONF knows no
 * IPv6, and the sandbox opens no netlink.
 *
 * Opening needs privilege; the others do not. */
#include "boot-services/dhcp6_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "boot-services/dhcp_socket.h"
#include "lib/buf.h"
#include "lib/if_inet6.h"
#include "lib/str.h"

enum {
	IP6_HEADER = 40,
	UDP_HEADER = 8,
};

bool
dhcp6_socket_available(void)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0 && access(if_inet6_path, F_OK) == 0;
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
int
dhcp6_socket_open_tap(
    unsigned ifindex, uint16_t client_port, int *ret_fd, struct error *err)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 3),
	    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, IP6_HEADER + 2),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, client_port, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, DHCP6_RECEIVE_MAX),
	    BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog filter = {.len = ARRAY_SIZE(code), .filter = code};

	return dhcp_socket_open_tap(AF_INET6, ifindex, &filter, ret_fd, err);
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
	int fd = open(if_inet6_path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

void
dhcp6_socket_read_table(const char *text, struct dhcp6_server_link *link)
{
	const unsigned unusable = IF_INET6_TENTATIVE | IF_INET6_DAD_FAILED;

	link->n_addrs = 0;
	link->has_ipv6 = false;
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		char line[IF_INET6_LINE] = "";
		struct if_inet6 a;

		/* By lines: sscanf() measures all of what it is given. */
		memcpy(line, text, len < sizeof(line) ? len : sizeof(line) - 1);
		text += len + (text[len] == '\n');
		if (if_inet6_parse(line, &a) < 0 || a.index != link->ifindex)
			continue;
		link->has_ipv6 = true;
		if (!(a.flags & unusable) && link->n_addrs < DHCP6_SERVER_ADDRS_MAX)
			link->addrs[link->n_addrs++] = a.ip;
	}
}
