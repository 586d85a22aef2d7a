// SPDX-License-Identifier: GPL-3.0-or-later
/* Agents' reports as they come in: decoded, recorded (record.c) in one transaction, acknowledged after
 * it is durable.
 *
 * Entry point: dispatch_report(). Failure modes: a database that fails takes nothing of the report; the
 * agent keeps its events and comes again. An event that cannot be decoded is recorded as such in its
 * place: refusing it would hold up every later one for good. (One that the database refuses: record.c.) */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_agent.h"
#include "lib/clock.h"
#include "lib/str.h"
#include "orchestrator/dispatch_priv.h"
#include "orchestrator/record.h"

struct telling {
	struct dispatch *d;
	const struct agent_msg_report *m;
	bool ended; /* a job has: the agent has room for another */
};

static void
on_job(void *arg, const struct db_job *before, const struct db_job *after)
{
	struct telling *t = arg;

	t->ended = t->ended || after->ended;
	/* Accepted or ended: what it was told last is of no more use. */
	if (before->state == DB_JOB_QUEUED || after->ended)
		dispatch_changed(t->d, after->id);
	if (after->ended)
		log_info(t->d->ops.log, "job %s on %s: %s%s%s", after->id, after->host,
		    db_job_state_name(after->state), after->verdict_code[0] ? ": " : "",
		    after->verdict_code);
}

static void
on_ignored(void *arg, int64_t number, const struct event *ev, const char *why)
{
	const struct telling *t = arg;
	char kind[64], job[64];

	log_warn(t->d->ops.log, "agent %s: event %lld (%s, job %s): %s", t->m->agent,
	    (long long)number, str_escape(kind, sizeof(kind), ev->kind, strlen(ev->kind)),
	    str_escape(job, sizeof(job), ev->job, strlen(ev->job)), why);
}

static void
on_lost(void *arg, int64_t from, int64_t to)
{
	const struct telling *t = arg;

	log_error(t->d->ops.log,
	    "site %s: events %lld to %lld of agent %s are lost: was the database "
	    "restored?",
	    t->m->site, (long long)from, (long long)to, t->m->agent);
}

static int
store_report(struct dispatch *d, struct dispatch_site *site, struct agent_msg_report *m,
    int64_t *ret_held, bool *ret_ended, struct error *err)
{
	struct db *db = store_db(d->ops.store);
	struct telling t = {d, m, false};
	const struct record_ops ops = {on_job, on_ignored, on_lost, &t};
	const struct record_clock now = {clock_wall(), clock_mono()};
	int rc = db_begin(db);

	if (rc == 0)
		rc = record_take(d->ops.store, m, &site->gap, now, &ops, ret_held);
	if (rc == 0)
		rc = db_commit(db);
	if (rc < 0) {
		db_error(db, rc, err, "store the agent's events");
		db_rollback(db);
	}
	*ret_ended = t.ended;
	return rc;
}

/* Puts a readable event in the place of each that cannot be decoded. */
static void
replace_unreadable(struct dispatch *d, json_t *body)
{
	json_t *list = json_object_get(body, "events"), *item;
	size_t i;

	json_array_foreach (list, i, item) {
		struct event ev;
		struct error err = {.code = ""};
		if (event_from_json(item, &ev, &err) == 0) {
			event_done(&ev);
			continue;
		}
		log_error(d->ops.log,
		    "an agent's event cannot be read and is recorded as such: %s",
		    err.text);
		ev = event_make("agent.unreadable", clock_wall());
		str_clip(ev.reason, sizeof(ev.reason), err.text);
		json_array_set_new(list, i, event_to_json(&ev));
		event_done(&ev);
	}
}

static int
read_report(struct dispatch *d, struct rest_request *rq, struct agent_msg_report *ret,
    struct error *err)
{
	json_t *body = rest_body(rq, err);

	if (!body)
		return -EINVAL;
	if (agent_msg_report_from_json(body, ret, err) == 0)
		return 0;
	replace_unreadable(d, body);
	return agent_msg_report_from_json(body, ret, err);
}

void
dispatch_report(struct dispatch *d, struct rest_request *rq)
{
	struct agent_msg_report m = {.first = 0};
	struct error err = {.code = ""};
	struct db_agent agent;
	int64_t held = 0;
	int rc = read_report(d, rq, &m, &err);
	bool parsed = rc == 0, ended = false;

	/* What an agent has seen is taken whoever is in charge now: only polls are
	 * refused. */
	if (rc == 0 && db_agent_get(d->ops.store, m.agent, &agent) == -ENOENT) {
		rc = db_agent_seen(d->ops.store, m.agent, m.site, clock_wall(), 0);
		if (rc < 0)
			db_error(store_db(d->ops.store), rc, &err, "note the agent");
	}
	if (rc == 0)
		rc = store_report(d, dispatch_site(d, m.site), &m, &held, &ended, &err);
	if (rc < 0) {
		log_error(d->ops.log, "report of an agent refused: %s", err.text);
		dispatch_refuse(rq, &err);
	} else {
		rest_reply(rq, 200,
		    json_pack("{s:i, s:I}", "v", 1, "acked", (json_int_t)held), NULL);
		dispatch_call_answers(d, dispatch_site(d, m.site), m.calls, m.n_calls);
		/* What BMCs did is an event, too. */
		if (m.n_events > 0 || m.n_calls > 0)
			d->ops.on_events(d->ops.arg);
		if (ended && dispatch_site(d, m.site)->full)
			dispatch_wake(d, m.site);
	}
	if (parsed)
		agent_msg_report_done(&m);
}
