/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The program object: everything the parts share, made by orch_new() and given to them by the
 * narrowest pointer they need. The api_*.c files get it whole. */
#ifndef ORCHESTRATOR_ORCH_H
#define ORCHESTRATOR_ORCH_H

#include <event2/event.h>

#include "db/store.h"
#include "lib/log.h"
#include "lib/rest_server.h"
#include "lib/rng.h"
#include "lib/secret.h"
#include "lib/workq.h"
#include "orchestrator/absence.h"
#include "orchestrator/agent_access.h"
#include "orchestrator/agent_seen.h"
#include "orchestrator/audit_refused.h"
#include "orchestrator/blobs.h"
#include "orchestrator/console_store.h"
#include "orchestrator/deltas.h"
#include "orchestrator/dispatch.h"
#include "orchestrator/feed.h"
#include "orchestrator/fleet.h"
#include "orchestrator/gate_ask.h"
#include "orchestrator/live.h"
#include "orchestrator/loop_watch.h"
#include "orchestrator/metrics.h"
#include "orchestrator/orch_config.h"
#include "orchestrator/orders.h"
#include "orchestrator/oui.h"
#include "orchestrator/place.h"
#include "orchestrator/place_news.h"
#include "orchestrator/retention.h"
#include "orchestrator/tail.h"
#include "orchestrator/unattended.h"
#include "orchestrator/webhook.h"
#include "orchestrator/when_ready.h"

struct access;
struct authority;
struct secret_sign;

struct orch {
	struct event_base *base;
	struct log log;
	const struct orch_config *config; /* borrowed */
	struct store *store;
	struct secret_key *key;
	struct rng rng;
	struct workq *workq; /* files of images */
	struct workq
	    *reads; /* of the database, where they take long; never behind a big file */
	struct store
	    *reader; /* of the thread of `reads`, and nobody else's; NULL: not yet */
	struct oui *vendors;
	struct retention *retention;
	struct dispatch *dispatch;
	struct feed *feed;
	struct fleet *fleet;
	struct gate_ask *gates;
	struct console_store *consoles;
	struct live *live;
	struct place *place;
	struct place_news *place_news;
	struct deltas *deltas;
	struct blobs *blobs;
	struct when_ready *when_ready;
	struct unattended *unattended; /* rollouts */
	struct access *access;
	struct authority *authority;	/* NULL: nobody can come by TLS */
	struct secret_sign *orders_key; /* signs what agents are ordered */
	int64_t show_anew;		/* wall: a new certificate of our own */
	struct agent_access_told agents_told;
	struct agent_seen *agents_seen;
	struct metrics *metrics;
	struct loop_watch *loop_watch;
	struct webhook *webhook;
	struct tail *tail;
	struct absence *absence;
	struct rest_server *rest;
	struct error
	    web_down; /* why the default address of the page is not listened on; code "": it is */
	struct audit_refused refused;
	size_t n_walks; /* through the whole audit, under way */
	struct event *prune;
	struct event *audit_hourly; /* armed while the audit's head is to be logged */
	struct event *minutely;
	int64_t started; /* wall */
};

/* Opens database, key and socket; serving begins with the event loop. NULL with *err. */
struct orch *
orch_new(struct event_base *base, const struct log *log, const struct orch_config *config,
    struct error *err);
void
orch_free(struct orch *o);
/* Reads anew what may be changed while it runs: the certificate. What cannot be read is logged, and the old stays. */
void
orch_reload(struct orch *o);
/* What orders need of it. */
struct orders_context
orch_orders_context(struct orch *o, int64_t now);

#endif
