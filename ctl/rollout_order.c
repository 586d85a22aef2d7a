/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Orders that go over their hosts bit by bit.
 *
 * Entry point: rollout_order_run(), for the orders of ctl/cmd_order.c. What could lose data is asked for as there, and what was
 * shown is what is ordered: after the question the hosts are sent by name. Ownership: documents are freed here. Failure
 * modes: exit codes of DESIGN section 8; a lost answer is asked for again under the same key, and never begins a second
 * rollout.
 */
#include "ctl/rollout_order.h"

#include <stdlib.h>

#include "ctl/client.h"
#include "ctl/cmd_util.h"
#include "ctl/output.h"
#include "ctl/rollout_follow.h"
#include "ctl/rollout_view.h"
#include "lib/json.h"
#include "lib/str.h"

static int
post(const struct ctl *ctl, const struct rollout_order *o, const char *hosts,
    bool dry_run, json_t **ret)
{
	char key[32];
	const struct client_request rq = {
	    .method = "POST",
	    .path = "/api/v1/rollouts",
	    .body = o->body,
	    .subject = o->hosts,
	    .idempotency_key = dry_run ? NULL : key,
	};

	client_make_key(key, sizeof(key));
	json_put_str(o->body, "hosts", hosts);
	json_put_bool(o->body, "dry_run", dry_run);
	return client_call(ctl, &rq, ret);
}

/* ---- the plan ---- */

static void
cell_batch(const json_t *row, struct text *out)
{
	text_addf(
	    out, "%lld", (long long)json_integer_value(json_object_get(row, "_batch")));
	if (json_is_true(json_object_get(row, "_canary")))
		text_add(out, " canary");
}

static void
cell_gets(const json_t *row, struct text *out)
{
	const json_t *why = json_object_get(row, "why");

	text_add_escaped(out, cmd_util_str(row, "gets"));
	if (!json_is_object(why))
		return;
	text_add(out, out->len > 0 ? ", but: " : "");
	text_add_escaped(out, cmd_util_str(why, "code"));
	text_add(out, ": ");
	text_add_escaped(out, cmd_util_str(why, "text"));
}

static const struct output_column plan_columns[] = {
    {.title = "BATCH", .cell = cell_batch},
    {.title = "LOCAL TIME", .key = "local"},
    {.title = "ZONE", .key = "zone", .wide = true},
    {.title = "OPENS", .key = "opens", .kind = OUTPUT_TIME, .wide = true},
    {.title = "SITE", .key = "site", .wide = true},
    {.title = "HOST", .key = "host"},
    {.title = "GETS", .cell = cell_gets},
};

static void
say_warnings(const struct ctl *ctl, const json_t *warnings)
{
	const json_t *w;
	size_t i;

	json_array_foreach (warnings, i, w)
		cmd_util_say_warning(ctl, w);
}

static int
show_plan(const struct ctl *ctl, const struct rollout_order *o)
{
	json_t *answer = NULL, *plan, *rows;
	int r = post(ctl, o, o->hosts, true, &answer);

	if (r != CTL_OK)
		return r;
	plan = json_object_get(answer, "plan");
	if (ctl_is_json(ctl)) {
		output_json(ctl, answer);
	} else {
		rows = rollout_view_plan_rows(plan);
		output_list(ctl, rows, plan_columns, ARRAY_SIZE(plan_columns));
		json_decref(rows);
	}
	say_warnings(ctl, json_object_get(plan, "warnings"));
	json_decref(answer);
	return CTL_OK;
}

/* ---- asking ---- */

static char *
names_of(const json_t *rows)
{
	struct text t = {0};
	const json_t *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		text_add(&t, i > 0 ? "," : "");
		text_add(&t, cmd_util_str(row, "host"));
	}
	return text_take(&t);
}

static int
confirm(const struct ctl *ctl, const struct rollout_order *o, const json_t *plan,
    const json_t *rows)
{
	size_t n = json_array_size(rows),
	       batches = json_array_size(json_object_get(plan, "batches"));
	char *names = cmd_util_shown_hosts(rows, "host");
	struct text question = {0};
	char expected[300];
	int r;

	text_add(&question, "About to ");
	rollout_view_work(o->body, &question);
	text_addf(&question, " on %zu host%s, in %zu batch%s: ", n, n == 1 ? "" : "s",
	    batches, batches == 1 ? "" : "es");
	text_add_escaped(&question, names);
	if (n == 1) {
		str_clip(expected, sizeof(expected), names);
		text_add(&question, "\nType the host's name (");
		text_add_escaped(&question, expected);
	} else {
		snprintf(expected, sizeof(expected), "%zu", n);
		text_addf(&question, "\nType their number (%s", expected);
	}
	text_add(&question, ") to go on");
	r = cmd_util_confirm(ctl, o->hosts, text_str(&question), expected);
	text_done(&question);
	free(names);
	return r;
}

/* *ret (owned by the caller) is what may be ordered then. */
static int
settle_hosts(const struct ctl *ctl, const struct rollout_order *o, char **ret)
{
	json_t *answer = NULL, *plan, *rows;
	int r;

	if (!o->destructive || o->yes) {
		*ret = str_dup(o->hosts);
		return CTL_OK;
	}
	r = cmd_util_need_terminal(
	    ctl, o->hosts, "add --yes (and --dry-run to see what would be done)");
	if (r == CTL_OK)
		r = post(ctl, o, o->hosts, true, &answer);
	if (r != CTL_OK)
		return r;
	plan = json_object_get(answer, "plan");
	rows = rollout_view_plan_rows(plan);
	say_warnings(ctl, json_object_get(plan, "warnings"));
	r = confirm(ctl, o, plan, rows);
	if (r == CTL_OK)
		*ret = names_of(rows);
	json_decref(rows);
	json_decref(answer);
	return r;
}

/* ---- the order ---- */

int
rollout_order_follow(const struct ctl *ctl, const char *id, int64_t timeout_us)
{
	const struct rollout_follow_how how = {
	    .timeout_us = timeout_us,
	    .screen = ctl->quiet || ctl_is_json(ctl) ? NULL : ctl->err,
	    .live = ctl->err_tty,
	};

	return rollout_follow_run(ctl, id, &how);
}

int
rollout_order_run(const struct ctl *ctl, const struct rollout_order *o)
{
	json_t *rollout = NULL;
	char *hosts = NULL;
	int r;

	if (o->dry_run)
		return show_plan(ctl, o);
	r = settle_hosts(ctl, o, &hosts);
	if (r == CTL_OK)
		r = post(ctl, o, hosts, false, &rollout);
	free(hosts);
	if (r != CTL_OK)
		return r;
	say_warnings(ctl, json_object_get(rollout, "warnings"));
	if (!ctl_is_json(ctl))
		cmd_util_print_id(ctl, rollout);
	else if (!o->wait)
		output_json(ctl, rollout);
	else
		ctl_say(ctl, "rollout %s", cmd_util_str(rollout, "id"));
	fflush(ctl->out);
	if (str_eq(cmd_util_str(rollout, "state"), "waiting-approval"))
		ctl_say(ctl,
		    "it waits for a second person: netboot-ctl rollout approve %s "
		    "--reason ...",
		    cmd_util_str(rollout, "id"));
	if (o->wait)
		r = rollout_order_follow(ctl, cmd_util_str(rollout, "id"), o->wait_us);
	json_decref(rollout);
	return r;
}
