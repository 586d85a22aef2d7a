/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl/rollout_opts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/commands.h"
#include "ctl/schedule_opts.h"
#include "lib/compiler.h"

#define REBOOT(...) reboot((char *[]){"netboot-ctl", "reboot", "a", __VA_ARGS__, NULL})
#define SCHEDULE(verb, ...) \
	schedule((char *[]){"netboot-ctl", "schedule", verb, "w", __VA_ARGS__, NULL})

static void
parse(char **argv, struct args *a)
{
	struct error err;
	int argc = 0;

	while (argv[argc] != NULL)
		argc++;
	assert_int_equal(args_parse(&commands_table, argc, argv, a, &err), 0);
}

static json_t *
reboot(char **argv)
{
	json_t *body = json_object();
	struct error err;
	struct args a;

	parse(argv, &a);
	if (rollout_opts_policy(&a, true, body, &err) == 0)
		return body;
	assert_true(err.text[0] != '\0' && err.next[0] != '\0');
	json_decref(body);
	return NULL;
}

static json_t *
schedule(char **argv)
{
	json_t *body = json_object();
	struct error err;
	struct args a;

	parse(argv, &a);
	if (schedule_opts_body(&a, strcmp(argv[2], "add") == 0, body, &err) == 0)
		return body;
	assert_true(err.text[0] != '\0');
	json_decref(body);
	return NULL;
}

/* Takes `got`; expected NULL: refused. */
static void
check(json_t *got, const char *expected)
{
	json_t *want = expected != NULL ? json_loads(expected, 0, NULL) : NULL;

	if (expected == NULL)
		assert_null(got);
	else
		assert_true(json_equal(got, want));
	json_decref(got);
	json_decref(want);
}

static void
test_a_policy_is_what_is_given(void **state UNUSED)
{
	check(REBOOT("--yes"), "{}");
	check(REBOOT("--batch", "100%", "--canary", "0"),
	    "{\"policy\":{\"canary\":0,\"batch\":\"100%\"}}");
	check(REBOOT("--batch", "1"), "{\"policy\":{\"batch\":1}}");
	check(REBOOT("--per-label", "rack=1", "--per-label", "row=2"),
	    "{\"policy\":{\"per_label\":{\"rack\":1,\"row\":2}}}");
	check(REBOOT("--skip-if-younger", "1d"), "{\"skip_if_younger_s\":86400}");
	check(REBOOT("--batch", "0%"), NULL);
	check(REBOOT("--batch", "99999999999999999999%"), NULL);
	check(REBOOT("--batch", "5 %"), NULL);
	check(REBOOT("--soak", "10000d"), NULL);
	check(REBOOT("--per-label", "rack=x"), NULL);
}

static bool
rolls(char **argv)
{
	struct args a;

	parse(argv, &a);
	return rollout_opts_rolling(&a);
}

static void
test_which_orders_roll(void **state UNUSED)
{
	assert_false(rolls((char *[]){"netboot-ctl", "reboot", "a", NULL}));
	assert_false(rolls((char *[]){"netboot-ctl", "reboot", "a", "--at",
	    "2026-01-31T03:00:00Z", "--window", "1h", NULL}));
	assert_true(
	    rolls((char *[]){"netboot-ctl", "reboot", "a", "--window", "1h", NULL}));
	assert_true(
	    rolls((char *[]){"netboot-ctl", "power", "off", "a", "--soak", "0", NULL}));
}

static void
test_destructive_work(void **state UNUSED)
{
	static const struct {
		const char *work;
		bool destructive;
	} rows[] = {{"{\"kind\":\"reboot\"}", false},
	    {"{\"kind\":\"reboot\",\"force\":\"after-timeout\"}", false},
	    {"{\"kind\":\"reboot\",\"force\":\"at-once\"}", true},
	    {"{\"kind\":\"reboot\",\"hard\":true}", true},
	    {"{\"kind\":\"reinstall\"}", true}, {"{\"kind\":\"boot\"}", true},
	    {"{\"kind\":\"drill\"}", true},
	    {"{\"kind\":\"power\",\"action\":\"on\"}", false},
	    {"{\"kind\":\"power\",\"action\":\"soft\"}", false},
	    {"{\"kind\":\"power\",\"action\":\"cycle\"}", true}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *work = json_loads(rows[i].work, 0, NULL);

		assert_int_equal(rollout_opts_destructive(work), rows[i].destructive);
		json_decref(work);
	}
}

static void
test_schedules(void **state UNUSED)
{
	check(
	    SCHEDULE("add", "--do", "power-cycle", "--hosts", "all", "--cron", "@daily"),
	    "{\"kind\":\"power\",\"action\":\"cycle\",\"hosts\":\"all\",\"cron\":\"@"
	    "daily\","
	    "\"reason\":\"no reason given\"}");
	check(SCHEDULE("set", "--rrule", "FREQ=DAILY"),
	    "{\"rrule\":\"FREQ=DAILY\",\"cron\":null,\"at\":null,\"from\":null}");
	check(SCHEDULE("set", "--no-blackouts"), "{\"blackout\":[]}");
	check(SCHEDULE("set", "--yes"), "{}");
	check(SCHEDULE("set", "--blackout", "2026-12-24", "--blackout",
		  "2026-12-31/2027-01-01"),
	    "{\"blackout\":[\"2026-12-24\",\"2026-12-31/2027-01-01\"]}");
	check(SCHEDULE("set", "--blackout", "2026-13-01"), NULL);
	check(SCHEDULE("set", "--blackout", "2026-12-24/"), NULL);
	check(SCHEDULE("set", "--blackout", "24.12.2026"), NULL);
	check(SCHEDULE("set", "--cron", "* * * * *", "--at", "2026-12-01 03:00"), NULL);
	check(SCHEDULE("set", "--window", "1h", "--jitter", "2h"), NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_policy_is_what_is_given),
	    cmocka_unit_test(test_which_orders_roll),
	    cmocka_unit_test(test_destructive_work),
	    cmocka_unit_test(test_schedules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
