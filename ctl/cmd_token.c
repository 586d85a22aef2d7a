/* SPDX-License-Identifier: GPL-3.0-or-later */
/* token add|list|rm: who may reach the orchestrator by TCP.
 *
 * Ownership: documents are freed here. `token add` prints the token and nothing else on stdout, so that it can be put
 * into a file; it cannot be shown again. Failure modes: exit codes of DESIGN section 8.
 */
#include <stdio.h>

#include "ctl/cmd.h"
#include "ctl/cmd_util.h"
#include "ctl/output.h"
#include "lib/json.h"
#include "lib/str.h"

/* A token that is forgotten somewhere does not open the door for ever, unless somebody says so. */
enum { EXPIRES_DAYS = 90 };

static int
body_of(const struct ctl *ctl, const struct args *args, json_t *body)
{
	const char *expires = args_get(args, "expires");
	const char *hosts = args_get(args, "max-hosts");
	struct error err;
	int64_t n = 0, us = EXPIRES_DAYS * 24 * 3600 * USEC_PER_SEC;

	json_put_str(body, "name", args->operands[0]);
	json_put_str(body, "role", args_get(args, "role"));
	json_put_str(body, "reason", args_get(args, "reason"));
	if (args_get(args, "role") == NULL)
		error_set(&err, 0, "usage", "say --role viewer, operator or admin",
		    "it is not said what the token may do");
	else if (expires != NULL && !str_eq(expires, "never") &&
		 (str_to_duration(expires, &us) < 0 || us < USEC_PER_SEC))
		error_set(&err, 0, "usage", "write 90d, 12h or never",
		    "--expires: '%s' is no duration", expires);
	else if (hosts != NULL && str_to_i64(hosts, 1, INT32_MAX, &n) < 0)
		error_set(&err, 0, "usage", "write a number from 1 on",
		    "--max-hosts: '%s' is no number of hosts", hosts);
	else {
		if (n > 0)
			json_put_i64(body, "max_hosts", n);
		if (!str_eq(expires, "never"))
			json_put_i64(body, "expires_s", us / USEC_PER_SEC);
		return CTL_OK;
	}
	return ctl_fail(ctl, CTL_USAGE, args->operands[0], &err);
}

int
cmd_token_add(struct ctl *ctl, const struct args *args)
{
	json_t *body = json_object(), *answer = NULL;
	int r = body_of(ctl, args, body);

	/* Without an Idempotency-Key: the answer is not kept anywhere, so it cannot be given again. */
	if (r == CTL_OK)
		r = client_call(ctl,
		    &(struct client_request){.method = "POST",
			.path = "/api/v1/tokens",
			.body = body,
			.subject = args->operands[0]},
		    &answer);
	if (r == CTL_OK) {
		if (ctl_is_json(ctl))
			output_object(ctl, answer);
		else
			fprintf(ctl->out, "%s\n", cmd_util_str(answer, "token"));
		const char *ends = cmd_util_str(answer, "expires");
		ctl_say(ctl, "%s: made; it %s%s; the token is not shown again",
		    args->operands[0], ends[0] ? "ends at " : "never ends", ends);
	}
	json_decref(answer);
	json_decref(body);
	return r;
}

static const struct output_column columns[] = {
    {.title = "TOKEN", .key = "name"},
    {.title = "ROLE", .key = "role"},
    {.title = "CREATED", .key = "created", .kind = OUTPUT_TIME},
    {.title = "BY", .key = "by"},
    {.title = "EXPIRES", .key = "expires", .kind = OUTPUT_TIME},
    {.title = "LAST USED", .key = "last_used", .kind = OUTPUT_TIME},
    {.title = "REVOKED", .key = "revoked", .kind = OUTPUT_TIME},
    {.title = "MAX HOSTS", .key = "max_hosts"},
};

int
cmd_token_list(struct ctl *ctl, const struct args *args UNUSED)
{
	json_t *rows = NULL;
	int r = client_list(ctl, "/api/v1/tokens", 0, &rows);

	if (r == CTL_OK)
		output_list(ctl, rows, columns, ARRAY_SIZE(columns));
	json_decref(rows);
	return r;
}

int
cmd_token_rm(struct ctl *ctl, const struct args *args)
{
	const char *name = args->operands[0];
	char *base = client_path("tokens", name, NULL);
	struct text path = {0};

	text_add(&path, base);
	text_add_query(&path, "reason", args_get(args, "reason"));
	const struct client_request rq = {
	    .method = "DELETE", .path = text_str(&path), .subject = name};
	int r = client_call(ctl, &rq, NULL);
	if (r == CTL_OK)
		ctl_say(ctl, "%s: revoked", name);
	text_done(&path);
	free(base);
	return r;
}
