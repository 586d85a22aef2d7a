/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which MAC address a DUID was last seen with: for messages that do not say it themselves. Pure. */
#ifndef BOOT_SERVICES_DHCP6_LEARN_H
#define BOOT_SERVICES_DHCP6_LEARN_H

#include "boot-services/dhcp6_duid.h"

struct dhcp6_learn;

/* `seed` is secret. */
struct dhcp6_learn *
dhcp6_learn_new(uint64_t seed);
void
dhcp6_learn_free(struct dhcp6_learn *l);
void
dhcp6_learn_put(
    struct dhcp6_learn *l, const struct dhcp6_duid *duid, const struct addr_mac *mac);
bool
dhcp6_learn_find(
    const struct dhcp6_learn *l, const struct dhcp6_duid *duid, struct addr_mac *ret);

#endif
