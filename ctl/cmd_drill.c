/* SPDX-License-Identifier: GPL-3.0-or-later */
/* drill run, and drill list and drill show: what drills have found.
 *
 * Entry points: cmd_drill_run(), which orders a rollout of that kind, cmd_drill_list(), cmd_drill_show(). A drill that is over goes by
 * the id of the job that booted its live image.
 * Ownership: documents are freed here. Failure modes: exit codes of DESIGN section 8.
 */
#include <errno.h>
#include <stdlib.h>

#include "ctl/client.h"
#include "ctl/cmd.h"
#include "ctl/cmd_util.h"
#include "ctl/ids.h"
#include "ctl/output.h"
#include "ctl/rollout_opts.h"
#include "ctl/rollout_order.h"
#include "lib/json.h"
#include "lib/str.h"

enum { DRILLS_DEFAULT = 100, DRILLS_MAX = 1000000 };

/* "failed at kernel: kernel-stalled", "regression: 2". */
static void
cell_outcome(const json_t *row, struct text *out)
{
	const char *stuck = cmd_util_str(row, "stuck"),
		   *code = cmd_util_str(json_object_get(row, "why"), "code");
	size_t slow = json_array_size(json_object_get(row, "regressions"));

	text_add_escaped(out, cmd_util_str(row, "outcome"));
	if (stuck[0] != '\0') {
		text_add(out, " at ");
		text_add_escaped(out, stuck);
	}
	if (code[0] != '\0') {
		text_add(out, ": ");
		text_add_escaped(out, code);
	} else if (slow > 0) {
		text_addf(out, ": %zu", slow);
	}
}

static const struct output_column list_columns[] = {
    {.title = "DRILL", .key = "id"},
    {.title = "BEGAN", .key = "began", .kind = OUTPUT_TIME},
    {.title = "SITE", .key = "site"},
    {.title = "HOST", .key = "host"},
    {.title = "IMAGE", .key = "image"},
    {.title = "SCHEDULE", .key = "schedule"},
    {.title = "ROLLOUT", .key = "rollout", .wide = true},
    {.title = "BACK BY", .key = "back", .wide = true},
    {.title = "TOOK", .cell = output_took},
    {.title = "ON ITS DISK", .key = "returned"},
    {.title = "OUTCOME", .cell = cell_outcome},
};

static int
read_limit(const struct ctl *ctl, const struct args *args, int64_t *ret)
{
	const char *limit = args_get(args, "limit");
	struct error err;

	*ret = DRILLS_DEFAULT;
	if (limit == NULL || str_to_i64(limit, 1, DRILLS_MAX, ret) == 0)
		return CTL_OK;
	error_set(&err, 0, "usage", NULL, "--limit: '%s' is no number from 1 to %d",
	    limit, (int)DRILLS_MAX);
	return ctl_fail(ctl, CTL_USAGE, NULL, &err);
}

int
cmd_drill_list(struct ctl *ctl, const struct args *args)
{
	const char *site = args_get(args, "site"), *schedule = args_get(args, "schedule");
	struct text path = {0};
	json_t *rows = NULL;
	int64_t limit;
	int r = read_limit(ctl, args, &limit);

	if (r != CTL_OK)
		return r;
	text_addf(&path, "/api/v1/drills?limit=%d", limit < 1000 ? (int)limit : 1000);
	if (site)
		text_add_query(&path, "site", site);
	if (schedule)
		text_add_query(&path, "schedule", schedule);
	r = client_list(ctl, text_str(&path), (size_t)limit, &rows);
	text_done(&path);
	if (r != CTL_OK)
		return r;
	cmd_util_add_zones(ctl, rows);
	output_list(ctl, rows, list_columns, ARRAY_SIZE(list_columns));
	json_decref(rows);
	return CTL_OK;
}

/* ---- one of them ---- */

/* "12s (nine of ten within 15s, 7 of the machine's)". */
static void
cell_usual(const json_t *row, struct text *out)
{
	const json_t *usual = json_object_get(row, "usual");
	char median[32], p90[32];

	if (!json_is_object(usual))
		return;
	text_addf(out, "%s, nine of ten within %s (%lld of the ",
	    str_duration(json_integer_value(json_object_get(usual, "median_us")), median,
		sizeof(median)),
	    str_duration(
		json_integer_value(json_object_get(usual, "p90_us")), p90, sizeof(p90)),
	    (long long)json_integer_value(json_object_get(usual, "n")));
	text_add_escaped(out, cmd_util_str(usual, "of"));
	text_add(out, "'s)");
}

static void
cell_slow(const json_t *row, struct text *out)
{
	if (json_is_true(json_object_get(row, "slow")))
		text_add(out, "slow");
	else if (!str_eq(cmd_util_str(row, "state"), "confirmed"))
		text_add_escaped(out, cmd_util_str(row, "state"));
}

static const struct output_column stage_columns[] = {
    {.title = "JOB", .key = "job"},
    {.title = "STAGE", .key = "stage"},
    {.title = "TOOK", .key = "took_us", .kind = OUTPUT_DURATION},
    {.title = "USUAL", .cell = cell_usual},
    {.title = "", .cell = cell_slow},
};

static void
print_drill(const struct ctl *ctl, const json_t *drill)
{
	const json_t *why = json_object_get(drill, "why"), *line;
	struct text out = {0};
	size_t i;

	text_add_escaped(&out, cmd_util_str(drill, "host"));
	text_add(&out, ": ");
	cell_outcome(drill, &out);
	text_addf(&out, "\n  on its disk: %s; image ", cmd_util_str(drill, "returned"));
	text_add_escaped(&out, cmd_util_str(drill, "image"));
	text_add(&out, ", site ");
	text_add_escaped(&out, cmd_util_str(drill, "site"));
	text_addf(&out, ", rollout %s\n\n", cmd_util_str(drill, "rollout"));
	output_table(json_object_get(drill, "stages"), stage_columns,
	    ARRAY_SIZE(stage_columns), false, true, &out);
	json_array_foreach (json_object_get(drill, "regressions"), i, line) {
		text_add(&out, i == 0 ? "\nslower than usual\n  " : "  ");
		text_add_escaped(&out, json_string_value(line));
		text_add(&out, "\n");
	}
	if (json_is_object(why)) {
		text_add(&out, "\n");
		text_add_escaped(&out, cmd_util_str(why, "text"));
		text_add(&out, "\nnext: ");
		text_add_escaped(&out, cmd_util_str(why, "next"));
		text_add(&out, "\n");
	}
	fputs(text_str(&out), ctl->out);
	text_done(&out);
}

int
cmd_drill_show(struct ctl *ctl, const struct args *args)
{
	char id[ID_SIZE];
	json_t *drill = NULL;
	int r = ids_find(ctl, "drills", args->operands[0], id);

	if (r == CTL_OK)
		r = cmd_util_fetch(ctl, "drills", id, NULL, &drill);
	if (r != CTL_OK)
		return r;
	if (ctl_is_json(ctl))
		output_json(ctl, drill);
	else
		print_drill(ctl, drill);
	json_decref(drill);
	return CTL_OK;
}

/* ---- an order ---- */

static int
fill_order(const struct args *args, struct rollout_order *order, struct error *err)
{
	const char *wait = args_get(args, "wait"), *reason = args_get(args, "reason");
	json_t *body = order->body;

	json_put_str(body, "kind", "drill");
	json_put_str(body, "image", args_get(args, "image"));
	json_put_str(body, "force", args_get(args, "force"));
	if (reason == NULL || reason[0] == '\0')
		return error_set(err, -EINVAL, "reason-missing",
		    "add --reason 'INC-123 ...'", "a drill wants to know why");
	json_put_str(body, "reason", reason);
	json_put_bool(body, "yes", order->yes);
	if (wait != NULL &&
	    (str_to_duration(wait, &order->wait_us) < 0 || order->wait_us <= 0))
		return error_set(err, -EINVAL, "usage", "write --wait=10m",
		    "--wait: '%s' is no duration", wait);
	if (rollout_opts_policy(args, true, body, err) < 0 ||
	    rollout_opts_number(args, "limit", "limit", 1, body, err) < 0 ||
	    rollout_opts_seconds(args, "window", "window_s", 1, body, err) < 0 ||
	    rollout_opts_seconds(args, "graceful-timeout", "graceful_s", 0, body, err) <
		0)
		return -EINVAL;
	return 0;
}

int
cmd_drill_run(struct ctl *ctl, const struct args *args)
{
	char *hosts = cmd_util_selector(args);
	struct rollout_order order = {.body = json_object(),
	    .hosts = hosts,
	    .yes = args_has(args, "yes"),
	    .dry_run = args_has(args, "dry-run"),
	    .wait = args_has(args, "wait")};
	struct error err;
	int r = fill_order(args, &order, &err) < 0 ? ctl_fail(ctl, CTL_USAGE, hosts, &err)
						   : rollout_order_run(ctl, &order);

	json_decref(order.body);
	free(hosts);
	return r;
}
