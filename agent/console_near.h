/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Consoles that people at the site watch and type at, at the agent's own socket: what orchestrator/live.h is for those who
 * come through the orchestrator. */
#ifndef AGENT_CONSOLE_NEAR_H
#define AGENT_CONSOLE_NEAR_H

#include <event2/event.h>

#include "agent/console_hub.h"
#include "lib/console_keys.h"
#include "lib/error.h"
#include "lib/log.h"
#include "lib/rest_server.h"
#include "lib/rng.h"
#include "lib/unix_user.h"

enum { CONSOLE_NEAR_MAX = 32 /* watchers at the site, of all hosts together */ };

struct console_near;

/* Somebody's look at a console, from its opening to its end. */
struct console_near_visit {
	char host[BUNDLE_NAME_SIZE];
	int64_t uid;
	char user[UNIX_USER_NAME_SIZE];
	bool write; /* it wanted to type */
	bool steal;
	int64_t began;		/* mono */
	int64_t octets, breaks; /* that it has typed */
};

struct console_near_opts {
	struct event_base *base;
	const struct log *log;
	struct rng *rng;
	struct console_hub *hub;
	/* It types for the first time; it has ended. */
	void (*types)(void *arg, const struct console_near_visit *v);
	void (*left)(void *arg, const struct console_near_visit *v);
	void *arg;
};

/* Everything is borrowed. */
struct console_near *
console_near_new(const struct console_near_opts *opts);
/* Ends every visit, with left(). NULL allowed. */
void
console_near_free(struct console_near *cn);
/* Is there room for one more? 0, or -EAGAIN with *err. */
int
console_near_may_watch(const struct console_near *cn, struct error *err) MUST_CHECK;
/* A watcher's request, which becomes a stream. `who` has host, uid, user, write and steal. */
void
console_near_watch(struct console_near *cn, struct rest_request *rq,
    const struct console_near_visit *who, const struct bundle_bmc *bmc);
/* What a watcher types. 0, or -ENOENT, -EACCES (not the writer), -EAGAIN (too much waits), with *err. */
int
console_near_type(struct console_near *cn, const char *host,
    const struct console_keys *keys, struct error *err) MUST_CHECK;

#endif
