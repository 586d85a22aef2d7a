// SPDX-License-Identifier: GPL-3.0-or-later
/* Agents' reports as they come in: decoded, recorded (record.c) and acknowledged after they are durable.
 *
 * What has come in one turn of the loop shares one transaction, since with a thousand sites each of its own would keep the disk
 * busy with nothing but commits; answers leave after the commit. Within it each report is a part that may be undone alone, so that
 * one which fails takes no other with it. Where the commit itself fails, its reports are tried again each by itself.
 *
 * A turn lasts TURN_US, and of one report at most SLICE events are taken in it; what is left goes to the end of the queue. So neither
 * a big report nor many hold up polls, people, or another site's report; and of one site no more than SITE_MAX wait, nor more
 * than SITE_OCTETS of text, which takes many times that as documents.
 *
 * Entry points: dispatch_report(), dispatch_report_free_all(). A report that waits is owned by the queue; its client may go away
 * meanwhile, and it is recorded all the same.
 * Failure modes: a database that fails takes no more of the report; the agent keeps those events and comes again. An event that cannot
 * be decoded is recorded as such in its place: refusing it would hold up every later one for good. (One that the database refuses:
 * record.c.) */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_agent.h"
#include "lib/clock.h"
#include "lib/str.h"
#include "orchestrator/dispatch_priv.h"
#include "orchestrator/record.h"

enum {
	SLICE = 50,
	TURN_US = 20 * 1000,
	SITE_MAX = 8,
	SITE_OCTETS =
	    16 * 1024 * 1024, /* of their texts; of one alone as many as it has */
	PACKED_MAX =
	    8 * 1024 * 1024, /* an agent's are of a megabyte, and answers to calls */
	ALL_MAX = 8192,
};

struct dispatch_waiting {
	struct dispatch_waiting *next, *prev;
	struct dispatch *d;
	struct rest_request *rq; /* NULL: the client went away */
	struct dispatch_site *site;
	struct agent_msg_report m;
	size_t octets; /* of its text */
	int64_t held;
	int64_t durable;		 /* of it the last number that is; 0: none */
	bool ended;			 /* a job has: the agent has room for another */
	bool whole;			 /* nothing of it is left */
	bool alone;			 /* in a transaction of its own */
	struct dispatch_foreign foreign; /* in this turn */
	struct error err;		 /* code "": it was taken */
};

static void
on_job(void *arg, const struct db_job *before, const struct db_job *after)
{
	struct dispatch_waiting *w = arg;

	w->ended = w->ended || after->ended;
	/* Accepted or ended: what it was told last is of no more use. */
	if (before->state == DB_JOB_QUEUED || after->ended)
		dispatch_changed(w->d, after->id);
	if (after->ended)
		log_info(w->d->ops.log, "job %s on %s: %s%s%s", after->id, after->host,
		    db_job_state_name(after->state), after->verdict_code[0] ? ": " : "",
		    after->verdict_code);
}

static void
on_ignored(void *arg, int64_t number, const struct event *ev, const char *why)
{
	const struct dispatch_waiting *w = arg;
	char kind[64], job[64];

	log_warn(w->d->ops.log, "agent %s: event %lld (%s, job %s): %s", w->m.agent,
	    (long long)number, str_escape(kind, sizeof(kind), ev->kind, strlen(ev->kind)),
	    str_escape(job, sizeof(job), ev->job, strlen(ev->job)), why);
}

static void
on_foreign(void *arg, int64_t number, const struct event *note,
    const struct agent_scope_finding *f)
{
	struct dispatch_waiting *w = arg;

	log_debug(w->d->ops.log, "agent %s: event %lld (%s): %s", w->m.agent,
	    (long long)number, event_str(note, "said_kind"), f->text);
	if (f->verdict == AGENT_SCOPE_FOREIGN)
		dispatch_foreign_note(&w->foreign, w->m.agent, f->code, f->text);
}

/* Answers to what another agent was asked: dropped when the answers are given out, and told. */
static void
note_calls(struct dispatch_waiting *w)
{
	char text[EVENT_REASON_SIZE];
	size_t n = dispatch_call_foreign(w->d, w->site, w->m.calls, w->m.n_calls);

	if (n == 0 || str_format(text, sizeof(text),
			  "the agent of site %s answered a question that another site's "
			  "agent was asked",
			  w->m.site) < 0)
		return;
	while (n-- > 0)
		dispatch_foreign_note(
		    &w->foreign, w->m.agent, "call-of-another-site", text);
}

static void
on_lost(void *arg, int64_t from, int64_t to)
{
	const struct dispatch_waiting *w = arg;

	log_error(w->d->ops.log,
	    "site %s: events %lld to %lld of agent %s are lost: was the database "
	    "restored?",
	    w->m.site, (long long)from, (long long)to, w->m.agent);
}

/* What an agent has seen is taken whoever is in charge now: only polls are refused. */
static int
record(struct dispatch_waiting *w)
{
	struct store *s = w->d->ops.store;
	const struct record_ops ops = {.on_job = on_job,
	    .on_ignored = on_ignored,
	    .on_foreign = on_foreign,
	    .on_lost = on_lost,
	    .limit = SLICE,
	    .arg = w};
	const struct record_clock now = {clock_wall(), clock_mono()};
	struct db_agent agent;
	int rc = db_agent_get(s, w->m.agent, &agent);

	w->foreign = (struct dispatch_foreign){.n = 0};
	if (rc == -ENOENT)
		rc = db_agent_seen(s, w->m.agent, w->m.site, now.wall, 0);
	if (rc == 0)
		rc = record_take(s, &w->m, &w->site->gap, now, &ops, &w->held);
	/* Before its first number: it leaves some out, and is not taken. */
	w->whole = w->held < w->m.first - 1 ||
		   w->held >= w->m.first + (int64_t)w->m.n_events - 1;
	if (rc == 0 && w->whole)
		note_calls(w);
	return rc < 0 ? rc : dispatch_foreign_audit(w->d, w->site, &w->foreign);
}

/* A part of the turn's transaction; an errno: that is lost as a whole. */
static int
take_part(struct dispatch_waiting *w)
{
	struct db *db = store_db(w->d->ops.store);
	int rc = db_part_begin(db);

	if (rc < 0)
		return rc;
	rc = record(w);
	if (rc == 0)
		return db_part_end(db);
	db_error(db, rc, &w->err, "store the agent's events");
	/* On some failures the engine itself has undone everything. */
	return db_in_transaction(db) ? db_part_undo(db) : rc;
}

static void
waiting_free(struct dispatch_waiting *w)
{
	w->site->n_reports--;
	w->site->octets -= w->octets;
	w->d->n_reports--;
	agent_msg_report_done(&w->m);
	free(w);
}

static void
acknowledge(struct dispatch_waiting *w);

/* What was taken of it in turns before is the orchestrator's. */
static void
refuse(struct dispatch_waiting *w)
{
	if (w->durable > 0) {
		w->held = w->durable;
		acknowledge(w);
		return;
	}
	log_error(w->d->ops.log, "report of an agent refused: %s", w->err.text);
	if (w->rq)
		dispatch_refuse(w->rq, &w->err);
	waiting_free(w);
}

static void
acknowledge(struct dispatch_waiting *w)
{
	struct dispatch *d = w->d;
	struct dispatch_site *site = w->site;
	bool room = w->ended && site->full;

	if (w->rq)
		rest_reply(w->rq, 200,
		    json_pack("{s:i, s:I}", "v", 1, "acked", (json_int_t)w->held), NULL);
	w->rq = NULL;
	dispatch_call_answers(d, site, w->m.calls, w->m.n_calls);
	/* What BMCs did is an event, too. */
	if (w->m.n_events > 0 || w->m.n_calls > 0)
		d->ops.on_events(d->ops.arg);
	waiting_free(w);
	if (room)
		dispatch_wake(d, site->name);
}

/* Of a transaction that is durable. */
static void
settle(struct dispatch *d, struct dispatch_waiting *taken)
{
	struct dispatch_waiting *w, *next;

	DL_FOREACH_SAFE(taken, w, next)
	{
		DL_DELETE(taken, w);
		if (!w->err.code[0])
			dispatch_foreign_done(d, w->site, &w->foreign);
		if (w->err.code[0]) {
			refuse(w);
		} else if (w->whole) {
			acknowledge(w);
		} else {
			w->durable = w->held;
			DL_APPEND(d->reports, w);
			d->ops.on_events(d->ops.arg);
		}
	}
}

/* Of one that is lost: whose fault it was is not known, unless there was but one in it. */
static void
lost(struct dispatch *d, struct dispatch_waiting *taken, const struct error *why)
{
	struct dispatch_waiting *w;

	if (taken && taken->next == NULL) {
		if (!taken->err.code[0])
			taken->err = *why;
		refuse(taken);
		return;
	}
	DL_FOREACH (taken, w) {
		w->alone = true;
		w->err = (struct error){.code = ""};
	}
	DL_CONCAT(taken, d->reports);
	d->reports = taken;
}

/* Some of those that wait, in order, into the open transaction. */
static int
take_some(struct dispatch *d, struct dispatch_waiting **ret_taken)
{
	int64_t until = clock_mono() + TURN_US;
	int rc = 0;

	while (rc == 0 && d->reports && !(d->reports->alone && *ret_taken)) {
		struct dispatch_waiting *w = d->reports;

		DL_DELETE(d->reports, w);
		DL_APPEND(*ret_taken, w);
		rc = take_part(w);
		if (w->alone || clock_mono() >= until)
			break;
	}
	return rc;
}

static void
arm(struct dispatch *d)
{
	const struct timeval soon = {0, 0};

	evtimer_add(d->turn, &soon);
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct dispatch *d = arg;
	struct db *db = store_db(d->ops.store);
	struct dispatch_waiting *taken = NULL;
	struct error err = {.code = ""};
	int rc = db_begin(db);

	(void)fd;
	(void)what;
	if (rc < 0) { /* nobody's fault; the first of them hears of it */
		taken = d->reports;
		DL_DELETE(d->reports, taken);
		taken->next = NULL;
	} else {
		rc = take_some(d, &taken);
	}
	if (rc == 0)
		rc = db_commit(db);
	if (rc < 0) {
		db_error(db, rc, &err, "store the agents' events");
		db_rollback(db);
		lost(d, taken, &err);
	} else {
		settle(d, taken);
	}
	if (d->reports)
		arm(d);
}

static void
on_gone(void *arg)
{
	struct dispatch_waiting *w = arg;

	w->rq = NULL;
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
		if (agent_msg_event_from_json(item, &ev, &err) == 0) {
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
    size_t *ret_octets, struct error *err)
{
	json_t *body = rest_body_packed(rq, PACKED_MAX, ret_octets, err);

	if (!body)
		return -EINVAL;
	if (agent_msg_report_from_json(body, ret, err) == 0)
		return 0;
	replace_unreadable(d, body);
	return agent_msg_report_from_json(body, ret, err);
}

static int
room_for(struct dispatch *d, const struct dispatch_site *site, size_t octets,
    struct error *err)
{
	bool large = site->n_reports > 0 && site->octets + octets > SITE_OCTETS;

	if (site->n_reports < SITE_MAX && d->n_reports < ALL_MAX && !large)
		return 0;
	return error_set(err, -EAGAIN, "busy", "the agent comes again by itself",
	    "site %s: %zu reports of it wait, %zu in all", site->name, site->n_reports,
	    d->n_reports);
}

void
dispatch_report(struct dispatch *d, struct rest_request *rq)
{
	struct agent_msg_report m = {.first = 0};
	struct error err = {.code = ""};
	struct dispatch_site *site = NULL;
	size_t octets = 0;
	int rc = read_report(d, rq, &m, &octets, &err);

	if (rc == 0) {
		site = dispatch_site(d, m.site);
		rc = room_for(d, site, octets, &err);
	}
	if (rc == 0)
		dispatch_clock_note(d, site, m.agent, &m.clock, 0);
	if (rc < 0) {
		log_error(d->ops.log, "report of an agent refused: %s", err.text);
		dispatch_refuse(rq, &err);
		agent_msg_report_done(&m);
		return;
	}
	struct dispatch_waiting *w = str_alloc(sizeof(*w));
	w->d = d;
	w->rq = rq;
	w->site = site;
	w->m = m;
	w->octets = octets;
	rest_on_gone(rq, on_gone, w);
	if (!d->turn)
		d->turn = evtimer_new(d->ops.base, on_turn, d);
	if (!d->reports)
		arm(d);
	DL_APPEND(d->reports, w);
	site->n_reports++;
	site->octets += octets;
	d->n_reports++;
}

void
dispatch_report_free_all(struct dispatch *d)
{
	struct dispatch_waiting *w, *next;

	DL_FOREACH_SAFE(d->reports, w, next)
	{
		DL_DELETE(d->reports, w);
		waiting_free(w);
	}
	if (d->turn)
		event_free(d->turn);
}
