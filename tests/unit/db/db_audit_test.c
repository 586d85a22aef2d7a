/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/db_audit.h"

#include "fixture.h"

static void
add(struct store *s, const char *object)
{
	const struct db_audit r = {.at = FIXTURE_NOW,
	    .who = "ada",
	    .uid = 1000,
	    .what = "host.change",
	    .object = object,
	    .reason = "INC-1",
	    .result = "ok",
	    .detail = ""};

	assert_int_equal(db_audit_add(s, &r), 0);
}

static void
note(void *arg, const struct db_audit *r)
{
	assert_string_equal(r->who, "ada");
	assert_int_equal(r->uid, 1000);
	strcat(arg, r->object);
}

static void
rows_are_kept_in_order(void **state)
{
	struct store *s = *state;
	char got[20] = "";

	add(s, "a");
	add(s, "b");
	add(s, "c");
	assert_int_equal(db_audit_list(s, 1, 10, note, got), 0);
	assert_string_equal(got, "bc");
}

/* What somebody with the file at hand could do: lift the triggers, then write. */
static void
tamper(struct store *s, const char *sql)
{
	static const char *const lift[] = {"DROP TRIGGER IF EXISTS audit_no_update",
	    "DROP TRIGGER IF EXISTS audit_no_delete"};
	struct db_stmts *set = NULL;
	struct error err;

	for (size_t i = 0; i < 3; i++) {
		const char *one = i < 2 ? lift[i] : sql;
		assert_int_equal(db_stmts_new(store_db(s), &one, 1, &set, &err), 0);
		assert_true(db_run(db_stmt(set, 0)) >= 0);
		db_stmts_free(set);
	}
}

static void
expect_break(void **state, const char *sql, int64_t at)
{
	struct store *s = *state;
	int64_t bad = -1;

	add(s, "a");
	add(s, "b");
	add(s, "c");
	assert_int_equal(db_audit_verify(s, &bad), 0);
	assert_int_equal(bad, 0);
	tamper(s, sql);
	assert_int_equal(db_audit_verify(s, &bad), 0);
	assert_int_equal(bad, at);
}

static void
a_changed_row_breaks_the_chain(void **state)
{
	expect_break(state, "UPDATE audit SET who = 'bob' WHERE seq = 2", 2);
}

static void
a_removed_row_breaks_the_chain(void **state)
{
	expect_break(state, "DELETE FROM audit WHERE seq = 1", 1);
}

static void
a_moved_reason_breaks_the_chain(void **state)
{
	expect_break(
	    state, "UPDATE audit SET reason = '', detail = 'INC-1' WHERE seq = 3", 3);
}

static void
rows_stay_as_they_are(void **state)
{
	static const char *const sql[] = {
	    "UPDATE audit SET who = 'x'", "DELETE FROM audit"};
	struct store *s = *state;
	struct db_stmts *set = NULL;
	struct error err;

	add(s, "a");
	assert_int_equal(db_stmts_new(store_db(s), sql, 2, &set, &err), 0);
	assert_int_equal(db_run(db_stmt(set, 0)), -EPERM);
	assert_int_equal(db_run(db_stmt(set, 1)), -EPERM);
	db_stmts_free(set);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(rows_are_kept_in_order),
	    FIXTURE_TEST(a_changed_row_breaks_the_chain),
	    FIXTURE_TEST(a_removed_row_breaks_the_chain),
	    FIXTURE_TEST(a_moved_reason_breaks_the_chain),
	    FIXTURE_TEST(rows_stay_as_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
