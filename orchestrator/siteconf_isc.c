// SPDX-License-Identifier: GPL-3.0-or-later
/* dhcpd.conf for isc-dhcp-server, IPv4.
 *
 * Entry point: siteconf_isc_write(). Hosts stand in a group whose statements say what firmware, iPXE and systems
 * get (boot.md 1.5); for unknown machines the same stands under "if not known". dhcpd evaluates the
 * statements of the group for each packet, so that one file does for firmware and iPXE of the same machine.
 * The list of wanted options is lengthened, because firmware does not ask for all that it needs.
 *
 * Pure; no failure modes: siteconf_make() has checked the texts. Source of the syntax: dhcpd.conf(5),
 * dhcp-options(5), dhcp-eval(5). */
#include <string.h>

#include "lib/str.h"
#include "orchestrator/siteconf_priv.h"

/* iPXE by user class, raw or as RFC 3004 wants it, and by its version in option 175 (boot.md 1.2.1). */
#define IS_IPXE                                                                  \
	"(option user-class = \"iPXE\" or substring(option user-class, 0, 5) = " \
	"04:69:50:58:45\n"                                                       \
	"%s    or exists ipxe.version)"
/* It lists no features, or has what a script needs: HTTP, and under BIOS bzImage. What begins
 * with a parenthesis is put into another one: dhcpd's "if" would take it for its own. */
#define IS_ABLE                                                                      \
	"((not exists ipxe.pxext and not exists ipxe.dns and not exists ipxe.tftp\n" \
	"%s     and not exists ipxe.iscsi and not exists ipxe.http and not exists "  \
	"ipxe.bzimage) or\n"                                                         \
	"%s    (exists ipxe.http and (exists ipxe.bzimage or\n"                      \
	"%s     (exists client-arch and substring(option client-arch, 0, 2) != "     \
	"00:00))))"
/* Neither. */
#define NOT_IPXE                                                                   \
	"option user-class != \"iPXE\" and substring(option user-class, 0, 5) != " \
	"04:69:50:58:45\n"                                                         \
	"%s    and not exists ipxe.version"
#define CLASS_IS(n, text) \
	"substring(option vendor-class-identifier, 0, " #n ") = \"" text "\""

struct writer {
	const struct siteconf *c;
	struct siteconf_text *t;
	const char *in; /* indentation */
	char url[128], server[ADDR_IP_TEXT];
};

static void
write_definitions(struct siteconf_text *t)
{
	siteconf_text_add(t,
	    "\n"
	    "authoritative;\n"
	    "ddns-update-style none;\n"
	    "ping-check false; # as bootd: firmware does not wait for it\n"
	    "option client-arch code 93 = string;\n"
	    "option tftp-addresses code 150 = array of ip-address;\n"
	    "option space ipxe;\n"
	    "option ipxe.pxext code 16 = string;\n"
	    "option ipxe.iscsi code 17 = string;\n"
	    "option ipxe.http code 19 = string;\n"
	    "option ipxe.tftp code 21 = string;\n"
	    "option ipxe.dns code 23 = string;\n"
	    "option ipxe.bzimage code 24 = string;\n"
	    "option ipxe.no-pxedhcp code 176 = unsigned integer 8;\n"
	    "option ipxe.version code 235 = string;\n"
	    "option ipxe-encapsulated code 175 = encapsulate ipxe;\n"
	    "\n"
	    "# Firmware does not ask for all that it needs: 60, 43, 66, 67, 150, 175.\n"
	    "if exists dhcp-parameter-request-list {\n"
	    "  option dhcp-parameter-request-list =\n"
	    "    concat(option dhcp-parameter-request-list, 3c:2b:42:43:96:af);\n"
	    "}\n"
	    "# Read by netboot-agent: leave it as it is\n"
	    "if exists vendor-class-identifier {\n"
	    "  log(info, concat(\"netboot-client \", binary-to-ascii(16, 8, \":\", "
	    "substring(hardware, 1, 6)),\n"
	    "      \" user \", pick-first-value(option user-class, \"-\"),\n"
	    "      \" vendor \", option vendor-class-identifier));\n"
	    "}\n");
}

/* "00:07" in option 93, or without it the text of option 60. */
static void
write_arch(const struct writer *w, uint16_t arch, const char *class)
{
	size_t len = strlen(class) + strlen("Client:Arch:00000");

	siteconf_text_add(w->t,
	    "substring(option client-arch, 0, 2) = %02x:%02x or\n"
	    "%s      (not exists client-arch and\n"
	    "%s       substring(option vendor-class-identifier, 0, %zu) = "
	    "\"%sClient:Arch:%05u\")",
	    arch >> 8, arch & 0xff, w->in, w->in, len, class, arch);
}

/* "if (…) {", or "elsif" after the first. */
static void
write_condition(
    const struct writer *w, const struct siteconf_loader *l, const char *class, size_t i)
{
	size_t len = strlen(class) + strlen("Client:Arch:");

	siteconf_text_add(w->t, "%s", i == 0 ? w->in : "");
	siteconf_text_add(w->t, "%s", i == 0 ? "  if " : " elsif ");
	for (size_t k = 0; k < l->n; k++) {
		if (k > 0)
			siteconf_text_add(w->t, " or\n%s      ", w->in);
		write_arch(w, l->arch[k], class);
	}
	if (l->absent)
		siteconf_text_add(w->t,
		    " or\n%s      (not exists client-arch and\n"
		    "%s       substring(option vendor-class-identifier, 0, %zu) != "
		    "\"%sClient:Arch:\")",
		    w->in, w->in, len, class);
	siteconf_text_add(w->t, " {\n");
}

/* Kind A of boot.md 0.1 rule 2: siaddr, file, 66 and 67; neither 60 nor 43. NUL at the end of both (rule 16). */
static void
write_tftp(const struct writer *w, const struct bundle_host *host)
{
	struct siteconf_loader list[SITECONF_FILES_MAX];
	size_t n = siteconf_boot_loaders(w->c, host, list);

	for (size_t i = 0; i < n; i++) {
		write_condition(w, &list[i], "PXE", i);
		siteconf_text_add(w->t,
		    "%s    next-server %s;\n"
		    "%s    filename \"%s\";\n"
		    "%s    option tftp-server-name = concat(\"%s\", 00);\n"
		    "%s    option bootfile-name = concat(\"%s\", 00);\n"
		    "%s    option tftp-addresses %s;\n"
		    "%s  }",
		    w->in, w->server, w->in, list[i].file, w->in, w->server, w->in,
		    list[i].file, w->in, w->server, w->in);
	}
	siteconf_text_add(w->t, "\n");
}

static void
write_url(const struct writer *w, const char *path, const char *more)
{
	siteconf_text_add(w->t,
	    "%s%s  filename \"%s/%s\";\n"
	    "%s%s  option bootfile-name = concat(\"%s/%s\", 00);\n",
	    w->in, more, w->url, path, w->in, more, w->url, path);
}

static void
write_http(const struct writer *w, const struct bundle_host *host)
{
	struct siteconf_loader list[SITECONF_FILES_MAX];
	size_t n = siteconf_boot_loaders(w->c, host, list);

	for (size_t i = 0; i < n; i++) {
		char path[160];

		write_condition(w, &list[i], "HTTP", i);
		siteconf_text_add(w->t,
		    "%s    option vendor-class-identifier \"HTTPClient\";\n", w->in);
		str_clip(path, sizeof(path), "loaders/");
		str_clip(path + strlen(path), sizeof(path) - strlen(path), list[i].file);
		write_url(w, path, "  ");
		siteconf_text_add(w->t, "%s  }", w->in);
	}
	siteconf_text_add(w->t, "\n");
}

/* binary-to-ascii() leaves out leading zeros. */
static void
write_script_name(const struct writer *w)
{
	siteconf_text_add(w->t, "concat(\"%s/script.ipxe-\"", w->url);
	for (int i = 1; i <= 6; i++)
		siteconf_text_add(w->t,
		    ",\n%s    %ssuffix(concat(\"0\", binary-to-ascii(16, 8, \"\", "
		    "substring(hardware, %d, 1))), 2)",
		    w->in, i > 1 ? "\":\", " : "", i);
}

static void
write_script(const struct writer *w, const struct siteconf_group *g)
{
	siteconf_text_add(w->t, "%s  next-server %s;\n", w->in, w->server);
	if (g->menu) {
		write_url(w, siteconf_boot_script(g), "  ");
		return;
	}
	siteconf_text_add(w->t, "%s  filename = ", w->in);
	write_script_name(w);
	siteconf_text_add(w->t, ");\n%s  option bootfile-name = ", w->in);
	write_script_name(w);
	siteconf_text_add(w->t, ", 00);\n");
}

static void
write_menu(const struct writer *w)
{
	uint8_t menu[SITECONF_MENU_SIZE];

	siteconf_boot_local_menu(w->c, menu);
	siteconf_text_add(w->t,
	    "%s  option vendor-class-identifier \"PXEClient\";\n"
	    "%s  option vendor-encapsulated-options ",
	    w->in, w->in);
	for (size_t i = 0; i < sizeof(menu); i++)
		siteconf_text_add(w->t, "%s%02x", i > 0 ? ":" : "", menu[i]);
	siteconf_text_add(w->t, ";\n");
}

static void
write_silent(const struct writer *w)
{
	siteconf_text_add(w->t,
	    "%sif (" IS_IPXE " or\n"
	    "%s    " CLASS_IS(9, "PXEClient") " or\n"
					      "%s    " CLASS_IS(10,
						  "HTTPClient") ") {\n"
								"%s  ignore booting;\n"
								"%s}\n",
	    w->in, w->in, w->in, w->in, w->in, w->in);
}

static void
write_chain(const struct writer *w, const struct siteconf_group *g)
{
	bool boot = g->gets == SITECONF_BOOT;

	if (g->gets == SITECONF_SILENT) {
		write_silent(w);
		return;
	}
	siteconf_text_add(w->t, "%sif " IS_IPXE " {\n", w->in, w->in);
	siteconf_text_add(w->t, "%s  option ipxe.no-pxedhcp 1;\n%s}\n", w->in, w->in);
	siteconf_text_add(w->t, "%sif (" IS_IPXE " and\n%s    " IS_ABLE ") {\n", w->in,
	    w->in, w->in, w->in, w->in, w->in);
	write_script(w, g);
	siteconf_text_add(w->t, "%s} elsif " CLASS_IS(10, "HTTPClient") " {\n", w->in);
	if (boot) {
		write_http(w, g->host);
	} else {
		siteconf_text_add(
		    w->t, "%s  option vendor-class-identifier \"HTTPClient\";\n", w->in);
		write_url(w, SITECONF_LOCAL_FILE, "");
	}
	/* An iPXE that cannot run scripts says PXEClient as well; it gets our own, or goes on to the disk. */
	siteconf_text_add(w->t, "%s} elsif " CLASS_IS(9, "PXEClient"), w->in);
	if (!boot)
		siteconf_text_add(w->t, " and\n%s    " NOT_IPXE, w->in, w->in);
	siteconf_text_add(w->t, " {\n");
	if (boot)
		write_tftp(w, g->host);
	else
		write_menu(w);
	siteconf_text_add(w->t, "%s}\n", w->in);
}

/* ---- subnets and hosts ---- */

void
siteconf_isc_links(const struct siteconf *c, struct siteconf_text *t, int family,
    void (*begin_link)(void *arg),
    void (*write_one)(void *arg, const struct bundle_subnet *s), void *arg)
{
	const struct bundle_subnet *all = c->site->subnets;

	for (size_t i = 0; i < c->site->n_subnets; i++) {
		if (all[i].prefix.ip.family != family || siteconf_boot_link(c, i) != i)
			continue;
		/* Alone on its link or not: a shared network of one is one too. */
		siteconf_text_add(t, "\nshared-network link-%zu {\n", i + 1);
		if (begin_link)
			begin_link(arg);
		for (size_t k = i; k < c->site->n_subnets; k++)
			if (all[k].prefix.ip.family == family &&
			    siteconf_boot_link(c, k) == i)
				write_one(arg, &all[k]);
		siteconf_text_add(t, "}\n");
	}
}

void
siteconf_isc_dns(
    struct siteconf_text *t, const struct bundle_subnet *s, const char *option)
{
	char ip[ADDR_IP_TEXT];

	for (size_t i = 0; i < s->n_dns; i++) {
		if (i == 0)
			siteconf_text_add(t, "  option %s ", option);
		siteconf_text_add(t, "%s%s", addr_ip_text(&s->dns[i], ip, sizeof(ip)),
		    i + 1 == s->n_dns ? ";\n" : ", ");
	}
}

/* `version`: what DHCPv6's words end in. */
void
siteconf_isc_pool(const struct siteconf *c, struct siteconf_text *t,
    const struct bundle_subnet *s, const char *version)
{
	char first[ADDR_IP_TEXT], last[ADDR_IP_TEXT];

	if (!addr_ip_is_set(&s->pool_first))
		return;
	siteconf_text_add(t, "  pool%s {\n%s    range%s %s %s;\n  }\n", version,
	    c->site->answer_unknown ? "" : "    deny unknown-clients;\n", version,
	    addr_ip_text(&s->pool_first, first, sizeof(first)),
	    addr_ip_text(&s->pool_last, last, sizeof(last)));
}

static void
write_subnet(void *arg, const struct bundle_subnet *s)
{
	const struct writer *w = arg;
	struct addr_ip mask = addr_ip_make_v4(addr_prefix_mask_v4(&s->prefix));
	char net[ADDR_IP_TEXT], text[ADDR_IP_TEXT];

	siteconf_text_add(w->t, "subnet %s netmask %s {\n",
	    addr_ip_text(&s->prefix.ip, net, sizeof(net)),
	    addr_ip_text(&mask, text, sizeof(text)));
	siteconf_text_add(w->t,
	    "  default-lease-time %lld;\n  min-lease-time %lld;\n  max-lease-time "
	    "%lld;\n",
	    (long long)s->lease_s, (long long)s->lease_s, (long long)s->lease_s);
	if (addr_ip_is_set(&s->gateway))
		siteconf_text_add(w->t, "  option routers %s;\n",
		    addr_ip_text(&s->gateway, text, sizeof(text)));
	siteconf_isc_dns(w->t, s, "domain-name-servers");
	if (s->domain[0])
		siteconf_text_add(w->t, "  option domain-name \"%s\";\n", s->domain);
	siteconf_isc_pool(w->c, w->t, s, "");
	siteconf_text_add(w->t, "}\n");
}

/* One declaration for each NIC; the name is no one's to choose. */
static void
write_host(void *arg, size_t host, size_t k)
{
	const struct writer *w = arg;
	const struct bundle_host *h = &w->c->site->hosts[host];
	const struct bundle_nic *nic = &h->nics[k];
	const uint8_t *b = nic->mac.b;
	char mac[ADDR_MAC_TEXT], ip[ADDR_IP_TEXT];
	int stem = (int)strcspn(h->name, ".");

	siteconf_text_add(w->t, "  host nic-%02x%02x%02x%02x%02x%02x {", b[0], b[1], b[2],
	    b[3], b[4], b[5]);
	siteconf_text_add(
	    w->t, " hardware ethernet %s;", addr_mac_text(&nic->mac, mac, sizeof(mac)));
	if (addr_ip_is_set(&nic->ip))
		siteconf_text_add(
		    w->t, " fixed-address %s;", addr_ip_text(&nic->ip, ip, sizeof(ip)));
	if (stem > 0)
		siteconf_text_add(w->t, " option host-name \"%.*s\";", stem, h->name);
	siteconf_text_add(w->t, " }\n");
}

static void
write_group(void *arg, const struct siteconf_group *g)
{
	struct writer *w = arg;

	siteconf_text_add(w->t, "\ngroup { # %s\n", g->name);
	w->in = "  ";
	write_chain(w, g);
	siteconf_boot_group_nics(w->c, g, write_host, w);
	siteconf_text_add(w->t, "}\n");
}

void
siteconf_isc_write(const struct siteconf *c, struct siteconf_text *t)
{
	struct writer w = {.c = c, .t = t, .in = ""};
	struct siteconf_group unknown = siteconf_boot_unknown(c);

	addr_ip_text(&c->server4, w.server, sizeof(w.server));
	siteconf_boot_url(c, AF_INET, w.url);
	siteconf_boot_opening(
	    c, t, "#", "/etc/dhcp/dhcpd.conf of isc-dhcp-server, DHCPv4");
	siteconf_text_add(t,
	    "# Check it with dhcpd -4 -t -cf FILE; the interface goes into "
	    "/etc/default/isc-dhcp-server.\n"
	    "# What it cannot do: know tickets (hosts are always sent to their script, "
	    "which decides), be silent to\n"
	    "# idle hosts, or give an iPXE that lacks HTTP our own loader only once.\n");
	write_definitions(t);
	if (c->site->answer_unknown) {
		siteconf_text_add(t, "\n# Unknown machines\nif not known {\n");
		w.in = "  ";
		write_chain(&w, &unknown);
		siteconf_text_add(t, "}\n");
	} else {
		siteconf_text_add(t,
		    "\n# Unknown machines: no lease, no boot\nignore unknown-clients;\n");
	}
	siteconf_isc_links(c, t, AF_INET, NULL, write_subnet, &w);
	siteconf_boot_groups(c, write_group, &w);
}
