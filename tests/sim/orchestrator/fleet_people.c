// SPDX-License-Identifier: GPL-3.0-or-later
/* People and misfortune, by the seed. Most of it comes while windows are open: from noon of Saturday until the evening of Sunday, UTC.
 *
 * People look now and then at a schedule's newest rollout. One that halted they resume, some with a window of its own and some after
 * they had the failed hosts done once more; one that runs they pause now and then, and resume later; few are aborted. They stop the
 * world, freeze sites and lock hosts, and forget none of that for longer than a day.
 * What the judge is told of is what the database has taken. */
#include "tests/sim/orchestrator/fleet_people.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_host.h"
#include "lib/str.h"
#include "orchestrator/holds.h"
#include "tests/sim/orchestrator/fleet_clerk.h"
#include "tests/sim/orchestrator/fleet_orch.h"

enum act { LOOK, CONTINUE, STOP, STOP_END, FREEZE, FREEZE_END, LOCK, LOCK_END, APPROVE };

static struct fleet_people_did did;

const struct fleet_people_did *
fleet_people_did(void)
{
	return &did;
}

static void
later(struct fleet *f, int64_t delay, enum act act, int site, int host)
{
	fleet_world_later(f, delay, FLEET_OPERATOR, site, host)->a = act;
}

/* ---- rollouts ---- */

/* Hosts that are to have another turn. */
struct marks {
	struct fleet *f;
	int *hosts;
	size_t n;
};

static void
mark(void *arg, const struct db_rollout_host *h)
{
	struct marks *m = arg;

	m->hosts[m->n++] = fleet_world_host(m->f, h->host);
}

int
fleet_people_order(
    struct fleet *f, const char *id, const char *name, int verb, int64_t window_s)
{
	struct fleet_orch *o = f->orch;
	const struct audit_who who = fleet_orch_who(name);
	struct error err = {.code = ""};
	int64_t wall = fleet_orch_wall(f);
	int rc;

	assert_int_equal(db_begin(store_db(o->store)), 0);
	rc = rollouts_do(o->rollouts, id, (enum rollouts_verb)verb, &who,
	    "as it seems right", window_s, wall, &err);
	if (rc == 0)
		assert_int_equal(db_commit(store_db(o->store)), 0);
	else
		db_rollback(store_db(o->store));
	rollouts_begun(o->rollouts, id, wall);
	did.refused += rc < 0;
	return rc;
}

static int
order(struct fleet *f, const char *id, enum rollouts_verb verb, int64_t window_s)
{
	return fleet_people_order(f, id, "ada", verb, window_s);
}

/* Whoever made the schedule tries it himself now and then. */
static void
approve(struct fleet *f, int rule)
{
	struct fleet_orch *o = f->orch;
	struct db_rollout r = {.id = ""};
	char id[ID_SIZE];

	if (db_rollout_last(
		o->store, fleet_oracle_rule(f->oracle, (size_t)rule)->name, id) < 0)
		return;
	assert_int_equal(db_rollout_get(o->store, id, &r), 0);
	if (r.state != DB_ROLLOUT_WAITING_APPROVAL)
		goto out;
	if (fleet_chance(f, 400) &&
	    fleet_people_order(f, id, "ada", ROLLOUTS_APPROVE, 0) != -EPERM)
		fleet_world_wrong(
		    f, FLEET_NONE, "rollout %s takes the approval of who ordered it", id);
	if (fleet_people_order(f, id, "bob", ROLLOUTS_APPROVE, 0) == 0) {
		struct fleet_side *side = fleet_side_of_rollout(f, id);

		if (side)
			side->approved = true;
		else
			fleet_oracle_approved(f, rule, fleet_orch_week(r.nominal));
		did.approvals++;
	}
out:
	db_rollout_done(&r);
}

/* Within the windows there are, or with one more. */
static bool
order_again(
    struct fleet *f, int rule, const struct db_rollout *r, enum rollouts_verb verb)
{
	int64_t wall = fleet_orch_wall(f), window = fleet_between(f, HOUR, 6 * HOUR) / S;

	if (fleet_chance(f, 500) && order(f, r->id, verb, 0) == 0)
		return true;
	if (order(f, r->id, verb, window) < 0)
		return false;
	fleet_oracle_opened(
	    f, rule, fleet_orch_week(r->nominal), wall, wall + window * S);
	return true;
}

static void
resume(struct fleet *f, int rule, const struct db_rollout *r, bool retry)
{
	struct store *s = f->orch->store;
	struct marks m = {.f = f, .hosts = str_alloc(f->n_hosts * sizeof(m.hosts[0]))};

	if (retry) {
		assert_int_equal(
		    db_rollout_hosts(s, r->id, "failed", -1, INT64_MAX, mark, &m), 0);
		assert_int_equal(
		    db_rollout_hosts(s, r->id, "lost", -1, INT64_MAX, mark, &m), 0);
	}
	if (order_again(f, rule, r, retry ? ROLLOUTS_RETRY_FAILED : ROLLOUTS_RESUME)) {
		fleet_oracle_resumed(f, rule);
		did.resumes += !retry;
		did.retries += retry;
		for (size_t i = 0; i < m.n; i++)
			fleet_oracle_again(f, m.hosts[i], fleet_orch_week(r->nominal));
	}
	free(m.hosts);
}

bool
fleet_people_quiet(const struct fleet *f)
{
	return (f->now - FLEET_BEGIN + FLEET_BOOKS) % (7 * DAY) > 6 * DAY;
}

static void
look(struct fleet *f, int rule, bool go_on)
{
	struct fleet_orch *o = f->orch;
	const char *name = fleet_oracle_rule(f->oracle, (size_t)rule)->name;
	struct db_rollout r = {.id = ""};
	char id[ID_SIZE];

	if (db_rollout_last(o->store, name, id) < 0)
		return;
	assert_int_equal(db_rollout_get(o->store, id, &r), 0);
	if (r.nominal == DB_ROLLOUT_NO_NOMINAL) {
		fleet_clerk_look(f, fleet_side_of_rollout(f, id));
	} else if (r.state == DB_ROLLOUT_RUNNING && !go_on && fleet_chance(f, 300)) {
		bool abort_it = fleet_chance(f, 120);

		if (order(f, id, abort_it ? ROLLOUTS_ABORT : ROLLOUTS_PAUSE, 0) == 0) {
			fleet_oracle_stop_rule(f, rule, true);
			if (abort_it)
				fleet_oracle_aborted(f, rule, fleet_orch_week(r.nominal));
			did.aborts += abort_it;
			did.pauses += !abort_it;
			if (!abort_it)
				later(f, fleet_between(f, MIN, 5 * HOUR), CONTINUE,
				    FLEET_NONE, rule);
		}
	} else if (r.state == DB_ROLLOUT_PAUSED && fleet_people_quiet(f)) {
		(void)order(f, id, ROLLOUTS_ABORT, 0);
	} else if (r.state == DB_ROLLOUT_PAUSED) {
		resume(f, rule, &r, false);
		later(f, HOUR, CONTINUE, FLEET_NONE, rule);
	} else if (r.state == DB_ROLLOUT_HALTED && !fleet_people_quiet(f) &&
		   fleet_chance(f, 600)) {
		if (fleet_chance(f, 400))
			resume(f, rule, &r, true);
		resume(f, rule, &r, false);
	}
	db_rollout_done(&r);
}

/* ---- holds ---- */

static void
hold(struct fleet *f, int site, bool on)
{
	struct fleet_orch *o = f->orch;
	const struct audit_who who = fleet_orch_who("ada");
	const char *name = site == FLEET_NONE ? NULL : f->sites[site].name;
	struct holds_effect e = {.ended = 0};
	int64_t wall = fleet_orch_wall(f);
	int rc = 0;

	if (o->mutant != FLEET_DEAF_TO_HOLD) {
		assert_int_equal(db_begin(store_db(o->store)), 0);
		rc = on ? holds_begin(o->store, name, &who, "storm", wall, &e)
			: holds_end(o->store, name, &who, "over", wall);
		assert_int_equal(db_commit(store_db(o->store)), 0);
		fleet_orch_effect(f, &e);
		holds_effect_done(&e);
	}
	assert_true(rc == 0 || rc == -ENOENT);
	if (site == FLEET_NONE)
		fleet_oracle_hold_world(f, on);
	else
		fleet_oracle_hold_site(f, site, on);
	if (on)
		later(f,
		    site == FLEET_NONE ? fleet_between(f, MIN, 2 * HOUR)
				       : fleet_between(f, MIN, DAY),
		    site == FLEET_NONE ? STOP_END : FREEZE_END, site, FLEET_NONE);
}

static void
lock(struct fleet *f, int host, bool on)
{
	struct fleet_orch *o = f->orch;
	const struct audit_who who = fleet_orch_who("ada");
	struct holds_effect e = {.ended = 0};
	int64_t wall = fleet_orch_wall(f);
	const char *name = f->hosts[host].name;

	assert_int_equal(db_begin(store_db(o->store)), 0);
	if (on) {
		assert_int_equal(db_host_lock(o->store, name, "ada", "disk", wall), 0);
		assert_int_equal(
		    holds_lock_host(o->store, name, &who, "disk", wall, &e), 0);
	} else {
		assert_int_equal(db_host_unlock(o->store, name), 0);
	}
	assert_int_equal(db_commit(store_db(o->store)), 0);
	fleet_orch_effect(f, &e);
	holds_effect_done(&e);
	fleet_world_note(f, host, "locked (1), unlocked (0):", on);
	fleet_oracle_lock(f, host, on);
	if (on)
		later(f, fleet_between(f, HOUR, DAY), LOCK_END, FLEET_NONE, host);
}

bool
fleet_people_take(struct fleet *f, const struct fleet_todo *t)
{
	if (t->type != FLEET_OPERATOR)
		return false;
	/* It does not answer: they come again. */
	if (!f->orch->store) {
		later(f, 10 * MIN, (enum act)t->a, t->site, t->host);
		return true;
	}
	switch ((enum act)t->a) {
	case LOOK: look(f, t->host, false); break;
	case CONTINUE: look(f, t->host, true); break;
	case APPROVE: approve(f, t->host); break;
	case STOP:
	case STOP_END:
		did.stops += t->a == STOP;
		hold(f, FLEET_NONE, t->a == STOP);
		break;
	case FREEZE:
	case FREEZE_END:
		did.freezes += t->a == FREEZE;
		hold(f, t->site, t->a == FREEZE);
		break;
	case LOCK:
	case LOCK_END:
		did.locks += t->a == LOCK;
		lock(f, t->host, t->a == LOCK);
		break;
	}
	fleet_orch_soon(f);
	return true;
}

/* ---- the week ---- */

static int64_t
some_time(struct fleet *f)
{
	return fleet_chance(f, 800) ? fleet_between(f, HOUR, 33 * HOUR)
				    : fleet_between(f, 0, 7 * DAY);
}

static int64_t
how_long(struct fleet *f)
{
	return fleet_chance(f, 700) ? fleet_between(f, 10 * S, 10 * MIN)
				    : fleet_between(f, 10 * MIN, 14 * HOUR);
}

static int
some_site(struct fleet *f)
{
	return (int)fleet_between(f, 0, (int64_t)f->n_sites);
}

static void
set_clock_wrong(struct fleet *f)
{
	static const int64_t most[] = {3 * S, 90 * S, 30 * MIN, 3 * HOUR, 12 * HOUR};
	int64_t by = most[rng_below(&f->rng, ARRAY_SIZE(most))], at = some_time(f);

	fleet_world_later(f, at, FLEET_CLOCK, FLEET_NONE, FLEET_NONE)->a =
	    fleet_between(f, -by, by);
	fleet_world_later(
	    f, at + fleet_between(f, S, 2 * HOUR), FLEET_CLOCK, FLEET_NONE, FLEET_NONE)
	    ->a = 0;
}

void
fleet_people_week(struct fleet *f)
{
	int64_t crashes = fleet_between(f, 0, 12), clocks = fleet_between(f, 0, 4);

	for (size_t i = 0; i < f->n_sites; i++) {
		if (fleet_chance(f, f->odds.cuts))
			fleet_world_later(
			    f, some_time(f), FLEET_LINE_CUT, (int)i, FLEET_NONE)
			    ->a = how_long(f);
		if (fleet_chance(f, f->odds.stops))
			fleet_world_later(
			    f, some_time(f), FLEET_AGENT_STOP, (int)i, FLEET_NONE)
			    ->a = how_long(f);
	}
	for (size_t i = 0; i < f->n_hosts; i++)
		if (rng_below(&f->rng, 100000) < f->odds.sick)
			fleet_world_later(
			    f, some_time(f), FLEET_TROUBLE, f->hosts[i].site, (int)i)
			    ->a = 1 + (int64_t)rng_below(&f->rng, 2);
	for (int64_t i = 0; i < crashes; i++)
		fleet_world_later(f, some_time(f), FLEET_CRASH, FLEET_NONE, FLEET_NONE);
	for (int64_t i = 0; i < clocks; i++)
		set_clock_wrong(f);
	for (size_t i = 0; i < 6 * f->n_waves; i++)
		later(f, some_time(f), LOOK, FLEET_NONE, (int)(i % f->n_waves));
	/* At once, or when windows are open already, or never. */
	for (size_t i = 0; i < f->n_waves; i++)
		if (fleet_oracle_rule(f->oracle, i)->wipes && fleet_chance(f, 850))
			later(f, fleet_between(f, 0, 20 * HOUR), APPROVE, FLEET_NONE,
			    (int)i);
	if (fleet_chance(f, 200))
		later(f, some_time(f), STOP, FLEET_NONE, FLEET_NONE);
	for (int i = 0; i < 2; i++) {
		later(f, some_time(f), FREEZE, some_site(f), FLEET_NONE);
		later(f, some_time(f), LOCK, FLEET_NONE,
		    (int)fleet_between(f, 0, (int64_t)f->n_hosts));
	}
}
