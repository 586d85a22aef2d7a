/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What several commands do alike: selectors, ids, plain create, show, change and remove.
 *
 * Ownership: as the header says of each. Failure modes: exit codes, error lines printed
 * by ctl/client.c; changes carry the ETag of what they were made from, so that two
 * people's edits cannot undo each other unseen.
 */
#include "ctl/cmd_util.h"

#include <stdlib.h>
#include <string.h>

#include "ctl/output.h"
#include "lib/hostlist.h"
#include "lib/id.h"
#include "lib/json.h"
#include "lib/str.h"

enum { NAMED_MAX = 20 };

enum { UTIL_IDS_SEARCHED = 5000, UTIL_ID_PART_MIN = 4 };

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

static bool
has_suffix(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return m <= n && strcmp(s + n - m, suffix) == 0;
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

/* How many of the records' ids begin or end so, and the last of them (borrowed). */
static size_t
match_ids(const json_t *records, const char *given, const char **ret)
{
	const json_t *record;
	size_t i, n = 0;

	json_array_foreach (records, i, record) {
		const char *id = cmd_util_str(record, "id");

		if (str_has_prefix(id, given) || has_suffix(id, given)) {
			*ret = id;
			n++;
		}
	}
	return n;
}

/* How many ids begin or end so, and one of them. */
static int
search_ids(const struct ctl *ctl, const char *collection, const char *given, char *ret_id,
    size_t *ret_n)
{
	const char *found = "";
	json_t *records = NULL;
	struct text path = {0};
	int r;

	text_addf(&path, "/api/v1/%s?limit=1000", collection);
	r = client_list(ctl, text_str(&path), UTIL_IDS_SEARCHED, &records);
	text_done(&path);
	if (r != CTL_OK)
		return r;
	*ret_n = match_ids(records, given, &found);
	str_clip(ret_id, ID_SIZE, found);
	json_decref(records);
	return CTL_OK;
}

static int
fail_id(const struct ctl *ctl, const char *collection, const char *given, size_t n)
{
	struct error err;

	error_set(&err, 0, n > 1 ? "id-ambiguous" : "id-unknown",
	    "job list and history -o wide show the ids",
	    "%zu of the %s have ids that begin or end so", n, collection);
	return ctl_fail(ctl, CTL_USAGE, given, &err);
}

int
cmd_util_search_ids(const struct ctl *ctl, const char *collection, const char *given,
    char *ret_id, size_t *ret_n)
{
	return search_ids(ctl, collection, given, ret_id, ret_n);
}

int
cmd_util_find_id(
    const struct ctl *ctl, const char *collection, const char *given, char *ret_id)
{
	struct error err;
	size_t n = 0;
	int r;

	if (id_valid(given)) {
		str_clip(ret_id, ID_SIZE, given);
		return CTL_OK;
	}
	if (strlen(given) < UTIL_ID_PART_MIN) {
		error_set(&err, 0, "id-unknown",
		    "job list and history -o wide show the ids",
		    "give at least %d characters of an id", (int)UTIL_ID_PART_MIN);
		return ctl_fail(ctl, CTL_USAGE, given, &err);
	}
	r = search_ids(ctl, collection, given, ret_id, &n);
	if (r == CTL_OK && n != 1)
		r = fail_id(ctl, collection, given, n);
	return r;
}

int
cmd_util_host_or_job(const struct ctl *ctl, const char *given, char *ret_job)
{
	char *path = client_path("hosts", given, NULL);
	const struct client_request rq = {
	    .method = "GET", .path = path, .subject = given, .may_be_absent = true};
	json_t *host = NULL;
	size_t n = 0;
	int r = CTL_OK;

	ret_job[0] = '\0';
	if (!id_part_valid(given) || strlen(given) < UTIL_ID_PART_MIN)
		goto out;
	r = client_call(ctl, &rq, &host);
	if (r != CTL_OK || host != NULL)
		goto out;
	if (id_valid(given))
		str_clip(ret_job, ID_SIZE, given);
	else
		r = search_ids(ctl, "jobs", given, ret_job, &n);
	if (n > 1)
		r = fail_id(ctl, "jobs", given, n);
	else if (r == CTL_OK && ret_job[0] == '\0')
		/* The server's refusal of it as a host comes next. */
		ctl_say(ctl, "%s: no job has an id that begins or ends so", given);
out:
	json_decref(host);
	free(path);
	return r;
}

/* Of both collections: *ret_n counts all that fit. */
static int
search_jobs_and_boots(
    const struct ctl *ctl, const char *given, char *ret_id, size_t *ret_n)
{
	char boot[ID_SIZE] = "";
	size_t boots = 0;
	int r = cmd_util_search_ids(ctl, "jobs", given, ret_id, ret_n);

	if (r == CTL_OK)
		r = cmd_util_search_ids(ctl, "boots", given, boot, &boots);
	if (*ret_n == 0)
		str_clip(ret_id, ID_SIZE, boot);
	*ret_n += boots;
	return r;
}

int
cmd_util_host_job_or_boot(const struct ctl *ctl, const char *given, char *ret_id)
{
	char *path = client_path("hosts", given, NULL);
	const struct client_request rq = {
	    .method = "GET", .path = path, .subject = given, .may_be_absent = true};
	json_t *host = NULL;
	size_t n = 0;
	int r = CTL_OK;

	ret_id[0] = '\0';
	if (id_part_valid(given) && strlen(given) >= UTIL_ID_PART_MIN &&
	    !id_valid(given)) {
		r = client_call(ctl, &rq, &host);
		if (r == CTL_OK && host == NULL)
			r = search_jobs_and_boots(ctl, given, ret_id, &n);
		if (r == CTL_OK && n > 1)
			r = fail_id(ctl, "jobs and boots", given, n);
	}
	json_decref(host);
	free(path);
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
