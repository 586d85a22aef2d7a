/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/uplink_clock.h"

#include "lib/clock.h"
#include "tests/unit/agent/job_fixture.h"

#define HOUR (3600 * USEC_PER_SEC)
#define WALL (1000000 * USEC_PER_SEC)

/* An exchange at `mono` with a clock that is `ahead`: there and back take what they take. */
static bool
exchange(struct uplink_clock *c, int64_t mono, int64_t ahead, int64_t there, int64_t held,
    int64_t back)
{
	const struct uplink_clock_moment asked = {WALL + mono + ahead, mono};
	const struct uplink_clock_moment answered = {
	    WALL + mono + ahead + there + held + back, mono + there + held + back};

	return uplink_clock_take(c, &asked, &answered, WALL + mono + there, held, 0);
}

static void
test_what_is_told_holds_whatever_the_way(void **state UNUSED)
{
	static const int64_t ways[][2] = {{150, 150}, {150, 2150}, {9000, 150}, {0, 0}};
	struct agent_msg_clock told;

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct uplink_clock c = {.n = 0};

		assert_true(exchange(&c, USEC_PER_SEC, -HOUR, ways[i][0] * USEC_PER_MSEC,
		    25 * USEC_PER_SEC, ways[i][1] * USEC_PER_MSEC));
		uplink_clock_tell(&c, 30 * USEC_PER_SEC, 0, &told);
		assert_true(told.known);
		assert_true(llabs(told.ahead + HOUR) <= told.within);
	}
}

static void
test_the_shortest_way_counts(void **state UNUSED)
{
	struct uplink_clock c = {.n = 0};
	struct agent_msg_clock told;

	uplink_clock_tell(&c, 0, 0, &told);
	assert_false(told.known);
	for (int i = 0; i < UPLINK_CLOCK_KEPT - 1; i++)
		assert_true(exchange(&c, i * USEC_PER_SEC, 5 * USEC_PER_SEC,
		    i == 3 ? USEC_PER_MSEC : 4 * USEC_PER_SEC, 0, USEC_PER_MSEC));
	uplink_clock_tell(&c, 10 * USEC_PER_SEC, -2 * USEC_PER_SEC, &told);
	assert_true(told.within < 5 * USEC_PER_MSEC);
	assert_true(llabs(told.ahead - 3 * USEC_PER_SEC) <= told.within);
	/* After a day that says less than one of now. */
	assert_true(exchange(&c, 24 * HOUR, 5 * USEC_PER_SEC, 100000, 0, 100000));
	uplink_clock_tell(&c, 24 * HOUR + USEC_PER_SEC, 0, &told);
	assert_in_range(told.within, 100000, 103000);
}

static void
test_the_time_there_needs_no_clock_here(void **state UNUSED)
{
	struct uplink_clock c = {.n = 0};

	assert_int_equal(uplink_clock_there(&c, 5), 0);
	assert_true(exchange(&c, USEC_PER_SEC, -HOUR, 1000, 0, 1000));
	/* However often it was set since. */
	assert_in_range(uplink_clock_there(&c, 30 * USEC_PER_SEC),
	    WALL + 30 * USEC_PER_SEC - 2000, WALL + 30 * USEC_PER_SEC + 2000);
}

static void
test_what_was_kept_holds_until_the_machine_is_restarted(void **state UNUSED)
{
	static const char *const bad[] = {"restarts", "there", "within", "mono"};
	struct uplink_clock c = {.n = 0}, next;
	struct agent_msg_clock told;
	int64_t later = 90 * USEC_PER_SEC;

	assert_null(uplink_clock_to_json(&c, 0, 7));
	assert_true(exchange(&c, USEC_PER_SEC, HOUR, 1000, 0, 1000));
	json_t *v = uplink_clock_to_json(&c, 2 * USEC_PER_SEC, 7);
	uplink_clock_from_json(v, later, 7, &next);
	assert_int_equal(uplink_clock_there(&next, later), uplink_clock_there(&c, later));
	/* Of this process nothing is measured yet, and what is then counts alone. */
	uplink_clock_tell(&next, later, 0, &told);
	assert_false(told.known);
	assert_true(exchange(&next, later, 2 * HOUR, 9000, 0, 9000));
	uplink_clock_tell(&next, later, 0, &told);
	assert_true(told.known && llabs(told.ahead - 2 * HOUR) <= told.within);
	/* Another start of the machine, a clock that stands before it, or what makes no sense. */
	uplink_clock_from_json(v, later, 8, &next);
	assert_int_equal(uplink_clock_there(&next, later), 0);
	uplink_clock_from_json(v, USEC_PER_SEC / 2, 7, &next);
	assert_int_equal(uplink_clock_there(&next, later), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		json_t *worse = json_deep_copy(v);

		json_object_set_new(worse, bad[i], json_integer(-1));
		uplink_clock_from_json(worse, later, 7, &next);
		assert_int_equal(uplink_clock_there(&next, later), 0);
		json_object_del(worse, bad[i]);
		uplink_clock_from_json(worse, later, 7, &next);
		assert_int_equal(uplink_clock_there(&next, later), 0);
		json_decref(worse);
	}
	uplink_clock_from_json(NULL, later, 7, &next);
	assert_int_equal(next.n, 0);
	json_decref(v);
}

static void
test_an_exchange_that_tells_nothing(void **state UNUSED)
{
	const struct uplink_clock_moment asked = {WALL, 0}, set = {WALL - HOUR, 1000},
					 soon = {WALL + 1000, 1000};
	struct uplink_clock c = {.n = 0};

	assert_false(uplink_clock_take(&c, &asked, &set, WALL, 0, 0));
	assert_false(uplink_clock_take(&c, &asked, &soon, WALL, USEC_PER_SEC, 0));
	assert_false(uplink_clock_take(&c, &asked, &soon, 0, 0, 0));
	assert_int_equal(c.n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_is_told_holds_whatever_the_way),
	    cmocka_unit_test(test_the_shortest_way_counts),
	    cmocka_unit_test(test_the_time_there_needs_no_clock_here),
	    cmocka_unit_test(test_what_was_kept_holds_until_the_machine_is_restarted),
	    cmocka_unit_test(test_an_exchange_that_tells_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
