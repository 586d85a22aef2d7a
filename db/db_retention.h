/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Letting go of what is old: events up to a horizon, boots, jobs. */
#ifndef DB_DB_RETENTION_H
#define DB_DB_RETENTION_H

#include "db/store.h"
#include "lib/id.h"

/* `kind` of a horizon: DB_RETENTION_EVENTS, or a kind of events that has one of its own. */
#define DB_RETENTION_EVENTS "events"
extern const char *const db_retention_progress[2];

/* Notes which numbers are given now, unless that was noted within `every` before `now`. */
int
db_retention_mark(struct store *s, int64_t now, int64_t every) MUST_CHECK;
struct db_retention_mark {
	int64_t at, event_seq, boot_seq;
};
/* The newest mark of `before` or earlier; -ENOENT. */
int
db_retention_mark_before(
    struct store *s, int64_t before, struct db_retention_mark *ret) MUST_CHECK;

int
db_retention_horizon(struct store *s, const char *kind, int64_t *ret) MUST_CHECK;
/* Of at most `limit` events after the horizon `from` and up to `to`: how many there are, and the last one's number.
 * The newest event of all is never among them: the next one's number follows from it. */
int
db_retention_next(struct store *s, const char *kind, int64_t from, int64_t to,
    int64_t limit, int64_t *ret_count, int64_t *ret_last) MUST_CHECK;
/* Right behind the audit row `retention.move` of that kind, in one transaction; -EPERM otherwise. */
int
db_retention_move(struct store *s, const char *kind, int64_t horizon) MUST_CHECK;
/* Deletes the events with numbers above `from` and up to `to`, below the horizon; the newest of a kind at a site stays
 * where it tells how the site is (db_event_last_at_sites()). Returns how many, or -errno. */
int
db_retention_delete(
    struct store *s, const char *kind, int64_t from, int64_t to) MUST_CHECK;

/* Deletes what may go of the next `limit` ended jobs: not those that ended or were ordered at or after `before` (the end is
 * told by an agent, whose clock may be behind), and not a host's newest. The place to go on at is in `after_ended` and `after_id`. *ret_looked: how many were looked at, 0 at the end.
 * Returns how many went, or -errno. Within a transaction. */
int
db_retention_jobs(struct store *s, int64_t before, int64_t limit, int64_t *after_ended,
    char after_id[ID_SIZE], int64_t *ret_looked) MUST_CHECK;
/* The same of boots up to the number `to`: not those that have not ended, that are of a job that is kept, or that are
 * their host's newest. */
int
db_retention_boots(struct store *s, int64_t to, int64_t limit, int64_t *after_seq,
    int64_t *ret_looked) MUST_CHECK;
/* The same of the next rollout that ended and was ordered before `before`, with at most `limit` of its hosts at once: 1 when it went
 * whole. Not a schedule's newest, by which its next run is judged. */
int
db_retention_rollouts(struct store *s, int64_t before, int64_t limit,
    char after_id[ID_SIZE], int64_t *ret_looked) MUST_CHECK;
/* The same of drills: not their host's newest, by which turns are taken. */
int
db_retention_drills(struct store *s, int64_t before, int64_t limit,
    char after_id[ID_SIZE], int64_t *ret_looked) MUST_CHECK;

#endif
