/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCPv4 decisions: who gets which address, for how long, and what a flood takes. */
#include "tests/unit/boot-services/dhcp4_server_kit.h"

static void
fixed_address_is_offered_and_acked(void **state)
{
	static const uint8_t lease[4] = {0, 0, 14, 16}, t1[4] = {0, 0, 7, 8},
			     t2[4] = {0, 0, 12, 78};
	static const uint8_t router[4] = {10, 77, 0, 254}, dns[4] = {10, 77, 0, 53};
	static const uint8_t mask[4] = {255, 255, 255, 0}, bcast[4] = {10, 77, 0, 255};

	(void)state;
	discover(kit_mac_edge);
	assert_true(answered());
	assert_int_equal(kit.reply.type, DHCP4_OFFER);
	assert_int_equal(kit.reply.yiaddr, KIT_FIXED);
	assert_false(kit.tx.durable_first);
	assert_string_equal(kit.tx.seen.kind, "dhcp4.discover");
	assert_string_equal(kit.tx.sent.kind, "dhcp4.offer");
	assert_string_equal(kit.tx.seen.host, "edge01.los");
	request(kit_mac_edge, KIT_SERVER, KIT_FIXED);
	assert_true(answered());
	assert_int_equal(kit.reply.type, DHCP4_ACK);
	assert_int_equal(kit.reply.yiaddr, KIT_FIXED);
	assert_option(DHCP4_OPT_LEASE_TIME, lease, 4);
	assert_option(DHCP4_OPT_RENEWAL_TIME, t1, 4);
	assert_option(DHCP4_OPT_REBINDING_TIME, t2, 4);
	assert_option(DHCP4_OPT_SUBNET_MASK, mask, 4);
	assert_option(DHCP4_OPT_ROUTER, router, 4);
	assert_option(DHCP4_OPT_DNS, dns, 4);
	assert_option(DHCP4_OPT_BROADCAST, bcast, 4);
	assert_option(DHCP4_OPT_DOMAIN, "los.example", 11);
	assert_option(DHCP4_OPT_HOSTNAME, "edge01", 6);
	assert_true(kit.tx.durable_first);
	assert_true(kit.tx.has_record);
	assert_int_equal(kit.tx.record.ip, KIT_FIXED);
	assert_string_equal(kit.tx.sent.kind, "dhcp4.ack");
	assert_string_equal(kit.tx.sent.ip, "10.77.0.11");
}

/* Firmware (no client id) and iPXE (client id) of one machine get one address. */
static void
keyed_on_hardware_address(void **state)
{
	uint32_t ip = kit_get_lease(&kit, kit_mac_other);

	(void)state;
	assert_true(ip >= KIT_POOL && ip < KIT_POOL + 40);
	discover(kit_mac_other);
	dhcp4_msg_put(&packet.w, DHCP4_OPT_CLIENT_ID, "\1\x52\x54\0\x99\0\x09", 7);
	assert_true(answered());
	assert_int_equal(kit.reply.yiaddr, ip);
	/* RFC 6842: the id comes back. */
	assert_option(DHCP4_OPT_CLIENT_ID, "\1\x52\x54\0\x99\0\x09", 7);
}

static void
unknown_machines_only_where_allowed(void **state)
{
	struct bundle_site site = *hosttab_site(kit.table);

	(void)state;
	site.answer_unknown = false;
	hosttab_set_site(kit.table, &site);
	discover(kit_mac_other);
	assert_false(answered());
	assert_ignored("unknown machine");
	assert_string_equal(detail(&kit.tx.seen, "type"), "discover");
}

static void
known_host_without_fixed_address_uses_the_pool(void **state)
{
	uint32_t ip = kit_get_lease(&kit, kit_mac_pool);

	(void)state;
	assert_true(ip >= KIT_POOL && ip < KIT_POOL + 40);
	assert_true(kit.tx.record.known);
	assert_false(kit.tx.record.fixed);
}

static void
wanted_address_is_given_when_free(void **state)
{
	(void)state;
	discover(kit_mac_other);
	dhcp4_msg_put_u32(&packet.w, DHCP4_OPT_REQUESTED_IP, KIT_POOL + 7);
	assert_true(answered());
	assert_int_equal(kit.reply.yiaddr, KIT_POOL + 7);
	discover(kit_mac_pool);
	dhcp4_msg_put_u32(&packet.w, DHCP4_OPT_REQUESTED_IP, KIT_POOL + 7);
	assert_true(answered());
	assert_int_not_equal(kit.reply.yiaddr, KIT_POOL + 7);
}

static void
init_reboot(void **state)
{
	uint32_t ip = kit_get_lease(&kit, kit_mac_other);

	(void)state;
	request(kit_mac_other, 0, ip);
	assert_true(answered());
	assert_int_equal(kit.reply.type, DHCP4_ACK);
	assert_int_equal(kit.reply.ciaddr, 0);
	request(kit_mac_other, 0, ip + 1);
	assert_true(answered());
	assert_int_equal(kit.reply.type, DHCP4_NAK);
	assert_int_equal(kit.reply.yiaddr, 0);
	assert_string_equal(kit.tx.sent.kind, "dhcp4.nak");
	request(kit_mac_other, 0, KIT_IP(192, 168, 5, 5));
	assert_true(answered());
	assert_int_equal(kit.reply.type, DHCP4_NAK);
	assert_int_equal(kit.tx.to_ip, 0xffffffff);
}

static void
renewing_is_answered_by_unicast(void **state)
{
	uint32_t ip = kit_get_lease(&kit, kit_mac_other);

	(void)state;
	kit.now += 1800 * USEC_PER_SEC;
	request(kit_mac_other, 0, 0);
	kit_set_ciaddr(&packet, ip);
	kit_end(&packet);
	assert_true(kit_handle_from(&kit, &packet, ip, KIT_SERVER, 68, false));
	assert_int_equal(kit.reply.type, DHCP4_ACK);
	assert_int_equal(kit.reply.ciaddr, ip);
	assert_int_equal(kit.tx.to_ip, ip);
	assert_int_equal(kit.tx.to_port, 68);
	assert_true(kit.tx.durable_first);
}

static void
rebinding_with_a_foreign_address_is_refused(void **state)
{
	(void)state;
	request(kit_mac_other, 0, 0);
	kit_set_ciaddr(&packet, KIT_IP(192, 168, 1, 7));
	assert_true(answered());
	assert_int_equal(kit.reply.type, DHCP4_NAK);
	assert_int_equal(kit.tx.to_ip, 0xffffffff);
	kit.cfg.authoritative = false;
	assert_false(answered());
	assert_ignored("not authoritative");
}

static void
no_record_and_not_authoritative_is_silence(void **state)
{
	(void)state;
	kit.cfg.authoritative = false;
	request(kit_mac_other, 0, KIT_POOL + 3);
	assert_false(answered());
	assert_ignored("no record");
	kit.cfg.authoritative = true;
	assert_true(answered()); /* the table is the truth: free means it may have it */
	assert_int_equal(kit.reply.type, DHCP4_ACK);
	assert_int_equal(kit.reply.yiaddr, KIT_POOL + 3);
}

/* "DHCPNAK: only when ... the requested address is definitely wrong" (boot.md 1.1). Where we have no address
 * for a host, another server may well have one. */
static void
no_address_to_give_is_no_reason_to_refuse(void **state)
{
	struct bundle_site site = *hosttab_site(kit.table);
	uint32_t ip = kit_get_lease(&kit, kit_mac_pool);

	(void)state;
	site.subnets[0].pool_first = site.subnets[0].pool_last = (struct addr_ip){0};
	hosttab_set_site(kit.table, &site);
	request(kit_mac_other, 0, KIT_POOL + 9);
	assert_false(answered());
	assert_ignored("has no pool");
	/* Out of this network it is wrong, whoever gave it; and what we gave we take back. */
	request(kit_mac_other, 0, KIT_IP(192, 168, 1, 7));
	assert_true(answered());
	assert_int_equal(kit.reply.type, DHCP4_NAK);
	request(kit_mac_pool, 0, ip);
	assert_true(answered());
	assert_int_equal(kit.reply.type, DHCP4_NAK);
}

static void
client_of_another_server(void **state)
{
	(void)state;
	discover(kit_mac_other);
	assert_true(answered());
	request(kit_mac_other, KIT_IP(10, 77, 0, 2), KIT_POOL + 30);
	assert_false(answered());
	assert_string_equal(kit.tx.seen.kind, "dhcp4.foreign");
	assert_string_equal(detail(&kit.tx.seen, "server"), "10.77.0.2");
	/* Our offer is void: the next one may have the address. */
	discover(kit_mac_pool);
	dhcp4_msg_put_u32(&packet.w, DHCP4_OPT_REQUESTED_IP, KIT_POOL);
	assert_true(answered());
	assert_int_equal(kit.reply.yiaddr, KIT_POOL);
}

static void
foreign_offers_are_reported_once_in_ten_minutes(void **state)
{
	struct event ev;
	struct dhcp4_server_rx rx = {
	    .data = packet.data, .src_ip = KIT_IP(10, 77, 0, 66)};

	(void)state;
	discover(kit_mac_other);
	packet.data[0] = DHCP4_BOOTREPLY;
	packet.data[DHCP4_HEADER_SIZE + 4 + 2] = DHCP4_OFFER;
	dhcp4_msg_put_u32(&packet.w, DHCP4_OPT_SERVER_ID, KIT_IP(10, 77, 0, 66));
	kit_end(&packet);
	rx.len = packet.w.len;
	dhcp4_server_overhear(kit.server, &rx, &ev);
	assert_string_equal(ev.kind, "dhcp4.foreign");
	assert_string_equal(detail(&ev, "server"), "10.77.0.66");
	event_done(&ev);
	dhcp4_server_overhear(kit.server, &rx, &ev);
	assert_string_equal(ev.kind, "");
	rx.mono = 601 * USEC_PER_SEC;
	dhcp4_server_overhear(kit.server, &rx, &ev);
	assert_string_equal(ev.kind, "dhcp4.foreign");
	event_done(&ev);
	/* Our own are not foreign, nor is one that comes back to our port. */
	kit_set_u32(&packet, DHCP4_HEADER_SIZE + 4 + 3 + 2, KIT_SERVER);
	rx.src_ip = KIT_SERVER;
	rx.mono += 601 * USEC_PER_SEC;
	dhcp4_server_overhear(kit.server, &rx, &ev);
	assert_string_equal(ev.kind, "");
	assert_false(kit_handle_from(&kit, &packet, KIT_SERVER, 0xffffffff, 67, false));
	assert_ignored("our own reply");
}

static void
release_and_reuse(void **state)
{
	uint32_t ip = kit_get_lease(&kit, kit_mac_other);

	(void)state;
	kit_begin(&packet, kit_mac_other, DHCP4_RELEASE);
	kit_set_ciaddr(&packet, ip);
	dhcp4_msg_put_u32(&packet.w, DHCP4_OPT_SERVER_ID, KIT_SERVER);
	assert_false(answered());
	assert_string_equal(kit.tx.seen.kind, "dhcp4.release");
	assert_true(kit.tx.has_record);
	assert_int_equal(kit.tx.record.state, DHCP4_LEASE_FREE);
	assert_false(answered());
	assert_ignored("release");
	/* Firmware releases before the loader starts: the same machine keeps its address.
	 */
	assert_int_equal(kit_get_lease(&kit, kit_mac_other), ip);
}

static void
release_of_somebody_elses_address(void **state)
{
	uint32_t ip = kit_get_lease(&kit, kit_mac_other);

	(void)state;
	kit_begin(&packet, kit_mac_pool, DHCP4_RELEASE);
	kit_set_ciaddr(&packet, ip);
	assert_false(answered());
	assert_ignored("not this machine's");
	discover(kit_mac_pool);
	dhcp4_msg_put_u32(&packet.w, DHCP4_OPT_REQUESTED_IP, ip);
	assert_true(answered());
	assert_int_not_equal(kit.reply.yiaddr, ip);
}

static void
decline_rests_the_address(void **state)
{
	uint32_t ip = kit_get_lease(&kit, kit_mac_other);

	(void)state;
	kit_begin(&packet, kit_mac_other, DHCP4_DECLINE);
	dhcp4_msg_put_u32(&packet.w, DHCP4_OPT_REQUESTED_IP, ip);
	dhcp4_msg_put_u32(&packet.w, DHCP4_OPT_SERVER_ID, KIT_SERVER);
	assert_false(answered());
	assert_string_equal(kit.tx.seen.kind, "dhcp4.decline");
	assert_int_equal(kit.tx.record.state, DHCP4_LEASE_DECLINED);
	assert_int_not_equal(kit_get_lease(&kit, kit_mac_other), ip);
	discover(kit_mac_pool);
	dhcp4_msg_put_u32(&packet.w, DHCP4_OPT_REQUESTED_IP, ip);
	assert_true(answered());
	assert_int_not_equal(kit.reply.yiaddr, ip);
}

static void
declined_fixed_address_falls_back_to_the_pool(void **state)
{
	(void)state;
	assert_int_equal(kit_get_lease(&kit, kit_mac_edge), KIT_FIXED);
	kit_begin(&packet, kit_mac_edge, DHCP4_DECLINE);
	dhcp4_msg_put_u32(&packet.w, DHCP4_OPT_REQUESTED_IP, KIT_FIXED);
	assert_false(answered());
	assert_string_equal(kit.tx.seen.kind, "dhcp4.decline");
	assert_in_range(kit_get_lease(&kit, kit_mac_edge), KIT_POOL, KIT_POOL + 39);
	assert_non_null(strstr(kit.tx.sent.reason, "in use by another machine"));
	kit.now += 61 * USEC_PER_SEC;
	assert_int_equal(kit_get_lease(&kit, kit_mac_edge), KIT_FIXED);
}

static void
inform_gets_options_and_no_lease(void **state)
{
	(void)state;
	kit_begin(&packet, kit_mac_other, DHCP4_INFORM);
	kit_set_ciaddr(&packet, KIT_IP(10, 77, 0, 200));
	assert_true(answered());
	assert_int_equal(kit.reply.type, DHCP4_ACK);
	assert_int_equal(kit.reply.yiaddr, 0);
	assert_false(dhcp4_msg_has(&kit.reply, DHCP4_OPT_LEASE_TIME));
	assert_int_equal(kit.tx.to_ip, KIT_IP(10, 77, 0, 200));
	assert_false(kit.tx.has_record);
}

/* RFC 2131 4.3.5: "The server SHOULD check the network address in a DHCPINFORM message for consistency".
 * And what an ACK's event calls an address of this machine, it is: transfers are told by it. */
static void
inform_from_elsewhere(void **state)
{
	static const uint32_t bad[] = {KIT_IP(8, 8, 8, 8), KIT_IP(127, 0, 0, 1),
	    KIT_SERVER, KIT_IP(10, 77, 0, 255), KIT_IP(255, 255, 255, 255),
	    KIT_IP(224, 0, 0, 1)};
	uint32_t ip;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		kit_begin(&packet, kit_mac_edge, DHCP4_INFORM);
		kit_set_ciaddr(&packet, bad[i]);
		assert_false(answered());
		assert_ignored("INFORM from an address");
	}
	ip = kit_get_lease(&kit, kit_mac_other);
	kit_begin(&packet, kit_mac_other, DHCP4_INFORM);
	kit_set_ciaddr(&packet, ip);
	assert_true(answered());
	assert_string_equal(kit.tx.sent.ip, kit.tx.seen.ip);
	kit_begin(&packet, kit_mac_edge, DHCP4_INFORM);
	kit_set_ciaddr(&packet, ip);
	assert_true(answered());
	assert_string_equal(kit.tx.sent.ip, "");
	kit_begin(&packet, kit_mac_edge, DHCP4_INFORM);
	kit_set_ciaddr(&packet, KIT_FIXED);
	assert_true(answered());
	assert_string_equal(kit.tx.sent.ip, "10.77.0.11");
}

static void
fixed_address_in_use_by_another(void **state)
{
	uint32_t squat = kit_get_lease(&kit, kit_mac_other);

	(void)state;
	assert_true(kit_add_host(&kit, "edge03.los", kit_mac_pool, 0, false) == false);
	hosttab_del(kit.table, "edge02.los");
	assert_true(kit_add_host(&kit, "edge02.los", kit_mac_pool, squat, false));
	/* The stranger's lease is a promise: the host gets another address while it
	 * lasts. */
	assert_in_range(kit_get_lease(&kit, kit_mac_pool), KIT_POOL, KIT_POOL + 39);
	discover(kit_mac_pool);
	assert_true(answered());
	assert_int_not_equal(kit.reply.yiaddr, squat);
	/* The stranger may not renew it; once it is gone the host gets its own. */
	request(kit_mac_other, 0, 0);
	kit_set_ciaddr(&packet, squat);
	assert_true(answered());
	assert_int_equal(kit.reply.type, DHCP4_NAK);
	kit.now += 3601 * USEC_PER_SEC;
	assert_int_equal(kit_get_lease(&kit, kit_mac_pool), squat);
}

/* A mistake in the inventory must not hand a machine the address of the gateway or of this server. */
static void
fixed_address_that_nobody_may_have(void **state)
{
	static const uint32_t bad[] = {KIT_SERVER, KIT_IP(10, 77, 0, 254),
	    KIT_IP(10, 77, 0, 0), KIT_IP(10, 77, 0, 255)};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct bundle_site site = *hosttab_site(kit.table);

		assert_true(kit_add_host(&kit, "edge01.los", kit_mac_edge, bad[i], true));
		assert_in_range(
		    kit_get_lease(&kit, kit_mac_edge), KIT_POOL, KIT_POOL + 39);
		assert_non_null(strstr(kit.tx.sent.reason, "a pool address instead"));
		request(kit_mac_edge, 0, bad[i]);
		assert_true(answered());
		assert_int_equal(kit.reply.type, DHCP4_NAK);
		site.subnets[0].pool_first = site.subnets[0].pool_last =
		    (struct addr_ip){0};
		hosttab_set_site(kit.table, &site);
		discover(kit_mac_edge);
		assert_false(answered());
		assert_ignored("no host may have");
		site.subnets[0].pool_first = kit_addr(KIT_POOL);
		site.subnets[0].pool_last = kit_addr(KIT_POOL + 39);
		hosttab_set_site(kit.table, &site);
	}
}

static void
replaced_network_card_takes_the_fixed_address(void **state)
{
	static const uint8_t new_mac[6] = {0x52, 0x54, 0, 0x77, 0, 0x21};

	(void)state;
	assert_int_equal(kit_get_lease(&kit, kit_mac_edge), KIT_FIXED);
	hosttab_del(kit.table, "edge01.los");
	assert_true(kit_add_host(&kit, "edge01.los", new_mac, KIT_FIXED, true));
	assert_int_equal(kit_get_lease(&kit, new_mac), KIT_FIXED);
}

static void
exhausted_pool(void **state)
{
	uint8_t mac[6] = {2, 0, 0, 0, 0, 0};
	unsigned got = 0;

	(void)state;
	for (unsigned i = 0; i < 60; i++) {
		mac[5] = (uint8_t)i;
		got += kit_get_lease(&kit, mac) != 0;
	}
	assert_int_equal(
	    got, 35); /* 40 less an eighth, which is kept for hosts of the table */
	assert_ignored("no free address");
	assert_in_range(kit_get_lease(&kit, kit_mac_pool), KIT_POOL, KIT_POOL + 39);
	/* Offers that nobody takes come back; so do leases that run out. */
	kit.now += 3601 * USEC_PER_SEC;
	mac[5] = 200;
	assert_int_not_equal(kit_get_lease(&kit, mac), 0);
}

static void
discover_flood_leaves_room(void **state)
{
	uint8_t mac[6] = {2, 1, 0, 0, 0, 0};

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		mac[4] = (uint8_t)(i >> 8);
		mac[5] = (uint8_t)i;
		discover(mac);
		assert_true(answered());
	}
	assert_int_not_equal(kit_get_lease(&kit, kit_mac_other), 0);
	assert_int_equal(kit_get_lease(&kit, kit_mac_edge), KIT_FIXED);
}

static void
one_machine_cannot_flood(void **state)
{
	unsigned replies = 0, told = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		discover(kit_mac_edge);
		replies += answered();
		told += strcmp(kit.tx.seen.kind, "dhcp4.ignored") == 0;
	}
	assert_int_equal(replies, 30);
	assert_int_equal(told, 1);
	kit.now += USEC_PER_SEC;
	assert_true(answered());
}

static void
events_about_strangers_are_bounded(void **state)
{
	uint8_t mac[6] = {2, 2, 0, 0, 0, 0};
	unsigned told = 0;

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		mac[4] = (uint8_t)(i >> 8);
		mac[5] = (uint8_t)i;
		discover(mac);
		(void)answered();
		told += kit.tx.seen.kind[0] != '\0';
	}
	assert_int_equal(told, 300);
	kit.now += USEC_PER_SEC;
	mac[3] = 1;
	discover(mac);
	assert_true(answered());
	assert_int_equal(
	    json_integer_value(json_object_get(kit.tx.seen.detail, "suppressed")), 4700);
}

static void
restored_leases_hold(void **state)
{
	struct dhcp4_lease_record r = {.client.subnet = KIT_IP(10, 77, 0, 0),
	    .client.key = {.htype = 1, .len = 6},
	    .ip = KIT_POOL,
	    .state = DHCP4_LEASE_BOUND,
	    .until = 100 * USEC_PER_SEC,
	    .length = 3600 * USEC_PER_SEC};

	(void)state;
	memcpy(r.client.key.b, kit_mac_other, 6);
	dhcp4_server_restore(kit.server, &r, kit.now, 0);
	assert_int_not_equal(kit_get_lease(&kit, kit_mac_pool), KIT_POOL);
	assert_int_equal(kit_get_lease(&kit, kit_mac_other), KIT_POOL);
}

/* Two leases of one machine, the older one still running: whatever the order in the table, a compact
 * journal ends with the one in use, as the long one does. */
static struct dhcp4_lease_record snapshot[16];
static size_t n_snapshot;

static void
keep_record(void *arg, const struct dhcp4_lease_record *r, bool current)
{
	assert_true(n_snapshot < ARRAY_SIZE(snapshot));
	if (current == *(const bool *)arg)
		snapshot[n_snapshot++] = *r;
}

static void
compact_journal_leads_to_the_lease_in_use(void **state)
{
	uint32_t pooled, wall = 0;

	(void)state;
	/* The first address of the pool was somebody's, so that its record is older. */
	pooled = kit_get_lease(&kit, kit_mac_other);
	kit_begin(&packet, kit_mac_other, DHCP4_RELEASE);
	kit_set_ciaddr(&packet, pooled);
	assert_false(answered());
	/* The host had a fixed address, then the inventory took it away. */
	assert_int_equal(kit_get_lease(&kit, kit_mac_edge), KIT_FIXED);
	assert_true(kit_add_host(&kit, "edge01.los", kit_mac_edge, 0, true));
	discover(kit_mac_edge);
	dhcp4_msg_put_u32(&packet.w, DHCP4_OPT_REQUESTED_IP, pooled);
	assert_true(answered());
	assert_int_equal(kit.reply.yiaddr, pooled);
	request(kit_mac_edge, KIT_SERVER, pooled);
	assert_true(answered());
	n_snapshot = 0;
	for (int i = 0; i < 2; i++) {
		bool current = i == 1; /* they come last in the file */

		assert_false(dhcp4_server_walk(
		    kit.server, true, SIZE_MAX, kit.now, wall, keep_record, &current));
	}
	assert_int_equal(n_snapshot, 2);
	/* A restart. */
	dhcp4_server_free(kit.server);
	kit.server = dhcp4_server_new(&kit.cfg, &kit.table, 1);
	dhcp4_server_set_links(kit.server, &kit.link, 1);
	for (size_t i = 0; i < n_snapshot; i++)
		dhcp4_server_restore(kit.server, &snapshot[i], kit.now, wall);
	request(kit_mac_edge, 0, 0);
	kit_set_ciaddr(&packet, pooled);
	assert_true(answered());
	assert_int_equal(kit.reply.type, DHCP4_ACK);
}

/* The clock was wrong when the record was written, or is wrong now: no longer than it was granted. */
static void
wrong_clock_does_not_stretch_a_lease(void **state)
{
	struct dhcp4_lease_record r = {.client.subnet = KIT_IP(10, 77, 0, 0),
	    .client.key = {.htype = 1, .len = 6},
	    .ip = KIT_POOL,
	    .state = DHCP4_LEASE_BOUND,
	    .until = INT64_MAX,
	    .length = 3600 * USEC_PER_SEC};

	(void)state;
	memcpy(r.client.key.b, kit_mac_other, 6);
	dhcp4_server_restore(kit.server, &r, kit.now, 0);
	request(kit_mac_pool, 0, KIT_POOL);
	assert_true(answered());
	assert_int_equal(kit.reply.type, DHCP4_NAK);
	kit.now += 3601 * USEC_PER_SEC;
	assert_true(answered());
	assert_int_equal(kit.reply.type, DHCP4_ACK);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(fixed_address_is_offered_and_acked),
	    T(keyed_on_hardware_address),
	    T(unknown_machines_only_where_allowed),
	    T(known_host_without_fixed_address_uses_the_pool),
	    T(wanted_address_is_given_when_free),
	    T(init_reboot),
	    T(renewing_is_answered_by_unicast),
	    T(rebinding_with_a_foreign_address_is_refused),
	    T(no_record_and_not_authoritative_is_silence),
	    T(no_address_to_give_is_no_reason_to_refuse),
	    T(client_of_another_server),
	    T(foreign_offers_are_reported_once_in_ten_minutes),
	    T(release_and_reuse),
	    T(release_of_somebody_elses_address),
	    T(decline_rests_the_address),
	    T(declined_fixed_address_falls_back_to_the_pool),
	    T(inform_gets_options_and_no_lease),
	    T(inform_from_elsewhere),
	    T(fixed_address_in_use_by_another),
	    T(fixed_address_that_nobody_may_have),
	    T(replaced_network_card_takes_the_fixed_address),
	    T(exhausted_pool),
	    T(discover_flood_leaves_room),
	    T(one_machine_cannot_flood),
	    T(events_about_strangers_are_bounded),
	    T(restored_leases_hold),
	    T(compact_journal_leads_to_the_lease_in_use),
	    T(wrong_clock_does_not_stretch_a_lease),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
