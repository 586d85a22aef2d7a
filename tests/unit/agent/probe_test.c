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
	    cmocka_unit_test(test_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
