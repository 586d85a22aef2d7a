// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of webhook, webhook_cursor and webhook_delivery.
 *
 * Entry points: db_webhook_queue() and db_webhook_cursor_set() in one transaction, so that no event is looked at twice
 * or left out; db_webhook_next(), and then db_webhook_done() or db_webhook_failed(). A delivery is a few words: what it
 * tells is read from the event when it is sent. Failure modes: those of db.h. */
#include "db/db_webhook.h"

#include <assert.h>
#include <errno.h>

#include "db/store_priv.h"
#include "lib/compiler.h"
#include "lib/str.h"

enum {
	WH_NAMES,
	WH_ADD,
	WH_DELETE,
	WH_GET,
	WH_CURSOR,
	WH_CURSOR_SET,
	WH_QUEUE,
	WH_DROPPED,
	WH_QUEUED,
	WH_NEXT,
	WH_REMOVE,
	WH_NOTE_OK,
	WH_TRIED,
	WH_NOTE_FAILED,
	WH_GIVE_UP,
	WH_EXPIRE,
	WH_NOTE_GAVE_UP,
	WH_GIVEN_UP,
	WH_PRUNE
};

#define DELIVERY                                                                     \
	"SELECT id, webhook, seq, kind, host, created, tried, attempts, error FROM " \
	"webhook_delivery"

static const char *const sql[] = {
    [WH_NAMES] = "SELECT name FROM webhook ORDER BY name",
    [WH_ADD] = "INSERT INTO webhook (name, delivered, gave_up, dropped, since)"
	       " VALUES ($1, 0, 0, 0, $2)"
	       " ON CONFLICT (name) DO NOTHING",
    [WH_DELETE] = "DELETE FROM webhook WHERE name = $1",
    [WH_GET] =
	"SELECT name, delivered, gave_up, dropped, last_ok, last_failed, last_error,"
	" since FROM webhook WHERE name = $1",
    [WH_CURSOR] = "SELECT seq FROM webhook_cursor WHERE id = 1",
    [WH_CURSOR_SET] = "INSERT INTO webhook_cursor (id, seq) VALUES (1, $1)"
		      " ON CONFLICT (id) DO UPDATE SET seq = excluded.seq",
    [WH_QUEUE] = "INSERT INTO webhook_delivery (id, webhook, seq, kind, host, state, "
		 "created, attempts)"
		 " VALUES ($1, $2, $3, $4, $5, 'queued', $6, 0)"
		 " ON CONFLICT (webhook, seq) DO NOTHING",
    [WH_DROPPED] = "UPDATE webhook SET dropped = dropped + $2 WHERE name = $1",
    [WH_QUEUED] =
	"SELECT count(*) FROM webhook_delivery WHERE webhook = $1 AND state = 'queued'",
    [WH_NEXT] = DELIVERY " WHERE webhook = $1 AND state = 'queued' ORDER BY seq LIMIT 1",
    [WH_REMOVE] = "DELETE FROM webhook_delivery WHERE id = $1",
    [WH_NOTE_OK] =
	"UPDATE webhook SET delivered = delivered + 1, last_ok = $2 WHERE name = $1",
    [WH_TRIED] =
	"UPDATE webhook_delivery SET attempts = attempts + 1, tried = $2, error = $3"
	" WHERE id = $1",
    [WH_NOTE_FAILED] =
	"UPDATE webhook SET last_failed = $2, last_error = $3 WHERE name = $1",
    [WH_GIVE_UP] = "UPDATE webhook_delivery SET state = 'gave-up' WHERE id = $1",
    [WH_EXPIRE] =
	"UPDATE webhook_delivery SET state = 'gave-up', tried = coalesce(tried, $3),"
	" error = coalesce(error, $4)"
	" WHERE webhook = $1 AND state = 'queued' AND created < $2",
    [WH_NOTE_GAVE_UP] = "UPDATE webhook SET gave_up = gave_up + $2 WHERE name = $1",
    [WH_GIVEN_UP] =
	DELIVERY " WHERE webhook = $1 AND state = 'gave-up' ORDER BY seq DESC LIMIT $2",
    [WH_PRUNE] = "DELETE FROM webhook_delivery WHERE webhook = $1 AND state = 'gave-up' "
		 "AND tried < $2",
};

struct store_sql
db_webhook_sql(void)
{
	return (struct store_sql){sql, ARRAY_SIZE(sql)};
}

static struct db_stmt *
stmt(struct store *s, size_t i)
{
	return db_stmt(s->set[STORE_WEBHOOK], i);
}

/* A statement whose first parameter is a name or an id. */
static struct db_stmt *
stmt_of(struct store *s, size_t i, const char *key)
{
	struct db_stmt *st = stmt(s, i);

	db_bind_text(st, 1, key);
	return st;
}

int
db_webhook_names(struct store *s, struct store_names *ret)
{
	return store_collect(stmt(s, WH_NAMES), ret);
}

int
db_webhook_add(struct store *s, const char *name, int64_t since)
{
	struct db_stmt *st = stmt_of(s, WH_ADD, name);

	db_bind_i64(st, 2, since);
	return store_run(st);
}

int
db_webhook_delete(struct store *s, const char *name)
{
	return store_run(stmt_of(s, WH_DELETE, name));
}

int
db_webhook_get(struct store *s, const char *name, struct db_webhook *ret)
{
	struct db_stmt *st = stmt_of(s, WH_GET, name);
	int rc = db_step(st);

	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	db_col_copy(st, 0, ret->name, sizeof(ret->name));
	ret->delivered = db_col_i64(st, 1);
	ret->gave_up = db_col_i64(st, 2);
	ret->dropped = db_col_i64(st, 3);
	ret->last_ok = db_col_i64(st, 4);
	ret->last_failed = db_col_i64(st, 5);
	db_col_copy(st, 6, ret->last_error, sizeof(ret->last_error));
	ret->since = db_col_i64(st, 7);
	db_reset(st);
	return 0;
}

int
db_webhook_cursor(struct store *s, int64_t *ret)
{
	return store_i64(stmt(s, WH_CURSOR), ret);
}

int
db_webhook_cursor_set(struct store *s, int64_t seq)
{
	struct db_stmt *st = stmt(s, WH_CURSOR_SET);

	db_bind_i64(st, 1, seq);
	return store_run(st);
}

int
db_webhook_queue(struct store *s, const struct db_webhook_delivery *d, bool *ret_new)
{
	struct db_stmt *st = stmt_of(s, WH_QUEUE, d->id);

	db_bind_text(st, 2, d->webhook);
	db_bind_i64(st, 3, d->seq);
	db_bind_text(st, 4, d->kind);
	db_bind_opt(st, 5, d->host);
	db_bind_i64(st, 6, d->created);
	int rc = db_run(st);
	if (rc < 0)
		return rc;
	if (ret_new)
		*ret_new = rc > 0;
	return 0;
}

int
db_webhook_dropped(struct store *s, const char *name, int64_t n)
{
	struct db_stmt *st = stmt_of(s, WH_DROPPED, name);

	db_bind_i64(st, 2, n);
	return store_run(st);
}

int
db_webhook_queued(struct store *s, const char *name, int64_t *ret)
{
	return store_i64(stmt_of(s, WH_QUEUED, name), ret);
}

static void
read_delivery(struct db_stmt *st, struct db_webhook_delivery *ret)
{
	db_col_copy(st, 0, ret->id, sizeof(ret->id));
	db_col_copy(st, 1, ret->webhook, sizeof(ret->webhook));
	ret->seq = db_col_i64(st, 2);
	db_col_copy(st, 3, ret->kind, sizeof(ret->kind));
	db_col_copy(st, 4, ret->host, sizeof(ret->host));
	ret->created = db_col_i64(st, 5);
	ret->tried = db_col_i64(st, 6);
	ret->attempts = db_col_i64(st, 7);
	db_col_copy(st, 8, ret->error, sizeof(ret->error));
}

int
db_webhook_next(struct store *s, const char *name, struct db_webhook_delivery *ret)
{
	struct db_stmt *st = stmt_of(s, WH_NEXT, name);
	int rc = db_step(st);

	if (rc <= 0)
		return rc < 0 ? rc : -ENOENT;
	read_delivery(st, ret);
	db_reset(st);
	return 0;
}

int
db_webhook_done(struct store *s, const struct db_webhook_delivery *d, int64_t at)
{
	assert(db_in_transaction(s->db));
	int rc = store_run(stmt_of(s, WH_REMOVE, d->id));

	if (rc < 0)
		return rc;
	struct db_stmt *st = stmt_of(s, WH_NOTE_OK, d->webhook);
	db_bind_i64(st, 2, at);
	return store_run(st);
}

int
db_webhook_failed(
    struct store *s, const struct db_webhook_delivery *d, const char *error, int64_t at)
{
	assert(db_in_transaction(s->db));
	struct db_stmt *st = stmt_of(s, WH_TRIED, d->id);

	db_bind_i64(st, 2, at);
	db_bind_text(st, 3, error);
	int rc = store_run(st);
	if (rc < 0)
		return rc;
	st = stmt_of(s, WH_NOTE_FAILED, d->webhook);
	db_bind_i64(st, 2, at);
	db_bind_text(st, 3, error);
	return store_run(st);
}

static int
note_given_up(struct store *s, const char *name, int64_t n)
{
	struct db_stmt *st = stmt_of(s, WH_NOTE_GAVE_UP, name);

	db_bind_i64(st, 2, n);
	return store_run(st);
}

int
db_webhook_give_up(struct store *s, const struct db_webhook_delivery *d)
{
	assert(db_in_transaction(s->db));
	int rc = store_run(stmt_of(s, WH_GIVE_UP, d->id));

	return rc < 0 ? rc : note_given_up(s, d->webhook, 1);
}

int
db_webhook_expire(struct store *s, const char *name, int64_t created, int64_t at,
    const char *error, int64_t *ret)
{
	assert(db_in_transaction(s->db));
	struct db_stmt *st = stmt_of(s, WH_EXPIRE, name);

	db_bind_i64(st, 2, created);
	db_bind_i64(st, 3, at);
	db_bind_text(st, 4, error);
	int rc = db_run(st);
	if (rc < 0)
		return rc;
	*ret = rc;
	return rc > 0 ? note_given_up(s, name, rc) : 0;
}

int
db_webhook_given_up(struct store *s, const char *name, int64_t limit,
    void (*each)(void *arg, const struct db_webhook_delivery *d), void *arg)
{
	struct db_stmt *st = stmt_of(s, WH_GIVEN_UP, name);
	struct db_webhook_delivery d;
	int rc;

	db_bind_i64(st, 2, limit);
	while ((rc = db_step(st)) == 1) {
		read_delivery(st, &d);
		each(arg, &d);
	}
	return rc;
}

int
db_webhook_prune(struct store *s, const char *name, int64_t at)
{
	struct db_stmt *st = stmt_of(s, WH_PRUNE, name);

	db_bind_i64(st, 2, at);
	return store_run(st);
}
