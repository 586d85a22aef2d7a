// SPDX-License-Identifier: GPL-3.0-or-later
/* Agents' reports: events into the record, exactly once.
 *
 * Entry point: dispatch_report(). The events of a report, what they change (lifecycle.c)
 * and the agent's new last_seq are one transaction; the answer leaves after it is
 * durable. Numbers that are held already are skipped, so that a report may be repeated at
 * will.
 *
 * A report that does not follow on (its first number leaves some out) is answered with
 * what is held, and nothing of it is taken: an earlier one was overtaken and will come
 * again. When the same gap stands for GAP_ACCEPT_US the numbers are lost for good (this
 * database was restored from a backup made before they were acknowledged): then the gap
 * is recorded as an event and the agent goes on.
 *
 * Failure modes: a database that fails takes nothing of the report; the agent keeps its
 * events. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_agent.h"
#include "db/db_event.h"
#include "db/db_host.h"
#include "db/db_job.h"
#include "lib/agent_msg.h"
#include "lib/clock.h"
#include "lib/str.h"
#include "orchestrator/dispatch_priv.h"
#include "orchestrator/lifecycle.h"

enum { GAP_ACCEPT_US = 60 * 1000 * 1000 };

static int
write_boot(struct store *s, const struct lifecycle_change *ch)
{
	int rc = 0;

	if (ch->begin_boot)
		rc = db_boot_begin(s, &ch->boot);
	if (rc == 0 && ch->end_boot)
		rc = db_boot_end(
		    s, ch->boot.id, ch->boot.outcome, ch->boot.text, ch->boot.ended);
	return rc;
}

static int
write_change(struct store *s, const struct event *ev, const struct lifecycle_change *ch)
{
	int rc = 0;

	if (ch->set_job)
		rc = db_job_update(s, &ch->job);
	if (rc == 0 && ch->set_attempt)
		rc = db_job_attempt_add(s, ch->job.id, ch->job.attempt, ev->at);
	if (rc == 0 && ch->set_stage)
		rc = db_job_stage_put(s, &ch->stage);
	if (rc == 0)
		rc = write_boot(s, ch);
	if (rc == 0 && ch->set_power)
		rc = db_host_state_power(s, ev->host, ch->power, ev->reason, ev->at);
	return rc;
}

/* The machine itself was heard, not somebody speaking of it. */
static bool
seen_on_wire(const char *kind)
{
	return str_has_prefix(kind, "dhcp") || str_has_prefix(kind, "tftp.") ||
	       str_has_prefix(kind, "http.") || str_has_prefix(kind, "report.");
}

static int
note_host(struct store *s, const struct event *ev)
{
	int rc = 0;

	if (ev->host[0] && seen_on_wire(ev->kind))
		rc = db_host_state_seen(s, ev->host, ev->at);
	if (rc == 0 && ev->boot[0] && ev->arch[0])
		rc = db_boot_arch(s, ev->boot, ev->arch);
	return rc;
}

static int
take_event(struct dispatch *d, const char *agent, int64_t number, struct event *ev)
{
	struct store *s = d->ops.store;
	struct lifecycle_change *ch = str_alloc(sizeof(*ch));
	struct db_job *job = str_alloc(sizeof(*job));
	int64_t seq = 0;
	int rc = db_event_add(s, ev, agent, number, &seq);
	bool have_job = false;

	if (rc == 0 && ev->job[0]) {
		rc = db_job_get(s, ev->job, job);
		have_job = rc == 0;
		rc = rc == -ENOENT ? 0 : rc;
	}
	if (rc == 0) {
		lifecycle_apply(ev, agent, have_job ? job : NULL, ch);
		ch->stage.seq = seq;
		rc = write_change(s, ev, ch);
	}
	if (rc == 0)
		rc = note_host(s, ev);
	if (rc == 0 && ch->ignored)
		log_warn(d->ops.log, "agent %s: event %lld (%s, job %s): %s", agent,
		    (long long)number, ev->kind, ev->job[0] ? ev->job : "none",
		    ch->ignored);
	if (rc == 0 && ch->set_job && ch->job.state != DB_JOB_QUEUED &&
	    job->state == DB_JOB_QUEUED)
		dispatch_changed(d, ev->job);
	if (rc == 0 && ch->set_job && ch->job.ended)
		log_info(d->ops.log, "job %s on %s: %s%s%s", ch->job.id, ch->job.host,
		    db_job_state_name(ch->job.state), ch->job.verdict_code[0] ? ": " : "",
		    ch->job.verdict_code);
	free(ch);
	free(job);
	return rc;
}

/* True when the report may be taken although numbers before `first` are missing. */
static bool
gap_is_final(struct dispatch_site *s, int64_t first)
{
	int64_t mono = clock_mono();

	if (s->gap_first != first) {
		s->gap_first = first;
		s->gap_since = mono;
	}
	return mono - s->gap_since >= GAP_ACCEPT_US;
}

static int
record_gap(struct dispatch *d, const struct agent_msg_report *m, int64_t held)
{
	struct event ev = event_make("agent.gap", clock_wall());

	str_clip(ev.site, sizeof(ev.site), m->site);
	event_put_i64(&ev, "from", held + 1);
	event_put_i64(&ev, "to", m->first - 1);
	str_clip(ev.reason, sizeof(ev.reason),
	    "events that the agent had handed over are not in this database");
	log_error(d->ops.log,
	    "site %s: events %lld to %lld of agent %s are lost: was the database "
	    "restored?",
	    m->site, (long long)held + 1, (long long)m->first - 1, m->agent);
	int rc = db_event_add(d->ops.store, &ev, NULL, 0, NULL);
	event_done(&ev);
	return rc;
}

/* In a transaction. *ret_held: the highest number held after it. */
static int
take_events(struct dispatch *d, struct dispatch_site *site, struct agent_msg_report *m,
    int64_t *ret_held)
{
	struct db_agent agent;
	int rc = db_agent_get(d->ops.store, m->agent, &agent);

	if (rc < 0)
		return rc;
	int64_t held = agent.last_seq;
	if (m->n_events > 0 && m->first > held + 1) {
		if (!gap_is_final(site, m->first)) {
			*ret_held = held;
			return 0;
		}
		rc = record_gap(d, m, held);
		held = m->first - 1;
	}
	for (size_t i = 0; rc == 0 && i < m->n_events; i++) {
		int64_t number = m->first + (int64_t)i;
		if (number <= held)
			continue;
		if (m->events[i].site[0] == '\0')
			str_clip(m->events[i].site, sizeof(m->events[i].site), m->site);
		rc = take_event(d, m->agent, number, &m->events[i]);
		held = number;
	}
	if (rc == 0 && held != agent.last_seq)
		rc = db_agent_advance(d->ops.store, m->agent, held);
	*ret_held = held;
	return rc;
}

static int
store_report(struct dispatch *d, struct dispatch_site *site, struct agent_msg_report *m,
    int64_t *ret_held, struct error *err)
{
	struct db *db = store_db(d->ops.store);
	int rc = db_begin(db);

	if (rc == 0)
		rc = take_events(d, site, m, ret_held);
	if (rc == 0)
		rc = db_commit(db);
	if (rc < 0) {
		db_error(db, rc, err, "store the agent's events");
		db_rollback(db);
	}
	return rc;
}

void
dispatch_report(struct dispatch *d, struct rest_request *rq)
{
	struct agent_msg_report m = {.first = 0};
	struct error err = {.code = ""};
	struct db_agent agent;
	int64_t held = 0;
	const json_t *body = rest_body(rq, &err);
	int rc = body ? agent_msg_report_from_json(body, &m, &err) : -EINVAL;
	bool parsed = rc == 0;

	/* What an agent has seen is taken whoever is in charge now: only polls are
	 * refused. */
	if (rc == 0 && db_agent_get(d->ops.store, m.agent, &agent) == -ENOENT) {
		rc = db_agent_seen(d->ops.store, m.agent, m.site, clock_wall(), 0);
		if (rc < 0)
			db_error(store_db(d->ops.store), rc, &err, "note the agent");
	}
	if (rc == 0)
		rc = store_report(d, dispatch_site(d, m.site), &m, &held, &err);
	if (rc < 0) {
		log_error(d->ops.log, "report of an agent refused: %s", err.text);
		dispatch_refuse(rq, &err);
	} else {
		rest_reply(rq, 200,
		    json_pack("{s:i, s:I}", "v", 1, "acked", (json_int_t)held), NULL);
		for (size_t i = 0; i < m.n_calls; i++)
			dispatch_call_answer(
			    d, m.calls[i].id, m.calls[i].power, m.calls[i].reason);
		if (m.n_events > 0)
			d->ops.on_events(d->ops.arg);
	}
	if (parsed)
		agent_msg_report_done(&m);
}
