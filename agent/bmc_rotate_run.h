/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A rotation at work: the sessions that bmc_rotate.h asks for. */
#ifndef AGENT_BMC_ROTATE_RUN_H
#define AGENT_BMC_ROTATE_RUN_H

#include "agent/bmc_rotate.h"

struct bmc_rotate_run;
struct event_base;

/* `bmc` (copied) has password, password_next and next_runs. `done` is called once, from the loop, within `timeout`
 * microseconds; it frees the run. */
struct bmc_rotate_run *
bmc_rotate_run_new(struct event_base *base, struct bmc_engine *engine,
    const struct bundle_bmc *bmc, int64_t timeout,
    void (*done)(void *arg, const struct bmc_rotate *r), void *arg);
/* Wipes what it knows; nothing more is sent. NULL allowed. */
void
bmc_rotate_run_free(struct bmc_rotate_run *run);

#endif
