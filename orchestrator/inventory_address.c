// SPDX-License-Identifier: GPL-3.0-or-later
/* Fixed addresses against subnets.
 *
 * Entry points: inventory_address_check() for one card, pure; inventory_address_scan() for all of the
 * database. An address inside the subnet's pool is good: boot services never give it to another
 * machine (boot-services/dhcp4_subnet.c). Failure modes: those of db.h, by the scan alone. */
#include "orchestrator/inventory_address.h"

#include <errno.h>
#include <stdlib.h>

#include "db/db_host.h"
#include "db/db_site.h"
#include "lib/str.h"
#include "orchestrator/inventory_subnet.h"

static const struct bundle_subnet *
subnet_of(const struct bundle_site *site, const struct addr_ip *ip)
{
	for (size_t i = 0; i < site->n_subnets; i++)
		if (addr_prefix_contains(&site->subnets[i].prefix, ip))
			return &site->subnets[i];
	return NULL;
}

static bool
has_ipv4(const struct bundle_site *site)
{
	for (size_t i = 0; i < site->n_subnets; i++)
		if (site->subnets[i].prefix.ip.family == AF_INET)
			return true;
	return false;
}

static bool
netboots(const struct bundle_host *h, size_t n)
{
	bool any = false;

	for (size_t i = 0; i < h->n_nics; i++)
		any = any || h->nics[i].boot;
	return any ? h->nics[n].boot : n == 0;
}

const struct addr_ip *
inventory_address_of(const struct bundle_host *h, size_t n, int family)
{
	return family == AF_INET6 ? &h->nics[n].ip6 : &h->nics[n].ip;
}

int
inventory_address_check(const struct bundle_site *site, const struct bundle_host *h,
    size_t n, int family, struct error *err)
{
	const struct addr_ip *ip = inventory_address_of(h, n, family);
	char text[ADDR_IP_TEXT], prefix[ADDR_PREFIX_TEXT];
	bool v6 = family == AF_INET6;

	if (ip->family != family || (!v6 && !has_ipv4(site)))
		return 0;
	const struct bundle_subnet *s = subnet_of(site, ip);
	addr_ip_text(ip, text, sizeof(text));
	if (!s && netboots(h, n))
		return error_set(err, -EINVAL, "bad-value",
		    "correct it, or add its network to the site's subnets",
		    "nics[%zu]: %s: %s lies in no subnet of site %s", n,
		    v6 ? "ip6" : "ip", text, site->name);
	if (!s)
		return 0;
	addr_prefix_text(&s->prefix, prefix, sizeof(prefix));
	/* RFC 4291 2.6.1: the address without a host part is that of every router of the link. */
	if (v6 && addr_ip_eq(ip, &s->prefix.ip))
		return error_set(err, -EINVAL, "bad-value",
		    "give it an address that a machine may have",
		    "nics[%zu]: ip6: %s is the anycast address of the routers of %s", n,
		    text, prefix);
	if (v6)
		return 0;
	if (!addr_prefix_has_host_v4(&s->prefix, ip))
		return error_set(err, -EINVAL, "bad-value",
		    "give it an address that a machine may have",
		    "nics[%zu]: ip: %s is the network's or the broadcast address of %s",
		    n, text, prefix);
	if (addr_ip_eq(&s->gateway, ip))
		return error_set(err, -EINVAL, "bad-value",
		    "correct it, or the subnet's gateway",
		    "nics[%zu]: ip: %s is the gateway of %s", n, text, prefix);
	return 0;
}

struct scan {
	struct store *s;
	struct db_site *site;
	struct db_host *host;
	void (*each)(void *arg, const char *host, const struct error *err);
	void *arg;
};

static int
scan_site(struct scan *c, const char *name)
{
	struct store_names hosts = {0};
	struct error err;
	int rc = db_site_get(c->s, name, c->site);

	if (rc == 0 && inventory_subnet_check(&c->site->site, &err) < 0) {
		error_prefix(&err, "site %s", name);
		c->each(c->arg, NULL, &err);
	}
	if (rc == 0)
		rc = db_host_names(c->s, name, NULL, INT64_MAX, &hosts);
	for (size_t i = 0; rc == 0 && i < hosts.n; i++) {
		rc = db_host_get(c->s, hosts.v[i], c->host);
		for (size_t n = 0; rc == 0 && n < 2 * c->host->host.n_nics; n++)
			if (inventory_address_check(&c->site->site, &c->host->host, n / 2,
				n % 2 ? AF_INET6 : AF_INET, &err) < 0)
				c->each(c->arg, hosts.v[i], &err);
	}
	store_names_done(&hosts);
	return rc;
}

int
inventory_address_scan(struct store *s,
    void (*each)(void *arg, const char *host, const struct error *err), void *arg)
{
	struct scan c = {.s = s,
	    .site = str_alloc(sizeof(*c.site)),
	    .host = str_alloc(sizeof(*c.host)),
	    .each = each,
	    .arg = arg};
	struct store_names sites = {0};
	bool reading = db_read_begin(store_db(s));
	int rc = db_site_names(s, NULL, INT64_MAX, &sites);

	for (size_t i = 0; rc == 0 && i < sites.n; i++)
		rc = scan_site(&c, sites.v[i]);
	db_read_end(store_db(s), reading);
	store_names_done(&sites);
	free(c.site);
	free(c.host);
	return rc;
}
