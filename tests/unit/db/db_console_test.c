/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/db_console.h"

#include "fixture.h"

static void
recordings_are_put_found_and_dropped(void **state)
{
	struct store *s = *state;
	struct db_console c = {.boot = "01m8186kgj3sd2xm",
			      .host = "edge01",
			      .site = "los",
			      .began = 1,
			      .last = 2,
			      .size = 100,
			      .octets = 60,
			      .gaps = 1},
			  got;
	char boot[ID_SIZE];
	int64_t total = -1;

	assert_int_equal(db_console_get(s, c.boot, &got), -ENOENT);
	assert_int_equal(db_console_oldest(s, &got), -ENOENT);
	assert_int_equal(db_console_newest(s, "edge01", boot), -ENOENT);
	assert_int_equal(db_console_total(s, &total), 0);
	assert_int_equal(total, 0);
	assert_int_equal(db_console_put(s, &c), 0);
	c.size = 200;
	c.ended = c.truncated = true;
	assert_int_equal(db_console_put(s, &c), 0);
	assert_int_equal(db_console_get(s, c.boot, &got), 0);
	assert_string_equal(got.host, "edge01");
	assert_int_equal(got.size, 200);
	assert_true(got.ended && got.truncated);
	str_clip(c.boot, sizeof(c.boot), "01m8186kgj3sd2xn");
	assert_int_equal(db_console_put(s, &c), 0);
	assert_int_equal(db_console_newest(s, "edge01", boot), 0);
	assert_string_equal(boot, c.boot);
	assert_int_equal(db_console_oldest(s, &got), 0);
	assert_string_equal(got.boot, "01m8186kgj3sd2xm");
	assert_int_equal(db_console_total(s, &total), 0);
	assert_int_equal(total, 400);
	assert_int_equal(db_console_del(s, got.boot), 0);
	assert_int_equal(db_console_get(s, got.boot, &got), -ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(recordings_are_put_found_and_dropped)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
