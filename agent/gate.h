/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Health gates: the call "gate" of the orchestrator. A host's checks (lib/gate_check.h) are made again and again until all of them hold in
 * one round, or the time is over. */
#ifndef AGENT_GATE_H
#define AGENT_GATE_H

#include <stdbool.h>

#include "lib/agent_msg.h"
#include "lib/error.h"

struct event_base;
struct gate_set;
struct spool;

struct gate_set_opts {
	struct event_base *base;
	struct spool *spool; /* has the site's hosts */
	const char *site;
	const char *root, *user; /* of programs; gate_exec.h */
	/* Called once per call, from the loop; *res is the callee's, with its data. */
	void (*done)(void *arg, struct agent_msg_call_result *res);
	void *arg;
};

/* Everything is borrowed. */
struct gate_set *
gate_set_new(const struct gate_set_opts *opts);
/* Calls under way end without an answer. NULL allowed. */
void
gate_set_free(struct gate_set *s);
/* False: it is another call. One whose id is under way is ignored. */
bool
gate_set_call(struct gate_set *s, const struct agent_msg_order *order);

#endif
