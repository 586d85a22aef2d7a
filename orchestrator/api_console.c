// SPDX-License-Identifier: GPL-3.0-or-later
/* Recordings of consoles: pieces from agents, whole ones to people.
 *
 * Entry points: the handlers. Failure modes: codes of docs/api.md. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base64.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/api.h"

/* {"v":1, "site", "agent", "boot", "offset", "data"}: the answer says what is held. */
void
api_console_take(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct error err = {.code = ""};
	const char *site = "", *boot = "", *text = "";
	uint8_t *data = NULL;
	size_t len = 0;
	int64_t offset = 0, held = 0;

	if (!api_allow_agent(o, rq))
		return;
	const json_t *v = rest_body(rq, &err);
	int rc = !v || json_get_str(v, "site", &site, &err) < 0 ||
			 json_get_str(v, "boot", &boot, &err) < 0 ||
			 json_get_i64(v, "offset", &offset, &err) < 0 ||
			 json_get_str(v, "data", &text, &err) < 0
		     ? -EINVAL
		     : 0;
	if (rc == 0 && (!id_valid(boot) || !str_name_valid(site)))
		rc = error_set(&err, -EINVAL, "bad-value", NULL, "not a boot at a site");
	if (rc == 0) {
		data = str_alloc(CONSOLE_STORE_PIECE_MAX);
		if (base64_get(text, data, CONSOLE_STORE_PIECE_MAX, &len) < 0)
			rc = error_set(
			    &err, -EINVAL, "bad-value", NULL, "data: not base64");
	}
	if (rc == 0)
		rc = console_store_add(
		    o->consoles, site, boot, offset, data, len, &held, &err);
	free(data);
	if (rc == 0)
		rest_reply(rq, 200,
		    json_pack("{s:i, s:I}", "v", 1, "held", (json_int_t)held), NULL);
	else
		rest_problem(rq, rc == -EINVAL ? 400 : 503, &err, NULL);
}

json_t *
api_console_json(struct orch *o, const char *boot)
{
	struct db_console row;
	char began[CLOCK_TEXT_SIZE], last[CLOCK_TEXT_SIZE];

	if (db_console_get(o->store, boot, &row) < 0)
		return json_null();
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:b, s:b}", "began",
	    clock_text(row.began, began, sizeof(began)), "last",
	    clock_text(row.last, last, sizeof(last)), "size", (json_int_t)row.size,
	    "octets", (json_int_t)row.octets, "gaps", (json_int_t)row.gaps, "truncated",
	    row.truncated, "ended", row.ended);
}

static void
refuse_unknown(struct rest_request *rq)
{
	struct error err;

	error_set(&err, 0, "console-unknown",
	    "netboot-ctl trace BOOT shows whether it was recorded",
	    "no console recording of that boot is held");
	rest_problem(rq, 404, &err, NULL);
}

static void
reply(struct orch *o, struct rest_request *rq, const char *boot)
{
	struct db_console row;
	int rc = db_console_get(o->store, boot, &row);
	int fd = rc < 0 ? rc : console_store_open(o->consoles, &row);

	if (fd == -ENOENT)
		refuse_unknown(rq);
	else if (fd < 0)
		api_failed(o, rq, fd, "read the recording");
	else
		rest_reply_file(rq, fd, row.size, "application/vnd.netboot.console");
}

void
api_console_get(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;

	if (api_allow(o, rq, &who))
		reply(o, rq, rest_param(rq, "id"));
}

/* The newest one of a host. */
void
api_console_newest(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	char boot[ID_SIZE];

	if (!api_allow(o, rq, &who))
		return;
	if (db_console_newest(o->store, rest_param(rq, "name"), boot) < 0)
		refuse_unknown(rq);
	else
		reply(o, rq, boot);
}
