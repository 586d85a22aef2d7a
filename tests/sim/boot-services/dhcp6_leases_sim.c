/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DHCPv6 leases in virtual time: machines that come, renew, rebind, reboot, release and decline over a network
 * that loses, doubles and reorders, each with two identity associations and other IAIDs after every boot,
 * against a server that is killed at any instant, with a torn journal tail, whose disk refuses writes now and
 * then, and whose inventory changes.
 *
 * What must hold in every schedule: no two machines believe at the same time that an address is theirs. A
 * machine believes it from a REPLY, for that association, until the lease counted from its own message ends, or
 * until it releases, declines or reboots. The server is the real one with the real journal; only sockets and
 * clocks are played. A failing seed is printed and can be run alone: SIM_SEED=N. */
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

#include "boot-services/dhcp6_journal.h"
#include "lib/rng.h"
#include "tests/unit/boot-services/dhcp6_kit.h"

enum {
	PATIENCE_S = 60,
	CLIENTS = 24,
	IAS = 2,
	POOL = 14,
	NET_MAX = 256,
	STEPS = 3000,
	SEEDS = 100,
	LEASE_S = 3600
};

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

struct datagram {
	bool to_server;
	size_t len;
	uint8_t data[DHCP6_PACKET_MAX];
};

struct world {
	struct rng rng;
	uint64_t seed;
	struct kit
	    kit; /* configuration and host table; its server is replaced at every restart */
	struct dhcp6_server *server;
	struct line_journal *journal;
	char dir[40];
	int dirfd;
	int64_t now;	   /* virtual; the server's clocks derive from it */
	int64_t mono_base; /* a restart begins a new monotonic clock */
	struct client clients[CLIENTS];
	struct datagram net[NET_MAX], waiting[NET_MAX];
	size_t n_net, n_waiting;
	unsigned replies, refusals, releases, crashes, failures;
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

/* --- clients --- */

static void
server_hears(const struct datagram *d);

/* A message about one association; `at_once`: lost or heard now. */
static void
send_ia(const struct client *c, struct ia *ia, enum dhcp6_type type, bool at_once)
{
	bool names_server = type != DHCP6_SOLICIT && type != DHCP6_REBIND;
	struct datagram d = {.to_server = true};
	static struct kit_packet p;

	ia->xid = (uint32_t)rng_u64(&w.rng) & 0xffffff;
	ia->asked = w.now;
	kit_begin_client(&p, type, c->mac);
	p.data[1] = (uint8_t)(ia->xid >> 16);
	p.data[2] = (uint8_t)(ia->xid >> 8);
	p.data[3] = (uint8_t)ia->xid;
	if (names_server)
		kit_put_server(&w.kit, &p);
	kit_put_ia(&p, ia->iaid, ia->ip.family ? &ia->ip : NULL);
	d.len = p.w.len;
	memcpy(d.data, p.data, p.w.len);
	if (!at_once)
		transmit(&d);
	else if (chance(80))
		server_hears(&d);
}

static void
forget(struct ia *ia)
{
	ia->state = IA_OFF;
	ia->until = 0;
	ia->xid = (uint32_t)rng_u64(&w.rng) & 0xffffff;
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
	w.releases++;
	send_ia(c, &old, type, true);
}

static void
ia_acts(struct client *c, struct ia *ia)
{
	if (ia->state == IA_BOUND && ia->until <= w.now)
		ia->state = IA_OFF;
	switch (ia->state) {
	case IA_OFF:
		ia->iaid =
		    (uint32_t)(rng_below(&w.rng, 1000) * IAS + (uint64_t)(ia - c->ias));
		/* fall through */
	case IA_SOLICITING:
	case IA_ASKING:
		ia->state = chance(40) && ia->ip.family ? IA_ASKING : IA_SOLICITING;
		send_ia(
		    c, ia, ia->state == IA_ASKING ? DHCP6_REBIND : DHCP6_SOLICIT, false);
		return;
	case IA_BOUND:
		if (chance(60))
			send_ia(c, ia, chance(50) ? DHCP6_RENEW : DHCP6_REBIND, false);
		else if (chance(40))
			forget(ia); /* power cycle */
		else
			give_up(c, ia, chance(90) ? DHCP6_RELEASE : DHCP6_DECLINE);
		return;
	}
}

static void
take_address(struct client *c, struct ia *ia, const struct addr_ip *ip)
{
	char text[ADDR_IP_TEXT];

	for (size_t i = 0; i < CLIENTS * IAS; i++) {
		const struct client *other = &w.clients[i / IAS];
		const struct ia *o = &other->ias[i % IAS];

		if (other != c && o->state == IA_BOUND && addr_ip_eq(&o->ip, ip) &&
		    o->until > w.now)
			fail_msg("seed %llu: %s belongs to clients %zu and %zu",
			    (unsigned long long)w.seed,
			    addr_ip_text(ip, text, sizeof(text)), i / IAS,
			    (size_t)(c - w.clients));
	}
	w.replies++;
	ia->ip = *ip;
	ia->state = IA_BOUND;
	ia->until = ia->asked + LEASE_S * USEC_PER_SEC;
}

static void
ia_hears(struct client *c, struct ia *ia)
{
	uint16_t status;
	struct addr_ip ip = kit_given(&w.kit, &status);

	if (w.kit.reply.type == DHCP6_ADVERTISE && ia->state == IA_SOLICITING) {
		if (!addr_ip_is_set(&ip))
			return;
		ia->state = IA_ASKING;
		ia->ip = ip;
		send_ia(c, ia, DHCP6_REQUEST, false);
	} else if (w.kit.reply.type == DHCP6_REPLY &&
		   (ia->state == IA_ASKING || ia->state == IA_BOUND)) {
		if (addr_ip_is_set(&ip)) {
			take_address(c, ia, &ip);
			return;
		}
		w.refusals++;
		forget(ia);
		ia->ip = (struct addr_ip){.family = 0};
	}
}

static void
client_hears(const struct datagram *d)
{
	memcpy(w.kit.tx.data, d->data, d->len);
	w.kit.tx.len = d->len;
	assert_true(kit_parse_reply(&w.kit));
	for (size_t i = 0; i < CLIENTS * IAS; i++) {
		struct ia *ia = &w.clients[i / IAS].ias[i % IAS];

		if (ia->xid == w.kit.reply.xid &&
		    w.now - ia->asked <= PATIENCE_S * USEC_PER_SEC) {
			ia_hears(&w.clients[i / IAS], ia);
			return;
		}
	}
}

/* --- the server --- */

static void
server_hears(const struct datagram *d)
{
	static struct dhcp6_server_tx tx;
	struct dhcp6_server_rx rx = {.data = d->data,
	    .len = d->len,
	    .src = kit_ip("fe80::99"),
	    .dst = kit_ip("ff02::1:2"),
	    .src_port = 546,
	    .mono = mono(),
	    .wall = w.now};
	struct datagram reply = {.to_server = false};

	dhcp6_server_handle(w.server, &rx, &tx);
	event_done(&tx.seen);
	event_done(&tx.sent);
	for (size_t i = 0; i < tx.n_records; i++)
		line_journal_append(w.journal, &tx.records[i]);
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
add_to_snapshot(void *arg, const struct dhcp6_lease_record *r)
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

	assert_int_equal(fstatat(w.dirfd, "leases6", &st, 0), 0);
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
		dhcp6_server_each_record(w.server, mono(), w.now, add_to_snapshot, NULL);
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
	dhcp6_server_restore(w.server, r, mono(), w.now);
}

static void
start_server(void)
{
	struct line_journal_replay seen;

	w.mono_base = w.now;
	w.server =
	    dhcp6_server_new(&w.kit.cfg, &w.kit.table, &w.kit.duid, rng_u64(&w.rng));
	dhcp6_server_set_links(w.server, &w.kit.link, 1);
	assert_int_equal(line_journal_open(&dhcp6_journal_kind, w.dirfd, (uid_t)-1,
			     (gid_t)-1, restored, NULL, &w.journal, &seen, NULL),
	    0);
}

/* SIGKILL or power loss: what was not committed is gone, or partly on the disk. */
static void
crash(void)
{
	static const char torn[] =
	    "5f3a0c11 fd77::101 fd77:: m-5254007700ff - B -k- 17640000";
	int fd = openat(w.dirfd, "leases6", O_WRONLY | O_APPEND);

	w.crashes++;
	if (chance(50)) {
		size_t n = rng_below(&w.rng, sizeof(torn));

		assert_int_equal(write(fd, torn, n), n);
	}
	close(fd);
	line_journal_close(w.journal);
	dhcp6_server_free(w.server);
	w.n_waiting = 0;
	start_server();
}

/* The inventory changes under machines that hold leases: two hosts get, lose and exchange fixed addresses,
 * inside the pool and outside. */
static void
change_inventory(void)
{
	static const char *const choices[] = {NULL, "fd77::11", "fd77::103", "fd77::104"};
	const char *a = choices[rng_below(&w.rng, ARRAY_SIZE(choices))];
	const char *b = choices[rng_below(&w.rng, ARRAY_SIZE(choices))];

	kit_add_host(&w.kit, "edge01.los", kit_mac_edge, NULL, "", true);
	kit_add_host(&w.kit, "edge02.los", kit_mac_pool, NULL, "", false);
	kit_add_host(&w.kit, "edge01.los", kit_mac_edge, a, "", true);
	kit_add_host(
	    &w.kit, "edge02.los", kit_mac_pool, a && a == b ? NULL : b, "", false);
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
act(void)
{
	struct client *c = &w.clients[rng_below(&w.rng, CLIENTS)];

	ia_acts(c, &c->ias[rng_below(&w.rng, IAS)]);
}

static void
step(void)
{
	uint64_t n = rng_below(&w.rng, 1000);

	if (n < 700)
		deliver();
	else if (n < 800)
		act();
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
	strcpy(w.dir, "/dev/shm/dhcp6_leases_sim.XXXXXX");
	if (!mkdtemp(w.dir)) {
		strcpy(w.dir, "/tmp/dhcp6_leases_sim.XXXXXX");
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
	dhcp6_server_free(w.server);
	unlinkat(w.dirfd, "leases6", 0);
	close(w.dirfd);
	rmdir(w.dir);
	kit_stop(&w.kit);
}

static void
no_address_has_two_owners(void **state)
{
	const char *one = getenv("SIM_SEED");
	uint64_t first = one ? strtoull(one, NULL, 10) : 1, last = one ? first : SEEDS;
	unsigned replies = 0, refusals = 0, releases = 0, crashes = 0, failures = 0;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	for (uint64_t seed = first; seed <= last; seed++) {
		begin(seed);
		for (int i = 0; i < STEPS; i++)
			step();
		replies += w.replies;
		refusals += w.refusals;
		releases += w.releases;
		crashes += w.crashes;
		failures += w.failures;
		end();
	}
	print_message("%u leases taken, %u refused, %u given up, %u crashes, %u refused "
		      "writes\n",
	    replies, refusals, releases, crashes, failures);
	if (!one)
		assert_true(replies > SEEDS && refusals > 0 && releases > SEEDS &&
			    crashes > SEEDS && failures > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(no_address_has_two_owners)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
