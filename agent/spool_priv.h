/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by spool.c and spool_event.c (events and what is counted of them). */
#ifndef AGENT_SPOOL_PRIV_H
#define AGENT_SPOOL_PRIV_H

#include "agent/spool.h"
#include "agent/spool_clock.h"
#include "agent/spool_drop.h"
#include "agent/spool_schema.h"
#include "db/db.h"

/* What a rollback must bring back. */
struct spool_counters {
	int64_t last_seq;	   /* of the last event numbered */
	int64_t pending;	   /* events kept */
	int64_t octets;		   /* of their text */
	struct spool_drop dropped; /* not kept since the last "spool.dropped" */
	struct spool_clock clock;
};

struct spool {
	struct db *db;
	struct db_stmts *stmts;
	const struct secret_key *key;
	char site[EVENT_SITE_SIZE];
	char id[ID_SIZE];
	char reserve[512]; /* path; "" for a spool in memory */
	int64_t max_events, max_octets;
	char boot[SPOOL_CLOCK_BOOT_SIZE]; /* of the machine */
	spool_clocks_fn *clocks;
	bool tight; /* there is no reserve */
	struct spool_counters now, saved;
};

/* What the spool keeps by name. 1 found (*ret is the caller's), 0 not, -errno. */
int
spool_meta_get(struct spool *s, const char *key, char **ret) MUST_CHECK;
int
spool_meta_put(struct spool *s, const char *key, const char *value) MUST_CHECK;
int
spool_meta_get_i64(struct spool *s, const char *key, int64_t *ret) MUST_CHECK;
int
spool_meta_put_i64(struct spool *s, const char *key, int64_t v) MUST_CHECK;

/* The counters, as they were left; and what has changed of them, within a transaction. */
int
spool_event_load_counters(struct spool *s) MUST_CHECK;
int
spool_event_save_counters(struct spool *s) MUST_CHECK;

#endif
