/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pools of a table of leases, one for each subnet that was asked for, of either family. A site has fewer
 * subnets than there is room for, but in the course of time it may have had any number: the pool of one that is
 * asked for no more, and has no lease in use, gives way to that of a new one. */
#ifndef BOOT_SERVICES_LEASE_POOLS_H
#define BOOT_SERVICES_LEASE_POOLS_H

#include <stddef.h>
#include <stdint.h>

enum { LEASE_POOLS_MAX = 256, LEASE_POOLS_KEY = 8 };

/* The first member of the table's own struct of a pool. */
struct lease_pools_one {
	uint8_t subnet[LEASE_POOLS_KEY];
	size_t n_used; /* leases in use; kept by the table */
	uint64_t asked;
	struct lease_pools_one *next; /* that ends */
};

/* All zero: none. */
struct lease_pools {
	struct lease_pools_one *all[LEASE_POOLS_MAX];
	size_t n;
	uint64_t asked;
	/* Given way, but records that are not in use still belong to them: the table forgets those bit by bit,
	 * then calls lease_pools_drop(). */
	struct lease_pools_one *ending;
};

/* The pool of a subnet, which is made if there is none: `size` octets, zero beyond struct lease_pools_one. NULL:
 * there are LEASE_POOLS_MAX, and all of them in use. */
void *
lease_pools_get(
    struct lease_pools *s, const uint8_t subnet[LEASE_POOLS_KEY], size_t size);
/* Frees the first of the ending ones. */
void
lease_pools_drop(struct lease_pools *s);
/* Frees all. */
void
lease_pools_done(struct lease_pools *s);

#endif
