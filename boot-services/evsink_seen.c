/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Addresses learned from our own DHCP acknowledgements.
 *
 * A set-associative table of fixed size, as in evsink_limit.c: the address chooses a set of four, the
 * oldest of a full set gives way. What is older than SEEN_MAX_AGE is not used: an address that was
 * given out long ago may be anybody's by now, and a wrong name in the record is worse than none.
 *
 * Pure and private to one evsink; nothing can fail. */
#include "boot-services/evsink_seen.h"

#include <stdlib.h>

#include "lib/str.h"

enum { SETS = 4096, WAYS = 4 };

/* Longer than any boot, shorter than most leases. */
#define SEEN_MAX_AGE (4 * 3600 * USEC_PER_SEC)

struct entry {
	struct addr_ip ip; /* family 0: free */
	struct addr_mac mac;
	int64_t at;
};

struct evsink_seen {
	struct entry sets[SETS][WAYS];
};

struct evsink_seen *
evsink_seen_new(void)
{
	return str_alloc(sizeof(struct evsink_seen));
}

void
evsink_seen_free(struct evsink_seen *s)
{
	free(s);
}

static size_t
set_of(const struct addr_ip *ip)
{
	uint32_t h = 2166136261u;
	size_t n = ip->family == AF_INET ? 4 : 16;

	for (size_t i = 0; i < n; i++)
		h = (h ^ ip->b[i]) * 16777619u;
	return (h ^ h >> 16) % SETS;
}

static const struct entry *
find(const struct evsink_seen *s, const struct addr_ip *ip)
{
	const struct entry *set = s->sets[set_of(ip)];

	for (size_t i = 0; i < WAYS; i++)
		if (addr_ip_is_set(&set[i].ip) && addr_ip_eq(&set[i].ip, ip))
			return &set[i];
	return NULL;
}

void
evsink_seen_put(struct evsink_seen *s, const struct addr_ip *ip,
    const struct addr_mac *mac, int64_t now)
{
	struct entry *set = s->sets[set_of(ip)], *oldest = &set[0];

	evsink_seen_del(s, ip);
	for (size_t i = 1; i < WAYS && addr_ip_is_set(&oldest->ip); i++)
		if (!addr_ip_is_set(&set[i].ip) || set[i].at < oldest->at)
			oldest = &set[i];
	*oldest = (struct entry){.ip = *ip, .mac = *mac, .at = now};
}

void
evsink_seen_del(struct evsink_seen *s, const struct addr_ip *ip)
{
	struct entry *set = s->sets[set_of(ip)];

	for (size_t i = 0; i < WAYS; i++)
		if (addr_ip_is_set(&set[i].ip) && addr_ip_eq(&set[i].ip, ip))
			set[i] = (struct entry){.at = 0};
}

bool
evsink_seen_find(const struct evsink_seen *s, const struct addr_ip *ip, int64_t now,
    struct addr_mac *ret)
{
	const struct entry *e = find(s, ip);

	if (!e || now - e->at > SEEN_MAX_AGE)
		return false;
	*ret = e->mac;
	return true;
}
