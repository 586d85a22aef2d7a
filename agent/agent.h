/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The agent as a whole: its parts, and who tells whom. */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include <event2/event.h>

#include "agent/agent_config.h"
#include "lib/error.h"
#include "lib/log.h"

struct agent;

/* Opens spool and key, recovers jobs, starts bootd and the line to the orchestrator.
 * Everything given is borrowed. NULL with *err. */
struct agent *
agent_new(struct event_base *base, const struct log *log, const struct agent_config *cfg,
    struct error *err);
/* Ends bootd; jobs stay in the spool. NULL allowed. */
void
agent_free(struct agent *a);

#endif
