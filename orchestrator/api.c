// SPDX-License-Identifier: GPL-3.0-or-later
/* Routes of the REST interface, and what all of its parts need: authorisation, problem details,
 * paging, ETags, idempotency.
 *
 * Entry points: api_routes(), and the helpers of api.h. A handler answers its request exactly once,
 * now or later. Failure modes: every refusal is a problem document with a code of docs/api.md. */
#include "orchestrator/api.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_host.h"
#include "db/db_idem.h"
#include "lib/clock.h"
#include "lib/hostlist.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/agent_access.h"
#include "orchestrator/auth.h"
#include "orchestrator/join.h"
#include "orchestrator/orders.h"
#include "orchestrator/selector.h"
#include "orchestrator/strset.h"
#include "orchestrator/web.h"
#include "orchestrator/web_assets.h"

enum { KEY_MAX = 128 };

static void
get_version(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	char started[CLOCK_TEXT_SIZE];
	int schema = 0;

	if (!api_allow(o, rq, &who))
		return;
	int rc = db_schema_version(store_db(o->store), &schema);
	if (rc < 0) {
		api_failed(o, rq, rc, "read the schema version");
		return;
	}
	rest_reply(rq, 200,
	    json_pack("{s:s, s:i, s:s}", "version", API_VERSION, "schema", schema,
		"started", clock_text(o->started, started, sizeof(started))),
	    NULL);
}

static void
agent_poll(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct agent_access_who who;

	if (agent_access_who(o, rq, &who))
		dispatch_poll(o->dispatch, rq, who.seal_key);
}

static void
agent_report(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct agent_access_who who;

	if (agent_access_who(o, rq, &who))
		dispatch_report(o->dispatch, rq);
}

static void
agent_consoles(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct agent_access_who who;

	if (agent_access_who(o, rq, &who))
		dispatch_consoles(o->dispatch, rq, who.seal_key);
}

static void
agent_local(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct agent_access_who who;

	if (agent_access_who(o, rq, &who))
		dispatch_local(o->dispatch, rq, who.seal_key);
}

#define V1 "/api/v1"

static const struct rest_route routes[] = {
    {"GET", "/agent/v1/authority", join_authority, AUTH_ADMIN},
    {"POST", "/agent/v1/enroll", join_enroll, AUTH_ADMIN},
    {"POST", "/agent/v1/renew", join_renew, AUTH_ADMIN},
    {"POST", "/agent/v1/poll", agent_poll, AUTH_ADMIN},
    {"POST", "/agent/v1/report", agent_report, AUTH_ADMIN},
    {"POST", "/agent/v1/console", api_console_take, AUTH_ADMIN},
    {"POST", "/agent/v1/consoles", agent_consoles, AUTH_ADMIN},
    {"POST", "/agent/v1/local", agent_local, AUTH_ADMIN},
    {"POST", "/agent/v1/console/output", api_console_output, AUTH_ADMIN},
    {"POST", "/agent/v1/console/input", api_console_input, AUTH_ADMIN},
    {"POST", "/agent/v1/store", api_store_report, AUTH_ADMIN},
    {"GET", "/agent/v1/blob/{sha256}", api_store_blob, AUTH_ADMIN},
    {"GET", "/agent/v1/delta/{from}/{to}", api_store_delta, AUTH_ADMIN},
    {"GET", V1 "/version", get_version, AUTH_VIEWER},
    {"GET", V1 "/sites", api_site_list, AUTH_VIEWER},
    {"POST", V1 "/sites", api_site_add, AUTH_ADMIN},
    {"GET", V1 "/sites/{name}", api_site_get, AUTH_VIEWER},
    {"PATCH", V1 "/sites/{name}", api_site_patch, AUTH_ADMIN},
    {"DELETE", V1 "/sites/{name}", api_site_delete, AUTH_ADMIN},
    {"GET", V1 "/sites/{name}/config", api_siteconf_get, AUTH_VIEWER},
    {"GET", V1 "/hosts", api_host_list, AUTH_VIEWER},
    {"POST", V1 "/hosts", api_host_add, AUTH_ADMIN},
    {"GET", V1 "/hosts/{name}", api_host_get, AUTH_VIEWER},
    {"PATCH", V1 "/hosts/{name}", api_host_patch, AUTH_ADMIN},
    {"DELETE", V1 "/hosts/{name}", api_host_delete, AUTH_ADMIN},
    {"POST", V1 "/hosts/{name}/lock", api_host_lock, AUTH_OPERATOR},
    {"POST", V1 "/hosts/{name}/unlock", api_host_unlock, AUTH_OPERATOR},
    {"GET", V1 "/discovered", api_discovered_list, AUTH_VIEWER},
    {"GET", V1 "/discovered/{mac}", api_discovered_get, AUTH_VIEWER},
    {"DELETE", V1 "/discovered/{mac}", api_discovered_forget, AUTH_OPERATOR},
    {"POST", V1 "/discovered/{mac}/adopt", api_discovered_adopt, AUTH_ADMIN},
    {"GET", V1 "/images", api_image_list, AUTH_VIEWER},
    {"POST", V1 "/images", api_image_add, AUTH_ADMIN},
    {"GET", V1 "/images/status", api_image_status, AUTH_VIEWER},
    {"GET", V1 "/images/{name}", api_image_get, AUTH_VIEWER},
    {"DELETE", V1 "/images/{name}", api_image_delete, AUTH_ADMIN},
    {"POST", V1 "/images/{name}/verify", api_image_verify, AUTH_OPERATOR},
    {"POST", V1 "/images/{name}/place", api_image_place, AUTH_OPERATOR},
    {"POST", V1 "/images/{name}/unplace", api_image_unplace, AUTH_OPERATOR},
    {"POST", V1 "/apply", api_apply_post, AUTH_ADMIN},
    {"GET", V1 "/export", api_apply_export, AUTH_VIEWER},
    {"GET", V1 "/schedules", api_schedule_list, AUTH_VIEWER},
    {"POST", V1 "/schedules", api_schedule_add, AUTH_OPERATOR},
    {"GET", V1 "/schedules/next", api_schedule_next, AUTH_VIEWER},
    {"GET", V1 "/schedules/{name}", api_schedule_get, AUTH_VIEWER},
    {"PATCH", V1 "/schedules/{name}", api_schedule_patch, AUTH_OPERATOR},
    {"DELETE", V1 "/schedules/{name}", api_schedule_delete, AUTH_OPERATOR},
    {"POST", V1 "/schedules/{name}/pause", api_schedule_pause, AUTH_OPERATOR},
    {"POST", V1 "/schedules/{name}/resume", api_schedule_resume, AUTH_OPERATOR},
    {"POST", V1 "/schedules/{name}/skip-next", api_schedule_skip_next, AUTH_OPERATOR},
    {"POST", V1 "/schedules/{name}/run-now", api_schedule_run_now, AUTH_OPERATOR},
    {"GET", V1 "/schedules/{name}/runs", api_schedule_runs, AUTH_VIEWER},
    {"POST", V1 "/jobs", api_job_add, AUTH_OPERATOR},
    {"GET", V1 "/jobs", api_job_list, AUTH_VIEWER},
    {"GET", V1 "/jobs/{id}", api_job_get, AUTH_VIEWER},
    {"POST", V1 "/jobs/{id}/cancel", api_job_cancel, AUTH_OPERATOR},
    {"POST", V1 "/jobs/{id}/retry", api_job_retry, AUTH_OPERATOR},
    {"POST", V1 "/rollouts", api_rollout_add, AUTH_OPERATOR},
    {"GET", V1 "/rollouts", api_rollout_list, AUTH_VIEWER},
    {"GET", V1 "/rollouts/{id}", api_rollout_get, AUTH_VIEWER},
    {"GET", V1 "/rollouts/{id}/hosts", api_rollout_hosts, AUTH_VIEWER},
    {"POST", V1 "/rollouts/{id}/pause", api_rollout_pause, AUTH_OPERATOR},
    {"POST", V1 "/rollouts/{id}/resume", api_rollout_resume, AUTH_OPERATOR},
    {"POST", V1 "/rollouts/{id}/abort", api_rollout_abort, AUTH_OPERATOR},
    {"POST", V1 "/rollouts/{id}/retry-failed", api_rollout_retry_failed, AUTH_OPERATOR},
    {"POST", V1 "/rollouts/{id}/approve", api_rollout_approve, AUTH_OPERATOR},
    {"GET", V1 "/status", api_status_list, AUTH_VIEWER},
    {"GET", V1 "/why", api_why_get, AUTH_VIEWER},
    {"GET", V1 "/fleet", api_fleet_get, AUTH_VIEWER},
    {"GET", V1 "/agents", api_status_agents, AUTH_VIEWER},
    {"GET", V1 "/agents/{name}", api_agent_get, AUTH_VIEWER},
    {"POST", V1 "/agents/{name}/enroll", api_agent_enroll, AUTH_ADMIN},
    {"POST", V1 "/agents/{name}/revoke", api_agent_revoke, AUTH_ADMIN},
    {"POST", V1 "/power", api_bmc_power, AUTH_OPERATOR},
    {"POST", V1 "/bmc/{verb}", api_bmc_ask, AUTH_OPERATOR},
    {"POST", V1 "/gates/check", api_gate_check, AUTH_OPERATOR},
    {"POST", V1 "/sites/{name}/resume", api_resume_site, AUTH_OPERATOR},
    {"GET", V1 "/drills", api_drill_list, AUTH_VIEWER},
    {"GET", V1 "/drills/{id}", api_drill_get, AUTH_VIEWER},
    {"GET", V1 "/stop", api_hold_get, AUTH_VIEWER},
    {"POST", V1 "/stop", api_hold_stop, AUTH_OPERATOR},
    {"POST", V1 "/stop/end", api_hold_resume, AUTH_OPERATOR},
    {"POST", V1 "/sites/{name}/freeze", api_hold_freeze, AUTH_OPERATOR},
    {"POST", V1 "/sites/{name}/unfreeze", api_hold_unfreeze, AUTH_OPERATOR},
    {"GET", V1 "/boots", api_boot_list, AUTH_VIEWER},
    {"GET", V1 "/boots/{id}", api_boot_get, AUTH_VIEWER},
    {"GET", V1 "/boots/{id}/trace", api_trace_get, AUTH_VIEWER},
    {"GET", V1 "/boots/{id}/console", api_console_get, AUTH_VIEWER},
    {"GET", V1 "/hosts/{name}/console/newest", api_console_newest, AUTH_VIEWER},
    {"GET", V1 "/hosts/{name}/consoles", api_console_list, AUTH_VIEWER},
    {"GET", V1 "/hosts/{name}/console", api_console_watch, AUTH_VIEWER},
    {"POST", V1 "/hosts/{name}/console", api_console_type, AUTH_OPERATOR},
    {"GET", V1 "/events", api_event_list, AUTH_VIEWER},
    {"GET", V1 "/doctor", api_doctor_get, AUTH_VIEWER},
    {"GET", V1 "/audit", api_audit_list, AUTH_VIEWER},
    {"GET", V1 "/audit/head", api_audit_head, AUTH_VIEWER},
    {"GET", V1 "/audit/verify", api_audit_verify, AUTH_VIEWER},
    {"GET", V1 "/audit/export", api_audit_export, AUTH_VIEWER},
    {"POST", V1 "/tokens", api_token_add, AUTH_ADMIN},
    {"GET", V1 "/tokens", api_token_list, AUTH_ADMIN},
    {"DELETE", V1 "/tokens/{name}", api_token_delete, AUTH_ADMIN},
    {"POST", V1 "/session", api_session_begin, AUTH_NONE},
    {"GET", V1 "/session", api_session_get, AUTH_VIEWER},
    {"DELETE", V1 "/session", api_session_end, AUTH_VIEWER},
    {"GET", "/", web_assets_index, AUTH_NONE},
    {"GET", "/assets/{a}", web_assets_get, AUTH_NONE},
    {"GET", "/assets/{a}/{b}", web_assets_get, AUTH_NONE},
    {"GET", "/assets/{a}/{b}/{c}", web_assets_get, AUTH_NONE},
    {"GET", V1 "/webhooks", api_webhook_list, AUTH_VIEWER},
    {"POST", V1 "/webhooks/{name}/test", api_webhook_test, AUTH_ADMIN},
    {"GET", "/metrics", api_metrics_get, AUTH_VIEWER},
};

const struct rest_route *
api_routes(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(routes);
	return routes;
}

static void
forbid(struct rest_request *rq, const char *whom)
{
	struct error err;

	error_set(
	    &err, -EACCES, "forbidden", whom, "your user may not use this interface");
	rest_problem(rq, 403, &err, NULL);
}

static bool
allow_unix(struct orch *o, struct rest_request *rq, const struct rest_peer *peer,
    struct audit_who *ret_who)
{
	char next[ERROR_NEXT_SIZE];

	*ret_who = auth_who(peer->uid);
	if (auth_operator(peer->uid, peer->gid, o->config->group))
		ret_who->role = AUTH_ADMIN;
	if (str_format(ret_who->from, sizeof(ret_who->from), "unix uid %u pid %d",
		(unsigned)peer->uid, (int)peer->pid) < 0)
		abort();
	/* For the audit of what is refused, now or later. */
	rest_set_user(rq, ret_who, sizeof(*ret_who));
	if (ret_who->role != AUTH_NONE && (int)ret_who->role >= rest_need(rq))
		return true;
	if (str_format(next, sizeof(next), "become a member of the group %s",
		o->config->group) < 0)
		next[0] = '\0';
	forbid(rq, next);
	return false;
}

bool
api_allow(struct orch *o, struct rest_request *rq, struct audit_who *ret_who)
{
	struct rest_peer peer = rest_peer(rq);
	struct access_grant grant;

	if (peer.kind == REST_PEER_UNIX)
		return allow_unix(o, rq, &peer, ret_who);
	if (!web_allow(o, rq, &grant))
		return false;
	*ret_who = grant.who;
	return true;
}

static int
status_of(const char *code)
{
	static const struct {
		const char *code;
		int status;
	} table[] = {
	    {"bad-value", 400},
	    {"bad-json", 400},
	    {"bad-hostlist", 400},
	    {"config-incomplete", 400},
	    {"bad-selector", 400},
	    {"bad-gate", 400},
	    {"key-unknown", 400},
	    {"reason-missing", 400},
	    {"not-found", 404},
	    {"disk-full", 507},
	    {"db-error", 500},
	    {"db-damaged", 500},
	    {"audit-broken", 500},
	    {"db-busy", 503},
	    {"db-readonly", 500},
	    {"db-constraint", 500},
	    {"busy", 503},
	    {"too-many-followers", 503},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (str_eq(code, table[i].code))
			return table[i].status;
	return 409;
}

void
api_refuse(struct rest_request *rq, const struct error *err, json_t *errors)
{
	rest_problem(rq, status_of(err->code), err, errors);
}

void
api_failed(struct orch *o, struct rest_request *rq, int rc, const char *doing)
{
	struct error err;

	db_error(store_db(o->store), rc, &err, doing);
	log_error(&o->log, "%s", err.text);
	api_refuse(rq, &err, NULL);
}

bool
api_page(struct rest_request *rq, int64_t *ret_limit, const char **ret_cursor)
{
	const char *limit = rest_query(rq, "limit");
	const char *cursor = rest_query(rq, "cursor");
	struct error err;

	*ret_limit = API_LIMIT_DEFAULT;
	if (limit && str_to_i64(limit, 1, API_LIMIT_MAX, ret_limit) < 0) {
		error_set(
		    &err, -EINVAL, "bad-value", NULL, "limit: not 1..%d", API_LIMIT_MAX);
		api_refuse(rq, &err, NULL);
		return false;
	}
	*ret_cursor = cursor && cursor[0] ? cursor : NULL;
	return true;
}

bool
api_query_reason(struct rest_request *rq, const char **ret)
{
	const char *reason = rest_query(rq, "reason");
	struct error err;

	*ret = reason ? reason : "";
	if (orders_reason_check(*ret, false, &err) == 0)
		return true;
	api_refuse(rq, &err, NULL);
	return false;
}

void
api_reply_page(struct rest_request *rq, json_t *items, int64_t limit, const char *key)
{
	json_t *next = json_null();

	if ((int64_t)json_array_size(items) > limit) {
		json_array_remove(items, (size_t)limit);
		const json_t *last = json_array_get(items, (size_t)limit - 1);
		next = json_incref(json_object_get(last, key));
	}
	rest_reply(rq, 200, json_pack("{s:o, s:o}", "items", items, "next", next), NULL);
}

void
api_etag(const char *kind, int64_t rev, char buf[API_ETAG_SIZE])
{
	if (str_format(buf, API_ETAG_SIZE, "\"%s-%lld\"", kind, (long long)rev) < 0)
		abort();
}

bool
api_match(struct rest_request *rq, const char *etag)
{
	const char *want = rest_header(rq, "If-Match");
	struct error err;

	if (!want || str_eq(want, "*") || str_eq(want, etag))
		return true;
	error_set(&err, 0, "changed-meanwhile", "read it again, then repeat the change",
	    "it was changed by somebody else in the meantime");
	rest_problem(rq, 412, &err, NULL);
	return false;
}

/* What makes two requests the same: method, path and body. Keyed, since the body may hold a BMC's
 * password: a plain digest in the database would let its reader try out passwords. */
static void
request_digest(struct orch *o, struct rest_request *rq, char ret[SECRET_MAC_TEXT])
{
	json_t *body = rest_body(rq, NULL);
	char *text = body ? json_text(body) : str_dup("");
	size_t size = strlen(rest_method(rq)) + strlen(rest_path(rq)) + strlen(text) + 3;
	char *all = str_alloc(size);

	if (str_format(all, size, "%s\n%s\n%s", rest_method(rq), rest_path(rq), text) < 0)
		abort();
	secret_mac(o->key, "idempotency", all, ret);
	secret_free(all);
	secret_free(text);
}

bool
api_repeated(struct orch *o, struct rest_request *rq, const struct audit_who *who)
{
	const char *key = rest_header(rq, "Idempotency-Key");
	char digest[SECRET_MAC_TEXT];
	struct db_idem row = {.answer = NULL};
	struct error err;

	if (!key)
		return false;
	if (key[0] == '\0' || strlen(key) > KEY_MAX) {
		error_set(&err, -EINVAL, "bad-value", NULL,
		    "Idempotency-Key: not 1..%d octets", KEY_MAX);
		api_refuse(rq, &err, NULL);
		return true;
	}
	int rc = db_idem_get(o->store, who->owner, key, &row);
	if (rc == -ENOENT)
		return false;
	if (rc < 0) {
		api_failed(o, rq, rc, "look up the Idempotency-Key");
		return true;
	}
	request_digest(o, rq, digest);
	if (str_eq(digest, row.request)) {
		rest_reply(rq, (int)row.status,
		    json_parse(row.answer, strlen(row.answer), NULL), NULL);
	} else {
		error_set(&err, 0, "idempotency-mismatch",
		    "use a new key for a new request",
		    "this Idempotency-Key was used for another request");
		api_refuse(rq, &err, NULL);
	}
	free(row.answer);
	return true;
}

int
api_remember(struct orch *o, struct rest_request *rq, const struct audit_who *who,
    int status, const json_t *answer)
{
	const char *key = rest_header(rq, "Idempotency-Key");
	struct db_idem row = {.status = status};

	if (!key)
		return 0;
	request_digest(o, rq, row.request);
	row.answer = json_text(answer);
	int rc = db_idem_add(o->store, who->owner, key, &row, clock_wall());
	free(row.answer);
	return rc;
}

bool
api_commit(struct orch *o, struct rest_request *rq, int rc, const char *doing)
{
	if (rc == 0)
		rc = db_commit(store_db(o->store));
	if (rc == 0)
		return true;
	struct error err;
	db_error(store_db(o->store), rc, &err, doing);
	db_rollback(store_db(o->store));
	log_error(&o->log, "%s", err.text);
	api_refuse(rq, &err, NULL);
	return false;
}

bool
api_select(struct orch *o, struct rest_request *rq, const char *selector,
    struct store_names *ret)
{
	struct error err = {.code = ""};
	json_t *errors = NULL;
	int rc = selector_resolve(o->store, selector, ret, &errors, &err);

	if (rc == 0 && !errors)
		return true;
	store_names_done(ret);
	if (rc == 0) {
		const json_t *first = json_array_get(errors, 0);
		error_set(&err, 0, json_string_value(json_object_get(first, "code")),
		    json_string_value(json_object_get(first, "next")), "%s",
		    json_string_value(json_object_get(first, "text")));
		rest_problem(rq, 404, &err, errors);
	} else {
		rest_problem(rq,
		    rc == -EINVAL || rc == -E2BIG ? 400 : status_of(err.code), &err,
		    NULL);
	}
	return false;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The hosts of a site as a set. */
static int
hosts_of_site(struct orch *o, const char *site, struct strset *ret)
{
	struct store_names names = {0};
	int rc = db_host_names(o->store, site, NULL, INT64_MAX, &names);

	for (size_t i = 0; rc == 0 && i < names.n; i++)
		strset_add(ret, names.v[i], i, NULL);
	store_names_done(&names);
	return rc;
}

bool
api_select_page(struct orch *o, struct rest_request *rq, const char *selector,
    const char *site, const char *cursor, int64_t n, struct store_names *ret)
{
	struct store_names all = {0};
	struct strset of_site = {0};
	int rc = 0;

	if (!api_select(o, rq, selector, &all))
		return false;
	if (site)
		rc = hosts_of_site(o, site, &of_site);
	if (all.n > 0)
		qsort(all.v, all.n, sizeof(all.v[0]), compare_names);
	for (size_t i = 0; rc == 0 && i < all.n && (int64_t)ret->n < n; i++)
		if ((!cursor || strcmp(all.v[i], cursor) > 0) &&
		    (!site || strset_find(&of_site, all.v[i], NULL)))
			store_names_add(ret, all.v[i]);
	store_names_done(&all);
	strset_done(&of_site);
	if (rc < 0)
		api_failed(o, rq, rc, "read the hosts");
	return rc == 0;
}

void
api_host_unknown(struct orch *o, struct rest_request *rq, const char *name)
{
	struct store_names none = {0};
	struct error err;

	/* The selector knows what may have been meant; a name it cannot read is nobody's. */
	if (!str_name_valid(name)) {
		error_set(&err, 0, "host-unknown", "netboot-ctl host list shows them",
		    "that is not a host name");
		rest_problem(rq, 404, &err, NULL);
		return;
	}
	if (api_select(o, rq, name, &none))
		rest_problem(rq, 404, &(struct error){.code = "host-unknown"}, NULL);
	store_names_done(&none);
}
