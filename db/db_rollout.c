// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of rollout and rollout_host.
 *
 * Entry points: db_rollout_*(). Who writes a host's state writes what goes with it (its job, its event) in the same transaction:
 * orchestrator/rollouts.c. Hosts are named by their place in the order, which never changes. Failure modes: those of
 * db.h; -EUCLEAN for a word that this program could not have written. */
#include "db/db_rollout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/store_priv.h"
#include "lib/str.h"

enum {
	RO_ADD,
	RO_GET,
	RO_UPDATE,
	RO_OPEN,
	RO_IDS,
	RO_IDS_SCHEDULE,
	RO_LAST,
	RO_LAST_SCHEDULE,
	RO_ORDERER,
	RH_ADD,
	RH_PUT,
	RH_GET,
	RH_LIST,
	RH_COUNTS,
	RH_BATCH,
	RH_BATCHES,
	RH_OF_JOB,
	RH_AGAIN,
	RH_OVER,
	RH_LABELS,
	RO_TOOK,
};

/* What sorts behind every id bounds the walk. */
#define BEFORE "id < coalesce(CAST($2 AS TEXT), '~')"
#define HOST                                                                          \
	"SELECT n, host, site, batch, opens, closes, state, step, job, since, code, " \
	"text, next FROM rollout_host"

static const char *const sql[] = {
    [RO_ADD] = "INSERT INTO rollout (id, schedule, nominal, kind, doc, hosts, reason,"
	       " by_whom, created, state, changed, changed_by, opens, closes, started,"
	       " ended, forgiven)"
	       " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,"
	       " $15, $16, $17)",
    [RO_GET] = "SELECT schedule, nominal, kind, doc, hosts, reason, by_whom, created,"
	       " state, code, text, next, changed, changed_by, opens, closes, started,"
	       " ended, approved_at, approved_by, forgiven FROM rollout WHERE id = $1",
    [RO_UPDATE] =
	"UPDATE rollout SET state = $2, code = $3, text = $4, next = $5, changed = $6,"
	" changed_by = $7, opens = $8, closes = $9, started = $10, ended = $11,"
	" approved_at = $12, approved_by = $13, forgiven = $14 WHERE id = $1",
    [RO_OPEN] = "SELECT id FROM rollout WHERE ended IS NULL ORDER BY id",
    [RO_IDS] = "SELECT id FROM rollout WHERE " BEFORE
	       " AND (CAST($3 AS TEXT) IS NULL OR state = $3) ORDER BY id DESC LIMIT $4",
    [RO_IDS_SCHEDULE] =
	"SELECT id FROM rollout WHERE schedule = $1 AND " BEFORE
	" AND (CAST($3 AS TEXT) IS NULL OR state = $3) ORDER BY id DESC LIMIT $4",
    [RO_LAST] = "SELECT id FROM rollout WHERE id < '~' ORDER BY id DESC LIMIT 1",
    [RO_LAST_SCHEDULE] =
	"SELECT id FROM rollout WHERE schedule = $1 ORDER BY id DESC LIMIT 1",
    [RO_ORDERER] = "SELECT changed_by FROM schedule WHERE name = $1",
    [RH_ADD] = "INSERT INTO rollout_host (rollout, n, host, site, batch, opens, closes,"
	       " state, step, job, since, code, text, next)"
	       " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    [RH_PUT] = "UPDATE rollout_host SET opens = $3, closes = $4, state = $5, step = $6,"
	       " job = $7, since = $8, code = $9, text = $10, next = $11"
	       " WHERE rollout = $1 AND n = $2",
    [RH_GET] = HOST " WHERE rollout = $1 AND n = $2",
    [RH_LIST] = HOST " WHERE rollout = $1 AND n > $2"
		     " AND (CAST($3 AS TEXT) IS NULL OR state = $3)"
		     " ORDER BY n LIMIT $4",
    [RH_COUNTS] = "SELECT state, COUNT(*) FROM rollout_host WHERE rollout = $1"
		  " GROUP BY state",
    [RH_BATCH] = "SELECT batch FROM rollout_host WHERE rollout = $1 AND state IN"
		 " ('waiting', 'gate-before', 'job', 'gate-after', 'soak')"
		 " ORDER BY n LIMIT 1",
    [RH_BATCHES] =
	"SELECT batch FROM rollout_host WHERE rollout = $1 ORDER BY n DESC LIMIT 1",
    [RH_OF_JOB] = "SELECT rollout, n FROM rollout_host WHERE job = $1",
    [RH_AGAIN] =
	"UPDATE rollout_host SET state = 'waiting', step = 0, job = NULL, since = $3,"
	" code = NULL, text = NULL, next = NULL,"
	" opens = CASE WHEN $4 > 0 AND closes <= $3 THEN $3 ELSE opens END,"
	" closes = CASE WHEN $4 > 0 AND closes <= $3 THEN $4 ELSE closes END"
	" WHERE rollout = $1 AND state = $2",
    [RH_OVER] = "SELECT COUNT(*) FROM rollout_host WHERE rollout = $1 AND state = $2"
		" AND closes <= $3",
    [RH_LABELS] = "SELECT r.n, l.value FROM rollout_host r CROSS JOIN label l"
		  " WHERE r.rollout = $1 AND l.host = r.host AND l.key = $2",
    [RO_TOOK] = "SELECT j.ended - a.began FROM job j CROSS JOIN attempt a"
		" WHERE j.host = $1 AND j.kind = $2 AND j.state = 'done'"
		" AND a.job = j.id AND a.n = 1 ORDER BY j.id DESC LIMIT 1",
};

static const char *const state_names[] = {
    [DB_ROLLOUT_WAITING_APPROVAL] = "waiting-approval",
    [DB_ROLLOUT_PLANNED] = "planned",
    [DB_ROLLOUT_RUNNING] = "running",
    [DB_ROLLOUT_PAUSED] = "paused",
    [DB_ROLLOUT_HALTED] = "halted",
    [DB_ROLLOUT_DONE] = "done",
    [DB_ROLLOUT_ABORTED] = "aborted",
};

static const char *const host_state_names[] = {
    [DB_ROLLOUT_HOST_WAITING] = "waiting",
    [DB_ROLLOUT_HOST_GATE_BEFORE] = "gate-before",
    [DB_ROLLOUT_HOST_JOB] = "job",
    [DB_ROLLOUT_HOST_GATE_AFTER] = "gate-after",
    [DB_ROLLOUT_HOST_SOAK] = "soak",
    [DB_ROLLOUT_HOST_OK] = "ok",
    [DB_ROLLOUT_HOST_FAILED] = "failed",
    [DB_ROLLOUT_HOST_SKIPPED] = "skipped",
    [DB_ROLLOUT_HOST_DEFERRED] = "deferred",
    [DB_ROLLOUT_HOST_LOST] = "lost",
};

struct store_sql
db_rollout_sql(void)
{
	return (struct store_sql){sql, ARRAY_SIZE(sql)};
}

const char *
db_rollout_state_name(enum db_rollout_state state)
{
	return state_names[state];
}

const char *
db_rollout_host_state_name(enum db_rollout_host_state state)
{
	return host_state_names[state];
}

int
db_rollout_state_parse(const char *s, enum db_rollout_state *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(state_names); i++) {
		if (str_eq(s, state_names[i])) {
			*ret = (enum db_rollout_state)i;
			return 0;
		}
	}
	return -EINVAL;
}

int
db_rollout_host_state_parse(const char *s, enum db_rollout_host_state *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(host_state_names); i++) {
		if (str_eq(s, host_state_names[i])) {
			*ret = (enum db_rollout_host_state)i;
			return 0;
		}
	}
	return -EINVAL;
}

static struct db_stmt *
stmt(struct store *s, size_t i)
{
	return db_stmt(s->set[STORE_ROLLOUT], i);
}

static struct db_stmt *
stmt_for(struct store *s, size_t i, const char *key)
{
	struct db_stmt *st = stmt(s, i);

	db_bind_text(st, 1, key);
	return st;
}

/* 0 is NULL. */
static void
bind_time(struct db_stmt *st, int n, int64_t at)
{
	if (at != 0)
		db_bind_i64(st, n, at);
}

static void
bind_why(struct db_stmt *st, int n, const struct error *why)
{
	db_bind_opt(st, n, why->code);
	db_bind_opt(st, n + 1, why->text);
	db_bind_opt(st, n + 2, why->next);
}

static void
read_why(struct db_stmt *st, int col, struct error *ret)
{
	db_col_copy(st, col, ret->code, sizeof(ret->code));
	db_col_copy(st, col + 1, ret->text, sizeof(ret->text));
	db_col_copy(st, col + 2, ret->next, sizeof(ret->next));
}

int
db_rollout_add(struct store *s, const struct db_rollout *r)
{
	struct db_stmt *st = stmt_for(s, RO_ADD, r->id);

	db_bind_opt(st, 2, r->schedule);
	if (r->nominal != DB_ROLLOUT_NO_NOMINAL)
		db_bind_i64(st, 3, r->nominal);
	db_bind_text(st, 4, r->kind);
	db_bind_text(st, 5, r->doc);
	db_bind_text(st, 6, r->hosts);
	db_bind_text(st, 7, r->reason);
	db_bind_text(st, 8, r->by);
	db_bind_i64(st, 9, r->created);
	db_bind_text(st, 10, state_names[r->state]);
	db_bind_i64(st, 11, r->changed);
	db_bind_opt(st, 12, r->changed_by);
	db_bind_i64(st, 13, r->opens);
	bind_time(st, 14, r->closes);
	bind_time(st, 15, r->started);
	bind_time(st, 16, r->ended);
	db_bind_i64(st, 17, r->forgiven);
	return store_run(st);
}

static int
read_rollout(struct db_stmt *st, struct db_rollout *r)
{
	db_col_copy(st, 0, r->schedule, sizeof(r->schedule));
	r->nominal = db_col_null(st, 1) ? DB_ROLLOUT_NO_NOMINAL : db_col_i64(st, 1);
	db_col_copy(st, 2, r->kind, sizeof(r->kind));
	r->doc = str_dup(db_col_text(st, 3));
	r->hosts = str_dup(db_col_text(st, 4));
	db_col_copy(st, 5, r->reason, sizeof(r->reason));
	db_col_copy(st, 6, r->by, sizeof(r->by));
	r->created = db_col_i64(st, 7);
	read_why(st, 9, &r->why);
	r->changed = db_col_i64(st, 12);
	db_col_copy(st, 13, r->changed_by, sizeof(r->changed_by));
	r->opens = db_col_i64(st, 14);
	r->closes = db_col_i64(st, 15);
	r->started = db_col_i64(st, 16);
	r->ended = db_col_i64(st, 17);
	r->approved_at = db_col_i64(st, 18);
	db_col_copy(st, 19, r->approved_by, sizeof(r->approved_by));
	r->forgiven = db_col_i64(st, 20);
	return db_rollout_state_parse(db_col_text(st, 8), &r->state) < 0 ? -EUCLEAN : 0;
}

int
db_rollout_get(struct store *s, const char *id, struct db_rollout *ret)
{
	struct db_stmt *st = stmt_for(s, RO_GET, id);
	int rc = db_step(st);

	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	memset(ret, 0, sizeof(*ret));
	str_clip(ret->id, sizeof(ret->id), id);
	rc = read_rollout(st, ret);
	db_reset(st);
	if (rc < 0)
		db_rollout_done(ret);
	return rc;
}

void
db_rollout_done(struct db_rollout *r)
{
	free(r->doc);
	free(r->hosts);
	r->doc = r->hosts = NULL;
}

int
db_rollout_update(struct store *s, const struct db_rollout *r)
{
	struct db_stmt *st = stmt_for(s, RO_UPDATE, r->id);

	db_bind_text(st, 2, state_names[r->state]);
	bind_why(st, 3, &r->why);
	db_bind_i64(st, 6, r->changed);
	db_bind_opt(st, 7, r->changed_by);
	db_bind_i64(st, 8, r->opens);
	bind_time(st, 9, r->closes);
	bind_time(st, 10, r->started);
	bind_time(st, 11, r->ended);
	bind_time(st, 12, r->approved_at);
	db_bind_opt(st, 13, r->approved_by);
	db_bind_i64(st, 14, r->forgiven);
	return store_change(st);
}

int
db_rollout_open(struct store *s, struct store_names *ret)
{
	return store_collect(stmt(s, RO_OPEN), ret);
}

int
db_rollout_ids(
    struct store *s, const struct db_rollout_filter *f, struct store_names *ret)
{
	struct db_stmt *st =
	    f->schedule ? stmt_for(s, RO_IDS_SCHEDULE, f->schedule) : stmt(s, RO_IDS);

	db_bind_text(st, 2, f->before);
	db_bind_text(st, 3, f->state);
	db_bind_i64(st, 4, f->limit);
	return store_collect(st, ret);
}

int
db_rollout_last(struct store *s, const char *schedule, char ret_id[ID_SIZE])
{
	return store_text(
	    schedule ? stmt_for(s, RO_LAST_SCHEDULE, schedule) : stmt(s, RO_LAST), ret_id,
	    ID_SIZE);
}

int
db_rollout_orderer(struct store *s, const char *schedule, char *ret, size_t size)
{
	return store_text(stmt_for(s, RO_ORDERER, schedule), ret, size);
}

int
db_rollout_host_add(struct store *s, const char *rollout, const struct db_rollout_host *h)
{
	struct db_stmt *st = stmt_for(s, RH_ADD, rollout);

	db_bind_i64(st, 2, h->n);
	db_bind_text(st, 3, h->host);
	db_bind_text(st, 4, h->site);
	db_bind_i64(st, 5, h->batch);
	db_bind_i64(st, 6, h->opens);
	bind_time(st, 7, h->closes);
	db_bind_text(st, 8, host_state_names[h->state]);
	db_bind_i64(st, 9, h->step);
	db_bind_opt(st, 10, h->job);
	db_bind_i64(st, 11, h->since);
	bind_why(st, 12, &h->why);
	return store_run(st);
}

int
db_rollout_host_put(struct store *s, const char *rollout, const struct db_rollout_host *h)
{
	struct db_stmt *st = stmt_for(s, RH_PUT, rollout);

	db_bind_i64(st, 2, h->n);
	db_bind_i64(st, 3, h->opens);
	bind_time(st, 4, h->closes);
	db_bind_text(st, 5, host_state_names[h->state]);
	db_bind_i64(st, 6, h->step);
	db_bind_opt(st, 7, h->job);
	db_bind_i64(st, 8, h->since);
	bind_why(st, 9, &h->why);
	return store_change(st);
}

static int
read_host(struct db_stmt *st, struct db_rollout_host *h)
{
	memset(h, 0, sizeof(*h));
	h->n = db_col_i64(st, 0);
	db_col_copy(st, 1, h->host, sizeof(h->host));
	db_col_copy(st, 2, h->site, sizeof(h->site));
	h->batch = db_col_i64(st, 3);
	h->opens = db_col_i64(st, 4);
	h->closes = db_col_i64(st, 5);
	h->step = db_col_i64(st, 7);
	db_col_copy(st, 8, h->job, sizeof(h->job));
	h->since = db_col_i64(st, 9);
	read_why(st, 10, &h->why);
	return db_rollout_host_state_parse(db_col_text(st, 6), &h->state) < 0 ? -EUCLEAN
									      : 0;
}

int
db_rollout_host_get(
    struct store *s, const char *rollout, int64_t n, struct db_rollout_host *ret)
{
	struct db_stmt *st = stmt_for(s, RH_GET, rollout);

	db_bind_i64(st, 2, n);
	int rc = db_step(st);
	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	rc = read_host(st, ret);
	db_reset(st);
	return rc;
}

int
db_rollout_hosts(struct store *s, const char *rollout, const char *state, int64_t after,
    int64_t limit, void (*each)(void *arg, const struct db_rollout_host *h), void *arg)
{
	struct db_stmt *st = stmt_for(s, RH_LIST, rollout);
	struct db_rollout_host h;
	int rc;

	db_bind_i64(st, 2, after);
	db_bind_text(st, 3, state);
	db_bind_i64(st, 4, limit);
	while ((rc = db_step(st)) == 1) {
		rc = read_host(st, &h);
		if (rc < 0) {
			db_reset(st);
			return rc;
		}
		each(arg, &h);
	}
	return rc;
}

int
db_rollout_counts(
    struct store *s, const char *rollout, int64_t ret[DB_ROLLOUT_HOST_STATES])
{
	struct db_stmt *st = stmt_for(s, RH_COUNTS, rollout);
	enum db_rollout_host_state state;
	int rc;

	memset(ret, 0, DB_ROLLOUT_HOST_STATES * sizeof(ret[0]));
	while ((rc = db_step(st)) == 1) {
		if (db_rollout_host_state_parse(db_col_text(st, 0), &state) < 0) {
			db_reset(st);
			return -EUCLEAN;
		}
		ret[state] = db_col_i64(st, 1);
	}
	return rc;
}

int
db_rollout_batches(struct store *s, const char *rollout, int64_t *ret_n, int64_t *ret_of)
{
	int64_t n = 0, of = 0;
	int rc = store_i64(stmt_for(s, RH_BATCH, rollout), &n);

	if (rc == 0 || rc == -ENOENT)
		rc = store_i64(stmt_for(s, RH_BATCHES, rollout), &of);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	*ret_n = n;
	*ret_of = of;
	return 0;
}

int
db_rollout_of_job(struct store *s, const char *job, char ret_id[ID_SIZE], int64_t *ret_n)
{
	struct db_stmt *st = stmt_for(s, RH_OF_JOB, job);
	int rc = db_step(st);

	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	db_col_copy(st, 0, ret_id, ID_SIZE);
	*ret_n = db_col_i64(st, 1);
	db_reset(st);
	return 0;
}

int
db_rollout_again(struct store *s, const char *rollout, enum db_rollout_host_state state,
    int64_t now, int64_t closes)
{
	struct db_stmt *st = stmt_for(s, RH_AGAIN, rollout);

	db_bind_text(st, 2, host_state_names[state]);
	db_bind_i64(st, 3, now);
	db_bind_i64(st, 4, closes);
	return store_run(st);
}

int
db_rollout_over(struct store *s, const char *rollout, enum db_rollout_host_state state,
    int64_t now, int64_t *ret)
{
	struct db_stmt *st = stmt_for(s, RH_OVER, rollout);

	db_bind_text(st, 2, host_state_names[state]);
	db_bind_i64(st, 3, now);
	return store_i64(st, ret);
}

int
db_rollout_labels(struct store *s, const char *rollout, const char *key,
    void (*each)(void *arg, int64_t n, const char *value), void *arg)
{
	struct db_stmt *st = stmt_for(s, RH_LABELS, rollout);
	int rc;

	db_bind_text(st, 2, key);
	while ((rc = db_step(st)) == 1)
		each(arg, db_col_i64(st, 0), db_col_text(st, 1));
	return rc;
}

int
db_rollout_took(struct store *s, const char *host, const char *kind, int64_t *ret)
{
	struct db_stmt *st = stmt_for(s, RO_TOOK, host);

	db_bind_text(st, 2, kind);
	return store_i64(st, ret);
}
