// SPDX-License-Identifier: GPL-3.0-or-later
/* Rollouts: the list, one, its hosts, and what is done to them. api_rollout_add.c orders new ones.
 *
 * Each handler answers its request and owns nothing after that. Failure modes: codes of docs/api.md; a verb that is refused changes
 * nothing, and leaves one audit row. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/orders.h"
#include "orchestrator/rollout_json.h"
#include "orchestrator/rollouts.h"
#include "orchestrator/strset.h"

static void
unknown(struct rest_request *rq, const char *id)
{
	struct error err;
	char shown[40];

	error_set(&err, 0, "rollout-unknown", "netboot-ctl rollout list shows them",
	    "no rollout %s", str_escape(shown, sizeof(shown), id, strlen(id)));
	rest_problem(rq, 404, &err, NULL);
}

/* The caller runs db_rollout_done(); false with the answer given. */
static bool
find(struct orch *o, struct rest_request *rq, struct db_rollout *ret)
{
	const char *id = rest_param(rq, "id");
	int rc = db_rollout_get(o->store, id, ret);

	if (rc == -ENOENT)
		unknown(rq, id);
	else if (rc < 0)
		api_failed(o, rq, rc, "read the rollout");
	return rc == 0;
}

static void
reply(struct orch *o, struct rest_request *rq, const struct db_rollout *row)
{
	json_t *v = NULL;
	int rc = rollout_json(o->store, row, &v);

	if (rc == 0)
		rest_reply(rq, 200, v, NULL);
	else
		api_failed(o, rq, rc, "read the rollout");
}

void
api_rollout_get(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct db_rollout row;

	if (!api_allow(o, rq, &who) || !find(o, rq, &row))
		return;
	reply(o, rq, &row);
	db_rollout_done(&row);
}

static int
add_one(struct orch *o, const char *id, json_t *items)
{
	struct db_rollout row;
	json_t *v = NULL;
	int rc = db_rollout_get(o->store, id, &row);

	if (rc < 0)
		return rc;
	rc = rollout_json(o->store, &row, &v);
	db_rollout_done(&row);
	if (rc == 0)
		json_array_append_new(items, v);
	return rc;
}

static bool
state_valid(struct rest_request *rq, const char *state, bool host)
{
	enum db_rollout_state s;
	enum db_rollout_host_state h;
	struct error err;

	if (!state || (host ? db_rollout_host_state_parse(state, &h)
			    : db_rollout_state_parse(state, &s)) == 0)
		return true;
	error_set(&err, 0, "bad-value", NULL,
	    host ? "state: not waiting, gate-before, job, gate-after, soak, ok, failed, "
		   "skipped, deferred or lost"
		 : "state: not waiting-approval, planned, running, paused, halted, done "
		   "or "
		   "aborted");
	api_refuse(rq, &err, NULL);
	return false;
}

static const char *
query(struct rest_request *rq, const char *key)
{
	const char *s = rest_query(rq, key);

	return s && s[0] ? s : NULL;
}

void
api_rollout_list(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct store_names ids = {0};
	struct db_rollout_filter f = {
	    .schedule = query(rq, "schedule"), .state = query(rq, "state")};
	int64_t limit;

	if (!api_allow(o, rq, &who) || !api_page(rq, &limit, &f.before) ||
	    !state_valid(rq, f.state, false))
		return;
	f.limit = limit + 1;
	json_t *items = json_array();
	int rc = db_rollout_ids(o->store, &f, &ids);
	for (size_t i = 0; rc == 0 && i < ids.n; i++)
		rc = add_one(o, ids.v[i], items);
	if (rc == 0) {
		api_reply_page(rq, items, limit, "id");
	} else {
		json_decref(items);
		api_failed(o, rq, rc, "read the rollouts");
	}
	store_names_done(&ids);
}

/* ---- hosts ---- */

struct listing {
	struct orch *o;
	bool open; /* what holds hosts up is looked at */
	struct strset
	    at; /* sites that were; the number is that of their reason, from 1 */
	struct error *held;
	size_t n_held;

	struct db_rollout_host *v;
	size_t n;
};

static void
take_host(void *arg, const struct db_rollout_host *h)
{
	struct listing *l = arg;

	l->v = str_realloc(l->v, (l->n + 1) * sizeof(l->v[0]));
	l->v[l->n++] = *h;
}

/* Each site is looked at once. */
static const struct error *
held_at(struct listing *l, const char *site)
{
	struct error why = {.code = ""};
	size_t k = 0;

	if (!strset_find(&l->at, site, &k)) {
		if (rollouts_site_held(unattended_rollouts(l->o->unattended), site,
			clock_wall(), &why)) {
			l->held =
			    str_realloc(l->held, (l->n_held + 1) * sizeof(l->held[0]));
			l->held[l->n_held++] = why;
			k = l->n_held;
		}
		strset_add(&l->at, site, k, NULL);
	}
	return k > 0 ? &l->held[k - 1] : NULL;
}

/* One that waits; or one that is in its live image, and has no job yet that brings it back: it is brought back whatever has become of
 * its rollout, and people are to see what keeps it there. */
static json_t *
host_json(struct listing *l, const struct db_rollout_host *h)
{
	const struct error *held = NULL;
	struct error back;

	if (h->state == DB_ROLLOUT_HOST_WAITING && l->open)
		held = held_at(l, h->site);
	else if (rollout_json_is_between(h))
		held = held_at(l, h->site);
	if (held && rollout_json_is_between(h)) {
		back = *held;
		error_prefix(&back, "it is to go back to its disk");
		held = &back;
	}
	return rollout_json_host(h, held);
}

static void
reply_hosts(struct listing *l, struct rest_request *rq, int64_t limit)
{
	json_t *items = json_array();

	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(items, host_json(l, &l->v[i]));
	api_reply_page(rq, items, limit, "n");
}

void
api_rollout_hosts(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct db_rollout row;
	struct error err;
	struct listing l = {.o = o};
	const char *cursor, *state = query(rq, "state");
	int64_t limit, after = -1;

	if (!api_allow(o, rq, &who) || !api_page(rq, &limit, &cursor) ||
	    !state_valid(rq, state, true) || !find(o, rq, &row))
		return;
	l.open = row.state < DB_ROLLOUT_HALTED;
	if (cursor && str_to_i64(cursor, -1, INT64_MAX, &after) < 0) {
		error_set(&err, 0, "bad-value", "follow `next` of an answer",
		    "cursor: no place in the list");
		api_refuse(rq, &err, NULL);
	} else {
		int rc = db_rollout_hosts(
		    o->store, row.id, state, after, limit + 1, take_host, &l);
		if (rc == 0)
			reply_hosts(&l, rq, limit);
		else
			api_failed(o, rq, rc, "read the rollout's hosts");
	}
	strset_done(&l.at);
	free(l.held);
	free(l.v);
	db_rollout_done(&row);
}

/* ---- verbs ---- */

static bool
parse_verb(struct rest_request *rq, const char **reason, int64_t *window_s)
{
	struct error err = {.code = ""};
	const json_t *body = rest_body(rq, &err);

	if (body && json_opt_str(body, "reason", reason, &err) == 0 &&
	    orders_reason_check(*reason, true, &err) == 0 &&
	    json_opt_i64(body, "window_s", window_s, &err) == 0) {
		if (*window_s >= 0 && *window_s <= ORDERS_WINDOW_MAX_S)
			return true;
		error_set(&err, 0, "bad-value", NULL,
		    "window_s: not within a second and a week");
	}
	api_refuse(rq, &err, NULL);
	return false;
}

static void
verb(struct orch *o, struct rest_request *rq, enum rollouts_verb what)
{
	struct rollouts *r = unattended_rollouts(o->unattended);
	struct audit_who who;
	struct error err = {.code = ""};
	struct db_rollout row;
	const char *reason = "", *id = rest_param(rq, "id");
	int64_t window_s = 0, now = clock_wall();

	if (!api_allow(o, rq, &who) || !parse_verb(rq, &reason, &window_s))
		return;
	int rc = db_begin(store_db(o->store));
	if (rc == 0)
		rc = rollouts_do(r, id, what, &who, reason, window_s, now, &err);
	if (rc == -EPERM || rc == -ENOENT) {
		db_rollback(store_db(o->store));
		if (rc == -ENOENT)
			unknown(rq, id);
		else
			api_refuse(rq, &err, NULL);
		return;
	}
	if (!api_commit(o, rq, rc, "change the rollout"))
		return;
	log_info(&o->log, "rollout %s: by %s: %s", id, who.name, reason);
	rollouts_begun(r, id, now);
	unattended_wake(o->unattended);
	feed_wake(o->feed);
	tail_wake(o->tail);
	if (find(o, rq, &row)) {
		reply(o, rq, &row);
		db_rollout_done(&row);
	}
}

void
api_rollout_pause(void *arg, struct rest_request *rq)
{
	verb(arg, rq, ROLLOUTS_PAUSE);
}

void
api_rollout_resume(void *arg, struct rest_request *rq)
{
	verb(arg, rq, ROLLOUTS_RESUME);
}

void
api_rollout_abort(void *arg, struct rest_request *rq)
{
	verb(arg, rq, ROLLOUTS_ABORT);
}

void
api_rollout_retry_failed(void *arg, struct rest_request *rq)
{
	verb(arg, rq, ROLLOUTS_RETRY_FAILED);
}

void
api_rollout_approve(void *arg, struct rest_request *rq)
{
	verb(arg, rq, ROLLOUTS_APPROVE);
}
