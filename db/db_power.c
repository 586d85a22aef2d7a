// SPDX-License-Identifier: GPL-3.0-or-later
/* The columns of `host_state` that tell a machine which somebody switched off from one that we did.
 *
 * Entry points: db_power_get(), db_power_put(). What they mean is decided in orchestrator/lifecycle_power.c.
 * Failure modes: those of db.h. */
#include "db/db_power.h"

#include <string.h>

#include "db/store_priv.h"
#include "lib/str.h"

enum { POWER_GET, POWER_PUT };

static const char *const sql[] = {
    [POWER_GET] = "SELECT known, power_at, off_by, off_until, start_until FROM host_state"
		  " WHERE host = $1",
    [POWER_PUT] = "INSERT INTO host_state (host, known, off_by, off_until, start_until)"
		  " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (host) DO UPDATE SET"
		  " known = excluded.known, off_by = excluded.off_by,"
		  " off_until = excluded.off_until, start_until = excluded.start_until",
};

struct store_sql
db_power_sql(void)
{
	return (struct store_sql){sql, ARRAY_SIZE(sql)};
}

int
db_power_get(struct store *s, const char *host, struct db_power *ret)
{
	struct db_stmt *st = db_stmt(s->set[STORE_POWER], POWER_GET);

	memset(ret, 0, sizeof(*ret));
	db_bind_text(st, 1, host);
	int rc = db_step(st);
	if (rc <= 0)
		return rc;
	db_col_copy(st, 0, ret->known, sizeof(ret->known));
	ret->at = db_col_i64(st, 1);
	db_col_copy(st, 2, ret->off_by, sizeof(ret->off_by));
	ret->off_until = db_col_i64(st, 3);
	ret->start_until = db_col_i64(st, 4);
	db_reset(st);
	return 0;
}

int
db_power_put(struct store *s, const char *host, const struct db_power *p)
{
	struct db_stmt *st = db_stmt(s->set[STORE_POWER], POWER_PUT);

	db_bind_text(st, 1, host);
	db_bind_opt(st, 2, p->known);
	db_bind_opt(st, 3, p->off_by);
	if (p->off_until)
		db_bind_i64(st, 4, p->off_until);
	if (p->start_until)
		db_bind_i64(st, 5, p->start_until);
	return store_run(st);
}
