/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The memory of a DHCPv4 proxy.
 *
 * A set-associative table as in evsink_seen.c: a hash of the key with a secret seed chooses a set of
 * four, and the client that was heard longest ago gives way. What is lost that way costs little: a
 * retry that is not counted, an iPXE in ROM that is given the loader once more.
 *
 * Pure and private to one server; nothing can fail. */
#include "boot-services/dhcp4_recent.h"

#include <stdlib.h>

#include "boot-services/keyed_hash.h"
#include "lib/str.h"

enum { SETS = 1024, WAYS = 4 };

struct dhcp4_recent {
	uint64_t seed;
	struct dhcp4_recent_client sets[SETS][WAYS];
};

struct dhcp4_recent *
dhcp4_recent_new(uint64_t seed)
{
	struct dhcp4_recent *r = str_alloc(sizeof(*r));

	r->seed = seed;
	return r;
}

void
dhcp4_recent_free(struct dhcp4_recent *r)
{
	free(r);
}

static struct dhcp4_recent_client *
set_of(struct dhcp4_recent *r, const struct dhcp4_class_key *key)
{
	return r->sets[keyed_hash_of(r->seed, key, sizeof(*key)) % SETS];
}

struct dhcp4_recent_client *
dhcp4_recent_find(struct dhcp4_recent *r, const struct dhcp4_class_key *key)
{
	struct dhcp4_recent_client *set = set_of(r, key);

	for (size_t i = 0; i < WAYS; i++)
		if (set[i].key.len != 0 && dhcp4_class_key_eq(&set[i].key, key))
			return &set[i];
	return NULL;
}

struct dhcp4_recent_client *
dhcp4_recent_get(struct dhcp4_recent *r, const struct dhcp4_class_key *key, int64_t now)
{
	struct dhcp4_recent_client *c = dhcp4_recent_find(r, key);

	if (!c) {
		struct dhcp4_recent_client *set = set_of(r, key);

		c = &set[0];
		for (size_t i = 1; i < WAYS && c->key.len != 0; i++)
			if (set[i].key.len == 0 || set[i].at < c->at)
				c = &set[i];
		*c = (struct dhcp4_recent_client){.key = *key};
	}
	c->at = now;
	return c;
}
