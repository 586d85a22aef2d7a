/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCPv6 decisions about addresses: each message type, and what RFC 8415 16 has discarded. */
#include "tests/unit/boot-services/dhcp6_server_kit.h"

static void
begin(enum dhcp6_type type, const uint8_t mac[6])
{
	kit_begin_client(&packet, type, mac);
}

/* --- RFC 8415 16 --- */

static void
messages_to_discard(void **state)
{
	static const struct {
		enum dhcp6_type type;
		bool client, server, ia;
		const char *why;
	} rows[] = {
	    {DHCP6_SOLICIT, false, false, true, "must name its client"},
	    {DHCP6_SOLICIT, true, true, true, "must not name a server"},
	    {DHCP6_REQUEST, false, true, true, "must name its client"},
	    {DHCP6_REQUEST, true, false, true, "must name its server"},
	    {DHCP6_CONFIRM, false, false, true, "must name its client"},
	    {DHCP6_CONFIRM, true, true, true, "must not name a server"},
	    {DHCP6_CONFIRM, true, false, false, "names no address"},
	    {DHCP6_RENEW, false, true, true, "must name its client"},
	    {DHCP6_RENEW, true, false, true, "must name its server"},
	    {DHCP6_REBIND, false, false, true, "must name its client"},
	    {DHCP6_REBIND, true, true, true, "must not name a server"},
	    {DHCP6_RELEASE, false, true, true, "must name its client"},
	    {DHCP6_RELEASE, true, false, true, "must name its server"},
	    {DHCP6_DECLINE, false, true, true, "must name its client"},
	    {DHCP6_DECLINE, true, false, true, "must name its server"},
	    {DHCP6_INFORMATION_REQUEST, true, false, true, "must not ask for addresses"},
	    {DHCP6_ADVERTISE, true, true, true, "no DHCPv6 message type"},
	    {DHCP6_REPLY, true, true, true, "no DHCPv6 message type"},
	    {DHCP6_RECONFIGURE, true, true, false, "no DHCPv6 message type"},
	    {DHCP6_RELAY_REPL, true, false, false, "no DHCPv6 message type"},
	    {(enum dhcp6_type)0, true, false, false, "no DHCPv6 message type"},
	    {(enum dhcp6_type)99, true, false, false, "no DHCPv6 message type"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].client)
			begin(rows[i].type, kit_mac_pool);
		else
			kit_begin(&packet, rows[i].type);
		if (rows[i].server)
			kit_put_server(&kit, &packet);
		if (rows[i].ia)
			kit_put_ia(&packet, KIT_IAID, NULL);
		kit.now += USEC_PER_SEC;
		assert_false(kit_handle_from(
		    &kit, &packet, kit_link_local(kit_mac_pool), kit_ip("ff02::1:2")));
		assert_ignored(rows[i].why);
	}
}

static void
messages_for_another_server(void **state)
{
	static const enum dhcp6_type types[] = {DHCP6_REQUEST, DHCP6_RENEW, DHCP6_RELEASE,
	    DHCP6_DECLINE, DHCP6_INFORMATION_REQUEST};
	struct dhcp6_duid other = kit_duid_ll(kit_mac_other);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		begin(types[i], kit_mac_edge);
		dhcp6_msg_put(&packet.w, DHCP6_OPT_SERVERID, other.b, other.len);
		assert_false(kit_handle(&kit, &packet));
		assert_false(kit.tx.reply);
		assert_string_equal(kit.tx.seen.kind, "dhcp6.foreign");
		assert_string_equal(
		    detail(&kit.tx.seen, "server"), "00030001525400990009");
	}
	begin(DHCP6_REQUEST, kit_mac_edge);
	dhcp6_msg_put(&packet.w, DHCP6_OPT_SERVERID, "\0\3", 2);
	assert_false(kit_handle(&kit, &packet));
	assert_ignored("server's identifier is not a DUID");
}

static void
unicast(void **state)
{
	static const enum dhcp6_type discarded[] = {
	    DHCP6_SOLICIT, DHCP6_CONFIRM, DHCP6_REBIND, DHCP6_INFORMATION_REQUEST};
	static const enum dhcp6_type told[] = {
	    DHCP6_REQUEST, DHCP6_RENEW, DHCP6_RELEASE, DHCP6_DECLINE};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(discarded); i++) {
		begin(discarded[i], kit_mac_edge);
		assert_false(kit_handle_from(
		    &kit, &packet, kit_ip("fe80::99"), kit_ip("fd77::1")));
		assert_ignored("by unicast");
	}
	for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
		begin(told[i], kit_mac_edge);
		kit_put_server(&kit, &packet);
		kit_put_ia(&packet, KIT_IAID, NULL);
		assert_true(kit_handle_from(
		    &kit, &packet, kit_ip("fe80::99"), kit_ip("fe80::1")));
		assert_int_equal(reply_status(), DHCP6_STATUS_USE_MULTICAST);
		assert_int_equal(kit.reply.n_ias, 0);
		assert_int_equal(kit.tx.n_records, 0);
	}
}

static void
sources_that_cannot_be_answered(void **state)
{
	static const char *const sources[] = {
	    "::", "::1", "ff02::1", "fd77::1", "2001:db8::1"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		begin(DHCP6_SOLICIT, kit_mac_edge);
		kit_put_ia(&packet, KIT_IAID, NULL);
		assert_false(kit_handle_from(
		    &kit, &packet, kit_ip(sources[i]), kit_ip("ff02::1:2")));
		assert_ignored("cannot be answered");
	}
	kit_begin(&packet, DHCP6_SOLICIT);
	dhcp6_msg_put(&packet.w, DHCP6_OPT_CLIENTID, "\0\1", 2);
	assert_false(kit_handle(&kit, &packet));
	assert_ignored("client's identifier is not a DUID");
}

/* --- SOLICIT, REQUEST --- */

static void
solicit_of_a_host_with_a_fixed_address(void **state)
{
	static const uint8_t preference = 255;
	struct dhcp6_duid duid = kit_duid_ll(kit_mac_edge);
	struct rbuf ia;

	(void)state;
	begin(DHCP6_SOLICIT, kit_mac_edge);
	kit_put_ia(&packet, KIT_IAID, NULL);
	assert_true(kit_handle(&kit, &packet));
	assert_int_equal(kit.reply.type, DHCP6_ADVERTISE);
	assert_int_equal(kit.reply.xid, 0x1b760c);
	assert_option(DHCP6_OPT_CLIENTID, duid.b, duid.len);
	assert_option(DHCP6_OPT_SERVERID, kit.duid.b, kit.duid.len);
	assert_option(DHCP6_OPT_PREFERENCE, &preference, 1);
	assert_given("fd77::11", DHCP6_STATUS_SUCCESS);
	ia = dhcp6_msg_option(&kit.reply, DHCP6_OPT_IA_NA);
	assert_int_equal(rbuf_u32(&ia), KIT_IAID);
	assert_int_equal(rbuf_u32(&ia), 1800);
	assert_int_equal(rbuf_u32(&ia), 2880);
	assert_false(kit.tx.durable_first);
	assert_int_equal(kit.tx.n_records, 0);
	assert_string_equal(kit.tx.seen.kind, "dhcp6.solicit");
	assert_string_equal(kit.tx.sent.kind, "dhcp6.advertise");
	assert_string_equal(kit.tx.sent.ip, "fd77::11");
	assert_string_equal(kit.tx.sent.host, "edge01.los");
	assert_string_equal(kit.tx.sent.mac, "52:54:00:77:00:01");
	assert_int_equal(kit.tx.to_port, 546);
	assert_true(kit.tx.from.family == 0);
}

static void
request_is_durable_first(void **state)
{
	(void)state;
	begin(DHCP6_REQUEST, kit_mac_edge);
	kit_put_server(&kit, &packet);
	kit_put_ia(&packet, KIT_IAID, NULL);
	assert_true(kit_handle(&kit, &packet));
	assert_int_equal(kit.reply.type, DHCP6_REPLY);
	assert_given("fd77::11", DHCP6_STATUS_SUCCESS);
	assert_true(kit.tx.durable_first);
	assert_int_equal(kit.tx.n_records, 1);
	assert_int_equal(kit.tx.records[0].state, DHCP6_LEASE_BOUND);
	assert_true(kit.tx.records[0].fixed);
	assert_int_equal(kit.tx.records[0].iaids[0], KIT_IAID);
	assert_string_equal(kit.tx.sent.kind, "dhcp6.reply");
	assert_false(dhcp6_msg_has(&kit.reply, DHCP6_OPT_PREFERENCE));
}

static void
what_is_advertised_is_given(void **state)
{
	uint16_t status;
	struct addr_ip offered, given;

	(void)state;
	begin(DHCP6_SOLICIT, kit_mac_other);
	kit_put_ia(&packet, KIT_IAID, NULL);
	assert_true(kit_handle(&kit, &packet));
	offered = kit_given(&kit, &status);
	assert_true(addr_ip_is_set(&offered));
	given = kit_get_lease(&kit, kit_mac_other, KIT_IAID);
	assert_true(addr_ip_eq(&offered, &given));
	/* What a client names is what it gets, if it is free. */
	begin(DHCP6_REQUEST, kit_mac_pool);
	kit_put_server(&kit, &packet);
	given = kit_ip("fd77::120");
	kit_put_ia(&packet, KIT_IAID, &given);
	assert_true(kit_handle(&kit, &packet));
	assert_given("fd77::120", DHCP6_STATUS_SUCCESS);
}

static void
rapid_commit_only_where_it_is_switched_on(void **state)
{
	(void)state;
	for (int on = 0; on < 2; on++) {
		kit.cfg.dhcp6_rapid_commit = on;
		begin(DHCP6_SOLICIT, kit_mac_edge);
		dhcp6_msg_put(&packet.w, DHCP6_OPT_RAPID_COMMIT, NULL, 0);
		kit_put_ia(&packet, KIT_IAID, NULL);
		assert_true(kit_handle(&kit, &packet));
		assert_int_equal(kit.reply.type, on ? DHCP6_REPLY : DHCP6_ADVERTISE);
		assert_int_equal(dhcp6_msg_has(&kit.reply, DHCP6_OPT_RAPID_COMMIT), on);
		assert_int_equal(kit.tx.n_records, on);
		assert_int_equal(kit.tx.durable_first, on);
	}
	begin(DHCP6_SOLICIT, kit_mac_edge);
	kit_put_ia(&packet, KIT_IAID, NULL);
	assert_true(kit_handle(&kit, &packet));
	assert_int_equal(kit.reply.type, DHCP6_ADVERTISE);
}

static void
addresses_of_another_link(void **state)
{
	struct addr_ip wrong = kit_ip("2001:db8::5");

	(void)state;
	begin(DHCP6_REQUEST, kit_mac_edge);
	kit_put_server(&kit, &packet);
	kit_put_ia(&packet, KIT_IAID, &wrong);
	assert_true(kit_handle(&kit, &packet));
	assert_given(NULL, DHCP6_STATUS_NOT_ON_LINK);
	assert_int_equal(kit.tx.n_records, 0);
	assert_string_equal(kit.tx.sent.ip, "");
}

static void
no_pool_and_no_fixed_address(void **state)
{
	(void)state;
	kit_stop(&kit);
	kit_start(&kit, 0);
	begin(DHCP6_SOLICIT, kit_mac_other);
	kit_put_ia(&packet, KIT_IAID, NULL);
	assert_true(kit_handle(&kit, &packet));
	assert_given(NULL, DHCP6_STATUS_NO_ADDRS);
	assert_false(dhcp6_msg_has(&kit.reply, DHCP6_OPT_PREFERENCE));
	assert_non_null(strstr(kit.tx.sent.reason, "has no pool"));
	begin(DHCP6_SOLICIT, kit_mac_edge);
	kit_put_ia(&packet, KIT_IAID, NULL);
	assert_true(kit_handle(&kit, &packet));
	assert_given("fd77::11", DHCP6_STATUS_SUCCESS);
	assert_true(
	    addr_ip_eq(&kit.site.subnets[0].pool_first, &(struct addr_ip){.family = 0}));
}

static void
other_kinds_of_associations(void **state)
{
	static const uint8_t ia[12] = {0, 0, 0, 9};
	struct rbuf v;

	(void)state;
	begin(DHCP6_SOLICIT, kit_mac_edge);
	dhcp6_msg_put(&packet.w, DHCP6_OPT_IA_PD, ia, 12);
	dhcp6_msg_put(&packet.w, DHCP6_OPT_IA_TA, ia, 4);
	assert_true(kit_handle(&kit, &packet));
	v = dhcp6_msg_option(&kit.reply, DHCP6_OPT_IA_PD);
	rbuf_skip(&v, 12);
	assert_int_equal(rbuf_u16(&v), DHCP6_OPT_STATUS_CODE);
	rbuf_skip(&v, 2);
	assert_int_equal(rbuf_u16(&v), DHCP6_STATUS_NO_PREFIX);
	v = dhcp6_msg_option(&kit.reply, DHCP6_OPT_IA_TA);
	rbuf_skip(&v, 4 + 4);
	assert_int_equal(rbuf_u16(&v), DHCP6_STATUS_NO_ADDRS);
	assert_false(dhcp6_msg_has(&kit.reply, DHCP6_OPT_IA_NA));
}

/* --- one machine, several IAIDs --- */

static void
give_up(enum dhcp6_type type, const uint8_t mac[6], uint32_t iaid, struct addr_ip ip)
{
	begin(type, mac);
	kit_put_server(&kit, &packet);
	kit_put_ia(&packet, iaid, &ip);
	assert_true(kit_handle(&kit, &packet));
	assert_int_equal(kit.reply.type, DHCP6_REPLY);
	assert_int_equal(reply_status(), DHCP6_STATUS_SUCCESS);
}

static void
restart(void)
{
	struct dhcp6_lease_record *r = malloc(kit.tx.n_records * sizeof(*r));
	size_t n = kit.tx.n_records;

	assert_non_null(r);
	memcpy(r, kit.tx.records, n * sizeof(*r));
	kit_new_server(&kit);
	for (size_t i = 0; i < n; i++)
		dhcp6_server_restore(
		    kit.server, &r[i], kit.now, kit.now + 1764000000 * USEC_PER_SEC);
	free(r);
}

static void
release_of_one_iaid_leaves_it_to_the_other(void **state)
{
	struct addr_ip a, b, c;

	(void)state;
	for (int crash = 0; crash < 2; crash++) {
		a = kit_get_lease(&kit, kit_mac_other, 1);
		b = kit_get_lease(&kit, kit_mac_other, 2);
		assert_true(addr_ip_is_set(&a) && addr_ip_eq(&a, &b));
		if (crash)
			restart();
		give_up(DHCP6_RELEASE, kit_mac_other, 1, a);
		assert_int_equal(kit.reply.n_ias, 0);
		assert_int_equal(kit.tx.n_records, 1);
		assert_int_equal(kit.tx.records[0].state, DHCP6_LEASE_BOUND);
		assert_int_equal(kit.tx.records[0].n_ias, 1);
		/* Nobody else gets it meanwhile. */
		begin(DHCP6_REQUEST, kit_mac_pool);
		kit_put_server(&kit, &packet);
		kit_put_ia(&packet, 5, &a);
		assert_true(kit_handle(&kit, &packet));
		c = kit_given(&kit, &(uint16_t){0});
		assert_false(addr_ip_eq(&a, &c));
		give_up(DHCP6_RELEASE, kit_mac_other, 1, a);
		assert_given(NULL, DHCP6_STATUS_NO_BINDING);
		assert_int_equal(kit.tx.n_records, 0);
		give_up(DHCP6_RELEASE, kit_mac_other, 2, a);
		assert_int_equal(kit.tx.records[0].state, DHCP6_LEASE_FREE);
	}
}

static void
two_iaids_in_one_message(void **state)
{
	struct dhcp6_msg_ia ia;

	(void)state;
	begin(DHCP6_REQUEST, kit_mac_edge);
	kit_put_server(&kit, &packet);
	kit_put_ia(&packet, 1, NULL);
	kit_put_ia(&packet, 2, NULL);
	assert_true(kit_handle(&kit, &packet));
	assert_int_equal(kit.reply.n_ias, 2);
	for (size_t i = 0; i < 2; i++) {
		dhcp6_msg_ia(&kit.reply, i, &ia);
		assert_int_equal(ia.iaid, i + 1);
		assert_memory_equal(ia.addrs[0], kit_ip("fd77::11").b, 16);
	}
	assert_int_equal(kit.tx.n_records, 1);
	assert_int_equal(kit.tx.records[0].n_ias, 2);
}

/* --- RENEW, REBIND, CONFIRM, RELEASE, DECLINE --- */

static void
renew_extends_and_ends_what_is_not_the_clients(void **state)
{
	struct addr_ip mine = kit_get_lease(&kit, kit_mac_other, 1);
	struct addr_ip wrong = kit_ip("fd77::999");
	struct dhcp6_msg_ia ia;
	struct rbuf v;

	(void)state;
	kit.now += 1800 * USEC_PER_SEC;
	for (int rebind = 0; rebind < 2; rebind++) {
		begin(rebind ? DHCP6_REBIND : DHCP6_RENEW, kit_mac_other);
		if (!rebind)
			kit_put_server(&kit, &packet);
		kit_put_ia(&packet, 1, rebind ? &mine : &wrong);
		assert_true(kit_handle(&kit, &packet));
		dhcp6_msg_ia(&kit.reply, 0, &ia);
		assert_memory_equal(ia.addrs[0], mine.b, 16);
		assert_int_equal(ia.n_addrs, rebind ? 1 : 2);
		assert_int_equal(kit.tx.records[0].length, 3600 * USEC_PER_SEC);
		if (rebind)
			continue;
		/* The other one comes back with lifetimes of 0. */
		v = dhcp6_msg_option(&kit.reply, DHCP6_OPT_IA_NA);
		rbuf_skip(&v, 12 + 28 + 4);
		rbuf_skip(&v, 16);
		assert_int_equal(rbuf_u32(&v), 0);
		assert_int_equal(rbuf_u32(&v), 0);
		assert_true(rbuf_ok(&v));
	}
}

static void
renew_and_rebind_without_a_record(void **state)
{
	struct addr_ip ip = kit_ip("fd77::110");

	(void)state;
	/* The journal was lost: what is free is the client's again. */
	begin(DHCP6_RENEW, kit_mac_other);
	kit_put_server(&kit, &packet);
	kit_put_ia(&packet, 1, &ip);
	assert_true(kit_handle(&kit, &packet));
	assert_given("fd77::110", DHCP6_STATUS_SUCCESS);
	kit.cfg.authoritative = false;
	begin(DHCP6_REBIND, kit_mac_pool);
	kit_put_ia(&packet, 1, &ip);
	assert_false(kit_handle(&kit, &packet));
	assert_ignored("not authoritative");
	kit_stop(&kit);
	kit_start(&kit, 0);
	begin(DHCP6_RENEW, kit_mac_other);
	kit_put_server(&kit, &packet);
	kit_put_ia(&packet, 1, &ip);
	assert_true(kit_handle(&kit, &packet));
	assert_given(NULL, DHCP6_STATUS_NO_BINDING);
}

static void
confirm_is_about_the_link(void **state)
{
	static const struct {
		const char *ip;
		int status;
	} rows[] = {{"fd77::123", DHCP6_STATUS_SUCCESS},
	    {"fd77::ffff:1", DHCP6_STATUS_SUCCESS},
	    {"2001:db8::1", DHCP6_STATUS_NOT_ON_LINK},
	    {"fd88::11", DHCP6_STATUS_NOT_ON_LINK}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct addr_ip ip = kit_ip(rows[i].ip);

		begin(DHCP6_CONFIRM, kit_mac_other);
		kit_put_ia(&packet, 1, &ip);
		assert_true(kit_handle(&kit, &packet));
		assert_int_equal(kit.reply.type, DHCP6_REPLY);
		assert_int_equal(reply_status(), rows[i].status);
		assert_int_equal(kit.reply.n_ias, 0);
		assert_int_equal(kit.tx.n_records, 0);
	}
}

static void
decline_puts_the_address_to_rest(void **state)
{
	struct addr_ip ip = kit_get_lease(&kit, kit_mac_other, 1), next;

	(void)state;
	give_up(DHCP6_DECLINE, kit_mac_other, 1, ip);
	assert_int_equal(kit.tx.records[0].state, DHCP6_LEASE_DECLINED);
	assert_string_equal(kit.tx.seen.kind, "dhcp6.decline");
	next = kit_get_lease(&kit, kit_mac_other, 1);
	assert_true(addr_ip_is_set(&next) && !addr_ip_eq(&ip, &next));
	restart();
	/* Of a fixed address: the host gets one of the pool for a minute. */
	ip = kit_get_lease(&kit, kit_mac_edge, 1);
	give_up(DHCP6_DECLINE, kit_mac_edge, 1, ip);
	next = kit_get_lease(&kit, kit_mac_edge, 1);
	assert_false(addr_ip_eq(&ip, &next));
	assert_non_null(strstr(kit.tx.sent.reason, "a pool address instead"));
	kit.now += 61 * USEC_PER_SEC;
	next = kit_get_lease(&kit, kit_mac_edge, 1);
	assert_true(addr_ip_eq(&ip, &next));
}

static void
what_belongs_to_another_is_not_given_up(void **state)
{
	struct addr_ip ip = kit_get_lease(&kit, kit_mac_other, 1);

	(void)state;
	for (int decline = 0; decline < 2; decline++) {
		give_up(decline ? DHCP6_DECLINE : DHCP6_RELEASE, kit_mac_edge, 1, ip);
		assert_given(NULL, DHCP6_STATUS_NO_BINDING);
		assert_int_equal(kit.tx.n_records, 0);
	}
	assert_true(addr_ip_eq(&ip, &(struct addr_ip){.family = 0}) == false);
}

/* --- INFORMATION-REQUEST and what is asked for --- */

static void
inform_gets_what_it_asks_for(void **state)
{
	static const uint8_t oro[] = {0, 23, 0, 24};
	static const uint8_t refresh[] = {0, 0, 14, 16};
	struct addr_ip dns = kit_ip("fd77::53");

	(void)state;
	kit_begin(&packet, DHCP6_INFORMATION_REQUEST);
	dhcp6_msg_put(&packet.w, DHCP6_OPT_ORO, oro, sizeof(oro));
	assert_true(kit_handle_from(
	    &kit, &packet, kit_link_local(kit_mac_edge), kit_ip("ff02::1:2")));
	assert_int_equal(kit.reply.type, DHCP6_REPLY);
	assert_false(dhcp6_msg_has(&kit.reply, DHCP6_OPT_CLIENTID));
	assert_option(DHCP6_OPT_DNS_SERVERS, dns.b, 16);
	assert_option(DHCP6_OPT_DOMAIN_LIST, "\3los\7example", 13);
	assert_option(DHCP6_OPT_REFRESH_TIME, refresh, 4);
	assert_string_equal(kit.tx.seen.kind, "dhcp6.inform");
	assert_string_equal(kit.tx.seen.host, "edge01.los");
	assert_int_equal(kit.tx.n_records, 0);
	/* Unasked, neither is sent. */
	kit_begin(&packet, DHCP6_INFORMATION_REQUEST);
	assert_true(kit_handle(&kit, &packet));
	assert_false(dhcp6_msg_has(&kit.reply, DHCP6_OPT_DNS_SERVERS));
	assert_false(dhcp6_msg_has(&kit.reply, DHCP6_OPT_DOMAIN_LIST));
}

/* --- who is not answered --- */

static void
unknown_machines_as_the_site_says(void **state)
{
	(void)state;
	kit.site.answer_unknown = false;
	hosttab_set_site(kit.table, &kit.site);
	begin(DHCP6_SOLICIT, kit_mac_other);
	kit_put_ia(&packet, 1, NULL);
	assert_false(kit_handle(&kit, &packet));
	assert_ignored("unknown machine");
	assert_string_equal(kit.tx.seen.mac, "52:54:00:99:00:09");
	begin(DHCP6_SOLICIT, kit_mac_edge);
	kit_put_ia(&packet, 1, NULL);
	assert_true(kit_handle(&kit, &packet));
}

static void
machines_that_loop_are_slowed_down(void **state)
{
	size_t answers = 0, told = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		begin(DHCP6_SOLICIT, kit_mac_edge);
		kit_put_ia(&packet, 1, NULL);
		answers += kit_handle(&kit, &packet);
		told += strcmp(kit.tx.seen.kind, "dhcp6.ignored") == 0;
	}
	assert_int_equal(answers, 30);
	assert_int_equal(told, 1);
}

static void
without_an_ipv6_subnet_nothing_is_said(void **state)
{
	(void)state;
	kit.site.n_subnets = 0;
	hosttab_set_site(kit.table, &kit.site);
	begin(DHCP6_SOLICIT, kit_mac_edge);
	kit_put_ia(&packet, 1, NULL);
	assert_false(kit_handle(&kit, &packet));
	assert_string_equal(kit.tx.seen.kind, "");
}

static void
other_servers_are_overheard(void **state)
{
	struct dhcp6_server_rx rx = {.data = packet.data, .src = kit_ip("fe80::66")};
	struct dhcp6_duid other = kit_duid_ll(kit_mac_other);
	struct event ev;

	(void)state;
	begin(DHCP6_ADVERTISE, kit_mac_edge);
	dhcp6_msg_put(&packet.w, DHCP6_OPT_SERVERID, other.b, other.len);
	rx.len = packet.w.len;
	rx.mono = kit.now;
	dhcp6_server_overhear(kit.server, &rx, &ev);
	assert_string_equal(ev.kind, "dhcp6.foreign");
	assert_string_equal(ev.host, "edge01.los");
	assert_string_equal(detail(&ev, "source"), "fe80::66");
	event_done(&ev);
	begin(DHCP6_REPLY, kit_mac_edge);
	kit_put_server(&kit, &packet); /* our own */
	rx.len = packet.w.len;
	dhcp6_server_overhear(kit.server, &rx, &ev);
	assert_string_equal(ev.kind, "");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(messages_to_discard),
	    TEST(messages_for_another_server),
	    TEST(unicast),
	    TEST(sources_that_cannot_be_answered),
	    TEST(solicit_of_a_host_with_a_fixed_address),
	    TEST(request_is_durable_first),
	    TEST(what_is_advertised_is_given),
	    TEST(rapid_commit_only_where_it_is_switched_on),
	    TEST(addresses_of_another_link),
	    TEST(no_pool_and_no_fixed_address),
	    TEST(other_kinds_of_associations),
	    TEST(release_of_one_iaid_leaves_it_to_the_other),
	    TEST(two_iaids_in_one_message),
	    TEST(renew_extends_and_ends_what_is_not_the_clients),
	    TEST(renew_and_rebind_without_a_record),
	    TEST(confirm_is_about_the_link),
	    TEST(decline_puts_the_address_to_rest),
	    TEST(what_belongs_to_another_is_not_given_up),
	    TEST(inform_gets_what_it_asks_for),
	    TEST(unknown_machines_as_the_site_says),
	    TEST(machines_that_loop_are_slowed_down),
	    TEST(without_an_ipv6_subnet_nothing_is_said),
	    TEST(other_servers_are_overheard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
