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
};

int
db_agent_get(struct store *s, const char *id, struct db_agent *ret) MUST_CHECK;
/* Inserts the agent when it is new; else notes when it was seen and which table it holds.
 */
int
db_agent_seen(struct store *s, const char *id, const char *site, int64_t at,
    int64_t table_version) MUST_CHECK;
int
db_agent_advance(struct store *s, const char *id, int64_t last_seq) MUST_CHECK;
/* The agent of a site that was seen last; -ENOENT: none ever. */
int
db_agent_of_site(struct store *s, const char *site, struct db_agent *ret) MUST_CHECK;

#endif
