/* SPDX-License-Identifier: GPL-3.0-or-later */
/* apply and export: the whole inventory as one file.
 *
 * The file is checked here for its form and by the server for its meaning; a refusal is
 * shown with the line of the value it is about. Nothing is changed unless all of it can
 * be. Ownership: documents are freed here. Failure modes: 1 for a file that is wrong in
 * any way, 3 for what policy refuses. BMCs' passwords and keys come from files of their own, or from
 * an inventory that nobody else can read.
 */
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/client.h"
#include "ctl/cmd.h"
#include "ctl/cmd_util.h"
#include "ctl/input.h"
#include "ctl/inventory_yaml.h"
#include "ctl/output.h"
#include "lib/json.h"
#include "lib/secret.h"
#include "lib/str.h"

struct apply {
	const char *path;  /* as given */
	const char *shown; /* in messages */
	bool exposed;	   /* group or others can read the file */
	struct inventory_yaml inv;
};

static void
locate(void *arg, const char *pointer, char *buf, size_t size)
{
	const struct apply *a = arg;
	size_t line = inventory_yaml_line(&a->inv, pointer);

	if (line > 0)
		snprintf(buf, size, "%s:%zu", a->shown, line);
	else
		str_clip(buf, size, a->shown);
}

/* ---- passwords and keys ---- */

/* Such a file's path is relative to the inventory's folder. */
static char *
beside(const struct apply *a, const char *path)
{
	char *copy = str_dup(a->path);
	struct text t = {0};

	if (path[0] != '/' && !str_eq(a->path, "-"))
		text_addf(&t, "%s/", dirname(copy));
	text_add(&t, path);
	free(copy);
	return text_take(&t);
}

/* Members of `bmc` that hold one, or name its file. */
static const struct secret_member {
	const char *name, *file;
	const struct input_secret *kind;
} secret_members[] = {
    {"password", "password_file", &input_password}, {"kg", "kg_file", &input_kg}};

static int
take_file(
    const struct apply *a, const struct secret_member *m, json_t *bmc, struct error *err)
{
	char *path = beside(a, cmd_util_str(bmc, m->file)), *secret = NULL;
	int r = input_secret(m->kind, path, m->kind->what, &secret, err);

	if (r == 0) {
		json_object_set_new(bmc, m->name, json_string(secret));
		json_object_del(bmc, m->file);
	}
	secret_free(secret);
	free(path);
	return r;
}

/* An empty one inline is no secret: it says that there is none. */
static int
take_secret(const struct apply *a, json_t *host, size_t index,
    const struct secret_member *m, struct error *err, char *place, size_t place_size)
{
	json_t *bmc = json_object_get(host, "bmc");
	bool inline_one = json_object_get(bmc, m->name) != NULL;
	char pointer[64];
	int r = 0;

	if (json_object_get(bmc, m->file) != NULL)
		r = inline_one ? error_set(err, -1, "bad-yaml", "keep one of them",
				     "both %s and %s are given", m->name, m->file)
			       : take_file(a, m, bmc, err);
	else if (cmd_util_str(bmc, m->name)[0] != '\0' && a->exposed)
		r = error_set(err, -1, m->kind->exposed,
		    "chmod 600 it and change it, or name a file of its own",
		    "the file holds the %s of a BMC and others can read it",
		    m->kind->what);
	if (r < 0) {
		snprintf(pointer, sizeof(pointer), "/hosts/%zu/bmc/%s", index,
		    inline_one ? m->name : m->file);
		locate((void *)(uintptr_t)a, pointer, place, place_size);
	}
	return r;
}

static int
take_secrets(const struct ctl *ctl, const struct apply *a)
{
	json_t *hosts = json_object_get(a->inv.document, "hosts"), *host;
	char place[300];
	struct error err;
	size_t i;

	json_array_foreach (hosts, i, host)
		for (size_t m = 0; m < ARRAY_SIZE(secret_members); m++)
			if (take_secret(a, host, i, &secret_members[m], &err, place,
				sizeof(place)) < 0)
				return ctl_fail(ctl, CTL_USAGE, place, &err);
	return CTL_OK;
}

/* ---- the difference ---- */

static void
add_value(const json_t *v, struct text *out)
{
	char *s = v == NULL || json_is_null(v) ? str_dup("-") : json_text(v);

	if (json_is_string(v))
		text_add_escaped(out, json_string_value(v));
	else
		text_add_escaped(out, s);
	free(s);
}

static void
add_change(const char *key, const json_t *old, const json_t *new, struct text *out)
{
	text_add(out, out->len > 0 ? "; " : "");
	text_add_escaped(out, key);
	text_add(out, ": ");
	add_value(old, out);
	text_add(out, " -> ");
	add_value(new, out);
}

/* Of two objects only the members that differ. */
static void
add_difference(const char *key, json_t *old, json_t *new, struct text *out)
{
	const char *member;
	char path[128];
	json_t *v;

	if (!json_is_object(old) || !json_is_object(new)) {
		add_change(key, old, new, out);
		return;
	}
	json_object_foreach (new, member, v) {
		snprintf(path, sizeof(path), "%s.%s", key, member);
		if (!json_equal(json_object_get(old, member), v))
			add_change(path, json_object_get(old, member), v, out);
	}
	json_object_foreach (old, member, v) {
		snprintf(path, sizeof(path), "%s.%s", key, member);
		if (json_object_get(new, member) == NULL)
			add_change(path, v, NULL, out);
	}
}

static void
cell_changes(const json_t *change, struct text *out)
{
	json_t *fields = json_object_get(change, "fields"), *pair;
	const char *key;

	if (str_eq(cmd_util_str(change, "action"), "add"))
		return;
	json_object_foreach (fields, key, pair)
		add_difference(
		    key, json_array_get(pair, 0), json_array_get(pair, 1), out);
}

/* All of a new object: only for those who want to see it all. */
static void
cell_new(const json_t *change, struct text *out)
{
	json_t *fields = json_object_get(change, "fields"), *pair;
	const char *key;

	if (!str_eq(cmd_util_str(change, "action"), "add"))
		return;
	json_object_foreach (fields, key, pair) {
		text_add(out, out->len > 0 ? "; " : "");
		text_add_escaped(out, key);
		text_add(out, ": ");
		add_value(json_array_get(pair, 1), out);
	}
}

static const struct output_column change_columns[] = {
    {.title = "ACTION", .key = "action"},
    {.title = "OBJECT", .key = "object"},
    {.title = "NAME", .key = "name"},
    {.title = "CHANGES", .cell = cell_changes},
    {.title = "NEW", .cell = cell_new, .wide = true},
};

static void
print_changes(const struct ctl *ctl, const json_t *answer)
{
	const json_t *changes = json_object_get(answer, "changes");
	json_t *rows = json_array(), *change;
	bool applied = json_is_true(json_object_get(answer, "applied"));
	size_t i, n = 0;

	if (ctl_is_json(ctl)) {
		output_json(ctl, answer);
		json_decref(rows);
		return;
	}
	json_array_foreach (changes, i, change) {
		bool same = str_eq(cmd_util_str(change, "action"), "same");

		n += !same;
		if (!same || ctl->format == CTL_WIDE)
			json_array_append(rows, change);
	}
	if (json_array_size(rows) > 0)
		output_list(ctl, rows, change_columns, ARRAY_SIZE(change_columns));
	ctl_say(ctl,
	    n == 0    ? "nothing to change"
	    : applied ? "%zu changed"
		      : "%zu would change",
	    n);
	json_decref(rows);
}

/* ---- commands ---- */

static int
post(const struct ctl *ctl, struct apply *a, bool dry_run)
{
	json_t *answer = NULL, *body = json_object();
	char key[32];
	struct client_request rq = {
	    .method = "POST",
	    .path = "/api/v1/apply",
	    .body = body,
	    .subject = a->shown,
	    .locate = locate,
	    .locate_arg = a,
	    .idempotency_key = dry_run ? NULL : key,
	    .slow = true,
	};
	int r;

	client_make_key(key, sizeof(key));
	json_object_set(body, "document", a->inv.document);
	json_put_bool(body, "dry_run", dry_run);
	r = client_call(ctl, &rq, &answer);
	if (r == CTL_OK)
		print_changes(ctl, answer);
	json_decref(body);
	json_decref(answer);
	return r;
}

int
cmd_apply(struct ctl *ctl, const struct args *args)
{
	struct apply a = {.path = args_get(args, "file")};
	char *text = NULL;
	size_t len = 0;
	struct error err;
	int r;

	if (a.path == NULL) {
		error_set(
		    &err, 0, "usage", "-f - reads standard input", "apply needs -f FILE");
		return ctl_fail(ctl, CTL_USAGE, NULL, &err);
	}
	a.shown = str_eq(a.path, "-") ? "standard input" : a.path;
	if (input_read(a.path, INVENTORY_YAML_MAX, &text, &len, &a.exposed, &err) < 0 ||
	    inventory_yaml_parse(a.shown, text, len, &a.inv, &err) < 0) {
		r = ctl_fail(ctl, CTL_USAGE, NULL, &err);
		goto out;
	}
	r = take_secrets(ctl, &a);
	if (r == CTL_OK)
		r = post(ctl, &a, args_has(args, "dry-run"));
out:
	if (text != NULL)
		secret_wipe(text, len);
	free(text);
	inventory_yaml_done(&a.inv);
	return r;
}

int
cmd_apply_export(struct ctl *ctl, const struct args *args UNUSED)
{
	json_t *doc = NULL;
	int r = client_get(ctl, "/api/v1/export", &doc);

	if (r == CTL_OK)
		output_object(ctl, doc);
	json_decref(doc);
	return r;
}
