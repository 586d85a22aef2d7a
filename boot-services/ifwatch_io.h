/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looks every few seconds whether the interfaces of bootd.yaml are still the ones that
 * its sockets were bound to. */
#ifndef BOOT_SERVICES_IFWATCH_IO_H
#define BOOT_SERVICES_IFWATCH_IO_H

#include "boot-services/bootd_config.h"

struct event_base;
struct ifwatch_io;

struct ifwatch_io_ops {
	/* There is no interface of that name any more. Once, until there is one again. */
	void (*on_gone)(void *arg, const char *iface);
	/* There is another one of that name now: sockets of the old one hear nothing.
	 * Nothing more is called after it. */
	void (*on_replaced)(void *arg, const char *iface);
};

/* Before any socket is bound. cfg and ops are borrowed. */
struct ifwatch_io *
ifwatch_io_open(struct event_base *base, const struct bootd_config *cfg,
    const struct ifwatch_io_ops *ops, void *arg);
void
ifwatch_io_close(struct ifwatch_io *w);

#endif
