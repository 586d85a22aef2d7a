/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the DHCPv6 server listens on beside dhcp_socket_open(), and the addresses that it has. */
#ifndef BOOT_SERVICES_DHCP6_SOCKET_H
#define BOOT_SERVICES_DHCP6_SOCKET_H

#include <stddef.h>
#include <stdint.h>

#include "boot-services/dhcp6_server.h"
#include "lib/compiler.h"
#include "lib/error.h"

/* Has this machine IPv6 at all? */
bool
dhcp6_socket_available(void);
/* Joins All_DHCP_Relay_Agents_and_Servers and All_DHCP_Servers there (RFC 8415 7.1). 0 also when it has;
 * a negative errno while the interface is without IPv6. */
int
dhcp6_socket_join(int fd, unsigned ifindex) MUST_CHECK;
/* A packet socket that sees what others send to DHCPv6 clients on that interface. 0 with the descriptor, or a
 * negative errno with *err set. */
int
dhcp6_socket_open_tap(
    unsigned ifindex, uint16_t client_port, int *ret_fd, struct error *err) MUST_CHECK;
/* The UDP payload of an IPv6 packet of such a tap and its source; NULL when it is not a whole datagram to
 * `client_port`. */
const uint8_t *
dhcp6_socket_tap_payload(const uint8_t *packet, size_t len, uint16_t client_port,
    size_t *ret_len, struct addr_ip *ret_src);
/* A descriptor for inet6_list_io_read(). 0 or a negative errno. */
int
dhcp6_socket_open_table(int *ret_fd) MUST_CHECK;
/* The IPv6 addresses that the interface link->ifindex has in the kernel's text, without those that are still being
 * checked. Pure. */
void
dhcp6_socket_read_table(const char *text, struct dhcp6_server_link *link);

#endif
