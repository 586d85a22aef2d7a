/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Findings about foreign DHCP servers and routers, from the events that tell of them. */
#include "orchestrator/doctor_dhcp.h"

#include "fixture.h"

#include <string.h>

#include "db/db_event.h"

enum { FOUND_MAX = 32 };

static struct {
	char level[8], text[DOCTOR_DHCP_TEXT], next[256];
} found[FOUND_MAX];
static size_t n_found;

static void
each(void *arg, const char *level, const char *text, const char *next)
{
	(void)arg;
	assert_true(n_found < FOUND_MAX);
	str_clip(found[n_found].level, sizeof(found[0].level), level);
	str_clip(found[n_found].text, sizeof(found[0].text), text);
	str_clip(found[n_found++].next, sizeof(found[0].next), next);
}

static void
scan(struct fixture *f, int64_t since)
{
	n_found = 0;
	assert_int_equal(doctor_dhcp_scan(f->store, since, each, NULL), 0);
}

static void
add(struct fixture *f, int64_t at, const char *kind, const char *site, const char *server,
    const char *mode, const char *competes)
{
	struct event ev = event_make(kind, at);

	str_clip(ev.site, sizeof(ev.site), site);
	str_clip(ev.mac, sizeof(ev.mac), "52:54:00:77:00:01");
	if (server[0])
		event_put(&ev, "server", server);
	if (mode[0])
		event_put(&ev, "mode", mode);
	if (competes[0]) {
		event_put(&ev, "competes", competes);
		event_put(&ev, "bootfile", "pxelinux.0");
	}
	event_put(&ev, "server_mac", "02:00:00:00:00:67");
	assert_int_equal(db_event_add(f->store, &ev, NULL, 0, NULL), 0);
	event_done(&ev);
}

static void
one_finding_for_each_server(void **state)
{
	struct fixture *f = *state;

	scan(f, 0);
	assert_int_equal(n_found, 0);
	add(f, 10, "dhcp4.foreign", "los", "10.0.0.2", "", "");
	add(f, 20, "dhcp4.foreign", "los", "10.0.0.3", "", "");
	add(f, 30, "dhcp4.foreign", "los", "10.0.0.2", "", "boot");
	add(f, 40, "dhcp4.foreign", "fra", "10.0.0.2", "", "");
	add(f, 50, "dhcp6.foreign", "los", "fe80::2", "", "");
	add(f, 60, "ra.foreign", "los", "fe80::3", "", "");
	scan(f, 0);
	assert_int_equal(n_found, 5);
	for (size_t i = 0; i < n_found; i++) {
		assert_string_equal(found[i].level, "warn");
		assert_true(found[i].next[0]);
	}
	assert_non_null(strstr(found[0].text, "site fra"));
	assert_non_null(strstr(found[1].text, "DHCP server 10.0.0.2 (02:00:00:00:00:67), "
					      "boot file pxelinux.0; it gives boot"));
	assert_non_null(strstr(found[2].text, "10.0.0.3"));
	assert_non_null(strstr(found[3].text, "DHCPv6 server fe80::2"));
	assert_non_null(strstr(found[4].text, "router"));
	scan(f, 45);
	assert_int_equal(n_found, 2);
}

static void
beside_a_proxy_it_is_wanted(void **state)
{
	struct fixture *f = *state;

	add(f, 10, "dhcp4.foreign", "los", "10.0.0.2", "", "");
	add(f, 20, "dhcp4.foreign", "los", "10.0.0.2", "proxy", "");
	scan(f, 0);
	assert_int_equal(n_found, 1);
	assert_string_equal(found[0].level, "ok");
	add(f, 30, "dhcp4.foreign", "los", "10.0.0.2", "proxy", "boot");
	scan(f, 0);
	assert_int_equal(n_found, 1);
	assert_string_equal(found[0].level, "warn");
	assert_non_null(strstr(found[0].next, "next-server"));
}

static void
nobody_beside_the_proxy(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(
	    fixture_apply(f, "{'sites':[{'name':'los'},{'name':'fra'}]}", NULL), "");
	add(f, 10, "dhcp4.foreign", "los", "10.0.0.2", "proxy", "");
	add(f, 20, "dhcp4.alone", "los", "", "proxy", "");
	add(f, 30, "dhcp4.alone", "los", "", "proxy", "");
	scan(f, 15);
	assert_int_equal(n_found, 1);
	assert_string_equal(found[0].level, "warn");
	assert_non_null(strstr(found[0].text, "no other DHCP server"));
	/* Elsewhere it does not help; heard there, it does. */
	add(f, 40, "dhcp4.foreign", "fra", "10.0.0.2", "proxy", "");
	scan(f, 15);
	assert_int_equal(n_found, 2);
	add(f, 50, "dhcp4.foreign", "los", "10.0.0.2", "proxy", "");
	scan(f, 15);
	for (size_t i = 0; i < n_found; i++)
		assert_string_equal(found[i].level, "ok");
}

static void
many_servers_are_bounded(void **state)
{
	struct fixture *f = *state;
	char server[32];

	for (unsigned i = 0; i < 50; i++) {
		snprintf(server, sizeof(server), "10.0.0.%u", i);
		add(f, i + 1, "dhcp4.foreign", "los", server, "", "");
	}
	scan(f, 0);
	assert_int_equal(n_found, 20);
	assert_non_null(strstr(found[0].text, "10.0.0.49"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, fixture_open, fixture_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(one_finding_for_each_server),
	    T(beside_a_proxy_it_is_wanted),
	    T(nobody_beside_the_proxy),
	    T(many_servers_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
