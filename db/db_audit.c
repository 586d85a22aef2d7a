// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of `audit`, each with the SHA-256 of itself and of the row before it, so that a
 * row that was changed or taken out behind the program's back breaks the chain from there
 * on. What is hashed, and how a chain is checked, is lib/audit_chain.h's.
 *
 * A list has a statement per leading filter, so that each walks an index in order of seq. Reading takes whatever the
 * file holds: texts with all their octets, and a number or text that is stored as something else makes its row one of
 * no version, which nothing proves. Failure modes: those of db.h. */
#include "db/db_audit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/store_priv.h"
#include "lib/compiler.h"
#include "lib/str.h"

enum {
	AUDIT_ADD,
	AUDIT_TAIL,
	AUDIT_WALK,
	AUDIT_ALL,
	AUDIT_OBJECT,
	AUDIT_WHO_WHAT,
	AUDIT_WHO,
	AUDIT_WHAT
};

/* The texts in the order of enum audit_chain_member. */
#define COLUMNS                                                           \
	"SELECT version, seq, at, uid, who, role, origin, what, object, " \
	"reason, result, before, after, detail, hash FROM audit"
#define BOUNDS " seq < $1 AND seq > $2"
#define NARROW                                        \
	" AND (CAST($4 AS TEXT) IS NULL OR who = $4)" \
	" AND (CAST($5 AS TEXT) IS NULL OR what = $5)"
#define ORDER " ORDER BY seq DESC LIMIT $3"

static const char *const sql[] = {
    [AUDIT_ADD] =
	"INSERT INTO audit (version, seq, at, uid, who, role, origin, what, object,"
	" reason, result, before, after, detail, hash)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
    [AUDIT_TAIL] = "SELECT seq, at, hash FROM audit ORDER BY seq DESC LIMIT 1",
    [AUDIT_WALK] = COLUMNS " WHERE seq >= $1 AND seq <= $2 ORDER BY seq LIMIT $3",
    [AUDIT_ALL] = COLUMNS " WHERE" BOUNDS ORDER,
    [AUDIT_OBJECT] = COLUMNS " WHERE object = $6 AND" BOUNDS NARROW ORDER,
    [AUDIT_WHO_WHAT] = COLUMNS " WHERE who = $4 AND what = $5 AND" BOUNDS ORDER,
    [AUDIT_WHO] = COLUMNS " WHERE who = $4 AND" BOUNDS ORDER,
    [AUDIT_WHAT] = COLUMNS " WHERE what = $5 AND" BOUNDS ORDER,
};

struct store_sql
db_audit_sql(void)
{
	return (struct store_sql){sql, ARRAY_SIZE(sql)};
}

static struct db_stmt *
stmt(struct store *s, size_t i)
{
	return db_stmt(s->set[STORE_AUDIT], i);
}

static struct audit_chain_row
row_of(const struct db_audit *a, int64_t seq)
{
	const char *const texts[AUDIT_CHAIN_TEXTS] = {a->who, a->role, a->from, a->what,
	    a->object, a->reason, a->result, a->before, a->after, a->detail};
	struct audit_chain_row r = {
	    .version = AUDIT_CHAIN_VERSION, .seq = seq, .at = a->at, .uid = a->uid};

	for (size_t i = 0; i < AUDIT_CHAIN_TEXTS; i++)
		r.text[i] = (struct audit_chain_text){texts[i], strlen(texts[i])};
	return r;
}

int
db_audit_head(
    struct store *s, int64_t *ret_seq, int64_t *ret_at, char ret_hash[DIGEST_TEXT])
{
	struct db_stmt *st = stmt(s, AUDIT_TAIL);
	int rc = db_step(st);

	if (rc < 0)
		return rc;
	*ret_seq = rc == 1 ? db_col_i64(st, 0) : 0;
	*ret_at = rc == 1 ? db_col_i64(st, 1) : 0;
	ret_hash[0] = '\0';
	if (rc == 1) {
		db_col_copy(st, 2, ret_hash, DIGEST_TEXT);
		db_reset(st);
	}
	return 0;
}

int
db_audit_add(struct store *s, const struct db_audit *row)
{
	char before[DIGEST_TEXT], hash[DIGEST_TEXT];
	int64_t seq = 0, at = 0;
	int rc = db_audit_head(s, &seq, &at, before);

	if (rc < 0)
		return rc;
	if (seq == INT64_MAX) /* put there by hand: nothing can follow it */
		return -EOVERFLOW;
	const struct audit_chain_row r = row_of(row, seq + 1);
	rc = audit_chain_hash(before, &r, hash);
	if (rc < 0)
		return rc;
	struct db_stmt *st = stmt(s, AUDIT_ADD);
	db_bind_i64(st, 1, r.version);
	db_bind_i64(st, 2, r.seq);
	db_bind_i64(st, 3, r.at);
	db_bind_i64(st, 4, r.uid);
	for (int i = 0; i < AUDIT_CHAIN_TEXTS; i++)
		db_bind_text(st, 5 + i, r.text[i].v);
	db_bind_text(st, 5 + AUDIT_CHAIN_TEXTS, hash);
	return store_run(st);
}

static struct audit_chain_row
read_row(struct db_stmt *st)
{
	struct audit_chain_row r = {.version = db_col_i64(st, 0),
	    .seq = db_col_i64(st, 1),
	    .at = db_col_i64(st, 2),
	    .uid = db_col_i64(st, 3)};

	for (int i = 0; i < 4; i++)
		if (!db_col_is_i64(st, i))
			r.version = -1;
	/* A BLOB of the same octets equals no text: it would be hidden from every filter. */
	for (int i = 0; i <= AUDIT_CHAIN_TEXTS; i++)
		if (!db_col_is_text(st, 4 + i))
			r.version = -1;
	for (int i = 0; i < AUDIT_CHAIN_TEXTS; i++)
		r.text[i].v = db_col_octets(st, 4 + i, &r.text[i].n);
	r.hash.v = db_col_octets(st, 4 + AUDIT_CHAIN_TEXTS, &r.hash.n);
	return r;
}

static int
each_row(struct db_stmt *st, db_audit_each *each, void *arg)
{
	int rc;

	while ((rc = db_step(st)) == 1) {
		const struct audit_chain_row r = read_row(st);
		if (each(arg, &r))
			continue;
		db_reset(st);
		return 0;
	}
	return rc;
}

int
db_audit_list(
    struct store *s, const struct db_audit_filter *f, db_audit_each *each, void *arg)
{
	bool narrow = f->object, who = f->who && f->what;
	struct db_stmt *st = stmt(s, f->object ? AUDIT_OBJECT
				     : who     ? AUDIT_WHO_WHAT
				     : f->who  ? AUDIT_WHO
				     : f->what ? AUDIT_WHAT
					       : AUDIT_ALL);

	db_bind_i64(st, 1, f->before);
	db_bind_i64(st, 2, f->after);
	db_bind_i64(st, 3, f->limit);
	if (narrow || f->who)
		db_bind_text(st, 4, f->who);
	if (narrow || f->what)
		db_bind_text(st, 5, f->what);
	if (narrow)
		db_bind_text(st, 6, f->object);
	return each_row(st, each, arg);
}

int
db_audit_walk(struct store *s, int64_t from, int64_t until, int64_t limit,
    db_audit_each *each, void *arg)
{
	struct db_stmt *st = stmt(s, AUDIT_WALK);

	db_bind_i64(st, 1, from);
	db_bind_i64(st, 2, until);
	db_bind_i64(st, 3, limit);
	return each_row(st, each, arg);
}

static bool
feed(void *arg, const struct audit_chain_row *row)
{
	return audit_chain_feed(arg, row);
}

int
db_audit_verify(struct store *s, struct audit_chain_result *ret)
{
	struct audit_chain *c = audit_chain_new();
	int rc = db_audit_walk(s, INT64_MIN, INT64_MAX, INT64_MAX, feed, c);

	if (rc == 0)
		audit_chain_end(c, ret);
	audit_chain_free(c);
	return rc;
}
