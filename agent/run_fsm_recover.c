/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The agent has restarted: what becomes of a job that was under way.
 *
 * Entry points: run_fsm_recover(), run_fsm_give_up_late(). Ownership: as in run_fsm.c.
 * Failure modes: what may have been carried out and must not be carried out twice ends the job as interrupted; so do
 * restarts that never end, and a job that stood still for too long. Where nothing was done to the machine yet, those have codes that
 * say so: who ordered it may have it begun once more.
 */
#include "agent/run_fsm_priv.h"
#include "agent/run_verdict.h"
#include "lib/str.h"

/* After a restart of the agent a stage gets at least this long: what was said meanwhile
 * is lost, but clients repeat themselves. RUN_RESTARTS times in all: a job must end also
 * under an agent that does not keep running. */
#define RECOVERY_GRACE (30 * USEC_PER_SEC)

/* Has the job stood still for so long that what it would still do is not wanted any more? */
static bool
too_old(const struct run *r, int64_t now)
{
	int64_t since = r->due > r->entered ? r->due : r->entered;

	if (since == 0 || now - since < RUN_AGE_MAX || ticket_is_consumed(&r->ticket))
		return false;
	return r->stage <= (r->netboot ? STAGE_INITRD : STAGE_POWER);
}

static void
give_up_old(struct run_fsm *f)
{
	bool untouched = run_untouched(f->r);
	struct error why;

	error_set(&why, 0, untouched ? "order-too-old" : "interrupted",
	    "look at the machine, which may be off (netboot-ctl power status HOST), then "
	    "order it again if it is still wanted",
	    "the agent was not running for more than an hour while the job was in stage "
	    "%s; it is not gone on with%s",
	    stage_name(f->r->stage),
	    untouched ? "" : ", and what became of the machine is not known");
	run_fsm_miss(f, &why, false);
}

void
run_fsm_give_up_late(struct run_fsm *f)
{
	struct error why;

	error_set(&why, 0, "window-missed", "order it again with another --at",
	    "its window was over while the agent did not run, or could not record what "
	    "it does; nothing had been done to the machine");
	run_fsm_miss(f, &why, false);
}

/* What was under way is begun anew, in the stage's whole time. A command that may have been
 * carried out and must not be carried out twice is not. */
static void
recover_step(struct run_fsm *f)
{
	struct run *r = f->r;
	bool control = r->stage == STAGE_POWER && r->kind == BUNDLE_POWER &&
		       (str_eq(r->action, "cycle") || str_eq(r->action, "reset"));
	/* Whether the machine has restarted for it meanwhile, its boot id alone could tell. */
	bool hook = (r->phase == RUN_PHASE_HOOK || r->phase == RUN_PHASE_GOING) &&
		    r->ident[0] == '\0';
	bool twice = control || hook;

	r->restarts++;
	if (twice || run_fsm_interrupted_too_often(r)) {
		run_fsm_interrupt(f);
	} else if (r->stage == STAGE_PREFLIGHT) {
		r->due = f->now + r->allow[r->stage];
		run_fsm_begin_step(f, RUN_ACT_PREFLIGHT, RUN_PHASE_NONE);
	} else if (r->stage == STAGE_ARMED) {
		/* RUN_IN_BOOTD follows as soon as bootd runs. */
		r->due = f->now + r->allow[r->stage];
	} else {
		run_fsm_enter(
		    f, run_planned(r, STAGE_OVERRIDE) ? STAGE_OVERRIDE : STAGE_POWER);
	}
}

/* A restart in good time costs nothing. One at the stage's end gives it the grace; when no
 * more is given, the stage ends when it would have ended. */
static void
recover_watch(struct run_fsm *f)
{
	struct run *r = f->r;
	int64_t grace = f->now + RECOVERY_GRACE;

	if (r->due > f->now + r->allow[r->stage]) /* the clock was set back */
		r->due = f->now + r->allow[r->stage];
	if (r->due < grace) {
		r->restarts++;
		if (!run_fsm_interrupted_too_often(r)) {
			r->due = grace;
		} else if (r->due <= f->now) {
			run_fsm_interrupt(f);
			return;
		}
	}
	if (run_fsm_probe_watches(r))
		run_fsm_act(f, RUN_ACT_PROBE);
	if (r->stage == STAGE_OS_UP && r->kind == BUNDLE_REBOOT)
		run_fsm_reboot_watch(f);
	run_fsm_settle(f);
}

void
run_fsm_recover(struct run_fsm *f, bool late)
{
	struct run *r = f->r;

	if (run_ended(r)) {
		run_fsm_act(f, RUN_ACT_END);
		return;
	}
	f->out->changed = true;
	r->blind |= r->kind == BUNDLE_REBOOT && (r->off_seen || r->stage == STAGE_OS_UP);
	r->silent = 0; /* rounds in a row: nobody knows what was in between */
	if (late && run_untouched(r)) {
		run_fsm_give_up_late(f);
		return;
	}
	if (too_old(r, f->now)) {
		give_up_old(f);
		return;
	}
	switch ((int)r->stage) {
	case STAGE_QUEUED: run_fsm_start(f, late); return;
	case STAGE_PREFLIGHT:
	case STAGE_ARMED:
	case STAGE_OVERRIDE:
	case STAGE_POWER: recover_step(f); return;
	default: recover_watch(f); return;
	}
}
