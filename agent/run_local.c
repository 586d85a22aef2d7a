/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Orders of the site itself into the set of jobs.
 *
 * Entry points: run_local_may(), run_local_order(), run_local_tell(), run_local_record().
 * Ownership: bundles are taken, whatever becomes of them.
 * Failure modes: a spool that cannot be written begins nothing, and nothing of it is remembered. What is only told may be
 * dropped like any observation when there is no room, and is counted then.
 */
#include "agent/run_local.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/run_priv.h"
#include "lib/clock.h"
#include "lib/str.h"

int
run_local_may(struct run_jobs *js, const struct bundle *b, size_t with, struct error *err)
{
	int r = run_orders_busy(js, b, err);

	if (r < 0 || HASH_COUNT(js->by_id) + with < (size_t)js->d.cfg->max_jobs)
		return r;
	return error_set(err, -EBUSY, "agent-busy", "name fewer hosts, or raise max_jobs",
	    "the agent takes %lld jobs at once, and has %u under way",
	    (long long)js->d.cfg->max_jobs, HASH_COUNT(js->by_id));
}

static void
put_who(struct event *ev, const struct run_local *how)
{
	event_put(ev, "user", how->user);
	event_put_i64(ev, "uid", how->uid);
}

/* With all that the orchestrator needs to know of the job as if it had ordered it. */
static int
put_event(struct run_jobs *js, const struct bundle *b, const struct run_local *how)
{
	struct event ev = event_make("job.local", b->created);
	int r;

	str_clip(ev.host, sizeof(ev.host), b->host.name);
	str_clip(ev.job, sizeof(ev.job), b->job);
	str_clip(ev.reason, sizeof(ev.reason), b->reason);
	put_who(&ev, how);
	event_put(&ev, "kind", bundle_kind_name(b->kind));
	event_put(&ev, "action", b->power_action);
	event_put(&ev, "image", b->image.name);
	event_put(&ev, "kernel_sha256", b->image.kernel.sha256);
	event_put_i64(&ev, "hard", b->force == BUNDLE_FORCE_AT_ONCE);
	if (b->force == BUNDLE_FORCE_NEVER)
		event_put(&ev, "force", bundle_force_name(b->force));
	event_put_i64(&ev, "graceful_us", b->graceful_us);
	r = spool_put_event(js->d.spool, &ev, false);
	event_done(&ev);
	return r;
}

static int
put_job(struct run_jobs *js, struct bundle *b, struct run *r, const struct run_local *how)
{
	int64_t now = clock_wall();
	int rc;

	run_plan(b, &js->d.cfg->limits, r);
	r->entered = now;
	rc = spool_put_job(js->d.spool, b, r, "local", now);
	return rc < 0 ? rc : put_event(js, b, how);
}

static int
put_all(struct run_jobs *js, struct bundle **list, size_t n, struct run *runs,
    const struct run_local *how)
{
	int rc = spool_begin(js->d.spool);

	if (rc < 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = put_job(js, list[i], &runs[i], how);
	if (rc == 0 && how->also != NULL)
		rc = how->also(how->arg, js->d.spool);
	if (rc == 0)
		return spool_commit(js->d.spool);
	spool_rollback(js->d.spool);
	return rc;
}

int
run_local_order(
    struct run_jobs *js, struct bundle **list, size_t n, const struct run_local *how)
{
	struct run *runs = str_alloc((n + 1) * sizeof(*runs));
	int rc = put_all(js, list, n, runs, how);

	for (size_t i = 0; i < n; i++) {
		if (rc < 0) {
			run_jobs_free_bundle(list[i]);
			continue;
		}
		log_info(js->d.log, "job %s on %s: ordered at the site by %s",
		    list[i]->job, list[i]->host.name, how->user);
		run_jobs_add(js, list[i], &runs[i])->fresh = true;
	}
	free(runs);
	if (rc < 0)
		return rc;
	run_orders_begin(js);
	js->d.ops->committed(js->d.arg);
	return 0;
}

static struct event
make_event(
    const char *kind, const char *host, json_t *detail, const struct run_local *how)
{
	struct event ev = event_make(kind, clock_wall());

	ev.detail = detail;
	str_clip(ev.host, sizeof(ev.host), host);
	put_who(&ev, how);
	return ev;
}

void
run_local_tell(struct run_jobs *js, const char *kind, const char *host, const char *job,
    const char *reason, json_t *detail, const struct run_local *how)
{
	struct event ev = make_event(kind, host, detail, how);

	str_clip(ev.job, sizeof(ev.job), job);
	str_clip(ev.reason, sizeof(ev.reason), reason);
	run_jobs_emit(js, &ev, true);
}

int
run_local_record(struct run_jobs *js, const char *kind, const char *host, json_t *detail,
    const struct run_local *how)
{
	struct event ev = make_event(kind, host, detail, how);
	int rc = spool_begin(js->d.spool);

	if (rc == 0) {
		rc = spool_put_event(js->d.spool, &ev, false);
		if (rc == 0)
			rc = spool_commit(js->d.spool);
		else
			spool_rollback(js->d.spool);
	}
	event_done(&ev);
	if (rc == 0)
		js->d.ops->committed(js->d.arg);
	return rc;
}
