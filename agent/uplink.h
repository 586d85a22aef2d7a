/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The line to the orchestrator: a long poll for orders and, beside it, reports of events
 * from the spool. The agent dials; jobs go on while nobody answers. */
#ifndef AGENT_UPLINK_H
#define AGENT_UPLINK_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/agent_keys.h"
#include "agent/spool.h"
#include "lib/agent_msg.h"
#include "lib/error.h"
#include "lib/log.h"
#include "lib/rng.h"

struct uplink;
struct http_client_self;

struct uplink_opts {
	bool own_servers; /* told with every poll, as is … */
	int64_t max_jobs; /* … how many jobs it takes at once */
	struct event_base *base;
	const struct log *log;
	struct rng *rng;
	struct spool *spool;
	const char *server;		     /* "unix:/path" or "https://…" */
	const char *token;		     /* or NULL */
	const struct http_client_self *self; /* of an agent from afar; or NULL */
	const char *site;
	const struct agent_keys *keys; /* NULL: none, on either side */
	/* Orders have come; the callee may take bundles and the table out of *orders. 0, or
	 * -errno when the table could not be taken: it is asked for again, later. */
	int (*on_orders)(void *arg, struct agent_msg_orders *orders);
	/* The orchestrator holds events that this spool has never had: it is a copy from
	 * before them (a restored backup or snapshot of a machine). */
	void (*on_old_spool)(void *arg);
	/* Said at each answer to a poll: this agent is served (why NULL), or it is refused
	 * because another one is in charge of the site. May be NULL. */
	void (*on_charge)(void *arg, const struct error *why);
	void *arg;
};

/* Everything in opts is borrowed. It has no table yet. */
struct uplink *
uplink_new(const struct uplink_opts *opts, struct error *err);
void
uplink_free(struct uplink *u); /* NULL allowed */
/* There may be events to report. */
void
uplink_kick(struct uplink *u);
/* Told with every poll from now on, and at once: the spool cannot carry it. No code: over.
 */
void
uplink_set_trouble(struct uplink *u, const struct error *trouble);
/* The same for the stop because of refused passwords. */
void
uplink_set_stop(struct uplink *u, const struct agent_msg_stop *stop);
/* When the orchestrator last answered (wall; 0: not to this process); *ret_now: the last request was answered. */
int64_t
uplink_heard(const struct uplink *u, bool *ret_now);
/* What the orchestrator's clock shows now, as far as this process has measured it; else what the one here does. */
int64_t
uplink_time_there(const struct uplink *u);
/* Has a poll ended since the start, and then a report, with an answer or without one? From then on the clock and an old copy of the
 * spool are known of, as far as they can be. */
bool
uplink_settled(const struct uplink *u);
/* The agent has another certificate: what was refused before may not be now. */
void
uplink_again(struct uplink *u);
/* The table that is here: told with every poll from the next one on. 0: none, the whole is wanted. */
void
uplink_set_table(struct uplink *u, int64_t version, uint64_t digest);
/* Queued for the next report; lost with the process, as calls are. Takes res->data. */
void
uplink_call_result(struct uplink *u, struct agent_msg_call_result *res);

#endif
