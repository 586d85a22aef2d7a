/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCPv6 decisions: which machine it is, and what it is told to boot. "rule N" is boot.md 0.1. */
#include "tests/unit/boot-services/dhcp6_server_kit.h"

/* A SOLICIT of firmware: DUID-UUID, link-local address made of the MAC. */
static bool
solicit(const uint8_t mac[6], void (*put)(struct kit_packet *p))
{
	struct dhcp6_duid d = dhcp6_duid_make_uuid(kit_uuid_raw);

	kit_begin(&packet, DHCP6_SOLICIT);
	dhcp6_msg_put(&packet.w, DHCP6_OPT_CLIENTID, d.b, d.len);
	kit_put_ia(&packet, KIT_IAID, NULL);
	if (put)
		put(&packet);
	return kit_handle_from(&kit, &packet, kit_link_local(mac), kit_ip("ff02::1:2"));
}

static void
pxe_by_tftp_rule_4(void **state)
{
	(void)state;
	assert_true(solicit(kit_mac_edge, kit_put_pxe));
	assert_url("tftp://[fd77::1]/snponly.efi");
	assert_false(dhcp6_msg_has(&kit.reply, DHCP6_OPT_VENDOR_CLASS));
	assert_false(dhcp6_msg_has(&kit.reply, DHCP6_OPT_BOOTFILE_PARAM));
	assert_given("fd77::11", DHCP6_STATUS_SUCCESS);
	assert_string_equal(kit.tx.seen.arch, "x64-uefi");
	assert_string_equal(detail(&kit.tx.seen, "class"), "pxe");
	assert_string_equal(
	    detail(&kit.tx.seen, "uuid"), "44332211-6655-8877-99aa-bbccddeeff00");
	assert_string_equal(kit.tx.sent.file, "snponly.efi");
}

static void
http_boot_rule_5(void **state)
{
	static const uint8_t class[] = {
	    0, 0, 1, 0x57, 0, 10, 'H', 'T', 'T', 'P', 'C', 'l', 'i', 'e', 'n', 't'};

	(void)state;
	assert_true(solicit(kit_mac_edge, kit_put_http));
	assert_url("http://[fd77::1]/loaders/snponly.efi");
	assert_option(DHCP6_OPT_VENDOR_CLASS, class, sizeof(class));
	assert_false(dhcp6_msg_has(&kit.reply, DHCP6_OPT_BOOTFILE_PARAM));
}

static void
ipxe_gets_its_script(void **state)
{
	(void)state;
	assert_true(solicit(kit_mac_edge, kit_put_ipxe));
	assert_url("http://[fd77::1]/script.ipxe-52:54:00:77:00:01");
	assert_false(dhcp6_msg_has(&kit.reply, DHCP6_OPT_VENDOR_CLASS));
	assert_true(dhcp6_msg_has(&kit.reply, DHCP6_OPT_DNS_SERVERS));
	assert_string_equal(detail(&kit.tx.seen, "class"), "ipxe");
	/* Stateless: by INFORMATION-REQUEST, with another option behind the URL. */
	kit_begin(&packet, DHCP6_INFORMATION_REQUEST);
	kit_put_ipxe(&packet);
	assert_true(kit_handle_from(
	    &kit, &packet, kit_link_local(kit_mac_edge), kit_ip("ff02::1:2")));
	assert_url("http://[fd77::1]/script.ipxe-52:54:00:77:00:01");
}

static void
put_bios_ipxe(struct kit_packet *p)
{
	kit_put_arch(p, 0);
	dhcp6_msg_put(&p->w, DHCP6_OPT_USER_CLASS, "\0\4iPXE", 6);
}

/* Else the loader would load itself for ever: who was handed one is not remembered here. */
static void
ipxe_gets_its_script_where_its_host_names_a_loader(void **state)
{
	struct bundle_host *h = str_alloc(sizeof(*h));
	struct bootd_msg_boot *boot = str_alloc(sizeof(*boot));

	(void)state;
	str_clip(h->name, sizeof(h->name), "edge01.los");
	h->n_nics = 1;
	memcpy(h->nics[0].mac.b, kit_mac_edge, 6);
	h->n_loaders = 1;
	str_clip(h->loaders[0].file, sizeof(h->loaders[0].file), "special.kpxe");
	str_clip(boot->script, sizeof(boot->script), "script");
	str_clip(boot->ticket, sizeof(boot->ticket), "0123456789abcdef");
	str_clip(boot->token, sizeof(boot->token), "edge01.los");
	assert_int_equal(hosttab_put(kit.table, h, boot, NULL), 0);
	assert_true(solicit(kit_mac_edge, put_bios_ipxe));
	assert_url("http://[fd77::1]/script.ipxe-52:54:00:77:00:01");
	free(h);
	free(boot);
}

static void
operating_systems_get_an_address_only(void **state)
{
	(void)state;
	assert_true(solicit(kit_mac_edge, NULL));
	assert_false(dhcp6_msg_has(&kit.reply, DHCP6_OPT_BOOTFILE_URL));
	assert_given("fd77::11", DHCP6_STATUS_SUCCESS);
	assert_string_equal(kit.tx.seen.arch, "");
}

static void
local_boot_is_an_answer_rule_20(void **state)
{
	(void)state;
	assert_true(solicit(kit_mac_pool, kit_put_pxe));
	assert_url("tftp://[fd77::1]/local-boot.efi");
	assert_false(dhcp6_msg_has(&kit.reply, DHCP6_OPT_VENDOR_CLASS));
	assert_true(solicit(kit_mac_pool, kit_put_http));
	assert_url("http://[fd77::1]/local-boot.efi");
	assert_true(dhcp6_msg_has(&kit.reply, DHCP6_OPT_VENDOR_CLASS));
	assert_true(solicit(kit_mac_pool, kit_put_ipxe));
	assert_url("http://[fd77::1]/script.ipxe-52:54:00:77:00:02");
	kit.cfg.tftp = false;
	assert_true(solicit(kit_mac_pool, kit_put_pxe));
	assert_false(dhcp6_msg_has(&kit.reply, DHCP6_OPT_BOOTFILE_URL));
	assert_non_null(strstr(kit.tx.sent.reason, "TFTP is switched off"));
}

static void
urls_name_our_ports_and_encode_names(void **state)
{
	(void)state;
	kit.cfg.tftp_port = 1069;
	kit.cfg.http_port = 8080;
	str_clip(kit.cfg.loaders[0].file, sizeof(kit.cfg.loaders[0].file), "x/a b%.efi");
	assert_true(solicit(kit_mac_edge, kit_put_pxe));
	assert_url("tftp://[fd77::1]:1069/x/a%20b%25.efi");
	assert_true(solicit(kit_mac_edge, kit_put_http));
	assert_url("http://[fd77::1]:8080/loaders/snponly.efi");
}

/* A URL cannot name a link-local address. */
static void
without_an_address_of_ours_no_url(void **state)
{
	(void)state;
	kit.link.n_addrs = 1;
	dhcp6_server_set_links(kit.server, &kit.link, 1);
	assert_true(solicit(kit_mac_edge, kit_put_pxe));
	assert_false(dhcp6_msg_has(&kit.reply, DHCP6_OPT_BOOTFILE_URL));
	assert_given("fd77::11", DHCP6_STATUS_SUCCESS);
	assert_non_null(strstr(kit.tx.sent.reason, "link-local"));
	/* One of another prefix will do. */
	kit.link.addrs[kit.link.n_addrs++] = kit_ip("2001:db8::1");
	dhcp6_server_set_links(kit.server, &kit.link, 1);
	assert_true(solicit(kit_mac_edge, kit_put_pxe));
	assert_url("tftp://[2001:db8::1]/snponly.efi");
}

/* --- which machine --- */

static void
send_duid(struct dhcp6_duid d, const char *source)
{
	kit_begin(&packet, DHCP6_SOLICIT);
	dhcp6_msg_put(&packet.w, DHCP6_OPT_CLIENTID, d.b, d.len);
	kit_put_ia(&packet, KIT_IAID, NULL);
	assert_true(kit_handle_from(&kit, &packet, kit_ip(source), kit_ip("ff02::1:2")));
}

static void
hosts_are_found_by_uuid_in_both_orders(void **state)
{
	struct addr_uuid raw;
	struct addr_uuid swapped;

	(void)state;
	memcpy(raw.b, kit_uuid_raw, sizeof(raw.b));
	swapped = addr_uuid_swap(&raw);
	send_duid(dhcp6_duid_make_uuid(raw.b), "fe80::99");
	assert_string_equal(kit.tx.seen.host, "edge02.los");
	assert_string_equal(kit.tx.seen.mac, "52:54:00:77:00:02");
	send_duid(dhcp6_duid_make_uuid(swapped.b), "fe80::99");
	assert_string_equal(kit.tx.seen.host, "edge02.los");
	raw.b[0] ^= 1;
	send_duid(dhcp6_duid_make_uuid(raw.b), "fe80::99");
	assert_string_equal(kit.tx.seen.host, "");
	/* The port that asks counts more than the board. */
	send_duid(dhcp6_duid_make_uuid(swapped.b), "fe80::5054:ff:fe77:1");
	assert_string_equal(kit.tx.seen.host, "edge01.los");
}

/* Boards of a careless maker: the one in the table has a ticket, the other one its disks. */
static void
a_strange_port_is_nobody_whatever_its_uuid(void **state)
{
	struct dhcp6_duid d = dhcp6_duid_make_uuid(kit_uuid_raw);

	(void)state;
	send_duid(d, "fe80::5054:ff:fe99:9");
	assert_string_equal(kit.tx.seen.host, "");
	assert_string_equal(kit.tx.seen.mac, "52:54:00:99:00:09");
	/* Nor later, when its packet does not say which port it is. */
	send_duid(d, "fe80::99");
	assert_string_equal(kit.tx.seen.host, "");
}

/* One UUID that somebody wrote down in either order, for two hosts. */
static void
two_hosts_of_one_uuid_are_nobody(void **state)
{
	static const uint8_t mac[6] = {0x52, 0x54, 0, 0x77, 0, 3};

	(void)state;
	assert_true(kit_add_host(&kit, "edge03.los", mac, NULL,
	    "44332211-6655-8877-99aa-bbccddeeff00", false));
	send_duid(dhcp6_duid_make_uuid(kit_uuid_raw), "fe80::99");
	assert_string_equal(kit.tx.seen.host, "");
}

static void
the_port_counts_more_than_the_duid(void **state)
{
	(void)state;
	/* A DUID-LL of another port, a link-local address of one in the table. */
	send_duid(kit_duid_ll(kit_mac_other), "fe80::5054:ff:fe77:1");
	assert_string_equal(kit.tx.seen.mac, "52:54:00:77:00:01");
	/* Neither is known: the DUID's. */
	send_duid(kit_duid_ll(kit_mac_other), "fe80::5054:ff:fe77:77");
	assert_string_equal(kit.tx.seen.mac, "52:54:00:99:00:09");
}

static void
what_was_learned_is_used(void **state)
{
	struct dhcp6_duid en = {.len = 8, .b = {0, 2, 0, 0, 1, 0x57, 7, 7}};

	(void)state;
	send_duid(en, "fe80::99");
	assert_string_equal(kit.tx.seen.mac, "");
	send_duid(en, "fe80::5054:ff:fe77:1");
	assert_string_equal(kit.tx.seen.host, "edge01.los");
	send_duid(en, "fe80::99");
	assert_string_equal(kit.tx.seen.host, "edge01.los");
	assert_given("fd77::11", DHCP6_STATUS_SUCCESS);
}

/* Between what the message says and what was learned of its DUID. */
static void
the_neighbour_cache_finds_hosts(void **state)
{
	struct dhcp6_duid en = {.len = 8, .b = {0, 2, 0, 0, 1, 0x57, 7, 7}};

	(void)state;
	/* No machine of ours: it is not told apart by a cache that forgets. */
	kit.neighbour = kit_mac_other;
	send_duid(en, "fe80::99");
	assert_string_equal(kit.tx.seen.mac, "");
	kit.neighbour = kit_mac_edge;
	send_duid(en, "fe80::99");
	assert_string_equal(kit.tx.seen.host, "edge01.los");
	assert_given("fd77::11", DHCP6_STATUS_SUCCESS);
	/* Forgotten there, learned here. */
	kit.neighbour = NULL;
	send_duid(en, "fe80::99");
	assert_string_equal(kit.tx.seen.host, "edge01.los");
	/* Another port with the same DUID. */
	kit.neighbour = kit_mac_pool;
	send_duid(en, "fe80::98");
	assert_string_equal(kit.tx.seen.host, "edge02.los");
	/* What the message says counts more. */
	send_duid(kit_duid_ll(kit_mac_edge), "fe80::99");
	assert_string_equal(kit.tx.seen.host, "edge01.los");
	send_duid(en, "fe80::5054:ff:fe77:1");
	assert_string_equal(kit.tx.seen.host, "edge01.los");
}

static bool
wants(const struct dhcp6_duid *d, const char *source)
{
	struct dhcp6_server_rx rx = {.data = packet.data, .src = kit_ip(source)};

	kit_begin(&packet, DHCP6_SOLICIT);
	dhcp6_msg_put(&packet.w, DHCP6_OPT_CLIENTID, d->b, d->len);
	rx.len = packet.w.len;
	return dhcp6_server_wants_neighbour(kit.server, &rx);
}

static void
the_neighbour_cache_is_asked_only_where_it_helps(void **state)
{
	const struct dhcp6_duid en = {.len = 8, .b = {0, 2, 0, 0, 1, 0x57, 7, 7}};
	const struct dhcp6_duid ll = kit_duid_ll(kit_mac_edge), none = {.len = 0};
	struct dhcp6_server_rx rx = {.data = packet.data, .src = kit_ip("fe80::99")};

	(void)state;
	assert_true(wants(&en, "fe80::99"));
	assert_true(wants(&none, "fe80::99"));
	assert_false(wants(&ll, "fe80::99"));
	assert_false(wants(&en, "fe80::5054:ff:fe77:1"));
	assert_false(wants(&en, "fd77::99"));
	rx.len = 3;
	assert_false(dhcp6_server_wants_neighbour(kit.server, &rx));
	kit.site.n_subnets = 0;
	hosttab_set_site(kit.table, &kit.site);
	assert_false(wants(&en, "fe80::99"));
}

/* Firmware, iPXE and the system: other DUIDs and IAIDs, one address. */
static void
all_stages_get_one_address(void **state)
{
	struct addr_uuid raw;
	struct dhcp6_duid duids[3];
	struct addr_ip first = {.family = 0}, ip;
	uint16_t status;

	(void)state;
	memcpy(raw.b, kit_uuid_raw, sizeof(raw.b));
	duids[0] = dhcp6_duid_make_uuid(raw.b);
	raw = addr_uuid_swap(&raw);
	duids[1] = dhcp6_duid_make_uuid(raw.b);
	duids[2] = kit_duid_ll(kit_mac_other);
	for (size_t i = 0; i < ARRAY_SIZE(duids); i++) {
		kit_begin(&packet, DHCP6_REQUEST);
		dhcp6_msg_put(&packet.w, DHCP6_OPT_CLIENTID, duids[i].b, duids[i].len);
		kit_put_server(&kit, &packet);
		kit_put_ia(&packet, (uint32_t)i, NULL);
		assert_true(kit_handle_from(
		    &kit, &packet, kit_link_local(kit_mac_pool), kit_ip("ff02::1:2")));
		ip = kit_given(&kit, &status);
		assert_true(addr_ip_is_set(&ip));
		if (i > 0)
			assert_true(addr_ip_eq(&ip, &first));
		first = ip;
	}
	assert_int_equal(kit.tx.records[0].n_ias, 3);
}

/* --- relays --- */

static void
begin_relay(
    const char *link, const uint8_t *mac, const char *interface_id, size_t *ret_at)
{
	struct addr_ip peer = mac ? kit_link_local(mac) : kit_ip("fe80::77");
	struct addr_ip at = kit_ip(link);

	wbuf_u8(&packet.w, DHCP6_RELAY_FORW);
	wbuf_u8(&packet.w, 3);
	wbuf_bytes(&packet.w, at.b, 16);
	wbuf_bytes(&packet.w, peer.b, 16);
	if (interface_id)
		dhcp6_msg_put(&packet.w, DHCP6_OPT_INTERFACE_ID, interface_id,
		    strlen(interface_id));
	dhcp6_msg_put(&packet.w, DHCP6_OPT_REMOTE_ID, "\0\0\0\1port7", 9);
	*ret_at = dhcp6_msg_nest(&packet.w, DHCP6_OPT_RELAY_MSG);
}

static void
put_inner(const struct dhcp6_duid *d)
{
	dhcp6_msg_begin(&packet.w, DHCP6_SOLICIT, 0x777777);
	dhcp6_msg_put(&packet.w, DHCP6_OPT_CLIENTID, d->b, d->len);
	kit_put_ia(&packet, KIT_IAID, NULL);
}

static void
begin_packet(void)
{
	memset(&packet, 0, sizeof(packet));
	packet.w = wbuf_init(packet.data, sizeof(packet.data));
}

static bool
relayed(const char *from)
{
	return kit_handle_from(&kit, &packet, kit_ip(from), kit_ip("fd77::1"));
}

static void
one_relay(void **state)
{
	struct dhcp6_duid d = kit_duid_ll(kit_mac_other);
	struct rbuf id;
	size_t at;

	(void)state;
	begin_packet();
	begin_relay("fd88::1", kit_mac_other, "eth7", &at);
	put_inner(&d);
	dhcp6_msg_nest_end(&packet.w, at);
	assert_true(relayed("fd88::1"));
	assert_int_equal(kit.types[0], DHCP6_RELAY_REPL);
	assert_int_equal(kit.types[1], DHCP6_ADVERTISE);
	assert_int_equal(kit.reply.xid, 0x777777);
	assert_int_equal(kit.reply.relays[0].hops, 3);
	assert_memory_equal(kit.reply.relays[0].link, kit_ip("fd88::1").b, 16);
	id = dhcp6_msg_value(&kit.reply, kit.reply.relays[0].interface_id);
	assert_int_equal(rbuf_left(&id), 4);
	assert_memory_equal(rbuf_rest(&id), "eth7", 4);
	/* Not echoed: RFC 8415 19.3 asks for the interface alone. */
	assert_int_equal(kit.reply.relays[0].remote_id.code, 0);
	assert_int_equal(kit.tx.to_port, 547);
	assert_memory_equal(kit.tx.to.b, kit_ip("fd88::1").b, 16);
	assert_true(addr_ip_eq(&kit.tx.from, &kit.link.addrs[1]));
	assert_string_equal(detail(&kit.tx.seen, "link_address"), "fd88::1");
	assert_string_equal(detail(&kit.tx.seen, "interface_id"), "eth7");
	assert_non_null(strstr(detail(&kit.tx.seen, "remote_id"), "port7"));
	assert_string_equal(kit.tx.sent.mac, "52:54:00:99:00:09");
	assert_memory_equal(kit.tx.sent.ip, "fd88::1", 7);
}

static void
the_relays_neighbour_is_not_the_client(void **state)
{
	struct dhcp6_duid en = {.len = 8, .b = {0, 2, 0, 0, 1, 0x57, 7, 7}};
	struct dhcp6_server_rx rx = {.data = packet.data, .src = kit_ip("fe80::88")};
	size_t at;

	(void)state;
	kit.neighbour = kit_mac_edge;
	begin_packet();
	begin_relay("fd88::1", NULL, NULL, &at);
	put_inner(&en);
	dhcp6_msg_nest_end(&packet.w, at);
	rx.len = packet.w.len;
	assert_false(dhcp6_server_wants_neighbour(kit.server, &rx));
	assert_true(relayed("fe80::88"));
	assert_string_equal(kit.tx.seen.kind, "dhcp6.solicit");
	assert_string_equal(kit.tx.seen.host, "");
}

/* The innermost link-address that is not zero decides; option 79 of the innermost relay names the port. */
static void
relays_within_relays(void **state)
{
	struct dhcp6_duid d = kit_duid_ll(kit_mac_other);
	size_t outer, middle, inner;

	(void)state;
	begin_packet();
	begin_relay("fd77::5", NULL, "outer", &outer);
	begin_relay("fd88::1", NULL, NULL, &middle);
	wbuf_u8(&packet.w, DHCP6_RELAY_FORW);
	wbuf_zero(&packet.w, 33);
	dhcp6_msg_put(&packet.w, DHCP6_OPT_CLIENT_LINKLAYER, "\0\1\x52\x54\0\x77\0\1", 8);
	inner = dhcp6_msg_nest(&packet.w, DHCP6_OPT_RELAY_MSG);
	put_inner(&d);
	dhcp6_msg_nest_end(&packet.w, inner);
	dhcp6_msg_nest_end(&packet.w, middle);
	dhcp6_msg_nest_end(&packet.w, outer);
	assert_true(relayed("fd77::5"));
	assert_int_equal(kit.reply.n_relays, 3);
	assert_string_equal(kit.tx.seen.mac, "52:54:00:77:00:01");
	assert_string_equal(kit.tx.seen.host, "edge01.los");
	assert_memory_equal(
	    kit.tx.sent.ip, "fd88::1", 7); /* not fd77::11: another subnet */
	assert_int_equal(kit.types[3], DHCP6_ADVERTISE);
}

static void
relays_without_a_subnet(void **state)
{
	struct dhcp6_duid d = kit_duid_ll(kit_mac_other);
	size_t at;

	(void)state;
	begin_packet();
	begin_relay("2001:db8::1", kit_mac_other, NULL, &at);
	put_inner(&d);
	dhcp6_msg_nest_end(&packet.w, at);
	assert_false(relayed("2001:db8::1"));
	assert_ignored("no IPv6 subnet is configured for this relay");
	/* No link-address at all: the relay's own address counts, as `relay` of a subnet. */
	for (int known = 0; known < 2; known++) {
		begin_packet();
		begin_relay("::", kit_mac_other, NULL, &at);
		put_inner(&d);
		dhcp6_msg_nest_end(&packet.w, at);
		assert_int_equal(relayed(known ? "fd88::1" : "fd88::2"), known);
	}
	assert_memory_equal(kit.tx.sent.ip, "fd88::1", 7);
}

/* RFC 6221: a switch between the machine and us tells its port, and nothing of the link. */
static void
relays_on_the_link_itself(void **state)
{
	struct dhcp6_duid d = kit_duid_ll(kit_mac_edge);
	size_t at;

	(void)state;
	begin_packet();
	begin_relay("::", kit_mac_edge, "port7", &at);
	put_inner(&d);
	dhcp6_msg_nest_end(&packet.w, at);
	assert_true(kit_handle_from(
	    &kit, &packet, kit_link_local(kit_mac_edge), kit_ip("ff02::1:2")));
	assert_string_equal(kit.tx.seen.host, "edge01.los");
	assert_given("fd77::11", DHCP6_STATUS_SUCCESS);
	assert_int_equal(kit.types[0], DHCP6_RELAY_REPL);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(pxe_by_tftp_rule_4),
	    TEST(http_boot_rule_5),
	    TEST(ipxe_gets_its_script),
	    TEST(ipxe_gets_its_script_where_its_host_names_a_loader),
	    TEST(operating_systems_get_an_address_only),
	    TEST(local_boot_is_an_answer_rule_20),
	    TEST(urls_name_our_ports_and_encode_names),
	    TEST(without_an_address_of_ours_no_url),
	    TEST(hosts_are_found_by_uuid_in_both_orders),
	    TEST(a_strange_port_is_nobody_whatever_its_uuid),
	    TEST(two_hosts_of_one_uuid_are_nobody),
	    TEST(the_port_counts_more_than_the_duid),
	    TEST(what_was_learned_is_used),
	    TEST(the_neighbour_cache_finds_hosts),
	    TEST(the_neighbour_cache_is_asked_only_where_it_helps),
	    TEST(all_stages_get_one_address),
	    TEST(one_relay),
	    TEST(the_relays_neighbour_is_not_the_client),
	    TEST(relays_within_relays),
	    TEST(relays_without_a_subnet),
	    TEST(relays_on_the_link_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
