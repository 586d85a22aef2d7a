// SPDX-License-Identifier: GPL-3.0-or-later
/* Schedules: listing, making, changing, removing; their coming runs and those that were.
 *
 * Entry points: the handlers, and api_schedule_find() and api_schedule_reply() for api_schedule_do.c. Each answers its request and owns
 * nothing after that. A change is the row, its audit row and, for a repeated request, the answer in one transaction.
 * Failure modes: codes of docs/api.md. What an order would refuse is refused; what is only odd is a warning in the answer. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/job_json.h"
#include "orchestrator/orders_cap.h"
#include "orchestrator/schedule_ahead.h"
#include "orchestrator/schedule_check.h"
#include "orchestrator/schedule_json.h"
#include "orchestrator/schedule_next.h"
#include "orchestrator/schedule_planned.h"
#include "orchestrator/scheduler.h"

/* Schedules whose coming runs are shown at once, and runs of each: each selector is read for it. */
enum { NEXT_SCHEDULES_MAX = 100, NEXT_RUNS_MAX = 100, NEXT_DEFAULT = 1 };

void
api_schedule_done(struct api_schedule *s)
{
	schedule_doc_free(s->doc);
	db_schedule_done(&s->row);
	*s = (struct api_schedule){.doc = NULL};
}

static void
unknown(struct rest_request *rq, const char *name)
{
	struct error err;
	char shown[80];

	error_set(&err, 0, "schedule-unknown", "netboot-ctl schedule list shows them",
	    "no schedule %s", str_escape(shown, sizeof(shown), name, strlen(name)));
	rest_problem(rq, 404, &err, NULL);
}

/* 0; -ENOENT; -EUCLEAN with *err; an errno of the database. */
static int
read_schedule(
    struct orch *o, const char *name, struct api_schedule *ret, struct error *err)
{
	int rc = db_schedule_get(o->store, name, &ret->row);

	return rc < 0 ? rc : schedule_json_doc(&ret->row, &ret->doc, err);
}

bool
api_schedule_find(
    struct orch *o, struct rest_request *rq, const char *name, struct api_schedule *ret)
{
	struct error err = {.code = ""};

	*ret = (struct api_schedule){.doc = NULL};
	int rc = read_schedule(o, name, ret, &err);
	if (rc == 0)
		return true;
	api_schedule_done(ret);
	if (rc == -ENOENT)
		unknown(rq, name);
	else
		api_failed(o, rq, rc, "read the schedule");
	return false;
}

/* ---- one, as GET shows it ---- */

/* Whom it is about now. Hosts that there are not are a warning when it is shown, and a refusal when it is made. */
static int
find_hosts(struct orch *o, const struct schedule_doc *doc,
    const struct schedule_zones **ret_zones, struct schedule_hosts *ret,
    struct error *err)
{
	int rc = scheduler_zones(unattended_scheduler(o->unattended), ret_zones);

	*ret = (struct schedule_hosts){.n = 0};
	return rc < 0 ? db_error(store_db(o->store), rc, err, "read the sites")
		      : schedule_hosts_find(o->store, *ret_zones, doc->hosts, ret, err);
}

/* Null where all of its hosts are left out, by a blackout: what the scheduler is due at then is no opening. */
static void
put_opens(json_t *next, const struct db_schedule *row, const struct schedule_doc *doc,
    const struct schedule_zones *zones, struct schedule_hosts *hosts)
{
	int64_t opens = schedule_next_opens(row, doc, zones, hosts);

	job_json_time(next, "opens", hosts->n > 0 && hosts->shut == hosts->n ? 0 : opens);
}

static int
show(struct orch *o, const struct api_schedule *s, json_t **ret)
{
	const struct schedule_zones *zones = NULL;
	struct schedule_hosts hosts;
	struct error err = {.code = ""};
	json_t *v = NULL, *warnings = NULL;
	int rc = find_hosts(o, s->doc, &zones, &hosts, &err);
	bool refused = rc == -EPERM || rc == -EINVAL;

	if (rc == 0 || refused)
		rc = schedule_json(o->store, &s->row, s->doc, &v);
	if (rc == 0)
		rc = schedule_check(
		    o->store, s->doc, &hosts, zones, clock_wall(), &warnings);
	if (rc == 0 && refused)
		json_array_append_new(
		    warnings, json_pack("{s:s, s:s, s:s}", "code", err.code, "text",
				  err.text, "next", err.next));
	if (rc == 0 && s->row.next != 0)
		put_opens(json_object_get(v, "next"), &s->row, s->doc, zones, &hosts);
	schedule_hosts_done(&hosts);
	if (rc < 0) {
		json_decref(v);
		json_decref(warnings);
		return rc;
	}
	json_put(v, "warnings", warnings);
	*ret = v;
	return 0;
}

int
api_schedule_show(
    struct orch *o, const char *name, json_t **ret, char etag[API_ETAG_SIZE])
{
	struct api_schedule s = {.doc = NULL};
	struct error err;
	int rc = read_schedule(o, name, &s, &err);

	if (rc == 0)
		rc = show(o, &s, ret);
	api_etag("schedule", s.row.rev, etag);
	api_schedule_done(&s);
	return rc;
}

void
api_schedule_reply(struct orch *o, struct rest_request *rq, int status, const char *name)
{
	char etag[API_ETAG_SIZE];
	json_t *v = NULL;
	int rc = api_schedule_show(o, name, &v, etag);

	if (rc == -ENOENT)
		unknown(rq, name);
	else if (rc < 0)
		api_failed(o, rq, rc, "read the schedule");
	else
		rest_reply(rq, status, v, etag);
}

void
api_schedule_get(void *arg, struct rest_request *rq)
{
	struct audit_who who;

	if (api_allow(arg, rq, &who))
		api_schedule_reply(arg, rq, 200, rest_param(rq, "name"));
}

void
api_schedule_list(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct store_names names = {0};
	json_t *items;
	const char *cursor;
	int64_t limit;

	if (!api_allow(o, rq, &who) || !api_page(rq, &limit, &cursor))
		return;
	items = json_array();
	int rc = db_schedule_names(o->store, cursor, limit + 1, &names);
	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		struct api_schedule s = {.doc = NULL};
		struct error err;
		json_t *v = NULL;

		rc = read_schedule(o, names.v[i], &s, &err);
		if (rc == 0)
			rc = schedule_json(o->store, &s.row, s.doc, &v);
		if (rc == 0)
			json_array_append_new(items, v);
		api_schedule_done(&s);
	}
	store_names_done(&names);
	if (rc == 0) {
		api_reply_page(rq, items, limit, "name");
	} else {
		json_decref(items);
		api_failed(o, rq, rc, "read the schedules");
	}
}

/* ---- made and changed ---- */

/* Under which kind it counts for the caps. */
static const char *
cap_kind(struct orch *o, const struct schedule_doc *doc)
{
	const char *kind = schedule_doc_work(doc, "kind");
	enum bundle_kind parsed;

	if (str_eq(kind, "drill"))
		return kind;
	return bundle_kind_parse(kind, &parsed) < 0
		   ? NULL
		   : orders_cap_kind(o->store, parsed, schedule_doc_work(doc, "action"),
			 schedule_doc_work(doc, "image"));
}

int
api_schedule_token(struct orch *o, const struct audit_who *who,
    const struct schedule_doc *doc, struct error *err)
{
	if (!cap_kind(o, doc) || who->max_hosts <= 0 || doc->limit <= who->max_hosts)
		return 0;
	return error_set(err, -EPERM, "over-cap",
	    "lower the schedule's limit with --limit",
	    "the schedule's limit is %lld hosts, and %s may order at most %lld at once "
	    "(max_hosts of the token)",
	    (long long)doc->limit, who->name, (long long)who->max_hosts);
}

int
api_schedule_allowed(struct orch *o, const struct audit_who *who,
    const struct schedule_doc *doc, struct error *err)
{
	const struct orders_context ctx = orch_orders_context(o, clock_wall());
	const struct schedule_zones *zones = NULL;
	struct schedule_hosts hosts;
	int rc = find_hosts(o, doc, &zones, &hosts, err);
	size_t n = rc == 0 ? schedule_hosts_worked(&hosts, doc) : 0;

	schedule_hosts_done(&hosts);
	if (rc == 0 && n > (size_t)doc->limit)
		rc = error_set(err, -EPERM, "too-many-hosts",
		    "name fewer, or raise the limit with --limit",
		    "%zu hosts match now, the limit is %lld", n, (long long)doc->limit);
	if (rc == 0)
		rc = orders_cap_check(&ctx, who, cap_kind(o, doc), n, err);
	/* There may be more of them when it is due. */
	if (rc == 0)
		rc = api_schedule_token(o, who, doc, err);
	return rc;
}

/* Could it run at all, as things are now? False when answered. */
static bool
check_now(struct orch *o, struct rest_request *rq, const struct audit_who *who,
    const struct schedule_doc *doc)
{
	struct error err = {.code = ""};
	int rc = api_schedule_allowed(o, who, doc, &err);

	if (rc == 0)
		return true;
	if (rc == -EINVAL)
		rest_problem(rq, 400, &err, NULL);
	else
		api_refuse(rq, &err, NULL);
	return false;
}

/* Sets doc, next and due of the row. False when answered. */
static bool
plan(struct orch *o, struct rest_request *rq, const struct schedule_doc *doc, int64_t now,
    struct db_schedule *row)
{
	struct error err;
	json_t *v;
	int rc = scheduler_plan(unattended_scheduler(o->unattended), doc, now, row);

	if (rc < 0) {
		api_failed(o, rq, rc, "plan the schedule");
		return false;
	}
	if (row->next == 0) {
		error_set(&err, -EINVAL, "bad-value",
		    "look at its date, at UNTIL and at COUNT",
		    "%.100s: that time has passed where its hosts are",
		    doc->time.calendar.text);
		api_refuse(rq, &err, NULL);
		return false;
	}
	v = schedule_doc_json(doc);
	free(row->doc);
	row->doc = json_text(v);
	json_decref(v);
	return true;
}

static void
made(struct orch *o)
{
	feed_wake(o->feed);
	tail_wake(o->tail);
	unattended_wake(o->unattended);
}

static void
add(struct orch *o, struct rest_request *rq, const struct audit_who *who,
    const struct schedule_doc *doc)
{
	int64_t now = clock_wall();
	struct db_schedule row = {.created = now, .changed = now};
	char etag[API_ETAG_SIZE];
	json_t *after = NULL;
	struct error err;
	int rc;

	str_clip(row.name, sizeof(row.name), doc->name);
	str_clip(row.created_by, sizeof(row.created_by), who->name);
	str_clip(row.changed_by, sizeof(row.changed_by), who->name);
	if (!check_now(o, rq, who, doc) || !plan(o, rq, doc, now, &row))
		goto out;
	rc = db_begin(store_db(o->store));
	if (rc == 0)
		rc = db_schedule_add(o->store, &row);
	if (rc == -EEXIST) {
		db_rollback(store_db(o->store));
		error_set(&err, 0, "schedule-exists",
		    "netboot-ctl schedule set changes it",
		    "there is a schedule %s already", doc->name);
		api_refuse(rq, &err, NULL);
		goto out;
	}
	if (rc == 0)
		rc = api_schedule_show(o, doc->name, &after, etag);
	if (rc == 0)
		rc = audit_write(o->store, who,
		    &(struct audit_row){.what = "schedule.add",
			.object = doc->name,
			.reason = doc->reason,
			.result = "ok",
			.after = after},
		    now);
	if (rc == 0)
		rc = api_remember(o, rq, who, 201, after);
	if (api_commit(o, rq, rc, "add the schedule")) {
		made(o);
		rest_reply(rq, 201, json_incref(after), etag);
	}
out:
	json_decref(after);
	db_schedule_done(&row);
}

void
api_schedule_add(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct error err = {.code = ""};
	struct schedule_doc *doc = NULL;

	if (!api_allow(o, rq, &who))
		return;
	const json_t *body = rest_body(rq, &err);
	int rc = body ? schedule_doc_parse(body, clock_wall(), &doc, &err) : -EINVAL;
	if (rc < 0)
		rest_problem(rq, 400, &err, NULL);
	else if (!api_repeated(o, rq, &who))
		add(o, rq, &who, doc);
	schedule_doc_free(doc);
}

/* What the body says in place of what there was: one way to say when ends the others. */
static json_t *
merged(const struct schedule_doc *doc, const json_t *body)
{
	static const char *const ways[] = {"cron", "rrule", "at"};
	json_t *v = schedule_doc_json(doc);

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		if (json_is_string(json_object_get(body, ways[i]))) {
			for (size_t k = 0; k < ARRAY_SIZE(ways); k++)
				json_object_del(v, ways[k]);
			json_object_del(v, "from");
			break;
		}
	api_change_merge(v, body);
	return v;
}

/* The members that differ. */
static void
sides(const struct schedule_doc *old, const struct schedule_doc *doc, json_t **ret_before,
    json_t **ret_after)
{
	json_t *a = schedule_doc_json(old), *b = schedule_doc_json(doc), *v, *other;
	const char *key;
	void *next;

	json_object_foreach_safe(a, next, key, v)
	{
		other = json_object_get(b, key);
		if (other == NULL || !json_equal(v, other))
			continue;
		json_object_del(b, key);
		json_object_del(a, key);
	}
	*ret_before = a;
	*ret_after = b;
}

/* What was planned ahead goes on with the hosts and the work of before. False when answered. */
static bool
check_ahead(struct orch *o, struct rest_request *rq, const char *name)
{
	struct store_names ids = {0};
	struct error err;
	int rc = schedule_planned_find(o->store, name, &ids);
	bool free_to = rc == 0 && ids.n == 0;

	if (rc < 0) {
		api_failed(o, rq, rc, "read the schedule's rollouts");
	} else if (!free_to) {
		error_set(&err, -EPERM, "schedule-planned",
		    "netboot-ctl rollout abort, and then change it; or wait until it is "
		    "over",
		    "its next run is planned already, as it was: rollout %s", ids.v[0]);
		api_refuse(rq, &err, NULL);
	}
	store_names_done(&ids);
	return free_to;
}

static void
change(struct orch *o, struct rest_request *rq, const struct audit_who *who,
    struct api_schedule *s, const struct schedule_doc *doc)
{
	int64_t now = clock_wall();
	json_t *before, *after;
	int rc;

	s->row.skip = 0;
	s->row.changed = now;
	str_clip(s->row.changed_by, sizeof(s->row.changed_by), who->name);
	if (!check_ahead(o, rq, doc->name) || !check_now(o, rq, who, doc) ||
	    !plan(o, rq, doc, now, &s->row))
		return;
	sides(s->doc, doc, &before, &after);
	rc = db_begin(store_db(o->store));
	if (rc == 0)
		rc = db_schedule_put(o->store, &s->row);
	if (rc == 0)
		rc = audit_write(o->store, who,
		    &(struct audit_row){.what = "schedule.change",
			.object = doc->name,
			.reason = doc->reason,
			.result = "ok",
			.before = before,
			.after = after},
		    now);
	json_decref(before);
	json_decref(after);
	if (api_commit(o, rq, rc, "change the schedule")) {
		made(o);
		api_schedule_reply(o, rq, 200, doc->name);
	}
}

void
api_schedule_patch(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct api_schedule s;
	struct schedule_doc *doc = NULL;
	struct error err = {.code = ""};
	char etag[API_ETAG_SIZE];
	json_t *body, *v;

	if (!api_allow(o, rq, &who) || (body = api_change_patch_body(rq)) == NULL ||
	    !api_schedule_find(o, rq, rest_param(rq, "name"), &s))
		return;
	api_etag("schedule", s.row.rev, etag);
	if (!api_match(rq, etag))
		goto out;
	v = merged(s.doc, body);
	int rc = schedule_doc_parse(v, clock_wall(), &doc, &err);
	json_decref(v);
	if (rc == 0 && !str_eq(doc->name, s.doc->name))
		rc = error_set(&err, -EINVAL, "bad-value",
		    "add it anew under the other name",
		    "name: a schedule keeps its name");
	if (rc < 0)
		rest_problem(rq, 400, &err, NULL);
	else
		change(o, rq, &who, &s, doc);
out:
	schedule_doc_free(doc);
	api_schedule_done(&s);
}

void
api_schedule_delete(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct api_schedule s;
	char etag[API_ETAG_SIZE];
	const char *reason;

	if (!api_allow(o, rq, &who) || !api_query_reason(rq, &reason) ||
	    !api_schedule_find(o, rq, rest_param(rq, "name"), &s))
		return;
	api_etag("schedule", s.row.rev, etag);
	if (api_match(rq, etag)) {
		struct rollouts *r = unattended_rollouts(o->unattended);
		json_t *before = schedule_doc_json(s.doc);
		struct store_names ahead = {0};
		int64_t now = clock_wall();
		int rc = db_begin(store_db(o->store));
		if (rc == 0)
			rc = schedule_ahead_abort(
			    r, o->store, s.row.name, &who, reason, now, &ahead);
		if (rc == 0)
			rc = db_schedule_delete(o->store, s.row.name);
		if (rc == 0)
			rc = audit_write(o->store, &who,
			    &(struct audit_row){.what = "schedule.remove",
				.object = s.row.name,
				.reason = reason,
				.result = "ok",
				.before = before},
			    now);
		json_decref(before);
		bool done = api_commit(o, rq, rc, "remove the schedule");
		schedule_ahead_done(r, &ahead, now);
		if (done) {
			made(o);
			rest_reply(rq, 204, NULL, NULL);
		}
	}
	api_schedule_done(&s);
}

/* ---- runs ---- */

struct runs {
	const struct schedule_doc *doc;
	json_t *items;
};

static void
add_run(void *arg, const struct db_schedule_run *run)
{
	struct runs *r = arg;
	json_t *v = schedule_json_run(r->doc, run);
	char key[24];

	/* What a page goes on behind. */
	if (str_format(key, sizeof(key), "%lld", (long long)run->nominal) < 0)
		abort();
	json_put_str(v, "run", key);
	json_array_append_new(r->items, v);
}

void
api_schedule_runs(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct api_schedule s;
	const char *cursor;
	int64_t limit, before = INT64_MAX;
	struct error err;

	if (!api_allow(o, rq, &who) || !api_page(rq, &limit, &cursor))
		return;
	if (cursor && str_to_i64(cursor, INT64_MIN, INT64_MAX, &before) < 0) {
		error_set(&err, -EINVAL, "bad-value", NULL,
		    "cursor: not what a page before gave");
		api_refuse(rq, &err, NULL);
		return;
	}
	if (!api_schedule_find(o, rq, rest_param(rq, "name"), &s))
		return;
	struct runs r = {s.doc, json_array()};
	int rc = db_schedule_runs(o->store, s.row.name, before, limit + 1, add_run, &r);
	if (rc == 0) {
		api_reply_page(rq, r.items, limit, "run");
	} else {
		json_decref(r.items);
		api_failed(o, rq, rc, "read the runs");
	}
	api_schedule_done(&s);
}

/* Coming runs of one. Hosts that there are not leave it without zones, as they will leave it without a rollout. */
static int
add_next(
    struct orch *o, const struct api_schedule *s, int64_t n, bool hosts, json_t *items)
{
	const struct schedule_zones *zones = NULL;
	struct schedule_hosts found;
	struct error err;
	int rc = find_hosts(o, s->doc, &zones, &found, &err);

	if (rc == -EPERM || rc == -EINVAL) {
		schedule_hosts_done(&found);
		rc = 0;
	}
	if (rc == 0)
		schedule_next(&s->row, s->doc, zones, &found, n, hosts, items);
	schedule_hosts_done(&found);
	return rc;
}

static int
add_all_next(struct orch *o, int64_t n, json_t *items, bool *ret_more)
{
	struct store_names names = {0};
	struct error err;
	int rc = db_schedule_due(o->store, INT64_MAX, NEXT_SCHEDULES_MAX + 1, &names);

	*ret_more = names.n > NEXT_SCHEDULES_MAX;
	for (size_t i = 0; rc == 0 && i < names.n && i < NEXT_SCHEDULES_MAX; i++) {
		struct api_schedule s = {.doc = NULL};

		rc = read_schedule(o, names.v[i], &s, &err);
		if (rc == 0)
			rc = add_next(o, &s, n, false, items);
		api_schedule_done(&s);
	}
	store_names_done(&names);
	return rc;
}

void
api_schedule_next(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	const char *name = rest_query(rq, "name"), *n_text = rest_query(rq, "n");
	bool hosts = str_eq(rest_query(rq, "hosts"), "1"), more = false;
	int64_t n = NEXT_DEFAULT;
	struct api_schedule s;
	struct error err;
	int rc;

	if (!api_allow(o, rq, &who))
		return;
	if ((n_text && str_to_i64(n_text, 1, NEXT_RUNS_MAX, &n) < 0) ||
	    (hosts && !(name && name[0]))) {
		error_set(&err, -EINVAL, "bad-value", NULL,
		    "n: not 1..%d, or hosts: without the name of a schedule",
		    NEXT_RUNS_MAX);
		api_refuse(rq, &err, NULL);
		return;
	}
	if (name && name[0] && !api_schedule_find(o, rq, name, &s))
		return;
	json_t *items = json_array();
	if (name && name[0]) {
		rc = add_next(o, &s, n, hosts, items);
		api_schedule_done(&s);
	} else {
		rc = add_all_next(o, n, items, &more);
	}
	if (rc == 0) {
		rest_reply(
		    rq, 200, json_pack("{s:o, s:b}", "items", items, "more", more), NULL);
	} else {
		json_decref(items);
		api_failed(o, rq, rc, "read the coming runs");
	}
}
