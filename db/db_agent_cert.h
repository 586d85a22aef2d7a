/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Certificates of agents, and the secrets by which sites join. */
#ifndef DB_DB_AGENT_CERT_H
#define DB_DB_AGENT_CERT_H

#include "db/store.h"
#include "lib/compiler.h"

enum {
	DB_AGENT_CERT_SERIAL_SIZE = 48,
	DB_AGENT_CERT_KEY_SIZE = 64,
	DB_AGENT_CERT_FROM_SIZE = 64,
	DB_AGENT_CERT_WHY_SIZE = 256,
};

struct db_agent_cert {
	char serial[DB_AGENT_CERT_SERIAL_SIZE];
	char site[64];
	int64_t issued, ends;
	char issued_by[64];
	char renews[DB_AGENT_CERT_SERIAL_SIZE];	 /* "" : none */
	char seal_key[DB_AGENT_CERT_KEY_SIZE];	 /* "" : none */
	int64_t last_seen;			 /* 0: never */
	char last_from[DB_AGENT_CERT_FROM_SIZE]; /* "" : never */
	int64_t revoked;			 /* 0: it is not */
	char revoked_by[64], revoked_why[DB_AGENT_CERT_WHY_SIZE];
};

struct db_join_secret {
	char digest[65];
	char site[64];
	int64_t created;
	char created_by[64];
	int64_t expires;
	int64_t used; /* 0: not yet */
	char used_from[DB_AGENT_CERT_FROM_SIZE];
	char serial[DB_AGENT_CERT_SERIAL_SIZE];
	int64_t withdrawn; /* 0: it is not */
	char request[65];  /* SHA-256 of the request that it was used with; "": not yet */
};

/* "valid", "ended" or "revoked". */
const char *
db_agent_cert_state(const struct db_agent_cert *c, int64_t now);
/* -EEXIST: that serial is there. */
int
db_agent_cert_add(struct store *s, const struct db_agent_cert *c) MUST_CHECK;
int
db_agent_cert_get(
    struct store *s, const char *serial, struct db_agent_cert *ret) MUST_CHECK;
/* Of a site, the newest first, at most `limit`. */
int
db_agent_cert_of_site(struct store *s, const char *site, int64_t limit,
    void (*each)(void *arg, const struct db_agent_cert *c), void *arg) MUST_CHECK;
/* Serials of those of a site that are neither revoked nor ended, the newest first. */
int
db_agent_cert_good(
    struct store *s, const char *site, int64_t now, struct store_names *ret) MUST_CHECK;
/* How many the site was given since. */
int
db_agent_cert_count(
    struct store *s, const char *site, int64_t since, int64_t *ret) MUST_CHECK;
int
db_agent_cert_seen(
    struct store *s, const char *serial, int64_t at, const char *from) MUST_CHECK;
/* -ENOENT: unknown, or revoked before. */
int
db_agent_cert_revoke(struct store *s, const char *serial, int64_t at, const char *by,
    const char *why) MUST_CHECK;

/* All that a site has, and those given until now that are not in this database (db_agent_cert_shut()). */
int
db_agent_cert_revoke_site(struct store *s, const char *site, int64_t at, const char *by,
    const char *why) MUST_CHECK;
/* When that was done last, 0: never. What a certificate of before is worth that is not here. */
int
db_agent_cert_shut(struct store *s, const char *site, int64_t *ret) MUST_CHECK;

int
db_agent_cert_secret_add(struct store *s, const struct db_join_secret *v) MUST_CHECK;
int
db_agent_cert_secret_get(
    struct store *s, const char *digest, struct db_join_secret *ret) MUST_CHECK;
/* Once, or again with the same request: -ENOENT for one that was withdrawn, or used with another. */
int
db_agent_cert_secret_use(struct store *s, const char *digest, int64_t at,
    const char *from, const char *serial, const char *request) MUST_CHECK;
/* Those of a site that were not used. */
int
db_agent_cert_secret_withdraw(struct store *s, const char *site, int64_t at) MUST_CHECK;
/* Of a site, the newest first, at most `limit`. */
int
db_agent_cert_secrets(struct store *s, const char *site, int64_t limit,
    void (*each)(void *arg, const struct db_join_secret *v), void *arg) MUST_CHECK;

#endif
