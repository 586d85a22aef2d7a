/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DUIDs and the MAC addresses they were seen with.
 *
 * A table of fixed size: a DUID that falls on another's slot takes it over, so that a flood of made-up
 * ones costs no memory. All ports of a machine may share a DUID (boot.md 1.6): the last one seen counts,
 * which is why this is asked only when nothing in the message says more.
 *
 * Nothing fails; what is forgotten is learned again. */
#include "boot-services/dhcp6_learn.h"

#include <stdlib.h>

#include "boot-services/keyed_hash.h"
#include "lib/str.h"

enum { SLOTS = 16384 };

struct slot {
	struct dhcp6_duid duid;
	struct addr_mac mac;
};

struct dhcp6_learn {
	uint64_t seed;
	struct slot slots[SLOTS];
};

struct dhcp6_learn *
dhcp6_learn_new(uint64_t seed)
{
	struct dhcp6_learn *l = str_alloc(sizeof(*l));

	l->seed = seed;
	return l;
}

void
dhcp6_learn_free(struct dhcp6_learn *l)
{
	free(l);
}

static size_t
slot_of(const struct dhcp6_learn *l, const struct dhcp6_duid *duid)
{
	return (size_t)(keyed_hash_of(l->seed, duid->b, duid->len) % SLOTS);
}

void
dhcp6_learn_put(
    struct dhcp6_learn *l, const struct dhcp6_duid *duid, const struct addr_mac *mac)
{
	l->slots[slot_of(l, duid)] = (struct slot){*duid, *mac};
}

bool
dhcp6_learn_find(
    const struct dhcp6_learn *l, const struct dhcp6_duid *duid, struct addr_mac *ret)
{
	const struct slot *s = &l->slots[slot_of(l, duid)];

	if (duid->len == 0 || !dhcp6_duid_eq(&s->duid, duid))
		return false;
	*ret = s->mac;
	return true;
}
