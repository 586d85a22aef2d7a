/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The agent's parts that have to do with consoles, put together. */
#ifndef AGENT_AGENT_CONSOLE_H
#define AGENT_AGENT_CONSOLE_H

#include "agent/agent_config.h"
#include "agent/bmc.h"
#include "agent/run_jobs.h"
#include "lib/agent_msg.h"
#include "lib/log.h"
#include "lib/rng.h"

struct agent_console;
struct console_hub;
struct http_client_self;

struct agent_console_opts {
	struct event_base *base;
	const struct log *log;
	const struct agent_config *cfg;
	struct rng *rng;
	struct workq *names;
	struct run_jobs **jobs; /* takes the events; set before the first one */
	const char *token;	/* as for the uplink; or NULL */
	const struct http_client_self *self; /* likewise */
	const char *agent;		     /* its id */
	/* Takes what calls are answered, as bmc_verbs_new()'s does. */
	void (*done)(void *arg, struct agent_msg_call_result *res);
	void *arg;
	struct bmc_engine *bmc; /* whose rules hold */
	struct spool *spool;
	const struct secret_key *key;
	const struct secret_box *box; /* to which the secrets of BMCs are sealed */
};

/* Everything is borrowed. */
struct agent_console *
agent_console_new(const struct agent_console_opts *opts, struct error *err);
void
agent_console_free(struct agent_console *ac); /* NULL allowed */
void
agent_console_job(
    struct agent_console *ac, const struct bundle *b, const struct run *run);
/* A call for us? False: it is somebody else's. */
bool
agent_console_call(struct agent_console *ac, const struct agent_msg_order *order);
void
agent_console_note(struct agent_console *ac, const struct bmc_note *note);
/* Borrowed: consoles, to be listened to beside the recorder. */
struct console_hub *
agent_console_hub(struct agent_console *ac);
/* The site's table is another one. */
void
agent_console_table(struct agent_console *ac);

#endif
