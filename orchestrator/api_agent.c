// SPDX-License-Identifier: GPL-3.0-or-later
/* POST /agents/{name}/enroll and /revoke, GET /agents/{name}: which agents may come from afar, for which site.
 *
 * Entry points: the handlers. The text of a secret is in the answer that makes it, and nowhere else, as with tokens. What
 * is revoked ends at once: its connections are dropped. Failure modes: codes of docs/api.md. */
#include <errno.h>
#include <string.h>

#include "db/db_agent_cert.h"
#include "db/db_site.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/rest_web.h"
#include "lib/str.h"
#include "orchestrator/agent_seen.h"
#include "orchestrator/api.h"
#include "orchestrator/authority.h"
#include "orchestrator/job_json.h"
#include "orchestrator/join.h"

enum { EXPIRES_MIN_S = 60, EXPIRES_MAX_S = 30 * 86400, SHOWN_MAX = 50 };

/* False: answered. */
static bool
site_there(struct orch *o, struct rest_request *rq, const char *site)
{
	int64_t version;
	int rc = db_site_version(o->store, site, &version);

	if (rc == 0)
		return true;
	if (rc == -ENOENT)
		api_site_kind.unknown(o, rq, site);
	else
		api_failed(o, rq, rc, "look up the site");
	return false;
}

/* ---- show ---- */

static json_t *
cert_json(const struct db_agent_cert *c, int64_t now)
{
	json_t *v = json_object();

	json_put_str(v, "serial", c->serial);
	json_put_str(v, "state", db_agent_cert_state(c, now));
	job_json_time(v, "issued", c->issued);
	json_put_str(v, "by", c->issued_by);
	json_put(v, "renews", c->renews[0] ? json_string(c->renews) : json_null());
	job_json_time(v, "ends", c->ends);
	job_json_time(v, "last_seen", c->last_seen);
	json_put(v, "from", c->last_from[0] ? json_string(c->last_from) : json_null());
	json_put(v, "revoked", json_null());
	if (c->revoked) {
		json_t *r = json_object();
		job_json_time(r, "at", c->revoked);
		json_put_str(r, "by", c->revoked_by);
		json_put_str(r, "reason", c->revoked_why);
		json_put(v, "revoked", r);
	}
	return v;
}

struct listing {
	const struct orch *o;
	json_t *items;
	int64_t now;
};

static void
add_cert(void *arg, const struct db_agent_cert *c)
{
	struct listing *l = arg;
	struct db_agent_cert now = *c;

	agent_seen_fill(l->o->agents_seen, &now);
	json_array_append_new(l->items, cert_json(&now, l->now));
}

static void
add_secret(void *arg, const struct db_join_secret *s)
{
	struct listing *l = arg;
	json_t *v = json_object();

	json_put_str(v, "state",
	    s->used		   ? "used"
	    : s->withdrawn	   ? "withdrawn"
	    : s->expires <= l->now ? "expired"
				   : "open");
	job_json_time(v, "created", s->created);
	json_put_str(v, "by", s->created_by);
	job_json_time(v, "expires", s->expires);
	job_json_time(v, "used", s->used);
	json_put(v, "from", s->used_from[0] ? json_string(s->used_from) : json_null());
	json_put(v, "serial", s->serial[0] ? json_string(s->serial) : json_null());
	json_array_append_new(l->items, v);
}

void
api_agent_get(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	const char *site = rest_param(rq, "name");
	struct listing certs = {.o = o, .now = clock_wall()},
		       secrets = {.now = certs.now};
	json_t *agent = NULL;

	if (!api_allow(o, rq, &who) || !site_there(o, rq, site))
		return;
	certs.items = json_array();
	secrets.items = json_array();
	int rc = api_status_agent(o, site, &agent);
	if (rc == 0)
		rc = db_agent_cert_of_site(o->store, site, SHOWN_MAX, add_cert, &certs);
	if (rc == 0)
		rc = db_agent_cert_secrets(
		    o->store, site, SHOWN_MAX, add_secret, &secrets);
	if (rc == 0) {
		json_object_set(agent, "certificates", certs.items);
		json_object_set(agent, "secrets", secrets.items);
		rest_reply(rq, 200, json_incref(agent), NULL);
	} else {
		api_failed(o, rq, rc, "read the site's certificates");
	}
	json_decref(agent);
	json_decref(certs.items);
	json_decref(secrets.items);
}

/* ---- enroll ---- */

static int
read_enroll(
    const json_t *body, int64_t *ret_us, const char **ret_reason, struct error *err)
{
	int64_t s = JOIN_SECRET_S;

	if (json_opt_str(body, "reason", ret_reason, err) < 0 ||
	    orders_reason_check(*ret_reason, false, err) < 0)
		return -EINVAL;
	if (!json_is_null(json_object_get(body, "expires_s")) &&
	    json_opt_i64(body, "expires_s", &s, err) < 0)
		return -EINVAL;
	if (s < EXPIRES_MIN_S || s > EXPIRES_MAX_S)
		return error_set(err, -EINVAL, "bad-value", NULL, "expires_s: %d to %d",
		    EXPIRES_MIN_S, EXPIRES_MAX_S);
	*ret_us = s * USEC_PER_SEC;
	return 0;
}

static int
write_secret(struct orch *o, const struct audit_who *who, struct db_join_secret *s,
    const char *reason)
{
	json_t *after = json_object();
	int rc = db_begin(store_db(o->store));

	job_json_time(after, "expires", s->expires);
	str_clip(s->created_by, sizeof(s->created_by), who->name);
	if (rc == 0)
		rc = db_agent_cert_secret_add(o->store, s);
	if (rc == 0)
		rc = audit_write(o->store, who,
		    &(struct audit_row){.what = "agent.enroll",
			.object = s->site,
			.reason = reason,
			.result = "ok",
			.after = after},
		    s->created);
	json_decref(after);
	return rc;
}

void
api_agent_enroll(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct db_join_secret s = {.created = clock_wall()};
	const char *site = rest_param(rq, "name"), *reason = "";
	int64_t us = 0;
	struct error err;

	if (!api_allow(o, rq, &who))
		return;
	const json_t *body = rest_body(rq, &err);
	if (!body || read_enroll(body, &us, &reason, &err) < 0) {
		api_refuse(rq, &err, NULL);
		return;
	}
	if (!site_there(o, rq, site))
		return;
	if (!o->authority) {
		error_set(&err, -EPERM, "web-needs-tls",
		    "say web.listen with an address that sites reach in "
		    "orchestrator.yaml",
		    "agents come from afar by TLS alone, and this orchestrator listens "
		    "on its own machine only");
		api_refuse(rq, &err, NULL);
		return;
	}
	str_clip(s.site, sizeof(s.site), site);
	s.expires = s.created + us;
	char *text = join_secret_make(o, s.digest);
	if (api_commit(o, rq, write_secret(o, &who, &s, reason), "store the secret")) {
		json_t *v = json_object();
		json_put_str(v, "site", site);
		json_put_str(v, "secret", text);
		json_put_str(v, "fingerprint", authority_fingerprint(o->authority));
		job_json_time(v, "expires", s.expires);
		rest_reply(rq, 201, v, NULL);
	}
	secret_free(text);
}

/* ---- revoke ---- */

struct revoking {
	const char *site, *serial; /* serial "": all of the site */
	const char *reason;
	int64_t now;
	struct store_names found; /* serials of those that are good */
};

static int
find_good(struct store *s, struct revoking *r)
{
	struct db_agent_cert c;

	if (!r->serial[0])
		return db_agent_cert_good(s, r->site, r->now, &r->found);
	int rc = db_agent_cert_get(s, r->serial, &c);
	if (rc == 0 && !c.revoked && str_eq(c.site, r->site))
		store_names_add(&r->found, c.serial);
	return rc == -ENOENT ? 0 : rc;
}

static json_t *
serials_json(const struct revoking *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->found.n; i++)
		json_array_append_new(list, json_string(r->found.v[i]));
	return list;
}

static int
write_revoked(struct orch *o, const struct audit_who *who, const struct revoking *r)
{
	json_t *detail = json_pack("{s:o}", "certificates", serials_json(r));
	int rc;

	if (r->serial[0])
		rc = db_agent_cert_revoke(
		    o->store, r->serial, r->now, who->name, r->reason);
	else
		rc = db_agent_cert_revoke_site(
		    o->store, r->site, r->now, who->name, r->reason);
	if (rc == 0 && !r->serial[0])
		rc = db_agent_cert_secret_withdraw(o->store, r->site, r->now);
	if (rc == 0)
		rc = audit_write(o->store, who,
		    &(struct audit_row){.what = "agent.revoke",
			.object = r->site,
			.reason = r->reason,
			.result = "ok",
			.detail = detail},
		    r->now);
	json_decref(detail);
	return rc;
}

static void
revoke(struct orch *o, struct rest_request *rq, const struct audit_who *who,
    struct revoking *r)
{
	struct error err;
	int rc = db_begin(store_db(o->store));

	if (rc == 0)
		rc = find_good(o->store, r);
	if (rc == 0 && r->found.n == 0) {
		db_rollback(store_db(o->store));
		error_set(&err, 0, "certificate-unknown",
		    "netboot-ctl agent show SITE lists them",
		    "site %s has no such certificate that is still good", r->site);
		rest_problem(rq, 404, &err, NULL);
		return;
	}
	if (rc == 0)
		rc = write_revoked(o, who, r);
	if (!api_commit(o, rq, rc, "revoke the certificates"))
		return;
	if (r->serial[0])
		rest_web_drop_agent(o->rest, r->serial, NULL);
	else
		join_shut_out(o, r->site);
	rest_reply(rq, 200,
	    json_pack("{s:s, s:o}", "site", r->site, "revoked", serials_json(r)), NULL);
}

void
api_agent_revoke(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	/* Also of a site that was removed: its agent may still stand there. */
	struct revoking r = {.site = rest_param(rq, "name"), .serial = "", .reason = ""};
	struct error err;

	if (!api_allow(o, rq, &who))
		return;
	const json_t *body = rest_body(rq, &err);
	if (!body || json_opt_str(body, "reason", &r.reason, &err) < 0 ||
	    orders_reason_check(r.reason, true, &err) < 0 ||
	    json_opt_str(body, "serial", &r.serial, &err) < 0) {
		api_refuse(rq, &err, NULL);
		return;
	}
	r.now = clock_wall();
	revoke(o, rq, &who, &r);
	store_names_done(&r.found);
}
