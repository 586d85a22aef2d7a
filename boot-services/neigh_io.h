/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel's neighbour cache: which Ethernet address an IPv6 address on a link has. */
#ifndef BOOT_SERVICES_NEIGH_IO_H
#define BOOT_SERVICES_NEIGH_IO_H

#include "lib/addr.h"

struct neigh_io;

/* Before privileges are dropped: afterwards there is no netlink socket to be had. 0 or a negative errno. */
int
neigh_io_open(struct neigh_io **ret) MUST_CHECK;
/* Asks for one address and has the answer at once; never waits for a packet of the network. 0; -ENOENT: the
 * kernel does not know; another negative errno: it cannot be asked (Linux before 5.0: -EOPNOTSUPP). */
int
neigh_io_find(struct neigh_io *n, unsigned ifindex, const struct addr_ip *ip,
    struct addr_mac *ret) MUST_CHECK;
void
neigh_io_close(struct neigh_io *n); /* NULL allowed */

#endif
