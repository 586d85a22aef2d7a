/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who hears which router advertisement, and when: RFC 4861 6.2 in virtual time. */
#include "boot-services/ra_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
/* cmocka.h wants those first. */
#include <cmocka.h>

#include "boot-services/ra_msg.h"
#include "lib/json.h"
#include "lib/str.h"

#define SECOND USEC_PER_SEC
/* Solicitations of a machine with an address, and of one without. */
static const uint8_t solicit[] = {RA_TYPE_SOLICIT, 0, 0, 0, 0, 0, 0, 0};

struct world {
	struct hosttab *table;
	struct bundle_site site;
	struct rng rng;
	struct ra_server *s;
	struct ra_server_addrs addrs;
	struct ra_server_out out; /* of the last call */
	int64_t now;
	unsigned n_sent, n_foreign, n_heard; /* events */
	int64_t told;			     /* advertisements in them */
};

static struct addr_ip
ip(const char *text)
{
	struct addr_ip a;

	assert_int_equal(addr_ip_parse(text, &a), 0);
	return a;
}

static void
take_events(struct world *w)
{
	for (size_t i = 0; i < w->out.n_events; i++) {
		struct event *ev = &w->out.events[i];
		int64_t n = 0;

		w->n_foreign += str_eq(ev->kind, "ra.foreign");
		w->n_heard += str_eq(ev->kind, "ra.heard");
		if (str_eq(ev->kind, "ra.sent")) {
			w->n_sent++;
			assert_int_equal(json_opt_i64(ev->detail, "count", &n, NULL), 0);
			w->told += n;
		}
		event_done(ev);
	}
}

static void
begin_call(struct world *w)
{
	w->out.n_packets = w->out.n_events = 0;
}

static struct bundle_subnet *
add_subnet(struct world *w, const char *prefix, enum bundle_ra ra)
{
	struct bundle_subnet *s = &w->site.subnets[w->site.n_subnets++];

	assert_int_equal(addr_prefix_parse(prefix, &s->prefix), 0);
	s->ra = ra;
	return s;
}

static void
refresh(struct world *w)
{
	hosttab_set_site(w->table, &w->site);
	begin_call(w);
	ra_server_refresh(w->s, 0, &w->addrs, w->now, &w->out);
	take_events(w);
}

static struct world *
world_new(void)
{
	struct world *w = str_alloc(sizeof(*w));

	w->table = hosttab_new();
	w->rng = rng_seeded(7);
	w->s = ra_server_new(&w->table, true, &w->rng);
	assert_int_equal(ra_server_add_link(w->s, "eth1"), 0);
	w->now = 1000 * SECOND;
	w->addrs.link_local = ip("fe80::1");
	w->addrs.own[w->addrs.n_own++] = ip("fd77::1");
	return w;
}

static void
world_free(struct world *w)
{
	ra_server_free(w->s);
	hosttab_free(w->table);
	free(w);
}

static void
packet(struct world *w, const char *src, int hop_limit, const uint8_t *data, size_t len)
{
	struct ra_server_rx rx = {ip(src), hop_limit, data, len};

	begin_call(w);
	ra_server_on_packet(w->s, 0, &rx, w->now, &w->out);
	take_events(w);
}

static void
ask(struct world *w, const char *src)
{
	packet(w, src, 255, solicit, sizeof(solicit));
}

static void
foreign(struct world *w, const char *src, uint16_t router_s)
{
	struct ra_msg m = {.router_s = router_s};
	uint8_t data[64];
	struct wbuf b = wbuf_init(data, sizeof(data));

	assert_true(ra_msg_build(&b, &m));
	packet(w, src, 255, data, b.len);
}

/* Lets time pass to when the server wants to be called, and calls it. The seconds that went by. */
static int64_t
pass(struct world *w)
{
	int64_t at = ra_server_next(w->s, 0), was = w->now;

	assert_true(at != INT64_MAX);
	if (at > w->now)
		w->now = at;
	begin_call(w);
	ra_server_on_time(w->s, 0, w->now, &w->out);
	take_events(w);
	return (w->now - was) / SECOND;
}

/* The same until something is sent. */
static int64_t
pass_to_packet(struct world *w)
{
	int64_t s = 0;

	do {
		s += pass(w);
	} while (w->out.n_packets == 0);
	return s;
}

static struct ra_msg
said(const struct world *w)
{
	struct ra_msg m;
	const char *why;

	assert_int_equal(w->out.n_packets, 1);
	assert_int_equal(
	    ra_msg_parse(w->out.packets[0].data, w->out.packets[0].len, &m, &why), 0);
	return m;
}

static bool
sent_to(const struct world *w, const char *to)
{
	struct addr_ip a = ip(to);

	return w->out.n_packets == 1 && addr_ip_eq(&w->out.packets[0].to, &a);
}

static void
flags_follow_the_subnets(void **state UNUSED)
{
	static const struct {
		enum bundle_ra first, second;
		bool sent, m, o;
		size_t prefixes;
		bool a[2];
	} rows[] = {
	    {BUNDLE_RA_MANAGED, BUNDLE_RA_OFF, true, true, true, 1, {false}},
	    {BUNDLE_RA_STATELESS, BUNDLE_RA_OFF, true, false, true, 1, {true}},
	    {BUNDLE_RA_OFF, BUNDLE_RA_OFF, false, false, false, 0, {false}},
	    {BUNDLE_RA_MANAGED, BUNDLE_RA_STATELESS, true, true, true, 2, {false, true}},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct world *w = world_new();
		struct ra_msg m;

		w->addrs.own[w->addrs.n_own++] = ip("fd78::1");
		add_subnet(w, "fd77::/64", rows[i].first)->router_s = 1800;
		add_subnet(w, "fd78::/64", rows[i].second)->mtu = 1400;
		add_subnet(w, "fd79::/64", BUNDLE_RA_STATELESS); /* of another link */
		refresh(w);
		assert_int_equal(w->out.n_packets, rows[i].sent);
		if (rows[i].sent) {
			m = said(w);
			assert_int_equal(m.managed, rows[i].m);
			assert_int_equal(m.other, rows[i].o);
			assert_int_equal(m.router_s, 1800);
			assert_int_equal(m.n_prefixes, rows[i].prefixes);
			assert_int_equal(m.mtu, rows[i].prefixes == 2 ? 1400 : 0);
			for (size_t k = 0; k < m.n_prefixes; k++) {
				assert_true(m.prefixes[k].on_link);
				assert_int_equal(m.prefixes[k].autonomous, rows[i].a[k]);
			}
		}
		world_free(w);
	}
}

/* 6.2.4: three at most 16 s apart, then 200 to 600 s. */
static void
unsolicited_ones_keep_their_intervals(void **state UNUSED)
{
	struct world *w = world_new();
	int64_t least = INT64_MAX, most = 0;

	add_subnet(w, "fd77::/64", BUNDLE_RA_MANAGED);
	refresh(w);
	assert_true(sent_to(w, "ff02::1"));
	assert_int_equal(pass_to_packet(w), 16);
	assert_int_equal(pass_to_packet(w), 16);
	for (int i = 0; i < 200; i++) {
		int64_t s = pass_to_packet(w);

		assert_true(s >= 200 && s <= 600);
		least = s < least ? s : least;
		most = s > most ? s : most;
	}
	assert_true(least < 230 && most > 570);
	world_free(w);
}

/* 6.2.6: at once; to all not within three seconds, but then to the machine alone. */
/* 6.2.1: AdvDefaultLifetime is three times the longest interval, so that two may be lost before machines lose their
 * router, and one that dies is forgotten when its lifetime is over. */
static void
a_short_lifetime_is_said_more_often(void **state UNUSED)
{
	static const struct {
		int64_t router_s, told, min, max;
	} rows[] = {{9000, 9000, 200, 600}, {1800, 1800, 200, 600}, {90, 90, 10, 30},
	    {30, 30, 3, 10}, {12, 12, 3, 4}, {1, 12, 3, 4}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct world *w = world_new();

		add_subnet(w, "fd77::/64", BUNDLE_RA_MANAGED)->router_s =
		    rows[i].router_s;
		refresh(w);
		pass_to_packet(w);
		assert_int_equal(said(w).router_s, rows[i].told);
		for (int k = 0; k < 50; k++) {
			int64_t was = w->now;

			pass_to_packet(w);
			was = w->now - was;
			assert_true(was <= rows[i].max * SECOND);
			assert_true(was >= rows[i].min * SECOND || k < 2);
			assert_true(was <= 16 * SECOND || k >= 1);
		}
		world_free(w);
	}
}

static void
solicitations_are_answered_at_once(void **state UNUSED)
{
	struct world *w = world_new();

	add_subnet(w, "fd77::/64", BUNDLE_RA_MANAGED);
	refresh(w);
	w->now += 3 * SECOND;
	ask(w, "fe80::50");
	assert_true(sent_to(w, "ff02::1"));
	w->now += SECOND;
	ask(w, "fe80::51");
	assert_true(sent_to(w, "fe80::51"));
	ask(w, "fe80::52");
	assert_true(sent_to(w, "fe80::52"));
	/* No address yet: to all, when the three seconds are over. */
	ask(w, "::");
	assert_int_equal(w->out.n_packets, 0);
	ask(w, "::");
	assert_int_equal(w->out.n_packets, 0);
	assert_int_equal(pass_to_packet(w), 2);
	assert_true(sent_to(w, "ff02::1"));
	/* One answer for both. */
	assert_true(pass_to_packet(w) > 2);
	world_free(w);
}

static void
a_flood_costs_a_bounded_number_of_answers(void **state UNUSED)
{
	struct world *w = world_new();
	unsigned n = 0;

	add_subnet(w, "fd77::/64", BUNDLE_RA_MANAGED);
	refresh(w);
	for (int i = 0; i < 1000; i++) {
		ask(w, "fe80::50");
		n += (unsigned)w->out.n_packets;
	}
	assert_int_equal(n, 50);
	w->now += SECOND;
	ask(w, "fe80::50");
	assert_true(sent_to(w, "fe80::50"));
	assert_int_equal(w->n_sent, 1);
	w->now += 60 * SECOND;
	ask(w, "fe80::50");
	assert_int_equal(w->n_sent, 2);
	/* Each is in one of the events. */
	assert_int_equal(w->told, 1 + 50 + 1 + 1);
	world_free(w);
}

static void
what_is_not_valid_is_dropped(void **state UNUSED)
{
	struct world *w = world_new();
	static const uint8_t named[16] = {RA_TYPE_SOLICIT, [8] = 1, 1};

	add_subnet(w, "fd77::/64", BUNDLE_RA_MANAGED);
	refresh(w);
	w->now += 5 * SECOND;
	packet(w, "fe80::50", 254, solicit, sizeof(solicit));
	assert_int_equal(w->out.n_packets, 0);
	packet(w, "::", 255, named, sizeof(named));
	assert_int_equal(w->out.n_packets, 0);
	packet(w, "fe80::50", 255, solicit, 7);
	assert_int_equal(w->out.n_packets, 0);
	packet(w, "fe80::50", 255, solicit, 0);
	assert_int_equal(w->out.n_packets, 0);
	foreign(w, "fd77::99", 600); /* not link-local */
	foreign(w, "fe80::1", 600);  /* our own */
	assert_int_equal(w->n_foreign, 0);
	ask(w, "fe80::50");
	assert_true(sent_to(w, "ff02::1"));
	world_free(w);
}

static void
another_router_is_told_of_once_an_hour(void **state UNUSED)
{
	struct world *w = world_new();

	add_subnet(w, "fd77::/64", BUNDLE_RA_MANAGED);
	refresh(w);
	for (int i = 0; i < 5; i++) {
		foreign(w, "fe80::99", 600);
		w->now += 600 * SECOND;
	}
	assert_int_equal(w->n_foreign, 1);
	foreign(w, "fe80::98", 600);
	assert_int_equal(w->n_foreign, 2);
	w->now += 600 * SECOND;
	foreign(w, "fe80::99", 600);
	assert_int_equal(w->n_foreign, 3);
	/* It does not keep us from advertising our subnets. */
	ask(w, "fe80::50");
	assert_true(sent_to(w, "ff02::1"));
	world_free(w);
}

/* Rule 6: a link without IPv6 gets one that says nothing, unless a router does so. */
static void
minimal_ones(void **state UNUSED)
{
	struct world *w = world_new();
	struct ra_msg m;

	add_subnet(w, "10.77.0.0/24", BUNDLE_RA_OFF);
	refresh(w);
	/* First it asks whether there is a router. */
	assert_true(sent_to(w, "ff02::2"));
	ask(w, "fe80::50");
	assert_true(sent_to(w, "ff02::1"));
	m = said(w);
	assert_false(m.managed || m.other);
	assert_int_equal(m.router_s + m.n_prefixes, 0);
	foreign(w, "fe80::99", 600);
	assert_int_equal(w->n_heard, 1);
	assert_int_equal(w->n_foreign, 0);
	for (int i = 0; i < 5; i++) {
		w->now += 300 * SECOND;
		ask(w, "fe80::50");
		assert_int_equal(w->out.n_packets, 0);
		(void)pass(w);
		assert_int_equal(w->out.n_packets, 0);
	}
	w->now += 300 * SECOND;
	ask(w, "fe80::50");
	assert_true(sent_to(w, "ff02::1"));
	world_free(w);
}

/* One that advertises itself every 1800 s, and of which one advertisement is lost, must not be followed by ours, whose
 * flags may be others. */
static void
a_router_counts_as_long_as_it_says(void **state UNUSED)
{
	struct world *w = world_new();

	refresh(w);
	foreign(w, "fe80::99", 5400);
	w->now += 3601 * SECOND;
	ask(w, "fe80::50");
	assert_int_equal(w->out.n_packets, 0);
	/* RFC 4861 knows no longer lifetime than 9000 s. */
	foreign(w, "fe80::99", 65535);
	w->now += 9001 * SECOND;
	ask(w, "fe80::50");
	assert_true(sent_to(w, "ff02::1"));
	world_free(w);
}

/* Of two that are as minimal, the lower address goes on. */
static void
two_of_us_do_not_silence_each_other(void **state UNUSED)
{
	struct world *w = world_new();

	w->addrs.link_local = ip("fe80::5");
	refresh(w);
	foreign(w, "fe80::6", 0);
	ask(w, "fe80::50");
	assert_int_equal(w->out.n_packets, 1);
	foreign(w, "fe80::4", 0);
	w->now += 5 * SECOND;
	ask(w, "fe80::50");
	assert_int_equal(w->out.n_packets, 0);
	world_free(w);
}

static void
change_is_told_at_once_and_a_router_takes_itself_back(void **state UNUSED)
{
	struct world *w = world_new();
	struct bundle_subnet *s = add_subnet(w, "fd77::/64", BUNDLE_RA_MANAGED);

	s->router_s = 1800;
	w->addrs.link_local.family =
	    0; /* duplicate address detection is still going on */
	refresh(w);
	assert_int_equal(w->out.n_packets, 0);
	assert_true(ra_server_next(w->s, 0) == INT64_MAX);
	w->addrs.link_local = ip("fe80::1");
	refresh(w);
	assert_int_equal(said(w).router_s, 1800);
	w->now += 10 * SECOND;
	refresh(w);
	assert_int_equal(w->out.n_packets, 0);
	s->mtu = 1400;
	refresh(w);
	assert_int_equal(said(w).mtu, 1400);
	assert_int_equal(pass_to_packet(w), 16);
	s->ra = BUNDLE_RA_OFF;
	refresh(w);
	assert_int_equal(said(w).router_s, 0);
	refresh(w);
	assert_int_equal(w->out.n_packets, 0);
	s->ra = BUNDLE_RA_MANAGED;
	w->now += 10 * SECOND;
	refresh(w);
	assert_int_equal(said(w).router_s, 1800);
	begin_call(w);
	ra_server_stop(w->s, 0, &w->out);
	assert_int_equal(said(w).router_s, 0);
	assert_int_equal(said(w).mtu, 1400);
	world_free(w);
}

static void
assert_taken_back(const struct world *w)
{
	struct ra_msg m;
	const char *why;

	assert_true(w->out.n_packets > 0);
	assert_int_equal(
	    ra_msg_parse(w->out.packets[0].data, w->out.packets[0].len, &m, &why), 0);
	assert_int_equal(m.router_s, 0);
}

/* Else machines would go on sending to us what is for elsewhere, as long as the lifetime was: the minimal
 * advertisement that follows would not say it where another router is heard. */
static void
a_router_takes_itself_back_when_its_subnet_goes(void **state UNUSED)
{
	struct world *w = world_new();
	struct bundle_subnet *s = add_subnet(w, "fd77::/64", BUNDLE_RA_MANAGED);

	s->router_s = 9000;
	refresh(w);
	assert_int_equal(said(w).router_s, 9000);
	foreign(w, "fe80::99", 600);
	w->now += 10 * SECOND;
	w->site.n_subnets = 0;
	refresh(w);
	assert_taken_back(w);
	world_free(w);
}

/* The same while the link is down: the word is kept until it can be given. */
static void
a_router_takes_itself_back_when_its_link_returns(void **state UNUSED)
{
	struct world *w = world_new();
	struct bundle_subnet *s = add_subnet(w, "fd77::/64", BUNDLE_RA_MANAGED);

	s->router_s = 9000;
	refresh(w);
	foreign(w, "fe80::99", 600);
	w->addrs.link_local.family = 0;
	refresh(w);
	w->site.n_subnets = 0;
	refresh(w);
	w->addrs.link_local = ip("fe80::1");
	refresh(w);
	assert_taken_back(w);
	world_free(w);
}

static void
what_does_not_fit_is_counted(void **state UNUSED)
{
	struct world *w = world_new();
	char text[ADDR_PREFIX_TEXT];
	int64_t left = 0;

	for (unsigned i = 0; i < RA_MSG_PREFIXES + 3; i++) {
		snprintf(text, sizeof(text), "fd00:0:0:%x::/64", i + 1);
		add_subnet(w, text, BUNDLE_RA_MANAGED);
		snprintf(text, sizeof(text), "fd00:0:0:%x::1", i + 1);
		w->addrs.own[w->addrs.n_own++] = ip(text);
	}
	hosttab_set_site(w->table, &w->site);
	begin_call(w);
	ra_server_refresh(w->s, 0, &w->addrs, w->now, &w->out);
	assert_int_equal(said(w).n_prefixes, RA_MSG_PREFIXES);
	assert_int_equal(w->out.n_events, 1);
	assert_int_equal(
	    json_opt_i64(w->out.events[0].detail, "left_out", &left, NULL), 0);
	assert_int_equal(left, 3);
	take_events(w);
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(flags_follow_the_subnets),
	    cmocka_unit_test(unsolicited_ones_keep_their_intervals),
	    cmocka_unit_test(a_short_lifetime_is_said_more_often),
	    cmocka_unit_test(solicitations_are_answered_at_once),
	    cmocka_unit_test(a_flood_costs_a_bounded_number_of_answers),
	    cmocka_unit_test(what_is_not_valid_is_dropped),
	    cmocka_unit_test(another_router_is_told_of_once_an_hour),
	    cmocka_unit_test(minimal_ones),
	    cmocka_unit_test(a_router_counts_as_long_as_it_says),
	    cmocka_unit_test(two_of_us_do_not_silence_each_other),
	    cmocka_unit_test(change_is_told_at_once_and_a_router_takes_itself_back),
	    cmocka_unit_test(a_router_takes_itself_back_when_its_subnet_goes),
	    cmocka_unit_test(a_router_takes_itself_back_when_its_link_returns),
	    cmocka_unit_test(what_does_not_fit_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
