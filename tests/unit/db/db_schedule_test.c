/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/db_schedule.h"

#include "fixture.h"

#include "lib/str.h"

static void
add(struct store *s, const char *name, int64_t due)
{
	struct db_schedule row = {.doc = "{}",
	    .created = 1000,
	    .created_by = "ada",
	    .changed = 1000,
	    .changed_by = "ada",
	    .next = due,
	    .due = due};

	str_clip(row.name, sizeof(row.name), name);
	assert_int_equal(db_schedule_add(s, &row), 0);
}

static void
expect_due(struct store *s, int64_t until, const char *want)
{
	struct store_names names = {0};
	char got[200] = "";

	assert_int_equal(db_schedule_due(s, until, 10, &names), 0);
	for (size_t i = 0; i < names.n; i++) {
		strcat(got, names.v[i]);
		strcat(got, " ");
	}
	assert_string_equal(got, want);
	store_names_done(&names);
}

static void
those_that_are_due_come_in_order(void **state)
{
	struct store *s = *state;
	struct db_schedule row = {.doc = NULL};
	int64_t due;

	assert_int_equal(db_schedule_next_due(s, &due), -ENOENT);
	add(s, "later", 300);
	add(s, "never", 0);
	add(s, "soon", 100);
	add(s, "next", 200);
	assert_int_equal(db_schedule_next_due(s, &due), 0);
	assert_int_equal(due, 100);
	expect_due(s, 99, "");
	expect_due(s, 200, "soon next ");
	assert_int_equal(db_schedule_get(s, "soon", &row), 0);
	row.last = row.next;
	row.next = 1100;
	row.due = 1100;
	assert_int_equal(db_schedule_plan(s, &row), 0);
	db_schedule_done(&row);
	expect_due(s, 300, "next later ");
	assert_int_equal(db_schedule_get(s, "never", &row), 0);
	assert_int_equal(row.due, 0);
	db_schedule_done(&row);
}

static void
what_is_written_is_read(void **state)
{
	struct store *s = *state;
	struct db_schedule row = {.doc = NULL}, old;

	add(s, "weekly", 100);
	assert_int_equal(db_schedule_get(s, "weekly", &old), 0);
	assert_string_equal(old.created_by, "ada");
	old.paused_at = 5;
	str_clip(old.paused_by, sizeof(old.paused_by), "bob");
	str_clip(old.paused_reason, sizeof(old.paused_reason), "why");
	assert_int_equal(db_schedule_pause(s, &old), 0);
	assert_int_equal(db_schedule_get(s, "weekly", &row), 0);
	assert_int_equal(row.rev, old.rev + 1);
	assert_int_equal(row.paused_at, 5);
	assert_string_equal(row.paused_reason, "why");
	db_schedule_done(&old);
	free(row.doc);
	row.doc = str_dup("{\"a\":1}");
	row.skip = 7;
	str_clip(row.changed_by, sizeof(row.changed_by), "cy");
	assert_int_equal(db_schedule_put(s, &row), 0);
	db_schedule_done(&row);
	assert_int_equal(db_schedule_get(s, "weekly", &row), 0);
	assert_string_equal(row.doc, "{\"a\":1}");
	assert_string_equal(row.changed_by, "cy");
	assert_int_equal(row.skip, 7);
	assert_int_equal(db_schedule_add(s, &row), -EEXIST);
	db_schedule_done(&row);
	assert_int_equal(db_schedule_get(s, "none", &row), -ENOENT);
}

static void
put_run(struct store *s, int64_t nominal, const char *outcome)
{
	struct db_schedule_run run = {
	    .schedule = "weekly", .nominal = nominal, .at = nominal + 1};

	str_clip(run.outcome, sizeof(run.outcome), outcome);
	assert_int_equal(db_begin(store_db(s)), 0);
	assert_int_equal(db_schedule_run_put(s, &run, nominal - 1000), 0);
	assert_int_equal(db_commit(store_db(s)), 0);
}

static void
collect(void *arg, const struct db_schedule_run *run)
{
	size_t len = strlen(arg);

	snprintf((char *)arg + len, 200 - len, "%lld:%s ", (long long)run->nominal,
	    run->outcome);
}

static void
runs_are_kept_for_a_time(void **state)
{
	struct store *s = *state;
	struct db_schedule_run run;
	char got[200] = "";

	add(s, "weekly", 100);
	put_run(s, 100, "missed");
	put_run(s, 200, "ran");
	put_run(s, 100, "ran");
	assert_int_equal(db_schedule_runs(s, "weekly", INT64_MAX, 10, collect, got), 0);
	assert_string_equal(got, "200:ran 100:ran ");
	put_run(s, 1150, "busy");
	got[0] = '\0';
	assert_int_equal(db_schedule_runs(s, "weekly", 1150, 10, collect, got), 0);
	assert_string_equal(got, "200:ran ");
	assert_int_equal(db_schedule_run_get(s, "weekly", 1150, &run), 0);
	assert_string_equal(run.outcome, "busy");
	assert_int_equal(db_begin(store_db(s)), 0);
	assert_int_equal(db_schedule_delete(s, "weekly"), 0);
	assert_int_equal(db_commit(store_db(s)), 0);
	assert_int_equal(db_schedule_run_get(s, "weekly", 1150, &run), -ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(those_that_are_due_come_in_order),
	    FIXTURE_TEST(what_is_written_is_read),
	    FIXTURE_TEST(runs_are_kept_for_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
