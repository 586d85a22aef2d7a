// SPDX-License-Identifier: GPL-3.0-or-later
/* Taking back a job, by people or by a rollout.
 *
 * Entry point: job_cancel(). What an agent may know of is ended by its agent, which is told until it has said so; a job that was never
 * handed out ends here and now. Unless an agent has reported it: then this database is a copy from before it was handed out, and only the
 * agent can end it. It owns nothing. Failure modes: those of db.h; the caller's transaction is then undone. */
#include "orchestrator/job_cancel.h"

#include "db/db_event.h"
#include "lib/str.h"

static int
end_unsent(struct store *s, struct db_job *job, const char *by, int64_t now)
{
	struct event ev = event_make("job.cancelled", now);

	job->state = DB_JOB_CANCELLED;
	job->ended = now;
	str_clip(ev.site, sizeof(ev.site), job->site);
	str_clip(ev.host, sizeof(ev.host), job->host);
	str_clip(ev.job, sizeof(ev.job), job->id);
	event_put(&ev, "by", by);
	int rc = db_job_update(s, job);
	if (rc == 0)
		rc = db_event_add(s, &ev, NULL, 0, NULL);
	event_done(&ev);
	return rc;
}

int
job_cancel(
    struct store *s, struct db_job *job, const char *by, const char *reason, int64_t now)
{
	int rc = db_job_cancel(s, job->id, by, reason, now);

	if (rc == 0 && !job->sent && job->state == DB_JOB_QUEUED)
		rc = end_unsent(s, job, by, now);
	return rc;
}
