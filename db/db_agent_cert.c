// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of `agent_cert`, `agent_shut` and `join_secret`.
 *
 * Entry points: db_agent_cert_*(). What is revoked, used or withdrawn stays as a row: a serial or a secret is never new
 * again. Secrets never get here, only their digests. Failure modes: those of db.h. */
#include "db/db_agent_cert.h"

#include <errno.h>

#include "db/store_priv.h"

#define CERT_COLUMNS                                                                     \
	"serial, site, issued, ends, issued_by, renews, seal_key, last_seen, last_from," \
	" revoked, revoked_by, revoked_why"
#define SECRET_COLUMNS                                                         \
	"digest, site, created, created_by, expires, used, used_from, serial," \
	" withdrawn, request"

enum {
	CERT_ADD,
	CERT_GET,
	CERT_OF_SITE,
	CERT_GOOD,
	CERT_COUNT,
	CERT_SEEN,
	CERT_REVOKE,
	CERT_REVOKE_SITE,
	SHUT_PUT,
	SHUT_GET,
	SECRET_ADD,
	SECRET_GET,
	SECRET_USE,
	SECRET_WITHDRAW,
	SECRET_OF_SITE,
};

static const char *const sql[] = {
    [CERT_ADD] =
	"INSERT INTO agent_cert (serial, site, issued, ends, issued_by, renews, seal_key)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7)",
    [CERT_GET] = "SELECT " CERT_COLUMNS " FROM agent_cert WHERE serial = $1",
    [CERT_OF_SITE] = "SELECT " CERT_COLUMNS " FROM agent_cert WHERE site = $1"
		     " ORDER BY issued DESC LIMIT $2",
    [CERT_GOOD] = "SELECT serial FROM agent_cert WHERE site = $1 AND revoked IS NULL"
		  " AND ends > $2 ORDER BY issued DESC, serial",
    [CERT_COUNT] = "SELECT COUNT(*) FROM agent_cert WHERE site = $1 AND issued > $2",
    [CERT_SEEN] =
	"UPDATE agent_cert SET last_seen = $2, last_from = $3 WHERE serial = $1",
    [CERT_REVOKE] =
	"UPDATE agent_cert SET revoked = $2, revoked_by = $3, revoked_why = $4"
	" WHERE serial = $1 AND revoked IS NULL",
    [CERT_REVOKE_SITE] =
	"UPDATE agent_cert SET revoked = $2, revoked_by = $3, revoked_why = $4"
	" WHERE site = $1 AND revoked IS NULL",
    [SHUT_PUT] = "INSERT INTO agent_shut (site, at) VALUES ($1, $2)"
		 " ON CONFLICT (site) DO UPDATE SET at = excluded.at",
    [SHUT_GET] = "SELECT at FROM agent_shut WHERE site = $1",
    [SECRET_ADD] = "INSERT INTO join_secret (digest, site, created, created_by, expires)"
		   " VALUES ($1, $2, $3, $4, $5)",
    [SECRET_GET] = "SELECT " SECRET_COLUMNS " FROM join_secret WHERE digest = $1",
    [SECRET_USE] =
	"UPDATE join_secret SET used = $2, used_from = $3, serial = $4, request = $5"
	" WHERE digest = $1 AND (used IS NULL OR request = $5) AND withdrawn IS NULL",
    [SECRET_WITHDRAW] = "UPDATE join_secret SET withdrawn = $2"
			" WHERE site = $1 AND used IS NULL AND withdrawn IS NULL",
    [SECRET_OF_SITE] = "SELECT " SECRET_COLUMNS " FROM join_secret WHERE site = $1"
		       " ORDER BY created DESC LIMIT $2",
};

struct store_sql
db_agent_cert_sql(void)
{
	return (struct store_sql){sql, ARRAY_SIZE(sql)};
}

static struct db_stmt *
stmt(struct store *s, size_t i)
{
	return db_stmt(s->set[STORE_AGENT_CERT], i);
}

static void
bind_some(struct db_stmt *st, int n, const char *text)
{
	if (text[0])
		db_bind_text(st, n, text);
	else
		db_bind_null(st, n);
}

/* ---- certificates ---- */

const char *
db_agent_cert_state(const struct db_agent_cert *c, int64_t now)
{
	return c->revoked ? "revoked" : c->ends <= now ? "ended" : "valid";
}

int
db_agent_cert_add(struct store *s, const struct db_agent_cert *c)
{
	struct db_stmt *st = stmt(s, CERT_ADD);

	db_bind_text(st, 1, c->serial);
	db_bind_text(st, 2, c->site);
	db_bind_i64(st, 3, c->issued);
	db_bind_i64(st, 4, c->ends);
	db_bind_text(st, 5, c->issued_by);
	bind_some(st, 6, c->renews);
	bind_some(st, 7, c->seal_key);
	return store_run(st);
}

static void
read_cert(struct db_stmt *st, struct db_agent_cert *ret)
{
	*ret = (struct db_agent_cert){.issued = db_col_i64(st, 2),
	    .ends = db_col_i64(st, 3),
	    .last_seen = db_col_i64(st, 7),
	    .revoked = db_col_i64(st, 9)};
	db_col_copy(st, 0, ret->serial, sizeof(ret->serial));
	db_col_copy(st, 1, ret->site, sizeof(ret->site));
	db_col_copy(st, 4, ret->issued_by, sizeof(ret->issued_by));
	db_col_copy(st, 5, ret->renews, sizeof(ret->renews));
	db_col_copy(st, 6, ret->seal_key, sizeof(ret->seal_key));
	db_col_copy(st, 8, ret->last_from, sizeof(ret->last_from));
	db_col_copy(st, 10, ret->revoked_by, sizeof(ret->revoked_by));
	db_col_copy(st, 11, ret->revoked_why, sizeof(ret->revoked_why));
}

int
db_agent_cert_get(struct store *s, const char *serial, struct db_agent_cert *ret)
{
	struct db_stmt *st = stmt(s, CERT_GET);

	db_bind_text(st, 1, serial);
	int rc = db_step(st);
	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	read_cert(st, ret);
	db_reset(st);
	return 0;
}

int
db_agent_cert_of_site(struct store *s, const char *site, int64_t limit,
    void (*each)(void *arg, const struct db_agent_cert *c), void *arg)
{
	struct db_stmt *st = stmt(s, CERT_OF_SITE);
	struct db_agent_cert c;
	int rc;

	db_bind_text(st, 1, site);
	db_bind_i64(st, 2, limit);
	while ((rc = db_step(st)) == 1) {
		read_cert(st, &c);
		each(arg, &c);
	}
	return rc;
}

int
db_agent_cert_good(
    struct store *s, const char *site, int64_t now, struct store_names *ret)
{
	struct db_stmt *st = stmt(s, CERT_GOOD);

	db_bind_text(st, 1, site);
	db_bind_i64(st, 2, now);
	return store_collect(st, ret);
}

int
db_agent_cert_count(struct store *s, const char *site, int64_t since, int64_t *ret)
{
	struct db_stmt *st = stmt(s, CERT_COUNT);

	db_bind_text(st, 1, site);
	db_bind_i64(st, 2, since);
	return store_i64(st, ret);
}

int
db_agent_cert_seen(struct store *s, const char *serial, int64_t at, const char *from)
{
	struct db_stmt *st = stmt(s, CERT_SEEN);

	db_bind_text(st, 1, serial);
	db_bind_i64(st, 2, at);
	db_bind_text(st, 3, from);
	return store_change(st);
}

static struct db_stmt *
revoking(struct store *s, size_t i, const char *key, int64_t at, const char *by,
    const char *why)
{
	struct db_stmt *st = stmt(s, i);

	db_bind_text(st, 1, key);
	db_bind_i64(st, 2, at);
	db_bind_text(st, 3, by);
	db_bind_text(st, 4, why);
	return st;
}

int
db_agent_cert_revoke(
    struct store *s, const char *serial, int64_t at, const char *by, const char *why)
{
	return store_change(revoking(s, CERT_REVOKE, serial, at, by, why));
}

int
db_agent_cert_revoke_site(
    struct store *s, const char *site, int64_t at, const char *by, const char *why)
{
	int rc = store_run(revoking(s, CERT_REVOKE_SITE, site, at, by, why));
	struct db_stmt *st = stmt(s, SHUT_PUT);

	db_bind_text(st, 1, site);
	db_bind_i64(st, 2, at);
	return rc < 0 ? rc : store_run(st);
}

int
db_agent_cert_shut(struct store *s, const char *site, int64_t *ret)
{
	struct db_stmt *st = stmt(s, SHUT_GET);

	*ret = 0;
	db_bind_text(st, 1, site);
	int rc = store_i64(st, ret);
	return rc == -ENOENT ? 0 : rc;
}

/* ---- secrets ---- */

int
db_agent_cert_secret_add(struct store *s, const struct db_join_secret *v)
{
	struct db_stmt *st = stmt(s, SECRET_ADD);

	db_bind_text(st, 1, v->digest);
	db_bind_text(st, 2, v->site);
	db_bind_i64(st, 3, v->created);
	db_bind_text(st, 4, v->created_by);
	db_bind_i64(st, 5, v->expires);
	return store_run(st);
}

static void
read_secret(struct db_stmt *st, struct db_join_secret *ret)
{
	*ret = (struct db_join_secret){.created = db_col_i64(st, 2),
	    .expires = db_col_i64(st, 4),
	    .used = db_col_i64(st, 5),
	    .withdrawn = db_col_i64(st, 8)};
	db_col_copy(st, 0, ret->digest, sizeof(ret->digest));
	db_col_copy(st, 1, ret->site, sizeof(ret->site));
	db_col_copy(st, 3, ret->created_by, sizeof(ret->created_by));
	db_col_copy(st, 6, ret->used_from, sizeof(ret->used_from));
	db_col_copy(st, 7, ret->serial, sizeof(ret->serial));
	db_col_copy(st, 9, ret->request, sizeof(ret->request));
}

int
db_agent_cert_secret_get(struct store *s, const char *digest, struct db_join_secret *ret)
{
	struct db_stmt *st = stmt(s, SECRET_GET);

	db_bind_text(st, 1, digest);
	int rc = db_step(st);
	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	read_secret(st, ret);
	db_reset(st);
	return 0;
}

int
db_agent_cert_secret_use(struct store *s, const char *digest, int64_t at,
    const char *from, const char *serial, const char *request)
{
	struct db_stmt *st = stmt(s, SECRET_USE);

	db_bind_text(st, 1, digest);
	db_bind_i64(st, 2, at);
	db_bind_text(st, 3, from);
	db_bind_text(st, 4, serial);
	db_bind_text(st, 5, request);
	return store_change(st);
}

int
db_agent_cert_secret_withdraw(struct store *s, const char *site, int64_t at)
{
	struct db_stmt *st = stmt(s, SECRET_WITHDRAW);

	db_bind_text(st, 1, site);
	db_bind_i64(st, 2, at);
	return store_run(st);
}

int
db_agent_cert_secrets(struct store *s, const char *site, int64_t limit,
    void (*each)(void *arg, const struct db_join_secret *v), void *arg)
{
	struct db_stmt *st = stmt(s, SECRET_OF_SITE);
	struct db_join_secret v;
	int rc;

	db_bind_text(st, 1, site);
	db_bind_i64(st, 2, limit);
	while ((rc = db_step(st)) == 1) {
		read_secret(st, &v);
		each(arg, &v);
	}
	return rc;
}
