/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by dispatch.c (polls), dispatch_site.c (agents and their jobs), dispatch_table.c (sites as agents know them), dispatch_report.c
 * (reports), dispatch_window.c (jobs of a time to come) and dispatch_call.c (calls). */
#ifndef ORCHESTRATOR_DISPATCH_PRIV_H
#define ORCHESTRATOR_DISPATCH_PRIV_H

#include <uthash.h>
#include <utlist.h>

#include "db/db_host.h"
#include "db/db_job.h"
#include "lib/agent_msg.h"
#include "lib/gzip_part.h"
#include "lib/secret_box.h"
#include "orchestrator/dispatch.h"
#include "orchestrator/dispatch_base.h"
#include "orchestrator/presence.h"
#include "orchestrator/record.h"
#include "orchestrator/strset.h"

struct dispatch_poll;
struct dispatch_sent;
struct dispatch_call;
struct dispatch_waiting;

/* What its agents said of other sites and was not told in the audit yet; of `n` the first is named. */
struct dispatch_foreign {
	int64_t told; /* mono, the last row; 0: never */
	bool telling; /* the row is in a transaction that is not durable yet */
	int64_t n;
	char agent[ID_SIZE];
	char code[ERROR_CODE_SIZE];
	char text[EVENT_REASON_SIZE];
};

/* An agent's clock: without its steps it is `base` ahead of ours, give or take `within`. */
struct dispatch_clock {
	bool known;
	int64_t restarts, base, within, stepped;
};

/* What is known of a site's agent beyond the database; lost at a restart without harm. */
struct dispatch_site {
	UT_hash_handle hh; /* by name: every poll and report looks its own up */
	char name[64];
	char agent[ID_SIZE];   /* in charge */
	struct presence heard; /* last poll */
	int64_t stored;	       /* mono, when the database was told of one */
	bool unstored;	       /* it is to be told of the last one */
	int64_t has_table;     /* version, as the agent said last, … */
	uint64_t has_digest;   /* … and the digest of it; 0: not said */
	bool takes_delta;
	struct dispatch_base *base,
	    *next; /* of what it has; of what it was given since */
	struct dispatch_poll *polls;
	char *
	    table; /* members of an answer, as read last, until an agent has been given it; or NULL */
	int64_t table_version;
	struct gzip_part packed; /* "{", the same and ",", for who takes it; or none */
	bool takes_gzip;
	int64_t table_from; /* it is what has changed since that version; -1: all */
	struct dispatch_site *read_next, *read_prev; /* of those that wait to be read */
	enum {
		DISPATCH_NOT_READ,
		DISPATCH_READ_BASE, /* for nobody who waits */
		DISPATCH_READ_SOON,
		DISPATCH_READ_NOW
	} to_read;
	int64_t base_tried;	/* version of the table that was read for its base */
	struct error table_err; /* why the last reading failed, until a poll is told */
	size_t n_reports;	/* that wait to be recorded */
	size_t octets;		/* of their texts */
	struct record_gap gap;
	struct dispatch_foreign foreign;
	struct error trouble;	    /* of its agent, as the last poll said */
	struct agent_msg_stop stop; /* the same */
	bool own_servers;	    /* the same */
	int64_t ahead; /* by how much its clock seemed ahead of ours at the last poll */
	struct dispatch_clock clock;
	int64_t pending, lag; /* as its last poll said; -1: it does not say */
	bool full; /* its agent has as many jobs as it takes, and more wait here */
	struct dispatch_call *waiting; /* to be told to its agent, in order */
	size_t n_waiting;
	size_t n_out; /* told, and not answered yet */
};

struct dispatch {
	struct dispatch_ops ops;
	struct dispatch_site *sites;
	struct dispatch_waiting *reports; /* that have come and are not recorded yet */
	size_t n_reports;
	struct event *turn; /* in which they are; NULL before the first one */
	struct event *store_seen;
	size_t n_heard; /* agents that were not absent when that was done last */
	struct dispatch_site *to_read[DISPATCH_READ_NOW + 1]; /* by haste */
	bool reading;					      /* one of them */
	struct dispatch_call *calls;			      /* all, by id */
	struct dispatch_sent *sent; /* job → when it was handed out last */
};

/* Finds or makes it. */
struct dispatch_site *
dispatch_site(struct dispatch *d, const char *name);
/* Those that were heard since the last time, into the database. */
void
dispatch_site_store_seen(struct dispatch *d);
/* Is this agent to be served for the site? Notes that it was seen. 0, or -EEXIST with
 * *err (agent-duplicate) while another one is alive, or an errno of the database. */
int
dispatch_site_claim(struct dispatch *d, struct dispatch_site *s, const char *agent,
    int64_t table_version, struct error *err) MUST_CHECK;
/* The site's table, as members of an answer, for an agent that has version `have`, when `version` is the present one. 0 with *ret
 * owned by the caller; -EINPROGRESS: it is being read, and the site's polls are woken then; another errno
 * with *err. */
int
dispatch_table_get(struct dispatch *d, struct dispatch_site *site, int64_t version,
    int64_t have, char **ret, struct error *err) MUST_CHECK;
/* Has the table that the site's agent has read once nobody waits for another one, when it is not known what is in it: the next change is told
 * as one then. */
void
dispatch_table_learn(struct dispatch *d, struct dispatch_site *site, int64_t version);
/* Reports that were not recorded are the agents' still. */
void
dispatch_report_free_all(struct dispatch *d);
/* Gives a copy of the host's BMC the manners that its owner named, what was learned of it, and where its
 * credentials may be sent. An errno of the database: that is not known. */
int
dispatch_call_bmc(
    struct dispatch *d, const struct db_host *h, struct bundle_bmc *bmc) MUST_CHECK;
/* Its clock as the database has it; then what its messages say. */
struct db_agent;
void
dispatch_clock_load(
    struct dispatch *d, struct dispatch_site *s, const struct db_agent *a);
void
dispatch_clock_seems(struct dispatch_site *s, int64_t now);
void
dispatch_clock_note(struct dispatch *d, struct dispatch_site *s, const char *agent,
    const struct agent_msg_clock *said, int64_t now);
/* Since when it opens no session to a BMC, by our clock. */
void
dispatch_clock_stop(const struct dispatch_site *s, struct agent_msg_stop *stop);
/* The calls that an agent of the site is to be told now, as orders, with secrets sealed to that key. */
void
dispatch_call_orders(
    struct dispatch *d, struct dispatch_site *s, const char *seal_key, json_t *orders);
/* The key that secrets are sealed to for who asks: what it said, over the unix socket, where "" is for agents without one, who get
 * them in clear; by TCP the enrolled one, and where there is none DISPATCH_NO_KEY, to which nothing can be sealed. 0, or -EINVAL
 * with *err (seal-key). */
#define DISPATCH_NO_KEY "-"
int
dispatch_sign_key(const struct rest_request *rq, const char *said, const char *enrolled,
    char ret[SECRET_BOX_PUBLIC_TEXT], struct error *err) MUST_CHECK;
/* Answers that a report has brought; those of calls that have ended are dropped. */
void
dispatch_call_answers(struct dispatch *d, struct dispatch_site *s,
    const struct agent_msg_call_result *calls, size_t n);
/* How many of the answers are to calls that were not told to this site's agent, but to another's. */
size_t
dispatch_call_foreign(struct dispatch *d, const struct dispatch_site *s,
    const struct agent_msg_call_result *calls, size_t n);
void
dispatch_call_free_all(struct dispatch *d);
/* One more. */
void
dispatch_foreign_note(
    struct dispatch_foreign *f, const char *agent, const char *code, const char *text);
/* The row that is due, if one is, with `more` that came now: in the caller's transaction. After its commit
 * dispatch_foreign_done(). 0 or an errno of the database. */
int
dispatch_foreign_audit(struct dispatch *d, struct dispatch_site *s,
    struct dispatch_foreign *more) MUST_CHECK;
void
dispatch_foreign_done(
    struct dispatch *d, struct dispatch_site *s, const struct dispatch_foreign *more);
/* The orders as who polled takes them: signed, when it asks for that. Takes the list. */
json_t *
dispatch_sign(const struct dispatch *d, const struct agent_msg_poll *m, json_t *orders);
/* Of an agent that does not know windows: 0, it may be told of the job now; 1, not now, *ret_next (mono) is when to look again, if ever, and what
 * has missed its window has ended; or an errno of the database. Both of these may begin the transaction that the caller ends. */
int
dispatch_window_early(
    struct dispatch *d, struct db_job *job, int64_t *ret_next) MUST_CHECK;
/* A job that cannot be handed out comes to an end, unless it was handed out before. */
int
dispatch_window_unsent(
    struct dispatch *d, struct db_job *job, const struct error *why) MUST_CHECK;
/* A job that a hold cancels unless it has begun, and an agent that does not know such cancels: it would end the job also if it has
 * begun. True: it is told when all of its events are here, which say whether it has. */
bool
dispatch_window_cancel_waits(const struct agent_msg_poll *m, const struct db_job *job);
/* Such an agent refuses what was ordered more than an hour ago, too. */
void
dispatch_window_make_due(const struct db_job *job, json_t *order);
/* Answers with problem details; err's code decides the status. */
void
dispatch_refuse(struct rest_request *rq, const struct error *err);

#endif
