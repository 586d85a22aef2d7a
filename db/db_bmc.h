/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What probes have learned of hosts' BMCs: JSON texts, whose contents are the agents' to judge; and their passwords
 * while they are changed. */
#ifndef DB_DB_BMC_H
#define DB_DB_BMC_H

#include "db/store.h"

/* What was found at that address; replaces what was there. -ENOLINK: no such host. */
int
db_bmc_learned_put(struct store *s, const char *host, const char *address, int64_t port,
    const char *doc, int64_t at) MUST_CHECK;
/* *ret is owned by the caller. -ENOENT: nothing was learned of the BMC that the host has now. */
int
db_bmc_learned_get(
    struct store *s, const char *host, char **ret, int64_t *ret_at) MUST_CHECK;

/* The password that a BMC is to get (struct db_host.sealed_next), beside the present one, which is stored as `sealed` (""
 * or NULL: there is none). Within a transaction. -ENOENT: the host has another password by now, or a rotation already. */
int
db_bmc_next_put(struct store *s, const char *host, const char *sealed, const char *next,
    int64_t at) MUST_CHECK;
/* An agent is sent for it once more; the number of its runs. Within a transaction. */
int
db_bmc_next_run(struct store *s, const char *host, const char *next) MUST_CHECK;
/* It is settled: from now on `proven` is the password (NULL or "": there is none). With `only_over` a password that is
 * another by now stays, and so does the rotation. Within a transaction. -ENOENT: nothing was changed. */
int
db_bmc_next_settle(struct store *s, const char *host, const char *next,
    const char *proven, const char *only_over) MUST_CHECK;
/* A host of another site with a BMC of that very address and port; -ENOENT: there is none. */
int
db_bmc_shared(struct store *s, const char *host, const char *address, int64_t port,
    char *ret, size_t size) MUST_CHECK;

#endif
