/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The events of a job (docs/protocol.md, "Events that carry a job's life").
 *
 * Entry points: run_note_*(), called by run_fsm.c as it decides.
 * Ownership: events are put into the step's struct run_out, which owns them.
 * Failure modes: none; more events than a step can have are a programming error.
 */
#include <assert.h>

#include "agent/run_fsm_priv.h"
#include "lib/str.h"

struct event *
run_note_emit(struct run_fsm *f, const char *kind)
{
	struct event *ev;

	assert(f->out->n_events < RUN_OUT_EVENTS);
	ev = &f->out->events[f->out->n_events++];
	*ev = event_make(kind, f->now);
	str_clip(ev->host, sizeof(ev->host), f->r->host);
	str_clip(ev->job, sizeof(ev->job), f->r->job);
	if (f->r->boot_open)
		str_clip(ev->boot, sizeof(ev->boot), f->r->boot);
	f->out->changed = true;
	return ev;
}

void
run_note_stage(struct run_fsm *f, const char *state, const char *evidence)
{
	struct event *ev = run_note_emit(f, "job.stage");

	event_put(ev, "stage", stage_name(f->r->stage));
	event_put(ev, "state", state);
	event_put_i64(ev, "attempt", f->r->attempt);
	if (str_eq(state, "entered"))
		event_put_i64(ev, "deadline_us", f->r->due - f->r->entered);
	if (evidence != NULL && evidence[0] != '\0')
		event_put(ev, "evidence", evidence);
}

void
run_note_power(struct run_fsm *f, const char *power, const char *why)
{
	struct event *ev = run_note_emit(f, "power.state");

	event_put(ev, "power", power);
	event_put(ev, "why", why);
}

void
run_note_ticket(struct run_fsm *f, const struct ticket *t)
{
	struct event *ev = run_note_emit(f, "job.ticket");

	event_put(ev, "state", ticket_state_name(t->state));
	event_put(ev, "ticket", t->id);
	if (t->state == TICKET_CONSUMED) {
		str_clip(ev->mac, sizeof(ev->mac), t->use.mac);
		str_clip(ev->ip, sizeof(ev->ip), t->use.ip);
		str_clip(ev->file, sizeof(ev->file), t->use.file);
	}
	if (f->r->by_logs)
		event_put(ev, "confirmed_by", "logs");
}

void
run_note_attempt(struct run_fsm *f)
{
	id_make(f->now, f->rng, f->r->boot);
	event_put_i64(run_note_emit(f, "job.attempt"), "attempt", f->r->attempt);
}

void
run_note_boot_begin(struct run_fsm *f)
{
	struct event *ev;

	if (f->r->boot_open || f->r->kind == BUNDLE_POWER)
		return;
	f->r->boot_open = true;
	ev = run_note_emit(f, "boot.begin");
	json_object_set_new(
	    ev->detail == NULL ? (ev->detail = json_object()) : ev->detail, "planned",
	    json_true());
	event_put_i64(ev, "attempt", f->r->attempt);
	event_put(ev, "trigger", bundle_kind_name(f->r->kind));
}

void
run_note_boot_end(struct run_fsm *f, const char *outcome, const struct error *why)
{
	struct event *ev;

	if (!f->r->boot_open)
		return;
	ev = run_note_emit(f, "boot.end");
	event_put(ev, "outcome", outcome);
	if (why->text[0] != '\0')
		event_put(ev, "text", why->text);
	if (why->code[0] != '\0') {
		event_put(ev, "code", why->code);
		event_put(ev, "next", why->next);
	}
	f->r->boot_open = false;
}
