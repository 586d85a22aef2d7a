/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What several commands do alike: selectors, ids, plain create, show, change and remove.
 *
 * Ownership: as the header says of each. Failure modes: exit codes, error lines printed
 * by ctl/client.c; changes carry the ETag of what they were made from, so that two
 * people's edits cannot undo each other unseen.
 */
#include "ctl/cmd_util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/output.h"
#include "ctl/zone.h"
#include "lib/clock.h"
#include "lib/hostlist.h"
#include "lib/json.h"
#include "lib/str.h"

enum { NAMED_MAX = 20 };

char *
cmd_util_selector(const struct args *args)
{
	struct text t = {0};

	for (int i = 0; i < args->n_operands; i++)
		text_addf(&t, "%s%s", i > 0 ? "," : "", args->operands[i]);
	return text_take(&t);
}

const char *
cmd_util_str(const json_t *obj, const char *key)
{
	const char *s = json_string_value(json_object_get(obj, key));

	return s != NULL ? s : "";
}

void
cmd_util_add_zones(const struct ctl *ctl, json_t *rows)
{
	json_t *sites = NULL, *zones = json_object(), *site, *row, *zone;
	size_t i;

	if (ctl_is_json(ctl) || json_array_size(rows) == 0 ||
	    client_list(ctl, "/api/v1/sites", 0, &sites) != CTL_OK)
		goto out;
	json_array_foreach (sites, i, site)
		json_object_set(
		    zones, cmd_util_str(site, "name"), json_object_get(site, "timezone"));
	json_array_foreach (rows, i, row) {
		zone = json_object_get(zones, cmd_util_str(row, "site"));
		if (json_is_string(zone))
			json_object_set(row, "_zone", zone);
	}
out:
	json_decref(sites);
	json_decref(zones);
}

int
cmd_util_since(const char *s, int64_t now, int64_t *ret)
{
	int64_t ago, at;

	if (str_to_duration(s, &ago) == 0)
		at = now > ago ? now - ago : 1;
	else if (clock_parse(s, &at) < 0)
		return -EINVAL;
	*ret = at > 0 ? at : 1;
	return 0;
}

int
cmd_util_put_map(const struct args *args, const char *option, const char *member,
    cmd_util_put_fn *put, json_t *body, struct error *err)
{
	json_t *map = json_object();
	size_t pos = 0;
	const char *s;
	int r = 0;

	while (r == 0 && (s = args_next(args, option, &pos)) != NULL)
		r = put(s, map, err);
	if (r == 0 && json_object_size(map) > 0)
		json_object_set(body, member, map);
	json_decref(map);
	return r;
}

int
cmd_util_need_terminal(const struct ctl *ctl, const char *subject, const char *next)
{
	struct error err;

	if (ctl->in_tty && ctl->err_tty)
		return CTL_OK;
	error_set(&err, 0, "confirmation-needed", next,
	    "this can lose data, and there is no terminal to ask on");
	return ctl_fail(ctl, CTL_REFUSED, subject, &err);
}

int
cmd_util_confirm(const struct ctl *ctl, const char *subject, const char *question,
    const char *expected)
{
	char line[300] = "";
	struct error err;

	fprintf(ctl->err, "%s: ", question);
	fflush(ctl->err);
	if (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		if (str_eq(line, expected))
			return CTL_OK;
	}
	error_set(&err, 0, "confirmation-needed",
	    "repeat it and type that, or give --yes",
	    "the answer was not '%s', nothing was started", expected);
	return ctl_fail(ctl, CTL_REFUSED, subject, &err);
}

void
cmd_util_print_id(const struct ctl *ctl, const json_t *job)
{
	struct text line = {0};

	text_add_escaped(&line, cmd_util_str(job, "id"));
	fprintf(ctl->out, "%s\n", text_str(&line));
	text_done(&line);
}

void
cmd_util_say_warning(const struct ctl *ctl, const json_t *warning)
{
	static const char *const parts[] = {"code", "text", "next"};
	struct text line = {0};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (cmd_util_str(warning, parts[i])[0] != '\0') {
			text_add(&line, ": ");
			text_add_escaped(&line, cmd_util_str(warning, parts[i]));
		}
	ctl_say(ctl, "warning%s", text_str(&line));
	text_done(&line);
}

char *
cmd_util_shown_hosts(const json_t *list, const char *key)
{
	size_t n = json_array_size(list), i;
	const char **names = str_alloc((n + 1) * sizeof(*names));
	struct text t = {0};
	const json_t *item;
	char *folded = NULL;

	json_array_foreach (list, i, item) {
		names[i] = cmd_util_str(item, key);
		text_add(&t, i > 0 ? "," : "");
		text_add(&t, names[i]);
	}
	if (n > NAMED_MAX)
		folded = hostlist_fold(names, n);
	free(names);
	if (folded == NULL)
		return text_take(&t);
	text_done(&t);
	return folded;
}

int
cmd_util_check_collate(const struct ctl *ctl, const struct args *args, struct error *err)
{
	if (!args_has(args, "collate") || !ctl_is_json(ctl))
		return 0;
	return error_set(err, -1, "usage", "leave out one of the two",
	    "--collate makes text for people, and -o json|ndjson a document per host");
}

void
cmd_util_print_jobs(const struct ctl *ctl, const json_t *jobs)
{
	json_t *now = json_array(), *job;
	size_t i;

	json_array_foreach (jobs, i, job) {
		char *path = client_path("jobs", cmd_util_str(job, "id"), NULL);
		json_t *fresh = NULL;

		if (client_get(ctl, path, &fresh) == CTL_OK)
			json_array_append_new(now, fresh);
		else
			json_array_append(now, job);
		free(path);
	}
	output_list(ctl, now, NULL, 0);
	json_decref(now);
}

int
cmd_util_fetch(const struct ctl *ctl, const char *collection, const char *name,
    char *ret_etag, json_t **ret)
{
	char *path = client_path(collection, name, NULL);
	struct client_request rq = {
	    .method = "GET", .path = path, .subject = name, .ret_etag = ret_etag};
	int r = client_call(ctl, &rq, ret);

	free(path);
	return r;
}

int
cmd_util_show(const struct ctl *ctl, const char *collection, const char *name)
{
	json_t *obj = NULL;
	int r = cmd_util_fetch(ctl, collection, name, NULL, &obj);

	if (r == CTL_OK)
		output_object(ctl, obj);
	json_decref(obj);
	return r;
}

int
cmd_util_remove(const struct ctl *ctl, const char *collection, const char *name)
{
	char *path = client_path(collection, name, NULL);
	struct client_request rq = {.method = "DELETE", .path = path, .subject = name};
	int r = client_call(ctl, &rq, NULL);

	if (r == CTL_OK)
		ctl_say(ctl, "%s: removed", name);
	free(path);
	return r;
}

int
cmd_util_create(
    const struct ctl *ctl, const char *collection, const char *name, json_t *body)
{
	struct text path = {0};
	char key[32];
	struct client_request rq = {
	    .method = "POST",
	    .body = body,
	    .subject = name,
	    .idempotency_key = key,
	    .slow = str_eq(collection, "images"),
	};
	json_t *made = NULL;
	int r;

	text_addf(&path, "/api/v1/%s", collection);
	rq.path = text_str(&path);
	client_make_key(key, sizeof(key));
	r = client_call(ctl, &rq, &made);
	if (r == CTL_OK && ctl_is_json(ctl))
		output_json(ctl, made);
	else if (r == CTL_OK)
		ctl_say(ctl, "%s: added", name);
	json_decref(made);
	json_decref(body);
	text_done(&path);
	return r;
}

int
cmd_util_change(const struct ctl *ctl, const char *collection, const char *name,
    const char *etag, json_t *body)
{
	char *path = client_path(collection, name, NULL);
	struct client_request rq = {
	    .method = "PATCH",
	    .path = path,
	    .body = body,
	    .subject = name,
	    .if_match = etag[0] != '\0' ? etag : NULL,
	};
	json_t *now = NULL;
	struct error err;
	int r;

	if (json_object_size(body) == 0) {
		error_set(
		    &err, 0, "usage", "--help lists the options", "nothing to change");
		r = ctl_fail(ctl, CTL_USAGE, name, &err);
	} else {
		r = client_call(ctl, &rq, &now);
	}
	if (r == CTL_OK && ctl_is_json(ctl))
		output_json(ctl, now);
	else if (r == CTL_OK)
		ctl_say(ctl, "%s: changed", name);
	json_decref(now);
	json_decref(body);
	free(path);
	return r;
}

void
cmd_util_add_as_of(const json_t *row, struct text *out)
{
	int64_t as_of = output_wall(json_object_get(row, "as_of"));
	char at[ZONE_TEXT_SIZE], ago[32];

	if (as_of > 0)
		text_addf(out, "as of %s, site not heard for %s",
		    zone_text(as_of, cmd_util_str(row, "_zone"), at, sizeof(at)),
		    str_duration(clock_wall() - as_of, ago, sizeof(ago)));
}
