/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where nothing new may be begun: everywhere, or at a site. */
#ifndef DB_DB_HOLD_H
#define DB_DB_HOLD_H

#include "db/store.h"
#include "lib/bundle.h"

struct db_hold {
	char site[64]; /* "": everywhere */
	int64_t at;
	char by[64];
	char reason[BUNDLE_REASON_SIZE];
};

/* Of each: site NULL or "" is everywhere. -EEXIST: it is held already, and stays as it is. */
int
db_hold_add(struct store *s, const struct db_hold *hold) MUST_CHECK;
/* -ENOENT: it is not held. */
int
db_hold_delete(struct store *s, const char *site) MUST_CHECK;
/* The same. A key of a table that has a row or two. */
int
db_hold_get(struct store *s, const char *site, struct db_hold *ret) MUST_CHECK;
/* Everywhere first, then sites by name. `each` must not use the store. */
int
db_hold_list(struct store *s, void (*each)(void *arg, const struct db_hold *hold),
    void *arg) MUST_CHECK;

#endif
