// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of hold.
 *
 * Entry points: db_hold_add() and db_hold_delete(), in the transaction that also deals with what has not begun there, and
 * db_hold_get(), by which everything that begins something asks. A row's key is 'world' or 'site:NAME': no site's name
 * has a colon. Failure modes: those of db.h. */
#include "db/db_hold.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/store_priv.h"
#include "lib/compiler.h"
#include "lib/str.h"

enum { HOLD_ADD, HOLD_DELETE, HOLD_GET, HOLD_LIST };

enum { SCOPE_SIZE = 80 };

#define WORLD "world"
#define SITE "site:"

static const char *const sql[] = {
    [HOLD_ADD] = "INSERT INTO hold (scope, at, by_whom, reason) VALUES ($1, $2, $3, $4)",
    [HOLD_DELETE] = "DELETE FROM hold WHERE scope = $1",
    [HOLD_GET] = "SELECT scope, at, by_whom, reason FROM hold WHERE scope = $1",
    [HOLD_LIST] = "SELECT scope, at, by_whom, reason FROM hold"
		  " ORDER BY CASE WHEN scope = 'world' THEN 0 ELSE 1 END, scope",
};

struct store_sql
db_hold_sql(void)
{
	return (struct store_sql){sql, ARRAY_SIZE(sql)};
}

/* A statement whose first parameter is the scope. */
static struct db_stmt *
stmt_of(struct store *s, size_t i, const char *site)
{
	struct db_stmt *st = db_stmt(s->set[STORE_HOLD], i);
	char scope[SCOPE_SIZE] = WORLD;

	if (site && site[0] && str_format(scope, sizeof(scope), SITE "%s", site) < 0)
		abort();
	db_bind_text(st, 1, scope);
	return st;
}

static void
read_hold(struct db_stmt *st, struct db_hold *ret)
{
	const char *scope = db_col_text(st, 0);

	memset(ret, 0, sizeof(*ret));
	if (str_has_prefix(scope, SITE))
		str_clip(ret->site, sizeof(ret->site), scope + strlen(SITE));
	ret->at = db_col_i64(st, 1);
	db_col_copy(st, 2, ret->by, sizeof(ret->by));
	db_col_copy(st, 3, ret->reason, sizeof(ret->reason));
}

int
db_hold_add(struct store *s, const struct db_hold *hold)
{
	struct db_stmt *st = stmt_of(s, HOLD_ADD, hold->site);

	db_bind_i64(st, 2, hold->at);
	db_bind_text(st, 3, hold->by);
	db_bind_text(st, 4, hold->reason);
	return store_run(st);
}

int
db_hold_delete(struct store *s, const char *site)
{
	return store_change(stmt_of(s, HOLD_DELETE, site));
}

int
db_hold_get(struct store *s, const char *site, struct db_hold *ret)
{
	struct db_stmt *st = stmt_of(s, HOLD_GET, site);
	int rc = db_step(st);

	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	read_hold(st, ret);
	db_reset(st);
	return 0;
}

int
db_hold_list(
    struct store *s, void (*each)(void *arg, const struct db_hold *hold), void *arg)
{
	struct db_stmt *st = db_stmt(s->set[STORE_HOLD], HOLD_LIST);
	struct db_hold hold;
	int rc;

	while ((rc = db_step(st)) == 1) {
		read_hold(st, &hold);
		each(arg, &hold);
	}
	return rc;
}
