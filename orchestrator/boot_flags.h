/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is remarkable of a boot, and the event that tells of it. */
#ifndef ORCHESTRATOR_BOOT_FLAGS_H
#define ORCHESTRATOR_BOOT_FLAGS_H

#include "db/db_boot.h"

/* db_boot_begin() and db_boot_flag(), each with an event `boot.flag` for every flag that was not raised before: in the
 * transaction of what raised it, so that metrics and webhooks hear of each once. `of` names boot, host and site. */
int
boot_flags_begin(struct store *s, const struct db_boot *boot) MUST_CHECK;
int
boot_flags_raise(
    struct store *s, const struct event *of, const char *boot, int64_t flags) MUST_CHECK;

#endif
