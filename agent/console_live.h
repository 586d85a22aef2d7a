/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Consoles that people watch and type at, through the orchestrator: output goes up in requests, input comes in the answers
 * to others that wait for it (docs/protocol.md, "Live consoles"). */
#ifndef AGENT_CONSOLE_LIVE_H
#define AGENT_CONSOLE_LIVE_H

#include <event2/event.h>

#include "agent/console_hub.h"
#include "lib/agent_msg.h"
#include "lib/error.h"
#include "lib/log.h"

struct console_live;

struct http_client_self;
struct console_live_opts {
	struct event_base *base;
	const struct log *log;
	const char *server, *token;	     /* as for the uplink */
	const struct http_client_self *self; /* likewise */
	const char *site, *agent;	     /* who we are */
	struct console_hub *hub;
};

/* Everything is borrowed. */
struct console_live *
console_live_new(const struct console_live_opts *opts, struct error *err);
void
console_live_free(struct console_live *cl); /* NULL allowed */
/* Somebody wants to see a host's console: call "console", or "console-steal". A call that is known goes on. -EAGAIN
 * with *err: it is not shown. */
int
console_live_start(struct console_live *cl, const struct agent_msg_order *order,
    struct error *err) MUST_CHECK;

#endif
