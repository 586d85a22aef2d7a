/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tells of packets that the kernel dropped before bootd read them, which otherwise leave no
 * trace: a machine's request that vanished so looks like a machine that never asked. */
#ifndef BOOT_SERVICES_RXDROP_IO_H
#define BOOT_SERVICES_RXDROP_IO_H

#include <event2/event.h>
#include <stdint.h>

#include "boot-services/evsink.h"

struct rxdrop_io;

/* Looks every few seconds; an event "bootd.overflow" for each socket that lost packets since. */
struct rxdrop_io *
rxdrop_io_open(struct event_base *base, struct evsink *events);
/* Watches one UDP socket; it must stay open until rxdrop_io_close(). `iface`: "" for all. */
void
rxdrop_io_add(struct rxdrop_io *w, int fd, const char *iface, uint16_t port);
void
rxdrop_io_close(struct rxdrop_io *w); /* NULL allowed */

#endif
