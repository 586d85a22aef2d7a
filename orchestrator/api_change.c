// SPDX-License-Identifier: GPL-3.0-or-later
/* Changes of the inventory by REST: one object or a whole document, all on the same way.
 *
 * Entry points: api_change(); api_change_add() and api_change_patch() for one object. Image
 * files are hashed first, off the event loop. One object then is planned, written and answered in one
 * go, so that nothing can come between check and write. A whole document is planned in a thread, which
 * reads through a connection of its own, and written if nothing of the inventory has changed
 * since it began; else it is planned again, the last time on the loop. A change owns its document, hashes
 * and plan until it is answered.
 *
 * Failure modes: a client that went away before the plan was there has changed nothing. */
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
#include "orchestrator/schedule_apply.h"

enum { PLANS_ASIDE = 3, SLOW_MS = 50 };

struct change {
	struct orch *o;
	struct rest_request *rq; /* NULL: the client went away */
	struct audit_who who;
	struct api_change_request rq_change;
	char *reason;
	struct images_hashes *hashes;
	int64_t generation; /* of the inventory when planning began */
	int n_plans;
	struct inventory_plan *plan;
	json_t *errors; /* why there is none */
	struct error err;
	struct schedule_apply *schedules; /* NULL: the document has none */
};

static void
drop_plan(struct change *c)
{
	inventory_plan_free(c->plan);
	json_decref(c->errors);
	c->plan = NULL;
	c->errors = NULL;
}

static void
change_free(struct change *c)
{
	drop_plan(c);
	json_decref(c->rq_change.document);
	json_decref(c->rq_change.schedules);
	schedule_apply_free(c->schedules);
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

static void
news(void *arg, const char *site)
{
	struct orch *o = arg;

	place_news_add(o->place_news, site);
}

static json_t *
answer_body(const struct change *c, const struct inventory_plan *plan)
{
	json_t *changes = json_copy((json_t *)inventory_plan_changes(plan));

	if (c->schedules)
		json_array_extend(
		    changes, (json_t *)schedule_apply_changes(c->schedules));
	return json_pack(
	    "{s:o, s:b}", "changes", changes, "applied", !c->rq_change.dry_run);
}

static bool
whole(const struct change *c)
{
	return c->rq_change.kind == NULL;
}

static int
allowed(void *arg, const struct audit_who *who, const struct schedule_doc *doc,
    struct error *err)
{
	return api_schedule_allowed(arg, who, doc, err);
}

/* In the transaction of the rest, whose hosts they may mean. -EPERM or -EINVAL with c->err. */
static int
write_schedules(struct change *c)
{
	struct orch *o = c->o;

	return c->schedules == NULL ? 0
				    : schedule_apply_write(o->store, c->schedules,
					  unattended_scheduler(o->unattended), &c->who,
					  c->reason, clock_wall(), allowed, o, &c->err);
}

static bool
write_plan(struct change *c, const struct inventory_plan *plan)
{
	struct orch *o = c->o;
	const struct api_change_request *r = &c->rq_change;
	json_t *kept = NULL; /* what the request is answered with should it come again */
	char etag[API_ETAG_SIZE];
	int rc = db_begin(store_db(o->store));

	if (rc == 0)
		rc = inventory_plan_write(
		    o->store, plan, &c->who, c->reason, clock_wall());
	if (rc == 0)
		rc = write_schedules(c);
	if (rc == -EPERM || (rc == -EINVAL && c->err.code[0])) {
		db_rollback(store_db(o->store));
		api_refuse(c->rq, &c->err, NULL);
		return false;
	}
	if (rc == 0 && whole(c))
		kept = answer_body(c, plan);
	else if (rc == 0)
		rc = r->kind->read(o, r->name, &kept, etag);
	if (rc == 0 && (whole(c) || r->must_add))
		rc = api_remember(o, c->rq, &c->who, whole(c) ? 200 : 201, kept);
	json_decref(kept);
	if (!api_commit(o, c->rq, rc, "change the inventory"))
		return false;
	inventory_plan_sites(plan, wake, o);
	if (inventory_plan_has_images(plan))
		place_each(o->place, news, o);
	if (c->schedules)
		unattended_wake(o->unattended);
	return true;
}

static bool
is_there(const struct inventory_plan *plan)
{
	const json_t *change = json_array_get(inventory_plan_changes(plan), 0);

	return !str_eq(json_string_value(json_object_get(change, "action")), "add");
}

static void
make_plan(struct change *c, struct store *s)
{
	const struct inventory_request request = {.document = c->rq_change.document,
	    .hashes = c->hashes,
	    .key = c->o->key,
	    .pointer = whole(c) ? NULL : ""};

	c->err = (struct error){.code = ""};
	if (inventory_plan_new(s, &request, &c->plan, &c->errors, &c->err) < 0)
		c->plan = NULL;
}

/* On the loop, unlike the rest: libical is asked. False when it was refused. */
static bool
plan_schedules(struct change *c)
{
	struct error err = {.code = ""};
	json_t *errors = NULL;

	if (!c->rq_change.schedules ||
	    schedule_apply_new(c->o->store, c->rq_change.schedules, clock_wall(),
		&c->schedules, &errors, &err) == 0)
		return true;
	api_refuse(c->rq, &err, errors);
	return false;
}

/* Answers by the plan, and writes it first if that is wanted. */
static void
conclude(struct change *c)
{
	const struct api_change_request *r = &c->rq_change;

	if (!c->plan) {
		api_refuse(c->rq, &c->err, json_incref(c->errors));
	} else if (!plan_schedules(c)) {
		;
	} else if (r->must_add && is_there(c->plan)) {
		struct error err;
		char code[ERROR_CODE_SIZE];
		if (str_format(code, sizeof(code), "%s-exists", r->kind->name) < 0)
			abort();
		error_set(&err, 0, code, "change it instead", "there is a %s %s already",
		    r->kind->name, r->name);
		api_refuse(c->rq, &err, NULL);
	} else if (r->dry_run) {
		rest_reply(c->rq, 200, answer_body(c, c->plan), NULL);
	} else if (write_plan(c, c->plan)) {
		if (whole(c))
			rest_reply(c->rq, 200, answer_body(c, c->plan), NULL);
		else
			api_object_reply(
			    c->o, c->rq, r->kind, r->must_add ? 201 : 200, r->name);
	}
	change_free(c);
}

/* In a thread, with the loop's hands off the change. */
static void
plan_aside(void *arg)
{
	struct change *c = arg;
	struct store *s = NULL;

	if (store_open_reader(c->o->config->database, &s, &c->err) == 0)
		make_plan(c, s);
	store_close(s);
}

static void
begin_plan(struct change *c);

static void
on_planned(void *arg)
{
	struct change *c = arg;
	struct orch *o = c->o;
	int64_t began = clock_mono();

	if (!c->rq) {
		change_free(c);
		return;
	}
	if (c->generation != store_generation(o->store)) {
		drop_plan(c);
		if (c->n_plans < PLANS_ASIDE) {
			begin_plan(c);
			return;
		}
		make_plan(c, o->store);
	}
	rest_on_gone(c->rq, NULL, NULL);
	/* The same request may have come again, and been carried out, in the meantime. */
	if (api_repeated(o, c->rq, &c->who))
		change_free(c);
	else
		conclude(c);
	int took_ms = (int)((clock_mono() - began) / USEC_PER_MSEC);
	if (took_ms > SLOW_MS)
		log_warn(&o->log, "writing a document took %d ms", took_ms);
}

static void
begin_plan(struct change *c)
{
	struct orch *o = c->o;

	c->generation = store_generation(o->store);
	c->n_plans++;
	error_set(&c->err, -ECANCELED, "busy", "try again in a moment",
	    "too much waits to be read");
	if (workq_submit(o->reads, plan_aside, on_planned, c) == 0)
		return;
	api_refuse(c->rq, &c->err, NULL);
	change_free(c);
}

static void
on_hashed(void *arg, struct images_hashes *hashes)
{
	struct change *c = arg;

	c->hashes = hashes;
	if (!c->rq) {
		change_free(c);
	} else if (whole(c)) {
		begin_plan(c);
	} else {
		rest_on_gone(c->rq, NULL, NULL);
		/* The same request may have come again, and been carried out, while files were read. */
		if (c->rq_change.must_add && api_repeated(c->o, c->rq, &c->who)) {
			change_free(c);
			return;
		}
		make_plan(c, c->o->store);
		conclude(c);
	}
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
	rest_on_gone(rq, on_gone, c);
	if (paths.n == 0) {
		on_hashed(c, NULL);
		return;
	}
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
api_change_add(struct orch *o, struct rest_request *rq, const struct api_kind *kind)
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
	ch.document = json_pack("{s:[O]}", kind->list, body);
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

void
api_change_merge(json_t *target, const json_t *patch)
{
	const char *key;
	json_t *v;

	json_object_foreach ((json_t *)patch, key, v) {
		json_t *old = json_object_get(target, key);
		if (json_is_null(v))
			json_object_del(target, key);
		else if (json_is_object(v) && json_is_object(old))
			api_change_merge(old, v);
		else
			json_object_set(target, key, v);
	}
}

void
api_change_patch(struct orch *o, struct rest_request *rq, const struct audit_who *who,
    const struct api_kind *kind, json_t *now)
{
	struct api_change_request ch = {.kind = kind};
	json_t *name = json_incref(json_object_get(now, "name"));
	json_t *body = api_change_patch_body(rq);
	struct error err;

	if (body)
		api_change_merge(now, body);
	if (body && !json_equal(name, json_object_get(now, "name"))) {
		error_set(&err, -EINVAL, "bad-value", "add it anew under the other name",
		    "name: a %s keeps its name", kind->name);
		api_refuse(rq, &err, NULL);
	} else if (body) {
		str_clip(ch.name, sizeof(ch.name), json_string_value(name));
		ch.document = json_pack("{s:[O]}", kind->list, now);
		api_change(o, rq, who, &ch);
	}
	json_decref(name);
	json_decref(now);
}
