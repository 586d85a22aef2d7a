/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is and what was: status, power status, history, doctor, agent list.
 *
 * Ownership: documents are freed here. Failure modes: exit codes of DESIGN section 8;
 * doctor ends with 2 when a check failed, power status with 2 when a BMC did not tell.
 */
#include <stdlib.h>
#include <string.h>

#include "ctl/cmd.h"
#include "ctl/cmd_util.h"
#include "ctl/output.h"
#include "lib/json.h"
#include "lib/str.h"

/* ---- status ---- */

static const struct output_column status_columns[] = {
    {.title = "HOST", .key = "host"},
    {.title = "SITE", .key = "site"},
    {.title = "STATE", .key = "state"},
    {.title = "KIND", .key = "kind"},
    {.title = "STAGE", .key = "stage"},
    {.title = "FOR", .key = "in_stage_us", .kind = OUTPUT_DURATION},
    {.title = "AT MOST", .key = "deadline_us", .kind = OUTPUT_DURATION},
    {.title = "ATTEMPT", .key = "attempt", .wide = true},
    {.title = "POWER", .key = "power"},
    {.title = "LAST SEEN", .key = "last_seen", .kind = OUTPUT_TIME},
    {.title = "JOB", .key = "job", .wide = true},
    {.title = "REASON", .key = "reason"},
};

int
cmd_status(struct ctl *ctl, const struct args *args)
{
	char *hosts = cmd_util_selector(args);
	struct text path = {0};
	json_t *rows = NULL;
	int r;

	text_add(&path, "/api/v1/status");
	text_add_query(&path, "hosts", hosts[0] != '\0' ? hosts : NULL);
	text_add_query(&path, "stuck", args_has(args, "stuck") ? "1" : NULL);
	r = client_list(ctl, text_str(&path), 0, &rows);
	text_done(&path);
	free(hosts);
	if (r != CTL_OK)
		return r;
	cmd_util_add_zones(ctl, rows);
	output_list(ctl, rows, status_columns, ARRAY_SIZE(status_columns));
	json_decref(rows);
	return CTL_OK;
}

/* ---- power status ---- */

static const struct output_column power_columns[] = {
    {.title = "HOST", .key = "host"},
    {.title = "POWER", .key = "power"},
    {.title = "WHY", .key = "why"},
};

int
cmd_status_power(struct ctl *ctl, const struct args *args)
{
	char *hosts = cmd_util_selector(args);
	json_t *body = json_object(), *answer = NULL, *row;
	int r;
	size_t i;

	json_put_str(body, "hosts", hosts);
	r = client_call(ctl,
	    &(struct client_request){.method = "POST",
		.path = "/api/v1/power",
		.body = body,
		.subject = hosts},
	    &answer);
	json_decref(body);
	free(hosts);
	if (r != CTL_OK)
		return r;
	output_list(ctl, json_object_get(answer, "items"), power_columns,
	    ARRAY_SIZE(power_columns));
	json_array_foreach (json_object_get(answer, "items"), i, row) {
		const char *power = cmd_util_str(row, "power");

		if (!str_eq(power, "on") && !str_eq(power, "off"))
			r = CTL_FAILED;
	}
	json_decref(answer);
	return r;
}

/* ---- history ---- */

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
	static const char *const keys[] = {"kind", "by", "reason", "image", "site"};
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

/* Boots that no job caused have the zone of their host's site too. */
static int
add_site(const struct ctl *ctl, const char *host, json_t *boots)
{
	json_t *obj = NULL, *boot, *site;
	int r = cmd_util_fetch(ctl, "hosts", host, NULL, &obj);
	size_t i;

	site = json_object_get(obj, "site");
	json_array_foreach (boots, i, boot)
		if (json_is_string(site))
			json_object_set(boot, "site", site);
	json_decref(obj);
	return r;
}

int
cmd_status_history(struct ctl *ctl, const struct args *args)
{
	const char *host = args->operands[0];
	struct text boots_path = {0}, jobs_path = {0};
	json_t *boots = NULL, *jobs = NULL;
	int r;

	text_add(&boots_path, "/api/v1/boots");
	text_add_query(&boots_path, "host", host);
	text_add(&jobs_path, "/api/v1/jobs");
	text_add_query(&jobs_path, "hosts", host);
	r = client_list(ctl, text_str(&boots_path), 0, &boots);
	if (r == CTL_OK)
		r = client_list(ctl, text_str(&jobs_path), 0, &jobs);
	if (r == CTL_OK)
		r = add_site(ctl, host, boots);
	if (r == CTL_OK) {
		join_jobs(boots, jobs);
		cmd_util_add_zones(ctl, boots);
		output_list(ctl, boots, history_columns, ARRAY_SIZE(history_columns));
	}
	text_done(&boots_path);
	text_done(&jobs_path);
	json_decref(boots);
	json_decref(jobs);
	return r;
}

/* ---- doctor ---- */

static const struct output_column doctor_columns[] = {
    {.title = "LEVEL", .key = "level"},
    {.title = "CHECK", .key = "check"},
    {.title = "FOUND", .key = "text"},
    {.title = "NEXT", .key = "next"},
};

int
cmd_status_doctor(struct ctl *ctl, const struct args *args UNUSED)
{
	json_t *answer = NULL, *row;
	int r = client_get(ctl, "/api/v1/doctor", &answer);
	size_t i;

	if (r != CTL_OK)
		return r;
	output_list(ctl, json_object_get(answer, "findings"), doctor_columns,
	    ARRAY_SIZE(doctor_columns));
	json_array_foreach (json_object_get(answer, "findings"), i, row)
		if (str_eq(cmd_util_str(row, "level"), "fail"))
			r = CTL_FAILED;
	json_decref(answer);
	return r;
}

/* ---- agent list ---- */

static const struct output_column agent_columns[] = {
    {.title = "SITE", .key = "site"},
    {.title = "AGENT", .key = "agent"},
    {.title = "LAST SEEN", .key = "last_seen", .kind = OUTPUT_TIME},
    {.title = "LAG", .key = "lag"},
};

int
cmd_status_agents(struct ctl *ctl, const struct args *args UNUSED)
{
	json_t *rows = NULL;
	int r = client_list(ctl, "/api/v1/agents", 0, &rows);

	if (r != CTL_OK)
		return r;
	cmd_util_add_zones(ctl, rows);
	output_list(ctl, rows, agent_columns, ARRAY_SIZE(agent_columns));
	json_decref(rows);
	return CTL_OK;
}
