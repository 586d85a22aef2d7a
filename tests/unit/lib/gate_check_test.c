/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Health gates as text: what they mean, what is said of those that mean nothing, and what is asked of a host. */
#include "lib/gate_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/compiler.h"
#include "lib/str.h"

static const struct gate_check_names v4 = {.host = "edge01.los", .ip = "10.77.0.21"};
static const struct gate_check_names v6 = {.host = "edge01.los", .ip = "2001:db8::21"};
static const struct gate_check_names nowhere = {.host = "edge01.los", .ip = ""};

static struct gate_check
parsed(const char *text)
{
	struct gate_check c;
	struct error err = {.code = ""};

	if (gate_check_parse(text, &c, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	return c;
}

static void
assert_again(const char *text, const char *again)
{
	struct gate_check c = parsed(text);
	char buf[GATE_CHECK_TEXT];

	assert_string_equal(gate_check_text(&c, buf), again);
	c = parsed(again);
	assert_string_equal(gate_check_text(&c, buf), again);
}

static void
kinds(void **state)
{
	struct gate_check c = parsed("tcp:22");

	(void)state;
	assert_int_equal(c.kind, GATE_CHECK_TCP);
	assert_int_equal(c.port, 22);
	assert_int_equal(parsed("icmp").kind, GATE_CHECK_ICMP);
	c = parsed("https://${ip}:8443/healthz=204");
	assert_int_equal(c.kind, GATE_CHECK_HTTP);
	assert_string_equal(c.what, "https://${ip}:8443/healthz");
	assert_int_equal(c.min, 204);
	assert_int_equal(c.max, 204);
	c = parsed("http://lb.example/pool?host=${host}=2xx");
	assert_string_equal(c.what, "http://lb.example/pool?host=${host}");
	assert_int_equal(c.min, 200);
	assert_int_equal(c.max, 299);
	c = parsed("exec: check-edge  --warm\t${ip}");
	assert_int_equal(c.kind, GATE_CHECK_EXEC);
	assert_string_equal(c.what, "check-edge --warm ${ip}");
	assert_true(gate_check_needs_ip(&c));
	c = parsed("exec:check-edge");
	assert_false(gate_check_needs_ip(&c));
}

static void
written_as_they_are_read(void **state)
{
	(void)state;
	assert_again("tcp:22", "tcp:22");
	assert_again("icmp", "icmp");
	assert_again("http://${ip}/", "http://${ip}/");
	assert_again("http://${ip}/=200", "http://${ip}/");
	assert_again("http:http://${ip}:8080", "http://${ip}:8080");
	assert_again("http:https://${host}/x=301", "https://${host}/x=301");
	assert_again("http://[2001:db8::1]:80/=5xx", "http://[2001:db8::1]:80/=5xx");
	assert_again("http://a/?x=y", "http://a/?x=y");
	assert_again("http://a/?x=y=200", "http://a/?x=y");
	assert_again("http://a/?x=1&flag", "http://a/?x=1&flag");
	assert_again("http://a/?id=404=200", "http://a/?id=404=200");
	assert_again("http://a/?a=1&id=404=404", "http://a/?a=1&id=404=404");
	assert_again("exec:check.sh  a  b", "exec:check.sh a b");
}

static void
hosts_are_filled_in(void **state)
{
	struct gate_check c = parsed("http://${ip}:8080/h?ip=${ip}&name=${host}&x=y");
	struct error err = {.code = ""};
	char *url = NULL, *argv[GATE_CHECK_ARGS + 2] = {NULL};

	(void)state;
	assert_int_equal(gate_check_url(&c, &v4, &url, &err), 0);
	assert_string_equal(
	    url, "http://10.77.0.21:8080/h?ip=10.77.0.21&name=edge01.los&x=y");
	free(url);
	assert_int_equal(gate_check_url(&c, &v6, &url, &err), 0);
	assert_string_equal(
	    url, "http://[2001:db8::21]:8080/h?ip=2001:db8::21&name=edge01.los&x=y");
	free(url);
	assert_true(gate_check_url(&c, &nowhere, &url, &err) < 0);
	assert_string_equal(err.code, "no-address");
	c = parsed("http://${host}/");
	assert_int_equal(gate_check_url(&c, &nowhere, &url, &err), 0);
	assert_string_equal(url, "http://edge01.los/");
	free(url);
	c = parsed("exec:check ${host} --ip=${ip} $HOME `id` ;");
	assert_int_equal(gate_check_argv(&c, &v6, argv, &err), 0);
	assert_string_equal(argv[0], "check");
	assert_string_equal(argv[1], "edge01.los");
	assert_string_equal(argv[2], "--ip=2001:db8::21");
	assert_string_equal(argv[3], "$HOME");
	assert_string_equal(argv[4], "`id`");
	assert_string_equal(argv[5], ";");
	assert_null(argv[6]);
	gate_check_argv_done(argv);
	assert_true(gate_check_argv(&c, &nowhere, argv, &err) < 0);
}

static void
bad_ones_are_refused_with_words(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
	    {"", "of no kind"},
	    {"ping", "of no kind"},
	    {"TCP:22", "of no kind"},
	    {"icmp ", "of no kind"},
	    {"tcp:", "none of 1-65535"},
	    {"tcp:0", "none of 1-65535"},
	    {"tcp:65536", "none of 1-65535"},
	    {"tcp:ssh", "none of 1-65535"},
	    {"http:", "must begin with http://"},
	    {"http:ftp://x/", "must begin with http://"},
	    {"http://", "names no server"},
	    {"http:///x", "names no server"},
	    {"http://:80/", "names no server"},
	    {"http://a b/", "has a blank"},
	    {"http://a/#x", "has a blank, a quote, a \"#\""},
	    {"http://root:secret@a/", "user or password"},
	    {"http://a:http/", "none of 1-65535"},
	    {"http://a:99999/", "none of 1-65535"},
	    {"http://[${ip}]/", "brackets around ${ip}"},
	    {"http://[10.0.0.1]/", "no IPv6 address"},
	    {"http://[::1/", "do not match"},
	    {"http://${mac}/", "neither ${ip} nor ${host}"},
	    {"http://a/${", "neither ${ip} nor ${host}"},
	    {"http://a/x=", "no status"},
	    {"http://a/x=20", "no status"},
	    {"http://a/x=2000", "no status"},
	    {"http://a/x=ok", "no status"},
	    {"http://a/x=100", "no status"},
	    {"http://a/x=6xx", "no status"},
	    {"http://a/x?id=200", "a parameter or a status"},
	    {"http://a/x?a=b&id=2xx", "a parameter or a status"},
	    {"exec:", "names no program"},
	    {"exec:  ", "names no program"},
	    {"exec:/bin/sh", "no folders"},
	    {"exec:../x", "no folders"},
	    {"exec:.hidden", "names no program"},
	    {"exec:-c", "names no program"},
	    {"exec:a\nb", "not plain ASCII"},
	    {"exec:a ${env}", "neither ${ip} nor ${host}"},
	    {"exec:a 1 2 3 4 5 6 7 8 9", "more than 8 arguments"},
	};
	struct gate_check c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct error err = {.code = ""};

		if (gate_check_parse(bad[i].text, &c, &err) == 0)
			fail_msg("\"%s\" was taken", bad[i].text);
		assert_string_equal(err.code, "bad-gate");
		if (strstr(err.text, bad[i].why) == NULL)
			fail_msg("\"%s\": %s", bad[i].text, err.text);
		assert_non_null(strstr(err.next, "tcp:PORT"));
	}
}

static void
long_ones(void **state)
{
	char text[GATE_CHECK_TEXT + 8];
	struct gate_check c;
	struct error err;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "http://a/", 9);
	text[GATE_CHECK_TEXT] = '\0';
	assert_true(gate_check_parse(text, &c, &err) < 0);
	assert_non_null(strstr(err.text, "longer than 511"));
	text[GATE_CHECK_TEXT - 1] = '\0';
	assert_int_equal(gate_check_parse(text, &c, &err), 0);
}

static void
lists(void **state)
{
	struct gate_check_list list;
	struct error err = {.code = ""};
	json_t *v = json_pack("[s, s]", "tcp:22", "http:http://${ip}/"), *again;

	(void)state;
	assert_int_equal(gate_check_list_parse(NULL, "gates", &list, &err), 0);
	assert_int_equal(list.n, 0);
	assert_int_equal(gate_check_list_parse(v, "gates", &list, &err), 0);
	assert_int_equal(list.n, 2);
	again = gate_check_list_json(&list);
	assert_string_equal(json_string_value(json_array_get(again, 1)), "http://${ip}/");
	json_decref(again);
	json_array_append_new(v, json_string("tcp:ssh"));
	assert_true(gate_check_list_parse(v, "policy.gates", &list, &err) < 0);
	assert_true(str_has_prefix(err.text, "policy.gates[2]: the check \"tcp:ssh\""));
	json_array_set_new(v, 2, json_integer(22));
	assert_true(gate_check_list_parse(v, "gates", &list, &err) < 0);
	assert_string_equal(err.text, "gates[2]: no text");
	while (json_array_size(v) <= GATE_CHECK_MAX)
		json_array_append_new(v, json_string("icmp"));
	assert_true(gate_check_list_parse(v, "gates", &list, &err) < 0);
	assert_non_null(strstr(err.text, "at most 16"));
	json_decref(v);
	v = json_string("tcp:22");
	assert_true(gate_check_list_parse(v, "gates", &list, &err) < 0);
	assert_string_equal(err.text, "gates: not a list of texts");
	json_decref(v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(kinds),
	    cmocka_unit_test(written_as_they_are_read),
	    cmocka_unit_test(hosts_are_filled_in),
	    cmocka_unit_test(bad_ones_are_refused_with_words),
	    cmocka_unit_test(long_ones),
	    cmocka_unit_test(lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
