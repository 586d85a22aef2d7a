/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Telling of the stop because of refused passwords: an event of the site, and the word with every poll.
 *
 * Entry point: lockout_note(). The stop itself is bmc_polite.c's, and forgotten with the process, as is
 * what is told of it. Nothing is owned. Failure modes: none; before there is an uplink no BMC is asked.
 */
#include "agent/lockout.h"

#include "agent/bmc.h"
#include "agent/run_jobs.h"
#include "agent/uplink.h"
#include "lib/clock.h"
#include "lib/str.h"

void
lockout_note(struct run_jobs *jobs, struct uplink *uplink, const struct bmc_engine *bmc,
    const struct bmc_note *note)
{
	struct agent_msg_stop stop;
	struct event ev;

	if (!str_eq(note->kind, "ipmi.lockout") && !str_eq(note->kind, "ipmi.resumed"))
		return;
	ev = event_make(note->kind, clock_wall());
	if (bmc_stopped(bmc, &stop)) {
		event_put_i64(&ev, "refused", stop.refused);
		event_put_i64(&ev, "heard", stop.heard);
	}
	str_clip(ev.reason, sizeof(ev.reason), note->text);
	run_jobs_emit(jobs, &ev, false);
	if (uplink != NULL)
		uplink_set_stop(uplink, &stop);
}
