/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/clock_fix.h"

#include "fixture.h"

#include "lib/clock.h"

#define HOUR (3600 * USEC_PER_SEC)
#define T0 (1000000 * USEC_PER_SEC)

static int64_t
at(struct clock_fix *c, const struct clock_fix_base *b, int64_t said, int64_t *ret_said)
{
	struct event ev = event_make("job.stage", said);

	clock_fix_note(c, &ev);
	clock_fix_event(c, b, &ev);
	*ret_said = ev.said_at;
	return ev.at;
}

static int64_t
step(struct clock_fix *c, const struct clock_fix_base *b, int64_t said, int64_t by)
{
	struct event ev = event_make("clock.step", said);
	int64_t ret;

	event_put_i64(&ev, "step_us", by);
	clock_fix_note(c, &ev);
	clock_fix_event(c, b, &ev);
	ret = ev.at;
	event_done(&ev);
	return ret;
}

static void
a_clock_that_is_right_is_left_alone(void **state)
{
	const struct clock_fix_base none = {.known = false};
	const struct clock_fix_base near = {
	    true, 900 * USEC_PER_MSEC, 150 * USEC_PER_MSEC};
	struct clock_fix c = {0};
	int64_t said;

	(void)state;
	assert_int_equal(at(&c, &none, T0, &said), T0);
	assert_int_equal(at(&c, &near, T0 - 5, &said), T0 - 5); /* as it came */
	assert_int_equal(said, 0);
}

static void
what_waited_is_corrected_by_the_clock_of_then(void **state)
{
	const struct clock_fix_base b = {true, 2 * HOUR, 150 * USEC_PER_MSEC};
	struct clock_fix c = {0};
	int64_t said;

	(void)state;
	/* Two hours ahead, set right while the line was down, then an hour back. */
	assert_int_equal(at(&c, &b, T0 + 2 * HOUR, &said), T0);
	assert_int_equal(said, T0 + 2 * HOUR);
	assert_int_equal(step(&c, &b, T0 + 10, -2 * HOUR), T0 + 10);
	assert_int_equal(at(&c, &b, T0 + 20, &said), T0 + 20);
	assert_int_equal(said, 0);
	assert_int_equal(step(&c, &b, T0 + 30 - HOUR, -HOUR), T0 + 30);
	assert_int_equal(at(&c, &b, T0 + 40 - HOUR, &said), T0 + 40);
	assert_int_equal(said, T0 + 40 - HOUR);
}

static void
order_is_kept_where_two_measurements_differ(void **state)
{
	const struct clock_fix_base first = {true, HOUR, 1000};
	const struct clock_fix_base then = {true, HOUR + USEC_PER_SEC, 1000};
	struct clock_fix c = {0};
	int64_t said;

	(void)state;
	assert_int_equal(at(&c, &first, T0 + HOUR, &said), T0);
	assert_int_equal(at(&c, &then, T0 + HOUR + 10, &said), T0);
	assert_int_equal(
	    at(&c, &then, T0 + HOUR + 2 * USEC_PER_SEC, &said), T0 + USEC_PER_SEC);
	/* One that the agent itself tells late stays before. */
	assert_int_equal(at(&c, &then, T0 + HOUR, &said), T0 - USEC_PER_SEC);
	/* What makes no sense holds nothing up. */
	assert_int_equal(
	    at(&c, &then, T0 + 1000 * HOUR, &said), T0 + 999 * HOUR - USEC_PER_SEC);
	assert_int_equal(
	    at(&c, &then, T0 + HOUR + 3 * USEC_PER_SEC, &said), T0 + 2 * USEC_PER_SEC);
}

static void
claims_beyond_reason_change_nothing(void **state)
{
	const struct clock_fix_base wild = {true, INT64_MAX / 4 - 1, 0};
	const struct clock_fix_base b = {true, 0, 0};
	struct clock_fix c = {0};
	int64_t said;

	(void)state;
	assert_int_equal(at(&c, &wild, T0, &said), T0);
	assert_int_equal(step(&c, &b, T0, INT64_MIN), T0);
	assert_int_equal(step(&c, &b, T0, INT64_MAX), T0);
	assert_int_equal(c.stepped, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_clock_that_is_right_is_left_alone),
	    cmocka_unit_test(what_waited_is_corrected_by_the_clock_of_then),
	    cmocka_unit_test(order_is_kept_where_two_measurements_differ),
	    cmocka_unit_test(claims_beyond_reason_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
