/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /events at the agent: what its spool still has of events, told to the orchestrator or not; a page of them, or with
 * follow=1 a stream. Their numbers are the spool's, not those that they have in the orchestrator's record.
 *
 * Entry points: local_events_list(), and local_events_wake() after a commit.
 * Ownership: a follower lives until its client goes away or the agent ends.
 * Failure modes: a reader that does not read is dropped; a spool that cannot be read ends the stream.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "agent/local_priv.h"
#include "agent/spool_past.h"
#include "lib/json.h"
#include "lib/str.h"

enum {
	PAGE = 500,
	BATCH = 200,
	FOLLOWERS_MAX = 16,
	QUEUE_MAX = 1024 * 1024,
	BEAT_S = 15
};

struct filter {
	char host[BUNDLE_NAME_SIZE], job[ID_SIZE], boot[ID_SIZE], kinds[256];
};

struct local_follower {
	struct local_follower *next, *prev;
	struct local *l;
	struct rest_request *rq;
	struct filter f;
	int64_t after;
	struct event *timer; /* beats, and what is left of a long look */
	size_t queued;
	bool full; /* the last look ended by its limit */
};

static bool
kind_matches(const char *kinds, const char *kind)
{
	size_t n;

	if (kinds[0] == '\0')
		return true;
	for (; *kinds != '\0'; kinds += n + (kinds[n] == ',')) {
		n = strcspn(kinds, ",");
		if (n > 2 && strncmp(kinds + n - 2, ".*", 2) == 0
			? strncmp(kinds, kind, n - 1) == 0
			: n == strlen(kind) && strncmp(kinds, kind, n) == 0)
			return true;
	}
	return false;
}

static bool
matches(const struct filter *f, const struct event *ev)
{
	return (f->host[0] == '\0' || str_eq(f->host, ev->host)) &&
	       (f->job[0] == '\0' || str_eq(f->job, ev->job)) &&
	       (f->boot[0] == '\0' || str_eq(f->boot, ev->boot)) &&
	       kind_matches(f->kinds, ev->kind);
}

static json_t *
event_json(int64_t seq, const struct event *ev)
{
	json_t *v = event_to_json(ev);

	json_put_i64(v, "seq", seq);
	return v;
}

static int
read_events(struct local *l, const struct filter *f, int64_t after, int64_t limit,
    bool (*fn)(void *arg, int64_t seq, const struct event *ev), void *arg)
{
	const struct spool_past_filter past = {
	    .host = f->host[0] != '\0' ? f->host : NULL,
	    .job = f->job[0] != '\0' ? f->job : NULL,
	    .after = after,
	    .limit = limit,
	};

	return spool_past_events(l->o.spool, &past, fn, arg);
}

/* ---- a page ---- */

struct page {
	const struct filter *f;
	json_t *items;
	int64_t seen, last;
};

static bool
add(void *arg, int64_t seq, const struct event *ev)
{
	struct page *p = arg;

	p->seen++;
	p->last = seq;
	if (matches(p->f, ev))
		json_array_append_new(p->items, event_json(seq, ev));
	return true;
}

static void
reply_page(struct local *l, struct rest_request *rq, const struct filter *f,
    int64_t after, int64_t limit)
{
	struct page p = {.f = f, .items = json_array()};
	int r = read_events(l, f, after, limit, add, &p);
	char next[24] = "";

	if (r < 0) {
		json_decref(p.items);
		local_failed(l, rq, r, "read the events");
		return;
	}
	if (p.seen == limit &&
	    str_format(next, sizeof(next), "%lld", (long long)p.last) < 0)
		abort();
	local_reply_items(rq, p.items, next);
}

/* ---- a stream ---- */

static void
follower_free(struct local_follower *w)
{
	DL_DELETE(w->l->followers, w);
	event_free(w->timer);
	free(w);
}

static void
on_gone(void *arg)
{
	follower_free(arg);
}

static void
end(struct local_follower *w)
{
	struct rest_request *rq = w->rq;

	follower_free(w);
	rest_sse_end(rq);
}

static void
set_timer(struct local_follower *w, int64_t s)
{
	const struct timeval tv = {.tv_sec = s};

	evtimer_add(w->timer, &tv);
}

struct batch {
	struct local_follower *w;
	int64_t n;
};

static bool
send_one(void *arg, int64_t seq, const struct event *ev)
{
	struct batch *b = arg;
	struct local_follower *w = b->w;
	json_t *v;
	char *text, id[24];

	b->n++;
	w->after = seq;
	if (!matches(&w->f, ev))
		return true;
	v = event_json(seq, ev);
	text = json_text(v);
	if (str_format(id, sizeof(id), "%lld", (long long)seq) < 0)
		abort();
	w->queued = rest_sse_send(w->rq, id, text);
	free(text);
	json_decref(v);
	return w->queued <= QUEUE_MAX;
}

/* Sends a batch at most; what is left is sent in a later turn of the loop. */
static void
serve(struct local_follower *w)
{
	struct batch b = {.w = w};

	if (w->queued > QUEUE_MAX)
		w->queued = rest_stream_waiting(w->rq);
	if (w->queued > QUEUE_MAX) {
		log_info(
		    w->l->o.log, "a follower of events does not read; it is dropped");
		end(w);
		return;
	}
	if (read_events(w->l, &w->f, w->after, BATCH, send_one, &b) < 0) {
		log_error(w->l->o.log,
		    "cannot read the events for a follower; its stream ends");
		end(w);
		return;
	}
	w->full = b.n == BATCH;
	set_timer(w, w->full ? 0 : BEAT_S);
}

static void
on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct local_follower *w = arg;
	char id[24];

	if (!w->full && str_format(id, sizeof(id), "%lld", (long long)w->after) == 0)
		w->queued = rest_sse_beat(w->rq, id);
	serve(w);
}

void
local_events_wake(struct local *l)
{
	struct local_follower *w;

	DL_FOREACH (l->followers, w) {
		w->full = true;
		set_timer(w, 0);
	}
}

void
local_events_end(struct local *l)
{
	while (l->followers != NULL)
		end(l->followers);
}

static void
follow(struct local *l, struct rest_request *rq, const struct filter *f, int64_t after)
{
	struct local_follower *w;
	struct error err;
	size_t n = 0;
	char id[24];

	DL_FOREACH (l->followers, w)
		n++;
	if (n >= FOLLOWERS_MAX) {
		error_set(&err, 0, "too-many-followers", "end one of the others",
		    "%d streams of events are open already", (int)FOLLOWERS_MAX);
		local_refuse(rq, &err, NULL);
		return;
	}
	w = str_alloc(sizeof(*w));
	w->l = l;
	w->rq = rq;
	w->f = *f;
	/* A number from elsewhere, or of a spool that is gone, is none of ours. */
	w->after = after < 0 || after > spool_last_seq(l->o.spool)
		       ? spool_last_seq(l->o.spool)
		       : after;
	w->timer = evtimer_new(l->o.base, on_timer, w);
	DL_APPEND(l->followers, w);
	rest_on_gone(rq, on_gone, w);
	rest_sse_start(rq);
	if (str_format(id, sizeof(id), "%lld", (long long)w->after) == 0)
		rest_sse_beat(rq, id);
	w->full = true;
	set_timer(w, 0);
}

/* ---- the question ---- */

static int
read_filter(struct rest_request *rq, struct filter *ret, struct error *err)
{
	const struct {
		const char *name;
		char *dst;
		size_t size;
	} parts[] = {
	    {"host", ret->host, sizeof(ret->host)},
	    {"job", ret->job, sizeof(ret->job)},
	    {"boot", ret->boot, sizeof(ret->boot)},
	    {"kind", ret->kinds, sizeof(ret->kinds)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const char *v = rest_query(rq, parts[i].name);

		if (v != NULL && str_copy(parts[i].dst, parts[i].size, v) < 0)
			return error_set(err, -EINVAL, "bad-value", NULL, "%s: too long",
			    parts[i].name);
	}
	return 0;
}

/* -1: none was named. */
static int
read_after(struct rest_request *rq, int64_t *ret, struct error *err)
{
	const char *texts[] = {rest_query(rq, "after"), rest_query(rq, "cursor"),
	    rest_header(rq, "Last-Event-ID")};

	*ret = -1;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (texts[i] == NULL || texts[i][0] == '\0')
			continue;
		if (str_to_i64(texts[i], 0, INT64_MAX, ret) == 0)
			return 0;
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "after: not an event's number");
	}
	return 0;
}

void
local_events_list(void *arg, struct rest_request *rq)
{
	struct local *l = arg;
	struct local_who who;
	struct filter f = {.host = ""};
	const char *cursor;
	int64_t limit, after;
	struct error err;

	if (!local_allow(l, rq, &who) || !local_page(rq, PAGE, &limit, &cursor))
		return;
	if (read_filter(rq, &f, &err) < 0 || read_after(rq, &after, &err) < 0)
		local_refuse(rq, &err, NULL);
	else if (str_eq(rest_query(rq, "follow"), "1"))
		follow(l, rq, &f, after);
	else
		reply_page(l, rq, &f, after > 0 ? after : 0, limit);
}
