/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/db_webhook.h"

#include "db/db_metrics.h"
#include "fixture.h"

static struct db_webhook_delivery
make(const char *id, const char *name, int64_t seq)
{
	struct db_webhook_delivery d = {
	    .seq = seq, .kind = "job.failed", .host = "a", .created = FIXTURE_NOW + seq};

	str_clip(d.id, sizeof(d.id), id);
	str_clip(d.webhook, sizeof(d.webhook), name);
	return d;
}

static void
put(struct store *s, const char *id, const char *name, int64_t seq)
{
	const struct db_webhook_delivery d = make(id, name, seq);

	assert_int_equal(db_webhook_queue(s, &d, NULL), 0);
}

static int64_t
queued(struct store *s, const char *name)
{
	int64_t n = -1;

	assert_int_equal(db_webhook_queued(s, name, &n), 0);
	return n;
}

static void
deliveries_come_in_order_and_once(void **state)
{
	struct store *s = *state;
	struct db_webhook_delivery d = make("d3", "ops", 30);
	struct db_webhook row;
	bool added = false;

	assert_int_equal(db_webhook_queue(s, &d, NULL), -ENOLINK);
	assert_int_equal(db_webhook_add(s, "ops", 7), 0);
	assert_int_equal(db_webhook_add(s, "ops", 9), 0);
	assert_int_equal(db_webhook_add(s, "chat", 0), 0);
	assert_int_equal(db_webhook_next(s, "ops", &d), -ENOENT);
	put(s, "d3", "ops", 30);
	put(s, "d1", "ops", 10);
	put(s, "x1", "chat", 10);
	d = make("d9", "ops", 10);
	assert_int_equal(db_webhook_queue(s, &d, &added), 0);
	assert_false(added); /* that event is queued, under its first id */
	assert_int_equal(queued(s, "ops"), 2);
	assert_int_equal(db_webhook_next(s, "ops", &d), 0);
	assert_string_equal(d.id, "d1");
	assert_string_equal(d.kind, "job.failed");
	fixture_begin(s);
	assert_int_equal(db_webhook_failed(s, &d, "no", FIXTURE_NOW), 0);
	fixture_commit(s);
	assert_int_equal(db_webhook_next(s, "ops", &d), 0);
	assert_string_equal(d.id, "d1");
	assert_int_equal(d.attempts, 1);
	assert_string_equal(d.error, "no");
	fixture_begin(s);
	assert_int_equal(db_webhook_done(s, &d, FIXTURE_NOW + 1), 0);
	fixture_commit(s);
	assert_int_equal(db_webhook_next(s, "ops", &d), 0);
	assert_string_equal(d.id, "d3");
	assert_int_equal(db_webhook_get(s, "ops", &row), 0);
	assert_int_equal(row.delivered, 1);
	assert_int_equal(row.last_ok, FIXTURE_NOW + 1);
	assert_string_equal(row.last_error, "no");
	assert_int_equal(queued(s, "chat"), 1);
	assert_int_equal(db_webhook_get(s, "none", &row), -ENOENT);
}

static void
count(void *arg, const struct db_webhook_delivery *d)
{
	int *n = arg;

	assert_string_equal(d->webhook, "ops");
	++*n;
}

static void
what_is_given_up_stays_for_a_while(void **state)
{
	struct store *s = *state;
	struct db_webhook_delivery d;
	struct db_webhook row;
	int64_t n = 0;
	int seen = 0;

	assert_int_equal(db_webhook_add(s, "ops", 0), 0);
	for (int64_t i = 1; i <= 4; i++) {
		char id[4] = {'d', (char)('0' + i)};
		put(s, id, "ops", i);
	}
	assert_int_equal(db_webhook_next(s, "ops", &d), 0);
	fixture_begin(s);
	assert_int_equal(db_webhook_give_up(s, &d), 0);
	assert_int_equal(
	    db_webhook_expire(s, "ops", FIXTURE_NOW + 4, FIXTURE_NOW + 9, "late", &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(db_webhook_dropped(s, "ops", 5), 0);
	fixture_commit(s);
	assert_int_equal(queued(s, "ops"), 1);
	assert_int_equal(db_webhook_get(s, "ops", &row), 0);
	assert_int_equal(row.gave_up, 3);
	assert_int_equal(row.dropped, 5);
	assert_int_equal(db_webhook_given_up(s, "ops", 10, count, &seen), 0);
	assert_int_equal(seen, 3);
	assert_int_equal(db_webhook_prune(s, "ops", FIXTURE_NOW + 10), 0);
	seen = 0;
	assert_int_equal(db_webhook_given_up(s, "ops", 10, count, &seen), 0);
	assert_int_equal(seen, 1); /* it was never tried: that is not old */
	assert_int_equal(db_webhook_delete(s, "ops"), 0);
	assert_int_equal(queued(s, "ops"), 0);
}

static void
the_cursor_is_one_number(void **state)
{
	struct store *s = *state;
	struct store_names names = {0};
	int64_t seq = 0;

	assert_int_equal(db_webhook_cursor(s, &seq), -ENOENT);
	assert_int_equal(db_webhook_cursor_set(s, 7), 0);
	assert_int_equal(db_webhook_cursor_set(s, 9), 0);
	assert_int_equal(db_webhook_cursor(s, &seq), 0);
	assert_int_equal(seq, 9);
	assert_int_equal(db_webhook_names(s, &names), 0);
	assert_int_equal(names.n, 0);
	store_names_done(&names);
}

static void
keep(void *arg, const struct db_metrics_job *job)
{
	struct db_metrics_job *jobs = arg;

	jobs[str_eq(job->kind, "rescue")] = *job;
}

static void
open_jobs_with_their_stage(void **state)
{
	struct store *s = *state;
	struct db_metrics_job got[2] = {{.kind = ""}, {.kind = ""}};
	struct db_job job = fixture_make_job("01k9xyz0a0abcdef", "a");
	struct db_job_stage stage = {.job = "01k9xyz0a0abcdef",
	    .attempt = 1,
	    .stage = "kernel",
	    .state = "entered",
	    .at = FIXTURE_NOW,
	    .deadline_us = 5,
	    .seq = 1};
	int64_t n = -1;

	assert_int_equal(db_job_add(s, &job, "{}"), 0);
	job.state = DB_JOB_RUNNING;
	job.attempt = 1;
	strcpy(job.stage, "kernel");
	assert_int_equal(db_job_update(s, &job), 0);
	assert_int_equal(db_job_stage_put(s, &stage), 0);
	job = fixture_make_job("01k9xyz0a0abcdeg", "b");
	strcpy(job.kind, "rescue");
	assert_int_equal(db_job_add(s, &job, "{}"), 0);
	job = fixture_make_job("01k9xyz0a0abcdeh", "c");
	assert_int_equal(db_job_add(s, &job, "{}"), 0);
	job.state = DB_JOB_DONE;
	job.ended = 1;
	assert_int_equal(db_job_update(s, &job), 0);
	assert_int_equal(db_metrics_jobs(s, keep, got), 0);
	assert_string_equal(got[0].stage, "kernel");
	assert_int_equal(got[0].state, DB_JOB_RUNNING);
	assert_int_equal(got[0].entered, FIXTURE_NOW);
	assert_int_equal(got[0].deadline_us, 5);
	assert_int_equal(got[1].state, DB_JOB_QUEUED);
	assert_int_equal(got[1].entered, 0);
	assert_int_equal(got[1].deadline_us, -1);
	fixture_site(s, "los");
	assert_int_equal(fixture_put_host(s, fixture_make_host("a", "los", 1)), 0);
	assert_int_equal(db_metrics_hosts(s, "los", &n), 0);
	assert_int_equal(n, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(deliveries_come_in_order_and_once),
	    FIXTURE_TEST(what_is_given_up_stays_for_a_while),
	    FIXTURE_TEST(the_cursor_is_one_number),
	    FIXTURE_TEST(open_jobs_with_their_stage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
