/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/late.h"

#include "fixture.h"

/* More than there is room for, in an order that is none. */
static void
the_newest_deadlines_are_kept(void **state)
{
	struct late l = {.n = 0};
	const int n = 3 * LATE_MAX;

	(void)state;
	for (int i = 0; i < n; i++) {
		int at = i * 7 % n;
		struct late_job job = {.passed = at};

		snprintf(job.job, sizeof(job.job), "job%d", at);
		late_add(&l, &job);
	}
	assert_int_equal(l.n, LATE_MAX);
	for (int i = 0; i < LATE_MAX; i++)
		assert_int_equal(l.v[i].passed, n - 1 - i);
	l.v[2].found = verdict_find("link-lost");
	assert_ptr_equal(late_find(&l, l.v[2].job), l.v[2].found);
	assert_null(late_find(&l, l.v[1].job));
	assert_null(late_find(&l, "job0"));
}

static void
what_is_not_there_is_not_found(void **state)
{
	struct fixture *f = *state;
	struct late l = {.n = 1, .v = {{.job = "nobody"}}};

	assert_int_equal(late_judge(f->store, &l), 0);
	assert_null(l.v[0].found);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_newest_deadlines_are_kept),
	    FIXTURE_TEST(what_is_not_there_is_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
