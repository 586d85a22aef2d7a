/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/rollout_policy.h"

#include "fixture.h"

static int
parse(const char *text, struct rollout_policy *p, struct error *err)
{
	json_t *v = fixture_json(text);
	int rc = rollout_policy_from_json(v, p, err);

	json_decref(v);
	return rc;
}

static void
what_is_not_said_has_a_default(void **state)
{
	struct rollout_policy p;
	struct error err = {.code = ""};

	(void)state;
	assert_int_equal(rollout_policy_from_json(NULL, &p, &err), 0);
	assert_int_equal(p.canary, 0);
	assert_int_equal(p.max_in_flight, 5);
	assert_int_equal(p.per_site, 1);
	assert_int_equal(p.max_fail, 1);
	assert_int_equal(p.gates.n, 0);
	assert_int_equal(p.soak_s, 0);
	assert_int_equal(rollout_policy_batch(&p, 70), 70);
	assert_int_equal(parse("{}", &p, &err), 0);
}

static void
it_comes_back_as_it_was_written(void **state)
{
	static const char text[] =
	    "{'canary':1,'batch':'10%','max_in_flight':7,'per_site':2,"
	    "'per_label':{'rack':1},'max_fail':3,'gates':['tcp:22','icmp',"
	    "'http://${ip}:8080/healthz=204','exec:check-edge'],"
	    "'gate_timeout_s':30,'soak_s':600}";
	struct rollout_policy p;
	struct error err = {.code = ""};
	json_t *want = fixture_json(text);

	(void)state;
	assert_int_equal(rollout_policy_from_json(want, &p, &err), 0);
	json_t *got = rollout_policy_to_json(&p);
	assert_true(json_equal(got, want));
	assert_string_equal(p.per_label[0].key, "rack");
	json_decref(got);
	json_decref(want);
}

static void
a_part_of_the_hosts_is_rounded_up(void **state)
{
	static const struct {
		const char *policy;
		int64_t hosts, batch;
	} table[] = {
	    {"{'batch':'10%'}", 100, 10},
	    {"{'batch':'10%'}", 101, 11},
	    {"{'batch':'10%'}", 3, 1},
	    {"{'batch':'1%'}", 0, 1},
	    {"{'batch':'100%'}", 7, 7},
	    {"{'batch':4}", 100, 4},
	    {"{'batch':'4'}", 100, 4},
	};
	struct rollout_policy p;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		assert_int_equal(parse(table[i].policy, &p, NULL), 0);
		assert_int_equal(
		    rollout_policy_batch(&p, table[i].hosts), table[i].batch);
	}
}

static void
bad_values_are_refused_by_name(void **state)
{
	static const struct {
		const char *policy, *says;
	} table[] = {
	    {"[]", "policy: no object"},
	    {"{'canary':-1}", "policy: canary: not 0..100000"},
	    {"{'canary':'1'}", "policy: canary"},
	    {"{'cannary':1}", "policy: cannary: no such member"},
	    {"{'batch':0}", "policy: batch"},
	    {"{'batch':'0%'}", "policy: batch"},
	    {"{'batch':'101%'}", "policy: batch"},
	    {"{'batch':'%'}", "policy: batch"},
	    {"{'batch':'1.5%'}", "policy: batch"},
	    {"{'batch':true}", "policy: batch"},
	    {"{'max_in_flight':0}", "policy: max_in_flight"},
	    {"{'per_site':0}", "policy: per_site"},
	    {"{'per_label':['rack']}", "policy: per_label"},
	    {"{'per_label':{'rack':0}}", "policy: per_label: rack: not 1..100000"},
	    {"{'per_label':{'ra ck':1}}", "policy: per_label: ra ck is no label's name"},
	    {"{'per_label':{'a':1,'b':1,'c':1,'d':1,'e':1}}", "policy: per_label: more"},
	    {"{'max_fail':0}", "policy: max_fail"},
	    {"{'gates':'icmp'}", "policy: gates"},
	    {"{'gates':['icmp',7]}", "policy: gates[1]"},
	    {"{'gates':['ping']}", "policy: gates[0]"},
	    {"{'gate_timeout_s':0}", "policy: gate_timeout_s"},
	    {"{'soak_s':-5}", "policy: soak_s"},
	    {"{'soak_s':604801}", "policy: soak_s"},
	};
	struct rollout_policy p;
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		err = (struct error){.code = ""};
		assert_int_equal(parse(table[i].policy, &p, &err), -EINVAL);
		if (!str_has_prefix(err.text, table[i].says))
			fail_msg("%s: %s", table[i].policy, err.text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_not_said_has_a_default),
	    cmocka_unit_test(it_comes_back_as_it_was_written),
	    cmocka_unit_test(a_part_of_the_hosts_is_rounded_up),
	    cmocka_unit_test(bad_values_are_refused_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
