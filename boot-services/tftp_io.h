/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The TFTP server on the wire: port 69, one socket per transfer, files below the loaders
 * root. */
#ifndef BOOT_SERVICES_TFTP_IO_H
#define BOOT_SERVICES_TFTP_IO_H

#include "boot-services/bootd_deps.h"
#include "lib/error.h"

struct tftp_io;

/* See bootd_deps.h. NULL with *err set. */
struct tftp_io *
tftp_io_open(const struct bootd_deps *deps, struct error *err);
/* Nothing that TFTP serves belongs to a ticket: no transfer is touched. */
void
tftp_io_on_table_change(struct tftp_io *io);
void
tftp_io_close(struct tftp_io *io);

#endif
