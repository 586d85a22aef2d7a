// SPDX-License-Identifier: GPL-3.0-or-later
/* GET, POST, PATCH and DELETE of sites.
 *
 * Entry points: the handlers, and api_site_read()/api_site_reply() for others. Changes go through
 * api_change.c; a PATCH replaces members as a whole, subnets too. Each handler answers its request and
 * owns nothing after that.
 * Failure modes: codes of docs/api.md; a site with hosts is not removed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_site.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/inventory_codec.h"

static void
unknown(struct rest_request *rq, const char *name)
{
	struct error err;
	char shown[80];

	error_set(&err, 0, "site-unknown", "netboot-ctl site list shows them",
	    "no site %s", str_escape(shown, sizeof(shown), name, strlen(name)));
	rest_problem(rq, 404, &err, NULL);
}

/* The site of the path, or NULL with the answer given. Owned by the caller. */
static struct db_site *
find(struct orch *o, struct rest_request *rq, const char *name)
{
	struct db_site *site = str_alloc(sizeof(*site));
	int rc = db_site_get(o->store, name, site);

	if (rc == 0)
		return site;
	free(site);
	if (rc == -ENOENT)
		unknown(rq, name);
	else
		api_failed(o, rq, rc, "read the site");
	return NULL;
}

int
api_site_read(struct orch *o, const char *name, json_t **ret, char etag[API_ETAG_SIZE])
{
	struct db_site *site = str_alloc(sizeof(*site));
	int rc = db_site_get(o->store, name, site);

	if (rc == 0) {
		*ret = inventory_codec_site_json(site);
		api_etag("site", site->rev, etag);
	}
	free(site);
	return rc;
}

void
api_site_reply(struct orch *o, struct rest_request *rq, int status, const char *name)
{
	char etag[API_ETAG_SIZE];
	json_t *v = NULL;
	int rc = api_site_read(o, name, &v, etag);

	if (rc == 0)
		rest_reply(rq, status, v, etag);
	else if (rc == -ENOENT)
		unknown(rq, name);
	else
		api_failed(o, rq, rc, "read the site");
}

void
api_site_list(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct store_names names = {0};
	const char *cursor;
	int64_t limit;

	if (!api_allow(o, rq, &who) || !api_page(rq, &limit, &cursor))
		return;
	int rc = db_site_names(o->store, cursor, limit + 1, &names);
	struct db_site *site = str_alloc(sizeof(*site));
	json_t *items = json_array();
	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		rc = db_site_get(o->store, names.v[i], site);
		if (rc == 0)
			json_array_append_new(items, inventory_codec_site_json(site));
	}
	free(site);
	store_names_done(&names);
	if (rc == 0) {
		api_reply_page(rq, items, limit, "name");
	} else {
		json_decref(items);
		api_failed(o, rq, rc, "read the sites");
	}
}

void
api_site_get(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;

	if (api_allow(o, rq, &who))
		api_site_reply(o, rq, 200, rest_param(rq, "name"));
}

void
api_site_add(void *arg, struct rest_request *rq)
{
	api_change_add(arg, rq, "site", "sites");
}

void
api_site_patch(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	char etag[API_ETAG_SIZE];

	if (!api_allow(o, rq, &who) || !api_change_patch_body(rq))
		return;
	struct db_site *site = find(o, rq, rest_param(rq, "name"));
	if (!site)
		return;
	api_etag("site", site->rev, etag);
	if (api_match(rq, etag))
		api_change_patch(
		    o, rq, &who, "site", "sites", inventory_codec_site_json(site));
	free(site);
}

void
api_site_delete(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	const char *name = rest_param(rq, "name");
	char etag[API_ETAG_SIZE];
	struct error err;

	if (!api_allow(o, rq, &who))
		return;
	struct db_site *site = find(o, rq, name);
	if (!site)
		return;
	api_etag("site", site->rev, etag);
	free(site);
	if (!api_match(rq, etag))
		return;
	int rc = db_begin(store_db(o->store));
	if (rc == 0)
		rc = db_site_delete(o->store, name);
	if (rc == -ENOLINK) {
		db_rollback(store_db(o->store));
		error_set(&err, 0, "site-in-use", "remove or move its hosts first",
		    "site %s has hosts", name);
		api_refuse(rq, &err, NULL);
		return;
	}
	if (rc == 0)
		rc = audit_write(o->store, &who,
		    &(struct audit_row){
			.what = "site.remove", .object = name, .result = "ok"},
		    clock_wall());
	if (api_commit(o, rq, rc, "remove the site"))
		rest_reply(rq, 204, NULL, NULL);
}
