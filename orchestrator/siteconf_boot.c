// SPDX-License-Identifier: GPL-3.0-or-later
/* Who gets what: boot-services/policy.c for servers that decide by constant tables.
 *
 * What differs from policy_decide(): these servers know no tickets. Hosts get loader and script always, and
 * the script at /script.ipxe-MAC says whether there is something to boot; without one, nginx answers with a
 * script that leaves to the disk. Where the idle policy is menu they get /script.ipxe, which looks for that script
 * itself. Only machines that can never have a ticket (network cards that may not
 * netboot, unknown machines) get the fast ways of an idle host at once, or silence.
 *
 * Pure. Ownership: everything returned borrows from struct siteconf. No failure modes. */
#include <stdio.h>
#include <string.h>

#include "lib/arch.h"
#include "lib/str.h"
#include "orchestrator/siteconf_priv.h"

enum { ARCH_LAST = 0x29 }; /* the last of lib/arch.c's table */

static const char *
replaced(const struct bundle_loader *list, size_t n, uint16_t arch)
{
	uint16_t wanted[] = {arch, arch_sibling(arch)};

	for (size_t k = 0; k < ARRAY_SIZE(wanted); k++)
		for (size_t i = 0; i < n; i++)
			if (list[i].arch == wanted[k] && wanted[k] != ARCH_NONE)
				return list[i].file;
	return NULL;
}

static const char *
usual(uint16_t arch)
{
	uint16_t wanted[] = {arch, arch_sibling(arch)};

	for (size_t k = 0; k < ARRAY_SIZE(wanted); k++)
		for (size_t i = 0; i < ARCH_LOADERS; i++)
			if (arch_loaders[i].arch == wanted[k])
				return arch_loaders[i].file;
	return NULL;
}

static const char *
loader_of(const struct siteconf *c, const struct bundle_host *host, uint16_t arch)
{
	const struct bundle_site *s = c->site;
	const char *file = NULL;

	if (host)
		file = replaced(host->loaders, host->n_loaders, arch);
	if (!file)
		file = replaced(s->loaders, s->n_loaders, arch);
	return file ? file : usual(arch);
}

static size_t
add_loader(struct siteconf_loader *list, size_t n, const char *file, uint16_t arch)
{
	size_t i = 0;

	while (i < n && !str_eq(list[i].file, file))
		i++;
	if (i == SITECONF_FILES_MAX)
		return n;
	if (i == n)
		list[n++] = (struct siteconf_loader){.file = file};
	for (size_t k = 0; k < list[i].n; k++)
		if (list[i].arch[k] == arch)
			return n;
	if (list[i].n < SITECONF_ARCHES_MAX)
		list[i].arch[list[i].n++] = arch;
	list[i].absent |= arch == 0x00;
	return n;
}

size_t
siteconf_boot_loaders(const struct siteconf *c, const struct bundle_host *host,
    struct siteconf_loader ret[SITECONF_FILES_MAX])
{
	size_t n = 0;

	for (uint16_t arch = 0; arch <= ARCH_LAST; arch++) {
		const char *file = loader_of(c, host, arch);
		if (file)
			n = add_loader(ret, n, file, arch);
	}
	/* Numbers that the table does not have. */
	for (size_t i = 0; i < c->site->n_loaders; i++) {
		uint16_t arch = c->site->loaders[i].arch;
		n = add_loader(ret, n, loader_of(c, host, arch), arch);
	}
	for (size_t i = 0; host && i < host->n_loaders; i++) {
		uint16_t arch = host->loaders[i].arch;
		n = add_loader(ret, n, loader_of(c, host, arch), arch);
	}
	return n;
}

static enum siteconf_gets
idle_gets(enum bundle_idle idle)
{
	switch (idle) {
	case BUNDLE_IDLE_LOCAL: return SITECONF_LOCAL;
	case BUNDLE_IDLE_MENU: return SITECONF_BOOT;
	case BUNDLE_IDLE_SILENT: return SITECONF_SILENT;
	}
	return SITECONF_LOCAL;
}

static const char *
gets_name(enum siteconf_gets gets)
{
	switch (gets) {
	case SITECONF_BOOT: return "boot";
	case SITECONF_LOCAL: return "local";
	case SITECONF_SILENT: return "silent";
	}
	return "local";
}

/* Some hosts name the NICs that may netboot; then the others may not. */
static bool
may_boot(const struct bundle_host *h, const struct bundle_nic *nic)
{
	for (size_t i = 0; i < h->n_nics; i++)
		if (h->nics[i].boot)
			return nic->boot;
	return true;
}

struct siteconf_group
siteconf_boot_group(const struct bundle_host *host, const struct bundle_nic *nic)
{
	struct siteconf_group g = {.gets = SITECONF_BOOT};

	if (!may_boot(host, nic))
		g.gets = idle_gets(host->idle);
	g.menu = host->idle == BUNDLE_IDLE_MENU;
	if (g.gets == SITECONF_BOOT && host->n_loaders > 0) {
		g.host = host;
		snprintf(g.name, sizeof(g.name), "own-%s", host->name);
	} else if (g.menu) {
		str_clip(g.name, sizeof(g.name), "menu");
	} else {
		str_clip(g.name, sizeof(g.name), gets_name(g.gets));
	}
	return g;
}

static int
compare_uuids(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct addr_uuid));
}

void
siteconf_boot_uuids_init(const struct siteconf *c, struct siteconf_uuids *ret)
{
	ret->n = 0;
	ret->v = str_alloc((c->site->n_hosts + 1) * sizeof(*ret->v));
	for (size_t i = 0; i < c->site->n_hosts; i++)
		if (addr_uuid_parse(c->site->hosts[i].uuid, &ret->v[ret->n]) == 0)
			ret->n++;
	qsort(ret->v, ret->n, sizeof(*ret->v), compare_uuids);
}

void
siteconf_boot_uuids_done(struct siteconf_uuids *all)
{
	free(all->v);
	*all = (struct siteconf_uuids){.v = NULL};
}

/* How many hosts have it; more than one is 2. hosttab_by_uuid() finds one that alone has it. */
static int
count_uuid(const struct siteconf_uuids *all, const struct addr_uuid *uuid)
{
	static const struct addr_uuid none;
	const struct addr_uuid *at =
	    bsearch(uuid, all->v, all->n, sizeof(*all->v), compare_uuids);

	if (!at || memcmp(uuid, &none, sizeof(none)) == 0)
		return 0;
	return (at > all->v && compare_uuids(at - 1, uuid) == 0) ||
		       (at + 1 < all->v + all->n && compare_uuids(at + 1, uuid) == 0)
		   ? 2
		   : 1;
}

/* As find_by_uuid() of bootd's dhcp6_server.c: where each order is that of another host, nobody knows which of them
 * asks. */
size_t
siteconf_boot_uuids(const struct siteconf_uuids *all, const struct bundle_host *host,
    size_t nic, struct addr_uuid ret[2])
{
	size_t first = 0;

	while (first < host->n_nics &&
	       siteconf_boot_group(host, &host->nics[first]).gets != SITECONF_BOOT)
		first++;
	if (first != nic || addr_uuid_parse(host->uuid, &ret[0]) < 0 ||
	    count_uuid(all, &ret[0]) != 1)
		return 0;
	ret[1] = addr_uuid_swap(&ret[0]);
	if (memcmp(&ret[0], &ret[1], sizeof(ret[0])) == 0)
		return 1;
	return count_uuid(all, &ret[1]) == 1 ? 0 : 2;
}

struct siteconf_group
siteconf_boot_unknown(const struct siteconf *c)
{
	struct siteconf_group g = {
	    .gets = idle_gets(c->site->idle), .menu = c->site->idle == BUNDLE_IDLE_MENU};

	str_clip(g.name, sizeof(g.name), "unknown");
	return g;
}

const char *
siteconf_boot_script(const struct siteconf_group *g)
{
	return g->menu ? "script.ipxe" : "script.ipxe-${netX/mac}";
}

bool
siteconf_boot_has_menu(const struct siteconf *c)
{
	bool menu = c->site->menu.set || c->site->idle == BUNDLE_IDLE_MENU;

	for (size_t i = 0; !menu && i < c->site->n_hosts; i++)
		menu = c->site->hosts[i].idle == BUNDLE_IDLE_MENU;
	return menu;
}

void
siteconf_boot_groups(const struct siteconf *c,
    void (*each)(void *arg, const struct siteconf_group *group), void *arg)
{
	bool seen[3] = {false}, menu = false;

	for (size_t i = 0; i < c->site->n_hosts; i++) {
		const struct bundle_host *h = &c->site->hosts[i];
		bool own = false;

		for (size_t k = 0; k < h->n_nics; k++) {
			struct siteconf_group g = siteconf_boot_group(h, &h->nics[k]);
			bool *done = g.host ? &own : g.menu ? &menu : &seen[g.gets];

			if (!*done)
				each(arg, &g);
			*done = true;
		}
	}
}

void
siteconf_boot_group_nics(const struct siteconf *c, const struct siteconf_group *g,
    void (*each)(void *arg, size_t host, size_t nic), void *arg)
{
	for (size_t i = 0; i < c->site->n_hosts; i++) {
		const struct bundle_host *h = &c->site->hosts[i];

		for (size_t k = 0; k < h->n_nics; k++) {
			struct siteconf_group of = siteconf_boot_group(h, &h->nics[k]);

			if (str_eq(of.name, g->name) && of.host == g->host)
				each(arg, i, k);
		}
	}
}

void
siteconf_boot_url(const struct siteconf *c, int family, char buf[128])
{
	const struct addr_ip *ip = family == AF_INET ? &c->server4 : &c->server6;
	char text[ADDR_IP_TEXT], port[8] = "";
	bool v6 = family == AF_INET6;

	if (c->http_port != 80)
		snprintf(port, sizeof(port), ":%u", c->http_port);
	addr_ip_text(ip, text, sizeof(text));
	snprintf(buf, 128, "http://%s%s%s%s", v6 ? "[" : "", text, v6 ? "]" : "", port);
}

bool
siteconf_boot_is_local(const struct siteconf *c, const struct bundle_subnet *s)
{
	const struct addr_ip *ip =
	    s->prefix.ip.family == AF_INET ? &c->server4 : &c->server6;

	return addr_prefix_contains(&s->prefix, ip);
}

size_t
siteconf_boot_link(const struct siteconf *c, size_t i)
{
	const struct bundle_subnet *all = c->site->subnets, *s = &all[i];
	struct addr_ip relay = {0};

	if (s->relay[0] && addr_ip_parse(s->relay, &relay) < 0)
		return i;
	for (size_t k = 0; k < i; k++) {
		struct addr_ip other = {0};

		if (all[k].prefix.ip.family != s->prefix.ip.family)
			continue;
		if (all[k].relay[0] && addr_ip_parse(all[k].relay, &other) < 0)
			continue;
		if ((s->relay[0] && (addr_ip_eq(&relay, &other) ||
					addr_prefix_contains(&all[k].prefix, &relay))) ||
		    (all[k].relay[0] && addr_prefix_contains(&s->prefix, &other)))
			return siteconf_boot_link(c, k);
	}
	return i;
}

void
siteconf_boot_opening(
    const struct siteconf *c, struct siteconf_text *t, const char *mark, const char *what)
{
	siteconf_text_add(t,
	    "%s Site %s: %s\n"
	    "%s Made by netboot-ctl site config from the inventory: make it anew after "
	    "each change there.\n",
	    mark, c->site->name, what, mark);
}

void
siteconf_boot_local_menu(const struct siteconf *c, uint8_t ret[SITECONF_MENU_SIZE])
{
	static const uint8_t menu[SITECONF_MENU_SIZE] = {6, 1, 3, 8, 7, 0, 0, 1, 0, 0, 0,
	    0, 9, 8, 0, 0, 5, 'L', 'o', 'c', 'a', 'l', 10, 6, 0, 'L', 'o', 'c', 'a', 'l',
	    255};

	memcpy(ret, menu, sizeof(menu));
	memcpy(ret + 8, c->server4.b, 4);
}
