/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One step of run_fsm.c, and the events it leaves (run_note.c). */
#ifndef AGENT_RUN_FSM_PRIV_H
#define AGENT_RUN_FSM_PRIV_H

#include "agent/run_fsm.h"

struct run_fsm {
	struct run *r;
	int64_t now;
	struct rng *rng;
	struct run_out *out;
};

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
