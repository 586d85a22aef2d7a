/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of DHCPv6 leases: who has which address until when. Pure: time comes in (microseconds of a
 * clock that never jumps), nothing is written here; dhcp6_journal.c makes it durable.
 *
 * One record per address and at most one current record per client and subnet, whatever number of
 * identity associations hold it. A client keeps its address: a record that has run out stays the
 * client's until the pool needs the address for another. Nothing is reserved by a SOLICIT: which
 * address a client would get follows from who it is, and a REPLY may name another than the ADVERTISE. */
#ifndef BOOT_SERVICES_DHCP6_LEASE_H
#define BOOT_SERVICES_DHCP6_LEASE_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "boot-services/dhcp6_class.h"

enum {
	DHCP6_LEASE_RECORDS_MAX = 1 << 18,
	DHCP6_LEASE_IAS_MAX = 8, /* remembered for one address; see `more` */
};
/* As for DHCPv4: an address in conflict rests, a fixed one for less. */
#define DHCP6_LEASE_DECLINE_US (600 * USEC_PER_SEC)
#define DHCP6_LEASE_DECLINE_FIXED_US (60 * USEC_PER_SEC)

enum dhcp6_lease_state {
	DHCP6_LEASE_FREE,     /* may be given to anyone; remembers its last client */
	DHCP6_LEASE_BOUND,    /* in a REPLY */
	DHCP6_LEASE_DECLINED, /* somebody else was seen using it */
};

struct dhcp6_lease_client {
	uint8_t subnet[8]; /* of the /64 */
	struct dhcp6_class_key key;
};

struct dhcp6_lease_ia {
	uint32_t iaid;
	int64_t expires;
};

struct dhcp6_lease {
	struct addr_ip ip;
	enum dhcp6_lease_state state;
	bool fixed;   /* from the host table, not from the pool */
	bool current; /* this is where the client's next request leads */
	bool known;   /* the client is in the host table (pool shares) */
	bool more;    /* more IAs hold it than `ias` has: it ends by running out only */
	int64_t expires; /* meaningless when FREE */
	int64_t length;
	struct dhcp6_lease_client client; /* key.kind NONE: nobody */
	struct dhcp6_duid duid;		  /* that the client used last */
	struct dhcp6_lease_ia ias[DHCP6_LEASE_IAS_MAX];
	size_t n_ias;

	/* Private to dhcp6_lease.c. */
	struct dhcp6_lease_pool *pool;
	struct dhcp6_lease *prev, *next;
	UT_hash_handle by_ip, by_client;
};

/* What of a lease is durable; `until` is wall time. */
struct dhcp6_lease_record {
	struct dhcp6_lease_client client;
	struct dhcp6_duid duid;
	struct addr_ip ip;
	enum dhcp6_lease_state state;
	bool fixed, known, more;
	int64_t until, length; /* microseconds */
	uint32_t iaids[DHCP6_LEASE_IAS_MAX];
	size_t n_ias;
};

/* The addresses that may be given out on a subnet; first unset: only fixed ones. */
struct dhcp6_lease_range {
	struct addr_ip first, last; /* in one /64 */
	bool (*avoid)(const void *arg, const struct addr_ip *ip);
	const void *arg;
};

struct dhcp6_lease_table;

/* `seed` is secret: it keeps hostile clients from choosing what collides. */
struct dhcp6_lease_table *
dhcp6_lease_new(uint64_t seed);
void
dhcp6_lease_free(struct dhcp6_lease_table *t);
size_t
dhcp6_lease_count(const struct dhcp6_lease_table *t);

/* Frees at most `max` of what has run out by `now`. */
void
dhcp6_lease_tick(struct dhcp6_lease_table *t, int64_t now, size_t max);

/* Borrowed until the next call that binds, ticks or restores; NULL when there is none. */
struct dhcp6_lease *
dhcp6_lease_by_client(
    const struct dhcp6_lease_table *t, const struct dhcp6_lease_client *c);
struct dhcp6_lease *
dhcp6_lease_by_ip(const struct dhcp6_lease_table *t, const struct addr_ip *ip);

/* May this client have that fixed address? -EADDRINUSE while another holds it, unless `evict` says that
 * the holder may be put out, or while it rests after a DECLINE. */
int
dhcp6_lease_check_fixed(const struct dhcp6_lease_table *t,
    const struct dhcp6_lease_client *c, const struct addr_ip *ip, bool evict,
    int64_t now) MUST_CHECK;
/* The pool address that this client would get: its own, else `wanted` (may be unset) if that is free, else
 * one by its identity. -ENOSPC; unknown clients may hold seven eighths of a pool. Changes nothing that
 * matters. */
int
dhcp6_lease_pick(struct dhcp6_lease_table *t, const struct dhcp6_lease_range *range,
    const struct dhcp6_lease_client *c, const struct addr_ip *wanted, bool known,
    int64_t now, struct addr_ip *ret) MUST_CHECK;

/* Gives the address to the client until now + length, which the caller has found to be possible; its IA
 * is added by dhcp6_lease_add_ia(). -ENOMEM when the table is full. */
int
dhcp6_lease_bind(struct dhcp6_lease_table *t, const struct dhcp6_lease_client *c,
    const struct addr_ip *ip, bool fixed, bool known, int64_t now, int64_t length,
    struct dhcp6_lease **ret) MUST_CHECK;
/* To a BOUND lease, to last as long as it. */
void
dhcp6_lease_add_ia(struct dhcp6_lease *l, uint32_t iaid, int64_t now);
/* True: this IA held the lease and does no more; the lease is FREE when none is left. */
bool
dhcp6_lease_release(
    struct dhcp6_lease_table *t, struct dhcp6_lease *l, uint32_t iaid, int64_t now);
/* Takes the address from its client and out of use. At most a quarter of what was given out of a pool
 * rests at once (but always four); then the address that rested longest comes back. */
void
dhcp6_lease_decline(struct dhcp6_lease_table *t, struct dhcp6_lease *l, int64_t now);

/* Puts back a record of the journal. A later record of the same address or client replaces an earlier one. */
int
dhcp6_lease_restore(struct dhcp6_lease_table *t, const struct dhcp6_lease_record *r,
    int64_t expires) MUST_CHECK;
/* Calls `each` for the records that must survive a restart, each once, in turns that look at `max` records at
 * most; `begin`: from the first one on. False when all were seen. Between two turns anything may happen: what is
 * new since the first one may be missing. dhcp6_lease_restore() makes the same table of them if it is given those
 * that are not `current` first: of two leases of one client the one restored last becomes its current one. */
bool
dhcp6_lease_walk(struct dhcp6_lease_table *t, bool begin, size_t max,
    void (*each)(void *arg, const struct dhcp6_lease *l), void *arg);

#endif
