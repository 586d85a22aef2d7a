/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/db_hold.h"

#include "fixture.h"

static void
add_name(void *arg, const struct db_hold *hold)
{
	char *text = arg;

	str_clip(
	    text + strlen(text), 64 - strlen(text), hold->site[0] ? hold->site : "*");
	str_clip(text + strlen(text), 64 - strlen(text), " ");
}

static void
the_world_and_sites_are_held_apart(void **state)
{
	struct store *s = *state;
	struct db_hold world = {.at = 5, .by = "ann", .reason = "INC-1"},
		       los = {.site = "los", .at = 6, .by = "ben", .reason = "INC-2"},
		       named = {.site = "world", .at = 7, .by = "cid", .reason = "x"},
		       got;
	char text[64] = "";

	assert_int_equal(db_hold_get(s, NULL, &got), -ENOENT);
	assert_int_equal(db_hold_add(s, &los), 0);
	assert_int_equal(db_hold_add(s, &named), 0);
	/* A site may have any name. */
	assert_int_equal(db_hold_get(s, NULL, &got), -ENOENT);
	assert_int_equal(db_hold_add(s, &world), 0);
	assert_int_equal(db_hold_add(s, &world), -EEXIST);
	assert_int_equal(db_hold_get(s, "", &got), 0);
	assert_memory_equal(&got, &world, sizeof(got));
	assert_int_equal(db_hold_get(s, "los", &got), 0);
	assert_memory_equal(&got, &los, sizeof(got));
	assert_int_equal(db_hold_get(s, "prg", &got), -ENOENT);
	assert_int_equal(db_hold_list(s, add_name, text), 0);
	assert_string_equal(text, "* los world ");
	assert_int_equal(db_hold_delete(s, "los"), 0);
	assert_int_equal(db_hold_delete(s, "los"), -ENOENT);
	assert_int_equal(db_hold_delete(s, NULL), 0);
	assert_int_equal(db_hold_get(s, "world", &got), 0);
}

static void
put_job(struct store *s, const char *id, const char *host, enum db_job_state state,
    int64_t not_before)
{
	struct db_job job = fixture_make_job(id, host);

	job.not_before = not_before;
	job.not_after = not_before ? not_before + 9 : 0;
	job.state = state;
	assert_int_equal(db_job_add(s, &job, "{}"), 0);
}

static void
what_has_not_begun(void **state)
{
	struct store *s = *state;
	struct store_names ids = {0}, due = {0};
	struct db_job got;
	int64_t n = 0;

	put_job(s, "job1", "a", DB_JOB_QUEUED, 0);
	put_job(s, "job2", "b", DB_JOB_ACCEPTED, FIXTURE_NOW + 60);
	put_job(s, "job3", "c", DB_JOB_ACCEPTED, 0);
	put_job(s, "job4", "d", DB_JOB_RUNNING, FIXTURE_NOW);
	put_job(s, "job5", "e", DB_JOB_QUEUED, 0);
	assert_int_equal(db_job_cancel(s, "job5", "ann", "x", 4), 0);
	assert_int_equal(db_job_unbegun(s, "prg", NULL, &ids), 0);
	assert_int_equal(ids.n, 0);
	assert_int_equal(db_job_unbegun(s, "los", NULL, &ids), 0);
	assert_int_equal(ids.n, 2);
	assert_string_equal(ids.v[1], "job2");
	store_names_done(&ids);
	assert_int_equal(db_job_unbegun(s, NULL, "b", &ids), 0);
	assert_int_equal(ids.n, 1);
	store_names_done(&ids);
	assert_int_equal(db_job_open_count(s, NULL, &n), 0);
	assert_int_equal(n, 5);
	assert_int_equal(db_job_open_count(s, "prg", &n), 0);
	assert_int_equal(n, 0);
	/* It is told while it has not begun, and is asked for once more by people all the same. */
	assert_int_equal(db_job_hold(s, "job2", "site-frozen", "ben", "INC", 5), 0);
	assert_int_equal(db_job_hold(s, "job5", "site-frozen", "ben", "INC", 5), 0);
	assert_int_equal(db_job_get(s, "job5", &got), 0);
	assert_string_equal(got.cancel_code, "");
	assert_int_equal(db_job_due_of_site(s, "los", false, 9, &due), 0);
	assert_int_equal(due.n, 3);
	store_names_done(&due);
	assert_int_equal(db_job_get(s, "job2", &got), 0);
	assert_string_equal(got.cancel_code, "site-frozen");
	got.state = DB_JOB_RUNNING;
	assert_int_equal(db_job_update(s, &got), 0);
	assert_int_equal(db_job_due_of_site(s, "los", false, 9, &due), 0);
	assert_int_equal(due.n, 2);
	store_names_done(&due);
	assert_int_equal(db_job_cancel(s, "job2", "cid", "really", 7), 0);
	assert_int_equal(db_job_get(s, "job2", &got), 0);
	assert_string_equal(got.cancel_by, "cid");
	assert_string_equal(got.cancel_code, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(the_world_and_sites_are_held_apart),
	    FIXTURE_TEST(what_has_not_begun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
