/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who comes by TCP: tokens, sessions of the page, and what keeps strangers from trying. */
#ifndef ORCHESTRATOR_ACCESS_H
#define ORCHESTRATOR_ACCESS_H

#include <stdbool.h>

#include "db/db_token.h"
#include "lib/addr.h"
#include "lib/log.h"
#include "lib/secret.h"
#include "orchestrator/audit.h"

enum {
	ACCESS_IDLE_S = 2 * 3600, /* a session that nobody uses */
	ACCESS_SESSIONS_MAX = 64, /* of one token */
	ACCESS_STREAMS_MAX = 12,  /* of one session or token, open at once */
	ACCESS_FAILURES_MAX = 20, /* of one address in a minute; then 429 */
	ACCESS_AUDITS_MAX = 5, /* rows of failed logins, in a minute, of all addresses */
	ACCESS_SECRET_SIZE = 64, /* more than a token's or a session's text */
};

#define ACCESS_TOKEN_PREFIX "nb_"

struct access;

struct access_options {
	struct store *store;
	const struct secret_key *key;
	const struct log *log;
	int64_t session_us; /* absolute */
};

struct access *
access_new(const struct access_options *options);
void
access_free(struct access *a);

/* Of one request; texts as they came, or NULL. */
struct access_ask {
	const char *method;
	const char *authorization, *cookie, *csrf, *origin, *fetch_site, *host;
	bool tls;
	struct addr_ip address;
	int64_t now; /* wall */
};

struct access_grant {
	struct audit_who who;
	struct db_token token;
	struct db_session session; /* by_session */
	bool by_session;
	char owner[80]; /* names the session or, without one, the token: lib/rest_web.h */
	int64_t until;	/* of either */
};

enum access_result {
	ACCESS_OK,
	ACCESS_NONE,	/* it has no credentials */
	ACCESS_BAD,	/* they are nobody's (any more) */
	ACCESS_LIMITED, /* the same, once too often */
	ACCESS_CROSS, /* a session's, from another site's page or without the session's CSRF token */
	ACCESS_TROUBLE, /* of the database */
};

enum access_result
access_check(struct access *a, const struct access_ask *ask, struct access_grant *ret);
/* Whose is it? AUTH_NONE: nobody's, which is not counted as a failure. */
enum auth_role
access_known(struct access *a, const struct access_ask *ask);
/* Does the page that made this request come from here? True for what no browser sends. */
bool
access_same_site(const struct access_ask *ask);

/* Makes a token: *ret is the only copy of it (secret_free()). In a transaction. -EEXIST: the name is taken. */
int
access_token_make(struct access *a, struct db_token *t, char **ret) MUST_CHECK;
/* ACCESS_OK, _BAD, _LIMITED or _TROUBLE. */
enum access_result
access_token_check(struct access *a, const char *text, const struct addr_ip *from,
    int64_t now, struct db_token *ret);
/* Begins a session: *ret is the cookie's value (secret_free()). In a transaction. -EMFILE: it has too many. */
int
access_session_begin(struct access *a, const struct db_token *t, int64_t now,
    struct db_session *ret_session, char **ret) MUST_CHECK;
/* Of a session with a stream that is open: it is in use. */
void
access_session_touch(struct access *a, const char *owner, int64_t now);
void
access_prune(struct access *a, int64_t now);

const char *
access_cookie_name(bool tls);
/* The roles' names; AUTH_NONE for no role's. */
enum auth_role
access_role(const char *name);
const char *
access_role_name(int role);

#endif
