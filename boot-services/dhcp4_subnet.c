/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which subnet a DHCPv4 client is on, and which of our addresses it should talk to.
 *
 * A relay says it by option 82.5 (RFC 3527) or giaddr, a client that sends unicast by
 * ciaddr, all others by the interface they are heard on. Where several subnets share a
 * link, the one that holds the host's fixed address wins, then one with a pool. Nothing
 * that a client itself could have put into option 82 counts: without a relay's giaddr
 * that option is echoed and otherwise ignored. */
#include <errno.h>
#include <string.h>

#include "boot-services/dhcp4_priv.h"

enum { CANDIDATES_MAX = BUNDLE_SUBNETS_MAX, LEASE_DEFAULT_S = 3600, LEASE_MIN_S = 60 };

struct candidates {
	const struct bundle_subnet *subnet[CANDIDATES_MAX];
	size_t n;
};

bool
dhcp4_subnet_is_ours(const struct dhcp4_server *s, uint32_t ip)
{
	for (size_t i = 0; i < s->n_links; i++) {
		for (size_t k = 0; k < s->links[i].n_addrs; k++) {
			if (s->links[i].addrs[k] == ip)
				return true;
		}
	}
	return false;
}

bool
dhcp4_subnet_is_peer(const struct dhcp4_server *s, uint32_t ip)
{
	struct addr_ip addr = addr_ip_make_v4(ip);
	const struct bundle_subnet *subnet = hosttab_subnet(*s->table, &addr);
	uint32_t net = ip >> 24;

	/* RFC 6890: "this network", loopback; multicast, reserved and broadcast. */
	if (net == 0 || net == 127 || net >= 224 || dhcp4_subnet_is_ours(s, ip))
		return false;
	return !subnet || addr_prefix_has_host_v4(&subnet->prefix, &addr);
}

static void
add_holder_of(struct candidates *c, const struct hosttab *t, uint32_t ip)
{
	struct addr_ip addr = addr_ip_make_v4(ip);
	const struct bundle_subnet *s = hosttab_subnet(t, &addr);

	if (s && s->prefix.ip.family == AF_INET && c->n < CANDIDATES_MAX)
		c->subnet[c->n++] = s;
}

/* Subnets that name this relay: a link with several subnets behind one giaddr. */
static void
add_of_relay(struct candidates *c, const struct hosttab *t, uint32_t giaddr)
{
	const struct bundle_site *site = hosttab_site(t);
	struct addr_ip relay = addr_ip_make_v4(giaddr);
	char text[ADDR_IP_TEXT];

	addr_ip_text(&relay, text, sizeof(text));
	for (size_t i = 0; i < site->n_subnets && c->n < CANDIDATES_MAX; i++) {
		if (strcmp(site->subnets[i].relay, text) == 0 &&
		    site->subnets[i].prefix.ip.family == AF_INET)
			c->subnet[c->n++] = &site->subnets[i];
	}
}

static void
collect(const struct dhcp4_query *q, struct candidates *c)
{
	const struct hosttab *t = *q->s->table;
	const struct dhcp4_msg *m = q->msg;

	if (m->giaddr != 0) {
		uint32_t link = dhcp4_msg_relay_ip(m, DHCP4_RELAY_LINK_SELECTION);

		if (link != 0) {
			add_holder_of(c, t, link);
			return;
		}
		add_of_relay(c, t, m->giaddr);
		add_holder_of(c, t, m->giaddr);
		return;
	}
	/* Unicast comes from an address that works, perhaps through a router. Broadcast
	 * is from this link, whatever address the client brings along. */
	if (m->ciaddr != 0 && m->type != DHCP4_DISCOVER && q->rx->dst_ip != 0xffffffff)
		add_holder_of(c, t, m->ciaddr);
	if (c->n > 0)
		return;
	for (size_t i = 0; i < q->link->n_addrs; i++)
		add_holder_of(c, t, q->link->addrs[i]);
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

static uint32_t
our_address(const struct dhcp4_query *q)
{
	const struct dhcp4_server_link *l = q->link;

	if (q->msg->giaddr != 0 || q->rx->pxe_port) {
		for (size_t i = 0; i < l->n_addrs; i++) {
			if (l->addrs[i] == q->rx->dst_ip)
				return l->addrs[i];
		}
	}
	for (size_t i = 0; i < l->n_addrs && q->subnet; i++) {
		struct addr_ip ip = addr_ip_make_v4(l->addrs[i]);

		if (addr_prefix_contains(&q->subnet->prefix, &ip))
			return l->addrs[i];
	}
	return l->addrs[0];
}

/* Can it be answered at all? NULL: it can. */
static const char *
unanswerable(const struct dhcp4_query *q)
{
	if (q->link->n_addrs == 0)
		return "the interface has no IPv4 address";
	if (q->msg->giaddr != 0 && !dhcp4_subnet_is_peer(q->s, q->msg->giaddr))
		return "the relay gives an address that no relay can have";
	return NULL;
}

/* A subnet only helps to choose among several addresses of the link. RFC 5107's override is not kept:
 * a client that took the relay for its boot server would ask the relay's port 4011. */
int
dhcp4_subnet_choose_proxy(struct dhcp4_query *q, const char **ret_why)
{
	const char *why = unanswerable(q);
	struct candidates c = {.n = 0};

	if (why) {
		*ret_why = why;
		return -ENOENT;
	}
	collect(q, &c);
	q->subnet = c.n > 0 ? c.subnet[0] : NULL;
	q->server_ip = q->server_id = our_address(q);
	q->policy.server = addr_ip_make_v4(q->server_ip);
	return 0;
}

int
dhcp4_subnet_choose(struct dhcp4_query *q, const char **ret_why)
{
	const struct bundle_nic *nic = nic_of(q->host, &q->policy.mac);
	struct candidates c = {.n = 0};
	const char *why = unanswerable(q);
	uint32_t override;

	if (why) {
		*ret_why = why;
		return -ENOENT;
	}
	collect(q, &c);
	if (c.n == 0) {
		*ret_why = q->msg->giaddr != 0 ? "no subnet is configured for this relay"
					       : "no subnet is configured for this link";
		return -ENOENT;
	}
	q->subnet = NULL;
	for (size_t i = 0; i < c.n && nic && nic->ip.family == AF_INET; i++) {
		if (addr_prefix_contains(&c.subnet[i]->prefix, &nic->ip)) {
			q->subnet = c.subnet[i];
			q->fixed = addr_ip_v4(&nic->ip);
			break;
		}
	}
	for (size_t i = 0; i < c.n && !q->subnet; i++) {
		if (addr_ip_is_set(&c.subnet[i]->pool_first))
			q->subnet = c.subnet[i];
	}
	if (!q->subnet)
		q->subnet = c.subnet[0];
	q->client.subnet = addr_ip_v4(&q->subnet->prefix.ip);
	q->server_ip = our_address(q);
	/* RFC 5107 4: "the server ... SHOULD use the value of this suboption as the
	 * server identifier". */
	override = q->msg->giaddr != 0
		       ? dhcp4_msg_relay_ip(q->msg, DHCP4_RELAY_SERVER_OVERRIDE)
		       : 0;
	q->server_id = override != 0 ? override : q->server_ip;
	q->policy.server = addr_ip_make_v4(q->server_ip);
	return 0;
}

bool
dhcp4_subnet_is_reserved(const struct dhcp4_query *q, uint32_t ip)
{
	struct addr_ip addr = addr_ip_make_v4(ip);

	return !addr_prefix_has_host_v4(&q->subnet->prefix, &addr) ||
	       addr_ip_eq(&q->subnet->gateway, &addr) || dhcp4_subnet_is_ours(q->s, ip);
}

/* Addresses of the pool that this client must not get. */
static bool
avoid(const void *arg, uint32_t ip)
{
	const struct dhcp4_query *q = arg;
	struct addr_ip addr = addr_ip_make_v4(ip);

	return (hosttab_by_ip(*q->s->table, &addr) && q->fixed != ip) ||
	       dhcp4_subnet_is_reserved(q, ip);
}

struct dhcp4_lease_range
dhcp4_subnet_range(const struct dhcp4_query *q)
{
	struct dhcp4_lease_range r = {
	    .subnet = q->client.subnet, .avoid = avoid, .arg = q};

	if (q->subnet->pool_first.family == AF_INET &&
	    q->subnet->pool_last.family == AF_INET) {
		r.first = addr_ip_v4(&q->subnet->pool_first);
		r.last = addr_ip_v4(&q->subnet->pool_last);
	}
	return r;
}

int64_t
dhcp4_subnet_lease_s(const struct bundle_subnet *s)
{
	if (s->lease_s <= 0)
		return LEASE_DEFAULT_S;
	if (s->lease_s < LEASE_MIN_S)
		return LEASE_MIN_S;
	return s->lease_s < DHCP4_INFINITE ? s->lease_s : (int64_t)DHCP4_INFINITE - 1;
}
