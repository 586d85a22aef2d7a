/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Orders: jobs to begin and to cancel.
 *
 * Entry points: run_jobs_accept(), run_jobs_refuse(), run_jobs_cancel(), run_jobs_cancel_unbegun() of run_jobs.h.
 * Ownership: a bundle is taken, whatever becomes of it.
 * Failure modes: what cannot be taken is refused with an event, and remembered as ended in
 * the same transaction, so that a late repetition of the order does not begin it after
 * all. Orders are repeated until their effect is reported: a known one changes nothing,
 * and of one that is over the end is told once more when all events have been taken: then
 * the orchestrator has lost it (its database was restored) and would ask for ever.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/run_handed.h"
#include "agent/run_priv.h"
#include "lib/clock.h"
#include "lib/str.h"

/* Its end is queued: decided, but not in the spool yet. */
static bool
closing(const struct run_jobs *js, const char *job)
{
	for (const struct run_item *it = js->head; it != NULL; it = it->next) {
		if (it->close && str_eq(it->job, job))
			return true;
	}
	return false;
}

/* An end without a beginning, remembered so that the order is not taken later. */
struct run_item *
run_orders_close(struct run_jobs *js, const char *job, const char *host, struct event *ev)
{
	struct run_item *it = run_jobs_push(js, job);

	str_clip(ev->job, sizeof(ev->job), job);
	str_clip(ev->host, sizeof(ev->host), host);
	it->event = run_jobs_copy_event(ev);
	it->close = true;
	event_done(ev);
	return it;
}

void
run_orders_refuse(
    struct run_jobs *js, const char *job, const char *host, const struct error *why)
{
	struct event ev;

	if (closing(js, job))
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
		run_orders_refuse(js, job, "", why);
}

static bool
same_machine(const struct bundle *a, const struct bundle *b)
{
	if (a->bmc.address[0] != '\0' && str_eq(a->bmc.address, b->bmc.address) &&
	    a->bmc.port == b->bmc.port)
		return true;
	for (size_t i = 0; i < a->host.n_nics; i++)
		for (size_t k = 0; k < b->host.n_nics; k++)
			if (addr_mac_eq(&a->host.nics[i].mac, &b->host.nics[k].mac))
				return true;
	return false;
}

/* The inventory knows each machine once, but an older one, put back from a backup, may know it by
 * another name than the one under which it is being installed. */
static const struct run_job *
find_machine(const struct run_jobs *js, const struct bundle *b)
{
	for (const struct run_job *job = js->by_id; job != NULL; job = job->hh.next) {
		if (same_machine(job->bundle, b))
			return job;
	}
	return NULL;
}

int
run_orders_busy(struct run_jobs *js, const struct bundle *b, struct error *err)
{
	struct run_job *other = run_jobs_find_host(js, b->host.name);
	const struct run_job *machine;

	if (other != NULL)
		return error_set(err, -EBUSY, "host-busy",
		    "wait for that job, or cancel it: netboot-ctl job cancel",
		    "job %s is under way on %s", other->run.job, b->host.name);
	/* Before what is looked for in all of them: thousands that wait for their window ask five times a second. */
	if (HASH_COUNT(js->by_id) >= (size_t)js->d.cfg->max_jobs)
		return error_set(err, -EBUSY, "agent-busy",
		    "retry later, or raise max_jobs",
		    "the agent has %lld jobs under way already",
		    (long long)js->d.cfg->max_jobs);
	machine = find_machine(js, b);
	if (machine != NULL)
		return error_set(err, -EBUSY, "machine-busy",
		    "correct the inventory: a MAC address and a BMC belong to one host",
		    "%s has a MAC address or the BMC of %s, on which job %s is under way",
		    b->host.name, machine->run.host, machine->run.job);
	if (js->in_trouble) {
		*err = js->trouble;
		return -EIO;
	}
	if (spool_reserve(js->d.spool) < 0)
		return spool_error(js->d.spool, -ENOSPC, err, "accept the job");
	return 0;
}

static int
may_hand(const struct run_jobs *js, struct error *err)
{
	if (run_handed_count(js) >= RUN_HANDED_MAX)
		return error_set(err, -EBUSY, "agent-busy", "order it nearer to its time",
		    "%d jobs wait for their windows here already", RUN_HANDED_MAX);
	if (js->in_trouble) {
		*err = js->trouble;
		return -EIO;
	}
	if (spool_reserve(js->d.spool) < 0)
		return spool_error(js->d.spool, -ENOSPC, err, "accept the job");
	return 0;
}

int64_t
run_jobs_now(const struct run_jobs *js)
{
	if (js->d.ops->time_there == NULL)
		return clock_wall();
	return js->d.ops->time_there(js->d.arg);
}

static int
may_accept(struct run_jobs *js, const struct bundle *b, bool later, struct error *err)
{
	int64_t now = run_jobs_now(js);

	if (b->not_before > 0 && now >= b->not_after)
		return error_set(err, -ETIME, "window-missed",
		    "order it again for another time. If its time is to come, set the "
		    "clocks of agent and orchestrator",
		    "its window was over before it was handed down");
	if (b->not_before == 0 && b->created > 0 && now - b->created > RUN_AGE_MAX)
		return error_set(err, -ETIME, "order-too-old",
		    "order it again if it is still wanted. If it is new, set the clocks "
		    "of agent and orchestrator",
		    "it was ordered more than an hour ago");
	return later ? may_hand(js, err) : run_orders_busy(js, b, err);
}

static void
put_end(const struct run *r, struct event *ev)
{
	str_clip(ev->host, sizeof(ev->host), r->host);
	if (r->stage != STAGE_DONE) {
		event_put(ev, "code", r->verdict.code);
		event_put(ev, "text", r->verdict.text);
		event_put(ev, "next", r->verdict.next);
	}
	if (r->stage == STAGE_CANCELLED)
		event_put(ev, "by", r->by);
}

static void
put_forgotten(struct event *ev)
{
	event_put(ev, "code", "ended-before");
	event_put(ev, "text",
	    "this job came to its end before, and how is not kept any more; it is not "
	    "begun again");
	event_put(ev, "next", "look at the machine before ordering anything");
}

static void
tell_end_again(struct run_jobs *js, const char *job)
{
	struct run *r;
	struct event ev;
	bool kept;

	if (js->in_trouble || spool_pending(js->d.spool) > 0 || closing(js, job))
		return;
	r = str_alloc(sizeof(*r));
	kept = spool_get_run(js->d.spool, job, r) == 1 && run_ended(r);
	ev = event_make(kept && r->stage == STAGE_DONE	      ? "job.done"
			: kept && r->stage == STAGE_CANCELLED ? "job.cancelled"
							      : "job.failed",
	    clock_wall());
	str_clip(ev.job, sizeof(ev.job), job);
	str_clip(ev.reason, sizeof(ev.reason), "told again: it was ordered once more");
	if (kept)
		put_end(r, &ev);
	else
		put_forgotten(&ev);
	log_warn(js->d.log, "job %s is over, and was ordered or cancelled again", job);
	run_jobs_emit(js, &ev, false);
	free(r);
}

/* 1 when the job is in the transaction and in the set, 0 when it needs nothing more, or
 * -errno. The bundle is taken unless it failed. */
static int
store_job(struct run_jobs *js, struct bundle *b, struct run *r)
{
	bool here = run_jobs_find(js, b->job) != NULL || run_handed_has(js, b->job) ||
		    closing(js, b->job);
	int known = here ? 1 : spool_job_known(js->d.spool, b->job);
	bool later = run_handed_waits(b, run_jobs_now(js));
	struct error err = {0};
	int rc;

	if (known < 0)
		return known;
	if (known > 0) {
		if (!here)
			tell_end_again(js, b->job);
		run_jobs_free_bundle(b);
		return 0;
	}
	if (may_accept(js, b, later, &err) < 0) {
		run_orders_refuse(js, b->job, b->host.name, &err);
		run_jobs_free_bundle(b);
		return 0;
	}
	run_plan(b, &js->d.cfg->limits, r);
	r->entered = clock_wall();
	if (later)
		return run_handed_put(js, b, r);
	rc = spool_put_job(js->d.spool, b, r, "", clock_wall());
	if (rc < 0)
		return rc;
	run_jobs_add(js, b, r)->fresh = true;
	return 1;
}

/* The transaction is gone: what it took is refused. */
static void
refuse_fresh(struct run_jobs *js, int rc)
{
	struct run_job *job, *tmp;
	struct error err;

	if (rc == -ENOSPC)
		spool_release(js->d.spool);
	spool_error(js->d.spool, rc, &err, "accept the job");
	HASH_ITER (hh, js->by_id, job, tmp) {
		if (!job->fresh)
			continue;
		run_orders_refuse(js, job->run.job, job->run.host, &err);
		run_jobs_remove(js, job);
	}
	run_handed_undo(js, &err);
}

void
run_orders_begin(struct run_jobs *js)
{
	for (struct run_job *job = js->by_id; job != NULL; job = job->hh.next) {
		if (!job->fresh)
			continue;
		job->fresh = false;
		run_jobs_push_input(js, job->run.job, RUN_IN_START);
		if (js->d.ops->accepted != NULL)
			js->d.ops->accepted(js->d.arg, job->run.host);
	}
}

void
run_jobs_accept(struct run_jobs *js, struct bundle **list, size_t n)
{
	struct run *r = str_alloc(sizeof(*r));
	struct error err;
	size_t i;
	int rc = spool_begin(js->d.spool);

	for (i = 0; rc >= 0 && i < n; i++)
		rc = store_job(js, list[i], r);
	free(r);
	if (rc < 0) {
		spool_rollback(js->d.spool);
		refuse_fresh(js, rc);
		/* The one that failed, and those that were not reached. */
		spool_error(js->d.spool, rc, &err, "accept the job");
		for (i = i > 0 ? i - 1 : 0; i < n; i++) {
			run_orders_refuse(js, list[i]->job, list[i]->host.name, &err);
			run_jobs_free_bundle(list[i]);
		}
		return;
	}
	rc = spool_commit(js->d.spool);
	if (rc < 0) {
		refuse_fresh(js, rc);
		return;
	}
	run_orders_begin(js);
	if (run_handed_settle(js))
		js->d.ops->committed(js->d.arg); /* job.handed is to be told */
}

void
run_jobs_cancel(struct run_jobs *js, const char *job, const char *by)
{
	struct event ev;
	int known;

	if (run_jobs_find(js, job) != NULL) {
		struct run_item *it = run_jobs_push_input(js, job, RUN_IN_CANCEL);

		str_clip(it->by, sizeof(it->by), by);
		return;
	}
	if (run_handed_cancel(js, job, by))
		return;
	known = spool_job_known(js->d.spool, job);
	if (known > 0)
		tell_end_again(js, job);
	if (known != 0 || closing(js, job))
		return;
	ev = event_make("job.cancelled", clock_wall());
	event_put(&ev, "by", by);
	run_orders_close(js, job, "", &ev);
}

void
run_jobs_cancel_unbegun(struct run_jobs *js, const char *job, const char *by)
{
	if (run_jobs_find(js, job) == NULL)
		run_jobs_cancel(js, job, by);
	else
		log_info(js->d.log,
		    "job %s has begun, and goes on although %s stopped it", job, by);
}

void
run_jobs_end_unused(struct run_jobs *js, const char *by, const struct error *why)
{
	run_handed_end_all(js, by, why);
	for (struct run_job *job = js->by_id; job != NULL; job = job->hh.next) {
		struct run_item *it;

		if (ticket_is_consumed(&job->run.ticket))
			continue;
		job->taken_back = true; /* the flags may be another agent's by now */
		it = run_jobs_push_input(js, job->run.job, RUN_IN_CANCEL);
		str_clip(it->by, sizeof(it->by), by);
		if (why != NULL)
			it->err = *why;
	}
}
