/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The named outcome of a stage that was not reached in time: docs/api.md lists the codes.
 */
#ifndef AGENT_RUN_VERDICT_H
#define AGENT_RUN_VERDICT_H

#include "agent/run.h"

/* Why run's present stage was missed, judged from what was and was not seen. */
void
run_verdict_missed(const struct run *run, struct error *ret);

#endif
