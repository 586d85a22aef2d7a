// SPDX-License-Identifier: GPL-3.0-or-later
/* radvd.conf for the link that the boot server stands on.
 *
 * Entry point: siteconf_radvd_write(). M and O are of the link, A of each prefix (boot.md 1.7): where addresses
 * come by DHCPv6 hosts must not make their own. Prefixes of links behind a relay are left to the routers there.
 * Advertised often: firmware and iPXE wait for one (boot.md 0.1 rule 6). Pure; no failure modes.
 * Source: radvd.conf(5), RFC 4861 6.2.1, RFC 8106. */
#include <string.h>

#include "lib/str.h"
#include "orchestrator/siteconf_priv.h"

enum { INTERVAL_MIN_S = 20, INTERVAL_MAX_S = 60, ROUTER_MIN_S = INTERVAL_MAX_S };

static bool
is_told(const struct siteconf *c, const struct bundle_subnet *s)
{
	return s->prefix.ip.family == AF_INET6 && s->ra != BUNDLE_RA_OFF &&
	       !s->relay[0] &&
	       (!addr_ip_is_set(&c->server6) || siteconf_boot_is_local(c, s));
}

static void
write_prefix(const struct bundle_subnet *s, struct siteconf_text *t)
{
	char text[ADDR_PREFIX_TEXT];

	siteconf_text_add(t,
	    "\n\tprefix %s {\n\t\tAdvOnLink on;\n\t\tAdvAutonomous %s;\n\t};\n",
	    addr_prefix_text(&s->prefix, text, sizeof(text)),
	    s->ra == BUNDLE_RA_STATELESS ? "on" : "off");
}

static void
write_dns(const struct bundle_subnet *s, struct siteconf_text *t)
{
	char text[ADDR_IP_TEXT];

	if (s->n_dns > 0) {
		siteconf_text_add(t, "\n\tRDNSS");
		for (size_t i = 0; i < s->n_dns && i < 3; i++) /* its limit */
			siteconf_text_add(
			    t, " %s", addr_ip_text(&s->dns[i], text, sizeof(text)));
		siteconf_text_add(t, " {\n\t};\n");
	}
	if (s->domain[0])
		siteconf_text_add(t, "\n\tDNSSL %s {\n\t};\n", s->domain);
}

/* RFC 4861 6.2.1: 0, or not less than the interval. */
static int64_t
router_lifetime(const struct bundle_subnet *s)
{
	return s->router_s > 0 && s->router_s < ROUTER_MIN_S ? ROUTER_MIN_S : s->router_s;
}

void
siteconf_radvd_write(const struct siteconf *c, struct siteconf_text *t)
{
	bool managed = false, other = false;
	int64_t router = 0, mtu = 0;

	for (size_t i = 0; i < c->site->n_subnets; i++) {
		const struct bundle_subnet *s = &c->site->subnets[i];

		if (!is_told(c, s))
			continue;
		managed |= s->ra == BUNDLE_RA_MANAGED;
		other = true;
		router = router_lifetime(s) > router ? router_lifetime(s) : router;
		mtu = mtu == 0 || (s->mtu > 0 && s->mtu < mtu) ? s->mtu : mtu;
	}
	siteconf_boot_opening(c, t, "#", "/etc/radvd.conf");
	siteconf_text_add(t,
	    "# Check it with radvd -c -C FILE. Not beside \"enable-ra\" of dnsmasq or "
	    "\"ra\" of "
	    "netboot-bootd.\n\n"
	    "interface %s {\n"
	    "\tAdvSendAdvert on;\n"
	    "\tIgnoreIfMissing on;\n"
	    "\tMinRtrAdvInterval %d;\n"
	    "\tMaxRtrAdvInterval %d;\n"
	    "\tAdvManagedFlag %s;\n"
	    "\tAdvOtherConfigFlag %s;\n"
	    "\tAdvDefaultLifetime %lld;\n",
	    c->interface, INTERVAL_MIN_S, INTERVAL_MAX_S, managed ? "on" : "off",
	    other ? "on" : "off", (long long)router);
	if (mtu > 0)
		siteconf_text_add(t, "\tAdvLinkMTU %lld;\n", (long long)mtu);
	for (size_t i = 0; i < c->site->n_subnets; i++)
		if (is_told(c, &c->site->subnets[i]))
			write_prefix(&c->site->subnets[i], t);
	for (size_t i = 0; i < c->site->n_subnets; i++)
		if (is_told(c, &c->site->subnets[i])) {
			write_dns(&c->site->subnets[i], t);
			break;
		}
	siteconf_text_add(t, "};\n");
}
