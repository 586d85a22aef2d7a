/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The coming runs of a schedule: when each opens in which zone, at which sites, for which hosts. */
#ifndef ORCHESTRATOR_SCHEDULE_NEXT_H
#define ORCHESTRATOR_SCHEDULE_NEXT_H

#include <jansson.h>

#include "db/db_schedule.h"
#include "orchestrator/schedule_doc.h"
#include "orchestrator/schedule_hosts.h"

/* Appends `n` runs, or as many as there are, to the items of GET /schedules/next. The windows of `hosts` are set on the way. */
void
schedule_next(const struct db_schedule *row, const struct schedule_doc *doc,
    const struct schedule_zones *zones, struct schedule_hosts *hosts, int64_t n,
    bool with_hosts, json_t *items);
/* When the row's next run opens, where it has hosts, or anywhere. */
int64_t
schedule_next_opens(const struct db_schedule *row, const struct schedule_doc *doc,
    const struct schedule_zones *zones, struct schedule_hosts *hosts);

#endif
