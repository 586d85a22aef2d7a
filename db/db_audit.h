/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who changed or ordered what, why, and with what result: append-only, chained by hashes (lib/audit_chain.h).
 */
#ifndef DB_DB_AUDIT_H
#define DB_DB_AUDIT_H

#include "db/store.h"
#include "lib/audit_chain.h"

struct db_audit {
	int64_t at;
	const char *who; /* unix user name, or the token's */
	int64_t uid;
	const char *role;   /* "operator" */
	const char *from;   /* "unix pid 1234 uid 0" */
	const char *what;   /* "host.change", "job.reinstall", … */
	const char *object; /* "edge01" */
	const char *reason; /* "" when none was given */
	const char *result; /* "ok", or the code of the refusal */
	const char *before; /* JSON or "" */
	const char *after;  /* JSON or "" */
	const char *detail; /* JSON or "" */
};

/* In the transaction of the change it tells of, or alone for a refusal. */
int
db_audit_add(struct store *s, const struct db_audit *row) MUST_CHECK;

/* Returns whether it wants more. What a row has is borrowed for the call. */
typedef bool
db_audit_each(void *arg, const struct audit_chain_row *row);

struct db_audit_filter {
	const char *who, *what, *object; /* NULL: any */
	int64_t after, before;		 /* numbers between them, without them */
	int64_t limit;
};
/* The newest first. */
int
db_audit_list(struct store *s, const struct db_audit_filter *filter, db_audit_each *each,
    void *arg) MUST_CHECK;
/* Ascending, from that number on; INT64_MIN: also rows that have none by right. */
int
db_audit_walk(struct store *s, int64_t from, int64_t until, int64_t limit,
    db_audit_each *each, void *arg) MUST_CHECK;
/* The last row's number, time and hash; 0 and "" when there is none. */
int
db_audit_head(struct store *s, int64_t *ret_seq, int64_t *ret_at,
    char ret_hash[DIGEST_TEXT]) MUST_CHECK;
/* The whole chain, at once. */
int
db_audit_verify(struct store *s, struct audit_chain_result *ret) MUST_CHECK;

#endif
