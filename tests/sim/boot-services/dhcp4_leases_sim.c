/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCPv4 leases in virtual time: clients that come, renew, reboot, release and decline in the world of
 * lease_sim.h, under an inventory that changes.
 *
 * What must hold in every schedule: no two clients believe at the same time that an address is theirs.
 * A client believes it from an ACK until the lease counted from its own REQUEST ends, or until it
 * releases, declines, reboots or is refused. */
#include "boot-services/lease_journal.h"
#include "tests/sim/boot-services/lease_sim.h"
#include "tests/unit/boot-services/dhcp4_kit.h"

enum { PATIENCE_S = 60, CLIENTS = 28, POOL = 14, SEEDS = 300, LEASE_S = 3600 };

enum client_state { CLIENT_OFF, CLIENT_SELECTING, CLIENT_REQUESTING, CLIENT_BOUND };

struct client {
	uint8_t mac[6];
	enum client_state state;
	uint32_t xid, ip, wanted;
	int64_t asked, until; /* virtual time */
};

/* Configuration and host table; the kit's own server is not used. */
static struct kit kit;
static struct dhcp4_server *server;
static struct client clients[CLIENTS];
static unsigned acks, naks;

/* --- clients --- */

static void
server_hears(const struct sim_datagram *d);

static void
client_sends(struct kit_packet *p, const struct client *c)
{
	struct sim_datagram d = {.to_server = true};

	kit_set_u32(p, 4, c->xid);
	kit_end(p);
	d.len = p->w.len;
	memcpy(d.data, p->data, p->w.len);
	sim_transmit(&d);
}

static void
discover(struct client *c)
{
	struct kit_packet p;

	c->state = CLIENT_SELECTING;
	c->asked = sim.now;
	c->xid = (uint32_t)rng_u64(&sim.rng);
	kit_begin(&p, c->mac, DHCP4_DISCOVER);
	if (sim_chance(50))
		dhcp4_msg_put_u32(&p.w, DHCP4_OPT_REQUESTED_IP,
		    KIT_POOL + (uint32_t)rng_below(&sim.rng, POOL));
	client_sends(&p, c);
}

/* How a REQUEST names its address (RFC 2131 table 4). */
static void
request(struct client *c, uint32_t ip, bool selecting, bool renewing)
{
	struct kit_packet p;

	c->wanted = ip;
	c->asked = sim.now;
	kit_begin(&p, c->mac, DHCP4_REQUEST);
	if (selecting)
		dhcp4_msg_put_u32(&p.w, DHCP4_OPT_SERVER_ID, KIT_SERVER);
	if (renewing)
		kit_set_ciaddr(&p, ip);
	else
		dhcp4_msg_put_u32(&p.w, DHCP4_OPT_REQUESTED_IP, ip);
	client_sends(&p, c);
}

/* A RELEASE or DECLINE is lost or arrives at once. One that arrived after the client's next REQUEST
 * would end a lease in use, and no server could tell: RFC 2131 has no answer to that. */
static void
give_up(struct client *c, enum dhcp4_type type)
{
	struct sim_datagram d = {.to_server = true};
	struct kit_packet p;

	kit_begin(&p, c->mac, type);
	dhcp4_msg_put_u32(&p.w, DHCP4_OPT_SERVER_ID, KIT_SERVER);
	if (type == DHCP4_RELEASE)
		kit_set_ciaddr(&p, c->ip);
	else
		dhcp4_msg_put_u32(&p.w, DHCP4_OPT_REQUESTED_IP, c->ip);
	c->state = CLIENT_OFF;
	c->until = 0;
	c->xid = (uint32_t)rng_u64(&sim.rng);
	kit_set_u32(&p, 4, c->xid);
	kit_end(&p);
	d.len = p.w.len;
	memcpy(d.data, p.data, p.w.len);
	if (sim_chance(80))
		server_hears(&d);
}

static void
client_acts(struct client *c)
{
	if (c->state == CLIENT_BOUND && c->until <= sim.now)
		c->state = CLIENT_OFF;
	switch (c->state) {
	case CLIENT_OFF:
	case CLIENT_SELECTING:
	case CLIENT_REQUESTING:
		if (c->ip != 0 &&
		    sim_chance(30)) { /* remembers its address: INIT-REBOOT */
			c->state = CLIENT_REQUESTING;
			c->xid = (uint32_t)rng_u64(&sim.rng);
			request(c, c->ip, false, false);
		} else {
			discover(c);
		}
		return;
	case CLIENT_BOUND:
		if (sim_chance(60)) {
			c->xid = (uint32_t)rng_u64(&sim.rng);
			request(c, c->ip, false, true);
		} else if (sim_chance(40)) {
			c->state = CLIENT_OFF; /* power cycle */
			c->until = 0;
		} else {
			give_up(c, sim_chance(90) ? DHCP4_RELEASE : DHCP4_DECLINE);
		}
		return;
	}
}

static void
take_address(struct client *c, uint32_t ip)
{
	for (size_t i = 0; i < CLIENTS; i++) {
		const struct client *o = &clients[i];

		if (o != c && o->state == CLIENT_BOUND && o->ip == ip &&
		    o->until > sim.now)
			fail_msg("seed %llu: 10.77.0.%u belongs to clients %zu and %zu",
			    (unsigned long long)sim.seed, ip & 255, i,
			    (size_t)(c - clients));
	}
	acks++;
	c->ip = ip;
	c->state = CLIENT_BOUND;
	c->until = c->asked + LEASE_S * USEC_PER_SEC;
}

static void
client_hears(const struct sim_datagram *d)
{
	static struct dhcp4_msg m;
	struct client *c = NULL;
	const char *why;

	assert_int_equal(dhcp4_msg_parse(d->data, d->len, &m, &why), 0);
	for (size_t i = 0; i < CLIENTS; i++) {
		if (memcmp(clients[i].mac, m.chaddr, 6) == 0 && clients[i].xid == m.xid)
			c = &clients[i];
	}
	if (!c || sim.now - c->asked > PATIENCE_S * USEC_PER_SEC)
		return; /* not for us, or of an exchange given up long ago */
	if (m.type == DHCP4_OFFER && c->state == CLIENT_SELECTING) {
		c->state = CLIENT_REQUESTING;
		request(c, m.yiaddr, true, false);
	} else if (m.type == DHCP4_ACK && m.yiaddr == c->wanted &&
		   (c->state == CLIENT_REQUESTING || c->state == CLIENT_BOUND)) {
		take_address(c, m.yiaddr);
	} else if (m.type == DHCP4_NAK &&
		   (c->state == CLIENT_REQUESTING || c->state == CLIENT_BOUND)) {
		naks++;
		c->state = CLIENT_OFF;
		c->ip = 0;
		c->until = 0;
	}
}

/* --- the server --- */

static void
server_hears(const struct sim_datagram *d)
{
	static struct dhcp4_server_tx tx;
	struct dhcp4_server_rx rx = {.data = d->data,
	    .len = d->len,
	    .dst_ip = 0xffffffff,
	    .src_port = 68,
	    .mono = sim_mono(),
	    .wall = sim.now};

	dhcp4_server_handle(server, &rx, &tx);
	event_done(&tx.seen);
	event_done(&tx.sent);
	event_done(&tx.extra);
	if (tx.has_record)
		line_journal_append(sim.journal, &tx.record);
	if (tx.reply)
		sim_reply(tx.data, tx.len, tx.durable_first);
}

static void
add_to_snapshot(void *arg, const struct dhcp4_lease_record *r, bool current)
{
	(void)arg;
	line_journal_snapshot(sim.journal, r, current);
}

static bool
snapshot(bool begin, size_t max)
{
	return dhcp4_server_walk(
	    server, begin, max, sim_mono(), sim.now, add_to_snapshot, NULL);
}

static void
restored(void *arg, const void *r)
{
	(void)arg;
	dhcp4_server_restore(server, r, sim_mono(), sim.now);
}

static void
start_server(void)
{
	server = dhcp4_server_new(&kit.cfg, &kit.table, rng_u64(&sim.rng));
	dhcp4_server_set_links(server, &kit.link, 1);
}

static void
stop_server(void)
{
	dhcp4_server_free(server);
}

/* The inventory changes under machines that hold leases: two hosts get, lose and exchange fixed addresses,
 * inside the pool and outside. */
static void
change_inventory(void)
{
	static const uint32_t choices[] = {0, KIT_FIXED, KIT_POOL + 3, KIT_POOL + 4};
	uint32_t a = choices[rng_below(&sim.rng, ARRAY_SIZE(choices))];
	uint32_t b = choices[rng_below(&sim.rng, ARRAY_SIZE(choices))];

	kit_add_host(&kit, "edge01.los", kit_mac_edge, 0, true);
	kit_add_host(&kit, "edge02.los", kit_mac_pool, 0, false);
	kit_add_host(&kit, "edge01.los", kit_mac_edge, a, true);
	kit_add_host(&kit, "edge02.los", kit_mac_pool, a != 0 && a == b ? 0 : b, false);
}

static void
act(void)
{
	client_acts(&clients[rng_below(&sim.rng, CLIENTS)]);
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
    .journal = &lease_journal_kind,
    .torn = "5f3a0c11 10.77.0.101 10.77.0.0 01-5254007700ff B -k 17640000",
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
	print_message("%u ACKs taken, %u NAKs\n", acks, naks);
	if (all)
		assert_true(acks > SEEDS && naks > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(no_address_has_two_owners)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
