// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of `idempotency`: what a request that makes something was answered with.
 *
 * Entry points: db_idem_get() before a request is carried out, db_idem_add() in the transaction that
 * makes the thing the answer tells of: after a crash either both are there or neither.
 * Keys are per user, so that nobody can read another one's answer by guessing a key.
 * Failure modes: those of db.h. */
#include "db/db_idem.h"

#include <errno.h>

#include "db/store_priv.h"
#include "lib/compiler.h"
#include "lib/str.h"

enum { IDEM_GET, IDEM_ADD, IDEM_PRUNE };

static const char *const sql[] = {
    [IDEM_GET] =
	"SELECT request, status, answer FROM idempotency WHERE uid = $1 AND key = $2",
    [IDEM_ADD] = "INSERT INTO idempotency (uid, key, request, status, answer, created)"
		 " VALUES ($1, $2, $3, $4, $5, $6)",
    [IDEM_PRUNE] = "DELETE FROM idempotency WHERE created < $1",
};

struct store_sql
db_idem_sql(void)
{
	return (struct store_sql){sql, ARRAY_SIZE(sql)};
}

static struct db_stmt *
stmt(struct store *s, size_t i)
{
	return db_stmt(s->set[STORE_IDEM], i);
}

int
db_idem_get(struct store *s, int64_t uid, const char *key, struct db_idem *ret)
{
	struct db_stmt *st = stmt(s, IDEM_GET);

	db_bind_i64(st, 1, uid);
	db_bind_text(st, 2, key);
	int rc = db_step(st);
	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	db_col_copy(st, 0, ret->request, sizeof(ret->request));
	ret->status = db_col_i64(st, 1);
	ret->answer = str_dup(db_col_text(st, 2));
	db_reset(st);
	return 0;
}

int
db_idem_add(
    struct store *s, int64_t uid, const char *key, const struct db_idem *row, int64_t now)
{
	struct db_stmt *st = stmt(s, IDEM_ADD);

	db_bind_i64(st, 1, uid);
	db_bind_text(st, 2, key);
	db_bind_text(st, 3, row->request);
	db_bind_i64(st, 4, row->status);
	db_bind_text(st, 5, row->answer);
	db_bind_i64(st, 6, now);
	return store_run(st);
}

int
db_idem_prune(struct store *s, int64_t before)
{
	struct db_stmt *st = stmt(s, IDEM_PRUNE);

	db_bind_i64(st, 1, before);
	return store_run(st);
}
