/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Limits per client, where a client has as many addresses as it likes.
 *
 * In an IPv6 network a machine may answer to each of 2^64 addresses, so that a limit per address
 * does not keep it from taking all transfers or connections there are. To count a whole /64 as one
 * client will not do either: all servers of a rack are in one, and boot at once. So an address has
 * the limit of a client, as in IPv4, and besides all addresses of a /64 have half of the service's
 * room together. Fixed addresses of hosts are not among those: their half is always there.
 *
 * Entry points: peer_share_counts() once for each client, peer_share_same() and peer_share_max()
 * when room is made. Pure; owns nothing, nothing can fail. */
#include "boot-services/peer_share.h"

#include <string.h>

bool
peer_share_counts(const struct hosttab *t, const struct addr_ip *ip)
{
	return ip->family == AF_INET6 && hosttab_by_ip(t, ip) == NULL;
}

bool
peer_share_same(const struct addr_ip *a, const struct addr_ip *b)
{
	return a->family == AF_INET6 && b->family == AF_INET6 &&
	       memcmp(a->b, b->b, 8) == 0;
}

unsigned
peer_share_max(unsigned all)
{
	return all < 2 ? 1 : all / 2;
}
