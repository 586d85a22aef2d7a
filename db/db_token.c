// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of `token` and `session`.
 *
 * Entry points: db_token_*() and db_token_session_*(). Secrets never get here: they are looked up by a digest, which the
 * caller makes and compares. A revoked token stays as a row without power, so that its name and id are never
 * somebody else's. Failure modes: those of db.h. */
#include "db/db_token.h"

#include <errno.h>

#include "db/store_priv.h"
#include "lib/compiler.h"

#define TOKEN_COLUMNS                                                                \
	"id, name, role, digest, created, created_by, expires, last_used, revoked, " \
	"max_hosts"

enum {
	TOKEN_ADD,
	TOKEN_BY_DIGEST,
	TOKEN_BY_NAME,
	TOKEN_BY_ID,
	TOKEN_LIST,
	TOKEN_USED,
	TOKEN_REVOKE,
	SESSION_ADD,
	SESSION_GET,
	SESSION_USED,
	SESSION_DELETE,
	SESSION_OF_TOKEN_DELETE,
	SESSION_COUNT,
	SESSION_PRUNE_ENDED,
	SESSION_PRUNE_UNUSED,
};

static const char *const sql[] = {
    [TOKEN_ADD] = "INSERT INTO token (name, role, digest, created, created_by, expires,"
		  " max_hosts) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
    [TOKEN_BY_DIGEST] = "SELECT " TOKEN_COLUMNS " FROM token WHERE digest = $1",
    [TOKEN_BY_NAME] = "SELECT " TOKEN_COLUMNS " FROM token WHERE name = $1",
    [TOKEN_BY_ID] = "SELECT " TOKEN_COLUMNS " FROM token WHERE id = $1",
    [TOKEN_LIST] = "SELECT " TOKEN_COLUMNS " FROM token ORDER BY name",
    [TOKEN_USED] = "UPDATE token SET last_used = $2 WHERE id = $1",
    [TOKEN_REVOKE] = "UPDATE token SET revoked = $2 WHERE id = $1 AND revoked IS NULL",
    [SESSION_ADD] =
	"INSERT INTO session (digest, token, csrf, created, last_used, expires)"
	" VALUES ($1, $2, $3, $4, $5, $6)",
    [SESSION_GET] = "SELECT digest, token, csrf, created, last_used, expires FROM session"
		    " WHERE digest = $1",
    [SESSION_USED] = "UPDATE session SET last_used = $2 WHERE digest = $1",
    [SESSION_DELETE] = "DELETE FROM session WHERE digest = $1",
    [SESSION_OF_TOKEN_DELETE] = "DELETE FROM session WHERE token = $1",
    [SESSION_COUNT] = "SELECT COUNT(*) FROM session WHERE token = $1 AND expires > $2",
    [SESSION_PRUNE_ENDED] = "DELETE FROM session WHERE expires <= $1",
    [SESSION_PRUNE_UNUSED] = "DELETE FROM session WHERE last_used < $1",
};

struct store_sql
db_token_sql(void)
{
	return (struct store_sql){sql, ARRAY_SIZE(sql)};
}

static struct db_stmt *
stmt(struct store *s, size_t i)
{
	return db_stmt(s->set[STORE_TOKEN], i);
}

static void
bind_time(struct db_stmt *st, int n, int64_t at)
{
	if (at > 0)
		db_bind_i64(st, n, at);
	else
		db_bind_null(st, n);
}

int
db_token_add(struct store *s, const struct db_token *t, int64_t *ret_id)
{
	struct db_stmt *st = stmt(s, TOKEN_ADD);

	db_bind_text(st, 1, t->name);
	db_bind_text(st, 2, t->role);
	db_bind_text(st, 3, t->digest);
	db_bind_i64(st, 4, t->created);
	db_bind_text(st, 5, t->created_by);
	bind_time(st, 6, t->expires);
	if (t->max_hosts > 0)
		db_bind_i64(st, 7, t->max_hosts);
	int rc = db_step(st);
	if (rc <= 0)
		return rc < 0 ? rc : -EIO;
	if (ret_id)
		*ret_id = db_col_i64(st, 0);
	db_reset(st);
	return 0;
}

static void
read_token(struct db_stmt *st, struct db_token *ret)
{
	*ret = (struct db_token){.id = db_col_i64(st, 0),
	    .created = db_col_i64(st, 4),
	    .expires = db_col_i64(st, 6),
	    .last_used = db_col_i64(st, 7),
	    .revoked = db_col_i64(st, 8),
	    .max_hosts = db_col_i64(st, 9)};
	db_col_copy(st, 1, ret->name, sizeof(ret->name));
	db_col_copy(st, 2, ret->role, sizeof(ret->role));
	db_col_copy(st, 3, ret->digest, sizeof(ret->digest));
	db_col_copy(st, 5, ret->created_by, sizeof(ret->created_by));
}

static int
one_token(struct db_stmt *st, struct db_token *ret)
{
	int rc = db_step(st);

	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	read_token(st, ret);
	db_reset(st);
	return 0;
}

int
db_token_by_digest(struct store *s, const char *digest, struct db_token *ret)
{
	struct db_stmt *st = stmt(s, TOKEN_BY_DIGEST);

	db_bind_text(st, 1, digest);
	return one_token(st, ret);
}

int
db_token_by_name(struct store *s, const char *name, struct db_token *ret)
{
	struct db_stmt *st = stmt(s, TOKEN_BY_NAME);

	db_bind_text(st, 1, name);
	return one_token(st, ret);
}

int
db_token_by_id(struct store *s, int64_t id, struct db_token *ret)
{
	struct db_stmt *st = stmt(s, TOKEN_BY_ID);

	db_bind_i64(st, 1, id);
	return one_token(st, ret);
}

int
db_token_list(
    struct store *s, void (*each)(void *arg, const struct db_token *t), void *arg)
{
	struct db_stmt *st = stmt(s, TOKEN_LIST);
	struct db_token t;
	int rc;

	while ((rc = db_step(st)) == 1) {
		read_token(st, &t);
		each(arg, &t);
	}
	return rc;
}

int
db_token_used(struct store *s, int64_t id, int64_t now)
{
	struct db_stmt *st = stmt(s, TOKEN_USED);

	db_bind_i64(st, 1, id);
	db_bind_i64(st, 2, now);
	return store_change(st);
}

int
db_token_revoke(struct store *s, int64_t id, int64_t now)
{
	struct db_stmt *st = stmt(s, TOKEN_REVOKE);

	db_bind_i64(st, 1, id);
	db_bind_i64(st, 2, now);
	int rc = store_change(st);
	if (rc < 0)
		return rc;
	st = stmt(s, SESSION_OF_TOKEN_DELETE);
	db_bind_i64(st, 1, id);
	return store_run(st);
}

/* ---- sessions ---- */

int
db_token_session_add(struct store *s, const struct db_session *v)
{
	struct db_stmt *st = stmt(s, SESSION_ADD);

	db_bind_text(st, 1, v->digest);
	db_bind_i64(st, 2, v->token);
	db_bind_text(st, 3, v->csrf);
	db_bind_i64(st, 4, v->created);
	db_bind_i64(st, 5, v->last_used);
	db_bind_i64(st, 6, v->expires);
	return store_run(st);
}

int
db_token_session_get(struct store *s, const char *digest, struct db_session *ret)
{
	struct db_stmt *st = stmt(s, SESSION_GET);

	db_bind_text(st, 1, digest);
	int rc = db_step(st);
	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	*ret = (struct db_session){.token = db_col_i64(st, 1),
	    .created = db_col_i64(st, 3),
	    .last_used = db_col_i64(st, 4),
	    .expires = db_col_i64(st, 5)};
	db_col_copy(st, 0, ret->digest, sizeof(ret->digest));
	db_col_copy(st, 2, ret->csrf, sizeof(ret->csrf));
	db_reset(st);
	return 0;
}

int
db_token_session_used(struct store *s, const char *digest, int64_t now)
{
	struct db_stmt *st = stmt(s, SESSION_USED);

	db_bind_text(st, 1, digest);
	db_bind_i64(st, 2, now);
	return store_run(st);
}

int
db_token_session_delete(struct store *s, const char *digest)
{
	struct db_stmt *st = stmt(s, SESSION_DELETE);

	db_bind_text(st, 1, digest);
	return store_run(st);
}

int
db_token_session_count(struct store *s, int64_t token, int64_t now, int64_t *ret)
{
	struct db_stmt *st = stmt(s, SESSION_COUNT);

	db_bind_i64(st, 1, token);
	db_bind_i64(st, 2, now);
	int rc = db_step(st);
	if (rc <= 0)
		return rc < 0 ? rc : -EIO;
	*ret = db_col_i64(st, 0);
	db_reset(st);
	return 0;
}

int
db_token_session_prune(struct store *s, int64_t now, int64_t unused_since)
{
	struct db_stmt *st = stmt(s, SESSION_PRUNE_ENDED);

	db_bind_i64(st, 1, now);
	int rc = store_run(st);
	if (rc < 0)
		return rc;
	st = stmt(s, SESSION_PRUNE_UNUSED);
	db_bind_i64(st, 1, unused_since);
	return store_run(st);
}
