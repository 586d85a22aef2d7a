/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The DHCPv4 server's sockets: ports 67 and 4011 on each interface, the lease journal,
 * and the order in which things happen: no ACK leaves before its lease is on the disk. */
#ifndef BOOT_SERVICES_DHCP4_IO_H
#define BOOT_SERVICES_DHCP4_IO_H

#include "boot-services/bootd_deps.h"
#include "lib/error.h"

struct dhcp4_io;

/* As root: binds the ports, replays the journal. NULL with *err set; nothing is left
 * open. */
struct dhcp4_io *
dhcp4_io_open(const struct bootd_deps *deps, struct error *err);
/* The table is looked up anew for every packet: nothing to do but to look at our
 * addresses. */
void
dhcp4_io_on_table_change(struct dhcp4_io *io);
/* Finishes a running commit; replies that still wait are dropped, their clients ask
 * again. */
void
dhcp4_io_close(struct dhcp4_io *io);

#endif
