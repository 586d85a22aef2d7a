/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What probes have learned of hosts' BMCs: JSON texts, whose contents are the agents' to judge. */
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

#endif
