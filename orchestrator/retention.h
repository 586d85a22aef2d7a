/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lets go of what is older than it is to be kept (orchestrator.yaml, `retention`). The audit is kept. */
#ifndef ORCHESTRATOR_RETENTION_H
#define ORCHESTRATOR_RETENTION_H

#include <event2/event.h>

#include "db/store.h"
#include "lib/id.h"
#include "lib/log.h"

/* Days; 0: for ever. */
struct retention_days {
	uint32_t events_days, progress_days, boots_days, jobs_days, discovered_days;
};

/* Where a round is; zeroed: at its beginning. It may be lost at any time: the next one finds what was left. */
struct retention_round {
	int part;
	int64_t cursor;
	char id[ID_SIZE];
	int rows; /* at once */
	int64_t gone[7];
};

/* One turn: a transaction of a bounded number of rows. 1: there is more to do, 0: the round is over, or a negative
 * errno of db.h, with nothing changed. `rnd->rows` is for the caller, by how long turns take. */
enum { RETENTION_ROWS_MIN = 20, RETENTION_ROWS_MAX = 1000 };
int
retention_turn(struct store *s, const struct retention_days *days,
    struct retention_round *rnd, int64_t now) MUST_CHECK;

/* A round at the start and every hour, in turns of the event loop. `days` is borrowed. */
struct retention;
struct retention *
retention_new(struct event_base *base, const struct log *log, struct store *s,
    const struct retention_days *days);
void
retention_free(struct retention *r); /* NULL allowed */

#endif
