/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The orchestrator's time, kept in the spool for the process after this one. */
#ifndef AGENT_UPLINK_KEPT_H
#define AGENT_UPLINK_KEPT_H

#include <stdint.h>

#include "agent/spool.h"
#include "agent/uplink_clock.h"

/* Keeps it where it is another one than was kept: *kept is what was, 0 at first. */
void
uplink_kept_put(struct spool *s, const struct uplink_clock *c, int64_t *kept);
/* What was kept since the machine's start; else nothing is measured. */
void
uplink_kept_get(struct spool *s, struct uplink_clock *ret);

#endif
