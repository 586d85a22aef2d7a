/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a reboot asks of the host itself, over ssh: the order's hook, and the boot id. Of run_exec.c. */
#ifndef AGENT_RUN_REBOOT_H
#define AGENT_RUN_REBOOT_H

#include "agent/bmc.h"
#include "agent/run_priv.h"

/* Preflight of a reboot begins: the boot id is read, where that may be. */
void
run_reboot_first(struct run_job *job);
/* All else is done, and went well: ends the step with `evidence`, once the boot id is read or cannot be. */
void
run_reboot_preflight(struct run_job *job, const char *evidence);
/* Can the order's hook be run at all? -EPERM with *err. */
int
run_reboot_check(const struct run_job *job, struct error *err) MUST_CHECK;
void
run_reboot_hook(struct run_job *job);
/* Boot ids, one look after the other. */
void
run_reboot_look(struct run_job *job);
void
run_reboot_look_no_more(struct run_job *job);
/* What last restarted the machine, as in struct run: of an answer of its BMC; and to be asked for. */
unsigned
run_reboot_cause(const struct bmc_result *res);
void
run_reboot_ask(struct run_job *job);
/* Time passes: the next look. */
void
run_reboot_tick(struct run_job *job);
/* What runs on the host is given up; looks go on later. */
void
run_reboot_stop(struct run_job *job);

#endif
