/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The site's HTTP base as a host sees it. */
#ifndef AGENT_RUN_URL_H
#define AGENT_RUN_URL_H

#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/bundle.h"
#include "lib/error.h"

/* One of this machine's own addresses with its network. */
struct run_url_own {
	struct addr_ip ip;
	struct addr_prefix net;
};

enum { RUN_URL_OWN_MAX = 256 };

/* The machine's addresses of both families; their number. Loopback and IPv6 link-local addresses are
 * left out, and IPv6 addresses that are temporary, deprecated or another machine's. */
size_t
run_url_own_addresses(struct run_url_own *ret, size_t max);
/* Pure. "http://ADDRESS[:PORT]", "http://[ADDRESS6][:PORT]": the own address in the network of the host's
 * fixed address, else in one of the site's subnets, else the only one there is. IPv4 before IPv6, but
 * of the family in which the host has a fixed address. -ENOENT with code no-site-url when that does not
 * decide it. */
int
run_url_make(const struct run_url_own *own, size_t n, const struct bundle_host *host,
    const struct bundle_site *site, uint16_t port, char *ret, size_t size,
    struct error *err) MUST_CHECK;

#endif
