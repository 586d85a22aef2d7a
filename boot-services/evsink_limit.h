/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Token buckets in a table of fixed size: how many events of one kind and machine may
 * pass. Pure. */
#ifndef BOOT_SERVICES_EVSINK_LIMIT_H
#define BOOT_SERVICES_EVSINK_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct evsink_limit;

struct evsink_limit_rate {
	uint32_t burst;	     /* this many at once */
	int64_t interval_us; /* and then one in each interval */
};

struct evsink_limit *
evsink_limit_new(void);
void
evsink_limit_free(struct evsink_limit *l);
/* May one more event of this key pass at `now`? A clock that goes back refills nothing.
 * Keys share 4096 buckets; the one longest unused makes room, so a flood of new keys
 * costs no memory. */
bool
evsink_limit_allow(struct evsink_limit *l, const char *kind, const char *who,
    const struct evsink_limit_rate *rate, int64_t now);

#endif
