// SPDX-License-Identifier: GPL-3.0-or-later
/* The plan of a rollout for people: the same order and batches as rollouts_begin() makes, and for each host what an order by orders_new()
 * would meet with now.
 *
 * Entry point: rollout_preview(). It writes nothing and owns nothing. What it warns of is no fault of the request, but rarely what was
 * meant: a window in which not even one reboot fits, hosts that will be refused, work that waits for a second person. Failure modes:
 * an errno of the database. */
#include "orchestrator/rollout_preview.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_site.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/job_json.h"
#include "orchestrator/rollout_json.h"
#include "orchestrator/rollout_plan.h"
#include "orchestrator/rollouts_priv.h"

enum { PAST_HOSTS = 50, WINDOW_MIN_S = 300 };

/* A host's place in the plan, before and after it is put in order. */
struct preview {
	const struct orders_context *ctx;
	const struct rollouts_request *rq;
	const struct audit_who *who;
	struct rollout_plan_host *v;
	size_t n;
	json_t *refused; /* {"host": {code, text, next}} */
	json_t *warnings;
};

void
rollout_preview_warn(json_t *list, const struct error *why)
{
	json_array_append_new(list, rollout_json_why(why));
}

int
rollout_preview_short(struct store *s, const char *kind, const struct rollouts_host *v,
    size_t n, struct error *ret)
{
	char window[32], longest[32];
	int64_t took, most = 0;
	size_t who = 0;

	for (size_t i = 0; i < n && i < PAST_HOSTS; i++) {
		int rc = db_rollout_took(s, v[i].host, kind, &took);
		if (rc < 0 && rc != -ENOENT)
			return rc;
		if (rc == 0 && took > most) {
			most = took;
			who = i;
		}
	}
	for (size_t i = 0; i < n; i++) {
		int64_t open = v[i].closes - v[i].opens;
		if (v[i].closes == 0 || open <= 0)
			continue;
		str_duration(open, window, sizeof(window));
		if (most > 0 && open < most)
			error_set(ret, 0, "window-short", "make the window longer",
			    "the window is %s, and the last %s of %s took %s", window,
			    kind, v[who].host,
			    str_duration(most, longest, sizeof(longest)));
		else if (most == 0 && open < WINDOW_MIN_S * USEC_PER_SEC)
			error_set(ret, 0, "window-short", "make the window longer",
			    "the window is %s, and machines need some minutes to start",
			    window);
		else
			continue;
		return 1;
	}
	return 0;
}

/* What orders would say now, of the first ROLLOUT_PREVIEW_LOOKED_AT hosts. */
static int
look_at_hosts(struct preview *p, struct error *err)
{
	json_t *work[ROLLOUTS_ORDERS_MAX] = {NULL}, *errors, *e;
	struct orders_request rq[ROLLOUTS_ORDERS_MAX];
	size_t i;
	int rc = rollouts_load_work(p->rq->work, p->rq->reason, work, rq, err);

	rq[0].dry_run = rq[0].yes = true;
	rq[0].limit = 1;
	for (i = 0; rc >= 0 && i < p->n && i < ROLLOUT_PREVIEW_LOOKED_AT; i++) {
		struct orders *o = NULL;
		struct error why = {.code = ""};
		errors = NULL;
		rq[0].hosts = p->v[i].host;
		rc = orders_new(p->ctx, &rq[0], p->who, &o, &errors, &why);
		orders_free(o);
		if (rc == -EPERM || rc == -EINVAL) {
			e = json_array_get(errors, 0);
			json_object_set_new(p->refused, p->v[i].host,
			    e ? json_pack("{s:O, s:O, s:o}", "code",
				    json_object_get(e, "code"), "text",
				    json_object_get(e, "text"), "next",
				    json_object_get(e, "next")
					? json_incref(json_object_get(e, "next"))
					: json_string(""))
			      : rollout_json_why(&why));
			rc = 0;
		} else if (rc < 0) {
			*err = why;
		}
		json_decref(errors);
	}
	for (i = 0; i < ROLLOUTS_ORDERS_MAX; i++)
		json_decref(work[i]);
	return rc < 0 ? rc : 0;
}

static const char *
zone_of(struct preview *p, json_t *zones, const char *site)
{
	const char *zone = json_string_value(json_object_get(zones, site));
	struct db_site *row;

	if (zone)
		return zone;
	row = str_alloc(sizeof(*row));
	if (db_site_get(p->ctx->store, site, row) < 0)
		row->site.timezone[0] = '\0';
	json_object_set_new(zones, site, json_string(row->site.timezone));
	free(row);
	return json_string_value(json_object_get(zones, site));
}

static json_t *
host_json(struct preview *p, json_t *zones, size_t i)
{
	const struct rollout_plan_host *h = &p->v[i];
	const char *zone = zone_of(p, zones, h->site);
	json_t *why = json_object_get(p->refused, h->host), *v = json_object();
	char local[ROLLOUT_JSON_LOCAL_SIZE];

	json_put_str(v, "host", h->host);
	json_put_str(v, "site", h->site);
	json_put(v, "zone", json_string(zone[0] ? zone : "UTC"));
	job_json_time(v, "opens", h->opens);
	job_json_time(v, "closes", h->closes);
	json_put_str(v, "local", rollout_json_local(zone, h->opens, local));
	json_put_str(v, "gets", json_string_value(json_object_get(p->rq->work, "kind")));
	json_put(v, "why", why ? json_incref(why) : json_null());
	return v;
}

static json_t *
batches_json(struct preview *p)
{
	json_t *batches = json_array(), *zones = json_object(), *hosts = NULL;

	for (size_t i = 0; i < p->n; i++) {
		if (i == 0 || p->v[i].batch != p->v[i - 1].batch) {
			hosts = json_array();
			json_array_append_new(batches,
			    json_pack("{s:I, s:b, s:o}", "n", (json_int_t)p->v[i].batch,
				"canary", p->v[i].batch == 1 && p->rq->policy->canary > 0,
				"hosts", hosts));
		}
		json_array_append_new(hosts, host_json(p, zones, i));
	}
	json_decref(zones);
	return batches;
}

static int
warnings(struct preview *p, int64_t most, struct error *err)
{
	const char *kind = json_string_value(json_object_get(p->rq->work, "kind"));
	struct store *s = p->ctx->store;
	struct error why;
	int rc = rollout_preview_short(s, kind, p->rq->v, p->rq->n, &why);

	if (rc < 0)
		return db_error(store_db(s), rc, err, "read the hosts' past");
	if (rc > 0)
		rollout_preview_warn(p->warnings, &why);
	if (rollouts_needs_approval(s, p->rq->work, p->n, most)) {
		error_set(&why, 0, "approval-needed", "netboot-ctl rollout approve",
		    "%s of more than %lld hosts waits until a second person approves of "
		    "it",
		    kind, (long long)most);
		rollout_preview_warn(p->warnings, &why);
	}
	if (json_object_size(p->refused) > 0) {
		error_set(&why, 0, "refused", "the plan says why",
		    "%zu hosts would be refused now: they wait, or are left out",
		    json_object_size(p->refused));
		rollout_preview_warn(p->warnings, &why);
	}
	if (p->n > ROLLOUT_PREVIEW_LOOKED_AT) {
		error_set(&why, 0, "not-looked-at", NULL,
		    "only the first %d hosts were looked at one by one",
		    ROLLOUT_PREVIEW_LOOKED_AT);
		rollout_preview_warn(p->warnings, &why);
	}
	return 0;
}

int
rollout_preview(const struct orders_context *ctx, const struct rollouts_request *rq,
    const struct audit_who *who, int64_t most, json_t **ret, struct error *err)
{
	struct preview p = {.ctx = ctx,
	    .rq = rq,
	    .who = who,
	    .refused = json_object(),
	    .warnings = json_array()};
	bool reading = db_read_begin(store_db(ctx->store));

	int rc = rollouts_plan(ctx->store, rq, &p.v, &p.n, err);
	if (rc == 0)
		rc = look_at_hosts(&p, err);
	if (rc == 0)
		rc = warnings(&p, most, err);
	if (rc == 0)
		*ret = json_pack("{s:{s:o, s:O}}", "plan", "batches", batches_json(&p),
		    "warnings", p.warnings);
	db_read_end(store_db(ctx->store), reading);
	json_decref(p.refused);
	json_decref(p.warnings);
	free(p.v);
	return rc;
}
