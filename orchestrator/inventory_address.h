/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Do hosts' fixed addresses fit the subnets of their site? Asked when a host is written, and by doctor
 * of what stands, since subnets may change under their hosts. */
#ifndef ORCHESTRATOR_INVENTORY_ADDRESS_H
#define ORCHESTRATOR_INVENTORY_ADDRESS_H

#include "db/store.h"
#include "lib/bundle.h"
#include "lib/error.h"

/* Card n of the host and its address of that family: -EINVAL with *err ("nics[N]: ip: …", "nics[N]: ip6: …") when
 * it is one that no machine of the subnet may have, or when the card netboots and the address lies in none of the
 * site's subnets. Without IPv4 subnets nothing is known of IPv4 (an IPv6 address is served by a subnet or not at
 * all), and cards that do not netboot may be on networks that are not served. */
int
inventory_address_check(const struct bundle_site *site, const struct bundle_host *h,
    size_t n, int family, struct error *err) MUST_CHECK;
/* The card's fixed address of that family, perhaps unset. */
const struct addr_ip *
inventory_address_of(const struct bundle_host *h, size_t n, int family);
/* Calls `each` for every card of the database that does not pass, and with host NULL ("site NAME: …") for sites whose
 * subnets were written before what they are checked for now. Reads all hosts: not on the event loop. 0 or an
 * errno of the database. */
int
inventory_address_scan(struct store *s,
    void (*each)(void *arg, const char *host, const struct error *err),
    void *arg) MUST_CHECK;

#endif
