/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by policy.c and policy_http.c only. */
#ifndef BOOT_SERVICES_POLICY_PRIV_H
#define BOOT_SERVICES_POLICY_PRIV_H

#include "boot-services/policy.h"

/* Why a host gets its idle policy on this NIC ("no ticket", …); NULL when its ticket is
 * armed. */
const char *
policy_idle_why(const struct hosttab_entry *host, const struct addr_mac *mac);

#endif
