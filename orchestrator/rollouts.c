// SPDX-License-Identifier: GPL-3.0-or-later
/* Carries out rollouts: one look after another, each in a transaction of its own.
 *
 * Entry points: rollouts_tick(), which has each rollout look once and do at most as much as takes some milliseconds; rollouts_jobs_ended(),
 * for every job that came to its end; rollouts_begun() after a rollout was written or changed by others. It reads no clock and knows
 * no event loop: a simulation runs the same code in virtual time.
 * Ownership: the rollouts in memory, which are those that have not ended. Failure modes: after a write that failed, what is in memory is
 * thrown away and read again, a moment later; ends of jobs that could not be noted are looked for then. A host's job is made in the
 * transaction of its state, so that a crash neither loses nor repeats it. */
#include "orchestrator/rollouts.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_job.h"
#include "lib/clock.h"
#include "lib/str.h"
#include "orchestrator/hold_words.h"
#include "orchestrator/holds.h"
#include "orchestrator/presence.h"
#include "orchestrator/rollouts_priv.h"

/* What a look may do: a job is worth many changes of a state. */
enum { LOOK_WORTH = 120, JOB_WORTH = 20 };

/* After the database has failed. */
#define RETRY_US (10 * USEC_PER_SEC)
/* Agents have found a program that has just begun. */
#define SETTLED_US (60 * USEC_PER_SEC)
/* A site is given up for hosts in flight when it was not heard for so long: not for a restart of its agent. */
#define GIVEN_UP_US (15 * 60 * USEC_PER_SEC)

struct look {
	struct rollouts *r;
	struct rollout *ro;
	int64_t wall;
};

struct rollout *
rollouts_find(const struct rollouts *r, const char *id)
{
	for (size_t k = 0; k < r->n; k++)
		if (str_eq(r->v[k]->row.id, id))
			return r->v[k];
	return NULL;
}

const struct rollout *
rollouts_flying_elsewhere(
    const struct rollouts *r, const struct rollout *ro, const char *host)
{
	for (size_t k = 0; k < r->n; k++) {
		const struct rollout_step *step = &r->v[k]->step;

		/* Jobs that were made all at once hold their hosts themselves. */
		if (r->v[k] == ro || r->v[k]->unread || step->at_once ||
		    step->in_flight == 0)
			continue;
		for (size_t i = step->low; i < step->n; i++)
			if (rollout_step_flying(
				(enum db_rollout_host_state)step->v[i].state) &&
			    str_eq(r->v[k]->host[i], host))
				return r->v[k];
	}
	return NULL;
}

static void
take_out(struct rollouts *r, const char *id)
{
	rollouts_gate_forget(r, id);
	for (size_t k = 0; k < r->n; k++) {
		if (!str_eq(r->v[k]->row.id, id))
			continue;
		rollouts_load_free(r->v[k]);
		memmove(&r->v[k], &r->v[k + 1], (--r->n - k) * sizeof(r->v[0]));
		return;
	}
}

static void
put_in(struct rollouts *r, struct rollout *ro)
{
	r->v = str_realloc(r->v, (r->n + 1) * sizeof(r->v[0]));
	r->v[r->n++] = ro;
}

/* Makes memory of the rows again. What cannot be read is tried again. An end of a job that is still to be noted is not forgotten. */
static void
reload(struct rollouts *r, const char *id, int64_t wall)
{
	struct rollout *ro = rollouts_find(r, id);
	bool look_again = ro && ro->look_again;
	char name[ID_SIZE];

	str_clip(name, sizeof(name), id); /* it may be that of what is freed */
	take_out(r, name);
	ro = NULL;
	int rc = rollouts_load(r, name, false, &ro);
	if (rc < 0 && rc != -ENOENT) {
		log_error(
		    r->ops.log, "rollout %s cannot be read: %s", name, strerror(-rc));
		ro = str_alloc(sizeof(*ro));
		str_clip(ro->row.id, sizeof(ro->row.id), name);
		ro->unread = true;
		ro->not_before = wall + RETRY_US;
	}
	if (!ro)
		return;
	ro->look_again = look_again;
	put_in(r, ro);
}

void
rollouts_begun(struct rollouts *r, const char *id, int64_t wall)
{
	reload(r, id, wall);
}

size_t
rollouts_in_flight(const struct rollouts *r)
{
	size_t n = 0;

	for (size_t k = 0; k < r->n; k++)
		if (!r->v[k]->step.at_once)
			n += r->v[k]->step.in_flight;
	return n;
}

bool
rollouts_site_held(
    struct rollouts *r, const char *site, int64_t wall, struct error *ret_why)
{
	const struct orders_context ctx = r->ops.orders(r->ops.arg, wall);
	const struct error *trouble = ctx.trouble ? ctx.trouble(ctx.arg, site) : NULL;
	int64_t silence = ctx.silence(ctx.arg, site);

	if (trouble) {
		*ret_why = *trouble;
		return true;
	}
	/* Last what is read from the database: there may be a thousand sites. */
	if (!presence_absent(silence))
		return holds_check(r->ops.store, site, ret_why) < 0;
	error_set(ret_why, 0, "agent-absent",
	    "see netboot-ctl doctor and the agent's log",
	    "the agent of site %s is not heard", site);
	return true;
}

static bool
may(void *arg, uint32_t site)
{
	const struct look *l = arg;
	struct error why;

	if (l->ro->held[site] == 0)
		l->ro->held[site] =
		    rollouts_site_held(l->r, l->ro->site[site], l->wall, &why) ? 2 : 1;
	return l->ro->held[site] == 1;
}

static bool
heard(void *arg, uint32_t site)
{
	const struct look *l = arg;
	const struct orders_context ctx = l->r->ops.orders(l->r->ops.arg, l->wall);

	return ctx.silence(ctx.arg, l->ro->site[site]) < GIVEN_UP_US;
}

/* What leaves the program, once what it follows from is written; or nothing of it. */
static void
send_out(struct rollouts *r, struct rollout *ro, bool written)
{
	if (written)
		rollouts_gate_send(r, ro);
	r->n_ask_i = 0;
	for (size_t i = 0; written && i < r->changed.n; i++)
		r->ops.changed(r->ops.arg, r->changed.v[i]);
	for (size_t i = 0; written && i < r->wake.n; i++)
		r->ops.wake(r->ops.arg, r->wake.v[i]);
	if (written && r->told)
		r->ops.on_events(r->ops.arg);
	r->told = false;
	store_names_done(&r->changed);
	store_names_done(&r->wake);
	r->changed = r->wake = (struct store_names){.n = 0};
}

/* Ends the transaction that may be under way. */
static int
end_look(struct rollouts *r, struct rollout *ro, int rc)
{
	struct db *db = store_db(r->ops.store);

	if (rc == 0 && db_in_transaction(db))
		rc = db_commit(db);
	else if (rc < 0)
		db_rollback(db);
	send_out(r, ro, rc == 0);
	if (rc < 0)
		log_error(r->ops.log, "rollout %s cannot go on: %s; it is tried again",
		    ro->row.id, strerror(-rc));
	return rc;
}

static int
begin_once(struct rollouts *r)
{
	struct db *db = store_db(r->ops.store);

	return db_in_transaction(db) ? 0 : db_begin(db);
}

/* The same; when it is not written, the rollout is read again at its next turn. */
static int
settle(struct rollouts *r, struct rollout *ro, int rc, int64_t wall)
{
	rc = end_look(r, ro, rc);
	if (rc < 0) {
		ro->unread = ro->look_again = true;
		ro->not_before = wall + RETRY_US;
	}
	return rc;
}

int
rollouts_one(struct rollouts *r, struct rollout *ro, const struct rollout_step_action *a,
    int64_t wall)
{
	int rc = db_begin(store_db(r->ops.store));

	if (rc == 0)
		rc = rollouts_act(r, ro, a, wall);
	return settle(r, ro, rc, wall);
}

/* Takes the end of the host's job, if it has one, in a transaction that the caller settles: a disk takes some milliseconds for each. */
static void
job_ended(struct rollouts *r, struct rollout *ro, size_t i, const char *id, int64_t wall)
{
	struct rollout_step_action a;
	enum rollout_step_outcome outcome = ROLLOUT_STEP_DONE;
	struct error why = {.code = ""};
	struct db_job job;
	int rc = db_job_get(r->ops.store, id, &job);

	if (rc < 0) {
		ro->look_again = true;
		return;
	}
	if (!job.ended)
		return;
	if (job.state != DB_JOB_DONE && hold_words_is(job.verdict_code)) {
		/* Something was held, or the host locked, before it began. */
		outcome = ROLLOUT_STEP_NOT_NOW;
		error_set(
		    &why, 0, job.verdict_code, job.verdict_next, "%s", job.verdict_text);
	} else if (job.state == DB_JOB_FAILED) {
		outcome = rollout_step_outcome(
		    job.agent_code[0] ? job.agent_code : job.verdict_code);
		error_set(&why, 0, job.verdict_code[0] ? job.verdict_code : "job-failed",
		    job.verdict_next, "%s",
		    job.verdict_text[0] ? job.verdict_text : "its job failed");
	} else if (job.state == DB_JOB_CANCELLED) {
		outcome = ROLLOUT_STEP_FAILED;
		error_set(&why, 0, "job-cancelled",
		    "look at the host before it is retried",
		    "its job was cancelled by %s",
		    job.cancel_by[0] ? job.cancel_by : "its agent");
	}
	if (rollouts_drill_is(ro) &&
	    rollouts_drill_ended(r, ro, i, id, &outcome, &why) < 0) {
		ro->look_again = true;
		return;
	}
	if (!rollout_step_job_end(&ro->step, i, outcome, &why, &a))
		return;
	rc = begin_once(r);
	if (rc == 0)
		rc = rollouts_act(r, ro, &a, wall);
	if (rc < 0)
		(void)settle(r, ro, rc, wall); /* it is looked at again */
}

/* What the ends of jobs have changed is written, if anything has. */
static void
write_ends(struct rollouts *r, struct rollout *ro, int64_t wall)
{
	if (ro && db_in_transaction(store_db(r->ops.store)))
		(void)settle(r, ro, 0, wall);
}

/* *under_way: the rollout whose ends are being written; another one's begin a transaction of their own. */
static void
note_end(struct rollouts *r, const char *job, int64_t wall, struct rollout **under_way)
{
	char id[ID_SIZE];
	int64_t n;
	int rc = db_rollout_of_job(r->ops.store, job, id, &n);
	struct rollout *ro = rc == 0 ? rollouts_find(r, id) : NULL;

	if (rc == -ENOENT)
		return;
	if (ro != *under_way) {
		write_ends(r, *under_way, wall);
		*under_way = ro;
	}
	/* It has ended, but may have lost this host: then it is told what became of it. */
	bool mine = rc == 0 && !ro;
	if (mine)
		rc = rollouts_load(r, id, true, &ro);
	if (rc < 0) {
		for (size_t k = 0; k < r->n; k++)
			r->v[k]->look_again = true;
		log_error(r->ops.log, "the end of job %s cannot be noted: %s", job,
		    strerror(-rc));
		return;
	}
	if (!ro->unread)
		job_ended(r, ro, (size_t)n, job, wall);
	if (mine) {
		write_ends(r, ro, wall);
		rollouts_load_free(ro);
	}
}

void
rollouts_jobs_ended(struct rollouts *r, char *const *jobs, size_t n, int64_t wall)
{
	struct rollout *under_way = NULL;

	for (size_t k = 0; k < n; k++)
		note_end(r, jobs[k], wall, &under_way);
	write_ends(r, under_way, wall);
}

struct ended {
	size_t *i;
	char (*job)[ID_SIZE];
	size_t n;
};

static void
add_job(void *arg, const struct db_rollout_host *h)
{
	struct ended *e = arg;

	if (!h->job[0])
		return;
	e->i = str_realloc(e->i, (e->n + 1) * sizeof(e->i[0]));
	e->job = str_realloc(e->job, (e->n + 1) * sizeof(e->job[0]));
	e->i[e->n] = (size_t)h->n;
	str_clip(e->job[e->n++], ID_SIZE, h->job);
}

/* Ends that came while nobody looked. */
static void
look_for_ends(struct rollouts *r, struct rollout *ro, int64_t wall)
{
	struct ended e = {.n = 0};
	int rc = db_rollout_hosts(
	    r->ops.store, ro->row.id, "job", -1, ROLLOUT_POLICY_HOSTS_MAX, add_job, &e);

	if (rc == 0)
		rc = db_rollout_hosts(r->ops.store, ro->row.id, "lost", -1,
		    ROLLOUT_POLICY_HOSTS_MAX, add_job, &e);
	ro->look_again = rc < 0;
	for (size_t k = 0; k < e.n && !ro->unread; k++)
		job_ended(r, ro, e.i[k], e.job[k], wall);
	write_ends(r, ro, wall);
	free(e.i);
	free(e.job);
}

/* One look of one rollout; returns when it wants the next. */
static int64_t
look(struct rollouts *r, struct rollout *ro, int64_t wall)
{
	struct look l = {.r = r, .ro = ro, .wall = wall};
	struct rollout_step_scan scan = {
	    .wall = wall, .may = may, .heard = heard, .arg = &l};
	struct rollout_step_action a;
	int worth = 0, rc = 0;

	assert(!db_in_transaction(store_db(r->ops.store)));
	scan.unsettled = wall >= r->born && wall < r->born + SETTLED_US;
	scan.room = r->ops.in_flight - (int64_t)(rollouts_in_flight(r));
	memset(ro->held, 0, ro->step.n_sites);
	rollout_step_begin(&ro->step, &scan);
	while (worth < LOOK_WORTH && rollout_step_next(&ro->step, &scan, &a)) {
		size_t before = ro->step.in_flight;
		rc = begin_once(r);
		if (rc == 0)
			rc = rollouts_act(r, ro, &a, wall);
		if (rc < 0)
			break;
		scan.room -= (int64_t)ro->step.in_flight - (int64_t)before;
		worth += a.what == ROLLOUT_STEP_JOB ? JOB_WORTH : 1;
	}
	rc = end_look(r, ro, rc);
	if (rc < 0) {
		ro->unread = ro->look_again = true;
		ro->not_before = wall + RETRY_US;
		return ro->not_before;
	}
	if (scan.unsettled && ro->step.count[DB_ROLLOUT_HOST_WAITING] > 0 &&
	    scan.when > r->born + SETTLED_US)
		scan.when = r->born + SETTLED_US;
	return worth >= LOOK_WORTH ? wall : scan.when;
}

/* Is it to be read again first? false: not yet, and *ret_when says when. */
static bool
is_ready(struct rollouts *r, const char *id, int64_t wall, int64_t *ret_when)
{
	struct rollout *ro = rollouts_find(r, id);

	if (!ro->unread)
		return true;
	if (ro->not_before > wall && ro->not_before <= wall + RETRY_US) {
		*ret_when = ro->not_before;
		return false;
	}
	reload(r, id, wall);
	ro = rollouts_find(r, id);
	if (ro)
		ro->look_again = true;
	*ret_when = ro ? ro->not_before : INT64_MAX;
	return ro && !ro->unread;
}

static int64_t
turn(struct rollouts *r, const char *id, int64_t wall)
{
	int64_t when = INT64_MAX;
	struct rollout *ro;

	if (!is_ready(r, id, wall, &when))
		return when;
	ro = rollouts_find(r, id);
	if (ro->look_again)
		look_for_ends(r, ro, wall);
	if (ro->unread)
		return ro->not_before;
	when = look(r, ro, wall);
	if (ro->look_again && when > wall + RETRY_US)
		when = wall + RETRY_US;
	if (ro->step.ended && !ro->unread)
		take_out(r, id);
	return when;
}

int64_t
rollouts_tick(struct rollouts *r, int64_t wall)
{
	int64_t when = INT64_MAX;
	size_t n = r->n, first = n > 0 ? r->first++ % n : 0;
	char(*ids)[ID_SIZE] = str_alloc((n + 1) * sizeof(*ids));

	/* Each has its turn to take the places that are free. */
	for (size_t k = 0; k < n; k++)
		str_clip(ids[k], ID_SIZE, r->v[(first + k) % n]->row.id);
	for (size_t k = 0; k < n; k++) {
		int64_t next =
		    rollouts_find(r, ids[k]) ? turn(r, ids[k], wall) : INT64_MAX;
		if (next < when)
			when = next;
	}
	free(ids);
	return when;
}

int
rollouts_new(const struct rollouts_ops *ops, int64_t wall, struct rollouts **ret,
    struct error *err)
{
	struct rollouts *r = str_alloc(sizeof(*r));
	struct store_names ids = {0};

	r->ops = *ops;
	r->born = wall;
	int rc = db_rollout_open(ops->store, &ids);
	for (size_t k = 0; rc == 0 && k < ids.n; k++) {
		reload(r, ids.v[k], wall);
		struct rollout *ro = rollouts_find(r, ids.v[k]);
		if (ro)
			ro->look_again = true;
	}
	store_names_done(&ids);
	if (rc < 0) {
		rollouts_free(r);
		return db_error(store_db(ops->store), rc, err, "read the rollouts");
	}
	*ret = r;
	return 0;
}

void
rollouts_free(struct rollouts *r)
{
	if (!r)
		return;
	for (size_t k = 0; k < r->n; k++)
		rollouts_load_free(r->v[k]);
	free(r->v);
	free(r->asks);
	free(r->ask_i);
	store_names_done(&r->wake);
	store_names_done(&r->changed);
	free(r);
}
