/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a scrape asks of the database: counts of what is open now. */
#ifndef DB_DB_METRICS_H
#define DB_DB_METRICS_H

#include "db/db_job.h"

/* An open job, as far as figures need it. */
struct db_metrics_job {
	char site[64];
	char kind[16];
	enum db_job_state state;
	char stage[DB_JOB_STAGE_SIZE];
	int64_t created;
	int64_t entered;     /* its present stage; 0: not yet, or it has left it */
	int64_t deadline_us; /* of that stage; < 0: not said */
};

/* Walks the open jobs alone, by their index, however many have ended. */
int
db_metrics_jobs(struct store *s,
    void (*each)(void *arg, const struct db_metrics_job *job), void *arg) MUST_CHECK;
/* How many there are of each word, which is a state; those that there are none of are not told. */
typedef void
db_metrics_count(void *arg, const char *word, int64_t n);
/* Rollouts that are not over. */
int
db_metrics_rollouts(struct store *s, db_metrics_count *each, void *arg) MUST_CHECK;
/* Their hosts. */
int
db_metrics_rollout_hosts(struct store *s, db_metrics_count *each, void *arg) MUST_CHECK;
/* "active", "paused", "ended"; *ret_due: when the next of them is looked at, 0: never. */
int
db_metrics_schedules(
    struct store *s, db_metrics_count *each, void *arg, int64_t *ret_due) MUST_CHECK;
/* Hosts of a site. */
int
db_metrics_hosts(struct store *s, const char *site, int64_t *ret) MUST_CHECK;

#endif
