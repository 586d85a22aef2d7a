/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a DHCP client gets: the one decision that all protocols share (HTTP paths:
 * policy_http.c).
 *
 * policy_decide() first asks who it is (host table), then whether a ticket is armed for
 * it, then which answer suits the software that asks: firmware gets a loader, iPXE its
 * script, an operating system only an address. Without an armed ticket the idle policy
 * answers; "local" is an explicit fast negative, since silence and a lease without boot
 * information each cost a UEFI machine 60 s per boot option (boot.md 0.1 rule
 * 20, 1.3.2, 1.5).
 *
 * Pure: no I/O, no clock. Every decision carries its reason, which becomes the event's.
 */
#include "boot-services/policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "boot-services/policy_priv.h"
#include "boot-services/policy_way.h"
#include "lib/arch.h"
#include "lib/menu_script.h"
#include "lib/str.h"

/* The loader that a list of replacements has for arch or its sibling, or NULL. */
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

/* What the configuration has for it; an empty name there says that there is none. */
static const char *
configured(const struct bootd_config *cfg, uint16_t arch)
{
	uint16_t wanted[] = {arch, arch_sibling(arch)};

	for (size_t k = 0; k < ARRAY_SIZE(wanted); k++)
		for (size_t i = 0; i < cfg->n_loaders; i++)
			if (cfg->loaders[i].arch == wanted[k] && wanted[k] != ARCH_NONE)
				return cfg->loaders[i].file;
	return NULL;
}

const char *
policy_loader(const struct hosttab *t, const struct bootd_config *cfg,
    const struct hosttab_host *host, uint16_t arch)
{
	const struct bundle_site *site = hosttab_site(t);
	const char *file = NULL;

	/* RFC 4578 2.1 came after the first PXE ROMs: no option 93 means BIOS. */
	if (arch == ARCH_NONE)
		arch = 0x00;
	if (host)
		file = replaced(host->loaders, host->n_loaders, arch);
	if (!file)
		file = replaced(site->loaders, site->n_loaders, arch);
	if (!file)
		file = configured(cfg, arch);
	return file && file[0] ? file : NULL;
}

static void PRINTF_LIKE(3, 4)
    decide(struct policy_decision *d, enum policy_what what, const char *fmt, ...)
{
	va_list args;

	d->what = what;
	va_start(args, fmt);
	vsnprintf(d->reason, sizeof(d->reason), fmt, args);
	va_end(args);
}

/* "http://10.77.0.1/PATH"; the port only when it is not 80. */
static void PRINTF_LIKE(3, 4)
    make_url(const struct policy_client *c, char url[256], const char *fmt, ...)
{
	char ip[ADDR_IP_TEXT], path[192], port[8] = "";
	bool v6 = c->server.family == AF_INET6;
	va_list args;

	va_start(args, fmt);
	vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	if (c->http_port != 80)
		snprintf(port, sizeof(port), ":%u", c->http_port);
	addr_ip_text(&c->server, ip, sizeof(ip));
	snprintf(
	    url, 256, "http://%s%s%s%s/%s", v6 ? "[" : "", ip, v6 ? "]" : "", port, path);
}

/* "tftp://[fd77::1]/PATH" for DHCPv6, whose option 59 has no other form (RFC 5970 3.1); firmware
 * undoes the encoding. Longer than the option's buffer: "". */
static void
tftp_url(const struct bootd_config *cfg, const struct policy_client *c, const char *path,
    char url[256])
{
	char ip[ADDR_IP_TEXT], port[8] = "";
	size_t at;

	if (cfg->tftp_port != 69)
		snprintf(port, sizeof(port), ":%u", cfg->tftp_port);
	addr_ip_text(&c->server, ip, sizeof(ip));
	at = (size_t)snprintf(url, 256, "tftp://[%s]%s/", ip, port);
	for (; *path != '\0' && at < 252; path++) {
		bool plain = (*path >= 'a' && *path <= 'z') ||
			     (*path >= 'A' && *path <= 'Z') ||
			     (*path >= '0' && *path <= '9') || strchr("-._~/", *path);

		at += (size_t)snprintf(
		    url + at, 256 - at, plain ? "%c" : "%%%02X", (unsigned char)*path);
	}
	if (*path != '\0')
		url[0] = '\0';
}

static void
script_url(const struct policy_client *c, char url[256])
{
	char mac[ADDR_MAC_TEXT];

	make_url(c, url, "script.ipxe-%s", addr_mac_text(&c->mac, mac, sizeof(mac)));
}

/* A loader over TFTP, for firmware or for an iPXE that cannot do what we need. */
static void
decide_tftp(const struct hosttab *t, const struct bootd_config *cfg,
    const struct policy_client *c, const char *why, struct policy_decision *d)
{
	const char *file =
	    policy_loader(t, cfg, d->host ? &d->host->host : NULL, c->arch);
	char arch[ARCH_NAME_SIZE];

	arch_name(c->arch, arch, sizeof(arch));
	if (!cfg->tftp) {
		d->lacks = "tftp";
		decide(
		    d, POLICY_LEASE, "%s, but TFTP is switched off: address only", why);
	} else if (!file) {
		d->lacks = "loader";
		decide(d, POLICY_LEASE,
		    "%s, but there is no loader for architecture %s: add one to "
		    "'loaders'",
		    why, arch);
	} else {
		str_clip(d->file, sizeof(d->file), file);
		if (c->server.family == AF_INET6)
			tftp_url(cfg, c, file, d->url);
		decide(d, POLICY_TFTP_LOADER, "%s: loader for %s", why, arch);
	}
}

static void
decide_http(const struct hosttab *t, const struct bootd_config *cfg,
    const struct policy_client *c, const char *why, struct policy_decision *d)
{
	const char *file =
	    policy_loader(t, cfg, d->host ? &d->host->host : NULL, c->arch);
	char arch[ARCH_NAME_SIZE];

	arch_name(c->arch, arch, sizeof(arch));
	if (!cfg->http) {
		d->lacks = "http";
		decide(
		    d, POLICY_LEASE, "%s, but HTTP is switched off: address only", why);
	} else if (!file) {
		d->lacks = "loader";
		decide(d, POLICY_LEASE,
		    "%s, but there is no loader for architecture %s: add one to "
		    "'loaders'",
		    why, arch);
	} else {
		make_url(c, d->url, "loaders/%s", file);
		decide(d, POLICY_HTTP_LOADER, "%s: loader for %s by URL", why, arch);
	}
}

/* Does the host itself name a loader? Then an iPXE that is in its card's ROM gets that one too: somebody had a
 * reason, such as a ROM that is broken. Of BIOS only: UEFI firmware loads what is named by itself. */
static bool
names_loader(const struct policy_decision *d, uint16_t arch)
{
	const struct hosttab_host *h = d->host ? &d->host->host : NULL;

	return h && (arch == 0x00 || arch == ARCH_NONE) &&
	       replaced(h->loaders, h->n_loaders, 0x00);
}

/* iPXE: the script, unless it cannot fetch one, or is not the one wanted; then a loader, once (boot.md
 * 1.2.1). */
static void
decide_ipxe(const struct hosttab *t, const struct bootd_config *cfg,
    const struct policy_client *c, const char *why, bool menu, struct policy_decision *d)
{
	char text[192];

	if (!cfg->http) {
		d->lacks = "http";
		decide(
		    d, POLICY_LEASE, "%s, but HTTP is switched off: address only", why);
	} else if (names_loader(d, c->arch) && !c->chained_already) {
		snprintf(text, sizeof(text), "%s, the host names its loader", why);
		decide_tftp(t, cfg, c, text, d);
	} else if (c->ipxe_able && menu) {
		make_url(c, d->url, "script.ipxe");
		decide(d, POLICY_SCRIPT, "%s: menu for iPXE", why);
	} else if (c->ipxe_able) {
		script_url(c, d->url);
		decide(d, POLICY_SCRIPT, "%s: script for iPXE", why);
	} else if (c->chained_already) {
		decide(d, POLICY_LEASE,
		    "iPXE without HTTP or bzImage came back after it was given our "
		    "loader: not again, address only");
	} else {
		snprintf(
		    text, sizeof(text), "%s, iPXE in ROM lacks HTTP or bzImage", why);
		decide_tftp(t, cfg, c, text, d);
	}
}

/* The way to a script: of a ticket, or the site's menu. */
static void
decide_boot(const struct hosttab *t, const struct bootd_config *cfg,
    const struct policy_client *c, const char *why, bool menu, struct policy_decision *d)
{
	switch (c->class) {
	case POLICY_CLASS_PXE: decide_tftp(t, cfg, c, why, d); break;
	case POLICY_CLASS_HTTP: decide_http(t, cfg, c, why, d); break;
	case POLICY_CLASS_IPXE: decide_ipxe(t, cfg, c, why, menu, d); break;
	case POLICY_CLASS_OS:
		decide(d, POLICY_LEASE, "operating system: address only");
		break;
	}
}

/* PXE firmware: DHCPv4 has a menu for it; DHCPv6 has none, and a file that is not found is as fast
 * (boot.md 0.1 rule 20). */
static void
decide_local_pxe(const struct bootd_config *cfg, const struct policy_client *c,
    const char *why, struct policy_decision *d)
{
	if (c->server.family != AF_INET6) {
		decide(d, POLICY_LOCAL_MENU, "%s: PXE menu that boots the disk", why);
	} else if (!cfg->tftp) {
		decide(d, POLICY_LEASE, "%s: TFTP is switched off, address only", why);
	} else {
		tftp_url(cfg, c, POLICY_LOCAL_FILE, d->url);
		decide(d, POLICY_LOCAL_404,
		    "%s: file that is not found, so that the next boot option follows at "
		    "once",
		    why);
	}
}

/* The fast way to the disk for the path the client took. */
static void
decide_local(const struct bootd_config *cfg, const struct policy_client *c,
    const char *why, struct policy_decision *d)
{
	switch (c->class) {
	case POLICY_CLASS_PXE: decide_local_pxe(cfg, c, why, d); break;
	case POLICY_CLASS_HTTP:
		if (!cfg->http) {
			decide(d, POLICY_LEASE, "%s: HTTP is switched off, address only",
			    why);
			break;
		}
		make_url(c, d->url, POLICY_LOCAL_FILE);
		decide(d, POLICY_LOCAL_404,
		    "%s: URL that is not found, so that the next boot option follows at "
		    "once",
		    why);
		break;
	case POLICY_CLASS_IPXE:
		/* Without a file name iPXE falls through to the disk by itself. */
		if (!cfg->http || !c->ipxe_able) {
			decide(d, POLICY_LEASE, "%s: no script, iPXE goes on to the disk",
			    why);
			break;
		}
		script_url(c, d->url);
		decide(d, POLICY_SCRIPT, "%s: script that leaves to the disk", why);
		break;
	case POLICY_CLASS_OS:
		decide(d, POLICY_LEASE, "operating system: address only");
		break;
	}
}

static void
decide_idle(const struct hosttab *t, const struct bootd_config *cfg,
    const struct policy_client *c, enum bundle_idle idle, const char *why,
    struct policy_decision *d)
{
	bool menu = menu_script_exists(hosttab_site(t));
	bool left = d->host && policy_way_to_disk(d->host, c);
	char text[128];

	/* An installed system needs its address whatever its firmware is told. */
	if (c->class == POLICY_CLASS_OS) {
		decide(d, POLICY_LEASE, "operating system: address only");
		return;
	}
	switch (idle) {
	case BUNDLE_IDLE_LOCAL: decide_local(cfg, c, why, d); break;
	case BUNDLE_IDLE_MENU:
		snprintf(text, sizeof(text), "%s, idle policy menu%s", why,
		    !menu  ? " (no menu is defined)"
		    : left ? ", disk chosen in it"
			   : "");
		d->menu = menu && !left;
		if (d->menu)
			decide_boot(t, cfg, c, text, true, d);
		else
			decide_local(cfg, c, text, d);
		break;
	case BUNDLE_IDLE_SILENT:
		decide(d, POLICY_IGNORE, "%s: idle policy is silent", why);
		break;
	}
}

/* Some hosts name the NICs that may netboot; then the others may not. */
static bool
nic_may_boot(const struct hosttab_host *h, const struct addr_mac *mac)
{
	bool any = false, mine = false;

	for (size_t i = 0; i < h->n_nics; i++) {
		any |= h->nics[i].boot;
		mine |= h->nics[i].boot && addr_mac_eq(&h->nics[i].mac, mac);
	}
	return mine || !any;
}

const char *
policy_idle_why(const struct hosttab_entry *host, const struct addr_mac *mac)
{
	if (!host->boot.ticket[0])
		return "no ticket";
	if (host->boot.consumed)
		return "ticket is consumed";
	return nic_may_boot(&host->host, mac) ? NULL : "ticket is not for this NIC";
}

void
policy_decide(const struct hosttab *t, const struct bootd_config *cfg,
    const struct policy_client *c, struct policy_decision *ret)
{
	const struct bundle_site *site = hosttab_site(t);
	const char *why;

	*ret = (struct policy_decision){.host = hosttab_by_mac(t, &c->mac)};
	if (!ret->host) {
		if (site->answer_unknown)
			decide_idle(t, cfg, c, site->idle, "unknown machine", ret);
		else
			decide(ret, POLICY_IGNORE,
			    "unknown machine: not in the host table, and the site "
			    "ignores those");
		return;
	}
	why = policy_idle_why(ret->host, &c->mac);
	if (why)
		decide_idle(t, cfg, c, ret->host->host.idle, why, ret);
	else
		decide_boot(t, cfg, c, "ticket armed", false, ret);
}
