/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events on their way out: completed, limited, counted when lost. */
#include "boot-services/evsink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/json.h"
#include "tests/unit/boot-services/fixture.h"

struct collector {
	struct event last;
	int n;
	bool full; /* the agent's queue */
};

static bool
collect(void *arg, const struct event *ev)
{
	struct collector *c = arg;

	if (c->full)
		return false;
	event_done(&c->last);
	c->last = *ev;
	c->last.detail = json_incref(ev->detail);
	c->n++;
	return true;
}

struct world {
	struct hosttab *table;
	struct collector got;
	struct evsink *sink;
};

static void
make_world(struct world *w)
{
	static const struct log log = {.max = LOG_LEVEL_ERROR, .program = "test"};
	struct evsink_outputs out = {.to_agent = collect, .arg = &w->got};
	struct bundle_site *site = str_alloc(sizeof(*site));
	struct bundle_host h = fixture_host("edge01", 1);
	struct bootd_msg_boot *boot = fixture_boot("t1");
	struct error err = {0};

	*w = (struct world){.table = hosttab_new()};
	str_clip(site->name, sizeof(site->name), "los");
	hosttab_set_site(w->table, site);
	assert_int_equal(hosttab_put(w->table, &h, boot, &err), 0);
	w->sink = evsink_new(&log, &w->table, &out);
	free(site);
	free(boot);
}

static void
free_world(struct world *w)
{
	event_done(&w->got.last);
	evsink_free(w->sink);
	hosttab_free(w->table);
}

/* The wall clock says `wall`, the monotonic one `mono`. */
static void
emit_at(struct world *w, const char *kind, const char *mac, const char *ip, int64_t wall,
    int64_t mono)
{
	struct event ev = event_make(kind, wall);

	str_clip(ev.mac, sizeof(ev.mac), mac);
	str_clip(ev.ip, sizeof(ev.ip), ip);
	evsink_emit_at(w->sink, &ev, mono);
	assert_null(ev.detail);
}

static void
emit(struct world *w, const char *kind, const char *mac, const char *ip, int64_t at)
{
	emit_at(w, kind, mac, ip, at, at);
}

static void
completes_from_mac_and_from_address(void **state UNUSED)
{
	struct world w;

	make_world(&w);
	emit(&w, "dhcp4.ack", "52:54:00:00:00:01", "", 1);
	assert_string_equal(w.got.last.host, "edge01");
	assert_string_equal(w.got.last.site, "los");
	assert_string_equal(w.got.last.job, "job0000000000000");
	assert_string_equal(w.got.last.boot, "boot000000000000");
	emit(&w, "http.end", "", "10.77.0.1", 2);
	assert_string_equal(w.got.last.host, "edge01");
	emit(&w, "http.end", "", "10.77.0.2", 3);
	assert_string_equal(w.got.last.host, "");
	assert_string_equal(w.got.last.job, "");
	free_world(&w);
}

/* An address from a pool is in no table; the acknowledgement tells whose it is. */
static void
learns_addresses_from_acknowledgements(void **state UNUSED)
{
	const int64_t t = 1000 * USEC_PER_SEC;
	struct world w;

	make_world(&w);
	emit(&w, "tftp.end", "", "10.77.0.150", t);
	assert_string_equal(w.got.last.host, "");
	emit(&w, "dhcp4.ack", "52:54:00:00:00:01", "10.77.0.150", t);
	emit(&w, "tftp.end", "", "10.77.0.150", t);
	assert_string_equal(w.got.last.host, "edge01");
	assert_string_equal(w.got.last.mac, "52:54:00:00:00:01");
	emit(&w, "dhcp4.ack", "52:54:00:00:00:99", "10.77.0.150", t);
	emit(&w, "tftp.end", "", "10.77.0.150", t);
	assert_string_equal(w.got.last.host, "");
	assert_string_equal(w.got.last.mac, "52:54:00:00:00:99");
	emit(&w, "dhcp4.ack", "52:54:00:00:00:01", "10.77.0.150", t);
	emit(&w, "dhcp4.release", "52:54:00:00:00:01", "10.77.0.150", t);
	emit(&w, "tftp.end", "", "10.77.0.150", t);
	assert_string_equal(w.got.last.host, "");
	free_world(&w);
}

/* IPv6: by the fixed address, by the identifier that firmware made of its MAC; one of a stranger's MAC
 * says nothing. */
static void
addresses_of_ipv6_name_the_host(void **state UNUSED)
{
	struct bundle_host h = fixture_host("edge01", 1);
	struct bootd_msg_boot *boot = fixture_boot("t1");
	struct error err = {0};
	struct world w;

	make_world(&w);
	assert_int_equal(addr_ip_parse("fd77::11", &h.nics[0].ip6), 0);
	assert_int_equal(hosttab_put(w.table, &h, boot, &err), 0);
	emit(&w, "tftp.end", "", "fd77::11", USEC_PER_SEC);
	assert_string_equal(w.got.last.host, "edge01");
	assert_string_equal(w.got.last.mac, "52:54:00:00:00:01");
	emit(&w, "tftp.end", "", "fe80::5054:ff:fe00:1", USEC_PER_SEC);
	assert_string_equal(w.got.last.host, "edge01");
	emit(&w, "tftp.end", "", "fe80::5054:ff:fe00:99", USEC_PER_SEC);
	assert_string_equal(w.got.last.host, "");
	assert_string_equal(w.got.last.mac, "");
	free(boot);
	free_world(&w);
}

/* A machine that comes up with a clock of 1970 sets it while others boot. */
static void
a_clock_that_is_set_changes_no_evidence(void **state UNUSED)
{
	const int64_t year = 365 * 24 * 3600 * USEC_PER_SEC, second = USEC_PER_SEC;
	struct world w;

	make_world(&w);
	emit_at(&w, "dhcp4.ack", "52:54:00:00:00:01", "10.77.0.150", second, 5 * second);
	emit_at(&w, "tftp.end", "", "10.77.0.150", 56 * year, 6 * second);
	assert_string_equal(w.got.last.host, "edge01");
	emit_at(&w, "tftp.end", "", "10.77.0.150", 2 * second, year);
	assert_string_equal(w.got.last.host, "");
	for (int i = 0; i < 20; i++)
		emit_at(&w, "dhcp4.nak", "52:54:00:00:00:01", "", i * year, year);
	assert_int_equal(w.got.n, 3 + 10);
	free_world(&w);
}

static int64_t
dropped(const struct event *ev)
{
	int64_t n = 0;

	assert_int_equal(json_opt_i64(ev->detail, "dropped", &n, NULL), 0);
	return n;
}

static void
negative_events_are_limited_per_machine(void **state UNUSED)
{
	struct world w;

	make_world(&w);
	for (int i = 0; i < 50; i++)
		emit(&w, "dhcp4.ignored", "52:54:00:00:00:01", "", 1000 + i);
	assert_int_equal(w.got.n, 10);
	emit(&w, "dhcp4.ack", "52:54:00:00:00:01", "", 2000);
	assert_int_equal(w.got.n, 11);
	assert_int_equal(dropped(&w.got.last), 40);
	emit(&w, "dhcp4.ack", "52:54:00:00:00:01", "", 2001);
	assert_null(w.got.last.detail);
	free_world(&w);
}

/* Malformed packets name no machine: together they are as one, and take no more from the strangers' share
 * than what they send. */
static void
nameless_events_are_limited_as_one_machine(void **state UNUSED)
{
	char mac[ADDR_MAC_TEXT];
	struct world w;

	make_world(&w);
	emit(&w, "dhcp4.ignored", "52:54:00:01:00:00", "", 1000);
	for (int i = 0; i < 50; i++)
		emit(&w, "dhcp4.ignored", "", "", 1000 + i);
	assert_int_equal(w.got.n, 1 + 10);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(mac, sizeof(mac), "52:54:00:01:01:%02x", i);
		emit(&w, "dhcp4.ignored", mac, "", 2000 + i);
	}
	assert_int_equal(w.got.n, 100);
	free_world(&w);
}

static void
strangers_share_one_rate(void **state UNUSED)
{
	struct world w;
	char mac[ADDR_MAC_TEXT];

	make_world(&w);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(mac, sizeof(mac), "52:54:00:01:%02x:%02x", i >> 8, i & 255);
		emit(&w, "dhcp4.discover", mac, "", 1000 + i);
	}
	assert_int_equal(w.got.n, 100);
	/* A host of the table and bootd's own events are not held up by them. */
	emit(&w, "dhcp4.discover", "52:54:00:00:00:01", "", 3000);
	emit(&w, "bootd.ready", "", "", 3000);
	/* Nor is what matters of a stranger, beside a flood of what does not. */
	emit(&w, "dhcp4.foreign", "52:54:00:01:00:01", "", 3000);
	assert_int_equal(w.got.n, 103);
	free_world(&w);
}

static void
a_full_queue_is_counted(void **state UNUSED)
{
	struct world w;

	make_world(&w);
	w.got.full = true;
	for (int i = 0; i < 3; i++)
		emit(&w, "http.end", "", "10.77.0.1", i);
	w.got.full = false;
	emit(&w, "http.end", "", "10.77.0.1", 4);
	assert_int_equal(w.got.n, 1);
	assert_int_equal(dropped(&w.got.last), 3);
	free_world(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(completes_from_mac_and_from_address),
	    cmocka_unit_test(learns_addresses_from_acknowledgements),
	    cmocka_unit_test(addresses_of_ipv6_name_the_host),
	    cmocka_unit_test(a_clock_that_is_set_changes_no_evidence),
	    cmocka_unit_test(negative_events_are_limited_per_machine),
	    cmocka_unit_test(nameless_events_are_limited_as_one_machine),
	    cmocka_unit_test(strangers_share_one_rate),
	    cmocka_unit_test(a_full_queue_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
