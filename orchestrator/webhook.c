// SPDX-License-Identifier: GPL-3.0-or-later
/* Webhooks: which events are to be told to whom, in what order, and until when.
 *
 *     event table ──webhook_note──► noted ──webhook_flush──► queued ──send──► delivered (the row is gone)
 *                                             │ full           │  ▲ on_answer: after a growing pause
 *                                             ▼                ▼  │
 *                                          dropped          failed ──give_up──► given up (kept a month)
 *
 * Entry points: webhook_note() and webhook_flush() for the tail of the event table, webhook_test(), webhook_json().
 * The number up to which events were looked at is written with the rows that came of them, so that after a crash none
 * is left out and none is queued twice. A row is deleted after its receiver said 2xx: a crash in between repeats the
 * delivery under the same id. Each webhook has one delivery on its way at a time, in order of the events; one that is
 * down holds up nobody else. What its receiver does not take for GIVE_UP_US is given up, and so is a body that it
 * calls wrong, so that the next ones pass; not before ATTEMPTS_MIN attempts, since the orchestrator may have been off
 * for all that time, and not by one answer after an outage, which may be a proxy's.
 *
 * Ownership: the program object owns it; the configuration is borrowed. Failure modes: without the database nothing is
 * sent, and it is tried again. What is dropped or given up is an event, a counter, and a line in the log; events about
 * a webhook are never told to that webhook. */
#include "orchestrator/webhook.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_event.h"
#include "db/db_job.h"
#include "lib/clock.h"
#include "lib/id.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/webhook_body.h"
#include "orchestrator/webhook_priv.h"

enum { ATTEMPTS_MIN = 10, REFUSALS_MIN = 3, CURSOR_LAG = 5000, GIVEN_UP_SHOWN = 20 };

#define DAY_US (24LL * 3600 * USEC_PER_SEC)
#define GIVE_UP_US (3 * DAY_US)
#define KEEP_US (30 * DAY_US)

struct noted {
	struct webhook_hook *hook;
	int64_t seq;
	char kind[EVENT_KIND_SIZE];
	char host[EVENT_NAME_SIZE];
};

struct webhook {
	struct webhook_ops ops;
	struct http_client *client;
	struct webhook_hook *hooks;
	size_t n;
	int64_t cursor; /* as it is stored */
	struct noted *noted;
	size_t n_noted, cap;
};

static void
consider(struct webhook_hook *h);

static void
end_test(struct webhook_hook *h, const struct webhook_attempt *a)
{
	h->test = NULL;
	const struct webhook_result result = {.status = a->status,
	    .error = a->error,
	    .id = h->test_id,
	    .to = h->origin,
	    .us = clock_mono() - h->test_began};
	h->test_done(h->test_arg, &result);
}

/* ---- the start ---- */

static bool
configured(const struct webhook *w, const char *name)
{
	for (size_t i = 0; i < w->n; i++)
		if (str_eq(w->hooks[i].c->name, name))
			return true;
	return false;
}

static int
forget_others(struct webhook *w, const struct store_names *known)
{
	for (size_t i = 0; i < known->n; i++) {
		if (configured(w, known->v[i]))
			continue;
		log_info(w->ops.log,
		    "webhook %s is configured no more: its queue is dropped",
		    known->v[i]);
		int rc = db_webhook_delete(w->ops.store, known->v[i]);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* The first webhooks ever begin with the events that come from now on. */
static int
start_cursor(struct webhook *w, bool first)
{
	int64_t newest = 0;
	int rc = db_webhook_cursor(w->ops.store, &w->cursor);

	if (rc == 0 && !first)
		return 0;
	if (rc < 0 && rc != -ENOENT)
		return rc;
	rc = db_event_last(w->ops.store, &newest);
	if (rc == 0)
		rc = db_webhook_cursor_set(w->ops.store, newest);
	w->cursor = newest;
	return rc;
}

static int
read_hook(struct store *s, struct webhook_hook *h)
{
	struct db_webhook row;
	int rc = db_webhook_get(s, h->c->name, &row);

	if (rc < 0)
		return rc;
	h->since = row.since;
	return db_webhook_queued(s, h->c->name, &h->queued);
}

static int
settle(struct webhook *w)
{
	struct store_names known = {0};
	struct db *db = store_db(w->ops.store);
	int rc = db_webhook_names(w->ops.store, &known);
	bool first = known.n == 0;
	int64_t newest = 0;

	if (rc == 0)
		rc = db_begin(db);
	if (rc == 0)
		rc = db_event_last(w->ops.store, &newest);
	if (rc == 0)
		rc = forget_others(w, &known);
	for (size_t i = 0; rc == 0 && i < w->n; i++)
		rc = db_webhook_add(w->ops.store, w->hooks[i].c->name, newest);
	if (rc == 0 && w->n > 0)
		rc = start_cursor(w, first);
	if (rc == 0)
		rc = db_commit(db);
	else
		db_rollback(db);
	for (size_t i = 0; rc == 0 && i < w->n; i++)
		rc = read_hook(w->ops.store, &w->hooks[i]);
	store_names_done(&known);
	return rc;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct webhook_hook *h = arg;

	(void)fd;
	(void)what;
	h->due = 0;
	consider(h);
}

static void
set_timer(struct webhook_hook *h, int64_t ms)
{
	const struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	h->due = clock_mono() + ms * USEC_PER_MSEC;
	evtimer_add(h->timer, &tv);
}

static void
begin_series(struct webhook *w, const char *name)
{
	static const char *const results[] = {"ok", "refused", "failed"};

	for (size_t i = 0; i < ARRAY_SIZE(results); i++)
		metrics_add(
		    w->ops.metrics, METRICS_WEBHOOK_ATTEMPTS, name, results[i], 0);
	metrics_add(w->ops.metrics, METRICS_WEBHOOK_DROPPED, name, NULL, 0);
	metrics_add(w->ops.metrics, METRICS_WEBHOOK_GAVE_UP, name, NULL, 0);
}

int
webhook_new(const struct webhook_ops *ops, struct webhook **ret, struct error *err)
{
	struct webhook *w = str_alloc(sizeof(*w));

	w->ops = *ops;
	w->n = ops->n;
	w->cursor = -1;
	w->hooks = str_alloc((w->n + 1) * sizeof(w->hooks[0]));
	w->client = http_client_new_anywhere(ops->base);
	for (size_t i = 0; i < w->n; i++) {
		struct webhook_hook *h = &w->hooks[i];
		h->w = w;
		h->c = &ops->list[i];
		h->timer = evtimer_new(ops->base, on_timer, h);
		if (!h->timer)
			abort();
		webhook_config_origin(h->c->url, h->origin, sizeof(h->origin));
		begin_series(w, h->c->name);
	}
	int rc = settle(w);
	if (rc < 0) {
		db_error(store_db(ops->store), rc, err, "read the webhooks' queues");
		webhook_free(w);
		return rc;
	}
	webhook_prune(w);
	for (size_t i = 0; i < w->n; i++)
		set_timer(&w->hooks[i], 0);
	*ret = w;
	return 0;
}

void
webhook_free(struct webhook *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->n; i++) {
		event_free(w->hooks[i].timer);
		if (w->hooks[i].test)
			end_test(
			    &w->hooks[i], &(struct webhook_attempt){
					      .error = "the orchestrator is ending"});
	}
	http_client_free(w->client);
	free(w->hooks);
	free(w->noted);
	free(w);
}

int64_t
webhook_cursor(const struct webhook *w)
{
	return w->cursor;
}

/* ---- what is to be told ---- */

static bool
wants(const struct webhook_hook *h, const struct event *ev)
{
	/* Its own trouble would feed on itself. */
	if (str_has_prefix(ev->kind, "webhook.") &&
	    str_eq(event_str(ev, "webhook"), h->c->name))
		return false;
	for (unsigned i = 0; i < h->c->n_on; i++)
		if (webhook_body_match(h->c->on[i], ev))
			return true;
	return false;
}

void
webhook_note(struct webhook *w, int64_t seq, const struct event *ev)
{
	for (size_t i = 0; i < w->n; i++) {
		/* What is looked at again for one webhook is no news for one that was added since. */
		if (seq <= w->hooks[i].since || !wants(&w->hooks[i], ev))
			continue;
		if (w->n_noted == w->cap) {
			w->cap = w->cap ? 2 * w->cap : 64;
			w->noted = str_realloc(w->noted, w->cap * sizeof(w->noted[0]));
		}
		struct noted *n = &w->noted[w->n_noted++];
		*n = (struct noted){.hook = &w->hooks[i], .seq = seq};
		str_clip(n->kind, sizeof(n->kind), ev->kind);
		str_clip(n->host, sizeof(n->host), ev->host);
	}
}

/* Within a transaction. */
static int
tell_event(struct webhook_hook *h, const char *kind, int64_t n, const char *why)
{
	struct event ev = event_make(kind, clock_wall());

	event_put(&ev, "webhook", h->c->name);
	event_put_i64(&ev, "n", n);
	str_clip(ev.reason, sizeof(ev.reason), why);
	int rc = db_event_add(h->w->ops.store, &ev, NULL, 0, NULL);
	event_done(&ev);
	return rc;
}

static int
queue_one(struct webhook *w, const struct noted *n)
{
	struct webhook_hook *h = n->hook;
	struct db_webhook_delivery d = {.seq = n->seq, .created = clock_wall()};
	bool added = false;

	if (h->queued + h->adding >= WEBHOOK_QUEUE_MAX) {
		h->dropping++;
		return 0;
	}
	id_make(d.created, w->ops.rng, d.id);
	str_clip(d.webhook, sizeof(d.webhook), h->c->name);
	str_clip(d.kind, sizeof(d.kind), n->kind);
	str_clip(d.host, sizeof(d.host), n->host);
	int rc = db_webhook_queue(w->ops.store, &d, &added);
	h->adding += added;
	return rc;
}

/* What is dropped is told when it begins, and once more, with the sum, when there is room again. */
static int
write_dropped(struct webhook_hook *h)
{
	if (h->dropping == 0)
		return 0;
	int rc = db_webhook_dropped(h->w->ops.store, h->c->name, h->dropping);
	if (rc == 0 && !h->full)
		rc = tell_event(h, "webhook.dropped", h->dropping,
		    "its queue is full: what it would have been told is left out");
	return rc;
}

static int
write_noted(struct webhook *w, int64_t seq)
{
	struct db *db = store_db(w->ops.store);
	int rc = db_begin(db);

	for (size_t i = 0; i < w->n; i++)
		w->hooks[i].adding = w->hooks[i].dropping = 0;
	for (size_t i = 0; rc == 0 && i < w->n_noted; i++)
		rc = queue_one(w, &w->noted[i]);
	for (size_t i = 0; rc == 0 && i < w->n; i++)
		rc = write_dropped(&w->hooks[i]);
	if (rc == 0)
		rc = db_webhook_cursor_set(w->ops.store, seq);
	if (rc == 0)
		rc = db_commit(db);
	if (rc < 0)
		db_rollback(db);
	return rc;
}

/* After the commit. */
static void
take_written(struct webhook_hook *h)
{
	struct webhook *w = h->w;

	h->queued += h->adding;
	if (h->dropping > 0) {
		metrics_add(w->ops.metrics, METRICS_WEBHOOK_DROPPED, h->c->name, NULL,
		    (double)h->dropping);
		if (!h->full)
			log_error(w->ops.log,
			    "webhook %s: %d wait for %s: what comes now is dropped",
			    h->c->name, WEBHOOK_QUEUE_MAX, h->origin);
		h->full = true;
		h->left_out += h->dropping;
	}
	if (h->adding > 0)
		consider(h);
}

int
webhook_flush(struct webhook *w, int64_t seq, bool keep)
{
	int rc = 0;

	if (w->n > 0 && keep && (w->n_noted > 0 || seq - w->cursor >= CURSOR_LAG)) {
		rc = write_noted(w, seq);
		if (rc == 0)
			w->cursor = seq;
		for (size_t i = 0; rc == 0 && i < w->n; i++)
			take_written(&w->hooks[i]);
	}
	w->n_noted = 0;
	return rc;
}

/* ---- how it ended ---- */

/* What waited too long, and a body that is wrong. Within a transaction. */
static int
give_up(
    struct webhook_hook *h, const struct webhook_attempt *a, int64_t now, int64_t *ret)
{
	struct webhook *w = h->w;
	bool tried = h->now.attempts + 1 >= ATTEMPTS_MIN;
	bool wrong = a->gone || (tried && webhook_body_refused(a->status) &&
				    h->refusals + 1 >= REFUSALS_MIN);
	int rc = 0;

	*ret = 0;
	if (wrong)
		rc = db_webhook_give_up(w->ops.store, &h->now);
	if (rc == 0 && tried)
		rc = db_webhook_expire(
		    w->ops.store, h->c->name, now - GIVE_UP_US, now, a->error, ret);
	*ret += wrong;
	return rc == 0 && *ret > 0 ? tell_event(h, "webhook.gave-up", *ret, a->error)
				   : rc;
}

/* Not at the first free place, or the next one dropped would be told anew each time. */
static bool
has_room(const struct webhook_hook *h, const struct webhook_attempt *a, int64_t given_up)
{
	return h->full &&
	       (given_up > 0 || (a->ok && h->queued - 1 <= WEBHOOK_QUEUE_MAX / 10 * 9));
}

static int
write_end(struct webhook_hook *h, const struct webhook_attempt *a, int64_t *ret_given_up)
{
	struct store *s = h->w->ops.store;
	struct db *db = store_db(s);
	int64_t now = clock_wall();
	int rc = db_begin(db);

	*ret_given_up = 0;
	if (rc == 0 && a->ok)
		rc = db_webhook_done(s, &h->now, now);
	else if (rc == 0)
		rc = db_webhook_failed(s, &h->now, a->error, now);
	if (rc == 0 && !a->ok)
		rc = give_up(h, a, now, ret_given_up);
	if (rc == 0 && has_room(h, a, *ret_given_up))
		rc = tell_event(h, "webhook.dropped", h->left_out,
		    "its queue has room again: so many were left out");
	if (rc == 0)
		rc = db_commit(db);
	if (rc < 0)
		db_rollback(db);
	return rc;
}

static void
on_success(struct webhook_hook *h)
{
	if (h->fails > 0)
		log_info(h->w->ops.log, "webhook %s: %s takes deliveries again",
		    h->c->name, h->origin);
	h->fails = h->refusals = 0;
	h->queued--;
	set_timer(h, 0);
}

static void
on_failure(struct webhook_hook *h, const struct webhook_attempt *a, int64_t given_up)
{
	struct webhook *w = h->w;

	if (h->fails == 0)
		log_warn(w->ops.log, "webhook %s: %s: %s; it is tried again", h->c->name,
		    h->origin, a->error);
	h->refusals = webhook_body_refused(a->status) ? h->refusals + 1 : 0;
	if (given_up > 0) {
		log_error(w->ops.log, "webhook %s: %lld deliveries given up: %s",
		    h->c->name, (long long)given_up, a->error);
		metrics_add(w->ops.metrics, METRICS_WEBHOOK_GAVE_UP, h->c->name, NULL,
		    (double)given_up);
		h->queued -= given_up;
		w->ops.on_events(w->ops.arg);
		/* The next one is innocent, and need not wait for as long. */
		h->fails = h->refusals = 0;
	}
	int64_t ms = webhook_body_backoff(h->fails, rng_u64(w->ops.rng));
	set_timer(h, ms > a->wait_ms ? ms : a->wait_ms);
	h->fails++;
}

static int
conclude(struct webhook_hook *h, const struct webhook_attempt *a)
{
	struct webhook *w = h->w;
	int64_t given_up;
	int rc = write_end(h, a, &given_up);
	bool room = rc == 0 && has_room(h, a, given_up);

	metrics_add(w->ops.metrics, METRICS_WEBHOOK_ATTEMPTS, h->c->name,
	    a->ok	? "ok"
	    : a->status ? "refused"
			: "failed",
	    1);
	if (rc < 0) {
		/* Delivered, perhaps, and not known to be: it comes again under its id. */
		log_error(
		    w->ops.log, "webhook %s: cannot note an attempt: %d", h->c->name, rc);
		set_timer(h, webhook_body_backoff(h->fails++, rng_u64(w->ops.rng)));
	} else if (a->ok) {
		on_success(h);
	} else {
		on_failure(h, a, given_up);
	}
	if (room) {
		h->full = false;
		h->left_out = 0;
		w->ops.on_events(w->ops.arg);
	}
	return rc;
}

static void
on_answer(void *arg, const struct http_client_reply *reply)
{
	struct webhook_hook *h = arg;
	struct webhook_attempt a;

	h->call = NULL;
	webhook_send_judge(reply, &a);
	(void)conclude(h, &a);
}

/* ---- sending ---- */

static int
take_event(void *arg, int64_t seq, const struct event *ev)
{
	struct event *to = arg;

	(void)seq;
	*to = *ev;
	to->detail = json_incref(ev->detail);
	return 1;
}

/* -ENOENT: it is not kept any more. */
static int
read_event(struct store *s, int64_t seq, struct event *ret)
{
	const struct db_event_filter filter = {
	    .after = seq - 1, .until = seq, .limit = 1};

	*ret = (struct event){.kind = ""};
	int rc = db_event_list(s, &filter, take_event, ret);
	return rc == 0 && !ret->kind[0] ? -ENOENT : rc;
}

static char *
body_of(struct webhook_hook *h, const struct event *ev, const char *id, int64_t seq,
    const char **ret_type)
{
	struct webhook_about about = {
	    .id = id, .seq = seq, .ev = ev, .page = h->w->ops.page};
	struct db_job job;

	if (ev->job[0] && db_job_get(h->w->ops.store, ev->job, &job) == 0)
		about.job = &job;
	return webhook_body_make(h->c, &about, ret_type);
}

/* Begins with the next delivery, unless one is on its way or has to wait. */
static void
consider(struct webhook_hook *h)
{
	struct webhook *w = h->w;
	struct event ev = {.kind = ""};
	const char *type;

	if (h->call || h->due)
		return;
	int rc = db_webhook_next(w->ops.store, h->c->name, &h->now);
	if (rc == -ENOENT) {
		h->queued = 0;
		return;
	}
	if (rc == 0)
		rc = read_event(w->ops.store, h->now.seq, &ev);
	if (rc == -ENOENT) {
		const struct webhook_attempt gone = {
		    .gone = true, .error = "the event is not kept any more"};
		if (conclude(h, &gone) < 0)
			return; /* it waits, or a full disk would be asked at the loop's speed */
		h->fails = 0; /* its receiver has no part in that */
		set_timer(h, 0);
		return;
	}
	if (rc < 0) {
		log_error(w->ops.log, "webhook %s: cannot read what is next: %d",
		    h->c->name, rc);
		set_timer(h, webhook_body_backoff(h->fails++, rng_u64(w->ops.rng)));
		return;
	}
	char *body = body_of(h, &ev, h->now.id, h->now.seq, &type);
	h->call = webhook_send(
	    w->client, h->c, &h->now, body, type, clock_wall(), on_answer, h);
	free(body);
	event_done(&ev);
}

/* ---- a test ---- */

static void
on_test(void *arg, const struct http_client_reply *reply)
{
	struct webhook_attempt a;

	webhook_send_judge(reply, &a);
	end_test(arg, &a);
}

static struct webhook_hook *
find(const struct webhook *w, const char *name)
{
	for (size_t i = 0; i < w->n; i++)
		if (str_eq(w->hooks[i].c->name, name))
			return &w->hooks[i];
	return NULL;
}

bool
webhook_testing(const struct webhook *w, const char *name)
{
	const struct webhook_hook *h = find(w, name);

	return h && h->test;
}

int
webhook_test(
    struct webhook *w, const char *name, const char *by, webhook_done *done, void *arg)
{
	struct webhook_hook *h = find(w, name);
	struct event ev = event_make("webhook.test", clock_wall());
	struct db_webhook_delivery d = {.kind = "webhook.test"};
	const char *type;

	if (!h || h->test)
		return h ? -EBUSY : -ENOENT;
	event_put(&ev, "by", by);
	event_put(&ev, "text", "A test: nothing has happened.");
	id_make(ev.at, w->ops.rng, d.id);
	str_clip(h->test_id, sizeof(h->test_id), d.id);
	h->test_began = clock_mono();
	h->test_done = done;
	h->test_arg = arg;
	char *body = body_of(h, &ev, d.id, 0, &type);
	h->test = webhook_send(w->client, h->c, &d, body, type, ev.at, on_test, h);
	free(body);
	event_done(&ev);
	return 0;
}

/* ---- how they stand ---- */

void
webhook_prune(struct webhook *w)
{
	for (size_t i = 0; i < w->n; i++) {
		int rc = db_webhook_prune(
		    w->ops.store, w->hooks[i].c->name, clock_wall() - KEEP_US);
		if (rc < 0)
			log_warn(w->ops.log,
			    "cannot drop old deliveries of a webhook: %d", rc);
	}
}

static void
put_time(json_t *v, const char *key, int64_t at)
{
	char text[CLOCK_TEXT_SIZE];

	json_put(
	    v, key, at ? json_string(clock_text(at, text, sizeof(text))) : json_null());
}

static void
add_given_up(void *arg, const struct db_webhook_delivery *d)
{
	json_t *v = json_object();

	json_put_str(v, "id", d->id);
	json_put_i64(v, "seq", d->seq);
	json_put_str(v, "event", d->kind);
	json_put_str(v, "host", d->host);
	put_time(v, "queued", d->created);
	put_time(v, "tried", d->tried);
	json_put_i64(v, "attempts", d->attempts);
	json_put_str(v, "error", d->error);
	json_array_append_new(arg, v);
}

static const char *
format_name(const struct webhook_config *c)
{
	static const char *const names[] = {"json", "slack", "text"};

	return c->body_template ? "template" : names[c->format];
}

static int
one_json(struct webhook_hook *h, json_t **ret)
{
	struct store *s = h->w->ops.store;
	struct db_webhook row;
	struct db_webhook_delivery next = {.created = 0};
	json_t *v, *on = json_array(), *given_up = json_array();
	int rc = db_webhook_get(s, h->c->name, &row);

	if (rc == 0)
		rc = db_webhook_given_up(
		    s, h->c->name, GIVEN_UP_SHOWN, add_given_up, given_up);
	if (rc == 0)
		rc = db_webhook_next(s, h->c->name, &next);
	if (rc < 0 && rc != -ENOENT) {
		json_decref(on);
		json_decref(given_up);
		return rc;
	}
	for (unsigned i = 0; i < h->c->n_on; i++)
		json_array_append_new(on, json_string(h->c->on[i]));
	v = json_pack("{s:s, s:s, s:o, s:s, s:b, s:s, s:I, s:I, s:I, s:I, s:o}", "name",
	    h->c->name, "to", h->origin, "on", on, "format", format_name(h->c), "signed",
	    h->c->secret != NULL, "state",
	    h->fails	? "failing"
	    : h->queued ? "busy"
			: "idle",
	    "queued", (json_int_t)h->queued, "delivered", (json_int_t)row.delivered,
	    "gave_up", (json_int_t)row.gave_up, "dropped", (json_int_t)row.dropped,
	    "given_up", given_up);
	put_time(v, "oldest", next.created);
	put_time(v, "last_ok", row.last_ok);
	put_time(v, "last_failed", row.last_failed);
	json_put(v, "last_error",
	    row.last_error[0] ? json_string(row.last_error) : json_null());
	put_time(
	    v, "next_try", h->fails && h->due ? clock_wall() + h->due - clock_mono() : 0);
	*ret = v;
	return 0;
}

json_t *
webhook_json(struct webhook *w)
{
	json_t *items = json_array();

	for (size_t i = 0; i < w->n; i++) {
		json_t *v = NULL;
		if (one_json(&w->hooks[i], &v) < 0) {
			json_decref(items);
			return NULL;
		}
		json_array_append_new(items, v);
	}
	return items;
}

size_t
webhook_queues(const struct webhook *w, struct webhook_queue *ret, size_t max)
{
	size_t n = w->n < max ? w->n : max;

	for (size_t i = 0; i < n; i++) {
		const struct webhook_hook *h = &w->hooks[i];
		ret[i] = (struct webhook_queue){
		    .name = h->c->name, .queued = h->queued, .failing = h->fails > 0};
	}
	return n;
}
