/* SPDX-License-Identifier: GPL-3.0-or-later */
/* why HOST|JOB|BOOT: the verdict, what it rests on, what is usual there, and the next step.
 *
 * Entry point: cmd_why(). For somebody who was woken: the first line is the answer, the last one a command to run.
 * Ownership: documents are freed here. Failure modes: exit codes of DESIGN section 8; an id that is not known, or is that
 * of several, is told as everywhere. */
#include <stdio.h>

#include "ctl/cmd.h"
#include "ctl/cmd_util.h"
#include "ctl/ids.h"
#include "ctl/output.h"
#include "ctl/zone.h"
#include "lib/id.h"
#include "lib/str.h"

enum {
	WHY_TIME_COLUMN = 29,
	WHY_STAGE_COLUMN = 18,
	WHY_STATE_COLUMN = 30,
	WHY_THIS_COLUMN = 42
};

static int64_t
number(const json_t *v, const char *key)
{
	return json_integer_value(json_object_get(v, key));
}

static void
add_head(const json_t *why, const json_t *of, const json_t *verdict, struct text *out)
{
	const char *said = cmd_util_str(why, "agent_code");
	const char *job = cmd_util_str(of, "job"), *boot = cmd_util_str(of, "boot");

	text_add_escaped(out, cmd_util_str(of, "host"));
	text_addf(out, ": %s: ", cmd_util_str(verdict, "code"));
	text_add_escaped(out, cmd_util_str(verdict, "title"));
	text_add(out, json_is_false(json_object_get(verdict, "certain"))
			  ? " (likely, not proven)\n"
			  : "\n");
	text_add(out, "  ");
	text_add_escaped(out, cmd_util_str(verdict, "text"));
	const char *state = cmd_util_str(why, "state");

	text_addf(out, "\n  %s", str_eq(state, "none") ? "nothing" : state);
	if (job[0] != '\0')
		text_addf(out, ", job %s", job);
	if (boot[0] != '\0')
		text_addf(out, ", boot %s", boot);
	if (said[0] != '\0' && !str_eq(said, cmd_util_str(verdict, "code")))
		text_addf(out, "; the agent said: %s", said);
	text_add(out, "\n");
	if (json_is_string(json_object_get(why, "as_of"))) {
		text_add(out, "  ");
		cmd_util_add_as_of(why, out);
		text_add(out, ": what happened since is not known\n");
	}
}

static void
add_evidence(const json_t *why, const char *zone, struct text *out)
{
	const json_t *list = json_object_get(why, "evidence"), *item;
	char at[ZONE_TEXT_SIZE];
	size_t i;

	if (json_array_size(list) == 0)
		return;
	text_add(out, "\nseen\n");
	json_array_foreach (list, i, item) {
		size_t from = out->len;

		text_addf(out, "  %s",
		    zone_text(
			output_wall(json_object_get(item, "at")), zone, at, sizeof(at)));
		text_pad(out, from, WHY_TIME_COLUMN, 2);
		text_add_escaped(out, cmd_util_str(item, "text"));
		text_add(out, "\n");
	}
}

static void
add_duration(const json_t *v, const char *key, struct text *out)
{
	char buf[32];

	if (json_is_integer(json_object_get(v, key)))
		text_add(out, str_duration(number(v, key), buf, sizeof(buf)));
	else
		text_add(out, "-");
}

static void
add_usual(const json_t *why, struct text *out)
{
	const json_t *usual = json_object_get(why, "usual"), *stage;
	const json_t *stages = json_object_get(why, "stages");
	size_t i;

	if (json_is_object(usual)) {
		text_addf(
		    out, "\nusual here\n  stage %s takes ", cmd_util_str(usual, "stage"));
		add_duration(usual, "median_us", out);
		text_addf(out, " (%lld boots: nine of ten within ",
		    (long long)number(usual, "n"));
		add_duration(usual, "p90_us", out);
		text_add(out, ", all within ");
		add_duration(usual, "max_us", out);
		text_add(out, "), this time ");
		add_duration(usual, "this_us", out);
		text_add(out, "\n");
	}
	if (json_array_size(stages) > 0)
		text_add(out, "\n  STAGE           STATE       THIS TIME   USUALLY\n");
	json_array_foreach (stages, i, stage) {
		size_t from = out->len;

		text_addf(out, "  %s", cmd_util_str(stage, "stage"));
		text_pad(out, from, WHY_STAGE_COLUMN, 1);
		text_add_escaped(out, cmd_util_str(stage, "state"));
		text_pad(out, from, WHY_STATE_COLUMN, 1);
		add_duration(stage, "this_us", out);
		text_pad(out, from, WHY_THIS_COLUMN, 1);
		add_duration(stage, "usual_us", out);
		text_add(out, "\n");
	}
}

static void
add_also(const json_t *why, struct text *out)
{
	const json_t *list = json_object_get(why, "also"), *item;
	size_t i;

	if (json_array_size(list) > 0)
		text_add(out, "\nalso\n");
	json_array_foreach (list, i, item) {
		text_addf(out, "  %s: ", cmd_util_str(item, "code"));
		text_add_escaped(out, cmd_util_str(item, "title"));
		text_add(out, "\n");
	}
}

static void
print_why(const struct ctl *ctl, json_t *why)
{
	const json_t *of = json_object_get(why, "of");
	const json_t *verdict = json_object_get(why, "verdict");
	const char *next = cmd_util_str(verdict, "next");
	json_t *rows = json_pack("[O]", why);
	struct text out = {0};

	json_object_set(why, "site", json_object_get(of, "site"));
	cmd_util_add_zones(ctl, rows);
	add_head(why, of, verdict, &out);
	add_evidence(why, cmd_util_str(why, "_zone"), &out);
	add_usual(why, &out);
	add_also(why, &out);
	if (next[0] != '\0') {
		text_add(&out, "\nnext\n  ");
		text_add_escaped(&out, next);
		text_add(&out, "\n");
	}
	fputs(text_str(&out), ctl->out);
	text_done(&out);
	json_decref(rows);
}

int
cmd_why(struct ctl *ctl, const struct args *args)
{
	struct ids_found found;
	struct text path = {0};
	json_t *why = NULL;
	int r = ids_resolve(ctl, args->operands[0], true, &found);

	if (r != CTL_OK)
		return r;
	text_add(&path, "/api/v1/why");
	text_add_query(&path, "of", found.id[0] != '\0' ? found.id : args->operands[0]);
	const struct client_request rq = {
	    .method = "GET", .path = text_str(&path), .subject = args->operands[0]};
	r = client_call(ctl, &rq, &why);
	text_done(&path);
	if (r != CTL_OK)
		return r;
	if (ctl_is_json(ctl))
		output_json(ctl, why);
	else
		print_why(ctl, why);
	r = cmd_hold_remark(ctl, cmd_util_str(json_object_get(why, "of"), "site"));
	json_decref(why);
	return r;
}
