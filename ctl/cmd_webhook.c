/* SPDX-License-Identifier: GPL-3.0-or-later */
/* webhook list and test.
 *
 * Entry points: cmd_webhook_list(), cmd_webhook_test(). Ownership: everything is freed here. Failure modes: a test that
 * its receiver did not take ends with 2, and says why on standard error.
 */
#include <stdlib.h>

#include "ctl/client.h"
#include "ctl/cmd.h"
#include "ctl/cmd_util.h"
#include "ctl/output.h"
#include "lib/json.h"
#include "lib/str.h"

static const struct output_column columns[] = {
    {.title = "WEBHOOK", .key = "name"},
    {.title = "TO", .key = "to"},
    {.title = "ON", .key = "on", .wide = true},
    {.title = "FORMAT", .key = "format", .wide = true},
    {.title = "SIGNED", .key = "signed", .wide = true},
    {.title = "STATE", .key = "state"},
    {.title = "QUEUED", .key = "queued"},
    {.title = "DELIVERED", .key = "delivered", .wide = true},
    {.title = "GAVE UP", .key = "gave_up"},
    {.title = "DROPPED", .key = "dropped"},
    {.title = "LAST OK", .key = "last_ok", .kind = OUTPUT_TIME},
    {.title = "LAST FAILED", .key = "last_failed", .kind = OUTPUT_TIME},
    {.title = "LAST ERROR", .key = "last_error"},
};

int
cmd_webhook_list(struct ctl *ctl, const struct args *args UNUSED)
{
	json_t *rows = NULL;
	int r = client_list(ctl, "/api/v1/webhooks", 0, &rows);

	if (r != CTL_OK)
		return r;
	output_list(ctl, rows, columns, ARRAY_SIZE(columns));
	json_decref(rows);
	return CTL_OK;
}

static int
not_taken(const struct ctl *ctl, const char *name, const json_t *answer)
{
	struct error err;

	error_set(&err, 0, "webhook-not-taken",
	    "look at the receiver, and at url and secret_file in orchestrator.yaml",
	    "%s: %s", cmd_util_str(answer, "to"), cmd_util_str(answer, "error"));
	return ctl_fail(ctl, CTL_FAILED, name, &err);
}

int
cmd_webhook_test(struct ctl *ctl, const struct args *args)
{
	const char *name = args->operands[0], *reason = args_get(args, "reason");
	char *path = client_path("webhooks", name, "test");
	json_t *body = json_object(), *answer = NULL;
	const struct client_request rq = {
	    .method = "POST", .path = path, .body = body, .slow = true, .subject = name};
	int r;

	json_put_str(body, "reason", reason);
	r = client_call(ctl, &rq, &answer);
	bool ok = json_is_true(json_object_get(answer, "ok"));
	if (r == CTL_OK && ctl_is_json(ctl))
		output_json(ctl, answer);
	else if (r == CTL_OK && ok)
		fprintf(ctl->out, "%s: %s took it: %lld in %lld ms\n", name,
		    cmd_util_str(answer, "to"),
		    (long long)json_integer_value(json_object_get(answer, "status")),
		    (long long)json_integer_value(json_object_get(answer, "took_us")) /
			1000);
	fflush(ctl->out);
	if (r == CTL_OK && !ok)
		r = not_taken(ctl, name, answer);
	json_decref(answer);
	json_decref(body);
	free(path);
	return r;
}
