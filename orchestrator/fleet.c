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
 * before it is asked for, or refused, a slice in one transaction; a slice that cannot be recorded is not asked. A host
 * where it fails has a second row with the code, and what a BMC did is an event of its host, read or not.
 * Failure modes: a host that cannot be asked has its line with the reason, like any other. A client that
 * reads nothing for STALL_US is dropped. */
#include "orchestrator/fleet.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "db/db_bmc.h"
#include "db/db_event.h"
#include "db/db_host.h"
#include "db/db_job.h"
#include "db/db_site.h"
#include "lib/agent_msg.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/holds.h"
#include "orchestrator/orders.h"
#include "orchestrator/presence.h"
#include "orchestrator/rotation.h"
#include "orchestrator/sight.h"

enum {
	QUESTIONS_MAX = 32,
	WINDOW = 4096,	   /* hosts of one question with the agents */
	WINDOW_DATA = 256, /* the same, of verbs whose answers are documents */
	/* A host that has not answered for a while has its place beside the window, of which there are a few times as
	 * many: a dead one delays nobody, and memory is spent only where many are dead. */
	WINDOWS_MAX = 4,
	LATE_US = 1000 * 1000,
	LATE_DATA_US = 20 * 1000 * 1000,
	SLICE = 128, /* hosts looked up per turn of the loop */
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
	size_t in_flight, late, ok, failed;
	struct asked *asked,
	    *fresh; /* with the agents, oldest first; from `fresh` on none is late */
	json_t *document; /* host → {"power","why"}, where that is the answer; or NULL */
	json_t *rows;	  /* of failures, to be audited: [host, code] */
	size_t queued;	  /* octets in the socket after the last line */
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
	struct asked *next, *prev;
	struct question *q;
	int64_t at; /* mono */
	bool late;
	struct rotation rotation;				/* of BMC_VERB_ROTATE */
	char host[BUNDLE_NAME_SIZE], address[BUNDLE_NAME_SIZE]; /* and of its BMC */
	char site[64];
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
	json_decref(q->document);
	json_decref(q->rows);
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

	if (us == 0 || !evtimer_pending(q->pump, NULL))
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

	if (q->document || q->n_told == q->names.n)
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
	json_t *line;

	if (q->document) {
		json_object_set_new(q->document, host,
		    json_pack("{s:s, s:s, s:s}", "host", host, "power", res->power, "why",
			res->reason));
		q->ok++;
		return;
	}
	line = json_pack("{s:s, s:s, s:s, s:s}", "host", host, "code", res->code, "why",
	    res->reason, "power", res->power);
	if (res->data)
		json_object_set(line, "data", res->data);
	if (res->code[0])
		q->failed++;
	else
		q->ok++;
	send_line(q, line);
}

/* Of one that is in the audit as about to be asked. */
static void
audit_failure(struct question *q, const char *host, const char *code)
{
	if (code[0] && bmc_verb_info(q->verb)->audit)
		json_array_append_new(
		    q->rows, json_pack("{s:s, s:s}", "host", host, "code", code));
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

/* What was seen is the host's power from now on, whoever asked; what was not seen changes nothing. */
static void
keep_power(struct question *q, const struct asked *a, const char *power)
{
	struct store *s = q->f->ops.store;
	char how[96];
	const struct sight_answer seen = {
	    a->host, a->site, a->address, a->port, power, how};
	bool own = !db_in_transaction(store_db(s));
	int rc = 0;

	if (!str_eq(power, "on") && !str_eq(power, "off"))
		return;
	str_clip(how, sizeof(how), "asked by ");
	str_clip(how + strlen(how), sizeof(how) - strlen(how), q->who.name);
	if (own)
		rc = db_begin(store_db(s));
	if (rc == 0)
		rc = sight_asked(s, &seen, clock_wall());
	if (rc == 0 && own)
		rc = db_commit(store_db(s));
	if (rc == 0)
		q->f->ops.on_events(q->f->ops.arg);
	if (rc < 0 && own)
		db_rollback(store_db(s));
	if (rc < 0)
		log_error(q->f->ops.log, "%s: its power as seen is not stored: %s",
		    a->host, strerror(-rc));
}

/* "bmc.reset" in the audit is "ipmi.reset" on the host's timeline, with what came of it. */
static void
keep_event(
    struct question *q, const struct asked *a, const struct agent_msg_call_result *res)
{
	const char *what = bmc_verb_info(q->verb)->audit;
	char kind[EVENT_KIND_SIZE];
	struct event ev;
	int rc;

	if (!what ||
	    str_format(kind, sizeof(kind), "ipmi%s", what + strcspn(what, ".")) < 0)
		return;
	ev = event_make(kind, clock_wall());
	str_clip(ev.site, sizeof(ev.site), a->site);
	str_clip(ev.host, sizeof(ev.host), a->host);
	str_clip(ev.reason, sizeof(ev.reason), res->code[0] ? res->reason : q->reason);
	event_put(&ev, "by", q->who.name);
	event_put(&ev, "result", res->code[0] ? res->code : "ok");
	if (res->data)
		json_object_update(ev.detail, res->data);
	rc = db_event_add(q->f->ops.store, &ev, NULL, 0, NULL);
	if (rc < 0)
		log_error(q->f->ops.log, "%s: %s is not on its timeline: %s", a->host,
		    kind, strerror(-rc));
	event_done(&ev);
}

/* Orders that failed leave their traces like those that did not. */
static void
write_rows(struct question *q)
{
	struct store *s = q->f->ops.store;
	bool own = json_array_size(q->rows) > 0 && !db_in_transaction(store_db(s)) &&
		   db_begin(store_db(s)) == 0;
	json_t *row;
	size_t i;
	int rc = 0;

	json_array_foreach (q->rows, i, row) {
		if (rc == 0)
			rc = audit_write(s, &q->who,
			    &(struct audit_row){.what = bmc_verb_info(q->verb)->audit,
				.object = json_string_value(json_object_get(row, "host")),
				.reason = q->reason,
				.result =
				    json_string_value(json_object_get(row, "code"))},
			    clock_wall());
	}
	if (own && rc == 0)
		rc = db_commit(store_db(s));
	if (own && rc < 0)
		db_rollback(store_db(s));
	if (rc < 0)
		log_error(q->f->ops.log,
		    "cannot write the audit rows of orders that failed: %s",
		    strerror(-rc));
	json_array_clear(q->rows);
}

/* What only the inventory knows of how a BMC is talked to, in the form of its manners. K_g itself is told to nobody. */
static void
add_credentials(struct question *q, const char *host, json_t *data)
{
	struct db_host *h = str_alloc(sizeof(*h));
	struct addr_prefix prefixes[BUNDLE_BMC_PREFIXES_MAX];
	json_t *manners = json_object_get(data, "manners");
	size_t n = 0;
	int cipher = 0;
	bool own;

	if (db_host_get(q->f->ops.store, host, h) == 0 && json_is_object(manners) &&
	    db_site_bmc_rules(q->f->ops.store, h->site, prefixes, &n, &cipher) == 0) {
		own = h->require_cipher != DB_HOST_SITES;
		json_object_set_new(manners, "require_cipher",
		    json_pack("{s:i, s:s}", "value", own ? h->require_cipher : cipher,
			"from",
			own	      ? "host"
			: cipher != 0 ? "site"
				      : "default"));
		json_object_set_new(manners, "kg",
		    json_pack("{s:s, s:s}", "value", h->sealed_kg[0] ? "set" : "not set",
			"from", h->sealed_kg[0] ? "host" : "default"));
	}
	free(h);
}

static struct rotation_deps
rotation_deps(const struct question *q)
{
	const struct fleet_ops *o = &q->f->ops;

	return (struct rotation_deps){o->store, o->key, o->rng, o->log};
}

static void
on_answer(void *arg, const struct agent_msg_call_result *res)
{
	struct asked *a = arg;
	struct question *q = a->q;
	struct agent_msg_call_result told = *res;

	if (q->fresh == a)
		q->fresh = a->next;
	DL_DELETE(q->asked, a);
	q->in_flight--;
	q->late -= a->late;
	json_incref(told.data);
	if (q->verb == BMC_VERB_ROTATE) {
		const struct rotation_deps d = rotation_deps(q);

		rotation_end(&d, &a->rotation, &q->who, q->reason, clock_wall(), &told);
	}
	keep_power(q, a, told.power);
	keep_event(q, a, &told);
	if (q->verb == BMC_VERB_PROBE && !told.code[0] && told.data)
		keep_learned(q, a, json_object_get(told.data, "learned"));
	if (q->verb == BMC_VERB_SHOW && told.data)
		add_credentials(q, a->host, told.data);
	answer(q, a->host, &told);
	audit_failure(q, a->host, told.code);
	write_rows(q);
	json_decref(told.data);
	free(a);
	pump_in(q, 0);
}

/* ---- asking ---- */

/* As for orders: nothing is begun where that is held, a locked host is left alone, and a BMC is not taken away from a job. */
static int
may_not(struct store *s, const struct db_host *h, struct error *err)
{
	char job[ID_SIZE], by[64];
	int rc = holds_check(s, h->site, err);

	if (rc < 0)
		return rc;
	if (h->locked_at)
		return error_set(err, -EPERM, "host-locked", "unlock it first",
		    "locked by %s",
		    str_escape(by, sizeof(by), h->locked_by, strlen(h->locked_by)));
	rc = db_job_any_of_host(s, h->host.name, job);
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
	/* An attempt with the wrong password counts at the BMC. */
	if (h->sealed_next[0] && q->verb != BMC_VERB_ROTATE && q->verb != BMC_VERB_SHOW &&
	    q->verb != BMC_VERB_RESUME)
		return error_set(err, -EPERM, "rotation-open", ORDERS_ROTATION_NEXT,
		    "the password of its BMC is being changed: which one it has is not "
		    "settled");
	if (presence_absent(dispatch_silence(q->f->ops.dispatch, h->site)))
		return error_set(err, -ENOENT, "agent-absent",
		    "netboot-ctl agent list shows when it was",
		    "the site's agent is not heard");
	if (q->verb == BMC_VERB_ROTATE && rotation_check_shared(s, h, err) < 0)
		return -EPERM;
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

/* The new password is durable beside the present one before anybody is told of it. */
static int
begin_rotation(struct question *q, struct db_host *h, struct asked *a, struct error *err)
{
	const struct rotation_deps d = rotation_deps(q);

	return rotation_begin(&d, h, clock_wall(), &a->rotation, err);
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
	if (q->verb == BMC_VERB_ROTATE && begin_rotation(q, h, a, &err) < 0) {
		refuse_with(q, name, &err);
		audit_failure(q, name, err.code);
		free(a);
		return;
	}
	a->q = q;
	str_clip(a->host, sizeof(a->host), name);
	str_clip(a->site, sizeof(a->site), h->site);
	str_clip(a->address, sizeof(a->address), h->bmc.address);
	a->port = h->bmc.port;
	a->at = clock_mono();
	DL_APPEND(q->asked, a);
	q->fresh = q->fresh ? q->fresh : a;
	q->in_flight++;
	dispatch_call(q->f->ops.dispatch, h, q->verb, q->args, on_answer, a);
	str_clip(site, 64, h->site);
}

/* How many hosts more may be asked now. */
static size_t
room(struct question *q)
{
	bool has_data = bmc_verb_info(q->verb)->has_data;
	const size_t window = has_data ? WINDOW_DATA : WINDOW;
	int64_t before = clock_mono() - (has_data ? LATE_DATA_US : LATE_US);
	size_t prompt, all;

	for (; q->fresh && q->fresh->at < before; q->fresh = q->fresh->next) {
		q->fresh->late = true;
		q->late++;
	}
	prompt = q->in_flight - q->late;
	all = WINDOWS_MAX * window - q->in_flight;
	prompt = prompt < window ? window - prompt : 0;
	return prompt < all ? prompt : all;
}

static void
ask_slice(struct question *q)
{
	const size_t most = room(q);
	size_t from = q->n_asked, to = from;
	struct db *db = store_db(q->f->ops.store);
	struct db_host *h;
	char site[64], before[64] = "";
	bool reads_only = q->verb != BMC_VERB_ROTATE, reading;

	while (to < q->names.n && to - from < SLICE && to - from < most)
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
	reading = reads_only && db_read_begin(db);
	for (size_t i = from; i < to; i++) {
		ask(q, q->names.v[i], h, site);
		if (before[0] && !str_eq(site, before)) {
			db_read_end(db, reading); /* who is woken may write */
			dispatch_wake(q->f->ops.dispatch, before);
			reading = reads_only && db_read_begin(db);
		}
		str_clip(before, sizeof(before), site);
	}
	db_read_end(db, reading);
	write_rows(q);
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

/* All at once, in the order in which the hosts were named. */
static void
end_document(struct question *q)
{
	struct rest_request *rq = q->rq;
	json_t *items = json_array();

	for (size_t i = 0; i < q->names.n; i++)
		json_array_append(items, json_object_get(q->document, q->names.v[i]));
	question_free(q);
	rest_reply(rq, 200, json_pack("{s:o, s:n}", "items", items, "next"), NULL);
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
		/* With a full window the next answer goes on, or that none has come for a while. */
		pump_in(q, q->n_asked > before ? 0 : LATE_US / 4);
		return;
	}
	if (q->in_flight > 0)
		return;
	if (q->document) {
		end_document(q);
		return;
	}
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
	q->rows = json_array();
	if (ask_for->as_document)
		q->document = json_object();
	q->pump = evtimer_new(f->ops.base, on_pump, q);
	DL_APPEND(f->questions, q);
	f->n++;
	rest_on_gone(rq, on_gone, q);
	if (!q->document)
		rest_stream_start(rq, "application/x-ndjson");
	pump_in(q, 0);
	return 0;
}
