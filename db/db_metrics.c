// SPDX-License-Identifier: GPL-3.0-or-later
/* The questions of a scrape, each by an index: what is read grows with what is open, never with the history.
 *
 * Entry points: db_metrics_*(). For a connection that only reads, in a thread. Failure modes:
 * those of db.h. */
#include "db/db_metrics.h"

#include "db/store_priv.h"
#include "lib/compiler.h"
#include "lib/str.h"

enum {
	METRICS_JOBS,
	METRICS_HOSTS,
	METRICS_ROLLOUTS,
	METRICS_ROLLOUT_HOSTS,
	METRICS_SCHEDULES,
	METRICS_DUE,
};

static const char *const sql[] = {
    [METRICS_JOBS] = "SELECT j.site, j.kind, j.state, j.stage, j.created,"
		     " CASE WHEN g.state = 'entered' THEN g.entered END, g.deadline_us"
		     " FROM job AS j"
		     " LEFT JOIN job_stage AS g ON g.job = j.id AND g.attempt = "
		     "j.attempt AND g.stage = j.stage"
		     /* The site, so that it is a seek in job_open_site. */
		     " WHERE j.ended IS NULL AND j.site > ''",
    [METRICS_HOSTS] = "SELECT count(*) FROM host WHERE site = $1",
    [METRICS_ROLLOUTS] =
	"SELECT state, count(*) FROM rollout WHERE ended IS NULL GROUP BY state",
    [METRICS_ROLLOUT_HOSTS] = "SELECT h.state, count(*) FROM rollout AS r"
			      /* Few are open; their hosts are a seek. */
			      " CROSS JOIN rollout_host AS h"
			      " WHERE r.ended IS NULL AND h.rollout = r.id"
			      " GROUP BY h.state",
    [METRICS_SCHEDULES] = "SELECT CASE WHEN paused_at IS NOT NULL THEN 'paused'"
			  " WHEN next IS NULL THEN 'ended' ELSE 'active' END AS word,"
			  " count(*) FROM schedule GROUP BY word",
    [METRICS_DUE] = "SELECT min(due) FROM schedule WHERE due IS NOT NULL",
};

struct store_sql
db_metrics_sql(void)
{
	return (struct store_sql){sql, ARRAY_SIZE(sql)};
}

static struct db_stmt *
stmt(struct store *s, size_t i)
{
	return db_stmt(s->set[STORE_METRICS], i);
}

static enum db_job_state
state_of(const char *name)
{
	static const enum db_job_state open[] = {
	    DB_JOB_QUEUED, DB_JOB_ACCEPTED, DB_JOB_RUNNING};

	for (size_t i = 0; i < ARRAY_SIZE(open); i++)
		if (str_eq(name, db_job_state_name(open[i])))
			return open[i];
	return DB_JOB_QUEUED;
}

int
db_metrics_jobs(
    struct store *s, void (*each)(void *arg, const struct db_metrics_job *job), void *arg)
{
	struct db_stmt *st = stmt(s, METRICS_JOBS);
	int rc;

	while ((rc = db_step(st)) == 1) {
		struct db_metrics_job job = {.created = db_col_i64(st, 4),
		    .entered = db_col_i64(st, 5),
		    .deadline_us = db_col_null(st, 6) ? -1 : db_col_i64(st, 6)};

		db_col_copy(st, 0, job.site, sizeof(job.site));
		db_col_copy(st, 1, job.kind, sizeof(job.kind));
		job.state = state_of(db_col_text(st, 2));
		db_col_copy(st, 3, job.stage, sizeof(job.stage));
		each(arg, &job);
	}
	return rc;
}

int
db_metrics_hosts(struct store *s, const char *site, int64_t *ret)
{
	struct db_stmt *st = stmt(s, METRICS_HOSTS);

	db_bind_text(st, 1, site);
	return store_i64(st, ret);
}

static int
count(struct db_stmt *st, db_metrics_count *each, void *arg)
{
	int rc;

	while ((rc = db_step(st)) == 1)
		each(arg, db_col_text(st, 0), db_col_i64(st, 1));
	return rc;
}

int
db_metrics_rollouts(struct store *s, db_metrics_count *each, void *arg)
{
	return count(stmt(s, METRICS_ROLLOUTS), each, arg);
}

int
db_metrics_rollout_hosts(struct store *s, db_metrics_count *each, void *arg)
{
	return count(stmt(s, METRICS_ROLLOUT_HOSTS), each, arg);
}

int
db_metrics_schedules(struct store *s, db_metrics_count *each, void *arg, int64_t *ret_due)
{
	int rc = count(stmt(s, METRICS_SCHEDULES), each, arg);

	return rc < 0 ? rc : store_i64(stmt(s, METRICS_DUE), ret_due);
}
