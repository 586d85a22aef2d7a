/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of DHCPv6 leases.
 *
 *           bind              run out, last IA released
 *   FREE ──────────► BOUND ─────────────────────────────► FREE
 *                      │ decline              run out
 *                      └────────► DECLINED ─────────────► FREE
 *
 * Each change of state is leave() … enter(), which keep the lists and counters of the pool right. The
 * lists are in the order of binding: leases of one subnet have one length, so the first runs out first;
 * where a configuration changed the length, a few are freed late, and every reader looks at `expires`.
 *
 * A search costs at most PROBES looks: first from a place that follows from the client's identity, so
 * that it finds the same address again, then from a place that moves on with each search, so that a pool
 * that is nearly full is swept by its clients' repetitions; then the longest free address.
 *
 * Ownership: the table owns its records. Hostile clients can fill the unknown machines' share of a pool,
 * and half of the table, and no more. */
#include "boot-services/dhcp6_lease.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "boot-services/keyed_hash.h"
#include "boot-services/lease_pools.h"
#include "lib/str.h"

enum { FORGET_MAX = 64, PROBES_OWN = 64, PROBES = 512 };

struct dhcp6_lease_pool {
	struct lease_pools_one one;
	uint64_t cursor;    /* offset at which the next sweep goes on */
	uint64_t n_unknown; /* BOUND to machines that the table does not know */
	uint64_t n_bound, n_declined;
	struct dhcp6_lease *free, *bound, *declined; /* oldest first */
};

struct dhcp6_lease_table {
	uint64_t seed;
	struct dhcp6_lease *by_ip, *by_client; /* uthash heads */
	struct dhcp6_lease *walk;	       /* the next one of dhcp6_lease_walk() */
	size_t count, n_unknown;
	struct lease_pools pools;
	size_t tick_at;
};

static uint64_t
hash(const struct dhcp6_lease_table *t, const void *data, size_t len)
{
	return keyed_hash_of(t->seed, data, len);
}

/* --- states --- */

static bool
counts_as_unknown(const struct dhcp6_lease *l)
{
	return l->state == DHCP6_LEASE_BOUND && !l->known && !l->fixed;
}

/* Takes a record out of everything that depends on its state; enter() follows. */
static void
leave(struct dhcp6_lease_table *t, struct dhcp6_lease *l)
{
	struct dhcp6_lease_pool *p = l->pool;

	switch (l->state) {
	case DHCP6_LEASE_FREE: DL_DELETE(p->free, l); return;
	case DHCP6_LEASE_BOUND:
		DL_DELETE(p->bound, l);
		p->one.n_used--;
		p->n_bound--;
		p->n_unknown -= counts_as_unknown(l);
		t->n_unknown -= counts_as_unknown(l);
		return;
	case DHCP6_LEASE_DECLINED:
		DL_DELETE(p->declined, l);
		p->one.n_used--;
		p->n_declined--;
		return;
	}
}

static void
enter(struct dhcp6_lease_table *t, struct dhcp6_lease *l, enum dhcp6_lease_state state,
    int64_t expires)
{
	struct dhcp6_lease_pool *p = l->pool;

	l->state = state;
	l->expires = expires;
	if (state != DHCP6_LEASE_BOUND) {
		l->n_ias = 0;
		l->more = false;
	}
	switch (state) {
	case DHCP6_LEASE_FREE: DL_APPEND(p->free, l); return;
	case DHCP6_LEASE_BOUND:
		DL_APPEND(p->bound, l);
		p->one.n_used++;
		p->n_bound++;
		p->n_unknown += counts_as_unknown(l);
		t->n_unknown += counts_as_unknown(l);
		return;
	case DHCP6_LEASE_DECLINED:
		DL_APPEND(p->declined, l);
		p->one.n_used++;
		p->n_declined++;
		return;
	}
}

/* --- records and their clients --- */

static struct dhcp6_lease_pool *
pool_of(struct dhcp6_lease_table *t, const uint8_t subnet[8])
{
	return lease_pools_get(&t->pools, subnet, sizeof(struct dhcp6_lease_pool));
}

static struct dhcp6_lease_pool *
pool_at(struct dhcp6_lease_table *t, size_t i)
{
	return (struct dhcp6_lease_pool *)t->pools.all[i % t->pools.n];
}

/* The record is no longer where its client's requests lead. A BOUND one still blocks its address until
 * it runs out, since the client may go on using it. */
static void
detach(struct dhcp6_lease_table *t, struct dhcp6_lease *l)
{
	if (l->current)
		HASH_DELETE(by_client, t->by_client, l);
	l->current = false;
	if (l->state != DHCP6_LEASE_BOUND)
		memset(&l->client, 0, sizeof(l->client));
}

/* Makes the record its client's current one. To be called between leave() and enter(). */
static void
attach(struct dhcp6_lease_table *t, struct dhcp6_lease *l,
    const struct dhcp6_lease_client *c)
{
	struct dhcp6_lease *old = dhcp6_lease_by_client(t, c);

	if (old == l)
		return;
	if (old)
		detach(t, old);
	if (l->current)
		HASH_DELETE(by_client, t->by_client, l);
	if (!dhcp6_class_key_eq(&l->client.key, &c->key)) {
		l->n_ias = 0;
		l->more = false;
	}
	l->client = *c;
	l->current = true;
	HASH_ADD_BYHASHVALUE(by_client, t->by_client, client, sizeof(l->client),
	    (unsigned)hash(t, c, sizeof(*c)), l);
}

/* Forgets a FREE record. */
static void
forget(struct dhcp6_lease_table *t, struct dhcp6_lease *l)
{
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
forget_ending(struct dhcp6_lease_table *t, size_t max)
{
	while (t->pools.ending) {
		struct dhcp6_lease_pool *p = (struct dhcp6_lease_pool *)t->pools.ending;

		for (; p->free && max > 0; max--)
			forget(t, p->free);
		if (p->free)
			return;
		lease_pools_drop(&t->pools);
	}
}

/* Room for one more record: false when the table is full of leases in use. */
static bool
make_room(struct dhcp6_lease_table *t)
{
	if (t->count < DHCP6_LEASE_RECORDS_MAX)
		return true;
	forget_ending(t, 1);
	for (size_t i = 0; i < t->pools.n && t->count >= DHCP6_LEASE_RECORDS_MAX; i++) {
		if (pool_at(t, i)->free)
			forget(t, pool_at(t, i)->free);
	}
	return t->count < DHCP6_LEASE_RECORDS_MAX;
}

/* A new FREE record, or NULL when the table is full. */
static struct dhcp6_lease *
record_new(
    struct dhcp6_lease_table *t, struct dhcp6_lease_pool *p, const struct addr_ip *ip)
{
	struct dhcp6_lease *l;

	if (!make_room(t))
		return NULL;
	l = str_alloc(sizeof(*l));
	l->ip = *ip;
	l->pool = p;
	HASH_ADD_BYHASHVALUE(by_ip, t->by_ip, ip.b, sizeof(l->ip.b),
	    (unsigned)hash(t, ip->b, sizeof(ip->b)), l);
	t->count++;
	enter(t, l, DHCP6_LEASE_FREE, 0);
	return l;
}

struct dhcp6_lease_table *
dhcp6_lease_new(uint64_t seed)
{
	struct dhcp6_lease_table *t = str_alloc(sizeof(*t));

	t->seed = seed;
	return t;
}

void
dhcp6_lease_free(struct dhcp6_lease_table *t)
{
	struct dhcp6_lease *l, *next;

	if (!t)
		return;
	HASH_CLEAR(by_client, t->by_client);
	HASH_ITER (by_ip, t->by_ip, l, next) {
		HASH_DELETE(by_ip, t->by_ip, l);
		free(l);
	}
	lease_pools_done(&t->pools);
	free(t);
}

size_t
dhcp6_lease_count(const struct dhcp6_lease_table *t)
{
	return t->count;
}

struct dhcp6_lease *
dhcp6_lease_by_client(
    const struct dhcp6_lease_table *t, const struct dhcp6_lease_client *c)
{
	struct dhcp6_lease *l;

	HASH_FIND_BYHASHVALUE(
	    by_client, t->by_client, c, sizeof(*c), (unsigned)hash(t, c, sizeof(*c)), l);
	return l;
}

struct dhcp6_lease *
dhcp6_lease_by_ip(const struct dhcp6_lease_table *t, const struct addr_ip *ip)
{
	struct dhcp6_lease *l;

	HASH_FIND_BYHASHVALUE(by_ip, t->by_ip, ip->b, sizeof(ip->b),
	    (unsigned)hash(t, ip->b, sizeof(ip->b)), l);
	return l;
}

static void
expire(struct dhcp6_lease_table *t, struct dhcp6_lease *l)
{
	leave(t, l);
	enter(t, l, DHCP6_LEASE_FREE, 0);
	if (!l->current)
		memset(&l->client, 0, sizeof(l->client));
}

void
dhcp6_lease_tick(struct dhcp6_lease_table *t, int64_t now, size_t max)
{
	for (size_t i = 0; i < t->pools.n && max > 0; i++) {
		struct dhcp6_lease_pool *p = pool_at(t, t->tick_at++);

		for (; max > 0 && p->bound && p->bound->expires <= now; max--)
			expire(t, p->bound);
		for (; max > 0 && p->declined && p->declined->expires <= now; max--)
			expire(t, p->declined);
	}
	forget_ending(t, FORGET_MAX);
}

/* --- which address --- */

static bool
in_use(const struct dhcp6_lease *l, int64_t now)
{
	return l && l->state != DHCP6_LEASE_FREE && l->expires > now;
}

static bool
is_mine(const struct dhcp6_lease *l, const struct dhcp6_lease_client *c)
{
	return dhcp6_class_key_eq(&l->client.key, &c->key);
}

int
dhcp6_lease_check_fixed(const struct dhcp6_lease_table *t,
    const struct dhcp6_lease_client *c, const struct addr_ip *ip, bool evict, int64_t now)
{
	const struct dhcp6_lease *l = dhcp6_lease_by_ip(t, ip);

	if (!in_use(l, now))
		return 0;
	if (l->state == DHCP6_LEASE_DECLINED)
		return -EADDRINUSE;
	return is_mine(l, c) || evict ? 0 : -EADDRINUSE;
}

static uint64_t
low_half(const struct addr_ip *ip)
{
	uint64_t v = 0;

	for (size_t i = 8; i < 16; i++)
		v = v << 8 | ip->b[i];
	return v;
}

static struct addr_ip
at_offset(const struct addr_ip *first, uint64_t offset)
{
	struct addr_ip ip = *first;
	uint64_t v = low_half(first) + offset;

	for (size_t i = 16; i > 8; i--, v >>= 8)
		ip.b[i - 1] = (uint8_t)v;
	return ip;
}

static bool
in_range(const struct dhcp6_lease_range *r, const struct addr_ip *ip)
{
	return addr_ip_is_set(&r->first) && memcmp(ip->b, r->first.b, 8) == 0 &&
	       low_half(ip) >= low_half(&r->first) &&
	       low_half(ip) <= low_half(&r->last) && !r->avoid(r->arg, ip);
}

/* Addresses of the range less one, so that a whole /64 fits. */
static uint64_t
last_offset(const struct dhcp6_lease_range *r)
{
	return low_half(&r->last) - low_half(&r->first);
}

/* May one more address of the pool go to this client? */
static bool
share_allows(const struct dhcp6_lease_table *t, const struct dhcp6_lease_pool *p,
    const struct dhcp6_lease_range *range, bool known)
{
	uint64_t last = last_offset(range);

	if (known)
		return true;
	return t->n_unknown < DHCP6_LEASE_RECORDS_MAX / 2 &&
	       (last == UINT64_MAX || p->n_unknown < last + 1 - (last + 1) / 8);
}

/* The first of `n` addresses from `offset` on that nobody has a record of, else the first that is free. */
static bool
probe(const struct dhcp6_lease_table *t, const struct dhcp6_lease_range *range,
    uint64_t offset, uint64_t n, int64_t now, struct addr_ip *ret)
{
	uint64_t last = last_offset(range);
	bool found = false;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t at = last == UINT64_MAX ? offset + i : (offset + i) % (last + 1);
		struct addr_ip ip = at_offset(&range->first, at);
		const struct dhcp6_lease *l = dhcp6_lease_by_ip(t, &ip);

		if (in_use(l, now) || (l && found) || !in_range(range, &ip))
			continue;
		*ret = ip;
		found = true;
		if (!l)
			return true;
	}
	return found;
}

static int
search(struct dhcp6_lease_table *t, struct dhcp6_lease_pool *p,
    const struct dhcp6_lease_range *range, const struct dhcp6_lease_client *c,
    int64_t now, struct addr_ip *ret)
{
	uint64_t last = last_offset(range), own = hash(t, c, sizeof(*c));
	uint64_t few = last < PROBES_OWN ? last + 1 : PROBES_OWN;
	uint64_t many = last < PROBES ? last + 1 : PROBES;

	own = last == UINT64_MAX ? own : own % (last + 1);
	if (probe(t, range, own, few, now, ret))
		return 0;
	p->cursor += many;
	if (probe(t, range, p->cursor, many, now, ret))
		return 0;
	for (struct dhcp6_lease *l = p->free; l && many > 0; l = l->next, many--) {
		if (in_range(range, &l->ip)) {
			*ret = l->ip;
			return 0;
		}
	}
	return -ENOSPC;
}

int
dhcp6_lease_pick(struct dhcp6_lease_table *t, const struct dhcp6_lease_range *range,
    const struct dhcp6_lease_client *c, const struct addr_ip *wanted, bool known,
    int64_t now, struct addr_ip *ret)
{
	struct dhcp6_lease_pool *p = pool_of(t, c->subnet);
	const struct dhcp6_lease *l = dhcp6_lease_by_client(t, c), *other;

	if (!p || !addr_ip_is_set(&range->first))
		return -ENOSPC;
	if (l && l->state == DHCP6_LEASE_BOUND && l->expires > now &&
	    in_range(range, &l->ip)) {
		*ret = l->ip;
		return 0;
	}
	if (!share_allows(t, p, range, known))
		return -ENOSPC;
	if (l && !in_use(l, now) && in_range(range, &l->ip)) {
		*ret = l->ip;
		return 0;
	}
	other = addr_ip_is_set(wanted) ? dhcp6_lease_by_ip(t, wanted) : NULL;
	if (addr_ip_is_set(wanted) && in_range(range, wanted) &&
	    (!in_use(other, now) ||
		(other->state == DHCP6_LEASE_BOUND && is_mine(other, c)))) {
		*ret = *wanted;
		return 0;
	}
	return search(t, p, range, c, now, ret);
}

/* --- changes --- */

int
dhcp6_lease_bind(struct dhcp6_lease_table *t, const struct dhcp6_lease_client *c,
    const struct addr_ip *ip, bool fixed, bool known, int64_t now, int64_t length,
    struct dhcp6_lease **ret)
{
	struct dhcp6_lease_pool *p = pool_of(t, c->subnet);
	struct dhcp6_lease *l = dhcp6_lease_by_ip(t, ip);

	if (p && !l)
		l = record_new(t, p, ip);
	if (!p || !l)
		return -ENOMEM;
	leave(t, l);
	attach(t, l, c);
	l->pool = p;
	l->fixed = fixed;
	l->known = known;
	l->length = length;
	enter(t, l, DHCP6_LEASE_BOUND, now + length);
	*ret = l;
	return 0;
}

static void
remove_ia(struct dhcp6_lease *l, size_t at)
{
	memmove(&l->ias[at], &l->ias[at + 1], (l->n_ias - at - 1) * sizeof(l->ias[0]));
	l->n_ias--;
}

static void
drop_old_ias(struct dhcp6_lease *l, int64_t now)
{
	for (size_t i = l->n_ias; i > 0; i--) {
		if (l->ias[i - 1].expires <= now)
			remove_ia(l, i - 1);
	}
}

void
dhcp6_lease_add_ia(struct dhcp6_lease *l, uint32_t iaid, int64_t now)
{
	drop_old_ias(l, now);
	for (size_t i = 0; i < l->n_ias; i++) {
		if (l->ias[i].iaid == iaid) {
			remove_ia(l, i);
			break;
		}
	}
	if (l->n_ias == DHCP6_LEASE_IAS_MAX) {
		remove_ia(l, 0);
		l->more = true;
	}
	l->ias[l->n_ias++] = (struct dhcp6_lease_ia){iaid, l->expires};
}

bool
dhcp6_lease_release(
    struct dhcp6_lease_table *t, struct dhcp6_lease *l, uint32_t iaid, int64_t now)
{
	bool held = false;

	drop_old_ias(l, now);
	for (size_t i = l->n_ias; i > 0; i--) {
		if (l->ias[i - 1].iaid != iaid)
			continue;
		remove_ia(l, i - 1);
		held = true;
	}
	if (held && l->n_ias == 0 && !l->more)
		expire(t, l);
	return held;
}

/* A quarter of what was given out of the pool: its size may be beyond counting. */
static uint64_t
rest_max(const struct dhcp6_lease_pool *p)
{
	return p->n_bound / 3 > 4 ? p->n_bound / 3 : 4;
}

void
dhcp6_lease_decline(struct dhcp6_lease_table *t, struct dhcp6_lease *l, int64_t now)
{
	struct dhcp6_lease_pool *p = l->pool;
	bool fixed = l->fixed;

	leave(t, l);
	enter(t, l, DHCP6_LEASE_FREE, 0);
	detach(t, l);
	leave(t, l);
	l->length = fixed ? DHCP6_LEASE_DECLINE_FIXED_US : DHCP6_LEASE_DECLINE_US;
	enter(t, l, DHCP6_LEASE_DECLINED, now + l->length);
	if (!fixed && p->n_declined > rest_max(p) && p->declined != l)
		expire(t, p->declined);
}

int
dhcp6_lease_restore(
    struct dhcp6_lease_table *t, const struct dhcp6_lease_record *r, int64_t expires)
{
	struct dhcp6_lease_pool *p = pool_of(t, r->client.subnet);
	struct dhcp6_lease *l = dhcp6_lease_by_ip(t, &r->ip);

	if (p && !l)
		l = record_new(t, p, &r->ip);
	if (!p || !l)
		return -ENOMEM;
	leave(t, l);
	enter(t, l, DHCP6_LEASE_FREE, 0);
	if (r->state == DHCP6_LEASE_DECLINED)
		detach(t, l);
	leave(t, l);
	l->pool = p;
	l->fixed = r->fixed;
	l->known = r->known;
	l->length = r->length;
	l->duid = r->duid;
	if (r->state != DHCP6_LEASE_DECLINED)
		attach(t, l, &r->client);
	enter(t, l, r->state, expires);
	for (size_t i = 0; r->state == DHCP6_LEASE_BOUND && i < r->n_ias; i++)
		dhcp6_lease_add_ia(l, r->iaids[i], INT64_MIN);
	l->more = r->state == DHCP6_LEASE_BOUND && r->more;
	return 0;
}

bool
dhcp6_lease_walk(struct dhcp6_lease_table *t, bool begin, size_t max,
    void (*each)(void *arg, const struct dhcp6_lease *l), void *arg)
{
	if (begin)
		t->walk = t->by_ip;
	for (; max > 0 && t->walk; max--) {
		struct dhcp6_lease *l = t->walk;

		t->walk = l->by_ip.next; /* in the order of making */
		if (l->state != DHCP6_LEASE_FREE)
			each(arg, l);
	}
	return t->walk != NULL;
}
