/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the DHCPv4 server listens on beside dhcp_socket_open(), and the addresses that it has. */
#ifndef BOOT_SERVICES_DHCP4_SOCKET_H
#define BOOT_SERVICES_DHCP4_SOCKET_H

#include <stddef.h>
#include <stdint.h>

#include "boot-services/dhcp4_server.h"
#include "lib/compiler.h"
#include "lib/error.h"

/* A packet socket that sees what others send to DHCP clients on that interface. 0 with the descriptor, or a
 * negative errno with *err set. */
int
dhcp4_socket_open_tap(
    unsigned ifindex, uint16_t client_port, int *ret_fd, struct error *err) MUST_CHECK;
/* The UDP payload of an IPv4 packet of such a tap and its source; NULL when it is not a
 * whole and unfragmented datagram to `client_port`. */
const uint8_t *
dhcp4_socket_tap_payload(const uint8_t *packet, size_t len, uint16_t client_port,
    size_t *ret_len, uint32_t *ret_src);
/* The IPv4 addresses that the interface `link->name` has now. */
void
dhcp4_socket_addresses(int fd, struct dhcp4_server_link *link);

#endif
