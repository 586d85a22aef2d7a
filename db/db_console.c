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
	CONSOLE_TOTAL,
	CONSOLE_LIST,
	CONSOLE_OLDEST_ALWAYS,
	CONSOLE_TOTAL_ALWAYS,
	CONSOLE_COVERING
};

#define COLUMNS                                                                 \
	"SELECT boot, host, site, began, last, size, octets, gaps, truncated, " \
	"ended, added, always FROM console"

static const char *const sql[] = {
    [CONSOLE_GET] = COLUMNS " WHERE boot = $1",
    [CONSOLE_PUT] =
	"INSERT INTO console (boot, host, site, began, last, size, octets, gaps,"
	" truncated, ended, added, always)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
	" ON CONFLICT (boot) DO UPDATE SET last = excluded.last, size = excluded.size,"
	" octets = excluded.octets, gaps = excluded.gaps, truncated = excluded.truncated,"
	" ended = excluded.ended",
    [CONSOLE_DEL] = "DELETE FROM console WHERE boot = $1",
    [CONSOLE_NEWEST] =
	"SELECT boot FROM console WHERE host = $1 ORDER BY boot DESC LIMIT 1",
    [CONSOLE_OLDEST] = COLUMNS " ORDER BY added, boot LIMIT 1",
    [CONSOLE_TOTAL] = "SELECT coalesce(sum(size), 0) FROM console",
    [CONSOLE_LIST] = COLUMNS " WHERE host = $1 AND ($2 = '' OR boot < $2)"
			     " ORDER BY boot DESC LIMIT $3",
    [CONSOLE_OLDEST_ALWAYS] =
	COLUMNS " WHERE host = $1 AND always = 1 ORDER BY boot LIMIT 1",
    [CONSOLE_TOTAL_ALWAYS] =
	"SELECT coalesce(sum(size), 0) FROM console WHERE host = $1 AND always = 1",
    [CONSOLE_COVERING] = COLUMNS " WHERE host = $1 AND always = 1 AND began <= $3"
				 " AND last >= $2 ORDER BY boot DESC LIMIT 1",
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

static void
read_columns(struct db_stmt *st, struct db_console *ret)
{
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
	ret->always = db_col_bool(st, 11);
}

static int
read_row(struct db_stmt *st, struct db_console *ret)
{
	int rc = db_step(st);

	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	read_columns(st, ret);
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
	db_bind_bool(st, 12, c->always);
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
	return store_i64(stmt(s, CONSOLE_TOTAL), ret);
}

int
db_console_list(struct store *s, const char *host, const char *before, int64_t limit,
    void (*each)(void *arg, const struct db_console *c), void *arg)
{
	struct db_stmt *st = stmt(s, CONSOLE_LIST);
	struct db_console row;
	int rc;

	db_bind_text(st, 1, host);
	db_bind_text(st, 2, before);
	db_bind_i64(st, 3, limit);
	while ((rc = db_step(st)) == 1) {
		read_columns(st, &row);
		each(arg, &row);
	}
	return rc;
}

int
db_console_oldest_always(struct store *s, const char *host, struct db_console *ret)
{
	struct db_stmt *st = stmt(s, CONSOLE_OLDEST_ALWAYS);

	db_bind_text(st, 1, host);
	return read_row(st, ret);
}

int
db_console_total_always(struct store *s, const char *host, int64_t *ret)
{
	struct db_stmt *st = stmt(s, CONSOLE_TOTAL_ALWAYS);

	db_bind_text(st, 1, host);
	return store_i64(st, ret);
}

int
db_console_covering(struct store *s, const char *host, int64_t from, int64_t until,
    struct db_console *ret)
{
	struct db_stmt *st = stmt(s, CONSOLE_COVERING);

	db_bind_text(st, 1, host);
	db_bind_i64(st, 2, from);
	db_bind_i64(st, 3, until);
	return read_row(st, ret);
}
