/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The secrets of hosts' BMCs, between their sealed form and the document that an agent is handed. */
#ifndef ORCHESTRATOR_CREDENTIALS_H
#define ORCHESTRATOR_CREDENTIALS_H

#include <jansson.h>

#include "db/db_host.h"
#include "lib/secret.h"

enum credentials_kind {
	CREDENTIALS_PASSWORD, /* the next one too, which is to become it */
	CREDENTIALS_KG,
};

enum { CREDENTIALS_CONTEXT_SIZE = BUNDLE_NAME_SIZE + 8 };

/* A host's secrets as they are sealed, without the rest of the host. */
struct credentials_sealed {
	char host[BUNDLE_NAME_SIZE];
	char password[DB_HOST_SEALED_SIZE], kg[DB_HOST_SEALED_SIZE],
	    next[DB_HOST_SEALED_SIZE];
	int64_t next_runs;
};
void
credentials_take(const struct db_host *h, struct credentials_sealed *ret);

/* What a secret is sealed for: it opens for no other host, and as nothing else. */
void
credentials_context(
    enum credentials_kind kind, const char *host, char ret[CREDENTIALS_CONTEXT_SIZE]);
int
credentials_seal(const struct secret_key *key, enum credentials_kind kind,
    const char *host, const char *plain, char ret[DB_HOST_SEALED_SIZE]) MUST_CHECK;
/* 0 with *ret, "" where nothing is sealed, for secret_free(); -EBADMSG. */
int
credentials_unseal(const struct secret_key *key, enum credentials_kind kind,
    const char *host, const char *sealed, char **ret) MUST_CHECK;
/* Do all that the host has open with this key? -EBADMSG with *err, which names the one that does not. */
int
credentials_check(
    const struct secret_key *key, const struct db_host *h, struct error *err) MUST_CHECK;
/* Puts the host's password and K_g into `bmc`, what an agent is handed; with `rotate` the next password too. `to`: the public
 * key of the agent, to which they are sealed (lib/bmc_sealed.h); "": in clear, over the unix socket alone. -EBADMSG
 * with *err, nothing put: a BMC must not be asked with an empty password instead, which would count there. */
int
credentials_put(const struct secret_key *key, const struct credentials_sealed *s,
    bool rotate, const char *to, json_t *bmc, struct error *err) MUST_CHECK;

#endif
