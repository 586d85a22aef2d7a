// SPDX-License-Identifier: GPL-3.0-or-later
/* Whose hosts, jobs and boots are, and the rows of `host_was`.
 *
 * Entry points: db_scope_host(), db_scope_job() and db_scope_boot() for every event that comes in, so that they read no
 * whole rows; db_scope_leave() when a host is moved or removed.
 * Failure modes: those of db.h. */
#include "db/db_scope.h"

#include <errno.h>
#include <string.h>

#include "db/store_priv.h"
#include "lib/clock.h"

enum { SCOPE_HOST, SCOPE_JOB, SCOPE_BOOT, SCOPE_LEAVE, SCOPE_FORGET };

#define KEPT_US (366LL * 24 * 3600 * USEC_PER_SEC)

static const char *const sql[] = {
    [SCOPE_HOST] = "SELECT (SELECT site FROM host WHERE name = $1),"
		   " (SELECT until FROM host_was WHERE host = $1 AND site = $2)",
    [SCOPE_JOB] = "SELECT host, site, agent FROM job WHERE id = $1",
    [SCOPE_BOOT] = "SELECT host, site, NULL FROM boot WHERE id = $1",
    [SCOPE_LEAVE] =
	"INSERT INTO host_was (host, site, until) SELECT name, site, $3 FROM host"
	" WHERE name = $1 AND site <> $2"
	" ON CONFLICT (host, site) DO UPDATE SET until = excluded.until",
    [SCOPE_FORGET] = "DELETE FROM host_was WHERE until < $1",
};

struct store_sql
db_scope_sql(void)
{
	return (struct store_sql){sql, ARRAY_SIZE(sql)};
}

static struct db_stmt *
stmt_for(struct store *s, size_t i, const char *key)
{
	struct db_stmt *st = db_stmt(s->set[STORE_SCOPE], i);

	db_bind_text(st, 1, key);
	return st;
}

int
db_scope_host(
    struct store *s, const char *name, const char *site, struct db_scope_host *ret)
{
	struct db_stmt *st = stmt_for(s, SCOPE_HOST, name);

	db_bind_text(st, 2, site);
	int rc = db_step(st);
	if (rc <= 0)
		return rc;
	db_col_copy(st, 0, ret->site, sizeof(ret->site));
	ret->was_at = db_col_i64(st, 1);
	db_reset(st);
	return 0;
}

static int
read_owner(struct db_stmt *st, struct db_scope_owner *ret)
{
	int rc = db_step(st);

	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	db_col_copy(st, 0, ret->host, sizeof(ret->host));
	db_col_copy(st, 1, ret->site, sizeof(ret->site));
	db_col_copy(st, 2, ret->agent, sizeof(ret->agent));
	db_reset(st);
	return 0;
}

int
db_scope_job(struct store *s, const char *id, struct db_scope_owner *ret)
{
	return read_owner(stmt_for(s, SCOPE_JOB, id), ret);
}

int
db_scope_boot(struct store *s, const char *id, struct db_scope_owner *ret)
{
	return read_owner(stmt_for(s, SCOPE_BOOT, id), ret);
}

int
db_scope_leave(struct store *s, const char *host, const char *to, int64_t now)
{
	struct db_stmt *st = stmt_for(s, SCOPE_LEAVE, host);

	db_bind_text(st, 2, to);
	db_bind_i64(st, 3, now);
	int rc = store_change(st);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	st = db_stmt(s->set[STORE_SCOPE], SCOPE_FORGET);
	db_bind_i64(st, 1, now - KEPT_US);
	return store_run(st);
}
