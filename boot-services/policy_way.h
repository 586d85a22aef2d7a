/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The choice of the disk in the menu, over the further boot options of the same boot. Pure. */
#ifndef BOOT_SERVICES_POLICY_WAY_H
#define BOOT_SERVICES_POLICY_WAY_H

#include "boot-services/policy.h"

/* What a client was told: remembered where firmware was sent to the menu. */
void
policy_way_note(const struct hosttab *t, const struct policy_client *c,
    const struct policy_decision *d);
/* The disk was chosen. */
void
policy_way_left(struct hosttab_entry *e, int64_t now);
/* Is this firmware on another way of a boot whose disk was chosen? */
bool
policy_way_to_disk(const struct hosttab_entry *e, const struct policy_client *c);

#endif
