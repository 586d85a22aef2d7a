/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The host table: indexes, refusals that leave it whole, tickets over replacements, size.
 */
#include "boot-services/hosttab.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "tests/unit/boot-services/fixture.h"

static void
put(struct hosttab *t, const struct bundle_host *h, const struct bootd_msg_boot *b)
{
	struct error err = {0};

	assert_int_equal(hosttab_put(t, h, b, &err), 0);
}

static void
finds_by_each_key(void **state UNUSED)
{
	struct hosttab *t = hosttab_new();
	struct bundle_host h = fixture_host("a", 1);
	struct bootd_msg_boot *b = fixture_boot("t1");
	struct addr_mac mac = fixture_mac(1), other = fixture_mac(2);
	struct addr_ip ip = addr_ip_make_v4(0x0a4d0001);

	put(t, &h, b);
	assert_non_null(hosttab_by_name(t, "a"));
	assert_ptr_equal(hosttab_by_mac(t, &mac), hosttab_by_name(t, "a"));
	assert_ptr_equal(hosttab_by_ip(t, &ip), hosttab_by_name(t, "a"));
	assert_ptr_equal(hosttab_by_token(t, FIXTURE_TOKEN), hosttab_by_name(t, "a"));
	assert_null(hosttab_by_mac(t, &other));
	assert_null(hosttab_by_token(t, ""));
	assert_null(hosttab_by_ip(t, &(struct addr_ip){0}));
	assert_int_equal(hosttab_count(t), 1);
	hosttab_del(t, "a");
	hosttab_del(t, "a");
	assert_null(hosttab_by_mac(t, &mac));
	assert_null(hosttab_by_token(t, FIXTURE_TOKEN));
	assert_int_equal(hosttab_count(t), 0);
	free(b);
	hosttab_free(t);
}

static void
finds_by_either_address(void **state UNUSED)
{
	struct hosttab *t = hosttab_new();
	struct bundle_host a = fixture_host("a", 1), b = fixture_host("b", 2);
	struct addr_ip ip6, other;
	struct error err = {0};

	assert_int_equal(addr_ip_parse("fd77::1", &ip6), 0);
	assert_int_equal(addr_ip_parse("fd77::2", &other), 0);
	a.nics[0].ip6 = ip6;
	put(t, &a, NULL);
	assert_ptr_equal(hosttab_by_ip(t, &ip6), hosttab_by_name(t, "a"));
	assert_ptr_equal(hosttab_by_ip(t, &a.nics[0].ip), hosttab_by_name(t, "a"));
	b.nics[0].ip6 = ip6;
	assert_int_equal(hosttab_put(t, &b, NULL, &err), -EEXIST);
	assert_string_equal(err.code, "ip-in-use");
	assert_null(hosttab_by_name(t, "b"));
	/* Of a replaced host only what it has now. */
	a.nics[0].ip6 = other;
	put(t, &a, NULL);
	assert_null(hosttab_by_ip(t, &ip6));
	assert_non_null(hosttab_by_ip(t, &other));
	put(t, &b, NULL);
	hosttab_del(t, "a");
	assert_null(hosttab_by_ip(t, &other));
	assert_ptr_equal(hosttab_by_ip(t, &ip6), hosttab_by_name(t, "b"));
	hosttab_free(t);
}

static struct addr_uuid
uuid_of(const char *text)
{
	struct addr_uuid u;

	assert_int_equal(addr_uuid_parse(text, &u), 0);
	return u;
}

#define UUID "12345678-1234-1234-1234-123456789abc"
#define UUID2 "12345678-1234-1234-1234-123456789abd"

static void
finds_by_uuid_when_one_host_has_it(void **state UNUSED)
{
	struct hosttab *t = hosttab_new();
	struct bundle_host a = fixture_host("a", 1), b = fixture_host("b", 2),
			   c = fixture_host("c", 3);
	struct addr_uuid u = uuid_of(UUID), u2 = uuid_of(UUID2), zero = {{0}};

	put(t, &c, NULL); /* has none */
	assert_null(hosttab_by_uuid(t, &zero));
	str_clip(a.uuid, sizeof(a.uuid), UUID);
	put(t, &a, NULL);
	assert_ptr_equal(hosttab_by_uuid(t, &u), hosttab_by_name(t, "a"));
	assert_null(hosttab_by_uuid(t, &u2));
	/* A board that says what another one says: neither is meant. */
	str_clip(b.uuid, sizeof(b.uuid), UUID);
	put(t, &b, NULL);
	assert_null(hosttab_by_uuid(t, &u));
	assert_int_equal(hosttab_count(t), 3);
	str_clip(b.uuid, sizeof(b.uuid), UUID2);
	put(t, &b, NULL);
	assert_ptr_equal(hosttab_by_uuid(t, &u), hosttab_by_name(t, "a"));
	assert_ptr_equal(hosttab_by_uuid(t, &u2), hosttab_by_name(t, "b"));
	str_clip(b.uuid, sizeof(b.uuid), UUID);
	put(t, &b, NULL);
	assert_null(hosttab_by_uuid(t, &u));
	hosttab_del(t, "a");
	assert_ptr_equal(hosttab_by_uuid(t, &u), hosttab_by_name(t, "b"));
	hosttab_del(t, "b");
	assert_null(hosttab_by_uuid(t, &u));
	hosttab_free(t);
}

static void
keeps_loaders(void **state UNUSED)
{
	struct hosttab *t = hosttab_new();
	struct bundle_host a = fixture_host("a", 1);
	struct bundle_site *site = str_alloc(sizeof(*site));

	a.n_loaders = 2;
	a.loaders[0] = (struct bundle_loader){0, "ipxe.pxe"};
	a.loaders[1] = (struct bundle_loader){7, "shimx64.efi"};
	put(t, &a, NULL);
	assert_int_equal(hosttab_by_name(t, "a")->host.n_loaders, 2);
	assert_string_equal(hosttab_by_name(t, "a")->host.loaders[1].file, "shimx64.efi");
	a.n_loaders = 0;
	put(t, &a, NULL);
	assert_int_equal(hosttab_by_name(t, "a")->host.n_loaders, 0);
	site->n_loaders = 1;
	site->loaders[0] = (struct bundle_loader){7, "site.efi"};
	hosttab_set_site(t, site);
	assert_int_equal(hosttab_site(t)->n_loaders, 1);
	assert_string_equal(hosttab_site(t)->loaders[0].file, "site.efi");
	free(site);
	hosttab_free(t);
}

static void
replaces_by_name(void **state UNUSED)
{
	struct hosttab *t = hosttab_new();
	struct bundle_host h = fixture_host("a", 1), h2 = fixture_host("a", 2);
	struct addr_mac mac1 = fixture_mac(1), mac2 = fixture_mac(2);

	put(t, &h, NULL);
	put(t, &h2, NULL);
	assert_null(hosttab_by_mac(t, &mac1));
	assert_non_null(hosttab_by_mac(t, &mac2));
	assert_int_equal(hosttab_count(t), 1);
	hosttab_free(t);
}

static void
refuses_what_another_host_has(void **state UNUSED)
{
	struct hosttab *t = hosttab_new();
	struct bundle_host a = fixture_host("a", 1), b = fixture_host("b", 2);
	struct bundle_host mac = fixture_host("c", 1), ip = fixture_host("c", 3);
	struct bundle_host twice = fixture_host("c", 4);
	struct bootd_msg_boot *boot = fixture_boot("t1");
	struct error err = {0};

	put(t, &a, boot);
	put(t, &b, NULL);
	assert_int_equal(hosttab_put(t, &mac, NULL, &err), -EEXIST);
	assert_string_equal(err.code, "mac-in-use");
	assert_non_null(strstr(err.text, "host a"));
	ip.nics[0].ip = b.nics[0].ip;
	assert_int_equal(hosttab_put(t, &ip, NULL, &err), -EEXIST);
	assert_string_equal(err.code, "ip-in-use");
	twice.n_nics = 2;
	twice.nics[1] = twice.nics[0];
	assert_int_equal(hosttab_put(t, &twice, NULL, &err), -EEXIST);
	assert_int_equal(hosttab_put(t, &b, boot, &err), -EEXIST);
	assert_string_equal(err.code, "token-in-use");
	/* A refused replacement leaves the old host as it was. */
	b.nics[0].mac = fixture_mac(1);
	assert_int_equal(hosttab_put(t, &b, NULL, &err), -EEXIST);
	assert_non_null(hosttab_by_mac(t, &(struct addr_mac){{0x52, 0x54, 0, 0, 0, 2}}));
	assert_int_equal(hosttab_count(t), 2);
	free(boot);
	hosttab_free(t);
}

/* Looking for the files of its images takes long, and hosts change all the time. */
static void
the_menu_is_made_anew_when_it_changed(void **state UNUSED)
{
	struct hosttab *t = hosttab_new(), *next = hosttab_new(), *last = hosttab_new();
	struct bundle_site *site = str_alloc(sizeof(*site));
	struct bundle_host h = fixture_host("a", 1);
	uint64_t was;

	bundle_menu_init(&site->menu);
	hosttab_set_site(t, site);
	hosttab_set_menu(t, &site->menu);
	was = hosttab_menu_version(t);
	put(t, &h, NULL);
	hosttab_del(t, "a");
	assert_int_equal(hosttab_menu_version(t), was);
	site->answer_unknown = true;
	hosttab_set_site(next, site);
	hosttab_set_menu(next, &site->menu);
	hosttab_inherit(next, t);
	assert_int_equal(hosttab_menu_version(next), was);
	site->menu.timeout_s++;
	hosttab_set_site(last, site);
	hosttab_set_menu(last, &site->menu);
	hosttab_inherit(last, next);
	assert_int_not_equal(hosttab_menu_version(last), was);
	free(site);
	hosttab_free(t);
	hosttab_free(next);
	hosttab_free(last);
}

static void
a_ticket_keeps_its_progress(void **state UNUSED)
{
	struct hosttab *t = hosttab_new(), *next = hosttab_new();
	struct bundle_host h = fixture_host("a", 1);
	struct bootd_msg_boot *b = fixture_boot("t1"), *b2 = fixture_boot("t2");

	put(t, &h, b);
	hosttab_by_name(t, "a")->released[0] = 1;
	hosttab_by_name(t, "a")->boot.consumed = true;
	put(t, &h, b); /* says armed; it was consumed */
	assert_int_equal(hosttab_by_name(t, "a")->released[0], 1);
	assert_true(hosttab_by_name(t, "a")->boot.consumed);
	put(next, &h, b);
	hosttab_inherit(next, t);
	assert_int_equal(hosttab_by_name(next, "a")->released[0], 1);
	assert_true(hosttab_by_name(next, "a")->boot.consumed);
	put(t, &h, b2); /* another ticket starts anew */
	assert_int_equal(hosttab_by_name(t, "a")->released[0], 0);
	assert_false(hosttab_by_name(t, "a")->boot.consumed);
	free(b);
	free(b2);
	hosttab_free(t);
	hosttab_free(next);
}

/* The inventory loses a host while its ticket is armed, and the agent, whose job goes on,
 * sends it again: what has left of the image has left. */
static void
a_ticket_outlives_its_host(void **state UNUSED)
{
	struct hosttab *t = hosttab_new(), *empty = hosttab_new(), *last = hosttab_new();
	struct bundle_host h = fixture_host("a", 1);
	struct bootd_msg_boot *b = fixture_boot("t1"), *b2 = fixture_boot("t2");

	put(t, &h, b);
	hosttab_by_name(t, "a")->released[0] = 1;
	hosttab_inherit(empty, t);
	put(empty, &h, b);
	assert_int_equal(hosttab_by_name(empty, "a")->released[0], 1);
	hosttab_by_name(empty, "a")->boot.consumed = true;
	hosttab_del(empty, "a");
	put(last, &h, b); /* in the new table before it takes over */
	hosttab_inherit(last, empty);
	assert_int_equal(hosttab_by_name(last, "a")->released[0], 1);
	assert_true(hosttab_by_name(last, "a")->boot.consumed);
	hosttab_del(last, "a");
	put(last, &h, b2);
	assert_int_equal(hosttab_by_name(last, "a")->released[0], 0);
	assert_false(hosttab_by_name(last, "a")->boot.consumed);
	free(b);
	free(b2);
	hosttab_free(t);
	hosttab_free(empty);
	hosttab_free(last);
}

/* What was released and consumed is the ticket's, whatever its host is called by now. */
static void
a_ticket_keeps_its_progress_under_another_name(void **state UNUSED)
{
	struct hosttab *t = hosttab_new(), *next = hosttab_new(), *last = hosttab_new();
	struct bundle_host a = fixture_host("a", 1), b = fixture_host("b", 1);
	struct bootd_msg_boot *boot = fixture_boot("t1");

	put(t, &a, boot);
	hosttab_by_name(t, "a")->released[0] = 1;
	put(next, &b, boot); /* renamed in a whole table */
	hosttab_inherit(next, t);
	assert_int_equal(hosttab_by_name(next, "b")->released[0], 1);
	put(last, &a, NULL); /* the old name is there too, for another machine or none */
	b = fixture_host("b", 2);
	put(last, &b, boot);
	hosttab_inherit(last, next);
	assert_int_equal(hosttab_by_name(last, "b")->released[0], 1);
	hosttab_consume(last, "t1");
	assert_true(hosttab_by_name(last, "b")->boot.consumed);
	put(last, &b, NULL); /* by single hosts */
	put(last, &a, boot);
	assert_int_equal(hosttab_by_name(last, "a")->released[0], 1);
	assert_true(hosttab_by_name(last, "a")->boot.consumed);
	free(boot);
	hosttab_free(t);
	hosttab_free(next);
	hosttab_free(last);
}

/* The host left the table between the question and its answer. */
static void
a_consumption_is_kept_without_its_host(void **state UNUSED)
{
	struct hosttab *t = hosttab_new();
	struct bundle_host h = fixture_host("a", 1);
	struct bootd_msg_boot *boot = fixture_boot("t1");

	put(t, &h, boot);
	hosttab_del(t, "a");
	hosttab_consume(t, "t1");
	hosttab_consume(t, "t9");
	put(t, &h, boot);
	assert_true(hosttab_by_name(t, "a")->boot.consumed);
	free(boot);
	hosttab_free(t);
}

static void
a_ticket_is_with_one_host(void **state UNUSED)
{
	struct hosttab *t = hosttab_new();
	struct bundle_host a = fixture_host("a", 1), b = fixture_host("b", 2);
	struct bootd_msg_boot *boot = fixture_boot("t1");
	struct error err = {0};

	put(t, &a, boot);
	boot->token[0] = 'x';
	assert_int_equal(hosttab_put(t, &b, boot, &err), -EEXIST);
	assert_string_equal(err.code, "ticket-in-use");
	assert_non_null(strstr(err.text, "host a"));
	free(boot);
	hosttab_free(t);
}

/* Releases are told by position: with another list they would mean other octets. */
static void
a_ticket_keeps_its_payloads(void **state UNUSED)
{
	struct hosttab *t = hosttab_new(), *next = hosttab_new();
	struct bundle_host h = fixture_host("a", 1);
	struct bootd_msg_boot *b = fixture_boot("t1"), *other = fixture_boot("t1");
	struct error err = {0};

	other->payloads[1].size++;
	put(t, &h, b);
	hosttab_by_name(t, "a")->released[0] = 1;
	assert_int_equal(hosttab_put(t, &h, other, &err), -EEXIST);
	assert_string_equal(err.code, "ticket-changed");
	assert_int_equal(hosttab_by_name(t, "a")->released[0], 1);
	hosttab_del(t, "a");
	assert_int_equal(hosttab_put(t, &h, other, &err), -EEXIST);
	put(t, &h, b);
	put(next, &h, other);
	hosttab_inherit(next, t);
	assert_true(hosttab_by_name(next, "a")->boot.consumed);
	free(b);
	free(other);
	hosttab_free(t);
	hosttab_free(next);
}

/* Nor does a site that makes jobs for years fill the memory. */
static void
tickets_are_remembered_within_bounds(void **state UNUSED)
{
	enum { TICKETS = 140000 };
	struct hosttab *t = hosttab_new();
	struct bundle_host h = fixture_host("a", 1);
	struct bootd_msg_boot *b = fixture_boot("t1");

	for (int i = 0; i < TICKETS; i++) {
		snprintf(b->ticket, sizeof(b->ticket), "%016d", i);
		put(t, &h, b);
		hosttab_by_name(t, "a")->released[0] = 1;
	}
	snprintf(b->ticket, sizeof(b->ticket), "%016d", TICKETS - 130000);
	put(t, &h, b);
	assert_int_equal(hosttab_by_name(t, "a")->released[0], 1);
	snprintf(b->ticket, sizeof(b->ticket), "%016d", 0);
	put(t, &h, b);
	assert_int_equal(hosttab_by_name(t, "a")->released[0], 0);
	free(b);
	hosttab_free(t);
}

static void
longest_prefix_wins(void **state UNUSED)
{
	struct hosttab *t = hosttab_new();
	struct bundle_subnet wide = {0}, narrow = {0};
	struct addr_ip in, out = addr_ip_make_v4(0x0a4e0001);
	struct error err = {0};

	assert_int_equal(addr_prefix_parse("10.77.0.0/16", &wide.prefix), 0);
	assert_int_equal(addr_prefix_parse("10.77.3.0/24", &narrow.prefix), 0);
	assert_int_equal(hosttab_add_subnet(t, &wide, &err), 0);
	assert_int_equal(hosttab_add_subnet(t, &narrow, &err), 0);
	in = addr_ip_make_v4(0x0a4d0305);
	assert_int_equal(hosttab_subnet(t, &in)->prefix.len, 24);
	in = addr_ip_make_v4(0x0a4d0405);
	assert_int_equal(hosttab_subnet(t, &in)->prefix.len, 16);
	assert_null(hosttab_subnet(t, &out));
	for (int i = 2; i < BUNDLE_SUBNETS_MAX; i++)
		assert_int_equal(hosttab_add_subnet(t, &wide, &err), 0);
	assert_int_equal(hosttab_add_subnet(t, &wide, &err), -ENOSPC);
	hosttab_free(t);
}

/* Built, looked up and swapped well within what an event loop may take for a whole table.
 */
static void
holds_100000_hosts(void **state UNUSED)
{
	enum { HOSTS = 100000 };
	struct hosttab *t = hosttab_new(), *next = hosttab_new();
	struct bundle_host h = fixture_host("a", 1);
	int64_t start = clock_mono();

	for (unsigned i = 1; i <= HOSTS; i++) {
		snprintf(h.name, sizeof(h.name), "edge%06u.example", i);
		h.nics[0].mac = fixture_mac(i);
		h.nics[0].ip = addr_ip_make_v4(0x0a000000 + i);
		put(t, &h, NULL);
	}
	hosttab_inherit(next, t);
	for (unsigned i = 1; i <= HOSTS; i++) {
		struct addr_mac mac = fixture_mac(i);

		assert_non_null(hosttab_by_mac(t, &mac));
	}
	assert_int_equal(hosttab_count(t), HOSTS);
	hosttab_free(t);
	hosttab_free(next);
	/* Generous: sanitizers and a shared machine cost a factor of ten. */
	assert_true(clock_mono() - start < 30 * USEC_PER_SEC);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finds_by_each_key),
	    cmocka_unit_test(finds_by_either_address),
	    cmocka_unit_test(finds_by_uuid_when_one_host_has_it),
	    cmocka_unit_test(keeps_loaders),
	    cmocka_unit_test(replaces_by_name),
	    cmocka_unit_test(refuses_what_another_host_has),
	    cmocka_unit_test(the_menu_is_made_anew_when_it_changed),
	    cmocka_unit_test(a_ticket_keeps_its_progress),
	    cmocka_unit_test(a_ticket_outlives_its_host),
	    cmocka_unit_test(a_ticket_keeps_its_progress_under_another_name),
	    cmocka_unit_test(a_consumption_is_kept_without_its_host),
	    cmocka_unit_test(a_ticket_is_with_one_host),
	    cmocka_unit_test(a_ticket_keeps_its_payloads),
	    cmocka_unit_test(tickets_are_remembered_within_bounds),
	    cmocka_unit_test(longest_prefix_wins),
	    cmocka_unit_test(holds_100000_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
