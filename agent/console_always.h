/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which hosts of the site are always recorded: asked of the orchestrator, and kept, sealed, for the time when it
 * cannot be asked (docs/protocol.md, "Hosts that are always recorded"). */
#ifndef AGENT_CONSOLE_ALWAYS_H
#define AGENT_CONSOLE_ALWAYS_H

#include <event2/event.h>
#include <jansson.h>

#include "agent/console_recorder.h"
#include "agent/spool.h"
#include "lib/error.h"
#include "lib/log.h"
#include "lib/rng.h"
#include "lib/secret.h"
#include "lib/secret_box.h"

struct console_always;

struct http_client_self;
struct console_always_opts {
	struct event_base *base;
	const struct log *log;
	struct rng *rng;
	const char *server, *token;	     /* as for the uplink */
	const struct http_client_self *self; /* likewise */
	const char *site, *agent;
	struct spool *spool;
	const struct secret_key *key;
	const struct secret_box
	    *box; /* to which the list's secrets are sealed; NULL: none */
	/* The whole list, whenever it is another one. Borrowed, wiped afterwards. */
	void (*set)(void *arg, const struct console_recorder_host *hosts, size_t n);
	void *arg;
};

/* Everything is borrowed. The list of the spool is given at the first turn of the loop. */
struct console_always *
console_always_new(const struct console_always_opts *opts, struct error *err);
void
console_always_free(struct console_always *ca); /* NULL allowed */
/* The site's table has changed: ask again. */
void
console_always_ask(struct console_always *ca);

/* One page of the answer. 0 with the hosts appended to the JSON array `list` and *ret_after ("" at the end) pointing into
 * `page`; -EINVAL with *err. For the fuzzer, too. */
int
console_always_page(const json_t *page, json_t *list, int64_t *ret_version,
    const char **ret_after, struct error *err) MUST_CHECK;

#endif
