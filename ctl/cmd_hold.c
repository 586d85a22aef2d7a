/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stop-the-world, resume-the-world, site freeze|unfreeze; and that something is stopped, where people look.
 *
 * Entry points: the commands, and cmd_hold_remark() for status and why. What became of the jobs is said in words: who stops in a
 * hurry should see at once what goes on all the same. Ownership: documents are freed here. Failure modes: exit codes of
 * DESIGN section 8.
 */
#include <stdlib.h>

#include "ctl/cmd.h"
#include "ctl/cmd_util.h"
#include "ctl/output.h"
#include "ctl/text.h"
#include "lib/json.h"
#include "lib/str.h"

static int64_t
number(const json_t *v, const char *key)
{
	return json_integer_value(json_object_get(v, key));
}

/* Of agents that may begin what they have. */
static void
say_unheard(const struct ctl *ctl, const json_t *sites)
{
	struct text names = {0};
	const json_t *site;
	size_t i;

	json_array_foreach (sites, i, site) {
		text_add(&names, i > 0 ? ", " : "");
		text_add_escaped(&names, json_string_value(site));
	}
	if (json_array_size(sites) > 0)
		ctl_say(ctl,
		    "not heard, and so not told yet: the agents of %s: until they are "
		    "back they may begin, in its window, what they were handed, and "
		    "finish it",
		    text_str(&names));
	text_done(&names);
}

static void
say_jobs(const struct ctl *ctl, const json_t *jobs)
{
	if (jobs == NULL)
		return;
	ctl_say(ctl,
	    "jobs that had not begun: %lld cancelled, %lld more when their agents say "
	    "so; under way, and going on: %lld",
	    (long long)number(jobs, "cancelled"), (long long)number(jobs, "told"),
	    (long long)number(jobs, "running"));
	say_unheard(ctl, json_object_get(jobs, "unheard"));
}

/* POST with the reason; `said` when it is done. Takes path. */
static int
tell(const struct ctl *ctl, const struct args *args, char *path, const char *subject,
    const char *said)
{
	const char *reason = args_get(args, "reason");
	json_t *body = json_object(), *answer = NULL;
	struct error err;
	int r;

	json_put_str(body, "reason", reason);
	if (reason == NULL || reason[0] == '\0') {
		error_set(&err, 0, "reason-missing", "add --reason 'INC-123 ...'",
		    "it is not said why");
		r = ctl_fail(ctl, CTL_USAGE, subject, &err);
	} else {
		r = client_call(ctl,
		    &(struct client_request){
			.method = "POST", .path = path, .body = body, .subject = subject},
		    &answer);
	}
	if (r == CTL_OK && ctl_is_json(ctl))
		output_json(ctl, answer);
	if (r == CTL_OK) {
		ctl_say(ctl, "%s%s%s", subject ? subject : "", subject ? ": " : "", said);
		say_jobs(ctl, json_object_get(answer, "jobs"));
	}
	json_decref(answer);
	json_decref(body);
	free(path);
	return r;
}

int
cmd_hold_stop(struct ctl *ctl, const struct args *args)
{
	return tell(ctl, args, str_dup("/api/v1/stop"), NULL,
	    "everything is stopped: nothing new begins anywhere");
}

int
cmd_hold_resume(struct ctl *ctl, const struct args *args)
{
	return tell(ctl, args, str_dup("/api/v1/stop/end"), NULL,
	    "the stop is over; what it cancelled stays cancelled");
}

int
cmd_hold_freeze(struct ctl *ctl, const struct args *args)
{
	const char *site = args->operands[0];

	return tell(ctl, args, client_path("sites", site, "freeze"), site,
	    "frozen: nothing new begins there");
}

int
cmd_hold_unfreeze(struct ctl *ctl, const struct args *args)
{
	const char *site = args->operands[0];

	return tell(ctl, args, client_path("sites", site, "unfreeze"), site,
	    "no longer frozen; what was cancelled stays cancelled");
}

static void
say_hold(const struct ctl *ctl, const json_t *hold, const char *what)
{
	struct text t = {0};

	text_addf(&t, "%s since %s by ", what, cmd_util_str(hold, "at"));
	text_add_escaped(&t, cmd_util_str(hold, "by"));
	text_add(&t, ": ");
	text_add_escaped(&t, cmd_util_str(hold, "reason"));
	ctl_say(ctl, "%s", text_str(&t));
	text_done(&t);
}

int
cmd_hold_remark(const struct ctl *ctl, const char *site)
{
	json_t *stop = NULL, *hold;
	char what[100];
	size_t i;
	int r = client_call(ctl,
	    &(struct client_request){.method = "GET",
		.path = "/api/v1/stop",
		.may_be_absent = true,
		.may_be_elsewhere = true},
	    &stop);

	if (json_is_true(json_object_get(stop, "stopped")))
		say_hold(ctl, stop, "everything is stopped, nothing new begins:");
	json_array_foreach (json_object_get(stop, "sites"), i, hold)
		if ((!site || str_eq(site, cmd_util_str(hold, "site"))) &&
		    str_format(what, sizeof(what),
			"site %s is frozen:", cmd_util_str(hold, "site")) == 0)
			say_hold(ctl, hold, what);
	json_decref(stop);
	return r;
}
