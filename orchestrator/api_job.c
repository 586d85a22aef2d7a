// SPDX-License-Identifier: GPL-3.0-or-later
/* Jobs: ordering, listing, cancelling, repeating. Each handler answers its request; none owns
 * anything after that.
 *
 * Failure modes: codes of docs/api.md. A refused order makes nothing and leaves one audit row; an order
 * whose answer was lost is answered again under its Idempotency-Key and not made twice. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_boot.h"
#include "db/db_host.h"
#include "db/db_job.h"
#include "lib/clock.h"
#include "lib/hostlist.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/job_cancel.h"
#include "orchestrator/job_json.h"
#include "orchestrator/lifecycle.h"
#include "orchestrator/orders.h"
#include "orchestrator/selector.h"

enum { SHOWN_MAX = 200, HOSTS_SHOWN_MAX = 4096, ERRORS_SHOWN_MAX = 100 };

/* The hosts that the set named, as far as a row may be long. */
static void
add_hosts(struct orch *o, const struct orders_request *rq, json_t *detail)
{
	struct store_names names = {0};
	json_t *unknown = NULL;

	if (selector_resolve(o->store, rq->hosts, &names, &unknown, NULL) == 0) {
		char *folded = hostlist_fold((const char *const *)names.v, names.n);
		char *shown = str_alloc(HOSTS_SHOWN_MAX);
		str_clip(shown, HOSTS_SHOWN_MAX, folded);
		json_put_str(detail, "hosts", shown);
		json_put_i64(detail, "of_hosts", (int64_t)names.n);
		free(shown);
		free(folded);
	}
	store_names_done(&names);
	json_decref(unknown);
}

/* [["edge01", "host-locked"], …] */
static json_t *
codes_of(const json_t *errors)
{
	json_t *list = json_array(), *e;
	size_t i;

	json_array_foreach (errors, i, e)
		if (i < ERRORS_SHOWN_MAX)
			json_array_append_new(
			    list, json_pack("[O, O]", json_object_get(e, "host"),
				      json_object_get(e, "code")));
	return list;
}

static void
audit_refusal(struct orch *o, const struct orders_request *rq,
    const struct audit_who *who, const struct error *err, const json_t *errors)
{
	char what[32], object[SHOWN_MAX];
	json_t *detail = orders_detail(rq);

	str_clip(object, sizeof(object), rq->hosts);
	if (str_format(what, sizeof(what), "job.%s", bundle_kind_name(rq->kind)) < 0)
		abort();
	add_hosts(o, rq, detail);
	if (json_array_size(errors) > 0)
		json_object_set_new(detail, "refused", codes_of(errors));
	int rc = audit_write(o->store, who,
	    &(struct audit_row){.what = what,
		.object = object,
		.reason = rq->reason,
		.result = err->code,
		.detail = detail},
	    clock_wall());
	json_decref(detail);
	if (rc < 0)
		log_error(&o->log, "cannot write the audit row of a refused order: %s",
		    strerror(-rc));
}

static void
wake_sites(struct orch *o, const struct orders *orders)
{
	for (size_t i = 0; i < orders_count(orders); i++)
		if (i == 0 ||
		    !str_eq(orders_job_site(orders, i), orders_job_site(orders, i - 1)))
			dispatch_wake(o->dispatch, orders_job_site(orders, i));
	feed_wake(o->feed);
	tail_wake(o->tail);
}

/* Two orders that met: the unique index said no. */
static void
refuse_race(struct orch *o, struct rest_request *rq)
{
	struct error err;

	db_rollback(store_db(o->store));
	error_set(&err, 0, "host-busy", ORDERS_BUSY_NEXT,
	    "one of the hosts was given another job at this moment");
	api_refuse(rq, &err, NULL);
}

/* Several jobs are followed together. */
static int
add_rollout(struct orch *o, const struct audit_who *who, struct orders *orders,
    const struct orders_request *request, char ret_id[ID_SIZE])
{
	struct rollouts *r = unattended_rollouts(o->unattended);
	int64_t now = clock_wall();

	if (orders_count(orders) < 2)
		return 0;
	int rc = rollouts_new_id(r, now, ret_id);
	if (rc < 0)
		return rc;
	orders_set_rollout(orders, ret_id);
	return rollouts_add_ordered(r, orders, request, who->name, now, ret_id);
}

static void
write_orders(struct orch *o, struct rest_request *rq, const struct audit_who *who,
    struct orders *orders, const struct orders_request *request, bool single)
{
	char id[ID_SIZE] = "";
	int rc = db_begin(store_db(o->store));
	if (rc == 0)
		rc = add_rollout(o, who, orders, request, id);
	json_t *answer = orders_json(orders);

	json_put_str(answer, "rollout", id);
	if (single) {
		json_t *job =
		    json_incref(json_array_get(json_object_get(answer, "jobs"), 0));
		json_decref(answer);
		answer = job;
	}
	if (rc == 0)
		rc = orders_write(orders);
	if (rc == -EEXIST) {
		refuse_race(o, rq);
		json_decref(answer);
		return;
	}
	if (rc == 0)
		rc = api_remember(o, rq, who, 202, answer);
	if (api_commit(o, rq, rc, "store the job")) {
		for (size_t i = 0; i < orders_count(orders); i++)
			log_info(&o->log, "job %s ordered by %s",
			    orders_job_id(orders, i), who->name);
		if (id[0])
			rollouts_begun(
			    unattended_rollouts(o->unattended), id, clock_wall());
		wake_sites(o, orders);
		rest_reply(rq, 202, answer, NULL);
	} else {
		json_decref(answer);
	}
}

static void
order(struct orch *o, struct rest_request *rq, const struct audit_who *who,
    const struct orders_request *request, bool single)
{
	const struct orders_context ctx = orch_orders_context(o, clock_wall());
	struct orders *orders = NULL;
	struct error err = {.code = ""};
	json_t *errors = NULL;
	int rc = orders_new(&ctx, request, who, &orders, &errors, &err);

	if (rc == -EPERM && !request->dry_run)
		audit_refusal(o, request, who, &err, errors);
	if (rc == -EPERM)
		rest_set_recorded(rq);
	if (rc == -EINVAL || rc == -E2BIG)
		rest_problem(rq, 400, &err, errors);
	else if (rc == -EPERM)
		rest_problem(rq, 409, &err, errors);
	else if (rc < 0)
		api_refuse(rq, &err, errors);
	else if (request->dry_run)
		rest_reply(rq, 200, orders_json(orders), NULL);
	else
		write_orders(o, rq, who, orders, request, single);
	orders_free(orders);
}

void
api_job_add(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct error err = {.code = ""};
	struct orders_request request;

	if (!api_allow(o, rq, &who))
		return;
	const json_t *body = rest_body(rq, &err);
	int rc = body ? orders_request_parse(body, &request, &err) : -EINVAL;
	if (rc < 0) {
		rest_problem(rq, 400, &err, NULL);
		return;
	}
	if (!api_repeated(o, rq, &who))
		order(o, rq, &who, &request, false);
}

static void
job_unknown(struct rest_request *rq, const char *id)
{
	struct error err;
	char shown[40];

	error_set(&err, 0, "job-unknown", "netboot-ctl job list shows them", "no job %s",
	    str_escape(shown, sizeof(shown), id, strlen(id)));
	rest_problem(rq, 404, &err, NULL);
}

/* The job of the path; false with the answer given. */
static bool
find(struct orch *o, struct rest_request *rq, struct db_job *ret)
{
	const char *id = rest_param(rq, "id");
	int rc = db_job_get(o->store, id, ret);

	if (rc == -ENOENT)
		job_unknown(rq, id);
	else if (rc < 0)
		api_failed(o, rq, rc, "read the job");
	return rc == 0;
}

static void
add_stage(void *arg, const struct db_job_stage *stage)
{
	json_array_append_new(arg, job_json_stage(stage));
}

/* Of an open one whose site is not heard: it is told as it was then. */
static void
put_as_of(struct orch *o, json_t *v, const struct db_job *job)
{
	job_json_time(
	    v, "as_of", job->ended ? 0 : dispatch_as_of(o->dispatch, job->site));
}

static void
reply_job(struct orch *o, struct rest_request *rq, int status, const struct db_job *job)
{
	json_t *v = job_json(job), *stages = json_array();
	char waits[WHEN_READY_TEXT];

	json_put_str(v, "waits", when_ready_text(o->store, o->place, job, waits));
	int rc = db_job_stages(o->store, job->id, add_stage, stages);

	json_put(v, "stages", stages);
	put_as_of(o, v, job);
	if (rc == 0) {
		rest_reply(rq, status, v, NULL);
		return;
	}
	json_decref(v);
	api_failed(o, rq, rc, "read the job's stages");
}

void
api_job_get(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct db_job job;

	if (api_allow(o, rq, &who) && find(o, rq, &job))
		reply_job(o, rq, 200, &job);
}

static int
compare_newest(const void *a, const void *b)
{
	return strcmp(*(char *const *)b, *(char *const *)a);
}

/* Newest first, at most n. */
static void
keep_newest(struct store_names *ids, int64_t n)
{
	if (ids->n > 0)
		qsort(ids->v, ids->n, sizeof(ids->v[0]), compare_newest);
	while ((int64_t)ids->n > n)
		free(ids->v[--ids->n]);
}

/* Ids of the jobs of several hosts. Cut on the way: thousands of hosts may have a page of jobs each. */
static int
ids_of_hosts(struct orch *o, const struct store_names *hosts, struct db_job_filter *f,
    struct store_names *ret)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < hosts->n; i++) {
		f->host = hosts->v[i];
		rc = db_job_ids(o->store, f, ret);
		if (rc == 0 && (int64_t)ret->n > 16 * f->limit)
			keep_newest(ret, f->limit);
	}
	keep_newest(ret, f->limit);
	return rc;
}

/* What a host was ordered and booted stays readable by its name after it was removed. */
static bool
is_removed_host(struct orch *o, const char *name)
{
	const struct db_job_filter f = {.host = name, .open = -1, .limit = 1};
	struct store_names ids = {0};
	bool found = str_name_valid(name) && db_host_exists(o->store, name) == 0 &&
		     db_job_ids(o->store, &f, &ids) == 0 &&
		     db_boot_ids(o->store, name, NULL, 1, &ids) == 0 && ids.n > 0;

	store_names_done(&ids);
	return found;
}

static int
read_state(const char *text, int *ret)
{
	*ret = -1;
	if (!text || text[0] == '\0')
		return 0;
	if (!str_eq(text, "open") && !str_eq(text, "ended"))
		return -EINVAL;
	*ret = str_eq(text, "open") ? 1 : 0;
	return 0;
}

static void
reply_list(
    struct orch *o, struct rest_request *rq, const struct store_names *ids, int64_t limit)
{
	json_t *items = json_array();
	struct db_job job;
	int rc = 0;

	for (size_t i = 0; i < ids->n; i++) {
		rc = db_job_get(o->store, ids->v[i], &job);
		if (rc < 0)
			break;
		json_t *v = job_json(&job);
		put_as_of(o, v, &job);
		json_array_append_new(items, v);
	}
	if (rc == 0) {
		api_reply_page(rq, items, limit, "id");
	} else {
		json_decref(items);
		api_failed(o, rq, rc, "read the jobs");
	}
}

void
api_job_list(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct store_names ids = {0}, hosts = {0};
	const char *cursor, *selector = rest_query(rq, "hosts"),
			    *kind = rest_query(rq, "kind");
	struct db_job_filter f = {.kind = kind && kind[0] ? kind : NULL};
	struct error err;
	int64_t limit;
	int rc;

	if (!api_allow(o, rq, &who) || !api_page(rq, &limit, &cursor))
		return;
	if (read_state(rest_query(rq, "state"), &f.open) < 0) {
		error_set(&err, 0, "bad-value", NULL, "state: not open or ended");
		api_refuse(rq, &err, NULL);
		return;
	}
	f.before = cursor;
	f.limit = limit + 1;
	if (selector && selector[0]) {
		if (is_removed_host(o, selector))
			store_names_add(&hosts, selector);
		else if (!api_select(o, rq, selector, &hosts))
			return;
		rc = ids_of_hosts(o, &hosts, &f, &ids);
	} else {
		rc = db_job_ids(o->store, &f, &ids);
	}
	if (rc == 0)
		reply_list(o, rq, &ids, limit);
	else
		api_failed(o, rq, rc, "read the jobs");
	store_names_done(&ids);
	store_names_done(&hosts);
}

static bool
write_cancel(struct orch *o, struct rest_request *rq, const struct audit_who *who,
    struct db_job *job, const char *reason)
{
	int64_t now = clock_wall();
	json_t *detail = json_pack("{s:s}", "job", job->id);
	json_t *before = json_pack("{s:s}", "state", db_job_state_name(job->state));
	json_t *after = NULL;
	int rc = db_begin(store_db(o->store));

	if (rc == 0)
		rc = job_cancel(o->store, job, who->name, reason, now);
	/* What runs is cancelled by its agent, which tells when it has. */
	after = json_pack(
	    "{s:s, s:b}", "state", db_job_state_name(job->state), "cancel", true);
	if (rc == 0)
		rc = audit_write(o->store, who,
		    &(struct audit_row){.what = "job.cancel",
			.object = job->host,
			.reason = reason,
			.result = "ok",
			.before = before,
			.after = after,
			.detail = detail},
		    now);
	json_decref(before);
	json_decref(after);
	json_decref(detail);
	return api_commit(o, rq, rc, "cancel the job");
}

void
api_job_cancel(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct error err = {.code = ""};
	struct db_job job;
	const char *reason = "";

	if (!api_allow(o, rq, &who))
		return;
	const json_t *body = rest_body(rq, &err);
	if (!body || json_opt_str(body, "reason", &reason, &err) < 0 ||
	    orders_reason_check(reason, false, &err) < 0) {
		api_refuse(rq, &err, NULL);
		return;
	}
	if (!find(o, rq, &job))
		return;
	/* Cancelling twice, or what was cancelled, is no mistake. */
	if (job.ended && job.state != DB_JOB_CANCELLED) {
		error_set(&err, 0, "job-ended", NULL, "job %s has ended: %s", job.id,
		    db_job_state_name(job.state));
		api_refuse(rq, &err, NULL);
		return;
	}
	if (!job.ended && !write_cancel(o, rq, &who, &job, reason))
		return;
	dispatch_changed(o->dispatch, job.id);
	dispatch_wake(o->dispatch, job.site);
	feed_wake(o->feed);
	tail_wake(o->tail);
	if (find(o, rq, &job))
		reply_job(o, rq, 200, &job);
}

void
api_job_retry(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct error err = {.code = ""};
	struct db_job job;
	struct orders_request request;
	const char *reason = "";
	char *text = NULL;

	if (!api_allow(o, rq, &who))
		return;
	const json_t *body = rest_body(rq, &err);
	if (!body || json_opt_str(body, "reason", &reason, &err) < 0 ||
	    orders_reason_check(reason, false, &err) < 0) {
		api_refuse(rq, &err, NULL);
		return;
	}
	if (api_repeated(o, rq, &who) || !find(o, rq, &job))
		return;
	if (!job.ended) {
		error_set(&err, 0, "host-busy", ORDERS_BUSY_NEXT, "job %s is under way",
		    job.id);
		api_refuse(rq, &err, NULL);
		return;
	}
	int rc = db_job_bundle(o->store, job.id, &text);
	if (rc < 0) {
		api_failed(o, rq, rc, "read the job");
		return;
	}
	json_t *bundle = json_parse(text, strlen(text), &err);
	if (bundle && orders_request_from_bundle(bundle, &request, &err) == 0) {
		if (orders_reason_check(reason, true, NULL) == 0)
			request.reason = reason;
		request.retry_of = job.id;
		order(o, rq, &who, &request, true);
	} else {
		api_refuse(rq, &err, NULL);
	}
	json_decref(bundle);
	free(text);
}
