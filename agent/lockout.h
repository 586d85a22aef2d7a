/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is told that no session to a BMC is opened any more, and that this is over. */
#ifndef AGENT_LOCKOUT_H
#define AGENT_LOCKOUT_H

struct bmc_engine;
struct bmc_note;
struct run_jobs;
struct uplink;

/* For every note of the engine; most are of something else. uplink may be NULL. */
void
lockout_note(struct run_jobs *jobs, struct uplink *uplink, const struct bmc_engine *bmc,
    const struct bmc_note *note);

#endif
