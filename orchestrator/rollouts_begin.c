// SPDX-License-Identifier: GPL-3.0-or-later
/* New rollouts: checked, put in order and written.
 *
 * Entry points: rollouts_work_check() and rollouts_needs_approval() before, rollouts_begin() within the caller's transaction (which has
 * more to write: an answer to be remembered, a schedule's run, an audit row), rollouts_add_ordered() for jobs that were made all at once.
 * Nothing begins before rollouts_begun(). It owns nothing. Failure modes: -EINVAL for work that makes no sense, with its member;
 * -EPERM for more hosts than a cap allows; an errno of the database. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_image.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/orders_cap.h"
#include "orchestrator/rollout_plan.h"
#include "orchestrator/rollouts_priv.h"

bool
rollouts_wipes(struct store *s, const json_t *work)
{
	const char *kind = json_string_value(json_object_get(work, "kind"));
	const char *image = json_string_value(json_object_get(work, "image"));
	bool wipes = str_eq(kind, "reinstall");

	if (str_eq(kind, "boot") && image) {
		struct db_image *i = str_alloc(sizeof(*i));
		/* Of one that cannot be read the worst is thought; the order will be refused. */
		wipes =
		    db_image_get(s, image, i) < 0 || str_eq(i->image.kind, "reinstall");
		db_image_done(i);
		free(i);
	}
	return wipes;
}

bool
rollouts_needs_approval(struct store *s, const json_t *work, size_t hosts, int64_t most)
{
	return (int64_t)hosts > most && rollouts_wipes(s, work);
}

int
rollouts_work_check(const json_t *work, const char *reason, struct error *err)
{
	json_t *jobs[ROLLOUTS_ORDERS_MAX] = {NULL};
	struct orders_request rq[ROLLOUTS_ORDERS_MAX];
	int n = -EINVAL;

	if (!json_is_string(json_object_get(work, "kind")))
		error_set(err, 0, "bad-value",
		    "say what each host gets, for instance reboot", "kind: missing");
	else
		n = rollouts_load_work(work, reason, jobs, rq, err);
	for (size_t k = 0; k < ROLLOUTS_ORDERS_MAX; k++)
		json_decref(jobs[k]);
	return n < 0 ? n : 0;
}

int
rollouts_new_id(struct rollouts *r, int64_t wall, char ret_id[ID_SIZE])
{
	char last[ID_SIZE] = "";
	int rc = db_rollout_last(r->ops.store, NULL, last);

	if (rc < 0 && rc != -ENOENT)
		return rc;
	/* They are listed in order of their ids: later than every other, also when the clock was set back. */
	int64_t after = id_time(last) + 1000;
	id_make(wall > after ? wall : after, r->ops.orders(r->ops.arg, wall).rng, ret_id);
	return 0;
}

static int
add_hosts(struct rollouts *r, const char *id, const struct rollout_plan_host *v, size_t n,
    int64_t wall)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct db_rollout_host h = {.n = (int64_t)i,
		    .batch = v[i].batch,
		    .opens = v[i].opens,
		    .closes = v[i].closes,
		    .state = DB_ROLLOUT_HOST_WAITING,
		    .since = wall};
		str_clip(h.host, sizeof(h.host), v[i].host);
		str_clip(h.site, sizeof(h.site), v[i].site);
		rc = db_rollout_host_add(r->ops.store, id, &h);
	}
	return rc;
}

static struct rollout_plan_host *
plan(const struct rollouts_request *rq, const struct rollouts_host *hosts, size_t n)
{
	struct rollout_plan_host *v = str_alloc((n + 1) * sizeof(v[0]));

	for (size_t i = 0; i < n; i++)
		v[i] = (struct rollout_plan_host){.host = hosts[i].host,
		    .site = hosts[i].site,
		    .opens = hosts[i].opens,
		    .closes = hosts[i].closes};
	rollout_plan_make(v, n, rq->policy);
	return v;
}

int
rollouts_plan(struct store *s, const struct rollouts_request *rq,
    struct rollout_plan_host **ret, size_t *ret_n, struct error *err)
{
	struct rollouts_host *hosts = str_alloc((rq->n + 1) * sizeof(hosts[0]));
	size_t n = rq->n;
	int rc;

	for (size_t i = 0; i < n; i++)
		hosts[i] = rq->v[i];
	rc = rollouts_drill_choose(s, rq->work, hosts, &n, err);
	if (rc == 0) {
		*ret = plan(rq, hosts, n);
		*ret_n = n;
	}
	free(hosts);
	return rc;
}

/* From the first opening until the last end; one without an end has the whole without. */
static void
span(const struct rollout_plan_host *v, size_t n, struct db_rollout *row)
{
	bool endless = false;

	row->opens = n > 0 ? v[0].opens : row->created;
	for (size_t i = 0; i < n; i++) {
		if (v[i].closes == 0)
			endless = true;
		if (v[i].closes > row->closes)
			row->closes = v[i].closes;
	}
	if (endless)
		row->closes = 0;
}

static void
fill_row(struct db_rollout *row, const char *kind, const char *reason, const char *by,
    int64_t wall)
{
	str_clip(row->kind, sizeof(row->kind), kind);
	str_clip(row->reason, sizeof(row->reason), reason);
	str_clip(row->by, sizeof(row->by), by);
	str_clip(row->changed_by, sizeof(row->changed_by), by);
	row->created = row->changed = row->opens = wall;
}

/* What no order may name is not begun by a schedule either, whose selector may mean more hosts today than when it was made. */
static int
check_cap(struct rollouts *r, const struct rollouts_request *rq, size_t n, int64_t wall,
    struct error *err)
{
	const struct orders_context ctx = r->ops.orders(r->ops.arg, wall);
	struct audit_who who = {.role = AUTH_OPERATOR};

	str_clip(who.name, sizeof(who.name), rq->by);
	return orders_cap_check(
	    &ctx, &who, rollouts_cap_kind(r->ops.store, rq->work), n, err);
}

int
rollouts_begin(struct rollouts *r, const struct rollouts_request *rq, int64_t wall,
    char ret_id[ID_SIZE], struct error *err)
{
	struct db_rollout row = {.nominal = rq->nominal};
	struct rollout_plan_host *v = NULL;
	size_t n = 0;
	json_t *doc;
	int rc = rollouts_work_check(rq->work, rq->reason, err);

	if (rc < 0)
		return rc;
	if (rq->n > ROLLOUT_POLICY_HOSTS_MAX)
		return error_set(err, -EINVAL, "too-many-hosts", "name fewer",
		    "%zu hosts: more than %d", rq->n, ROLLOUT_POLICY_HOSTS_MAX);
	rc = rollouts_drill_check(r->ops.store, rq->work, err);
	if (rc == 0)
		rc = rollouts_plan(r->ops.store, rq, &v, &n, err);
	if (rc == 0)
		rc = check_cap(r, rq, n, wall, err);
	if (rc < 0) {
		free(v);
		return rc;
	}
	doc = rollouts_load_doc(rq, rollouts_wipes(r->ops.store, rq->work));
	fill_row(&row, json_string_value(json_object_get(rq->work, "kind")), rq->reason,
	    rq->by, wall);
	span(v, n, &row);
	row.doc = json_text(doc);
	row.hosts = str_dup(rq->hosts);
	str_clip(row.schedule, sizeof(row.schedule), rq->schedule ? rq->schedule : "");
	row.state = rq->approval ? DB_ROLLOUT_WAITING_APPROVAL : DB_ROLLOUT_PLANNED;
	rc = rollouts_new_id(r, wall, row.id);
	if (rc == 0)
		rc = db_rollout_add(r->ops.store, &row);
	if (rc == 0)
		rc = add_hosts(r, row.id, v, n, wall);
	if (rc == 0)
		rc = rollouts_act_tell(r, &row, "rollout.planned", NULL, wall);
	if (rc == 0)
		memcpy(ret_id, row.id, ID_SIZE);
	else
		db_error(store_db(r->ops.store), rc, err, "store the rollout");
	json_decref(doc);
	db_rollout_done(&row);
	free(v);
	return rc;
}

static int
add_job(
    struct rollouts *r, const char *id, const struct orders *o, size_t i, int64_t wall)
{
	struct db_rollout_host h = {.n = (int64_t)i,
	    .batch = 1,
	    .opens = wall,
	    .closes = orders_job_until(o, i),
	    .state = DB_ROLLOUT_HOST_JOB,
	    .since = wall};

	str_clip(h.host, sizeof(h.host), orders_job_host(o, i));
	str_clip(h.site, sizeof(h.site), orders_job_site(o, i));
	str_clip(h.job, sizeof(h.job), orders_job_id(o, i));
	return db_rollout_host_add(r->ops.store, id, &h);
}

int
rollouts_add_ordered(struct rollouts *r, const struct orders *o,
    const struct orders_request *rq, const char *by, int64_t wall, const char *id)
{
	struct db_rollout row = {.nominal = DB_ROLLOUT_NO_NOMINAL};
	json_t *work = orders_work(rq);
	json_t *doc = json_pack("{s:o, s:b, s:b}", "work", work, "at_once", true, "wipes",
	    rollouts_wipes(r->ops.store, work));

	fill_row(&row, bundle_kind_name(rq->kind), rq->reason, by, wall);
	str_clip(row.id, sizeof(row.id), id);
	row.started = wall;
	row.closes = orders_count(o) > 0 ? orders_job_until(o, 0) : 0;
	row.state = DB_ROLLOUT_RUNNING;
	row.doc = json_text(doc);
	row.hosts = str_dup(rq->hosts);
	json_decref(doc);
	int rc = db_rollout_add(r->ops.store, &row);
	for (size_t i = 0; rc == 0 && i < orders_count(o); i++)
		rc = add_job(r, id, o, i, wall);
	if (rc == 0)
		rc = rollouts_act_tell(r, &row, "rollout.begin", NULL, wall);
	db_rollout_done(&row);
	return rc;
}
