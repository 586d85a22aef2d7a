// SPDX-License-Identifier: GPL-3.0-or-later
/* What people do to rollouts: hold them, let them go on, end them, approve of them.
 *
 * Entry point: rollouts_do(), which works on the rows alone, with event and audit row, in the caller's transaction; memory is made of
 * them afterwards (rollouts_begun()). What is in flight is never touched: it comes to its end, whatever is done to the rollout.
 *
 *   verb          from                                        to
 *   pause         planned, running                            paused
 *   resume        paused; halted (the deferred wait again)    running, or waiting-approval where nobody has approved
 *   retry-failed  paused, running; halted, done               the same; running (failed and lost wait again)
 *   abort         all but done and aborted                    aborted
 *   approve       waiting-approval                            planned
 *
 * A token that may order few hosts at once lets no more of them begin by a verb either, whoever ordered the rollout.
 * It owns nothing. Failure modes: -EPERM where the state does not allow it, where there is no time left, where they are more hosts than
 * the caller's token may order, or where the second person is the first. */
#include <errno.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/orders_cap.h"
#include "orchestrator/rollouts_priv.h"

struct doing {
	struct rollouts *r;
	struct db_rollout *row;
	const struct audit_who *who;
	const char *reason;
	int64_t window_s, wall;
	int64_t lets; /* hosts that may begin by it */
};

static const struct {
	const char *name, *event;
	unsigned from; /* a bit of each state */
} verbs[] = {
    [ROLLOUTS_PAUSE] = {"pause", "rollout.paused",
	1u << DB_ROLLOUT_PLANNED | 1u << DB_ROLLOUT_RUNNING},
    [ROLLOUTS_RESUME] = {"resume", "rollout.resumed",
	1u << DB_ROLLOUT_PAUSED | 1u << DB_ROLLOUT_HALTED},
    [ROLLOUTS_ABORT] = {"abort", "rollout.aborted",
	1u << DB_ROLLOUT_WAITING_APPROVAL | 1u << DB_ROLLOUT_PLANNED |
	    1u << DB_ROLLOUT_RUNNING | 1u << DB_ROLLOUT_PAUSED | 1u << DB_ROLLOUT_HALTED},
    [ROLLOUTS_RETRY_FAILED] = {"retry-failed", "rollout.resumed",
	1u << DB_ROLLOUT_RUNNING | 1u << DB_ROLLOUT_PAUSED | 1u << DB_ROLLOUT_HALTED |
	    1u << DB_ROLLOUT_DONE},
    [ROLLOUTS_APPROVE] = {"approve", "rollout.approved",
	1u << DB_ROLLOUT_WAITING_APPROVAL},
};

/* It may begin again, now or when its first window opens. */
static void
go_on(struct doing *d)
{
	bool approval = false;
	json_t *doc = json_parse(d->row->doc, strlen(d->row->doc), NULL);

	(void)!json_opt_bool(doc, "approval", &approval, NULL);
	json_decref(doc);
	if (approval && !d->row->approved_at)
		d->row->state = DB_ROLLOUT_WAITING_APPROVAL;
	else if (!d->row->started)
		d->row->state = DB_ROLLOUT_PLANNED;
	else
		d->row->state = DB_ROLLOUT_RUNNING;
	d->row->ended = 0;
	d->row->why = (struct error){.code = ""};
	if (d->window_s > 0 && d->row->closes != 0) {
		int64_t closes = d->wall + d->window_s * USEC_PER_SEC;
		if (closes > d->row->closes)
			d->row->closes = closes;
		/* What it has waited for may have been long ago. */
		if (d->row->opens > d->wall)
			d->row->opens = d->wall;
	}
}

/* Puts hosts in that state back to waiting. *n: how many, *over: of how many of them the time is over. */
static int
again(struct doing *d, enum db_rollout_host_state state, int64_t *n, int64_t *over)
{
	struct store *s = d->r->ops.store;
	int64_t counts[DB_ROLLOUT_HOST_STATES], late = 0;
	int rc = db_rollout_counts(s, d->row->id, counts);

	if (rc == 0)
		rc = db_rollout_over(s, d->row->id, state, d->wall, &late);
	if (rc == 0)
		rc = db_rollout_again(s, d->row->id, state, d->wall,
		    d->window_s > 0 ? d->wall + d->window_s * USEC_PER_SEC : 0);
	if (rc == 0) {
		*n += counts[state];
		*over += late;
	}
	return rc;
}

static int
no_time(const struct doing *d, int64_t n, int64_t over, struct error *err)
{
	if (n == 0 || over < n || d->window_s > 0)
		return 0;
	return error_set(err, -EPERM, "window-over", "say how long they may: --window 2h",
	    "the windows of all %lld hosts are over", (long long)n);
}

static int
do_resume(struct doing *d, struct error *err)
{
	int64_t n = 0, over = 0, counts[DB_ROLLOUT_HOST_STATES];
	int rc = again(d, DB_ROLLOUT_HOST_DEFERRED, &n, &over);

	if (rc == 0)
		rc = no_time(d, n, over, err);
	if (rc == 0)
		rc = db_rollout_counts(d->r->ops.store, d->row->id, counts);
	if (rc < 0)
		return rc;
	d->row->forgiven = counts[DB_ROLLOUT_HOST_FAILED];
	d->lets = counts[DB_ROLLOUT_HOST_WAITING];
	go_on(d);
	return 0;
}

static int
do_retry(struct doing *d, struct error *err)
{
	int64_t n = 0, over = 0;
	int rc = again(d, DB_ROLLOUT_HOST_FAILED, &n, &over);

	if (rc == 0)
		rc = again(d, DB_ROLLOUT_HOST_LOST, &n, &over);
	if (rc == 0 && n == 0)
		rc = error_set(err, -EPERM, "nothing-failed", NULL,
		    "no host of rollout %s failed or was lost", d->row->id);
	if (rc == 0 && d->row->state == DB_ROLLOUT_HALTED)
		rc = again(d, DB_ROLLOUT_HOST_DEFERRED, &n, &over);
	if (rc == 0)
		rc = no_time(d, n, over, err);
	if (rc < 0)
		return rc;
	d->row->forgiven = 0;
	d->lets = n;
	if (d->row->state != DB_ROLLOUT_PAUSED)
		go_on(d);
	return 0;
}

static int
do_approve(struct doing *d, struct error *err)
{
	int64_t counts[DB_ROLLOUT_HOST_STATES];
	char orderer[64] = "";
	int rc = d->row->schedule[0] ? db_rollout_orderer(d->r->ops.store,
					   d->row->schedule, orderer, sizeof(orderer))
				     : 0;

	if (rc < 0 && rc != -ENOENT)
		return rc;
	if (str_eq(d->who->name, d->row->by) || str_eq(d->who->name, orderer))
		return error_set(err, -EPERM, "same-person",
		    "have somebody else look at it: netboot-ctl rollout show, and then "
		    "rollout approve",
		    "%s ordered it: a second person has to approve of it", d->who->name);
	rc = db_rollout_counts(d->r->ops.store, d->row->id, counts);
	if (rc < 0)
		return rc;
	d->lets = counts[DB_ROLLOUT_HOST_WAITING];
	d->row->approved_at = d->wall;
	str_clip(d->row->approved_by, sizeof(d->row->approved_by), d->who->name);
	go_on(d);
	return 0;
}

static int
do_verb(struct doing *d, enum rollouts_verb verb, struct error *err)
{
	switch (verb) {
	case ROLLOUTS_PAUSE:
	case ROLLOUTS_ABORT:
		d->row->state =
		    verb == ROLLOUTS_PAUSE ? DB_ROLLOUT_PAUSED : DB_ROLLOUT_ABORTED;
		error_set(&d->row->why, 0, verb == ROLLOUTS_PAUSE ? "paused" : "aborted",
		    NULL, "by %s: %s", d->who->name, d->reason);
		/* Hosts that were put back are left out by a look. */
		d->row->ended = 0;
		return 0;
	case ROLLOUTS_RESUME: return do_resume(d, err);
	case ROLLOUTS_RETRY_FAILED: return do_retry(d, err);
	case ROLLOUTS_APPROVE: return do_approve(d, err);
	}
	return -EINVAL;
}

const char *
rollouts_cap_kind(struct store *s, const json_t *work)
{
	const char *kind = json_string_value(json_object_get(work, "kind"));
	const char *action = json_string_value(json_object_get(work, "action"));
	const char *image = json_string_value(json_object_get(work, "image"));
	enum bundle_kind known;

	if (!kind || bundle_kind_parse(kind, &known) < 0)
		return kind;
	return orders_cap_kind(s, known, action ? action : "", image ? image : "");
}

static int
check_cap(const struct doing *d, struct error *err)
{
	json_t *doc = json_parse(d->row->doc, strlen(d->row->doc), NULL);
	const char *kind =
	    rollouts_cap_kind(d->r->ops.store, json_object_get(doc, "work"));
	/* Without a kind there is no cap: machines that are switched on. */
	int rc = kind ? orders_cap_token(d->who, (size_t)d->lets, err) : 0;

	json_decref(doc);
	return rc;
}

static int
audit(const struct doing *d, enum rollouts_verb verb, enum db_rollout_state was)
{
	json_t *before = json_pack("{s:s}", "state", db_rollout_state_name(was));
	json_t *after = json_pack("{s:s}", "state", db_rollout_state_name(d->row->state));
	json_t *detail = json_object();
	char what[32];
	int rc = str_format(what, sizeof(what), "rollout.%s", verbs[verb].name);

	if (d->window_s > 0)
		json_put_i64(detail, "window_s", d->window_s);
	json_put_str(detail, "schedule", d->row->schedule);
	if (rc == 0)
		rc = audit_write(d->r->ops.store, d->who,
		    &(struct audit_row){.what = what,
			.object = d->row->id,
			.reason = d->reason,
			.result = "ok",
			.before = before,
			.after = after,
			.detail = detail},
		    d->wall);
	json_decref(before);
	json_decref(after);
	json_decref(detail);
	return rc;
}

static int
do_it(struct doing *d, enum rollouts_verb verb, struct error *err)
{
	enum db_rollout_state was = d->row->state;
	struct error why;

	if (!(verbs[verb].from & 1u << was))
		return error_set(err, -EPERM, "rollout-state",
		    "netboot-ctl rollout show says where it stands",
		    "rollout %s is %s: there is nothing to %s", d->row->id,
		    db_rollout_state_name(was), verbs[verb].name);
	int rc = do_verb(d, verb, err);
	if (rc == 0)
		rc = check_cap(d, err);
	if (rc < 0)
		return rc;
	d->row->changed = d->wall;
	str_clip(d->row->changed_by, sizeof(d->row->changed_by), d->who->name);
	error_set(&why, 0, verbs[verb].name, NULL, "by %s: %s", d->who->name, d->reason);
	rc = db_rollout_update(d->r->ops.store, d->row);
	if (rc == 0)
		rc = rollouts_act_tell(d->r, d->row, verbs[verb].event, &why, d->wall);
	return rc == 0 ? audit(d, verb, was) : rc;
}

int
rollouts_do(struct rollouts *r, const char *id, enum rollouts_verb verb,
    const struct audit_who *who, const char *reason, int64_t window_s, int64_t wall,
    struct error *err)
{
	struct db_rollout row;
	struct doing d = {.r = r,
	    .row = &row,
	    .who = who,
	    .reason = reason,
	    .window_s = window_s,
	    .wall = wall};
	int rc = db_rollout_get(r->ops.store, id, &row);

	if (rc < 0)
		return rc;
	rc = do_it(&d, verb, err);
	db_rollout_done(&row);
	return rc;
}
