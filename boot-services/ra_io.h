/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Router advertisements on the wire. See bootd_deps.h for how services are run. */
#ifndef BOOT_SERVICES_RA_IO_H
#define BOOT_SERVICES_RA_IO_H

#include "boot-services/bootd_deps.h"
#include "lib/error.h"

struct ra_io;

/* Opens an ICMPv6 socket on each configured interface. A kernel without IPv6, or too few rights, is a
 * warning: then nothing is advertised. NULL with *err: "ra-socket". */
struct ra_io *
ra_io_open(const struct bootd_deps *deps, struct error *err);
void
ra_io_on_table_change(struct ra_io *io);
/* Says first that this machine is no router any more, where it was one. */
void
ra_io_close(struct ra_io *io); /* NULL allowed */

#endif
