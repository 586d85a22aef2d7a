// SPDX-License-Identifier: GPL-3.0-or-later
/* POST, GET and DELETE /tokens: who may come by TCP.
 *
 * Entry points: the handlers. A token's text is in the answer that makes it, and nowhere else: not in the database, not
 * under an Idempotency-Key, not in a log. One that is revoked ends at once, with its sessions and their
 * streams. Failure modes: codes of docs/api.md. */
#include <errno.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/rest_web.h"
#include "lib/str.h"
#include "orchestrator/access.h"
#include "orchestrator/api.h"

enum { EXPIRES_MIN_S = 60, EXPIRES_MAX_S = 20 * 366 * 86400, HOSTS_MAX = 100000 };

static void
put_time(json_t *v, const char *key, int64_t at)
{
	char text[CLOCK_TEXT_SIZE];

	json_put(v, key,
	    at > 0 ? json_string(clock_text(at, text, sizeof(text))) : json_null());
}

static json_t *
token_json(const struct db_token *t)
{
	json_t *v = json_object();

	json_put_str(v, "name", t->name);
	json_put_str(v, "role", t->role);
	put_time(v, "created", t->created);
	json_put_str(v, "by", t->created_by);
	put_time(v, "expires", t->expires);
	put_time(v, "last_used", t->last_used);
	put_time(v, "revoked", t->revoked);
	json_put(v, "max_hosts", t->max_hosts ? json_integer(t->max_hosts) : json_null());
	return v;
}

static int
read_body(const json_t *body, struct db_token *t, const char **ret_reason, int64_t now,
    struct error *err)
{
	const char *name = "", *role = "";
	int64_t expires_s = 0, max_hosts = 0;

	if (json_get_str(body, "name", &name, err) < 0 ||
	    json_get_str(body, "role", &role, err) < 0 ||
	    json_opt_str(body, "reason", ret_reason, err) < 0 ||
	    orders_reason_check(*ret_reason, true, err) < 0)
		return -EINVAL;
	if (!json_is_null(json_object_get(body, "expires_s")) &&
	    json_opt_i64(body, "expires_s", &expires_s, err) < 0)
		return -EINVAL;
	if (!str_name_valid(name) || strlen(name) > DB_TOKEN_NAME_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "name: letters, digits, '-', '_' and inner dots, at most %d",
		    DB_TOKEN_NAME_MAX);
	if (access_role(role) == AUTH_NONE)
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "role: viewer, operator or admin");
	if (expires_s != 0 && (expires_s < EXPIRES_MIN_S || expires_s > EXPIRES_MAX_S))
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "expires_s: %d to %d, or none", EXPIRES_MIN_S, EXPIRES_MAX_S);
	if (!json_is_null(json_object_get(body, "max_hosts")) &&
	    (json_opt_i64(body, "max_hosts", &max_hosts, err) < 0))
		return -EINVAL;
	if (max_hosts < 0 || max_hosts > HOSTS_MAX)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "max_hosts: 1 to %d, or none", HOSTS_MAX);
	str_clip(t->name, sizeof(t->name), name);
	str_clip(t->role, sizeof(t->role), role);
	t->created = now;
	t->max_hosts = max_hosts;
	t->expires = expires_s ? now + expires_s * USEC_PER_SEC : 0;
	return 0;
}

/* A token that is capped makes none that is capped less. */
static int
check_share(const struct audit_who *who, const struct db_token *t, struct error *err)
{
	if (who->max_hosts == 0 || (t->max_hosts > 0 && t->max_hosts <= who->max_hosts))
		return 0;
	return error_set(err, -EPERM, "over-cap",
	    "give it no more, or make it with another token",
	    "max_hosts: %s itself has %lld", who->name, (long long)who->max_hosts);
}

static int
write_token(struct orch *o, const struct audit_who *who, struct db_token *t,
    const char *reason, char **ret_text)
{
	json_t *after = json_pack("{s:s}", "role", t->role);
	int rc = db_begin(store_db(o->store));

	put_time(after, "expires", t->expires);
	if (t->max_hosts)
		json_put_i64(after, "max_hosts", t->max_hosts);
	str_clip(t->created_by, sizeof(t->created_by), who->name);
	if (rc == 0)
		rc = access_token_make(o->access, t, ret_text);
	if (rc == 0)
		rc = audit_write(o->store, who,
		    &(struct audit_row){.what = "token.add",
			.object = t->name,
			.reason = reason,
			.result = "ok",
			.after = after},
		    t->created);
	json_decref(after);
	return rc;
}

void
api_token_add(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct db_token t = {.id = 0};
	const char *reason = "";
	char *text = NULL;
	struct error err;

	if (!api_allow(o, rq, &who))
		return;
	const json_t *body = rest_body(rq, &err);
	if (!body || read_body(body, &t, &reason, clock_wall(), &err) < 0) {
		api_refuse(rq, &err, NULL);
		return;
	}
	if (check_share(&who, &t, &err) < 0) {
		api_refuse(rq, &err, NULL);
		return;
	}
	int rc = write_token(o, &who, &t, reason, &text);
	if (rc == -EEXIST) {
		db_rollback(store_db(o->store));
		error_set(&err, rc, "token-exists",
		    "take another name: the audit keeps those that were revoked",
		    "there is or was a token %s", t.name);
		api_refuse(rq, &err, NULL);
	} else if (api_commit(o, rq, rc, "store the token")) {
		json_t *v = token_json(&t);
		json_put_str(v, "token", text);
		rest_reply(rq, 201, v, NULL);
	}
	secret_free(text);
}

static void
add_item(void *arg, const struct db_token *t)
{
	json_array_append_new(arg, token_json(t));
}

void
api_token_list(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;

	if (!api_allow(o, rq, &who))
		return;
	json_t *items = json_array();
	int rc = db_token_list(o->store, add_item, items);
	if (rc < 0) {
		json_decref(items);
		api_failed(o, rq, rc, "read the tokens");
		return;
	}
	rest_reply(rq, 200, json_pack("{s:o, s:n}", "items", items, "next"), NULL);
}

void
api_token_delete(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct db_token t;
	int64_t now = clock_wall();
	const char *reason;
	struct error err;

	if (!api_allow(o, rq, &who) || !api_query_reason(rq, &reason))
		return;
	int rc = db_token_by_name(o->store, rest_param(rq, "name"), &t);
	if (rc == -ENOENT || (rc == 0 && t.revoked)) {
		error_set(&err, rc, "token-unknown", "netboot-ctl token list shows them",
		    "there is no such token, or it was revoked before");
		rest_problem(rq, 404, &err, NULL);
		return;
	}
	json_t *before = token_json(&t);
	if (rc == 0)
		rc = db_begin(store_db(o->store));
	if (rc == 0)
		rc = db_token_revoke(o->store, t.id, now);
	if (rc == 0)
		rc = audit_write(o->store, &who,
		    &(struct audit_row){.what = "token.remove",
			.object = t.name,
			.reason = reason,
			.result = "ok",
			.before = before},
		    now);
	json_decref(before);
	if (!api_commit(o, rq, rc, "revoke the token"))
		return;
	rest_web_drop(o->rest, NULL, t.name);
	rest_reply(rq, 204, NULL, NULL);
}
