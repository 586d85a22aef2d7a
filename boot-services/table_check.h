/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What of the host table cannot be served here: subnets that are on none of our links, or whose machines we send to
 * a DHCPv6 that is off. Pure. */
#ifndef BOOT_SERVICES_TABLE_CHECK_H
#define BOOT_SERVICES_TABLE_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/bundle.h"
#include "lib/compiler.h"
#include "lib/error.h"

enum { TABLE_CHECK_ADDRS_MAX = 32 };

/* One served interface and its addresses, of both families. */
struct table_check_iface {
	const char *name;
	struct addr_ip addrs[TABLE_CHECK_ADDRS_MAX];
	size_t n_addrs;
};

/* Calls `each` for every subnet without a relay, of the families that are served, whose prefix holds no address
 * of any interface. */
void
table_check_subnets(const struct bundle_site *site,
    const struct table_check_iface *ifaces, size_t n, bool v4, bool v6,
    void (*each)(void *arg, const struct error *err), void *arg);
/* The same for every IPv6 subnet on one of the interfaces that router advertisements call managed: for a bootd that
 * sends those and serves no DHCPv6. */
void
table_check_managed(const struct bundle_site *site,
    const struct table_check_iface *ifaces, size_t n,
    void (*each)(void *arg, const struct error *err), void *arg);
/* Adds the address that a line of /proc/net/if_inet6 tells to its interface, if that is among them. False: the
 * line is none. */
bool
table_check_take_inet6(const char *line, struct table_check_iface *ifaces, size_t n);

#endif
