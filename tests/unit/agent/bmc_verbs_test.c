/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls that are answered without a BMC, or by one that is not there; a simulated one
 * answers in tests/net/test_agent_job.py. */
#include "agent/bmc_verbs.h"

#include <event2/event.h>

#include "tests/unit/agent/job_fixture.h"

struct kit {
	struct event_base *base;
	struct log log;
	struct rng rng;
	struct bmc_engine *bmc;
	struct bmc_verbs *pc;
	struct agent_msg_call_result res;
	unsigned answers;
};

static void
on_done(void *arg, struct agent_msg_call_result *res)
{
	struct kit *k = arg;

	k->res = *res;
	agent_msg_call_result_done(&k->res);
	k->answers++;
	event_base_loopbreak(k->base);
}

static int
setup(void **state)
{
	struct kit *k = str_alloc(sizeof(*k));
	struct bmc_opts opts = {.command_timeout = USEC_PER_SEC / 2};
	struct error err;

	k->base = event_base_new();
	k->log = log_init("test", LOG_LEVEL_ERROR);
	k->rng = rng_seeded(2);
	k->bmc = bmc_engine_new(k->base, &k->log, &k->rng, &opts, &err);
	assert_non_null(k->bmc);
	k->pc = bmc_verbs_new(k->base, k->bmc, on_done, k);
	*state = k;
	return 0;
}

static int
teardown(void **state)
{
	struct kit *k = *state;

	bmc_verbs_free(k->pc);
	bmc_engine_free(k->bmc);
	event_base_free(k->base);
	free(k);
	return 0;
}

static void
test_answered_at_once(void **state)
{
	struct kit *k = *state;
	struct agent_msg_order o = {
	    .type = AGENT_ORDER_CALL, .id = "01m8186kad100000", .verb = "power-status"};

	bmc_verbs_start(k->pc, &o);
	assert_int_equal(k->answers, 1);
	assert_string_equal(k->res.power, "unknown");
	assert_non_null(strstr(k->res.reason, "no BMC"));
	str_clip(o.verb, sizeof(o.verb), "self-destruct");
	bmc_verbs_start(k->pc, &o);
	assert_int_equal(k->answers, 2);
	assert_non_null(strstr(k->res.reason, "does not know"));
}

static void
test_silent_bmc_is_unknown(void **state)
{
	struct kit *k = *state;
	struct bundle *b = job_fixture_bundle();
	struct agent_msg_order o = {
	    .type = AGENT_ORDER_CALL, .id = "01m8186kad100000", .verb = "power-status"};

	str_clip(b->bmc.address, sizeof(b->bmc.address), "127.0.0.1");
	b->bmc.port = 9;
	o.bmc = &b->bmc;
	bmc_verbs_start(k->pc, &o);
	bmc_verbs_start(k->pc, &o); /* repeated: one answer */
	while (k->answers == 0)
		event_base_loop(k->base, EVLOOP_ONCE);
	assert_int_equal(k->answers, 1);
	assert_string_equal(k->res.id, o.id);
	assert_string_equal(k->res.power, "unknown");
	assert_non_null(strstr(k->res.reason, "bmc-unreachable"));
	bmc_verbs_start(k->pc, &o); /* under way at the end: no answer */
	free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_answered_at_once, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_silent_bmc_is_unknown, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
