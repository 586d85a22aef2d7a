/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The set of jobs and its turns.
 *
 * Entry points: run_jobs_accept() for orders, run_jobs_on_*() for what bootd and the BMC
 * engine say, run_exec.c's ends of steps. All of them only queue an item; on_turn()
 * decides the whole queue in one transaction and then carries out the actions.
 * Ownership: the set owns jobs, bundles and queued items.
 * Failure modes: when the transaction fails, runs are put back as they were, requests are
 * refused (a held transfer is reset, the client asks again), everything else stays queued
 * and is tried again a second later; on a full disk the spool's reserve is given up
 * first.
 */
#include "agent/run_jobs.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/run_priv.h"
#include "agent/run_wire.h"
#include "lib/clock.h"
#include "lib/secret.h"
#include "lib/str.h"

enum { QUEUE_MAX = 20000, REFUSED_MAX = 64, TICK_MS = 200, RETRY_S = 1 };
/* A wall clock that moved this much by itself moves the deadlines with it. */
#define JUMP (2 * USEC_PER_SEC)

struct item {
	struct item *next;
	char job[ID_SIZE]; /* "" : an event alone */
	bool has_input;
	struct run_input in; /* pointers: to the members below */
	struct error err;
	char evidence[RUN_EVIDENCE_SIZE];
	char ticket[ID_SIZE];
	struct ticket_use use;
	char *note;
	char by[64];
	bool close; /* the job will never run: remember it as ended */
	struct event *event;
	bool droppable;
	enum bootd_msg_type answer; /* CONSUME or REPORT: a request waits */
	uint64_t req;
	bool granted;
	char reason[EVENT_REASON_SIZE];
};

struct run_jobs {
	struct run_jobs_deps d;
	struct run_job *by_id, *by_host;
	struct item *head, **tail;
	size_t queued;
	struct event *turn, *tick;
	int64_t wall, mono; /* at the last tick */
	char refused[REFUSED_MAX][ID_SIZE];
	unsigned next_refused;
	void (*then)(void *arg);
	void *then_arg;
	bool in_trouble; /* the last turn failed */
};

/* ---- the queue ---- */

static void
wake(struct run_jobs *js)
{
	if (!js->in_trouble)
		event_active(js->turn, 0, 0);
}

static struct item *
push(struct run_jobs *js, const char *job)
{
	struct item *it = str_alloc(sizeof(*it));

	str_clip(it->job, sizeof(it->job), job);
	*js->tail = it;
	js->tail = &it->next;
	js->queued++;
	wake(js);
	return it;
}

static struct item *
push_input(struct run_jobs *js, const char *job, enum run_input_type type)
{
	struct item *it = push(js, job);

	it->has_input = true;
	it->in.type = type;
	return it;
}

static void
item_free(struct item *it)
{
	if (it->event != NULL)
		event_done(it->event);
	free(it->event);
	free(it->note);
	free(it);
}

static struct event *
copy_event(const struct event *ev)
{
	struct event *copy = str_alloc(sizeof(*copy));

	*copy = *ev;
	if (copy->detail != NULL)
		json_incref(copy->detail);
	return copy;
}

void
run_jobs_emit(struct run_jobs *js, struct event *ev, bool droppable)
{
	struct item *it;

	if (droppable && js->queued >= QUEUE_MAX) {
		event_done(ev);
		return;
	}
	it = push(js, "");
	it->event = copy_event(ev);
	it->droppable = droppable;
	event_done(ev);
}

/* ---- the set ---- */

static struct run_job *
find(struct run_jobs *js, const char *id)
{
	struct run_job *job;

	HASH_FIND_STR(js->by_id, id, job);
	return job;
}

static struct run_job *
find_host(struct run_jobs *js, const char *host)
{
	struct run_job *job;

	HASH_FIND(hh_host, js->by_host, host, strlen(host), job);
	return job;
}

static struct run_job *
find_token(struct run_jobs *js, const char *token)
{
	for (struct run_job *job = js->by_id; job != NULL; job = job->hh.next) {
		if (ticket_is_open(&job->run.ticket) &&
		    secret_equal(job->run.ticket.token, token))
			return job;
	}
	return NULL;
}

static struct run_job *
add_job(struct run_jobs *js, struct bundle *b, const struct run *r)
{
	struct run_job *job = str_alloc(sizeof(*job));

	job->jobs = js;
	job->deps = &js->d;
	job->bundle = b;
	job->run = *r;
	HASH_ADD_STR(js->by_id, run.job, job);
	HASH_ADD_KEYPTR(hh_host, js->by_host, job->run.host, strlen(job->run.host), job);
	return job;
}

static void
bundle_free(struct bundle *b)
{
	bundle_done(b);
	free(b);
}

static void
remove_job(struct run_jobs *js, struct run_job *job)
{
	run_exec_stop(job);
	HASH_DELETE(hh, js->by_id, job);
	HASH_DELETE(hh_host, js->by_host, job);
	bundle_free(job->bundle);
	free(job);
}

/* ---- one turn ---- */

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
decide_input(struct run_jobs *js, struct run_job *job, struct item *it)
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
decide(struct run_jobs *js, struct item *it)
{
	struct run_job *job = it->job[0] != '\0' ? find(js, it->job) : NULL;
	int r = 0;

	it->granted = false;
	if (it->event != NULL)
		r = spool_put_event(js->d.spool, it->event, it->droppable);
	if (r == 0 && it->close)
		r = spool_end_job(js->d.spool, it->job, clock_wall());
	if (r < 0 || !it->has_input)
		return r;
	if (job == NULL || job->run.stage >= STAGE_DONE) {
		str_clip(it->reason, sizeof(it->reason), "the job has ended");
		return 0;
	}
	/* More than this in one turn is left to the next. */
	if (job->touched && job->n_actions + RUN_OUT_ACTIONS > RUN_JOB_ACTIONS)
		return -EAGAIN;
	return decide_input(js, job, it);
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

/* Decides items up to *ret_end (the first one left). 0 when all that is durable. */
static int
commit_queue(struct run_jobs *js, struct item **ret_end)
{
	struct item *it;
	int r = spool_begin(js->d.spool);

	if (r < 0)
		return r;
	for (it = js->head; it != NULL; it = it->next) {
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
answer(struct run_jobs *js, const struct item *it, bool ok, const char *reason)
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
is_request(const struct item *it)
{
	return it->answer == BOOTD_MSG_CONSUME || it->answer == BOOTD_MSG_REPORT;
}

/* Takes items before `end` off the queue and answers those that are requests. */
static void
finish_items(struct run_jobs *js, const struct item *end)
{
	while (js->head != end) {
		struct item *it = js->head;

		js->head = it->next;
		js->queued--;
		if (is_request(it))
			answer(js, it, it->granted, it->reason);
		item_free(it);
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
		job->touched = false;
		job->n_actions = 0;
		for (size_t i = 0; i < n; i++)
			run_exec(job, job->actions[i].action, job->actions[i].step);
		if (job->ending)
			remove_job(js, job);
	}
}

/* Requests cannot wait for the disk: their transfers would stall and time out. */
static void
refuse_requests(struct run_jobs *js)
{
	struct item **p = &js->head;

	while (*p != NULL) {
		struct item *it = *p;

		if (!is_request(it)) {
			p = &it->next;
			continue;
		}
		answer(js, it, false, "the agent cannot record it now");
		*p = it->next;
		js->queued--;
		item_free(it);
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
	if (!js->in_trouble)
		log_error(js->d.log, "%s: %s", err.text, err.next);
	if (r == -ENOSPC && spool_release(js->d.spool))
		log_warn(
		    js->d.log, "the spool's reserve is in use; no new jobs are taken");
	js->in_trouble = true;
	event_add(js->turn, &later);
}

static void
on_turn(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct run_jobs *js = arg;
	void (*then)(void *) = js->then;
	struct item *end = NULL;
	int r;

	if (js->head == NULL && then == NULL)
		return;
	r = commit_queue(js, &end);
	if (r < 0) {
		on_trouble(js, r);
		return;
	}
	if (js->in_trouble)
		log_info(js->d.log, "the spool can be written again");
	js->in_trouble = false;
	finish_items(js, end);
	carry_out(js);
	if (js->head != NULL)
		wake(js);
	js->then = NULL;
	if (then != NULL)
		then(js->then_arg);
	js->d.ops->committed(js->d.arg);
}

/* ---- time ---- */

/* Deadlines are kept in wall time, to hold over a restart; a clock that is set must not
 * make them due. */
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
	for (struct run_job *job = js->by_id; job != NULL; job = job->hh.next) {
		job->run.entered += jump;
		job->run.due += job->run.due != 0 ? jump : 0;
	}
}

static void
on_tick(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct run_jobs *js = arg;

	follow_clock(js);
	for (struct run_job *job = js->by_id; job != NULL; job = job->hh.next) {
		if (job->run.due != 0 && js->wall >= job->run.due)
			push_input(js, job->run.job, RUN_IN_TICK);
	}
}

/* ---- orders ---- */

static bool
refused_already(struct run_jobs *js, const char *job)
{
	for (unsigned i = 0; i < REFUSED_MAX; i++) {
		if (str_eq(js->refused[i], job))
			return true;
	}
	str_clip(js->refused[js->next_refused++ % REFUSED_MAX], ID_SIZE, job);
	return false;
}

/* An end without a beginning, remembered so that the order is not taken later. */
static void
close_job(struct run_jobs *js, const char *job, const char *host, struct event *ev)
{
	struct item *it = push(js, job);

	str_clip(ev->job, sizeof(ev->job), job);
	str_clip(ev->host, sizeof(ev->host), host);
	it->event = copy_event(ev);
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
	close_job(js, job, host, &ev);
}

void
run_jobs_refuse(struct run_jobs *js, const char *job, const struct error *why)
{
	if (find(js, job) == NULL && spool_job_known(js->d.spool, job) == 0)
		refuse_job(js, job, "", why);
}

static int
may_accept(struct run_jobs *js, const struct bundle *b, struct error *err)
{
	struct run_job *other = find_host(js, b->host.name);

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
	int known = find(js, b->job) != NULL ? 1 : spool_job_known(js->d.spool, b->job);

	if (known != 0) {
		bundle_free(b);
		return;
	}
	r = str_alloc(sizeof(*r));
	run_plan(b, &js->d.cfg->limits, r);
	if (may_accept(js, b, &err) < 0 || store_job(js, b, r, &err) < 0) {
		refuse_job(js, b->job, b->host.name, &err);
		bundle_free(b);
	} else {
		add_job(js, b, r);
		push_input(js, b->job, RUN_IN_START);
	}
	free(r);
}

void
run_jobs_cancel(struct run_jobs *js, const char *job, const char *by)
{
	struct event ev;

	if (find(js, job) != NULL) {
		struct item *it = push_input(js, job, RUN_IN_CANCEL);

		str_clip(it->by, sizeof(it->by), by);
		return;
	}
	if (spool_job_known(js->d.spool, job) != 0 || refused_already(js, job))
		return;
	ev = event_make("job.cancelled", clock_wall());
	event_put(&ev, "by", by);
	close_job(js, job, "", &ev);
}

/* ---- from bootd ---- */

/* A transfer from a pool address carries no host; the address was seen in DHCP before. */
static struct run_job *
job_of_event(struct run_jobs *js, const struct event *ev)
{
	struct addr_ip ip;

	if (ev->host[0] != '\0')
		return find_host(js, ev->host);
	if (ev->ip[0] == '\0' || addr_ip_parse(ev->ip, &ip) < 0)
		return NULL;
	for (struct run_job *job = js->by_id; job != NULL; job = job->hh.next) {
		if (addr_ip_eq(&job->last_ip, &ip))
			return job;
	}
	return NULL;
}

static void
attach(const struct run_job *job, struct event *ev)
{
	str_clip(ev->host, sizeof(ev->host), job->run.host);
	str_clip(ev->job, sizeof(ev->job), job->run.job);
	if (job->run.boot_open)
		str_clip(ev->boot, sizeof(ev->boot), job->run.boot);
	else
		ev->boot[0] = '\0';
}

void
run_jobs_on_event(struct run_jobs *js, const struct event *ev)
{
	struct run_job *job = job_of_event(js, ev);
	struct run_wire wire;
	struct item *it;

	if (js->queued >= QUEUE_MAX)
		return;
	it = push(js, job == NULL ? "" : job->run.job);
	it->event = copy_event(ev);
	it->droppable = true;
	if (job == NULL)
		return;
	attach(job, it->event);
	if (ev->ip[0] != '\0' && str_eq(ev->kind, "dhcp4.ack") &&
	    addr_ip_parse(ev->ip, &job->last_ip) < 0)
		memset(&job->last_ip, 0, sizeof(job->last_ip));
	if (!run_wire_read(ev, &job->bundle->image, &wire))
		return;
	it->has_input = true;
	it->in.type = RUN_IN_SIGN;
	it->in.sign = wire.sign;
	it->in.index = wire.index;
	memcpy(it->evidence, wire.evidence, sizeof(it->evidence));
}

static void
put_use(struct item *it, const struct bootd_msg *m)
{
	memcpy(it->use.mac, m->mac, sizeof(it->use.mac));
	memcpy(it->use.ip, m->ip, sizeof(it->use.ip));
	memcpy(it->use.file, m->file, sizeof(it->use.file));
}

void
run_jobs_on_consume(struct run_jobs *js, const struct bootd_msg *m)
{
	struct run_job *job = find_host(js, m->name);
	struct item *it = push_input(js, job == NULL ? "" : job->run.job, RUN_IN_CONSUME);

	it->answer = BOOTD_MSG_CONSUME;
	it->req = m->req;
	memcpy(it->ticket, m->ticket, sizeof(it->ticket));
	put_use(it, m);
}

static int
report_parse(const char *s, enum run_report *ret)
{
	static const char *const names[] = {"up", "installed", "failed", "booted"};

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		if (str_eq(names[i], s)) {
			*ret = (enum run_report)i;
			return 0;
		}
	}
	return -EINVAL;
}

void
run_jobs_on_report(struct run_jobs *js, const struct bootd_msg *m)
{
	struct run_job *job = find_token(js, m->token);
	struct item *it = push_input(js, job == NULL ? "" : job->run.job, RUN_IN_REPORT);
	const char *note = m->text == NULL ? "" : m->text;
	size_t size = 4 * strlen(note) + 1;

	it->answer = BOOTD_MSG_REPORT;
	it->req = m->req;
	put_use(it, m);
	it->note = str_alloc(size);
	str_escape(it->note, size, note, strlen(note));
	if (report_parse(m->stage, &it->in.report) < 0)
		it->job[0] = '\0';
}

void
run_jobs_on_ack(struct run_jobs *js, int64_t gen)
{
	for (struct run_job *job = js->by_id; job != NULL; job = job->hh.next)
		run_exec_on_ack(job, gen);
}

void
run_jobs_on_bootd(struct run_jobs *js, void (*then)(void *arg), void *arg)
{
	for (struct run_job *job = js->by_id; job != NULL; job = job->hh.next)
		push_input(js, job->run.job, RUN_IN_BOOTD);
	js->then = then;
	js->then_arg = arg;
	wake(js);
}

void
run_jobs_table_sent(struct run_jobs *js)
{
	for (struct run_job *job = js->by_id; job != NULL; job = job->hh.next)
		run_exec_publish_again(job);
}

const struct bundle_host *
run_jobs_host(struct run_jobs *js, const char *host, struct bootd_msg_boot *ret_boot)
{
	struct run_job *job = find_host(js, host);

	if (job == NULL || !ticket_is_open(&job->run.ticket))
		return NULL;
	run_exec_boot(job, ret_boot);
	return &job->bundle->host;
}

/* ---- from BMCs and steps ---- */

void
run_jobs_on_note(struct run_jobs *js, const struct bmc_note *note)
{
	for (struct run_job *job = js->by_id; job != NULL; job = job->hh.next) {
		struct event ev;

		if (job->call == 0 || job->call != note->id)
			continue;
		ev = event_make(note->kind, clock_wall());
		attach(job, &ev);
		event_put(&ev, "bmc", note->bmc);
		str_clip(ev.reason, sizeof(ev.reason), note->text);
		run_jobs_emit(js, &ev, true);
		return;
	}
}

void
run_jobs_post_step(
    struct run_job *job, const struct error *err, bool retry, const char *evidence)
{
	struct item *it = push_input(job->jobs, job->run.job, RUN_IN_STEP);

	it->in.step = job->run.step;
	it->in.ok = err == NULL;
	it->in.retry = retry;
	if (err != NULL)
		it->err = *err;
	str_clip(it->evidence, sizeof(it->evidence), evidence == NULL ? "" : evidence);
}

void
run_jobs_post_probe(struct run_job *job, bool up)
{
	struct item *it = push_input(job->jobs, job->run.job, RUN_IN_PROBE);

	it->in.ok = up;
	str_clip(it->evidence, sizeof(it->evidence), "the probe answers: ");
	str_clip(it->evidence + strlen(it->evidence),
	    sizeof(it->evidence) - strlen(it->evidence), job->bundle->host.probe);
}

/* ---- start and end ---- */

static void
recover_one(void *arg, const char *id, struct bundle *b, const struct run *r,
    const struct error *err)
{
	struct run_jobs *js = arg;
	struct event ev;

	if (b != NULL) {
		struct bundle *copy = str_alloc(sizeof(*copy));

		*copy = *b;
		add_job(js, copy, r);
		push_input(js, id, RUN_IN_RECOVER);
		return;
	}
	log_error(js->d.log, "job %s: cannot go on: %s", id, err->text);
	ev = event_make("job.failed", clock_wall());
	event_put(&ev, "code", "spool-damaged");
	event_put(&ev, "text", err->text);
	event_put(&ev, "next", "Look at the machine, then order the job again.");
	close_job(js, id, r == NULL ? "" : r->host, &ev);
}

int
run_jobs_recover(struct run_jobs *js, struct error *err)
{
	int r = spool_each_job(js->d.spool, recover_one, js);

	return r < 0 ? spool_error(js->d.spool, r, err, "read the jobs") : 0;
}

struct run_jobs *
run_jobs_new(const struct run_jobs_deps *deps)
{
	const struct timeval tick = {.tv_usec = TICK_MS * 1000};
	struct run_jobs *js = str_alloc(sizeof(*js));

	js->d = *deps;
	js->tail = &js->head;
	js->wall = clock_wall();
	js->mono = clock_mono();
	js->turn = event_new(deps->base, -1, 0, on_turn, js);
	js->tick = event_new(deps->base, -1, EV_PERSIST, on_tick, js);
	event_add(js->tick, &tick);
	if (spool_reserve(deps->spool) < 0)
		log_warn(
		    deps->log, "no room for the spool's reserve; no new jobs are taken");
	return js;
}

void
run_jobs_free(struct run_jobs *js)
{
	struct run_job *job, *tmp;

	if (js == NULL)
		return;
	HASH_ITER (hh, js->by_id, job, tmp)
		remove_job(js, job);
	while (js->head != NULL) {
		struct item *it = js->head;

		js->head = it->next;
		item_free(it);
	}
	event_free(js->turn);
	event_free(js->tick);
	free(js);
}

size_t
run_jobs_count(const struct run_jobs *js)
{
	return HASH_COUNT(js->by_id);
}
