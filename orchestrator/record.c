// SPDX-License-Identifier: GPL-3.0-or-later
/* Events of agents into the record: stored, and applied to jobs, boots, transfers and hosts by lifecycle.c, all
 * in the transaction that also moves the agent's last number on. Numbers that are held already are
 * skipped, so that a report may be repeated at will, and crash or loss at any point ends in each event
 * being here once.
 *
 * A report whose first number leaves some out was either overtaken (then the earlier one comes again)
 * or follows numbers that are lost for good: this database was restored from a backup made before
 * they were acknowledged, and the agent has deleted them. The two look the same at first; so
 * the gap is waited for a minute, and then recorded as an event of its own.
 *
 * An event of what is not the agent's site's (agent_scope.h) is recorded as `agent.foreign` or `agent.outdated` in its
 * place, and changes nothing else.
 *
 * An event that the database refuses, and would refuse for ever, would hold up every later one of its
 * agent: it is recorded as `agent.unreadable` in its place. Trouble that may pass (a full disk) ends
 * the whole report instead, and the agent comes again.
 *
 * Entry point: record_take(). Failure modes: those of db.h; nothing is kept outside the transaction but
 * the gap's clock. */
#include "orchestrator/record.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_agent.h"
#include "db/db_event.h"
#include "db/db_host.h"
#include "lib/str.h"
#include "orchestrator/boot_files.h"
#include "orchestrator/boot_flags.h"
#include "orchestrator/clock_walk.h"
#include "orchestrator/discover.h"
#include "orchestrator/explain.h"
#include "orchestrator/lifecycle.h"
#include "orchestrator/next_step.h"
#include "orchestrator/record_local.h"
#include "orchestrator/sight.h"

/* A machine boots once at a time: what is open besides has ended, and the news of it was lost with an agent's spool. */
static int
end_lost(struct store *s, const struct event *of, const struct db_boot *next)
{
	static const char text[] = "its end was not reported";
	char id[ID_SIZE];
	int rc = 0;

	while (rc == 0) {
		rc = db_boot_lost(s, next->host, next->id, text, next->began, id);
		if (rc < 0)
			return rc == -ENOENT ? 0 : rc;
		struct event ev = event_make("boot.end", of->at);
		str_clip(ev.site, sizeof(ev.site), of->site);
		str_clip(ev.host, sizeof(ev.host), next->host);
		str_clip(ev.boot, sizeof(ev.boot), id);
		event_put(&ev, "outcome", "unknown");
		event_put(&ev, "text", text);
		rc = db_event_add(s, &ev, NULL, 0, NULL);
		event_done(&ev);
	}
	return rc;
}

static int
write_job(struct store *s, const struct event *ev, const struct lifecycle_change *ch)
{
	int rc = 0;

	if (ch->set_job)
		rc = db_job_update(s, &ch->job);
	if (rc == 0 && ch->set_attempt)
		rc = db_job_attempt_add(s, ch->job.id, ch->job.attempt, ev->at);
	if (rc == 0 && ch->set_stage)
		rc = db_job_stage_put(s, &ch->stage);
	return rc;
}

/* Where the job was found to have failed for another reason than the agent said, so did the boot that it was at. */
static int
write_boot_verdict(struct store *s, const struct lifecycle_change *ch)
{
	const struct db_job *job = &ch->job;

	if (ch->set_job && job->ended && job->agent_code[0])
		return db_boot_verdict(s, ch->boot_of, job->agent_code, job->verdict_code,
		    job->verdict_text, job->verdict_next);
	return db_boot_blame(
	    s, ch->boot_of, ch->verdict_code, ch->verdict_text, ch->verdict_next);
}

static int
write_boot(struct store *s, const struct event *ev, const struct lifecycle_change *ch)
{
	int rc = 0;

	if (ch->begin_boot)
		rc = boot_flags_begin(s, &ch->boot);
	if (rc == 0 && ch->begin_boot)
		rc = end_lost(s, ev, &ch->boot);
	if (rc == 0 && ch->end_boot)
		rc = db_boot_end(
		    s, ch->boot.id, ch->boot.outcome, ch->boot.text, ch->boot.ended);
	if (rc == 0 && ch->set_note)
		rc = db_boot_note(s, ch->boot_of, &ch->note);
	if (rc == 0 && ch->flags)
		rc = boot_flags_raise(s, ev, ch->boot_of, ch->flags);
	if (rc == 0 && ch->set_transfer)
		rc = db_transfer_put(s, ch->step, &ch->transfer);
	if (rc == 0 && ch->files != LIFECYCLE_NO_FILES)
		rc = boot_files_keep(s, ev, ch);
	if (rc == 0 && ch->set_verdict && ch->boot_of[0])
		rc = write_boot_verdict(s, ch);
	return rc;
}

static bool
ends_in(const char *kind, const char *end)
{
	const char *dot = strrchr(kind, '.');

	return dot && str_eq(dot, end);
}

/* The machine itself was heard, not somebody speaking of it: other servers do, and ours of a machine that fell silent. What it
 * has taken whole it has acknowledged. */
static bool
seen_on_wire(const struct event *ev)
{
	const char *kind = ev->kind;

	if (ends_in(kind, ".error") || ends_in(kind, ".foreign") ||
	    ends_in(kind, ".alone") ||
	    (ends_in(kind, ".end") && !str_eq(event_str(ev, "result"), "complete")))
		return false;
	return str_has_prefix(kind, "dhcp") || str_has_prefix(kind, "tftp.") ||
	       str_has_prefix(kind, "http.") || str_has_prefix(kind, "report.");
}

static int
write_host(struct store *s, const struct event *ev, const struct lifecycle_change *ch,
    int64_t wall)
{
	int rc = 0;

	if (ch->set_power)
		rc =
		    db_host_state_power(s, ev->host, ch->power, ev->reason, ev->at, wall);
	if (rc == 0 && ev->host[0] && seen_on_wire(ev)) {
		rc = db_host_state_seen(s, ev->host, ev->at, wall);
		if (rc == 0)
			rc = sight_wire(s, ev, wall);
	}
	return rc;
}

/* Whose doing it is comes first: it compares what is seen with what was known before. */
static int
write_change(
    struct store *s, const struct event *ev, struct lifecycle_change *ch, int64_t wall)
{
	int rc = sight_event(s, ev, ch->set_job ? &ch->job : NULL, ch, wall);

	if (rc == 0)
		rc = write_job(s, ev, ch);
	if (rc == 0)
		rc = write_boot(s, ev, ch);
	if (rc == 0)
		rc = write_host(s, ev, ch, wall);
	return rc;
}

static void
tell(const struct record_ops *ops, int64_t number, const struct event *ev,
    const struct db_job *before, const struct lifecycle_change *ch)
{
	if (ch->ignored && ops->on_ignored)
		ops->on_ignored(ops->arg, number, ev, ch->ignored);
	if (ch->set_job && ops->on_job)
		ops->on_job(ops->arg, before, &ch->job);
}

static int
take_event(struct store *s, const char *agent, int64_t number, struct event *ev,
    int64_t wall, const struct record_ops *ops)
{
	struct lifecycle_change *ch = str_alloc(sizeof(*ch));
	struct db_job *job = str_alloc(sizeof(*job));
	int64_t seq = 0;
	int rc = 0;
	bool have_job = false;
	const char *ignored = NULL;

	if (record_local_is(ev))
		rc = record_local_take(s, agent, ev, wall, &ignored);
	if (rc == 0 && ev->job[0] && !ignored) {
		rc = db_job_get(s, ev->job, job);
		have_job = rc == 0;
		rc = rc == -ENOENT ? 0 : rc;
	}
	if (rc == 0) {
		next_step_event(ev, have_job ? job : NULL);
		lifecycle_apply(ev, agent, have_job ? job : NULL, ch);
		ch->ignored = ignored ? ignored : ch->ignored;
		/* Its event comes before the job's end: who follows the job has the verdict by then. */
		if (ch->set_job && ch->job.ended && ch->job.state == DB_JOB_FAILED)
			rc = explain_end(s, ev, &ch->job);
	}
	if (rc == 0)
		rc = db_event_add(s, ev, agent, number, &seq);
	if (rc == 0) {
		ch->stage.seq = seq;
		rc = write_change(s, ev, ch, wall);
	}
	if (rc == 0)
		rc = discover_note(s, ev, wall);
	if (rc == 0)
		tell(ops, number, ev, job, ch);
	free(ch);
	free(job);
	return rc;
}

static int
record_refused(struct store *s, const char *agent, int64_t number, const struct event *ev,
    const char *why, int64_t wall)
{
	struct event note = event_make("agent.unreadable", wall);

	str_clip(note.site, sizeof(note.site), ev->site);
	str_clip(note.host, sizeof(note.host), ev->host);
	str_clip(note.job, sizeof(note.job), ev->job);
	str_clip(note.boot, sizeof(note.boot), ev->boot);
	str_clip(note.reason, sizeof(note.reason), why);
	event_put(&note, "kind", ev->kind);
	int rc = db_event_add(s, &note, agent, number, NULL);
	event_done(&note);
	return rc;
}

static int
take_or_replace(struct store *s, const char *agent, int64_t number, struct event *ev,
    int64_t wall, const struct record_ops *ops)
{
	struct db *db = store_db(s);
	struct error err;
	int rc = db_part_begin(db);

	if (rc == 0)
		rc = take_event(s, agent, number, ev, wall, ops);
	if (rc == 0)
		return db_part_end(db);
	if (!db_is_refusal(rc))
		return rc;
	db_error(db, rc, &err, "record the event");
	rc = db_part_undo(db);
	if (rc == 0)
		rc = record_refused(s, agent, number, ev, err.text, wall);
	if (rc == 0 && ops->on_ignored)
		ops->on_ignored(ops->arg, number, ev, err.text);
	return rc;
}

static int
take_foreign(struct store *s, const struct agent_msg_report *m, int64_t number,
    struct event *note, const struct agent_scope_finding *found,
    const struct record_ops *ops)
{
	int rc = db_event_add(s, note, m->agent, number, NULL);

	if (rc == 0 && ops->on_foreign)
		ops->on_foreign(ops->arg, number, note, found);
	event_done(note);
	return rc;
}

static int
take_judged(struct store *s, struct agent_scope *scope, const struct agent_msg_report *m,
    int64_t number, struct event *ev, int64_t wall, const struct record_ops *ops)
{
	struct agent_scope_finding found;
	int rc = agent_scope_judge(scope, ev, &found);

	if (rc < 0)
		return rc;
	if (found.verdict != AGENT_SCOPE_OWN) {
		struct event note = agent_scope_note(scope, ev, &found, wall);
		return take_foreign(s, m, number, &note, &found, ops);
	}
	if (ev->site[0] == '\0')
		str_clip(ev->site, sizeof(ev->site), m->site);
	return take_or_replace(s, m->agent, number, ev, wall, ops);
}

/* True when the report may be taken although numbers before `first` are missing. */
static bool
gap_is_final(struct record_gap *gap, int64_t first, int64_t mono)
{
	if (gap->first != first) {
		gap->first = first;
		gap->since = mono;
	}
	return mono - gap->since >= RECORD_GAP_US;
}

static int
record_lost(struct store *s, const struct agent_msg_report *m, int64_t held, int64_t wall,
    const struct record_ops *ops)
{
	struct event ev = event_make("agent.gap", wall);

	str_clip(ev.site, sizeof(ev.site), m->site);
	event_put(&ev, "agent", m->agent);
	event_put_i64(&ev, "from", held + 1);
	event_put_i64(&ev, "to", m->first - 1);
	str_clip(ev.reason, sizeof(ev.reason),
	    "events that the agent had handed over are not in this database");
	if (ops->on_lost)
		ops->on_lost(ops->arg, held + 1, m->first - 1);
	int rc = db_event_add(s, &ev, NULL, 0, NULL);
	event_done(&ev);
	return rc;
}

int
record_take(struct store *s, struct agent_msg_report *m, struct record_gap *gap,
    struct record_clock now, const struct record_ops *ops, int64_t *ret_held)
{
	struct db_agent agent;
	struct clock_walk walk;
	int rc = db_agent_get(s, m->agent, &agent);

	if (rc == 0)
		rc = clock_walk_begin(s, &agent, &walk);
	if (rc < 0)
		return rc;
	int64_t held = agent.last_seq;
	size_t left = ops->limit > 0 ? ops->limit : SIZE_MAX;
	if (m->n_events > 0 && m->first > held + 1) {
		if (!gap_is_final(gap, m->first, now.mono)) {
			*ret_held = held;
			return 0;
		}
		rc = record_lost(s, m, held, now.wall, ops);
		held = m->first - 1;
	}
	struct agent_scope *scope = agent_scope_new(s, m->site, m->agent);
	for (size_t i = 0; rc == 0 && i < m->n_events && left > 0; i++) {
		int64_t number = m->first + (int64_t)i;
		if (number <= held)
			continue;
		rc = clock_walk_event(s, &walk, &m->events[i]);
		if (rc == 0)
			rc = take_judged(
			    s, scope, m, number, &m->events[i], now.wall, ops);
		held = number;
		left--;
	}
	agent_scope_free(scope);
	if (rc == 0 && held != agent.last_seq) {
		agent.last_seq = held;
		clock_walk_end(&walk, &m->clock, &agent);
		rc = db_agent_advance(s, &agent);
	}
	*ret_held = held;
	return rc;
}
