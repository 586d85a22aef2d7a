/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What somebody should know of a schedule before it is due. */
#ifndef ORCHESTRATOR_SCHEDULE_CHECK_H
#define ORCHESTRATOR_SCHEDULE_CHECK_H

#include <jansson.h>

#include "db/store.h"
#include "orchestrator/schedule_doc.h"
#include "orchestrator/schedule_hosts.h"

/* What a reboot takes where no past says so. */
enum { SCHEDULE_CHECK_REBOOT_S = 600 };

/* [{"code", "text", "next"}, …] of a schedule whose hosts are now these; owned by the caller. 0, or an errno of the database. */
int
schedule_check(struct store *s, const struct schedule_doc *doc,
    const struct schedule_hosts *hosts, const struct schedule_zones *zones, int64_t now,
    json_t **ret) MUST_CHECK;

#endif
