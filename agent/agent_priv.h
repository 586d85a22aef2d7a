/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The agent's insides, shared by agent.c (parts put together), agent_call.c (questions) and agent_table.c (the site's table). */
#ifndef AGENT_AGENT_PRIV_H
#define AGENT_AGENT_PRIV_H

#include "agent/agent.h"
#include "agent/agent_config.h"
#include "agent/agent_keys.h"
#include "agent/spool.h"
#include "agent/wire.h"
#include "lib/agent_msg.h"
#include "lib/http_client.h"
#include "lib/rng.h"

enum { AGENT_TOKEN_SIZE = 512 };

/* Hosts to be sent once more when the table under way is out. */
struct late {
	struct late *next;
	char host[BUNDLE_NAME_SIZE];
};

struct agent {
	struct event_base *base;
	const struct log *log;
	const struct agent_config *cfg;
	struct rng rng;
	struct secret_key *key;
	struct agent_keys *keys; /* towards the orchestrator */
	struct spool *spool;
	struct workq *hashing, *looking, *names;
	struct preflight *preflight;
	struct store *store;
	struct bmc_engine *bmc;
	struct agent_console *consoles;
	struct run_jobs *jobs;
	struct boots *boots;
	struct bmc_verbs *calls;
	struct gate_set *gates;
	struct wire wire;      /* who serves the machines; ops NULL: nobody yet */
	struct agent_tls *tls; /* of one that is not beside the orchestrator; or NULL */
	struct agent_renew *renew; /* the same */
	struct uplink *uplink;
	struct local_list *local_list;
	struct local *local;	  /* NULL: no socket of its own */
	struct bundle_site *site; /* without hosts */
	struct late *late;
	struct event *purge;
	bool left_out; /* hosts, from bootd's table */
	bool replaced; /* another agent is in charge of the site */
	char token[AGENT_TOKEN_SIZE];
	struct http_client_proxy proxy; /* by which it goes out */
};

/* Gives who serves the site the table: whole to a bootd that is `up` for the first time, else what changed. */
void
agent_send_table(struct agent *a, bool up);
/* A new table in orders: into the spool, then to who serves the site. Takes orders->table. */
int
agent_take_table(struct agent *a, struct agent_msg_orders *orders) MUST_CHECK;
/* What has changed of it. Takes what it needs of *d. */
int
agent_take_delta(struct agent *a, struct agent_msg_delta *d) MUST_CHECK;
/* Was the table in the spool read by this very program? Another one may have passed over what this one knows. */
bool
agent_table_is_ours(struct agent *a);
/* Tells of words of a later release in what was taken. */
void
agent_table_strange(struct agent *a, size_t n);
/* Is the table in the spool the one that its digest is of, as this program reads it? 1, or 0: it is to be asked for anew. */
int
agent_check_table(struct agent *a, struct error *err) MUST_CHECK;
/* The table of before the start, or an empty one. */
int
agent_load_table(struct agent *a, struct error *err) MUST_CHECK;
/* bootd_proc_ops.next_host */
int
agent_next_host(void *arg, const char *after, struct bundle_host *ret_host,
    struct bootd_msg_boot *ret_boot);
/* run_jobs_ops.restore_host: the host as the table has it. */
void
agent_restore_host(void *arg, const char *name);
/* bootd_proc_ops.on_table_sent */
void
agent_table_sent(void *arg, int64_t gen);
/* run_jobs_ops.url: where the host finds the site's HTTP service. */
int
agent_site_url(
    void *arg, const struct bundle_host *h, char *ret, size_t size, struct error *err);

/* Calls of the orchestrator: one that it may be told of, one that cannot be read, and any one's answer. */
void
agent_call_take(struct agent *a, const struct agent_msg_order *o);
void
agent_call_refuse(struct agent *a, const struct agent_msg_order *o);
void
agent_call_done(void *arg, struct agent_msg_call_result *res);
/* The parts that answer them. Calls under way end without an answer; before bmc_engine_free(). */
void
agent_call_open(struct agent *a);
void
agent_call_close(struct agent *a);

#endif
