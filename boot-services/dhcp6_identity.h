/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The DUID of our DHCPv6 server: made once and kept in the state directory (RFC 8415 11: "DUIDs ... SHOULD
 * NOT change over time"). */
#ifndef BOOT_SERVICES_DHCP6_IDENTITY_H
#define BOOT_SERVICES_DHCP6_IDENTITY_H

#include <sys/types.h>

#include "boot-services/dhcp6_duid.h"
#include "lib/error.h"
#include "lib/rng.h"

/* Reads `duid6` of the directory, or makes it, as a DUID-UUID: short, since firmware has been attacked with
 * long ones and refuses them (boot.md 1.6). uid (uid_t)-1: no change of owner. */
int
dhcp6_identity_load(int dirfd, uid_t uid, gid_t gid, struct rng *rng,
    struct dhcp6_duid *ret, struct error *err) MUST_CHECK;

#endif
