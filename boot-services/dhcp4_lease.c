/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of DHCPv4 leases.
 *
 *           offer                bind                  expire, release
 *   FREE ──────────► OFFERED ──────────► BOUND ──────────────────────► FREE
 *                       │  expire          │ decline          expire
 *                       └──────► FREE      └────────► DECLINED ──────► FREE
 *
 * Each change of state is leave() … enter(), which keep the lists, the counters and the
 * heap of expiry times right. Every operation costs O(log n) at most, amortised: the
 * search for a fresh address moves on and starts again at most once in REWIND_US.
 *
 * Ownership: the table owns its records; pointers handed out live until the next call
 * that allocates, ticks or restores. Failure modes are return values; hostile clients can
 * fill the unknown machines' share of a pool and no more. */
#include "boot-services/dhcp4_lease.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "boot-services/keyed_hash.h"
#include "boot-services/lease_pools.h"
#include "lib/str.h"

enum { FORGET_MAX = 64, OFFERS_MIN = 8, REWIND_US = 10 * 1000 * 1000 };

struct dhcp4_lease_pool {
	struct lease_pools_one one;
	uint32_t first, last;
	uint64_t fresh;	 /* no record exists for addresses from here on, or they are
			    skipped over */
	bool skipped;	 /* some before `fresh` have no record */
	int64_t rewound; /* when `fresh` last went back to `first` */
	uint64_t
	    n_unknown; /* OFFERED or BOUND to machines that the table does not know */
	uint64_t n_offers, n_declined;
	struct dhcp4_lease *free, *offers,
	    *declined; /* oldest first; offers: unknown ones only */
};

struct dhcp4_lease_table {
	uint64_t seed;
	struct dhcp4_lease *by_ip, *by_client; /* uthash heads */
	struct dhcp4_lease *walk;	       /* the next one of dhcp4_lease_walk() */
	size_t count;
	struct dhcp4_lease **heap; /* not FREE, by `expires` */
	size_t n_heap, cap_heap;
	struct lease_pools pools;
};

static uint32_t
hash(const struct dhcp4_lease_table *t, const void *data, size_t len)
{
	return (uint32_t)keyed_hash_of(t->seed, data, len);
}

/* --- heap of expiry times --- */

static void
heap_put(struct dhcp4_lease_table *t, size_t at, struct dhcp4_lease *l)
{
	t->heap[at] = l;
	l->heap_at = at;
}

static void
heap_up(struct dhcp4_lease_table *t, size_t at)
{
	struct dhcp4_lease *l = t->heap[at];

	while (at > 0 && t->heap[(at - 1) / 2]->expires > l->expires) {
		heap_put(t, at, t->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	heap_put(t, at, l);
}

static void
heap_down(struct dhcp4_lease_table *t, size_t at)
{
	struct dhcp4_lease *l = t->heap[at];

	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= t->n_heap)
			break;
		if (child + 1 < t->n_heap &&
		    t->heap[child + 1]->expires < t->heap[child]->expires)
			child++;
		if (t->heap[child]->expires >= l->expires)
			break;
		heap_put(t, at, t->heap[child]);
		at = child;
	}
	heap_put(t, at, l);
}

static void
heap_add(struct dhcp4_lease_table *t, struct dhcp4_lease *l)
{
	if (t->n_heap == t->cap_heap) {
		t->cap_heap = t->cap_heap ? 2 * t->cap_heap : 64;
		t->heap =
		    str_realloc(t->heap, t->cap_heap * sizeof(struct dhcp4_lease *));
	}
	heap_put(t, t->n_heap++, l);
	heap_up(t, l->heap_at);
}

static void
heap_remove(struct dhcp4_lease_table *t, struct dhcp4_lease *l)
{
	size_t at = l->heap_at;
	struct dhcp4_lease *last = t->heap[--t->n_heap];

	if (last == l)
		return;
	heap_put(t, at, last);
	heap_up(t, at);
	heap_down(t, last->heap_at);
}

/* --- states --- */

static bool
counts_as_unknown(const struct dhcp4_lease *l)
{
	return !l->known && !l->fixed;
}

/* Takes a record out of everything that depends on its state; enter() follows. */
static void
leave(struct dhcp4_lease_table *t, struct dhcp4_lease *l)
{
	struct dhcp4_lease_pool *p = l->pool;

	switch (l->state) {
	case DHCP4_LEASE_FREE: DL_DELETE(p->free, l); return;
	case DHCP4_LEASE_OFFERED:
		if (counts_as_unknown(l)) {
			DL_DELETE(p->offers, l);
			p->n_offers--;
			p->n_unknown--;
		}
		break;
	case DHCP4_LEASE_BOUND: p->n_unknown -= counts_as_unknown(l); break;
	case DHCP4_LEASE_DECLINED:
		DL_DELETE(p->declined, l);
		p->n_declined--;
		break;
	}
	p->one.n_used--;
	heap_remove(t, l);
}

static void
enter(struct dhcp4_lease_table *t, struct dhcp4_lease *l, enum dhcp4_lease_state state,
    int64_t expires)
{
	struct dhcp4_lease_pool *p = l->pool;

	l->state = state;
	l->expires = expires;
	switch (state) {
	case DHCP4_LEASE_FREE: DL_APPEND(p->free, l); return;
	case DHCP4_LEASE_OFFERED:
		if (counts_as_unknown(l)) {
			DL_APPEND(p->offers, l);
			p->n_offers++;
			p->n_unknown++;
		}
		break;
	case DHCP4_LEASE_BOUND: p->n_unknown += counts_as_unknown(l); break;
	case DHCP4_LEASE_DECLINED:
		DL_APPEND(p->declined, l);
		p->n_declined++;
		break;
	}
	p->one.n_used++;
	heap_add(t, l);
}

/* --- records and their clients --- */

static struct dhcp4_lease_pool *
pool_of(struct dhcp4_lease_table *t, uint32_t subnet)
{
	uint8_t key[LEASE_POOLS_KEY] = {0};

	memcpy(key, &subnet, sizeof(subnet));
	return lease_pools_get(&t->pools, key, sizeof(struct dhcp4_lease_pool));
}

/* The record is no longer where its client's requests lead. A BOUND one still blocks its
 * address until it runs out, since the client may go on using it. */
static void
detach(struct dhcp4_lease_table *t, struct dhcp4_lease *l)
{
	if (!l->current)
		return;
	HASH_DELETE(by_client, t->by_client, l);
	l->current = false;
	if (l->state == DHCP4_LEASE_OFFERED) {
		leave(t, l);
		enter(t, l, DHCP4_LEASE_FREE, 0);
	}
	if (l->state != DHCP4_LEASE_BOUND)
		memset(&l->client, 0, sizeof(l->client));
}

/* Makes the record its client's current one. To be called between leave() and enter(). */
static void
attach(struct dhcp4_lease_table *t, struct dhcp4_lease *l,
    const struct dhcp4_lease_client *c)
{
	struct dhcp4_lease *old = dhcp4_lease_by_client(t, c);
	uint32_t h = hash(t, c, sizeof(*c));

	if (old == l)
		return;
	if (old)
		detach(t, old);
	if (l->current)
		HASH_DELETE(by_client, t->by_client, l);
	if (!dhcp4_class_key_eq(&l->client.key, &c->key)) {
		l->loader_at = l->discover_at = 0;
		l->chained = false;
		l->retry = 0;
	}
	l->client = *c;
	l->current = true;
	HASH_ADD_BYHASHVALUE(by_client, t->by_client, client, sizeof(l->client), h, l);
}

/* Forgets a FREE record. */
static void
forget(struct dhcp4_lease_table *t, struct dhcp4_lease *l)
{
	assert(l->state == DHCP4_LEASE_FREE);
	detach(t, l);
	leave(t, l);
	if (t->walk == l)
		t->walk = l->by_ip.next;
	HASH_DELETE(by_ip, t->by_ip, l);
	t->count--;
	free(l);
}

/* At most `max` records of pools that gave way. */
static void
forget_ending(struct dhcp4_lease_table *t, size_t max)
{
	while (t->pools.ending) {
		struct dhcp4_lease_pool *p = (struct dhcp4_lease_pool *)t->pools.ending;

		for (; p->free && max > 0; max--)
			forget(t, p->free);
		if (p->free)
			return;
		lease_pools_drop(&t->pools);
	}
}

/* A new FREE record, or NULL when the table is full. */
static struct dhcp4_lease *
record_new(struct dhcp4_lease_table *t, struct dhcp4_lease_pool *p, uint32_t ip)
{
	struct dhcp4_lease *l;

	if (t->count >= DHCP4_LEASE_RECORDS_MAX)
		return NULL;
	l = str_alloc(sizeof(*l));
	l->ip = ip;
	l->pool = p;
	HASH_ADD_BYHASHVALUE(
	    by_ip, t->by_ip, ip, sizeof(l->ip), hash(t, &ip, sizeof(ip)), l);
	t->count++;
	enter(t, l, DHCP4_LEASE_FREE, 0);
	return l;
}

struct dhcp4_lease_table *
dhcp4_lease_new(uint64_t seed)
{
	struct dhcp4_lease_table *t = str_alloc(sizeof(*t));

	t->seed = seed;
	return t;
}

void
dhcp4_lease_free(struct dhcp4_lease_table *t)
{
	struct dhcp4_lease *l, *next;

	if (!t)
		return;
	HASH_CLEAR(by_client, t->by_client);
	HASH_ITER (by_ip, t->by_ip, l, next) {
		HASH_DELETE(by_ip, t->by_ip, l);
		free(l);
	}
	lease_pools_done(&t->pools);
	free(t->heap);
	free(t);
}

size_t
dhcp4_lease_count(const struct dhcp4_lease_table *t)
{
	return t->count;
}

struct dhcp4_lease *
dhcp4_lease_by_client(
    const struct dhcp4_lease_table *t, const struct dhcp4_lease_client *c)
{
	struct dhcp4_lease *l;

	HASH_FIND_BYHASHVALUE(
	    by_client, t->by_client, c, sizeof(*c), hash(t, c, sizeof(*c)), l);
	return l;
}

struct dhcp4_lease *
dhcp4_lease_by_ip(const struct dhcp4_lease_table *t, uint32_t ip)
{
	struct dhcp4_lease *l;

	HASH_FIND_BYHASHVALUE(
	    by_ip, t->by_ip, &ip, sizeof(ip), hash(t, &ip, sizeof(ip)), l);
	return l;
}

static void
expire(struct dhcp4_lease_table *t, struct dhcp4_lease *l)
{
	leave(t, l);
	enter(t, l, DHCP4_LEASE_FREE, 0);
	if (!l->current)
		memset(&l->client, 0, sizeof(l->client));
}

void
dhcp4_lease_tick(struct dhcp4_lease_table *t, int64_t now, size_t max)
{
	while (max-- > 0 && t->n_heap > 0 && t->heap[0]->expires <= now)
		expire(t, t->heap[0]);
	forget_ending(t, FORGET_MAX);
}

/* --- reserving --- */

/* Gives a record to a client: as it is when BOUND to it already, else OFFERED. */
static void
reserve(struct dhcp4_lease_table *t, struct dhcp4_lease *l,
    const struct dhcp4_lease_client *c, struct dhcp4_lease_pool *p, bool fixed,
    bool known, int64_t now)
{
	bool keep = l->state == DHCP4_LEASE_BOUND && l->expires > now &&
		    dhcp4_class_key_eq(&l->client.key, &c->key);
	int64_t expires = keep ? l->expires : now + DHCP4_LEASE_OFFER_US;

	leave(t, l);
	attach(t, l, c);
	l->pool = p;
	l->fixed = fixed;
	l->known = known;
	enter(t, l, keep ? DHCP4_LEASE_BOUND : DHCP4_LEASE_OFFERED, expires);
}

static bool
in_range(const struct dhcp4_lease_range *r, uint32_t ip)
{
	return r->first != 0 && ip >= r->first && ip <= r->last && !r->avoid(r->arg, ip);
}

static bool
is_mine(const struct dhcp4_lease *l, const struct dhcp4_lease_client *c)
{
	return dhcp4_class_key_eq(&l->client.key, &c->key);
}

int
dhcp4_lease_fixed(struct dhcp4_lease_table *t, const struct dhcp4_lease_client *c,
    uint32_t ip, bool evict, int64_t now, struct dhcp4_lease **ret)
{
	struct dhcp4_lease_pool *p = pool_of(t, c->subnet);
	struct dhcp4_lease *l = dhcp4_lease_by_ip(t, ip);

	if (!p)
		return -ENOMEM;
	if (l && l->state != DHCP4_LEASE_FREE && l->expires <= now)
		expire(t, l);
	if (l && l->state == DHCP4_LEASE_DECLINED)
		return -EADDRINUSE;
	if (l && l->state == DHCP4_LEASE_BOUND && !is_mine(l, c) && !evict)
		return -EADDRINUSE;
	if (!l)
		l = record_new(t, p, ip);
	if (!l)
		return -ENOMEM;
	reserve(t, l, c, p, true, true, now);
	*ret = l;
	return 0;
}

static void
pool_configure(struct dhcp4_lease_pool *p, const struct dhcp4_lease_range *r)
{
	if (p->first == r->first && p->last == r->last)
		return;
	p->first = r->first;
	p->last = r->last;
	p->fresh = r->first;
	p->skipped = false;
}

/* May one more address of the pool be offered to this client? Takes back the oldest offer
 * to an unknown machine when their share, or the share of open offers, is used up. */
static bool
share_allows(struct dhcp4_lease_table *t, struct dhcp4_lease_pool *p, bool known)
{
	uint64_t size = (uint64_t)p->last - p->first + 1;
	uint64_t offers_max = size / 4 > OFFERS_MIN ? size / 4 : OFFERS_MIN;

	if (known || (p->n_unknown < size - size / 8 && p->n_offers < offers_max))
		return true;
	if (!p->offers)
		return false;
	detach(t, p->offers);
	return true;
}

static int
reserve_pooled(struct dhcp4_lease_table *t, struct dhcp4_lease_pool *p,
    struct dhcp4_lease *l, const struct dhcp4_lease_client *c, bool known, int64_t now,
    struct dhcp4_lease **ret)
{
	bool counted = l->state != DHCP4_LEASE_FREE && counts_as_unknown(l);

	if (!counted && !share_allows(t, p, known))
		return -ENOSPC;
	reserve(t, l, c, p, false, known, now);
	*ret = l;
	return 0;
}

/* `claim`: an address merely offered to an unknown machine may be taken from it. */
static int
take_wanted(struct dhcp4_lease_table *t, const struct dhcp4_lease_range *range,
    const struct dhcp4_lease_client *c, uint32_t ip, bool known, bool claim, int64_t now,
    struct dhcp4_lease **ret)
{
	struct dhcp4_lease_pool *p = pool_of(t, c->subnet);
	struct dhcp4_lease *l = dhcp4_lease_by_ip(t, ip);

	if (!p)
		return -ENOMEM;
	pool_configure(p, range);
	if (!in_range(range, ip))
		return -EADDRNOTAVAIL;
	if (l && l->state != DHCP4_LEASE_FREE && l->expires <= now)
		expire(t, l);
	if (l && l->state == DHCP4_LEASE_DECLINED)
		return -EADDRINUSE;
	/* Whoever asks for an address comes before an unknown machine that was merely
	 * offered it: else a flood of DISCOVERs could take away what was just offered to
	 * others. */
	if (l && l->state != DHCP4_LEASE_FREE && !is_mine(l, c) &&
	    !(claim && l->state == DHCP4_LEASE_OFFERED && counts_as_unknown(l)))
		return -EADDRINUSE;
	if (!l)
		l = record_new(t, p, ip);
	if (!l)
		return -ENOMEM;
	return reserve_pooled(t, p, l, c, known, now, ret);
}

/* Whoever requests an address comes before an unknown machine that was merely offered it:
 * else a flood of DISCOVERs could take away what was just offered to others. */
int
dhcp4_lease_wanted(struct dhcp4_lease_table *t, const struct dhcp4_lease_range *range,
    const struct dhcp4_lease_client *c, uint32_t ip, bool known, int64_t now,
    struct dhcp4_lease **ret)
{
	return take_wanted(t, range, c, ip, known, true, now, ret);
}

/* The next address without a record, as a new FREE record, or NULL. */
static struct dhcp4_lease *
take_fresh(struct dhcp4_lease_table *t, struct dhcp4_lease_pool *p,
    const struct dhcp4_lease_range *range)
{
	while (p->first != 0 && p->fresh <= p->last) {
		uint32_t ip = (uint32_t)p->fresh;
		struct dhcp4_lease *l = dhcp4_lease_by_ip(t, ip);

		if (!l && in_range(range, ip)) {
			l = record_new(t, p, ip);
			p->fresh += l != NULL;
			return l;
		}
		p->skipped |= !l;
		p->fresh++;
	}
	return NULL;
}

/* The address that has been free for longest, or NULL. What the pool no longer holds is
 * forgotten on the way. */
static struct dhcp4_lease *
take_longest_free(struct dhcp4_lease_table *t, struct dhcp4_lease_pool *p,
    const struct dhcp4_lease_range *range)
{
	while (p->free) {
		if (in_range(range, p->free->ip))
			return p->free;
		p->skipped = true;
		forget(t, p->free);
	}
	return NULL;
}

static struct dhcp4_lease *
take_free(struct dhcp4_lease_table *t, struct dhcp4_lease_pool *p,
    const struct dhcp4_lease_range *range, int64_t now)
{
	struct dhcp4_lease *l = take_fresh(t, p, range);

	if (!l)
		l = take_longest_free(t, p, range);
	if (!l && p->skipped && now - p->rewound >= REWIND_US) {
		p->rewound = now;
		p->fresh = p->first;
		p->skipped = false;
		l = take_fresh(t, p, range);
	}
	if (!l && p->offers) {
		detach(t, p->offers);
		l = take_longest_free(t, p, range);
	}
	return l;
}

int
dhcp4_lease_any(struct dhcp4_lease_table *t, const struct dhcp4_lease_range *range,
    const struct dhcp4_lease_client *c, uint32_t wanted, bool known, int64_t now,
    struct dhcp4_lease **ret)
{
	struct dhcp4_lease_pool *p = pool_of(t, c->subnet);
	struct dhcp4_lease *l = dhcp4_lease_by_client(t, c);

	if (!p)
		return -ENOMEM;
	pool_configure(p, range);
	if (l && l->state != DHCP4_LEASE_DECLINED && in_range(range, l->ip))
		return reserve_pooled(t, p, l, c, known, now, ret);
	if (wanted != 0 && take_wanted(t, range, c, wanted, known, false, now, ret) == 0)
		return 0;
	if (!share_allows(t, p, known))
		return -ENOSPC;
	l = take_free(t, p, range, now);
	if (!l)
		return -ENOSPC;
	reserve(t, l, c, p, false, known, now);
	*ret = l;
	return 0;
}

/* --- what follows --- */

void
dhcp4_lease_bind(
    struct dhcp4_lease_table *t, struct dhcp4_lease *l, int64_t now, int64_t length)
{
	leave(t, l);
	l->length = length;
	enter(t, l, DHCP4_LEASE_BOUND, now + length);
}

void
dhcp4_lease_release(struct dhcp4_lease_table *t, struct dhcp4_lease *l)
{
	leave(t, l);
	enter(t, l, DHCP4_LEASE_FREE, 0);
}

void
dhcp4_lease_decline(struct dhcp4_lease_table *t, struct dhcp4_lease *l, int64_t now)
{
	struct dhcp4_lease_pool *p = l->pool;
	uint64_t size = p->first ? (uint64_t)p->last - p->first + 1 : 0;
	bool fixed = l->fixed;

	leave(t, l);
	enter(t, l, DHCP4_LEASE_FREE, 0);
	detach(t, l);
	leave(t, l);
	l->length = fixed ? DHCP4_LEASE_DECLINE_FIXED_US : DHCP4_LEASE_DECLINE_US;
	enter(t, l, DHCP4_LEASE_DECLINED, now + l->length);
	if (!fixed && p->n_declined > size / 4 && p->declined != l)
		expire(t, p->declined);
}

int
dhcp4_lease_restore(
    struct dhcp4_lease_table *t, const struct dhcp4_lease_record *r, int64_t expires)
{
	struct dhcp4_lease_pool *p = pool_of(t, r->client.subnet);
	struct dhcp4_lease *l = dhcp4_lease_by_ip(t, r->ip);

	if (!p)
		return -ENOMEM;
	if (!l)
		l = record_new(t, p, r->ip);
	if (!l)
		return -ENOMEM;
	leave(t, l);
	l->pool = p;
	l->fixed = r->fixed;
	l->known = r->known;
	l->length = r->length;
	enter(t, l, DHCP4_LEASE_FREE, 0);
	if (r->state == DHCP4_LEASE_DECLINED)
		detach(t, l);
	leave(t, l);
	if (r->state != DHCP4_LEASE_DECLINED)
		attach(t, l, &r->client);
	enter(t, l, r->state, expires);
	return 0;
}

static bool
must_survive(const struct dhcp4_lease *l)
{
	return l->state == DHCP4_LEASE_BOUND || l->state == DHCP4_LEASE_DECLINED;
}

bool
dhcp4_lease_walk(struct dhcp4_lease_table *t, bool begin, size_t max,
    void (*each)(void *arg, const struct dhcp4_lease *l), void *arg)
{
	if (begin)
		t->walk = t->by_ip;
	for (; max > 0 && t->walk; max--) {
		struct dhcp4_lease *l = t->walk;

		t->walk = l->by_ip.next; /* in the order of making */
		if (must_survive(l))
			each(arg, l);
	}
	return t->walk != NULL;
}
