// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of `drill`.
 *
 * Entry points: db_drill_*(). A report is written once, when its drill is over, and stays as it is. The newest is the one
 * with the greatest id: ids of jobs grow, whatever the clock does.
 * Ownership: db_drill_get() gives the stages' text, freed by db_drill_done(). Failure modes: those of db.h. */
#include "db/db_drill.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/store_priv.h"
#include "lib/compiler.h"
#include "lib/str.h"

enum {
	DRILL_ADD,
	DRILL_GET,
	DRILL_IDS,
	DRILL_IDS_SITE,
	DRILL_IDS_SCHEDULE,
	DRILL_HOST,
	DRILL_PAST
};

static const char *const sql[] = {
    [DRILL_ADD] = "INSERT INTO drill (id, rollout, schedule, site, host, image, back,"
		  " began, ended, outcome, returned, stuck, code, text, next, stages)"
		  " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,"
		  " $15, $16)",
    [DRILL_GET] = "SELECT id, rollout, schedule, site, host, image, back, began, ended,"
		  " outcome, returned, stuck, code, text, next, stages FROM drill"
		  " WHERE id = $1",
    [DRILL_IDS] = "SELECT id FROM drill WHERE id < coalesce(CAST($1 AS TEXT), '~')"
		  " ORDER BY id DESC LIMIT $2",
    [DRILL_IDS_SITE] =
	"SELECT id FROM drill WHERE site = $3 AND id < coalesce(CAST($1 AS TEXT), '~')"
	" AND (CAST($4 AS TEXT) IS NULL OR schedule = $4) ORDER BY id DESC LIMIT $2",
    [DRILL_IDS_SCHEDULE] =
	"SELECT id FROM drill WHERE schedule = $3"
	" AND id < coalesce(CAST($1 AS TEXT), '~') ORDER BY id DESC LIMIT $2",
    [DRILL_HOST] = "SELECT site, locked_at IS NOT NULL OR NOT EXISTS (SELECT 1 FROM bmc"
		   " WHERE bmc.host = h.name), coalesce((SELECT began FROM drill d"
		   " WHERE d.host = h.name ORDER BY d.id DESC LIMIT 1), 0) FROM host h"
		   " WHERE h.name = $1",
    [DRILL_PAST] = "SELECT stages FROM drill WHERE site = $1 AND image = $2"
		   " ORDER BY id DESC LIMIT $3",
};

struct store_sql
db_drill_sql(void)
{
	return (struct store_sql){sql, ARRAY_SIZE(sql)};
}

static struct db_stmt *
stmt(struct store *s, size_t i)
{
	return db_stmt(s->set[STORE_DRILL], i);
}

void
db_drill_done(struct db_drill *d)
{
	free(d->stages);
	d->stages = NULL;
}

int
db_drill_add(struct store *s, const struct db_drill *d)
{
	struct db_stmt *st = stmt(s, DRILL_ADD);

	db_bind_text(st, 1, d->id);
	db_bind_text(st, 2, d->rollout);
	db_bind_opt(st, 3, d->schedule);
	db_bind_text(st, 4, d->site);
	db_bind_text(st, 5, d->host);
	db_bind_text(st, 6, d->image);
	db_bind_opt(st, 7, d->back);
	db_bind_i64(st, 8, d->began);
	db_bind_i64(st, 9, d->ended);
	db_bind_text(st, 10, d->outcome);
	db_bind_text(st, 11, d->returned);
	db_bind_opt(st, 12, d->stuck);
	db_bind_opt(st, 13, d->why.code);
	db_bind_opt(st, 14, d->why.text);
	db_bind_opt(st, 15, d->why.next);
	db_bind_text(st, 16, d->stages);
	return store_run(st);
}

static void
read_columns(struct db_stmt *st, struct db_drill *d)
{
	db_col_copy(st, 0, d->id, sizeof(d->id));
	db_col_copy(st, 1, d->rollout, sizeof(d->rollout));
	db_col_copy(st, 2, d->schedule, sizeof(d->schedule));
	db_col_copy(st, 3, d->site, sizeof(d->site));
	db_col_copy(st, 4, d->host, sizeof(d->host));
	db_col_copy(st, 5, d->image, sizeof(d->image));
	db_col_copy(st, 6, d->back, sizeof(d->back));
	d->began = db_col_i64(st, 7);
	d->ended = db_col_i64(st, 8);
	db_col_copy(st, 9, d->outcome, sizeof(d->outcome));
	db_col_copy(st, 10, d->returned, sizeof(d->returned));
	db_col_copy(st, 11, d->stuck, sizeof(d->stuck));
	db_col_copy(st, 12, d->why.code, sizeof(d->why.code));
	db_col_copy(st, 13, d->why.text, sizeof(d->why.text));
	db_col_copy(st, 14, d->why.next, sizeof(d->why.next));
	d->stages = str_dup(db_col_text(st, 15));
}

int
db_drill_get(struct store *s, const char *id, struct db_drill *ret)
{
	struct db_stmt *st = stmt(s, DRILL_GET);

	db_bind_text(st, 1, id);
	int rc = db_step(st);
	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	memset(ret, 0, sizeof(*ret));
	read_columns(st, ret);
	db_reset(st);
	return 0;
}

int
db_drill_ids(struct store *s, const char *site, const char *schedule, const char *before,
    int64_t limit, struct store_names *ret)
{
	struct db_stmt *st = stmt(s, site	? DRILL_IDS_SITE
				     : schedule ? DRILL_IDS_SCHEDULE
						: DRILL_IDS);

	db_bind_text(st, 1, before);
	db_bind_i64(st, 2, limit);
	if (site || schedule)
		db_bind_text(st, 3, site ? site : schedule);
	if (site)
		db_bind_text(st, 4, schedule);
	return store_collect(st, ret);
}

int
db_drill_host(struct store *s, const char *host, struct db_drill_host *ret)
{
	struct db_stmt *st = stmt(s, DRILL_HOST);

	db_bind_text(st, 1, host);
	int rc = db_step(st);
	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	db_col_copy(st, 0, ret->site, sizeof(ret->site));
	ret->barred = db_col_bool(st, 1);
	ret->last = db_col_i64(st, 2);
	db_reset(st);
	return 0;
}

int
db_drill_past(struct store *s, const char *site, const char *image, int64_t limit,
    void (*each)(void *arg, const char *stages), void *arg)
{
	struct db_stmt *st = stmt(s, DRILL_PAST);
	int rc;

	db_bind_text(st, 1, site);
	db_bind_text(st, 2, image);
	db_bind_i64(st, 3, limit);
	while ((rc = db_step(st)) == 1)
		each(arg, db_col_text(st, 0));
	return rc;
}
