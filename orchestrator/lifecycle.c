// SPDX-License-Identifier: GPL-3.0-or-later
/* Events to changes of records. Pure: no I/O, no clock, no logging.
 *
 *         job.handed, job.accepted          job.attempt, job.stage
 *     queued ───on_accepted──► accepted ───on_attempt/on_stage──► running ─┐ (itself)
 *       │                         │                                 │ ◄────┘
 *       ├─job.refused─on_refused─► failed                           │
 *       └─────────────────────────┴──── on_done ─────► done ────────┤
 *                                       on_failed ───► failed ──────┤ job.done,
 * job.failed, on_cancelled ► cancelled ───┘ job.cancelled
 *
 * An end is final: what comes after it is kept as an event and changes nothing here. A
 * later event implies the ones before it (a job that reports a stage was accepted), so
 * that the record follows the agent even where one of them was never sent.
 *
 * Entry point: lifecycle_apply(). The result holds values only. An event that is broken
 * or comes at the wrong time is named in `ignored` and never guessed at. */
#include "orchestrator/lifecycle.h"

#include <string.h>

#include "lib/json.h"
#include "lib/stage.h"
#include "lib/str.h"
#include "orchestrator/hold_words.h"
#include "orchestrator/lifecycle_boot.h"

enum { ATTEMPTS_MAX = 100 };

bool
lifecycle_ended(enum db_job_state state)
{
	return state == DB_JOB_DONE || state == DB_JOB_FAILED ||
	       state == DB_JOB_CANCELLED;
}

/* Moves the job on unless it is there already. */
static void
advance(struct lifecycle_change *ch, enum db_job_state to)
{
	if (ch->job.state < to)
		ch->job.state = to;
	ch->set_job = true;
}

static void
on_accepted(const struct event *ev, struct lifecycle_change *ch)
{
	(void)ev;
	advance(ch, DB_JOB_ACCEPTED);
}

static void
on_attempt(const struct event *ev, struct lifecycle_change *ch)
{
	int64_t n = event_i64(ev, "attempt", 0);

	if (n < 1 || n > ATTEMPTS_MAX) {
		ch->ignored = "attempt is missing or out of range";
		return;
	}
	advance(ch, DB_JOB_RUNNING);
	if (n > ch->job.attempt)
		ch->job.attempt = n;
	ch->set_attempt = true;
}

static void
on_stage(const struct event *ev, struct lifecycle_change *ch)
{
	static const char *const states[] = {"entered", "confirmed", "skipped", "missed"};
	const char *state = event_str(ev, "state");
	struct db_job_stage *g = &ch->stage;
	enum stage stage;
	bool known = false;

	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		known = known || str_eq(state, states[i]);
	g->attempt = event_i64(ev, "attempt", ch->job.attempt);
	if (!known || stage_parse(event_str(ev, "stage"), &stage) < 0 || g->attempt < 0 ||
	    g->attempt > ATTEMPTS_MAX) {
		ch->ignored = "stage, state or attempt is unknown";
		return;
	}
	str_clip(g->job, sizeof(g->job), ev->job);
	str_clip(g->stage, sizeof(g->stage), stage_name(stage));
	str_clip(g->state, sizeof(g->state), state);
	str_clip(g->evidence, sizeof(g->evidence), event_str(ev, "evidence"));
	str_clip(g->boot, sizeof(g->boot), ev->boot);
	g->at = ev->at;
	g->deadline_us = event_i64(ev, "deadline_us", -1);
	ch->set_stage = true;
	advance(ch, DB_JOB_RUNNING);
	if (g->attempt > ch->job.attempt)
		ch->job.attempt = g->attempt;
	/* The job stands at the stage it waits in; news of an earlier attempt do not move
	 * it back. */
	if (g->attempt == ch->job.attempt && !str_eq(state, "skipped"))
		str_clip(ch->job.stage, sizeof(ch->job.stage), g->stage);
}

static void
end_job(const struct event *ev, struct lifecycle_change *ch, enum db_job_state state)
{
	ch->job.state = state;
	ch->job.ended = ev->at;
	ch->set_job = true;
}

static void
on_done(const struct event *ev, struct lifecycle_change *ch)
{
	end_job(ev, ch, DB_JOB_DONE);
	str_clip(ch->job.stage, sizeof(ch->job.stage), stage_name(STAGE_DONE));
}

/* The boot that the job was at did not end well for the same reason, unless it has one of its own. */
static void
set_verdict(const struct event *ev, struct lifecycle_change *ch, const char *code)
{
	const char *text = event_str(ev, "text");

	str_clip(ch->job.verdict_code, sizeof(ch->job.verdict_code), code);
	str_clip(ch->job.verdict_text, sizeof(ch->job.verdict_text),
	    text[0] ? text : ev->reason);
	str_clip(
	    ch->job.verdict_next, sizeof(ch->job.verdict_next), event_str(ev, "next"));
	str_clip(ch->boot_of, sizeof(ch->boot_of), ch->job.boot);
	ch->set_verdict = true;
	str_clip(ch->verdict_code, sizeof(ch->verdict_code), code);
	str_clip(ch->verdict_text, sizeof(ch->verdict_text), ch->job.verdict_text);
	str_clip(ch->verdict_next, sizeof(ch->verdict_next), ch->job.verdict_next);
}

static void
on_failed(const struct event *ev, struct lifecycle_change *ch)
{
	const char *code = event_str(ev, "code");
	enum stage stage;

	end_job(ev, ch, DB_JOB_FAILED);
	set_verdict(ev, ch, code[0] ? code : "unknown");
	if (stage_parse(event_str(ev, "stage"), &stage) == 0)
		str_clip(ch->job.stage, sizeof(ch->job.stage), stage_name(stage));
}

static void
on_refused(const struct event *ev, struct lifecycle_change *ch)
{
	/* Only a job that was not accepted can be refused: a refusal of what runs is a
	 * mistake. */
	if (ch->job.state != DB_JOB_QUEUED) {
		ch->ignored = "the job was accepted before it was refused";
		return;
	}
	on_failed(ev, ch);
}

/* A hold kept it from beginning. An agent that does not know of holds has perhaps begun it all the same, and then says what it did. */
static bool
was_held(const struct db_job *job, const char *code)
{
	return job->cancel_code[0] && job->state <= DB_JOB_ACCEPTED &&
	       (!code[0] || str_eq(code, "nothing-done"));
}

/* The verdict of a cancelled job says what had been done to the machine by then. */
static void
on_cancelled(const struct event *ev, struct lifecycle_change *ch)
{
	const char *code = event_str(ev, "code");
	bool held = was_held(&ch->job, code);

	end_job(ev, ch, DB_JOB_CANCELLED);
	if (held) {
		struct error why;
		hold_words_job(&ch->job, &why);
		str_clip(ch->job.verdict_code, sizeof(ch->job.verdict_code), why.code);
		str_clip(ch->job.verdict_text, sizeof(ch->job.verdict_text), why.text);
		str_clip(ch->job.verdict_next, sizeof(ch->job.verdict_next), why.next);
	} else if (code[0])
		set_verdict(ev, ch, code);
}

/* The ticket's life is the agent's; here it is kept as events. One that is used has let its image go. */
static void
on_ticket(const struct event *ev, struct lifecycle_change *ch)
{
	if (!str_eq(event_str(ev, "state"), "consumed"))
		return;
	str_clip(ch->boot_of, sizeof(ch->boot_of), ev->boot[0] ? ev->boot : ch->job.boot);
	ch->files = LIFECYCLE_FILES_JOB;
}

static const struct {
	const char *kind;
	void (*apply)(const struct event *ev, struct lifecycle_change *ch);
} job_events[] = {
    {"job.accepted", on_accepted},
    {"job.local", on_accepted},
    {"job.handed", on_accepted},
    {"job.refused", on_refused},
    {"job.attempt", on_attempt},
    {"job.stage", on_stage},
    {"job.ticket", on_ticket},
    {"job.done", on_done},
    {"job.failed", on_failed},
    {"job.cancelled", on_cancelled},
};

static void
apply_job(const struct event *ev, const char *agent, const struct db_job *job,
    struct lifecycle_change *ch)
{
	for (size_t i = 0; i < ARRAY_SIZE(job_events); i++) {
		if (!str_eq(ev->kind, job_events[i].kind))
			continue;
		if (!job) {
			ch->ignored = "no such job";
			return;
		}
		if (lifecycle_ended(job->state)) {
			ch->ignored = "the job has ended";
			return;
		}
		ch->job = *job;
		job_events[i].apply(ev, ch);
		if (ch->set_job && agent)
			str_clip(ch->job.agent, sizeof(ch->job.agent), agent);
		return;
	}
}

static void
apply_power(const struct event *ev, struct lifecycle_change *ch)
{
	const char *power = event_str(ev, "power");

	if (!str_eq(power, "on") && !str_eq(power, "off") && !str_eq(power, "unknown")) {
		ch->ignored = "power is unknown";
		return;
	}
	str_clip(ch->power, sizeof(ch->power), power);
	ch->set_power = true;
}

void
lifecycle_apply(const struct event *ev, const char *agent, const struct db_job *job,
    struct lifecycle_change *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (str_eq(ev->kind, "power.state"))
		apply_power(ev, ret);
	else if (!lifecycle_boot_apply(ev, job, ret))
		apply_job(ev, agent, job, ret);
}
