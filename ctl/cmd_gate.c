/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gate check: health gates tried on hosts by hand, as a schedule or rollout will ask them.
 *
 * Entry point: cmd_gate_check(). Checks are judged here before anything is sent. Ownership: everything lives until it returns.
 * Failure modes: a host at which a check does not hold ends the command with 2.
 */
#include <signal.h>
#include <stdlib.h>

#include "ctl/client.h"
#include "ctl/cmd.h"
#include "ctl/cmd_util.h"
#include "ctl/host_answers.h"
#include "lib/gate_check.h"
#include "lib/json.h"
#include "lib/str.h"

/* A line for each check, as the last round found it. */
static void
view(void *arg UNUSED, const json_t *row, struct text *out)
{
	const json_t *checks = json_object_get(json_object_get(row, "data"), "checks"),
		     *check;
	size_t i;

	json_array_foreach (checks, i, check) {
		const char *why = cmd_util_str(check, "why");

		text_addf(out, "%s%s ", i > 0 ? "\n" : "",
		    json_is_true(json_object_get(check, "ok")) ? "ok" : "NO");
		text_add_escaped(out, cmd_util_str(check, "check"));
		text_add(out, why[0] != '\0' ? ": " : "");
		text_add_escaped(out, why);
	}
	if (json_array_size(checks) == 0)
		text_add(out, cmd_util_str(row, "code")[0] != '\0' ? "not asked" : "ok");
}

static int
put_checks(const struct args *args, json_t *body, struct error *err)
{
	json_t *list = json_array();
	struct gate_check check;
	size_t pos = 0;
	const char *s;
	int r = 0;

	while (r == 0 && (s = args_next(args, "gate", &pos)) != NULL) {
		json_array_append_new(list, json_string(s));
		r = gate_check_parse(s, &check, err);
		if (r < 0)
			error_prefix(err, "--gate");
	}
	if (r == 0 && json_array_size(list) == 0)
		r = error_set(err, -1, "usage", "add --gate tcp:22", "no check is given");
	json_put(body, "checks", list);
	return r;
}

static int
put_timeout(const struct args *args, json_t *body, struct error *err)
{
	const char *s = args_get(args, "gate-timeout");
	int64_t us;

	if (s == NULL)
		return 0;
	if (str_to_duration(s, &us) < 0 || us < USEC_PER_SEC ||
	    us > GATE_CHECK_TIMEOUT_MAX_S * USEC_PER_SEC)
		return error_set(err, -1, "usage", "write --gate-timeout 2m",
		    "--gate-timeout: '%s' is no duration from 1s to %ds", s,
		    GATE_CHECK_TIMEOUT_MAX_S);
	json_put_i64(body, "timeout_s", us / USEC_PER_SEC);
	return 0;
}

int
cmd_gate_check(struct ctl *ctl, const struct args *args)
{
	json_t *body = json_object();
	char *hosts = cmd_util_selector(args),
	     *path = client_path("gates", "check", NULL);
	const struct host_answers_opts o = {.ctl = ctl,
	    .path = path,
	    .hosts = hosts,
	    .collate = args_has(args, "collate"),
	    .view = view,
	    .lost = "answer-lost: the server went away before it was told: ask again"};
	bool interrupted = false;
	struct error err;
	int r = cmd_util_check_collate(ctl, args, &err);

	if (r == 0)
		r = put_checks(args, body, &err);
	if (r == 0)
		r = put_timeout(args, body, &err);
	json_put_str(body, "hosts", hosts);
	json_put_str(body, "reason", args_get(args, "reason"));
	r = r < 0 ? ctl_fail(ctl, CTL_USAGE, hosts, &err)
		  : host_answers_run(&o, body, &interrupted);
	json_decref(body);
	free(hosts);
	free(path);
	if (interrupted) {
		signal(SIGINT, SIG_DFL);
		raise(SIGINT);
	}
	return r;
}
