// SPDX-License-Identifier: GPL-3.0-or-later
/* Plans for changing the inventory, their writing, and the export.
 *
 * Entry points: inventory_plan_new() validates a document and finds what differs;
 * inventory_plan_write() writes it in the caller's transaction. A plan borrows the
 * document and owns its list of changes; objects are decoded again when they are written,
 * so that a plan for a hundred thousand hosts holds indices and not a gigabyte of hosts.
 *
 * Hosts may exchange MACs, addresses and BMCs within one document: all changed hosts let
 * go of theirs before the first one is written.
 *
 * Failure modes: a refused document leaves no plan and nothing written; a failing
 * database ends the plan and the caller rolls back. */
#include "orchestrator/inventory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "lib/secret.h"
#include "lib/str.h"
#include "orchestrator/credentials.h"
#include "orchestrator/inventory_codec.h"
#include "orchestrator/inventory_priv.h"
#include "orchestrator/schedule_apply.h"

enum { EXPORT_MAX = 10000000 };

enum action { ACTION_SAME, ACTION_ADD, ACTION_CHANGE };

static const char *const action_names[] = {"same", "add", "change"};

struct inventory_plan {
	struct inventory_request rq;
	json_t *changes;
	enum action *site_actions, *image_actions, *host_actions;
	struct strset touched; /* sites whose snapshot changes */
	struct strset images;  /* that change */
	bool fits;	       /* one of them is, or was, such as every menu may show */
};

static size_t
count(const struct inventory_request *rq, const char *list)
{
	return json_array_size(json_object_get(rq->document, list));
}

static const json_t *
object(const struct inventory_request *rq, const char *list, size_t i)
{
	return json_array_get(json_object_get(rq->document, list), i);
}

/* Takes fields. */
static enum action
note_change(struct inventory_plan *p, const char *kind, const char *name, bool exists,
    json_t *fields)
{
	enum action a = !exists			       ? ACTION_ADD
			: json_object_size(fields) > 0 ? ACTION_CHANGE
						       : ACTION_SAME;

	json_array_append_new(
	    p->changes, json_pack("{s:s, s:s, s:s, s:o}", "object", kind, "name", name,
			    "action", action_names[a], "fields", fields));
	return a;
}

static int
plan_site(struct inventory_plan *p, struct inventory_check *c, size_t i)
{
	struct db_site *new = str_alloc(sizeof(*new)), *old = str_alloc(sizeof(*old));
	int rc = 0;

	if (!inventory_check_site(c, i, new))
		goto out;
	rc = db_site_get(c->store, new->site.name, old);
	bool exists = rc == 0;
	if (rc < 0 && rc != -ENOENT)
		goto out;
	json_t *a = exists ? inventory_codec_site_json(old) : json_object();
	json_t *b = inventory_codec_site_json(new);
	p->site_actions[i] =
	    note_change(p, "site", new->site.name, exists, audit_fields(a, b));
	if (p->site_actions[i] != ACTION_SAME)
		strset_add(&p->touched, new->site.name, 0, NULL);
	json_decref(a);
	json_decref(b);
	rc = 0;
out:
	free(new);
	free(old);
	return rc;
}

static void
touch_shown(void *arg, const char *site)
{
	struct inventory_plan *p = arg;

	strset_add(&p->touched, site, 0, NULL);
}

/* Agents hold the images that menus show. */
static int
touch_menus(struct inventory_plan *p, struct inventory_check *c)
{
	if (strset_count(&p->images) == 0)
		return 0;
	return inventory_menu_sites(c->store, &p->images, p->fits, touch_shown, p);
}

static int
plan_image(struct inventory_plan *p, struct inventory_check *c, size_t i)
{
	struct db_image *new = str_alloc(sizeof(*new)), *old = str_alloc(sizeof(*old));
	int rc = 0;

	if (!inventory_check_image(c, i, new))
		goto out;
	rc = db_image_get(c->store, new->image.name, old);
	bool exists = rc == 0;
	if (rc < 0 && rc != -ENOENT)
		goto out;
	json_t *a = exists ? inventory_codec_image_json(old) : json_object();
	json_t *b = inventory_codec_image_json(new);
	p->image_actions[i] =
	    note_change(p, "image", new->image.name, exists, audit_fields(a, b));
	json_decref(a);
	json_decref(b);
	if (p->image_actions[i] != ACTION_SAME) {
		strset_add(&p->images, new->image.name, 0, NULL);
		p->fits = p->fits || bundle_menu_fits(&new->image, NULL) == 0 ||
			  (exists && bundle_menu_fits(&old->image, NULL) == 0);
	}
	rc = 0;
out:
	db_image_done(new);
	db_image_done(old);
	free(new);
	free(old);
	return rc;
}

/* Does the document give a secret other than the stored one? Without one the old stays. */
static bool
secret_differs(const struct secret_key *key, const char *context, const char *sealed,
    const char *given)
{
	char *plain = NULL;

	if (!sealed[0] || secret_unseal(key, context, sealed, &plain) < 0)
		return true;
	bool same = secret_equal(plain, given);
	secret_free(plain);
	return !same;
}

static bool
password_differs(
    const struct secret_key *key, const struct db_host *new, const struct db_host *old)
{
	char context[CREDENTIALS_CONTEXT_SIZE];

	if (new->forget_password)
		return old->sealed[0];
	if (new->bmc.password[0] == '\0')
		return false;
	credentials_context(CREDENTIALS_PASSWORD, new->host.name, context);
	return secret_differs(key, context, old->sealed, new->bmc.password);
}

static bool
kg_differs(
    const struct secret_key *key, const struct db_host *new, const struct db_host *old)
{
	char context[CREDENTIALS_CONTEXT_SIZE], hex[BUNDLE_KG_TEXT];

	if (new->forget_kg)
		return old->sealed_kg[0];
	if (!new->bmc.kg_set)
		return false;
	credentials_context(CREDENTIALS_KG, new->host.name, context);
	bundle_bmc_kg_text(&new->bmc, hex);
	bool differs = secret_differs(key, context, old->sealed_kg, hex);
	secret_wipe(hex, sizeof(hex));
	return differs;
}

static void
note_secret(json_t *fields, const char *member, const char *was, bool forget)
{
	json_object_set_new(fields, member,
	    json_pack(
		"[s, s]", was[0] ? "set" : "unset", forget ? "removed" : "set anew"));
}

static json_t *
diff_hosts(const struct inventory_plan *p, const struct db_host *old,
    const struct db_host *new, bool exists)
{
	json_t *a = exists ? inventory_codec_host_json(old) : json_object();
	json_t *b = inventory_codec_host_json(new);

	inventory_codec_strip(a);
	json_t *fields = audit_fields(a, b);
	if (password_differs(p->rq.key, new, old))
		note_secret(fields, "bmc.password", old->sealed, new->forget_password);
	if (kg_differs(p->rq.key, new, old))
		note_secret(fields, "bmc.kg", old->sealed_kg, new->forget_kg);
	json_decref(a);
	json_decref(b);
	return fields;
}

static int
plan_host(struct inventory_plan *p, struct inventory_check *c, size_t i)
{
	struct db_host *new = str_alloc(sizeof(*new)), *old = str_alloc(sizeof(*old));
	int rc = 0;

	if (!inventory_check_host(c, i, new))
		goto out;
	rc = db_host_get(c->store, new->host.name, old);
	bool exists = rc == 0;
	if (rc < 0 && rc != -ENOENT)
		goto out;
	p->host_actions[i] = note_change(
	    p, "host", new->host.name, exists, diff_hosts(p, old, new, exists));
	if (p->host_actions[i] != ACTION_SAME) {
		strset_add(&p->touched, new->site, 0, NULL);
		if (exists)
			strset_add(&p->touched, old->site, 0, NULL);
	}
	rc = 0;
out:
	bundle_bmc_wipe(&new->bmc);
	free(new);
	free(old);
	return rc;
}

static int
plan_all(struct inventory_plan *p, struct inventory_check *c)
{
	int rc = 0;

	inventory_check_names(c);
	for (size_t i = 0; rc == 0 && i < count(&p->rq, "sites"); i++)
		rc = plan_site(p, c, i);
	for (size_t i = 0; rc == 0 && i < count(&p->rq, "images"); i++)
		rc = plan_image(p, c, i);
	if (rc == 0)
		rc = touch_menus(p, c);
	for (size_t i = 0; rc == 0 && i < count(&p->rq, "hosts"); i++)
		rc = plan_host(p, c, i);
	return rc < 0 ? rc : c->rc;
}

/* One error speaks for itself; several are summed up. */
static int
refuse(struct inventory_check *c, json_t **ret_errors, struct error *err)
{
	const json_t *first = json_array_get(c->errors, 0);
	const char *next = json_string_value(json_object_get(first, "next"));

	if (c->n_errors == 1)
		error_set(err, 0, json_string_value(json_object_get(first, "code")), next,
		    "%s", json_string_value(json_object_get(first, "text")));
	else
		error_set(err, 0, "document-refused", "correct all of them, then repeat",
		    "%zu errors; nothing was changed", c->n_errors);
	*ret_errors = json_incref(c->errors);
	return -EINVAL;
}

int
inventory_plan_new(struct store *s, const struct inventory_request *rq,
    struct inventory_plan **ret, json_t **ret_errors, struct error *err)
{
	struct inventory_plan *p = str_alloc(sizeof(*p));
	struct inventory_check c = {.store = s, .rq = &p->rq, .errors = json_array()};

	p->rq = *rq;
	p->changes = json_array();
	p->site_actions = str_alloc((count(rq, "sites") + 1) * sizeof(enum action));
	p->image_actions = str_alloc((count(rq, "images") + 1) * sizeof(enum action));
	p->host_actions = str_alloc((count(rq, "hosts") + 1) * sizeof(enum action));
	bool reading = db_read_begin(store_db(s));
	int rc = plan_all(p, &c);
	if (rc < 0)
		rc = db_error(store_db(s), rc, err, "read the inventory");
	else if (c.n_errors > 0)
		rc = refuse(&c, ret_errors, err);
	db_read_end(store_db(s), reading);
	inventory_check_done(&c);
	if (rc < 0)
		inventory_plan_free(p);
	else
		*ret = p;
	return rc;
}

static int
write_sites(struct store *s, const struct inventory_plan *p, int64_t now)
{
	struct db_site *site = str_alloc(sizeof(*site));
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count(&p->rq, "sites"); i++) {
		if (p->site_actions[i] == ACTION_SAME)
			continue;
		rc = inventory_codec_site(object(&p->rq, "sites", i), site, NULL);
		if (rc == 0)
			rc = db_site_put(s, site, now);
	}
	free(site);
	return rc;
}

static int
write_images(struct store *s, const struct inventory_plan *p, int64_t now)
{
	struct db_image *image = str_alloc(sizeof(*image));
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count(&p->rq, "images"); i++) {
		if (p->image_actions[i] == ACTION_SAME)
			continue;
		json_t *v = inventory_check_complete_image(
		    p->rq.hashes, object(&p->rq, "images", i), NULL);
		rc = v ? inventory_codec_image(v, image, NULL) : -EINVAL;
		if (rc == 0) {
			rc = db_image_put(s, &image->image, now);
			db_image_done(image);
		}
		json_decref(v);
	}
	free(image);
	return rc;
}

/* What a host keeps that its document does not name. */
struct kept {
	bool is;
	char sealed[DB_HOST_SEALED_SIZE], kg[DB_HOST_SEALED_SIZE],
	    next[DB_HOST_SEALED_SIZE];
	int64_t next_at, next_runs;
	char address[BUNDLE_NAME_SIZE], user[17]; /* whose they are */
	uint16_t port;
};

static void
keep_secrets(struct kept *k, const struct db_host *old)
{
	k->is = true;
	str_clip(k->sealed, sizeof(k->sealed), old->sealed);
	str_clip(k->kg, sizeof(k->kg), old->sealed_kg);
	str_clip(k->next, sizeof(k->next), old->sealed_next);
	k->next_at = old->next_at;
	k->next_runs = old->next_runs;
	str_clip(k->address, sizeof(k->address), old->bmc.address);
	str_clip(k->user, sizeof(k->user), old->bmc.user);
	k->port = old->bmc.port;
}

/* A password that a person gives takes the place of the present one. The next one of an open rotation stays beside it:
 * an agent may be setting it at this moment. With another BMC it goes (inventory_check.c wants a password then). */
static void
give_back(struct db_host *h, const struct kept *k)
{
	if (!k->is)
		return;
	if (!h->bmc.kg_set && !h->forget_kg)
		str_clip(h->sealed_kg, sizeof(h->sealed_kg), k->kg);
	if (!h->bmc.password[0] && !h->forget_password)
		str_clip(h->sealed, sizeof(h->sealed), k->sealed);
	if (!str_eq(h->bmc.address, k->address) || h->bmc.port != k->port ||
	    !str_eq(h->bmc.user, k->user))
		return;
	str_clip(h->sealed_next, sizeof(h->sealed_next), k->next);
	h->next_at = k->next_at;
	h->next_runs = k->next_runs;
}

static int
write_host(
    struct store *s, const struct inventory_plan *p, struct db_host *new, int64_t now)
{
	char hex[BUNDLE_KG_TEXT];
	int rc = 0;

	if (new->bmc.password[0])
		rc = credentials_seal(p->rq.key, CREDENTIALS_PASSWORD, new->host.name,
		    new->bmc.password, new->sealed);
	if (rc == 0 && new->bmc.kg_set) {
		bundle_bmc_kg_text(&new->bmc, hex);
		rc = credentials_seal(
		    p->rq.key, CREDENTIALS_KG, new->host.name, hex, new->sealed_kg);
		secret_wipe(hex, sizeof(hex));
	}
	return rc < 0 ? rc : db_host_put(s, new, now);
}

/* Remembers the sealed secrets of hosts that keep theirs, then lets go of all
 * identities. */
static int
release_hosts(struct store *s, const struct inventory_plan *p, struct db_host *old,
    struct kept *kept)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count(&p->rq, "hosts"); i++) {
		if (p->host_actions[i] != ACTION_CHANGE)
			continue;
		const char *name = json_string_value(
		    json_object_get(object(&p->rq, "hosts", i), "name"));
		rc = db_host_get(s, name, old);
		if (rc == 0) {
			keep_secrets(&kept[i], old);
			rc = db_host_clear(s, name);
		}
	}
	return rc;
}

static int
write_hosts(struct store *s, const struct inventory_plan *p, int64_t now)
{
	size_t n = count(&p->rq, "hosts");
	struct db_host *h = str_alloc(sizeof(*h));
	struct kept *kept = str_alloc((n + 1) * sizeof(kept[0]));
	int rc = release_hosts(s, p, h, kept);

	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (p->host_actions[i] == ACTION_SAME)
			continue;
		rc = inventory_codec_host(object(&p->rq, "hosts", i), h, NULL);
		if (rc == 0) {
			give_back(h, &kept[i]);
			rc = write_host(s, p, h, now);
		}
		bundle_bmc_wipe(&h->bmc);
	}
	free(kept);
	free(h);
	return rc;
}

static int
write_audit(struct store *s, const struct inventory_plan *p, const struct audit_who *who,
    const char *reason, int64_t now)
{
	size_t i;
	json_t *ch;
	int rc = 0;

	json_array_foreach (p->changes, i, ch) {
		const char *action = json_string_value(json_object_get(ch, "action"));
		json_t *before, *after;
		char what[64];
		if (str_eq(action, action_names[ACTION_SAME]))
			continue;
		audit_sides(json_object_get(ch, "fields"), &before, &after);
		rc = str_format(what, sizeof(what), "%s.%s",
		    json_string_value(json_object_get(ch, "object")), action);
		if (rc == 0)
			rc = audit_write(s, who,
			    &(struct audit_row){
				.what = what,
				.object = json_string_value(json_object_get(ch, "name")),
				.reason = reason,
				.result = "ok",
				.before = str_eq(action, action_names[ACTION_ADD])
					      ? NULL
					      : before,
				.after = after,
			    },
			    now);
		json_decref(before);
		json_decref(after);
		if (rc < 0)
			return rc;
	}
	return 0;
}

struct touch {
	struct store *s;
	int64_t now;
};

static int
touch_site(void *arg, const char *site)
{
	const struct touch *t = arg;

	return db_site_touch(t->s, site, t->now);
}

int
inventory_plan_write(struct store *s, const struct inventory_plan *plan,
    const struct audit_who *who, const char *reason, int64_t now)
{
	struct touch t = {s, now};
	int rc = write_sites(s, plan, now);

	if (rc == 0)
		rc = write_images(s, plan, now);
	if (rc == 0)
		rc = write_hosts(s, plan, now);
	if (rc == 0)
		rc = write_audit(s, plan, who, reason, now);
	if (rc == 0)
		rc = strset_each(&plan->touched, touch_site, &t);
	return rc;
}

const json_t *
inventory_plan_changes(const struct inventory_plan *plan)
{
	return plan->changes;
}

void
inventory_plan_sites(const struct inventory_plan *plan,
    int (*each)(void *arg, const char *site), void *arg)
{
	strset_each(&plan->touched, each, arg);
}

bool
inventory_plan_has_images(const struct inventory_plan *plan)
{
	return strset_count(&plan->images) > 0;
}

void
inventory_plan_free(struct inventory_plan *plan)
{
	if (!plan)
		return;
	strset_done(&plan->touched);
	strset_done(&plan->images);
	json_decref(plan->changes);
	free(plan->site_actions);
	free(plan->image_actions);
	free(plan->host_actions);
	free(plan);
}

/* What the server adds and a document does not have. */
static void
strip_files(json_t *image)
{
	static const char *const lists[] = {"initrds", "files"};
	json_t *kernel = json_object_get(image, "kernel");

	json_object_del(kernel, "sha256");
	json_object_del(kernel, "size");
	for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
		json_t *list = json_object_get(image, lists[l]);
		for (size_t i = 0; i < json_array_size(list); i++) {
			json_object_del(json_array_get(list, i), "sha256");
			json_object_del(json_array_get(list, i), "size");
		}
	}
}

static int
export_sites(struct store *s, json_t *list)
{
	struct store_names names = {0};
	struct db_site *site = str_alloc(sizeof(*site));
	int rc = db_site_names(s, NULL, EXPORT_MAX, &names);

	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		rc = db_site_get(s, names.v[i], site);
		if (rc == 0)
			json_array_append_new(list, inventory_codec_site_json(site));
	}
	store_names_done(&names);
	free(site);
	return rc;
}

static int
export_images(struct store *s, json_t *list)
{
	struct store_names names = {0};
	struct db_image *image = str_alloc(sizeof(*image));
	int rc = db_image_names(s, NULL, EXPORT_MAX, &names);

	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		rc = db_image_get(s, names.v[i], image);
		if (rc < 0)
			break;
		json_t *v = inventory_codec_image_json(image);
		strip_files(v);
		json_array_append_new(list, v);
		db_image_done(image);
	}
	store_names_done(&names);
	free(image);
	return rc;
}

static int
export_hosts(struct store *s, json_t *list)
{
	struct store_names names = {0};
	struct db_host *h = str_alloc(sizeof(*h));
	int rc = db_host_names(s, NULL, NULL, EXPORT_MAX, &names);

	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		rc = db_host_get(s, names.v[i], h);
		if (rc < 0)
			break;
		json_t *v = inventory_codec_host_json(h);
		inventory_codec_strip(v);
		json_array_append_new(list, v);
	}
	store_names_done(&names);
	free(h);
	return rc;
}

json_t *
inventory_export(struct store *s, struct error *err)
{
	json_t *sites = json_array(), *images = json_array(), *hosts = json_array(),
	       *schedules = json_array();
	bool reading = db_read_begin(store_db(s));
	int rc = export_sites(s, sites);

	if (rc == 0)
		rc = export_images(s, images);
	if (rc == 0)
		rc = export_hosts(s, hosts);
	if (rc == 0)
		rc = schedule_apply_export(s, schedules);
	json_t *v = json_pack(
	    "{s:o, s:o, s:o}", "sites", sites, "images", images, "hosts", hosts);
	if (json_array_size(schedules) > 0)
		json_object_set(v, "schedules", schedules);
	json_decref(schedules);
	if (rc < 0) {
		db_error(store_db(s), rc, err, "read the inventory");
		json_decref(v);
		v = NULL;
	}
	db_read_end(store_db(s), reading);
	return v;
}
