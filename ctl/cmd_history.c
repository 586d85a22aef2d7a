/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What was: history HOST.
 *
 * One line a boot, the newest first. What nobody ordered stands out in its column KIND, what else is remarkable in FLAGS, and
 * what came of it, with the code of its verdict, at the end of the line.
 * Ownership: documents are freed here. Failure modes: exit codes of DESIGN section 8.
 */
#include <stdlib.h>

#include "ctl/cmd.h"
#include "ctl/cmd_util.h"
#include "ctl/output.h"
#include "ctl/record.h"
#include "lib/str.h"

enum { HISTORY_DEFAULT = 100, HISTORY_PAGE = 1000, HISTORY_MAX = 1000000 };

/* "failed: kernel-stalled: what happened". */
static void
cell_outcome(const json_t *row, struct text *out)
{
	const char *outcome = cmd_util_str(row, "outcome"),
		   *code = cmd_util_str(json_object_get(row, "verdict"), "code"),
		   *text = cmd_util_str(row, "text");

	text_add_escaped(out, outcome[0] != '\0' ? outcome : "running");
	if (str_eq(outcome, "ok"))
		return;
	if (code[0] != '\0') {
		text_add(out, ": ");
		text_add_escaped(out, code);
	}
	if (text[0] != '\0') {
		text_add(out, ": ");
		text_add_escaped(out, text);
	}
}

static bool
has_flag(const json_t *row, const char *flag)
{
	const json_t *word;
	size_t i;

	json_array_foreach (json_object_get(row, "flags"), i, word)
		if (str_eq(json_string_value(word), flag))
			return true;
	return false;
}

/* A boot that no job of ours asked for is worth seeing at once. */
static void
cell_kind(const json_t *row, struct text *out)
{
	const char *kind = cmd_util_str(row, "kind");

	if (kind[0] != '\0')
		text_add_escaped(out, kind);
	else if (has_flag(row, "unordered"))
		text_add(out, "unordered");
	else if (has_flag(row, "power-off-seen"))
		text_add(out, "powered-off");
	else
		text_add_escaped(out, cmd_util_str(row, "trigger"));
}

static const struct output_column history_columns[] = {
    {.title = "BEGAN", .key = "began", .kind = OUTPUT_TIME},
    {.title = "KIND", .cell = cell_kind},
    {.title = "IMAGE", .key = "image"},
    {.title = "BY", .key = "by"},
    {.title = "REASON", .key = "reason"},
    {.title = "TRIGGER", .key = "trigger", .wide = true},
    {.title = "ATTEMPT", .key = "attempt", .wide = true},
    {.title = "ARCH", .key = "arch", .wide = true},
    {.title = "MAC", .key = "mac", .wide = true},
    {.title = "IP", .key = "ip", .wide = true},
    {.title = "IP6", .key = "ip6", .wide = true},
    {.title = "LOADER", .key = "loader", .wide = true},
    {.title = "OCTETS", .key = "octets", .kind = OUTPUT_BYTES, .wide = true},
    {.title = "BOOT", .key = "id", .wide = true},
    {.title = "JOB", .key = "job", .wide = true},
    {.title = "TOOK", .cell = output_took},
    {.title = "FLAGS", .key = "flags"},
    {.title = "OUTCOME", .cell = cell_outcome},
};

/* Replaces each row by the full record, which has stages and transfers. */
static int
fetch_full(const struct ctl *ctl, json_t *boots)
{
	int r = CTL_OK;

	for (size_t i = 0; r == CTL_OK && i < json_array_size(boots); i++) {
		json_t *full = NULL;

		r = cmd_util_fetch(ctl, "boots",
		    cmd_util_str(json_array_get(boots, i), "id"), NULL, &full);
		if (r == CTL_OK)
			json_array_set_new(boots, i, full);
	}
	return r;
}

/* Each boot's line, then what happened in it. */
static void
print_full(const struct ctl *ctl, const json_t *boots)
{
	const json_t *boot;
	size_t i;

	json_array_foreach (boots, i, boot) {
		json_t *one = json_pack("[O]", boot);

		if (i > 0)
			fputc('\n', ctl->out);
		output_list(ctl, one, history_columns, ARRAY_SIZE(history_columns));
		record_print_stages(ctl, boot);
		json_decref(one);
	}
}

static void
print_history(const struct ctl *ctl, json_t *boots, bool full)
{
	cmd_util_add_zones(ctl, boots);
	if (full && !ctl_is_json(ctl))
		print_full(ctl, boots);
	else
		output_list(ctl, boots, history_columns, ARRAY_SIZE(history_columns));
}

static int
read_limit(const struct ctl *ctl, const struct args *args, int64_t *ret)
{
	const char *limit = args_get(args, "limit");
	struct error err;

	*ret = HISTORY_DEFAULT;
	if (limit == NULL || str_to_i64(limit, 0, HISTORY_MAX, ret) == 0)
		return CTL_OK;
	error_set(&err, 0, "usage", NULL, "--limit: '%s' is no number from 0 to %d",
	    limit, (int)HISTORY_MAX);
	return ctl_fail(ctl, CTL_USAGE, NULL, &err);
}

/* Its newest job: whether there is such a host, and whether anything was ordered for it. */
static int
fetch_job(const struct ctl *ctl, const char *host, json_t **ret)
{
	struct text path = {0};

	text_add(&path, "/api/v1/jobs?limit=1");
	text_add_query(&path, "hosts", host);
	int r = client_list(ctl, text_str(&path), 1, ret);
	text_done(&path);
	return r;
}

/* At most `max` (0: all), and whether there are more. */
static int
fetch_boots(
    const struct ctl *ctl, const char *host, int64_t max, json_t **ret, bool *ret_more)
{
	struct text path = {0};

	text_addf(&path, "/api/v1/boots?limit=%d",
	    (int)(max > 0 && max < HISTORY_PAGE ? max + 1 : HISTORY_PAGE));
	text_add_query(&path, "host", host);
	int r = client_list(ctl, text_str(&path), max > 0 ? (size_t)max + 1 : 0, ret);
	text_done(&path);
	*ret_more = false;
	while (r == CTL_OK && max > 0 && json_array_size(*ret) > (size_t)max) {
		json_array_remove(*ret, json_array_size(*ret) - 1);
		*ret_more = true;
	}
	return r;
}

int
cmd_history(struct ctl *ctl, const struct args *args)
{
	const char *host = args->operands[0];
	bool full = args_has(args, "stages"), more = false;
	json_t *boots = NULL, *jobs = NULL;
	int64_t max;
	int r = read_limit(ctl, args, &max);

	if (r == CTL_OK)
		r = fetch_job(ctl, host, &jobs);
	if (r == CTL_OK)
		r = fetch_boots(ctl, host, max, &boots, &more);
	if (r == CTL_OK && full)
		r = fetch_full(ctl, boots);
	if (r == CTL_OK) {
		print_history(ctl, boots, full);
		if (more)
			ctl_say(ctl,
			    "%s: these are the newest %lld; --limit N shows more, "
			    "--limit 0 all",
			    host, (long long)max);
		if (json_array_size(boots) == 0 && json_array_size(jobs) > 0)
			ctl_say(ctl,
			    "%s: no boot was seen; netboot-ctl job list --host %s shows "
			    "its orders",
			    host, host);
	}
	json_decref(boots);
	json_decref(jobs);
	return r;
}
