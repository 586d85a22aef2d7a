/* SPDX-License-Identifier: GPL-3.0-or-later */
/* schedule add|set|list|show|next|runs|pause|resume|run-now|skip-next|rm.
 *
 * Entry points: the cmd_schedule_*() functions. What could lose data is asked for before it is scheduled, since nobody is asked
 * when it is due. The server's warnings go to standard error, and change no exit code. Ownership: documents are freed here.
 * Failure modes: exit codes of DESIGN section 8; a change carries the ETag of what it was made from.
 */
#include <stdlib.h>

#include "ctl/client.h"
#include "ctl/cmd.h"
#include "ctl/cmd_util.h"
#include "ctl/output.h"
#include "ctl/policy_view.h"
#include "ctl/record.h"
#include "ctl/rollout_opts.h"
#include "ctl/rollout_view.h"
#include "ctl/schedule_opts.h"
#include "ctl/zone.h"
#include "lib/json.h"
#include "lib/str.h"

enum { NEXT_MAX = 1000, NEXT_OF_ONE = 5 };

/* ---- add, set ---- */

static void
say_warnings(const struct ctl *ctl, const json_t *schedule)
{
	const json_t *w;
	size_t i;

	json_array_foreach (json_object_get(schedule, "warnings"), i, w)
		cmd_util_say_warning(ctl, w);
}

static void
say_next(const struct ctl *ctl, const char *name, const char *done, const json_t *s)
{
	const json_t *next = json_object_get(s, "next");
	const char *nominal = cmd_util_str(next, "nominal");

	if (nominal[0] == '\0')
		ctl_say(ctl, "%s: %s; it has no run any more", name, done);
	else if (json_is_object(json_object_get(s, "paused")))
		ctl_say(ctl,
		    "%s: %s; its runs are left out, the next would be %s, until "
		    "netboot-ctl schedule resume %s",
		    name, done, nominal, name);
	else if (json_is_true(json_object_get(next, "skipped")))
		ctl_say(ctl, "%s: %s; the run %s is left out, the one after it is not",
		    name, done, nominal);
	else if (json_is_null(json_object_get(next, "opens")))
		ctl_say(ctl,
		    "%s: %s; next run %s, which opens nowhere: netboot-ctl schedule next "
		    "%s says why",
		    name, done, nominal, name);
	else
		ctl_say(ctl, "%s: %s; next run %s", name, done, nominal);
}

static const char *
when_of(const json_t *s)
{
	static const char *const members[] = {"cron", "rrule", "at"};

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (cmd_util_str(s, members[i])[0] != '\0')
			return cmd_util_str(s, members[i]);
	return "";
}

/* What is due at night is asked for now: by the schedule's name. */
static int
confirm(const struct ctl *ctl, const struct args *args, const json_t *s, const char *when)
{
	const char *name = args->operands[0];
	struct text question = {0};
	int r;

	if (args_has(args, "yes") || !rollout_opts_destructive(s))
		return CTL_OK;
	r = cmd_util_need_terminal(ctl, name, "add --yes");
	if (r != CTL_OK)
		return r;
	text_add(&question, "About to ");
	rollout_view_work(s, &question);
	text_addf(&question, " %s on ", when);
	text_add_escaped(&question, cmd_util_str(s, "hosts"));
	text_addf(&question,
	    ", without asking again. Type the schedule's name (%s) to "
	    "go on",
	    name);
	r = cmd_util_confirm(ctl, name, text_str(&question), name);
	text_done(&question);
	return r;
}

static int
send_schedule(const struct ctl *ctl, const struct client_request *rq, const char *done)
{
	json_t *made = NULL;
	int r = client_call(ctl, rq, &made);

	if (r == CTL_OK) {
		say_warnings(ctl, made);
		if (ctl_is_json(ctl))
			output_json(ctl, made);
		else
			say_next(ctl, rq->subject, done, made);
	}
	json_decref(made);
	return r;
}

int
cmd_schedule_add(struct ctl *ctl, const struct args *args)
{
	json_t *body = json_object();
	struct error err;
	char key[32];
	const struct client_request rq = {.method = "POST",
	    .path = "/api/v1/schedules",
	    .body = body,
	    .subject = args->operands[0],
	    .idempotency_key = key};
	int r;

	client_make_key(key, sizeof(key));
	json_put_str(body, "name", args->operands[0]);
	if (schedule_opts_body(args, true, body, &err) < 0)
		r = ctl_fail(ctl, CTL_USAGE, args->operands[0], &err);
	else
		r = confirm(ctl, args, body, "on schedule");
	if (r == CTL_OK)
		r = send_schedule(ctl, &rq, "added");
	json_decref(body);
	return r;
}

/* As it would be then, for the question. */
static json_t *
changed(const json_t *old, const json_t *body)
{
	json_t *s = json_copy((json_t *)(uintptr_t)old);

	json_object_update(s, (json_t *)(uintptr_t)body);
	return s;
}

int
cmd_schedule_set(struct ctl *ctl, const struct args *args)
{
	char *path = client_path("schedules", args->operands[0], NULL), etag[80] = "";
	json_t *body = json_object(), *old = NULL, *then = NULL;
	struct error err;
	struct client_request rq = {
	    .method = "PATCH", .path = path, .body = body, .subject = args->operands[0]};
	int r = CTL_OK;

	if (schedule_opts_body(args, false, body, &err) < 0)
		r = ctl_fail(ctl, CTL_USAGE, args->operands[0], &err);
	else if (json_object_size(body) == 0) {
		error_set(
		    &err, 0, "usage", "--help lists the options", "nothing to change");
		r = ctl_fail(ctl, CTL_USAGE, args->operands[0], &err);
	}
	if (r == CTL_OK)
		r = cmd_util_fetch(ctl, "schedules", args->operands[0], etag, &old);
	if (r == CTL_OK) {
		then = changed(old, body);
		r = confirm(ctl, args, then, "on schedule");
	}
	rq.if_match = etag[0] != '\0' ? etag : NULL;
	if (r == CTL_OK)
		r = send_schedule(ctl, &rq, "changed");
	json_decref(then);
	json_decref(old);
	json_decref(body);
	free(path);
	return r;
}

/* ---- list, show ---- */

static void
cell_what(const json_t *row, struct text *out)
{
	rollout_view_work(row, out);
}

static void
cell_when(const json_t *row, struct text *out)
{
	text_add_escaped(out, when_of(row));
}

static const struct output_column list_columns[] = {
    {.title = "SCHEDULE", .key = "name"},
    {.title = "DOES", .cell = cell_what},
    {.title = "WHEN", .cell = cell_when},
    {.title = "ZONE", .key = "tz", .wide = true},
    {.title = "HOSTS", .key = "hosts", .wide = true},
    {.title = "STATE", .key = "state"},
    {.title = "NEXT", .key = "next.nominal"},
    {.title = "LAST", .key = "last.outcome"},
    {.title = "ROLLOUT", .key = "last.rollout", .wide = true},
    {.title = "REASON", .key = "reason", .wide = true},
};

int
cmd_schedule_list(struct ctl *ctl, const struct args *args UNUSED)
{
	json_t *rows = NULL;
	int r = client_list(ctl, "/api/v1/schedules", 0, &rows);

	if (r != CTL_OK)
		return r;
	output_list(ctl, rows, list_columns, ARRAY_SIZE(list_columns));
	json_decref(rows);
	return CTL_OK;
}

static void
add_seconds(struct text *out, const char *title, const json_t *s, const char *member)
{
	int64_t n = json_integer_value(json_object_get(s, member));
	char buf[32];

	if (n > 0)
		record_add_line(
		    out, title, str_duration(n * USEC_PER_SEC, buf, sizeof(buf)));
}

static void
add_joined(struct text *out, const char *title, const json_t *list)
{
	struct text t = {0};
	const json_t *v;
	size_t i;

	json_array_foreach (list, i, v)
		text_addf(&t, "%s%s", i > 0 ? ", " : "", json_string_value(v));
	record_add_line(out, title, text_str(&t));
	text_done(&t);
}

/* Which one: by its time, or somebody's own. */
static void
cell_run(const json_t *run, struct text *out)
{
	const char *nominal = cmd_util_str(run, "nominal");
	int64_t at = output_wall(json_object_get(run, "at"));
	char text[ZONE_TEXT_SIZE];

	text_add_escaped(out, nominal[0] != '\0' ? nominal : "by hand");
	if (nominal[0] == '\0' && at > 0)
		text_addf(out, ", %s", zone_text(at, NULL, text, sizeof(text)));
}

static void
add_next(struct text *out, const json_t *next)
{
	struct text t = {0};

	if (!json_is_object(next))
		return;
	text_add_escaped(&t, cmd_util_str(next, "nominal"));
	if (json_is_true(json_object_get(next, "skipped")))
		text_add(&t, ", which is left out");
	record_add_line(out, "next", text_str(&t));
	text_done(&t);
}

static void
add_paused(struct text *out, const json_t *paused)
{
	const char *reason = cmd_util_str(paused, "reason");
	struct text t = {0};

	if (!json_is_object(paused))
		return;
	text_addf(&t, "by %s", cmd_util_str(paused, "by"));
	if (reason[0] != '\0')
		text_addf(&t, ": %s", reason);
	record_add_line(out, "paused", text_str(&t));
	text_done(&t);
}

static void
add_number(struct text *out, const char *title, const json_t *s, const char *member)
{
	const json_t *n = json_object_get(s, member);
	char buf[24];

	if (!json_is_integer(n))
		return;
	snprintf(buf, sizeof(buf), "%lld", (long long)json_integer_value(n));
	record_add_line(out, title, buf);
}

static void
add_policy(struct text *out, const json_t *policy)
{
	struct text t = {0};

	policy_view(policy, &t);
	record_add_line(out, "policy", text_str(&t));
	text_done(&t);
}

static void
add_last(struct text *out, const json_t *last)
{
	struct text t = {0};

	if (!json_is_object(last))
		return;
	cell_run(last, &t);
	text_addf(&t, ": %s", cmd_util_str(last, "outcome"));
	if (cmd_util_str(last, "rollout")[0] != '\0')
		text_addf(&t, ", rollout %s", cmd_util_str(last, "rollout"));
	if (cmd_util_str(last, "text")[0] != '\0')
		text_addf(&t, ": %s", cmd_util_str(last, "text"));
	record_add_line(out, "last", text_str(&t));
	text_done(&t);
}

static void
print_schedule(const struct ctl *ctl, const json_t *s)
{
	struct text t = {0}, v = {0};

	record_add_line(&t, "schedule", cmd_util_str(s, "name"));
	record_add_line(&t, "state", cmd_util_str(s, "state"));
	add_paused(&t, json_object_get(s, "paused"));
	rollout_view_work(s, &v);
	record_add_line(&t, "does", text_str(&v));
	record_add_line(&t, "hosts", cmd_util_str(s, "hosts"));
	record_add_line(&t, "reason", cmd_util_str(s, "reason"));
	record_add_line(&t, "when", when_of(s));
	record_add_line(&t, "zone", cmd_util_str(s, "tz"));
	add_seconds(&t, "window", s, "window_s");
	add_seconds(&t, "jitter", s, "jitter_s");
	add_seconds(&t, "younger", s, "skip_if_younger_s");
	record_add_line(&t, "missed", cmd_util_str(s, "missed"));
	add_number(&t, "limit", s, "limit");
	record_add_line(&t, "force", cmd_util_str(s, "force"));
	add_seconds(&t, "stopping", s, "graceful_s");
	record_add_line(&t, "hook", cmd_util_str(s, "hook"));
	add_joined(&t, "blackout", json_object_get(s, "blackout"));
	add_policy(&t, json_object_get(s, "policy"));
	add_next(&t, json_object_get(s, "next"));
	add_last(&t, json_object_get(s, "last"));
	record_add_line(&t, "by", cmd_util_str(s, "by"));
	record_add_time(&t, "created", s, "created");
	record_add_time(&t, "changed", s, "changed");
	fputs(text_str(&t), ctl->out);
	fflush(ctl->out);
	text_done(&v);
	text_done(&t);
}

int
cmd_schedule_show(struct ctl *ctl, const struct args *args)
{
	json_t *s = NULL;
	int r = cmd_util_fetch(ctl, "schedules", args->operands[0], NULL, &s);

	if (r != CTL_OK)
		return r;
	say_warnings(ctl, s);
	if (ctl_is_json(ctl))
		output_json(ctl, s);
	else
		print_schedule(ctl, s);
	json_decref(s);
	return CTL_OK;
}

/* ---- next, runs ---- */

static void
cell_zone_hosts(const json_t *row, struct text *out)
{
	const json_t *n = json_object_get(row, "hosts");

	if (json_is_integer(n))
		text_addf(out, "%lld", (long long)json_integer_value(n));
	else
		text_addf(out, "%zu", json_array_size(n));
}

static void
cell_note(const json_t *row, struct text *out)
{
	const char *left_out = cmd_util_str(row, "_left_out");

	if (left_out[0] != '\0') {
		text_add(out, "left out: ");
		text_add_escaped(out, left_out);
	} else if (cmd_util_str(row, "_zone")[0] == '\0') {
		text_add(out, "no host matches now");
	}
}

/* A run that opens nowhere there, by a blackout or for want of hosts, has still its name. */
static void
cell_opens(const json_t *row, struct text *out)
{
	int64_t opens = output_wall(json_object_get(row, "opens"));
	char text[ZONE_TEXT_SIZE];

	if (opens > 0)
		text_add(out,
		    zone_text(opens, cmd_util_str(row, "_zone"), text, sizeof(text)));
	else
		text_add_escaped(out, cmd_util_str(row, "_nominal"));
}

static const struct output_column zone_columns[] = {
    {.title = "SCHEDULE", .key = "_schedule"},
    {.title = "LOCAL TIME", .cell = cell_opens},
    {.title = "UNTIL", .key = "closes", .kind = OUTPUT_TIME, .wide = true},
    {.title = "ZONE", .key = "zone"},
    {.title = "SITES", .key = "sites", .wide = true},
    {.title = "HOSTS", .cell = cell_zone_hosts},
    {.title = "NOTE", .cell = cell_note},
};

static const struct output_column next_host_columns[] = {
    {.title = "SCHEDULE", .key = "_schedule"},
    {.title = "HOST", .key = "host"},
    {.title = "SITE", .key = "site"},
    {.title = "LOCAL TIME", .cell = cell_opens},
    {.title = "UNTIL", .key = "closes", .kind = OUTPUT_TIME, .wide = true},
    {.title = "NOTE", .cell = cell_note},
};

/* A row for each zone of a run, or for each of its hosts; with the run's own members and the zone, for tables. */
static void
add_rows(const json_t *run, const json_t *zone, json_t *one, json_t *rows)
{
	json_object_set(one, "_schedule", json_object_get(run, "schedule"));
	json_object_set(one, "_nominal", json_object_get(run, "nominal"));
	json_object_set(one, "_left_out", json_object_get(run, "left_out"));
	json_object_set(one, "_zone", json_object_get(zone, "zone"));
	json_array_append(rows, one);
}

/* Of a run that no host has part in. */
static void
add_nobody(const json_t *run, json_t *rows)
{
	json_t *one = json_object();

	add_rows(run, NULL, one, rows);
	json_decref(one);
}

static json_t *
next_rows(const json_t *runs, bool hosts)
{
	json_t *rows = json_array(), *run, *zone, *host;
	size_t i, k, n;

	json_array_foreach (runs, i, run) {
		if (json_array_size(json_object_get(run, "zones")) == 0)
			add_nobody(run, rows);
		json_array_foreach (json_object_get(run, "zones"), k, zone) {
			if (!hosts)
				add_rows(run, zone, zone, rows);
			else
				json_array_foreach (
				    json_object_get(zone, "hosts"), n, host)
					add_rows(run, zone, host, rows);
		}
	}
	return rows;
}

int
cmd_schedule_next(struct ctl *ctl, const struct args *args)
{
	const char *name = args->n_operands > 0 ? args->operands[0] : NULL,
		   *count = args_get(args, "count");
	bool hosts = args_has(args, "hosts");
	int64_t n = name != NULL ? NEXT_OF_ONE : 1;
	json_t *answer = NULL, *rows;
	struct text path = {0};
	struct error err;
	int r;

	if (count != NULL && str_to_i64(count, 1, NEXT_MAX, &n) < 0) {
		error_set(&err, 0, "usage", NULL, "-n: '%s' is no number from 1 to %d",
		    count, (int)NEXT_MAX);
		return ctl_fail(ctl, CTL_USAGE, name, &err);
	}
	text_addf(&path, "/api/v1/schedules/next?n=%lld", (long long)n);
	text_add_query(&path, "name", name);
	text_add_query(&path, "hosts", hosts ? "1" : NULL);
	r = client_get(ctl, text_str(&path), &answer);
	text_done(&path);
	if (r != CTL_OK)
		return r;
	if (ctl_is_json(ctl)) {
		output_list(ctl, json_object_get(answer, "items"), NULL, 0);
	} else {
		rows = next_rows(json_object_get(answer, "items"), hosts);
		if (hosts)
			output_list(
			    ctl, rows, next_host_columns, ARRAY_SIZE(next_host_columns));
		else
			output_list(ctl, rows, zone_columns, ARRAY_SIZE(zone_columns));
		json_decref(rows);
	}
	json_decref(answer);
	return CTL_OK;
}

static const struct output_column run_columns[] = {
    {.title = "RUN", .cell = cell_run},
    {.title = "OUTCOME", .key = "outcome"},
    {.title = "ROLLOUT", .key = "rollout"},
    {.title = "AT", .key = "at", .kind = OUTPUT_TIME, .wide = true},
    {.title = "TEXT", .key = "text"},
};

int
cmd_schedule_runs(struct ctl *ctl, const struct args *args)
{
	char *path = client_path("schedules", args->operands[0], "runs");
	json_t *rows = NULL;
	int r = client_list(ctl, path, 0, &rows);

	free(path);
	if (r != CTL_OK)
		return r;
	output_list(ctl, rows, run_columns, ARRAY_SIZE(run_columns));
	json_decref(rows);
	return CTL_OK;
}

/* ---- what may be done to one ---- */

static int
act(const struct ctl *ctl, const struct args *args, json_t **ret)
{
	const char *name = args->operands[0];
	char *path = client_path("schedules", name, args->command->verb), key[32];
	json_t *body = json_object();
	const struct client_request rq = {.method = "POST",
	    .path = path,
	    .body = body,
	    .subject = name,
	    .idempotency_key = key};
	int r;

	client_make_key(key, sizeof(key));
	json_put_str(body, "reason", args_get(args, "reason"));
	r = client_call(ctl, &rq, ret);
	json_decref(body);
	free(path);
	if (r == CTL_OK && ctl_is_json(ctl))
		output_json(ctl, *ret);
	return r;
}

int
cmd_schedule_act(struct ctl *ctl, const struct args *args)
{
	json_t *now = NULL;
	int r = act(ctl, args, &now);

	if (r == CTL_OK && !ctl_is_json(ctl))
		say_next(ctl, args->operands[0], cmd_util_str(now, "state"), now);
	json_decref(now);
	return r;
}

int
cmd_schedule_run_now(struct ctl *ctl, const struct args *args)
{
	json_t *schedule = NULL, *made = NULL;
	int r = cmd_util_fetch(ctl, "schedules", args->operands[0], NULL, &schedule);

	if (r == CTL_OK)
		r = confirm(ctl, args, schedule, "now");
	if (r == CTL_OK)
		r = act(ctl, args, &made);
	if (r == CTL_OK && !ctl_is_json(ctl))
		cmd_util_print_id(ctl, made);
	json_decref(made);
	json_decref(schedule);
	return r;
}

int
cmd_schedule_rm(struct ctl *ctl, const struct args *args)
{
	const char *name = args->operands[0];
	char *plain = client_path("schedules", name, NULL);
	struct text path = {0};
	struct client_request rq = {.method = "DELETE", .subject = name};
	int r;

	text_add(&path, plain);
	text_add_query(&path, "reason", args_get(args, "reason"));
	rq.path = text_str(&path);
	r = client_call(ctl, &rq, NULL);
	if (r == CTL_OK)
		ctl_say(ctl, "%s: removed", name);
	text_done(&path);
	free(plain);
	return r;
}
