/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which subnet a DHCPv6 client is on, and which of our addresses it should talk to.
 *
 * A relay says it by its link-address, the innermost that is not zero (RFC 8415 13.1), or by being the
 * `relay` of a subnet; all other clients are on the interface they are heard on. Where several subnets
 * share a link, the one that holds the host's fixed address wins, then one with a pool. A single
 * interface has also those subnets that no interface has an address in: whoever hands out addresses
 * need not have one. */
#include <errno.h>
#include <string.h>

#include "boot-services/dhcp6_priv.h"

enum { LEASE_DEFAULT_S = 3600, LEASE_MIN_S = 60 };

static bool
is_link_local(const struct addr_ip *ip)
{
	return ip->family == AF_INET6 && ip->b[0] == 0xfe && (ip->b[1] & 0xc0) == 0x80;
}

bool
dhcp6_subnet_is_multicast(const struct addr_ip *ip)
{
	return ip->family == AF_INET6 && ip->b[0] == 0xff;
}

bool
dhcp6_subnet_is_ours(const struct dhcp6_server *s, const struct addr_ip *ip)
{
	for (size_t i = 0; i < s->n_links; i++) {
		for (size_t k = 0; k < s->links[i].n_addrs; k++) {
			if (addr_ip_eq(&s->links[i].addrs[k], ip))
				return true;
		}
	}
	return false;
}

/* May an answer be sent there: to one machine, not to ourselves, and not off the link on the word of a
 * packet that came from the link? */
static bool
is_peer(const struct dhcp6_query *q)
{
	static const uint8_t none[15];
	const struct addr_ip *ip = &q->rx->src;

	if (ip->family != AF_INET6 || dhcp6_subnet_is_multicast(ip) ||
	    memcmp(ip->b, none, sizeof(none)) == 0 || dhcp6_subnet_is_ours(q->s, ip))
		return false;
	return q->msg->n_relays > 0 || is_link_local(ip) ||
	       dhcp6_subnet_on_link(q, ip->b);
}

static void
add(struct dhcp6_query *q, const struct bundle_subnet *s)
{
	if (!s || s->prefix.ip.family != AF_INET6 || q->n_on_link == DHCP6_CANDIDATES_MAX)
		return;
	for (size_t i = 0; i < q->n_on_link; i++) {
		if (q->on_link[i] == s)
			return;
	}
	q->on_link[q->n_on_link++] = s;
}

static void
add_of_relay(struct dhcp6_query *q, const struct addr_ip *relay)
{
	const struct bundle_site *site = hosttab_site(*q->s->table);
	char text[ADDR_IP_TEXT];

	addr_ip_text(relay, text, sizeof(text));
	for (size_t i = 0; i < site->n_subnets; i++) {
		if (strcmp(site->subnets[i].relay, text) == 0)
			add(q, &site->subnets[i]);
	}
}

static bool
has_our_address(const struct dhcp6_server *s, const struct bundle_subnet *subnet)
{
	for (size_t i = 0; i < s->n_links; i++) {
		for (size_t k = 0; k < s->links[i].n_addrs; k++) {
			if (addr_prefix_contains(&subnet->prefix, &s->links[i].addrs[k]))
				return true;
		}
	}
	return false;
}

static void
collect(struct dhcp6_query *q)
{
	const struct bundle_site *site = hosttab_site(*q->s->table);

	for (size_t i = 0; i < q->link->n_addrs; i++)
		add(q, hosttab_subnet(*q->s->table, &q->link->addrs[i]));
	for (size_t i = 0; i < site->n_subnets && q->s->n_links == 1; i++) {
		const struct bundle_subnet *s = &site->subnets[i];

		if (s->relay[0] == '\0' && !has_our_address(q->s, s))
			add(q, s);
	}
}

static void
collect_relayed(struct dhcp6_query *q)
{
	struct addr_ip link = {.family = AF_INET6};
	static const uint8_t zero[16];

	for (size_t i = q->msg->n_relays; i > 0; i--) {
		if (memcmp(q->msg->relays[i - 1].link, zero, sizeof(zero)) == 0)
			continue;
		memcpy(link.b, q->msg->relays[i - 1].link, sizeof(link.b));
		add_of_relay(q, &link);
		add(q, hosttab_subnet(*q->s->table, &link));
		return;
	}
	add_of_relay(q, &q->rx->src);
	/* A switch of the link itself that only adds the port (RFC 6221): the packet has come through no router. */
	if (q->n_on_link == 0 && is_link_local(&q->rx->src))
		collect(q);
}

static const struct bundle_nic *
nic_of(const struct hosttab_entry *host, const struct addr_mac *mac)
{
	for (size_t i = 0; host && i < host->host.n_nics; i++) {
		if (addr_mac_eq(&host->host.nics[i].mac, mac))
			return &host->host.nics[i];
	}
	return NULL;
}

/* For URLs: a link-local address is no use there, since it means nothing without an interface. */
static struct addr_ip
our_address(const struct dhcp6_query *q)
{
	const struct dhcp6_server_link *l = q->link;
	struct addr_ip any = {.family = 0};

	if (!dhcp6_subnet_is_multicast(&q->rx->dst) && !is_link_local(&q->rx->dst) &&
	    dhcp6_subnet_is_ours(q->s, &q->rx->dst))
		return q->rx->dst;
	for (size_t i = 0; i < l->n_addrs; i++) {
		if (addr_prefix_contains(&q->subnet->prefix, &l->addrs[i]))
			return l->addrs[i];
		if (!addr_ip_is_set(&any) && !is_link_local(&l->addrs[i]))
			any = l->addrs[i];
	}
	return any;
}

static void
choose_among(struct dhcp6_query *q)
{
	const struct bundle_nic *nic =
	    q->has_mac ? nic_of(q->host, &q->policy.mac) : NULL;

	for (size_t i = 0; i < q->n_on_link && nic && addr_ip_is_set(&nic->ip6); i++) {
		if (!addr_prefix_contains(&q->on_link[i]->prefix, &nic->ip6))
			continue;
		q->subnet = q->on_link[i];
		q->fixed = nic->ip6;
		return;
	}
	for (size_t i = 0; i < q->n_on_link && !q->subnet; i++) {
		if (addr_ip_is_set(&q->on_link[i]->pool_first))
			q->subnet = q->on_link[i];
	}
	if (!q->subnet)
		q->subnet = q->on_link[0];
}

int
dhcp6_subnet_choose(struct dhcp6_query *q, const char **ret_why)
{
	bool relayed = q->msg->n_relays > 0;

	if (relayed)
		collect_relayed(q);
	else
		collect(q);
	if (!is_peer(q)) {
		*ret_why = "it came from an address that cannot be answered";
		return -ENOENT;
	}
	if (q->n_on_link == 0) {
		*ret_why = relayed ? "no IPv6 subnet is configured for this relay"
				   : "no IPv6 subnet is configured for this link";
		return -ENOENT;
	}
	choose_among(q);
	memcpy(q->client.subnet, q->subnet->prefix.ip.b, sizeof(q->client.subnet));
	q->policy.server = our_address(q);
	return 0;
}

bool
dhcp6_subnet_on_link(const struct dhcp6_query *q, const uint8_t ip[16])
{
	struct addr_ip addr = {.family = AF_INET6};

	memcpy(addr.b, ip, sizeof(addr.b));
	for (size_t i = 0; i < q->n_on_link; i++) {
		if (addr_prefix_contains(&q->on_link[i]->prefix, &addr))
			return true;
	}
	return false;
}

bool
dhcp6_subnet_is_reserved(const struct dhcp6_query *q, const struct addr_ip *ip)
{
	/* RFC 4291 2.6.1: the prefix alone is the address of "a router". */
	return addr_ip_eq(ip, &q->subnet->prefix.ip) || dhcp6_subnet_is_ours(q->s, ip);
}

/* Addresses of the pool that this client must not get. */
static bool
avoid(const void *arg, const struct addr_ip *ip)
{
	const struct dhcp6_query *q = arg;

	return (hosttab_by_ip(*q->s->table, ip) && !addr_ip_eq(&q->fixed, ip)) ||
	       dhcp6_subnet_is_reserved(q, ip);
}

struct dhcp6_lease_range
dhcp6_subnet_range(const struct dhcp6_query *q)
{
	struct dhcp6_lease_range r = {.avoid = avoid, .arg = q};

	if (q->subnet->pool_first.family == AF_INET6 &&
	    q->subnet->pool_last.family == AF_INET6) {
		r.first = q->subnet->pool_first;
		r.last = q->subnet->pool_last;
	}
	return r;
}

uint32_t
dhcp6_subnet_lease_s(const struct bundle_subnet *s)
{
	if (s->lease_s <= 0)
		return LEASE_DEFAULT_S;
	if (s->lease_s < LEASE_MIN_S)
		return LEASE_MIN_S;
	return s->lease_s < DHCP6_INFINITE ? (uint32_t)s->lease_s : DHCP6_INFINITE - 1;
}
