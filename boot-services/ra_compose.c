/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the site's subnets to one router advertisement for a link.
 *
 * Entry points: ra_compose(). Ownership: values.
 *
 * All subnets of a link share one message: M when one of them is managed, O when one is managed or
 * stateless, the longest router lifetime, the smallest MTU. A subnet with `ra: off` adds nothing,
 * and where all are off nothing is sent. A prefix is on-link (L) always, and autonomous (A) only
 * where the site wants machines to make their own addresses: in a managed subnet they would come up
 * with addresses that no table knows.
 *
 * Failure modes: what does not fit is counted in left_out. */
#include "boot-services/ra_compose.h"

#include <stdio.h>
#include <string.h>

#include "boot-services/ra_proto.h"
#include "lib/str.h"

static bool
is_on_link(const struct bundle_subnet *subnet, const struct ra_server_addrs *addrs)
{
	for (size_t i = 0; i < addrs->n_own; i++) {
		if (addr_prefix_contains(&subnet->prefix, &addrs->own[i]))
			return true;
	}
	return false;
}

static void
add_prefix(struct ra_compose *c, const struct bundle_subnet *subnet)
{
	struct ra_msg_prefix *p;

	if (c->msg.n_prefixes == RA_MSG_PREFIXES) {
		c->left_out++;
		return;
	}
	p = &c->msg.prefixes[c->msg.n_prefixes++];
	p->prefix = subnet->prefix;
	p->on_link = true;
	p->autonomous = subnet->ra == BUNDLE_RA_STATELESS;
	p->valid_s = RA_PREFIX_VALID_S;
	p->preferred_s = RA_PREFIX_PREFERRED_S;
}

static void
add_dns(struct ra_compose *c, const struct addr_ip *ip)
{
	struct ra_msg *m = &c->msg;

	for (size_t i = 0; i < m->n_dns; i++) {
		if (addr_ip_eq(&m->dns[i], ip))
			return;
	}
	if (m->n_dns == RA_MSG_DNS)
		c->left_out++;
	else
		m->dns[m->n_dns++] = *ip;
}

static void
add_domain(struct ra_compose *c, const char *domain)
{
	struct ra_msg *m = &c->msg;

	for (size_t i = 0; i < m->n_domains; i++) {
		if (str_eq(m->domains[i], domain))
			return;
	}
	if (m->n_domains == RA_MSG_DOMAINS)
		c->left_out++;
	else
		str_clip(m->domains[m->n_domains++], RA_MSG_DOMAIN_SIZE, domain);
}

static void
add_subnet(struct ra_compose *c, const struct bundle_subnet *subnet)
{
	struct ra_msg *m = &c->msg;

	c->mode = RA_COMPOSE_FULL;
	m->managed = m->managed || subnet->ra == BUNDLE_RA_MANAGED;
	m->other = true;
	if (subnet->router_s > m->router_s)
		m->router_s = (uint16_t)subnet->router_s;
	/* What is shorter would be over between two advertisements. */
	if (m->router_s > 0 && m->router_s < RA_LIFETIME_INTERVALS * RA_INTERVAL_LEAST_S)
		m->router_s = RA_LIFETIME_INTERVALS * RA_INTERVAL_LEAST_S;
	if (subnet->mtu != 0 && (m->mtu == 0 || subnet->mtu < m->mtu))
		m->mtu = (uint32_t)subnet->mtu;
	add_prefix(c, subnet);
	for (size_t i = 0; i < subnet->n_dns; i++)
		add_dns(c, &subnet->dns[i]);
	if (subnet->domain[0] != '\0')
		add_domain(c, subnet->domain);
}

void
ra_compose(const struct bundle_site *site, const struct ra_server_addrs *addrs,
    bool serves_v4, struct ra_compose *ret)
{
	bool has_v6 = false;

	*ret = (struct ra_compose){.mode = RA_COMPOSE_NONE};
	ret->msg.hop_limit = RA_CUR_HOP_LIMIT;
	ret->msg.has_mac = addrs->has_mac;
	ret->msg.mac = addrs->mac;
	for (size_t i = 0; i < site->n_subnets; i++) {
		const struct bundle_subnet *subnet = &site->subnets[i];

		if (subnet->prefix.ip.family != AF_INET6 || !is_on_link(subnet, addrs))
			continue;
		has_v6 = true;
		if (subnet->ra != BUNDLE_RA_OFF)
			add_subnet(ret, subnet);
	}
	if (!has_v6 && serves_v4)
		ret->mode = RA_COMPOSE_MINIMAL;
}

const char *
ra_compose_prefixes_text(const struct ra_msg *m, char *buf, size_t size)
{
	size_t at = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < m->n_prefixes && at < size; i++) {
		char text[ADDR_PREFIX_TEXT];

		at += (size_t)snprintf(buf + at, size - at, "%s%s", i > 0 ? " " : "",
		    addr_prefix_text(&m->prefixes[i].prefix, text, sizeof(text)));
	}
	return buf;
}

const char *
ra_compose_mode_why(enum ra_compose_mode mode)
{
	switch (mode) {
	case RA_COMPOSE_NONE: return "router advertisements are off on this link";
	case RA_COMPOSE_MINIMAL:
		return "no IPv6 subnet here: only so that iPXE does not wait for a "
		       "router";
	case RA_COMPOSE_FULL: return "the IPv6 subnets of this link";
	}
	return "";
}
