/* SPDX-License-Identifier: GPL-3.0-or-later */
/* job list|show|cancel|retry, and watch.
 *
 * Ids may be shortened to a unique beginning or end; ids begin with the time, so the end
 * is the part worth typing. Ownership: documents are freed here. Failure modes: exit
 * codes of DESIGN section 8; `watch` ends with that of the job.
 */
#include <stdlib.h>
#include <string.h>

#include "ctl/cmd.h"
#include "ctl/cmd_util.h"
#include "ctl/follow_io.h"
#include "ctl/ids.h"
#include "ctl/output.h"
#include "ctl/record.h"
#include "lib/id.h"
#include "lib/json.h"
#include "lib/str.h"

enum { JOB_LIST_DEFAULT = 100, JOB_LIST_MAX = 100000, JOB_PAGE_MAX = 1000 };

/* Where the job is, or how it ended. */
static void
cell_outcome(const json_t *job, struct text *out)
{
	const json_t *code = output_member(job, "verdict.code");

	text_add_escaped(out, cmd_util_str(job, "state"));
	if (json_is_string(code)) {
		text_add(out, ": ");
		text_add_escaped(out, json_string_value(code));
	}
	if (json_is_string(json_object_get(job, "as_of"))) {
		text_add(out, ", ");
		cmd_util_add_as_of(job, out);
	}
}

static void
cell_took(const json_t *row, struct text *out)
{
	int64_t from = output_wall(json_object_get(row, "created"));
	int64_t to = output_wall(json_object_get(row, "ended"));
	char buf[32];

	if (from > 0 && to >= from)
		text_add(out, str_duration(to - from, buf, sizeof(buf)));
}

static const struct output_column job_columns[] = {
    {.title = "JOB", .key = "id"},
    {.title = "CREATED", .key = "created", .kind = OUTPUT_TIME},
    {.title = "HOST", .key = "host"},
    {.title = "KIND", .key = "kind"},
    {.title = "IMAGE", .key = "image"},
    {.title = "SITE", .key = "site", .wide = true},
    {.title = "STAGE", .key = "stage"},
    {.title = "ATTEMPT", .key = "attempt", .wide = true},
    {.title = "OUTCOME", .cell = cell_outcome},
    {.title = "TOOK", .cell = cell_took},
    {.title = "BY", .key = "by"},
    {.title = "REASON", .key = "reason"},
};

int
cmd_job_list(struct ctl *ctl, const struct args *args)
{
	const char *limit = args_get(args, "limit");
	int64_t max = JOB_LIST_DEFAULT;
	struct text path = {0};
	json_t *jobs = NULL;
	struct error err;
	int r;

	if (limit != NULL && str_to_i64(limit, 1, JOB_LIST_MAX, &max) < 0) {
		error_set(&err, 0, "usage", NULL,
		    "--limit: '%s' is no number from 1 to %d", limit, (int)JOB_LIST_MAX);
		return ctl_fail(ctl, CTL_USAGE, NULL, &err);
	}
	text_addf(&path, "/api/v1/jobs?limit=%d",
	    (int)(max < JOB_PAGE_MAX ? max : JOB_PAGE_MAX));
	text_add_query(&path, "hosts", args_get(args, "host"));
	text_add_query(&path, "state", args_get(args, "state"));
	text_add_query(&path, "kind", args_get(args, "kind"));
	r = client_list(ctl, text_str(&path), (size_t)max, &jobs);
	text_done(&path);
	if (r != CTL_OK)
		return r;
	while (json_array_size(jobs) > (size_t)max)
		json_array_remove(jobs, json_array_size(jobs) - 1);
	cmd_util_add_zones(ctl, jobs);
	output_list(ctl, jobs, job_columns, ARRAY_SIZE(job_columns));
	json_decref(jobs);
	return CTL_OK;
}

/* ---- show ---- */

static void
print_job(const struct ctl *ctl, const json_t *job)
{
	static const char *const plain[] = {"id", "host", "site", "kind", "image",
	    "reason", "by", "state", "stage", "boot", "rollout"};
	const json_t *verdict = json_object_get(job, "verdict"),
		     *cancel = json_object_get(job, "cancel");
	struct text t = {0};

	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		record_add_line(&t, plain[i], cmd_util_str(job, plain[i]));
	if (json_is_string(json_object_get(job, "as_of"))) {
		struct text as_of = {0};

		cmd_util_add_as_of(job, &as_of);
		record_add_line(&t, "known", text_str(&as_of));
		text_done(&as_of);
	}
	record_add_time(&t, "created", job, "created");
	record_add_time(&t, "ended", job, "ended");
	record_add_time(&t, "not before", job, "not_before");
	record_add_time(&t, "not after", job, "not_after");
	if (json_is_object(cancel)) {
		record_add_line(&t, "cancelled by", cmd_util_str(cancel, "by"));
		record_add_line(&t, "because", cmd_util_str(cancel, "reason"));
	}
	if (json_is_object(verdict)) {
		record_add_line(&t, "verdict", cmd_util_str(verdict, "code"));
		record_add_line(&t, "because", cmd_util_str(verdict, "text"));
		record_add_line(&t, "next", cmd_util_str(verdict, "next"));
	}
	text_add(&t, "\n");
	fputs(text_str(&t), ctl->out);
	text_done(&t);
}

int
cmd_job_show(struct ctl *ctl, const struct args *args)
{
	char id[ID_SIZE];
	json_t *job = NULL, *rows;
	int r = ids_find(ctl, "jobs", args->operands[0], id);

	if (r == CTL_OK)
		r = cmd_util_fetch(ctl, "jobs", id, NULL, &job);
	if (r != CTL_OK)
		return r;
	if (ctl_is_json(ctl)) {
		output_json(ctl, job);
	} else {
		rows = json_pack("[O]", job);
		cmd_util_add_zones(ctl, rows);
		if (ctl->headers)
			print_job(ctl, job);
		record_print_stages(ctl, job);
		json_decref(rows);
	}
	json_decref(job);
	return CTL_OK;
}

/* ---- cancel, retry ---- */

static int
act(struct ctl *ctl, const struct args *args, const char *id, const char *action,
    json_t **ret)
{
	char *path = client_path("jobs", id, action), key[32];
	json_t *body = json_object();
	const struct client_request rq = {
	    .method = "POST",
	    .path = path,
	    .body = body,
	    .subject = id,
	    .idempotency_key = key,
	};
	int r;

	client_make_key(key, sizeof(key));
	json_put_str(body, "reason", args_get(args, "reason"));
	r = client_call(ctl, &rq, ret);
	json_decref(body);
	free(path);
	return r;
}

int
cmd_job_cancel(struct ctl *ctl, const struct args *args)
{
	char id[ID_SIZE];
	json_t *job = NULL;
	int r = ids_find(ctl, "jobs", args->operands[0], id);

	if (r == CTL_OK)
		r = act(ctl, args, id, "cancel", &job);
	if (r == CTL_OK && ctl_is_json(ctl))
		output_json(ctl, job);
	else if (r == CTL_OK)
		ctl_say(ctl, "%s: %s", cmd_util_str(job, "host"),
		    str_eq(cmd_util_str(job, "state"), "cancelled")
			? "cancelled"
			: "will be cancelled");
	json_decref(job);
	return r;
}

/* The same order again, as a new job: as careful as the first time. */
static int
confirm_retry(struct ctl *ctl, const char *id)
{
	struct text question = {0};
	json_t *job = NULL;
	const char *host;
	int r = cmd_util_need_terminal(ctl, id, "add --yes");

	if (r == CTL_OK)
		r = cmd_util_fetch(ctl, "jobs", id, NULL, &job);
	if (r != CTL_OK)
		return r;
	host = cmd_util_str(job, "host");
	text_add(&question, "About to order the same again: ");
	text_add_escaped(&question, cmd_util_str(job, "kind"));
	text_add(&question, " ");
	text_add_escaped(&question, cmd_util_str(job, "image"));
	text_add(&question, ". Type the host's name (");
	text_add_escaped(&question, host);
	text_add(&question, ") to go on");
	r = cmd_util_confirm(ctl, id, text_str(&question), host);
	text_done(&question);
	json_decref(job);
	return r;
}

static int
follow(struct ctl *ctl, const json_t *jobs, int64_t timeout_us, FILE *screen, bool live)
{
	const struct follow_io_how how = {
	    .timeout_us = timeout_us,
	    .screen = ctl->quiet || ctl_is_json(ctl) ? NULL : screen,
	    .live = live,
	};
	int r = follow_io_run(ctl, jobs, &how);

	if (ctl_is_json(ctl))
		cmd_util_print_jobs(ctl, jobs);
	return r;
}

/* Reads an optional duration option; absent or bare leaves the default. */
static int
read_timeout(
    const struct ctl *ctl, const struct args *args, const char *option, int64_t *ret)
{
	const char *s = args_get(args, option);
	struct error err;

	*ret = FOLLOW_IO_DEFAULT_US;
	if (s == NULL || (str_to_duration(s, ret) == 0 && *ret > 0))
		return CTL_OK;
	error_set(
	    &err, 0, "usage", "write 10m or 90s", "--%s: '%s' is no duration", option, s);
	return ctl_fail(ctl, CTL_USAGE, NULL, &err);
}

int
cmd_job_retry(struct ctl *ctl, const struct args *args)
{
	char id[ID_SIZE];
	json_t *job = NULL, *jobs;
	int64_t timeout_us;
	int r = read_timeout(ctl, args, "wait", &timeout_us);

	if (r == CTL_OK)
		r = ids_find(ctl, "jobs", args->operands[0], id);
	if (r == CTL_OK && !args_has(args, "yes"))
		r = confirm_retry(ctl, id);
	if (r == CTL_OK)
		r = act(ctl, args, id, "retry", &job);
	if (r != CTL_OK)
		return r;
	jobs = json_pack("[O]", job);
	if (!ctl_is_json(ctl))
		cmd_util_print_id(ctl, job);
	else if (!args_has(args, "wait"))
		output_json(ctl, job);
	fflush(ctl->out);
	if (args_has(args, "wait"))
		r = follow(ctl, jobs, timeout_us, ctl->err, ctl->err_tty);
	json_decref(jobs);
	json_decref(job);
	return r;
}

/* ---- watch ---- */

/* The open jobs of a host set, newest first where a host had several. */
static int
open_jobs(const struct ctl *ctl, const char *hosts, json_t **ret)
{
	struct text path = {0};
	struct error err;
	int r;

	text_add(&path, "/api/v1/jobs?state=open");
	text_add_query(&path, "hosts", hosts);
	r = client_list(ctl, text_str(&path), 0, ret);
	text_done(&path);
	if (r != CTL_OK || json_array_size(*ret) > 0)
		return r;
	json_decref(*ret);
	*ret = NULL;
	error_set(
	    &err, 0, "no-open-job", "history shows what was", "no job is under way");
	return ctl_fail(ctl, CTL_USAGE, hosts, &err);
}

int
cmd_job_watch(struct ctl *ctl, const struct args *args)
{
	const char *what = args->operands[0];
	json_t *jobs = NULL, *job = NULL;
	int64_t timeout_us;
	struct ids_found found;
	int r = read_timeout(ctl, args, "timeout", &timeout_us);

	if (r == CTL_OK)
		r = ids_resolve(ctl, what, false, &found);
	if (r != CTL_OK)
		return r;
	if (found.kind == IDS_NONE) /* The server's refusal of it as a host comes next. */
		ctl_say(ctl, "%s: no job has an id that begins or ends so", what);
	if (found.id[0] != '\0') {
		r = cmd_util_fetch(ctl, "jobs", found.id, NULL, &job);
		if (r == CTL_OK)
			jobs = json_pack("[o]", job);
	} else {
		r = open_jobs(ctl, what, &jobs);
	}
	if (r == CTL_OK)
		r = follow(ctl, jobs, timeout_us, ctl->out, ctl->out_tty);
	json_decref(jobs);
	return r;
}
