// SPDX-License-Identifier: GPL-3.0-or-later
/* GET /audit, /audit/head, /audit/verify and /audit/export. Nothing here changes anything, and no row holds a secret:
 * viewers may read them.
 *
 * Entry points: the handlers. A page is read at once, by an index. Verifying and exporting walk the whole table: in a thread, through
 * a connection of its own, a slice at a time, so that other readers get their turn and no state of the database
 * is held for long. Rows are only ever added, which is why slices fit together; a walk ends at the row that was the
 * last when it began. A walk owns itself: while a slice is being read the thread has it, else the loop.
 *
 * Failure modes: codes of docs/api.md before the first octet; an export that cannot go on ends without its last
 * line, and one whose client does not read for STALL_US is dropped. */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_audit.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/web.h"

enum {
	SLICE_ROWS = 20000,
	SLICE_OCTETS = 256 * 1024,
	PAGE_OCTETS = 4 * 1024 * 1024,
	QUEUE_MAX = 1024 * 1024,
	RETRY_US = 50 * 1000,
	STALL_US = 60 * 1000 * 1000,
	WALKS_MAX = 4, /* at once: fleet, metrics and plans wait in the same line */
};

/* ---- a page ---- */

struct page {
	json_t *items;
	int64_t limit, last;
	size_t octets;
	bool more;
};

/* What was JSON is JSON again. */
static json_t *
member_json(const struct audit_chain_text *t)
{
	json_t *v = t->n > 0 ? json_parse(t->v, t->n, NULL) : json_null();

	return v ? v : audit_chain_shown(t);
}

static json_t *
row_json(const struct audit_chain_row *r)
{
	char at[CLOCK_TEXT_SIZE];
	json_t *v = json_pack("{s:I, s:s, s:I}", "seq", (json_int_t)r->seq, "at",
	    clock_text(r->at, at, sizeof(at)), "uid", (json_int_t)r->uid);

	for (int i = 0; i < AUDIT_CHAIN_TEXTS; i++)
		json_object_set_new(v,
		    audit_chain_member_name((enum audit_chain_member)i),
		    i >= AUDIT_CHAIN_BEFORE ? member_json(&r->text[i])
					    : audit_chain_shown(&r->text[i]));
	json_object_set_new(v, "hash", audit_chain_shown(&r->hash));
	return v;
}

static bool
add_row(void *arg, const struct audit_chain_row *r)
{
	struct page *p = arg;

	if ((int64_t)json_array_size(p->items) == p->limit || p->octets > PAGE_OCTETS) {
		p->more = true;
		return false;
	}
	json_array_append_new(p->items, row_json(r));
	for (size_t i = 0; i < AUDIT_CHAIN_TEXTS; i++)
		p->octets += r->text[i].n;
	p->last = r->seq;
	return true;
}

static const char *
filter(struct rest_request *rq, const char *name)
{
	const char *v = rest_query(rq, name);

	return v && v[0] ? v : NULL;
}

static int
read_number(const char *text, const char *name, int64_t *ret, struct error *err)
{
	if (!text || str_to_i64(text, 0, INT64_MAX, ret) == 0)
		return 0;
	return error_set(
	    err, -EINVAL, "bad-value", NULL, "%s: not the number of a row", name);
}

void
api_audit_list(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct error err = {.code = ""};
	struct page p = {.items = NULL};
	struct db_audit_filter f = {.after = INT64_MIN, .before = INT64_MAX};
	const char *cursor, *before;

	if (!api_allow(o, rq, &who) || !api_page(rq, &p.limit, &cursor))
		return;
	before = filter(rq, "before");
	if (read_number(filter(rq, "after"), "after", &f.after, &err) < 0 ||
	    read_number(before ? before : cursor, "before", &f.before, &err) < 0) {
		api_refuse(rq, &err, NULL);
		return;
	}
	if (cursor && before && (read_number(cursor, "cursor", &f.before, &err) < 0)) {
		api_refuse(rq, &err, NULL);
		return;
	}
	f.who = filter(rq, "who");
	f.what = filter(rq, "what");
	f.object = filter(rq, "object");
	f.limit = p.limit + 1;
	p.items = json_array();
	int rc = db_audit_list(o->store, &f, add_row, &p);
	if (rc < 0) {
		json_decref(p.items);
		api_failed(o, rq, rc, "read the audit");
		return;
	}
	rest_reply(rq, 200,
	    json_pack("{s:o, s:o}", "items", p.items, "next",
		p.more ? json_sprintf("%lld", (long long)p.last) : json_null()),
	    NULL);
}

static json_t *
head_json(int64_t seq, int64_t at, const char *hash)
{
	char text[CLOCK_TEXT_SIZE];
	/* A broken row may be the newest one: its hash can be any octets. */
	const struct audit_chain_text stored = {hash, strlen(hash)};

	return json_pack("{s:I, s:s?, s:o}", "seq", (json_int_t)seq, "at",
	    seq ? clock_text(at, text, sizeof(text)) : NULL, "hash",
	    audit_chain_shown(&stored));
}

void
api_audit_head(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	char hash[DIGEST_TEXT];
	int64_t seq = 0, at = 0;

	if (!api_allow(o, rq, &who))
		return;
	int rc = db_audit_head(o->store, &seq, &at, hash);
	if (rc < 0)
		api_failed(o, rq, rc, "read the audit");
	else
		rest_reply(rq, 200, head_json(seq, at, hash), NULL);
}

/* ---- the whole table ---- */

struct walk {
	struct orch *o;
	struct rest_request *rq; /* NULL: the client went away */
	bool in_thread;		 /* or waits for one */
	struct store *reader;
	struct error err; /* code "": none */
	bool begun, end;
	bool expected; /* a head from elsewhere was given */
	int64_t next;  /* number of the next row */
	int64_t rows;  /* of this slice */
	int64_t head_seq, head_at;
	char head_hash[DIGEST_TEXT];
	struct audit_chain *chain; /* of a verification */
	/* Of an export: */
	bool streaming;
	char *text; /* lines of this slice */
	size_t len, size;
	struct event *retry;
	int64_t stalled_since; /* mono; 0: it reads */
};

static void
walk_free(struct walk *w)
{
	w->o->n_walks--;
	store_close(w->reader);
	audit_chain_free(w->chain);
	if (w->retry)
		event_free(w->retry);
	free(w->text);
	free(w);
}

static void
append_line(struct walk *w, json_t *v)
{
	char *line = json_text(v);
	size_t n = strlen(line);

	if (w->len + n + 1 > w->size) {
		w->size = (w->len + n + 1) * 2;
		w->text = str_realloc(w->text, w->size);
	}
	memcpy(w->text + w->len, line, n);
	w->text[w->len + n] = '\n';
	w->len += n + 1;
	free(line);
	json_decref(v);
}

static bool
walk_row(void *arg, const struct audit_chain_row *r)
{
	struct walk *w = arg;
	bool more = true;

	w->rows++;
	if (w->chain)
		more = audit_chain_feed(w->chain, r);
	else
		append_line(w, audit_chain_json(r));
	w->end = !more || r->seq == w->head_seq;
	if (r->seq < INT64_MAX)
		w->next = r->seq + 1;
	return !w->end && w->len < SLICE_OCTETS;
}

static int
walk_begin(struct walk *w)
{
	int rc = store_open_reader(w->o->config->database, &w->reader, &w->err);

	if (rc < 0)
		return rc;
	rc = db_audit_head(w->reader, &w->head_seq, &w->head_at, w->head_hash);
	if (rc < 0)
		return db_error(store_db(w->reader), rc, &w->err, "read the audit");
	w->begun = true;
	/* What goes from the end while it is read is missed, too. */
	if (w->chain && !w->expected)
		audit_chain_expect(w->chain, w->head_seq, w->head_hash);
	w->end = w->head_seq == 0 && w->head_hash[0] == '\0';
	return 0;
}

/* In a thread. */
static void
walk_slice(void *arg)
{
	struct walk *w = arg;

	w->err.code[0] = '\0';
	if ((!w->begun && walk_begin(w) < 0) || w->end)
		return;
	w->rows = 0;
	int rc = db_audit_walk(w->reader, w->next, w->head_seq, SLICE_ROWS, walk_row, w);
	/* The rows up to the head went while it walked: the check says so, as does that of an export. */
	if (rc == 0 && w->rows == 0)
		w->end = true;
	if (rc < 0)
		db_error(store_db(w->reader), rc, &w->err, "read the audit");
}

static void
walk_done(void *arg);

static void
walk_on(struct walk *w)
{
	error_set(&w->err, -ECANCELED, "busy", "try again in a moment",
	    "too much waits to be read");
	w->in_thread = workq_submit(w->o->reads, walk_slice, walk_done, w) == 0;
	if (!w->in_thread)
		walk_done(w);
}

static void
walk_gone(void *arg)
{
	struct walk *w = arg;

	w->rq = NULL;
	if (!w->in_thread)
		walk_free(w);
}

static void
answer_verified(struct walk *w)
{
	struct audit_chain_result r;
	json_t *broken = json_null();

	audit_chain_end(w->chain, &r);
	if (r.why != AUDIT_CHAIN_OK)
		broken = json_pack("{s:I, s:s, s:s}", "seq", (json_int_t)r.seq, "why",
		    audit_chain_why_name(r.why), "text", r.text);
	rest_reply(w->rq, 200,
	    json_pack("{s:b, s:I, s:o, s:o}", "ok", r.why == AUDIT_CHAIN_OK, "rows",
		(json_int_t)r.rows, "head", head_json(r.head_seq, r.head_at, r.head_hash),
		"broken", broken),
	    NULL);
}

/* Sends what was read, with the last line if that was all. */
static void
send_slice(struct walk *w)
{
	if (!w->streaming)
		rest_stream_start(w->rq, "application/x-ndjson");
	w->streaming = true;
	if (w->end)
		append_line(
		    w, audit_chain_head_json(w->head_seq, w->head_at, w->head_hash));
	if (w->len > 0)
		rest_stream_send(w->rq, w->text, w->len);
	w->len = 0;
}

static void
walk_end(struct walk *w)
{
	rest_on_gone(w->rq, NULL, NULL);
	rest_stream_end(w->rq);
	walk_free(w);
}

/* The next slice is read when this one is on its way; the end comes when little is left to be sent, since a stream
 * that ends with much of it is taken for one that nobody reads. */
static void
pace(struct walk *w)
{
	const struct timeval tv = {.tv_usec = RETRY_US};
	size_t most = w->end ? REST_STREAM_LINGER_MAX : QUEUE_MAX;
	int64_t now = clock_mono();

	if (rest_stream_waiting(w->rq) <= most) {
		w->stalled_since = 0;
		if (w->end)
			walk_end(w);
		else
			walk_on(w);
		return;
	}
	w->stalled_since = w->stalled_since ? w->stalled_since : now;
	if (now - w->stalled_since < STALL_US) {
		evtimer_add(w->retry, &tv);
		return;
	}
	log_info(&w->o->log, "an export of the audit is not read; it is dropped");
	walk_end(w);
}

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	pace(arg);
}

static void
walk_failed(struct walk *w)
{
	if (w->streaming) {
		log_error(&w->o->log, "an export of the audit ends: %s", w->err.text);
		walk_end(w);
		return;
	}
	rest_on_gone(w->rq, NULL, NULL);
	api_refuse(w->rq, &w->err, NULL);
	walk_free(w);
}

static void
walk_done(void *arg)
{
	struct walk *w = arg;

	w->in_thread = false;
	if (!w->rq) {
		walk_free(w);
	} else if (w->err.code[0]) {
		walk_failed(w);
	} else if (!w->chain) {
		send_slice(w);
		pace(w);
	} else if (!w->end) {
		walk_on(w);
	} else {
		rest_on_gone(w->rq, NULL, NULL);
		answer_verified(w);
		walk_free(w);
	}
}

/* NULL: answered, since too many are under way. */
static struct walk *
walk_new(struct orch *o, struct rest_request *rq)
{
	struct error err;

	if (o->n_walks >= WALKS_MAX) {
		error_set(&err, -EBUSY, "busy", "try again in a moment",
		    "the audit is read as a whole %d times already", WALKS_MAX);
		api_refuse(rq, &err, NULL);
		return NULL;
	}
	struct walk *w = str_alloc(sizeof(*w));

	o->n_walks++;
	w->o = o;
	w->rq = rq;
	w->next = INT64_MIN;
	rest_on_gone(rq, walk_gone, w);
	return w;
}

static bool
hash_valid(const char *s)
{
	return strlen(s) == DIGEST_TEXT - 1 &&
	       strspn(s, "0123456789abcdef") == DIGEST_TEXT - 1;
}

void
api_audit_verify(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct error err = {.code = ""};
	int64_t seq = 0;

	if (!api_allow(o, rq, &who))
		return;
	const char *number = filter(rq, "seq"), *hash = filter(rq, "hash");
	if (!number != !hash || (hash && !hash_valid(hash)) ||
	    (number && str_to_i64(number, 1, INT64_MAX, &seq) < 0)) {
		error_set(&err, -EINVAL, "bad-value",
		    "netboot-ctl audit head prints both",
		    "seq and hash: not a row's number and its hash");
		api_refuse(rq, &err, NULL);
		return;
	}
	struct walk *w = walk_new(o, rq);
	if (!w)
		return;
	w->chain = audit_chain_new();
	w->expected = hash;
	if (hash)
		audit_chain_expect(w->chain, seq, hash);
	walk_on(w);
}

void
api_audit_export(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;

	if (!api_allow(o, rq, &who) || !web_may_stream(rq))
		return;
	struct walk *w = walk_new(o, rq);
	if (!w)
		return;
	w->retry = evtimer_new(o->base, on_retry, w);
	if (!w->retry)
		abort();
	walk_on(w);
}
