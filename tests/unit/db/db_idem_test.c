/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/db_idem.h"

#include "fixture.h"

static char answer[] = "{\"jobs\":[]}";

static void
answers_are_kept_per_user_and_key(void **state)
{
	struct store *s = *state;
	const struct db_idem row = {.request = "digest", .status = 202, .answer = answer};
	struct db_idem got = {.answer = NULL};

	assert_int_equal(db_idem_get(s, 0, "k", &got), -ENOENT);
	assert_int_equal(db_idem_add(s, 0, "k", &row, 10), 0);
	assert_int_equal(db_idem_add(s, 0, "k", &row, 10), -EEXIST);
	assert_int_equal(db_idem_add(s, 1000, "k", &row, 20), 0);
	assert_int_equal(db_idem_get(s, 0, "k", &got), 0);
	assert_string_equal(got.request, "digest");
	assert_int_equal(got.status, 202);
	assert_string_equal(got.answer, answer);
	free(got.answer);
	assert_int_equal(db_idem_prune(s, 15), 0);
	assert_int_equal(db_idem_get(s, 0, "k", &got), -ENOENT);
	assert_int_equal(db_idem_get(s, 1000, "k", &got), 0);
	free(got.answer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(answers_are_kept_per_user_and_key)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
