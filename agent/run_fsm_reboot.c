/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A reboot: the system may stop by itself first, and that it came up again is proven.
 *
 *	listen ─► hook ─► going ─┬─ its boot id is new, or it fell silent and answers ──► os-up
 *	             │           ├─ it is seen off ─► on ────────────────────────────────► os-up
 *	             └───────────┴─ it does not go ─► soft off, as allowed off ─► on ────► os-up
 *
 * Between off and on it is listened to (silence): a virtual machine may be back before its probe was missed.
 *
 * A silence after the hook says something of a machine alone whose probe answered before it; so it is listened for first. One that
 * fell silent for as long as a power change takes is switched on, should it be off. It has not gone, whatever the probe says, while
 * its boot id is read and is the one before: the hook may have stopped the service that is probed.
 * on_step() takes the arrows from hook, run_fsm_reboot_on_*() those from going. The hook is run once, whatever becomes of it;
 * after a restart of the agent the machine is only looked at, to see whether it goes.
 *
 * Proof (run_proof_rebooted()): an answer counts after a silence, or with another boot id than before; and where the boot id was
 * read before, nothing but another one counts. A silence is MISSED_AFTER rounds in a row without an answer, or GONE_AFTER when it
 * was heard since its power went. A machine that never went down is not taken for one that was rebooted.
 * Where neither power nor boot id tells, the BMC is asked what last restarted the machine: another cause than before counts like
 * a power that was seen off and on.
 * Entry points: those of run_fsm_priv.h. Ownership: none. Failure modes: what is not proven in time ends as a verdict that names
 * what was missing (run_verdict.c).
 */
#include <stdio.h>
#include <string.h>

#include "agent/run_fsm_priv.h"
#include "agent/run_proof.h"
#include "agent/run_verdict.h"
#include "lib/str.h"

/* Rounds of the probe, or looks at the boot id, that a machine keeps silent for when it has gone: one answer may get lost. The
 * fewer are enough of one that was to go, and was seen off by its BMC: some start in seconds. */
enum { MISSED_AFTER = 2, GONE_AFTER = 3 };
/* Two rounds of the probe. */
#define LISTEN_TIME (10 * USEC_PER_SEC)
#define SILENCE_TIME (10 * USEC_PER_SEC)

void
run_fsm_reboot_identified(struct run_fsm *f, const char *ident, unsigned cause)
{
	struct run *r = f->r;

	r->cause = cause;
	str_clip(r->ident, sizeof(r->ident), ident == NULL ? "" : ident);
	if (r->ident[0] == '\0')
		return;
	r->was_up = true;
	if (r->os_by == RUN_PROOF_NONE) {
		r->os_by = RUN_PROOF_IDENT;
		r->plan |= 1u << STAGE_OS_UP;
	}
}

/* ---- off, and on again ---- */

/* Another boot id needs no silence; and one that is heard while it is off will not fall silent. */
void
run_fsm_reboot_off(struct run_fsm *f)
{
	struct run *r = f->r;

	if (r->os_by != RUN_PROOF_PROBE || r->probe_down || r->ident[0] != '\0') {
		run_fsm_switch_on(f);
		return;
	}
	r->due = f->now + SILENCE_TIME;
	run_fsm_act(f, RUN_ACT_PROBE_NOW);
	run_fsm_begin_step(f, RUN_ACT_NONE, RUN_PHASE_SILENCE);
}

static void
end_silence(struct run_fsm *f)
{
	f->r->due = f->now + f->r->allow[STAGE_POWER];
	run_fsm_switch_on(f);
}

/* ---- the hook, and whether the machine goes ---- */

static void
going(struct run_fsm *f)
{
	struct run *r = f->r;

	r->due = f->now + (r->went ? r->allow[STAGE_POWER] : r->graceful);
	/* Nothing will show that it goes: it may be starting by then, and is not to be cut off in that. */
	if (!r->was_up)
		r->due += r->allow[STAGE_POWER];
	if (r->ident[0] != '\0')
		run_fsm_act(f, RUN_ACT_IDENT);
	run_fsm_begin_step(f, RUN_ACT_WATCH_OFF, RUN_PHASE_GOING);
}

/* It fell silent and was not seen off: it starts, or it is off and its BMC could not be asked. One that is on is left so. */
static void
see_to_power(struct run_fsm *f)
{
	f->r->hook_over = true;
	f->r->due = f->now + f->r->allow[STAGE_POWER];
	run_fsm_act(f, RUN_ACT_IDENT_STOP);
	run_fsm_act(f, RUN_ACT_CANCEL_STEP);
	run_fsm_switch_on(f);
}

static void
begin_hook(struct run_fsm *f)
{
	struct run *r = f->r;

	r->hook_begun = true;
	r->due = f->now + r->hook_allow + 2 * (r->graceful + r->allow[STAGE_POWER]);
	run_fsm_begin_step(f, RUN_ACT_HOOK, RUN_PHASE_HOOK);
}

bool
run_fsm_reboot_phase(const struct run *r)
{
	return r->phase == RUN_PHASE_LISTEN || r->phase == RUN_PHASE_HOOK ||
	       r->phase == RUN_PHASE_GOING || r->phase == RUN_PHASE_SILENCE;
}

bool
run_fsm_reboot_begin(struct run_fsm *f)
{
	struct run *r = f->r;

	if (r->os_by == RUN_PROOF_PROBE)
		run_fsm_act(f, RUN_ACT_PROBE);
	/* After a restart, or in another attempt: it may be up by now, and is not switched off for that. */
	if (r->went && r->hook_over && !r->off_seen) {
		see_to_power(f);
		return true;
	}
	if (!r->hook || r->hook_over || r->off_seen)
		return false;
	if (r->hook_begun) {
		going(f);
	} else if (r->os_by == RUN_PROOF_PROBE) {
		r->due = f->now + LISTEN_TIME;
		run_fsm_begin_step(f, RUN_ACT_NONE, RUN_PHASE_LISTEN);
	} else {
		begin_hook(f);
	}
	return true;
}

static void
note(struct run_fsm *f, const char *text)
{
	struct event *ev = run_note_emit(f, "job.note");

	event_put(ev, "stage", stage_name(f->r->stage));
	str_clip(ev->reason, sizeof(ev->reason), text);
}

/* It does not go by itself: its power does the rest, as far as that is allowed. */
static void
by_power(struct run_fsm *f)
{
	struct run *r = f->r;
	char text[2 * RUN_EVIDENCE_SIZE];

	snprintf(text, sizeof(text),
	    "%s; the machine did not go by itself and is asked over its BMC", r->said);
	note(f, text);
	r->hook_over = true;
	r->due = f->now + r->allow[STAGE_POWER];
	run_fsm_act(f, RUN_ACT_IDENT_STOP);
	run_fsm_act(f, RUN_ACT_CANCEL_STEP);
	run_fsm_switch_off(f);
}

static void
by_itself(struct run_fsm *f, const char *how)
{
	struct run *r = f->r;
	char evidence[RUN_EVIDENCE_SIZE];

	snprintf(evidence, sizeof(evidence), "%.90s; %s", r->said, how);
	r->hook_over = true;
	run_fsm_act(f, RUN_ACT_CANCEL_STEP);
	run_note_boot_begin(f);
	run_fsm_confirm(f, evidence);
}

static void
seen_off(struct run_fsm *f)
{
	struct run *r = f->r;

	r->off_seen = r->hook_over = true;
	r->went = r->same = false; /* its power tells more */
	r->due = f->now + r->allow[STAGE_POWER];
	run_fsm_act(f, RUN_ACT_IDENT_STOP);
	run_note_power(f, "off", "it went off by itself, after the hook");
	run_fsm_reboot_off(f);
}

/* A connection that broke off may be the machine's going. */
static void
on_hook_ended(struct run_fsm *f, const struct run_input *in)
{
	struct run *r = f->r;

	if (in->ok)
		snprintf(r->said, sizeof(r->said), "the hook ended well%s%.120s",
		    in->evidence[0] != '\0' ? ": " : "", in->evidence);
	else
		str_clip(r->said, sizeof(r->said), in->err->text);
	if (in->ok || (in->retry && r->was_up))
		going(f);
	else
		by_power(f);
}

/* That the BMC cannot be asked changes nothing: what the machine says counts. */
void
run_fsm_reboot_on_step(struct run_fsm *f, const struct run_input *in)
{
	if (f->r->phase == RUN_PHASE_HOOK)
		on_hook_ended(f, in);
	else if (in->ok)
		seen_off(f);
}

void
run_fsm_reboot_on_due(struct run_fsm *f)
{
	struct run *r = f->r;

	if (r->phase == RUN_PHASE_LISTEN) {
		begin_hook(f);
		return;
	}
	if (r->phase == RUN_PHASE_SILENCE) {
		end_silence(f);
		return;
	}
	if (r->phase == RUN_PHASE_HOOK)
		str_clip(r->said, sizeof(r->said), "the hook did not end in time");
	if (r->phase == RUN_PHASE_GOING && r->went)
		see_to_power(f);
	else
		by_power(f);
}

/* ---- what the machine says ---- */

static void
judge(struct run_fsm *f)
{
	struct run *r = f->r;
	char evidence[RUN_EVIDENCE_SIZE];
	struct error why;

	if (r->stage != STAGE_OS_UP)
		return;
	if (run_proof_rebooted(r)) {
		run_proof_of_reboot(r, evidence);
		run_fsm_set_sign(r, STAGE_OS_UP, evidence);
		run_fsm_act(f, RUN_ACT_IDENT_STOP);
		run_fsm_settle(f);
	} else if (run_proof_hopeless(r) && run_proof_may_ask(r)) {
		f->out->changed |= !r->asking;
		if (!r->asking)
			run_fsm_act(f, RUN_ACT_CAUSE);
		r->asking = true;
	} else if (run_proof_hopeless(r)) {
		run_verdict_missed(r, &why);
		run_fsm_miss(f, &why, false);
	}
}

void
run_fsm_reboot_watch(struct run_fsm *f)
{
	f->r->asking = false; /* whoever asked is gone */
	if (f->r->ident[0] != '\0')
		run_fsm_act(f, RUN_ACT_IDENT);
	judge(f);
}

/* Before it has gone, a round without an answer is nothing that lasts. */
static bool
still_to_go(const struct run *r)
{
	return r->stage == STAGE_POWER && !r->off_seen && !r->went;
}

static void
fell_silent(struct run_fsm *f)
{
	struct run *r = f->r;

	f->out->changed |= r->silent < GONE_AFTER;
	if (r->silent < GONE_AFTER)
		r->silent++;
	/* The BMC may be another machine's, and an answer of this one was lost. */
	if (r->silent >= (r->answers ? GONE_AFTER : MISSED_AFTER)) {
		f->out->changed |= !r->probe_down || r->answers;
		r->answers = false;
		r->probe_down = true;
	}
	/* Who lets in is there: only a look at the boot id that failed makes a silence of the probe a going. */
	if (r->phase != RUN_PHASE_GOING || r->went || !r->was_up || r->same ||
	    r->silent < GONE_AFTER)
		return;
	r->went = true;
	r->due = f->now + r->allow[STAGE_POWER];
	note(f, "the machine stopped answering after the hook");
}

static void
answered(struct run_fsm *f)
{
	struct run *r = f->r;

	if (still_to_go(r)) {
		f->out->changed |= !r->was_up || r->probe_down;
		r->was_up = true;
		r->probe_down = false;
		r->silent = 0;
		if (r->phase == RUN_PHASE_LISTEN)
			begin_hook(f);
		return;
	}
	f->out->changed |= !r->answers || r->silent > 0;
	r->silent = 0;
	r->answers = true;
	/* Where its boot id was read before, that says whether it has gone. */
	if (r->phase == RUN_PHASE_GOING && r->went && r->ident[0] == '\0')
		by_itself(f, "it stopped answering, and answers again");
	else
		judge(f);
}

/* Its boot id is the one before: it has not gone, at least not yet. */
static void
still_there(struct run_fsm *f)
{
	struct run *r = f->r;

	r->silent = 0;
	r->was_up = true;
	if (!r->went)
		return;
	r->went = r->answers = r->probe_down = false;
	r->due = f->now + r->graceful;
	note(f, "it is still up, by its boot id; only its probe does not answer");
}

static bool
listens(const struct run *r)
{
	return (r->stage == STAGE_POWER || r->stage == STAGE_OS_UP) && !run_ended(r);
}

void
run_fsm_reboot_on_probe(struct run_fsm *f, const struct run_input *in)
{
	if (!listens(f->r))
		return;
	if (in->ok)
		answered(f);
	else
		fell_silent(f);
	if (f->r->phase == RUN_PHASE_SILENCE && (in->ok || f->r->probe_down))
		end_silence(f);
}

void
run_fsm_reboot_on_cause(struct run_fsm *f, unsigned cause)
{
	struct run *r = f->r;

	if (!listens(r) || !r->asking)
		return;
	f->out->changed = true;
	r->asking = false;
	r->asked = true;
	r->cause_now = cause;
	judge(f);
}

void
run_fsm_reboot_on_ident(struct run_fsm *f, const struct run_input *in)
{
	struct run *r = f->r;
	bool new = in->ok && !str_eq(in->ident, r->ident);

	if (!listens(r) || r->ident[0] == '\0')
		return;
	f->out->changed |= new || (in->ok && !r->same);
	if (!in->ok) {
		f->out->changed |= r->same && r->phase == RUN_PHASE_GOING;
		r->same &= r->phase != RUN_PHASE_GOING;
		if (!r->hook || r->hook_over)
			str_clip(r->said, sizeof(r->said), in->err->text);
		if (r->os_by == RUN_PROOF_IDENT)
			fell_silent(f);
		return;
	}
	r->same = !new;
	if (new)
		str_clip(r->ident_now, sizeof(r->ident_now), in->ident);
	if (new && r->phase == RUN_PHASE_GOING)
		by_itself(f, "its boot id is another one");
	else if (r->phase == RUN_PHASE_GOING)
		still_there(f);
	else if (r->os_by == RUN_PROOF_IDENT)
		answered(f);
	else
		judge(f);
}
