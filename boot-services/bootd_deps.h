/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What bootd.c gives to each service, and what it expects back. Every service is one
 * object:
 *
 *	struct dhcp4_io *dhcp4_io_open(const struct bootd_deps *deps, struct error *err);
 *	void dhcp4_io_on_table_change(struct dhcp4_io *io);
 *	void dhcp4_io_close(struct dhcp4_io *io);          (NULL allowed)
 *
 * and likewise tftp_io_* (tftp_io.h) and http_io_* (http_io.h).
 *
 * *_io_open runs as root and opens every socket and file that needs it; it must not start
 * threads. Later sockets (one per TFTP transfer) are opened without privilege. NULL with
 * *err naming the address and port, or the interface, and what to do. On failure nothing
 * is left open.
 *
 * *_io_on_table_change runs after `*table` was replaced or one of its hosts was put or
 * deleted. struct hosttab_entry pointers are valid until the callback that looked them up
 * returns: services keep names, tokens and ticket ids, and look them up again here. What
 * is no longer allowed (ticket gone, consumed, another one) is reset here, before the
 * change is acknowledged to the agent.
 *
 * Everything below is borrowed and outlives the services. */
#ifndef BOOT_SERVICES_BOOTD_DEPS_H
#define BOOT_SERVICES_BOOTD_DEPS_H

#include <sys/types.h>

#include "boot-services/bootd_config.h"
#include "boot-services/consumer.h"
#include "boot-services/evsink.h"
#include "boot-services/hosttab.h"
#include "lib/log.h"
#include "lib/rng.h"

struct event_base;

struct bootd_deps {
	struct event_base *base;
	const struct log *log;
	const struct bootd_config *cfg;
	struct hosttab *const *table; /* *table is the one in force; never NULL */
	struct evsink *events;
	struct consumer *consumer;
	struct rng *rng;
	/* Directories for fileroot_open(); -1 when no service needs them. state_fd is the
	 * directory of the lease journal: open files with openat(), by names without '/'.
	 * Before privileges are dropped bootd makes it belong to the user it will run as.
	 */
	int images_fd, loaders_fd, scripts_fd, state_fd;
	/* The user to run as; files made before the drop are fchown()ed to it. (uid_t)-1:
	 * no drop. */
	uid_t uid;
	gid_t gid;
};

#endif
