/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The HTTP server on the wire: loaders, scripts, payloads of tickets, reports. */
#ifndef BOOT_SERVICES_HTTP_IO_H
#define BOOT_SERVICES_HTTP_IO_H

#include "boot-services/bootd_deps.h"
#include "lib/error.h"

struct http_io;

/* See bootd_deps.h. NULL with *err set. */
struct http_io *
http_io_open(const struct bootd_deps *deps, struct error *err);
/* Resets transfers whose ticket is gone, or consumed by another one. */
void
http_io_on_table_change(struct http_io *io);
void
http_io_close(struct http_io *io);

#endif
