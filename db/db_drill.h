/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reports of drills. */
#ifndef DB_DB_DRILL_H
#define DB_DB_DRILL_H

#include "db/store.h"
#include "lib/bundle.h"

struct db_drill {
	char id[ID_SIZE]; /* of the job that booted the live image */
	char rollout[ID_SIZE];
	char schedule[BUNDLE_NAME_SIZE]; /* "": by hand */
	char site[64];
	char host[BUNDLE_NAME_SIZE];
	char image[BUNDLE_NAME_SIZE];
	char back[ID_SIZE]; /* the job that brought it back; "": there was none */
	int64_t began, ended;
	char outcome[16];  /* ok | regression | failed */
	char returned[16]; /* yes | no | untouched */
	char stuck[32];	   /* or "" */
	struct error why;  /* code "": nothing */
	char *stages;	   /* JSON; owned */
};

void
db_drill_done(struct db_drill *d);
/* -EEXIST: there is a report of that drill. */
int
db_drill_add(struct store *s, const struct db_drill *d) MUST_CHECK;
/* -ENOENT: none. The caller runs db_drill_done(). */
int
db_drill_get(struct store *s, const char *id, struct db_drill *ret) MUST_CHECK;
/* Ids, newest first, of a site and of a schedule (NULL: of any), before the id `before` (NULL: from the newest). */
int
db_drill_ids(struct store *s, const char *site, const char *schedule, const char *before,
    int64_t limit, struct store_names *ret) MUST_CHECK;
struct db_drill_host {
	char site[64];
	bool barred;  /* it is locked, or has no BMC */
	int64_t last; /* when its last drill began; 0: it had none */
};
/* -ENOENT: no such host. */
int
db_drill_host(struct store *s, const char *host, struct db_drill_host *ret) MUST_CHECK;
/* Calls each(arg, stages) for the newest drills of the site with that image. It must not use the store. */
int
db_drill_past(struct store *s, const char *site, const char *image, int64_t limit,
    void (*each)(void *arg, const char *stages), void *arg) MUST_CHECK;

#endif
