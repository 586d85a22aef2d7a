// SPDX-License-Identifier: GPL-3.0-or-later
/* Last uses of certificates. A thousand agents ask several times a minute each, and a commit for every one of them would
 * keep the disk busy and the loop waiting; so they are kept here, and stored together.
 *
 * Entry points: agent_seen_note() at each request of an agent, agent_seen_fill() for who shows them, agent_seen_store() once a minute. Ownership: a record per
 * certificate that was used since it was stored last; only of those that the database has, so that there are not many.
 * Failure modes: what cannot be stored is logged and stays; what a crash takes is a minute of when somebody was seen. */
#include "orchestrator/agent_seen.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "lib/clock.h"
#include "lib/str.h"

#define EVERY_US (60 * USEC_PER_SEC)

struct use {
	UT_hash_handle hh;
	char serial[DB_AGENT_CERT_SERIAL_SIZE];
	char from[DB_AGENT_CERT_FROM_SIZE];
	int64_t at;
};

struct agent_seen {
	struct store *store;
	const struct log *log;
	struct use *uses;
};

struct agent_seen *
agent_seen_new(struct store *store, const struct log *log)
{
	struct agent_seen *s = str_alloc(sizeof(*s));

	s->store = store;
	s->log = log;
	return s;
}

void
agent_seen_free(struct agent_seen *s)
{
	struct use *u, *next;

	if (!s)
		return;
	agent_seen_store(s);
	HASH_ITER (hh, s->uses, u, next) {
		HASH_DEL(s->uses, u);
		free(u);
	}
	free(s);
}

void
agent_seen_note(
    struct agent_seen *s, const struct db_agent_cert *c, const char *from, int64_t now)
{
	struct use *u;

	if (c->last_seen == 0) {
		int rc = db_agent_cert_seen(s->store, c->serial, now, from);
		if (rc < 0)
			log_warn(s->log, "cannot note when a certificate was used: %s",
			    strerror(-rc));
		return;
	}
	if (now - c->last_seen < EVERY_US && now >= c->last_seen &&
	    str_eq(from, c->last_from))
		return;
	HASH_FIND_STR(s->uses, c->serial, u);
	if (!u) {
		u = str_alloc(sizeof(*u));
		str_clip(u->serial, sizeof(u->serial), c->serial);
		HASH_ADD_STR(s->uses, serial, u);
	}
	u->at = now;
	str_clip(u->from, sizeof(u->from), from);
}

void
agent_seen_fill(const struct agent_seen *s, struct db_agent_cert *c)
{
	const struct use *u;

	HASH_FIND_STR(s->uses, c->serial, u);
	if (!u)
		return;
	c->last_seen = u->at;
	str_clip(c->last_from, sizeof(c->last_from), u->from);
}

void
agent_seen_store(struct agent_seen *s)
{
	struct db *db = store_db(s->store);
	struct use *u, *next;
	int rc;

	if (!s->uses)
		return;
	rc = db_begin(db);
	for (u = s->uses; rc == 0 && u; u = u->hh.next)
		rc = db_agent_cert_seen(s->store, u->serial, u->at, u->from);
	if (rc == 0)
		rc = db_commit(db);
	if (rc < 0) {
		db_rollback(db);
		log_warn(
		    s->log, "cannot note when certificates were used: %s", strerror(-rc));
		return;
	}
	HASH_ITER (hh, s->uses, u, next) {
		HASH_DEL(s->uses, u);
		free(u);
	}
}
