/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the sockets of the DHCPv4 and the DHCPv6 server have in common: how they are opened, and datagrams in
 * batches, each with the address that it was sent to. */
#ifndef BOOT_SERVICES_DHCP_SOCKET_H
#define BOOT_SERVICES_DHCP_SOCKET_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/compiler.h"
#include "lib/error.h"

enum { DHCP_SOCKET_BATCH = 64, DHCP_SOCKET_SIZE_MAX = 2048 };

struct dhcp_socket_packet {
	size_t len; /* its true length, also when that is above DHCP_SOCKET_SIZE_MAX */
	struct addr_ip from, to;
	uint16_t from_port;
	uint8_t data[DHCP_SOCKET_SIZE_MAX];
};

/* A UDP socket of that family (AF_INET or AF_INET6) on one interface and port, any address. 0 with the
 * descriptor, or a negative errno with *err set. */
int
dhcp_socket_open(int family, const char *iface, uint16_t port, int *ret_fd,
    struct error *err) MUST_CHECK;
/* A packet socket that sees what the filter lets pass of that family on an interface; the filter's offsets are
 * from the IP header. */
int
dhcp_socket_open_tap(int family, unsigned ifindex, const struct sock_fprog *filter,
    int *ret_fd, struct error *err) MUST_CHECK;
/* Takes what has come, without waiting: the number of packets, which may be 0. */
size_t
dhcp_socket_receive(int fd, struct dhcp_socket_packet packets[DHCP_SOCKET_BATCH]);

#endif
