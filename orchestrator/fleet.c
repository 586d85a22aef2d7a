// SPDX-License-Identifier: GPL-3.0-or-later
/* Questions to the BMCs of whole fleets.
 *
 * Entry point: fleet_ask(). A question holds its hosts' names and where it is in them; at most a window of
 * its hosts is with the agents at once, and hosts are looked up a slice per turn of the loop. So ten
 * thousand hosts cost names and a window of calls, and nobody else waits for them. A line is written when
 * an answer comes; while the client does not read, no further hosts are asked.
 *
 * Ownership: a question lives until its last host is answered, or, when its client goes away, until the
 * calls under way have ended; hosts not asked by then are not asked. What changes a machine is audited
 * before it is asked for, or refused, a slice in one transaction; a slice that cannot be recorded is not asked.
 * Failure modes: a host that cannot be asked has its line with the reason, like any other. A client that
 * reads nothing for STALL_US is dropped. */
#include "orchestrator/fleet.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "db/db_bmc.h"
#include "db/db_host.h"
#include "db/db_job.h"
#include "lib/agent_msg.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/orders.h"
#include "orchestrator/presence.h"

enum {
	QUESTIONS_MAX = 32,
	WINDOW = 4096,	   /* hosts of one question with the agents */
	WINDOW_DATA = 256, /* the same, of verbs whose answers are documents */
	SLICE = 128,	   /* hosts looked up per turn of the loop */
	NAMES_PER_LINE = 1000,
	QUEUE_MAX = 1024 * 1024, /* octets that wait for the client */
	RETRY_US = 20 * 1000,	 /* while it does not read */
	STALL_US = 60 * 1000 * 1000,
};

struct question {
	struct question *next, *prev;
	struct fleet *f;
	struct rest_request *rq; /* NULL: the client went away */
	enum bmc_verb verb;
	json_t *args;
	struct audit_who who;
	char reason[BUNDLE_REASON_SIZE];
	struct store_names names;
	size_t n_told;	/* names sent */
	size_t n_asked; /* … and looked up */
	size_t in_flight, ok, failed;
	size_t queued;	       /* octets in the socket after the last line */
	int64_t stalled_since; /* mono; 0: it reads */
	struct event *pump;
};

struct fleet {
	struct fleet_ops ops;
	struct question *questions;
	size_t n;
};

/* One host of a question. */
struct asked {
	struct question *q;
	char host[BUNDLE_NAME_SIZE], address[BUNDLE_NAME_SIZE]; /* and of its BMC */
	int64_t port;
};

struct fleet *
fleet_new(const struct fleet_ops *ops)
{
	struct fleet *f = str_alloc(sizeof(*f));

	f->ops = *ops;
	return f;
}

static void
question_free(struct question *q)
{
	DL_DELETE(q->f->questions, q);
	q->f->n--;
	event_free(q->pump);
	json_decref(q->args);
	store_names_done(&q->names);
	free(q);
}

void
fleet_free(struct fleet *f)
{
	if (!f)
		return;
	while (f->questions)
		question_free(f->questions);
	free(f);
}

static void
pump_in(struct question *q, int64_t us)
{
	const struct timeval tv = {
	    .tv_sec = us / USEC_PER_SEC, .tv_usec = us % USEC_PER_SEC};

	if (!evtimer_pending(q->pump, NULL))
		evtimer_add(q->pump, &tv);
}

/* ---- lines ---- */

/* Takes v. */
static void
send_line(struct question *q, json_t *v)
{
	if (q->rq) {
		char *text = json_text(v);
		size_t len = strlen(text);

		text[len] =
		    '\n'; /* in place of the NUL: rest_stream_send() is told the length */
		q->queued = rest_stream_send(q->rq, text, len + 1);
		free(text);
	}
	json_decref(v);
}

static bool
send_names(struct question *q)
{
	json_t *names;

	if (q->n_told == q->names.n)
		return false;
	names = json_array();
	for (int i = 0; i < NAMES_PER_LINE && q->n_told < q->names.n; i++)
		json_array_append_new(names, json_string(q->names.v[q->n_told++]));
	send_line(q, json_pack("{s:o}", "hosts", names));
	return true;
}

/* The one line of a host. data is referred to. */
static void
answer(struct question *q, const char *host, const struct agent_msg_call_result *res)
{
	json_t *line = json_pack("{s:s, s:s, s:s, s:s}", "host", host, "code", res->code,
	    "why", res->reason, "power", res->power);

	if (res->data)
		json_object_set(line, "data", res->data);
	if (res->code[0])
		q->failed++;
	else
		q->ok++;
	send_line(q, line);
}

static void
refuse_with(struct question *q, const char *host, const struct error *err)
{
	struct agent_msg_call_result res = {.power = "unknown"};

	str_clip(res.code, sizeof(res.code), err->code);
	error_line(err, res.reason, sizeof(res.reason));
	answer(q, host, &res);
}

static void
refuse(struct question *q, const char *host, const char *code, const char *text,
    const char *next)
{
	struct error err;

	error_set(&err, 0, code, next, "%s", text);
	refuse_with(q, host, &err);
}

/* Whether or not anybody still reads. */
static void
keep_learned(struct question *q, const struct asked *a, const json_t *doc)
{
	char *text;
	int rc = -E2BIG;

	if (!json_is_object(doc))
		return;
	text = json_text(doc);
	if (strlen(text) < BUNDLE_BMC_DOC_MAX)
		rc = db_bmc_learned_put(
		    q->f->ops.store, a->host, a->address, a->port, text, clock_wall());
	if (rc < 0)
		log_error(q->f->ops.log,
		    "%s: what was learned of its BMC is not stored: %s", a->host,
		    strerror(-rc));
	free(text);
}

static void
on_answer(void *arg, const struct agent_msg_call_result *res)
{
	struct asked *a = arg;
	struct question *q = a->q;

	q->in_flight--;
	if (q->verb == BMC_VERB_PROBE && !res->code[0] && res->data)
		keep_learned(q, a, json_object_get(res->data, "learned"));
	answer(q, a->host, res);
	free(a);
	pump_in(q, 0);
}

/* ---- asking ---- */

/* As for orders: a locked host is left alone, and a BMC is not taken away from a job. */
static int
may_not(struct store *s, const struct db_host *h, struct error *err)
{
	char job[ID_SIZE], by[64];
	int rc;

	if (h->locked_at)
		return error_set(err, -EPERM, "host-locked", "unlock it first",
		    "locked by %s",
		    str_escape(by, sizeof(by), h->locked_by, strlen(h->locked_by)));
	rc = db_job_open_of_host(s, h->host.name, job);
	if (rc == 0)
		return error_set(err, -EPERM, "host-busy", ORDERS_BUSY_NEXT,
		    "the host has job %s", job);
	if (rc != -ENOENT)
		return db_error(store_db(s), rc, err, "look for the host's job");
	return 0;
}

/* Reads the host; -errno with *err: it is not asked. */
static int
may_ask(struct question *q, const char *name, struct db_host *h, struct error *err)
{
	struct store *s = q->f->ops.store;

	if (db_host_get(s, name, h) < 0)
		return error_set(err, -ENOENT, "host-unknown", NULL,
		    "the host's record cannot be read");
	if (h->bmc.address[0] == '\0')
		return error_set(err, -ENOENT, "no-bmc",
		    "give it one with netboot-ctl host set", "the host has no BMC");
	if (presence_absent(dispatch_silence(q->f->ops.dispatch, h->site)))
		return error_set(err, -ENOENT, "agent-absent",
		    "netboot-ctl agent list shows when it was",
		    "the site's agent is not heard");
	return bmc_verb_info(q->verb)->destructive ? may_not(s, h, err) : 0;
}

/* Each with what became of it: "ok" when it is about to be asked. */
static int
audit_slice(struct question *q, size_t from, size_t to, struct db_host *h)
{
	struct store *s = q->f->ops.store;
	const char *what = bmc_verb_info(q->verb)->audit;
	int rc;

	if (!what)
		return 0;
	rc = db_begin(store_db(s));
	for (size_t i = from; rc == 0 && i < to; i++) {
		struct error err = {.code = "ok"};

		(void)!may_ask(q, q->names.v[i], h, &err);
		rc = audit_write(s, &q->who,
		    &(struct audit_row){.what = what,
			.object = q->names.v[i],
			.reason = q->reason,
			.result = err.code,
			.detail = q->args},
		    clock_wall());
	}
	if (rc == 0)
		rc = db_commit(store_db(s));
	if (rc < 0)
		db_rollback(store_db(s));
	return rc;
}

/* Asks, or answers at once. Writes the site to be woken, or "". */
static void
ask(struct question *q, const char *name, struct db_host *h, char site[64])
{
	struct asked *a;
	struct error err;

	site[0] = '\0';
	if (may_ask(q, name, h, &err) < 0) {
		refuse_with(q, name, &err);
		return;
	}
	a = str_alloc(sizeof(*a));
	a->q = q;
	str_clip(a->host, sizeof(a->host), name);
	str_clip(a->address, sizeof(a->address), h->bmc.address);
	a->port = h->bmc.port;
	q->in_flight++;
	dispatch_call(q->f->ops.dispatch, h, q->verb, q->args, on_answer, a);
	str_clip(site, 64, h->site);
}

static void
ask_slice(struct question *q)
{
	const size_t window = bmc_verb_info(q->verb)->has_data ? WINDOW_DATA : WINDOW;
	size_t from = q->n_asked, to = from;
	struct db_host *h;
	char site[64], before[64] = "";

	while (
	    to < q->names.n && to - from < SLICE && q->in_flight + (to - from) < window)
		to++;
	if (to == from)
		return;
	q->n_asked = to;
	h = str_alloc(sizeof(*h));
	if (audit_slice(q, from, to, h) < 0) {
		log_error(q->f->ops.log, "%s: cannot be recorded, and is not done",
		    bmc_verb_info(q->verb)->name);
		for (size_t i = from; i < to; i++)
			refuse(q, q->names.v[i], "db-error",
			    "the order cannot be recorded, and was not given",
			    "netboot-ctl doctor says what is wrong with the database");
		free(h);
		return;
	}
	for (size_t i = from; i < to; i++) {
		ask(q, q->names.v[i], h, site);
		if (before[0] && !str_eq(site, before))
			dispatch_wake(q->f->ops.dispatch, before);
		str_clip(before, sizeof(before), site);
	}
	if (before[0])
		dispatch_wake(q->f->ops.dispatch, before);
	free(h);
}

/* Does the client read? Asked while much waits for it; drops one that has stopped reading. */
static bool
reads(struct question *q, size_t most)
{
	int64_t mono = clock_mono();

	q->queued = rest_stream_waiting(q->rq);
	if (q->queued <= most) {
		q->stalled_since = 0;
		return true;
	}
	if (q->stalled_since == 0)
		q->stalled_since = mono;
	if (mono - q->stalled_since >= STALL_US) {
		struct rest_request *rq = q->rq;

		log_info(
		    q->f->ops.log, "a client does not read its answer; it is dropped");
		q->rq = NULL;
		rest_stream_end(rq);
	}
	return false;
}

static void
end(struct question *q)
{
	struct rest_request *rq = q->rq;

	question_free(q);
	if (rq)
		rest_stream_end(rq);
}

static void
on_pump(evutil_socket_t fd, short what, void *arg)
{
	struct question *q = arg;

	(void)fd;
	(void)what;
	if (q->rq && q->queued > QUEUE_MAX && !reads(q, QUEUE_MAX)) {
		pump_in(q, RETRY_US);
		return;
	}
	if (!q->rq) {
		if (q->in_flight == 0)
			question_free(q);
		return;
	}
	if (send_names(q)) {
		pump_in(q, 0);
		return;
	}
	if (q->n_asked < q->names.n) {
		size_t before = q->n_asked;

		ask_slice(q);
		/* With a full window the next answer goes on. */
		if (q->n_asked > before)
			pump_in(q, 0);
		return;
	}
	if (q->in_flight > 0)
		return;
	if (q->ok + q->failed == q->names.n) {
		send_line(q, json_pack("{s:{s:I, s:I, s:I}}", "done", "hosts",
				 (json_int_t)q->names.n, "ok", (json_int_t)q->ok,
				 "failed", (json_int_t)q->failed));
		q->failed++; /* said */
	}
	if (reads(q, REST_STREAM_LINGER_MAX))
		end(q);
	else
		pump_in(q, RETRY_US);
}

static void
on_gone(void *arg)
{
	struct question *q = arg;

	q->rq = NULL;
	pump_in(q, 0);
}

int
fleet_ask(struct fleet *f, struct rest_request *rq, struct fleet_question *ask_for,
    struct error *err)
{
	struct question *q;

	if (f->n >= QUESTIONS_MAX)
		return error_set(err, -EAGAIN, "busy", "ask again in a minute",
		    "%d questions to BMCs are open already", QUESTIONS_MAX);
	q = str_alloc(sizeof(*q));
	q->f = f;
	q->rq = rq;
	q->verb = ask_for->verb;
	q->args = json_incref(ask_for->args);
	q->who = *ask_for->who;
	str_clip(q->reason, sizeof(q->reason), ask_for->reason);
	q->names = *ask_for->names;
	*ask_for->names = (struct store_names){.n = 0};
	q->pump = evtimer_new(f->ops.base, on_pump, q);
	DL_APPEND(f->questions, q);
	f->n++;
	rest_on_gone(rq, on_gone, q);
	rest_stream_start(rq, "application/x-ndjson");
	pump_in(q, 0);
	return 0;
}
