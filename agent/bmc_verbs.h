/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls of the orchestrator that are no jobs: what is asked of a BMC (lib/bmc_verb.h), each
 * answered once. */
#ifndef AGENT_BMC_VERBS_H
#define AGENT_BMC_VERBS_H

#include "agent/bmc.h"
#include "lib/agent_msg.h"

struct bmc_verbs;
struct event_base;

/* `done` is called once per call, from the loop; *res is the callee's, with its data. Everything is
 * borrowed. */
struct bmc_verbs *
bmc_verbs_new(struct event_base *base, struct bmc_engine *bmc,
    void (*done)(void *arg, struct agent_msg_call_result *res), void *arg);
/* Calls under way end without an answer. NULL allowed; before bmc_engine_free(). */
void
bmc_verbs_free(struct bmc_verbs *v);
/* Answers at once when it cannot be done. A call whose id is under way is ignored. */
void
bmc_verbs_start(struct bmc_verbs *v, const struct agent_msg_order *order);

#endif
