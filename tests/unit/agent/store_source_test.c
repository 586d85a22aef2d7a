/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/store_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "agent/store_evict.h"
#include "lib/compiler.h"
#include "lib/str.h"

#define S USEC_PER_SEC

static const struct error broke = {.code = "server-unreachable", .text = "x"};
static const struct error wrong = {.code = "image-altered", .text = "y"};

static struct store_sources
three(void)
{
	struct store_sources s = {.v = NULL};

	store_sources_add(&s, STORE_MSG_FROM_SITE, "http://peer/x");
	store_sources_add(&s, STORE_MSG_FROM_URL, "https://mirror/x");
	store_sources_add(&s, STORE_MSG_FROM_ORCHESTRATOR, NULL);
	return s;
}

static int
pick(struct store_sources *s, int64_t now)
{
	int64_t until;

	return store_sources_pick(s, now, &until);
}

static void
the_first_that_does_not_rest(void **state)
{
	struct store_sources s = three();
	int64_t until = 0;

	(void)state;
	assert_int_equal(pick(&s, 1), 0);
	/* Some failures in a row, of a moment or of several connections, are needed for a pause. */
	store_source_failed(&s.v[0], &broke, 1, 0);
	store_source_failed(&s.v[0], &broke, 1, 0);
	assert_int_equal(pick(&s, 1), 0);
	store_source_failed(&s.v[0], &broke, 1, 0);
	assert_int_equal(pick(&s, 1), 1);
	/* In use it stays, also when the first one has rested. */
	assert_int_equal(pick(&s, 10 * S), 1);
	store_source_refused(&s.v[1], &broke, 10 * S, 60 * S);
	assert_int_equal(pick(&s, 10 * S), 0);
	store_source_refused(&s.v[0], &broke, 10 * S, 30 * S);
	store_source_refused(&s.v[2], &broke, 10 * S, 90 * S);
	assert_int_equal(store_sources_pick(&s, 11 * S, &until), -1);
	assert_int_equal(until, 40 * S);
	assert_false(store_sources_hopeless(&s, 11 * S));
	store_sources_done(&s);
}

/* Pauses of a line that is cut stay short. */
static void
pauses_are_bounded(void **state)
{
	struct store_sources s = three();
	int64_t now = S;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		store_source_failed(&s.v[2], &broke, now, UINT64_MAX - 7);
		assert_true(s.v[2].rest_until <= now + 5 * S);
		now = s.v[2].rest_until > now ? s.v[2].rest_until : now;
	}
	store_source_well(&s.v[2], 1);
	assert_int_equal(s.v[2].fails, 0);
	store_sources_done(&s);
}

static void
who_gave_wrong_octets_is_blamed(void **state)
{
	struct store_sources s = three();
	const struct store_source *who;

	(void)state;
	store_source_well(&s.v[0], 1);
	who = store_sources_blame(&s, &wrong, 5 * S);
	assert_ptr_equal(who, &s.v[0]);
	/* The orchestrator is the one that is trusted most. */
	assert_int_equal(pick(&s, 6 * S), 2);
	store_source_well(&s.v[2], 1);
	store_sources_blame(&s, &wrong, 7 * S);
	assert_int_equal(pick(&s, 8 * S), 1);
	assert_false(store_sources_hopeless(&s, 8 * S));
	store_source_well(&s.v[1], 1);
	store_sources_blame(&s, &wrong, 9 * S);
	assert_true(store_sources_hopeless(&s, 10 * S));
	assert_false(store_sources_hopeless(&s, 10 * S + STORE_SOURCE_BLAME));
	store_sources_done(&s);
}

/* Of several nobody knows who it was: then of one at a time. */
static void
of_several_none_is_blamed(void **state)
{
	struct store_sources s = three();

	(void)state;
	store_source_well(&s.v[0], 1);
	store_source_well(&s.v[1], 1);
	assert_null(store_sources_blame(&s, &wrong, S));
	assert_true(s.alone);
	assert_int_equal(pick(&s, S), 2);
	store_source_well(&s.v[2], 1);
	/* It rests: what it gave is not mixed with another's. */
	store_source_refused(&s.v[2], &broke, S, 10 * S);
	assert_int_equal(pick(&s, 2 * S), -1);
	assert_int_equal(pick(&s, 12 * S), 2);
	/* One that never comes back does not keep the file for ever. */
	for (int i = 0; i < 12; i++)
		store_source_refused(&s.v[2], &broke, 12 * S, 100 * S);
	assert_int_equal(pick(&s, 13 * S), 0);
	store_sources_done(&s);
	/* Nor is anybody for what was there before the start. */
	s = three();
	s.inherited = true;
	store_source_well(&s.v[1], 1);
	assert_null(store_sources_blame(&s, &wrong, S));
	store_source_well(&s.v[1], 1);
	assert_ptr_equal(store_sources_blame(&s, &wrong, S), &s.v[1]);
	store_sources_done(&s);
}

static void
one_that_drips_is_left(void **state)
{
	struct store_sources s = three();
	struct store_source *src = &s.v[0];

	(void)state;
	for (int64_t now = S; now < 60 * S; now += S) {
		store_source_well(src, 5000);
		assert_false(store_source_slow(src, now));
	}
	/* What was under way while nobody looked says nothing. */
	assert_false(store_source_slow(src, 1000 * S));
	for (int64_t now = 1001 * S; now < 1020 * S; now += S) {
		store_source_well(src, 500);
		assert_false(store_source_slow(src, now));
	}
	assert_true(store_source_slow(src, 1020 * S));
	/* Others go on with what it gave, also where one at a time is asked. */
	s.alone = true;
	assert_int_equal(pick(&s, 1020 * S), 0);
	store_source_leave(src, &broke, 1020 * S, 600 * S);
	assert_int_not_equal(pick(&s, 1021 * S), 0);
	store_sources_done(&s);
}

static void
one_without_ranges_that_broke_off_is_left(void **state)
{
	struct store_sources s = three();

	(void)state;
	assert_int_equal(pick(&s, S), 0);
	s.v[0].whole = true;
	assert_int_equal(pick(&s, S), 0);
	store_source_failed(&s.v[0], &broke, S, 0);
	assert_int_equal(pick(&s, S), 1);
	store_sources_done(&s);
}

/* ---- what goes when there is no room ---- */

static struct store_object
object(int64_t size, int64_t since)
{
	return (struct store_object){.size = size, .since = since};
}

static void
the_oldest_that_nothing_needs_goes(void **state)
{
	struct store_object v[] = {object(100, 5), object(100, 1), object(100, 2),
	    object(100, 3), object(100, 4), object(100, 9)};

	(void)state;
	v[1].wanted = true;
	v[2].used = true;
	v[3].base = true;
	v[5].partial = true;
	assert_true(store_evict_choose(v, ARRAY_SIZE(v), 50));
	assert_true(v[5].goes && !v[4].goes);
	assert_true(store_evict_choose(v, ARRAY_SIZE(v), 150));
	assert_true(v[5].goes && v[4].goes && !v[0].goes);
	assert_true(store_evict_choose(v, ARRAY_SIZE(v), 400));
	assert_true(v[0].goes && v[3].goes && !v[1].goes && !v[2].goes);
	/* It would not help. */
	assert_false(store_evict_choose(v, ARRAY_SIZE(v), 401));
	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		assert_false(v[i].goes);
	assert_true(store_evict_choose(v, ARRAY_SIZE(v), 0));
	assert_false(v[5].goes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_that_does_not_rest),
	    cmocka_unit_test(pauses_are_bounded),
	    cmocka_unit_test(who_gave_wrong_octets_is_blamed),
	    cmocka_unit_test(of_several_none_is_blamed),
	    cmocka_unit_test(one_without_ranges_that_broke_off_is_left),
	    cmocka_unit_test(one_that_drips_is_left),
	    cmocka_unit_test(the_oldest_that_nothing_needs_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
