/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tokens and the sessions that were begun with them. Digests are hexadecimal texts of the caller's. */
#ifndef DB_DB_TOKEN_H
#define DB_DB_TOKEN_H

#include "db/store.h"
#include "lib/digest.h"

enum { DB_TOKEN_NAME_MAX = 48 };

struct db_token {
	int64_t id; /* from 1, never given again */
	char name[DB_TOKEN_NAME_MAX + 1];
	char role[16];
	char digest[DIGEST_TEXT];
	int64_t created;
	char created_by[80];
	int64_t expires;   /* 0: never */
	int64_t last_used; /* 0: never */
	int64_t revoked;   /* 0: not */
	int64_t max_hosts; /* that one order may name; 0: as many as anybody's */
};

struct db_session {
	char digest[DIGEST_TEXT];
	int64_t token;
	char csrf[64];
	int64_t created, last_used, expires;
};

/* -EEXIST: the name was given once, to this or another one. *ret_id may be NULL. */
int
db_token_add(struct store *s, const struct db_token *t, int64_t *ret_id) MUST_CHECK;
/* Revoked and expired ones, too. */
int
db_token_by_digest(struct store *s, const char *digest, struct db_token *ret) MUST_CHECK;
int
db_token_by_name(struct store *s, const char *name, struct db_token *ret) MUST_CHECK;
int
db_token_by_id(struct store *s, int64_t id, struct db_token *ret) MUST_CHECK;
/* By name. */
int
db_token_list(struct store *s, void (*each)(void *arg, const struct db_token *t),
    void *arg) MUST_CHECK;
int
db_token_used(struct store *s, int64_t id, int64_t now) MUST_CHECK;
/* Takes its sessions with it: in a transaction. -ENOENT: unknown, or revoked before. */
int
db_token_revoke(struct store *s, int64_t id, int64_t now) MUST_CHECK;

int
db_token_session_add(struct store *s, const struct db_session *v) MUST_CHECK;
int
db_token_session_get(
    struct store *s, const char *digest, struct db_session *ret) MUST_CHECK;
int
db_token_session_used(struct store *s, const char *digest, int64_t now) MUST_CHECK;
int
db_token_session_delete(struct store *s, const char *digest) MUST_CHECK;
/* Of one token that may still be used. */
int
db_token_session_count(
    struct store *s, int64_t token, int64_t now, int64_t *ret) MUST_CHECK;
/* Those that ended, or were not used since. */
int
db_token_session_prune(struct store *s, int64_t now, int64_t unused_since) MUST_CHECK;

#endif
