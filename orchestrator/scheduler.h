/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makes rollouts of schedules when their time comes. Times are wall microseconds; docs/schedules.md has the rules. */
#ifndef ORCHESTRATOR_SCHEDULER_H
#define ORCHESTRATOR_SCHEDULER_H

#include "db/db_schedule.h"
#include "lib/compiler.h"
#include "lib/log.h"
#include "orchestrator/audit.h"
#include "orchestrator/rollouts.h"
#include "orchestrator/schedule_doc.h"
#include "orchestrator/schedule_hosts.h"

struct scheduler;

struct scheduler_ops {
	const struct log *log;
	struct store *store;
	struct rollouts *rollouts;
	/* Destructive work on more hosts than that needs a second person, and is planned so long before it begins. */
	int64_t approval_hosts, approval_lead;
	/* Events were stored. */
	void (*on_events)(void *arg);
	void *arg;
};

struct scheduler *
scheduler_new(const struct scheduler_ops *ops);
void
scheduler_free(struct scheduler *s); /* NULL allowed */

/* Begins what is due, some schedules a call, and returns when it wants to be called again: at the latest within a minute, since
 * clocks are set and sites come from zones that none was in. */
int64_t
scheduler_tick(struct scheduler *s, int64_t wall);

/* Which of the runs is the next of a schedule that was made or changed at `wall`: the first that has not opened anywhere where it has
 * hosts, and of which nothing has become. Sets next and due of *row. */
int
scheduler_plan(struct scheduler *s, const struct schedule_doc *doc, int64_t wall,
    struct db_schedule *row) MUST_CHECK;
/* A run that somebody orders, beside those of the calendar: its windows open now. Within the caller's transaction; when that is
 * committed, rollouts_begun(). -EPERM with *err: refused, also for a rollout of the schedule that is not over; -EINVAL; or the
 * database. */
int
scheduler_run_now(struct scheduler *s, const struct db_schedule *row,
    const struct schedule_doc *doc, const struct audit_who *who, const char *reason,
    int64_t wall, char ret_rollout[ID_SIZE], struct error *err) MUST_CHECK;
/* The zones of the fleet as they are now; borrowed until the next call of anything here. NULL with an errno of the database. */
int
scheduler_zones(struct scheduler *s, const struct schedule_zones **ret) MUST_CHECK;

#endif
