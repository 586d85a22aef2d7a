// SPDX-License-Identifier: GPL-3.0-or-later
/* What people do to schedules: pause, resume, skip the next run, run now.
 *
 * Entry points: the handlers. Each answers its request and owns nothing after that. The first three are no mistake when they are repeated.
 * Failure modes: codes of docs/api.md; run-now refuses what a run at its time would leave out: schedule-busy, schedule-held,
 * too-many-hosts, hosts that there are not. A schedule that is paused does run when somebody says so. */
#include <errno.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/orders.h"
#include "orchestrator/rollout_json.h"
#include "orchestrator/schedule_ahead.h"
#include "orchestrator/scheduler.h"

/* The schedule of the path, and the body's reason. False when answered. */
static bool
begin(struct orch *o, struct rest_request *rq, struct audit_who *who,
    struct api_schedule *ret, const char **ret_reason)
{
	struct error err = {.code = ""};
	const json_t *body;

	*ret_reason = "";
	if (!api_allow(o, rq, who))
		return false;
	body = rest_body(rq, &err);
	if (!body || json_opt_str(body, "reason", ret_reason, &err) < 0 ||
	    orders_reason_check(*ret_reason, false, &err) < 0) {
		api_refuse(rq, &err, NULL);
		return false;
	}
	return api_schedule_find(o, rq, rest_param(rq, "name"), ret);
}

static int
audit(struct orch *o, const struct audit_who *who, const char *what, const char *name,
    const char *reason, const json_t *detail, int64_t now)
{
	return audit_write(o->store, who,
	    &(struct audit_row){.what = what,
		.object = name,
		.reason = reason,
		.result = "ok",
		.detail = detail},
	    now);
}

/* `ahead`: rollouts that were aborted with it; emptied. */
static void
end(struct orch *o, struct rest_request *rq, int rc, const char *name,
    struct store_names *ahead)
{
	bool done = api_commit(o, rq, rc, "change the schedule");

	schedule_ahead_done(unattended_rollouts(o->unattended), ahead, clock_wall());
	if (!done)
		return;
	unattended_wake(o->unattended);
	feed_wake(o->feed);
	tail_wake(o->tail);
	api_schedule_reply(o, rq, 200, name);
}

void
api_schedule_pause(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct api_schedule s;
	struct store_names ahead = {0};
	const char *reason;
	int64_t now = clock_wall();

	if (!begin(o, rq, &who, &s, &reason))
		return;
	int rc = db_begin(store_db(o->store));
	if (rc == 0)
		rc = schedule_ahead_abort(unattended_rollouts(o->unattended), o->store,
		    s.row.name, &who, reason, now, &ahead);
	/* The first one stands. */
	if (rc == 0 && !s.row.paused_at) {
		s.row.paused_at = now;
		str_clip(s.row.paused_by, sizeof(s.row.paused_by), who.name);
		str_clip(s.row.paused_reason, sizeof(s.row.paused_reason), reason);
		rc = db_schedule_pause(o->store, &s.row);
	}
	if (rc == 0)
		rc = audit(o, &who, "schedule.pause", s.row.name, reason, NULL, now);
	end(o, rq, rc, s.row.name, &ahead);
	api_schedule_done(&s);
}

void
api_schedule_resume(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct api_schedule s;
	struct error err;
	const char *reason;

	if (!begin(o, rq, &who, &s, &reason))
		return;
	/* What runs by itself from now on is no more than they could have made. */
	if (api_schedule_token(o, &who, s.doc, &err) < 0) {
		api_refuse(rq, &err, NULL);
		api_schedule_done(&s);
		return;
	}
	int rc = db_begin(store_db(o->store));
	if (rc == 0 && s.row.paused_at) {
		s.row.paused_at = 0;
		s.row.paused_by[0] = s.row.paused_reason[0] = '\0';
		rc = db_schedule_pause(o->store, &s.row);
	}
	/* A run that was to be skipped is no longer. */
	if (rc == 0 && s.row.skip != 0) {
		s.row.skip = 0;
		rc = db_schedule_plan(o->store, &s.row);
	}
	if (rc == 0)
		rc = audit(
		    o, &who, "schedule.resume", s.row.name, reason, NULL, clock_wall());
	end(o, rq, rc, s.row.name, &(struct store_names){.n = 0});
	api_schedule_done(&s);
}

/* The next run, or the one that was planned ahead in its place. */
static int
skip(struct orch *o, struct api_schedule *s, const struct audit_who *who,
    const char *reason, int64_t now, struct store_names *ahead)
{
	char text[CLOCK_TEXT_SIZE];
	json_t *detail = json_object();
	int rc = schedule_ahead_abort(unattended_rollouts(o->unattended), o->store,
	    s->row.name, who, reason, now, ahead);

	if (rc == 0 && ahead->n == 0) {
		s->row.skip = s->row.next;
		json_put_str(
		    detail, "nominal", schedule_doc_nominal(s->doc, s->row.next, text));
		rc = db_schedule_plan(o->store, &s->row);
	} else if (rc == 0) {
		json_put_str(detail, "rollout", ahead->v[0]);
	}
	if (rc == 0)
		rc =
		    audit(o, who, "schedule.skip-next", s->row.name, reason, detail, now);
	json_decref(detail);
	return rc;
}

void
api_schedule_skip_next(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct api_schedule s;
	struct error err;
	struct store_names ahead = {0};
	const char *reason;

	if (!begin(o, rq, &who, &s, &reason))
		return;
	int rc = db_begin(store_db(o->store));
	if (rc == 0)
		rc = skip(o, &s, &who, reason, clock_wall(), &ahead);
	if (rc == 0 && ahead.n == 0 && s.row.next == 0) {
		db_rollback(store_db(o->store));
		error_set(&err, 0, "schedule-ended", "netboot-ctl schedule set",
		    "schedule %s has no run any more", s.row.name);
		api_refuse(rq, &err, NULL);
	} else {
		end(o, rq, rc, s.row.name, &ahead);
	}
	store_names_done(&ahead);
	api_schedule_done(&s);
}

static void
refuse_run(struct orch *o, struct rest_request *rq, const struct audit_who *who,
    const struct api_schedule *s, const char *reason, const struct error *err)
{
	int rc = audit_write(o->store, who,
	    &(struct audit_row){.what = "schedule.run-now",
		.object = s->row.name,
		.reason = reason,
		.result = err->code},
	    clock_wall());

	if (rc < 0)
		log_error(&o->log, "cannot write the audit row of a refused run: %s",
		    strerror(-rc));
	rest_set_recorded(rq);
	api_refuse(rq, err, NULL);
}

static int
rollout_answer(struct orch *o, const char *id, json_t **ret)
{
	struct db_rollout r;
	int rc = db_rollout_get(o->store, id, &r);

	if (rc < 0)
		return rc;
	rc = rollout_json(o->store, &r, ret);
	db_rollout_done(&r);
	return rc;
}

void
api_schedule_run_now(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct api_schedule s;
	struct error err = {.code = ""};
	const char *reason;
	char id[ID_SIZE] = "";
	json_t *answer = NULL, *detail = NULL;
	int64_t now = clock_wall();

	if (!begin(o, rq, &who, &s, &reason))
		return;
	if (api_repeated(o, rq, &who))
		goto out;
	int rc = api_schedule_allowed(o, &who, s.doc, &err);
	if (rc == 0)
		rc = db_begin(store_db(o->store));
	if (rc == 0)
		rc = scheduler_run_now(unattended_scheduler(o->unattended), &s.row, s.doc,
		    &who, reason, now, id, &err);
	if (rc == -EPERM || rc == -EINVAL) {
		db_rollback(store_db(o->store));
		refuse_run(o, rq, &who, &s, reason, &err);
		goto out;
	}
	detail = json_pack("{s:s}", "rollout", id);
	if (rc == 0)
		rc = audit(o, &who, "schedule.run-now", s.row.name, reason, detail, now);
	if (rc == 0)
		rc = rollout_answer(o, id, &answer);
	if (rc == 0)
		rc = api_remember(o, rq, &who, 202, answer);
	if (api_commit(o, rq, rc, "run the schedule")) {
		rollouts_begun(unattended_rollouts(o->unattended), id, now);
		unattended_wake(o->unattended);
		feed_wake(o->feed);
		tail_wake(o->tail);
		rest_reply(rq, 202, json_incref(answer), NULL);
	}
out:
	json_decref(answer);
	json_decref(detail);
	api_schedule_done(&s);
}
