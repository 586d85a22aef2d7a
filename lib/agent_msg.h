/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages between netboot-agent and netboot-orchestrator (docs/protocol.md): JSON <-> struct. */
#ifndef LIB_AGENT_MSG_H
#define LIB_AGENT_MSG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/agent_msg_delta.h"
#include "lib/agent_order.h"
#include "lib/bundle.h"
#include "lib/error.h"
#include "lib/event.h"
#include "lib/id.h"

enum {
	AGENT_MSG_ORDERS_MAX = 4096,
	AGENT_MSG_EVENTS_MAX = 4096,
	AGENT_MSG_DETAIL_MAX =
	    512 * 1024, /* an event's; a report's note is 64 KiB, escaped */
	AGENT_MSG_DETAIL_DEPTH = 16,
};

/* 2100-01-01: what is dated later, or before 1970, was dated by no clock. */
#define AGENT_MSG_AT_MAX (4102444800LL * 1000 * 1000)

/* The agent's clock against the orchestrator's, as it was found from exchanges with it. */
struct agent_msg_clock {
	bool known;
	int64_t ahead, within;	   /* so far, give or take so much */
	int64_t stepped, restarts; /* in its journal, up to event number `seq` */
	int64_t seq;
};

/* No session to a BMC is opened there: too many refused the password. */
struct agent_msg_stop {
	int64_t since;		/* wall; 0: there is no such stop */
	int64_t refused, heard; /* BMCs, then */
};

struct agent_msg_poll {
	char site[64];
	char agent[ID_SIZE];
	int64_t table;
	int64_t wait_s;
	struct error trouble; /* why the agent can take no orders; no code: it can */
	bool own_servers;     /* the site keeps its own: nothing is held back */
	struct agent_msg_stop stop;
	int64_t max_jobs; /* that it takes at once; 0: it does not say */
	int64_t now;	  /* by its clock; 0: it does not say */
	struct agent_msg_clock clock;
	/* Events that it has still to report, and how old the oldest is; -1: it does not say. */
	int64_t pending, lag;
	int64_t store;	       /* what it was told last of that; 0: nothing yet */
	bool takes_delta;      /* it understands table_delta */
	bool takes_window;     /* it keeps a job until the job's window opens */
	bool takes_unbegun;    /* it knows cancels of what has not begun */
	uint64_t table_digest; /* of the table it has: lib/table_sum.h; 0: not said */
	/* To which secrets are to be sealed; "": it has no key (older ones). By TLS that of its enrolment counts instead. */
	char seal_key[SECRET_BOX_PUBLIC_TEXT];
	/* Orders that answer this poll must be signed, and name it; "": it has no orders key pinned. */
	char nonce[AGENT_ORDER_NONCE_SIZE];
};

enum agent_msg_order_type {
	AGENT_ORDER_JOB,
	AGENT_ORDER_CANCEL,
	AGENT_ORDER_CALL,
	AGENT_ORDER_BAD_JOB, /* decoded only: id and refused are set; answer with job.refused */
	AGENT_ORDER_BAD_CALL, /* the same; answer with a result */
};

struct agent_msg_order {
	enum agent_msg_order_type type;
	struct bundle *bundle;	/* job; owned */
	char id[ID_SIZE];	/* cancel: job; call: call id */
	char by[64];		/* cancel: on whose order; empty when not told */
	bool unbegun;		/* cancel: only if the job has not begun */
	char verb[32];		/* call: one of bmc_verb.h, or a newer one */
	struct bundle_bmc *bmc; /* call; owned, wiped */
	json_t *args;		/* call: an object, or NULL; owned */
	struct error refused;	/* bad job, bad call: why it is not taken */
};

struct agent_msg_orders {
	struct bundle_site *table; /* NULL: current, or …; owned */
	int64_t
	    retry_ms; /* how long all agents take to come back after the line was lost; 0: not said */
	struct agent_msg_delta *delta; /* … what has changed; NULL: nothing; owned */
	struct agent_msg_order *orders;
	size_t n_orders;
	int64_t store; /* version of what the site's store should hold; 0: not told */
	/* When the poll came to the orchestrator, by its clock, and for how long it held it; received 0: it does not say. */
	int64_t received, held;
	int64_t takes_events;	 /* in one report; 0: it does not say */
	char takes_encoding[16]; /* of reports; "": none */
	/* Those that were not taken, nobody being to be told (cancels, and what has no id); the first one's reason. */
	size_t n_refused;
	struct error refused;
};

struct agent_msg_call_result {
	char id[ID_SIZE];
	char power[16]; /* on | off | unknown */
	char code[48];	/* "": it was done */
	char reason[256];
	json_t *data; /* what the verb answers, an object, or NULL; owned */
};

struct agent_msg_report {
	char site[64];
	char agent[ID_SIZE];
	int64_t first;
	struct event *events;
	size_t n_events;
	struct agent_msg_call_result *calls;
	size_t n_calls;
	struct agent_msg_clock clock;
};

json_t *
agent_msg_poll_to_json(const struct agent_msg_poll *m);
int
agent_msg_poll_from_json(
    const json_t *v, struct agent_msg_poll *ret, struct error *err) MUST_CHECK;
json_t *
agent_msg_orders_to_json(const struct agent_msg_orders *m);
int
agent_msg_orders_from_json(
    const json_t *v, struct agent_msg_orders *ret, struct error *err) MUST_CHECK;
/* The same of orders that must be signed, or have secrets that are sealed. */
int
agent_msg_orders_open(const json_t *v, const struct agent_order_trust *trust,
    struct agent_msg_orders *ret, struct error *err) MUST_CHECK;
void
agent_msg_orders_done(struct agent_msg_orders *m);
void
agent_msg_call_result_done(struct agent_msg_call_result *c);
json_t *
agent_msg_report_to_json(const struct agent_msg_report *m);
int
agent_msg_report_from_json(
    const json_t *v, struct agent_msg_report *ret, struct error *err) MUST_CHECK;
/* An event as a report may have it: within those limits. 0 or -EINVAL; the caller runs event_done(). */
int
agent_msg_event_from_json(
    const json_t *v, struct event *ret, struct error *err) MUST_CHECK;
void
agent_msg_report_done(struct agent_msg_report *m);

#endif
