// SPDX-License-Identifier: GPL-3.0-or-later
/* POST /rollouts: an order on many hosts, to be carried out bit by bit; or its plan (dry_run).
 *
 * The selector is resolved now, and what it meant is what is carried out. Nothing is made if it names a host that there is not; a host that
 * cannot be worked on now is not refused, since it has its turn later. Failure modes: codes of docs/api.md; an order whose answer was lost
 * is answered again under its Idempotency-Key and not made twice. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_scope.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/orders_cap.h"
#include "orchestrator/rollout_json.h"
#include "orchestrator/rollout_preview.h"
#include "orchestrator/rollouts.h"

struct wish {
	json_t *work; /* owned */
	struct rollout_policy policy;
	const char *hosts, *reason;
	int64_t at, window_s, younger_s, limit;
	bool yes, dry_run;
	struct store_names names;
	char (*sites)[64];
	struct rollouts_host *v;
};

static void
wish_done(struct wish *w)
{
	json_decref(w->work);
	store_names_done(&w->names);
	free(w->sites);
	free(w->v);
}

/* The members that are about what each host gets. */
static json_t *
take_work(const json_t *body)
{
	static const char *const members[] = {
	    "kind", "image", "action", "graceful_s", "force", "hard", "hook"};
	json_t *work = json_object(), *v;

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		v = json_object_get(body, members[i]);
		if (v && !json_is_null(v))
			json_object_set(work, members[i], v);
	}
	return work;
}

static int
check_numbers(const struct wish *w, int64_t now, struct error *err)
{
	if (w->window_s < 0 || w->window_s > ORDERS_WINDOW_MAX_S)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "window_s: not within a second and a week");
	if (w->younger_s < 0 || w->younger_s > 366LL * 24 * 3600)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "skip_if_younger_s: not 0..%d", 366 * 24 * 3600);
	if (w->limit < 1 || w->limit > ROLLOUT_POLICY_HOSTS_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL, "limit: not 1..%d",
		    ROLLOUT_POLICY_HOSTS_MAX);
	if (w->at != 0 && w->at <= now)
		return error_set(err, -EINVAL, "bad-value", "to begin now, name no time",
		    "at: that time has passed");
	if (w->at - now > ORDERS_AHEAD_MAX_S * USEC_PER_SEC)
		return error_set(err, -EINVAL, "bad-value", "order it nearer to its time",
		    "at: more than %d days ahead", ORDERS_AHEAD_MAX_S / 86400);
	return 0;
}

static int
parse(const json_t *body, int64_t now, struct wish *w, struct error *err)
{
	const char *at = "";

	w->limit = ORDERS_LIMIT_DEFAULT;
	w->reason = "";
	if (json_get_str(body, "hosts", &w->hosts, err) < 0 ||
	    json_opt_str(body, "reason", &w->reason, err) < 0 ||
	    json_opt_str(body, "at", &at, err) < 0 ||
	    json_opt_i64(body, "window_s", &w->window_s, err) < 0 ||
	    json_opt_i64(body, "skip_if_younger_s", &w->younger_s, err) < 0 ||
	    json_opt_i64(body, "limit", &w->limit, err) < 0 ||
	    json_opt_bool(body, "yes", &w->yes, err) < 0 ||
	    json_opt_bool(body, "dry_run", &w->dry_run, err) < 0 ||
	    rollout_policy_from_json(json_object_get(body, "policy"), &w->policy, err) <
		0 ||
	    orders_reason_check(w->reason, true, err) < 0)
		return -EINVAL;
	if (at[0] && clock_parse(at, &w->at) < 0)
		return error_set(err, -EINVAL, "bad-value",
		    "write it as 2026-01-31T03:00:00+01:00",
		    "at: no date and time with a zone");
	w->work = take_work(body);
	int rc = check_numbers(w, now, err);
	return rc < 0 ? rc : rollouts_work_check(w->work, w->reason, err);
}

static int
check_amount(const struct wish *w, struct error *err)
{
	size_t n = w->names.n;

	if (n == 0)
		return error_set(err, -EPERM, "host-unknown",
		    "netboot-ctl host list shows them", "no host matches %.200s",
		    w->hosts);
	if (n > (size_t)w->limit)
		return error_set(err, -EPERM, "too-many-hosts",
		    "name fewer, or raise the limit with --limit",
		    "%zu hosts match, the limit is %lld", n, (long long)w->limit);
	if (n > 1 && !w->yes && !w->dry_run)
		return error_set(err, -EPERM, "confirmation-needed",
		    "look at them with --dry-run, then repeat with --yes",
		    "%s of %zu hosts was not confirmed",
		    json_string_value(json_object_get(w->work, "kind")), n);
	return 0;
}

static int
check_caps(struct orch *o, const struct wish *w, const struct audit_who *who, int64_t now,
    struct error *err)
{
	const struct orders_context ctx = orch_orders_context(o, now);
	const char *kind = json_string_value(json_object_get(w->work, "kind"));
	const char *action = json_string_value(json_object_get(w->work, "action"));
	const char *image = json_string_value(json_object_get(w->work, "image"));
	enum bundle_kind known;

	if (bundle_kind_parse(kind, &known) == 0)
		kind = orders_cap_kind(
		    o->store, known, action ? action : "", image ? image : "");
	return orders_cap_check(&ctx, who, kind, w->names.n, err);
}

/* Each host's site, and its window: the same for all. */
static int
open_hosts(struct orch *o, struct wish *w, int64_t now, struct error *err)
{
	int64_t opens = w->at ? w->at : now;
	int64_t closes = w->window_s ? opens + w->window_s * USEC_PER_SEC : 0;
	size_t n = w->names.n;
	struct db_scope_host host;
	int rc = 0;

	w->sites = str_alloc((n + 1) * sizeof(w->sites[0]));
	w->v = str_alloc((n + 1) * sizeof(w->v[0]));
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = db_scope_host(o->store, w->names.v[i], "", &host);
		if (rc < 0)
			return db_error(store_db(o->store), rc, err, "read the hosts");
		str_clip(w->sites[i], sizeof(w->sites[i]), host.site);
		w->v[i] = (struct rollouts_host){.host = w->names.v[i],
		    .site = w->sites[i],
		    .opens = opens,
		    .closes = closes};
	}
	return rc;
}

/* The rollout, remembered under the request's key and in the audit. */
static int
write_it(struct orch *o, struct rest_request *rq, const struct audit_who *who,
    const struct rollouts_request *want, int64_t now, json_t **ret, struct error *err)
{
	char id[ID_SIZE];
	struct db_rollout row;
	json_t *detail;
	int rc = rollouts_begin(unattended_rollouts(o->unattended), want, now, id, err);

	if (rc == 0)
		rc = db_rollout_get(o->store, id, &row);
	if (rc < 0)
		return rc;
	rc = rollout_json(o->store, &row, ret);
	db_rollout_done(&row);
	detail =
	    json_pack("{s:s, s:O, s:o, s:I}", "rollout", id, "work", want->work, "policy",
		rollout_policy_to_json(want->policy), "of_hosts", (json_int_t)want->n);
	if (rc == 0)
		rc = audit_write(o->store, who,
		    &(struct audit_row){.what = "rollout.add",
			.object = want->hosts,
			.reason = want->reason,
			.result = "ok",
			.detail = detail},
		    now);
	json_decref(detail);
	return rc == 0 ? api_remember(o, rq, who, 202, *ret) : rc;
}

static void
begin(struct orch *o, struct rest_request *rq, const struct audit_who *who,
    const struct rollouts_request *want, int64_t now)
{
	struct error err = {.code = ""};
	json_t *answer = NULL;
	char id[ID_SIZE];
	int rc = db_begin(store_db(o->store));

	if (rc == 0)
		rc = write_it(o, rq, who, want, now, &answer, &err);
	if (rc == -EINVAL || rc == -EPERM) {
		db_rollback(store_db(o->store));
		api_refuse(rq, &err, NULL);
		json_decref(answer);
		return;
	}
	if (!api_commit(o, rq, rc, "store the rollout")) {
		json_decref(answer);
		return;
	}
	str_clip(id, sizeof(id), json_string_value(json_object_get(answer, "id")));
	log_info(
	    &o->log, "rollout %s of %zu hosts ordered by %s", id, want->n, who->name);
	rollouts_begun(unattended_rollouts(o->unattended), id, now);
	unattended_wake(o->unattended);
	feed_wake(o->feed);
	tail_wake(o->tail);
	rest_reply(rq, 202, answer, NULL);
}

static void
carry_out(struct orch *o, struct rest_request *rq, const struct audit_who *who,
    const struct wish *w, int64_t now)
{
	const int64_t most = o->config->approval.hosts;
	const struct orders_context ctx = orch_orders_context(o, now);
	const struct rollouts_request want = {.work = w->work,
	    .policy = &w->policy,
	    .hosts = w->hosts,
	    .reason = w->reason,
	    .by = who->name,
	    .nominal = DB_ROLLOUT_NO_NOMINAL,
	    .skip_if_younger_s = w->younger_s,
	    .approval = rollouts_needs_approval(o->store, w->work, w->names.n, most),
	    .v = w->v,
	    .n = w->names.n};
	struct error err = {.code = ""};
	json_t *plan = NULL;

	if (!w->dry_run)
		begin(o, rq, who, &want, now);
	else if (rollout_preview(&ctx, &want, who, most, &plan, &err) == 0)
		rest_reply(rq, 200, plan, NULL);
	else
		api_refuse(rq, &err, NULL);
}

void
api_rollout_add(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct error err = {.code = ""};
	struct wish w = {.work = NULL};
	int64_t now = clock_wall();

	if (!api_allow(o, rq, &who))
		return;
	const json_t *body = rest_body(rq, &err);
	if (!body || parse(body, now, &w, &err) < 0) {
		api_refuse(rq, &err, NULL);
	} else if (!api_repeated(o, rq, &who) && api_select(o, rq, w.hosts, &w.names)) {
		int rc = rollouts_drill_names(o->store, w.work, &w.names, &err);
		if (rc == 0)
			rc = check_amount(&w, &err);
		if (rc == 0)
			rc = check_caps(o, &w, &who, now, &err);
		if (rc == 0)
			rc = open_hosts(o, &w, now, &err);
		if (rc == 0)
			carry_out(o, rq, &who, &w, now);
		else
			api_refuse(rq, &err, NULL);
	}
	wish_done(&w);
}
