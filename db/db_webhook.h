/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Webhooks that are known, and what they are still to be told. */
#ifndef DB_DB_WEBHOOK_H
#define DB_DB_WEBHOOK_H

#include "db/store.h"
#include "lib/error.h"
#include "lib/event.h"
#include "lib/id.h"

enum { DB_WEBHOOK_NAME_SIZE = 64, DB_WEBHOOK_ERROR_SIZE = 256 };

struct db_webhook {
	char name[DB_WEBHOOK_NAME_SIZE];
	int64_t delivered, gave_up, dropped;
	int64_t last_ok, last_failed; /* 0: never */
	char last_error[DB_WEBHOOK_ERROR_SIZE];
	int64_t since; /* number of the newest event when it was added */
};

struct db_webhook_delivery {
	char id[ID_SIZE];
	char webhook[DB_WEBHOOK_NAME_SIZE];
	int64_t seq; /* of the event */
	char kind[EVENT_KIND_SIZE];
	char host[EVENT_NAME_SIZE];
	int64_t created, tried; /* tried 0: not yet */
	int64_t attempts;
	char error[DB_WEBHOOK_ERROR_SIZE];
};

int
db_webhook_names(struct store *s, struct store_names *ret) MUST_CHECK;
/* One that is known already stays as it is. */
int
db_webhook_add(struct store *s, const char *name, int64_t since) MUST_CHECK;
/* With all that it was to be told. */
int
db_webhook_delete(struct store *s, const char *name) MUST_CHECK;
int
db_webhook_get(struct store *s, const char *name, struct db_webhook *ret) MUST_CHECK;

/* The number of the last event that was looked at; -ENOENT: none was yet. */
int
db_webhook_cursor(struct store *s, int64_t *ret) MUST_CHECK;
int
db_webhook_cursor_set(struct store *s, int64_t seq) MUST_CHECK;

/* An event that the webhook is to be told of already stays as it is: 0, with *ret_new (NULL allowed) false. */
int
db_webhook_queue(
    struct store *s, const struct db_webhook_delivery *d, bool *ret_new) MUST_CHECK;
int
db_webhook_dropped(struct store *s, const char *name, int64_t n) MUST_CHECK;
int
db_webhook_queued(struct store *s, const char *name, int64_t *ret) MUST_CHECK;
/* What comes next; -ENOENT: nothing. */
int
db_webhook_next(
    struct store *s, const char *name, struct db_webhook_delivery *ret) MUST_CHECK;
/* Several rows: within a transaction. */
int
db_webhook_done(
    struct store *s, const struct db_webhook_delivery *d, int64_t at) MUST_CHECK;
int
db_webhook_failed(struct store *s, const struct db_webhook_delivery *d, const char *error,
    int64_t at) MUST_CHECK;
/* Within a transaction. Gives up one delivery. */
int
db_webhook_give_up(struct store *s, const struct db_webhook_delivery *d) MUST_CHECK;
/* Within a transaction. Gives up all that were queued before `created`; *ret: how many. */
int
db_webhook_expire(struct store *s, const char *name, int64_t created, int64_t at,
    const char *error, int64_t *ret) MUST_CHECK;
/* Those that were given up, newest first. */
int
db_webhook_given_up(struct store *s, const char *name, int64_t limit,
    void (*each)(void *arg, const struct db_webhook_delivery *d), void *arg) MUST_CHECK;
/* Forgets what was given up and tried last before `at`, of one webhook. */
int
db_webhook_prune(struct store *s, const char *name, int64_t at) MUST_CHECK;

#endif
