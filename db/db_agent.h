/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Agents: one row per spool that ever reported. */
#ifndef DB_DB_AGENT_H
#define DB_DB_AGENT_H

#include "db/store.h"
#include "lib/id.h"

struct db_agent {
	char id[ID_SIZE];
	char site[64];
	int64_t first_seen, last_seen;
	int64_t last_seq; /* highest event number held durably */
	int64_t table_version;
	/* As of the last event held (orchestrator/clock_fix.h). */
	int64_t stepped, restarts, said_last, at_last;
};

/* An agent's clock as it was measured last, in one run of its machine. */
struct db_agent_clock {
	int64_t restarts;
	int64_t base;	  /* ahead of ours, without its steps */
	int64_t within;	  /* give or take */
	int64_t measured; /* wall, ours */
};

int
db_agent_get(struct store *s, const char *id, struct db_agent *ret) MUST_CHECK;
/* Inserts the agent when it is new; else notes when it was seen and which table it holds.
 */
int
db_agent_seen(struct store *s, const char *id, const char *site, int64_t at,
    int64_t table_version) MUST_CHECK;
/* last_seq and what is said as of that event, of `a`; -ENOENT: no such agent. */
int
db_agent_advance(struct store *s, const struct db_agent *a) MUST_CHECK;
int
db_agent_clock_put(
    struct store *s, const char *agent, const struct db_agent_clock *c) MUST_CHECK;
/* Of that run of the machine; -ENOENT: not measured. */
int
db_agent_clock_get(struct store *s, const char *agent, int64_t restarts,
    struct db_agent_clock *ret) MUST_CHECK;
/* The agent of a site that was seen last; -ENOENT: none ever. */
int
db_agent_of_site(struct store *s, const char *site, struct db_agent *ret) MUST_CHECK;

#endif
