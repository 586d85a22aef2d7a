/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What was: history HOST.
 *
 * A boot knows what happened, its job knows on whose order and why; they are joined here.
 * Ownership: documents are freed here. Failure modes: exit codes of DESIGN section 8.
 */
#include <stdlib.h>

#include "ctl/cmd.h"
#include "ctl/cmd_util.h"
#include "ctl/output.h"
#include "ctl/record.h"
#include "lib/str.h"

static void
cell_took(const json_t *row, struct text *out)
{
	int64_t from = output_wall(json_object_get(row, "began"));
	int64_t to = output_wall(json_object_get(row, "ended"));
	char buf[32];

	if (from > 0 && to >= from)
		text_add(out, str_duration(to - from, buf, sizeof(buf)));
}

static void
cell_outcome(const json_t *row, struct text *out)
{
	const char *outcome = cmd_util_str(row, "outcome"),
		   *text = cmd_util_str(row, "text");

	text_add_escaped(out, outcome[0] != '\0' ? outcome : "running");
	if (text[0] != '\0' && !str_eq(outcome, "ok")) {
		text_add(out, ": ");
		text_add_escaped(out, text);
	}
}

/* A boot that no job of ours asked for is worth seeing at once. */
static void
cell_kind(const json_t *row, struct text *out)
{
	const char *kind = cmd_util_str(row, "kind");

	text_add_escaped(out, kind[0] != '\0' ? kind : "unplanned");
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
    {.title = "BOOT", .key = "id", .wide = true},
    {.title = "JOB", .key = "job", .wide = true},
    {.title = "TOOK", .cell = cell_took},
    {.title = "OUTCOME", .cell = cell_outcome},
};

/* What the boots' jobs know: kind, by and reason (the job's image where the boot has
 * none). */
static void
join_jobs(json_t *boots, const json_t *jobs)
{
	static const char *const keys[] = {"kind", "by", "reason", "image"};
	json_t *by_id = json_object(), *job, *boot;
	size_t i;

	json_array_foreach (jobs, i, job)
		json_object_set(by_id, cmd_util_str(job, "id"), job);
	json_array_foreach (boots, i, boot) {
		job = json_object_get(by_id, cmd_util_str(boot, "job"));
		for (size_t k = 0; job != NULL && k < ARRAY_SIZE(keys); k++)
			if (cmd_util_str(boot, keys[k])[0] == '\0' &&
			    json_object_get(job, keys[k]) != NULL)
				json_object_set(
				    boot, keys[k], json_object_get(job, keys[k]));
	}
	json_decref(by_id);
}

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

int
cmd_history(struct ctl *ctl, const struct args *args)
{
	const char *host = args->operands[0];
	struct text boots_path = {0}, jobs_path = {0};
	bool full = args_has(args, "stages");
	json_t *boots = NULL, *jobs = NULL;
	int r;

	text_add(&boots_path, "/api/v1/boots");
	text_add_query(&boots_path, "host", host);
	text_add(&jobs_path, "/api/v1/jobs");
	text_add_query(&jobs_path, "hosts", host);
	r = client_list(ctl, text_str(&jobs_path), 0, &jobs);
	if (r == CTL_OK)
		r = client_list(ctl, text_str(&boots_path), 0, &boots);
	if (r == CTL_OK && full)
		r = fetch_full(ctl, boots);
	if (r == CTL_OK) {
		join_jobs(boots, jobs);
		print_history(ctl, boots, full);
		if (json_array_size(boots) == 0 && json_array_size(jobs) > 0)
			ctl_say(ctl,
			    "%s: no boot was seen; netboot-ctl job list --host %s shows "
			    "its orders",
			    host, host);
	}
	text_done(&boots_path);
	text_done(&jobs_path);
	json_decref(boots);
	json_decref(jobs);
	return r;
}
