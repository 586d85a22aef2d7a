/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by dispatch.c (polls), dispatch_table.c (sites as agents know them), dispatch_report.c
 * (reports) and dispatch_call.c (calls). */
#ifndef ORCHESTRATOR_DISPATCH_PRIV_H
#define ORCHESTRATOR_DISPATCH_PRIV_H

#include <uthash.h>
#include <utlist.h>

#include "db/db_host.h"
#include "orchestrator/dispatch.h"
#include "orchestrator/presence.h"
#include "orchestrator/record.h"
#include "orchestrator/strset.h"

struct dispatch_poll;
struct dispatch_sent;

/* What is known of a site's agent beyond the database; lost at a restart without harm. */
struct dispatch_site {
	UT_hash_handle hh; /* by name: every poll and report looks its own up */
	char name[64];
	char agent[ID_SIZE];   /* in charge */
	struct presence heard; /* last poll */
	int64_t stored;	       /* mono, when the database was told of one */
	json_t *table;	       /* as read last, or NULL */
	int64_t table_version;
	bool reading;		/* … it anew */
	struct error table_err; /* why the last reading failed, until a poll is told */
	struct record_gap gap;
	struct error trouble; /* of its agent, as the last poll said */
	bool own_servers;     /* the same */
};

struct dispatch_call {
	struct dispatch_call *next, *prev;
	struct dispatch *d;
	char id[ID_SIZE];
	char site[64];
	struct bundle_host host;
	struct bundle_bmc bmc;
	bool sent;
	struct event *timer;
	void (*done)(void *arg, const char *power, const char *reason);
	void *arg;
};

struct dispatch {
	struct dispatch_ops ops;
	struct dispatch_site *sites;
	struct dispatch_poll *polls;
	struct dispatch_call *calls;
	struct dispatch_sent *sent; /* job → when it was handed out last */
};

/* Finds or makes it. */
struct dispatch_site *
dispatch_site(struct dispatch *d, const char *name);
/* Is this agent to be served for the site? Notes that it was seen. 0, or -EEXIST with
 * *err (agent-duplicate) while another one is alive, or an errno of the database. */
int
dispatch_site_claim(struct dispatch *d, struct dispatch_site *s, const char *agent,
    int64_t table_version, struct error *err) MUST_CHECK;
/* The site's table for an agent that has version `have`, when `version` is the present one. 0 with *ret
 * owned by the caller; -EINPROGRESS: it is being read, and the site's polls are woken then; another errno
 * with *err. */
int
dispatch_table_get(struct dispatch *d, struct dispatch_site *site, int64_t version,
    int64_t have, json_t **ret, struct error *err) MUST_CHECK;
void
dispatch_call_answer(
    struct dispatch *d, const char *id, const char *power, const char *reason);
void
dispatch_call_free_all(struct dispatch *d);
/* Answers with problem details; err's code decides the status. */
void
dispatch_refuse(struct rest_request *rq, const struct error *err);

#endif
