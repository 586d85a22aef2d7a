/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/rest_web.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <event2/event.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/str.h"

static void
test_addresses(void **state UNUSED)
{
	static const struct {
		const char *text;
		int family; /* 0: refused */
		bool loopback;
	} rows[] = {
	    {"127.0.0.1:8017", AF_INET, true},
	    {"127.9.0.1:1", AF_INET, true},
	    {"0.0.0.0:65535", AF_INET, false},
	    {"[::1]:8017", AF_INET6, true},
	    {"[::]:8017", AF_INET6, false},
	    {"127.0.0.1", 0, false},
	    {"127.0.0.1:", 0, false},
	    {"127.0.0.1:0", 0, false},
	    {"127.0.0.1:65536", 0, false},
	    {"127.0.0.1:80x", 0, false},
	    {"::1:8017", 0, false},
	    {"[::1]", 0, false},
	    {"[::1:8017", 0, false},
	    {"[127.0.0.1]:8017", 0, false},
	    {"localhost:8017", 0, false},
	    {":8017", 0, false},
	    {"[]:8017", 0, false},
	    {"", 0, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct sockaddr_storage sa = {.ss_family = AF_UNSPEC};
		bool loopback = false;
		socklen_t len;
		int rc = rest_web_parse_address(rows[i].text, &sa, &len, &loopback);
		if ((rc == 0) != (rows[i].family != 0) ||
		    sa.ss_family != rows[i].family || loopback != rows[i].loopback)
			fail_msg("%s", rows[i].text);
	}
}

static int
listen_on(const char *text, struct error *err)
{
	struct log log = log_init("test", LOG_LEVEL_ERROR);
	struct event_base *base = event_base_new();
	char path[64];

	snprintf(path, sizeof(path), "/tmp/rest_web.%d", (int)getpid());
	struct rest_server *s =
	    rest_server_new(base, &log, path, NULL, NULL, 0, NULL, err);
	assert_non_null(s);
	int rc = rest_server_listen(
	    s, &(struct rest_web_options){.listen = &text, .n_listen = 1}, err);
	rest_server_free(s);
	event_base_free(base);
	return rc;
}

static void
test_without_tls_only_loopback(void **state UNUSED)
{
	struct error err = {.code = ""};

	assert_true(listen_on("0.0.0.0:8017", &err) < 0);
	assert_string_equal(err.code, "web-needs-tls");
	assert_true(listen_on("[::]:8017", &err) < 0);
	assert_string_equal(err.code, "web-needs-tls");
	assert_true(listen_on("localhost", &err) < 0);
	assert_string_equal(err.code, "web-address");
}

static void
test_a_taken_port_is_named(void **state UNUSED)
{
	struct sockaddr_in sin = {
	    .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(sin);
	struct error err = {.code = ""};
	char text[40];

	assert_int_equal(bind(fd, (const struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	snprintf(text, sizeof(text), "127.0.0.1:%d", ntohs(sin.sin_port));
	assert_true(listen_on(text, &err) < 0);
	assert_string_equal(err.code, "web-port-taken");
	assert_non_null(strstr(err.text, text));
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_addresses),
	    cmocka_unit_test(test_without_tls_only_loopback),
	    cmocka_unit_test(test_a_taken_port_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
