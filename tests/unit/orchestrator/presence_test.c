/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/presence.h"

#include "fixture.h"

#define S USEC_PER_SEC
#define HOUR (3600 * S)

static void
never_heard_is_absent(void **state)
{
	const struct presence p = {0};

	(void)state;
	assert_int_equal(presence_silence(&p, 5 * S), INT64_MAX);
	assert_true(presence_absent(presence_silence(&p, 5 * S)));
}

static void
a_minute_of_silence_is_absence(void **state)
{
	struct presence p = {0};

	(void)state;
	presence_note(&p, FIXTURE_NOW, 100 * S);
	assert_false(presence_absent(presence_silence(&p, 160 * S)));
	assert_true(presence_absent(presence_silence(&p, 160 * S + 1)));
	assert_int_equal(p.wall, FIXTURE_NOW);
}

/* The wall clock is no argument of presence_silence(): only what a process before this one has left is
 * judged by it, once. */
static void
what_an_earlier_process_heard_counts_from_then(void **state)
{
	struct presence p = {0};

	(void)state;
	presence_restore(&p, FIXTURE_NOW - 50 * S, FIXTURE_NOW, 5 * S);
	assert_int_equal(presence_silence(&p, 5 * S), 50 * S);
	assert_true(presence_absent(presence_silence(&p, 16 * S)));
	presence_restore(&p, FIXTURE_NOW + HOUR, FIXTURE_NOW, 5 * S);
	assert_int_equal(presence_silence(&p, 5 * S), 0);
	assert_true(presence_absent(presence_silence(&p, 66 * S)));
	presence_restore(&p, 0, FIXTURE_NOW, 5 * S);
	assert_true(presence_absent(presence_silence(&p, 5 * S)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(never_heard_is_absent),
	    cmocka_unit_test(a_minute_of_silence_is_absence),
	    cmocka_unit_test(what_an_earlier_process_heard_counts_from_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
