/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Orders: jobs to begin and to cancel.
 *
 * Entry points: run_jobs_accept(), run_jobs_refuse(), run_jobs_cancel() of run_jobs.h.
 * Ownership: a bundle is taken, whatever becomes of it.
 * Failure modes: what cannot be taken is refused with an event, and remembered as ended in
 * the same transaction, so that a late repetition of the order does not begin it after
 * all. Orders are repeated until their effect is reported: a known one changes nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/run_priv.h"
#include "lib/clock.h"
#include "lib/str.h"

static bool
refused_already(struct run_jobs *js, const char *job)
{
	for (unsigned i = 0; i < RUN_REFUSED_MAX; i++) {
		if (str_eq(js->refused[i], job))
			return true;
	}
	str_clip(js->refused[js->next_refused++ % RUN_REFUSED_MAX], ID_SIZE, job);
	return false;
}

/* An end without a beginning, remembered so that the order is not taken later. */
void
run_orders_close(struct run_jobs *js, const char *job, const char *host, struct event *ev)
{
	struct run_item *it = run_jobs_push(js, job);

	str_clip(ev->job, sizeof(ev->job), job);
	str_clip(ev->host, sizeof(ev->host), host);
	it->event = run_jobs_copy_event(ev);
	it->close = true;
	event_done(ev);
}

static void
refuse_job(
    struct run_jobs *js, const char *job, const char *host, const struct error *why)
{
	struct event ev;

	if (refused_already(js, job))
		return;
	log_warn(
	    js->d.log, "job %s on %s: refused: %s: %s", job, host, why->code, why->text);
	ev = event_make("job.refused", clock_wall());
	event_put(&ev, "code", why->code);
	event_put(&ev, "text", why->text);
	event_put(&ev, "next", why->next);
	str_clip(ev.reason, sizeof(ev.reason), why->text);
	run_orders_close(js, job, host, &ev);
}

void
run_jobs_refuse(struct run_jobs *js, const char *job, const struct error *why)
{
	if (run_jobs_find(js, job) == NULL && spool_job_known(js->d.spool, job) == 0)
		refuse_job(js, job, "", why);
}

static int
may_accept(struct run_jobs *js, const struct bundle *b, struct error *err)
{
	struct run_job *other = run_jobs_find_host(js, b->host.name);

	if (other != NULL)
		return error_set(err, -EBUSY, "host-busy",
		    "Wait for that job, or cancel it: netboot-ctl job cancel.",
		    "job %s is under way on %s", other->run.job, b->host.name);
	if (HASH_COUNT(js->by_id) >= (size_t)js->d.cfg->max_jobs)
		return error_set(err, -EBUSY, "agent-busy",
		    "Retry later, or raise max_jobs.",
		    "the agent has %lld jobs under way already",
		    (long long)js->d.cfg->max_jobs);
	if (js->in_trouble || spool_reserve(js->d.spool) < 0)
		return spool_error(js->d.spool, -ENOSPC, err, "accept the job");
	return 0;
}

static int
store_job(
    struct run_jobs *js, const struct bundle *b, const struct run *r, struct error *err)
{
	int rc = spool_begin(js->d.spool);

	if (rc == 0) {
		rc = spool_put_job(js->d.spool, b, r, clock_wall());
		if (rc < 0)
			spool_rollback(js->d.spool);
		else
			rc = spool_commit(js->d.spool);
	}
	if (rc == -ENOSPC)
		spool_release(js->d.spool);
	return rc < 0 ? spool_error(js->d.spool, rc, err, "accept the job") : 0;
}

void
run_jobs_accept(struct run_jobs *js, struct bundle *b)
{
	struct run *r;
	struct error err = {0};
	int known =
	    run_jobs_find(js, b->job) != NULL ? 1 : spool_job_known(js->d.spool, b->job);

	if (known != 0) {
		run_jobs_free_bundle(b);
		return;
	}
	r = str_alloc(sizeof(*r));
	run_plan(b, &js->d.cfg->limits, r);
	if (may_accept(js, b, &err) < 0 || store_job(js, b, r, &err) < 0) {
		refuse_job(js, b->job, b->host.name, &err);
		run_jobs_free_bundle(b);
	} else {
		run_jobs_add(js, b, r);
		run_jobs_push_input(js, b->job, RUN_IN_START);
	}
	free(r);
}

void
run_jobs_cancel(struct run_jobs *js, const char *job, const char *by)
{
	struct event ev;

	if (run_jobs_find(js, job) != NULL) {
		struct run_item *it = run_jobs_push_input(js, job, RUN_IN_CANCEL);

		str_clip(it->by, sizeof(it->by), by);
		return;
	}
	if (spool_job_known(js->d.spool, job) != 0 || refused_already(js, job))
		return;
	ev = event_make("job.cancelled", clock_wall());
	event_put(&ev, "by", by);
	run_orders_close(js, job, "", &ev);
}
