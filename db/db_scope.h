/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whose hosts, jobs and boots are, each by one indexed read of the columns that tell it. */
#ifndef DB_DB_SCOPE_H
#define DB_DB_SCOPE_H

#include "db/store.h"
#include "lib/bundle.h"
#include "lib/id.h"

struct db_scope_host {
	char site[64]; /* "": there is no host of that name */
	int64_t
	    was_at; /* until when it was at the site asked about, before it was moved or removed; 0: never */
};

struct db_scope_owner {
	char host[BUNDLE_NAME_SIZE];
	char site[64];
	char agent[ID_SIZE]; /* of a job: that it was accepted by; "" else */
};

/* 0 also for a host that nobody knows. */
int
db_scope_host(struct store *s, const char *name, const char *site,
    struct db_scope_host *ret) MUST_CHECK;
/* -ENOENT: there is none. */
int
db_scope_job(struct store *s, const char *id, struct db_scope_owner *ret) MUST_CHECK;
int
db_scope_boot(struct store *s, const char *id, struct db_scope_owner *ret) MUST_CHECK;

/* Notes that the host, if there is one of that name, leaves its site for `to` ("": it is removed) now. Before the change, in
 * its transaction. Forgets who left a year ago and longer. */
int
db_scope_leave(struct store *s, const char *host, const char *to, int64_t now) MUST_CHECK;

#endif
