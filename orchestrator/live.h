/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Consoles that people watch: one per host, several watchers, one of whom may type (docs/api.md, "Consoles"). */
#ifndef ORCHESTRATOR_LIVE_H
#define ORCHESTRATOR_LIVE_H

#include <event2/event.h>

#include "db/db_host.h"
#include "lib/console_keys.h"
#include "lib/error.h"
#include "lib/log.h"
#include "lib/rest_server.h"
#include "lib/rng.h"
#include "orchestrator/dispatch.h"

enum { LIVE_INPUT_MAX = CONSOLE_KEYS_MAX /* octets that wait to be typed */ };

struct live;

struct live_ops {
	struct event_base *base;
	const struct log *log;
	struct rng *rng;
	struct dispatch *dispatch;
};

/* Everything is borrowed. */
struct live *
live_new(const struct live_ops *ops);
/* Its requests are gone before. NULL allowed. */
void
live_free(struct live *l);

/* A watcher's request, which becomes a stream. `write`: it wants to type; only one does, who holds it unless `steal`. */
void
live_watch(struct live *l, struct rest_request *rq, const struct db_host *h, bool write,
    bool steal);
/* Does anybody watch it? */
bool
live_watched(struct live *l, const char *host);
/* What a watcher types. 0, or -ENOENT, -EACCES (not the writer), -EAGAIN (too much waits), with *err. */
int
live_type(struct live *l, const char *host, const char *watcher, const uint8_t *data,
    size_t len, bool send_break, struct error *err) MUST_CHECK;

/* The agent's requests; each answers rq now or later. */
/* The site of the session that an agent's request names; NULL: there is no such session. */
const char *
live_site(struct live *l, struct rest_request *rq);
void
live_output(struct live *l, struct rest_request *rq);
void
live_input(struct live *l, struct rest_request *rq);

#endif
