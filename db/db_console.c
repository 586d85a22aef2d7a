// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of `console`.
 *
 * Entry points: db_console_*(). The oldest recording is the one that came first: ids and times are the agents', whose
 * clocks may be wrong.
 * Failure modes: those of db.h. */
#include "db/db_console.h"

#include <errno.h>

#include "db/store_priv.h"
#include "lib/compiler.h"

enum {
	CONSOLE_GET,
	CONSOLE_PUT,
	CONSOLE_DEL,
	CONSOLE_NEWEST,
	CONSOLE_OLDEST,
	CONSOLE_TOTAL
};

#define COLUMNS                                                                 \
	"SELECT boot, host, site, began, last, size, octets, gaps, truncated, " \
	"ended, added FROM console"

static const char *const sql[] = {
    [CONSOLE_GET] = COLUMNS " WHERE boot = $1",
    [CONSOLE_PUT] =
	"INSERT INTO console (boot, host, site, began, last, size, octets, gaps,"
	" truncated, ended, added) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
	" ON CONFLICT (boot) DO UPDATE SET last = excluded.last, size = excluded.size,"
	" octets = excluded.octets, gaps = excluded.gaps, truncated = excluded.truncated,"
	" ended = excluded.ended",
    [CONSOLE_DEL] = "DELETE FROM console WHERE boot = $1",
    [CONSOLE_NEWEST] =
	"SELECT boot FROM console WHERE host = $1 ORDER BY boot DESC LIMIT 1",
    [CONSOLE_OLDEST] = COLUMNS " ORDER BY added, boot LIMIT 1",
    [CONSOLE_TOTAL] = "SELECT coalesce(sum(size), 0) FROM console",
};

struct store_sql
db_console_sql(void)
{
	return (struct store_sql){sql, ARRAY_SIZE(sql)};
}

static struct db_stmt *
stmt(struct store *s, size_t i)
{
	return db_stmt(s->set[STORE_CONSOLE], i);
}

static int
read_row(struct db_stmt *st, struct db_console *ret)
{
	int rc = db_step(st);

	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	db_col_copy(st, 0, ret->boot, sizeof(ret->boot));
	db_col_copy(st, 1, ret->host, sizeof(ret->host));
	db_col_copy(st, 2, ret->site, sizeof(ret->site));
	ret->began = db_col_i64(st, 3);
	ret->last = db_col_i64(st, 4);
	ret->size = db_col_i64(st, 5);
	ret->octets = db_col_i64(st, 6);
	ret->gaps = db_col_i64(st, 7);
	ret->truncated = db_col_bool(st, 8);
	ret->ended = db_col_bool(st, 9);
	ret->added = db_col_i64(st, 10);
	db_reset(st);
	return 0;
}

int
db_console_get(struct store *s, const char *boot, struct db_console *ret)
{
	struct db_stmt *st = stmt(s, CONSOLE_GET);

	db_bind_text(st, 1, boot);
	return read_row(st, ret);
}

int
db_console_put(struct store *s, const struct db_console *c)
{
	struct db_stmt *st = stmt(s, CONSOLE_PUT);

	db_bind_text(st, 1, c->boot);
	db_bind_text(st, 2, c->host);
	db_bind_text(st, 3, c->site);
	db_bind_i64(st, 4, c->began);
	db_bind_i64(st, 5, c->last);
	db_bind_i64(st, 6, c->size);
	db_bind_i64(st, 7, c->octets);
	db_bind_i64(st, 8, c->gaps);
	db_bind_bool(st, 9, c->truncated);
	db_bind_bool(st, 10, c->ended);
	db_bind_i64(st, 11, c->added);
	return store_run(st);
}

int
db_console_del(struct store *s, const char *boot)
{
	struct db_stmt *st = stmt(s, CONSOLE_DEL);

	db_bind_text(st, 1, boot);
	return store_run(st);
}

int
db_console_newest(struct store *s, const char *host, char ret_boot[ID_SIZE])
{
	struct db_stmt *st = stmt(s, CONSOLE_NEWEST);

	db_bind_text(st, 1, host);
	return store_text(st, ret_boot, ID_SIZE);
}

int
db_console_oldest(struct store *s, struct db_console *ret)
{
	return read_row(stmt(s, CONSOLE_OLDEST), ret);
}

int
db_console_total(struct store *s, int64_t *ret)
{
	struct db_stmt *st = stmt(s, CONSOLE_TOTAL);
	int rc = db_step(st);

	if (rc < 0)
		return rc;
	*ret = db_col_i64(st, 0);
	db_reset(st);
	return 0;
}
