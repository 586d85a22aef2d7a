// SPDX-License-Identifier: GPL-3.0-or-later
/* POST /power: asks the BMCs of hosts through their agents, all at once.
 *
 * An asking owns its rows until the last answer is in; each row waits for one call. No call takes
 * longer than ANSWER_US. Failure modes: what cannot be asked is "unknown" with a reason, never a
 * guess and never what was last seen. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_host.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/presence.h"

enum { HOSTS_MAX = 1000, ANSWER_US = 30 * 1000 * 1000 };

struct asking {
	struct rest_request *rq; /* NULL: the client went away */
	json_t *items;
	size_t left;
};

struct row {
	struct asking *a;
	json_t *item; /* borrowed from items */
};

static void
finish(struct asking *a)
{
	if (--a->left > 0)
		return;
	json_t *answer = json_pack("{s:o, s:n}", "items", a->items, "next");
	if (a->rq)
		rest_reply(a->rq, 200, answer, NULL);
	else
		json_decref(answer);
	free(a);
}

static void
set(json_t *item, const char *power, const char *why)
{
	json_object_set_new(item, "power", json_string(power));
	json_object_set_new(item, "why", json_string(why));
}

static void
on_answer(void *arg, const char *power, const char *reason)
{
	struct row *row = arg;

	set(row->item, power, reason);
	finish(row->a);
	free(row);
}

static void
on_gone(void *arg)
{
	struct asking *a = arg;

	a->rq = NULL;
}

static void
ask(struct orch *o, struct asking *a, const char *name)
{
	struct db_host *h = str_alloc(sizeof(*h));
	json_t *item = json_pack("{s:s}", "host", name);
	int rc = db_host_get(o->store, name, h);

	json_array_append_new(a->items, item);
	if (rc < 0) {
		set(item, "unknown", "the host's record cannot be read");
	} else if (h->bmc.address[0] == '\0') {
		set(item, "unknown", "no-bmc: the host has no BMC");
	} else if (presence_absent(dispatch_silence(o->dispatch, h->site))) {
		set(item, "unknown", "agent-absent: the site's agent is not heard");
	} else {
		struct row *row = str_alloc(sizeof(*row));
		row->a = a;
		row->item = item;
		a->left++;
		dispatch_call_power(o->dispatch, h, ANSWER_US, on_answer, row);
		dispatch_wake(o->dispatch, h->site);
	}
	free(h);
}

void
api_power_ask(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct error err = {.code = ""};
	struct store_names names = {0};
	const char *selector = NULL;

	if (!api_allow(o, rq, &who))
		return;
	const json_t *body = rest_body(rq, &err);
	if (!body || json_get_str(body, "hosts", &selector, &err) < 0) {
		api_refuse(rq, &err, NULL);
		return;
	}
	if (!api_select(o, rq, selector, &names))
		return;
	if (names.n > HOSTS_MAX) {
		error_set(&err, 0, "too-many-hosts", "name fewer",
		    "%zu hosts match, at most %d are asked at once", names.n, HOSTS_MAX);
		api_refuse(rq, &err, NULL);
		store_names_done(&names);
		return;
	}
	struct asking *a = str_alloc(sizeof(*a));
	a->rq = rq;
	a->items = json_array();
	a->left = 1; /* until all are asked */
	rest_on_gone(rq, on_gone, a);
	for (size_t i = 0; i < names.n; i++)
		ask(o, a, names.v[i]);
	store_names_done(&names);
	finish(a);
}
