/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Renews the agent's certificate by itself, and takes one that was had beside it. */
#ifndef AGENT_AGENT_RENEW_H
#define AGENT_AGENT_RENEW_H

#include <event2/event.h>

#include "agent/agent_tls.h"
#include "lib/log.h"
#include "lib/rng.h"

struct agent_renew;

struct agent_renew_opts {
	struct event_base *base;
	const struct log *log;
	struct rng *rng;
	struct agent_tls *tls; /* which has joined */
	const char *server, *site;
	void (*renewed)(void *arg); /* the agent shows another certificate from now on */
	void *arg;
};

/* Everything is borrowed. */
struct agent_renew *
agent_renew_new(const struct agent_renew_opts *opts, struct error *err);
void
agent_renew_free(struct agent_renew *r); /* NULL allowed */

#endif
