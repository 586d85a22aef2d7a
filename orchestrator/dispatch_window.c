// SPDX-License-Identifier: GPL-3.0-or-later
/* Jobs with a window, and agents that do not know windows: such an agent begins at once what it is told. So it is told of the job in its window,
 * when the host is free, and what it was not told of in time ends here.
 *
 * That may be an agent which knew windows when it was told and has gone back a release since: it cannot read what it kept, if it kept it at all. It is told
 * again, which is harmless where it has the job. Such a job ends here only a while after its window, when the agent would have said that it had begun.
 *
 * Entry points: dispatch_window_early(), dispatch_window_make_due(), dispatch_window_unsent(), dispatch_window_cancel_waits(). Failure modes: the database's errnos. */
#include <errno.h>

#include "db/db_event.h"
#include "db/db_job.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/dispatch_priv.h"

enum {
	/* Between two looks whether a host is free for a job whose time has come. */
	HOST_BUSY_US = 5 * 1000 * 1000,
	/* In which an agent that has begun says so. */
	SAYS_SO_US = 10 * 1000 * 1000,
};

static int
fail(struct dispatch *d, struct db_job *job, const struct error *why)
{
	struct db *db = store_db(d->ops.store);
	int rc = db_in_transaction(db) ? 0 : db_begin(db);

	if (rc == 0)
		rc = dispatch_fail(d, job, why, clock_wall());
	if (rc == 0)
		d->ops.on_events(d->ops.arg);
	return rc;
}

int
dispatch_window_unsent(struct dispatch *d, struct db_job *job, const struct error *why)
{
	log_error(d->ops.log, "job %s: %s: %s", job->id, why->text, why->next);
	return job->sent ? 0 : fail(d, job, why);
}

static void
look_again(int64_t wait, int64_t *ret_next)
{
	int64_t at = clock_mono() + wait;

	if (at < *ret_next)
		*ret_next = at;
}

/* Returns 1 or an errno. */
static int
missed(struct dispatch *d, struct db_job *job, int64_t since, int64_t *ret_next)
{
	struct error why;

	if (job->sent && since < SAYS_SO_US) {
		look_again(SAYS_SO_US - since, ret_next);
		return 1;
	}
	error_set(&why, 0, "window-missed",
	    "order it again for another time; an agent of this release is handed such "
	    "jobs in advance",
	    job->sent ? "its window was over before its agent began it: the agent has "
			"gone back to a release that does not know such jobs"
		      : "its window was over before its agent could be told");
	log_error(d->ops.log, "job %s: %s: %s", job->id, why.text, why.next);
	int rc = fail(d, job, &why);
	return rc < 0 ? rc : 1;
}

static int
stop_at_first(void *arg, int64_t seq, const struct event *ev)
{
	(void)seq;
	(void)ev;
	*(bool *)arg = true;
	return 1;
}

/* One that was handed in advance counts as accepted, too, and only its events tell the two apart. */
static int
was_begun(struct dispatch *d, const struct db_job *job, bool *ret)
{
	struct db_event_filter f = {.job = job->id, .kind = "job.accepted", .limit = 1};

	*ret = false;
	if (job->state == DB_JOB_QUEUED)
		return 0;
	int rc = db_event_list(d->ops.store, &f, stop_at_first, ret);
	return rc < 0 ? rc : 0;
}

int
dispatch_window_early(struct dispatch *d, struct db_job *job, int64_t *ret_next)
{
	int64_t wall = clock_wall(), wait = job->not_before - wall;
	char other[ID_SIZE];
	bool begun;

	if (job->not_before == 0 || job->cancel_at)
		return 0;
	int rc = was_begun(d, job, &begun);
	if (rc < 0 || begun)
		return rc < 0 ? rc : 1;
	if (wall >= job->not_after)
		return missed(d, job, wall - job->not_after, ret_next);
	if (wait > 0) {
		look_again(wait, ret_next);
		return 1;
	}
	rc = db_job_open_of_host(d->ops.store, job->host, other);
	/* One that was to begin when it was ordered holds its host itself. */
	if (rc == 0 && str_eq(other, job->id))
		return 0;
	if (rc == 0)
		look_again(HOST_BUSY_US, ret_next);
	return rc == -ENOENT ? 0 : rc < 0 ? rc : 1;
}

bool
dispatch_window_cancel_waits(const struct agent_msg_poll *m, const struct db_job *job)
{
	return job->cancel_code[0] && !m->takes_unbegun && job->sent &&
	       job->not_before <= clock_wall() && m->pending > 0;
}

void
dispatch_window_make_due(const struct db_job *job, json_t *order)
{
	if (job->not_before != 0 && !job->cancel_at)
		json_put_i64(json_object_get(order, "bundle"), "created", clock_wall());
}
