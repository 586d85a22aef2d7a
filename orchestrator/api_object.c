// SPDX-License-Identifier: GPL-3.0-or-later
/* What sites, hosts and images have in common by REST: one is read with its ETag, a page of them is listed,
 * one is changed by a PATCH, or removed.
 *
 * Entry points: api_object_*(), each given the kind's row of words and functions. All but api_object_find()
 * answer the request and own nothing after that; changes go on in api_change.c.
 * Failure modes: codes of docs/api.md. */
#include <errno.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/api.h"

/* "cannot read the WHAT", with the database's reason. */
static void
read_failed(struct orch *o, struct rest_request *rq, int rc, const char *what)
{
	char doing[40];

	if (str_format(doing, sizeof(doing), "read the %s", what) < 0)
		abort();
	api_failed(o, rq, rc, doing);
}

json_t *
api_object_find(struct orch *o, struct rest_request *rq, const struct api_kind *kind,
    const char *name, char etag[API_ETAG_SIZE])
{
	json_t *v = NULL;
	int rc = kind->read(o, name, &v, etag);

	if (rc == -ENOENT)
		kind->unknown(o, rq, name);
	else if (rc < 0)
		read_failed(o, rq, rc, kind->name);
	return v;
}

void
api_object_reply(struct orch *o, struct rest_request *rq, const struct api_kind *kind,
    int status, const char *name)
{
	char etag[API_ETAG_SIZE];
	json_t *v = api_object_find(o, rq, kind, name, etag);

	if (v)
		rest_reply(rq, status, v, etag);
}

void
api_object_get(struct orch *o, struct rest_request *rq, const struct api_kind *kind)
{
	struct audit_who who;

	if (api_allow(o, rq, &who))
		api_object_reply(o, rq, kind, 200, rest_param(rq, "name"));
}

void
api_object_list(struct orch *o, struct rest_request *rq, const struct api_kind *kind,
    int rc, struct store_names *names, int64_t limit)
{
	json_t *items = json_array();
	char etag[API_ETAG_SIZE];

	for (size_t i = 0; rc == 0 && i < names->n; i++) {
		json_t *v = NULL;
		rc = kind->read(o, names->v[i], &v, etag);
		if (rc == 0)
			json_array_append_new(items, v);
	}
	store_names_done(names);
	if (rc == 0) {
		api_reply_page(rq, items, limit, "name");
	} else {
		json_decref(items);
		read_failed(o, rq, rc, kind->list);
	}
}

void
api_object_patch(struct orch *o, struct rest_request *rq, const struct api_kind *kind)
{
	struct audit_who who;
	char etag[API_ETAG_SIZE];

	if (!api_allow(o, rq, &who) || !api_change_patch_body(rq))
		return;
	json_t *now = api_object_find(o, rq, kind, rest_param(rq, "name"), etag);
	if (!now)
		return;
	if (api_match(rq, etag))
		api_change_patch(o, rq, &who, kind, now);
	else
		json_decref(now);
}

static void
refuse_in_use(struct rest_request *rq, const struct api_kind *kind, const char *name)
{
	char code[ERROR_CODE_SIZE];
	struct error err;

	if (str_format(code, sizeof(code), "%s-in-use", kind->name) < 0)
		abort();
	error_set(
	    &err, 0, code, kind->in_use_next, "%s %s %s", kind->name, name, kind->in_use);
	api_refuse(rq, &err, NULL);
}

void
api_object_remove(struct orch *o, struct rest_request *rq, const struct api_kind *kind)
{
	struct audit_who who;
	const char *name = rest_param(rq, "name");
	char etag[API_ETAG_SIZE], what[40], doing[40];

	if (!api_allow(o, rq, &who))
		return;
	json_t *v = api_object_find(o, rq, kind, name, etag);
	if (!v)
		return;
	if (!api_match(rq, etag))
		goto out;
	if (str_format(what, sizeof(what), "%s.remove", kind->name) < 0 ||
	    str_format(doing, sizeof(doing), "remove the %s", kind->name) < 0)
		abort();
	int rc = db_begin(store_db(o->store));
	if (rc == 0)
		rc = kind->remove(o->store, name);
	if (rc == -ENOLINK) {
		db_rollback(store_db(o->store));
		refuse_in_use(rq, kind, name);
		goto out;
	}
	if (rc == 0)
		rc = audit_write(o->store, &who,
		    &(struct audit_row){
			.what = what, .object = name, .result = "ok", .before = v},
		    clock_wall());
	if (!api_commit(o, rq, rc, doing))
		goto out;
	if (kind->removed)
		kind->removed(o, name);
	rest_reply(rq, 204, NULL, NULL);
out:
	json_decref(v);
}
