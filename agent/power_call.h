/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls of the orchestrator that are no jobs: "power-status". */
#ifndef AGENT_POWER_CALL_H
#define AGENT_POWER_CALL_H

#include "agent/bmc.h"
#include "lib/agent_msg.h"

struct power_calls;

/* `done` is called once per call from the loop. Everything is borrowed. */
struct power_calls *
power_call_new(struct bmc_engine *bmc,
    void (*done)(void *arg, const struct agent_msg_call_result *res), void *arg);
/* Calls under way end without an answer. NULL allowed; before bmc_engine_free(). */
void
power_call_free(struct power_calls *pc);
/* Answers at once when it cannot be done. A call whose id is under way is ignored. */
void
power_call_start(struct power_calls *pc, const struct agent_msg_order *order);

#endif
