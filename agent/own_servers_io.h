/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The site's own DHCP, TFTP and HTTP servers in the place of netboot-bootd: files are laid out for them, and their logs
 * say what the machines did. What bootd promises by holding the last octets back is not promised here
 * (docs/operations.md, "How jobs are confirmed there"). */
#ifndef AGENT_OWN_SERVERS_IO_H
#define AGENT_OWN_SERVERS_IO_H

#include <event2/event.h>
#include <stdbool.h>

#include "agent/agent_config.h"
#include "agent/bootd_proc.h"
#include "agent/spool.h"
#include "agent/wire.h"
#include "lib/log.h"

struct own_servers_io;

struct own_servers_io_opts {
	struct event_base *base;
	const struct log *log;
	const struct agent_config *cfg;
	struct spool *spool; /* marks and hosts are read */
	const struct bootd_proc_ops *ops;
	/* To be made durable with the messages before it. */
	void (*mark)(void *arg, const char *key, const char *value);
	void *arg; /* of both */
};

/* Everything in opts is borrowed. ops are called from the loop only, but on_down() of a hold. */
struct own_servers_io *
own_servers_io_new(const struct own_servers_io_opts *opts, bool held);
/* Its ops->free() ends it. */
struct wire
own_servers_io_wire(struct own_servers_io *s);

#endif
