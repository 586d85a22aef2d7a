/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/store.h"

#include "fixture.h"

#include "db/db_schema.h"

static void
migrations_are_numbered_and_named(void **state)
{
	struct store *s = *state;
	int v = 0;

	assert_true(db_schema_count >= 1);
	for (size_t i = 0; i < db_schema_count; i++) {
		assert_int_equal(db_schema_migrations[i].version, i + 1);
		assert_non_null(strchr(db_schema_migrations[i].name, '_'));
	}
	assert_int_equal(db_schema_version(store_db(s), &v), 0);
	assert_int_equal(v, db_schema_count);
}

static void
names_grow(void **state)
{
	struct store_names names = {0};

	(void)state;
	for (int i = 0; i < 100; i++)
		store_names_add(&names, "x");
	assert_int_equal(names.n, 100);
	store_names_done(&names);
	assert_null(names.v);
	store_names_done(&names);
	store_close(NULL);
}

static void
a_store_that_does_not_open_leaves_nothing(void **state)
{
	struct store *s = NULL;
	struct error err = {.code = ""};

	(void)state;
	assert_true(store_open("/nonexistent/dir/x.db", 1, &s, &err) < 0);
	assert_null(s);
	assert_string_equal(err.code, "db-open");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(migrations_are_numbered_and_named),
	    FIXTURE_TEST(names_grow),
	    FIXTURE_TEST(a_store_that_does_not_open_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
