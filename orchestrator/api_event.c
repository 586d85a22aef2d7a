// SPDX-License-Identifier: GPL-3.0-or-later
/* GET /events: a page of events, or with follow=1 a stream of them.
 *
 * Entry point: the handler. A page is answered at once; a stream is handed to feed.c, which owns the
 * request from then on. Both begin after a number, so that a client never misses or repeats one.
 * Failure modes: codes of docs/api.md. */
#include <errno.h>

#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/web.h"

enum { SCAN_MAX = 50000 };

static const char *
filter(struct rest_request *rq, const char *name)
{
	const char *v = rest_query(rq, name);

	return v && v[0] ? v : NULL;
}

static int
add_event(void *arg, int64_t seq, const struct event *ev)
{
	json_array_append_new(arg, feed_event_json(seq, ev));
	return 0;
}

/* Where an index does not lead from one to the next, no page reads more than SCAN_MAX events, matching or not: it may
 * then be short, or empty, and yet not be the last. */
static void
reply_page(
    struct orch *o, struct rest_request *rq, struct db_event_filter *f, int64_t limit)
{
	json_t *items = json_array(), *next = json_null();
	int64_t newest = 0, behind = 0;
	int rc = db_event_last(o->store, &newest);

	f->limit = limit + 1;
	f->until = newest - f->after > SCAN_MAX && !db_event_is_exact(f)
		       ? f->after + SCAN_MAX
		       : newest;
	if (rc == 0 && f->until > f->after)
		rc = db_event_list(o->store, f, add_event, items);
	if (rc < 0) {
		json_decref(items);
		api_failed(o, rq, rc, "read the events");
		return;
	}
	if ((int64_t)json_array_size(items) > limit) {
		json_array_remove(items, (size_t)limit);
		const json_t *last = json_array_get(items, (size_t)limit - 1);
		behind = (int64_t)json_integer_value(json_object_get(last, "seq"));
	} else if (f->until < newest) {
		behind = f->until;
	}
	if (behind > 0)
		next = json_sprintf("%lld", (long long)behind);
	rest_reply(rq, 200, json_pack("{s:o, s:o}", "items", items, "next", next), NULL);
}

/* Where to begin: `after`, else the cursor, else Last-Event-ID, else the beginning; a stream without
 * any of them begins now. */
static int
read_after(struct orch *o, struct rest_request *rq, bool follow, int64_t *ret)
{
	const char *texts[] = {
	    filter(rq, "after"), filter(rq, "cursor"), rest_header(rq, "Last-Event-ID")};

	*ret = 0;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i])
			return str_to_i64(texts[i], 0, INT64_MAX, ret);
	return follow ? db_event_last(o->store, ret) : 0;
}

void
api_event_list(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct error err = {.code = ""};
	const char *cursor;
	bool follow = str_eq(rest_query(rq, "follow"), "1");
	int64_t limit;
	struct db_event_filter f = {.host = NULL};

	if (!api_allow(o, rq, &who) || !api_page(rq, &limit, &cursor))
		return;
	f.host = filter(rq, "host");
	f.job = filter(rq, "job");
	f.boot = filter(rq, "boot");
	f.kind = filter(rq, "kind");
	if (!db_event_kind_valid(f.kind)) {
		error_set(&err, -EINVAL, "bad-value", NULL,
		    "kind: not a list of at most %d kinds (job.stage) and sources "
		    "(job.*)",
		    DB_EVENT_KINDS_MAX);
		api_refuse(rq, &err, NULL);
		return;
	}
	int rc = read_after(o, rq, follow, &f.after);
	if (rc == -EINVAL || rc == -ERANGE) {
		error_set(&err, rc, "bad-value", NULL, "after: not an event's number");
		api_refuse(rq, &err, NULL);
	} else if (rc < 0) {
		api_failed(o, rq, rc, "read the events");
	} else if (!follow) {
		reply_page(o, rq, &f, limit);
	} else if (web_may_stream(rq) && feed_follow(o->feed, rq, &f, &err) < 0) {
		api_refuse(rq, &err, NULL);
	}
}
