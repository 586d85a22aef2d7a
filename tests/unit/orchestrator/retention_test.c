/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Letting go, with crashes: a store is closed in the middle of a round and opened again, the round forgotten. */
#include "orchestrator/retention.h"

#include "fixture.h"

#include "db/db_audit.h"
#include "db/db_boot.h"
#include "db/db_discovered.h"
#include "db/db_drill.h"
#include "db/db_event.h"
#include "db/db_job.h"
#include "db/db_retention.h"
#include "db/db_rollout.h"
#include "lib/clock.h"

#define DAY (24LL * 3600 * USEC_PER_SEC)
enum { EVENTS = 900 };

static const struct retention_days all = {10, 5, 10, 10, 10};

/* Every third is of progress; the last of all is not. */
static void
add_events(struct store *s, int n, int64_t at)
{
	assert_int_equal(db_begin(store_db(s)), 0);
	for (int i = 0; i < n; i++) {
		struct event ev =
		    event_make(i % 3 == 0 ? "http.progress" : "http.end", at);
		assert_int_equal(db_event_add(s, &ev, NULL, 0, NULL), 0);
		event_done(&ev);
	}
	assert_int_equal(db_commit(store_db(s)), 0);
}

static int
count_event(void *arg, int64_t seq UNUSED, const struct event *ev)
{
	int *n = arg;

	n[str_eq(ev->kind, "http.progress") ? 1 : 0]++;
	return 0;
}

static void
events_are(struct store *s, int others, int progress)
{
	const struct db_event_filter f = {.limit = INT64_MAX};
	int n[2] = {0, 0};

	assert_int_equal(db_event_list(s, &f, count_event, n), 0);
	assert_int_equal(n[0], others);
	assert_int_equal(n[1], progress);
}

/* As many turns as it takes, or `max`. */
static int
turns(struct store *s, int64_t now, int max)
{
	struct retention_round rnd = {.rows = RETENTION_ROWS_MIN};
	int n = 0, rc = 1;

	while (n < max && rc > 0) {
		rc = retention_turn(s, &all, &rnd, now);
		assert_true(rc >= 0);
		n++;
	}
	return n;
}

/* A round a day, as a program that runs makes them. */
static void
days_pass(struct store *s, int64_t *now, int days)
{
	for (int i = 0; i < days; i++) {
		*now += DAY;
		turns(s, *now, INT32_MAX);
	}
}

static void
reopen(struct fixture *f)
{
	char path[96];
	struct error err;

	assert_true(str_format(path, sizeof(path), "%s/o.db", f->dir) == 0);
	store_close(f->store);
	f->store = NULL;
	assert_int_equal(store_open(path, FIXTURE_NOW, &f->store, &err), 0);
}

static void
events_go_by_their_age_here(void **state)
{
	struct fixture *f = *state;
	int64_t now = FIXTURE_NOW;

	reopen(f);
	turns(f->store, now, INT32_MAX);
	add_events(f->store, EVENTS, 1); /* whatever time an agent says */
	days_pass(f->store, &now, 5);
	events_are(f->store, 600, 300);
	days_pass(f->store, &now, 1);
	events_are(f->store, 600, 0);
	add_events(f->store, 3, now);
	days_pass(f->store, &now, 4);
	events_are(f->store, 602, 1);
	days_pass(f->store, &now, 1);
	events_are(f->store, 2, 1);
	days_pass(f->store, &now, 40);
	events_are(f->store, 1, 0); /* the newest: numbers go on from it */
	add_events(f->store, 1, now);
	events_are(f->store, 1, 1);
}

static int64_t
audited(struct store *s)
{
	static const char *const sql[] = {"SELECT coalesce(max(seq), 0) FROM audit"};
	struct db_stmts *set = NULL;
	struct error err;

	assert_int_equal(db_stmts_new(store_db(s), sql, 1, &set, &err), 0);
	struct db_stmt *st = db_stmt(set, 0);
	assert_int_equal(db_step(st), 1);
	int64_t seq = db_col_i64(st, 0);
	db_reset(st);
	db_stmts_free(set);
	return seq;
}

static void
a_crash_in_the_middle_loses_nothing_else(void **state)
{
	struct fixture *f = *state;
	int64_t now = FIXTURE_NOW;

	reopen(f);
	turns(f->store, now, INT32_MAX);
	add_events(f->store, EVENTS, now);
	days_pass(f->store, &now, 6); /* that of progress has gone */
	add_events(f->store, 9, now);
	now += DAY;
	for (int i = 0; i < 4; i++) {
		turns(f->store, now, 1);
		now += DAY;
	}
	/* The horizon has moved over all of them; some are deleted, and then it ends. */
	int64_t before = audited(f->store);
	for (int i = 0; i < 5; i++) {
		turns(f->store, now, 7 + i);
		reopen(f);
	}
	assert_int_equal(audited(f->store) - before, 1);
	int n[2] = {0, 0};
	const struct db_event_filter every = {.limit = INT64_MAX};
	assert_int_equal(db_event_list(f->store, &every, count_event, n), 0);
	assert_in_range(n[0], 7, 599);
	turns(f->store, now, INT32_MAX);
	events_are(f->store, 6, 3);
	assert_int_equal(audited(f->store) - before, 1);
}

static int
run_sql(struct store *s, const char *text)
{
	const char *const sql[] = {text};
	struct db_stmts *set = NULL;
	struct error err;

	assert_int_equal(db_stmts_new(store_db(s), sql, 1, &set, &err), 0);
	int rc = db_run(db_stmt(set, 0));
	db_stmts_free(set);
	return rc;
}

static void
nobody_gets_round_the_horizon(void **state)
{
	struct fixture *f = *state;
	int64_t now = FIXTURE_NOW;

	reopen(f);
	turns(f->store, now, INT32_MAX);
	add_events(f->store, 30, now);
	assert_int_equal(run_sql(f->store, "DELETE FROM event WHERE seq = 1"), -EPERM);
	assert_int_equal(run_sql(f->store, "UPDATE retention SET horizon = 9"), -EPERM);
	assert_int_equal(run_sql(f->store, "DELETE FROM retention"), -EPERM);
	assert_int_equal(
	    run_sql(f->store, "INSERT INTO retention VALUES ('http.end', 99)"), -EPERM);
	days_pass(f->store, &now, 6);
	events_are(f->store, 20, 0);
	assert_int_equal(run_sql(f->store, "DELETE FROM event WHERE seq = 2"), -EPERM);
	assert_int_equal(run_sql(f->store, "UPDATE retention SET horizon = 0"), -EPERM);
	assert_int_equal(run_sql(f->store, "UPDATE event SET at = 1"), -EPERM);
}

static void
a_clock_years_ahead_deletes_nothing_for_a_day(void **state)
{
	struct fixture *f = *state;
	int64_t now = FIXTURE_NOW;

	reopen(f);
	turns(f->store, now, INT32_MAX);
	add_events(f->store, 30, now);
	days_pass(f->store, &now, 1); /* a mark behind the events */
	turns(f->store, now + 3650 * DAY, INT32_MAX);
	events_are(f->store, 20, 10);
	/* The rounds of the hours after that, and of restarts. */
	turns(f->store, now + 3650 * DAY + 1, INT32_MAX);
	turns(f->store, now + 3651 * DAY - 1, INT32_MAX);
	events_are(f->store, 20, 10);
	/* Set right again, it is as if nothing had been. */
	days_pass(f->store, &now, 3);
	events_are(f->store, 20, 10);
	days_pass(f->store, &now, 2);
	events_are(f->store, 20, 0);
	/* Who leaves it wrong for longer than that has chosen so. */
	turns(f->store, now + 7300 * DAY, INT32_MAX);
	turns(f->store, now + 7301 * DAY, INT32_MAX);
	events_are(f->store, 1, 0);
}

static void
add_job(struct store *s, const char *id, const char *host, const char *boot, int64_t at)
{
	struct db_job job = {.kind = "rescue",
	    .site = "los",
	    .reason = "x",
	    .by = "root",
	    .created = at,
	    .stage = "queued"};
	struct db_boot b = {.site = "los", .planned = true, .began = at};

	str_clip(job.id, sizeof(job.id), id);
	str_clip(job.host, sizeof(job.host), host);
	str_clip(b.id, sizeof(b.id), boot);
	str_clip(b.host, sizeof(b.host), host);
	str_clip(b.job, sizeof(b.job), id);
	assert_int_equal(db_job_add(s, &job, "{}"), 0);
	assert_int_equal(db_job_attempt_add(s, id, 1, at), 0);
	job.state = DB_JOB_DONE;
	job.ended = at;
	assert_int_equal(db_job_update(s, &job), 0);
	assert_int_equal(db_boot_begin(s, &b), 0);
	assert_int_equal(db_boot_end(s, boot, "ok", "", at), 0);
}

static void
jobs_and_boots_go_together(void **state)
{
	struct fixture *f = *state;
	int64_t now = FIXTURE_NOW;
	struct db_job job;
	struct db_boot boot;
	struct db_discovered d = {
	    .mac = "52:54:00:00:00:01", .site = "los", .last_seen = now, .seen = 1};

	reopen(f);
	turns(f->store, now, INT32_MAX);
	assert_int_equal(db_begin(store_db(f->store)), 0);
	add_job(f->store, "0000000000000001", "a", "1000000000000001", now);
	add_job(f->store, "0000000000000002", "a", "1000000000000002", now);
	add_job(f->store, "0000000000000003", "b", "1000000000000003", now);
	assert_true(db_discovered_note(f->store, &d) >= 0);
	assert_int_equal(db_commit(store_db(f->store)), 0);
	days_pass(f->store, &now, 9);
	assert_int_equal(db_job_get(f->store, "0000000000000001", &job), 0);
	assert_int_equal(db_boot_get(f->store, "1000000000000001", &boot), 0);
	int64_t before = audited(f->store);
	days_pass(f->store, &now, 3);
	assert_int_equal(db_job_get(f->store, "0000000000000001", &job), -ENOENT);
	assert_int_equal(db_boot_get(f->store, "1000000000000001", &boot), -ENOENT);
	/* The newest of each host stay, and the boots that are theirs. */
	assert_int_equal(db_job_get(f->store, "0000000000000002", &job), 0);
	assert_int_equal(db_boot_get(f->store, "1000000000000002", &boot), 0);
	assert_int_equal(db_job_get(f->store, "0000000000000003", &job), 0);
	assert_int_equal(db_boot_get(f->store, "1000000000000003", &boot), 0);
	assert_int_equal(audited(f->store) - before, 2);
	assert_int_equal(db_discovered_get(f->store, d.mac, NULL, &d), -ENOENT);
}

static void
add_rollout(struct store *s, const char *id, const char *schedule, int hosts, int64_t at)
{
	struct db_rollout r = {.kind = "reboot",
	    .reason = "x",
	    .by = "root",
	    .created = at,
	    .changed = at,
	    .state = DB_ROLLOUT_DONE,
	    .opens = at,
	    .nominal = DB_ROLLOUT_NO_NOMINAL};

	str_clip(r.id, sizeof(r.id), id);
	str_clip(r.schedule, sizeof(r.schedule), schedule);
	r.doc = str_dup("{}");
	r.hosts = str_dup("all");
	assert_int_equal(db_rollout_add(s, &r), 0);
	for (int i = 0; i < hosts; i++) {
		struct db_rollout_host h = {.n = i,
		    .site = "los",
		    .batch = 1,
		    .opens = at,
		    .since = at,
		    .state = DB_ROLLOUT_HOST_OK};
		assert_true(str_format(h.host, sizeof(h.host), "h%d", i) == 0);
		assert_int_equal(db_rollout_host_add(s, id, &h), 0);
	}
	r.ended = at;
	assert_int_equal(db_rollout_update(s, &r), 0);
	db_rollout_done(&r);
}

static int
is_there(struct store *s, const char *id)
{
	struct db_rollout r;
	int rc = db_rollout_get(s, id, &r);

	if (rc == 0)
		db_rollout_done(&r);
	return rc;
}

/* Hosts in turns, the last ones first; a schedule's newest stays. */
static void
rollouts_go_with_their_hosts(void **state)
{
	struct fixture *f = *state;
	int64_t now = FIXTURE_NOW;
	struct db_rollout_host h;

	reopen(f);
	turns(f->store, now, INT32_MAX);
	add_rollout(f->store, "0000000000000001", "weekly", 3, now);
	add_rollout(f->store, "0000000000000002", "", 2 * RETENTION_ROWS_MIN + 5, now);
	add_rollout(f->store, "0000000000000003", "weekly", 3, now);
	days_pass(f->store, &now, 9);
	assert_int_equal(is_there(f->store, "0000000000000001"), 0);
	days_pass(f->store, &now, 3);
	assert_int_equal(is_there(f->store, "0000000000000001"), -ENOENT);
	assert_int_equal(is_there(f->store, "0000000000000002"), -ENOENT);
	assert_int_equal(
	    db_rollout_host_get(f->store, "0000000000000002", 0, &h), -ENOENT);
	assert_int_equal(is_there(f->store, "0000000000000003"), 0);
	assert_int_equal(db_rollout_host_get(f->store, "0000000000000003", 2, &h), 0);
}

static void
drills_go_but_for_the_newest_of_a_host(void **state)
{
	struct fixture *f = *state;
	int64_t now = FIXTURE_NOW;
	struct db_drill d = {.rollout = "r",
	    .site = "los",
	    .host = "edge01",
	    .image = "live",
	    .outcome = "ok",
	    .returned = "yes"};

	reopen(f);
	turns(f->store, now, INT32_MAX);
	d.began = d.ended = now;
	d.stages = str_dup("[]");
	str_clip(d.id, sizeof(d.id), "0000000000000001");
	assert_int_equal(db_drill_add(f->store, &d), 0);
	str_clip(d.id, sizeof(d.id), "0000000000000002");
	assert_int_equal(db_drill_add(f->store, &d), 0);
	db_drill_done(&d);
	days_pass(f->store, &now, 12);
	assert_int_equal(db_drill_get(f->store, "0000000000000001", &d), -ENOENT);
	assert_int_equal(db_drill_get(f->store, "0000000000000002", &d), 0);
	db_drill_done(&d);
}

/* An agent's clock tells when a job ended. */
static void
a_job_is_no_older_than_its_order(void **state)
{
	struct fixture *f = *state;
	int64_t now = FIXTURE_NOW;
	struct db_job job;

	reopen(f);
	turns(f->store, now, INT32_MAX);
	add_job(f->store, "01k9xyz0a0aaaaaa", "a", "b1", now);
	add_job(f->store, "01k9xyz0a0aaaaab", "a", "b2", now);
	assert_int_equal(db_job_get(f->store, "01k9xyz0a0aaaaaa", &job), 0);
	job.ended = DAY; /* in 1970 */
	assert_int_equal(db_job_update(f->store, &job), 0);
	days_pass(f->store, &now, 5);
	assert_int_equal(db_job_get(f->store, "01k9xyz0a0aaaaaa", &job), 0);
	days_pass(f->store, &now, 10);
	assert_int_equal(db_job_get(f->store, "01k9xyz0a0aaaaaa", &job), -ENOENT);
}

/* What was told last of a site's agent stays; so does not what names no site. */
static void
the_last_word_on_a_site_stays(void **state)
{
	static const char *const sites[] = {"los", "los", ""};
	struct fixture *f = *state;
	int64_t now = FIXTURE_NOW;

	reopen(f);
	turns(f->store, now, INT32_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(sites); i++) {
		struct event ev = event_make("agent.absent", now);
		str_clip(ev.site, sizeof(ev.site), sites[i]);
		assert_int_equal(db_event_add(f->store, &ev, NULL, 0, NULL), 0);
		event_done(&ev);
	}
	add_events(f->store, 2, now); /* the newest of all stays, too */
	days_pass(f->store, &now, 20);
	events_are(f->store, 2, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(events_go_by_their_age_here),
	    FIXTURE_TEST(a_crash_in_the_middle_loses_nothing_else),
	    FIXTURE_TEST(nobody_gets_round_the_horizon),
	    FIXTURE_TEST(a_clock_years_ahead_deletes_nothing_for_a_day),
	    FIXTURE_TEST(jobs_and_boots_go_together),
	    FIXTURE_TEST(rollouts_go_with_their_hosts),
	    FIXTURE_TEST(drills_go_but_for_the_newest_of_a_host),
	    FIXTURE_TEST(a_job_is_no_older_than_its_order),
	    FIXTURE_TEST(the_last_word_on_a_site_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
