// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of `bmc_learned`.
 *
 * Entry points: db_bmc_learned_put(), db_bmc_learned_get(); db_bmc_next_*() for the passwords of BMCs that are being
 * changed, which are columns of `bmc`. A row goes with its host. Failure modes: those of db.h. */
#include "db/db_bmc.h"

#include <assert.h>
#include <errno.h>

#include "db/store_priv.h"
#include "lib/compiler.h"
#include "lib/str.h"

enum { LEARNED_GET, LEARNED_PUT, NEXT_PUT, NEXT_RUN, NEXT_SETTLE, HOST_REV, SHARED };

static const char *const sql[] = {
    [LEARNED_GET] = "SELECT l.doc, l.at FROM bmc_learned AS l JOIN bmc AS b"
		    " ON b.host = l.host AND b.address = l.address AND b.port = l.port"
		    " WHERE l.host = $1",
    [LEARNED_PUT] = "INSERT INTO bmc_learned (host, address, port, doc, at)"
		    " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (host) DO UPDATE SET"
		    " address = excluded.address, port = excluded.port,"
		    " doc = excluded.doc, at = excluded.at",
    [NEXT_PUT] = "UPDATE bmc SET password_next = $3, next_at = $4, next_runs = 0"
		 " WHERE host = $1 AND password_next IS NULL"
		 " AND COALESCE(password, '') = $2",
    [NEXT_RUN] = "UPDATE bmc SET next_runs = next_runs + 1"
		 " WHERE host = $1 AND password_next = $2",
    [NEXT_SETTLE] = "UPDATE bmc SET password = $3, password_next = NULL, next_at = NULL,"
		    " next_runs = 0 WHERE host = $1 AND password_next = $2"
		    " AND ($4 IS NULL OR COALESCE(password, '') = $4)",
    [HOST_REV] = "UPDATE host SET rev = rev + 1 WHERE name = $1",
    [SHARED] = "SELECT host FROM bmc WHERE host <> $1 AND address = $2 AND port = $3"
	       " ORDER BY host LIMIT 1",
};

struct store_sql
db_bmc_sql(void)
{
	return (struct store_sql){sql, ARRAY_SIZE(sql)};
}

static struct db_stmt *
stmt_for(struct store *s, size_t i, const char *host)
{
	struct db_stmt *st = db_stmt(s->set[STORE_BMC], i);

	db_bind_text(st, 1, host);
	return st;
}

int
db_bmc_learned_put(struct store *s, const char *host, const char *address, int64_t port,
    const char *doc, int64_t at)
{
	struct db_stmt *st = stmt_for(s, LEARNED_PUT, host);

	db_bind_text(st, 2, address);
	db_bind_i64(st, 3, port);
	db_bind_text(st, 4, doc);
	db_bind_i64(st, 5, at);
	return store_run(st);
}

int
db_bmc_learned_get(struct store *s, const char *host, char **ret, int64_t *ret_at)
{
	struct db_stmt *st = stmt_for(s, LEARNED_GET, host);
	int rc = db_step(st);

	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	*ret = str_dup(db_col_text(st, 0));
	*ret_at = db_col_i64(st, 1);
	db_reset(st);
	return 0;
}

int
db_bmc_next_put(
    struct store *s, const char *host, const char *sealed, const char *next, int64_t at)
{
	struct db_stmt *st = stmt_for(s, NEXT_PUT, host);

	assert(db_in_transaction(s->db));
	db_bind_text(st, 2, sealed ? sealed : "");
	db_bind_text(st, 3, next);
	db_bind_i64(st, 4, at);
	int rc = store_change(st);
	return rc < 0 ? rc : store_run(stmt_for(s, HOST_REV, host));
}

int
db_bmc_next_run(struct store *s, const char *host, const char *next)
{
	struct db_stmt *st = stmt_for(s, NEXT_RUN, host);

	assert(db_in_transaction(s->db));
	db_bind_text(st, 2, next);
	return store_change(st);
}

int
db_bmc_next_settle(struct store *s, const char *host, const char *next,
    const char *proven, const char *only_over)
{
	struct db_stmt *st = stmt_for(s, NEXT_SETTLE, host);

	assert(db_in_transaction(s->db));
	db_bind_text(st, 2, next);
	db_bind_opt(st, 3, proven);
	if (only_over)
		db_bind_text(st, 4, only_over);
	else
		db_bind_null(st, 4);
	int rc = store_change(st);
	return rc < 0 ? rc : store_run(stmt_for(s, HOST_REV, host));
}

int
db_bmc_shared(struct store *s, const char *host, const char *address, int64_t port,
    char *ret, size_t size)
{
	struct db_stmt *st = stmt_for(s, SHARED, host);

	db_bind_text(st, 2, address);
	db_bind_i64(st, 3, port);
	return store_text(st, ret, size);
}
