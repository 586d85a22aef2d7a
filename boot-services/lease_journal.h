/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The journal of DHCPv4 leases: `leases4`, records of type struct dhcp4_lease_record. */
#ifndef BOOT_SERVICES_LEASE_JOURNAL_H
#define BOOT_SERVICES_LEASE_JOURNAL_H

#include "boot-services/dhcp4_lease.h"
#include "boot-services/line_journal.h"

extern const struct line_journal_kind lease_journal_kind;

#endif
