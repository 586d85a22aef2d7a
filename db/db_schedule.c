// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of schedule and schedule_run.
 *
 * Entry points: db_schedule_due() for who wants to know what is to be done, db_schedule_plan() and db_schedule_run_put() in one
 * transaction with what was done, so that a crash neither loses nor repeats a run. Schedules are found by when they are due, through
 * an index, however many there are. Ownership: the document of a row is the caller's (db_schedule_done()). Failure modes: those of db.h.
 */
#include "db/db_schedule.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "db/store_priv.h"
#include "lib/compiler.h"
#include "lib/str.h"

enum {
	SCH_ADD,
	SCH_GET,
	SCH_PUT,
	SCH_PLAN,
	SCH_PAUSE,
	SCH_DELETE,
	SCH_NAMES,
	SCH_DUE,
	SCH_NEXT_DUE,
	RUN_PUT,
	RUN_GET,
	RUN_LIST,
	RUN_CLEAR,
	RUN_FORGET,
	SCH_OPEN,
	SCH_ZONES,
	SCH_SITE_OF
};

#define RUN                                                                   \
	"SELECT schedule, nominal, at, by_whom, outcome, rollout, text FROM " \
	"schedule_run"

static const char *const sql[] = {
    [SCH_ADD] =
	"INSERT INTO schedule (name, doc, rev, created, created_by, changed, changed_by,"
	" paused_at, paused_by, paused_reason, skip, last, next, due)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    [SCH_GET] = "SELECT doc, rev, created, created_by, changed, changed_by, paused_at,"
		" paused_by, paused_reason, skip, last, next, due"
		" FROM schedule WHERE name = $1",
    [SCH_PUT] = "UPDATE schedule SET doc = $2, rev = rev + 1, changed = $3,"
		" changed_by = $4, skip = $5, next = $6, due = $7 WHERE name = $1",
    [SCH_PLAN] = "UPDATE schedule SET skip = $2, last = $3, next = $4, due = $5"
		 " WHERE name = $1",
    [SCH_PAUSE] = "UPDATE schedule SET paused_at = $2, paused_by = $3,"
		  " paused_reason = $4, rev = rev + 1 WHERE name = $1",
    [SCH_DELETE] = "DELETE FROM schedule WHERE name = $1",
    [SCH_NAMES] = "SELECT name FROM schedule WHERE name > $1 ORDER BY name LIMIT $2",
    [SCH_DUE] = "SELECT name FROM schedule WHERE due <= $1 ORDER BY due LIMIT $2",
    [SCH_NEXT_DUE] = "SELECT due FROM schedule WHERE due > $1 ORDER BY due LIMIT 1",
    [RUN_PUT] = "INSERT INTO schedule_run (schedule, nominal, at, by_whom, outcome,"
		" rollout, text) VALUES ($1, $2, $3, $4, $5, $6, $7)"
		" ON CONFLICT (schedule, nominal) DO UPDATE SET at = excluded.at,"
		" by_whom = excluded.by_whom, outcome = excluded.outcome,"
		" rollout = excluded.rollout, text = excluded.text",
    [RUN_GET] = RUN " WHERE schedule = $1 AND nominal = $2",
    [RUN_LIST] =
	RUN " WHERE schedule = $1 AND nominal < $2 ORDER BY nominal DESC LIMIT $3",
    [RUN_CLEAR] = "DELETE FROM schedule_run WHERE schedule = $1",
    [RUN_FORGET] = "DELETE FROM schedule_run WHERE schedule = $1 AND nominal < $2",
    [SCH_OPEN] = "SELECT id, state, code FROM rollout WHERE schedule = $1"
		 " AND (ended IS NULL OR (state = 'halted' AND code <> 'window-over'))"
		 " ORDER BY id DESC",
    [SCH_ZONES] = "SELECT name, timezone FROM site ORDER BY name",
    [SCH_SITE_OF] = "SELECT site, probe FROM host WHERE name = $1",
};

struct store_sql
db_schedule_sql(void)
{
	return (struct store_sql){sql, ARRAY_SIZE(sql)};
}

static struct db_stmt *
stmt(struct store *s, size_t i)
{
	return db_stmt(s->set[STORE_SCHEDULE], i);
}

static struct db_stmt *
stmt_of(struct store *s, size_t i, const char *name)
{
	struct db_stmt *st = stmt(s, i);

	db_bind_text(st, 1, name);
	return st;
}

/* 0 is NULL. */
static void
bind_time(struct db_stmt *st, int n, int64_t v)
{
	if (v == 0)
		db_bind_null(st, n);
	else
		db_bind_i64(st, n, v);
}

void
db_schedule_done(struct db_schedule *row)
{
	free(row->doc);
	row->doc = NULL;
}

int
db_schedule_add(struct store *s, const struct db_schedule *row)
{
	struct db_stmt *st = stmt_of(s, SCH_ADD, row->name);

	db_bind_text(st, 2, row->doc);
	db_bind_i64(st, 3, row->created);
	db_bind_i64(st, 4, row->created);
	db_bind_text(st, 5, row->created_by);
	db_bind_i64(st, 6, row->changed);
	db_bind_text(st, 7, row->changed_by);
	bind_time(st, 8, row->paused_at);
	db_bind_opt(st, 9, row->paused_by);
	db_bind_opt(st, 10, row->paused_reason);
	bind_time(st, 11, row->skip);
	bind_time(st, 12, row->last);
	bind_time(st, 13, row->next);
	bind_time(st, 14, row->due);
	return store_run(st);
}

int
db_schedule_get(struct store *s, const char *name, struct db_schedule *ret)
{
	struct db_stmt *st = stmt_of(s, SCH_GET, name);
	int rc = db_step(st);

	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	*ret = (struct db_schedule){.doc = str_dup(db_col_text(st, 0))};
	str_clip(ret->name, sizeof(ret->name), name);
	ret->rev = db_col_i64(st, 1);
	ret->created = db_col_i64(st, 2);
	db_col_copy(st, 3, ret->created_by, sizeof(ret->created_by));
	ret->changed = db_col_i64(st, 4);
	db_col_copy(st, 5, ret->changed_by, sizeof(ret->changed_by));
	ret->paused_at = db_col_i64(st, 6);
	db_col_copy(st, 7, ret->paused_by, sizeof(ret->paused_by));
	db_col_copy(st, 8, ret->paused_reason, sizeof(ret->paused_reason));
	ret->skip = db_col_i64(st, 9);
	ret->last = db_col_i64(st, 10);
	ret->next = db_col_i64(st, 11);
	ret->due = db_col_i64(st, 12);
	db_reset(st);
	return 0;
}

int
db_schedule_put(struct store *s, const struct db_schedule *row)
{
	struct db_stmt *st = stmt_of(s, SCH_PUT, row->name);

	db_bind_text(st, 2, row->doc);
	db_bind_i64(st, 3, row->changed);
	db_bind_text(st, 4, row->changed_by);
	bind_time(st, 5, row->skip);
	bind_time(st, 6, row->next);
	bind_time(st, 7, row->due);
	return store_change(st);
}

int
db_schedule_plan(struct store *s, const struct db_schedule *row)
{
	struct db_stmt *st = stmt_of(s, SCH_PLAN, row->name);

	bind_time(st, 2, row->skip);
	bind_time(st, 3, row->last);
	bind_time(st, 4, row->next);
	bind_time(st, 5, row->due);
	return store_change(st);
}

int
db_schedule_pause(struct store *s, const struct db_schedule *row)
{
	struct db_stmt *st = stmt_of(s, SCH_PAUSE, row->name);

	bind_time(st, 2, row->paused_at);
	db_bind_opt(st, 3, row->paused_by);
	db_bind_opt(st, 4, row->paused_reason);
	return store_change(st);
}

int
db_schedule_delete(struct store *s, const char *name)
{
	assert(db_in_transaction(s->db));
	int rc = store_run(stmt_of(s, RUN_CLEAR, name));

	return rc < 0 ? rc : store_change(stmt_of(s, SCH_DELETE, name));
}

int
db_schedule_names(
    struct store *s, const char *after, int64_t limit, struct store_names *ret)
{
	struct db_stmt *st = stmt_of(s, SCH_NAMES, after ? after : "");

	db_bind_i64(st, 2, limit);
	return store_collect(st, ret);
}

int
db_schedule_due(struct store *s, int64_t until, int64_t limit, struct store_names *ret)
{
	struct db_stmt *st = stmt(s, SCH_DUE);

	db_bind_i64(st, 1, until);
	db_bind_i64(st, 2, limit);
	return store_collect(st, ret);
}

int
db_schedule_next_due(struct store *s, int64_t *ret)
{
	struct db_stmt *st = stmt(s, SCH_NEXT_DUE);

	db_bind_i64(st, 1, INT64_MIN);
	return store_i64(st, ret);
}

/* ---- runs ---- */

int
db_schedule_run_put(struct store *s, const struct db_schedule_run *run, int64_t forget)
{
	struct db_stmt *st = stmt_of(s, RUN_FORGET, run->schedule);

	assert(db_in_transaction(s->db));
	db_bind_i64(st, 2, forget);
	int rc = store_run(st);
	if (rc < 0)
		return rc;
	st = stmt_of(s, RUN_PUT, run->schedule);
	db_bind_i64(st, 2, run->nominal);
	db_bind_i64(st, 3, run->at);
	db_bind_opt(st, 4, run->by);
	db_bind_text(st, 5, run->outcome);
	db_bind_opt(st, 6, run->rollout);
	db_bind_opt(st, 7, run->text);
	return store_run(st);
}

static void
read_run(struct db_stmt *st, struct db_schedule_run *ret)
{
	db_col_copy(st, 0, ret->schedule, sizeof(ret->schedule));
	ret->nominal = db_col_i64(st, 1);
	ret->at = db_col_i64(st, 2);
	db_col_copy(st, 3, ret->by, sizeof(ret->by));
	db_col_copy(st, 4, ret->outcome, sizeof(ret->outcome));
	db_col_copy(st, 5, ret->rollout, sizeof(ret->rollout));
	db_col_copy(st, 6, ret->text, sizeof(ret->text));
}

int
db_schedule_run_get(
    struct store *s, const char *schedule, int64_t nominal, struct db_schedule_run *ret)
{
	struct db_stmt *st = stmt_of(s, RUN_GET, schedule);

	db_bind_i64(st, 2, nominal);
	int rc = db_step(st);
	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	read_run(st, ret);
	db_reset(st);
	return 0;
}

int
db_schedule_runs(struct store *s, const char *schedule, int64_t before, int64_t limit,
    void (*each)(void *arg, const struct db_schedule_run *run), void *arg)
{
	struct db_stmt *st = stmt_of(s, RUN_LIST, schedule);
	struct db_schedule_run run;
	int rc;

	db_bind_i64(st, 2, before);
	db_bind_i64(st, 3, limit);
	while ((rc = db_step(st)) == 1) {
		read_run(st, &run);
		each(arg, &run);
	}
	return rc;
}

/* ---- what runs depend on ---- */

int
db_schedule_open(struct store *s, const char *schedule,
    void (*each)(void *arg, const char *id, const char *state, const char *code),
    void *arg)
{
	struct db_stmt *st = stmt_of(s, SCH_OPEN, schedule);
	int rc;

	while ((rc = db_step(st)) == 1)
		each(arg, db_col_text(st, 0), db_col_text(st, 1), db_col_text(st, 2));
	return rc;
}

int
db_schedule_zones(struct store *s,
    void (*each)(void *arg, const char *site, const char *timezone), void *arg)
{
	struct db_stmt *st = stmt(s, SCH_ZONES);
	int rc;

	while ((rc = db_step(st)) == 1)
		each(arg, db_col_text(st, 0), db_col_text(st, 1));
	return rc;
}

int
db_schedule_site_of(struct store *s, const char *host, char ret[64], bool *ret_probe)
{
	struct db_stmt *st = stmt_of(s, SCH_SITE_OF, host);
	int rc = db_step(st);

	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	db_col_copy(st, 0, ret, 64);
	*ret_probe = db_col_text(st, 1)[0] != '\0';
	db_reset(st);
	return 0;
}
