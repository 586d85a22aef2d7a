/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whose doing a host's power is: told from what was seen of it and from what our jobs do. Pure. */
#ifndef ORCHESTRATOR_LIFECYCLE_POWER_H
#define ORCHESTRATOR_LIFECYCLE_POWER_H

#include <stdbool.h>

#include "db/db_job.h"
#include "db/db_power.h"
#include "lib/event.h"

/* How long after a job's last step what the machine does may be its doing: a graceful power-off takes minutes, and so does
 * a power-on self-test. */
#define LIFECYCLE_POWER_GRACE (15 * 60 * USEC_PER_SEC)

/* One look at a host's power. */
struct lifecycle_look {
	bool on;
	bool own;  /* a job of ours has just made it so */
	bool busy; /* somebody else looked while a job of ours is at the host */
	int64_t wall;
};

/* *p as it is afterwards. True: the host is off, and no order of ours did that. */
bool
lifecycle_power_look(struct db_power *p, const struct lifecycle_look *look);
/* A job's event; `job` as it is after it, `action` of a power job, else "". False: nothing changed. */
bool
lifecycle_power_job(struct db_power *p, const struct event *ev, const struct db_job *job,
    const char *action, int64_t wall);
/* A network boot that no job has begun. True: an order has started the machine a while ago; only the first one is its doing. */
bool
lifecycle_power_started(struct db_power *p, int64_t wall);

#endif
