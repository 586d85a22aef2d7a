/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bmc_io.c under the whole engine: to where a call's first packet goes, and when. What BMCs
 * answer is under tests/net/test_bmc_*.py. */
#include "agent/bmc_io.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/bmc.h"
#include "lib/compiler.h"
#include "lib/workq.h"
#include "tests/unit/agent/job_fixture.h"

struct kit {
	struct event_base *base;
	struct log log;
	struct rng rng;
	struct workq *names;
	struct bmc_engine *engine;
	struct bundle_bmc bmc;
	int fd; /* the BMC's */
	pthread_mutex_t server;
	unsigned ended;
	char code[40];
};

/* A BMC at localhost, by whichever of its addresses. */
static int
open_bmc(uint16_t *ret_port)
{
	struct sockaddr_in6 sa = {.sin6_family = AF_INET6, .sin6_addr = in6addr_any};
	socklen_t len = sizeof(sa);
	const int no = 0;
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	*ret_port = ntohs(sa.sin6_port);
	return fd;
}

static int
setup(void **state)
{
	struct kit *k = str_alloc(sizeof(*k));
	struct bmc_opts opts = {0};
	struct error err;

	k->base = event_base_new();
	k->log = log_init("test", LOG_LEVEL_ERROR);
	k->rng = rng_seeded(7);
	pthread_mutex_init(&k->server, NULL);
	opts.workq = k->names = workq_new(k->base, 1);
	k->engine = bmc_engine_new(k->base, &k->log, &k->rng, &opts, &err);
	assert_non_null(k->engine);
	str_clip(k->bmc.address, sizeof(k->bmc.address), "localhost");
	str_clip(k->bmc.user, sizeof(k->bmc.user), "admin");
	str_clip(k->bmc.password, sizeof(k->bmc.password), "secret");
	str_clip(k->bmc.privilege, sizeof(k->bmc.privilege), "operator");
	k->fd = open_bmc(&k->bmc.port);
	*state = k;
	return 0;
}

static int
teardown(void **state)
{
	struct kit *k = *state;

	bmc_engine_free(k->engine);
	workq_free(k->names);
	event_base_free(k->base);
	pthread_mutex_destroy(&k->server);
	close(k->fd);
	free(k);
	return 0;
}

static void
on_done(void *arg, uint64_t id UNUSED, const struct bmc_result *res)
{
	struct kit *k = arg;

	k->ended++;
	str_clip(k->code, sizeof(k->code), res->err.code);
}

static bool
heard(struct kit *k)
{
	char packet[1024];

	return recv(k->fd, packet, sizeof(packet), 0) > 0;
}

static void
silence(struct kit *k)
{
	while (heard(k))
		;
}

static void
wait_for_server(void *arg)
{
	pthread_mutex_lock(arg);
	pthread_mutex_unlock(arg);
}

static void
nothing(void *arg UNUSED)
{
}

/* The name server answers nobody until it is unlocked. */
static void
hang_server(struct kit *k)
{
	pthread_mutex_lock(&k->server);
	assert_int_equal(workq_submit(k->names, wait_for_server, nothing, &k->server), 0);
}

static void
await_packet(struct kit *k, int64_t timeout)
{
	uint64_t call = bmc_probe(k->engine, &k->bmc, timeout, on_done, k);

	while (!heard(k)) {
		assert_int_equal(k->ended, 0);
		event_base_loop(k->base, EVLOOP_ONCE);
	}
	bmc_cancel(k->engine, call);
	silence(k);
}

static void
test_a_silent_server_does_not_hide_what_was_found(void **state)
{
	struct kit *k = *state;

	await_packet(k, 60 * USEC_PER_SEC);
	hang_server(k);
	await_packet(k, 60 * USEC_PER_SEC);
	pthread_mutex_unlock(&k->server);
	await_packet(k, 60 * USEC_PER_SEC);
}

static void
test_a_name_never_found_is_waited_for(void **state)
{
	struct kit *k = *state;

	hang_server(k);
	bmc_probe(k->engine, &k->bmc, 3 * USEC_PER_SEC, on_done, k);
	while (k->ended == 0)
		event_base_loop(k->base, EVLOOP_ONCE);
	assert_string_equal(k->code, "bmc-unreachable");
	assert_false(heard(k));
	pthread_mutex_unlock(&k->server);
	k->ended = 0;
	await_packet(k, 60 * USEC_PER_SEC);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_a_silent_server_does_not_hide_what_was_found, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_a_name_never_found_is_waited_for, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
