// SPDX-License-Identifier: GPL-3.0-or-later
/* GET, POST, PATCH and DELETE of sites: what is a site's own, for api_object.c and api_change.c.
 *
 * Entry points: the handlers, and api_site_kind for others. A PATCH replaces members as a whole, subnets too.
 * Failure modes: codes of docs/api.md; a site with hosts is not removed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_agent_cert.h"
#include "db/db_hold.h"
#include "db/db_site.h"
#include "lib/clock.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/inventory_codec.h"
#include "orchestrator/join.h"

static void
unknown(struct orch *o, struct rest_request *rq, const char *name)
{
	struct error err;
	char shown[80];

	(void)o;
	error_set(&err, 0, "site-unknown", "netboot-ctl site list shows them",
	    "no site %s", str_escape(shown, sizeof(shown), name, strlen(name)));
	rest_problem(rq, 404, &err, NULL);
}

static int
read_site(struct orch *o, const char *name, json_t **ret, char etag[API_ETAG_SIZE])
{
	struct db_site *site = str_alloc(sizeof(*site));
	int rc = db_site_get(o->store, name, site);

	if (rc == 0) {
		*ret = inventory_codec_site_json(site);
		api_etag("site", site->rev, etag);
		rc = api_hold_put(o->store, name, *ret);
	}
	if (rc < 0 && *ret) {
		json_decref(*ret);
		*ret = NULL;
	}
	free(site);
	return rc;
}

/* Its agent is nobody's then, also for a site that comes to have the same name. */
static int
remove_site(struct store *s, const char *name)
{
	int64_t now = clock_wall();
	int rc = db_site_delete(s, name);

	if (rc == 0)
		rc = db_agent_cert_revoke_site(
		    s, name, now, "its site's removal", "the site was removed");
	if (rc == 0)
		rc = db_agent_cert_secret_withdraw(s, name, now);
	if (rc < 0)
		return rc;
	/* Nor is another site of that name frozen. */
	rc = db_hold_delete(s, name);
	return rc == -ENOENT ? 0 : rc;
}

/* A poll that waits would be answered with what a site of the same name is to do; and what its store held is nobody's. */
static void
removed_site(struct orch *o, const char *name)
{
	join_shut_out(o, name);
	place_forget(o->place, name);
}

const struct api_kind api_site_kind = {
    .name = "site",
    .list = "sites",
    .read = read_site,
    .unknown = unknown,
    .remove = remove_site,
    .removed = removed_site,
    .in_use = "has hosts",
    .in_use_next = "remove or move its hosts first",
};

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
	api_object_list(o, rq, &api_site_kind, rc, &names, limit);
}

void
api_site_get(void *arg, struct rest_request *rq)
{
	api_object_get(arg, rq, &api_site_kind);
}

void
api_site_add(void *arg, struct rest_request *rq)
{
	api_change_add(arg, rq, &api_site_kind);
}

void
api_site_patch(void *arg, struct rest_request *rq)
{
	api_object_patch(arg, rq, &api_site_kind);
}

void
api_site_delete(void *arg, struct rest_request *rq)
{
	api_object_remove(arg, rq, &api_site_kind);
}
