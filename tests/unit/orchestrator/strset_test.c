/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/strset.h"

#include "fixture.h"

static int
note(void *arg, const char *s)
{
	strcat(arg, s);
	return s[0] == 'z';
}

static void
a_set_keeps_order_and_numbers(void **state)
{
	struct strset set = {NULL};
	size_t have = 99;
	char got[32] = "";

	(void)state;
	assert_true(strset_add(&set, "b", 1, NULL));
	assert_true(strset_add(&set, "a", 2, NULL));
	assert_false(strset_add(&set, "b", 3, &have));
	assert_int_equal(have, 1);
	assert_true(strset_find(&set, "a", &have));
	assert_int_equal(have, 2);
	assert_false(strset_find(&set, "c", NULL));
	strset_remove(&set, "c");
	assert_int_equal(strset_count(&set), 2);
	assert_int_equal(strset_each(&set, note, got), 0);
	assert_string_equal(got, "ba");
	strset_add(&set, "z", 0, NULL);
	strset_add(&set, "y", 0, NULL);
	strset_remove(&set, "b");
	got[0] = '\0';
	assert_int_equal(strset_each(&set, note, got), 1);
	assert_string_equal(got, "az");
	strset_done(&set);
	assert_int_equal(strset_count(&set), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_set_keeps_order_and_numbers)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
