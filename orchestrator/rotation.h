/* SPDX-License-Identifier: GPL-3.0-or-later */
/* New passwords for BMCs: what the database holds before an agent is sent, and after it has answered. At every instant
 * the stored passwords of a host, one or two, have the BMC's among them. */
#ifndef ORCHESTRATOR_ROTATION_H
#define ORCHESTRATOR_ROTATION_H

#include "db/db_host.h"
#include "lib/agent_msg.h"
#include "lib/error.h"
#include "lib/log.h"
#include "lib/rng.h"
#include "lib/secret.h"
#include "orchestrator/audit.h"

struct rotation {
	char host[BUNDLE_NAME_SIZE];
	char sealed[DB_HOST_SEALED_SIZE],
	    next[DB_HOST_SEALED_SIZE]; /* as the agent has them */
	bool fresh;		       /* no agent was sent with this password before */
};

struct rotation_deps {
	struct store *store;
	const struct secret_key *key;
	struct rng *rng; /* the system's */
	const struct log *log;
};

/* Has a host of another site the same BMC? 0: no. */
int
rotation_check_shared(
    struct store *s, const struct db_host *h, struct error *err) MUST_CHECK;
/* Stores a new password beside the present one of `h`, or goes on with the one that an earlier rotation left. On
 * return it is durable, and h as it is now: the agent may be told. An errno with *err: it must not. */
int
rotation_begin(const struct rotation_deps *deps, struct db_host *h, int64_t now,
    struct rotation *ret, struct error *err) MUST_CHECK;
/* Keeps what the agent has proven, and records it for `who`. Makes of the agent's answer, which may be the lack of one, what is
 * told to people: *res gets {"settled": "new" | "old" | "none", "octets"} as data, owned by the caller. */
void
rotation_end(const struct rotation_deps *deps, const struct rotation *r,
    const struct audit_who *who, const char *reason, int64_t now,
    struct agent_msg_call_result *res);

#endif
