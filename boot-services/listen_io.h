/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The well-known port of a service, on each configured interface. */
#ifndef BOOT_SERVICES_LISTEN_IO_H
#define BOOT_SERVICES_LISTEN_IO_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "boot-services/bootd_deps.h"
#include "lib/error.h"

struct listen_io;

struct listen_io_service {
	const char *name; /* as people write it, "HTTP" */
	const char *key;  /* as configuration and error codes do, "http" */
	int type; /* SOCK_STREAM, or SOCK_DGRAM: then with IP_PKTINFO, IPV6_PKTINFO */
	uint16_t port;
};

/* Opens the port on each configured interface and on lo, since this machine reaches its own
 * addresses through lo; on all interfaces when none is configured. Each time for IPv4 and, in a
 * socket of its own, for IPv6; a kernel without IPv6 is a warning. `on_ready` is called with
 * each socket that has something. NULL with *err: "port-in-use", "KEY-interface",
 * "KEY-socket", "KEY-bind". */
struct listen_io *
listen_io_open(const struct bootd_deps *deps, const struct listen_io_service *service,
    event_callback_fn on_ready, void *arg, struct error *err);
/* Stops calling on_ready, or begins again. */
void
listen_io_pause(struct listen_io *l, bool pause);
void
listen_io_close(struct listen_io *l); /* NULL allowed */

#endif
