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
listener(uint16_t *ret_port)
{
	struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &n), 0);
	*ret_port = ntohs(in.sin_port);
	return fd;
}

static void
test_tcp(void **state)
{
	char spec[32];
	uint16_t port;
	int fd = listener(&port);

	(void)state;
	snprintf(spec, sizeof(spec), "tcp:%u", port);
	assert_false(ask(spec, "127.0.0.1"));
	assert_int_equal(listen(fd, 4), 0);
	assert_true(ask(spec, "127.0.0.1"));
	close(fd);
	assert_false(ask(spec, "127.0.0.1"));
}

static void
test_icmp(void **state)
{
	(void)state;
	assert_true(ask("icmp", "127.0.0.1"));
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
