// SPDX-License-Identifier: GPL-3.0-or-later
/* A configuration file for dnsmasq: DHCP of both families and router advertisements; neither DNS nor TFTP.
 *
 * Entry point: siteconf_dnsmasq_write(). Tags say what asks ("fw", "http", "ipxe", "a7" for an architecture) and
 * who ("boot", "local", … from dhcp-host; "known" is dnsmasq's own). Every line that answers names all the tags it
 * needs, also those that must not be there, so that no two can apply to one packet. dhcp-boot fills the header;
 * options 66 and 67 are forced beside it (boot.md 0.1 rules 2 and 17).
 *
 * dnsmasq cannot put the client's MAC into a text: the script's URL has ${netX/mac} in it, which iPXE fills in.
 * Pure; no failure modes. Source of the syntax: dnsmasq(8). */
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"
#include "orchestrator/siteconf_priv.h"

enum { RA_INTERVAL_S = 60 };

/* dnsmasq writes this option as texts with their lengths: the first one and its length stand where the enterprise
 * number belongs, which firmware does not look at (boot.md 1.6, option 16). */
#define VENDOR_CLASS "nb,HTTPClient"

struct writer {
	const struct siteconf *c;
	struct siteconf_text *t;
	char url4[128], url6[128], server4[ADDR_IP_TEXT], server6[ADDR_IP_TEXT];
	bool v4, v6;
};

static bool
has_family(const struct siteconf *c, int family)
{
	for (size_t i = 0; i < c->site->n_subnets; i++)
		if (c->site->subnets[i].prefix.ip.family == family)
			return true;
	return false;
}

/* ---- what asks ---- */

static void
write_asks(const struct writer *w)
{
	siteconf_text_add(w->t, "\n# What asks\n"
				"dhcp-vendorclass=set:fw,PXEClient\n"
				"dhcp-vendorclass=set:http,HTTPClient\n"
				"dhcp-userclass=set:ipxe,iPXE\n"
				"dhcp-vendorclass=set:arch,Client:Arch:\n");
	if (w->v4)
		siteconf_text_add(w->t, "dhcp-match=set:ipxe,175\n"
					"dhcp-match=set:arch,option:client-arch\n");
	if (w->v6)
		siteconf_text_add(w->t,
		    "dhcp-match=set:arch,option6:61\n"
		    "dhcp-match=set:fw,option6:61\n"
		    "dhcp-vendorclass=set:arch,enterprise:343,Client:Arch:\n"
		    "dhcp-vendorclass=set:fw,enterprise:343,PXEClient\n"
		    "dhcp-vendorclass=set:http,enterprise:343,HTTPClient\n");
}

static void
write_arch(void *arg, uint16_t arch)
{
	const struct writer *w = arg;

	if (w->v4)
		siteconf_text_add(w->t,
		    "dhcp-match=set:a%u,option:client-arch,%u\n"
		    "dhcp-vendorclass=set:a%u,Client:Arch:%05u\n",
		    arch, arch, arch, arch);
	if (w->v6)
		siteconf_text_add(w->t,
		    "dhcp-match=set:a%u,option6:61,%02x:%02x\n"
		    "dhcp-vendorclass=set:a%u,enterprise:343,Client:Arch:%05u\n",
		    arch, arch >> 8, arch & 0xff, arch, arch);
}

static void
write_arches_of(const struct writer *w, const struct bundle_host *host, bool *seen)
{
	struct siteconf_loader list[SITECONF_FILES_MAX];
	size_t n = siteconf_boot_loaders(w->c, host, list);

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < list[i].n; k++) {
			if (seen[list[i].arch[k]])
				continue;
			seen[list[i].arch[k]] = true;
			write_arch((void *)w, list[i].arch[k]);
		}
}

static void
write_arches(const struct writer *w)
{
	bool *seen = str_alloc(UINT16_MAX + 1);

	write_arches_of(w, NULL, seen);
	for (size_t i = 0; i < w->c->site->n_hosts; i++)
		if (w->c->site->hosts[i].n_loaders > 0)
			write_arches_of(w, &w->c->site->hosts[i], seen);
	free(seen);
}

/* ---- the answers ---- */

static void
write_tftp6(const struct writer *w, const char *tags, const char *file)
{
	if (w->v6)
		siteconf_text_add(w->t,
		    "dhcp-option-force=%s,option6:bootfile-url,tftp://[%s]/%s\n", tags,
		    w->server6, file);
}

/* One file for those tags, by TFTP or as a URL. */
static void
write_tftp(const struct writer *w, const char *tags, const char *file)
{
	if (w->v4)
		siteconf_text_add(w->t,
		    "dhcp-boot=%s,%s,,%s\n"
		    "dhcp-option-force=%s,66,%s\n"
		    "dhcp-option-force=%s,67,%s\n"
		    "dhcp-option-force=%s,150,%s\n",
		    tags, file, w->server4, tags, w->server4, tags, file, tags,
		    w->server4);
	write_tftp6(w, tags, file);
}

/* dhcp-boot fills in the header's siaddr also for HTTP boot, which does not look at it. */
static void
write_url(const struct writer *w, const char *tags, const char *path)
{
	if (w->v4)
		siteconf_text_add(w->t,
		    "dhcp-boot=%s,%s/%s,,%s\n"
		    "dhcp-option-force=%s,67,%s/%s\n",
		    tags, w->url4, path, w->server4, tags, w->url4, path);
	if (w->v6)
		siteconf_text_add(w->t,
		    "dhcp-option-force=%s,option6:bootfile-url,%s/%s\n", tags, w->url6,
		    path);
}

/* A URL as HTTP boot wants it: with 60, or 16 (boot.md 0.1 rules 3 and 5). */
static void
write_http_url(const struct writer *w, const char *tags, const char *path)
{
	write_url(w, tags, path);
	if (w->v4)
		siteconf_text_add(w->t, "dhcp-option-force=%s,60,HTTPClient\n", tags);
	if (w->v6)
		siteconf_text_add(
		    w->t, "dhcp-option-force=%s,option6:16," VENDOR_CLASS "\n", tags);
}

/* The tags of one loader: an architecture, or none at all. */
static void
write_loader(const struct writer *w, const char *who, const char *file, const char *arch)
{
	struct siteconf_text tags = {.s = NULL}, path = {.s = NULL};

	siteconf_text_add(&tags, "%s,tag:fw,tag:!ipxe,tag:!http,%s", who, arch);
	write_tftp(w, tags.s, file);
	free(siteconf_text_take(&tags));
	siteconf_text_add(&tags, "%s,tag:http,tag:!ipxe,%s", who, arch);
	siteconf_text_add(&path, "loaders/%s", file);
	write_http_url(w, tags.s, path.s);
	free(siteconf_text_take(&tags));
	free(siteconf_text_take(&path));
}

static void
write_loaders(const struct writer *w, const char *who, const struct bundle_host *host)
{
	struct siteconf_loader list[SITECONF_FILES_MAX];
	size_t n = siteconf_boot_loaders(w->c, host, list);

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < list[i].n; k++) {
			char arch[16] = "tag:a";
			struct siteconf_text number = {.s = NULL};

			siteconf_text_add(&number, "tag:a%u", list[i].arch[k]);
			str_clip(arch, sizeof(arch), number.s);
			free(siteconf_text_take(&number));
			write_loader(w, who, list[i].file, arch);
		}
		if (list[i].absent)
			write_loader(w, who, list[i].file, "tag:!arch");
	}
}

static void
write_menu(const struct writer *w, const char *who)
{
	uint8_t menu[SITECONF_MENU_SIZE];

	siteconf_boot_local_menu(w->c, menu);
	siteconf_text_add(w->t,
	    "dhcp-option-force=%s,tag:fw,tag:!ipxe,60,PXEClient\n"
	    "dhcp-option-force=%s,tag:fw,tag:!ipxe,43,",
	    who, who);
	for (size_t i = 0; i < sizeof(menu); i++)
		siteconf_text_add(w->t, "%s%02x", i > 0 ? ":" : "", menu[i]);
	siteconf_text_add(w->t, "\n");
}

static void
write_local_pxe(const struct writer *w, const char *who)
{
	struct siteconf_text tags = {.s = NULL};

	if (w->v4)
		write_menu(w, who);
	siteconf_text_add(&tags, "%s,tag:fw,tag:!ipxe,tag:!http", who);
	write_tftp6(w, tags.s, SITECONF_LOCAL_FILE);
	free(siteconf_text_take(&tags));
}

static void
write_answers(const struct writer *w, const char *who, const struct siteconf_group *g)
{
	struct siteconf_text tags = {.s = NULL};

	if (g->gets == SITECONF_SILENT) {
		siteconf_text_add(w->t,
		    "dhcp-ignore=%s,tag:fw\ndhcp-ignore=%s,tag:http\n"
		    "dhcp-ignore=%s,tag:ipxe\n",
		    who, who, who);
		return;
	}
	siteconf_text_add(&tags, "%s,tag:ipxe", who);
	write_url(w, tags.s, siteconf_boot_script(g));
	if (w->v4)
		siteconf_text_add(
		    w->t, "dhcp-option-force=%s,encap:175,176,1b\n", tags.s);
	free(siteconf_text_take(&tags));
	siteconf_text_add(&tags, "%s,tag:http,tag:!ipxe", who);
	if (g->gets == SITECONF_BOOT)
		write_loaders(w, who, g->host);
	else
		write_http_url(w, tags.s, SITECONF_LOCAL_FILE);
	free(siteconf_text_take(&tags));
	if (g->gets == SITECONF_LOCAL)
		write_local_pxe(w, who);
}

static void
write_group(void *arg, const struct siteconf_group *g)
{
	const struct writer *w = arg;
	char who[BUNDLE_NAME_SIZE + 16];

	siteconf_text_add(w->t, "\n# Hosts: %s\n", g->name);
	str_clip(who, sizeof(who), "tag:");
	str_clip(who + 4, sizeof(who) - 4, g->name);
	write_answers(w, who, g);
}

/* ---- subnets and hosts ---- */

static void
write_range(const struct writer *w, const struct bundle_subnet *s, size_t id)
{
	bool v4 = s->prefix.ip.family == AF_INET, pool = addr_ip_is_set(&s->pool_first);
	struct addr_ip mask = addr_ip_make_v4(v4 ? addr_prefix_mask_v4(&s->prefix) : 0);
	char a[ADDR_IP_TEXT], b[ADDR_IP_TEXT], m[ADDR_IP_TEXT];

	siteconf_text_add(w->t, "dhcp-range=set:net%zu,%s,%s,", id,
	    addr_ip_text(pool ? &s->pool_first : &s->prefix.ip, a, sizeof(a)),
	    pool ? addr_ip_text(&s->pool_last, b, sizeof(b)) : "static");
	if (v4)
		siteconf_text_add(w->t, "%s", addr_ip_text(&mask, m, sizeof(m)));
	else
		siteconf_text_add(w->t, "%u", s->prefix.len);
	siteconf_text_add(w->t, ",%lld\n", (long long)s->lease_s);
	if (v4 && s->relay[0])
		siteconf_text_add(w->t, "shared-network=%s,%s\n", s->relay,
		    addr_ip_text(&s->prefix.ip, a, sizeof(a)));
}

static void
write_subnet(const struct writer *w, const struct bundle_subnet *s, size_t id)
{
	bool v4 = s->prefix.ip.family == AF_INET;
	const char *space = v4 ? "option:" : "option6:";
	char a[ADDR_IP_TEXT];

	write_range(w, s, id);
	/* Without a value dnsmasq would name itself. */
	if (v4)
		siteconf_text_add(w->t, "dhcp-option=tag:net%zu,option:router%s%s\n", id,
		    addr_ip_is_set(&s->gateway) ? "," : "",
		    addr_ip_text(&s->gateway, a, sizeof(a)));
	siteconf_text_add(w->t, "dhcp-option=tag:net%zu,%sdns-server", id, space);
	for (size_t i = 0; i < s->n_dns; i++)
		siteconf_text_add(
		    w->t, v4 ? ",%s" : ",[%s]", addr_ip_text(&s->dns[i], a, sizeof(a)));
	siteconf_text_add(w->t, "\n");
	if (s->domain[0])
		siteconf_text_add(w->t, "dhcp-option=tag:net%zu,%s,%s\n", id,
		    v4 ? "option:domain-name" : "option6:domain-search", s->domain);
}

/* The name as an option of its own: in dhcp-host "ignore" or "1h" would be read as something else. There a name
 * of digits alone would be a number. */
static void
write_host(const struct writer *w, size_t i, size_t k)
{
	const struct bundle_host *h = &w->c->site->hosts[i];
	const struct bundle_nic *nic = &h->nics[k];
	struct siteconf_group g = siteconf_boot_group(h, nic);
	char mac[ADDR_MAC_TEXT], ip[ADDR_IP_TEXT];
	int stem = (int)strcspn(h->name, ".");

	if (w->v4 && k == 0 && (int)strspn(h->name, "0123456789") < stem)
		siteconf_text_add(
		    w->t, "dhcp-option=tag:host%zu,12,%.*s\n", i + 1, stem, h->name);
	siteconf_text_add(w->t, "dhcp-host=%s,set:%s,set:host%zu",
	    addr_mac_text(&nic->mac, mac, sizeof(mac)), g.name, i + 1);
	if (addr_ip_is_set(&nic->ip) && w->v4)
		siteconf_text_add(w->t, ",%s", addr_ip_text(&nic->ip, ip, sizeof(ip)));
	if (addr_ip_is_set(&nic->ip6) && w->v6)
		siteconf_text_add(w->t, ",[%s]", addr_ip_text(&nic->ip6, ip, sizeof(ip)));
	siteconf_text_add(w->t, "\n");
}

static void
write_hosts(const struct writer *w)
{
	for (size_t i = 0; i < w->c->site->n_hosts; i++)
		for (size_t k = 0; k < w->c->site->hosts[i].n_nics; k++)
			write_host(w, i, k);
}

/* Of the link that the server stands on; routers advertise on others. */
static void
write_ra(const struct writer *w)
{
	for (size_t i = 0; i < w->c->site->n_subnets; i++) {
		const struct bundle_subnet *s = &w->c->site->subnets[i];

		if (s->prefix.ip.family != AF_INET6 || s->ra == BUNDLE_RA_OFF ||
		    !siteconf_boot_is_local(w->c, s))
			continue;
		siteconf_text_add(w->t,
		    "\n# Router advertisements; leave these lines out where radvd runs\n"
		    "enable-ra\nra-param=%s,",
		    w->c->interface);
		if (s->mtu > 0)
			siteconf_text_add(w->t, "mtu:%lld,", (long long)s->mtu);
		siteconf_text_add(
		    w->t, "%d,%lld\n", RA_INTERVAL_S, (long long)s->router_s);
		return;
	}
}

void
siteconf_dnsmasq_write(const struct siteconf *c, struct siteconf_text *t)
{
	struct writer w = {.c = c, .t = t};
	struct siteconf_group unknown = siteconf_boot_unknown(c);

	w.v4 = has_family(c, AF_INET);
	w.v6 = has_family(c, AF_INET6);
	addr_ip_text(&c->server4, w.server4, sizeof(w.server4));
	addr_ip_text(&c->server6, w.server6, sizeof(w.server6));
	siteconf_boot_url(c, AF_INET, w.url4);
	siteconf_boot_url(c, AF_INET6, w.url6);
	siteconf_boot_opening(c, t, "#", "/etc/dnsmasq.d/netboot.conf");
	siteconf_text_add(t,
	    "# Check it with dnsmasq --test -C FILE.\n"
	    "# What it cannot do: know tickets (hosts are always sent to their script, "
	    "which decides), be silent to\n"
	    "# idle hosts, or see that an iPXE in ROM lacks HTTP: give such hosts a "
	    "loader "
	    "with another dhcp-boot line.\n"
	    "\n"
	    "port=0\n"
	    "interface=%s\n"
	    "bind-dynamic\n"
	    "dhcp-authoritative\n"
	    "dhcp-no-override\n"
	    "no-ping\n"
	    "log-dhcp\n",
	    c->interface);
	write_asks(&w);
	write_arches(&w);
	siteconf_text_add(t, "\n# Subnets\n");
	for (size_t i = 0; i < c->site->n_subnets; i++)
		write_subnet(&w, &c->site->subnets[i], i + 1);
	write_ra(&w);
	siteconf_text_add(t, "\n# Unknown machines\n");
	if (c->site->answer_unknown)
		write_answers(&w, "tag:!known", &unknown);
	else
		siteconf_text_add(t, "dhcp-ignore=tag:!known\n");
	siteconf_boot_groups(c, write_group, &w);
	siteconf_text_add(t, "\n");
	write_hosts(&w);
}
