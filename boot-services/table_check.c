/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Does each subnet of the table lie on a link that we serve? One that does not is configured, looks right, and its
 * machines get no answer.
 *
 * Entry points: table_check_subnets(), table_check_managed(); table_check_take_inet6() for the kernel's list of IPv6 addresses. Pure:
 * table_check_io.c collects the addresses and tells of what is found. Failure modes: none; texts are clipped. */
#include "boot-services/table_check.h"

#include <stdio.h>
#include <string.h>

#include "lib/str.h"

static bool
is_on(const struct bundle_subnet *s, const struct table_check_iface *iface)
{
	for (size_t i = 0; i < iface->n_addrs; i++)
		if (addr_prefix_contains(&s->prefix, &iface->addrs[i]))
			return true;
	return false;
}

static bool
is_served(const struct bundle_subnet *s, const struct table_check_iface *ifaces, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_on(s, &ifaces[i]))
			return true;
	return false;
}

static void
append(char *buf, size_t size, const char *text)
{
	size_t len = strlen(buf);

	str_clip(buf + len, size - len, text);
}

/* "eth1 10.0.0.1 fe80::1, eth2 without an address" of that family. */
static void
list_ifaces(
    const struct table_check_iface *ifaces, size_t n, int family, char *buf, size_t size)
{
	char text[ADDR_IP_TEXT];

	buf[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		bool any = false;

		append(buf, size, i > 0 ? ", " : "");
		append(buf, size, ifaces[i].name);
		for (size_t k = 0; k < ifaces[i].n_addrs; k++) {
			if (ifaces[i].addrs[k].family != family)
				continue;
			append(buf, size, " ");
			append(buf, size,
			    addr_ip_text(&ifaces[i].addrs[k], text, sizeof(text)));
			any = true;
		}
		append(buf, size, any ? "" : " without an address");
	}
}

void
table_check_subnets(const struct bundle_site *site,
    const struct table_check_iface *ifaces, size_t n, bool v4, bool v6,
    void (*each)(void *arg, const struct error *err), void *arg)
{
	for (size_t i = 0; i < site->n_subnets; i++) {
		const struct bundle_subnet *s = &site->subnets[i];
		bool is_v6 = s->prefix.ip.family == AF_INET6;
		char prefix[ADDR_PREFIX_TEXT], list[300];
		struct error err;

		if (s->relay[0] != '\0' || !(is_v6 ? v6 : v4) || is_served(s, ifaces, n))
			continue;
		list_ifaces(ifaces, n, s->prefix.ip.family, list, sizeof(list));
		error_set(&err, 0, "subnet-elsewhere",
		    "correct the prefix, give an interface an address of it, or, for a "
		    "remote "
		    "link, give the subnet its relay",
		    "subnet %s is on none of the interfaces: %s",
		    addr_prefix_text(&s->prefix, prefix, sizeof(prefix)), list);
		each(arg, &err);
	}
}

/* "Addresses are available via DHCPv6", says RFC 4861 4.2 of the flag. Another server may give them, so that this is
 * told, not refused. */
void
table_check_managed(const struct bundle_site *site,
    const struct table_check_iface *ifaces, size_t n,
    void (*each)(void *arg, const struct error *err), void *arg)
{
	for (size_t i = 0; i < site->n_subnets; i++) {
		const struct bundle_subnet *s = &site->subnets[i];
		char prefix[ADDR_PREFIX_TEXT];
		struct error err;

		if (s->prefix.ip.family != AF_INET6 || s->relay[0] != '\0' ||
		    s->ra != BUNDLE_RA_MANAGED || !is_served(s, ifaces, n))
			continue;
		error_set(&err, 0, "dhcp6-off",
		    "set services.dhcp6 of netboot-bootd to true, or the subnet's ra to "
		    "stateless or off; nothing, if another DHCPv6 server is on that link",
		    "subnet %s is advertised as managed, so that its machines look for "
		    "DHCPv6, and DHCPv6 is switched off here",
		    addr_prefix_text(&s->prefix, prefix, sizeof(prefix)));
		each(arg, &err);
	}
}

/* 32 hexadecimal digits, as the kernel writes them. */
static bool
take_address(const char *hex, struct addr_ip *ret)
{
	char text[ADDR_IP_TEXT];
	size_t n = 0;

	if (strlen(hex) != 32)
		return false;
	for (size_t i = 0; i < 32; i++) {
		if (i > 0 && i % 4 == 0)
			text[n++] = ':';
		text[n++] = hex[i];
	}
	text[n] = '\0';
	return addr_ip_parse(text, ret) == 0;
}

bool
table_check_take_inet6(const char *line, struct table_check_iface *ifaces, size_t n)
{
	char hex[33], name[32];
	struct addr_ip ip;

	if (sscanf(line, "%32s %*x %*x %*x %*x %31s", hex, name) != 2 ||
	    !take_address(hex, &ip))
		return false;
	for (size_t i = 0; i < n; i++)
		if (str_eq(ifaces[i].name, name) &&
		    ifaces[i].n_addrs < TABLE_CHECK_ADDRS_MAX)
			ifaces[i].addrs[ifaces[i].n_addrs++] = ip;
	return true;
}
