/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The journal of DHCPv6 leases: `leases6`, records of type struct dhcp6_lease_record. */
#ifndef BOOT_SERVICES_DHCP6_JOURNAL_H
#define BOOT_SERVICES_DHCP6_JOURNAL_H

#include "boot-services/dhcp6_lease.h"
#include "boot-services/line_journal.h"

extern const struct line_journal_kind dhcp6_journal_kind;

#endif
