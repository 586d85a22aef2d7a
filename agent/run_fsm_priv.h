/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One step of run_fsm.c, with what is apart from it: reboots (run_fsm_reboot.c), restarts of the agent (run_fsm_recover.c), and
 * the events that it leaves (run_note.c). */
#ifndef AGENT_RUN_FSM_PRIV_H
#define AGENT_RUN_FSM_PRIV_H

#include "agent/run_fsm.h"

struct run_fsm {
	struct run *r;
	int64_t now;
	struct rng *rng;
	struct run_out *out;
};

/* ---- run_fsm.c ---- */

void
run_fsm_act(struct run_fsm *f, enum run_action action);
/* An action whose end comes back as RUN_IN_STEP with this number. */
void
run_fsm_begin_step(struct run_fsm *f, enum run_action action, enum run_phase phase);
/* The machine's power, off and on; run->due is to be the stage's end before. */
void
run_fsm_switch_off(struct run_fsm *f);
void
run_fsm_switch_on(struct run_fsm *f);
void
run_fsm_enter(struct run_fsm *f, enum stage s);
/* The present stage is reached: what comes next. */
void
run_fsm_confirm(struct run_fsm *f, const char *evidence);
/* It is not: another attempt, where that may be, or the end. */
void
run_fsm_miss(struct run_fsm *f, const struct error *why, bool again);
void
run_fsm_interrupt(struct run_fsm *f);
/* Restarts have used up the time that they may take from the job. */
bool
run_fsm_interrupted_too_often(const struct run *r);
/* Takes every stage whose proof is there. */
void
run_fsm_settle(struct run_fsm *f);
void
run_fsm_set_sign(struct run *r, enum stage s, const char *evidence);
bool
run_fsm_probe_watches(const struct run *r);
/* late, here and below: its window is over. */
void
run_fsm_start(struct run_fsm *f, bool late);

/* ---- run_fsm_recover.c ---- */

void
run_fsm_recover(struct run_fsm *f, bool late);
/* Its window is over, and nothing was done to the machine. */
void
run_fsm_give_up_late(struct run_fsm *f);

/* ---- run_fsm_reboot.c ---- */

/* Preflight of a reboot has read the machine's boot id; NULL or "": it could not. cause: as in struct run. */
void
run_fsm_reboot_identified(struct run_fsm *f, const char *ident, unsigned cause);
/* Stage power of a reboot: true when the system is to stop by itself first, so that nothing is switched. */
bool
run_fsm_reboot_begin(struct run_fsm *f);
/* It is seen off. */
void
run_fsm_reboot_off(struct run_fsm *f);
/* Stage os-up of one. */
void
run_fsm_reboot_watch(struct run_fsm *f);
/* It is in a phase of run_fsm_reboot.c: listen, hook, going, silence. */
bool
run_fsm_reboot_phase(const struct run *r);
/* The end of a step in one of them. */
void
run_fsm_reboot_on_step(struct run_fsm *f, const struct run_input *in);
void
run_fsm_reboot_on_probe(struct run_fsm *f, const struct run_input *in);
void
run_fsm_reboot_on_ident(struct run_fsm *f, const struct run_input *in);
void
run_fsm_reboot_on_cause(struct run_fsm *f, unsigned cause);
/* The time of one of them is over. */
void
run_fsm_reboot_on_due(struct run_fsm *f);

/* ---- run_note.c ---- */

/* A blank event of the job; filled in by the caller. */
struct event *
run_note_emit(struct run_fsm *f, const char *kind);
/* state: entered | confirmed | skipped | missed; evidence may be NULL. */
void
run_note_stage(struct run_fsm *f, const char *state, const char *evidence);
void
run_note_power(struct run_fsm *f, const char *power, const char *why);
void
run_note_ticket(struct run_fsm *f, const struct ticket *t);
/* A new attempt, and the boot that comes with it. */
void
run_note_attempt(struct run_fsm *f);
void
run_note_boot_begin(struct run_fsm *f);
/* *why: empty when it ended well. */
void
run_note_boot_end(struct run_fsm *f, const char *outcome, const struct error *why);

#endif
