/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/auth.h"

#include "fixture.h"

#include <grp.h>
#include <pwd.h>

enum { NO_SUCH_ID = 3999999 };

static void
root_and_ourselves_may(void **state)
{
	(void)state;
	assert_true(auth_operator(0, 0, "netboot"));
	assert_true(auth_operator(geteuid(), NO_SUCH_ID, "no-such-group"));
	assert_true(auth_agent(0));
	assert_true(auth_agent(geteuid()));
}

static void
strangers_may_not(void **state)
{
	(void)state;
	assert_false(auth_operator(NO_SUCH_ID, NO_SUCH_ID, "netboot"));
	assert_false(auth_operator(NO_SUCH_ID, NO_SUCH_ID, "no-such-group"));
	assert_false(auth_operator((uid_t)-1, (gid_t)-1, "root"));
	assert_false(auth_agent(NO_SUCH_ID));
}

static void
members_of_the_group_may_and_are_no_agents(void **state)
{
	const struct group *gr = getgrnam("daemon");

	(void)state;
	assert_non_null(gr);
	assert_true(auth_operator(NO_SUCH_ID, gr->gr_gid, "daemon"));
	assert_false(auth_agent(NO_SUCH_ID));
}

static void
people_are_named(void **state)
{
	(void)state;
	assert_string_equal(auth_who(0).name, "root");
	assert_string_equal(auth_who(NO_SUCH_ID).name, "uid 3999999");
	assert_int_equal(auth_who(NO_SUCH_ID).uid, NO_SUCH_ID);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(root_and_ourselves_may),
	    cmocka_unit_test(strangers_may_not),
	    cmocka_unit_test(members_of_the_group_may_and_are_no_agents),
	    cmocka_unit_test(people_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
