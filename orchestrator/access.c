// SPDX-License-Identifier: GPL-3.0-or-later
/* Tokens and sessions: from the texts of a request to who asks.
 *
 * Entry points: access_check() for each request by TCP; access_token_make(), access_token_check() and
 * access_session_begin(). It owns a table of the addresses that failed lately. Tokens and cookies are 256 random
 * bits; the database has keyed digests of them, which are looked up by index and then compared in constant time.
 *
 * Failure modes: whatever is wrong with credentials (unknown, expired, revoked), the answer is the same. An address
 * that fails often is told so and logged once a minute; who has a good token gets in from there all the same, since
 * 256 bits are not found by trying, and others behind the same address must not be locked out. */
#include "orchestrator/access.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/rest_head.h"
#include "lib/str.h"

enum { FAILERS = 256 };

#define MINUTE_US (60 * USEC_PER_SEC)

/* An address that failed lately. */
struct failer {
	struct addr_ip ip;
	int64_t since; /* wall: its minute began */
	int n;
};

struct access {
	struct access_options o;
	struct failer failers[FAILERS];
	int64_t audit_since; /* the minute of n_audits */
	int n_audits;
	int64_t untold;	 /* since the last row: the next one says how many */
	int64_t told_at; /* of a database that takes no times */
};

struct access *
access_new(const struct access_options *options)
{
	struct access *a = str_alloc(sizeof(*a));

	a->o = *options;
	return a;
}

void
access_free(struct access *a)
{
	free(a);
}

const char *
access_cookie_name(bool tls)
{
	/* Browsers take the first only over TLS, from this host, for all of it (RFC 6265bis 4.1.3.2). */
	return tls ? "__Host-netboot" : "netboot";
}

static const char *const role_names[] = {
    [AUTH_VIEWER] = "viewer", [AUTH_OPERATOR] = "operator", [AUTH_ADMIN] = "admin"};

enum auth_role
access_role(const char *name)
{
	for (size_t i = AUTH_VIEWER; i < ARRAY_SIZE(role_names); i++)
		if (str_eq(name, role_names[i]))
			return (enum auth_role)i;
	return AUTH_NONE;
}

const char *
access_role_name(int role)
{
	return role >= AUTH_VIEWER && role <= AUTH_ADMIN ? role_names[role] : "none";
}

/* ---- failures ---- */

static bool
same_net(const struct addr_ip *a, const struct addr_ip *b)
{
	return a->family == b->family &&
	       memcmp(a->b, b->b, a->family == AF_INET6 ? 8 : 4) == 0;
}

/* The row of an address; else the one that has been quiet for the longest. */
static struct failer *
failer_of(struct access *a, const struct addr_ip *ip)
{
	struct failer *oldest = &a->failers[0];

	for (size_t i = 0; i < FAILERS; i++) {
		struct failer *f = &a->failers[i];
		if (f->n > 0 && same_net(&f->ip, ip))
			return f;
		if (f->since < oldest->since)
			oldest = f;
	}
	return oldest;
}

/* The first of an address in its minute is in the audit; of many addresses a few are, and how many there were. */
static void
tell_failed(struct access *a, const struct addr_ip *ip, int64_t now)
{
	char address[ADDR_IP_TEXT];
	/* No user has that uid, and what is below 0 is a token's. */
	struct audit_who who = {.uid = (uid_t)-1, .owner = (uid_t)-1, .name = "nobody"};

	addr_ip_text(ip, address, sizeof(address));
	if (now - a->audit_since >= MINUTE_US || now < a->audit_since) {
		a->audit_since = now;
		a->n_audits = 0;
	}
	if (a->n_audits >= ACCESS_AUDITS_MAX) {
		a->untold++;
		return;
	}
	a->n_audits++;
	log_warn(a->o.log, "web: %s came with a token that is not valid", address);
	if (str_format(who.from, sizeof(who.from), "%s (web)", address) < 0)
		abort();
	json_t *detail =
	    a->untold ? json_pack("{s:I}", "omitted", (json_int_t)a->untold) : NULL;
	int rc = audit_write(a->o.store, &who,
	    &(struct audit_row){.what = "session.login",
		.object = address,
		.result = "login-failed",
		.detail = detail},
	    now);
	json_decref(detail);
	a->untold = rc < 0 ? a->untold : 0;
	if (rc < 0)
		log_error(a->o.log, "cannot record a failed login: %s", strerror(-rc));
}

static enum access_result
failed(struct access *a, const struct addr_ip *ip, int64_t now)
{
	struct failer *f = failer_of(a, ip);

	if (f->n == 0 || !same_net(&f->ip, ip) || now - f->since >= MINUTE_US ||
	    now < f->since) {
		*f = (struct failer){.ip = *ip, .since = now};
		tell_failed(a, ip, now);
	}
	if (f->n < ACCESS_FAILURES_MAX)
		f->n++;
	else
		return ACCESS_LIMITED;
	return ACCESS_BAD;
}

/* ---- tokens ---- */

static void
could_not_note(struct access *a, int rc, int64_t now)
{
	if (rc == 0 || (a->told_at != 0 && now - a->told_at < MINUTE_US))
		return;
	a->told_at = now;
	log_warn(a->o.log, "cannot note when a token was used: %s", strerror(-rc));
}

static bool
alive(const struct db_token *t, int64_t now)
{
	return t->revoked == 0 && (t->expires == 0 || now < t->expires) &&
	       access_role(t->role) != AUTH_NONE;
}

static void
note_token(struct access *a, struct db_token *t, int64_t now)
{
	if (now - t->last_used < MINUTE_US && now >= t->last_used)
		return;
	could_not_note(a, db_token_used(a->o.store, t->id, now), now);
	t->last_used = now;
}

/* 0, or -ENOENT: of nobody, any more. */
static int
find_token(struct access *a, const char *text, int64_t now, struct db_token *ret)
{
	char digest[SECRET_MAC_TEXT];
	int rc;

	if (strlen(text) >= ACCESS_SECRET_SIZE)
		return -ENOENT;
	secret_mac(a->o.key, "token", text, digest);
	rc = db_token_by_digest(a->o.store, digest, ret);
	if (rc == 0 && (!secret_equal(digest, ret->digest) || !alive(ret, now)))
		rc = -ENOENT;
	return rc;
}

enum access_result
access_token_check(struct access *a, const char *text, const struct addr_ip *from,
    int64_t now, struct db_token *ret)
{
	int rc = find_token(a, text, now, ret);

	if (rc == -ENOENT)
		return failed(a, from, now);
	if (rc < 0)
		return ACCESS_TROUBLE;
	note_token(a, ret, now);
	return ACCESS_OK;
}

int
access_token_make(struct access *a, struct db_token *t, char **ret)
{
	char *text = secret_make(ACCESS_TOKEN_PREFIX);

	secret_mac(a->o.key, "token", text, t->digest);
	int rc = db_token_add(a->o.store, t, &t->id);
	if (rc < 0)
		secret_free(text);
	else
		*ret = text;
	return rc;
}

/* ---- sessions ---- */

int
access_session_begin(struct access *a, const struct db_token *t, int64_t now,
    struct db_session *ret_session, char **ret)
{
	struct db_session s = {.token = t->id, .created = now, .last_used = now};
	int64_t n = 0;
	int rc =
	    db_token_session_prune(a->o.store, now, now - ACCESS_IDLE_S * USEC_PER_SEC);

	if (rc == 0)
		rc = db_token_session_count(a->o.store, t->id, now, &n);
	if (rc == 0 && n >= ACCESS_SESSIONS_MAX)
		rc = -EMFILE;
	if (rc < 0)
		return rc;
	char *text = secret_make(""), *csrf = secret_make("");
	secret_mac(a->o.key, "session", text, s.digest);
	str_clip(s.csrf, sizeof(s.csrf), csrf);
	secret_free(csrf);
	s.expires = now + a->o.session_us;
	if (t->expires > 0 && t->expires < s.expires)
		s.expires = t->expires;
	rc = db_token_session_add(a->o.store, &s);
	if (rc < 0) {
		secret_free(text);
		return rc;
	}
	*ret_session = s;
	*ret = text;
	return 0;
}

/* 0, or -ENOENT. */
static int
find_session(struct access *a, const char *text, int64_t now, struct access_grant *ret)
{
	char digest[SECRET_MAC_TEXT];
	struct db_session *s = &ret->session;

	secret_mac(a->o.key, "session", text, digest);
	int rc = db_token_session_get(a->o.store, digest, s);
	if (rc == 0 && (!secret_equal(digest, s->digest) || now >= s->expires ||
			   now - s->last_used > ACCESS_IDLE_S * USEC_PER_SEC))
		rc = -ENOENT;
	if (rc == 0)
		rc = db_token_by_id(a->o.store, s->token, &ret->token);
	if (rc == 0 && !alive(&ret->token, now))
		rc = -ENOENT;
	return rc;
}

void
access_session_touch(struct access *a, const char *owner, int64_t now)
{
	could_not_note(a, db_token_session_used(a->o.store, owner, now), now);
}

void
access_prune(struct access *a, int64_t now)
{
	could_not_note(a,
	    db_token_session_prune(a->o.store, now, now - ACCESS_IDLE_S * USEC_PER_SEC),
	    now);
}

/* ---- requests ---- */

bool
access_same_site(const struct access_ask *ask)
{
	const char *origin = ask->origin ? strstr(ask->origin, "://") : NULL;

	if (ask->fetch_site && !str_eq(ask->fetch_site, "same-origin") &&
	    !str_eq(ask->fetch_site, "none"))
		return false;
	if (!ask->origin)
		return true;
	/* Not the scheme: a proxy before us may speak TLS for us. */
	return origin && ask->host && strcasecmp(origin + 3, ask->host) == 0;
}

/* RFC 9110 9.2.1 */
static bool
is_safe(const char *method)
{
	return str_eq(method, "GET") || str_eq(method, "HEAD") ||
	       str_eq(method, "OPTIONS");
}

static void
name_who(struct access_grant *g, const struct access_ask *ask)
{
	char address[ADDR_IP_TEXT];

	g->who = (struct audit_who){.uid = (uid_t)-1,
	    .owner = -g->token.id,
	    .role = access_role(g->token.role),
	    .max_hosts = g->token.max_hosts};
	addr_ip_text(&ask->address, address, sizeof(address));
	if (str_format(g->who.name, sizeof(g->who.name), "token:%s", g->token.name) < 0 ||
	    str_format(g->who.from, sizeof(g->who.from), "%s (web)", address) < 0)
		abort();
	g->until = g->token.expires ? g->token.expires : INT64_MAX;
	if (g->by_session)
		g->until = g->session.expires;
	if (g->by_session)
		str_clip(g->owner, sizeof(g->owner), g->session.digest);
	else if (str_format(g->owner, sizeof(g->owner), "token %lld",
		     (long long)g->token.id) < 0)
		abort();
}

static enum access_result
by_cookie(struct access *a, const struct access_ask *ask, const char *text,
    struct access_grant *ret)
{
	int rc = find_session(a, text, ask->now, ret);

	/* Not a failed login: browsers keep the cookie of a session that ended. */
	if (rc == -ENOENT)
		return ACCESS_NONE;
	if (rc < 0)
		return ACCESS_TROUBLE;
	ret->by_session = true;
	/* Reading too: a GET may take a console. SameSite does not tell apart the ports of a host, nor the hosts of a
	 * domain; browsers do. */
	if (!access_same_site(ask))
		return ACCESS_CROSS;
	if (!is_safe(ask->method) &&
	    (!ask->csrf || !secret_equal(ask->csrf, ret->session.csrf)))
		return ACCESS_CROSS;
	if (ask->now - ret->session.last_used >= MINUTE_US) {
		access_session_touch(a, ret->session.digest, ask->now);
		ret->session.last_used = ask->now;
	}
	note_token(a, &ret->token, ask->now);
	return ACCESS_OK;
}

/* Of a scheme that is not ours: a proxy before us has asked for it, and browsers send it along. */
static bool
is_others(const char *authorization)
{
	const char *space = strchr(authorization, ' ');

	return space && space > authorization &&
	       strncasecmp(authorization, "Bearer ", 7) != 0;
}

enum access_result
access_check(struct access *a, const struct access_ask *ask, struct access_grant *ret)
{
	char cookie[ACCESS_SECRET_SIZE];
	enum access_result r = ACCESS_NONE;

	*ret = (struct access_grant){.by_session = false};
	const char *text = rest_head_bearer(ask->authorization);

	if (text || (ask->authorization && !is_others(ask->authorization))) {
		r = text ? access_token_check(
			       a, text, &ask->address, ask->now, &ret->token)
			 : failed(a, &ask->address, ask->now);
	} else if (rest_head_cookie(ask->cookie, access_cookie_name(ask->tls), cookie,
		       sizeof(cookie))) {
		r = by_cookie(a, ask, cookie, ret);
		secret_wipe(cookie, sizeof(cookie));
	}
	if (r == ACCESS_OK)
		name_who(ret, ask);
	return r;
}

enum auth_role
access_known(struct access *a, const struct access_ask *ask)
{
	char cookie[ACCESS_SECRET_SIZE];
	struct access_grant g;
	const char *text = rest_head_bearer(ask->authorization);
	int rc = -ENOENT;

	if (text) {
		rc = find_token(a, text, ask->now, &g.token);
	} else if (rest_head_cookie(ask->cookie, access_cookie_name(ask->tls), cookie,
		       sizeof(cookie))) {
		rc = find_session(a, cookie, ask->now, &g);
		secret_wipe(cookie, sizeof(cookie));
	}
	return rc == 0 ? access_role(g.token.role) : AUTH_NONE;
}
