/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which of our addresses a host can reach.
 *
 * Entry points: run_url_make() decides, run_url_own_addresses() asks the system.
 * Ownership: plain data.
 * Failure modes: several addresses and no hint is an error that names site_url, rather
 * than a script that points nowhere.
 */
#include "agent/run_url.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "lib/if_inet6.h"
#include "lib/str.h"

static uint8_t
mask_length(const struct sockaddr *mask)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)mask;

	return (uint8_t)__builtin_popcount(in->sin_addr.s_addr);
}

static bool
fill(const struct addr_ip *ip, unsigned len, struct run_url_own *ret)
{
	char text[ADDR_IP_TEXT], prefix[ADDR_PREFIX_TEXT];

	ret->ip = *ip;
	return str_format(prefix, sizeof(prefix), "%s/%u",
		   addr_ip_text(ip, text, sizeof(text)), len) == 0 &&
	       addr_prefix_parse(prefix, &ret->net) == 0;
}

static size_t
own_v4(struct run_url_own *ret, size_t max)
{
	struct ifaddrs *list = NULL;
	size_t n = 0;

	if (getifaddrs(&list) < 0)
		return 0;
	for (struct ifaddrs *i = list; i != NULL && n < max; i = i->ifa_next) {
		struct addr_ip ip;

		if (i->ifa_addr == NULL || i->ifa_netmask == NULL ||
		    i->ifa_addr->sa_family != AF_INET ||
		    (i->ifa_flags & IFF_LOOPBACK) != 0)
			continue;
		ip = addr_ip_from_sockaddr(i->ifa_addr);
		if (fill(&ip, mask_length(i->ifa_netmask), &ret[n]))
			n++;
	}
	freeifaddrs(list);
	return n;
}

/* Addresses that stay come first: a machine that configures itself has others beside them. */
static size_t
own_v6(struct run_url_own *ret, size_t max)
{
	FILE *f = fopen(if_inet6_path, "re");
	size_t n = 0, kept = 0;
	char line[IF_INET6_LINE];

	if (f == NULL)
		return 0;
	while (n < max && fgets(line, sizeof(line), f) != NULL) {
		struct run_url_own own;
		struct if_inet6 a;

		if (if_inet6_parse(line, &a) < 0 || !if_inet6_is_lasting(&a) ||
		    addr_ip_is_link_local(&a.ip) || addr_ip_is_loopback(&a.ip) ||
		    !fill(&a.ip, a.len, &own))
			continue;
		ret[n] = own;
		if ((a.flags & IF_INET6_PERMANENT) != 0) {
			ret[n] = ret[kept];
			ret[kept++] = own;
		}
		n++;
	}
	fclose(f);
	return n;
}

size_t
run_url_own_addresses(struct run_url_own *ret, size_t max)
{
	size_t n = own_v4(ret, max);

	return n + own_v6(ret + n, max - n);
}

/* The host's fixed addresses, best first: of the card that boots, IPv4 before IPv6. */
static size_t
fixed_addresses(const struct bundle_host *host, struct addr_ip ret[2 * BUNDLE_MACS_MAX])
{
	size_t n = 0;

	for (int boot = 1; boot >= 0; boot--) {
		for (size_t i = 0; i < host->n_nics; i++) {
			const struct bundle_nic *nic = &host->nics[i];

			if (nic->boot != (boot == 1))
				continue;
			if (addr_ip_is_set(&nic->ip))
				ret[n++] = nic->ip;
			if (addr_ip_is_set(&nic->ip6))
				ret[n++] = nic->ip6;
		}
	}
	return n;
}

static const struct addr_ip *
own_within(const struct run_url_own *own, size_t n, const struct addr_prefix *p)
{
	for (size_t i = 0; i < n; i++) {
		if (addr_prefix_contains(p, &own[i].ip))
			return &own[i].ip;
	}
	return NULL;
}

/* Beside that fixed address: in its network, or in its subnet of the site. */
static const struct addr_ip *
own_beside(const struct run_url_own *own, size_t n, const struct addr_ip *theirs,
    const struct bundle_site *site)
{
	const struct addr_ip *ip = NULL;

	for (size_t i = 0; i < n; i++) {
		if (addr_prefix_contains(&own[i].net, theirs))
			return &own[i].ip;
	}
	for (size_t s = 0; site != NULL && s < site->n_subnets && ip == NULL; s++) {
		const struct addr_prefix *p = &site->subnets[s].prefix;

		if (addr_prefix_contains(p, theirs))
			ip = own_within(own, n, p);
	}
	return ip;
}

static const struct addr_ip *
own_in_site(
    const struct run_url_own *own, size_t n, int family, const struct bundle_site *site)
{
	const struct addr_ip *ip = NULL;

	for (size_t s = 0; site != NULL && s < site->n_subnets && ip == NULL; s++) {
		if (site->subnets[s].prefix.ip.family == family)
			ip = own_within(own, n, &site->subnets[s].prefix);
	}
	return ip;
}

/* The one there is of a family; NULL with *ret_n when there are several or none. */
static const struct addr_ip *
only_own(const struct run_url_own *own, size_t n, int family, size_t *ret_n)
{
	const struct addr_ip *ip = NULL;

	*ret_n = 0;
	for (size_t i = 0; i < n; i++) {
		if (own[i].ip.family == family && (*ret_n)++ == 0)
			ip = &own[i].ip;
	}
	return *ret_n == 1 ? ip : NULL;
}

static const struct addr_ip *
choose(const struct run_url_own *own, size_t n, const struct bundle_host *host,
    const struct bundle_site *site)
{
	struct addr_ip theirs[2 * BUNDLE_MACS_MAX];
	size_t n_theirs = fixed_addresses(host, theirs), n4, n6;
	const struct addr_ip *ip = NULL, *only4, *only6;

	for (size_t i = 0; i < n_theirs && ip == NULL; i++)
		ip = own_beside(own, n, &theirs[i], site);
	if (n_theirs == 0) {
		ip = own_in_site(own, n, AF_INET, site);
		if (ip == NULL)
			ip = own_in_site(own, n, AF_INET6, site);
	}
	if (ip != NULL)
		return ip;
	only4 = only_own(own, n, AF_INET, &n4);
	only6 = only_own(own, n, AF_INET6, &n6);
	if (n_theirs > 0)
		return theirs[0].family == AF_INET ? only4 : only6;
	return n4 > 0 ? only4 : only6;
}

int
run_url_make(const struct run_url_own *own, size_t n, const struct bundle_host *host,
    const struct bundle_site *site, uint16_t port, char *ret, size_t size,
    struct error *err)
{
	const struct addr_ip *ip = choose(own, n, host, site);
	char text[ADDR_IP_TEXT], tail[16] = "";
	int r;

	if (ip == NULL)
		return error_set(err, -ENOENT, "no-site-url",
		    "give the site a url (netboot-ctl site set --url), or set site_url "
		    "in agent.yaml: the address that its servers reach",
		    "which of this machine's addresses %s can reach is not clear",
		    host->name);
	if (port != 80 && port != 0 &&
	    (r = str_format(tail, sizeof(tail), ":%u", port)) < 0)
		return r;
	addr_ip_text(ip, text, sizeof(text));
	return str_format(ret, size,
	    ip->family == AF_INET6 ? "http://[%s]%s" : "http://%s%s", text, tail);
}
