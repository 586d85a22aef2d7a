/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The named outcome of a stage that was not reached in time: docs/api.md lists the codes.
 */
#ifndef AGENT_RUN_VERDICT_H
#define AGENT_RUN_VERDICT_H

#include "agent/run.h"

/* Why run's present stage was missed, judged from what was and was not seen. */
void
run_verdict_missed(const struct run *run, struct error *ret);
/* For a job whose present stage restarts of the agent have left in doubt. */
void
run_verdict_interrupted(const struct run *run, struct error *ret);
/* For a job that is about to be cancelled: what had been done to its machine, and what may
 * be wanted next. What was ordered from a BMC counts as done or not only when it was seen:
 * a command that is on its way cannot be called back. */
void
run_verdict_cancelled(const struct run *run, struct error *ret);

#endif
