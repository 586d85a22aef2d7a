/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rollout list|show|hosts|watch, and pause|resume|abort|retry-failed|approve.
 *
 * Entry points: the cmd_rollout_*() functions. Ids may be shortened as those of jobs (ctl/ids.c). Ownership: documents are
 * freed here. Failure modes: exit codes of DESIGN section 8; `watch` ends with 2 when a host failed or the rollout halted.
 */
#include <stdlib.h>

#include "ctl/client.h"
#include "ctl/cmd.h"
#include "ctl/cmd_util.h"
#include "ctl/ids.h"
#include "ctl/output.h"
#include "ctl/rollout_follow.h"
#include "ctl/rollout_opts.h"
#include "ctl/rollout_view.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"

enum { ROLLOUT_LIST_DEFAULT = 50, ROLLOUT_LIST_MAX = 100000, SHOWN_MAX = 2000 };

/* ---- list ---- */

static void
cell_ok(const json_t *row, struct text *out)
{
	text_addf(out, "%lld/%lld",
	    (long long)json_integer_value(output_member(row, "counts.ok")),
	    (long long)json_integer_value(output_member(row, "counts.total")));
}

static void
cell_what(const json_t *row, struct text *out)
{
	rollout_view_work(row, out);
}

static void
cell_whose(const json_t *row, struct text *out)
{
	const char *schedule = cmd_util_str(row, "schedule");

	text_add_escaped(out, schedule[0] != '\0' ? schedule : cmd_util_str(row, "by"));
}

static const struct output_column list_columns[] = {
    {.title = "ROLLOUT", .key = "id"},
    {.title = "STATE", .key = "state"},
    {.title = "WHAT", .cell = cell_what},
    {.title = "OF", .cell = cell_whose},
    {.title = "OK", .cell = cell_ok},
    {.title = "FAILED", .key = "counts.failed"},
    {.title = "WHY", .key = "why.code"},
    {.title = "CREATED", .key = "created", .kind = OUTPUT_TIME, .wide = true},
    {.title = "ENDED", .key = "ended", .kind = OUTPUT_TIME, .wide = true},
    {.title = "HOSTS", .key = "hosts", .wide = true},
    {.title = "RUN", .key = "nominal", .wide = true},
    {.title = "BY", .key = "by", .wide = true},
    {.title = "REASON", .key = "reason", .wide = true},
};

static int
read_limit(
    const struct ctl *ctl, const struct args *args, int64_t otherwise, int64_t *ret)
{
	const char *limit = args_get(args, "limit");
	struct error err;

	*ret = otherwise;
	if (limit == NULL || str_to_i64(limit, 1, ROLLOUT_LIST_MAX, ret) == 0)
		return CTL_OK;
	error_set(&err, 0, "usage", NULL, "--limit: '%s' is no number from 1 to %d",
	    limit, (int)ROLLOUT_LIST_MAX);
	return ctl_fail(ctl, CTL_USAGE, NULL, &err);
}

int
cmd_rollout_list(struct ctl *ctl, const struct args *args)
{
	struct text path = {0};
	json_t *rows = NULL;
	int64_t max;
	int r = read_limit(ctl, args, ROLLOUT_LIST_DEFAULT, &max);

	if (r != CTL_OK)
		return r;
	text_addf(&path, "/api/v1/rollouts?limit=%lld",
	    (long long)(max < SHOWN_MAX / 2 ? max : SHOWN_MAX / 2));
	text_add_query(&path, "schedule", args_get(args, "schedule"));
	text_add_query(&path, "state", args_get(args, "state"));
	r = client_list(ctl, text_str(&path), (size_t)max, &rows);
	text_done(&path);
	if (r != CTL_OK)
		return r;
	while (json_array_size(rows) > (size_t)max)
		json_array_remove(rows, json_array_size(rows) - 1);
	output_list(ctl, rows, list_columns, ARRAY_SIZE(list_columns));
	json_decref(rows);
	return CTL_OK;
}

/* ---- show, hosts ---- */

static int
list_hosts(
    const struct ctl *ctl, const char *id, const char *state, size_t max, json_t **ret)
{
	struct text path = {0};
	int r;

	text_addf(&path, "/api/v1/rollouts/%s/hosts?limit=1000", id);
	text_add_query(&path, "state", state);
	r = client_list(ctl, text_str(&path), max, ret);
	text_done(&path);
	return r;
}

/* Those that are not ok, as far as there are any. */
static int
remarkable_hosts(const struct ctl *ctl, const json_t *rollout, json_t **ret)
{
	const json_t *counts = json_object_get(rollout, "counts");
	json_t *all = json_array(), *some;
	int r = CTL_OK;

	for (size_t i = 0; r == CTL_OK && rollout_view_states[i] != NULL; i++) {
		const char *state = rollout_view_states[i];
		const json_t *n = json_object_get(counts, state);

		/* What is under way is one count. */
		if (n == NULL)
			n = json_object_get(counts, "in_flight");
		if (json_integer_value(n) == 0)
			continue;
		r = list_hosts(ctl, cmd_util_str(rollout, "id"), state, SHOWN_MAX, &some);
		if (r == CTL_OK) {
			json_array_extend(all, some);
			json_decref(some);
		}
	}
	*ret = all;
	return r;
}

int
cmd_rollout_show(struct ctl *ctl, const struct args *args)
{
	char id[ID_SIZE];
	json_t *rollout = NULL, *hosts = NULL;
	struct text t = {0};
	int r = ids_find(ctl, "rollouts", args->operands[0], id);

	if (r == CTL_OK)
		r = cmd_util_fetch(ctl, "rollouts", id, NULL, &rollout);
	if (r != CTL_OK)
		return r;
	if (ctl_is_json(ctl)) {
		output_json(ctl, rollout);
	} else {
		r = remarkable_hosts(ctl, rollout, &hosts);
		rollout_view_show(rollout, hosts, clock_wall(), &t);
		fputs(text_str(&t), ctl->out);
		fflush(ctl->out);
	}
	text_done(&t);
	json_decref(hosts);
	json_decref(rollout);
	return r;
}

static void
cell_why(const json_t *row, struct text *out)
{
	const json_t *why = json_object_get(row, "why");

	text_add_escaped(out, cmd_util_str(why, "code"));
	if (json_is_object(why))
		text_add(out, ": ");
	text_add_escaped(out, cmd_util_str(why, "text"));
}

static const struct output_column host_columns[] = {
    {.title = "HOST", .key = "host"},
    {.title = "SITE", .key = "site", .wide = true},
    {.title = "BATCH", .key = "batch"},
    {.title = "STATE", .key = "state"},
    {.title = "SINCE", .key = "since", .kind = OUTPUT_TIME},
    {.title = "OPENS", .key = "opens", .kind = OUTPUT_TIME, .wide = true},
    {.title = "CLOSES", .key = "closes", .kind = OUTPUT_TIME, .wide = true},
    {.title = "JOB", .key = "job", .wide = true},
    {.title = "WHY", .cell = cell_why},
    {.title = "NEXT", .key = "why.next", .wide = true},
};

int
cmd_rollout_hosts(struct ctl *ctl, const struct args *args)
{
	char id[ID_SIZE];
	json_t *rows = NULL;
	int r = ids_find(ctl, "rollouts", args->operands[0], id);

	if (r == CTL_OK)
		r = list_hosts(ctl, id, args_get(args, "state"), 0, &rows);
	if (r != CTL_OK)
		return r;
	cmd_util_add_zones(ctl, rows);
	output_list(ctl, rows, host_columns, ARRAY_SIZE(host_columns));
	json_decref(rows);
	return CTL_OK;
}

/* ---- what may be done to one ---- */

/* What runs again at hosts where it failed may lose data as the order did. */
static int
confirm_retry(const struct ctl *ctl, const char *id)
{
	struct text question = {0};
	char expected[24];
	json_t *r = NULL;
	int64_t n;
	int rc = cmd_util_fetch(ctl, "rollouts", id, NULL, &r);

	if (rc != CTL_OK)
		return rc;
	n = json_integer_value(output_member(r, "counts.failed")) +
	    json_integer_value(output_member(r, "counts.lost"));
	if (rollout_opts_destructive(r)) {
		rc = cmd_util_need_terminal(ctl, id, "add --yes");
		snprintf(expected, sizeof(expected), "%lld", (long long)n);
		text_add(&question, "About to ");
		rollout_view_work(r, &question);
		text_addf(&question,
		    " again on the %s hosts where it failed. Type their number (%s) to "
		    "go on",
		    expected, expected);
		if (rc == CTL_OK)
			rc = cmd_util_confirm(ctl, id, text_str(&question), expected);
	}
	text_done(&question);
	json_decref(r);
	return rc;
}

static int
act(struct ctl *ctl, const struct args *args, const char *id, json_t *body)
{
	char *path = client_path("rollouts", id, args->command->verb), key[32];
	const struct client_request rq = {.method = "POST",
	    .path = path,
	    .body = body,
	    .subject = id,
	    .idempotency_key = key};
	struct text counts = {0};
	json_t *now = NULL;
	int r;

	client_make_key(key, sizeof(key));
	json_put_str(body, "reason", args_get(args, "reason"));
	r = client_call(ctl, &rq, &now);
	free(path);
	if (r == CTL_OK && ctl_is_json(ctl)) {
		output_json(ctl, now);
	} else if (r == CTL_OK) {
		rollout_view_counts(now, &counts);
		ctl_say(
		    ctl, "%s: %s: %s", id, cmd_util_str(now, "state"), text_str(&counts));
	}
	text_done(&counts);
	json_decref(now);
	return r;
}

static int
run_action(struct ctl *ctl, const struct args *args, bool takes_window)
{
	json_t *body = json_object();
	char id[ID_SIZE];
	struct error err;
	int r;

	if (takes_window &&
	    rollout_opts_seconds(args, "window", "window_s", 1, body, &err) < 0)
		r = ctl_fail(ctl, CTL_USAGE, args->operands[0], &err);
	else
		r = ids_find(ctl, "rollouts", args->operands[0], id);
	if (r == CTL_OK && str_eq(args->command->verb, "retry-failed") &&
	    !args_has(args, "yes"))
		r = confirm_retry(ctl, id);
	if (r == CTL_OK)
		r = act(ctl, args, id, body);
	json_decref(body);
	return r;
}

int
cmd_rollout_act(struct ctl *ctl, const struct args *args)
{
	return run_action(ctl, args, false);
}

int
cmd_rollout_go_on(struct ctl *ctl, const struct args *args)
{
	return run_action(ctl, args, true);
}

int
cmd_rollout_watch(struct ctl *ctl, const struct args *args)
{
	struct rollout_follow_how how = {
	    .screen = ctl->quiet || ctl_is_json(ctl) ? NULL : ctl->out,
	    .live = ctl->out_tty};
	const char *s = args_get(args, "timeout");
	char id[ID_SIZE];
	struct error err;
	int r;

	if (s != NULL &&
	    (str_to_duration(s, &how.timeout_us) < 0 || how.timeout_us <= 0)) {
		error_set(&err, 0, "usage", "write 10m or 8h",
		    "--timeout: '%s' is no duration", s);
		return ctl_fail(ctl, CTL_USAGE, NULL, &err);
	}
	r = ids_find(ctl, "rollouts", args->operands[0], id);
	return r == CTL_OK ? rollout_follow_run(ctl, id, &how) : r;
}
