// SPDX-License-Identifier: GPL-3.0-or-later
/* GET /boots: observed boots, with their stages and transfers.
 *
 * Entry points: the two handlers, and api_boot_read(). Read only. The stages are those whose events named this boot, and
 * those that led to it. Nothing is read from events, which are thinned out: the record is whole without them.
 * The handlers own nothing once they returned.
 * Failure modes: codes of docs/api.md. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_boot.h"
#include "db/db_job.h"
#include "db/db_transfer.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/job_json.h"

/* A record is large, with its files: more of them at once would hold the loop. `next` leads on. */
enum { PAGE_MAX = 200 };

int
api_boot_read(struct store *s, const char *id, struct db_boot *boot, json_t **ret)
{
	char *files = NULL;
	int rc = db_boot_get(s, id, boot);

	if (rc == 0)
		rc = db_boot_files(s, id, &files);
	if (rc == 0)
		*ret = job_json_boot(boot, files);
	free(files);
	return rc;
}

void
api_boot_list(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct store_names ids = {0};
	const char *cursor, *host = rest_query(rq, "host");
	struct db_boot boot;
	struct error err;
	int64_t limit, flags;

	if (!api_allow(o, rq, &who) || !api_page(rq, &limit, &cursor))
		return;
	if (cursor && db_boot_flags(o->store, cursor, &flags) == -ENOENT) {
		error_set(&err, 0, "cursor-unknown", "read the list from its beginning",
		    "the boot after which the page begins is not kept any more");
		rest_problem(rq, 404, &err, NULL);
		return;
	}
	limit = limit > PAGE_MAX ? PAGE_MAX : limit;
	int rc =
	    db_boot_ids(o->store, host && host[0] ? host : NULL, cursor, limit + 1, &ids);
	json_t *items = json_array();
	for (size_t i = 0; rc == 0 && i < ids.n; i++) {
		json_t *v = NULL;
		rc = api_boot_read(o->store, ids.v[i], &boot, &v);
		if (rc == 0)
			json_array_append_new(items, v);
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

static void
add_transfer(void *arg, const struct db_transfer *transfer)
{
	json_array_append_new(arg, job_json_transfer(transfer));
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
	json_t *v = NULL;
	int rc = api_boot_read(o->store, id, &boot, &v);
	if (rc == -ENOENT) {
		error_set(&err, 0, "boot-unknown", "netboot-ctl history shows them",
		    "no such boot");
		rest_problem(rq, 404, &err, NULL);
		return;
	}
	json_t *stages = json_array(), *transfers = json_array();
	if (rc == 0)
		rc = db_job_stages_of_boot(
		    o->store, id, boot.job, boot.attempt, add_stage, stages);
	if (rc == 0)
		rc = db_transfer_list(o->store, id, add_transfer, transfers);
	if (rc < 0) {
		json_decref(v);
		json_decref(stages);
		json_decref(transfers);
		api_failed(o, rq, rc, "read the boot");
		return;
	}
	json_put(v, "stages", stages);
	json_put(v, "transfers", transfers);
	json_put(v, "console", api_console_json(o, &boot));
	rest_reply(rq, 200, v, NULL);
}
