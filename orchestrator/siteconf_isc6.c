// SPDX-License-Identifier: GPL-3.0-or-later
/* dhcpd6.conf for isc-dhcp-server, IPv6.
 *
 * Entry point: siteconf_isc6_write(). As siteconf_isc.c, with full URLs (RFC 5970) and the two rules of
 * boot.md 0.1 that firmware is strict about: no option 16 to PXE clients (rule 4), option 16 "HTTPClient" to HTTP
 * clients (rule 5). A host is known by the MAC in a DUID-LL or DUID-LLT, by its SMBIOS UUID as DUID-UUID in
 * both orders of its octets (firmware and iPXE differ, boot.md 1.6), and behind a relay by option 79.
 *
 * dhcpd knows no MAC of a client with a DUID-UUID, so the script's URL has ${netX/mac} in it, which iPXE itself
 * fills in. Pure; no failure modes. Source of the syntax: dhcpd.conf(5), dhcp-options(5). */
#include <string.h>

#include "orchestrator/siteconf_priv.h"

/* RFC 8415 21.15 and iPXE: 00 04 "iPXE"; raw as some do. */
#define IS_IPXE                                                     \
	"(substring(option dhcp6.user-class, 2, 4) = \"iPXE\" or\n" \
	"   substring(option dhcp6.user-class, 0, 4) = \"iPXE\")"
#define IS_HTTP "substring(option dhcp6.vendor-class, 6, 10) = \"HTTPClient\""
#define IS_PXE                                                             \
	"(substring(option dhcp6.vendor-class, 6, 9) = \"PXEClient\" or\n" \
	"   exists dhcp6.client-arch-type)"

struct writer {
	const struct siteconf *c;
	struct siteconf_text *t;
	char url[128], server[ADDR_IP_TEXT];
	struct siteconf_uuids uuids;
};

/* 00:07 in option 61, or without it the text of option 16. */
static void
write_arch(const struct writer *w, uint16_t arch, const char *class)
{
	siteconf_text_add(w->t,
	    "substring(option dhcp6.client-arch-type, 0, 2) = %02x:%02x or\n"
	    "      (not exists dhcp6.client-arch-type and\n"
	    "       substring(option dhcp6.vendor-class, 6, %zu) = "
	    "\"%sClient:Arch:%05u\")",
	    arch >> 8, arch & 0xff, strlen(class) + strlen("Client:Arch:00000"), class,
	    arch);
}

static void
write_condition(
    const struct writer *w, const struct siteconf_loader *l, const char *class, size_t i)
{
	siteconf_text_add(w->t, "%s", i == 0 ? "    if " : " elsif ");
	for (size_t k = 0; k < l->n; k++) {
		if (k > 0)
			siteconf_text_add(w->t, " or\n      ");
		write_arch(w, l->arch[k], class);
	}
	if (l->absent)
		siteconf_text_add(w->t,
		    " or\n      (not exists dhcp6.client-arch-type and\n"
		    "       substring(option dhcp6.vendor-class, 6, %zu) != "
		    "\"%sClient:Arch:\")",
		    strlen(class) + strlen("Client:Arch:"), class);
	siteconf_text_add(w->t, " {\n");
}

static void
write_http_url(const struct writer *w, const char *in, const char *path, const char *file)
{
	siteconf_text_add(w->t,
	    "%soption dhcp6.vendor-class = "
	    "00:00:01:57:00:0a:48:54:54:50:43:6c:69:65:6e:74;\n"
	    "%soption dhcp6.bootfile-url \"%s/%s%s\";\n",
	    in, in, w->url, path, file);
}

static void
write_tftp_url(const struct writer *w, const char *in, const char *file)
{
	siteconf_text_add(w->t, "%soption dhcp6.bootfile-url \"tftp://[%s]/%s\";\n", in,
	    w->server, file);
}

static void
write_loaders(const struct writer *w, const struct bundle_host *host, bool http)
{
	struct siteconf_loader list[SITECONF_FILES_MAX];
	size_t n = siteconf_boot_loaders(w->c, host, list);

	for (size_t i = 0; i < n; i++) {
		write_condition(w, &list[i], http ? "HTTP" : "PXE", i);
		if (http)
			write_http_url(w, "      ", "loaders/", list[i].file);
		else
			write_tftp_url(w, "      ", list[i].file);
		siteconf_text_add(w->t, "    }");
	}
	siteconf_text_add(w->t, "\n");
}

static void
write_chain(const struct writer *w, const struct siteconf_group *g)
{
	bool boot = g->gets == SITECONF_BOOT;

	if (g->gets == SITECONF_SILENT) {
		siteconf_text_add(w->t, "  # DHCPv6 of isc-dhcp-server cannot be silent: "
					"an address, no boot\n");
		return;
	}
	siteconf_text_add(w->t,
	    "  if " IS_IPXE " {\n"
	    "    option dhcp6.bootfile-url \"%s/%s\";\n"
	    "  } elsif " IS_HTTP " {\n",
	    w->url, siteconf_boot_script(g));
	if (boot)
		write_loaders(w, g->host, true);
	else
		write_http_url(w, "    ", "", SITECONF_LOCAL_FILE);
	siteconf_text_add(w->t, "  } elsif " IS_PXE " {\n");
	if (boot)
		write_loaders(w, g->host, false);
	else
		write_tftp_url(w, "    ", SITECONF_LOCAL_FILE);
	siteconf_text_add(w->t, "  }\n");
}

/* Not at the top of the file: what is there is executed before dhcpd looks for the host, so that for
 * a moment nobody is known, and a host whose own group says nothing would keep it. */
static void
write_unknown(void *arg)
{
	const struct writer *w = arg;
	struct siteconf_group unknown = siteconf_boot_unknown(w->c);

	if (!w->c->site->answer_unknown)
		return;
	siteconf_text_add(w->t, "# Unknown machines\nif not known {\n");
	write_chain(w, &unknown);
	siteconf_text_add(w->t, "}\n");
}

static void
write_subnet(void *arg, const struct bundle_subnet *s)
{
	const struct writer *w = arg;
	char net[ADDR_PREFIX_TEXT];

	siteconf_text_add(w->t,
	    "subnet6 %s {\n  default-lease-time %lld;\n  preferred-lifetime %lld;\n"
	    "  option dhcp-renewal-time %lld;\n  option dhcp-rebinding-time %lld;\n",
	    addr_prefix_text(&s->prefix, net, sizeof(net)), (long long)s->lease_s,
	    (long long)s->lease_s, (long long)s->lease_s / 2,
	    (long long)(s->lease_s - s->lease_s / 8));
	siteconf_isc_dns(w->t, s, "dhcp6.name-servers");
	if (s->domain[0])
		siteconf_text_add(
		    w->t, "  option dhcp6.domain-search \"%s\";\n", s->domain);
	siteconf_isc_pool(w->c, w->t, s, "6");
	siteconf_text_add(w->t, "}\n");
}

static void
write_address(const struct writer *w, const struct addr_ip *ip)
{
	char text[ADDR_IP_TEXT];

	if (addr_ip_is_set(ip))
		siteconf_text_add(
		    w->t, " fixed-address6 %s;", addr_ip_text(ip, text, sizeof(text)));
	siteconf_text_add(w->t, " }\n");
}

static void
write_nic(const struct writer *w, const struct bundle_nic *nic)
{
	const uint8_t *b = nic->mac.b;
	char mac[ADDR_MAC_TEXT];

	addr_mac_text(&nic->mac, mac, sizeof(mac));
	siteconf_text_add(w->t,
	    "  host nic-%02x%02x%02x%02x%02x%02x { hardware ethernet %s;", b[0], b[1],
	    b[2], b[3], b[4], b[5], mac);
	write_address(w, &nic->ip6);
	siteconf_text_add(w->t,
	    "  host relayed-%02x%02x%02x%02x%02x%02x {\n"
	    "    host-identifier v6relopt 1 dhcp6.client-linklayer-addr 00:01:%s;",
	    b[0], b[1], b[2], b[3], b[4], b[5], mac);
	write_address(w, &nic->ip6);
}

static void
write_uuid(const struct writer *w, const struct addr_uuid *u, size_t host,
    const char *whose, const struct addr_ip *ip6)
{
	siteconf_text_add(w->t,
	    "  host %s-%zu {\n    host-identifier option dhcp6.client-id 00:04", whose,
	    host + 1);
	for (size_t i = 0; i < sizeof(u->b); i++)
		siteconf_text_add(w->t, ":%02x", u->b[i]);
	siteconf_text_add(w->t, ";");
	write_address(w, ip6);
}

static void
write_host(void *arg, size_t i, size_t k)
{
	const struct writer *w = arg;
	const struct bundle_host *h = &w->c->site->hosts[i];
	struct addr_uuid uuids[2];
	size_t n = siteconf_boot_uuids(&w->uuids, h, k, uuids);

	write_nic(w, &h->nics[k]);
	for (size_t u = 0; u < n; u++)
		write_uuid(
		    w, &uuids[u], i, u == 0 ? "ipxe" : "firmware", &h->nics[k].ip6);
}

static void
write_group(void *arg, const struct siteconf_group *g)
{
	struct writer *w = arg;

	siteconf_text_add(w->t, "\ngroup { # %s\n", g->name);
	write_chain(w, g);
	siteconf_boot_group_nics(w->c, g, write_host, w);
	siteconf_text_add(w->t, "}\n");
}

void
siteconf_isc6_write(const struct siteconf *c, struct siteconf_text *t)
{
	struct writer w = {.c = c, .t = t};

	siteconf_boot_uuids_init(c, &w.uuids);
	addr_ip_text(&c->server6, w.server, sizeof(w.server));
	siteconf_boot_url(c, AF_INET6, w.url);
	siteconf_boot_opening(
	    c, t, "#", "/etc/dhcp/dhcpd6.conf of isc-dhcp-server, DHCPv6");
	siteconf_text_add(t,
	    "# Check it with dhcpd -6 -t -cf FILE; the interface goes into "
	    "/etc/default/isc-dhcp-server.\n"
	    "# What it cannot do: know tickets (hosts are always sent to their script, "
	    "which decides), be silent to\n"
	    "# idle hosts, or know a host by the address that its packets come from.\n"
	    "\n"
	    "authoritative;\n"
	    "ddns-update-style none;\n"
	    "option dhcp6.user-class code 15 = string;\n"
	    "option dhcp6.vendor-class code 16 = string;\n"
	    "option dhcp6.bootfile-url code 59 = string;\n"
	    "option dhcp6.client-arch-type code 61 = string;\n"
	    "# Firmware does not ask for all that it needs: 59, 16.\n"
	    "if exists dhcp6.oro {\n"
	    "  option dhcp6.oro = concat(option dhcp6.oro, 00:3b:00:10);\n"
	    "}\n"
	    "# Read by netboot-agent: leave it as it is\n"
	    "log(info, concat(\"netboot-client6 \", binary-to-ascii(16, 8, \":\", option "
	    "dhcp6.client-id),\n"
	    "    \" user \", pick-first-value(substring(option dhcp6.user-class, 2, 16), "
	    "\"-\"),\n"
	    "    \" vendor \", pick-first-value(substring(option dhcp6.vendor-class, 6, "
	    "40), "
	    "\"-\")));\n");
	if (!c->site->answer_unknown)
		siteconf_text_add(t, "\n# Unknown machines: no address\n"
				     "deny unknown-clients;\n");
	siteconf_isc_links(c, t, AF_INET6, write_unknown, write_subnet, &w);
	siteconf_boot_groups(c, write_group, &w);
	siteconf_boot_uuids_done(&w.uuids);
}
