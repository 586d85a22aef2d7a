// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of `audit`, each with the SHA-256 of itself and of the row before it, so that a
 * row that was changed or taken out behind the program's back breaks the chain from there
 * on.
 *
 * The hashed text is a JSON array of the members: unambiguous whatever characters they
 * hold. Failure modes: those of db.h. */
#include "db/db_audit.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "db/store_priv.h"
#include "lib/compiler.h"
#include "lib/digest.h"
#include "lib/json.h"
#include "lib/str.h"

enum { AUDIT_ADD, AUDIT_TAIL, AUDIT_LIST };

static const char *const sql[] = {
    [AUDIT_ADD] =
	"INSERT INTO audit (seq, at, who, uid, what, object, reason, result, detail,"
	" hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    [AUDIT_TAIL] = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1",
    [AUDIT_LIST] =
	"SELECT seq, at, who, uid, what, object, reason, result, detail, hash FROM audit"
	" WHERE seq > $1 ORDER BY seq LIMIT $2",
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

static void
chain(const char *before, const struct db_audit *r, char ret[DIGEST_TEXT])
{
	json_t *v = json_pack("[s, I, I, s, I, s, s, s, s, s]", before,
	    (json_int_t)r->seq, (json_int_t)r->at, r->who, (json_int_t)r->uid, r->what,
	    r->object, r->reason, r->result, r->detail);
	char *text = v ? json_text(v) : NULL;

	/* Only text that is not UTF-8 cannot be packed; it is hashed as the empty array.
	 */
	digest_sha256(text ? text : "[]", text ? strlen(text) : 2, ret);
	free(text);
	json_decref(v);
}

int
db_audit_add(struct store *s, const struct db_audit *row)
{
	struct db_audit r = *row;
	char before[DIGEST_TEXT] = "", hash[DIGEST_TEXT];
	struct db_stmt *st = stmt(s, AUDIT_TAIL);
	int rc = db_step(st);

	if (rc < 0)
		return rc;
	r.seq = 1;
	if (rc == 1) {
		r.seq = db_col_i64(st, 0) + 1;
		db_col_copy(st, 1, before, sizeof(before));
		db_reset(st);
	}
	chain(before, &r, hash);
	st = stmt(s, AUDIT_ADD);
	db_bind_i64(st, 1, r.seq);
	db_bind_i64(st, 2, r.at);
	db_bind_text(st, 3, r.who);
	db_bind_i64(st, 4, r.uid);
	db_bind_text(st, 5, r.what);
	db_bind_text(st, 6, r.object);
	db_bind_text(st, 7, r.reason);
	db_bind_text(st, 8, r.result);
	db_bind_text(st, 9, r.detail);
	db_bind_text(st, 10, hash);
	return store_run(st);
}

/* The strings are the statement's: valid until its next step. */
static struct db_audit
read_row(struct db_stmt *st)
{
	return (struct db_audit){
	    .seq = db_col_i64(st, 0),
	    .at = db_col_i64(st, 1),
	    .who = db_col_text(st, 2),
	    .uid = db_col_i64(st, 3),
	    .what = db_col_text(st, 4),
	    .object = db_col_text(st, 5),
	    .reason = db_col_text(st, 6),
	    .result = db_col_text(st, 7),
	    .detail = db_col_text(st, 8),
	};
}

static struct db_stmt *
list(struct store *s, int64_t after, int64_t limit)
{
	struct db_stmt *st = stmt(s, AUDIT_LIST);

	db_bind_i64(st, 1, after);
	db_bind_i64(st, 2, limit);
	return st;
}

int
db_audit_list(struct store *s, int64_t after, int64_t limit,
    void (*each)(void *arg, const struct db_audit *row), void *arg)
{
	struct db_stmt *st = list(s, after, limit);
	int rc;

	while ((rc = db_step(st)) == 1) {
		struct db_audit r = read_row(st);
		each(arg, &r);
	}
	return rc;
}

int
db_audit_verify(struct store *s, int64_t *ret_bad)
{
	struct db_stmt *st = list(s, 0, INT64_MAX);
	char before[DIGEST_TEXT] = "", hash[DIGEST_TEXT];
	int64_t want = 1;
	int rc;

	while ((rc = db_step(st)) == 1) {
		struct db_audit r = read_row(st);
		chain(before, &r, hash);
		if (r.seq != want || !str_eq(hash, db_col_text(st, 9))) {
			*ret_bad = want;
			db_reset(st);
			return 0;
		}
		memcpy(before, hash, sizeof(before));
		want++;
	}
	if (rc == 0)
		*ret_bad = 0;
	return rc;
}
