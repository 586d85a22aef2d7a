// SPDX-License-Identifier: GPL-3.0-or-later
/* Who an agent is, and whether what it names is its own.
 *
 * Entry points: agent_access_who() for each request of an agent, before anything else is done with it;
 * agent_access_allow() is the one check of what a message names. Nothing is owned; certificates are read from the database
 * at each request, so that one that is revoked ends at once.
 *
 * A certificate of our authority that the database does not have is taken, and recorded: the database was put back from a
 * copy of before it was given, and the agents that had renewed theirs since stand where nobody can walk to.
 *
 * Failure modes: refusals with codes of docs/api.md, each with a row in the audit, of the same kind one an hour, and of strangers
 * a few a minute, since the audit is kept for ever. What the database fails at is a refusal that the agent comes again from. */
#include "orchestrator/agent_access.h"

#include <errno.h>
#include <string.h>

#include "db/db_agent.h"
#include "db/db_site.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/pki.h"
#include "lib/rest_tls.h"
#include "lib/rest_web.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/auth.h"
#include "orchestrator/authority.h"

#define TELL_EVERY_US (3600 * USEC_PER_SEC)
#define MINUTE_US (60 * USEC_PER_SEC)
#define ENROLL_NEXT \
	"netboot-ctl agent enroll SITE here, then netboot-agent enroll URL at the site"

/* ---- refusals ---- */

/* True once an hour of each kind. */
static bool
is_news(struct agent_access_told *t, const char *what, int64_t now)
{
	size_t oldest = 0;

	for (size_t i = 0; i < AGENT_ACCESS_TOLD_MAX; i++) {
		if (str_eq(t->rows[i].what, what) && now >= t->rows[i].at &&
		    now - t->rows[i].at < TELL_EVERY_US)
			return false;
		if (t->rows[i].at < t->rows[oldest].at)
			oldest = i;
	}
	str_clip(t->rows[oldest].what, sizeof(t->rows[oldest].what), what);
	t->rows[oldest].at = now;
	return true;
}

/* A few a minute, of all addresses. */
static bool
may_tell_stranger(struct agent_access_told *t, int64_t now)
{
	if (now - t->minute >= MINUTE_US || now < t->minute) {
		t->minute = now;
		t->n = 0;
	}
	if (t->n < AGENT_ACCESS_STRANGERS) {
		t->n++;
		return true;
	}
	t->omitted++;
	return false;
}

/* Is there to be a row? What a stranger says of itself makes no refusal another one. */
static bool
is_told(struct agent_access_told *t, const struct agent_access_who *who,
    const char *object, const char *code, int64_t now)
{
	bool ours = who->site[0] != '\0';
	char kind[sizeof(t->rows[0].what)];

	if (str_format(kind, sizeof(kind), "%s %s %s", code,
		ours ? who->serial : who->who.from, ours ? object : "") < 0)
		str_clip(kind, sizeof(kind), code);
	return is_news(t, kind, now) && (ours || may_tell_stranger(t, now));
}

static void
record(struct orch *o, const struct rest_request *rq, const struct agent_access_who *who,
    int status, const char *what, const char *object, const struct error *err,
    int64_t now)
{
	struct agent_access_told *t = &o->agents_told;
	bool ours = who->site[0] != '\0';
	json_t *detail =
	    json_pack("{s:i, s:s}", "status", status, "path", rest_pattern(rq));

	if (who->serial[0])
		json_put_str(detail, "certificate", who->serial);
	if (!ours && t->omitted > 0)
		json_put_i64(detail, "omitted", t->omitted);
	log_warn(&o->log, "agents: %s (%s) is refused: %s", who->who.name, who->who.from,
	    err->text);
	int rc = audit_write(o->store, &who->who,
	    &(struct audit_row){
		.what = what, .object = object, .result = err->code, .detail = detail},
	    now);
	if (rc < 0)
		log_error(&o->log, "cannot record that an agent was refused: %s",
		    strerror(-rc));
	else if (!ours)
		t->omitted = 0;
	json_decref(detail);
}

void
agent_access_refuse(struct orch *o, struct rest_request *rq,
    const struct agent_access_who *who, int status, const char *what, const char *object,
    const struct error *err)
{
	int64_t now = clock_wall();

	if (is_told(&o->agents_told, who, object, err->code, now))
		record(o, rq, who, status, what, object, err, now);
	rest_set_recorded(rq);
	rest_problem(rq, status, err, NULL);
}

static bool
refuse(struct orch *o, struct rest_request *rq, const struct agent_access_who *who,
    int status, const struct error *err)
{
	agent_access_refuse(o, rq, who, status, "agent.access", who->site, err);
	return false;
}

/* ---- who it is ---- */

static bool
local(struct orch *o, struct rest_request *rq, uid_t uid, struct agent_access_who *ret)
{
	struct error err;

	(void)o;
	ret->local = true;
	if (auth_agent(uid))
		return true;
	error_set(&err, -EACCES, "forbidden",
	    "run the agent as root or as the orchestrator's user",
	    "your user may not use this interface");
	rest_problem(rq, 403, &err, NULL);
	return false;
}

static void
name_who(const struct rest_request *rq, const char *site, struct agent_access_who *ret)
{
	struct rest_peer peer = rest_peer(rq);
	char address[ADDR_IP_TEXT];

	addr_ip_text(&peer.address, address, sizeof(address));
	ret->who = (struct audit_who){.uid = (uid_t)-1, .owner = (uid_t)-1};
	str_clip(ret->site, sizeof(ret->site), site);
	if (str_format(ret->who.name, sizeof(ret->who.name), "agent:%.50s",
		site[0] ? site : "nobody") < 0 ||
	    str_format(ret->who.from, sizeof(ret->who.from), "%s (agent)", address) < 0)
		abort();
}

/* What is wrong with what was shown; code "": nothing is. */
static int
judge(const struct rest_tls_peer *p, const char *site, int64_t now, struct error *err)
{
	if (!p->shown)
		return error_set(err, 401, "agent-certificate-missing", ENROLL_NEXT,
		    "this needs the certificate of a site's agent");
	if (p->expired || (p->valid && now >= p->ends))
		return error_set(err, 401, "agent-certificate-expired", ENROLL_NEXT,
		    "the agent's certificate has ended");
	if (!p->valid || !site[0])
		return error_set(err, 401, "agent-certificate-invalid", ENROLL_NEXT,
		    "the agent's certificate is none of this orchestrator's: %s",
		    p->valid ? "it names no site" : p->why);
	return 0;
}

/* Were its site's agents shut out, all of them, after it was given? Where that cannot be told, they were. */
static bool
is_shut(struct orch *o, const struct rest_tls_peer *p, const char *site)
{
	int64_t shut = 0;
	int rc = db_agent_cert_shut(o->store, site, &shut);

	return rc < 0 || p->begins + AUTHORITY_BACKDATED_US <= shut;
}

/* Ours, but the database does not know it. -EACCES: it is worth no more than those that were revoked. */
static int
adopt(struct orch *o, const struct rest_tls_peer *p, const struct agent_access_who *who,
    struct db_agent_cert *ret)
{
	struct db *db = store_db(o->store);
	int64_t now = clock_wall(), version;
	int rc = db_site_version(o->store, who->site, &version);

	if (rc == 0 && is_shut(o, p, who->site))
		rc = -EACCES;
	if (rc < 0)
		return rc;
	*ret = (struct db_agent_cert){.issued = now, .ends = p->ends};
	str_clip(ret->serial, sizeof(ret->serial), p->serial);
	str_clip(ret->site, sizeof(ret->site), who->site);
	str_clip(ret->issued_by, sizeof(ret->issued_by), "before the database's copy");
	rc = db_begin(db);
	if (rc == 0)
		rc = db_agent_cert_add(o->store, ret);
	if (rc == 0)
		rc = audit_write(o->store, &who->who,
		    &(struct audit_row){
			.what = "agent.known", .object = who->site, .result = "ok"},
		    now);
	if (rc == 0)
		rc = db_commit(db);
	if (rc < 0) {
		db_rollback(db);
		return rc;
	}
	log_warn(&o->log,
	    "agents: the certificate %s of site %s is ours and not in the database, "
	    "which "
	    "was put back from a copy: it is taken",
	    p->serial, who->site);
	return 0;
}

static void
note_seen(struct orch *o, const struct db_agent_cert *c,
    const struct agent_access_who *who, int64_t now)
{
	char from[DB_AGENT_CERT_FROM_SIZE];

	str_clip(from, sizeof(from), who->who.from);
	from[strcspn(from, " ")] = '\0'; /* the address alone */
	agent_seen_note(o->agents_seen, c, from, now);
}

static bool
by_certificate(struct orch *o, struct rest_request *rq, const struct rest_tls_peer *p,
    struct agent_access_who *ret)
{
	char site[PKI_SITE_SIZE] = "";
	struct db_agent_cert c;
	struct error err = {.code = ""};
	int64_t now = clock_wall();
	int status, rc;

	/* What nobody of ours has signed names nothing. */
	if ((p->valid || p->expired) && pki_site_of_uri(p->uri, site) < 0)
		site[0] = '\0';
	name_who(rq, site, ret);
	str_clip(ret->serial, sizeof(ret->serial), p->serial);
	rest_set_user(rq, ret, sizeof(*ret));
	status = judge(p, site, now, &err);
	if (status != 0)
		return refuse(o, rq, ret, status, &err);
	rc = db_agent_cert_get(o->store, p->serial, &c);
	if (rc == -ENOENT)
		rc = adopt(o, p, ret, &c);
	if (rc == -ENOENT) {
		error_set(&err, rc, "site-unknown", "netboot-ctl site add makes it",
		    "no site %s in the inventory", site);
		return refuse(o, rq, ret, 403, &err);
	}
	if (rc < 0 && rc != -EACCES) {
		api_failed(o, rq, rc, "look up the agent's certificate");
		return false;
	}
	if (rc < 0 || c.revoked || !str_eq(c.site, site)) {
		error_set(&err, -EACCES, "agent-revoked", ENROLL_NEXT,
		    "the certificate of site %s's agent was revoked", site);
		return refuse(o, rq, ret, 403, &err);
	}
	str_clip(ret->seal_key, sizeof(ret->seal_key), c.seal_key);
	note_seen(o, &c, ret, now);
	return true;
}

bool
agent_access_allow(struct orch *o, struct rest_request *rq,
    const struct agent_access_who *who, const char *site, const char *agent)
{
	struct db_agent known;
	struct error err;

	if (who->local)
		return true;
	if (!str_eq(site, who->site)) {
		error_set(&err, -EACCES, "agent-other-site",
		    "correct site in agent.yaml, or enroll the agent for that site",
		    "the agent of site %s names another site", who->site);
		return refuse(o, rq, who, 403, &err);
	}
	if (!agent || !agent[0])
		return true;
	int rc = db_agent_get(o->store, agent, &known);
	if (rc < 0 && rc != -ENOENT) {
		api_failed(o, rq, rc, "look up the agent");
		return false;
	}
	if (rc == 0 && !str_eq(known.site, who->site)) {
		error_set(&err, -EACCES, "agent-other-site",
		    "give each site's agent a state_dir of its own",
		    "the agent of site %s goes by the id of another site's", who->site);
		return refuse(o, rq, who, 403, &err);
	}
	return true;
}

/* Of whatever message it is: these two members have that meaning in all of them. */
static bool
names_its_own(struct orch *o, struct rest_request *rq, const struct agent_access_who *who)
{
	const json_t *body = who->local ? NULL : rest_body(rq, NULL);
	const json_t *site = json_object_get(body, "site");
	const char *agent = json_string_value(json_object_get(body, "agent"));

	if (who->local || (!site && !agent))
		return true;
	return agent_access_allow(
	    o, rq, who, site ? json_string_value(site) : who->site, agent);
}

bool
agent_access_who(struct orch *o, struct rest_request *rq, struct agent_access_who *ret)
{
	struct rest_peer peer = rest_peer(rq);
	const struct rest_tls_peer *p = rest_web_peer(rq);
	const struct rest_tls_peer none = {.own = true};

	*ret = (struct agent_access_who){.local = false};
	if (peer.kind == REST_PEER_UNIX)
		return local(o, rq, peer.uid, ret);
	return by_certificate(o, rq, p ? p : &none, ret) && names_its_own(o, rq, ret);
}

bool
agent_access_stranger(struct rest_request *rq, struct agent_access_who *ret)
{
	struct error err;

	*ret = (struct agent_access_who){.local = false};
	name_who(rq, "", ret);
	if (rest_web_peer(rq))
		return true;
	error_set(&err, -EACCES, "forbidden",
	    "netboot-agent enroll URL, with the address of the page",
	    "sites join by TLS, under the name that netboot-agent uses");
	rest_problem(rq, 403, &err, NULL);
	return false;
}

bool
agent_access_good(void *arg, const struct rest_tls_peer *p)
{
	struct orch *o = arg;
	char site[PKI_SITE_SIZE];
	struct db_agent_cert c;
	int rc;

	if (pki_site_of_uri(p->uri, site) < 0)
		return false;
	rc = db_agent_cert_get(o->store, p->serial, &c);
	return rc == 0 ? !c.revoked : rc == -ENOENT && !is_shut(o, p, site);
}
