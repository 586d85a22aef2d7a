/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The choice of the disk in the menu: whom it leads on to the disk, and who sees the menu again. */
#include "boot-services/policy_way.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "tests/unit/boot-services/fixture.h"

static const enum policy_class PXE = POLICY_CLASS_PXE, HTTP = POLICY_CLASS_HTTP,
			       IPXE = POLICY_CLASS_IPXE;

struct site {
	struct hosttab *t;
	struct bootd_config *cfg;
	int64_t now;
};

static int
set_up(void **state)
{
	struct site *s = str_alloc(sizeof(*s));
	struct bundle_site *b = str_alloc(sizeof(*b));
	struct bundle_host h = fixture_host("edge01", 1);
	static const char minimal[] = "interfaces: [e]\n";
	struct error err;

	s->t = hosttab_new();
	s->cfg = str_alloc(sizeof(*s->cfg));
	assert_int_equal(
	    bootd_config_parse("t", minimal, strlen(minimal), s->cfg, &err), 0);
	s->now = 1000 * USEC_PER_SEC;
	bundle_menu_init(&b->menu);
	hosttab_set_menu(s->t, &b->menu);
	h.idle = BUNDLE_IDLE_MENU;
	h.nics[h.n_nics++].mac = fixture_mac(2);
	assert_int_equal(hosttab_put(s->t, &h, NULL, &err), 0);
	free(b);
	*state = s;
	return 0;
}

static int
tear_down(void **state)
{
	struct site *s = *state;

	hosttab_free(s->t);
	bootd_config_done(s->cfg);
	free(s->cfg);
	free(s);
	return 0;
}

/* The firmware (or iPXE) of that NIC asks. */
static enum policy_what
asks(struct site *s, unsigned nic, enum policy_class class, int family)
{
	struct policy_client c = {.mac = fixture_mac(nic),
	    .class = class,
	    .arch = class == POLICY_CLASS_HTTP ? 0x10 : 7,
	    .ipxe_able = true,
	    .server = addr_ip_make_v4(0x0a4d0001),
	    .http_port = 80,
	    .now = s->now};
	struct policy_decision d;

	if (family == AF_INET6)
		assert_int_equal(addr_ip_parse("fd77::1", &c.server), 0);
	policy_decide(s->t, s->cfg, &c, &d);
	policy_way_note(s->t, &c, &d);
	return d.what;
}

/* "Boot from disk", as the menu fetches it. */
static void
leaves(struct site *s)
{
	struct policy_http p;

	policy_http(s->t, s->cfg, "/local.ipxe-52-54-00-00-00-01", &p);
	assert_int_equal(p.what, POLICY_PATH_IDLE);
	assert_true(p.leaves);
	policy_way_left(p.host, s->now);
}

static void
further_options_lead_to_the_disk(void **state)
{
	struct site *s = *state;

	assert_int_equal(asks(s, 1, PXE, AF_INET), POLICY_TFTP_LOADER);
	assert_int_equal(asks(s, 1, IPXE, AF_INET), POLICY_SCRIPT);
	/* Nothing was chosen: the next option is another try. */
	assert_int_equal(asks(s, 1, PXE, AF_INET6), POLICY_TFTP_LOADER);
	leaves(s);
	assert_int_equal(asks(s, 1, HTTP, AF_INET), POLICY_LOCAL_404);
	assert_int_equal(asks(s, 1, HTTP, AF_INET6), POLICY_LOCAL_404);
	assert_int_equal(asks(s, 2, PXE, AF_INET), POLICY_LOCAL_MENU);
	assert_int_equal(asks(s, 2, PXE, AF_INET6), POLICY_LOCAL_404);
	assert_int_equal(asks(s, 1, POLICY_CLASS_OS, AF_INET), POLICY_LEASE);
	/* An iPXE in a ROM has no other option behind it that would be ours. */
	assert_int_equal(asks(s, 2, IPXE, AF_INET), POLICY_SCRIPT);
}

static void
next_boot_has_the_menu(void **state)
{
	struct site *s = *state;

	assert_int_equal(asks(s, 1, PXE, AF_INET), POLICY_TFTP_LOADER);
	leaves(s);
	assert_int_equal(asks(s, 1, HTTP, AF_INET), POLICY_LOCAL_404);
	s->now += 30 * USEC_PER_SEC;
	assert_int_equal(asks(s, 1, PXE, AF_INET), POLICY_TFTP_LOADER);
	/* What was chosen in the last boot is forgotten in this one. */
	assert_int_equal(asks(s, 1, HTTP, AF_INET), POLICY_HTTP_LOADER);
	leaves(s);
	assert_int_equal(asks(s, 1, PXE, AF_INET6), POLICY_LOCAL_404);
	s->now += 11 * 60 * USEC_PER_SEC;
	assert_int_equal(asks(s, 1, PXE, AF_INET6), POLICY_TFTP_LOADER);
}

static void
choice_without_a_way_changes_nothing(void **state)
{
	struct site *s = *state;

	leaves(s);
	assert_int_equal(asks(s, 1, PXE, AF_INET), POLICY_TFTP_LOADER);
}

/* An order goes first, and a host that is changed meanwhile has still chosen. */
static void
order_goes_first(void **state)
{
	struct bootd_msg_boot *boot = fixture_boot("t1");
	struct bundle_host h = fixture_host("edge01", 1);
	struct site *s = *state;
	struct error err;

	h.idle = BUNDLE_IDLE_MENU;
	assert_int_equal(asks(s, 1, PXE, AF_INET), POLICY_TFTP_LOADER);
	leaves(s);
	assert_int_equal(hosttab_put(s->t, &h, boot, &err), 0);
	assert_int_equal(asks(s, 1, HTTP, AF_INET), POLICY_HTTP_LOADER);
	assert_int_equal(hosttab_put(s->t, &h, NULL, &err), 0);
	assert_int_equal(asks(s, 1, HTTP, AF_INET), POLICY_LOCAL_404);
	free(boot);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		further_options_lead_to_the_disk, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(next_boot_has_the_menu, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		choice_without_a_way_changes_nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(order_goes_first, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
