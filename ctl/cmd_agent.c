/* SPDX-License-Identifier: GPL-3.0-or-later */
/* agent show|enroll|revoke: which agents may come from afar. (agent list is in cmd_status.c.)
 *
 * Ownership: documents are freed here. `agent enroll` prints the secret and nothing else on stdout, so that it can be put
 * into a file or a pipe; it cannot be shown again. Failure modes: exit codes of DESIGN section 8.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ctl/cmd.h"
#include "ctl/cmd_util.h"
#include "ctl/output.h"
#include "lib/json.h"
#include "lib/str.h"

static int
post(struct ctl *ctl, const char *site, const char *verb, json_t *body, json_t **ret)
{
	char *path = client_path("agents", site, verb);
	/* Without an Idempotency-Key: a secret is not kept anywhere, so it cannot be given again. */
	int r = client_call(ctl,
	    &(struct client_request){
		.method = "POST", .path = path, .body = body, .subject = site},
	    ret);

	free(path);
	return r;
}

/* ---- enroll ---- */

static void
say_what_next(const struct ctl *ctl, const json_t *answer)
{
	ctl_say(ctl,
	    "%s: made; it is good once, until %s; at the site: netboot-agent enroll "
	    "https://THIS_SERVER:PORT --secret-file FILE",
	    cmd_util_str(answer, "site"), cmd_util_str(answer, "expires"));
}

int
cmd_agent_enroll(struct ctl *ctl, const struct args *args)
{
	const char *site = args->operands[0], *expires = args_get(args, "expires");
	json_t *body = json_object(), *answer = NULL;
	struct error err;
	int64_t us = 0;
	int r = CTL_OK;

	json_put_str(body, "reason", args_get(args, "reason"));
	if (expires != NULL && (str_to_duration(expires, &us) < 0 || us < USEC_PER_SEC)) {
		error_set(&err, 0, "usage", "write 24h or 7d",
		    "--expires: '%s' is no duration", expires);
		r = ctl_fail(ctl, CTL_USAGE, site, &err);
	}
	if (us > 0)
		json_put_i64(body, "expires_s", us / USEC_PER_SEC);
	if (r == CTL_OK)
		r = post(ctl, site, "enroll", body, &answer);
	if (r == CTL_OK) {
		if (ctl_is_json(ctl))
			output_object(ctl, answer);
		else
			fprintf(ctl->out, "%s\n", cmd_util_str(answer, "secret"));
		say_what_next(ctl, answer);
	}
	json_decref(answer);
	json_decref(body);
	return r;
}

/* ---- show ---- */

static void
cell_revoked(const json_t *cert, struct text *out)
{
	const json_t *r = json_object_get(cert, "revoked");

	if (json_is_object(r))
		text_addf(out, "%s by %s: %s", cmd_util_str(r, "at"),
		    cmd_util_str(r, "by"), cmd_util_str(r, "reason"));
}

static const struct output_column cert_columns[] = {
    {.title = "CERTIFICATE", .key = "serial"},
    {.title = "STATE", .key = "state"},
    {.title = "ISSUED", .key = "issued", .kind = OUTPUT_TIME},
    {.title = "BY", .key = "by"},
    {.title = "ENDS", .key = "ends", .kind = OUTPUT_TIME},
    {.title = "LAST SEEN", .key = "last_seen", .kind = OUTPUT_TIME},
    {.title = "FROM", .key = "from"},
    {.title = "REVOKED", .cell = cell_revoked},
};

static const struct output_column secret_columns[] = {
    {.title = "SECRET OF", .key = "created", .kind = OUTPUT_TIME},
    {.title = "BY", .key = "by"},
    {.title = "STATE", .key = "state"},
    {.title = "EXPIRES", .key = "expires", .kind = OUTPUT_TIME},
    {.title = "USED", .key = "used", .kind = OUTPUT_TIME},
    {.title = "FROM", .key = "from"},
};

int
cmd_agent_show(struct ctl *ctl, const struct args *args)
{
	char *path = client_path("agents", args->operands[0], NULL);
	json_t *v = NULL;
	int r = client_get(ctl, path, &v);

	free(path);
	if (r == CTL_OK && ctl_is_json(ctl)) {
		output_object(ctl, v);
	} else if (r == CTL_OK) {
		const json_t *secrets = json_object_get(v, "secrets");
		const char *agent = cmd_util_str(v, "agent");
		const char *seen = cmd_util_str(v, "last_seen");

		fprintf(ctl->out, "site %s, agent %s, last seen %s\n",
		    cmd_util_str(v, "site"), agent[0] ? agent : "none yet",
		    seen[0] ? seen : "never");
		output_list(ctl, json_object_get(v, "certificates"), cert_columns,
		    ARRAY_SIZE(cert_columns));
		if (json_array_size(secrets) > 0)
			output_list(
			    ctl, secrets, secret_columns, ARRAY_SIZE(secret_columns));
	}
	json_decref(v);
	return r;
}

/* ---- revoke ---- */

int
cmd_agent_revoke(struct ctl *ctl, const struct args *args)
{
	const char *site = args->operands[0];
	json_t *body = json_object(), *answer = NULL;

	json_put_str(body, "reason", args_get(args, "reason"));
	json_put_str(body, "serial", args_get(args, "serial"));
	int r = post(ctl, site, "revoke", body, &answer);
	if (r == CTL_OK) {
		if (ctl_is_json(ctl))
			output_object(ctl, answer);
		ctl_say(ctl, "%s: certificates revoked: %zu", site,
		    json_array_size(json_object_get(answer, "revoked")));
	}
	json_decref(answer);
	json_decref(body);
	return r;
}
