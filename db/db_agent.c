// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of `agent`: one per spool that ever polled or reported, found by its id or as the one of a site
 * that was seen last.
 *
 * Entry points: db_agent_seen() at polls, db_agent_advance() with each report. last_seq is written in
 * the transaction of the events it counts: that is what makes each event be taken exactly once.
 * Failure modes: those of db.h. */
#include "db/db_agent.h"

#include <errno.h>
#include <string.h>

#include "db/store_priv.h"
#include "lib/compiler.h"

enum {
	AGENT_GET,
	AGENT_SEEN,
	AGENT_ADVANCE,
	AGENT_SITE,
	AGENT_CLOCK_PUT,
	AGENT_CLOCK_GET
};

#define COLUMNS                                                             \
	"SELECT id, site, first_seen, last_seen, last_seq, table_version, " \
	"stepped, restarts, said_last, at_last FROM agent "

static const char *const sql[] = {
    [AGENT_GET] = COLUMNS "WHERE id = $1",
    [AGENT_SEEN] =
	"INSERT INTO agent (id, site, first_seen, last_seen, last_seq, table_version)"
	" VALUES ($1, $2, $3, $3, 0, $4) ON CONFLICT (id) DO UPDATE SET"
	" site = excluded.site, last_seen = excluded.last_seen,"
	" table_version = excluded.table_version",
    [AGENT_ADVANCE] = "UPDATE agent SET last_seq = $2, stepped = $3,"
		      " restarts = $4, said_last = $5, at_last = $6 WHERE id = $1",
    [AGENT_SITE] =
	COLUMNS "WHERE site = $1 ORDER BY last_seen DESC, first_seen DESC LIMIT 1",
    [AGENT_CLOCK_PUT] =
	"INSERT INTO agent_clock (agent, restarts, base, within, measured)"
	" VALUES ($1, $2, $3, $4, $5) ON CONFLICT (agent, restarts) DO UPDATE SET"
	" base = excluded.base, within = excluded.within, measured = excluded.measured",
    [AGENT_CLOCK_GET] = "SELECT restarts, base, within, measured FROM agent_clock"
			" WHERE agent = $1 AND restarts = $2",
};

struct store_sql
db_agent_sql(void)
{
	return (struct store_sql){sql, ARRAY_SIZE(sql)};
}

static struct db_stmt *
stmt_for(struct store *s, size_t i, const char *key)
{
	struct db_stmt *st = db_stmt(s->set[STORE_AGENT], i);

	db_bind_text(st, 1, key);
	return st;
}

static int
read_one(struct db_stmt *st, struct db_agent *ret)
{
	int rc = db_step(st);

	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	memset(ret, 0, sizeof(*ret));
	db_col_copy(st, 0, ret->id, sizeof(ret->id));
	db_col_copy(st, 1, ret->site, sizeof(ret->site));
	ret->first_seen = db_col_i64(st, 2);
	ret->last_seen = db_col_i64(st, 3);
	ret->last_seq = db_col_i64(st, 4);
	ret->table_version = db_col_i64(st, 5);
	ret->stepped = db_col_i64(st, 6);
	ret->restarts = db_col_i64(st, 7);
	ret->said_last = db_col_i64(st, 8);
	ret->at_last = db_col_i64(st, 9);
	db_reset(st);
	return 0;
}

int
db_agent_get(struct store *s, const char *id, struct db_agent *ret)
{
	return read_one(stmt_for(s, AGENT_GET, id), ret);
}

int
db_agent_seen(
    struct store *s, const char *id, const char *site, int64_t at, int64_t table_version)
{
	struct db_stmt *st = stmt_for(s, AGENT_SEEN, id);

	db_bind_text(st, 2, site);
	db_bind_i64(st, 3, at);
	db_bind_i64(st, 4, table_version);
	return store_run(st);
}

int
db_agent_advance(struct store *s, const struct db_agent *a)
{
	struct db_stmt *st = stmt_for(s, AGENT_ADVANCE, a->id);

	db_bind_i64(st, 2, a->last_seq);
	db_bind_i64(st, 3, a->stepped);
	db_bind_i64(st, 4, a->restarts);
	db_bind_i64(st, 5, a->said_last);
	db_bind_i64(st, 6, a->at_last);
	return store_change(st);
}

int
db_agent_of_site(struct store *s, const char *site, struct db_agent *ret)
{
	return read_one(stmt_for(s, AGENT_SITE, site), ret);
}

int
db_agent_clock_put(struct store *s, const char *agent, const struct db_agent_clock *c)
{
	struct db_stmt *st = stmt_for(s, AGENT_CLOCK_PUT, agent);

	db_bind_i64(st, 2, c->restarts);
	db_bind_i64(st, 3, c->base);
	db_bind_i64(st, 4, c->within);
	db_bind_i64(st, 5, c->measured);
	return store_run(st);
}

int
db_agent_clock_get(
    struct store *s, const char *agent, int64_t restarts, struct db_agent_clock *ret)
{
	struct db_stmt *st = stmt_for(s, AGENT_CLOCK_GET, agent);

	db_bind_i64(st, 2, restarts);
	int rc = db_step(st);
	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	ret->restarts = db_col_i64(st, 0);
	ret->base = db_col_i64(st, 1);
	ret->within = db_col_i64(st, 2);
	ret->measured = db_col_i64(st, 3);
	db_reset(st);
	return 0;
}
