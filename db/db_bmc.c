// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of `bmc_learned`.
 *
 * Entry points: db_bmc_learned_put(), db_bmc_learned_get(). A row goes with its host. Failure modes: those
 * of db.h. */
#include "db/db_bmc.h"

#include <errno.h>

#include "db/store_priv.h"
#include "lib/compiler.h"
#include "lib/str.h"

enum { LEARNED_GET, LEARNED_PUT };

static const char *const sql[] = {
    [LEARNED_GET] = "SELECT l.doc, l.at FROM bmc_learned AS l JOIN bmc AS b"
		    " ON b.host = l.host AND b.address = l.address AND b.port = l.port"
		    " WHERE l.host = $1",
    [LEARNED_PUT] = "INSERT INTO bmc_learned (host, address, port, doc, at)"
		    " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (host) DO UPDATE SET"
		    " address = excluded.address, port = excluded.port,"
		    " doc = excluded.doc, at = excluded.at",
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
