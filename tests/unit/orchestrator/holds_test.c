/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/holds.h"

#include "fixture.h"

#include "db/db_event.h"
#include "db/db_job.h"
#include "orchestrator/hold_words.h"

static int
setup(void **state)
{
	fixture_open(state);
	assert_string_equal(fixture_apply(*state, FIXTURE_DOCUMENT, NULL), "");
	return 0;
}

static void
put_job(struct fixture *f, const char *id, const char *host, enum db_job_state state,
    int64_t not_before)
{
	struct db_job job = {.kind = "reboot",
	    .site = "los",
	    .reason = "INC-1",
	    .by = "ada",
	    .created = FIXTURE_NOW,
	    .stage = "queued",
	    .state = state,
	    .not_before = not_before,
	    .not_after = not_before ? not_before + 9 : 0};

	str_clip(job.id, sizeof(job.id), id);
	str_clip(job.host, sizeof(job.host), host);
	assert_int_equal(db_job_add(f->store, &job, "{}"), 0);
	if (state != DB_JOB_QUEUED)
		assert_int_equal(db_job_sent(f->store, id, FIXTURE_NOW), 0);
}

static struct db_job
get(struct fixture *f, const char *id)
{
	struct db_job job;

	assert_int_equal(db_job_get(f->store, id, &job), 0);
	return job;
}

static void
hold(struct fixture *f, const char *site, struct holds_effect *e)
{
	assert_int_equal(db_begin(store_db(f->store)), 0);
	assert_int_equal(
	    holds_begin(f->store, site, &fixture_who, "INC-9", FIXTURE_NOW, e), 0);
	assert_int_equal(db_commit(store_db(f->store)), 0);
}

static int
unhold(struct fixture *f, const char *site)
{
	assert_int_equal(db_begin(store_db(f->store)), 0);
	int rc = holds_end(f->store, site, &fixture_who, "over", FIXTURE_NOW);
	if (rc == 0)
		assert_int_equal(db_commit(store_db(f->store)), 0);
	else
		db_rollback(store_db(f->store));
	return rc;
}

static void
nothing_begins_where_it_is_held(void **state)
{
	struct fixture *f = *state;
	struct holds_effect e = {.ended = 0};
	struct error err = {.code = ""};

	assert_int_equal(holds_check(f->store, "los", &err), 0);
	assert_int_equal(unhold(f, "los"), -ENOENT);
	hold(f, "los", &e);
	assert_int_equal(holds_check(f->store, "los", &err), -EPERM);
	assert_string_equal(err.code, "site-frozen");
	assert_non_null(strstr(err.text, "by ada: INC-9"));
	assert_non_null(strstr(err.next, "site unfreeze los"));
	assert_int_equal(holds_check(f->store, "prg", &err), 0);
	assert_int_equal(holds_check(f->store, NULL, &err), 0);
	hold(f, NULL, &e);
	assert_int_equal(holds_check(f->store, "prg", &err), -EPERM);
	assert_string_equal(err.code, "world-stopped");
	assert_int_equal(holds_check(f->store, NULL, NULL), -EPERM);
	assert_int_equal(unhold(f, NULL), 0);
	assert_int_equal(holds_check(f->store, "los", &err), -EPERM);
	assert_int_equal(unhold(f, "los"), 0);
	assert_int_equal(holds_check(f->store, "los", &err), 0);
	holds_effect_done(&e);
}

static void
jobs_are_kept_from_beginning(void **state)
{
	struct fixture *f = *state;
	struct holds_effect e = {.ended = 0}, again = {.ended = 0};

	put_job(f, "job1", "a.los", DB_JOB_QUEUED, 0);
	put_job(f, "job2", "b.los", DB_JOB_ACCEPTED, FIXTURE_NOW + 60);
	put_job(f, "job3", "c.los", DB_JOB_RUNNING, 0);
	hold(f, NULL, &e);
	assert_int_equal(e.ended, 1);
	assert_int_equal(e.told, 1);
	assert_int_equal(e.running, 1);
	assert_true(strset_find(&e.told_at, "los", NULL));
	assert_int_equal(e.jobs.n, 2);
	struct db_job job = get(f, "job1");
	assert_int_equal(job.state, DB_JOB_CANCELLED);
	assert_string_equal(job.verdict_code, "world-stopped");
	assert_true(hold_words_is(job.verdict_code));
	assert_string_equal(job.cancel_by, "ada");
	job = get(f, "job2");
	assert_int_equal(job.ended, 0);
	assert_string_equal(job.cancel_code, "world-stopped");
	assert_int_equal(get(f, "job3").cancel_at, 0);
	/* Once more changes nothing. */
	hold(f, NULL, &again);
	assert_int_equal(again.ended + again.told, 0);
	/* Who it was that cancelled it stays. */
	assert_int_equal(unhold(f, NULL), 0);
	assert_string_equal(get(f, "job2").cancel_code, "world-stopped");
	holds_effect_done(&e);
	holds_effect_done(&again);
}

static void
a_locked_host_begins_nothing(void **state)
{
	struct fixture *f = *state;
	struct holds_effect e = {.ended = 0};

	put_job(f, "job1", "a.los", DB_JOB_QUEUED, 0);
	put_job(f, "job2", "a.los", DB_JOB_ACCEPTED, FIXTURE_NOW + 60);
	put_job(f, "job3", "b.los", DB_JOB_QUEUED, 0);
	assert_int_equal(db_begin(store_db(f->store)), 0);
	assert_int_equal(
	    holds_lock_host(f->store, "a.los", &fixture_who, "disk", FIXTURE_NOW, &e), 0);
	assert_int_equal(db_commit(store_db(f->store)), 0);
	assert_string_equal(get(f, "job1").verdict_code, "host-locked");
	assert_string_equal(get(f, "job2").cancel_code, "host-locked");
	assert_int_equal(get(f, "job3").ended, 0);
	holds_effect_done(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		nothing_begins_where_it_is_held, setup, fixture_close),
	    cmocka_unit_test_setup_teardown(
		jobs_are_kept_from_beginning, setup, fixture_close),
	    cmocka_unit_test_setup_teardown(
		a_locked_host_begins_nothing, setup, fixture_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
