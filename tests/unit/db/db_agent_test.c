/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/db_agent.h"

#include "fixture.h"

static void
an_agent_keeps_its_place(void **state)
{
	struct store *s = *state;
	const struct db_agent five = {
	    .id = "a1", .last_seq = 5, .stepped = -7, .restarts = 2};
	const struct db_agent_clock was = {
	    .restarts = 1, .base = -3, .within = 9, .measured = 11};
	struct db_agent_clock c;
	struct db_agent a;

	assert_int_equal(db_agent_get(s, "a1", &a), -ENOENT);
	assert_int_equal(db_agent_advance(s, &five), -ENOENT);
	assert_int_equal(db_agent_seen(s, "a1", "los", 10, 3), 0);
	assert_int_equal(db_agent_advance(s, &five), 0);
	assert_int_equal(db_agent_seen(s, "a1", "los", 20, 4), 0);
	assert_int_equal(db_agent_get(s, "a1", &a), 0);
	assert_int_equal(a.first_seen, 10);
	assert_int_equal(a.last_seen, 20);
	assert_int_equal(a.last_seq, 5);
	assert_int_equal(a.table_version, 4);
	assert_int_equal(a.stepped, -7);
	assert_int_equal(a.restarts, 2);
	assert_int_equal(db_agent_clock_get(s, "a1", 1, &c), -ENOENT);
	assert_int_equal(db_agent_clock_put(s, "a1", &was), 0);
	assert_int_equal(db_agent_clock_put(s, "a1", &was), 0);
	assert_int_equal(db_agent_clock_get(s, "a1", 1, &c), 0);
	assert_int_equal(c.base, -3);
	assert_int_equal(c.within, 9);
	assert_int_equal(db_agent_clock_get(s, "a1", 2, &c), -ENOENT);
	assert_string_equal(a.site, "los");
}

static void
the_one_seen_last_is_the_sites(void **state)
{
	struct store *s = *state;
	struct db_agent a;

	assert_int_equal(db_agent_of_site(s, "los", &a), -ENOENT);
	assert_int_equal(db_agent_seen(s, "a1", "los", 10, 0), 0);
	assert_int_equal(db_agent_seen(s, "a2", "los", 30, 0), 0);
	assert_int_equal(db_agent_seen(s, "a3", "fra", 50, 0), 0);
	assert_int_equal(db_agent_of_site(s, "los", &a), 0);
	assert_string_equal(a.id, "a2");
	/* Its configuration names another site now. */
	assert_int_equal(db_agent_seen(s, "a2", "fra", 60, 0), 0);
	assert_int_equal(db_agent_of_site(s, "fra", &a), 0);
	assert_string_equal(a.id, "a2");
	assert_int_equal(db_agent_of_site(s, "los", &a), 0);
	assert_string_equal(a.id, "a1");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(an_agent_keeps_its_place),
	    FIXTURE_TEST(the_one_seen_last_is_the_sites),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
