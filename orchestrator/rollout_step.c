// SPDX-License-Identifier: GPL-3.0-or-later
/* The rules by which a rollout goes on.
 *
 *   waiting ──► gate-before ──► job ──► gate-after ──► soak ──► ok
 *      ▲  │          │           │           │          │
 *      │  └──────────┴─deferred  └───────────┴──────────┴─► failed, lost
 *      └─ resume, retry-failed
 *
 * Entry points: rollout_step_next(), which gives one action after another until there is nothing to be done now, and says when to look
 * again; rollout_step_job_end() and rollout_step_gate_end() for what has happened. A look walks the batch that has its turn and what is
 * in flight, all hosts only when a window ends or the rollout was halted.
 *
 * No host begins before `canary` hosts came out well, except as many as are needed for that, one failure of which halts. So a canary
 * that was skipped or deferred is replaced by the next host, and not by nothing.
 *
 * Pure. Ownership: the arrays of struct rollout_step. Failure modes: none; a clock that was set back makes no host wait for longer
 * than it would have. */
#include "orchestrator/rollout_step.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/str.h"

enum { PHASE_RULES, PHASE_HOSTS, PHASE_RULES_AGAIN, PHASE_OVER };

bool
rollout_step_flying(enum db_rollout_host_state state)
{
	return state >= DB_ROLLOUT_HOST_GATE_BEFORE && state <= DB_ROLLOUT_HOST_SOAK;
}

bool
rollout_step_final(enum db_rollout_host_state state)
{
	return state >= DB_ROLLOUT_HOST_OK;
}

/* May it begin nothing more, for good? */
static bool
stopped(const struct rollout_step *r)
{
	return r->state >= DB_ROLLOUT_HALTED;
}

static bool
has_begun(enum db_rollout_host_state state)
{
	return state != DB_ROLLOUT_HOST_WAITING && state != DB_ROLLOUT_HOST_GATE_BEFORE &&
	       state != DB_ROLLOUT_HOST_SKIPPED && state != DB_ROLLOUT_HOST_DEFERRED;
}

/* One more or one less in flight. */
static void
fly(struct rollout_step *r, size_t i, int by)
{
	r->in_flight += (size_t)by;
	r->in_site[r->v[i].site] += (uint32_t)by;
	for (size_t k = 0; k < r->policy.n_labels; k++) {
		uint32_t group = r->label[k].group[i];
		if (group != (uint32_t)ROLLOUT_STEP_NO_GROUP)
			r->label[k].in_flight[group] += (uint32_t)by;
	}
	if (r->in_flight == 0)
		r->high = 0;
	else if (by > 0 && r->high <= i)
		r->high = i + 1;
}

static void
note_close(struct rollout_step *r, const struct rollout_step_host *h)
{
	if (h->state <= DB_ROLLOUT_HOST_GATE_BEFORE && h->closes != 0 &&
	    h->closes < r->next_close)
		r->next_close = h->closes;
}

static void
skip_final(struct rollout_step *r)
{
	while (r->low < r->n && rollout_step_final(r->v[r->low].state))
		r->low++;
}

void
rollout_step_init(struct rollout_step *r)
{
	memset(r->count, 0, sizeof(r->count));
	r->in_flight = r->low = r->high = 0;
	r->next_close = INT64_MAX;
	r->told = 0;
	for (size_t i = 0; i < r->n; i++) {
		const struct rollout_step_host *h = &r->v[i];
		r->count[h->state]++;
		note_close(r, h);
		if (rollout_step_flying(h->state))
			fly(r, i, 1);
		if (has_begun(h->state) && h->batch > r->told)
			r->told = h->batch;
	}
	skip_final(r);
}

void
rollout_step_done(struct rollout_step *r)
{
	free(r->v);
	free(r->in_site);
	for (size_t k = 0; k < ROLLOUT_POLICY_LABELS_MAX; k++) {
		free(r->label[k].group);
		free(r->label[k].in_flight);
	}
	memset(r, 0, sizeof(*r));
}

void
rollout_step_set(
    struct rollout_step *r, size_t i, enum db_rollout_host_state state, int64_t wall)
{
	struct rollout_step_host *h = &r->v[i];
	bool was = rollout_step_flying(h->state), is = rollout_step_flying(state);

	r->count[h->state]--;
	r->count[state]++;
	if (was != is)
		fly(r, i, is ? 1 : -1);
	h->state = (uint8_t)state;
	h->since = wall;
	h->again = 0;
	h->asked = h->passed = false;
	note_close(r, h);
	if (i < r->low)
		r->low = i;
	skip_final(r);
}

void
rollout_step_later(struct rollout_step *r, size_t i, int64_t wall)
{
	r->v[i].again = wall + ROLLOUT_STEP_AGAIN_US;
}

static void
look_at(struct rollout_step_scan *s, int64_t when)
{
	if (when < s->when)
		s->when = when;
}

/* Not yet? Then it is looked at again. A clock that was set back does not count. */
static bool
is_later(struct rollout_step_scan *s, struct rollout_step_host *h)
{
	if (h->again > s->wall + ROLLOUT_STEP_AGAIN_US)
		h->again = s->wall;
	if (h->again <= s->wall)
		return false;
	look_at(s, h->again);
	return true;
}

static bool
take_state(struct rollout_step_action *ret, enum db_rollout_state state)
{
	*ret = (struct rollout_step_action){.what = ROLLOUT_STEP_STATE, .state = state};
	return true;
}

static bool
take_host(const struct rollout_step *r, size_t i, enum db_rollout_host_state host,
    struct rollout_step_action *ret)
{
	*ret = (struct rollout_step_action){.what = ROLLOUT_STEP_HOST,
	    .i = i,
	    .host = host,
	    .step = r->v[i].step,
	    .bad = r->v[i].bad};
	return true;
}

static bool
take(enum rollout_step_what what, size_t i, struct rollout_step_action *ret)
{
	*ret = (struct rollout_step_action){.what = what, .i = i};
	return true;
}

/* The failures that count. */
static int64_t
failures(const struct rollout_step *r)
{
	return (int64_t)r->count[DB_ROLLOUT_HOST_FAILED] - r->forgiven;
}

/* How many hosts still have to come out well before more than these may be in flight. */
static int64_t
to_prove(const struct rollout_step *r)
{
	return r->policy.canary - (int64_t)r->count[DB_ROLLOUT_HOST_OK];
}

static bool
is_spent(const struct rollout_step *r, struct rollout_step_action *ret)
{
	int64_t n = failures(r);

	if (r->at_once || n < 1)
		return false;
	if (to_prove(r) > 0) {
		take_state(ret, DB_ROLLOUT_HALTED);
		error_set(&ret->why, 0, "canary-failed",
		    "netboot-ctl rollout show names the host; after its repair: rollout "
		    "resume, or rollout retry-failed",
		    "a canary failed, before %lld of them came out well",
		    (long long)r->policy.canary);
		return true;
	}
	if (n < r->policy.max_fail)
		return false;
	take_state(ret, DB_ROLLOUT_HALTED);
	error_set(&ret->why, 0, "budget-spent",
	    "netboot-ctl rollout show names the hosts; after their repair: rollout "
	    "resume, "
	    "or rollout retry-failed",
	    "%lld of at most %lld hosts failed", (long long)n,
	    (long long)r->policy.max_fail);
	return true;
}

/* Nothing waits, and nothing is in flight. */
static bool
finish(const struct rollout_step *r, struct rollout_step_action *ret)
{
	size_t left = r->count[DB_ROLLOUT_HOST_DEFERRED];

	if (left == 0)
		return take_state(ret, DB_ROLLOUT_DONE);
	take_state(ret, DB_ROLLOUT_HALTED);
	if (r->state == DB_ROLLOUT_WAITING_APPROVAL)
		error_set(&ret->why, 0, "not-approved",
		    "netboot-ctl rollout resume with a window, and have it approved in "
		    "time",
		    "nobody approved of it before its windows were over");
	else if (r->at_once)
		error_set(&ret->why, 0, "not-begun",
		    "netboot-ctl rollout show says why; order them again, or rollout "
		    "resume",
		    "the jobs of %zu hosts were not begun", left);
	else
		error_set(&ret->why, 0, "window-over",
		    "the next run takes them, or netboot-ctl rollout resume with a "
		    "window",
		    "the windows are over, and %zu hosts are left", left);
	return true;
}

/* What the rollout as a whole does. */
static bool
rules(
    struct rollout_step *r, struct rollout_step_scan *s, struct rollout_step_action *ret)
{
	size_t left = r->count[DB_ROLLOUT_HOST_WAITING] + r->in_flight;

	switch (r->state) {
	case DB_ROLLOUT_PLANNED:
		if (s->wall >= r->opens)
			return take_state(ret, DB_ROLLOUT_RUNNING);
		look_at(s, r->opens);
		break;
	case DB_ROLLOUT_RUNNING:
		if (is_spent(r, ret))
			return true;
		break;
	case DB_ROLLOUT_WAITING_APPROVAL:
	case DB_ROLLOUT_PAUSED: break;
	case DB_ROLLOUT_HALTED:
	case DB_ROLLOUT_DONE:
	case DB_ROLLOUT_ABORTED:
	case DB_ROLLOUT_STATES:
		return left == 0 && !r->ended && take(ROLLOUT_STEP_ENDED, 0, ret);
	}
	return left == 0 && finish(r, ret);
}

/* Is there room for host i? What makes room is an event, which is looked at anyway. */
static bool
fits(const struct rollout_step *r, const struct rollout_step_scan *s, size_t i)
{
	const struct rollout_policy *p = &r->policy;
	int64_t most = p->max_in_flight, prove = to_prove(r);

	if (prove > 0 && prove < most)
		most = prove;
	if (s->room <= 0 || (int64_t)r->in_flight >= most ||
	    (int64_t)r->in_site[r->v[i].site] >= p->per_site)
		return false;
	for (size_t k = 0; k < p->n_labels; k++) {
		uint32_t group = r->label[k].group[i];
		if (group != (uint32_t)ROLLOUT_STEP_NO_GROUP &&
		    (int64_t)r->label[k].in_flight[group] >= p->per_label[k].n)
			return false;
	}
	return true;
}

/* It would have its turn, and something that may last holds it up: its site is frozen or not heard, it is locked or busy. */
static bool
is_held(const struct rollout_step *r, const struct rollout_step_scan *s, size_t i)
{
	const struct rollout_step_host *h = &r->v[i];

	return h->state == DB_ROLLOUT_HOST_WAITING && h->opens <= s->wall &&
	       (h->again > s->wall || (!s->unsettled && !s->may(s->arg, h->site)));
}

/* The batch that has its turn: that of the first host which is neither final nor held up. A site that is lost stops its own part, and
 * not those of the others; when it is back, its hosts come before any of a later batch. */
static uint32_t
batch_now(const struct rollout_step *r, struct rollout_step_scan *s)
{
	while (s->front < r->n &&
	       (rollout_step_final(r->v[s->front].state) || is_held(r, s, s->front)))
		s->front++;
	return s->front < r->n ? r->v[s->front].batch : UINT32_MAX;
}

static bool
is_over(const struct rollout_step_host *h, int64_t wall)
{
	return h->closes != 0 && wall >= h->closes;
}

static bool
look_waiting(
    struct rollout_step *r, struct rollout_step_scan *s, struct rollout_step_action *ret)
{
	struct rollout_step_host *h = &r->v[s->i];

	if (stopped(r) || is_over(h, s->wall))
		return take_host(r, s->i, DB_ROLLOUT_HOST_DEFERRED, ret);
	if (r->state != DB_ROLLOUT_RUNNING || h->batch > batch_now(r, s))
		return false;
	if (h->opens > s->wall) {
		look_at(s, h->opens);
		return false;
	}
	if (is_later(s, h))
		return false;
	if (!fits(r, s, s->i)) {
		if (s->room <= 0) /* another rollout's end is told to that one */
			look_at(s, s->wall + ROLLOUT_STEP_LOOK_US);
		return false;
	}
	if (!s->may(s->arg, h->site)) {
		look_at(s, s->wall + ROLLOUT_STEP_LOOK_US);
		return false;
	}
	if (is_spent(r, ret))
		return true;
	if (h->batch > r->told) {
		r->told = h->batch;
		return take(ROLLOUT_STEP_BATCH, s->i, ret);
	}
	if (r->policy.gates.n > 0)
		return take_host(r, s->i, DB_ROLLOUT_HOST_GATE_BEFORE, ret);
	return take(ROLLOUT_STEP_JOB, s->i, ret);
}

/* It has not begun: what holds the rollout holds it, and so does a clock that was ahead and is right again. */
static bool
look_gate_before(
    struct rollout_step *r, struct rollout_step_scan *s, struct rollout_step_action *ret)
{
	struct rollout_step_host *h = &r->v[s->i];

	if (stopped(r) || is_over(h, s->wall))
		return take_host(r, s->i, DB_ROLLOUT_HOST_DEFERRED, ret);
	if (r->state != DB_ROLLOUT_RUNNING || h->opens > s->wall)
		return take_host(r, s->i, DB_ROLLOUT_HOST_WAITING, ret);
	if (is_spent(r, ret))
		return true;
	if (h->asked || is_later(s, h))
		return false;
	return take(h->passed ? ROLLOUT_STEP_JOB : ROLLOUT_STEP_ASK, s->i, ret);
}

/* The site of a host in flight is not heard: is it given up? */
static bool
look_lost(
    struct rollout_step *r, struct rollout_step_scan *s, struct rollout_step_action *ret)
{
	const struct rollout_step_host *h = &r->v[s->i];
	int64_t until = h->closes != 0 ? h->closes + ROLLOUT_STEP_LOST_US
				       : h->since + ROLLOUT_STEP_LOST_OPEN_US;

	if (s->wall < until) {
		look_at(s, until);
		return false;
	}
	if (s->heard(s->arg, h->site)) {
		look_at(s, s->wall + ROLLOUT_STEP_AGAIN_US);
		return false;
	}
	take_host(r, s->i, DB_ROLLOUT_HOST_LOST, ret);
	error_set(&ret->why, 0, "agent-absent",
	    "when its agent is heard again: look at the host, then netboot-ctl rollout "
	    "retry-failed",
	    "its site's agent is not heard any more: what became of it is not known");
	return true;
}

static bool
look_flying(
    struct rollout_step *r, struct rollout_step_scan *s, struct rollout_step_action *ret)
{
	struct rollout_step_host *h = &r->v[s->i];
	int64_t well;

	if (h->since > s->wall)
		h->since = s->wall;
	if (look_lost(r, s, ret))
		return true;
	if (h->state == DB_ROLLOUT_HOST_JOB)
		return !h->has_job && !is_later(s, h) &&
		       take(ROLLOUT_STEP_JOB, s->i, ret);
	if (h->state == DB_ROLLOUT_HOST_SOAK) {
		well = h->since + r->policy.soak_s * USEC_PER_SEC;
		if (s->wall < well) {
			look_at(s, well);
			return false;
		}
		if (r->policy.gates.n == 0)
			return take_host(r, s->i, DB_ROLLOUT_HOST_OK, ret);
	}
	return !h->asked && !is_later(s, h) && take(ROLLOUT_STEP_ASK, s->i, ret);
}

static bool
look_host(
    struct rollout_step *r, struct rollout_step_scan *s, struct rollout_step_action *ret)
{
	switch ((enum db_rollout_host_state)r->v[s->i].state) {
	case DB_ROLLOUT_HOST_WAITING: return look_waiting(r, s, ret);
	case DB_ROLLOUT_HOST_GATE_BEFORE: return look_gate_before(r, s, ret);
	case DB_ROLLOUT_HOST_JOB:
	case DB_ROLLOUT_HOST_GATE_AFTER:
	case DB_ROLLOUT_HOST_SOAK: return look_flying(r, s, ret);
	case DB_ROLLOUT_HOST_OK:
	case DB_ROLLOUT_HOST_FAILED:
	case DB_ROLLOUT_HOST_SKIPPED:
	case DB_ROLLOUT_HOST_DEFERRED:
	case DB_ROLLOUT_HOST_LOST:
	case DB_ROLLOUT_HOST_STATES: break;
	}
	return false;
}

static void
begin_hosts(struct rollout_step *r, struct rollout_step_scan *s)
{
	s->phase = PHASE_HOSTS;
	s->i = s->front = r->low;
	s->all = stopped(r) || s->wall >= r->next_close;
	s->close = INT64_MAX;
}

/* One host after another. After an action the same one is looked at again. */
static bool
hosts(
    struct rollout_step *r, struct rollout_step_scan *s, struct rollout_step_action *ret)
{
	if (r->state == DB_ROLLOUT_PLANNED && !s->all && r->in_flight == 0)
		return false;
	for (; s->i < r->n; s->i++) {
		const struct rollout_step_host *h = &r->v[s->i];
		if (!s->all && s->i >= r->high && h->batch > batch_now(r, s))
			break;
		if (look_host(r, s, ret))
			return true;
		if (h->state <= DB_ROLLOUT_HOST_GATE_BEFORE && h->closes != 0 &&
		    h->closes < s->close)
			s->close = h->closes;
	}
	if (s->all)
		r->next_close = s->close;
	return false;
}

void
rollout_step_begin(struct rollout_step *r, struct rollout_step_scan *s)
{
	(void)r;
	s->phase = PHASE_RULES;
	s->when = INT64_MAX;
	s->i = 0;
}

bool
rollout_step_next(
    struct rollout_step *r, struct rollout_step_scan *s, struct rollout_step_action *ret)
{
	if (s->phase == PHASE_RULES) {
		if (rules(r, s, ret))
			return true;
		begin_hosts(r, s);
	}
	if (s->phase == PHASE_HOSTS) {
		bool found = hosts(r, s, ret);
		/* All is looked at with other eyes then. */
		if (found && ret->what == ROLLOUT_STEP_STATE)
			s->phase = PHASE_RULES;
		if (found)
			return true;
		s->phase = PHASE_RULES_AGAIN;
	}
	if (s->phase == PHASE_RULES_AGAIN) {
		bool found = rules(r, s, ret);
		s->phase = found ? PHASE_RULES : PHASE_OVER;
		if (found)
			return true;
	}
	look_at(s, r->next_close);
	return false;
}

enum rollout_step_outcome
rollout_step_outcome(const char *code)
{
	static const struct {
		const char *code;
		enum rollout_step_outcome outcome;
	} table[] = {
	    {"window-missed", ROLLOUT_STEP_TOO_LATE},
	    {"host-busy", ROLLOUT_STEP_NOT_NOW},
	    {"agent-busy", ROLLOUT_STEP_NOT_NOW},
	    {"order-too-old", ROLLOUT_STEP_NOT_NOW},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (str_eq(table[i].code, code))
			return table[i].outcome;
	return ROLLOUT_STEP_FAILED;
}

/* The last job went well: is the host? */
static bool
after_jobs(const struct rollout_step *r, size_t i, struct rollout_step_action *ret)
{
	if (r->policy.gates.n > 0)
		return take_host(r, i, DB_ROLLOUT_HOST_GATE_AFTER, ret);
	if (r->policy.soak_s > 0)
		return take_host(r, i, DB_ROLLOUT_HOST_SOAK, ret);
	return take_host(r, i, DB_ROLLOUT_HOST_OK, ret);
}

/* A job that never began: the host goes back to where it was, and is tried again, unless people ordered that job. */
static bool
not_begun(const struct rollout_step *r, size_t i, enum rollout_step_outcome outcome,
    struct rollout_step_action *ret)
{
	if (r->v[i].step > 0)
		return take_host(r, i, DB_ROLLOUT_HOST_JOB, ret);
	/* What was ordered at once was ordered for now, and not for when something is held no longer. */
	if (outcome == ROLLOUT_STEP_TOO_LATE || stopped(r) || r->at_once)
		return take_host(r, i, DB_ROLLOUT_HOST_DEFERRED, ret);
	return take_host(r, i, DB_ROLLOUT_HOST_WAITING, ret);
}

bool
rollout_step_job_end(const struct rollout_step *r, size_t i,
    enum rollout_step_outcome outcome, const struct error *why,
    struct rollout_step_action *ret)
{
	const struct rollout_step_host *h = &r->v[i];
	bool failed = outcome == ROLLOUT_STEP_FAILED;

	/* Its site is heard again: better late than never. */
	if (h->state == DB_ROLLOUT_HOST_LOST) {
		bool done = outcome == ROLLOUT_STEP_DONE;
		if (!done && !failed && h->step > 0)
			return false;
		take_host(r, i,
		    failed ? DB_ROLLOUT_HOST_FAILED
		    : done ? DB_ROLLOUT_HOST_OK
			   : DB_ROLLOUT_HOST_DEFERRED,
		    ret);
		if (!done)
			ret->why = *why;
		return true;
	}
	if (h->state != DB_ROLLOUT_HOST_JOB || !h->has_job)
		return false;
	if (outcome == ROLLOUT_STEP_NOT_NOW || outcome == ROLLOUT_STEP_TOO_LATE) {
		not_begun(r, i, outcome, ret);
		ret->why = *why;
		return true;
	}
	if (h->step + 1 < r->steps && !h->last) {
		take_host(r, i, DB_ROLLOUT_HOST_JOB, ret);
		ret->step = (uint8_t)(h->step + 1);
		ret->bad = h->bad || failed;
	} else if (failed || h->bad) {
		take_host(r, i, DB_ROLLOUT_HOST_FAILED, ret);
	} else {
		after_jobs(r, i, ret);
	}
	/* What went wrong first is what is told. */
	if (failed && !h->bad)
		ret->why = *why;
	return true;
}

bool
rollout_step_gate_end(struct rollout_step *r, size_t i, bool passed,
    const struct error *why, struct rollout_step_action *ret)
{
	struct rollout_step_host *h = &r->v[i];

	if (!h->asked || !rollout_step_flying(h->state))
		return false;
	h->asked = false;
	if (!passed) {
		/* One that left before it was touched is no failure, as little as where its job is refused. */
		bool left = h->state == DB_ROLLOUT_HOST_GATE_BEFORE &&
			    rollout_step_refusal(why->code) == ROLLOUT_STEP_SKIP;
		take_host(
		    r, i, left ? DB_ROLLOUT_HOST_SKIPPED : DB_ROLLOUT_HOST_FAILED, ret);
		ret->why = *why;
		return true;
	}
	if (h->state == DB_ROLLOUT_HOST_GATE_BEFORE) {
		h->passed = true;
		return false;
	}
	if (h->state == DB_ROLLOUT_HOST_GATE_AFTER && r->policy.soak_s > 0)
		return take_host(r, i, DB_ROLLOUT_HOST_SOAK, ret);
	return take_host(r, i, DB_ROLLOUT_HOST_OK, ret);
}

enum rollout_step_refusal
rollout_step_refusal(const char *code)
{
	static const struct {
		const char *code;
		enum rollout_step_refusal refusal;
	} table[] = {
	    {"agent-absent", ROLLOUT_STEP_WAIT},
	    {"host-busy", ROLLOUT_STEP_WAIT},
	    {"host-locked", ROLLOUT_STEP_WAIT},
	    {"world-stopped", ROLLOUT_STEP_WAIT},
	    {"site-frozen", ROLLOUT_STEP_WAIT},
	    {"over-cap", ROLLOUT_STEP_WAIT}, /* as many jobs are open as may be */
	    {"rotation-open", ROLLOUT_STEP_WAIT},
	    {"image-not-here", ROLLOUT_STEP_WAIT},
	    {"window-over", ROLLOUT_STEP_WAIT},
	    {"host-ambiguous", ROLLOUT_STEP_SKIP},
	    /* Of this host alone: it left, or was never one that could be switched. */
	    {"host-unknown", ROLLOUT_STEP_SKIP},
	    {"no-bmc", ROLLOUT_STEP_SKIP},
	    {"no-boot-mac", ROLLOUT_STEP_SKIP},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (str_eq(table[i].code, code))
			return table[i].refusal;
	return ROLLOUT_STEP_FAIL;
}
