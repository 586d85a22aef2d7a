/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of DHCPv4 leases: who has which address until when. Pure: time comes in
 * (microseconds of a clock that never jumps), nothing is written here; lease_journal.c
 * makes it durable.
 *
 * One record per address and at most one current record per client and subnet. A client
 * keeps its address: a record that has run out stays the client's until the pool needs
 * the address for another (the longest free one first). */
#ifndef BOOT_SERVICES_DHCP4_LEASE_H
#define BOOT_SERVICES_DHCP4_LEASE_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "boot-services/dhcp4_class.h"

enum {
	DHCP4_LEASE_RECORDS_MAX = 1 << 20,
	DHCP4_LEASE_OFFER_US = 10 * 1000 * 1000, /* an offer nobody took is free again */
};
#define DHCP4_LEASE_DECLINE_US \
	(600 * USEC_PER_SEC) /* a pool address in conflict rests \
						     */
#define DHCP4_LEASE_DECLINE_FIXED_US (60 * USEC_PER_SEC) /* … a fixed one, for less */

enum dhcp4_lease_state {
	DHCP4_LEASE_FREE,     /* may be given to anyone; remembers its last client */
	DHCP4_LEASE_OFFERED,  /* promised for a moment, in memory only */
	DHCP4_LEASE_BOUND,    /* acknowledged */
	DHCP4_LEASE_DECLINED, /* somebody else was seen using it */
};

/* What a client is known by: which subnet (its network address) and which hardware
 * address. */
struct dhcp4_lease_client {
	uint32_t subnet;
	struct dhcp4_class_key key;
};

struct dhcp4_lease {
	uint32_t ip;
	enum dhcp4_lease_state state;
	bool fixed;	 /* from the host table, not from the pool */
	bool current;	 /* this is where the client's next request leads */
	bool known;	 /* the client is in the host table (pool shares) */
	int64_t expires; /* meaningless when FREE */
	int64_t length;	 /* of the lease or the rest, microseconds */
	struct dhcp4_lease_client client; /* key.len 0: nobody */

	/* Where the client is in its boot; forgotten on restart. */
	int64_t loader_at;	 /* a loader was handed out, or 0 */
	int64_t discover_at;	 /* last DISCOVER, or 0 */
	enum policy_class class; /* of that DISCOVER */
	bool chained;	/* the exchange under way began within 120 s of a loader */
	uint16_t retry; /* DISCOVERs of the same class within 70 s */

	/* Private to dhcp4_lease.c. */
	struct dhcp4_lease_pool *pool;
	size_t heap_at;
	struct dhcp4_lease *prev, *next;
	UT_hash_handle by_ip, by_client;
};

/* What of a lease is durable; `until` is wall time. */
struct dhcp4_lease_record {
	struct dhcp4_lease_client client;
	uint32_t ip;
	enum dhcp4_lease_state state; /* BOUND, FREE (released) or DECLINED */
	bool fixed, known;
	int64_t until, length; /* microseconds */
};

/* The addresses that may be given out on a subnet; first 0: only fixed ones. */
struct dhcp4_lease_range {
	uint32_t subnet, first, last;
	/* Addresses of the range that must not be given out: fixed ones of other hosts,
	 * our own. */
	bool (*avoid)(const void *arg, uint32_t ip);
	const void *arg;
};

struct dhcp4_lease_table;

/* `seed` is secret: it keeps hostile clients from choosing addresses that collide. */
struct dhcp4_lease_table *
dhcp4_lease_new(uint64_t seed);
void
dhcp4_lease_free(struct dhcp4_lease_table *t);
size_t
dhcp4_lease_count(const struct dhcp4_lease_table *t);

/* Frees at most `max` of what has run out by `now`. */
void
dhcp4_lease_tick(struct dhcp4_lease_table *t, int64_t now, size_t max);

/* Borrowed; NULL when there is none. */
struct dhcp4_lease *
dhcp4_lease_by_client(
    const struct dhcp4_lease_table *t, const struct dhcp4_lease_client *c);
struct dhcp4_lease *
dhcp4_lease_by_ip(const struct dhcp4_lease_table *t, uint32_t ip);

/* Reserves an address for a client as OFFERED, or finds the one it has (a BOUND one stays
 * so). _fixed: that address. -EADDRINUSE while another client holds it, unless `evict`
 * says that the holder may be put out (it is the same host, or nobody's any more).
 * _wanted: that address of the pool. -EADDRNOTAVAIL outside the pool, -EADDRINUSE.
 * _any: the client's own, else `wanted` if it is free, else the longest free one.
 * -ENOSPC. Unknown clients may hold seven eighths of a pool; offers to them a quarter,
 * then the oldest offer is taken back. All: -ENOMEM above DHCP4_LEASE_RECORDS_MAX
 * records. */
int
dhcp4_lease_fixed(struct dhcp4_lease_table *t, const struct dhcp4_lease_client *c,
    uint32_t ip, bool evict, int64_t now, struct dhcp4_lease **ret) MUST_CHECK;
int
dhcp4_lease_wanted(struct dhcp4_lease_table *t, const struct dhcp4_lease_range *range,
    const struct dhcp4_lease_client *c, uint32_t ip, bool known, int64_t now,
    struct dhcp4_lease **ret) MUST_CHECK;
int
dhcp4_lease_any(struct dhcp4_lease_table *t, const struct dhcp4_lease_range *range,
    const struct dhcp4_lease_client *c, uint32_t wanted, bool known, int64_t now,
    struct dhcp4_lease **ret) MUST_CHECK;

void
dhcp4_lease_bind(
    struct dhcp4_lease_table *t, struct dhcp4_lease *l, int64_t now, int64_t length);
void
dhcp4_lease_release(struct dhcp4_lease_table *t, struct dhcp4_lease *l);
/* Takes the address from its client and out of use. Of a pool at most a quarter rests at
 * once; then the address that rested longest comes back. */
void
dhcp4_lease_decline(struct dhcp4_lease_table *t, struct dhcp4_lease *l, int64_t now);

/* Puts back a record of the journal (BOUND, FREE or DECLINED). A later record of the same
 * address or client replaces an earlier one. */
int
dhcp4_lease_restore(struct dhcp4_lease_table *t, const struct dhcp4_lease_record *r,
    int64_t expires) MUST_CHECK;

/* Calls `each` for the records that must survive a restart, each once, in turns that look at `max` records at
 * most; `begin`: from the first one on. False when all were seen. Between two turns anything may happen: what is
 * new since the first one may be missing. dhcp4_lease_restore() makes the same table of them if it is given those
 * that are not `current` first: of two leases of one client the one restored last becomes its current one. */
bool
dhcp4_lease_walk(struct dhcp4_lease_table *t, bool begin, size_t max,
    void (*each)(void *arg, const struct dhcp4_lease *l), void *arg);

#endif
