/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Schedules, when each is to be looked at, and what became of their runs. */
#ifndef DB_DB_SCHEDULE_H
#define DB_DB_SCHEDULE_H

#include "db/store.h"
#include "lib/bundle.h"
#include "lib/id.h"

enum { DB_SCHEDULE_OUTCOME_SIZE = 16 };

/* Of a run's nominal time (orchestrator/schedule_time.h) and of moments, 0: none. */
struct db_schedule {
	char name[BUNDLE_NAME_SIZE];
	char *doc; /* JSON; owned */
	int64_t rev, created, changed;
	char created_by[64], changed_by[64];
	int64_t paused_at; /* 0: it is not paused */
	char paused_by[64], paused_reason[BUNDLE_REASON_SIZE];
	int64_t skip, last, next, due;
};

void
db_schedule_done(struct db_schedule *row);
/* All but rev, which begins with the time: that of one that was removed and added again is another one. -EEXIST. */
int
db_schedule_add(struct store *s, const struct db_schedule *row) MUST_CHECK;
int
db_schedule_get(struct store *s, const char *name, struct db_schedule *ret) MUST_CHECK;
/* Writes doc, changed, changed_by, skip, next and due. */
int
db_schedule_put(struct store *s, const struct db_schedule *row) MUST_CHECK;
/* Writes skip, last, next and due, which are no change that an ETag tells of. */
int
db_schedule_plan(struct store *s, const struct db_schedule *row) MUST_CHECK;
/* Writes paused_*. */
int
db_schedule_pause(struct store *s, const struct db_schedule *row) MUST_CHECK;
/* With what became of its runs. Within a transaction. */
int
db_schedule_delete(struct store *s, const char *name) MUST_CHECK;
/* In order of name, after `after` (NULL: from the first). */
int
db_schedule_names(struct store *s, const char *after, int64_t limit,
    struct store_names *ret) MUST_CHECK;
/* Those to be looked at up to that moment, the first first. */
int
db_schedule_due(
    struct store *s, int64_t until, int64_t limit, struct store_names *ret) MUST_CHECK;
/* When the first is to be looked at; -ENOENT: never. */
int
db_schedule_next_due(struct store *s, int64_t *ret) MUST_CHECK;

struct db_schedule_run {
	char schedule[BUNDLE_NAME_SIZE];
	int64_t nominal, at;
	char by[64]; /* "": its time came */
	char outcome[DB_SCHEDULE_OUTCOME_SIZE];
	char rollout[ID_SIZE]; /* or "" */
	char text[ERROR_TEXT_SIZE];
};

/* Adds, or replaces what was said of that run; and forgets those before `forget`. Within a transaction. */
int
db_schedule_run_put(
    struct store *s, const struct db_schedule_run *run, int64_t forget) MUST_CHECK;
int
db_schedule_run_get(struct store *s, const char *schedule, int64_t nominal,
    struct db_schedule_run *ret) MUST_CHECK;
/* The newest first, before the run `before` (INT64_MAX: from the newest). */
int
db_schedule_runs(struct store *s, const char *schedule, int64_t before, int64_t limit,
    void (*each)(void *arg, const struct db_schedule_run *run), void *arg) MUST_CHECK;

/* The schedule's rollouts that are not over, or have halted for another reason than their windows' end and wait for somebody to decide;
 * newest first. `code` says why one is halted. */
int
db_schedule_open(struct store *s, const char *schedule,
    void (*each)(void *arg, const char *id, const char *state, const char *code),
    void *arg) MUST_CHECK;

/* Every site and its zone, in order of name. */
int
db_schedule_zones(struct store *s,
    void (*each)(void *arg, const char *site, const char *timezone),
    void *arg) MUST_CHECK;
/* The site of a host, in `ret` of 64, and whether it says how one sees that it is up; -ENOENT: no such host. */
int
db_schedule_site_of(
    struct store *s, const char *host, char ret[64], bool *ret_probe) MUST_CHECK;

#endif
