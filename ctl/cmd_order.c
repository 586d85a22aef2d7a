/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The orders: reinstall, rescue, live, boot, reboot, power on|off|soft|cycle|reset.
 *
 * Entry point: cmd_order(), for all of them; the kind is the command's noun.
 * What could cost data is asked for first: on a terminal by typing the host's name (for
 * several hosts, their number), otherwise by --yes. What was shown is what is ordered:
 * after the question the hosts are sent by name, so that a label changed meanwhile adds
 * none. Ownership: documents are freed here. Failure modes: refused hosts stop the whole
 * order before anything starts; a lost answer leaves a job that a repeated order finds
 * ("host-busy").
 */
#include <stdlib.h>
#include <string.h>

#include "ctl/client.h"
#include "ctl/cmd.h"
#include "ctl/cmd_util.h"
#include "ctl/follow_io.h"
#include "ctl/output.h"
#include "ctl/rollout_opts.h"
#include "ctl/rollout_order.h"
#include "lib/bundle.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"

/* --when-ready without a duration. */
#define READY_DEFAULT_US (24LL * 3600 * USEC_PER_SEC)

#define AT_ONCE "at-once"

enum { ORDER_LIMIT = 20, ORDER_LIMIT_MAX = 100000 };

struct order {
	const char *kind, *action;
	char *hosts; /* the selector as typed; owned */
	const char *reason, *image;
	const char *force; /* as typed, or NULL: the server's default */
	const char *hook;
	bool yes, dry_run, wait, collate;
	bool rolling;	/* it is a rollout */
	json_t *policy; /* `policy` and `skip_if_younger_s` of that; owned */
	int64_t limit, graceful_us, wait_us;
	const char *at; /* RFC 3339, or NULL: now */
	int64_t window_us;
	int64_t ready_us; /* wait for the image so long; 0: do not */
};

/* ---- reading the command line ---- */

static bool
is_image_kind(const char *kind)
{
	return !str_eq(kind, "reboot") && !str_eq(kind, "power");
}

static bool
is_hard(const struct order *o)
{
	return o->force != NULL && str_eq(o->force, AT_ONCE);
}

/* What may lose data when it hits the wrong host. */
static bool
is_destructive(const struct order *o)
{
	if (str_eq(o->kind, "power"))
		return str_eq(o->action, "off") || str_eq(o->action, "cycle") ||
		       str_eq(o->action, "reset");
	return is_image_kind(o->kind) || is_hard(o);
}

static int
read_wait(const struct args *a, struct order *o, struct error *err)
{
	const char *s = args_get(a, "wait");

	o->wait = args_has(a, "wait");
	/* A rollout lasts as long as its windows. */
	o->wait_us = o->rolling ? 0 : FOLLOW_IO_DEFAULT_US;
	if (s != NULL && (str_to_duration(s, &o->wait_us) < 0 || o->wait_us <= 0))
		return error_set(err, -1, "usage", "write --wait=10m",
		    "--wait: '%s' is no duration", s);
	return 0;
}

static int
read_reboot(const struct args *a, struct order *o, struct error *err)
{
	const char *s = args_get(a, "graceful-timeout");
	enum bundle_force force;

	o->hook = args_get(a, "hook");
	o->force = args_get(a, "force");
	if (o->force != NULL && bundle_force_parse(o->force, &force) < 0)
		return error_set(err, -1, "usage", NULL,
		    "--force: '%s' is not never, after-timeout or at-once", o->force);
	if (o->force != NULL && args_has(a, "hard") && !is_hard(o))
		return error_set(err, -1, "usage", "leave one of them out",
		    "--hard is --force at-once, and --force says %s", o->force);
	if (args_has(a, "hard"))
		o->force = AT_ONCE;
	if (s != NULL && str_to_duration(s, &o->graceful_us) < 0)
		return error_set(err, -1, "usage", "write --graceful-timeout 5m",
		    "--graceful-timeout: '%s' is no duration", s);
	return 0;
}

static int
read_ready(const struct args *a, struct order *o, struct error *err)
{
	const char *s;

	if (!is_image_kind(o->kind) || !args_has(a, "when-ready"))
		return 0;
	s = args_get(a, "when-ready");
	o->ready_us = READY_DEFAULT_US;
	if (s != NULL &&
	    (str_to_duration(s, &o->ready_us) < 0 || o->ready_us < USEC_PER_SEC))
		return error_set(err, -1, "usage", "write --when-ready=8h",
		    "--when-ready: '%s' is no duration", s);
	return 0;
}

static int
read_window(const struct args *a, struct order *o, struct error *err)
{
	const char *s = args_get(a, "window");
	int64_t at;

	o->at = args_get(a, "at");
	if (o->at != NULL && clock_parse(o->at, &at) < 0)
		return error_set(err, -1, "usage",
		    "write date, time and zone: --at 2026-01-31T03:00:00+01:00",
		    "--at: '%s' is no time", o->at);
	if (s != NULL && (str_to_duration(s, &o->window_us) < 0 || o->window_us <= 0))
		return error_set(err, -1, "usage", "write --window 4h",
		    "--window: '%s' is no duration", s);
	return 0;
}

/* What goes over its hosts bit by bit is no set of jobs that are ordered now. */
static int
read_rolling(const struct args *a, struct order *o, struct error *err)
{
	if (!o->rolling)
		return 0;
	if (o->ready_us > 0)
		return error_set(err, -1, "usage", "image status shows where it is",
		    "--when-ready is of orders that begin at all hosts at once");
	if (o->collate)
		return error_set(err, -1, "usage", "rollout hosts shows them",
		    "--collate puts answers together, and a rollout has none");
	o->policy = json_object();
	return rollout_opts_policy(a, true, o->policy, err);
}

static int
read_order(const struct args *a, struct order *o, struct error *err)
{
	const char *limit = args_get(a, "limit");
	int r = 0;

	o->kind = a->command->noun;
	o->action = a->command->verb;
	o->hosts = cmd_util_selector(a);
	if (o->hosts[strspn(o->hosts, " ,")] == '\0')
		return error_set(err, -1, "usage", "host list shows them",
		    "%s names no host", o->kind);
	o->reason = args_get(a, "reason");
	/* The history always has one; only what boots an image must be given it. */
	if (o->reason == NULL && !is_image_kind(o->kind))
		o->reason = "no reason given";
	o->yes = args_has(a, "yes");
	o->dry_run = args_has(a, "dry-run");
	o->rolling = rollout_opts_rolling(a);
	o->collate = str_eq(o->kind, "power") && args_has(a, "collate");
	o->limit = ORDER_LIMIT;
	if (limit != NULL && str_to_i64(limit, 1, ORDER_LIMIT_MAX, &o->limit) < 0)
		return error_set(err, -1, "usage", NULL,
		    "--limit: '%s' is no number from 1 to %d", limit,
		    (int)ORDER_LIMIT_MAX);
	if (is_image_kind(o->kind)) {
		o->image = args_get(a, "image");
		if (o->reason == NULL || o->reason[0] == '\0')
			return error_set(err, -1, "reason-missing",
			    "add --reason 'INC-123 ...'", "%s wants to know why",
			    o->kind);
	}
	if (str_eq(o->kind, "boot") && o->image == NULL)
		return error_set(
		    err, -1, "usage", "image list shows them", "boot needs --image");
	if (str_eq(o->kind, "reboot"))
		r = read_reboot(a, o, err);
	if (r == 0)
		r = read_window(a, o, err);
	if (r == 0)
		r = read_ready(a, o, err);
	if (r == 0)
		r = read_wait(a, o, err);
	if (r == 0)
		r = read_rolling(a, o, err);
	if (r == 0 && o->collate && !o->wait)
		return error_set(err, -1, "usage", "add --wait",
		    "--collate puts results together, and there are none without --wait");
	return r;
}

/* ---- talking to the server ---- */

static json_t *
order_body(const struct order *o, const char *hosts, bool dry_run)
{
	json_t *body = json_object();

	json_put_str(body, "kind", o->kind);
	json_put_str(body, "hosts", hosts);
	json_put_str(body, "image", o->image);
	json_put_str(body, "reason", o->reason);
	json_put_str(body, "action", o->action);
	/* Older servers know nothing of force, and would pass it over. */
	if (is_hard(o))
		json_put_bool(body, "hard", true);
	else
		json_put_str(body, "force", o->force);
	json_put_str(body, "hook", o->hook);
	if (o->graceful_us > 0)
		json_put_i64(body, "graceful_s", o->graceful_us / USEC_PER_SEC);
	if (o->ready_us > 0)
		json_put_i64(body, "when_ready_s", o->ready_us / USEC_PER_SEC);
	json_put_str(body, "at", o->at);
	if (o->window_us > 0)
		json_put_i64(body, "window_s", o->window_us / USEC_PER_SEC);
	json_put_bool(body, "dry_run", dry_run);
	json_put_bool(
	    body, "yes", true); /* what needs a yes has had it when we come here */
	json_put_i64(body, "limit", o->limit);
	return body;
}

static int
post_order(const struct ctl *ctl, const struct order *o, const char *hosts, bool dry_run,
    json_t **ret)
{
	json_t *body = order_body(o, hosts, dry_run);
	char key[32];
	struct client_request rq = {
	    .method = "POST",
	    .path = "/api/v1/jobs",
	    .body = body,
	    .subject = hosts,
	    .idempotency_key = dry_run ? NULL : key,
	};
	int r;

	client_make_key(key, sizeof(key));
	r = client_call(ctl, &rq, ret);
	json_decref(body);
	return r;
}

/* ---- asking ---- */

static char *
names_of(const json_t *jobs)
{
	struct text t = {0};
	const json_t *job;
	size_t i;

	json_array_foreach (jobs, i, job) {
		text_add(&t, i > 0 ? "," : "");
		text_add(&t, cmd_util_str(job, "host"));
	}
	return text_take(&t);
}

/* What the order does to the hosts, in words: "power off", "reboot --hard", "reinstall
 * with debian-12". */
static void
describe(const struct order *o, const json_t *jobs, struct text *out)
{
	const char *image = cmd_util_str(json_array_get(jobs, 0), "image");

	text_add(out, o->kind);
	if (o->action != NULL)
		text_addf(out, " %s", o->action);
	if (is_hard(o))
		text_add(out, " --hard");
	if (image[0] != '\0') {
		text_add(out, " with ");
		text_add_escaped(out, image);
	}
	if (o->at != NULL)
		text_addf(out, " at %s", o->at);
}

static int
confirm(const struct ctl *ctl, const struct order *o, const json_t *jobs)
{
	size_t n = json_array_size(jobs);
	struct text what = {0}, question = {0};
	char expected[300];
	int r;

	describe(o, jobs, &what);
	if (n == 1) {
		str_clip(expected, sizeof(expected),
		    cmd_util_str(json_array_get(jobs, 0), "host"));
		text_addf(
		    &question, "About to %s. Type the host's name (", text_str(&what));
		text_add_escaped(&question, expected);
		text_add(&question, ") to go on");
	} else {
		char *names = cmd_util_shown_hosts(jobs, "host");

		snprintf(expected, sizeof(expected), "%zu", n);
		text_addf(
		    &question, "About to %s on %s hosts: ", text_str(&what), expected);
		text_add_escaped(&question, names);
		text_addf(&question, "\nType their number (%s) to go on", expected);
		free(names);
	}
	r = cmd_util_confirm(ctl, o->hosts, text_str(&question), expected);
	text_done(&question);
	text_done(&what);
	return r;
}

/* ---- printing ---- */

static const struct output_column plan_columns[] = {
    {.title = "HOST", .key = "host"},
    {.title = "KIND", .key = "kind"},
    {.title = "IMAGE", .key = "image"},
    {.title = "SITE", .key = "site"},
    {.title = "REASON", .key = "reason"},
};

static const struct output_column started_columns[] = {
    {.title = "JOB", .key = "id"},
    {.title = "HOST", .key = "host"},
    {.title = "KIND", .key = "kind"},
    {.title = "IMAGE", .key = "image"},
    {.title = "STATE", .key = "state"},
};

/* The ids at once, one a line. */
static void
print_started(const struct ctl *ctl, const struct order *o, const json_t *jobs)
{
	const json_t *job;
	size_t i;

	if (o->collate) {
		ctl_say(ctl, "%zu jobs ordered", json_array_size(jobs));
		return;
	}
	if (ctl->format == CTL_WIDE || ctl->format == CTL_NDJSON ||
	    (ctl->format == CTL_JSON && !o->wait)) {
		output_list(ctl, jobs, started_columns, ARRAY_SIZE(started_columns));
		return;
	}
	json_array_foreach (jobs, i, job) {
		if (ctl->format == CTL_TABLE)
			cmd_util_print_id(ctl, job);
		else
			ctl_say(ctl, "%s: job %s", cmd_util_str(job, "host"),
			    cmd_util_str(job, "id"));
	}
	fflush(ctl->out);
}

/* ---- the order ---- */

/* Asks first where that is due; *ret_hosts (owned by the caller) is what may be ordered
 * then. */
static int
settle_hosts(const struct ctl *ctl, const struct order *o, char **ret_hosts)
{
	json_t *plan = NULL, *jobs;
	int r;

	if (!is_destructive(o) || o->yes) {
		*ret_hosts = str_dup(o->hosts);
		return CTL_OK;
	}
	r = cmd_util_need_terminal(
	    ctl, o->hosts, "add --yes (and --dry-run to see what would be done)");
	if (r != CTL_OK)
		return r;
	r = post_order(ctl, o, o->hosts, true, &plan);
	if (r != CTL_OK)
		return r;
	jobs = json_object_get(plan, "jobs");
	r = confirm(ctl, o, jobs);
	if (r == CTL_OK)
		*ret_hosts = names_of(jobs);
	json_decref(plan);
	return r;
}

static int
wait_for(struct ctl *ctl, const struct order *o, const json_t *jobs)
{
	struct follow_io_how how = {
	    .timeout_us = o->wait_us,
	    .screen = ctl->quiet || ctl_is_json(ctl) ? NULL : ctl->err,
	    .live = ctl->err_tty,
	    .collate = o->collate ? collate_new() : NULL,
	};
	int r = follow_io_run(ctl, jobs, &how);

	collate_free(how.collate);
	if (ctl_is_json(ctl))
		cmd_util_print_jobs(ctl, jobs);
	return r;
}

static int
run_rollout(const struct ctl *ctl, const struct order *o)
{
	struct rollout_order order = {.body = order_body(o, o->hosts, o->dry_run),
	    .hosts = o->hosts,
	    .destructive = is_destructive(o),
	    .yes = o->yes,
	    .dry_run = o->dry_run,
	    .wait = o->wait,
	    .wait_us = o->wait_us};
	int r;

	json_object_update(order.body, o->policy);
	r = rollout_order_run(ctl, &order);
	json_decref(order.body);
	return r;
}

static int
run_order(struct ctl *ctl, const struct order *o)
{
	json_t *answer = NULL, *jobs;
	char *hosts = NULL;
	int r;

	if (o->dry_run) {
		r = post_order(ctl, o, o->hosts, true, &answer);
		if (r == CTL_OK)
			output_list(ctl, json_object_get(answer, "jobs"), plan_columns,
			    ARRAY_SIZE(plan_columns));
		goto out;
	}
	r = settle_hosts(ctl, o, &hosts);
	if (r == CTL_OK)
		r = post_order(ctl, o, hosts, false, &answer);
	if (r != CTL_OK)
		goto out;
	jobs = json_object_get(answer, "jobs");
	print_started(ctl, o, jobs);
	if (cmd_util_str(answer, "rollout")[0] != '\0')
		ctl_say(ctl, "all of them: rollout %s", cmd_util_str(answer, "rollout"));
	if (o->wait)
		r = wait_for(ctl, o, jobs);
out:
	free(hosts);
	json_decref(answer);
	return r;
}

int
cmd_order(struct ctl *ctl, const struct args *args)
{
	struct order o = {0};
	struct error err;
	int r;

	if (read_order(args, &o, &err) < 0 ||
	    (o.collate && cmd_util_check_collate(ctl, args, &err) < 0))
		r = ctl_fail(ctl, CTL_USAGE, o.hosts, &err);
	else
		r = o.rolling ? run_rollout(ctl, &o) : run_order(ctl, &o);
	json_decref(o.policy);
	free(o.hosts);
	return r;
}
