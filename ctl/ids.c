// SPDX-License-Identifier: GPL-3.0-or-later
/* Ids of jobs, boots and rollouts by their beginning or end, as people copy them, and what an operand names that may be a host's
 * as well.
 *
 * Entry points: ids_find(), ids_resolve(). The server is asked for the newest records and searched in; what is older than these
 * is named by its whole id. Nothing is guessed: a part that fits several is refused, jobs and boots counted together.
 * It owns nothing. Failure modes: exit codes, said by ctl_fail() or ctl/client.c. */
#include "ctl/ids.h"

#include <stdlib.h>
#include <string.h>

#include "ctl/client.h"
#include "ctl/cmd_util.h"
#include "ctl/text.h"
#include "lib/str.h"

enum { SEARCHED = 5000, PART_MIN = 4 };

static bool
has_suffix(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return m <= n && strcmp(s + n - m, suffix) == 0;
}

/* How many of the records' ids begin or end so, and the last of them (borrowed). */
static size_t
match(const json_t *records, const char *given, const char **ret)
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
search(const struct ctl *ctl, const char *collection, const char *given, char *ret_id,
    size_t *ret_n)
{
	const char *found = "";
	json_t *records = NULL;
	struct text path = {0};
	int r;

	text_addf(&path, "/api/v1/%s?limit=1000", collection);
	r = client_list(ctl, text_str(&path), SEARCHED, &records);
	text_done(&path);
	if (r != CTL_OK)
		return r;
	*ret_n = match(records, given, &found);
	str_clip(ret_id, ID_SIZE, found);
	json_decref(records);
	return CTL_OK;
}

static const char *
where_shown(const char *collection)
{
	if (str_eq(collection, "rollouts"))
		return "rollout list shows the ids";
	if (str_eq(collection, "drills"))
		return "drill list shows the ids";
	return "job list and history -o wide show the ids";
}

static int
fail(const struct ctl *ctl, const char *collection, const char *given, size_t n)
{
	struct error err;

	error_set(&err, 0, n > 1 ? "id-ambiguous" : "id-unknown", where_shown(collection),
	    "%zu of the %s have ids that begin or end so", n, collection);
	return ctl_fail(ctl, CTL_USAGE, given, &err);
}

int
ids_find(const struct ctl *ctl, const char *collection, const char *given, char *ret_id)
{
	struct error err;
	size_t n = 0;
	int r;

	if (id_valid(given)) {
		str_clip(ret_id, ID_SIZE, given);
		return CTL_OK;
	}
	if (strlen(given) < PART_MIN) {
		error_set(&err, 0, "id-unknown", where_shown(collection),
		    "give at least %d characters of an id", (int)PART_MIN);
		return ctl_fail(ctl, CTL_USAGE, given, &err);
	}
	r = search(ctl, collection, given, ret_id, &n);
	return r == CTL_OK && n != 1 ? fail(ctl, collection, given, n) : r;
}

static int
find_host(const struct ctl *ctl, const char *given, bool *ret_found)
{
	char *path = client_path("hosts", given, NULL);
	const struct client_request rq = {
	    .method = "GET", .path = path, .subject = given, .may_be_absent = true};
	json_t *host = NULL;
	int r = client_call(ctl, &rq, &host);

	*ret_found = host != NULL;
	json_decref(host);
	free(path);
	return r;
}

static int
find_part(const struct ctl *ctl, const char *given, bool boots, struct ids_found *ret)
{
	char boot[ID_SIZE] = "";
	size_t n_jobs = 0, n_boots = 0;
	int r = search(ctl, "jobs", given, ret->id, &n_jobs);

	if (r == CTL_OK && boots)
		r = search(ctl, "boots", given, boot, &n_boots);
	if (r != CTL_OK)
		return r;
	if (n_jobs + n_boots > 1)
		return fail(
		    ctl, boots ? "jobs and boots" : "jobs", given, n_jobs + n_boots);
	if (n_boots > 0)
		str_clip(ret->id, sizeof(ret->id), boot);
	ret->kind = n_jobs > 0 ? IDS_JOB : n_boots > 0 ? IDS_BOOT : IDS_NONE;
	return CTL_OK;
}

int
ids_resolve(const struct ctl *ctl, const char *given, bool boots, struct ids_found *ret)
{
	bool is_host = false;
	int r;

	*ret = (struct ids_found){.kind = IDS_NAME};
	if (!id_part_valid(given) || strlen(given) < PART_MIN)
		return CTL_OK;
	r = find_host(ctl, given, &is_host);
	if (r != CTL_OK)
		return r;
	ret->kind = is_host ? IDS_HOST : IDS_WHOLE;
	if (is_host)
		return CTL_OK;
	if (!id_valid(given))
		return find_part(ctl, given, boots, ret);
	str_clip(ret->id, sizeof(ret->id), given);
	return CTL_OK;
}
