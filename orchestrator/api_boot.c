// SPDX-License-Identifier: GPL-3.0-or-later
/* GET /boots: observed boots, with their stages and transfers.
 *
 * Entry points: the two handlers. Read only. The stages are those whose events named this boot, and
 * those that led to it; the
 * transfers are read from the events themselves, of which the boot's index makes a short list.
 * The handlers own nothing once they returned.
 * Failure modes: codes of docs/api.md. */
#include <errno.h>
#include <string.h>

#include "db/db_boot.h"
#include "db/db_event.h"
#include "db/db_job.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/job_json.h"

enum { TRANSFERS_MAX = 1000 };

void
api_boot_list(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct store_names ids = {0};
	const char *cursor, *host = rest_query(rq, "host");
	struct db_boot boot;
	int64_t limit;

	if (!api_allow(o, rq, &who) || !api_page(rq, &limit, &cursor))
		return;
	int rc =
	    db_boot_ids(o->store, host && host[0] ? host : NULL, cursor, limit + 1, &ids);
	json_t *items = json_array();
	for (size_t i = 0; rc == 0 && i < ids.n; i++) {
		rc = db_boot_get(o->store, ids.v[i], &boot);
		if (rc == 0)
			json_array_append_new(items, job_json_boot(&boot));
	}
	store_names_done(&ids);
	if (rc == 0) {
		api_reply_page(rq, items, limit, "id");
	} else {
		json_decref(items);
		api_failed(o, rq, rc, "read the boots");
	}
}

static void
add_stage(void *arg, const struct db_job_stage *stage)
{
	json_array_append_new(arg, job_json_stage(stage));
}

/* The ends of transfers, good and bad. */
static int
add_transfer(void *arg, int64_t seq, const struct event *ev)
{
	char at[CLOCK_TEXT_SIZE];

	(void)seq;
	if (!str_eq(ev->kind, "http.end") && !str_eq(ev->kind, "http.error") &&
	    !str_eq(ev->kind, "tftp.end") && !str_eq(ev->kind, "tftp.error"))
		return 0;
	json_t *v = json_pack("{s:s, s:s, s:s}", "at", clock_text(ev->at, at, sizeof(at)),
	    "kind", ev->kind, "file", ev->file);
	json_put_str(v, "ip", ev->ip);
	if (ev->bytes >= 0)
		json_put_i64(v, "bytes", ev->bytes);
	if (ev->total >= 0)
		json_put_i64(v, "total", ev->total);
	json_put_str(v, "reason", ev->reason);
	json_array_append_new(arg, v);
	return json_array_size(arg) >= TRANSFERS_MAX;
}

void
api_boot_get(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	const char *id = rest_param(rq, "id");
	struct db_boot boot;
	struct error err;

	if (!api_allow(o, rq, &who))
		return;
	int rc = db_boot_get(o->store, id, &boot);
	if (rc == -ENOENT) {
		error_set(&err, 0, "boot-unknown", "netboot-ctl history shows them",
		    "no such boot");
		rest_problem(rq, 404, &err, NULL);
		return;
	}
	json_t *stages = json_array(), *transfers = json_array();
	const struct db_event_filter f = {.boot = id, .limit = INT64_MAX};
	if (rc == 0)
		rc = db_job_stages_of_boot(
		    o->store, id, boot.job, boot.attempt, add_stage, stages);
	if (rc == 0)
		rc = db_event_list(o->store, &f, add_transfer, transfers);
	if (rc < 0) {
		json_decref(stages);
		json_decref(transfers);
		api_failed(o, rq, rc, "read the boot");
		return;
	}
	json_t *v = job_json_boot(&boot);
	json_put(v, "stages", stages);
	json_put(v, "transfers", transfers);
	json_put(v, "console", api_console_json(o, id));
	rest_reply(rq, 200, v, NULL);
}
