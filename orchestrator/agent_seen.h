/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When certificates of agents were used last, and whence: into the database for all agents at once. */
#ifndef ORCHESTRATOR_AGENT_SEEN_H
#define ORCHESTRATOR_AGENT_SEEN_H

#include "db/db_agent_cert.h"
#include "lib/log.h"

struct agent_seen;

struct agent_seen *
agent_seen_new(struct store *store, const struct log *log);
/* Stores what is not yet. */
void
agent_seen_free(struct agent_seen *s);
/* The certificate, as the database has it, was used now from that address. The first time of all is stored at once, since
 * until then a join whose answer was lost may be repeated; later ones with agent_seen_store(). */
void
agent_seen_note(
    struct agent_seen *s, const struct db_agent_cert *c, const char *from, int64_t now);
/* Puts into *c what is not stored yet. */
void
agent_seen_fill(const struct agent_seen *s, struct db_agent_cert *c);
/* Once a minute. */
void
agent_seen_store(struct agent_seen *s);

#endif
