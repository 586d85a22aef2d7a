/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The agent's own socket, for people at the site while the orchestrator cannot be reached: the same REST interface for the
 * verbs that a site can do alone (docs/operations.md, "Break-glass"; docs/api.md, "At an agent"). */
#ifndef AGENT_LOCAL_H
#define AGENT_LOCAL_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/agent_config.h"
#include "agent/spool.h"
#include "lib/error.h"
#include "lib/log.h"
#include "lib/rng.h"

struct local;
struct bmc_engine;
struct console_hub;
struct event_base;
struct run_jobs;

struct local_opts {
	struct event_base *base;
	const struct log *log;
	const struct agent_config *cfg;
	struct spool *spool;
	struct rng *rng;
	struct run_jobs **jobs; /* there before anybody asks */
	struct bmc_engine *bmc;
	struct console_hub *hub;
	/* Is another agent in charge of the site? */
	bool (*replaced)(void *arg);
	/* The site as the newest table has it, borrowed. */
	const struct bundle_site *(*site)(void *arg);
	/* When the orchestrator was last heard (wall; 0: never by this process), and whether it is heard now. */
	int64_t (*heard)(void *arg, bool *ret_now);
	void *arg;
};

/* Everything is borrowed. NULL with *err when the socket cannot be had: the agent goes on without it. */
struct local *
local_new(const struct local_opts *opts, struct error *err);
void
local_free(struct local *l); /* NULL allowed */
/* There may be more events. */
void
local_committed(struct local *l); /* NULL allowed */

#endif
