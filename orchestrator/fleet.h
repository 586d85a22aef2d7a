/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One question to the BMCs of any number of hosts, answered line by line as the answers come. */
#ifndef ORCHESTRATOR_FLEET_H
#define ORCHESTRATOR_FLEET_H

#include "lib/bmc_verb.h"
#include "orchestrator/audit.h"
#include "orchestrator/dispatch.h"

struct fleet;
struct event_base;

struct fleet_ops {
	struct event_base *base;
	const struct log *log;
	struct store *store;
	struct dispatch *dispatch;
	const struct secret_key *key;
	struct rng *rng;
	/* Events were recorded. */
	void (*on_events)(void *arg);
	void *arg;
};

struct fleet *
fleet_new(const struct fleet_ops *ops);
/* After dispatch_free(), and after the requests are gone. NULL allowed. */
void
fleet_free(struct fleet *f);

struct fleet_question {
	enum bmc_verb verb;
	json_t *args; /* or NULL; referred to */
	const struct audit_who *who;
	const char *reason;	   /* of what changes something; else "" */
	struct store_names *names; /* taken */
	bool as_document; /* one answer with all of them, at the end: POST /power */
};

/* Answers rq with NDJSON: first all names, then each host's line once, at the end the counts. -EAGAIN with
 * *err, nothing taken or answered, when too many questions are open. */
int
fleet_ask(struct fleet *f, struct rest_request *rq, struct fleet_question *q,
    struct error *err) MUST_CHECK;

#endif
