/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a proxy remembers of the clients that it answered lately: no addresses, no leases. A table of
 * fixed size; the oldest client of a full set gives way. Pure. */
#ifndef BOOT_SERVICES_DHCP4_RECENT_H
#define BOOT_SERVICES_DHCP4_RECENT_H

#include <stdbool.h>
#include <stdint.h>

#include "boot-services/dhcp4_class.h"

struct dhcp4_recent_client {
	struct dhcp4_class_key key; /* len 0: nobody */
	int64_t at;		    /* last asked about */
	int64_t loader_at;	    /* a loader was named to it, or 0 */
	int64_t discover_at;	    /* last DISCOVER, or 0 */
	enum policy_class class;    /* of that DISCOVER */
	uint16_t retry;		    /* DISCOVERs of the same class within 70 s */
	bool chained; /* the exchange under way began within 120 s of a loader */
	bool
	    offered; /* somebody else was heard to offer it an address in this exchange */
};

struct dhcp4_recent;

/* `seed` must be random. */
struct dhcp4_recent *
dhcp4_recent_new(uint64_t seed);
void
dhcp4_recent_free(struct dhcp4_recent *r);
/* The client, made when it was not there; never NULL, valid until the next call. */
struct dhcp4_recent_client *
dhcp4_recent_get(struct dhcp4_recent *r, const struct dhcp4_class_key *key, int64_t now);
/* The client if it is there, or NULL. */
struct dhcp4_recent_client *
dhcp4_recent_find(struct dhcp4_recent *r, const struct dhcp4_class_key *key);

#endif
