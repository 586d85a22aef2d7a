/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A subnet of a site: JSON <-> struct.
 *
 * Entry points: bundle_subnet_to_json(), bundle_subnet_from_json().
 * Ownership: struct bundle_subnet is a value.
 * Failure modes: -EINVAL with the member's name in *err, the result untouched; a pool
 * that is not inside its prefix is refused here, before a DHCP server could hand it out.
 */
#include <errno.h>
#include <string.h>

#include "lib/bundle.h"
#include "lib/json.h"
#include "lib/str.h"

enum { LEASE_DEFAULT_S = 3600, LEASE_MIN_S = 60, LEASE_MAX_S = 30 * 86400 };
/* RFC 4861 6.2.1: AdvDefaultLifetime at most 9000 s; RFC 8200 5: an IPv6 link carries 1280 octets. */
enum { ROUTER_MAX_S = 9000, MTU_MIN = 1280, MTU_MAX = 65535 };

static json_t *
ip_json(const struct addr_ip *ip)
{
	char text[ADDR_IP_TEXT];

	return json_string(addr_ip_text(ip, text, sizeof(text)));
}

json_t *
bundle_subnet_to_json(const struct bundle_subnet *s)
{
	json_t *v = json_object(), *dns = json_array();
	char prefix[ADDR_PREFIX_TEXT], gateway[ADDR_IP_TEXT];

	for (size_t i = 0; i < s->n_dns; i++)
		json_array_append_new(dns, ip_json(&s->dns[i]));
	json_put_str(v, "prefix", addr_prefix_text(&s->prefix, prefix, sizeof(prefix)));
	json_put_str(v, "gateway", addr_ip_text(&s->gateway, gateway, sizeof(gateway)));
	json_put(v, "dns", dns);
	if (addr_ip_is_set(&s->pool_first))
		json_put(v, "pool",
		    json_pack("[oo]", ip_json(&s->pool_first), ip_json(&s->pool_last)));
	json_put_i64(v, "lease_s", s->lease_s);
	json_put_str(v, "domain", s->domain);
	json_put_str(v, "relay", s->relay);
	if (s->prefix.ip.family == AF_INET6) {
		json_put_str(v, "ra", bundle_ra_name(s->ra));
		json_put_i64(v, "router_s", s->router_s);
		json_put_i64(v, "mtu", s->mtu);
	}
	return v;
}

static int
read_ip(const json_t *v, const char *what, struct addr_ip *ret, struct error *err)
{
	const char *text = json_string_value(v);

	if (text == NULL || addr_ip_parse(text, ret) < 0)
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "%s: not an IP address", what);
	return 0;
}

static int
read_prefix(const json_t *v, struct bundle_subnet *s, struct error *err)
{
	const char *prefix = NULL, *gateway = "";

	if (json_get_str(v, "prefix", &prefix, err) < 0 ||
	    json_opt_str(v, "gateway", &gateway, err) < 0)
		return -EINVAL;
	if (addr_prefix_parse(prefix, &s->prefix) < 0)
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "prefix: not ADDRESS/LENGTH");
	if (gateway[0] != '\0' && addr_ip_parse(gateway, &s->gateway) < 0)
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "gateway: not an IP address");
	return 0;
}

static int
read_dns(const json_t *v, struct bundle_subnet *s, struct error *err)
{
	json_t *dns = NULL;

	if (json_opt_arr(v, "dns", &dns, err) < 0)
		return -EINVAL;
	if (json_array_size(dns) > ARRAY_SIZE(s->dns))
		return error_set(err, -EINVAL, "bad-value", NULL, "dns: more than %zu",
		    ARRAY_SIZE(s->dns));
	for (size_t i = 0; i < json_array_size(dns); i++)
		if (read_ip(json_array_get(dns, i), "dns", &s->dns[i], err) < 0)
			return -EINVAL;
	s->n_dns = json_array_size(dns);
	return 0;
}

static int
read_pool(const json_t *v, struct bundle_subnet *s, struct error *err)
{
	char first[ADDR_IP_TEXT], last[ADDR_IP_TEXT], prefix[ADDR_PREFIX_TEXT];
	json_t *pool = NULL;

	if (json_opt_arr(v, "pool", &pool, err) < 0)
		return -EINVAL;
	if (json_array_size(pool) == 0)
		return 0;
	if (json_array_size(pool) != 2)
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "pool: not a first and a last address");
	if (read_ip(json_array_get(pool, 0), "pool", &s->pool_first, err) < 0 ||
	    read_ip(json_array_get(pool, 1), "pool", &s->pool_last, err) < 0)
		return -EINVAL;
	addr_ip_text(&s->pool_first, first, sizeof(first));
	addr_ip_text(&s->pool_last, last, sizeof(last));
	if (!addr_prefix_contains(&s->prefix, &s->pool_first) ||
	    !addr_prefix_contains(&s->prefix, &s->pool_last))
		return error_set(err, -EINVAL, "bad-value",
		    "give a first and a last address of this very subnet",
		    "pool: %s to %s does not lie in %s", first, last,
		    addr_prefix_text(&s->prefix, prefix, sizeof(prefix)));
	if (memcmp(s->pool_first.b, s->pool_last.b, sizeof(s->pool_first.b)) > 0)
		return error_set(err, -EINVAL, "bad-value",
		    "give the lower address first", "pool: %s to %s runs backwards",
		    first, last);
	return 0;
}

static int
read_rest(const json_t *v, struct bundle_subnet *s, struct error *err)
{
	struct addr_ip relay;

	s->lease_s = LEASE_DEFAULT_S;
	if (json_opt_i64(v, "lease_s", &s->lease_s, err) < 0 ||
	    json_copy_opt(v, "domain", s->domain, sizeof(s->domain), err) < 0 ||
	    json_copy_opt(v, "relay", s->relay, sizeof(s->relay), err) < 0)
		return -EINVAL;
	if (s->lease_s < LEASE_MIN_S || s->lease_s > LEASE_MAX_S)
		return error_set(err, -EINVAL, "bad-value", NULL, "lease_s: not %d..%d",
		    LEASE_MIN_S, LEASE_MAX_S);
	if (s->domain[0] != '\0' && !str_name_valid(s->domain))
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "domain: not a domain name");
	if (s->relay[0] != '\0' && addr_ip_parse(s->relay, &relay) < 0)
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "relay: not an IP address");
	/* One form: it is compared as text with what a relay says. */
	if (s->relay[0] != '\0')
		addr_ip_text(&relay, s->relay, sizeof(s->relay));
	return 0;
}

/* All addresses are of the prefix's family. */
static int
check_family(const struct bundle_subnet *s, struct error *err)
{
	int family = s->prefix.ip.family;
	const char *bad = NULL;
	struct addr_ip relay;

	if (addr_ip_is_set(&s->gateway) && s->gateway.family != family)
		bad = "gateway";
	for (size_t i = 0; i < s->n_dns; i++)
		bad = s->dns[i].family != family ? "dns" : bad;
	if (s->relay[0] != '\0' && addr_ip_parse(s->relay, &relay) == 0 &&
	    relay.family != family)
		bad = "relay";
	if (bad)
		return error_set(err, -EINVAL, "bad-value",
		    "write one subnet for IPv4 and one for IPv6",
		    "%s: of another family than the prefix", bad);
	return 0;
}

static int
read_ra(const json_t *v, struct bundle_subnet *s, struct error *err)
{
	bool v6 = s->prefix.ip.family == AF_INET6;
	const char *ra = v6 ? "managed" : "off";

	if (json_opt_str(v, "ra", &ra, err) < 0 ||
	    json_opt_i64(v, "router_s", &s->router_s, err) < 0 ||
	    json_opt_i64(v, "mtu", &s->mtu, err) < 0)
		return -EINVAL;
	if (bundle_ra_parse(ra, &s->ra) < 0)
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "ra: not off, managed or stateless");
	if (!v6 && (s->ra != BUNDLE_RA_OFF || s->router_s != 0 || s->mtu != 0))
		return error_set(err, -EINVAL, "bad-value", NULL,
		    "ra, router_s, mtu: only of an IPv6 subnet");
	if (s->ra == BUNDLE_RA_STATELESS && s->prefix.len != 64)
		return error_set(err, -EINVAL, "bad-value",
		    "make the prefix a /64, or say ra: managed",
		    "ra: machines make addresses by themselves in a /64 only");
	if (s->router_s < 0 || s->router_s > ROUTER_MAX_S)
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "router_s: not 0..%d", ROUTER_MAX_S);
	if (s->mtu != 0 && (s->mtu < MTU_MIN || s->mtu > MTU_MAX))
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "mtu: not %d..%d", MTU_MIN, MTU_MAX);
	return check_family(s, err);
}

int
bundle_subnet_from_json(const json_t *v, struct bundle_subnet *ret, struct error *err)
{
	struct bundle_subnet s = {.n_dns = 0};

	if (!json_is_object(v))
		return error_set(err, -EINVAL, "bad-value", NULL, "not an object");
	if (read_prefix(v, &s, err) < 0 || read_dns(v, &s, err) < 0 ||
	    read_pool(v, &s, err) < 0 || read_rest(v, &s, err) < 0 ||
	    read_ra(v, &s, err) < 0)
		return -EINVAL;
	*ret = s;
	return 0;
}
