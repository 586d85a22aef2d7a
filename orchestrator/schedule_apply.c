// SPDX-License-Identifier: GPL-3.0-or-later
/* Schedules in documents.
 *
 * Entry points: schedule_apply_new() plans, schedule_apply_write() writes in the transaction of the rest of the document. Ownership: a plan
 * owns its documents. Schedules that a document does not name stay as they are, like hosts.
 * Failure modes: one error refuses the whole document. A rule without "from" keeps the day that its intervals were counted from: applying
 * the same file again changes nothing. */
#include "orchestrator/schedule_apply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/schedule_planned.h"
#include "orchestrator/strset.h"

enum { SCHEDULES_MAX = 100000, POINTER_SIZE = 64 };

struct schedule_apply {
	struct schedule_doc **docs; /* NULL: it is the same already */
	size_t n;
	json_t *changes;
};

void
schedule_apply_free(struct schedule_apply *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->n; i++)
		schedule_doc_free(a->docs[i]);
	free(a->docs);
	json_decref(a->changes);
	free(a);
}

const json_t *
schedule_apply_changes(const struct schedule_apply *a)
{
	return a->changes;
}

/* As it is stored; NULL: there is none, or one that cannot be read and is replaced. */
static int
stored(struct store *s, const char *name, json_t **ret)
{
	struct db_schedule row;
	int rc = db_schedule_get(s, name, &row);

	*ret = NULL;
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	*ret = json_parse(row.doc, strlen(row.doc), NULL);
	db_schedule_done(&row);
	return 0;
}

static int
plan_one(struct store *s, struct schedule_apply *a, const json_t *v, int64_t now,
    struct strset *names, struct error *err)
{
	const char *name = json_string_value(json_object_get(v, "name"));
	struct schedule_doc *doc = NULL;
	json_t *old = NULL, *given = json_copy((json_t *)v), *new, *fields;
	const char *action;
	int rc = name ? stored(s, name, &old) : 0;

	if (rc < 0)
		goto out;
	if (json_object_get(old, "from") && json_object_get(given, "rrule") &&
	    !json_object_get(given, "from"))
		json_object_set(given, "from", json_object_get(old, "from"));
	rc = schedule_doc_parse(given, now, &doc, err);
	if (rc == 0 && !strset_add(names, doc->name, 0, NULL))
		rc = error_set(err, -EINVAL, "bad-value", "name each once",
		    "name: schedule %s is there twice", doc->name);
	if (rc < 0)
		goto out;
	new = schedule_doc_json(doc);
	fields = audit_fields(old, new);
	action = !old ? "add" : json_object_size(fields) > 0 ? "change" : "same";
	json_array_append_new(
	    a->changes, json_pack("{s:s, s:s, s:s, s:o}", "object", "schedule", "name",
			    doc->name, "action", action, "fields", fields));
	json_decref(new);
	if (!str_eq(action, "same")) {
		a->docs[a->n] = doc;
		doc = NULL;
	}
	a->n++;
out:
	schedule_doc_free(doc);
	json_decref(given);
	json_decref(old);
	return rc;
}

static int
refuse(json_t *errors, json_t **ret_errors, struct error *err)
{
	const json_t *first = json_array_get(errors, 0);

	if (json_array_size(errors) == 1)
		error_set(err, 0, json_string_value(json_object_get(first, "code")),
		    json_string_value(json_object_get(first, "next")), "%s",
		    json_string_value(json_object_get(first, "text")));
	else
		error_set(err, 0, "document-refused", "correct all of them, then repeat",
		    "%zu errors; nothing was changed", json_array_size(errors));
	*ret_errors = errors;
	return -EINVAL;
}

static void
add_error(json_t *errors, size_t i, const struct error *err)
{
	char pointer[POINTER_SIZE];

	if (str_format(pointer, sizeof(pointer), "/schedules/%zu", i) < 0)
		abort();
	json_array_append_new(
	    errors, json_pack("{s:s, s:s, s:s, s:s}", "pointer", pointer, "code",
			err->code, "text", err->text, "next", err->next));
}

int
schedule_apply_new(struct store *s, const json_t *list, int64_t now,
    struct schedule_apply **ret, json_t **ret_errors, struct error *err)
{
	struct schedule_apply *a = str_alloc(sizeof(*a));
	struct strset names = {0};
	json_t *errors = json_array();
	int rc = 0;

	a->changes = json_array();
	a->docs = str_alloc((json_array_size(list) + 1) * sizeof(a->docs[0]));
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct error why = {.code = ""};

		rc = plan_one(s, a, json_array_get(list, i), now, &names, &why);
		if (rc == -EINVAL) {
			add_error(errors, i, &why);
		} else if (rc < 0) {
			db_error(store_db(s), rc, err, "read the schedules");
			goto out;
		}
	}
	rc = json_array_size(errors) > 0 ? refuse(json_incref(errors), ret_errors, err)
					 : 0;
out:
	strset_done(&names);
	json_decref(errors);
	if (rc < 0)
		schedule_apply_free(a);
	else
		*ret = a;
	return rc;
}

/* ---- written ---- */

/* What was planned ahead goes on with the hosts and the work of before, as where one is changed by itself. */
static int
check_ahead(struct store *s, const char *name, struct error *err)
{
	struct store_names ids = {0};
	int rc = schedule_planned_find(s, name, &ids);

	if (rc == 0 && ids.n > 0)
		rc = error_set(err, -EPERM, "schedule-planned",
		    "netboot-ctl rollout abort, and then change it; or wait until it is "
		    "over",
		    "schedule %.100s: its next run is planned already, as it was: "
		    "rollout %s",
		    name, ids.v[0]);
	store_names_done(&ids);
	return rc;
}

/* As it was, or a new one. */
static int
row_of(struct store *s, const struct schedule_doc *doc, const struct audit_who *who,
    int64_t now, struct db_schedule *ret, bool *ret_new)
{
	int rc = db_schedule_get(s, doc->name, ret);

	*ret_new = rc == -ENOENT;
	if (rc == -ENOENT) {
		*ret = (struct db_schedule){.created = now};
		str_clip(ret->name, sizeof(ret->name), doc->name);
		str_clip(ret->created_by, sizeof(ret->created_by), who->name);
		rc = 0;
	}
	ret->skip = 0;
	ret->changed = now;
	str_clip(ret->changed_by, sizeof(ret->changed_by), who->name);
	return rc;
}

static int
write_row(struct store *s, const struct schedule_doc *doc, struct scheduler *scheduler,
    const struct audit_who *who, int64_t now, struct error *err)
{
	struct db_schedule row = {.doc = NULL};
	bool new;
	int rc = row_of(s, doc, who, now, &row, &new);

	if (rc == 0)
		rc = check_ahead(s, doc->name, err);
	if (rc == 0)
		rc = scheduler_plan(scheduler, doc, now, &row);
	if (rc == 0 && row.next == 0)
		rc = error_set(err, -EINVAL, "bad-value",
		    "look at its date, at UNTIL and at COUNT",
		    "schedule %.100s: %.100s: that time has passed where its hosts are",
		    doc->name, doc->time.calendar.text);
	if (rc == 0) {
		json_t *v = schedule_doc_json(doc);
		free(row.doc);
		row.doc = json_text(v);
		json_decref(v);
		rc = new ? db_schedule_add(s, &row) : db_schedule_put(s, &row);
	}
	db_schedule_done(&row);
	return rc;
}

static int
write_audit(struct store *s, const json_t *change, const struct audit_who *who,
    const char *reason, int64_t now)
{
	const char *action = json_string_value(json_object_get(change, "action"));
	json_t *before, *after;
	char what[32];
	int rc = str_format(what, sizeof(what), "schedule.%s", action);

	audit_sides(json_object_get(change, "fields"), &before, &after);
	if (rc == 0)
		rc = audit_write(s, who,
		    &(struct audit_row){.what = what,
			.object = json_string_value(json_object_get(change, "name")),
			.reason = reason,
			.result = "ok",
			.before = str_eq(action, "add") ? NULL : before,
			.after = after},
		    now);
	json_decref(before);
	json_decref(after);
	return rc;
}

int
schedule_apply_write(struct store *s, const struct schedule_apply *a,
    struct scheduler *scheduler, const struct audit_who *who, const char *reason,
    int64_t now,
    int (*allowed)(void *arg, const struct audit_who *who, const struct schedule_doc *doc,
	struct error *err),
    void *arg, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < a->n; i++) {
		const struct schedule_doc *doc = a->docs[i];

		if (doc == NULL)
			continue;
		rc = allowed(arg, who, doc, err);
		if (rc == -EPERM || rc == -EINVAL)
			error_prefix(err, "schedule %.100s", doc->name);
		if (rc == 0)
			rc = write_row(s, doc, scheduler, who, now, err);
		if (rc == 0)
			rc = write_audit(
			    s, json_array_get(a->changes, i), who, reason, now);
	}
	return rc;
}

/* ---- exported ---- */

int
schedule_apply_export(struct store *s, json_t *list)
{
	struct store_names names = {0};
	int rc = db_schedule_names(s, NULL, SCHEDULES_MAX, &names);

	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		json_t *v;

		rc = stored(s, names.v[i], &v);
		if (rc == 0 && v != NULL)
			json_array_append_new(list, v);
	}
	store_names_done(&names);
	return rc;
}
