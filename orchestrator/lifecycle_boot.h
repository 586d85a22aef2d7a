/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an event tells of a boot. Pure; for lifecycle.c. */
#ifndef ORCHESTRATOR_LIFECYCLE_BOOT_H
#define ORCHESTRATOR_LIFECYCLE_BOOT_H

#include "orchestrator/lifecycle.h"

/* False: the event is of another kind. `job` as for lifecycle_apply(). */
bool
lifecycle_boot_apply(
    const struct event *ev, const struct db_job *job, struct lifecycle_change *ch);

#endif
