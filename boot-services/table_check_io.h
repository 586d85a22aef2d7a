/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Watches what the table names and this machine lacks: links of subnets, loaders of the site and its hosts. */
#ifndef BOOT_SERVICES_TABLE_CHECK_IO_H
#define BOOT_SERVICES_TABLE_CHECK_IO_H

#include "boot-services/bootd_deps.h"

struct table_check_io;

/* Looks now and from time to time; everything in deps is borrowed. Never NULL. */
struct table_check_io *
table_check_io_open(const struct bootd_deps *deps);
/* Looks again soon: the table was replaced, or a host of it. */
void
table_check_io_on_table_change(struct table_check_io *io);
void
table_check_io_close(struct table_check_io *io); /* NULL allowed */

#endif
