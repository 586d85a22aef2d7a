/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Schedules in virtual time, with a store in memory. The engine that carries rollouts out is not here: what it is asked to begin is
 * written down. */
#include "orchestrator/scheduler.h"

#include "fixture.h"

#include "db/db_event.h"
#include "db/db_host.h"
#include "lib/clock.h"
#include "lib/id.h"
#include "lib/log.h"
#include "times.h"

#define HOUR (3600 * USEC_PER_SEC)
#define MINUTE (60 * USEC_PER_SEC)
#define DAY (24 * HOUR)
#define START "2026-11-27T12:00:00Z" /* a Friday */

/* ---- the engine's place ---- */

struct begun {
	char id[ID_SIZE], by[64];
	int64_t at, nominal, opens, closes; /* of all its hosts */
	size_t n, shut;
	bool approval;
};

struct world {
	struct fixture f;
	struct log log;
	struct scheduler *s;
	struct scheduler_ops ops;
	struct begun v[64];
	size_t n;
	int64_t now;
	int fail; /* the engine's answer */
};

static struct world *w;

bool
rollouts_needs_approval(struct store *s, const json_t *work, size_t hosts, int64_t most)
{
	(void)s;
	return str_eq(json_string_value(json_object_get(work, "kind")), "reinstall") &&
	       (hosts == (size_t)INT64_MAX || (int64_t)hosts > most);
}

int
rollouts_work_check(const json_t *work, const char *reason, struct error *err)
{
	(void)work;
	(void)reason;
	(void)err;
	return 0;
}

int
rollouts_begin(struct rollouts *r, const struct rollouts_request *rq, int64_t wall,
    char ret_id[ID_SIZE], struct error *err)
{
	struct begun *b = &w->v[w->n];
	struct db_rollout row = {.nominal = rq->nominal,
	    .doc = "{}",
	    .hosts = "x",
	    .kind = "reboot",
	    .state = DB_ROLLOUT_RUNNING};

	(void)r;
	if (w->fail)
		return error_set(err, w->fail, "bad-value", NULL, "the engine refuses");
	assert_true(w->n < ARRAY_SIZE(w->v));
	*b = (struct begun){.at = wall,
	    .nominal = rq->nominal,
	    .n = rq->n,
	    .approval = rq->approval,
	    .opens = INT64_MAX};
	for (size_t i = 0; i < rq->n; i++) {
		b->shut += rq->v[i].opens == rq->v[i].closes;
		b->opens = rq->v[i].opens < b->opens ? rq->v[i].opens : b->opens;
		b->closes = rq->v[i].closes > b->closes ? rq->v[i].closes : b->closes;
	}
	snprintf(b->id, sizeof(b->id), "01ROLLOUT%03zu", w->n);
	str_clip(b->by, sizeof(b->by), rq->by);
	str_clip(row.id, sizeof(row.id), b->id);
	str_clip(row.schedule, sizeof(row.schedule), rq->schedule);
	str_clip(row.reason, sizeof(row.reason), rq->reason);
	str_clip(row.by, sizeof(row.by), rq->by);
	row.created = row.changed = row.opens = wall;
	str_clip(ret_id, ID_SIZE, b->id);
	w->n++;
	return db_rollout_add(w->f.store, &row);
}

void
rollouts_begun(struct rollouts *r, const char *id, int64_t wall)
{
	(void)r;
	(void)id;
	(void)wall;
}

static void
rollout_state(size_t i, enum db_rollout_state state, const char *code, bool ended)
{
	struct db_rollout r;

	assert_int_equal(db_rollout_get(w->f.store, w->v[i].id, &r), 0);
	r.state = state;
	r.ended = ended ? w->now : 0;
	str_clip(r.why.code, sizeof(r.why.code), code);
	assert_int_equal(db_rollout_update(w->f.store, &r), 0);
	db_rollout_done(&r);
}

/* ---- a world ---- */

static void
on_events(void *arg)
{
	(void)arg;
}

static void
boot(void)
{
	scheduler_free(w->s);
	w->s = scheduler_new(&w->ops);
}

static int
setup(void **state)
{
	struct fixture *f;
	void *made;

	assert_int_equal(fixture_open(&made), 0);
	f = made;
	w = str_alloc(sizeof(*w));
	w->f = *f;
	free(f);
	w->log = log_init("scheduler_test", LOG_LEVEL_WARN);
	w->ops = (struct scheduler_ops){.log = &w->log,
	    .store = w->f.store,
	    .approval_hosts = 2,
	    .approval_lead = 24 * HOUR,
	    .on_events = on_events};
	w->now = times_moment(START);
	assert_string_equal(fixture_apply(&w->f,
				"{'sites':[{'name':'los','timezone':'Africa/Lagos'},"
				"{'name':'ktm','timezone':'Asia/Kathmandu'},"
				"{'name':'yyt','timezone':'America/St_Johns'}],'hosts':["
				"{'name':'e1.los','site':'los','labels':{'role':'edge'}},"
				"{'name':'e2.los','site':'los','labels':{'role':'edge'}},"
				"{'name':'e1.ktm','site':'ktm','labels':{'role':'edge'}},"
				"{'name':'e1.yyt','site':'yyt','labels':{'role':'edge'}},"
				"{'name':'db.los','site':'los','labels':{'role':'db'}}]}",
				NULL),
	    "");
	boot();
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = str_alloc(sizeof(*f));
	void *made = f;

	(void)state;
	scheduler_free(w->s);
	*f = w->f;
	free(w);
	return fixture_close(&made);
}

/* Members beside name, kind and reason. */
static void
add(const char *name, const char *rest)
{
	char text[600];
	struct db_schedule row = {.created = w->now, .changed = w->now};
	struct schedule_doc *doc = NULL;
	struct error err;

	snprintf(text, sizeof(text), "{'name':'%s','reason':'r','kind':'reboot',%s}",
	    name, rest);
	if (strstr(rest, "'kind'"))
		snprintf(text, sizeof(text), "{'name':'%s','reason':'r',%s}", name, rest);
	json_t *v = fixture_json(text);
	if (schedule_doc_parse(v, w->now, &doc, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	json_decref(v);
	str_clip(row.name, sizeof(row.name), name);
	str_clip(row.created_by, sizeof(row.created_by), "ada");
	str_clip(row.changed_by, sizeof(row.changed_by), "ada");
	v = schedule_doc_json(doc);
	row.doc = json_text(v);
	json_decref(v);
	assert_int_equal(scheduler_plan(w->s, doc, w->now, &row), 0);
	assert_int_equal(db_schedule_add(w->f.store, &row), 0);
	schedule_doc_free(doc);
	db_schedule_done(&row);
}

/* Lets time pass, as it asks for it; minutes in which nothing is due are left out. */
static void
until(int64_t end)
{
	int calls = 0;

	while (w->now <= end) {
		int64_t next = scheduler_tick(w->s, w->now), due;

		assert_true(++calls < 2000);
		assert_true(next >= w->now && next <= w->now + MINUTE);
		if (next == w->now + MINUTE)
			next =
			    db_schedule_next_due(w->f.store, &due) == 0 ? due : INT64_MAX;
		if (next > end)
			break;
		w->now = next;
	}
	w->now = end;
}

static void
collect(void *arg, const struct db_schedule_run *run)
{
	char *all = arg, at[CLOCK_TEXT_SIZE];
	size_t len = strlen(all);

	clock_text(run->nominal, at, sizeof(at));
	snprintf(all + len, 2000 - len, "%.10s:%s ", at, run->outcome);
}

/* The newest first. */
static void
expect_runs(const char *name, const char *want)
{
	char got[2000] = "";

	assert_int_equal(
	    db_schedule_runs(w->f.store, name, INT64_MAX, 50, collect, got), 0);
	assert_string_equal(got, want);
}

static void
expect_time(int64_t got, const char *want)
{
	char text[CLOCK_TEXT_SIZE];

	if (got != times_moment(want))
		fail_msg("%s, not %s", clock_text(got, text, sizeof(text)), want);
}

static struct db_schedule
row_of(const char *name)
{
	struct db_schedule row;

	assert_int_equal(db_schedule_get(w->f.store, name, &row), 0);
	free(row.doc);
	row.doc = NULL;
	return row;
}

static void
finish(size_t i)
{
	rollout_state(i, DB_ROLLOUT_DONE, "", true);
}

/* ---- tests ---- */

#define SUNDAYS "'hosts':'@role=edge','cron':'0 3 * * SUN','window_s':7200"

static void
a_run_begins_where_the_sun_rises_first(void **state)
{
	(void)state;
	add("weekly", SUNDAYS);
	until(times_moment("2026-11-28T21:14:59Z"));
	assert_int_equal(w->n, 0);
	until(times_moment("2026-11-30T00:00:00Z"));
	assert_int_equal(w->n, 1);
	expect_time(w->v[0].at, "2026-11-28T21:15:00Z");
	expect_time(w->v[0].opens, "2026-11-28T21:15:00Z");
	expect_time(w->v[0].closes, "2026-11-29T08:30:00Z");
	expect_time(w->v[0].nominal, "2026-11-29T03:00:00Z");
	assert_int_equal(w->v[0].n, 4);
	assert_string_equal(w->v[0].by, "ada");
	finish(0);
	until(times_moment("2026-12-14T00:00:00Z"));
	assert_int_equal(w->n, 2);
	expect_runs("weekly", "2026-12-13:busy 2026-12-06:ran 2026-11-29:ran ");
}

/* Of hosts that are in one place it opens there, whatever zones there are. */
static void
a_run_waits_for_its_own_night(void **state)
{
	(void)state;
	add("los", "'hosts':'@site=los','cron':'0 3 * * SUN'");
	until(times_moment("2026-11-29T01:59:59Z"));
	assert_int_equal(w->n, 0);
	until(times_moment("2026-11-29T02:00:00Z"));
	assert_int_equal(w->n, 1);
	assert_int_equal(w->v[0].n, 3);
	/* In a place where it has hosts that time has passed: not next week then, but in Lagos tonight. */
	w->now = times_moment("2026-12-05T23:00:00Z");
	add("late", "'hosts':'@site=los','cron':'0 3 * * SUN'");
	expect_time(row_of("late").next, "2026-12-06T03:00:00Z");
	add("round", SUNDAYS);
	expect_time(row_of("round").next, "2026-12-13T03:00:00Z");
}

static void
hosts_are_those_of_then(void **state)
{
	(void)state;
	add("weekly", "'hosts':'@role=new','cron':'0 3 * * *','tz':'UTC'");
	until(times_moment("2026-11-28T12:00:00Z"));
	expect_runs("weekly", "2026-11-28:empty ");
	fixture_apply(&w->f,
	    "{'hosts':[{'name':'n1.los','site':'los','labels':{'role':'new'}}]}", NULL);
	until(times_moment("2026-11-29T12:00:00Z"));
	assert_int_equal(w->n, 1);
	expect_runs("weekly", "2026-11-29:ran 2026-11-28:empty ");
	add("named", "'hosts':'n1.los','cron':'0 3 * * *','tz':'UTC'");
	assert_int_equal(db_begin(store_db(w->f.store)), 0);
	assert_int_equal(db_host_delete(w->f.store, "n1.los", w->now), 0);
	assert_int_equal(db_commit(store_db(w->f.store)), 0);
	until(times_moment("2026-11-30T12:00:00Z"));
	expect_runs("named", "2026-11-30:refused ");
}

/* A place farther east than any is taken into account. */
static void
a_new_zone_is_seen(void **state)
{
	(void)state;
	add("weekly", SUNDAYS);
	until(times_moment("2026-11-27T13:00:00Z"));
	fixture_apply(&w->f,
	    "{'sites':[{'name':'akl','timezone':'Pacific/Auckland'}],'hosts':["
	    "{'name':'e1.akl','site':'akl','labels':{'role':'edge'}}]}",
	    NULL);
	until(times_moment("2026-11-30T00:00:00Z"));
	assert_int_equal(w->n, 1);
	expect_time(w->v[0].at, "2026-11-28T14:00:00Z");
}

static void
pause_skip_and_blackout(void **state)
{
	struct db_schedule row;

	(void)state;
	add("daily", "'hosts':'@site=los','cron':'0 3 * * "
		     "*','blackout':['2026-11-30/2026-12-01']");
	row = row_of("daily");
	row.skip = row.next;
	assert_int_equal(db_schedule_plan(w->f.store, &row), 0);
	until(times_moment("2026-11-28T12:00:00Z"));
	assert_int_equal(row_of("daily").skip, 0);
	row.paused_at = w->now;
	assert_int_equal(db_schedule_pause(w->f.store, &row), 0);
	until(times_moment("2026-11-29T12:00:00Z"));
	row.paused_at = 0;
	assert_int_equal(db_schedule_pause(w->f.store, &row), 0);
	until(times_moment("2026-12-02T12:00:00Z"));
	assert_int_equal(w->n, 1);
	expect_runs("daily", "2026-12-02:ran 2026-12-01:blackout 2026-11-30:blackout "
			     "2026-11-29:paused 2026-11-28:skipped ");
}

static void
what_was_missed_is_said_or_made_up_for(void **state)
{
	(void)state;
	add("skip", SUNDAYS);
	add("once", SUNDAYS ",'missed':'run-once'");
	until(times_moment("2026-11-27T13:00:00Z"));
	/* Nobody was there for two weeks and a half. */
	w->now = times_moment("2026-12-16T10:00:00Z");
	boot();
	until(times_moment("2026-12-16T11:00:00Z"));
	expect_runs("skip", "2026-12-13:missed ");
	expect_runs("once", "2026-12-13:ran ");
	assert_int_equal(w->n, 1);
	expect_time(w->v[0].opens, "2026-12-16T10:00:00Z");
	expect_time(w->v[0].closes, "2026-12-16T12:00:00Z");
	finish(0);
	until(times_moment("2026-12-20T12:00:00Z"));
	expect_runs("skip", "2026-12-20:ran 2026-12-13:missed ");
	expect_runs("once", "2026-12-20:ran 2026-12-13:ran ");
}

/* Not where the next run would open meanwhile: that one is in its night. */
static void
the_next_run_is_enough(void **state)
{
	(void)state;
	add("once", SUNDAYS ",'missed':'run-once'");
	until(times_moment("2026-11-27T13:00:00Z"));
	w->now = times_moment("2026-12-05T20:00:00Z");
	boot();
	until(times_moment("2026-12-06T12:00:00Z"));
	expect_runs("once", "2026-12-06:ran 2026-11-29:missed ");
	assert_int_equal(w->n, 1);
}

static void
within_its_window_it_is_begun_late(void **state)
{
	(void)state;
	add("weekly", SUNDAYS);
	until(times_moment("2026-11-27T13:00:00Z"));
	/* Over in Kathmandu, open in Lagos, to come at St John's. */
	w->now = times_moment("2026-11-29T03:30:00Z");
	boot();
	until(times_moment("2026-11-29T04:00:00Z"));
	assert_int_equal(w->n, 1);
	assert_int_equal(w->v[0].n, 4);
	expect_runs("weekly", "2026-11-29:ran ");
}

static void
one_that_is_not_over_keeps_the_next_from_beginning(void **state)
{
	(void)state;
	add("daily", "'hosts':'@site=los','cron':'0 3 * * *'");
	until(times_moment("2026-11-28T12:00:00Z"));
	until(times_moment("2026-11-29T12:00:00Z"));
	rollout_state(0, DB_ROLLOUT_HALTED, "budget-spent", false);
	until(times_moment("2026-11-30T12:00:00Z"));
	/* What was in flight has come to its end, and nobody has decided. */
	rollout_state(0, DB_ROLLOUT_HALTED, "budget-spent", true);
	until(times_moment("2026-12-01T12:00:00Z"));
	rollout_state(0, DB_ROLLOUT_HALTED, "window-over", true);
	until(times_moment("2026-12-02T12:00:00Z"));
	expect_runs("daily", "2026-12-02:ran 2026-12-01:held 2026-11-30:held "
			     "2026-11-29:busy 2026-11-28:ran ");
}

static void
more_hosts_than_its_limit(void **state)
{
	(void)state;
	add("daily", "'hosts':'@site=los','cron':'0 3 * * *','limit':2");
	until(times_moment("2026-11-28T12:00:00Z"));
	expect_runs("daily", "2026-11-28:refused ");
	assert_int_equal(w->n, 0);
	add("other", "'hosts':'@site=ktm','cron':'0 3 * * *'");
	w->fail = -EINVAL;
	until(times_moment("2026-11-29T12:00:00Z"));
	expect_runs("other", "2026-11-29:refused ");
}

/* The database fails: nothing has become of the run, and it is begun when it works again. */
static void
what_fails_is_tried_again(void **state)
{
	(void)state;
	add("daily", "'hosts':'@site=los','cron':'0 3 * * *'");
	w->fail = -ENOSPC;
	until(times_moment("2026-11-28T02:01:00Z"));
	expect_runs("daily", "");
	assert_false(db_in_transaction(store_db(w->f.store)));
	w->fail = 0;
	until(times_moment("2026-11-28T02:02:00Z"));
	expect_runs("daily", "2026-11-28:ran ");
}

static void
destruction_is_planned_ahead(void **state)
{
	(void)state;
	add("wipe",
	    "'kind':'reinstall','hosts':'@site=los','cron':'0 3 * * *','tz':'UTC'");
	add("few",
	    "'kind':'reinstall','hosts':'@site=ktm','cron':'0 3 * * *','tz':'UTC'");
	expect_time(row_of("wipe").due, "2026-11-27T03:00:00Z");
	until(times_moment("2026-11-28T02:59:59Z"));
	/* At once, since its time is less than a day ahead. */
	assert_int_equal(w->n, 1);
	assert_true(w->v[0].approval);
	expect_time(w->v[0].at, START);
	expect_time(w->v[0].opens, "2026-11-28T03:00:00Z");
	until(times_moment("2026-11-28T12:00:00Z"));
	/* Of one host nobody has to approve, and it begins when it opens. The next of three waits for the one before. */
	assert_int_equal(w->n, 2);
	assert_false(w->v[1].approval);
	expect_time(w->v[1].at, "2026-11-28T03:00:00Z");
	expect_runs("wipe", "2026-11-28:ran ");
	finish(0);
	until(times_moment("2026-11-29T12:00:00Z"));
	expect_runs("wipe", "2026-11-29:ran 2026-11-28:ran ");
	assert_true(w->v[2].approval);
	expect_time(w->v[2].at, "2026-11-29T03:00:00Z");
}

/* ---- clocks ---- */

static void
a_clock_that_is_set_back_brings_no_run_again(void **state)
{
	(void)state;
	add("daily", "'hosts':'@site=los','cron':'0 3 * * *'");
	until(times_moment("2026-11-28T02:10:00Z"));
	assert_int_equal(w->n, 1);
	finish(0);
	w->now = times_moment("2026-11-28T01:00:00Z");
	until(times_moment("2026-11-28T04:00:00Z"));
	assert_int_equal(w->n, 1);
	w->now = times_moment("2026-11-28T01:00:00Z");
	boot();
	until(times_moment("2026-11-29T04:00:00Z"));
	assert_int_equal(w->n, 2);
	expect_runs("daily", "2026-11-29:ran 2026-11-28:ran ");
}

static void
a_clock_that_was_years_ahead_loses_nothing(void **state)
{
	(void)state;
	add("skip", "'hosts':'@site=los','cron':'0 3 * * *'");
	add("once", "'hosts':'@site=los','cron':'0 3 * * *','missed':'run-once'");
	until(times_moment("2026-11-27T20:00:00Z"));
	w->now = times_moment("2029-11-27T20:00:00Z");
	until(times_moment("2029-11-27T20:00:10Z"));
	expect_runs("skip", "2029-11-27:missed ");
	expect_runs("once", "2029-11-27:ran ");
	finish(0);
	w->now = times_moment("2026-11-27T20:05:00Z");
	until(times_moment("2026-11-29T12:00:00Z"));
	expect_runs("skip", "2029-11-27:missed 2026-11-29:busy 2026-11-28:ran ");
	expect_runs("once", "2029-11-27:ran 2026-11-29:busy 2026-11-28:ran ");
}

static void
a_single_time_comes_once(void **state)
{
	struct db_schedule row;

	(void)state;
	add("once", "'hosts':'@site=los','at':'2026-11-28 03:00'");
	until(times_moment("2026-12-28T00:00:00Z"));
	expect_runs("once", "2026-11-28:ran ");
	row = row_of("once");
	assert_int_equal(row.next, 0);
	assert_int_equal(row.due, 0);
	w->now = times_moment("2026-11-27T00:00:00Z");
	boot();
	until(times_moment("2026-12-28T00:00:00Z"));
	assert_int_equal(w->n, 1);
}

static void
run_now(void **state)
{
	const struct audit_who who = {.name = "bob"};
	struct db_schedule row;
	struct schedule_doc *doc = NULL;
	struct error err = {.code = ""};
	char id[ID_SIZE];

	(void)state;
	add("weekly", SUNDAYS);
	assert_int_equal(db_schedule_get(w->f.store, "weekly", &row), 0);
	json_t *v = json_loads(row.doc, 0, NULL);
	assert_int_equal(schedule_doc_parse(v, 0, &doc, &err), 0);
	json_decref(v);
	assert_int_equal(db_begin(store_db(w->f.store)), 0);
	assert_int_equal(
	    scheduler_run_now(w->s, &row, doc, &who, "", w->now, id, &err), 0);
	assert_int_equal(db_commit(store_db(w->f.store)), 0);
	assert_int_equal(w->n, 1);
	assert_string_equal(w->v[0].by, "bob");
	assert_true(w->v[0].nominal == DB_ROLLOUT_NO_NOMINAL);
	expect_time(w->v[0].opens, START);
	expect_time(w->v[0].closes, "2026-11-27T14:00:00Z");
	/* Not beside itself. */
	assert_int_equal(db_begin(store_db(w->f.store)), 0);
	assert_int_equal(
	    scheduler_run_now(w->s, &row, doc, &who, "", w->now, id, &err), -EPERM);
	db_rollback(store_db(w->f.store));
	assert_string_equal(err.code, "schedule-busy");
	finish(0);
	until(times_moment("2026-11-30T00:00:00Z"));
	expect_runs("weekly", "2026-11-29:ran 2026-11-27:ran ");
	schedule_doc_free(doc);
	db_schedule_done(&row);
}

/* It may end between any two calls: each run is begun at most once, and none is lost that nothing stands
 * against. */
static void
killed_at_every_tick(void **state)
{
	(void)state;
	add("daily", "'hosts':'@site=los','cron':'0 3 * * *'");
	add("round", "'hosts':'@role=edge','cron':'30 2 * * *','window_s':3600");
	int n = 0;
	for (int64_t end = w->now + 10 * DAY; w->now < end && n < 20000;) {
		int64_t next = scheduler_tick(w->s, w->now);

		for (size_t i = 0; i < w->n; i++)
			finish(i);
		w->now = next > w->now ? w->now + 13 * MINUTE : next;
		if (++n % 3 == 0)
			boot();
	}
	assert_int_equal(w->n, 20);
	for (size_t i = 0; i < w->n; i++)
		for (size_t j = 0; j < i; j++)
			assert_true(w->v[i].nominal != w->v[j].nominal);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_run_begins_where_the_sun_rises_first),
	    TEST(a_run_waits_for_its_own_night),
	    TEST(hosts_are_those_of_then),
	    TEST(a_new_zone_is_seen),
	    TEST(pause_skip_and_blackout),
	    TEST(what_was_missed_is_said_or_made_up_for),
	    TEST(the_next_run_is_enough),
	    TEST(within_its_window_it_is_begun_late),
	    TEST(one_that_is_not_over_keeps_the_next_from_beginning),
	    TEST(more_hosts_than_its_limit),
	    TEST(what_fails_is_tried_again),
	    TEST(destruction_is_planned_ahead),
	    TEST(a_clock_that_is_set_back_brings_no_run_again),
	    TEST(a_clock_that_was_years_ahead_loses_nothing),
	    TEST(a_single_time_comes_once),
	    TEST(run_now),
	    TEST(killed_at_every_tick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
