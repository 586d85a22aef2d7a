/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCPv6 leases in virtual time: machines that come, renew, rebind, reboot, release and decline in the world of
 * lease_sim.h, each with two identity associations and other IAIDs after every boot, under an inventory that
 * changes.
 *
 * What must hold in every schedule: no two machines believe at the same time that an address is theirs. A
 * machine believes it from a REPLY, for that association, until the lease counted from its own message ends, or
 * until it releases, declines or reboots. */
#include "boot-services/dhcp6_journal.h"
#include "tests/sim/boot-services/lease_sim.h"
#include "tests/unit/boot-services/dhcp6_kit.h"

enum { PATIENCE_S = 60, CLIENTS = 24, IAS = 2, POOL = 14, SEEDS = 100, LEASE_S = 3600 };

enum ia_state { IA_OFF, IA_SOLICITING, IA_ASKING, IA_BOUND };

struct ia {
	enum ia_state state;
	uint32_t xid, iaid;
	struct addr_ip ip;    /* unset: never had one */
	int64_t asked, until; /* virtual time */
};

struct client {
	uint8_t mac[6];
	struct ia ias[IAS];
};

/* Configuration and host table; the kit's own server is not used. */
static struct kit kit;
static struct dhcp6_server *server;
static struct client clients[CLIENTS];
static unsigned replies, refusals, releases;

/* --- clients --- */

static void
server_hears(const struct sim_datagram *d);

/* A message about one association; `at_once`: lost or heard now. */
static void
send_ia(const struct client *c, struct ia *ia, enum dhcp6_type type, bool at_once)
{
	bool names_server = type != DHCP6_SOLICIT && type != DHCP6_REBIND;
	struct sim_datagram d = {.to_server = true};
	static struct kit_packet p;

	ia->xid = (uint32_t)rng_u64(&sim.rng) & 0xffffff;
	ia->asked = sim.now;
	kit_begin_client(&p, type, c->mac);
	p.data[1] = (uint8_t)(ia->xid >> 16);
	p.data[2] = (uint8_t)(ia->xid >> 8);
	p.data[3] = (uint8_t)ia->xid;
	if (names_server)
		kit_put_server(&kit, &p);
	kit_put_ia(&p, ia->iaid, ia->ip.family ? &ia->ip : NULL);
	d.len = p.w.len;
	memcpy(d.data, p.data, p.w.len);
	if (!at_once)
		sim_transmit(&d);
	else if (sim_chance(80))
		server_hears(&d);
}

static void
forget(struct ia *ia)
{
	ia->state = IA_OFF;
	ia->until = 0;
	ia->xid = (uint32_t)rng_u64(&sim.rng) & 0xffffff;
}

/* A RELEASE or DECLINE is lost or arrives at once: one that arrived after the client's next REQUEST would end a
 * lease in use, and no server could tell. Who declines stops using the address altogether. */
static void
give_up(struct client *c, struct ia *ia, enum dhcp6_type type)
{
	struct ia old = *ia;

	for (size_t i = 0; i < IAS; i++) {
		if (type == DHCP6_DECLINE && addr_ip_eq(&c->ias[i].ip, &old.ip))
			forget(&c->ias[i]);
	}
	forget(ia);
	releases++;
	send_ia(c, &old, type, true);
}

static void
ia_acts(struct client *c, struct ia *ia)
{
	if (ia->state == IA_BOUND && ia->until <= sim.now)
		ia->state = IA_OFF;
	switch (ia->state) {
	case IA_OFF:
		ia->iaid =
		    (uint32_t)(rng_below(&sim.rng, 1000) * IAS + (uint64_t)(ia - c->ias));
		/* fall through */
	case IA_SOLICITING:
	case IA_ASKING:
		ia->state = sim_chance(40) && ia->ip.family ? IA_ASKING : IA_SOLICITING;
		send_ia(
		    c, ia, ia->state == IA_ASKING ? DHCP6_REBIND : DHCP6_SOLICIT, false);
		return;
	case IA_BOUND:
		if (sim_chance(60))
			send_ia(
			    c, ia, sim_chance(50) ? DHCP6_RENEW : DHCP6_REBIND, false);
		else if (sim_chance(40))
			forget(ia); /* power cycle */
		else
			give_up(c, ia, sim_chance(90) ? DHCP6_RELEASE : DHCP6_DECLINE);
		return;
	}
}

static void
take_address(struct client *c, struct ia *ia, const struct addr_ip *ip)
{
	char text[ADDR_IP_TEXT];

	for (size_t i = 0; i < CLIENTS * IAS; i++) {
		const struct client *other = &clients[i / IAS];
		const struct ia *o = &other->ias[i % IAS];

		if (other != c && o->state == IA_BOUND && addr_ip_eq(&o->ip, ip) &&
		    o->until > sim.now)
			fail_msg("seed %llu: %s belongs to clients %zu and %zu",
			    (unsigned long long)sim.seed,
			    addr_ip_text(ip, text, sizeof(text)), i / IAS,
			    (size_t)(c - clients));
	}
	replies++;
	ia->ip = *ip;
	ia->state = IA_BOUND;
	ia->until = ia->asked + LEASE_S * USEC_PER_SEC;
}

static void
ia_hears(struct client *c, struct ia *ia)
{
	uint16_t status;
	struct addr_ip ip = kit_given(&kit, &status);

	if (kit.reply.type == DHCP6_ADVERTISE && ia->state == IA_SOLICITING) {
		if (!addr_ip_is_set(&ip))
			return;
		ia->state = IA_ASKING;
		ia->ip = ip;
		send_ia(c, ia, DHCP6_REQUEST, false);
	} else if (kit.reply.type == DHCP6_REPLY &&
		   (ia->state == IA_ASKING || ia->state == IA_BOUND)) {
		if (addr_ip_is_set(&ip)) {
			take_address(c, ia, &ip);
			return;
		}
		refusals++;
		forget(ia);
		ia->ip = (struct addr_ip){.family = 0};
	}
}

static void
client_hears(const struct sim_datagram *d)
{
	memcpy(kit.tx.data, d->data, d->len);
	kit.tx.len = d->len;
	assert_true(kit_parse_reply(&kit));
	for (size_t i = 0; i < CLIENTS * IAS; i++) {
		struct ia *ia = &clients[i / IAS].ias[i % IAS];

		if (ia->xid == kit.reply.xid &&
		    sim.now - ia->asked <= PATIENCE_S * USEC_PER_SEC) {
			ia_hears(&clients[i / IAS], ia);
			return;
		}
	}
}

/* --- the server --- */

static void
server_hears(const struct sim_datagram *d)
{
	static struct dhcp6_server_tx tx;
	struct dhcp6_server_rx rx = {.data = d->data,
	    .len = d->len,
	    .src = kit_ip("fe80::99"),
	    .dst = kit_ip("ff02::1:2"),
	    .src_port = 546,
	    .mono = sim_mono(),
	    .wall = sim.now};

	dhcp6_server_handle(server, &rx, &tx);
	event_done(&tx.seen);
	event_done(&tx.sent);
	for (size_t i = 0; i < tx.n_records; i++)
		line_journal_append(sim.journal, &tx.records[i]);
	if (tx.reply)
		sim_reply(tx.data, tx.len, tx.durable_first);
}

static void
add_to_snapshot(void *arg, const struct dhcp6_lease_record *r, bool current)
{
	(void)arg;
	line_journal_snapshot(sim.journal, r, current);
}

static bool
snapshot(bool begin, size_t max)
{
	return dhcp6_server_walk(
	    server, begin, max, sim_mono(), sim.now, add_to_snapshot, NULL);
}

static void
restored(void *arg, const void *r)
{
	(void)arg;
	dhcp6_server_restore(server, r, sim_mono(), sim.now);
}

static void
start_server(void)
{
	server = dhcp6_server_new(&kit.cfg, &kit.table, &kit.duid, rng_u64(&sim.rng));
	dhcp6_server_set_links(server, &kit.link, 1);
}

static void
stop_server(void)
{
	dhcp6_server_free(server);
}

/* The inventory changes under machines that hold leases: two hosts get, lose and exchange fixed addresses,
 * inside the pool and outside. */
static void
change_inventory(void)
{
	static const char *const choices[] = {NULL, "fd77::11", "fd77::103", "fd77::104"};
	const char *a = choices[rng_below(&sim.rng, ARRAY_SIZE(choices))];
	const char *b = choices[rng_below(&sim.rng, ARRAY_SIZE(choices))];

	kit_add_host(&kit, "edge01.los", kit_mac_edge, NULL, "", true);
	kit_add_host(&kit, "edge02.los", kit_mac_pool, NULL, "", false);
	kit_add_host(&kit, "edge01.los", kit_mac_edge, a, "", true);
	kit_add_host(&kit, "edge02.los", kit_mac_pool, a && a == b ? NULL : b, "", false);
}

static void
act(void)
{
	struct client *c = &clients[rng_below(&sim.rng, CLIENTS)];

	ia_acts(c, &c->ias[rng_below(&sim.rng, IAS)]);
}

static void
begin(void)
{
	kit_start(&kit, POOL);
	memset(clients, 0, sizeof(clients));
	for (size_t i = 0; i < CLIENTS; i++) {
		const uint8_t mac[6] = {0x52, 0x54, 0, 0x99, 0, (uint8_t)i};

		memcpy(clients[i].mac,
		    i == 0   ? kit_mac_edge
		    : i == 1 ? kit_mac_pool
			     : mac,
		    6);
	}
}

static void
end(void)
{
	kit_stop(&kit);
}

static const struct sim_family family = {
    .journal = &dhcp6_journal_kind,
    .torn = "5f3a0c11 fd77::101 fd77:: m-5254007700ff - B -k- 17640000",
    .begin = begin,
    .end = end,
    .start_server = start_server,
    .stop_server = stop_server,
    .restore = restored,
    .snapshot = snapshot,
    .server_hears = server_hears,
    .client_hears = client_hears,
    .client_acts = act,
    .change_inventory = change_inventory,
};

static void
no_address_has_two_owners(void **state)
{
	bool all = sim_run(&family, SEEDS);

	(void)state;
	print_message(
	    "%u leases taken, %u refused, %u given up\n", replies, refusals, releases);
	if (all)
		assert_true(replies > SEEDS && refusals > 0 && releases > SEEDS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(no_address_has_two_owners)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
