/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bootd.yaml: the site, its subnets, and the hosts that bootd serves when it runs alone.
 *
 * Entry point: bootd_config_site_check(). What two hosts must not share (a MAC, a fixed
 * address) is found by putting them into a throw-away host table, the very one that will
 * answer for them later, so that what -n accepts the running program accepts too. */
#include "boot-services/bootd_config_site.h"

#include <errno.h>
#include <string.h>

#include "boot-services/fileroot.h"
#include "boot-services/hosttab.h"
#include "lib/str.h"

enum { LEASE_DEFAULT_S = 4 * 3600 };

/* An address of the subnet's family. */
static int
parse_same(const struct yaml_where *w, const char *path, const char *text, int family,
    struct addr_ip *ret, struct error *err)
{
	if (addr_ip_parse(text, ret) < 0 || ret->family != family)
		return yaml_where_bad(w, path, err, "not an %s address",
		    family == AF_INET6 ? "IPv6" : "IPv4");
	return 0;
}

static int
check_pool(const struct yaml_where *w, const char *path,
    const struct bootd_config_raw_subnet *raw, struct bundle_subnet *s, struct error *err)
{
	int r;

	if (raw->pool_count == 0)
		return 0;
	if (raw->pool_count != 2)
		return yaml_where_bad(
		    w, path, err, "needs the first and the last address");
	r = parse_same(w, path, raw->pool[0], s->prefix.ip.family, &s->pool_first, err);
	if (r == 0)
		r = parse_same(
		    w, path, raw->pool[1], s->prefix.ip.family, &s->pool_last, err);
	if (r < 0)
		return r;
	if (!addr_prefix_contains(&s->prefix, &s->pool_first) ||
	    !addr_prefix_contains(&s->prefix, &s->pool_last))
		return yaml_where_bad(w, path, err, "not inside the prefix");
	if (memcmp(s->pool_first.b, s->pool_last.b, sizeof(s->pool_first.b)) > 0)
		return yaml_where_bad(
		    w, path, err, "the first address is above the last");
	return 0;
}

static int
check_lease(const struct yaml_where *w, const char *path, const char *text,
    int64_t *ret_s, struct error *err)
{
	int64_t us;

	if (!text)
		return 0;
	/* Shorter leases would end during an installation (boot.md 1.2, option 51). */
	if (str_to_duration(text, &us) < 0 || us < 60 * USEC_PER_SEC ||
	    us > 366 * 86400 * USEC_PER_SEC)
		return yaml_where_bad(
		    w, path, err, "not a duration between 60s and 366d");
	*ret_s = us / USEC_PER_SEC;
	return 0;
}

/* A relay's address, or a domain, as text. */
static int
check_texts(const struct yaml_where *w, uint32_t i,
    const struct bootd_config_raw_subnet *raw, struct bundle_subnet *s, struct error *err)
{
	char path[YAML_WHERE_PATH_SIZE];
	struct addr_ip ip;

	yaml_where_path(path, "subnets[%u].domain", i);
	if (raw->domain && raw->domain[0] &&
	    (!str_name_valid(raw->domain) ||
		str_copy(s->domain, sizeof(s->domain), raw->domain)))
		return yaml_where_bad(w, path, err, "not a domain name");
	yaml_where_path(path, "subnets[%u].relay", i);
	if (!raw->relay || !raw->relay[0])
		return 0;
	if (parse_same(w, path, raw->relay, s->prefix.ip.family, &ip, err) < 0)
		return -EINVAL;
	addr_ip_text(&ip, s->relay, sizeof(s->relay));
	return 0;
}

static int
check_prefix(const struct yaml_where *w, const char *path, const char *text,
    struct bundle_subnet *s, struct error *err)
{
	bool good = addr_prefix_parse(text, &s->prefix) == 0;

	/* Firmware takes an IPv6 link for a /64, whatever it is told (boot.md 1.6). */
	if (good && s->prefix.ip.family == AF_INET6)
		good = s->prefix.len == 64;
	else
		good = good && s->prefix.len >= 8 && s->prefix.len <= 30;
	if (!good)
		return yaml_where_bad(w, path, err,
		    "not a prefix such as 10.77.0.0/24 (/8 to /30) or fd77::/64 (IPv6: "
		    "/64 "
		    "only)");
	return 0;
}

static int
check_gateway(const struct yaml_where *w, const char *path,
    const struct bootd_config_raw_subnet *raw, struct bundle_subnet *s, struct error *err)
{
	int family = s->prefix.ip.family;

	if (parse_same(w, path, raw->gateway, family, &s->gateway, err) < 0)
		return -EINVAL;
	if (family == AF_INET6)
		return yaml_where_bad(w, path, err,
		    "IPv6 hosts learn their router from its advertisements: leave it "
		    "out, or set "
		    "router_lifetime if this machine is the router");
	if (!addr_prefix_contains(&s->prefix, &s->gateway))
		return yaml_where_bad(w, path, err, "not inside the prefix");
	if (!addr_prefix_has_host_v4(&s->prefix, &s->gateway))
		return yaml_where_bad(w, path, err,
		    "not the address of a host, but the network's or broadcast address");
	return 0;
}

static int
check_ra(const struct yaml_where *w, uint32_t i,
    const struct bootd_config_raw_subnet *raw, struct bundle_subnet *s, struct error *err)
{
	char path[YAML_WHERE_PATH_SIZE];
	int64_t us = 0;

	yaml_where_path(path, "subnets[%u].prefix", i);
	if (s->prefix.ip.family != AF_INET6)
		return raw->ra || raw->router_lifetime || raw->mtu
			   ? yaml_where_bad(w, path, err,
				 "ra, router_lifetime and mtu are for IPv6 subnets")
			   : 0;
	s->ra = raw->ra ? (enum bundle_ra) * raw->ra : BUNDLE_RA_MANAGED;
	yaml_where_path(path, "subnets[%u].router_lifetime", i);
	if (raw->router_lifetime && !str_eq(raw->router_lifetime, "0") &&
	    (str_to_duration(raw->router_lifetime, &us) < 0 || us < 0 ||
		us > 9000 * USEC_PER_SEC))
		return yaml_where_bad(
		    w, path, err, "not a duration of at most 9000s (RFC 4861 6.2.1)");
	s->router_s = us / USEC_PER_SEC;
	yaml_where_path(path, "subnets[%u].mtu", i);
	if (raw->mtu && (*raw->mtu < 1280 || *raw->mtu > 65535))
		return yaml_where_bad(w, path, err, "not between 1280 and 65535");
	s->mtu = raw->mtu ? *raw->mtu : 0;
	return 0;
}

static int
check_subnet(const struct yaml_where *w, uint32_t i,
    const struct bootd_config_raw_subnet *raw, struct bundle_subnet *s, struct error *err)
{
	char path[YAML_WHERE_PATH_SIZE];

	*s = (struct bundle_subnet){.lease_s = LEASE_DEFAULT_S};
	yaml_where_path(path, "subnets[%u].prefix", i);
	if (check_prefix(w, path, raw->prefix, s, err) < 0)
		return -EINVAL;
	yaml_where_path(path, "subnets[%u].gateway", i);
	if (raw->gateway && raw->gateway[0] && check_gateway(w, path, raw, s, err) < 0)
		return -EINVAL;
	for (uint32_t k = 0; k < raw->dns_count; k++) {
		yaml_where_path(path, "subnets[%u].dns[%u]", i, k);
		if (parse_same(
			w, path, raw->dns[k], s->prefix.ip.family, &s->dns[k], err) < 0)
			return -EINVAL;
	}
	s->n_dns = raw->dns_count;
	yaml_where_path(path, "subnets[%u].pool", i);
	if (check_pool(w, path, raw, s, err) < 0)
		return -EINVAL;
	yaml_where_path(path, "subnets[%u].lease", i);
	if (check_lease(w, path, raw->lease, &s->lease_s, err) < 0)
		return -EINVAL;
	if (check_ra(w, i, raw, s, err) < 0)
		return -EINVAL;
	return check_texts(w, i, raw, s, err);
}

static int
check_subnets(const struct yaml_where *w, const struct bootd_config_raw *raw,
    struct bundle_site *site, struct error *err)
{
	for (uint32_t i = 0; i < raw->subnets_count; i++) {
		struct bundle_subnet *s = &site->subnets[i];
		char path[YAML_WHERE_PATH_SIZE];

		if (check_subnet(w, i, &raw->subnets[i], s, err) < 0)
			return -EINVAL;
		yaml_where_path(path, "subnets[%u].prefix", i);
		for (uint32_t k = 0; k < i; k++)
			if (addr_prefix_contains(
				&site->subnets[k].prefix, &s->prefix.ip) ||
			    addr_prefix_contains(&s->prefix, &site->subnets[k].prefix.ip))
				return yaml_where_bad(
				    w, path, err, "overlaps subnets[%u]", k);
		site->n_subnets = i + 1;
	}
	return 0;
}

/* One NIC, from `macs` (no address of its own) or `nics`. */
static int
add_nic(const struct yaml_where *w, const char *path, const char *mac, const char *ip,
    const char *ip6, bool boot, struct bundle_host *h, struct error *err)
{
	struct bundle_nic *nic = &h->nics[h->n_nics];

	if (h->n_nics == BUNDLE_MACS_MAX)
		return yaml_where_bad(
		    w, path, err, "more than %d NICs", (int)BUNDLE_MACS_MAX);
	if (addr_mac_parse(mac, &nic->mac) < 0)
		return yaml_where_bad(
		    w, path, err, "not a MAC address such as 52:54:00:12:34:56");
	nic->boot = boot;
	h->n_nics++;
	if (ip && ip[0] && parse_same(w, path, ip, AF_INET, &nic->ip, err) < 0)
		return -EINVAL;
	return ip6 && ip6[0] ? parse_same(w, path, ip6, AF_INET6, &nic->ip6, err) : 0;
}

static int
check_nics(const struct yaml_where *w, uint32_t i,
    const struct bootd_config_raw_host *raw, struct bundle_host *h, struct error *err)
{
	char path[YAML_WHERE_PATH_SIZE];
	int r = 0;

	for (uint32_t k = 0; k < raw->macs_count && r == 0; k++) {
		yaml_where_path(path, "hosts[%u].macs[%u]", i, k);
		r = add_nic(w, path, raw->macs[k], k == 0 ? raw->ip : NULL,
		    k == 0 ? raw->ip6 : NULL, false, h, err);
	}
	for (uint32_t k = 0; k < raw->nics_count && r == 0; k++) {
		const struct bootd_config_raw_nic *nic = &raw->nics[k];

		yaml_where_path(path, "hosts[%u].nics[%u]", i, k);
		r = add_nic(w, path, nic->mac, nic->ip, nic->ip6, nic->boot, h, err);
	}
	if (r < 0)
		return r;
	yaml_where_path(path, "hosts[%u]", i);
	if (h->n_nics == 0)
		return yaml_where_bad(w, path, err, "key 'macs' or 'nics' is missing");
	if ((raw->ip || raw->ip6) && raw->macs_count == 0)
		return yaml_where_bad(w, path, err,
		    "'ip' and 'ip6' belong to the first of 'macs'; write them into "
		    "'nics' instead");
	return 0;
}

static int
check_image_path(const struct yaml_where *w, const char *path, const char *value,
    char *dst, struct error *err)
{
	if (fileroot_clean(value, dst, BUNDLE_PATH_SIZE) < 0 || dst[0] == '\0')
		return yaml_where_bad(
		    w, path, err, "must be a path below the images directory");
	return 0;
}

static int
check_boot(const struct yaml_where *w, uint32_t i,
    const struct bootd_config_raw_boot *raw, struct bootd_config_boot *b,
    struct error *err)
{
	char path[YAML_WHERE_PATH_SIZE];

	b->host = i;
	yaml_where_path(path, "hosts[%u].boot.kernel", i);
	if (check_image_path(w, path, raw->kernel, b->kernel, err) < 0)
		return -EINVAL;
	for (uint32_t k = 0; k < raw->initrds_count; k++) {
		yaml_where_path(path, "hosts[%u].boot.initrds[%u]", i, k);
		if (check_image_path(w, path, raw->initrds[k], b->initrds[k], err) < 0)
			return -EINVAL;
	}
	b->n_initrds = raw->initrds_count;
	yaml_where_path(path, "hosts[%u].boot.args", i);
	for (const char *c = raw->args ? raw->args : ""; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return yaml_where_bad(
			    w, path, err, "control characters are not allowed");
	str_clip(b->args, sizeof(b->args), raw->args ? raw->args : "");
	str_clip(b->order, sizeof(b->order), raw->order ? raw->order : "");
	return 0;
}

/* A proxy needs no IPv4 subnets; there a fixed address is what the other server gives. */
static int
check_fixed(const struct yaml_where *w, const char *path, const struct bundle_host *h,
    const struct hosttab *seen, bool proxy, struct error *err)
{
	for (size_t k = 0; k < 2 * h->n_nics; k++) {
		const struct bundle_nic *nic = &h->nics[k / 2];
		const struct addr_ip *ip = k % 2 ? &nic->ip6 : &nic->ip;
		const struct bundle_subnet *s = hosttab_subnet(seen, ip);

		if (!addr_ip_is_set(ip) || (!s && proxy && ip->family == AF_INET))
			continue;
		if (!s)
			return yaml_where_bad(
			    w, path, err, "its fixed address is in none of the subnets");
		/* RFC 4291 2.6.1: an IPv6 prefix's own address is that of all its routers. */
		if ((ip->family == AF_INET && !addr_prefix_has_host_v4(&s->prefix, ip)) ||
		    addr_ip_eq(ip, &s->gateway) || addr_ip_eq(ip, &s->prefix.ip))
			return yaml_where_bad(w, path, err,
			    "no host may have its fixed address: it is the subnet's "
			    "network, anycast, broadcast or gateway address");
	}
	return 0;
}

static int
check_host(const struct yaml_where *w, uint32_t i,
    const struct bootd_config_raw_host *raw, struct bootd_config *c, struct hosttab *seen,
    struct error *err)
{
	struct bundle_host *h = &c->site.hosts[i];
	struct error why = {0};
	char path[YAML_WHERE_PATH_SIZE];

	h->firmware =
	    raw->firmware ? (enum bundle_firmware) * raw->firmware : BUNDLE_UEFI;
	h->idle = raw->idle ? (enum bundle_idle) * raw->idle : c->site.idle;
	h->local_boot = raw->local_boot ? (enum bundle_local_boot) * raw->local_boot
					: BUNDLE_LOCAL_EXIT1;
	yaml_where_path(path, "hosts[%u].uuid", i);
	if (raw->uuid && raw->uuid[0]) {
		struct addr_uuid uuid;

		if (addr_uuid_parse(raw->uuid, &uuid) < 0)
			return yaml_where_bad(w, path, err, "not a UUID");
		addr_uuid_text(&uuid, h->uuid, sizeof(h->uuid));
	}
	yaml_where_path(path, "hosts[%u].name", i);
	if (!str_name_valid(raw->name) ||
	    str_copy(h->name, sizeof(h->name), raw->name) < 0)
		return yaml_where_bad(
		    w, path, err, "not a host name (letters, digits, '-', '_' and dots)");
	if (hosttab_by_name(seen, h->name))
		return yaml_where_bad(w, path, err, "there is another host of this name");
	if (check_nics(w, i, raw, h, err) < 0)
		return -EINVAL;
	yaml_where_path(path, "hosts[%u]", i);
	if (check_fixed(w, path, h, seen, c->dhcp4_proxy, err) < 0)
		return -EINVAL;
	if (hosttab_put(seen, h, NULL, &why) < 0)
		return yaml_where_bad(w, path, err, "%s", why.text);
	if (!raw->boot)
		return 0;
	return check_boot(w, i, raw->boot, &c->boots[c->n_boots++], err);
}

static int
check_hosts(const struct yaml_where *w, const struct bootd_config_raw *raw,
    struct bootd_config *c, struct error *err)
{
	struct hosttab *seen = hosttab_new();
	size_t n_boots = 0;
	int r = 0;

	for (uint32_t i = 0; i < raw->hosts_count; i++)
		n_boots += raw->hosts[i].boot != NULL;
	hosttab_set_site(seen, &c->site);
	c->site.hosts = str_alloc(raw->hosts_count * sizeof(*c->site.hosts));
	c->boots = str_alloc(n_boots * sizeof(*c->boots));
	for (uint32_t i = 0; i < raw->hosts_count && r == 0; i++) {
		r = check_host(w, i, &raw->hosts[i], c, seen, err);
		c->site.n_hosts = i + 1;
	}
	hosttab_free(seen);
	return r;
}

int
bootd_config_site_check(const struct yaml_where *w, const struct bootd_config_raw *raw,
    struct bootd_config *c, struct error *err)
{
	struct bundle_site *site = &c->site;

	if (raw->site.name) {
		if (!str_name_valid(raw->site.name))
			return yaml_where_bad(w, "site.name", err, "not a site name");
		str_clip(site->name, sizeof(site->name), raw->site.name);
	}
	if (raw->site.timezone)
		str_clip(site->timezone, sizeof(site->timezone), raw->site.timezone);
	if (raw->site.unknown)
		site->answer_unknown = *raw->site.unknown != 0;
	if (raw->site.idle)
		site->idle = (enum bundle_idle) * raw->site.idle;
	if (check_subnets(w, raw, site, err) < 0)
		return -EINVAL;
	return check_hosts(w, raw, c, err);
}
