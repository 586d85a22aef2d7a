/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/selector.h"

#include "fixture.h"

static void
expect(struct fixture *f, const char *text, const char *want, const char *codes)
{
	struct store_names names = {0};
	json_t *errors = NULL, *e;
	struct error err = {.code = ""};
	char got[400] = "", got_codes[200] = "";
	size_t i;

	if (selector_resolve(f->store, text, &names, &errors, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	for (i = 0; i < names.n; i++) {
		strcat(got, names.v[i]);
		strcat(got, " ");
	}
	json_array_foreach (errors, i, e) {
		strcat(got_codes, json_string_value(json_object_get(e, "code")));
		strcat(got_codes, " ");
	}
	assert_string_equal(got, want);
	assert_string_equal(got_codes, codes);
	store_names_done(&names);
	json_decref(errors);
}

static int
setup(void **state)
{
	fixture_open(state);
	assert_string_equal(
	    fixture_apply(*state,
		"{'sites':[{'name':'los'},{'name':'fra'}],'hosts':["
		"{'name':'web1.los','site':'los','labels':{'role':'cdn','rack':'1'}},"
		"{'name':'web2.los','site':'los','labels':{'role':'cdn','rack':'2'}},"
		"{'name':'web1.fra','site':'fra','labels':{'role':'cdn','rack':'1'}},"
		"{'name':'db.fra','site':'fra','labels':{'role':'db'}}]}",
		NULL),
	    "");
	return 0;
}

/* Who is named with a '-' is spared, wherever that stands, and a slip of the pen in it is told. */
static void
exclusions(void **state)
{
	struct fixture *f = *state;

	expect(f, "-db.fra,all", "web1.fra web1.los web2.los ", "");
	expect(f, "all,-@role=db,db.fra", "web1.fra web1.los web2.los ", "");
	expect(f, "-@site=fra,@role=cdn,all", "web1.los web2.los ", "");
	expect(
	    f, "all,-@role=dbb", "db.fra web1.fra web1.los web2.los ", "host-unknown ");
	expect(f, "@role=cdn,-@role=cdn,rack=9", "web1.fra web1.los web2.los ",
	    "host-unknown ");
	/* To leave out who is not in the set is no mistake. */
	expect(f, "@role=cdn,-@role=db,-db.fra", "web1.fra web1.los web2.los ", "");
}

static void
sets(void **state)
{
	struct fixture *f = *state;

	expect(f, "web2.los,web1.los", "web2.los web1.los ", "");
	expect(f, "web[1-2].los", "web1.los web2.los ", "");
	expect(f, "web1.los,web1.los", "web1.los ", "");
	expect(f, "all", "db.fra web1.fra web1.los web2.los ", "");
	expect(f, "all,-web[1-2].los", "db.fra web1.fra ", "");
	expect(f, "@role=cdn", "web1.fra web1.los web2.los ", "");
	expect(f, "@role=cdn,site=los", "web1.los web2.los ", "");
	expect(f, "@role=cdn,rack=1,site=fra", "web1.fra ", "");
	expect(f, "@site=fra,-web1.fra", "db.fra ", "");
	expect(f, "@role=none", "", "");
}

static void
names_are_whole_names(void **state)
{
	struct fixture *f = *state;

	expect(f, "web1", "", "host-ambiguous ");
	expect(f, "db", "", "host-unknown ");
	expect(f, "DB.fra", "", "host-unknown ");
	expect(f, "web9.los,web9.los,db.fra", "db.fra ", "host-unknown ");
	expect(f, "all,-nothing", "db.fra web1.fra web1.los web2.los ", "host-unknown ");
}

static void
unreadable_text(void **state)
{
	static const char *const bad[] = {"", "a[", "a[1-", "@x", ",", "a b"};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct store_names names = {0};
		json_t *errors = NULL;
		struct error err = {.code = ""};
		assert_true(
		    selector_resolve(f->store, bad[i], &names, &errors, &err) < 0);
		assert_true(err.text[0]);
		store_names_done(&names);
		json_decref(errors);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(sets, setup, fixture_close),
	    cmocka_unit_test_setup_teardown(exclusions, setup, fixture_close),
	    cmocka_unit_test_setup_teardown(names_are_whole_names, setup, fixture_close),
	    cmocka_unit_test_setup_teardown(unreadable_text, setup, fixture_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
