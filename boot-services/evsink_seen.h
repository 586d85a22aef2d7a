/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which machine was last given an address: so that a TFTP or HTTP event, which knows only an
 * address, can be told for a host whose address came from a pool. Pure. */
#ifndef BOOT_SERVICES_EVSINK_SEEN_H
#define BOOT_SERVICES_EVSINK_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"

struct evsink_seen;

struct evsink_seen *
evsink_seen_new(void);
void
evsink_seen_free(struct evsink_seen *s);
/* The address was acknowledged to mac; replaces what was known of it. Of 16,384 addresses the
 * latest are kept. */
void
evsink_seen_put(struct evsink_seen *s, const struct addr_ip *ip,
    const struct addr_mac *mac, int64_t now);
/* The address was given back. */
void
evsink_seen_del(struct evsink_seen *s, const struct addr_ip *ip);
/* false when it is not known, or was seen too long ago to be evidence. */
bool
evsink_seen_find(const struct evsink_seen *s, const struct addr_ip *ip, int64_t now,
    struct addr_mac *ret);

#endif
