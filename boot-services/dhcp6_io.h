/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The DHCPv6 server's sockets: port 547 on each interface, the lease journal, and the order in which things
 * happen: no REPLY that grants leaves before its lease is on the disk. */
#ifndef BOOT_SERVICES_DHCP6_IO_H
#define BOOT_SERVICES_DHCP6_IO_H

#include "boot-services/bootd_deps.h"
#include "lib/error.h"

struct dhcp6_io;

/* Has this machine IPv6? Else the service stays off. */
bool
dhcp6_io_possible(void);
/* As root: binds the ports, replays the journal. NULL with *err set; nothing is left open. */
struct dhcp6_io *
dhcp6_io_open(const struct bootd_deps *deps, struct error *err);
/* The table is looked up anew for every packet: nothing to do but to look at our addresses. */
void
dhcp6_io_on_table_change(struct dhcp6_io *io);
/* Finishes a running commit; replies that still wait are dropped, their clients ask again. */
void
dhcp6_io_close(struct dhcp6_io *io);

#endif
