// SPDX-License-Identifier: GPL-3.0-or-later
/* GET, POST, PATCH and DELETE of hosts, lock and unlock.
 *
 * Entry points: the handlers, and api_host_kind for others. Reading is api_object.c's, changes of what a
 * host is go through api_change.c; removal and locks are small transactions of their own, each with its audit
 * row. Each handler answers its request and owns nothing after that.
 * Failure modes: codes of docs/api.md; a host with an open job is not removed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_host.h"
#include "db/db_job.h"
#include "db/db_site.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/holds.h"
#include "orchestrator/inventory_codec.h"
#include "orchestrator/orders.h"

/* The host of that name, or NULL with the answer given. Owned by the caller. */
static struct db_host *
find(struct orch *o, struct rest_request *rq, const char *name)
{
	struct db_host *h = str_alloc(sizeof(*h));
	int rc = db_host_get(o->store, name, h);

	if (rc == 0)
		return h;
	free(h);
	if (rc == -ENOENT)
		api_host_unknown(o, rq, name);
	else
		api_failed(o, rq, rc, "read the host");
	return NULL;
}

/* A host as GET shows it: always with `locked`. */
static json_t *
shown(const struct db_host *h)
{
	json_t *v = inventory_codec_host_json(h);

	if (!h->locked_at)
		json_put(v, "locked", json_null());
	return v;
}

static int
read_host(struct orch *o, const char *name, json_t **ret, char etag[API_ETAG_SIZE])
{
	struct db_host *h = str_alloc(sizeof(*h));
	int rc = db_host_get(o->store, name, h);

	if (rc == 0) {
		*ret = shown(h);
		api_etag("host", h->rev, etag);
	}
	free(h);
	return rc;
}

const struct api_kind api_host_kind = {
    .name = "host", .list = "hosts", .read = read_host, .unknown = api_host_unknown};

void
api_host_list(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct store_names names = {0};
	const char *cursor, *selector = rest_query(rq, "hosts"),
			    *site = rest_query(rq, "site");
	int64_t limit;
	int rc = 0;

	if (!api_allow(o, rq, &who) || !api_page(rq, &limit, &cursor))
		return;
	site = site && site[0] ? site : NULL;
	if (!selector || !selector[0])
		rc = db_host_names(o->store, site, cursor, limit + 1, &names);
	else if (!api_select_page(o, rq, selector, site, cursor, limit + 1, &names))
		return;
	api_object_list(o, rq, &api_host_kind, rc, &names, limit);
}

void
api_host_get(void *arg, struct rest_request *rq)
{
	api_object_get(arg, rq, &api_host_kind);
}

void
api_host_add(void *arg, struct rest_request *rq)
{
	api_change_add(arg, rq, &api_host_kind);
}

void
api_host_patch(void *arg, struct rest_request *rq)
{
	api_object_patch(arg, rq, &api_host_kind);
}

static int
remove_host(struct orch *o, const struct db_host *h, const struct audit_who *who)
{
	int64_t now = clock_wall();
	json_t *before = shown(h);
	int rc = db_host_delete(o->store, h->host.name, now);

	if (rc == 0)
		rc = db_site_touch(o->store, h->site, now);
	if (rc == 0)
		rc = audit_write(o->store, who,
		    &(struct audit_row){.what = "host.remove",
			.object = h->host.name,
			.result = "ok",
			.before = before},
		    now);
	json_decref(before);
	return rc;
}

void
api_host_delete(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	char etag[API_ETAG_SIZE], job[ID_SIZE];
	struct error err;

	if (!api_allow(o, rq, &who))
		return;
	struct db_host *h = find(o, rq, rest_param(rq, "name"));
	if (!h)
		return;
	api_etag("host", h->rev, etag);
	if (!api_match(rq, etag))
		goto out;
	if (h->locked_at) {
		error_set(&err, 0, "host-locked", "unlock it first", "locked by %s: %s",
		    h->locked_by, h->locked_reason);
		api_refuse(rq, &err, NULL);
		goto out;
	}
	int rc = db_job_any_of_host(o->store, h->host.name, job);
	if (rc == 0) {
		error_set(&err, 0, "host-busy", ORDERS_BUSY_NEXT,
		    "job %s is under way, or waits for its time", job);
		api_refuse(rq, &err, NULL);
		goto out;
	}
	rc = rc == -ENOENT ? db_begin(store_db(o->store)) : rc;
	if (rc == 0)
		rc = remove_host(o, h, &who);
	if (api_commit(o, rq, rc, "remove the host")) {
		dispatch_wake(o->dispatch, h->site);
		rest_reply(rq, 204, NULL, NULL);
	}
out:
	free(h);
}

/* {"locked": …} as GET shows it. */
static json_t *
lock_of(const struct db_host *h)
{
	json_t *v = shown(h);
	json_t *lock = json_pack("{s:O}", "locked", json_object_get(v, "locked"));

	json_decref(v);
	return lock;
}

static int
write_lock(struct orch *o, struct db_host *h, const struct audit_who *who,
    const char *reason, bool lock, int64_t now, struct holds_effect *e)
{
	json_t *before = lock_of(h), *after = NULL;
	char name[BUNDLE_NAME_SIZE];
	int rc;

	str_clip(name, sizeof(name), h->host.name);
	rc = lock ? db_host_lock(o->store, name, who->name, reason, now)
		  : db_host_unlock(o->store, name);
	/* What has not begun on it is not to begin any more. */
	if (rc == 0 && lock)
		rc = holds_lock_host(o->store, name, who, reason, now, e);
	/* Its site's agent holds to it also while it is alone. */
	if (rc == 0)
		rc = db_site_touch(o->store, h->site, now);
	if (rc == 0)
		rc = db_host_get(o->store, name, h);
	if (rc == 0) {
		after = lock_of(h);
		rc = audit_write(o->store, who,
		    &(struct audit_row){.what = lock ? "host.lock" : "host.unlock",
			.object = name,
			.reason = reason,
			.result = "ok",
			.before = before,
			.after = after},
		    now);
	}
	json_decref(before);
	json_decref(after);
	return rc;
}

static void
set_lock(struct orch *o, struct rest_request *rq, bool lock)
{
	struct audit_who who;
	struct error err = {.code = ""};
	const char *reason = "";
	int64_t now = clock_wall();

	if (!api_allow(o, rq, &who))
		return;
	const json_t *body = rest_body(rq, &err);
	if (!body || json_opt_str(body, "reason", &reason, &err) < 0 ||
	    orders_reason_check(reason, lock, &err) < 0) {
		api_refuse(rq, &err, NULL);
		return;
	}
	struct db_host *h = find(o, rq, rest_param(rq, "name"));
	if (!h)
		return;
	struct holds_effect e = {.ended = 0};
	int rc = db_begin(store_db(o->store));
	if (rc == 0)
		rc = write_lock(o, h, &who, reason, lock, now, &e);
	if (api_commit(o, rq, rc, lock ? "lock the host" : "unlock the host")) {
		api_hold_tell(o, &e);
		dispatch_wake(o->dispatch, h->site);
		api_object_reply(o, rq, &api_host_kind, 200, h->host.name);
	}
	holds_effect_done(&e);
	free(h);
}

void
api_host_lock(void *arg, struct rest_request *rq)
{
	set_lock(arg, rq, true);
}

void
api_host_unlock(void *arg, struct rest_request *rq)
{
	set_lock(arg, rq, false);
}
