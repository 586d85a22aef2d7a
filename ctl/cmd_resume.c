/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bmc resume: sites whose BMCs are asked no more, and single BMCs that are left alone.
 *
 * Entry point: cmd_resume(). Hosts go to cmd_bmc.c like any other question; sites are resumed one by one,
 * here. Ownership: everything is freed here. Failure modes: a site that is not stopped, or whose agent is
 * not heard, is refused with the server's words, and the others are resumed all the same.
 */
#include <stdlib.h>

#include "ctl/client.h"
#include "ctl/cmd.h"
#include "ctl/cmd_util.h"
#include "ctl/output.h"
#include "lib/json.h"
#include "lib/str.h"

static int
resume_site(const struct ctl *ctl, const char *site, const char *reason)
{
	char *path = client_path("sites", site, "resume");
	json_t *body = json_object(), *answer = NULL;
	const struct client_request rq = {
	    .method = "POST", .path = path, .body = body, .subject = site};
	int r;

	json_put_str(body, "reason", reason);
	r = client_call(ctl, &rq, &answer);
	if (r == CTL_OK && ctl_is_json(ctl))
		output_json(ctl, answer);
	else if (r == CTL_OK)
		fprintf(ctl->out,
		    "%s: resumed: %lld of %lld BMCs had refused the user or password\n",
		    site,
		    (long long)json_integer_value(json_object_get(answer, "refused")),
		    (long long)json_integer_value(json_object_get(answer, "heard")));
	fflush(ctl->out);
	json_decref(answer);
	json_decref(body);
	free(path);
	return r;
}

static int
resume_all(const struct ctl *ctl, const char *reason)
{
	json_t *agents = NULL, *agent;
	struct error err;
	int r = client_list(ctl, "/api/v1/agents", 0, &agents);
	size_t i, n = 0;

	if (r != CTL_OK)
		return r;
	json_array_foreach (agents, i, agent) {
		int one;

		if (!json_is_object(json_object_get(agent, "bmc_stop")))
			continue;
		n++;
		one = resume_site(ctl, cmd_util_str(agent, "site"), reason);
		r = one != CTL_OK ? one : r;
	}
	json_decref(agents);
	if (n > 0)
		return r;
	error_set(&err, 0, "nothing-to-resume", "netboot-ctl doctor shows what is wrong",
	    "at no site are sessions to BMCs stopped");
	return ctl_fail(ctl, CTL_REFUSED, NULL, &err);
}

int
cmd_resume(struct ctl *ctl, const struct args *args)
{
	const char *site = args_get(args, "site"), *reason = args_get(args, "reason");
	bool all = args_has(args, "all"), hosts = args->n_operands > 0;
	struct error err;

	if ((site != NULL) + all + hosts != 1)
		error_set(&err, 0, "usage",
		    "netboot-ctl doctor shows which sites are stopped",
		    "bmc resume wants HOSTS, --site SITE or --all, and one of them");
	else if (reason == NULL || reason[0] == '\0')
		error_set(&err, 0, "reason-missing", "add --reason 'INC-123 ...'",
		    "bmc resume wants to know why");
	else if (hosts)
		return cmd_bmc(ctl, args);
	else
		return all ? resume_all(ctl, reason) : resume_site(ctl, site, reason);
	return ctl_fail(ctl, CTL_USAGE, NULL, &err);
}
