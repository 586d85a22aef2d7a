/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCPv4 leases in virtual time: clients that come, renew, reboot, release and decline over a network
 * that loses, doubles and reorders, against a server that is killed at any instant, with a torn journal
 * tail, whose disk refuses writes now and then, and whose inventory changes.
 *
 * What must hold in every schedule: no two clients believe at the same time that an address is theirs.
 * A client believes it from an ACK until the lease counted from its own REQUEST ends, or until it
 * releases, declines, reboots or is refused. The server is the real one with the real journal; only
 * sockets and clocks are played. A failing seed is printed and can be run alone: SIM_SEED=N. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "boot-services/lease_journal.h"
#include "lib/rng.h"
#include "tests/unit/boot-services/dhcp4_kit.h"

enum {
	PATIENCE_S = 60,
	CLIENTS = 28,
	POOL = 14,
	NET_MAX = 256,
	STEPS = 3000,
	SEEDS = 300,
	LEASE_S = 3600
};

enum client_state { CLIENT_OFF, CLIENT_SELECTING, CLIENT_REQUESTING, CLIENT_BOUND };

struct client {
	uint8_t mac[6];
	enum client_state state;
	uint32_t xid, ip, wanted;
	int64_t asked, until; /* virtual time */
};

struct datagram {
	bool to_server;
	size_t len;
	uint8_t data[DHCP4_PACKET_MAX];
};

struct world {
	struct rng rng;
	uint64_t seed;
	struct kit
	    kit; /* configuration and host table; its server is replaced at every restart */
	struct dhcp4_server *server;
	struct line_journal *journal;
	char dir[40];
	int dirfd;
	int64_t now;	   /* virtual; the server's clocks derive from it */
	int64_t mono_base; /* a restart begins a new monotonic clock */
	struct client clients[CLIENTS];
	struct datagram net[NET_MAX], waiting[NET_MAX];
	size_t n_net, n_waiting;
	unsigned acks, naks, crashes, failures;
};

static struct world w;

static int64_t
mono(void)
{
	return w.now - w.mono_base + 5 * USEC_PER_SEC;
}

static bool
chance(uint64_t percent)
{
	return rng_below(&w.rng, 100) < percent;
}

/* --- the network --- */

static void
transmit(const struct datagram *d)
{
	if (chance(10) || w.n_net == NET_MAX)
		return;
	w.net[w.n_net++] = *d;
	if (chance(5) && w.n_net < NET_MAX)
		w.net[w.n_net++] = *d;
}

static void
client_sends(struct kit_packet *p, const struct client *c)
{
	struct datagram d = {.to_server = true};

	kit_set_u32(p, 4, c->xid);
	kit_end(p);
	d.len = p->w.len;
	memcpy(d.data, p->data, p->w.len);
	transmit(&d);
}

/* --- clients --- */

static void
server_hears(const struct datagram *d);

static void
discover(struct client *c)
{
	struct kit_packet p;

	c->state = CLIENT_SELECTING;
	c->asked = w.now;
	c->xid = (uint32_t)rng_u64(&w.rng);
	kit_begin(&p, c->mac, DHCP4_DISCOVER);
	if (chance(50))
		dhcp4_msg_put_u32(&p.w, DHCP4_OPT_REQUESTED_IP,
		    KIT_POOL + (uint32_t)rng_below(&w.rng, POOL));
	client_sends(&p, c);
}

/* How a REQUEST names its address (RFC 2131 table 4). */
static void
request(struct client *c, uint32_t ip, bool selecting, bool renewing)
{
	struct kit_packet p;

	c->wanted = ip;
	c->asked = w.now;
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
	struct datagram d = {.to_server = true};
	struct kit_packet p;

	kit_begin(&p, c->mac, type);
	dhcp4_msg_put_u32(&p.w, DHCP4_OPT_SERVER_ID, KIT_SERVER);
	if (type == DHCP4_RELEASE)
		kit_set_ciaddr(&p, c->ip);
	else
		dhcp4_msg_put_u32(&p.w, DHCP4_OPT_REQUESTED_IP, c->ip);
	c->state = CLIENT_OFF;
	c->until = 0;
	c->xid = (uint32_t)rng_u64(&w.rng);
	kit_set_u32(&p, 4, c->xid);
	kit_end(&p);
	d.len = p.w.len;
	memcpy(d.data, p.data, p.w.len);
	if (chance(80))
		server_hears(&d);
}

static void
client_acts(struct client *c)
{
	if (c->state == CLIENT_BOUND && c->until <= w.now)
		c->state = CLIENT_OFF;
	switch (c->state) {
	case CLIENT_OFF:
	case CLIENT_SELECTING:
	case CLIENT_REQUESTING:
		if (c->ip != 0 && chance(30)) { /* remembers its address: INIT-REBOOT */
			c->state = CLIENT_REQUESTING;
			c->xid = (uint32_t)rng_u64(&w.rng);
			request(c, c->ip, false, false);
		} else {
			discover(c);
		}
		return;
	case CLIENT_BOUND:
		if (chance(60)) {
			c->xid = (uint32_t)rng_u64(&w.rng);
			request(c, c->ip, false, true);
		} else if (chance(40)) {
			c->state = CLIENT_OFF; /* power cycle */
			c->until = 0;
		} else {
			give_up(c, chance(90) ? DHCP4_RELEASE : DHCP4_DECLINE);
		}
		return;
	}
}

static void
take_address(struct client *c, uint32_t ip)
{
	for (size_t i = 0; i < CLIENTS; i++) {
		const struct client *o = &w.clients[i];

		if (o != c && o->state == CLIENT_BOUND && o->ip == ip && o->until > w.now)
			fail_msg("seed %llu: 10.77.0.%u belongs to clients %zu and %zu",
			    (unsigned long long)w.seed, ip & 255, i,
			    (size_t)(c - w.clients));
	}
	w.acks++;
	c->ip = ip;
	c->state = CLIENT_BOUND;
	c->until = c->asked + LEASE_S * USEC_PER_SEC;
}

static void
client_hears(const struct datagram *d)
{
	static struct dhcp4_msg m;
	struct client *c = NULL;
	const char *why;

	assert_int_equal(dhcp4_msg_parse(d->data, d->len, &m, &why), 0);
	for (size_t i = 0; i < CLIENTS; i++) {
		if (memcmp(w.clients[i].mac, m.chaddr, 6) == 0 &&
		    w.clients[i].xid == m.xid)
			c = &w.clients[i];
	}
	if (!c || w.now - c->asked > PATIENCE_S * USEC_PER_SEC)
		return; /* not for us, or of an exchange given up long ago */
	if (m.type == DHCP4_OFFER && c->state == CLIENT_SELECTING) {
		c->state = CLIENT_REQUESTING;
		request(c, m.yiaddr, true, false);
	} else if (m.type == DHCP4_ACK && m.yiaddr == c->wanted &&
		   (c->state == CLIENT_REQUESTING || c->state == CLIENT_BOUND)) {
		take_address(c, m.yiaddr);
	} else if (m.type == DHCP4_NAK &&
		   (c->state == CLIENT_REQUESTING || c->state == CLIENT_BOUND)) {
		w.naks++;
		c->state = CLIENT_OFF;
		c->ip = 0;
		c->until = 0;
	}
}

/* --- the server --- */

static void
server_hears(const struct datagram *d)
{
	static struct dhcp4_server_tx tx;
	struct dhcp4_server_rx rx = {.data = d->data,
	    .len = d->len,
	    .dst_ip = 0xffffffff,
	    .src_port = 68,
	    .mono = mono(),
	    .wall = w.now};
	struct datagram reply = {.to_server = false};

	dhcp4_server_handle(w.server, &rx, &tx);
	event_done(&tx.seen);
	event_done(&tx.sent);
	event_done(&tx.extra);
	if (tx.has_record)
		line_journal_append(w.journal, &tx.record);
	if (!tx.reply)
		return;
	reply.len = tx.len;
	memcpy(reply.data, tx.data, tx.len);
	if (!tx.durable_first)
		transmit(&reply);
	else if (w.n_waiting < NET_MAX)
		w.waiting[w.n_waiting++] = reply;
}

static void
add_to_snapshot(void *arg, const struct dhcp4_lease_record *r)
{
	(void)arg;
	line_journal_snapshot(w.journal, r);
}

static void
limit_file_size(rlim_t size)
{
	struct rlimit l;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
	l.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static off_t
journal_size(void)
{
	struct stat st;

	assert_int_equal(fstatat(w.dirfd, "leases4", &st, 0), 0);
	return st.st_size;
}

/* One group commit; with `full`, on a disk that takes a few octets more and then none. */
static void
commit(bool full)
{
	int r;

	if (!line_journal_is_pending(w.journal))
		return;
	line_journal_seal(w.journal);
	if (line_journal_wants_snapshot(w.journal))
		dhcp4_server_each_record(w.server, mono(), w.now, add_to_snapshot, NULL);
	if (full)
		limit_file_size((rlim_t)journal_size() + rng_below(&w.rng, 100));
	r = line_journal_write(w.journal);
	limit_file_size(RLIM_INFINITY);
	for (size_t i = 0; r == 0 && i < w.n_waiting; i++)
		transmit(&w.waiting[i]);
	w.failures += r < 0;
	w.n_waiting = 0;
}

static void
restored(void *arg, const void *r)
{
	(void)arg;
	dhcp4_server_restore(w.server, r, mono(), w.now);
}

static void
start_server(void)
{
	struct line_journal_replay seen;

	w.mono_base = w.now;
	w.server = dhcp4_server_new(&w.kit.cfg, &w.kit.table, rng_u64(&w.rng));
	dhcp4_server_set_links(w.server, &w.kit.link, 1);
	assert_int_equal(line_journal_open(&lease_journal_kind, w.dirfd, (uid_t)-1,
			     (gid_t)-1, restored, NULL, &w.journal, &seen, NULL),
	    0);
}

/* SIGKILL or power loss: what was not committed is gone, or partly on the disk. */
static void
crash(void)
{
	static const char torn[] =
	    "5f3a0c11 10.77.0.101 10.77.0.0 01-5254007700ff B -k 17640000";
	int fd = openat(w.dirfd, "leases4", O_WRONLY | O_APPEND);

	w.crashes++;
	if (chance(50)) {
		size_t n = rng_below(&w.rng, sizeof(torn));

		assert_int_equal(write(fd, torn, n), n);
	}
	close(fd);
	line_journal_close(w.journal);
	dhcp4_server_free(w.server);
	w.n_waiting = 0;
	start_server();
}

/* The inventory changes under machines that hold leases: two hosts get, lose and exchange fixed addresses,
 * inside the pool and outside. */
static void
change_inventory(void)
{
	static const uint32_t choices[] = {0, KIT_FIXED, KIT_POOL + 3, KIT_POOL + 4};
	uint32_t a = choices[rng_below(&w.rng, ARRAY_SIZE(choices))];
	uint32_t b = choices[rng_below(&w.rng, ARRAY_SIZE(choices))];

	kit_add_host(&w.kit, "edge01.los", kit_mac_edge, 0, true);
	kit_add_host(&w.kit, "edge02.los", kit_mac_pool, 0, false);
	kit_add_host(&w.kit, "edge01.los", kit_mac_edge, a, true);
	kit_add_host(&w.kit, "edge02.los", kit_mac_pool, a != 0 && a == b ? 0 : b, false);
}

/* --- schedules --- */

static void
deliver(void)
{
	struct datagram d;
	size_t i;

	if (w.n_net == 0)
		return;
	i = rng_below(&w.rng, w.n_net); /* any order */
	d = w.net[i];
	w.net[i] = w.net[--w.n_net];
	if (d.to_server)
		server_hears(&d);
	else
		client_hears(&d);
}

static void
step(void)
{
	uint64_t n = rng_below(&w.rng, 1000);

	if (n < 700)
		deliver();
	else if (n < 800)
		client_acts(&w.clients[rng_below(&w.rng, CLIENTS)]);
	else if (n < 900)
		commit(false);
	else if (n < 910)
		commit(true);
	else if (n < 980)
		w.now += (int64_t)rng_below(&w.rng, 3 * USEC_PER_SEC);
	else if (n < 985)
		w.now += (int64_t)rng_below(&w.rng, 4000 * USEC_PER_SEC);
	else if (n < 990)
		change_inventory();
	else
		crash();
}

static void
begin(uint64_t seed)
{
	memset(&w, 0, sizeof(w));
	w.seed = seed;
	w.rng = rng_seeded(seed);
	w.now = 1764000000 * USEC_PER_SEC;
	kit_start(&w.kit, POOL);
	/* In memory where that is possible: a thousand flushes must not wait for a disk. */
	strcpy(w.dir, "/dev/shm/dhcp4_leases_sim.XXXXXX");
	if (!mkdtemp(w.dir)) {
		strcpy(w.dir, "/tmp/dhcp4_leases_sim.XXXXXX");
		assert_non_null(mkdtemp(w.dir));
	}
	w.dirfd = open(w.dir, O_RDONLY | O_DIRECTORY);
	assert_true(w.dirfd >= 0);
	for (size_t i = 0; i < CLIENTS; i++) {
		const uint8_t mac[6] = {0x52, 0x54, 0, 0x99, 0, (uint8_t)i};

		memcpy(w.clients[i].mac,
		    i == 0   ? kit_mac_edge
		    : i == 1 ? kit_mac_pool
			     : mac,
		    6);
	}
	start_server();
}

static void
end(void)
{
	line_journal_close(w.journal);
	dhcp4_server_free(w.server);
	unlinkat(w.dirfd, "leases4", 0);
	close(w.dirfd);
	rmdir(w.dir);
	kit_stop(&w.kit);
}

static void
no_address_has_two_owners(void **state)
{
	const char *one = getenv("SIM_SEED");
	uint64_t first = one ? strtoull(one, NULL, 10) : 1, last = one ? first : SEEDS;
	unsigned acks = 0, naks = 0, crashes = 0, failures = 0;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	for (uint64_t seed = first; seed <= last; seed++) {
		begin(seed);
		for (int i = 0; i < STEPS; i++)
			step();
		acks += w.acks;
		naks += w.naks;
		crashes += w.crashes;
		failures += w.failures;
		end();
	}
	print_message("%u ACKs taken, %u NAKs, %u crashes, %u refused writes\n", acks,
	    naks, crashes, failures);
	if (!one)
		assert_true(acks > SEEDS && naks > 0 && crashes > SEEDS && failures > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(no_address_has_two_owners)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
