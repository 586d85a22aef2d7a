// SPDX-License-Identifier: GPL-3.0-or-later
/* Changes of the inventory by REST: one object or a whole document, all on the same way.
 *
 * Entry points: api_change(); api_change_add() and api_change_patch() for one object. Image
 * files are hashed first, off the event loop; then the document is planned, written and answered
 * in one go, so that nothing can come between check and write. A change owns its document and
 * hashes until it is answered.
 *
 * Failure modes: a client that went away while its files were hashed has changed nothing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_host.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/images.h"
#include "orchestrator/inventory.h"

struct change {
	struct orch *o;
	struct rest_request *rq; /* NULL: the client went away */
	struct audit_who who;
	struct api_change_request rq_change;
	char *reason;
	struct images_hashes *hashes;
};

static void
change_free(struct change *c)
{
	json_decref(c->rq_change.document);
	images_hashes_free(c->hashes);
	free(c->reason);
	free(c);
}

static int
wake(void *arg, const char *site)
{
	struct orch *o = arg;

	dispatch_wake(o->dispatch, site);
	return 0;
}

static json_t *
answer_body(const struct change *c, const struct inventory_plan *plan)
{
	json_t *changes = json_incref((json_t *)inventory_plan_changes(plan));

	return json_pack(
	    "{s:o, s:b}", "changes", changes, "applied", !c->rq_change.dry_run);
}

/* The object as it is now: what a repeated POST is answered with. */
static int
read_object(struct change *c, json_t **ret)
{
	const char *kind = c->rq_change.kind, *name = c->rq_change.name;
	char etag[API_ETAG_SIZE];

	if (str_eq(kind, "site"))
		return api_site_read(c->o, name, ret, etag);
	if (str_eq(kind, "host"))
		return api_host_read(c->o, name, ret, etag);
	return api_image_read(c->o, name, ret, etag);
}

static void
reply_object(struct change *c, int status)
{
	const char *kind = c->rq_change.kind, *name = c->rq_change.name;

	if (str_eq(kind, "site"))
		api_site_reply(c->o, c->rq, status, name);
	else if (str_eq(kind, "host"))
		api_host_reply(c->o, c->rq, status, name);
	else
		api_image_reply(c->o, c->rq, status, name);
}

static bool
write_plan(struct change *c, const struct inventory_plan *plan)
{
	struct orch *o = c->o;
	const struct api_change_request *r = &c->rq_change;
	json_t *kept = NULL;
	int rc = db_begin(store_db(o->store));

	if (rc == 0)
		rc = inventory_plan_write(
		    o->store, plan, &c->who, c->reason, clock_wall());
	if (rc == 0 && r->whole)
		kept = answer_body(c, plan);
	else if (rc == 0)
		rc = read_object(c, &kept);
	if (rc == 0 && (r->whole || r->must_add))
		rc = api_remember(o, c->rq, &c->who, r->whole ? 200 : 201, kept);
	json_decref(kept);
	if (!api_commit(o, c->rq, rc, "change the inventory"))
		return false;
	inventory_plan_sites(plan, wake, o);
	return true;
}

static bool
is_there(const struct inventory_plan *plan)
{
	const json_t *change = json_array_get(inventory_plan_changes(plan), 0);

	return !str_eq(json_string_value(json_object_get(change, "action")), "add");
}

static void
finish(struct change *c)
{
	struct orch *o = c->o;
	const struct api_change_request *r = &c->rq_change;
	const struct inventory_request request = {.document = r->document,
	    .hashes = c->hashes,
	    .key = o->key,
	    .pointer = r->whole ? NULL : ""};
	struct inventory_plan *plan = NULL;
	struct error err = {.code = ""};
	json_t *errors = NULL;

	if (inventory_plan_new(o->store, &request, &plan, &errors, &err) < 0) {
		api_refuse(c->rq, &err, errors);
	} else if (r->must_add && is_there(plan)) {
		char code[ERROR_CODE_SIZE];
		if (str_format(code, sizeof(code), "%s-exists", r->kind) < 0)
			abort();
		error_set(&err, 0, code, "change it instead", "there is a %s %s already",
		    r->kind, r->name);
		api_refuse(c->rq, &err, NULL);
	} else if (r->dry_run) {
		rest_reply(c->rq, 200, answer_body(c, plan), NULL);
	} else if (write_plan(c, plan)) {
		if (r->whole)
			rest_reply(c->rq, 200, answer_body(c, plan), NULL);
		else
			reply_object(c, r->must_add ? 201 : 200);
	}
	inventory_plan_free(plan);
	change_free(c);
}

static void
on_hashed(void *arg, struct images_hashes *hashes)
{
	struct change *c = arg;

	c->hashes = hashes;
	if (!c->rq) {
		change_free(c);
		return;
	}
	rest_on_gone(c->rq, NULL, NULL);
	/* The same request may have come again, and been carried out, while files were read. */
	if ((c->rq_change.whole || c->rq_change.must_add) &&
	    api_repeated(c->o, c->rq, &c->who))
		change_free(c);
	else
		finish(c);
}

static void
on_gone(void *arg)
{
	struct change *c = arg;

	c->rq = NULL;
}

static void
collect_paths(const json_t *document, struct store_names *paths)
{
	const json_t *images = json_object_get(document, "images");

	for (size_t i = 0; i < json_array_size(images); i++)
		images_paths(json_array_get(images, i), paths);
}

void
api_change(struct orch *o, struct rest_request *rq, const struct audit_who *who,
    const struct api_change_request *change)
{
	struct change *c = str_alloc(sizeof(*c));
	struct store_names paths = {0};

	c->o = o;
	c->rq = rq;
	c->who = *who;
	c->rq_change = *change;
	c->reason = str_dup(change->reason ? change->reason : "");
	collect_paths(change->document, &paths);
	if (paths.n == 0) {
		finish(c);
		return;
	}
	rest_on_gone(rq, on_gone, c);
	int rc = images_hash(o->workq, o->config->images_root, &paths, on_hashed, c);
	store_names_done(&paths);
	if (rc < 0) {
		struct error err;
		error_set(&err, rc, "busy", "try again in a moment",
		    "too many files wait to be read");
		api_refuse(rq, &err, NULL);
		change_free(c);
	}
}

void
api_change_add(
    struct orch *o, struct rest_request *rq, const char *kind, const char *list)
{
	struct audit_who who;
	struct error err = {.code = ""};
	struct api_change_request ch = {.must_add = true, .kind = kind};

	if (!api_allow(o, rq, &who))
		return;
	json_t *body = rest_body(rq, &err);
	if (!body || json_copy_str(body, "name", ch.name, sizeof(ch.name), &err) < 0) {
		api_refuse(rq, &err, NULL);
		return;
	}
	if (api_repeated(o, rq, &who))
		return;
	ch.document = json_pack("{s:[O]}", list, body);
	api_change(o, rq, &who, &ch);
}

json_t *
api_change_patch_body(struct rest_request *rq)
{
	struct error err = {.code = ""};
	json_t *body = rest_body(rq, &err);

	if (json_is_object(body))
		return body;
	if (body)
		error_set(&err, 0, "bad-value", NULL, "the body is not an object");
	api_refuse(rq, &err, NULL);
	return NULL;
}

/* RFC 7396: null removes, objects are merged, the rest replaces. */
static void
merge(json_t *target, const json_t *patch)
{
	const char *key;
	json_t *v;

	json_object_foreach ((json_t *)patch, key, v) {
		json_t *old = json_object_get(target, key);
		if (json_is_null(v))
			json_object_del(target, key);
		else if (json_is_object(v) && json_is_object(old))
			merge(old, v);
		else
			json_object_set(target, key, v);
	}
}

void
api_change_patch(struct orch *o, struct rest_request *rq, const struct audit_who *who,
    const char *kind, const char *list, json_t *now)
{
	struct api_change_request ch = {.kind = kind};
	json_t *name = json_incref(json_object_get(now, "name"));
	json_t *body = api_change_patch_body(rq);

	if (body) {
		merge(now, body);
		json_object_set(now, "name", name);
		str_clip(ch.name, sizeof(ch.name), json_string_value(name));
		ch.document = json_pack("{s:[O]}", list, now);
		api_change(o, rq, who, &ch);
	}
	json_decref(name);
	json_decref(now);
}
