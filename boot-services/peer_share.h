/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the addresses of one IPv6 network may take of a service's room together. Pure. */
#ifndef BOOT_SERVICES_PEER_SHARE_H
#define BOOT_SERVICES_PEER_SHARE_H

#include <stdbool.h>

#include "boot-services/hosttab.h"
#include "lib/addr.h"

/* Does this client count with the others of its network? IPv6 addresses do, except a host's fixed
 * one. */
bool
peer_share_counts(const struct hosttab *t, const struct addr_ip *ip);
/* Are both in one /64? */
bool
peer_share_same(const struct addr_ip *a, const struct addr_ip *b);
/* The share of one network in `all`; at least 1. */
unsigned
peer_share_max(unsigned all);

#endif
