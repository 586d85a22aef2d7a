// SPDX-License-Identifier: GPL-3.0-or-later
/* GET /drills: what drills have found.
 *
 * Entry points: the two handlers. Read only; the handlers own nothing once they returned.
 * Failure modes: codes of docs/api.md. */
#include <errno.h>

#include "db/db_drill.h"
#include "lib/json.h"
#include "orchestrator/api.h"
#include "orchestrator/drills.h"

static const char *
filter(struct rest_request *rq, const char *key)
{
	const char *value = rest_query(rq, key);

	return value && value[0] ? value : NULL;
}

void
api_drill_list(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct store_names ids = {0};
	const char *cursor;
	int64_t limit;

	if (!api_allow(o, rq, &who) || !api_page(rq, &limit, &cursor))
		return;
	int rc = db_drill_ids(o->store, filter(rq, "site"), filter(rq, "schedule"),
	    cursor, limit + 1, &ids);
	json_t *items = json_array();
	for (size_t i = 0; rc == 0 && i < ids.n; i++) {
		json_t *v = NULL;
		rc = drills_json(o->store, ids.v[i], &v);
		if (rc == 0)
			json_array_append_new(items, v);
	}
	store_names_done(&ids);
	if (rc == 0) {
		api_reply_page(rq, items, limit, "id");
	} else {
		json_decref(items);
		api_failed(o, rq, rc, "read the drills");
	}
}

void
api_drill_get(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct error err;
	json_t *v = NULL;

	if (!api_allow(o, rq, &who))
		return;
	int rc = drills_json(o->store, rest_param(rq, "id"), &v);
	if (rc == -ENOENT) {
		error_set(&err, 0, "drill-unknown", "netboot-ctl drill list shows them",
		    "no report of such a drill");
		rest_problem(rq, 404, &err, NULL);
	} else if (rc < 0) {
		api_failed(o, rq, rc, "read the drill");
	} else {
		rest_reply(rq, 200, v, NULL);
	}
}
