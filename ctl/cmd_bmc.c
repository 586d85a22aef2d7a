/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is asked of BMCs: power status, bmc probe|audit|reset|rotate, identify, sensors, sel.
 *
 * Entry point: cmd_bmc(), for all of them; host_answers.c prints what comes. What could harm is asked for first, as cmd_order.c does.
 * Ownership: everything lives until cmd_bmc() returns. Failure modes: a host that failed ends the command with 2; a stream that
 * broke off with 5.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/bmc_view.h"
#include "ctl/cmd.h"
#include "ctl/cmd_util.h"
#include "ctl/host_answers.h"
#include "lib/json.h"
#include "lib/str.h"

struct question {
	struct ctl *ctl;
	enum bmc_verb verb;
	bool blame;
	char *hosts;	  /* the selector as typed */
	bool interrupted; /* by ^C */
};

static void
view(void *arg, const json_t *row, struct text *out)
{
	const struct question *q = arg;

	bmc_view_answer(q->verb, row, q->blame, out);
}

static int
ask(struct question *q, const struct args *args, json_t *body)
{
	const struct bmc_verb_info *info = bmc_verb_info(q->verb);
	char *path = client_path("bmc", info->name, NULL);
	const struct host_answers_opts o = {.ctl = q->ctl,
	    .path = path,
	    .hosts = q->hosts,
	    .collate = args_has(args, "collate"),
	    .view = view,
	    .arg = q,
	    /* What changes a machine is not to be done twice. */
	    .lost = info->destructive
			? "answer-lost: the server went away before it was told, and "
			  "it may have been done: look before you repeat it"
			: "answer-lost: the server went away before it was told: "
			  "ask again",
	    .may_be_done = info->audit != NULL,
	    .power = true};
	int r = host_answers_run(&o, body, &q->interrupted);

	free(path);
	return r;
}

/* ---- the command line ---- */

static const struct {
	const char *noun, *verb;
	enum bmc_verb is;
} words[] = {
    {"power", "status", BMC_VERB_POWER_STATUS},
    {"bmc", "probe", BMC_VERB_PROBE},
    {"bmc", "show", BMC_VERB_SHOW},
    {"bmc", "audit", BMC_VERB_AUDIT},
    {"bmc", "reset", BMC_VERB_RESET},
    {"bmc", "resume", BMC_VERB_RESUME},
    {"bmc", "rotate", BMC_VERB_ROTATE},
    {"identify", NULL, BMC_VERB_IDENTIFY},
    {"sensors", NULL, BMC_VERB_SENSORS},
    {"sel", NULL, BMC_VERB_SEL},
};

static enum bmc_verb
verb_of(const struct args_command *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_eq(words[i].noun, c->noun) &&
		    (words[i].verb == NULL || str_eq(words[i].verb, c->verb)))
			return words[i].is;
	abort(); /* commands.c names the function for these only */
}

static int
put_identify(const struct args *args, json_t *v, struct error *err)
{
	const char *for_s = args_get(args, "for");
	int64_t us = 0;

	if (args_has(args, "off") + args_has(args, "on") + (for_s != NULL) > 1)
		return error_set(err, -1, "usage", "give one of the three",
		    "--for, --on and --off exclude each other");
	if (args_has(args, "off"))
		json_put_i64(v, "seconds", 0);
	else if (args_has(args, "on"))
		json_put_i64(v, "seconds", BMC_VERB_IDENTIFY_ON);
	else if (for_s != NULL &&
		 (str_to_duration(for_s, &us) < 0 || us < USEC_PER_SEC ||
		     us > (int64_t)BMC_VERB_IDENTIFY_MAX_S * USEC_PER_SEC))
		return error_set(err, -1, "usage", "write --for 30s, or --on",
		    "--for: '%s' is no duration from 1s to %ds", for_s,
		    BMC_VERB_IDENTIFY_MAX_S);
	else if (for_s != NULL)
		json_put_i64(v, "seconds", us / USEC_PER_SEC);
	return 0;
}

static int
put_last(const struct args *args, json_t *v, struct error *err)
{
	const char *s = args_get(args, "last");
	int64_t n;

	if (s == NULL)
		return 0;
	if (args_has(args, "clear"))
		return error_set(err, -1, "usage", "leave it out: all are deleted",
		    "--last is no matter of --clear");
	if (str_to_i64(s, 1, BMC_VERB_SEL_MAX, &n) < 0)
		return error_set(err, -1, "usage", NULL,
		    "--last: '%s' is no number from 1 to %d", s, BMC_VERB_SEL_MAX);
	json_put_i64(v, "last", n);
	return 0;
}

/* The verb's own options. */
static int
put_args(
    const struct question *q, const struct args *args, json_t *body, struct error *err)
{
	json_t *v = json_object();
	int r = 0;

	if (q->verb == BMC_VERB_PROBE && args_has(args, "only-read"))
		json_put_bool(v, "only_read", true);
	if (q->verb == BMC_VERB_IDENTIFY)
		r = put_identify(args, v, err);
	if (q->verb == BMC_VERB_SEL || q->verb == BMC_VERB_SEL_CLEAR)
		r = put_last(args, v, err);
	if (json_object_size(v) > 0)
		json_object_set(body, "args", v);
	json_decref(v);
	return r;
}

/* What could harm says why, and how many hosts it may hit. */
static int
put_order(
    const struct question *q, const struct args *args, json_t *body, struct error *err)
{
	bool limited = bmc_verb_info(q->verb)->destructive;
	const char *limit = limited ? args_get(args, "limit") : NULL,
		   *reason = args_get(args, "reason");
	int64_t n;

	if (reason == NULL || reason[0] == '\0')
		return error_set(err, -1, "reason-missing", "add --reason 'INC-123 ...'",
		    "%s wants to know why", bmc_verb_info(q->verb)->name);
	json_put_str(body, "reason", reason);
	json_put_bool(body, "yes", true); /* what needs one has had it when it is sent */
	if (limit == NULL)
		return 0;
	if (str_to_i64(limit, 1, INT32_MAX, &n) < 0)
		return error_set(
		    err, -1, "usage", NULL, "--limit: '%s' is no number", limit);
	json_put_i64(body, "limit", n);
	return 0;
}

/* ---- asking first ---- */

static char *
names_of(const json_t *hosts)
{
	struct text t = {0};
	const json_t *host;
	size_t i;

	json_array_foreach (hosts, i, host) {
		text_add(&t, i > 0 ? "," : "");
		text_add(&t, cmd_util_str(host, "name"));
	}
	return text_take(&t);
}

static int
confirm_hosts(struct question *q, const char *what, const json_t *hosts)
{
	size_t n = json_array_size(hosts);
	char *names = names_of(hosts), *shown = cmd_util_shown_hosts(hosts, "name"),
	     expected[300];
	struct text question = {0};
	int r;

	if (n == 1)
		str_clip(expected, sizeof(expected), names);
	else
		snprintf(expected, sizeof(expected), "%zu", n);
	text_addf(&question, "About to %s of %s", what, n == 1 ? "" : "the hosts ");
	text_add_escaped(&question, shown);
	free(shown);
	text_addf(&question, ". Type %s (%s) to go on",
	    n == 1 ? "the host's name" : "their number", expected);
	r = cmd_util_confirm(q->ctl, q->hosts, text_str(&question), expected);
	text_done(&question);
	/* What was shown is what is asked. */
	free(q->hosts);
	q->hosts = names;
	return r;
}

static int
confirm(struct question *q, const struct args *args)
{
	const char *what = q->verb == BMC_VERB_RESET	? "reset the BMC"
			   : q->verb == BMC_VERB_ROTATE ? "change the BMC's password"
							: "clear the event log";
	struct text path = {0};
	json_t *hosts = NULL;
	int r;

	if (!bmc_verb_info(q->verb)->destructive || args_has(args, "yes"))
		return CTL_OK;
	r = cmd_util_need_terminal(q->ctl, q->hosts, "add --yes");
	if (r != CTL_OK)
		return r;
	text_add(&path, "/api/v1/hosts");
	text_add_query(&path, "hosts", q->hosts);
	r = client_list(q->ctl, text_str(&path), 0, &hosts);
	text_done(&path);
	if (r == CTL_OK)
		r = confirm_hosts(q, what, hosts);
	json_decref(hosts);
	return r;
}

static int
run(struct question *q, const struct args *args)
{
	json_t *body = json_object();
	struct error err;
	int r = cmd_util_check_collate(q->ctl, args, &err);

	if (r == 0)
		r = put_args(q, args, body, &err);

	if (r == 0 && bmc_verb_info(q->verb)->wants_reason)
		r = put_order(q, args, body, &err);
	if (r == 0 && q->verb == BMC_VERB_IDENTIFY)
		json_put_str(body, "reason", args_get(args, "reason"));
	if (r < 0)
		r = ctl_fail(q->ctl, CTL_USAGE, q->hosts, &err);
	else
		r = confirm(q, args);
	if (r == CTL_OK) {
		json_put_str(body, "hosts", q->hosts);
		r = ask(q, args, body);
	}
	json_decref(body);
	return r;
}

int
cmd_bmc(struct ctl *ctl, const struct args *args)
{
	struct question q = {
	    .ctl = ctl, .verb = verb_of(args->command), .hosts = cmd_util_selector(args)};
	int r;

	if (q.verb == BMC_VERB_SEL && args_has(args, "clear"))
		q.verb = BMC_VERB_SEL_CLEAR;
	q.blame = q.verb == BMC_VERB_SHOW && args_has(args, "blame");
	r = run(&q, args);
	free(q.hosts);
	if (q.interrupted) {
		signal(SIGINT, SIG_DFL);
		raise(SIGINT);
	}
	return r;
}
