// SPDX-License-Identifier: GPL-3.0-or-later
/* POST /apply and GET /export: the inventory as one document.
 *
 * Entry points: the two handlers. Applying is api_change.c's with the whole document; an export is
 * what would apply as "same" everywhere, without secrets. The handlers own nothing once they returned.
 * Failure modes: codes of docs/api.md; a document with any error changes nothing. */
#include <errno.h>

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
	struct api_change_request ch = {.whole = true, .reason = ""};
	json_t *document = NULL;

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
	if (!document) {
		error_set(&err, -EINVAL, "bad-value", NULL, "document: missing");
		api_refuse(rq, &err, NULL);
		return;
	}
	if (api_repeated(o, rq, &who))
		return;
	ch.document = json_incref(document);
	api_change(o, rq, &who, &ch);
}

void
api_apply_export(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct error err = {.code = ""};

	if (!api_allow(o, rq, &who))
		return;
	json_t *v = inventory_export(o->store, &err);
	if (v)
		rest_reply(rq, 200, v, NULL);
	else
		api_refuse(rq, &err, NULL);
}
