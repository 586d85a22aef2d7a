/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers kept for Idempotency-Key, per user. */
#ifndef DB_DB_IDEM_H
#define DB_DB_IDEM_H

#include "db/store.h"
#include "lib/digest.h"

struct db_idem {
	char request[DIGEST_TEXT]; /* keyed digest of method, path and body */
	int64_t status;
	char *answer; /* owned by the caller after a get */
};

int
db_idem_get(
    struct store *s, int64_t uid, const char *key, struct db_idem *ret) MUST_CHECK;
/* In the transaction of what the request made. -EEXIST: the key is taken. */
int
db_idem_add(struct store *s, int64_t uid, const char *key, const struct db_idem *row,
    int64_t now) MUST_CHECK;
/* Drops what is older. */
int
db_idem_prune(struct store *s, int64_t before) MUST_CHECK;

#endif
