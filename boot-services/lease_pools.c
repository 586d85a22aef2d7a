/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pools of a table of leases.
 *
 * A pool without leases in use only remembers who had which of its addresses, and that is worth less than the
 * pool of a subnet that is asked for now. Of several the one gives way that was asked for longest ago: one that
 * the configuration no longer has comes before all others, since nobody asks for it.
 *
 * Ownership: the set owns the pools, the table their records. Those of a pool that ends may be many, so that
 * the table has to forget them in small steps; until then they are records like others. */
#include "boot-services/lease_pools.h"

#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

/* Makes room by ending the pool that is missed least. */
static bool
end_one(struct lease_pools *s)
{
	struct lease_pools_one *p;
	size_t least = s->n;

	for (size_t i = 0; i < s->n; i++) {
		p = s->all[i];
		if (p->n_used == 0 && (least == s->n || p->asked < s->all[least]->asked))
			least = i;
	}
	if (least == s->n)
		return false;
	p = s->all[least];
	s->all[least] = s->all[--s->n];
	p->next = s->ending;
	s->ending = p;
	return true;
}

void *
lease_pools_get(struct lease_pools *s, const uint8_t subnet[LEASE_POOLS_KEY], size_t size)
{
	struct lease_pools_one *p = NULL;

	for (size_t i = 0; i < s->n && !p; i++) {
		if (memcmp(s->all[i]->subnet, subnet, LEASE_POOLS_KEY) == 0)
			p = s->all[i];
	}
	if (!p) {
		if (s->n == LEASE_POOLS_MAX && !end_one(s))
			return NULL;
		p = str_alloc(size);
		memcpy(p->subnet, subnet, LEASE_POOLS_KEY);
		s->all[s->n++] = p;
	}
	p->asked = ++s->asked;
	return p;
}

void
lease_pools_drop(struct lease_pools *s)
{
	struct lease_pools_one *p = s->ending;

	s->ending = p->next;
	free(p);
}

void
lease_pools_done(struct lease_pools *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->all[i]);
	s->n = 0;
	while (s->ending)
		lease_pools_drop(s);
}
