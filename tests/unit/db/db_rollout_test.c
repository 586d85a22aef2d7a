/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/db_rollout.h"

#include <stdio.h>

#include "fixture.h"

static void
put(struct store *s, const char *id, const char *schedule, int64_t ended)
{
	char doc[] = "{}", hosts[] = "@role=edge";
	struct db_rollout r = {.nominal = DB_ROLLOUT_NO_NOMINAL,
	    .doc = doc,
	    .hosts = hosts,
	    .created = FIXTURE_NOW,
	    .changed = FIXTURE_NOW,
	    .opens = FIXTURE_NOW,
	    .ended = ended,
	    .state = DB_ROLLOUT_RUNNING};

	str_clip(r.id, sizeof(r.id), id);
	str_clip(r.schedule, sizeof(r.schedule), schedule);
	str_clip(r.kind, sizeof(r.kind), "reboot");
	str_clip(r.by, sizeof(r.by), "ada");
	assert_int_equal(db_rollout_add(s, &r), 0);
}

static void
put_host(struct store *s, const char *id, int64_t n, enum db_rollout_host_state state,
    int64_t closes)
{
	struct db_rollout_host h = {.n = n,
	    .batch = 1 + n / 2,
	    .opens = FIXTURE_NOW,
	    .closes = closes,
	    .state = state,
	    .since = FIXTURE_NOW};

	snprintf(h.host, sizeof(h.host), "h%lld", (long long)n);
	str_clip(h.site, sizeof(h.site), "los");
	assert_int_equal(db_rollout_host_add(s, id, &h), 0);
}

static void
a_row_comes_back(void **state)
{
	struct store *s = *state;
	struct db_rollout r;
	struct store_names ids = {0};
	const struct db_rollout_filter f = {.schedule = "weekly", .limit = 9};
	char id[ID_SIZE], who[64];

	put(s, "r1", "", 0);
	put(s, "r2", "weekly", 0);
	put(s, "r3", "weekly", 7);
	assert_int_equal(db_rollout_get(s, "r9", &r), -ENOENT);
	assert_int_equal(db_rollout_get(s, "r1", &r), 0);
	assert_string_equal(r.hosts, "@role=edge");
	assert_int_equal(r.nominal, DB_ROLLOUT_NO_NOMINAL);
	r.state = DB_ROLLOUT_HALTED;
	r.closes = 9;
	r.approved_at = 8;
	r.forgiven = 3;
	error_set(&r.why, 0, "budget-spent", "look", "2 failed");
	assert_int_equal(db_rollout_update(s, &r), 0);
	db_rollout_done(&r);
	assert_int_equal(db_rollout_get(s, "r1", &r), 0);
	assert_int_equal(r.state, DB_ROLLOUT_HALTED);
	assert_string_equal(r.why.text, "2 failed");
	assert_int_equal(r.closes, 9);
	assert_int_equal(r.approved_at, 8);
	assert_int_equal(r.forgiven, 3);
	db_rollout_done(&r);
	assert_int_equal(db_rollout_open(s, &ids), 0);
	assert_int_equal(ids.n, 2);
	assert_int_equal(db_rollout_ids(s, &f, &ids), 0);
	assert_int_equal(ids.n, 4);
	assert_string_equal(ids.v[2], "r3");
	assert_int_equal(db_rollout_last(s, NULL, id), 0);
	assert_string_equal(id, "r3");
	assert_int_equal(db_rollout_last(s, "other", id), -ENOENT);
	assert_int_equal(db_rollout_orderer(s, "weekly", who, sizeof(who)), -ENOENT);
	store_names_done(&ids);
}

static void
count(void *arg, const struct db_rollout_host *h)
{
	(void)h;
	(*(int *)arg)++;
}

static void
hosts_and_how_many(void **state)
{
	struct store *s = *state;
	struct db_rollout_host h;
	int64_t counts[DB_ROLLOUT_HOST_STATES], n = 0, of = 0;
	char id[ID_SIZE];
	int seen = 0;

	put(s, "r1", "", 0);
	put_host(s, "r1", 0, DB_ROLLOUT_HOST_OK, 0);
	put_host(s, "r1", 1, DB_ROLLOUT_HOST_DEFERRED, 5);
	put_host(s, "r1", 2, DB_ROLLOUT_HOST_JOB, 5);
	put_host(s, "r1", 3, DB_ROLLOUT_HOST_DEFERRED, 0);
	assert_int_equal(db_rollout_host_get(s, "r1", 2, &h), 0);
	str_clip(h.job, sizeof(h.job), "j2");
	error_set(&h.why, 0, "x", NULL, "y");
	assert_int_equal(db_rollout_host_put(s, "r1", &h), 0);
	assert_int_equal(db_rollout_of_job(s, "j2", id, &n), 0);
	assert_string_equal(id, "r1");
	assert_int_equal(n, 2);
	assert_int_equal(db_rollout_of_job(s, "j3", id, &n), -ENOENT);
	assert_int_equal(db_rollout_counts(s, "r1", counts), 0);
	assert_int_equal(counts[DB_ROLLOUT_HOST_DEFERRED], 2);
	assert_int_equal(counts[DB_ROLLOUT_HOST_WAITING], 0);
	assert_int_equal(db_rollout_batches(s, "r1", &n, &of), 0);
	assert_int_equal(n, 2);
	assert_int_equal(of, 2);
	assert_int_equal(db_rollout_hosts(s, "r1", NULL, 0, 2, count, &seen), 0);
	assert_int_equal(seen, 2);
	assert_int_equal(db_rollout_hosts(s, "r1", "deferred", -1, 9, count, &seen), 0);
	assert_int_equal(seen, 4);
}

static void
put_back_to_waiting(void **state)
{
	struct store *s = *state;
	struct db_rollout_host h;
	int64_t over = -1;

	put(s, "r1", "", 0);
	put_host(s, "r1", 0, DB_ROLLOUT_HOST_DEFERRED, FIXTURE_NOW + 5);
	put_host(s, "r1", 1, DB_ROLLOUT_HOST_DEFERRED, FIXTURE_NOW + 90);
	put_host(s, "r1", 2, DB_ROLLOUT_HOST_FAILED, FIXTURE_NOW + 5);
	put_host(s, "r1", 3, DB_ROLLOUT_HOST_DEFERRED, 0);
	assert_int_equal(
	    db_rollout_over(s, "r1", DB_ROLLOUT_HOST_DEFERRED, FIXTURE_NOW + 9, &over),
	    0);
	assert_int_equal(over, 1);
	assert_int_equal(db_rollout_again(s, "r1", DB_ROLLOUT_HOST_DEFERRED,
			     FIXTURE_NOW + 9, FIXTURE_NOW + 60),
	    0);
	assert_int_equal(db_rollout_host_get(s, "r1", 0, &h), 0);
	assert_int_equal(h.state, DB_ROLLOUT_HOST_WAITING);
	assert_int_equal(h.opens, FIXTURE_NOW + 9);
	assert_int_equal(h.closes, FIXTURE_NOW + 60);
	assert_int_equal(db_rollout_host_get(s, "r1", 1, &h), 0);
	assert_int_equal(h.closes, FIXTURE_NOW + 90);
	assert_int_equal(db_rollout_host_get(s, "r1", 2, &h), 0);
	assert_int_equal(h.state, DB_ROLLOUT_HOST_FAILED);
	assert_int_equal(db_rollout_host_get(s, "r1", 3, &h), 0);
	assert_int_equal(h.state, DB_ROLLOUT_HOST_WAITING);
	assert_int_equal(h.closes, 0);
}

static void
take_label(void *arg, int64_t n, const char *value)
{
	char *buf = arg;

	snprintf(buf, 32, "%lld=%s", (long long)n, value);
}

static void
labels_of_its_hosts(void **state)
{
	struct store *s = *state;
	char got[32] = "";

	fixture_site(s, "los");
	struct db_host *h = fixture_make_host("h1", "los", 1);
	h->host.n_labels = 1;
	str_clip(h->host.labels[0].key, sizeof(h->host.labels[0].key), "rack");
	str_clip(h->host.labels[0].value, sizeof(h->host.labels[0].value), "r7");
	assert_int_equal(fixture_put_host(s, h), 0);
	put(s, "r1", "", 0);
	put_host(s, "r1", 0, DB_ROLLOUT_HOST_WAITING, 0);
	put_host(s, "r1", 1, DB_ROLLOUT_HOST_WAITING, 0);
	assert_int_equal(db_rollout_labels(s, "r1", "rack", take_label, got), 0);
	assert_string_equal(got, "1=r7");
}

/* One with a time that is there already holds its host; one that waits for it does not. */
static void
what_must_begin_before_a_time_holds_its_host(void **state)
{
	struct store *s = *state;
	struct db_job job = {.created = FIXTURE_NOW,
	    .not_before = FIXTURE_NOW,
	    .not_after = FIXTURE_NOW + 60};
	char id[ID_SIZE];

	str_clip(job.id, sizeof(job.id), "j1");
	str_clip(job.kind, sizeof(job.kind), "reboot");
	str_clip(job.host, sizeof(job.host), "h1");
	str_clip(job.site, sizeof(job.site), "los");
	str_clip(job.stage, sizeof(job.stage), "queued");
	str_clip(job.rollout, sizeof(job.rollout), "r1");
	assert_int_equal(db_job_add(s, &job, "{}"), 0);
	assert_false(db_job_waits(&job));
	assert_int_equal(db_job_open_of_host(s, "h1", id), 0);
	str_clip(job.id, sizeof(job.id), "j2");
	assert_int_equal(db_job_add(s, &job, "{}"), -EEXIST);
	job.not_before++;
	assert_int_equal(db_job_add(s, &job, "{}"), 0);
	assert_true(db_job_waits(&job));
	assert_int_equal(db_job_get(s, "j1", &job), 0);
	assert_string_equal(job.rollout, "r1");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(a_row_comes_back),
	    FIXTURE_TEST(hosts_and_how_many),
	    FIXTURE_TEST(put_back_to_waiting),
	    FIXTURE_TEST(labels_of_its_hosts),
	    FIXTURE_TEST(what_must_begin_before_a_time_holds_its_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
