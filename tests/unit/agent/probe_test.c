/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/probe.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct kit {
	struct event_base *base;
	struct probe *p;
	unsigned ups, downs;
};

static void
on_answer(void *arg, bool up)
{
	struct kit *k = arg;

	k->ups += up;
	k->downs += !up;
	probe_stop(k->p); /* allowed in here */
	k->p = NULL;
	event_base_loopbreak(k->base);
}

static bool
ask(const char *spec, const char *address)
{
	struct kit k = {.base = event_base_new()};
	struct addr_ip ip;

	assert_int_equal(addr_ip_parse(address, &ip), 0);
	k.p = probe_start(k.base, spec, &ip, on_answer, &k);
	assert_non_null(k.p);
	event_base_dispatch(k.base);
	event_base_free(k.base);
	assert_int_equal(k.ups + k.downs, 1);
	return k.ups == 1;
}

/* A port of the loopback, listening or just let go of. */
static int
listener(const char *address, uint16_t *ret_port)
{
	struct sockaddr_storage ss;
	struct addr_ip ip;
	socklen_t n;
	int fd;

	assert_int_equal(addr_ip_parse(address, &ip), 0);
	n = addr_ip_sockaddr(&ip, 0, &ss);
	fd = socket(ss.ss_family, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&ss, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &n), 0);
	*ret_port = addr_port_from_sockaddr((struct sockaddr *)&ss);
	return fd;
}

static void
test_tcp(void **state)
{
	static const char *const loopbacks[] = {"127.0.0.1", "::1"};
	char spec[32];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		uint16_t port;
		int fd = listener(loopbacks[i], &port);

		snprintf(spec, sizeof(spec), "tcp:%u", port);
		assert_false(ask(spec, loopbacks[i]));
		assert_int_equal(listen(fd, 4), 0);
		assert_true(ask(spec, loopbacks[i]));
		close(fd);
		assert_false(ask(spec, loopbacks[i]));
	}
}

static void
test_icmp(void **state)
{
	(void)state;
	assert_true(ask("icmp", "127.0.0.1"));
	assert_true(ask("icmp", "::1"));
}

/* Rounds of a probe, against those of one that answers and is left alone. */
struct race {
	struct event_base *base;
	struct probe *p;
	unsigned rounds, ups, rival;
};

static void
on_round(void *arg, bool up)
{
	struct race *r = arg;

	r->ups += up;
	r->rounds++;
	if (up)
		probe_now(r->p);
	if (r->rounds == (up ? 3 : 2))
		event_base_loopbreak(r->base);
}

static void
on_rival(void *arg, bool up)
{
	struct race *r = arg;

	assert_true(up);
	r->rival++;
}

static void
race(struct race *r, const char *spec)
{
	struct probe *rival;
	struct addr_ip ip;

	*r = (struct race){.base = event_base_new()};
	assert_int_equal(addr_ip_parse("127.0.0.1", &ip), 0);
	rival = probe_start(r->base, "icmp", &ip, on_rival, r);
	r->p = probe_start(r->base, spec, &ip, on_round, r);
	event_base_dispatch(r->base);
	probe_stop(r->p);
	probe_stop(rival);
	event_base_free(r->base);
}

static void
test_now(void **state)
{
	struct race r;

	(void)state;
	race(&r, "icmp");
	assert_int_equal(r.ups, 3);
	assert_int_equal(r.rival, 1);
	probe_now(NULL);
}

/* A listener whose queue is full drops what comes. Two rounds that wait in vain are over before three of one that answers. */
static void
test_unanswered_rounds_follow_soon(void **state)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);
	struct race r;
	char spec[32];
	uint16_t port;
	int fd = listener("127.0.0.1", &port), full[2];

	(void)state;
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &n), 0);
	for (size_t i = 0; i < 2; i++) {
		full[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(full[i], (struct sockaddr *)&ss, n);
	}
	snprintf(spec, sizeof(spec), "tcp:%u", port);
	race(&r, spec);
	assert_int_equal(r.ups, 0);
	assert_in_range(r.rival, 1, 2);
	close(full[0]);
	close(full[1]);
	close(fd);
}

static void
test_nonsense(void **state)
{
	struct event_base *base = event_base_new();
	struct addr_ip ip, none = {0};

	(void)state;
	assert_int_equal(addr_ip_parse("127.0.0.1", &ip), 0);
	assert_null(probe_start(base, "tcp:0", &ip, on_answer, NULL));
	assert_null(probe_start(base, "tcp:x", &ip, on_answer, NULL));
	assert_null(probe_start(base, "udp:1", &ip, on_answer, NULL));
	assert_null(probe_start(base, "icmp", &none, on_answer, NULL));
	probe_stop(NULL);
	event_base_free(base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_tcp),
	    cmocka_unit_test(test_icmp),
	    cmocka_unit_test(test_now),
	    cmocka_unit_test(test_unanswered_rounds_follow_soon),
	    cmocka_unit_test(test_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
