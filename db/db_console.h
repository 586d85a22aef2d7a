/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recordings of consoles: what is known of each; the octets are in files. */
#ifndef DB_DB_CONSOLE_H
#define DB_DB_CONSOLE_H

#include "db/store.h"
#include "lib/bundle.h"

struct db_console {
	char boot[ID_SIZE];
	char host[BUNDLE_NAME_SIZE];
	char site[64];
	int64_t began,
	    last;	/* times of the first and the last frame, by the agent's clock */
	int64_t added;	/* when its first piece came; it stays */
	int64_t size;	/* octets of the file that are held */
	int64_t octets; /* of the console */
	int64_t gaps;
	bool truncated, ended;
	bool always; /* of no boot: the time between jobs */
};

/* -ENOENT: none. */
int
db_console_get(struct store *s, const char *boot, struct db_console *ret) MUST_CHECK;
int
db_console_put(struct store *s, const struct db_console *c) MUST_CHECK;
int
db_console_del(struct store *s, const char *boot) MUST_CHECK;
/* The host's newest; -ENOENT. */
int
db_console_newest(struct store *s, const char *host, char ret_boot[ID_SIZE]) MUST_CHECK;
/* The one that came first of all, -ENOENT, and the octets of all files. */
int
db_console_oldest(struct store *s, struct db_console *ret) MUST_CHECK;
int
db_console_total(struct store *s, int64_t *ret) MUST_CHECK;

/* Calls each(arg, row) for the host's recordings, newest first, those before the id `before` ("": all), at most `limit`. It
 * must not use the store. */
int
db_console_list(struct store *s, const char *host, const char *before, int64_t limit,
    void (*each)(void *arg, const struct db_console *c), void *arg) MUST_CHECK;
/* Of the host's recordings between jobs: the oldest, -ENOENT, and the octets of all. */
int
db_console_oldest_always(
    struct store *s, const char *host, struct db_console *ret) MUST_CHECK;
int
db_console_total_always(struct store *s, const char *host, int64_t *ret) MUST_CHECK;
/* Of these the newest that has something of the time between; -ENOENT. */
int
db_console_covering(struct store *s, const char *host, int64_t from, int64_t until,
    struct db_console *ret) MUST_CHECK;

#endif
