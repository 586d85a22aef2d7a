// SPDX-License-Identifier: GPL-3.0-or-later
/* Who orders beside the calendar. Rollouts by hand, for now or some hours later, go over hosts of any schedule, mostly while its windows
 * are open; runs at once are of a schedule and as it says, in a window that begins now. Schedules are paused, mostly for hours and now and
 * then for days, and their next run is passed over; one that was planned ahead for approval ends with that.
 *
 * What is ordered is written as orchestrator/api_rollout_add.c and orchestrator/api_schedule_do.c do; what the judge is told is what the
 * database has taken. The books of these rollouts are made here, too: each has the hosts that were named, and says of each what
 * happened to it.
 * Entry points: fleet_clerk_week(), then fleet_clerk_take() and fleet_clerk_look(); fleet_clerk_books() at the end of each week. */
#include "tests/sim/orchestrator/fleet_clerk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/schedule_ahead.h"
#include "tests/sim/orchestrator/fleet_orch.h"
#include "tests/sim/orchestrator/fleet_people.h"
#include "tests/sim/orchestrator/fleet_setup.h"

enum act { HAND, NOW, LOOK, PAUSE, UNPAUSE, SKIP };

static struct fleet_clerk_did did;

const struct fleet_clerk_did *
fleet_clerk_did(void)
{
	return &did;
}

static void
later(struct fleet *f, int64_t delay, enum act act, int what)
{
	fleet_world_later(f, delay, FLEET_CLERK, FLEET_NONE, what)->a = act;
}

static void
look_later(struct fleet *f, const struct fleet_side *d)
{
	for (int i = 0; i < 4; i++)
		later(f, fleet_between(f, 5 * MIN, 12 * HOUR), LOOK,
		    (int)strtol(strchr(d->name, ':') + 1, NULL, 10));
}

/* ---- by hand ---- */

static struct fleet_rule
any_rule(struct fleet *f)
{
	return (struct fleet_rule){.wave = FLEET_NONE,
	    .window = fleet_between(f, 1, 6) * HOUR,
	    .soak = fleet_chance(f, 600) ? fleet_between(f, 1, 20) * MIN : 0,
	    .in_flight = (unsigned)fleet_between(f, 1, 9),
	    .per_site = (unsigned)fleet_between(f, 1, 4),
	    .per_rack = fleet_chance(f, 300) ? 1 : 0,
	    .per_pair = fleet_chance(f, 300) ? 1 : 0,
	    .max_fail = (unsigned)fleet_between(f, 1, 4),
	    .canary = (unsigned)fleet_between(f, 0, 3),
	    .gates = fleet_chance(f, 600)};
}

static size_t
name_hosts(struct fleet *f, struct fleet_side *d, struct rollouts_host *v, int64_t opens,
    int64_t closes)
{
	int wave = fleet_chance(f, 800) ? (int)fleet_between(f, 0, (int64_t)f->n_waves)
					: FLEET_NONE;
	size_t n = 0;

	for (size_t i = 0; i < f->n_hosts; i++) {
		const struct fleet_host *h = &f->hosts[i];

		if ((wave != FLEET_NONE && h->wave != wave) || !fleet_chance(f, 150))
			continue;
		v[n++] = (struct rollouts_host){
		    h->name, f->sites[h->site].name, opens, closes};
		d->v[i] = (struct fleet_side_host){.named = true, .turns = 1};
	}
	return n;
}

static json_t *
hand_policy(struct fleet *f, const struct fleet_side *d, const char *port)
{
	bool forgets = f->orch->mutant == FLEET_FORGETS_HAND;
	struct fleet_rule k = d->k;
	json_t *v;

	k.in_flight *= forgets ? 2 : 1;
	k.per_site *= forgets ? 2 : 1;
	v = fleet_setup_policy(&k, FLEET_HONEST);
	if (k.gates)
		json_put(v, "gates", json_pack("[s, s]", "tcp:22", port));
	return v;
}

static void
begin_by_hand(struct fleet *f, struct fleet_side *d, const struct rollouts_host *v,
    size_t n, int64_t wall)
{
	struct fleet_orch *o = f->orch;
	json_t *work = json_pack("{s:s}", "kind", "reboot"), *policy;
	struct rollout_policy p;
	struct error err = {.code = ""};
	char port[16];

	assert_int_equal(
	    str_format(port, sizeof(port), "tcp:%d",
		FLEET_PORT + (int)strtol(strchr(d->name, ':') + 1, NULL, 10)),
	    0);
	policy = hand_policy(f, d, port);
	assert_int_equal(rollout_policy_from_json(policy, &p, &err), 0);
	const struct rollouts_request rq = {.work = work,
	    .policy = &p,
	    .hosts = "as it was named",
	    .reason = d->name,
	    .by = "eve",
	    .nominal = DB_ROLLOUT_NO_NOMINAL,
	    .v = v,
	    .n = n};
	assert_int_equal(db_begin(store_db(o->store)), 0);
	assert_int_equal(rollouts_begin(o->rollouts, &rq, wall, d->id, &err), 0);
	assert_int_equal(db_commit(store_db(o->store)), 0);
	rollouts_begun(o->rollouts, d->id, wall);
	json_decref(policy);
	json_decref(work);
}

static void
by_hand(struct fleet *f)
{
	int64_t wall = fleet_orch_wall(f);
	int64_t from =
	    wall + (fleet_chance(f, 400) ? fleet_between(f, MIN, 4 * HOUR) : 0);
	int64_t off = f->orch->mutant == FLEET_HAND_OFF ? 2 * HOUR : 0;
	const struct fleet_rule k = any_rule(f);
	struct fleet_side *d = fleet_side_add(f, &k, FLEET_NONE);
	struct rollouts_host *v = str_alloc(f->n_hosts * sizeof(v[0]));
	size_t n = d ? name_hosts(f, d, v, from - off, from + k.window + off) : 0;

	if (d)
		d->over = n == 0;
	if (n > 0) {
		d->from = from;
		d->to = from + k.window;
		begin_by_hand(f, d, v, n, wall);
		did.hand++;
		look_later(f, d);
	}
	free(v);
}

/* ---- a run at once ---- */

/* One that halted, and has something under way yet, could not be told from the new one by what its gates ask. */
static bool
is_in_the_middle(struct fleet *f, const char *name)
{
	struct db_rollout r = {.id = ""};
	char id[ID_SIZE];
	bool yes = false;

	if (db_rollout_last(f->orch->store, name, id) == 0 &&
	    db_rollout_get(f->orch->store, id, &r) == 0)
		yes = r.state == DB_ROLLOUT_HALTED && r.ended == 0;
	db_rollout_done(&r);
	return yes;
}

static void
run_now(struct fleet *f, int rule)
{
	struct fleet_orch *o = f->orch;
	const struct fleet_rule *k = fleet_oracle_rule(f->oracle, (size_t)rule);
	const struct audit_who who = fleet_orch_who("ada");
	struct db_schedule row = {.doc = NULL};
	struct fleet_side *d;
	struct schedule_doc *doc;
	struct error err = {.code = ""};
	int64_t wall = fleet_orch_wall(f);
	json_t *v;
	int rc;

	if (is_in_the_middle(f, k->name) || !(d = fleet_side_add(f, k, rule)))
		return;
	assert_int_equal(db_schedule_get(o->store, k->name, &row), 0);
	v = json_parse(row.doc, strlen(row.doc), &err);
	assert_int_equal(schedule_doc_parse(v, row.created, &doc, &err), 0);
	assert_int_equal(db_begin(store_db(o->store)), 0);
	rc = scheduler_run_now(o->scheduler, &row, doc, &who, d->name, wall, d->id, &err);
	if (rc == 0) {
		assert_int_equal(db_commit(store_db(o->store)), 0);
		rollouts_begun(o->rollouts, d->id, wall);
		d->from = wall;
		d->to = wall + k->window + k->jitter;
		for (size_t i = 0; i < f->n_hosts; i++)
			if (f->hosts[i].wave == rule)
				d->v[i] =
				    (struct fleet_side_host){.named = true, .turns = 1};
		did.now++;
		look_later(f, d);
	} else {
		db_rollback(store_db(o->store));
		assert_int_equal(rc, -EPERM);
		d->over = true;
		did.refused++;
	}
	schedule_doc_free(doc);
	json_decref(v);
	db_schedule_done(&row);
}

/* ---- what becomes of them ---- */

struct turns {
	struct fleet *f;
	struct fleet_side *d;
};

static void
one_more(void *arg, const struct db_rollout_host *h)
{
	struct turns *t = arg;

	fleet_side_again(t->d, fleet_world_host(t->f, h->host));
}

static void
resume(struct fleet *f, struct fleet_side *d, enum rollouts_verb verb)
{
	struct turns t = {f, d};
	struct store *s = f->orch->store;
	int64_t wall = fleet_orch_wall(f), window = fleet_between(f, HOUR, 5 * HOUR) / S;

	/* Who is refused gave nobody another turn that is taken. */
	if (verb == ROLLOUTS_RETRY_FAILED) {
		assert_int_equal(
		    db_rollout_hosts(s, d->id, "failed", -1, INT64_MAX, one_more, &t), 0);
		assert_int_equal(
		    db_rollout_hosts(s, d->id, "lost", -1, INT64_MAX, one_more, &t), 0);
	}
	if (fleet_chance(f, 500) && fleet_people_order(f, d->id, "eve", verb, 0) == 0) {
		fleet_side_resumed(d);
		return;
	}
	if (fleet_people_order(f, d->id, "eve", verb, window) < 0)
		return;
	fleet_side_opened(d, wall, wall + window * S);
	fleet_side_resumed(d);
}

static void
stop(struct fleet *f, struct fleet_side *d, enum rollouts_verb verb)
{
	if (fleet_people_order(f, d->id, "eve", verb, 0) == 0)
		d->stopped = true;
}

void
fleet_clerk_look(struct fleet *f, struct fleet_side *d)
{
	struct db_rollout r = {.id = ""};
	bool quiet = fleet_people_quiet(f);

	if (!d || d->over || db_rollout_get(f->orch->store, d->id, &r) < 0)
		return;
	if ((r.state == DB_ROLLOUT_PAUSED || r.state == DB_ROLLOUT_HALTED) && quiet) {
		stop(f, d, ROLLOUTS_ABORT);
	} else if (r.state == DB_ROLLOUT_RUNNING && fleet_chance(f, 300)) {
		stop(f, d, fleet_chance(f, 150) ? ROLLOUTS_ABORT : ROLLOUTS_PAUSE);
	} else if (r.state == DB_ROLLOUT_PAUSED) {
		resume(f, d, ROLLOUTS_RESUME);
	} else if (r.state == DB_ROLLOUT_HALTED) {
		if (fleet_chance(f, 400))
			resume(f, d, ROLLOUTS_RETRY_FAILED);
		resume(f, d, ROLLOUTS_RESUME);
	}
	db_rollout_done(&r);
}

/* ---- schedules ---- */

/* What was planned ahead ends; which week's run that was is known of the rollout. */
static void
tell_ahead(struct fleet *f, int rule, const struct store_names *ahead)
{
	for (size_t i = 0; i < ahead->n; i++) {
		struct db_rollout r = {.id = ""};
		struct fleet_side *d = fleet_side_of_rollout(f, ahead->v[i]);

		assert_int_equal(db_rollout_get(f->orch->store, ahead->v[i], &r), 0);
		if (d)
			d->stopped = true;
		else
			fleet_oracle_aborted(f, rule, fleet_orch_week(r.nominal));
		did.ahead++;
		db_rollout_done(&r);
	}
}

static void
change(struct fleet *f, int rule, enum act act)
{
	struct fleet_orch *o = f->orch;
	const char *name = fleet_oracle_rule(f->oracle, (size_t)rule)->name;
	const struct audit_who who = fleet_orch_who("ada");
	struct store_names ahead = {0};
	struct db_schedule row = {.doc = NULL};
	int64_t wall = fleet_orch_wall(f);
	bool deaf = o->mutant == (act == SKIP ? FLEET_DEAF_TO_SKIP : FLEET_DEAF_TO_PAUSE);

	assert_int_equal(db_schedule_get(o->store, name, &row), 0);
	assert_int_equal(db_begin(store_db(o->store)), 0);
	if (act != UNPAUSE)
		assert_int_equal(schedule_ahead_abort(o->rollouts, o->store, name, &who,
				     "so", wall, &ahead),
		    0);
	if (act != SKIP) {
		row.paused_at = act == PAUSE ? wall : 0;
		if (!deaf)
			assert_int_equal(db_schedule_pause(o->store, &row), 0);
	}
	if (act == UNPAUSE)
		row.skip = 0;
	if (act == SKIP && ahead.n == 0)
		row.skip = row.next;
	if (!deaf && (act == UNPAUSE || (act == SKIP && ahead.n == 0)))
		assert_int_equal(db_schedule_plan(o->store, &row), 0);
	assert_int_equal(db_commit(store_db(o->store)), 0);
	tell_ahead(f, rule, &ahead);
	if (act != SKIP)
		fleet_oracle_pause(f, rule, act == PAUSE);
	else if (ahead.n == 0)
		fleet_oracle_skip(f, rule, fleet_orch_week(row.next));
	schedule_ahead_done(o->rollouts, &ahead, wall);
	did.pauses += act == PAUSE;
	did.skips += act == SKIP;
	if (act == PAUSE)
		later(f,
		    fleet_chance(f, 700) ? fleet_between(f, MIN, 12 * HOUR)
					 : fleet_between(f, 12 * HOUR, 3 * DAY),
		    UNPAUSE, rule);
	db_schedule_done(&row);
}

bool
fleet_clerk_take(struct fleet *f, const struct fleet_todo *t)
{
	if (t->type != FLEET_CLERK)
		return false;
	/* It does not answer: they come again. */
	if (!f->orch->store) {
		later(f, 10 * MIN, (enum act)t->a, t->host);
		return true;
	}
	switch ((enum act)t->a) {
	case HAND: by_hand(f); break;
	case NOW: run_now(f, t->host); break;
	case LOOK: fleet_clerk_look(f, fleet_side_at(f, (size_t)t->host)); break;
	case PAUSE:
	case UNPAUSE:
	case SKIP: change(f, t->host, (enum act)t->a); break;
	}
	fleet_orch_soon(f);
	return true;
}

void
fleet_clerk_week(struct fleet *f)
{
	int64_t hands = fleet_between(f, 0, 4);

	for (int64_t i = 0; i < hands; i++)
		later(f,
		    fleet_chance(f, 700) ? fleet_between(f, HOUR, 33 * HOUR)
					 : fleet_between(f, 0, 5 * DAY),
		    HAND, FLEET_NONE);
	for (int i = 0; i < (int)f->n_waves; i++) {
		if (fleet_chance(f, 250))
			later(f, fleet_between(f, 0, 5 * DAY), NOW, i);
		if (fleet_chance(f, 150))
			later(f, fleet_between(f, 0, 30 * HOUR), PAUSE, i);
		if (fleet_chance(f, 100))
			later(f, fleet_between(f, 0, 6 * DAY), SKIP, i);
	}
	/* On the quiet day nothing of theirs stays in between. */
	for (size_t i = 0; i < fleet_side_count(f); i++)
		if (!fleet_side_at(f, i)->over)
			later(
			    f, 6 * DAY + fleet_between(f, HOUR, 12 * HOUR), LOOK, (int)i);
}

/* ---- books ---- */

struct book {
	struct fleet *f;
	struct fleet_side *d;
	size_t n;
	bool paused;
};

static void
check_host(void *arg, const struct db_rollout_host *h)
{
	struct book *b = arg;
	const struct fleet_side *d = b->d;
	int host = fleet_world_host(b->f, h->host);
	const struct fleet_side_host *seen = host == FLEET_NONE ? NULL : &d->v[host];
	const char *state = db_rollout_host_state_name(h->state);

	b->n++;
	if (!seen || !seen->named)
		fleet_world_wrong(
		    b->f, host, "%s has host %s, which was not named", d->name, h->host);
	if (h->state < DB_ROLLOUT_HOST_OK && !b->paused)
		fleet_world_wrong(
		    b->f, host, "%s is over, and leaves it %s", d->name, state);
	if (h->state > DB_ROLLOUT_HOST_OK && h->why.code[0] == '\0')
		fleet_world_wrong(
		    b->f, host, "%s: it is %s without a reason", d->name, state);
	if (h->state == DB_ROLLOUT_HOST_OK && seen->reboots == 0)
		fleet_world_wrong(b->f, host,
		    "%s says that it is ok, and it was not rebooted", d->name);
	if (h->state == DB_ROLLOUT_HOST_FAILED && seen->failed_at == 0 &&
	    seen->missed_at == 0)
		fleet_world_wrong(b->f, host,
		    "%s says that it failed (%s), and nothing did", d->name, h->why.code);
	if ((h->state == DB_ROLLOUT_HOST_DEFERRED ||
		h->state == DB_ROLLOUT_HOST_SKIPPED) &&
	    seen->reboots > 0 && seen->turns == 1)
		fleet_world_wrong(b->f, host,
		    "%s says that it is %s (%s), and it was rebooted", d->name, state,
		    h->why.code);
	did.hosts_ok += h->state == DB_ROLLOUT_HOST_OK;
	did.hosts_failed += h->state == DB_ROLLOUT_HOST_FAILED;
	did.hosts_left += h->state > DB_ROLLOUT_HOST_FAILED;
}

static void
check(struct fleet *f, struct fleet_side *d)
{
	struct store *s = f->orch->store;
	struct db_rollout r = {.id = ""};
	struct book b = {.f = f, .d = d};
	size_t named = 0;

	assert_int_equal(db_rollout_get(s, d->id, &r), 0);
	b.paused = r.state == DB_ROLLOUT_PAUSED;
	db_rollout_done(&r);
	assert_int_equal(
	    db_rollout_hosts(s, d->id, NULL, -1, INT64_MAX, check_host, &b), 0);
	for (size_t i = 0; i < f->n_hosts; i++)
		named += d->v[i].named;
	if (named != b.n)
		fleet_world_wrong(f, FLEET_NONE, "%s has %zu hosts, and %zu were named",
		    d->name, b.n, named);
	did.judged++;
}

void
fleet_clerk_books(struct fleet *f)
{
	for (size_t i = 0; i < fleet_side_count(f); i++) {
		struct fleet_side *d = fleet_side_at(f, i);

		/* What was under way is over by then, or lost. */
		if (d->over || f->now < d->to + 26 * HOUR)
			continue;
		check(f, d);
		d->over = true;
	}
}
