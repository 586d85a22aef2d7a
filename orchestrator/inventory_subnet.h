/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Are the subnets of a site ones that can be served? Asked of what people write; what is stored already, from
 * before a check, is still served. Pure. */
#ifndef ORCHESTRATOR_INVENTORY_SUBNET_H
#define ORCHESTRATOR_INVENTORY_SUBNET_H

#include "lib/bundle.h"
#include "lib/error.h"

/* The first fault of all the site's subnets: -EINVAL with *err ("subnets[N]: MEMBER: …"). */
int
inventory_subnet_check(const struct bundle_site *site, struct error *err) MUST_CHECK;

#endif
