// SPDX-License-Identifier: GPL-3.0-or-later
/* kea-dhcp4.conf and kea-dhcp6.conf.
 *
 * Entry points: siteconf_kea_write(), siteconf_kea_write_6(). Client classes hold the decisions (boot.md 1.5 and
 * 1.6): "what asks" by the packet (ipxe, http, pxe), "who asks" by the host reservation, which gives a class
 * ("boot", "local", …). Kea evaluates a class that depends on KNOWN after it has looked for the reservation, so
 * the classes of answers all do. They exclude each other, because what wins otherwise differs between options
 * and fixed fields.
 *
 * A class cannot put the client's MAC into a text: the script's URL has ${netX/mac} in it, which iPXE fills in.
 * Pure; no failure modes. JSON is written by jansson, so that nothing can leave its string.
 * Source: Kea Administrator Reference Manual, "Client Classification", "Host Reservations". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/siteconf_priv.h"

enum { INDENT = 2 };

struct writer {
	const struct siteconf *c;
	int family;
	json_t *classes;
	char url[128], server[ADDR_IP_TEXT];
	struct siteconf_uuids uuids;
};

/* ---- pieces ---- */

static void
add_class(const struct writer *w, const char *name, const char *test, json_t *fields,
    json_t *options)
{
	json_t *v = json_object();

	json_put_str(v, "name", name);
	if (test)
		json_put_str(v, "test", test);
	if (fields)
		json_object_update(v, fields);
	json_decref(fields);
	if (options)
		json_put(v, "option-data", options);
	json_array_append_new(w->classes, v);
}

/* Sent whether asked for or not: firmware does not ask for all that it needs. */
static void
add_option(json_t *list, const char *name, const char *space, bool csv, const char *data)
{
	json_t *v = json_object();

	json_put_str(v, "name", name);
	if (space)
		json_put_str(v, "space", space);
	json_put_bool(v, "csv-format", csv);
	if (data[0])
		json_put_str(v, "data", data);
	json_put_bool(v, "always-send", true);
	json_array_append_new(list, v);
}

/* Of whom an answer speaks, as the end of a class's test; all of them depend on KNOWN. */
static void
who(const struct siteconf_group *g, bool unknown, char buf[BUNDLE_NAME_SIZE + 64])
{
	if (unknown)
		str_clip(buf, BUNDLE_NAME_SIZE + 64, "member('UNKNOWN')");
	else
		snprintf(buf, BUNDLE_NAME_SIZE + 64, "member('KNOWN') and member('%s')",
		    g->name);
}

/* "(option[93].hex …)": one of the loader's architectures. Written into t. */
static void
arch_test(
    const struct writer *w, const struct siteconf_loader *l, struct siteconf_text *t)
{
	bool v6 = w->family == AF_INET6;
	const char *opt = v6 ? "option[61]" : "option[93]";
	const char *class = v6 ? "vendor-class[*].data[0]" : "option[60].hex";

	siteconf_text_add(t, "(");
	for (size_t k = 0; k < l->n; k++) {
		siteconf_text_add(t,
		    "%ssubstring(%s.hex, 0, 2) == 0x%04x or (not %s.exists and "
		    "(substring(%s, 0, 20) == 'PXEClient:Arch:%05u' or substring(%s, 0, "
		    "21) == 'HTTPClient:Arch:%05u'))",
		    k > 0 ? " or " : "", opt, l->arch[k], opt, class, l->arch[k], class,
		    l->arch[k]);
	}
	if (l->absent)
		siteconf_text_add(t,
		    " or (not %s.exists and not (substring(%s, 0, 15) == "
		    "'PXEClient:Arch:' or substring(%s, 0, 16) == 'HTTPClient:Arch:'))",
		    opt, class, class);
	siteconf_text_add(t, ")");
}

/* ---- the answers ---- */

/* Fields and options that hand out a file by TFTP or a URL; `http`: as HTTP boot wants it. */
static void
answer_file(const struct writer *w, const char *name, const char *test, const char *file,
    bool tftp, bool http)
{
	json_t *options = json_array(), *fields = NULL;
	char url[BUNDLE_PATH_SIZE + 128];
	struct siteconf_text full = {.s = NULL};

	if (w->family == AF_INET6) {
		if (tftp)
			siteconf_text_add(&full, "tftp://[%s]/%s", w->server, file);
		else
			siteconf_text_add(&full, "%s/%s", w->url, file);
		add_option(options, "bootfile-url", NULL, true, full.s);
		if (http)
			add_option(options, "vendor-class", NULL, false,
			    "00000157000a48545450436c69656e74");
	} else {
		snprintf(url, sizeof(url), "%s/%s", w->url, file);
		fields = json_object();
		if (!http)
			json_put_str(fields, "next-server", w->server);
		json_put_str(fields, "boot-file-name", tftp ? file : url);
		if (http)
			add_option(
			    options, "vendor-class-identifier", NULL, true, "HTTPClient");
		if (tftp)
			add_option(options, "tftp-server-name", NULL, true, w->server);
		add_option(options, "boot-file-name", NULL, true, tftp ? file : url);
		if (tftp)
			add_option(options, "tftp-addresses", NULL, true, w->server);
	}
	free(siteconf_text_take(&full));
	add_class(w, name, test, fields, options);
}

static void
answer_menu(const struct writer *w, const char *name, const char *test)
{
	uint8_t menu[SITECONF_MENU_SIZE];
	char hex[2 * SITECONF_MENU_SIZE + 1];
	json_t *options = json_array(), *def;

	siteconf_boot_local_menu(w->c, menu);
	for (size_t i = 0; i < sizeof(menu); i++)
		snprintf(hex + 2 * i, 3, "%02x", menu[i]);
	add_option(options, "vendor-class-identifier", NULL, true, "PXEClient");
	add_option(options, "vendor-encapsulated-options", NULL, false, hex);
	def = json_pack("{s:[{s:s, s:i, s:s}]}", "option-def", "name",
	    "vendor-encapsulated-options", "code", 43, "type", "binary");
	add_class(w, name, test, def, options);
}

static void
answer_loaders(
    const struct writer *w, const struct siteconf_group *g, const char *whom, bool http)
{
	struct siteconf_loader list[SITECONF_FILES_MAX];
	size_t n = siteconf_boot_loaders(w->c, g->host, list);

	for (size_t i = 0; i < n; i++) {
		struct siteconf_text test = {.s = NULL}, name = {.s = NULL},
				     file = {.s = NULL};

		siteconf_text_add(&name, "%s-%s-%zu", g->name, http ? "http" : "tftp", i);
		siteconf_text_add(
		    &test, "member('%s') and ", http ? "asks-http" : "asks-pxe");
		arch_test(w, &list[i], &test);
		siteconf_text_add(&test, " and %s", whom);
		siteconf_text_add(&file, "%s%s", http ? "loaders/" : "", list[i].file);
		answer_file(w, name.s, test.s, file.s, !http, http);
		free(siteconf_text_take(&test));
		free(siteconf_text_take(&name));
		free(siteconf_text_take(&file));
	}
}

static void
answer_group(const struct writer *w, const struct siteconf_group *g, bool unknown)
{
	char whom[BUNDLE_NAME_SIZE + 64], name[BUNDLE_NAME_SIZE + 32],
	    test[BUNDLE_NAME_SIZE + 128];

	who(g, unknown, whom);
	if (g->gets == SITECONF_SILENT)
		return;
	snprintf(name, sizeof(name), "%s-script", g->name);
	snprintf(test, sizeof(test), "member('asks-script') and %s", whom);
	answer_file(w, name, test, siteconf_boot_script(g), false, false);
	if (g->gets == SITECONF_BOOT) {
		answer_loaders(w, g, whom, false);
		answer_loaders(w, g, whom, true);
		return;
	}
	snprintf(name, sizeof(name), "%s-http", g->name);
	snprintf(test, sizeof(test), "member('asks-http') and %s", whom);
	answer_file(w, name, test, SITECONF_LOCAL_FILE, false, true);
	snprintf(name, sizeof(name), "%s-pxe", g->name);
	snprintf(test, sizeof(test),
	    "member('asks-pxe') and not member('is-ipxe') and %s", whom);
	if (w->family == AF_INET6)
		answer_file(w, name, test, SITECONF_LOCAL_FILE, true, false);
	else
		answer_menu(w, name, test);
}

/* ---- what asks ---- */

/* A ROM's iPXE that lists features and lacks HTTP, or under BIOS bzImage, gets our own as firmware does. */
static void
ask_classes4(const struct writer *w)
{
	json_t *options = json_array();

	add_option(options, "no-pxedhcp", "ipxe", true, "1");
	add_option(options, "ipxe", NULL, true, "");
	add_class(w, "is-ipxe",
	    "option[77].hex == 'iPXE' or substring(option[77].hex, 0, 5) == 0x0469505845 "
	    "or option[175].option[235].exists",
	    NULL, options);
	add_class(w, "asks-script",
	    "member('is-ipxe') and not ((option[175].option[16].exists or "
	    "option[175].option[17].exists or option[175].option[21].exists or "
	    "option[175].option[23].exists or option[175].option[19].exists or "
	    "option[175].option[24].exists) and (not option[175].option[19].exists or "
	    "(not option[175].option[24].exists and (not option[93].exists or "
	    "substring(option[93].hex, 0, 2) == 0x0000))))",
	    NULL, NULL);
	add_class(w, "asks-http",
	    "substring(option[60].hex, 0, 10) == 'HTTPClient' and not member('is-ipxe')",
	    NULL, NULL);
	add_class(w, "asks-pxe",
	    "(substring(option[60].hex, 0, 9) == 'PXEClient' or member('is-ipxe')) and "
	    "not member('asks-script')",
	    NULL, NULL);
}

static void
ask_classes6(const struct writer *w)
{
	add_class(w, "is-ipxe",
	    "substring(option[15].hex, 2, 4) == 'iPXE' or substring(option[15].hex, 0, "
	    "4) == "
	    "'iPXE'",
	    NULL, NULL);
	add_class(w, "asks-script", "member('is-ipxe')", NULL, NULL);
	add_class(w, "asks-http",
	    "substring(vendor-class[*].data[0], 0, 10) == 'HTTPClient' and not "
	    "member('is-ipxe')",
	    NULL, NULL);
	add_class(w, "asks-pxe",
	    "(substring(vendor-class[*].data[0], 0, 9) == 'PXEClient' or "
	    "option[61].exists) and not member('asks-script') and not "
	    "member('asks-http')",
	    NULL, NULL);
}

struct group_walk {
	struct writer *w;
	bool silent;
};

static void
on_group(void *arg, const struct siteconf_group *g)
{
	struct group_walk *walk = arg;

	walk->silent |= g->gets == SITECONF_SILENT;
	/* Given by reservations. */
	add_class(walk->w, g->name, NULL, NULL, NULL);
	answer_group(walk->w, g, false);
}

/* Who gets no answer at all. */
static void
drop_class(const struct writer *w, bool silent)
{
	const struct siteconf_group unknown = siteconf_boot_unknown(w->c);
	static const char booting[] =
	    "(member('is-ipxe') or member('asks-http') or member('asks-pxe'))";
	struct siteconf_text t = {.s = NULL};

	if (!w->c->site->answer_unknown)
		siteconf_text_add(&t, "member('UNKNOWN')");
	else if (unknown.gets == SITECONF_SILENT)
		siteconf_text_add(&t, "(member('UNKNOWN') and %s)", booting);
	if (silent)
		siteconf_text_add(&t, "%s(member('KNOWN') and member('silent') and %s)",
		    t.s ? " or " : "", booting);
	if (t.s)
		add_class(w, "DROP", t.s, NULL, NULL);
	free(siteconf_text_take(&t));
}

static void
make_classes(struct writer *w)
{
	const struct siteconf_group unknown = siteconf_boot_unknown(w->c);
	struct group_walk walk = {.w = w};

	if (w->family == AF_INET)
		ask_classes4(w);
	else
		ask_classes6(w);
	siteconf_boot_groups(w->c, on_group, &walk);
	if (w->c->site->answer_unknown)
		answer_group(w, &unknown, true);
	drop_class(w, walk.silent);
}

/* ---- reservations ---- */

static json_t *
reservation(const struct writer *w, const struct bundle_host *h,
    const struct bundle_nic *nic, const struct addr_ip *ip)
{
	struct siteconf_group g = siteconf_boot_group(h, nic);
	char mac[ADDR_MAC_TEXT], text[ADDR_IP_TEXT], stem[BUNDLE_NAME_SIZE];
	json_t *v = json_object();

	json_put_str(v, "hw-address", addr_mac_text(&nic->mac, mac, sizeof(mac)));
	if (ip && w->family == AF_INET)
		json_put_str(v, "ip-address", addr_ip_text(ip, text, sizeof(text)));
	else if (ip)
		json_put(v, "ip-addresses",
		    json_pack("[s]", addr_ip_text(ip, text, sizeof(text))));
	str_clip(stem, sizeof(stem), h->name);
	stem[strcspn(stem, ".")] = '\0';
	if (w->family == AF_INET && stem[0])
		json_put_str(v, "hostname", stem);
	json_put(v, "client-classes", json_pack("[s]", g.name));
	return v;
}

/* The same reservation again for each form of the host's DUID-UUID. */
static void
add_uuids(const struct writer *w, const struct bundle_host *h, size_t nic,
    const json_t *of_nic, json_t *list)
{
	struct addr_uuid uuids[2];
	size_t n =
	    w->family == AF_INET6 ? siteconf_boot_uuids(&w->uuids, h, nic, uuids) : 0;

	for (size_t u = 0; u < n; u++) {
		json_t *v = json_copy((json_t *)of_nic);
		struct siteconf_text duid = {.s = NULL};

		siteconf_text_add(&duid, "00:04");
		for (size_t i = 0; i < sizeof(uuids[u].b); i++)
			siteconf_text_add(&duid, ":%02x", uuids[u].b[i]);
		json_object_del(v, "hw-address");
		json_put_str(v, "duid", duid.s);
		json_array_append_new(list, v);
		free(siteconf_text_take(&duid));
	}
}

static void
add_reservation(const struct writer *w, const struct bundle_host *h, size_t nic,
    const struct addr_ip *ip, json_t *list)
{
	json_t *v = reservation(w, h, &h->nics[nic], ip);

	json_array_append_new(list, v);
	add_uuids(w, h, nic, v, list);
}

/* With a subnet: the NICs whose address is in it; without: all, so that each is known everywhere. */
static json_t *
reservations(const struct writer *w, const struct bundle_subnet *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < w->c->site->n_hosts; i++) {
		const struct bundle_host *h = &w->c->site->hosts[i];
		for (size_t k = 0; k < h->n_nics; k++) {
			const struct addr_ip *ip =
			    w->family == AF_INET ? &h->nics[k].ip : &h->nics[k].ip6;

			if (!s)
				add_reservation(w, h, k, NULL, list);
			else if (addr_prefix_contains(&s->prefix, ip))
				add_reservation(w, h, k, ip, list);
		}
	}
	return list;
}

/* ---- subnets ---- */

static void
subnet_options(const struct writer *w, const struct bundle_subnet *s, json_t *options)
{
	char text[ADDR_IP_TEXT];
	struct siteconf_text dns = {.s = NULL};

	if (w->family == AF_INET && addr_ip_is_set(&s->gateway))
		json_array_append_new(
		    options, json_pack("{s:s, s:s}", "name", "routers", "data",
				 addr_ip_text(&s->gateway, text, sizeof(text))));
	for (size_t i = 0; i < s->n_dns; i++)
		siteconf_text_add(&dns, "%s%s", i > 0 ? ", " : "",
		    addr_ip_text(&s->dns[i], text, sizeof(text)));
	if (dns.s)
		json_array_append_new(options,
		    json_pack("{s:s, s:s}", "name",
			w->family == AF_INET ? "domain-name-servers" : "dns-servers",
			"data", dns.s));
	free(siteconf_text_take(&dns));
	if (s->domain[0])
		json_array_append_new(
		    options, json_pack("{s:s, s:s}", "name",
				 w->family == AF_INET ? "domain-name" : "domain-search",
				 "data", s->domain));
}

static json_t *
subnet(const struct writer *w, const struct bundle_subnet *s, size_t id)
{
	char prefix[ADDR_PREFIX_TEXT], pool[2 * ADDR_IP_TEXT + 4], a[ADDR_IP_TEXT],
	    b[ADDR_IP_TEXT];
	json_t *v = json_object(), *options = json_array(), *one;

	json_put_i64(v, "id", (int64_t)id);
	json_put_str(v, "subnet", addr_prefix_text(&s->prefix, prefix, sizeof(prefix)));
	json_put_i64(v, "valid-lifetime", s->lease_s);
	json_put_i64(v, "renew-timer", s->lease_s / 2);
	json_put_i64(v, "rebind-timer", s->lease_s - s->lease_s / 8);
	if (w->family == AF_INET6)
		json_put_i64(v, "preferred-lifetime", s->lease_s);
	if (w->family == AF_INET6 && !s->relay[0] && siteconf_boot_is_local(w->c, s))
		json_put_str(v, "interface", w->c->interface);
	if (s->relay[0])
		json_put(v, "relay", json_pack("{s:[s]}", "ip-addresses", s->relay));
	if (addr_ip_is_set(&s->pool_first)) {
		snprintf(pool, sizeof(pool), "%s - %s",
		    addr_ip_text(&s->pool_first, a, sizeof(a)),
		    addr_ip_text(&s->pool_last, b, sizeof(b)));
		one = json_pack("{s:s}", "pool", pool);
		if (!w->c->site->answer_unknown)
			json_put_str(one, "client-class", "KNOWN");
		json_put(v, "pools", json_pack("[o]", one));
	}
	subnet_options(w, s, options);
	json_put(v, "option-data", options);
	json_put(v, "reservations", reservations(w, s));
	return v;
}

/* Subnets on one link form a shared network; a single one stands by itself. */
static void
put_subnets(const struct writer *w, json_t *top)
{
	const struct bundle_site *site = w->c->site;
	const char *key = w->family == AF_INET ? "subnet4" : "subnet6";
	json_t *alone = json_array(), *shared = json_array();

	for (size_t i = 0; i < site->n_subnets; i++) {
		json_t *link = json_array();
		char name[32];

		for (size_t k = i; k < site->n_subnets; k++)
			if (site->subnets[k].prefix.ip.family == w->family &&
			    siteconf_boot_link(w->c, k) == i)
				json_array_append_new(
				    link, subnet(w, &site->subnets[k], k + 1));
		snprintf(name, sizeof(name), "link-%zu", i + 1);
		if (json_array_size(link) > 1)
			json_array_append_new(
			    shared, json_pack("{s:s, s:O}", "name", name, key, link));
		else
			json_array_extend(alone, link);
		json_decref(link);
	}
	json_put(top, key, alone);
	if (json_array_size(shared) > 0)
		json_put(top, "shared-networks", json_incref(shared));
	json_decref(shared);
}

/* ---- the whole ---- */

/* What netboot-agent wants to read: packets and their classes. To the standard output, which is the journal. */
static json_t *
loggers(const struct writer *w)
{
	bool v6 = w->family == AF_INET6;

	return json_pack("[{s:s, s:s, s:[{s:s}]}, {s:s, s:s, s:i, s:[{s:s}]}]", "name",
	    v6 ? "kea-dhcp6" : "kea-dhcp4", "severity", "INFO", "output_options",
	    "output", "stdout", "name", v6 ? "kea-dhcp6.dhcp6" : "kea-dhcp4.dhcp4",
	    "severity", "DEBUG", "debuglevel", 40, "output_options", "output", "stdout");
}

static json_t *
common(const struct writer *w)
{
	bool v6 = w->family == AF_INET6;
	json_t *top = json_object();

	json_put(top, "interfaces-config",
	    json_pack("{s:[s]}", "interfaces", w->c->interface));
	json_put(top, "lease-database",
	    json_pack("{s:s, s:b, s:s}", "type", "memfile", "persist", true, "name",
		v6 ? "/var/lib/kea/kea-leases6.csv" : "/var/lib/kea/kea-leases4.csv"));
	json_put(top, "host-reservation-identifiers",
	    v6 ? json_pack("[s, s]", "hw-address", "duid")
	       : json_pack("[s]", "hw-address"));
	json_put_bool(top, "reservations-global", true);
	json_put_bool(top, "reservations-in-subnet", true);
	/* A host's address belongs to its MAC and to its UUID. */
	if (v6)
		json_put_bool(top, "ip-reservations-unique", false);
	if (!v6) {
		json_put_bool(top, "authoritative", true);
		/* As bootd: firmware and systems of one machine have one lease (boot.md 1.2, option 61). */
		json_put_bool(top, "match-client-id", false);
		json_put(top, "option-def",
		    json_pack(
			"[{s:s, s:i, s:s, s:s}, {s:s, s:i, s:s, s:s}, {s:s, s:i, s:s, "
			"s:b}]",
			"name", "ipxe", "code", 175, "type", "empty", "encapsulate",
			"ipxe", "name", "no-pxedhcp", "code", 176, "type", "uint8",
			"space", "ipxe", "name", "tftp-addresses", "code", 150, "type",
			"ipv4-address", "array", true));
	}
	json_put(top, "client-classes", json_incref(w->classes));
	json_put(top, "reservations", reservations(w, NULL));
	put_subnets(w, top);
	json_put(top, "loggers", loggers(w));
	return top;
}

static void
write_family(const struct siteconf *c, struct siteconf_text *t, int family)
{
	struct writer w = {.c = c, .family = family, .classes = json_array()};
	bool v6 = family == AF_INET6;
	json_t *whole;
	char *text;

	addr_ip_text(v6 ? &c->server6 : &c->server4, w.server, sizeof(w.server));
	siteconf_boot_url(c, family, w.url);
	siteconf_boot_uuids_init(c, &w.uuids);
	make_classes(&w);
	whole = json_pack("{s:o}", v6 ? "Dhcp6" : "Dhcp4", common(&w));
	text = json_dumps(whole, JSON_INDENT(INDENT));
	siteconf_boot_opening(
	    c, t, "//", v6 ? "/etc/kea/kea-dhcp6.conf" : "/etc/kea/kea-dhcp4.conf");
	siteconf_text_add(t,
	    "// Check it with kea-dhcp%d -t FILE.\n"
	    "// What it cannot do: know tickets (hosts are always sent to their script, "
	    "which decides), be silent to\n"
	    "// idle hosts, or give an iPXE that lacks HTTP our own loader only once.\n"
	    "%s\n",
	    v6 ? 6 : 4, text);
	free(text);
	json_decref(whole);
	json_decref(w.classes);
	siteconf_boot_uuids_done(&w.uuids);
}

void
siteconf_kea_write(const struct siteconf *c, struct siteconf_text *t)
{
	write_family(c, t, AF_INET);
}

void
siteconf_kea_write_6(const struct siteconf *c, struct siteconf_text *t)
{
	write_family(c, t, AF_INET6);
}
