// SPDX-License-Identifier: GPL-3.0-or-later
/* POST /apply and GET /export: the inventory as one document.
 *
 * Entry points: the two handlers. Applying is api_change.c's with the whole document; an export is
 * what would apply as "same" everywhere, without secrets, read in a thread since it is the whole inventory; an
 * export under way is its own until it answers.
 * Failure modes: codes of docs/api.md; a document with any error changes nothing. */
#include <errno.h>
#include <stdlib.h>

#include "db/store.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/inventory.h"
#include "orchestrator/orders.h"

void
api_apply_post(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct error err = {.code = ""};
	struct api_change_request ch = {.reason = ""};
	json_t *document = NULL, *schedules = NULL;

	if (!api_allow(o, rq, &who))
		return;
	const json_t *body = rest_body(rq, &err);
	if (!body || json_opt_obj(body, "document", &document, &err) < 0 ||
	    json_opt_bool(body, "dry_run", &ch.dry_run, &err) < 0 ||
	    json_opt_str(body, "reason", &ch.reason, &err) < 0 ||
	    orders_reason_check(ch.reason, false, &err) < 0) {
		api_refuse(rq, &err, NULL);
		return;
	}
	if (json_opt_arr(document, "schedules", &schedules, &err) < 0) {
		api_refuse(rq, &err, NULL);
		return;
	}
	if (!document) {
		error_set(&err, -EINVAL, "bad-value", NULL, "document: missing");
		api_refuse(rq, &err, NULL);
		return;
	}
	if (api_repeated(o, rq, &who))
		return;
	/* They are read and written by others than the rest. */
	ch.document = json_copy(document);
	ch.schedules = json_incref(schedules);
	json_object_del(ch.document, "schedules");
	api_change(o, rq, &who, &ch);
}

struct export
{
	struct rest_request *rq; /* NULL: the client went away */
	const char *database;	 /* borrowed from the configuration */
	json_t *document;
	struct error err;
};

/* In a thread: touches only the export. */
static void
run_export(void *arg)
{
	struct export *x = arg;
	struct store *s = NULL;

	if (store_open_reader(x->database, &s, &x->err) == 0)
		x->document = inventory_export(s, &x->err);
	store_close(s);
}

static void
export_done(void *arg)
{
	struct export *x = arg;

	if (!x->rq)
		json_decref(x->document);
	else if (x->document)
		rest_reply(x->rq, 200, x->document, NULL);
	else
		api_refuse(x->rq, &x->err, NULL);
	free(x);
}

static void
on_gone(void *arg)
{
	struct export *x = arg;

	x->rq = NULL;
}

void
api_apply_export(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;

	if (!api_allow(o, rq, &who))
		return;
	struct export *x = str_alloc(sizeof(*x));
	x->rq = rq;
	x->database = o->config->database;
	error_set(
	    &x->err, 0, "busy", "try again in a moment", "too much waits to be read");
	if (workq_submit(o->reads, run_export, export_done, x) == 0) {
		rest_on_gone(rq, on_gone, x);
		return;
	}
	api_refuse(rq, &x->err, NULL);
	free(x);
}
