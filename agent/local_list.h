/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the site needs to work alone: asked of the orchestrator while that can be, and kept, sealed, in the spool
 * (docs/protocol.md, "What a site may order by itself"). */
#ifndef AGENT_LOCAL_LIST_H
#define AGENT_LOCAL_LIST_H

#include <event2/event.h>
#include <jansson.h>

#include "agent/spool.h"
#include "lib/error.h"
#include "lib/log.h"
#include "lib/secret_box.h"

struct local_list;

struct http_client_self;
struct local_list_opts {
	struct event_base *base;
	const struct log *log;
	const char *server, *token;	     /* as for the uplink */
	const struct http_client_self *self; /* likewise */
	const char *site, *agent;
	struct spool *spool;
	const struct secret_box
	    *box; /* to which the secrets of BMCs are sealed; NULL: none */
};

/* Everything is borrowed. */
struct local_list *
local_list_new(const struct local_list_opts *opts, struct error *err);
void
local_list_free(struct local_list *ll); /* NULL allowed */
/* The site's table has changed: ask again. */
void
local_list_ask(struct local_list *ll);

#endif
