// SPDX-License-Identifier: GPL-3.0-or-later
/* Images at sites, for people: placing them, and how far they are.
 *
 * Entry points: the handlers. Placing says that a site is to hold an image whether or not its hosts use it; its agent is told
 * at once. The status is what sites have told, with when: of one that is not heard it is what was known then.
 * Ownership: nothing is kept. Failure modes: codes of docs/api.md; of several sites all are placed or none. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_image.h"
#include "db/db_site.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/job_json.h"
#include "orchestrator/orders.h"
#include "orchestrator/place_plan.h"
#include "orchestrator/presence.h"

enum { STATUS_SITES_MAX = 50 };

/* ---- placing ---- */

/* Members "sites" or "all_sites". */
static int
read_sites(struct orch *o, const json_t *body, struct store_names *ret, struct error *err)
{
	json_t *list = NULL;
	bool all = false;

	if (json_opt_arr(body, "sites", &list, err) < 0 ||
	    json_opt_bool(body, "all_sites", &all, err) < 0)
		return -EINVAL;
	if (all == (json_array_size(list) > 0))
		return error_set(err, -EINVAL, "bad-value",
		    "name sites, or say all_sites (--all-sites)",
		    all ? "sites: all_sites names them all" : "sites: none");
	if (all)
		return db_site_names(o->store, NULL, INT64_MAX, ret);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));
		int64_t version;

		if (!name || !str_name_valid(name))
			return error_set(err, -EINVAL, "bad-value", NULL,
			    "sites[%zu]: not a site name", i);
		int rc = db_site_version(o->store, name, &version);
		if (rc == -ENOENT)
			return error_set(err, -EINVAL, "site-unknown",
			    "netboot-ctl site list shows them", "no site %s", name);
		if (rc < 0)
			return rc;
		store_names_add(ret, name);
	}
	return 0;
}

static int
write_places(struct orch *o, const char *image, bool place, const struct audit_who *who,
    const char *reason, const struct store_names *sites)
{
	int64_t now = clock_wall();
	json_t *names = json_array();
	int rc = db_begin(store_db(o->store));

	for (size_t i = 0; rc == 0 && i < sites->n; i++) {
		rc = place ? db_place_add(o->store, sites->v[i], image, who->name, now)
			   : db_place_remove(o->store, sites->v[i], image);
		/* Taking away what is not there is no mistake. */
		if (!place && rc == -ENOENT)
			rc = 0;
		json_array_append_new(names, json_string(sites->v[i]));
	}
	json_t *detail = json_pack("{s:o}", "sites", names);
	if (rc == 0)
		rc = audit_write(o->store, who,
		    &(struct audit_row){.what = place ? "image.place" : "image.unplace",
			.object = image,
			.reason = reason,
			.result = "ok",
			.detail = detail},
		    now);
	json_decref(detail);
	return rc;
}

static void
reply_places(struct rest_request *rq, const char *image, const struct store_names *sites)
{
	json_t *names = json_array();

	for (size_t i = 0; i < sites->n; i++)
		json_array_append_new(names, json_string(sites->v[i]));
	rest_reply(
	    rq, 200, json_pack("{s:s, s:o}", "image", image, "sites", names), NULL);
}

static void
place_or_not(struct orch *o, struct rest_request *rq, bool place)
{
	const char *image = rest_param(rq, "name"), *reason = "";
	char etag[API_ETAG_SIZE];
	struct audit_who who;
	struct error err = {.code = ""};
	struct store_names sites = {0};

	if (!api_allow(o, rq, &who))
		return;
	json_t *found = api_object_find(o, rq, &api_image_kind, image, etag);
	if (!found)
		return;
	json_decref(found);
	const json_t *body = rest_body(rq, &err);
	int rc = !body || json_opt_str(body, "reason", &reason, &err) < 0 ||
			 orders_reason_check(reason, false, &err) < 0
		     ? -EINVAL
		     : read_sites(o, body, &sites, &err);
	if (rc < 0 && err.code[0]) {
		api_refuse(rq, &err, NULL);
	} else if (rc < 0) {
		api_failed(o, rq, rc, "read the sites");
	} else {
		rc = write_places(o, image, place, &who, reason, &sites);
		if (api_commit(o, rq, rc, "place the image")) {
			reply_places(rq, image, &sites);
			for (size_t i = 0; i < sites.n; i++)
				dispatch_wake(o->dispatch, sites.v[i]);
		}
	}
	store_names_done(&sites);
}

void
api_image_place(void *arg, struct rest_request *rq)
{
	place_or_not(arg, rq, true);
}

void
api_image_unplace(void *arg, struct rest_request *rq)
{
	place_or_not(arg, rq, false);
}

/* ---- status ---- */

static void
put_why(json_t *v, const struct error *why)
{
	if (!why->code[0])
		return;
	json_put_str(v, "code", why->code);
	json_put_str(v, "text", why->text);
	json_put_str(v, "next", why->next);
}

static json_t *
image_json(const char *name, const struct place_image *at, bool placed)
{
	json_t *v = json_object();
	int64_t left = at->octets - at->got;

	json_put_str(v, "image", name);
	json_put_bool(v, "placed", placed);
	json_put_str(v, "state", !at->told ? "unknown" : store_msg_state_name(at->state));
	json_put_i64(v, "percent", place_percent(at));
	json_put_i64(v, "files", (int64_t)at->files);
	json_put_i64(v, "held", (int64_t)at->held);
	json_put_i64(v, "octets", at->octets);
	json_put_i64(v, "got", at->got);
	json_put_i64(v, "rate", at->rate);
	json_put(v, "left_s",
	    at->rate > 0 && !at->whole ? json_integer(left / at->rate) : json_null());
	json_put_str(v, "source", store_msg_source_name(at->source));
	put_why(v, &at->why);
	return v;
}

static int
add_image(struct orch *o, const char *site, const char *name, json_t *images)
{
	struct db_image *image = str_alloc(sizeof(*image));
	struct place_image at;
	int rc = db_image_get(o->store, name, image);

	if (rc == 0) {
		place_image(o->place, site, &image->image, &at);
		int placed = db_place_is(o->store, site, name);
		json_array_append_new(images, image_json(name, &at, placed == 1));
		db_image_done(image);
	}
	free(image);
	return rc == -ENOENT ? 0 : rc;
}

/* One site, with the images that it is to hold (all, or that one). */
static int
site_json(struct orch *o, const char *site, const char *only, json_t **ret)
{
	const struct db_place_stock *stock = place_stock(o->place, site);
	struct store_names names = {0};
	json_t *v = json_object(), *images = json_array();
	int rc = place_plan_images(o->store, site, clock_wall(), &names);

	for (size_t i = 0; rc == 0 && i < names.n; i++)
		if (!only || str_eq(only, names.v[i]))
			rc = add_image(o, site, names.v[i], images);
	json_put_str(v, "site", site);
	json_put_bool(v, "absent", presence_absent(dispatch_silence(o->dispatch, site)));
	job_json_time(v, "at", stock ? stock->at : 0);
	json_put(v, "free",
	    stock && stock->free >= 0 ? json_integer(stock->free) : json_null());
	json_put(v, "images", images);
	store_names_done(&names);
	*ret = v;
	return rc;
}

void
api_image_status(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct store_names sites = {0};
	const char *cursor, *only = rest_query(rq, "image");
	json_t *items = json_array();
	int64_t limit;

	if (!api_allow(o, rq, &who) || !api_page(rq, &limit, &cursor)) {
		json_decref(items);
		return;
	}
	/* A site takes a dozen reads of the database. */
	if (limit > STATUS_SITES_MAX)
		limit = STATUS_SITES_MAX;
	int rc = db_site_names(o->store, cursor, limit + 1, &sites);
	for (size_t i = 0; rc == 0 && i < sites.n; i++) {
		json_t *v = NULL;
		rc = site_json(o, sites.v[i], only && only[0] ? only : NULL, &v);
		json_array_append_new(items, v);
	}
	if (rc == 0) {
		api_reply_page(rq, items, limit, "site");
	} else {
		json_decref(items);
		api_failed(o, rq, rc, "read what the sites are to hold");
	}
	store_names_done(&sites);
}
