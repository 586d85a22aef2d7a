// SPDX-License-Identifier: GPL-3.0-or-later
/* POST /sites/{name}/resume: sessions to a site's BMCs are opened again after too many refused the password.
 *
 * Entry point: the handler. It is the agent that stopped, so that it is asked, and the request is answered with
 * its answer. Ownership: a record per request until then. Failure modes: codes of docs/api.md;
 * nothing-to-resume when the agent has not stopped. Either way one audit row says what came of it; where it
 * cannot be written the agent is not asked. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_site.h"
#include "lib/agent_msg.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/orders.h"
#include "orchestrator/presence.h"

struct resuming {
	struct orch *o;
	struct rest_request *rq; /* NULL: the client went away */
	struct audit_who who;
	char site[64], reason[BUNDLE_REASON_SIZE];
};

static int
write_row(const struct resuming *r, const char *result)
{
	return audit_write(r->o->store, &r->who,
	    &(struct audit_row){.what = "bmc.resume",
		.object = r->site,
		.reason = r->reason,
		.result = result},
	    clock_wall());
}

static void
note_failure(const struct resuming *r, const char *code)
{
	int rc = write_row(r, code);

	if (rc < 0)
		log_error(&r->o->log,
		    "cannot write the audit row of a site that was not resumed: %s",
		    strerror(-rc));
}

static void
on_gone(void *arg)
{
	struct resuming *r = arg;

	r->rq = NULL;
}

static void
on_answer(void *arg, const struct agent_msg_call_result *res)
{
	struct resuming *r = arg;
	struct error err;

	if (res->code[0]) {
		note_failure(r, res->code);
		if (r->rq)
			rest_set_recorded(r->rq);
		error_set(&err, 0, res->code, NULL, "%s",
		    str_has_prefix(res->reason, res->code)
			? res->reason + strlen(res->code) + strlen(": ")
			: res->reason);
		if (r->rq)
			rest_problem(r->rq, 409, &err, NULL);
	} else if (r->rq) {
		json_t *v = json_pack("{s:s}", "site", r->site);

		json_object_update(v, res->data);
		rest_reply(r->rq, 200, v, NULL);
	}
	free(r);
}

static bool
may_ask(const struct resuming *r, struct error *err)
{
	int64_t version;
	int rc = db_site_version(r->o->store, r->site, &version);

	if (rc == -ENOENT)
		error_set(err, rc, "site-unknown", "netboot-ctl site list shows them",
		    "no site of that name");
	else if (rc < 0)
		db_error(store_db(r->o->store), rc, err, "read the site");
	else if (presence_absent(dispatch_silence(r->o->dispatch, r->site)))
		error_set(err, -EPERM, "agent-absent",
		    "netboot-ctl agent list shows when it was heard",
		    "the site's agent is not heard");
	else
		return true;
	return false;
}

void
api_resume_site(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct resuming *r = str_alloc(sizeof(*r));
	struct error err = {.code = ""};
	const char *reason = "";
	int rc;

	r->o = o;
	r->rq = rq;
	if (!api_allow(o, rq, &r->who)) {
		free(r);
		return;
	}
	const json_t *body = rest_body(rq, &err);
	if (!body || json_opt_str(body, "reason", &reason, &err) < 0 ||
	    orders_reason_check(reason, true, &err) < 0)
		goto refuse;
	str_clip(r->reason, sizeof(r->reason), reason);
	str_clip(r->site, sizeof(r->site), rest_param(rq, "name"));
	if (!may_ask(r, &err))
		goto refuse;
	rc = write_row(r, "ok");
	if (rc < 0) {
		db_error(store_db(o->store), rc, &err, "record the order");
		goto refuse;
	}
	rest_on_gone(rq, on_gone, r);
	dispatch_call_resume(o->dispatch, r->site, on_answer, r);
	return;
refuse:
	api_refuse(rq, &err, NULL);
	free(r);
}
