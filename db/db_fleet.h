/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All hosts at once, with what each is doing, in one walk. */
#ifndef DB_DB_FLEET_H
#define DB_DB_FLEET_H

#include "db/store.h"

/* Borrowed for the call; "" and 0: none. */
struct db_fleet_row {
	const char *host, *site;
	int64_t locked_at;
	const char *locked_reason;
	bool has_bmc;
	const char *power;
	int64_t last_seen;
	/* The host's newest job. */
	const char *job, *kind, *stage, *state, *verdict_code, *verdict_text;
	int64_t attempt, created, ended, sent;
	/* The stage that it is in; deadline_us < 0: none. */
	int64_t entered, stage_ended, deadline_us;
	/* The host's newest boot; flags: db_boot_flag_next(). */
	const char *boot;
	int64_t flags;
};

/* In order of name. `each` must not use the store. */
int
db_fleet_list(struct store *s, void (*each)(void *arg, const struct db_fleet_row *row),
    void *arg) MUST_CHECK;

#endif
