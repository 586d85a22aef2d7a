/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/store_msg.h"

#include "lib/compiler.h"
#include "lib/json.h"
#include "tests/unit/quoted.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define HEAD "{'v':1,'site':'los','agent':'0123456789abcdef','version':7"

static void
reports_round_trip(void **state)
{
	json_t *v = quoted(HEAD
	    ",'free':123,'items':["
	    "{'sha256':'" A "','size':100,'state':'held','got':100,'source':'here'},"
	    "{'sha256':'" B
	    "','size':100,'state':'fetching','got':43,'source':'delta','rate':1200},"
	    "{'sha256':'" C "','size':9,'state':'failed','got':0,'code':'image-altered',"
	    "'text':'x','next':'y'}]}");
	struct store_msg_report m;
	struct error err = {.text = ""};

	(void)state;
	if (store_msg_report_from_json(v, &m, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(m.n_items, 3);
	assert_int_equal(m.free, 123);
	assert_int_equal(m.items[1].source, STORE_MSG_FROM_DELTA);
	assert_string_equal(m.items[2].why.code, "image-altered");
	json_t *again = store_msg_report_to_json(&m);
	assert_true(json_equal(v, again));
	json_decref(again);
	json_decref(v);
	store_msg_report_done(&m);
	store_msg_report_done(NULL);
}

static void
plans_round_trip(void **state)
{
	json_t *v = quoted(
	    "{'v':1,'version':8,'wanted':[{'sha256':'" A
	    "','size':100,'paths':['d/vmlinuz'],"
	    "'images':['debian'],'needed':true,'urls':['https://up.example/v?x=1'],"
	    "'peers':['http://[fd00::1]:8080/images/d/vmlinuz'],"
	    "'deltas':[{'from':'" B "','sha256':'" C "','size':9}]},"
	    "{'sha256':'" B
	    "','size':5,'paths':['a','b/c'],'images':['x'],'needed':false,"
	    "'delta_soon':true}],"
	    "'caps':[{'days':'mon-fri','from':'08:00','to':'18:00','kbit':2000}],"
	    "'timezone':'Africa/Lagos'}");
	struct store_msg_plan m;
	struct error err = {.text = ""};

	(void)state;
	if (store_msg_plan_from_json(v, &m, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(m.n_wanted, 2);
	assert_int_equal(m.wanted[0].n_deltas, 1);
	assert_true(m.wanted[1].delta_soon);
	assert_int_equal(m.caps[0].kbit, 2000);
	json_t *again = store_msg_plan_to_json(&m);
	assert_true(json_equal(v, again));
	json_decref(again);
	json_decref(v);
	store_msg_plan_done(&m);
	store_msg_plan_done(NULL);
}

static void
hostile_reports(void **state)
{
#define ITEMS HEAD ",'items':"
	static const char *const rows[][2] = {
	    {"[]", "message"},
	    {"{'v':2}", "v:"},
	    {"{'v':1,'site':'../x','agent':'0123456789abcdef'}", "site"},
	    {"{'v':1,'site':'los','agent':'x'}", "agent"},
	    {HEAD ",'free':-5}", "free"},
	    {ITEMS "{}}", "items"},
	    {ITEMS "[1]}", "items[0]"},
	    {ITEMS "[{'sha256':'" A "','size':1,'state':7}]}", "items[0]: state"},
	    {ITEMS "[{'sha256':'AA','size':1,'state':'held'}]}", "items[0]: sha256"},
	    {ITEMS "[{'sha256':'" A "','size':1,'got':2,'state':'held'}]}",
		"items[0]: got"},
	    {ITEMS "[{'sha256':'" A "','size':-1,'state':'held'}]}", "items[0]: size"},
	    {ITEMS "[{'sha256':'" A "','rate':-1,'state':'held'}]}", "items[0]: rate"},
	    {ITEMS "[{'sha256':'" A "','code':'A b','state':'held'}]}", "items[0]: code"},
	    {ITEMS "[{'sha256':'" A "','state':'held'},{'sha256':'" A
		   "','state':'held'}]}",
		"items[1]: sha256"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *v = quoted(rows[i][0]);
		struct store_msg_report m;
		struct error err = {.text = ""};

		if (store_msg_report_from_json(v, &m, &err) == 0)
			fail_msg("taken: %s", rows[i][0]);
		if (strstr(err.text, rows[i][1]) == NULL)
			fail_msg("%s: %s", rows[i][0], err.text);
		json_decref(v);
	}
}

static void
hostile_plans(void **state)
{
#define ONE(x) "{'v':1,'version':1,'wanted':[{'sha256':'" A "','size':1," x "}]}"
	static const char *const rows[][2] = {
	    {"{'v':1}", "version"},
	    {"{'v':1,'version':-1}", "version"},
	    {ONE("'paths':[]"), "paths: none"},
	    {ONE("'paths':['../etc/passwd']"), "paths[0]"},
	    {ONE("'paths':['/etc/passwd']"), "paths[0]"},
	    {ONE("'paths':[7]"), "paths[0]"},
	    {ONE("'paths':['a'],'images':['a/b']"), "images[0]"},
	    {ONE("'paths':['a'],'urls':['file:///etc/passwd']"), "urls[0]"},
	    {ONE("'paths':['a'],'urls':['https://u:p@h/x']"), "urls[0]"},
	    {ONE("'paths':['a'],'peers':['http://']"), "peers[0]"},
	    {ONE("'paths':['a'],'peers':['http://h/a b']"), "peers[0]"},
	    {"{'v':1,'version':1,'wanted':[{'sha256':'" A
	     "','size':281474976710657,'paths':['a']}]}",
		"wanted[0]: size"},
	    {ONE("'paths':['a'],'deltas':[{'from':'x','sha256':'" A "','size':1}]"),
		"deltas[0]: from"},
	    {"{'v':1,'version':1,'caps':[{'kbit':-1}]}", "caps[0]: kbit"},
	    {"{'v':1,'version':1,'caps':[{'days':'x','kbit':1}]}", "caps[0]: days"},
	    {"{'v':1,'version':1,'caps':[{'from':'25:00','kbit':1}]}", "caps[0]: from"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *v = quoted(rows[i][0]);
		struct store_msg_plan m;
		struct error err = {.text = ""};

		if (store_msg_plan_from_json(v, &m, &err) == 0)
			fail_msg("taken: %s", rows[i][0]);
		if (strstr(err.text, rows[i][1]) == NULL)
			fail_msg("%s: %s", rows[i][0], err.text);
		json_decref(v);
	}
}

static void
lists_have_an_end(void **state)
{
	struct store_msg_texts list = {.n = 0};
	char name[16];

	(void)state;
	for (int i = 0; i < STORE_MSG_LIST_MAX; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		assert_true(store_msg_texts_add(&list, name));
	}
	assert_true(store_msg_texts_add(&list, "p0"));
	assert_false(store_msg_texts_add(&list, "one more"));
	assert_int_equal(list.n, STORE_MSG_LIST_MAX);
	store_msg_texts_done(&list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reports_round_trip),
	    cmocka_unit_test(plans_round_trip),
	    cmocka_unit_test(hostile_reports),
	    cmocka_unit_test(hostile_plans),
	    cmocka_unit_test(lists_have_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
