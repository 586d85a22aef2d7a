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
#include <string.h>

#include "lib/str.h"

static uint8_t
mask_length(const struct sockaddr *mask)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)mask;

	return (uint8_t)__builtin_popcount(in->sin_addr.s_addr);
}

size_t
run_url_own_addresses(struct run_url_own *ret, size_t max)
{
	struct ifaddrs *list = NULL;
	size_t n = 0;

	if (getifaddrs(&list) < 0)
		return 0;
	for (struct ifaddrs *i = list; i != NULL && n < max; i = i->ifa_next) {
		char text[ADDR_IP_TEXT], prefix[ADDR_PREFIX_TEXT];
		struct addr_ip ip;
		uint32_t host;
		uint8_t len;

		if (i->ifa_addr == NULL || i->ifa_netmask == NULL ||
		    i->ifa_addr->sa_family != AF_INET ||
		    (i->ifa_flags & IFF_LOOPBACK) != 0)
			continue;
		ip = addr_ip_from_sockaddr(i->ifa_addr);
		len = mask_length(i->ifa_netmask);
		host = len == 0 ? 0 : addr_ip_v4(&ip) & (UINT32_MAX << (32 - len));
		ret[n].ip = ip;
		ip = addr_ip_make_v4(host);
		if (str_format(prefix, sizeof(prefix), "%s/%u",
			addr_ip_text(&ip, text, sizeof(text)), len) == 0 &&
		    addr_prefix_parse(prefix, &ret[n].net) == 0)
			n++;
	}
	freeifaddrs(list);
	return n;
}

static const struct addr_ip *
fixed_address(const struct bundle_host *host)
{
	const struct addr_ip *any = NULL;

	for (size_t i = 0; i < host->n_nics; i++) {
		if (!addr_ip_is_set(&host->nics[i].ip))
			continue;
		if (host->nics[i].boot)
			return &host->nics[i].ip;
		if (any == NULL)
			any = &host->nics[i].ip;
	}
	return any;
}

static const struct addr_ip *
choose(const struct run_url_own *own, size_t n, const struct bundle_host *host,
    const struct bundle_site *site)
{
	const struct addr_ip *theirs = fixed_address(host);

	for (size_t i = 0; theirs != NULL && i < n; i++) {
		if (addr_prefix_contains(&own[i].net, theirs))
			return &own[i].ip;
	}
	for (size_t s = 0; site != NULL && s < site->n_subnets; s++) {
		const struct addr_prefix *p = &site->subnets[s].prefix;

		if (theirs != NULL && !addr_prefix_contains(p, theirs))
			continue;
		for (size_t i = 0; i < n; i++) {
			if (addr_prefix_contains(p, &own[i].ip))
				return &own[i].ip;
		}
	}
	return n == 1 ? &own[0].ip : NULL;
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
	return str_format(
	    ret, size, "http://%s%s", addr_ip_text(ip, text, sizeof(text)), tail);
}
