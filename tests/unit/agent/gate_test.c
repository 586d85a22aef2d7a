/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The call "gate": what is refused, and how rounds become an answer. tests/net/test_gates.py has the rest. */
#include "agent/gate.h"

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/addr.h"
#include "lib/json.h"
#include "lib/str.h"

struct kit {
	struct event_base *base;
	struct gate_set *set;
	unsigned n, wanted;
	struct agent_msg_call_result last;
	json_t *codes; /* of each, in order */
};

static void
on_done(void *arg, struct agent_msg_call_result *res)
{
	struct kit *k = arg;

	agent_msg_call_result_done(&k->last);
	k->last = *res;
	json_array_append_new(k->codes, json_string(res->code));
	if (++k->n == k->wanted)
		event_base_loopbreak(k->base);
}

static struct kit *
kit_new(void)
{
	struct kit *k = str_alloc(sizeof(*k));

	k->base = event_base_new();
	k->codes = json_array();
	k->set = gate_set_new(&(struct gate_set_opts){.base = k->base,
	    .site = "local",
	    .root = "/no/such/folder",
	    .user = "nobody",
	    .done = on_done,
	    .arg = k});
	return k;
}

static void
kit_free(struct kit *k)
{
	gate_set_free(k->set);
	event_base_free(k->base);
	agent_msg_call_result_done(&k->last);
	json_decref(k->codes);
	free(k);
}

/* Takes args. */
static void
call(struct kit *k, unsigned id, json_t *args)
{
	struct agent_msg_order o = {
	    .type = AGENT_ORDER_CALL, .verb = "gate", .args = args};

	snprintf(o.id, sizeof(o.id), "%016u", id);
	assert_true(gate_set_call(k->set, &o));
	json_decref(args);
}

static json_t *
here(const char *check, int timeout_s)
{
	return json_pack("{s:s, s:s, s:[s], s:i}", "host", "edge01", "ip", "127.0.0.1",
	    "checks", check, "timeout_s", timeout_s);
}

static void
wait_for(struct kit *k, unsigned n)
{
	k->wanted = n;
	if (k->n < n)
		event_base_dispatch(k->base);
	assert_int_equal(k->n, n);
}

static const char *
code(const struct kit *k, size_t i)
{
	return json_string_value(json_array_get(k->codes, i));
}

/* A port of the loopback that listens. */
static int
listener(char spec[32])
{
	struct sockaddr_storage ss;
	struct addr_ip ip;
	socklen_t n;
	int fd;

	assert_int_equal(addr_ip_parse("127.0.0.1", &ip), 0);
	n = addr_ip_sockaddr(&ip, 0, &ss);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&ss, n), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &n), 0);
	snprintf(spec, 32, "tcp:%u", addr_port_from_sockaddr((struct sockaddr *)&ss));
	return fd;
}

static void
other_calls_are_not_its(void **state)
{
	struct kit *k = kit_new();
	const struct agent_msg_order o = {
	    .type = AGENT_ORDER_CALL, .verb = "power-status"};

	(void)state;
	assert_false(gate_set_call(k->set, &o));
	kit_free(k);
}

static void
what_makes_no_sense_is_refused(void **state)
{
	struct kit *k = kit_new();
	const struct {
		json_t *args;
		const char *code;
	} bad[] = {
	    {json_object(), "bad-value"},
	    {json_pack("{s:i}", "host", 1), "bad-value"},
	    {json_pack("{s:s, s:[s]}", "host", "a/b", "checks", "icmp"), "bad-value"},
	    {here("icmp", 0), "bad-value"},
	    {here("icmp", 3601), "bad-value"},
	    {here("tcp:ssh", 5), "bad-gate"},
	    {json_pack("{s:s, s:s, s:[]}", "host", "edge01", "ip", "127.0.0.1", "checks"),
		"bad-gate"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		call(k, (unsigned)i, bad[i].args);
		assert_int_equal(k->n, i + 1);
		assert_string_equal(code(k, i), bad[i].code);
		assert_true(str_has_prefix(k->last.reason, bad[i].code));
	}
	kit_free(k);
}

static void
rounds(void **state)
{
	struct kit *k = kit_new();
	char spec[32];
	int fd = listener(spec);

	(void)state;
	call(k, 1, here(spec, 60));
	call(k, 1, here(spec, 60)); /* told twice */
	wait_for(k, 1);
	assert_string_equal(k->last.code, "");
	assert_int_equal(json_integer_value(json_object_get(k->last.data, "rounds")), 1);
	close(fd);
	call(k, 2, here(spec, 1));
	wait_for(k, 2);
	assert_string_equal(k->last.code, "gate-failed");
	assert_non_null(strstr(k->last.reason, "Connection refused"));
	/* Nobody will put a program there in the meantime. */
	call(k, 3, here("exec:check", 600));
	wait_for(k, 3);
	assert_string_equal(k->last.code, "gate-program");
	kit_free(k);
}

/* More than are in a round at once, and more than are kept; those that are under way end with the set. */
static void
many(void **state)
{
	enum { N = 4096 };
	struct kit *k = kit_new();
	char spec[32];
	int fd = listener(spec);
	size_t busy = 0;

	(void)state;
	for (unsigned i = 0; i < N + 10; i++)
		call(k, i, here(i % 256 == 0 ? spec : "exec:check", 600));
	assert_int_equal(k->n, 10);
	wait_for(k, N + 10);
	for (size_t i = 0; i < k->n; i++)
		busy += str_eq(code(k, i), "gate-busy");
	assert_int_equal(busy, 10);
	close(fd);
	for (unsigned i = 0; i < 200; i++)
		call(k, i, here(spec, 600));
	kit_free(k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(other_calls_are_not_its),
	    cmocka_unit_test(what_makes_no_sense_is_refused),
	    cmocka_unit_test(rounds),
	    cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
