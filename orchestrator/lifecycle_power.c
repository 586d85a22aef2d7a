// SPDX-License-Identifier: GPL-3.0-or-later
/* Whose doing a host's power is.
 *
 * A host that is seen off was switched off by us when a job that does so has been at it since it was last seen on
 * (db_power.off_by), and by somebody else when not. "Seen on" ends a job's part in it, except where the job may
 * not be through: machines are still on for minutes after a graceful power-off was ordered.
 *
 *	(free) ──a job comes to override or power──► off_by ──seen on, after it was seen off──► (free)
 *	  │                                             │     ──seen on by the job itself─────► (free)
 *	  │                                             │     ──seen on, the grace is over────► (free)
 *	  └─seen off: nobody ordered it                 └─seen off: it did
 *
 * Entry points: those of the header. Pure. All times are the orchestrator's, as events are taken: agents' clocks may be
 * wrong. Failure modes: none. A doubt is ours: what a job may have done is never told as somebody else's doing. */
#include "orchestrator/lifecycle_power.h"

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/stage.h"
#include "lib/str.h"

static void
free_it(struct db_power *p)
{
	p->off_by[0] = '\0';
	p->off_until = 0;
}

bool
lifecycle_power_look(struct db_power *p, const struct lifecycle_look *look)
{
	bool was_on = str_eq(p->known, "on"), was_off = str_eq(p->known, "off");

	str_clip(p->known, sizeof(p->known), look->on ? "on" : "off");
	if (look->on) {
		if (look->own || was_off || look->wall > p->off_until)
			free_it(p);
		return false;
	}
	return was_on && !look->own && !look->busy && !p->off_by[0];
}

/* The stages of a job that switch the power, and those in which the machine that it has switched on is loading. */
static bool
at_power(const char *stage)
{
	return str_eq(stage, stage_name(STAGE_OVERRIDE)) ||
	       str_eq(stage, stage_name(STAGE_POWER));
}

static bool
at_loading(const char *name)
{
	enum stage stage;

	return stage_parse(name, &stage) == 0 && stage >= STAGE_POWER &&
	       stage <= STAGE_INITRD;
}

static bool
is_power(const struct db_job *job)
{
	return str_eq(job->kind, bundle_kind_name(BUNDLE_POWER));
}

static bool
starts_it(const char *action)
{
	return str_eq(action, "on") || str_eq(action, "cycle") || str_eq(action, "reset");
}

static void
may_switch_off(struct db_power *p, const struct db_job *job, int64_t wall)
{
	str_clip(p->off_by, sizeof(p->off_by), job->id);
	p->off_until = wall + LIFECYCLE_POWER_GRACE;
}

static bool
on_stage(struct db_power *p, const struct db_job *job, const char *action, int64_t wall)
{
	if (is_power(job) && str_eq(action, "on"))
		free_it(p);
	else
		may_switch_off(p, job, wall);
	if (is_power(job) && starts_it(action))
		p->start_until = wall + LIFECYCLE_POWER_GRACE;
	return true;
}

/* What the job did may become visible only after its end. */
static bool
on_end(struct db_power *p, const struct db_job *job, const char *action, int64_t wall)
{
	bool reboot = str_eq(job->kind, bundle_kind_name(BUNDLE_REBOOT));
	bool started = is_power(job) ? starts_it(action)
				     : reboot || (job->state != DB_JOB_DONE &&
						     at_loading(job->stage));
	bool changed = false;

	if (str_eq(p->off_by, job->id)) {
		p->off_until = wall + LIFECYCLE_POWER_GRACE;
		changed = true;
	}
	if (started && (at_loading(job->stage) || job->state == DB_JOB_DONE)) {
		p->start_until = wall + LIFECYCLE_POWER_GRACE;
		changed = true;
	}
	return changed;
}

bool
lifecycle_power_job(struct db_power *p, const struct event *ev, const struct db_job *job,
    const char *action, int64_t wall)
{
	if (job->ended)
		return on_end(p, job, action, wall);
	if (!str_eq(ev->kind, "job.stage") ||
	    !str_eq(event_str(ev, "state"), "entered") ||
	    !at_power(event_str(ev, "stage")))
		return false;
	return on_stage(p, job, action, wall);
}

bool
lifecycle_power_started(struct db_power *p, int64_t wall)
{
	bool ours = p->start_until > 0 && wall <= p->start_until;

	p->start_until = 0;
	return ours;
}
