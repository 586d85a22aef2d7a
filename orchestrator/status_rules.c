// SPDX-License-Identifier: GPL-3.0-or-later
/* State, reason and "stuck" of a host, by its newest job and by what its site's agent is known to do.
 *
 * Entry points: status_rules_decide(), and status_rules_found() for what is found in the events. A host is busy with its open job, and failed when its last one failed and nobody
 * has locked it; a job whose agent is not heard is shown as such, with what was known last and no guess.
 * Pure: the rows of GET /status and of GET /fleet come from here, so that they say the same. There are no failure modes;
 * what is too long for its buffer is clipped. */
#include "orchestrator/status_rules.h"

#include <stdio.h>

#include "lib/clock.h"
#include "lib/str.h"
#include "lib/verdict.h"

/* Where it stood is all that is known. The text changes only when the site is heard: GET /fleet is compared by it. */
static void
tell_absent(const struct status_rules_host *h, struct status_rules_row *ret)
{
	char at[CLOCK_TEXT_SIZE];

	if (ret->as_of > 0 && h->stage != NULL && h->stage[0] != '\0')
		snprintf(ret->reason, sizeof(ret->reason),
		    "agent-absent: %s as of %s; what the host does now is not known",
		    h->stage, clock_text(ret->as_of, at, sizeof(at)));
	else
		str_clip(ret->reason, sizeof(ret->reason),
		    "agent-absent: what the host does is not known");
}

/* Of an open job: why it does not go on, the worst first. */
static void
judge_open(const struct status_rules_site *site, const struct status_rules_host *h,
    int64_t now, struct status_rules_row *ret)
{
	int64_t since =
	    h->stage_entered ? h->stage_entered - site->clock_ahead : h->created;

	ret->state = "busy";
	ret->since = since;
	if (ret->as_of > 0)
		now = ret->as_of;
	ret->in_stage_us = now > since ? now - since : 0;
	ret->logs = site->own_servers;
	if (site->absent) {
		str_clip(ret->code, sizeof(ret->code), "agent-absent");
		tell_absent(h, ret);
		ret->stuck = true;
	} else if (site->trouble.code[0]) {
		str_clip(ret->code, sizeof(ret->code), site->trouble.code);
		snprintf(ret->reason, sizeof(ret->reason), "%s: %s", site->trouble.code,
		    site->trouble.text);
		ret->stuck = true;
	} else if (!h->sent && h->waits && h->waits[0]) {
		str_clip(ret->reason, sizeof(ret->reason), h->waits);
	} else if (!h->sent && site->full) {
		str_clip(ret->reason, sizeof(ret->reason),
		    "waits for others: its agent has as many jobs as max_jobs allows");
	} else if (!h->stage_ended && h->stage_deadline_us > 0 &&
		   now - since > h->stage_deadline_us) {
		str_clip(ret->code, sizeof(ret->code), "deadline-passed");
		str_clip(ret->reason, sizeof(ret->reason), "deadline passed");
		ret->stuck = true;
		ret->late = true;
	} else if (site->own_servers) {
		str_clip(ret->reason, sizeof(ret->reason), "own servers: not held back");
	}
}

/* A host whose BMC is not asked, since too many refused the password, says so where nothing worse is said. */
static void
tell_stop(const struct status_rules_site *site, int64_t now, struct status_rules_row *ret)
{
	char ago[32];

	snprintf(ret->reason, sizeof(ret->reason),
	    "bmc-lockout-stop: no BMC of the site is asked since %s, when %lld of %lld "
	    "had refused the password: netboot-ctl doctor",
	    str_duration(now - site->stop_since, ago, sizeof(ago)),
	    (long long)site->stop_refused, (long long)site->stop_heard);
	if (!ret->code[0])
		str_clip(ret->code, sizeof(ret->code), "bmc-lockout-stop");
}

/* "kernel-panic-seen: The kernel panicked": `why` has the rest. */
static void
tell_verdict(const struct status_rules_host *h, struct status_rules_row *ret)
{
	const struct verdict_row *row = verdict_find(h->verdict_code);

	bool likely = row && str_has_prefix(h->verdict_text, VERDICT_PROBABLY);

	snprintf(ret->reason, sizeof(ret->reason), "%s: %s%s", h->verdict_code,
	    likely ? VERDICT_PROBABLY : "", row ? row->title : h->verdict_text);
}

void
status_rules_decide(const struct status_rules_site *site,
    const struct status_rules_host *h, int64_t now, struct status_rules_row *ret)
{
	*ret = (struct status_rules_row){
	    .state = "idle", .as_of = site->absent ? site->as_of : 0};
	if (h->locked_at) {
		ret->state = "locked";
		ret->since = h->locked_at;
		str_clip(ret->reason, sizeof(ret->reason), h->locked_reason);
	}
	ret->shows_job = h->job && (!h->ended || h->failed);
	if (h->job && !h->ended) {
		judge_open(site, h, now, ret);
	} else if (h->job && h->failed && !h->locked_at) {
		ret->state = "failed";
		ret->since = h->ended_at;
		ret->stuck = true;
		str_clip(ret->code, sizeof(ret->code), h->verdict_code);
		tell_verdict(h, ret);
	}
	if (site->stop_since && h->has_bmc && !ret->reason[0])
		tell_stop(site, now, ret);
}

void
status_rules_found(struct status_rules_row *row, const struct verdict_row *found)
{
	if (!found)
		return;
	str_clip(row->code, sizeof(row->code), found->code);
	snprintf(row->reason, sizeof(row->reason),
	    "%s: " VERDICT_PROBABLY "%s (deadline passed)", found->code, found->title);
}
