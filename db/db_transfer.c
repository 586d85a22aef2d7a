// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of `transfer`.
 *
 * Events of one transfer have no name in common. They belong together by boot, file, address and by when it began, which
 * begin says and every end does too (its time less how long it took). So two parallel fetches of a file from one address
 * are two rows. Where a log tells only of ends, each end is a row without a beginning.
 *
 * Entry points: db_transfer_put() while events are stored, in their transaction; db_transfer_list().
 * Failure modes: those of db.h. */
#include "db/db_transfer.h"

#include <string.h>

#include "db/store_priv.h"
#include "lib/clock.h"
#include "lib/str.h"

/* Durations are told by another clock than times. One that is further off began when nobody saw it, and an older one, whose
 * end nobody saw, stays open. */
#define SAME_BEGINNING (5 * USEC_PER_SEC)

enum { TRANSFER_FIND, TRANSFER_ADD, TRANSFER_STEP, TRANSFER_COUNT, TRANSFER_LIST };

static const char *const sql[] = {
    [TRANSFER_FIND] = "SELECT n, octets FROM transfer WHERE boot = $1 AND file = $2 AND"
		      " ended IS NULL AND protocol = $3 AND coalesce(ip, '') = $4"
		      " AND abs(coalesce(began, 0) - $5) <= $6"
		      " ORDER BY abs(coalesce(began, 0) - $5), n DESC LIMIT 1",
    [TRANSFER_ADD] =
	"INSERT INTO transfer (boot, n, protocol, class, file, ip, began, ended, octets,"
	" total, result, failed, reason)"
	" SELECT boot.id, (SELECT coalesce(max(t.n), 0) + 1 FROM transfer AS t"
	" WHERE t.boot = $1), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 FROM boot"
	" WHERE boot.id = $1 AND (SELECT coalesce(max(t.n), 0) FROM transfer AS t"
	" WHERE t.boot = $1) < $13",
    [TRANSFER_STEP] =
	"UPDATE transfer SET class = coalesce(class, $3), ended = $4, octets = $5,"
	" total = coalesce($6, total), result = $7, failed = $8, reason = $9"
	" WHERE boot = $1 AND n = $2",
    [TRANSFER_COUNT] = "UPDATE boot SET octets = octets + $2 WHERE id = $1",
    [TRANSFER_LIST] =
	"SELECT n, protocol, class, file, ip, began, ended, octets, total, result,"
	" failed, reason FROM transfer WHERE boot = $1 ORDER BY n",
};

struct store_sql
db_transfer_sql(void)
{
	return (struct store_sql){sql, ARRAY_SIZE(sql)};
}

static struct db_stmt *
stmt_for(struct store *s, size_t i, const char *boot)
{
	struct db_stmt *st = db_stmt(s->set[STORE_TRANSFER], i);

	db_bind_text(st, 1, boot);
	return st;
}

static void
bind_time(struct db_stmt *st, int i, int64_t at)
{
	if (at)
		db_bind_i64(st, i, at);
}

/* *ret_n 0: none is open. */
static int
find_open(
    struct store *s, const struct db_transfer *t, int64_t *ret_n, int64_t *ret_octets)
{
	struct db_stmt *st = stmt_for(s, TRANSFER_FIND, t->boot);

	db_bind_text(st, 2, t->file);
	db_bind_text(st, 3, t->protocol);
	db_bind_text(st, 4, t->ip);
	db_bind_i64(st, 5, t->began ? t->began : INT64_MAX);
	db_bind_i64(st, 6, t->began ? SAME_BEGINNING : INT64_MAX);
	int rc = db_step(st);
	if (rc <= 0)
		return rc;
	*ret_n = db_col_i64(st, 0);
	*ret_octets = db_col_i64(st, 1);
	db_reset(st);
	return 0;
}

static int
add(struct store *s, const struct db_transfer *t)
{
	struct db_stmt *st = stmt_for(s, TRANSFER_ADD, t->boot);

	db_bind_text(st, 2, t->protocol);
	db_bind_opt(st, 3, t->class);
	db_bind_text(st, 4, t->file);
	db_bind_opt(st, 5, t->ip);
	bind_time(st, 6, t->began);
	bind_time(st, 7, t->ended);
	db_bind_i64(st, 8, t->octets);
	if (t->total >= 0)
		db_bind_i64(st, 9, t->total);
	db_bind_opt(st, 10, t->result);
	db_bind_bool(st, 11, t->failed);
	db_bind_opt(st, 12, t->reason);
	db_bind_i64(st, 13, DB_TRANSFER_MAX);
	return store_run(st);
}

static int
go_on(struct store *s, const struct db_transfer *t, int64_t n, int64_t octets)
{
	struct db_stmt *st = stmt_for(s, TRANSFER_STEP, t->boot);

	db_bind_i64(st, 2, n);
	db_bind_opt(st, 3, t->class);
	bind_time(st, 4, t->ended);
	db_bind_i64(st, 5, octets);
	if (t->total >= 0)
		db_bind_i64(st, 6, t->total);
	db_bind_opt(st, 7, t->result);
	db_bind_bool(st, 8, t->failed);
	db_bind_opt(st, 9, t->reason);
	return store_run(st);
}

/* Progress of a transfer whose beginning is not recorded waits for its end: which one it is cannot be told from a later one
 * of the same file. */
int
db_transfer_put(struct store *s, enum db_transfer_step step, const struct db_transfer *t)
{
	int64_t n = 0, had = 0, octets = t->octets;
	int rc = step == DB_TRANSFER_BEGIN ? 0 : find_open(s, t, &n, &had);

	if (rc == 0 && n > 0) {
		if (octets < had) /* an event that was overtaken takes nothing back */
			octets = had;
		rc = go_on(s, t, n, octets);
	} else if (rc == 0 && step == DB_TRANSFER_PROGRESS) {
		return 0;
	} else if (rc == 0) {
		rc = add(s, t);
	}
	if (rc < 0 || octets == had)
		return rc;
	struct db_stmt *st = stmt_for(s, TRANSFER_COUNT, t->boot);
	db_bind_i64(st, 2, octets - had);
	return store_run(st);
}

static void
read_row(struct db_stmt *st, struct db_transfer *t)
{
	t->n = db_col_i64(st, 0);
	t->protocol = str_eq(db_col_text(st, 1), "tftp") ? "tftp" : "http";
	db_col_copy(st, 2, t->class, sizeof(t->class));
	db_col_copy(st, 3, t->file, sizeof(t->file));
	db_col_copy(st, 4, t->ip, sizeof(t->ip));
	t->began = db_col_i64(st, 5);
	t->ended = db_col_i64(st, 6);
	t->octets = db_col_i64(st, 7);
	t->total = db_col_null(st, 8) ? -1 : db_col_i64(st, 8);
	db_col_copy(st, 9, t->result, sizeof(t->result));
	t->failed = db_col_bool(st, 10);
	db_col_copy(st, 11, t->reason, sizeof(t->reason));
}

int
db_transfer_list(struct store *s, const char *boot,
    void (*each)(void *arg, const struct db_transfer *t), void *arg)
{
	struct db_stmt *st = stmt_for(s, TRANSFER_LIST, boot);
	struct db_transfer t = {.total = -1};
	int rc;

	str_clip(t.boot, sizeof(t.boot), boot);
	while ((rc = db_step(st)) == 1) {
		read_row(st, &t);
		each(arg, &t);
	}
	return rc;
}
