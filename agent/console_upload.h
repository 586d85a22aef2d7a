/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Brings recordings of consoles to the orchestrator, while they grow and after, and removes those that it holds. */
#ifndef AGENT_CONSOLE_UPLOAD_H
#define AGENT_CONSOLE_UPLOAD_H

#include <event2/event.h>
#include <stdbool.h>

#include "lib/error.h"
#include "lib/log.h"
#include "lib/rng.h"

struct console_upload;

struct http_client_self;
struct console_upload_opts {
	struct event_base *base;
	const struct log *log;
	struct rng *rng;
	const char *server, *token;	     /* as for the uplink */
	const struct http_client_self *self; /* likewise */
	const char *site, *agent;
	const char *dir;
	/* Is it being written still? */
	bool (*writes)(void *arg, const char *id);
	void *arg;
};

/* Everything is borrowed. */
struct console_upload *
console_upload_new(const struct console_upload_opts *opts, struct error *err);
void
console_upload_free(struct console_upload *u); /* NULL allowed */
/* There may be more to bring. */
void
console_upload_kick(struct console_upload *u);

#endif
