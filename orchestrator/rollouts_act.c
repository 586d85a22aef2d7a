// SPDX-License-Identifier: GPL-3.0-or-later
/* What a rollout does, written down: the host's new state, its job and the events that tell of it in one transaction, so that a crash
 * at any instant leaves either all of it or nothing. Memory follows the rows within it; when it is not committed, memory is made of
 * the rows again.
 *
 * Entry point: rollouts_act(), with an action of rollout_step_next(). What leaves the program (a question to an agent, waking a site)
 * is noted in struct rollouts and done once it is committed.
 * Failure modes: an errno of the database undoes the whole transaction. A refused order is no failure: by its code the host waits on, is
 * skipped or has failed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_boot.h"
#include "db/db_event.h"
#include "db/db_job.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/job_cancel.h"
#include "orchestrator/rollouts_priv.h"

static void
put_why(struct event *ev, const struct error *why)
{
	if (!why || !why->code[0])
		return;
	event_put(ev, "code", why->code);
	event_put(ev, "text", why->text);
	if (why->next[0])
		event_put(ev, "next", why->next);
	str_clip(ev->reason, sizeof(ev->reason), why->text);
}

static struct event
begin_event(const struct db_rollout *row, const char *kind, int64_t wall)
{
	struct event ev = event_make(kind, wall);

	event_put(&ev, "rollout", row->id);
	if (row->schedule[0])
		event_put(&ev, "schedule", row->schedule);
	event_put(&ev, "kind", row->kind);
	return ev;
}

static int
end_event(struct rollouts *r, struct event *ev)
{
	int rc = db_event_add(r->ops.store, ev, NULL, 0, NULL);

	event_done(ev);
	r->told = true;
	return rc;
}

int
rollouts_act_tell(struct rollouts *r, const struct db_rollout *row, const char *kind,
    const struct error *why, int64_t wall)
{
	struct event ev = begin_event(row, kind, wall);

	event_put(&ev, "by", row->changed_by);
	put_why(&ev, why);
	return end_event(r, &ev);
}

static int
tell_host(struct rollouts *r, const struct db_rollout *row,
    const struct db_rollout_host *h, int64_t wall)
{
	struct event ev = begin_event(row, "rollout.host", wall);

	str_clip(ev.host, sizeof(ev.host), h->host);
	str_clip(ev.site, sizeof(ev.site), h->site);
	str_clip(ev.job, sizeof(ev.job), h->job);
	event_put(&ev, "state", db_rollout_host_state_name(h->state));
	put_why(&ev, &h->why);
	return end_event(r, &ev);
}

/* Writes the host's row, and has memory follow it. */
static int
put_host(struct rollouts *r, struct rollout *ro, struct db_rollout_host *h, int64_t wall)
{
	size_t i = (size_t)h->n;

	h->since = wall;
	int rc = db_rollout_host_put(r->ops.store, ro->row.id, h);
	if (rc == 0 && rollout_step_final(h->state))
		rc = tell_host(r, &ro->row, h, wall);
	if (rc < 0)
		return rc;
	rollout_step_set(&ro->step, i, h->state, wall);
	ro->step.v[i].step = (uint8_t)h->step;
	ro->step.v[i].has_job = h->state == DB_ROLLOUT_HOST_JOB && h->job[0] != '\0';
	return 0;
}

/* Why a host is left out: the rollout has stopped; or what has held it up until its window was over. */
static void
why_deferred(struct rollouts *r, const struct rollout *ro,
    const struct db_rollout_host *h, int64_t wall, struct error *ret)
{
	static const char next[] =
	    "the next run takes it, or netboot-ctl rollout resume with a window";

	if (ro->row.state >= DB_ROLLOUT_HALTED)
		error_set(ret, 0, ro->row.why.code, NULL,
		    "the rollout was %s before its turn",
		    db_rollout_state_name(ro->row.state));
	else if (ro->row.state == DB_ROLLOUT_WAITING_APPROVAL)
		error_set(ret, 0, "not-approved", next,
		    "nobody approved of it before the window was over");
	else if (ro->row.state == DB_ROLLOUT_PAUSED)
		error_set(ret, 0, "window-over", next,
		    "the rollout was paused until the window was over");
	else if (h->why.code[0])
		*ret = h->why;
	else if (!rollouts_site_held(r, h->site, wall, ret))
		error_set(ret, 0, "window-over", next,
		    "the window was over before it had its turn");
}

/* A job that no agent was ever given ends here, and must not begin days later: returns 1, nothing was done to its host. One that an
 * agent may have is left to it, which begins nothing after its window and may be in the middle of it. */
static int
take_back(struct rollouts *r, const struct db_rollout_host *h, int64_t wall)
{
	struct db_job job;
	int rc = h->job[0] ? db_job_get(r->ops.store, h->job, &job) : -ENOENT;

	if (rc == -ENOENT)
		return 0;
	if (rc < 0 || job.ended || job.cancel_at || job.sent ||
	    job.state != DB_JOB_QUEUED)
		return rc;
	rc = job_cancel(r->ops.store, &job, "rollout",
	    "its site was not heard until long after its window", wall);
	if (rc == 0)
		store_names_add(&r->changed, job.id);
	return rc < 0 ? rc : 1;
}

static int
act_host(struct rollouts *r, struct rollout *ro, const struct rollout_step_action *a,
    int64_t wall)
{
	struct db_rollout_host h;
	int rc = db_rollout_host_get(r->ops.store, ro->row.id, (int64_t)a->i, &h);

	if (rc < 0)
		return rc;
	bool again = a->host == DB_ROLLOUT_HOST_JOB && a->step == h.step;
	bool worked = h.state == DB_ROLLOUT_HOST_JOB || h.state == DB_ROLLOUT_HOST_LOST;
	if (a->host == DB_ROLLOUT_HOST_DEFERRED && !a->why.code[0])
		why_deferred(r, ro, &h, wall, &h.why);
	else if (!a->bad || a->why.code[0])
		h.why = a->why;
	/* A job that came to an end is the host's last one, until the next is made. */
	if (a->host == DB_ROLLOUT_HOST_JOB || a->host == DB_ROLLOUT_HOST_WAITING)
		h.job[0] = '\0';
	h.state = a->host;
	/* What people ordered they take back themselves. */
	if (a->host == DB_ROLLOUT_HOST_LOST && !ro->step.at_once)
		rc = take_back(r, &h, wall);
	if (rc > 0 && h.step == 0)
		h.state = DB_ROLLOUT_HOST_DEFERRED;
	rc = rc > 0 ? 0 : rc;
	if (rc == 0 && worked && rollouts_drill_is(ro))
		rc = rollouts_drill_report(r, ro, h.state, &h, wall);
	h.step = a->step;
	if (rc == 0)
		rc = put_host(r, ro, &h, wall);
	if (rc < 0)
		return rc;
	ro->step.v[a->i].bad = a->bad;
	if (again || a->host == DB_ROLLOUT_HOST_WAITING)
		rollout_step_later(&ro->step, a->i, wall);
	return 0;
}

int
rollouts_act_younger(
    struct store *s, const char *host, int64_t us, int64_t wall, int64_t *ret_at)
{
	struct store_names ids = {0};
	struct db_boot boot;
	int64_t at = 0, done = 0;
	int rc = db_boot_ids(s, host, NULL, 1, &ids);

	if (rc == 0 && ids.n > 0) {
		rc = db_boot_get(s, ids.v[0], &boot);
		/* Of the record of its being off the end is when it came on. */
		if (rc == 0)
			at =
			    boot.flags & DB_BOOT_POWER_OFF_SEEN ? boot.ended : boot.began;
	}
	store_names_done(&ids);
	/* A reboot to the disk need not come by our servers. */
	if (rc == 0)
		rc = db_job_up_of_host(s, host, &done);
	if (rc == 0 && done > at)
		at = done;
	*ret_at = at;
	if (rc < 0 && rc != -ENOENT)
		return rc;
	/* What a clock that was far ahead has recorded says nothing, or a host would be young until that day. */
	return at > 0 && wall - at < us && at - wall < us;
}

/* 1: it is young, and was skipped. */
static int
skip_younger(struct rollouts *r, struct rollout *ro, size_t i, int64_t wall)
{
	struct rollout_step_action a = {
	    .what = ROLLOUT_STEP_HOST, .i = i, .host = DB_ROLLOUT_HOST_SKIPPED};
	char ago[32], asked[32];
	int64_t at;

	if (ro->younger_us == 0 || ro->step.v[i].step > 0)
		return 0;
	int rc =
	    rollouts_act_younger(r->ops.store, ro->host[i], ro->younger_us, wall, &at);
	if (rc <= 0)
		return rc;
	error_set(&a.why, 0, "younger", NULL, "it came up %s ago, which is less than %s",
	    str_duration(wall > at ? wall - at : 0, ago, sizeof(ago)),
	    str_duration(ro->younger_us, asked, sizeof(asked)));
	rc = act_host(r, ro, &a, wall);
	return rc < 0 ? rc : 1;
}

/* The order was refused. What may pass is noted once, not at each attempt. */
static int
refused(struct rollouts *r, struct rollout *ro, size_t i, const struct error *why,
    bool troubled, int64_t wall)
{
	enum rollout_step_refusal what =
	    troubled ? ROLLOUT_STEP_WAIT : rollout_step_refusal(why->code);
	struct rollout_step_action a = {.what = ROLLOUT_STEP_HOST,
	    .i = i,
	    .host = what == ROLLOUT_STEP_SKIP && ro->step.v[i].step == 0
			? DB_ROLLOUT_HOST_SKIPPED
			: DB_ROLLOUT_HOST_FAILED,
	    .step = ro->step.v[i].step};
	struct db_rollout_host h;

	a.why = *why;
	if (what != ROLLOUT_STEP_WAIT)
		return act_host(r, ro, &a, wall);
	int rc = db_rollout_host_get(r->ops.store, ro->row.id, (int64_t)i, &h);
	if (rc < 0)
		return rc;
	/* Its second job is not made yet: of a drill that is on its way back nothing else is said. */
	if (h.step > 0) {
		rollout_step_later(&ro->step, i, wall);
		return 0;
	}
	/* It leaves its place in flight to another one. */
	if (h.state != DB_ROLLOUT_HOST_WAITING || !str_eq(h.why.code, why->code)) {
		h.state = DB_ROLLOUT_HOST_WAITING;
		h.why = *why;
		rc = put_host(r, ro, &h, wall);
	}
	if (rc == 0)
		rollout_step_later(&ro->step, i, wall);
	return rc;
}

static int
ordered(struct rollouts *r, struct rollout *ro, size_t i, const struct orders *o,
    int64_t wall)
{
	struct db_rollout_host h;
	int rc = db_rollout_host_get(r->ops.store, ro->row.id, (int64_t)i, &h);

	if (rc < 0)
		return rc;
	str_clip(h.job, sizeof(h.job), orders_job_id(o, 0));
	h.state = DB_ROLLOUT_HOST_JOB;
	if (h.step == 0)
		h.why = (struct error){.code = ""};
	store_names_add(&r->wake, orders_job_site(o, 0));
	return put_host(r, ro, &h, wall);
}

/* Writes the job, or undoes what it has written of it. */
static int
write_order(struct rollouts *r, const struct orders *o)
{
	struct db *db = store_db(r->ops.store);
	int rc = db_part_begin(db);

	if (rc < 0)
		return rc;
	rc = orders_write(o);
	int end = rc == 0 ? db_part_end(db) : db_part_undo(db);
	return end < 0 ? end : rc;
}

/* 1: another rollout is not done with the host, so it waits. */
static int
wait_for_other(struct rollouts *r, struct rollout *ro, size_t i, int64_t wall)
{
	const struct rollout *other = rollouts_flying_elsewhere(r, ro, ro->host[i]);
	struct error why;

	if (!other)
		return 0;
	error_set(&why, 0, "host-busy",
	    "wait for its end, or end that one with netboot-ctl rollout abort",
	    "rollout %s is not done with it", other->row.id);
	int rc = refused(r, ro, i, &why, false, wall);
	return rc < 0 ? rc : 1;
}

/* The image that it boots has become one that installs since the rollout was made: nobody was shown that, nor approved of it. */
static int
check_image_kind(struct rollouts *r, const struct rollout *ro, struct error *err)
{
	if (ro->wipes || ro->order[0].kind != BUNDLE_BOOT ||
	    !rollouts_wipes(r->ops.store, json_object_get(ro->doc, "work")))
		return 0;
	return error_set(err, -EPERM, "image-kind",
	    "if it is wanted, abort this rollout and order it anew",
	    "the image that it boots has become one that installs since the rollout was "
	    "made");
}

static int
act_job(struct rollouts *r, struct rollout *ro, size_t i, int64_t wall)
{
	const struct orders_context ctx = r->ops.orders(r->ops.arg, wall);
	const struct rollout_step_host *h = &ro->step.v[i];
	struct orders_request rq;
	struct audit_who who = {.role = AUTH_OPERATOR};
	struct orders *o = NULL;
	struct error err = {.code = ""};
	json_t *errors = NULL;
	int which = 0, rc = skip_younger(r, ro, i, wall);

	if (rc == 0 && h->step == 0)
		rc = wait_for_other(r, ro, i, wall);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (h->step > 0)
		rc = rollouts_drill_order(r, ro, i, &which);
	if (rc < 0)
		return rc;
	rq = ro->order[which];
	str_clip(who.name, sizeof(who.name), ro->row.by);
	if (str_format(who.from, sizeof(who.from), "rollout %s", ro->row.id) < 0)
		abort();
	rq.hosts = ro->host[i];
	rq.rollout = ro->row.id;
	rq.yes = true;
	rq.limit = 1;
	/* What brings a machine back is wanted at any time. */
	rq.until = h->step == 0 ? h->closes : 0;
	rc = orders_new(&ctx, &rq, &who, &o, &errors, &err);
	json_decref(errors);
	if (rc == 0)
		rc = check_image_kind(r, ro, &err);
	if (rc == 0)
		rc = write_order(r, o);
	if (rc == -EEXIST)
		rc = error_set(&err, -EPERM, "host-busy", ORDERS_BUSY_NEXT,
		    "it was given another job at this moment");
	if (rc == 0) {
		rc = ordered(r, ro, i, o, wall);
	} else if (rc == -EPERM || rc == -EINVAL) {
		const struct error *trouble =
		    ctx.trouble ? ctx.trouble(ctx.arg, ro->site[h->site]) : NULL;
		rc = refused(
		    r, ro, i, &err, trouble && str_eq(trouble->code, err.code), wall);
	}
	orders_free(o);
	return rc;
}

static int
act_state(struct rollouts *r, struct rollout *ro, const struct rollout_step_action *a,
    int64_t wall)
{
	static const char *const kinds[] = {
	    [DB_ROLLOUT_RUNNING] = "rollout.begin",
	    [DB_ROLLOUT_HALTED] = "rollout.halted",
	    [DB_ROLLOUT_DONE] = "rollout.done",
	};
	struct db_rollout *row = &ro->row;

	row->state = a->state;
	row->why = a->why;
	row->changed = wall;
	row->changed_by[0] = '\0';
	if (a->state == DB_ROLLOUT_RUNNING && !row->started)
		row->started = wall;
	ro->step.state = a->state;
	int rc = db_rollout_update(r->ops.store, row);
	if (rc == 0)
		rc = rollouts_act_tell(r, row, kinds[a->state], &row->why, wall);
	log_info(r->ops.log, "rollout %s: %s%s%s", row->id,
	    db_rollout_state_name(row->state), row->why.code[0] ? ": " : "",
	    row->why.text);
	return rc;
}

static int
act_batch(struct rollouts *r, struct rollout *ro, size_t i, int64_t wall)
{
	struct event ev = begin_event(&ro->row, "rollout.batch", wall);

	event_put_i64(&ev, "batch", (int64_t)ro->step.v[i].batch);
	event_put_i64(&ev, "of", (int64_t)ro->step.v[ro->step.n - 1].batch);
	return end_event(r, &ev);
}

static int
act_ended(struct rollouts *r, struct rollout *ro, int64_t wall)
{
	ro->row.ended = wall;
	ro->step.ended = true;
	return db_rollout_update(r->ops.store, &ro->row);
}

int
rollouts_act(struct rollouts *r, struct rollout *ro, const struct rollout_step_action *a,
    int64_t wall)
{
	int rc = 0;

	switch (a->what) {
	case ROLLOUT_STEP_STATE: return act_state(r, ro, a, wall);
	case ROLLOUT_STEP_BATCH: return act_batch(r, ro, a->i, wall);
	case ROLLOUT_STEP_ASK:
		ro->step.v[a->i].asked = true;
		rollouts_gate_ask(r, ro, a->i);
		return 0;
	case ROLLOUT_STEP_JOB: return act_job(r, ro, a->i, wall);
	case ROLLOUT_STEP_HOST:
		/* Before it is asked anything. */
		if (a->host == DB_ROLLOUT_HOST_GATE_BEFORE)
			rc = skip_younger(r, ro, a->i, wall);
		if (rc == 0 && a->host == DB_ROLLOUT_HOST_GATE_BEFORE)
			rc = wait_for_other(r, ro, a->i, wall);
		return rc != 0 ? (rc < 0 ? rc : 0) : act_host(r, ro, a, wall);
	case ROLLOUT_STEP_ENDED: return act_ended(r, ro, wall);
	}
	return 0;
}
