// SPDX-License-Identifier: GPL-3.0-or-later
/* Sites that join: the own authority in service, and what agents ask of it.
 *
 * Entry points: join_open() at start, join_look(), and the three handlers. A secret works once: that it was used, the
 * certificate and the audit's row are one transaction, and the answer leaves after it. Where it is lost on the way, the same
 * request is answered again, until the agent was seen with the certificate; the one that nobody had is revoked.
 * Failure modes: refusals with codes of docs/api.md. Who has a secret is told what is wrong with it: 256 bits are not
 * found by trying. */
#include "orchestrator/join.h"

#include <errno.h>
#include <string.h>

#include "db/db_agent_cert.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/json.h"
#include "lib/keepfile.h"
#include "lib/rest_tls.h"
#include "lib/rest_web.h"
#include "lib/secret_box.h"
#include "lib/secret_sign.h"
#include "lib/str.h"
#include "orchestrator/agent_access.h"
#include "orchestrator/api.h"
#include "orchestrator/authority.h"
#include "orchestrator/web.h"

enum { RENEWALS_A_DAY = 10 };

#define DAY_US (24LL * 3600 * USEC_PER_SEC)
#define SECRET_NEXT "netboot-ctl agent enroll SITE makes another one"

/* ---- the authority in service ---- */

static int
show(struct orch *o, struct error *err)
{
	char *cert, *key;
	int rc;

	authority_server(o->authority, clock_wall(), &cert, &key, &o->show_anew);
	const struct rest_tls_own own = {.name = AUTHORITY_HOST,
	    .cert = cert,
	    .key = key,
	    .authority = authority_pem(o->authority)};
	rc = rest_web_set_own(o->rest, &own, err);
	if (rc == 0 && web_is_own(o))
		rc = web_show(o, &o->show_anew, err);
	free(cert);
	secret_free(key);
	return rc;
}

int
join_open(struct orch *o, struct error *err)
{
	if (!o->config->web.tls_cert && !web_is_own(o))
		return 0;
	o->authority = authority_open(o->config->key_file, clock_wall(), err);
	if (!o->authority)
		return -EINVAL;
	return show(o, err);
}

void
join_close(struct orch *o)
{
	authority_free(o->authority);
}

void
join_look(struct orch *o)
{
	char line[ERROR_CODE_SIZE + ERROR_TEXT_SIZE + ERROR_NEXT_SIZE + 8];
	struct error err = {.code = ""};

	if (!o->authority || clock_wall() < o->show_anew)
		return;
	if (show(o, &err) < 0)
		log_error(&o->log, "agents: the old certificate is still shown: %s",
		    error_line(&err, line, sizeof(line)));
	else
		log_info(&o->log, "agents are shown a new certificate");
}

void
join_shut_out(struct orch *o, const char *site)
{
	char uri[sizeof(PKI_SITE_URI) + PKI_SITE_SIZE];

	if (str_format(uri, sizeof(uri), PKI_SITE_URI "%s", site) == 0)
		rest_web_drop_agent(o->rest, NULL, uri);
}

char *
join_secret_make(struct orch *o, char ret_digest[SECRET_MAC_TEXT])
{
	char *random = secret_make(JOIN_SECRET_PREFIX);
	const char *fingerprint = authority_fingerprint(o->authority);
	size_t size = strlen(random) + strlen(fingerprint) + 2;
	char *text = str_alloc(size);

	if (str_format(text, size, "%s.%s", random, fingerprint) < 0)
		abort();
	secret_mac(o->key, "join", text, ret_digest);
	secret_free(random);
	return text;
}

void
join_authority(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct agent_access_who who;

	if (agent_access_stranger(rq, &who))
		rest_reply(rq, 200,
		    json_pack(
			"{s:i, s:s}", "v", 1, "authority", authority_pem(o->authority)),
		    NULL);
}

/* ---- what both ask for ---- */

struct wish {
	const char *site, *secret, *csr, *seal_key;
};

static int
read_wish(const json_t *body, bool joining, struct wish *ret, struct error *err)
{
	int64_t v = 0;

	*ret = (struct wish){.site = "", .secret = "", .csr = "", .seal_key = ""};
	if (json_get_i64(body, "v", &v, err) < 0 ||
	    json_get_str(body, "csr", &ret->csr, err) < 0 ||
	    json_opt_str(body, "seal_key", &ret->seal_key, err) < 0)
		return -EINVAL;
	if (joining && (json_get_str(body, "site", &ret->site, err) < 0 ||
			   json_get_str(body, "secret", &ret->secret, err) < 0))
		return -EINVAL;
	if (v != 1)
		return error_set(err, -EINVAL, "bad-version", "install the same release",
		    "v: this orchestrator understands version 1");
	if (joining && !str_name_valid(ret->site))
		return error_set(err, -EINVAL, "bad-value", NULL, "site: not a name");
	if (ret->seal_key[0] && !secret_box_public_valid(ret->seal_key))
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "seal_key: not a public key");
	return 0;
}

/* Signs for `row->site`; *ret is the certificate, owned by the caller. */
static int
sign(struct orch *o, const struct wish *wish, struct db_agent_cert *row, char **ret,
    struct error *err)
{
	struct pki_cert about;
	int rc = authority_issue(
	    o->authority, wish->csr, row->site, row->issued, ret, &about, err);

	if (rc < 0)
		return rc;
	row->ends = about.ends;
	str_clip(row->serial, sizeof(row->serial), about.serial);
	str_clip(row->seal_key, sizeof(row->seal_key), wish->seal_key);
	return 0;
}

static void
hand_out(struct orch *o, struct rest_request *rq, const struct db_agent_cert *row,
    const char *cert)
{
	rest_reply(rq, 200,
	    json_pack("{s:i, s:s, s:s, s:s, s:[s]}", "v", 1, "site", row->site,
		"certificate", cert, "authority", authority_pem(o->authority),
		"orders_keys", secret_sign_public(o->orders_key)),
	    NULL);
}

static int
note_cert(struct orch *o, const struct audit_who *who, const char *what,
    const struct db_agent_cert *row)
{
	json_t *after = json_pack("{s:s}", "certificate", row->serial);
	char ends[CLOCK_TEXT_SIZE];

	json_put_str(after, "ends", clock_text(row->ends, ends, sizeof(ends)));
	int rc = db_agent_cert_add(o->store, row);
	if (rc == 0)
		rc = audit_write(o->store, who,
		    &(struct audit_row){.what = what,
			.object = row->site,
			.result = "ok",
			.after = after},
		    row->issued);
	json_decref(after);
	return rc;
}

/* An agent that asks and asks would fill the database. */
static int
may_have_another(struct orch *o, const char *site, int64_t now, struct error *err)
{
	int64_t n = 0;
	int rc = db_agent_cert_count(o->store, site, now - DAY_US, &n);

	if (rc < 0)
		return db_error(
		    store_db(o->store), rc, err, "count the site's certificates");
	if (n >= RENEWALS_A_DAY)
		return error_set(err, -EDQUOT, "agent-renews-often",
		    "look at the agent's log: it does not keep what it is given",
		    "site %s was given %d certificates within a day", site,
		    RENEWALS_A_DAY);
	return 0;
}

static int
refused_status(int rc)
{
	return rc == -EDQUOT ? 429 : 400;
}

/* ---- a first certificate ---- */

/* The same request once more: its answer was lost, and nobody has come with the certificate. Whoever sends it has no other
 * key than the one that was certified. */
static bool
answer_was_lost(struct orch *o, const struct db_join_secret *s, const char *request)
{
	struct db_agent_cert given;

	return s->used && str_eq(s->request, request) &&
	       db_agent_cert_get(o->store, s->serial, &given) == 0 && !given.last_seen &&
	       !given.revoked;
}

static int
judge_secret(const struct db_join_secret *s, int rc, const char *site, bool again,
    int64_t now, struct error *err)
{
	if (rc == -ENOENT)
		return error_set(err, rc, "join-secret-unknown", SECRET_NEXT,
		    "this orchestrator has made no such secret");
	if (s->used && !again)
		return error_set(err, -EACCES, "join-secret-used",
		    SECRET_NEXT "; if you did not use it, netboot-ctl agent revoke SITE",
		    "this secret was used already: it works once");
	if (s->withdrawn)
		return error_set(err, -EACCES, "join-secret-withdrawn", SECRET_NEXT,
		    "this secret was withdrawn");
	if (now >= s->expires)
		return error_set(err, -EACCES, "join-secret-expired", SECRET_NEXT,
		    "this secret's time is over");
	if (!str_eq(s->site, site))
		return error_set(err, -EACCES, "join-secret-site",
		    "correct site in agent.yaml, or make a secret for that site",
		    "this secret is for another site");
	return 0;
}

/* The address alone. */
static void
address_of(const struct agent_access_who *who, char ret[DB_AGENT_CERT_FROM_SIZE])
{
	str_clip(ret, DB_AGENT_CERT_FROM_SIZE, who->who.from);
	ret[strcspn(ret, " ")] = '\0';
}

/* `lost` is the serial of the certificate whose answer was lost, "" when this is the first one. */
static int
store_joined(struct orch *o, const struct agent_access_who *who, const char *digest,
    const char *request, const char *lost, const struct db_agent_cert *row)
{
	char from[DB_AGENT_CERT_FROM_SIZE];
	int rc = db_begin(store_db(o->store));

	address_of(who, from);
	if (rc == 0 && lost[0])
		rc = db_agent_cert_revoke(o->store, lost, row->issued, "join",
		    "its answer was lost: the same request was answered again");
	if (rc == 0)
		rc = db_agent_cert_secret_use(
		    o->store, digest, row->issued, from, row->serial, request);
	return rc < 0 ? rc : note_cert(o, &who->who, "agent.join", row);
}

void
join_enroll(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct agent_access_who who;
	struct db_join_secret secret = {.used = 0};
	struct db_agent_cert row = {.issued = clock_wall()};
	struct error err = {.code = ""};
	struct wish wish;
	char digest[SECRET_MAC_TEXT], request[DIGEST_TEXT], *cert = NULL;

	if (!agent_access_stranger(rq, &who))
		return;
	const json_t *body = rest_body(rq, &err);
	if (!body || read_wish(body, true, &wish, &err) < 0) {
		rest_problem(rq, 400, &err, NULL);
		return;
	}
	secret_mac(o->key, "join", wish.secret, digest);
	int rc = db_agent_cert_secret_get(o->store, digest, &secret);
	if (rc < 0 && rc != -ENOENT) {
		api_failed(o, rq, rc, "look up the secret");
		return;
	}
	digest_sha256(wish.csr, strlen(wish.csr), request);
	bool again = rc == 0 && answer_was_lost(o, &secret, request);
	if (judge_secret(&secret, rc, wish.site, again, row.issued, &err) < 0) {
		agent_access_refuse(o, rq, &who, 403, "agent.join", wish.site, &err);
		return;
	}
	str_clip(row.site, sizeof(row.site), secret.site);
	str_clip(row.issued_by, sizeof(row.issued_by), secret.created_by);
	/* Only the secret's first use is let through whatever the site was given. */
	rc = again ? may_have_another(o, row.site, row.issued, &err) : 0;
	if (rc == 0)
		rc = sign(o, &wish, &row, &cert, &err);
	if (rc < 0) {
		agent_access_refuse(
		    o, rq, &who, refused_status(rc), "agent.join", wish.site, &err);
		return;
	}
	rc = store_joined(o, &who, digest, request, again ? secret.serial : "", &row);
	if (api_commit(o, rq, rc, "store the certificate")) {
		log_info(&o->log, "site %s: its agent has joined from %s", row.site,
		    who.who.from);
		hand_out(o, rq, &row, cert);
	}
	free(cert);
}

/* ---- a new one ---- */

void
join_renew(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct agent_access_who who;
	struct db_agent_cert row = {.issued = clock_wall(), .issued_by = "renewal"};
	struct error err = {.code = ""};
	struct wish wish;
	char *cert = NULL;

	if (!agent_access_who(o, rq, &who))
		return;
	if (who.local || !o->authority) {
		error_set(&err, 0, "forbidden", "the local agent needs no certificate",
		    "there is no certificate to renew");
		rest_problem(rq, 403, &err, NULL);
		return;
	}
	const json_t *body = rest_body(rq, &err);
	if (!body || read_wish(body, false, &wish, &err) < 0) {
		rest_problem(rq, 400, &err, NULL);
		return;
	}
	str_clip(row.site, sizeof(row.site), who.site);
	str_clip(row.renews, sizeof(row.renews), who.serial);
	if (!wish.seal_key[0])
		wish.seal_key = who.seal_key;
	int rc = may_have_another(o, who.site, row.issued, &err);
	if (rc == 0)
		rc = sign(o, &wish, &row, &cert, &err);
	if (rc < 0) {
		agent_access_refuse(
		    o, rq, &who, refused_status(rc), "agent.renew", who.site, &err);
		return;
	}
	rc = db_begin(store_db(o->store));
	if (rc == 0)
		rc = note_cert(o, &who.who, "agent.renew", &row);
	if (api_commit(o, rq, rc, "store the certificate"))
		hand_out(o, rq, &row, cert);
	free(cert);
}
