/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs of a schedule that are planned already. */
#ifndef ORCHESTRATOR_SCHEDULE_PLANNED_H
#define ORCHESTRATOR_SCHEDULE_PLANNED_H

#include "db/store.h"

/* Their rollouts; owned by the caller. */
int
schedule_planned_find(
    struct store *s, const char *schedule, struct store_names *ret) MUST_CHECK;

#endif
