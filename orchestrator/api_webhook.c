// SPDX-License-Identifier: GPL-3.0-or-later
/* GET /webhooks: how they stand. POST /webhooks/{name}/test: one delivery at once, past the queue.
 *
 * Entry points: the handlers. A test is audited before it is sent, and answered when its receiver has answered or its
 * time is over. Ownership: a record per test until then. Failure modes: codes of docs/api.md. A URL is shown no further
 * than its host: what follows is often a secret. */
#include <errno.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/orders.h"

struct testing {
	struct rest_request *rq; /* NULL: the client went away */
	char name[64];
};

void
api_webhook_list(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct error err;

	if (!api_allow(o, rq, &who))
		return;
	json_t *items = webhook_json(o->webhook);
	if (items) {
		rest_reply(
		    rq, 200, json_pack("{s:o, s:n}", "items", items, "next"), NULL);
		return;
	}
	error_set(&err, 0, "db-error",
	    "netboot-ctl doctor says what is wrong with the database",
	    "the webhooks' queues cannot be read");
	api_refuse(rq, &err, NULL);
}

static void
on_gone(void *arg)
{
	struct testing *t = arg;

	t->rq = NULL;
}

static void
on_result(void *arg, const struct webhook_result *r)
{
	struct testing *t = arg;

	if (t->rq)
		rest_reply(t->rq, 200,
		    json_pack("{s:s, s:s, s:s, s:b, s:i, s:s, s:I}", "webhook", t->name,
			"to", r->to, "id", r->id, "ok", !r->error[0], "status", r->status,
			"error", r->error, "took_us", (json_int_t)r->us),
		    NULL);
	free(t);
}

static int
write_row(struct orch *o, const struct audit_who *who, const char *name,
    const char *reason, const char *result)
{
	return audit_write(o->store, who,
	    &(struct audit_row){.what = "webhook.test",
		.object = name,
		.reason = reason,
		.result = result},
	    clock_wall());
}

static bool
known(struct orch *o, const char *name)
{
	for (unsigned i = 0; i < o->config->n_webhooks; i++)
		if (str_eq(o->config->webhooks[i].name, name))
			return true;
	return false;
}

static void
refuse_busy(struct rest_request *rq)
{
	struct error err;

	error_set(&err, -EBUSY, "webhook-busy", "try again in a moment",
	    "a test of this webhook is under way");
	api_refuse(rq, &err, NULL);
}

void
api_webhook_test(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct error err = {.code = ""};
	const char *reason = "", *name = rest_param(rq, "name");

	if (!api_allow(o, rq, &who))
		return;
	const json_t *body = rest_body(rq, &err);
	if (!body || json_opt_str(body, "reason", &reason, &err) < 0 ||
	    orders_reason_check(reason, false, &err) < 0) {
		api_refuse(rq, &err, NULL);
		return;
	}
	if (!known(o, name)) {
		error_set(&err, -ENOENT, "webhook-unknown",
		    "netboot-ctl webhook list shows them", "no webhook of that name");
		rest_problem(rq, 404, &err, NULL);
		return;
	}
	if (webhook_testing(o->webhook, name)) {
		refuse_busy(rq);
		return;
	}
	int rc = write_row(o, &who, name, reason, "ok");
	if (rc < 0) {
		api_failed(o, rq, rc, "record the test");
		return;
	}
	struct testing *t = str_alloc(sizeof(*t));
	t->rq = rq;
	str_clip(t->name, sizeof(t->name), name);
	rest_on_gone(rq, on_gone, t);
	if (webhook_test(o->webhook, name, who.name, on_result, t) == 0)
		return;
	rest_on_gone(rq, NULL, NULL);
	free(t);
	refuse_busy(rq);
}
