/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The decisions of a job (DESIGN section 6): stages, deadlines, attempts, the ticket.
 *
 * Entry points: run_fsm_step(); every input type has a function on_<input>() here.
 * Ownership: *run and *out are the caller's; events in *out own their details until
 * run_fsm_out_done().
 * Failure modes: none of its own. An input that does not fit the state changes nothing:
 * facts may arrive twice, late, or in another order.
 *
 * What must hold whatever arrives: a ticket is consumed at most once and only while the
 * machine may be loading; after that no action that powers the machine off is ever asked
 * for again; every job ends done, failed with a verdict, or cancelled.
 */
#include "agent/run_fsm.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "agent/run_fsm_priv.h"
#include "agent/run_proof.h"
#include "agent/run_verdict.h"
#include "lib/str.h"

#define UNWATCHED                                                                       \
	"seen off, then on; the host has no probe: whether its system came up was not " \
	"looked at"
/* One netboot asks many times: PXE and HTTP, IPv4 and IPv6, each with repetitions. */
#define NETBOOT_APART (120 * USEC_PER_SEC)

void
run_fsm_act(struct run_fsm *f, enum run_action action)
{
	assert(f->out->n_actions < RUN_OUT_ACTIONS);
	f->out->actions[f->out->n_actions++] = action;
}

/* An action whose end comes back as RUN_IN_STEP with this number. */
void
run_fsm_begin_step(struct run_fsm *f, enum run_action action, enum run_phase phase)
{
	f->r->step++;
	f->r->phase = phase;
	/* What is begun must not be begun again by the next agent. */
	f->out->changed = true;
	run_fsm_act(f, action);
}

/* The one way out of a job. */
static void
end_job(struct run_fsm *f, enum stage end, const char *outcome)
{
	struct run *r = f->r;
	struct event *ev;
	enum stage at = r->stage;

	run_fsm_act(f, RUN_ACT_CANCEL_STEP);
	run_fsm_act(f, RUN_ACT_PROBE_STOP);
	run_fsm_act(f, RUN_ACT_IDENT_STOP);
	if (r->ticket.state == TICKET_ARMED) {
		ticket_end(&r->ticket, f->now);
		run_note_ticket(f, &r->ticket);
	}
	ticket_end(&r->ticket, f->now);
	run_note_boot_end(f, outcome, &r->verdict);
	r->step++;
	r->phase = RUN_PHASE_NONE;
	r->stage = end;
	r->entered = f->now;
	r->due = 0;
	ev = run_note_emit(f, end == STAGE_DONE	    ? "job.done"
			      : end == STAGE_FAILED ? "job.failed"
						    : "job.cancelled");
	if (end != STAGE_DONE) {
		event_put(ev, "code", r->verdict.code);
		event_put(ev, "text", r->verdict.text);
		event_put(ev, "next", r->verdict.next);
		event_put(ev, "stage", stage_name(at));
		str_clip(ev->reason, sizeof(ev->reason), r->verdict.text);
	}
	if (end == STAGE_CANCELLED)
		event_put(ev, "by", r->by);
	run_fsm_act(f, RUN_ACT_END);
}

static void
arm(struct run_fsm *f)
{
	struct run *r = f->r;

	if (!ticket_is_armed(&r->ticket)) {
		int rc = ticket_arm(&r->ticket, f->now, f->rng);

		assert(rc == 0);
		(void)rc;
		run_note_ticket(f, &r->ticket);
	}
	run_fsm_begin_step(f, RUN_ACT_ARM, RUN_PHASE_NONE);
}

void
run_fsm_switch_off(struct run_fsm *f)
{
	struct run *r = f->r;

	assert(!ticket_is_consumed(&r->ticket));
	/* What was seen belongs to the boot that ends here. */
	r->off_seen = false;
	r->other_dhcp = r->unanswered = r->no_loader = r->proxied = r->took = false;
	r->loaded = 0;
	r->answers = r->probe_down = r->same = r->blind = false;
	r->silent = 0;
	r->ident_now[0] = '\0';
	memset(r->signs, 0, sizeof(r->signs));
	r->due += r->graceful;
	run_fsm_begin_step(f, RUN_ACT_POWER_OFF, RUN_PHASE_OFF);
}

void
run_fsm_switch_on(struct run_fsm *f)
{
	run_note_boot_begin(f);
	run_fsm_begin_step(f, RUN_ACT_POWER_ON, RUN_PHASE_ON);
}

static void
start_power(struct run_fsm *f)
{
	if (f->r->kind == BUNDLE_POWER)
		run_fsm_begin_step(f, RUN_ACT_CONTROL, RUN_PHASE_CONTROL);
	else if (f->r->kind == BUNDLE_REBOOT && run_fsm_reboot_begin(f))
		return;
	else if (f->r->kind == BUNDLE_REBOOT && f->r->off_seen)
		run_fsm_reboot_off(f);
	else if (f->r->off_seen)
		run_fsm_switch_on(f);
	else
		run_fsm_switch_off(f);
}

bool
run_fsm_probe_watches(const struct run *r)
{
	return (r->stage == STAGE_OS_UP && r->os_by == RUN_PROOF_PROBE) ||
	       (r->stage == STAGE_LOCAL_BOOT && r->disk_by == RUN_PROOF_PROBE);
}

void
run_fsm_enter(struct run_fsm *f, enum stage s)
{
	struct run *r = f->r;
	size_t slot = f->out->n_events;

	r->stage = s;
	r->phase = RUN_PHASE_NONE;
	r->entered = f->now;
	r->due = f->now + r->allow[s];
	r->begun = s == STAGE_KERNEL && r->signs[s].seen;
	run_note_stage(f, "entered", NULL);
	switch ((int)s) {
	case STAGE_PREFLIGHT:
		run_fsm_begin_step(f, RUN_ACT_PREFLIGHT, RUN_PHASE_NONE);
		break;
	case STAGE_ARMED: arm(f); break;
	case STAGE_OVERRIDE: run_fsm_switch_off(f); break;
	case STAGE_POWER: start_power(f); break;
	default:
		if (run_fsm_probe_watches(r))
			run_fsm_act(f, RUN_ACT_PROBE);
		break;
	}
	/* A graceful power-off lengthens the stage. */
	event_put_i64(&f->out->events[slot], "deadline_us", r->due - r->entered);
	if (s == STAGE_OS_UP && r->kind == BUNDLE_REBOOT)
		run_fsm_reboot_watch(f);
}

static const char *
why_skipped(enum stage s)
{
	switch ((int)s) {
	case STAGE_OVERRIDE:
		return "boot_method none: the firmware boots from the network first";
	case STAGE_INITRD: return "the image has no initrd";
	case STAGE_ROOTFS: return "the image lists no further files";
	case STAGE_OS_UP: return "the image does not report it and no probe tells";
	case STAGE_INSTALLED: return "the image does not report it";
	case STAGE_LOCAL_BOOT:
		return "the image does not ask for it, or nothing could confirm it";
	default: return "not part of this job";
	}
}

static void
advance(struct run_fsm *f)
{
	struct run *r = f->r;

	for (int s = (int)r->stage + 1; s < STAGE_DONE; s++) {
		if (run_planned(r, (enum stage)s)) {
			run_fsm_enter(f, (enum stage)s);
			return;
		}
		if (r->netboot) {
			r->stage = (enum stage)s;
			run_note_stage(f, "skipped", why_skipped((enum stage)s));
		}
	}
	end_job(f, STAGE_DONE, "ok");
}

void
run_fsm_confirm(struct run_fsm *f, const char *evidence)
{
	run_note_stage(f, "confirmed", evidence);
	if (run_fsm_probe_watches(f->r))
		run_fsm_act(f, RUN_ACT_PROBE_STOP);
	advance(f);
}

static void
fail(struct run_fsm *f, const struct error *why)
{
	f->r->verdict = *why;
	end_job(f, STAGE_FAILED, "failed");
}

static void
retry(struct run_fsm *f, const struct error *why)
{
	struct run *r = f->r;
	enum stage base = STAGE_POWER;

	run_fsm_act(f, RUN_ACT_CANCEL_STEP);
	run_note_boot_end(f, "failed", why);
	r->attempt++;
	run_note_attempt(f);
	if (r->stage == STAGE_ARMED) {
		run_fsm_enter(f, STAGE_ARMED);
		return;
	}
	if (r->netboot)
		run_fsm_act(
		    f, RUN_ACT_PUBLISH); /* the new boot's id, and the script once more */
	if (run_planned(r, STAGE_OVERRIDE))
		base = STAGE_OVERRIDE;
	r->off_seen = false;
	run_fsm_enter(f, base);
}

/* Nothing is repeated once the ticket is used: the image may be at work on the disk. */
static bool
may_retry(const struct run *r)
{
	if (r->attempt >= RUN_ATTEMPTS || ticket_is_consumed(&r->ticket))
		return false;
	if (r->netboot)
		return r->stage >= STAGE_ARMED && r->stage <= STAGE_INITRD;
	return r->kind == BUNDLE_REBOOT && r->stage == STAGE_POWER;
}

void
run_fsm_miss(struct run_fsm *f, const struct error *why, bool again)
{
	struct error copy = *why;

	run_note_stage(f, "missed", copy.text);
	if (!again || !may_retry(f->r)) {
		fail(f, &copy);
		return;
	}
	run_judge_variant(f->r, copy.code);
	retry(f, &copy);
}

/* Restarts have used up the time that they may take from the job. */
bool
run_fsm_interrupted_too_often(const struct run *r)
{
	return r->restarts > RUN_RESTARTS;
}

void
run_fsm_interrupt(struct run_fsm *f)
{
	struct error why;

	run_verdict_interrupted(f->r, &why);
	run_fsm_miss(f, &why, false);
}

static bool
watching(const struct run *r)
{
	return r->stage >= STAGE_FIRMWARE_DHCP && r->stage <= STAGE_LOCAL_BOOT;
}

/* The present stage was not seen itself, but a later one that cannot come without it. iPXE
 * starts the kernel before it acknowledges the last octets, so that of the last payload
 * bootd often knows only that it let it go; the ticket's consumption says that it did. */
static void
take_implied(struct run_fsm *f)
{
	struct run *r = f->r;
	bool let_go = (r->stage == STAGE_KERNEL || r->stage == STAGE_INITRD) &&
		      ticket_is_consumed(&r->ticket);
	bool requested =
	    r->stage == STAGE_LOADER && r->signs[STAGE_LOADER].evidence[0] != '\0';
	char evidence[RUN_EVIDENCE_SIZE];

	if (requested || (let_go && !r->by_logs)) {
		snprintf(evidence, sizeof(evidence), "%.80s; proven by: %.60s",
		    requested ? r->signs[STAGE_LOADER].evidence
			      : "the last octets were let go",
		    run_proof_later(r));
		run_fsm_confirm(f, evidence);
		return;
	}
	if (run_fsm_probe_watches(r))
		run_fsm_act(f, RUN_ACT_PROBE_STOP);
	run_note_stage(
	    f, "skipped", "not seen itself; a later stage proves that it was passed");
	advance(f);
}

/* Takes every stage whose proof is there. */
void
run_fsm_settle(struct run_fsm *f)
{
	while (watching(f->r)) {
		if (run_proof_seen(f->r)) {
			struct run_sign sign = f->r->signs[f->r->stage];

			run_fsm_confirm(f, sign.evidence);
		} else if (run_proof_implied(f->r)) {
			take_implied(f);
		} else {
			return;
		}
	}
}

/* Escaped: what bootd was told and had to cut may have ceased to be UTF-8. */
void
run_fsm_set_sign(struct run *r, enum stage s, const char *evidence)
{
	if (evidence == NULL)
		evidence = "";
	if (r->signs[s].seen && r->signs[s].evidence[0] != '\0')
		return;
	r->signs[s].seen = true;
	str_escape(r->signs[s].evidence, sizeof(r->signs[s].evidence), evidence,
	    strlen(evidence));
}

void
run_fsm_start(struct run_fsm *f, bool late)
{
	if (f->r->stage != STAGE_QUEUED)
		return;
	/* The spool could not be written for a while. */
	if (late) {
		run_fsm_give_up_late(f);
		return;
	}
	run_note_emit(f, "job.accepted");
	f->r->attempt = 1;
	run_note_attempt(f);
	run_fsm_enter(f, STAGE_PREFLIGHT);
}

static const char *
on_evidence(const struct run *r, const char *evidence)
{
	if (r->kind != BUNDLE_REBOOT)
		return evidence;
	if (!r->off_seen)
		return "it fell silent after the hook; its power is on";
	return run_planned(r, STAGE_OS_UP) ? evidence : UNWATCHED;
}

static void
on_step_done(struct run_fsm *f, const char *evidence)
{
	struct run *r = f->r;

	switch (r->phase) {
	case RUN_PHASE_NONE:
	case RUN_PHASE_CONTROL: run_fsm_confirm(f, evidence); return;
	case RUN_PHASE_OFF:
		r->off_seen = true;
		run_note_power(f, "off", "seen off before the boot");
		if (r->stage == STAGE_OVERRIDE)
			run_fsm_begin_step(f, RUN_ACT_FLAGS, RUN_PHASE_FLAGS);
		else if (r->kind == BUNDLE_REBOOT)
			run_fsm_reboot_off(f);
		else
			run_fsm_switch_on(f);
		return;
	case RUN_PHASE_FLAGS: run_fsm_confirm(f, evidence); return;
	case RUN_PHASE_ON:
		run_note_power(f, "on", "seen on after the power-on");
		run_fsm_confirm(f, on_evidence(r, evidence));
		run_fsm_settle(f);
		return;
	case RUN_PHASE_HOOK:
	case RUN_PHASE_GOING:
	case RUN_PHASE_LISTEN:
	case RUN_PHASE_SILENCE: return; /* run_fsm_reboot.c */
	}
}

static void
on_step(struct run_fsm *f, const struct run_input *in)
{
	struct run *r = f->r;

	if (run_ended(r) || in->step != r->step || r->stage > STAGE_POWER)
		return;
	f->out->changed = true;
	if (run_fsm_reboot_phase(r)) {
		run_fsm_reboot_on_step(f, in);
		return;
	}
	if (r->stage == STAGE_PREFLIGHT && r->kind == BUNDLE_REBOOT && in->ok)
		run_fsm_reboot_identified(f, in->ident, in->cause);
	run_take_variant(r, in->variant, in->ok);
	if (in->ok)
		on_step_done(f, in->evidence);
	else
		run_fsm_miss(f, in->err, in->retry && r->stage != STAGE_PREFLIGHT);
}

static bool
given(const struct error *err)
{
	return err != NULL && err->code[0] != '\0';
}

/* What bootd said itself is worth more than that it is not there. */
static void
blame_bootd(const struct error *down, struct error *why)
{
	str_clip(why->text, sizeof(why->text), down->text);
	error_prefix(why, "the boot services do not run");
	if (down->next[0] != '\0')
		str_clip(why->next, sizeof(why->next), down->next);
}

static void
on_tick(struct run_fsm *f, const struct run_input *in)
{
	struct error why;

	if (run_ended(f->r) || f->r->due == 0 || f->now < f->r->due)
		return;
	if (run_fsm_interrupted_too_often(f->r)) {
		run_fsm_interrupt(f);
		return;
	}
	if (run_fsm_reboot_phase(f->r)) {
		run_fsm_reboot_on_due(f);
		return;
	}
	run_verdict_missed(f->r, &why);
	if (f->r->stage == STAGE_ARMED && given(in->err))
		blame_bootd(in->err, &why);
	if (f->r->stage == STAGE_PREFLIGHT && given(in->err))
		why = *in->err;
	run_fsm_miss(f, &why, true);
}

/* A network boot that the job did not order. */
static void
on_netboot_again(struct run_fsm *f)
{
	struct run *r = f->r;
	bool used = ticket_is_consumed(&r->ticket);
	struct event *ev;

	if (r->netboot_at != 0 && f->now - r->netboot_at < NETBOOT_APART)
		return;
	r->netboot_at = f->now;
	f->out->changed = true;
	if (!used && r->stage < STAGE_SCRIPT)
		return;
	if (used) {
		r->netboots++;
		/* The image runs no more: what may still come is the disk's system. */
		if (r->stage < STAGE_LOCAL_BOOT &&
		    r->due > f->now + r->allow[STAGE_LOCAL_BOOT])
			r->due = f->now + r->allow[STAGE_LOCAL_BOOT];
	}
	ev = run_note_emit(f, "job.note");
	event_put(ev, "stage", stage_name(r->stage));
	if (used)
		event_put(ev, "code", "booted-again-after-install");
	str_clip(ev->reason, sizeof(ev->reason),
	    used ? "the machine asked the network again after the ticket was used; it is "
		   "sent to its disk"
		 : "the machine began its network boot again before it was loaded");
}

static void
on_sign_begin(struct run_fsm *f, enum stage s)
{
	struct run *r = f->r;

	if (s == STAGE_KERNEL) {
		r->signs[STAGE_KERNEL].seen = true;
		if (r->stage == STAGE_INITRD)
			r->begun = true;
	}
	if (r->stage == s)
		r->begun = true;
	f->out->changed = true;
}

static void
on_sign(struct run_fsm *f, const struct run_input *in)
{
	struct run *r = f->r;
	bool used = ticket_is_consumed(&r->ticket);

	if (!r->netboot || r->stage < STAGE_POWER || run_ended(r))
		return;
	if (r->stage == STAGE_POWER && r->phase != RUN_PHASE_ON)
		return; /* the boot that the power-off is about to end */
	switch (in->sign) {
	case RUN_SIGN_FIRMWARE_DHCP:
		on_netboot_again(f);
		r->unanswered = r->no_loader = false;
		r->proxied = in->proxied;
		r->took |= in->took;
		run_fsm_set_sign(r, STAGE_FIRMWARE_DHCP, in->evidence);
		break;
	case RUN_SIGN_LOADER_BEGIN:
		on_sign_begin(f, STAGE_LOADER);
		/* Of a server that logs no ends: what comes next shows that it came. */
		if (in->evidence != NULL && !r->signs[STAGE_LOADER].seen)
			str_clip(r->signs[STAGE_LOADER].evidence, RUN_EVIDENCE_SIZE,
			    in->evidence);
		break;
	case RUN_SIGN_LOADER: run_fsm_set_sign(r, STAGE_LOADER, in->evidence); break;
	case RUN_SIGN_IPXE_DHCP:
		r->unanswered = false;
		run_fsm_set_sign(r, STAGE_IPXE_DHCP, in->evidence);
		break;
	case RUN_SIGN_SCRIPT: run_fsm_set_sign(r, STAGE_SCRIPT, in->evidence); break;
	case RUN_SIGN_LOAD_BEGIN: on_sign_begin(f, STAGE_KERNEL); break;
	case RUN_SIGN_LOAD:
		if (in->index > r->n_initrds)
			return;
		r->loaded |= 1u << in->index;
		run_fsm_set_sign(
		    r, in->index == 0 ? STAGE_KERNEL : STAGE_INITRD, in->evidence);
		break;
	case RUN_SIGN_FILE_BEGIN: on_sign_begin(f, STAGE_ROOTFS); break;
	case RUN_SIGN_FILE:
		if (!used || in->index >= r->n_files)
			return;
		r->files |= UINT64_C(1) << in->index;
		run_fsm_set_sign(r, STAGE_ROOTFS, in->evidence);
		break;
	case RUN_SIGN_OTHER_DHCP: r->other_dhcp = true; break;
	case RUN_SIGN_UNANSWERED: r->unanswered = true; break;
	case RUN_SIGN_NO_LOADER: r->no_loader = true; break;
	}
	f->out->changed = true;
	run_fsm_settle(f);
}

static void
refuse(struct run_fsm *f, const char *why)
{
	str_clip(f->out->reason, sizeof(f->out->reason), why);
}

static void
on_consume(struct run_fsm *f, const struct run_input *in)
{
	struct run *r = f->r;

	if (run_ended(r)) {
		refuse(f, "the job has ended");
	} else if (ticket_is_consumed(&r->ticket)) {
		refuse(f, "the ticket is used up");
	} else if (!run_loading(r)) {
		refuse(f, "the host's power-on has not been seen yet");
	} else if (given(in->err)) {
		refuse(f, in->err->text);
		run_fsm_miss(f, in->err, false);
	} else if (ticket_consume(&r->ticket, in->ticket, in->use, f->now) < 0) {
		refuse(f, "the ticket has been replaced by another one");
	} else {
		f->out->granted = true;
		/* Whatever asks the network from now on is another boot. */
		r->netboot_at = 0;
		run_note_ticket(f, &r->ticket);
		run_fsm_settle(f);
	}
}

/* What each report says; a failure is no sign of a stage. */
static const struct {
	const char *kind;
	enum stage stage;
	const char *evidence;
} reports[] = {
    [RUN_REPORT_UP] = {"report.up", STAGE_OS_UP, "the system's report"},
    [RUN_REPORT_INSTALLED] = {"report.installed", STAGE_INSTALLED,
	"the installer's report"},
    [RUN_REPORT_FAILED] = {"report.failed", STAGE_FAILED, NULL},
    [RUN_REPORT_BOOTED] = {"report.booted", STAGE_LOCAL_BOOT,
	"the installed system's report"},
};

static void
on_report(struct run_fsm *f, const struct run_input *in)
{
	struct run *r = f->r;
	enum stage stage = reports[in->report].stage;
	struct event *ev;
	struct error why;

	if (run_ended(r) || !ticket_is_consumed(&r->ticket)) {
		refuse(f, run_ended(r) ? "the job has ended"
				       : "the image has not been loaded yet");
		return;
	}
	f->out->granted = true;
	/* Said already. A client repeats itself when our answer was lost; one that never
	 * stops must not fill the spool. */
	if (r->signs[stage].seen)
		return;
	ev = run_note_emit(f, reports[in->report].kind);
	if (in->use != NULL)
		str_clip(ev->ip, sizeof(ev->ip), in->use->ip);
	if (in->note != NULL && in->note[0] != '\0')
		event_put(ev, "note", in->note);
	if (in->report == RUN_REPORT_FAILED) {
		char note[200];

		str_clip(note, sizeof(note), in->note == NULL ? "" : in->note);
		error_set(&why, 0, "installer-failed",
		    "read its note (netboot-ctl events), watch the console, then retry",
		    "the installer reported a failure%s%s", note[0] != '\0' ? ": " : "",
		    note);
		run_fsm_miss(f, &why, false);
		return;
	}
	run_fsm_set_sign(r, stage, reports[in->report].evidence);
	run_fsm_settle(f);
}

static void
on_probe(struct run_fsm *f, const struct run_input *in)
{
	struct run *r = f->r;

	if (r->kind == BUNDLE_REBOOT) {
		run_fsm_reboot_on_probe(f, in);
		return;
	}
	if (!run_fsm_probe_watches(r))
		return;
	if (!in->ok) {
		f->out->changed |= !r->probe_down;
		r->probe_down = true;
		return;
	}
	/* The installer itself may answer: the disk boot begins with a silence. */
	if (r->stage == STAGE_LOCAL_BOOT && !r->probe_down)
		return;
	f->out->changed = true;
	run_fsm_set_sign(r, r->stage, in->evidence);
	run_fsm_settle(f);
}

/* bootd remembers in memory which last octets it has let go. A new process knows nothing
 * of the old one's, so that a kernel from the old and an initrd from the new one would
 * make a whole image with the ticket still armed. A new ticket closes the old URLs: what
 * is loaded now is loaded from one process alone. */
static void
on_bootd(struct run_fsm *f, bool by_logs)
{
	struct run *r = f->r;
	/* The logs are read on from where they were left: nothing is forgotten. */
	bool keep = by_logs && r->by_logs;

	if (!r->netboot || run_ended(r))
		return;
	f->out->changed |= r->by_logs != by_logs;
	r->by_logs = by_logs;
	if (ticket_is_armed(&r->ticket) && !keep) {
		int rc;

		ticket_end(&r->ticket, f->now);
		run_note_ticket(f, &r->ticket);
		f->out->retired = r->ticket;
		rc = ticket_arm(&r->ticket, f->now, f->rng);
		assert(rc == 0);
		(void)rc;
		run_note_ticket(f, &r->ticket);
		r->loaded = 0;
	}
	if (r->stage == STAGE_ARMED)
		run_fsm_begin_step(f, RUN_ACT_ARM, RUN_PHASE_NONE);
	else if (ticket_is_open(&r->ticket))
		run_fsm_act(f, RUN_ACT_PUBLISH);
}

static void
on_cancel(struct run_fsm *f, const struct run_input *in)
{
	if (run_ended(f->r))
		return;
	str_clip(f->r->by, sizeof(f->r->by), in->by == NULL ? "" : in->by);
	if (given(in->err))
		f->r->verdict = *in->err;
	else
		run_verdict_cancelled(f->r, &f->r->verdict);
	end_job(f, STAGE_CANCELLED, "unknown");
}

void
run_fsm_step(struct run *run, const struct run_input *in, int64_t now, struct rng *rng,
    struct run_out *out)
{
	struct run_fsm f = {.r = run, .now = now, .rng = rng, .out = out};

	memset(out, 0, sizeof(*out));
	switch (in->type) {
	case RUN_IN_START: run_fsm_start(&f, in->late); break;
	case RUN_IN_RECOVER: run_fsm_recover(&f, in->late); break;
	case RUN_IN_TICK: on_tick(&f, in); break;
	case RUN_IN_STEP: on_step(&f, in); break;
	case RUN_IN_SIGN: on_sign(&f, in); break;
	case RUN_IN_CONSUME: on_consume(&f, in); break;
	case RUN_IN_REPORT: on_report(&f, in); break;
	case RUN_IN_PROBE: on_probe(&f, in); break;
	case RUN_IN_IDENT: run_fsm_reboot_on_ident(&f, in); break;
	case RUN_IN_CAUSE: run_fsm_reboot_on_cause(&f, in->cause); break;
	case RUN_IN_BOOTD: on_bootd(&f, in->ok); break;
	case RUN_IN_CANCEL: on_cancel(&f, in); break;
	}
}

void
run_fsm_out_done(struct run_out *out)
{
	for (size_t i = 0; i < out->n_events; i++)
		event_done(&out->events[i]);
	out->n_events = 0;
}
