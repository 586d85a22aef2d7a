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

#include "boot-services/policy_priv.h"
#include "lib/str.h"

/* IANA "Processor Architecture Types"; names as the events show them. An HTTP
 * architecture has the same loader as its PXE sibling. */
static const struct {
	uint16_t arch;
	uint16_t sibling; /* whose loader fits as well; POLICY_ARCH_NONE: none */
	bool http;
	const char *name;
} arches[] = {
    {0x00, 0x14, false, "x86-bios"},
    {0x06, 0x0f, false, "x86-uefi"},
    {0x07, 0x09, false, "x64-uefi"},
    /* RFC 4578 gave 9 to x64 and 7 to EBC; IANA and firmware settled on the reverse
       (boot.md 1.4). */
    {0x09, 0x07, false, "x64-uefi"},
    {0x0a, 0x12, false, "arm32-uefi"},
    {0x0b, 0x13, false, "arm64-uefi"},
    {0x0f, 0x06, true, "x86-uefi-http"},
    {0x10, 0x07, true, "x64-uefi-http"},
    {0x12, 0x0a, true, "arm32-uefi-http"},
    {0x13, 0x0b, true, "arm64-uefi-http"},
    {0x14, 0x00, true, "x86-bios-http"},
    {0x15, POLICY_ARCH_NONE, false, "arm32-uboot"},
    {0x16, POLICY_ARCH_NONE, false, "arm64-uboot"},
    {0x17, 0x15, true, "arm32-uboot-http"},
    {0x18, 0x16, true, "arm64-uboot-http"},
    {0x19, 0x1a, false, "riscv32-uefi"},
    {0x1a, 0x19, true, "riscv32-uefi-http"},
    {0x1b, 0x1c, false, "riscv64-uefi"},
    {0x1c, 0x1b, true, "riscv64-uefi-http"},
    {0x27, 0x28, false, "loong64-uefi"},
    {0x28, 0x27, true, "loong64-uefi-http"},
    {0x29, POLICY_ARCH_NONE, false, "arm-rpiboot"},
};

const char *
policy_arch_name(uint16_t arch, char *buf, size_t size)
{
	if (arch == POLICY_ARCH_NONE)
		arch = 0x00;
	for (size_t i = 0; i < ARRAY_SIZE(arches); i++)
		if (arches[i].arch == arch) {
			str_clip(buf, size, arches[i].name);
			return buf;
		}
	snprintf(buf, size, "arch-%u", arch);
	return buf;
}

bool
policy_arch_is_http(uint16_t arch)
{
	for (size_t i = 0; i < ARRAY_SIZE(arches); i++)
		if (arches[i].arch == arch)
			return arches[i].http;
	return false;
}

static const char *
loader_exactly(const struct bootd_config *cfg, uint16_t arch, bool *ret_named)
{
	for (size_t i = 0; i < cfg->n_loaders; i++)
		if (cfg->loaders[i].arch == arch) {
			*ret_named = true;
			return cfg->loaders[i].file[0] ? cfg->loaders[i].file : NULL;
		}
	return NULL;
}

const char *
policy_loader(const struct bootd_config *cfg, uint16_t arch)
{
	bool named = false;
	const char *file;

	/* RFC 4578 2.1 came after the first PXE ROMs: no option 93 means BIOS. */
	if (arch == POLICY_ARCH_NONE)
		arch = 0x00;
	file = loader_exactly(cfg, arch, &named);
	if (named)
		return file;
	for (size_t i = 0; i < ARRAY_SIZE(arches); i++)
		if (arches[i].arch == arch && arches[i].sibling != POLICY_ARCH_NONE)
			return loader_exactly(cfg, arches[i].sibling, &named);
	return NULL;
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

static void
script_url(const struct policy_client *c, char url[256])
{
	char mac[ADDR_MAC_TEXT];

	make_url(c, url, "script.ipxe-%s", addr_mac_text(&c->mac, mac, sizeof(mac)));
}

/* A loader over TFTP, for firmware or for an iPXE that cannot do what we need. */
static void
decide_tftp(const struct bootd_config *cfg, const struct policy_client *c,
    const char *why, struct policy_decision *d)
{
	const char *file = policy_loader(cfg, c->arch);
	char arch[EVENT_ARCH_SIZE];

	policy_arch_name(c->arch, arch, sizeof(arch));
	if (!cfg->tftp) {
		decide(
		    d, POLICY_LEASE, "%s, but TFTP is switched off: address only", why);
	} else if (!file) {
		decide(d, POLICY_LEASE,
		    "%s, but there is no loader for architecture %s: add one to "
		    "'loaders'",
		    why, arch);
	} else {
		str_clip(d->file, sizeof(d->file), file);
		decide(d, POLICY_TFTP_LOADER, "%s: loader for %s", why, arch);
	}
}

static void
decide_http(const struct bootd_config *cfg, const struct policy_client *c,
    const char *why, struct policy_decision *d)
{
	const char *file = policy_loader(cfg, c->arch);
	char arch[EVENT_ARCH_SIZE];

	policy_arch_name(c->arch, arch, sizeof(arch));
	if (!cfg->http) {
		decide(
		    d, POLICY_LEASE, "%s, but HTTP is switched off: address only", why);
	} else if (!file) {
		decide(d, POLICY_LEASE,
		    "%s, but there is no loader for architecture %s: add one to "
		    "'loaders'",
		    why, arch);
	} else {
		make_url(c, d->url, "loaders/%s", file);
		decide(d, POLICY_HTTP_LOADER, "%s: loader for %s by URL", why, arch);
	}
}

/* iPXE: the script, unless it cannot fetch one; then our own iPXE, once (boot.md 1.2.1).
 */
static void
decide_ipxe(const struct bootd_config *cfg, const struct policy_client *c,
    struct policy_decision *d)
{
	if (!cfg->http) {
		decide(d, POLICY_LEASE,
		    "ticket armed, but HTTP is switched off: address only");
	} else if (c->ipxe_able) {
		script_url(c, d->url);
		decide(d, POLICY_SCRIPT, "ticket armed: script for iPXE");
	} else if (c->chained_already) {
		decide(d, POLICY_LEASE,
		    "iPXE without HTTP or bzImage came back after it was given our "
		    "loader: not again, address only");
	} else {
		decide_tftp(cfg, c, "ticket armed, iPXE in ROM lacks HTTP or bzImage", d);
	}
}

static void
decide_armed(const struct bootd_config *cfg, const struct policy_client *c,
    struct policy_decision *d)
{
	switch (c->class) {
	case POLICY_CLASS_PXE: decide_tftp(cfg, c, "ticket armed", d); break;
	case POLICY_CLASS_HTTP: decide_http(cfg, c, "ticket armed", d); break;
	case POLICY_CLASS_IPXE: decide_ipxe(cfg, c, d); break;
	case POLICY_CLASS_OS:
		decide(d, POLICY_LEASE, "operating system: address only");
		break;
	}
}

/* The fast way to the disk for the path the client took. */
static void
decide_local(const struct bootd_config *cfg, const struct policy_client *c,
    const char *why, struct policy_decision *d)
{
	switch (c->class) {
	case POLICY_CLASS_PXE:
		decide(d, POLICY_LOCAL_MENU, "%s: PXE menu that boots the disk", why);
		break;
	case POLICY_CLASS_HTTP:
		if (!cfg->http) {
			decide(d, POLICY_LEASE, "%s: HTTP is switched off, address only",
			    why);
			break;
		}
		make_url(c, d->url, "local-boot.efi");
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
decide_idle(const struct bootd_config *cfg, const struct policy_client *c,
    enum bundle_idle idle, const char *why, struct policy_decision *d)
{
	char text[128];

	/* An installed system needs its address whatever its firmware is told. */
	if (c->class == POLICY_CLASS_OS) {
		decide(d, POLICY_LEASE, "operating system: address only");
		return;
	}
	switch (idle) {
	case BUNDLE_IDLE_LOCAL: decide_local(cfg, c, why, d); break;
	case BUNDLE_IDLE_MENU:
		snprintf(
		    text, sizeof(text), "%s, idle policy menu (no menu is defined)", why);
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
			decide_idle(cfg, c, site->idle, "unknown machine", ret);
		else
			decide(ret, POLICY_IGNORE,
			    "unknown machine: not in the host table, and the site "
			    "ignores those");
		return;
	}
	why = policy_idle_why(ret->host, &c->mac);
	if (why)
		decide_idle(cfg, c, ret->host->host.idle, why, ret);
	else
		decide_armed(cfg, c, ret);
}
