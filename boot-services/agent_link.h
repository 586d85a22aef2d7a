/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bootd's end of the socketpair to its agent (docs/protocol.md): configuration and host
 * table in, events, consume and report requests out. */
#ifndef BOOT_SERVICES_AGENT_LINK_H
#define BOOT_SERVICES_AGENT_LINK_H

#include "boot-services/consumer.h"
#include "boot-services/hosttab.h"
#include "lib/error.h"
#include "lib/event.h"
#include "lib/log.h"

struct agent_link;
struct event_base;

struct agent_link_ops {
	/* The first frame: the text of a bootd.yaml (borrowed). Called once. */
	void (*on_config)(void *arg, const char *text);
	/* *table was replaced or changed; return when every service has acted on it. The
	 * change is acknowledged to the agent afterwards. */
	void (*on_table)(void *arg);
	/* A table that was replaced, owned by the callee: to free 100,000 hosts takes longer
	 * than the loop may be held up. */
	void (*on_retired)(void *arg, struct hosttab *old);
	/* What the agent sent cannot be done: a host or subnet that does not fit, or a
	 * message that is not valid (host is then ""). Already logged. */
	void (*on_refused)(void *arg, const char *host, const struct error *why);
	/* The agent is gone: stop serving at once. */
	void (*on_close)(void *arg, const struct error *why);
};

/* Takes fd. `table` is where the table in force is kept; the link replaces *table
 * (freeing the old one) when the agent sends a new one. */
struct agent_link *
agent_link_open(struct event_base *base, int fd, const struct log *log,
    struct hosttab **table, const struct agent_link_ops *ops, void *arg);
void
agent_link_close(struct agent_link *l);

struct consumer *
agent_link_consumer(struct agent_link *l); /* borrowed */
void
agent_link_ready(struct agent_link *l, uint16_t http_port, uint16_t tftp_port);
/* Tells why bootd cannot serve, and writes it out before returning; what still arrives is ignored. */
void
agent_link_fatal(struct agent_link *l, const struct error *why);
/* false when so much waits for a slow agent that the event was dropped. */
bool
agent_link_event(struct agent_link *l, const struct event *ev);

#endif
