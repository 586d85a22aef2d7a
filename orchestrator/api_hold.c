// SPDX-License-Identifier: GPL-3.0-or-later
/* POST /stop, POST /stop/end and GET /stop; POST /sites/{name}/freeze and …/unfreeze.
 *
 * Entry points: the handlers, and api_hold_put(), by which a site shows that it is frozen. Each handler answers its request and owns
 * nothing after that. A stop is never refused for being there already: what matters to who asks for it is that it holds.
 * Failure modes: codes of docs/api.md; not-stopped and not-frozen where there is nothing to end. */
#include <errno.h>

#include "db/db_site.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/holds.h"
#include "orchestrator/job_json.h"
#include "orchestrator/orders.h"
#include "orchestrator/presence.h"

static json_t *
hold_json(const struct db_hold *hold)
{
	json_t *v = json_object();

	job_json_time(v, "at", hold->at);
	json_put_str(v, "by", hold->by);
	json_put_str(v, "reason", hold->reason);
	return v;
}

int
api_hold_put(struct store *s, const char *site, json_t *v)
{
	struct db_hold hold;
	int rc = db_hold_get(s, site, &hold);

	if (rc < 0 && rc != -ENOENT)
		return rc;
	json_put(v, "frozen", rc == 0 ? hold_json(&hold) : json_null());
	return 0;
}

static void
add_hold(void *arg, const struct db_hold *hold)
{
	json_t *v = arg, *one;

	if (!hold->site[0]) {
		json_put_bool(v, "stopped", true);
		one = hold_json(hold);
		json_object_update(v, one);
		json_decref(one);
		return;
	}
	one = json_object();
	json_put_str(one, "site", hold->site);
	json_t *more = hold_json(hold);
	json_object_update(one, more);
	json_decref(more);
	json_array_append_new(json_object_get(v, "sites"), one);
}

int
api_hold_read(struct store *s, json_t **ret)
{
	json_t *v = json_pack("{s:b, s:n, s:n, s:n, s:[]}", "stopped", false, "at", "by",
	    "reason", "sites");
	int rc = db_hold_list(s, add_hold, v);

	if (rc < 0)
		json_decref(v);
	else
		*ret = v;
	return rc;
}

static void
reply_stop(struct orch *o, struct rest_request *rq, json_t *jobs)
{
	json_t *v = NULL;
	int rc = api_hold_read(o->store, &v);

	if (rc < 0) {
		json_decref(jobs);
		api_failed(o, rq, rc, "read what is stopped");
		return;
	}
	if (jobs)
		json_put(v, "jobs", jobs);
	rest_reply(rq, 200, v, NULL);
}

void
api_hold_get(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;

	if (api_allow(o, rq, &who))
		reply_stop(o, rq, NULL);
}

/* The reason of the body; false when answered. */
static bool
read_reason(struct rest_request *rq, const char **ret)
{
	struct error err = {.code = ""};
	const json_t *body = rest_body(rq, &err);

	*ret = "";
	if (body && json_opt_str(body, "reason", ret, &err) == 0 &&
	    orders_reason_check(*ret, true, &err) == 0)
		return true;
	api_refuse(rq, &err, NULL);
	return false;
}

struct unheard {
	struct orch *o;
	json_t *list;
};

static int
add_unheard(void *arg, const char *site)
{
	const struct unheard *u = arg;

	if (presence_absent(dispatch_silence(u->o->dispatch, site)))
		json_array_append_new(u->list, json_string(site));
	return 0;
}

/* What became of the jobs; `unheard` are sites whose agent has some that it may begin until it hears of the hold. */
static json_t *
effect_json(struct orch *o, const struct holds_effect *e)
{
	struct unheard u = {o, json_array()};

	strset_each(&e->told_at, add_unheard, &u);
	return json_pack("{s:I, s:I, s:I, s:o}", "cancelled", (json_int_t)e->ended,
	    "told", (json_int_t)e->told, "running", (json_int_t)e->running, "unheard",
	    u.list);
}

static int
wake(void *arg, const char *site)
{
	struct orch *o = arg;

	dispatch_wake(o->dispatch, site);
	return 0;
}

void
api_hold_tell(struct orch *o, const struct holds_effect *e)
{
	for (size_t i = 0; i < e->jobs.n; i++)
		dispatch_changed(o->dispatch, e->jobs.v[i]);
	strset_each(&e->sites, wake, o);
	feed_wake(o->feed);
	tail_wake(o->tail);
}

/* NULL when answered with the failure, else what became of the jobs. */
static json_t *
begin(struct orch *o, struct rest_request *rq, const char *site,
    const struct audit_who *who, const char *reason)
{
	struct holds_effect e = {.ended = 0};
	json_t *jobs = NULL;
	int rc = db_begin(store_db(o->store));

	if (rc == 0)
		rc = holds_begin(o->store, site, who, reason, clock_wall(), &e);
	if (api_commit(o, rq, rc, "stop what has not begun")) {
		log_warn(&o->log,
		    "%s%s by %s: %s; jobs: %zu cancelled, %zu told, %lld go on",
		    site ? "frozen: site " : "everything is stopped", site ? site : "",
		    who->name, reason, e.ended, e.told, (long long)e.running);
		api_hold_tell(o, &e);
		jobs = effect_json(o, &e);
	}
	holds_effect_done(&e);
	return jobs;
}

void
api_hold_stop(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	const char *reason;

	if (!api_allow(o, rq, &who) || !read_reason(rq, &reason))
		return;
	json_t *jobs = begin(o, rq, NULL, &who, reason);
	if (jobs)
		reply_stop(o, rq, jobs);
}

/* False when answered. */
static bool
end(struct orch *o, struct rest_request *rq, const char *site,
    const struct audit_who *who, const char *reason)
{
	struct error err;
	int rc = db_begin(store_db(o->store));

	if (rc == 0)
		rc = holds_end(o->store, site, who, reason, clock_wall());
	if (rc == -ENOENT) {
		db_rollback(store_db(o->store));
		error_set(&err, 0, site ? "not-frozen" : "not-stopped",
		    "netboot-ctl status shows what is held", "%s",
		    site ? "the site is not frozen" : "nothing is stopped");
		api_refuse(rq, &err, NULL);
		return false;
	}
	if (!api_commit(o, rq, rc, "end the stop"))
		return false;
	log_warn(&o->log, "%s%s by %s: %s",
	    site ? "no longer frozen: site " : "the stop of everything is over",
	    site ? site : "", who->name, reason);
	unattended_wake(o->unattended);
	feed_wake(o->feed);
	tail_wake(o->tail);
	return true;
}

void
api_hold_resume(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	const char *reason;

	if (api_allow(o, rq, &who) && read_reason(rq, &reason) &&
	    end(o, rq, NULL, &who, reason))
		reply_stop(o, rq, NULL);
}

/* The site as it is now. Takes jobs. */
static void
reply_site(struct orch *o, struct rest_request *rq, const char *name, json_t *jobs)
{
	char etag[API_ETAG_SIZE];
	json_t *v = api_object_find(o, rq, &api_site_kind, name, etag);

	if (v && jobs)
		json_object_set(v, "jobs", jobs);
	json_decref(jobs);
	if (v)
		rest_reply(rq, 200, v, etag);
}

/* False when answered. */
static bool
is_site(struct orch *o, struct rest_request *rq, const char *name)
{
	int64_t version;
	int rc = db_site_version(o->store, name, &version);

	if (rc == -ENOENT)
		api_site_kind.unknown(o, rq, name);
	else if (rc < 0)
		api_failed(o, rq, rc, "read the site");
	return rc == 0;
}

void
api_hold_freeze(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	const char *reason, *name = rest_param(rq, "name");

	if (!api_allow(o, rq, &who) || !read_reason(rq, &reason) || !is_site(o, rq, name))
		return;
	json_t *jobs = begin(o, rq, name, &who, reason);
	if (jobs)
		reply_site(o, rq, name, jobs);
}

void
api_hold_unfreeze(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	const char *reason, *name = rest_param(rq, "name");

	if (api_allow(o, rq, &who) && read_reason(rq, &reason) && is_site(o, rq, name) &&
	    end(o, rq, name, &who, reason))
		reply_site(o, rq, name, NULL);
}
