/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who changed or ordered what, why, and with what result: append-only, chained by hashes.
 */
#ifndef DB_DB_AUDIT_H
#define DB_DB_AUDIT_H

#include "db/store.h"

struct db_audit {
	int64_t seq; /* read only */
	int64_t at;
	const char *who; /* unix user name */
	int64_t uid;
	const char *what;   /* "host.change", "job.reinstall", … */
	const char *object; /* "edge01" */
	const char *reason; /* "" when none was given */
	const char *result; /* "ok", or the code of the refusal */
	const char *detail; /* JSON or "" */
};

/* In the transaction of the change it tells of, or alone for a refusal. */
int
db_audit_add(struct store *s, const struct db_audit *row) MUST_CHECK;
/* Ascending from after `after`; strings are borrowed for the call. */
int
db_audit_list(struct store *s, int64_t after, int64_t limit,
    void (*each)(void *arg, const struct db_audit *row), void *arg) MUST_CHECK;
/* 0 with *ret_bad 0 when the whole chain holds, else the first row that does not follow.
 */
int
db_audit_verify(struct store *s, int64_t *ret_bad) MUST_CHECK;

#endif
