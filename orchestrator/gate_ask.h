/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Health gates by hand: the checks of a schedule, tried on hosts, answered line by line as the answers come. */
#ifndef ORCHESTRATOR_GATE_ASK_H
#define ORCHESTRATOR_GATE_ASK_H

#include "db/store.h"
#include "lib/compiler.h"
#include "orchestrator/dispatch.h"

struct gate_ask;
struct event_base;

enum { GATE_ASK_HOSTS_MAX = 1000 };

struct gate_ask_ops {
	struct event_base *base;
	struct store *store;
	struct dispatch *dispatch;
};

struct gate_ask *
gate_ask_new(const struct gate_ask_ops *ops);
/* After dispatch_free(), and after the requests are gone. NULL allowed. */
void
gate_ask_free(struct gate_ask *g);

/* Answers rq with NDJSON: first all names, then each host's line once, at the end the counts. `checks` is referred to, `names` taken.
 * -EAGAIN with *err, nothing taken or answered, when too many are open. */
int
gate_ask_start(struct gate_ask *g, struct rest_request *rq, json_t *checks,
    int64_t timeout_s, struct store_names *names, struct error *err) MUST_CHECK;

#endif
