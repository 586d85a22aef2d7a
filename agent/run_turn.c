/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A turn: everything queued is decided, made durable in one transaction, answered and
 * carried out, in this order. And the passing of time.
 *
 * Entry points: run_turn_on_timer(), run_turn_on_tick(), as callbacks of the loop.
 * Ownership: items belong to the queue until they are decided durably.
 * Failure modes: when the transaction fails, runs are put back as they were, requests are
 * refused (a held transfer is reset, the client asks again), everything else stays queued
 * and is tried again a second later; on a full disk the spool's reserve is given up first.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "agent/run_handed.h"
#include "agent/run_priv.h"
#include "agent/run_reboot.h"
#include "lib/clock.h"
#include "lib/str.h"

enum { RETRY_S = 1, ITEMS_MAX = 500, RESERVE_TICKS = 50 };
/* A wall clock that moved this much by itself moves the deadlines with it. */
#define JUMP (2 * USEC_PER_SEC)

/* Deadlines are kept in wall time, to hold over a restart; a clock that is set must not
 * make them due. Asked before anything is decided, so that no stage is entered in the new
 * time and moved once more. */
static void
follow_clock(struct run_jobs *js)
{
	int64_t wall = clock_wall();
	int64_t mono = clock_mono();
	int64_t jump = (wall - js->wall) - (mono - js->mono);

	js->wall = wall;
	js->mono = mono;
	if (jump > -JUMP && jump < JUMP)
		return;
	log_warn(js->d.log, "the system clock was set by %lld s; deadlines move with it",
	    (long long)(jump / USEC_PER_SEC));
	for (struct run_job *job = js->by_id; job != NULL; job = job->hh.next)
		run_move_clock(&job->run, jump);
	js->moved = true;
	run_jobs_wake(js);
}

static void
touch(struct run_job *job)
{
	if (job->touched)
		return;
	job->saved = job->run;
	job->touched = true;
	job->dirty = false;
	job->n_actions = 0;
}

static int
keep_events(struct run_jobs *js, struct run_out *out)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < out->n_events; i++)
		r = spool_put_event(js->d.spool, &out->events[i], false);
	return r;
}

static void
keep_actions(struct run_job *job, const struct run_out *out)
{
	for (size_t i = 0; i < out->n_actions; i++) {
		assert(job->n_actions < RUN_JOB_ACTIONS);
		job->actions[job->n_actions].action = out->actions[i];
		job->actions[job->n_actions].step = job->run.step;
		job->n_actions++;
	}
}

static int
decide_input(struct run_jobs *js, struct run_job *job, struct run_item *it)
{
	struct run_out out;
	int r;

	touch(job);
	it->in.err = &it->err;
	it->in.evidence = it->evidence;
	it->in.ticket = it->ticket;
	it->in.use = &it->use;
	it->in.note = it->note;
	it->in.by = it->by;
	it->in.ident = it->ident;
	it->in.late =
	    job->bundle->not_after > 0 && run_jobs_now(js) >= job->bundle->not_after;
	run_fsm_step(&job->run, &it->in, clock_wall(), js->d.rng, &out);
	it->granted = out.granted;
	str_clip(it->reason, sizeof(it->reason), out.reason);
	job->dirty |= out.changed;
	r = keep_events(js, &out);
	if (r == 0 && out.retired.state != TICKET_NONE)
		r = spool_put_ticket(js->d.spool, &job->run, &out.retired);
	keep_actions(job, &out);
	run_fsm_out_done(&out);
	return r;
}

static int
decide(struct run_jobs *js, struct run_item *it)
{
	struct run_job *job = it->job[0] != '\0' ? run_jobs_find(js, it->job) : NULL;
	int r = 0;

	it->granted = false;
	/* More than this in one turn is left to the next, the whole of it. */
	if (it->has_input && job != NULL && job->touched &&
	    job->n_actions + RUN_OUT_ACTIONS > RUN_JOB_ACTIONS)
		return -EAGAIN;
	if (it->event != NULL)
		r = spool_put_event(js->d.spool, it->event, it->droppable);
	if (r == 0 && it->mark != NULL)
		r = spool_put_mark(js->d.spool, it->mark_key, it->mark);
	if (r == 0 && it->end != NULL)
		r = spool_save_run(js->d.spool, it->end, clock_wall());
	else if (r == 0 && it->close)
		r = spool_end_job(js->d.spool, it->job, clock_wall());
	if (r < 0 || !it->has_input)
		return r;
	if (job == NULL || job->run.stage >= STAGE_DONE) {
		str_clip(it->reason, sizeof(it->reason), "the job has ended");
		return 0;
	}
	return decide_input(js, job, it);
}

/* A restart must not take the jump for a time in which nobody ran. */
static void
touch_moved(struct run_jobs *js)
{
	for (struct run_job *job = js->by_id; js->moved && job != NULL;
	     job = job->hh.next) {
		touch(job);
		job->dirty = true;
	}
}

static int
save_runs(struct run_jobs *js)
{
	int64_t now = clock_wall();
	int r = 0;

	for (struct run_job *job = js->by_id; r == 0 && job != NULL; job = job->hh.next) {
		if (job->touched && job->dirty)
			r = spool_save_run(js->d.spool, &job->run, now);
	}
	return r;
}

static void
restore_runs(struct run_jobs *js)
{
	for (struct run_job *job = js->by_id; job != NULL; job = job->hh.next) {
		if (job->touched)
			job->run = job->saved;
		job->touched = false;
		job->n_actions = 0;
	}
}

/* Decides items up to *ret_end (the first one left). 0 when all that is durable. What
 * fails here is the spool and never an item: nothing in one can break a rule of the
 * schema, so that none can hold up those behind it for good. */
static int
commit_queue(struct run_jobs *js, struct run_item **ret_end)
{
	struct run_item *it;
	unsigned n = 0;
	int r = spool_begin(js->d.spool);

	if (r < 0)
		return r;
	spool_count_dropped(js->d.spool, js->overflow, clock_wall());
	touch_moved(js);
	for (it = js->head; it != NULL && n++ < ITEMS_MAX; it = it->next) {
		r = decide(js, it);
		if (r < 0)
			break;
	}
	if (r == -EAGAIN)
		r = 0;
	if (r == 0)
		r = save_runs(js);
	if (r < 0)
		spool_rollback(js->d.spool);
	else
		r = spool_commit(js->d.spool);
	if (r < 0)
		restore_runs(js);
	*ret_end = it;
	return r;
}

static void
answer(struct run_jobs *js, const struct run_item *it, bool ok, const char *reason)
{
	bool consume = it->answer == BOOTD_MSG_CONSUME;
	enum bootd_msg_type type;

	if (ok)
		type = consume ? BOOTD_MSG_CONSUME_OK : BOOTD_MSG_REPORT_OK;
	else
		type = consume ? BOOTD_MSG_CONSUME_NO : BOOTD_MSG_REPORT_NO;
	if (!ok)
		log_info(js->d.log, "job %s: %s refused: %s", it->job,
		    consume ? "ticket" : "report", reason);
	js->d.ops->answer(js->d.arg, type, it->req, ok ? NULL : reason);
}

static bool
is_request(const struct run_item *it)
{
	return it->answer == BOOTD_MSG_CONSUME || it->answer == BOOTD_MSG_REPORT;
}

/* Takes items before `end` off the queue and answers those that are requests. */
static void
finish_items(struct run_jobs *js, const struct run_item *end)
{
	while (js->head != end) {
		struct run_item *it = js->head;

		js->head = it->next;
		js->queued--;
		if (is_request(it))
			answer(js, it, it->granted, it->reason);
		run_jobs_item_free(it);
	}
	if (js->head == NULL)
		js->tail = &js->head;
}

static void
log_stage(struct run_jobs *js, const struct run_job *job)
{
	if (job->run.stage == job->saved.stage && job->run.attempt == job->saved.attempt)
		return;
	if (job->run.stage == STAGE_FAILED)
		log_warn(js->d.log, "job %s on %s: failed: %s: %s", job->run.job,
		    job->run.host, job->run.verdict.code, job->run.verdict.text);
	else
		log_info(js->d.log, "job %s on %s: %s -> %s (attempt %u)", job->run.job,
		    job->run.host, stage_name(job->saved.stage),
		    stage_name(job->run.stage), job->run.attempt);
}

static void
carry_out(struct run_jobs *js)
{
	struct run_job *job, *tmp;

	HASH_ITER (hh, js->by_id, job, tmp) {
		size_t n = job->n_actions;

		if (!job->touched)
			continue;
		log_stage(js, job);
		run_override_follow(job);
		if (js->d.ops->progress != NULL)
			js->d.ops->progress(js->d.arg, job->bundle, &job->run);
		job->touched = false;
		job->n_actions = 0;
		for (size_t i = 0; i < n; i++)
			run_exec(job, job->actions[i].action, job->actions[i].step);
		if (job->ending)
			run_jobs_remove(js, job);
	}
}

/* Requests cannot wait for the disk: their transfers would stall and time out. */
static void
refuse_requests(struct run_jobs *js)
{
	struct run_item **p = &js->head;

	while (*p != NULL) {
		struct run_item *it = *p;

		if (!is_request(it)) {
			p = &it->next;
			continue;
		}
		answer(js, it, false, "the agent cannot record it now");
		*p = it->next;
		js->queued--;
		run_jobs_item_free(it);
	}
	js->tail = p;
}

static void
on_trouble(struct run_jobs *js, int r)
{
	const struct timeval later = {.tv_sec = RETRY_S};
	struct error err;

	refuse_requests(js);
	spool_error(js->d.spool, r, &err, "record what happened");
	js->trouble = err;
	if (!js->in_trouble)
		log_error(js->d.log, "%s: %s", err.text, err.next);
	if (r == -ENOSPC && spool_release(js->d.spool))
		log_warn(
		    js->d.log, "the spool's reserve is in use; no new jobs are taken");
	if (!js->in_trouble && js->d.ops->trouble != NULL)
		js->d.ops->trouble(js->d.arg, &err);
	js->in_trouble = true;
	event_add(js->turn, &later);
}

static void
out_of_trouble(struct run_jobs *js)
{
	const struct error none = {.code = ""};

	if (!js->in_trouble)
		return;
	log_info(js->d.log, "the spool can be written again");
	js->in_trouble = false;
	if (js->d.ops->trouble != NULL)
		js->d.ops->trouble(js->d.arg, &none);
}

void
run_turn_on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct run_jobs *js = arg;
	struct run_item *end = NULL;
	int r;

	follow_clock(js);
	if (js->head == NULL && js->then == NULL && !js->moved)
		return;
	r = commit_queue(js, &end);
	if (r < 0) {
		on_trouble(js, r);
		return;
	}
	out_of_trouble(js);
	js->overflow = 0;
	js->moved = false;
	finish_items(js, end);
	carry_out(js);
	js->d.ops->committed(js->d.arg);
	if (js->head != NULL) {
		run_jobs_wake(js);
	} else if (js->then != NULL) {
		/* Everything that was said before is durable, every job's new ticket too. */
		void (*then)(void *) = js->then;

		js->then = NULL;
		then(js->then_arg);
	}
}

/* ---- time ---- */

/* The engine gives up before the stage does, and says why; on a machine that is too busy it comes too late for that. */
static void
blame_bmc(const struct run_job *job, struct error *ret)
{
	if (job->call != 0)
		error_set(ret, 0, "bmc-unreachable",
		    "netboot-ctl bmc probe HOST; look at its network and its power",
		    "the BMC at %s had not answered when the time of the checks was over",
		    job->bundle->bmc.address);
}

void
run_turn_on_tick(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct run_jobs *js = arg;

	follow_clock(js);
	if (js->in_trouble) /* what is queued already waits for the disk */
		return;
	if (js->ticks++ % RESERVE_TICKS == 0 && spool_reserve(js->d.spool) < 0)
		log_debug(js->d.log, "there is no room for the spool's reserve yet");
	run_handed_tick(js);
	for (struct run_job *job = js->by_id; job != NULL; job = job->hh.next) {
		struct run_item *it;

		run_reboot_tick(job);
		if (job->run.due == 0 || js->wall < job->run.due)
			continue;
		it = run_jobs_push_input(js, job->run.job, RUN_IN_TICK);
		if (job->run.stage == STAGE_PREFLIGHT)
			blame_bmc(job, &it->err);
		else
			it->err = js->bootd_down;
		it->in.err = it->err.code[0] != '\0' ? &it->err : NULL;
	}
}
