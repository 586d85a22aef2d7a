// SPDX-License-Identifier: GPL-3.0-or-later
/* Subnets as people write them.
 *
 * Entry point: inventory_subnet_check(). What a subnet is by itself, in any document (a pool is ascending and
 * inside the prefix, all addresses are of one family), lib/bundle_subnet.c has checked before; here is
 * what would be accepted and then not work: at the firmware, at the router, or beside the site's other subnets.
 * Pools of different subnets cannot overlap, since their prefixes must not.
 * Failure modes: -EINVAL with the member's path in front of the text. */
#include "orchestrator/inventory_subnet.h"

#include <errno.h>
#include <string.h>

#include "lib/str.h"

enum { FIRMWARE_PREFIX_LEN = 64 };

static int
bad(struct error *err, const char *next, const char *member, const char *text)
{
	return error_set(err, -EINVAL, "bad-value", next, "%s: %s", member, text);
}

static int
check_ordinary(const struct addr_ip *ip, const char *member, struct error *err)
{
	const char *what = addr_ip_special(ip);
	char text[ADDR_IP_TEXT];

	if (!what)
		return 0;
	return error_set(err, -EINVAL, "bad-value",
	    "give an address that machines of the site can reach", "%s: %s is %s", member,
	    addr_ip_text(ip, text, sizeof(text)), what);
}

static int
check_members(const struct bundle_subnet *n, struct error *err)
{
	struct addr_ip relay = {.family = 0};

	if (check_ordinary(&n->prefix.ip, "prefix", err) < 0 ||
	    check_ordinary(&n->gateway, "gateway", err) < 0)
		return -EINVAL;
	for (size_t i = 0; i < n->n_dns; i++)
		if (check_ordinary(&n->dns[i], "dns", err) < 0)
			return -EINVAL;
	if (n->relay[0] && addr_ip_parse(n->relay, &relay) == 0)
		return check_ordinary(&relay, "relay", err);
	return 0;
}

static bool
in_pool(const struct bundle_subnet *n, const struct addr_ip *ip)
{
	return ip->family == n->pool_first.family &&
	       memcmp(ip->b, n->pool_first.b, sizeof(ip->b)) >= 0 &&
	       memcmp(ip->b, n->pool_last.b, sizeof(ip->b)) <= 0;
}

static int
pool_holds(const struct addr_ip *ip, const char *what, struct error *err)
{
	char text[ADDR_IP_TEXT];

	return error_set(err, -EINVAL, "bad-value",
	    "make the pool a range of addresses that machines may have",
	    "pool: holds %s, which is %s", addr_ip_text(ip, text, sizeof(text)), what);
}

static int
check_v4(const struct bundle_subnet *n, struct error *err)
{
	uint32_t mask = addr_prefix_mask_v4(&n->prefix);
	const struct addr_ip last =
	    addr_ip_make_v4(addr_ip_v4(&n->prefix.ip) | (uint32_t)~mask);
	bool ends = n->prefix.len < 31; /* RFC 3021: else neither is special */

	if (addr_ip_is_set(&n->gateway) && !addr_prefix_contains(&n->prefix, &n->gateway))
		return bad(err, "give an address of that network", "gateway",
		    "not inside the prefix");
	if (addr_ip_is_set(&n->gateway) &&
	    !addr_prefix_has_host_v4(&n->prefix, &n->gateway))
		return bad(err, "give the router's own address", "gateway",
		    "the network's or the broadcast address");
	if (ends && in_pool(n, &n->prefix.ip))
		return pool_holds(&n->prefix.ip, "the network's address", err);
	if (ends && in_pool(n, &last))
		return pool_holds(&last, "the broadcast address", err);
	if (addr_ip_is_set(&n->gateway) && in_pool(n, &n->gateway))
		return pool_holds(&n->gateway, "the gateway", err);
	return 0;
}

static int
check_v6(const struct bundle_subnet *n, struct error *err)
{
	/* Firmware takes every IPv6 link for a /64, whatever it is told (boot.md 1.6). */
	if (n->prefix.len != FIRMWARE_PREFIX_LEN)
		return error_set(err, -EINVAL, "bad-value",
		    "give the /64 of each link as a subnet of its own",
		    "prefix: a /%u cannot be booted from: firmware takes every IPv6 link "
		    "for a /64",
		    n->prefix.len);
	if (addr_ip_is_set(&n->gateway))
		return bad(err,
		    "leave it out; if the boot services are the router, set router_s",
		    "gateway", "IPv6 hosts learn their router from its advertisements");
	/* RFC 4291 2.6.1: all routers of the link have this one. */
	if (in_pool(n, &n->prefix.ip))
		return pool_holds(&n->prefix.ip, "the routers' anycast address", err);
	return 0;
}

static int
check_one(const struct bundle_subnet *n, struct error *err)
{
	if (check_members(n, err) < 0)
		return -EINVAL;
	return n->prefix.ip.family == AF_INET6 ? check_v6(n, err) : check_v4(n, err);
}

int
inventory_subnet_check(const struct bundle_site *site, struct error *err)
{
	for (size_t i = 0; i < site->n_subnets; i++) {
		const struct bundle_subnet *n = &site->subnets[i];
		char text[ADDR_PREFIX_TEXT];

		if (check_one(n, err) < 0) {
			error_prefix(err, "subnets[%zu]", i);
			return -EINVAL;
		}
		for (size_t k = 0; k < i; k++)
			if (addr_prefix_contains(
				&n->prefix, &site->subnets[k].prefix.ip) ||
			    addr_prefix_contains(&site->subnets[k].prefix, &n->prefix.ip))
				return error_set(err, -EINVAL, "subnet-overlap",
				    "make the networks of a site distinct",
				    "subnets[%zu]: prefix: overlaps with subnets[%zu], "
				    "%s",
				    i, k,
				    addr_prefix_text(
					&site->subnets[k].prefix, text, sizeof(text)));
	}
	return 0;
}
