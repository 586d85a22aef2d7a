/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls that are answered without a BMC, by one that is not there, or by one that changes while it is
 * reset; tests/net has them against whole simulated sites. */
#include "agent/bmc_verbs.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "tests/fake/bmcsim_core.h"
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
	struct bmc_opts opts = {.command_timeout = USEC_PER_SEC / 2, .breaker_after = 1};
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

/* A simulated BMC on a socket of the same loop. After its reset it knows another password. */
struct reset_bmc {
	struct bmcsim_bmc core;
	struct event *ev;
	int fd;
};

static void
on_packet(evutil_socket_t fd, short what UNUSED, void *arg)
{
	struct reset_bmc *b = arg;
	uint8_t in[BMCSIM_PACKET_MAX], out[BMCSIM_PACKET_MAX];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n =
	    recvfrom(fd, in, sizeof(in), 0, (struct sockaddr *)(void *)&from, &len);
	size_t answer;

	if (n <= 0)
		return;
	answer = bmcsim_input(&b->core, clock_mono(), in, (size_t)n, out);
	if (answer > 0)
		assert_int_equal(
		    sendto(fd, out, answer, 0, (struct sockaddr *)(void *)&from, len),
		    answer);
	(void)bmcsim_tick(&b->core, clock_mono());
	b->core.faults.wrong_password = b->core.counts.reboots > 0;
	/* One session for the reset, and one refusal. */
	assert_true(b->core.counts.opens <= 2);
}

static uint16_t
reset_bmc_start(struct reset_bmc *b, struct event_base *base)
{
	struct sockaddr_in sin = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sin);

	bmcsim_init(&b->core, "admin", "secret17", 4, 1);
	b->core.faults.reboot_ms = 1;
	b->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_return_code(bind(b->fd, (struct sockaddr *)(void *)&sin, len), errno);
	assert_return_code(
	    getsockname(b->fd, (struct sockaddr *)(void *)&sin, &len), errno);
	b->ev = event_new(base, b->fd, EV_READ | EV_PERSIST, on_packet, b);
	event_add(b->ev, NULL);
	return ntohs(sin.sin_port);
}

/* BMCs lock accounts after a few refusals: one that does not know its user any more is not asked
 * every five seconds until the call's patience ends. */
static void
test_reset_stops_at_a_refusal(void **state)
{
	struct kit *k = *state;
	struct reset_bmc b = {.fd = -1};
	struct bundle_bmc bmc = {.address = "127.0.0.1",
	    .user = "admin",
	    .password = "secret17",
	    .privilege = "administrator",
	    .port = reset_bmc_start(&b, k->base)};
	struct agent_msg_order o = {.type = AGENT_ORDER_CALL,
	    .id = "01m8186kad100000",
	    .verb = "bmc-reset",
	    .bmc = &bmc};

	bmc_verbs_start(k->pc, &o);
	while (k->answers == 0)
		event_base_loop(k->base, EVLOOP_ONCE);
	assert_int_equal(b.core.counts.reboots, 1);
	assert_string_equal(k->res.code, "bmc-auth");
	assert_non_null(strstr(k->res.reason, "was reset"));
	event_free(b.ev);
	close(b.fd);
}

/* A BMC that hung and is left alone is what one resets. */
static void
test_reset_is_tried_at_once(void **state)
{
	struct kit *k = *state;
	struct reset_bmc b = {.fd = -1};
	struct bundle_bmc bmc = {.address = "127.0.0.1",
	    .user = "admin",
	    .password = "secret17",
	    .privilege = "administrator",
	    .port = reset_bmc_start(&b, k->base)};
	struct agent_msg_order o = {.type = AGENT_ORDER_CALL,
	    .id = "01m8186kad100000",
	    .verb = "power-status",
	    .bmc = &bmc};

	b.core.faults.dead = 1;
	bmc_verbs_start(k->pc, &o);
	while (k->answers == 0)
		event_base_loop(k->base, EVLOOP_ONCE);
	assert_string_equal(k->res.code, "bmc-unreachable");
	bmc_verbs_start(k->pc, &o);
	while (k->answers == 1)
		event_base_loop(k->base, EVLOOP_ONCE);
	assert_string_equal(k->res.code, "bmc-breaker");
	b.core.faults.dead = 0;
	str_clip(o.verb, sizeof(o.verb), "bmc-reset");
	bmc_verbs_start(k->pc, &o);
	while (k->answers == 2 && b.core.counts.reboots == 0)
		event_base_loop(k->base, EVLOOP_ONCE);
	assert_int_equal(b.core.counts.reboots, 1);
	event_free(b.ev);
	close(b.fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_answered_at_once, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_silent_bmc_is_unknown, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_reset_stops_at_a_refusal, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_reset_is_tried_at_once, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
