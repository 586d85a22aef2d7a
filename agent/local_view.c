/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hosts, jobs, stages and states as JSON, the same members as at the orchestrator.
 *
 * Entry points: local_view_host(), local_view_job(), local_view_stage(), local_view_status(). Pure; results are the
 * caller's. What the agent does not know is null, or left out, and never guessed.
 */
#include "agent/local_view.h"

#include <stdio.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/secret.h"
#include "lib/str.h"
#include "lib/verdict.h"

static void
put_or_null(json_t *v, const char *key, const char *s)
{
	json_put(v, key, s[0] != '\0' ? json_string(s) : json_null());
}

void
local_view_time(json_t *v, const char *key, int64_t at)
{
	char text[CLOCK_TEXT_SIZE];

	put_or_null(v, key, at > 0 ? clock_text(at, text, sizeof(text)) : "");
}

static json_t *
bmc_json(const struct local_msg_host *more)
{
	static const char *const secrets[] = {
	    "password", "password_next", "next_runs", "kg", "learned", "manners"};
	json_t *v = bundle_bmc_to_json(&more->bmc);

	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
		json_object_del(v, secrets[i]);
	return v;
}

json_t *
local_view_host(
    const char *site, const struct bundle_host *h, const struct local_msg_host *more)
{
	json_t *v = bundle_host_to_json(h);

	json_put_str(v, "site", site);
	if (more == NULL)
		return v;
	json_put_str(v, "image", more->image);
	if (more->bmc.address[0] != '\0')
		json_put(v, "bmc", bmc_json(more));
	if (more->locked_at > 0) {
		json_t *lock = json_object();

		json_put_str(lock, "by", more->locked_by);
		json_put_str(lock, "reason", more->locked_reason);
		local_view_time(lock, "at", more->locked_at);
		json_put(v, "locked", lock);
	}
	return v;
}

const char *
local_view_job_state(const struct run *r)
{
	switch (r->stage) {
	case STAGE_QUEUED: return "accepted";
	case STAGE_DONE: return "done";
	case STAGE_FAILED: return "failed";
	case STAGE_CANCELLED: return "cancelled";
	case STAGE_PREFLIGHT:
	case STAGE_ARMED:
	case STAGE_OVERRIDE:
	case STAGE_POWER:
	case STAGE_FIRMWARE_DHCP:
	case STAGE_LOADER:
	case STAGE_IPXE_DHCP:
	case STAGE_SCRIPT:
	case STAGE_KERNEL:
	case STAGE_INITRD:
	case STAGE_ROOTFS:
	case STAGE_OS_UP:
	case STAGE_INSTALLED:
	case STAGE_LOCAL_BOOT:
	case STAGE_COUNT: break;
	}
	return "running";
}

static json_t *
verdict_json(const char *site, const struct spool_past_job *job)
{
	const struct error *is = &job->run.verdict;
	const struct verdict_names names = {
	    job->run.host, site, job->run.job, job->run.boot, job->bundle.image.name};
	char next[ERROR_NEXT_SIZE];
	json_t *v;

	if (is->code[0] == '\0' || job->run.stage == STAGE_DONE)
		return json_null();
	verdict_fill_names(&names, is->next, next, sizeof(next));
	v = json_object();
	json_put_str(v, "code", is->code);
	json_put(v, "text", json_string(is->text));
	json_put(v, "next", json_string(next));
	return v;
}

json_t *
local_view_job(const char *site, const struct spool_past_job *job)
{
	const struct bundle *b = &job->bundle;
	const struct run *r = &job->run;
	json_t *v = json_object();

	json_put_str(v, "id", b->job);
	json_put_str(v, "kind", bundle_kind_name(b->kind));
	json_put_str(v, "host", b->host.name);
	json_put_str(v, "site", site);
	put_or_null(v, "image", b->image.name);
	json_put_str(v, "state", local_view_job_state(r));
	json_put_str(v, "stage", stage_name(r->stage));
	json_put_i64(v, "attempt", r->attempt);
	json_put(v, "reason", json_string(b->reason));
	json_put(v, "by", json_string(b->by));
	local_view_time(v, "created", b->created);
	local_view_time(v, "ended", job->ended);
	local_view_time(v, "not_before", b->not_before);
	local_view_time(v, "not_after", b->not_after);
	json_put(v, "verdict", verdict_json(site, job));
	json_put(v, "agent_code", json_null());
	put_or_null(v, "boot", r->boot);
	json_put(v, "cancel", json_null());
	json_put(v, "retry_of", json_null());
	json_put_str(v, "origin", job->origin);
	return v;
}

/* The row of a stage of an attempt, made when it is new. */
static json_t *
stage_row(json_t *list, const char *stage, int64_t attempt)
{
	json_t *row;
	size_t i;

	json_array_foreach (list, i, row)
		if (str_eq(json_string_value(json_object_get(row, "stage")), stage) &&
		    json_integer_value(json_object_get(row, "attempt")) == attempt)
			return row;
	row = json_object();
	json_put_str(row, "stage", stage);
	json_put_i64(row, "attempt", attempt);
	json_put(row, "entered", json_null());
	json_put(row, "confirmed", json_null());
	json_put(row, "deadline_us", json_null());
	json_put(row, "evidence", json_null());
	json_array_append_new(list, row);
	return row;
}

void
local_view_stage(json_t *list, const struct event *ev)
{
	const char *state = event_str(ev, "state"), *evidence = event_str(ev, "evidence");
	int64_t deadline = event_i64(ev, "deadline_us", -1);
	json_t *row;

	if (!str_eq(ev->kind, "job.stage") || state[0] == '\0')
		return;
	row = stage_row(list, event_str(ev, "stage"), event_i64(ev, "attempt", 0));
	json_put_str(row, "state", state);
	local_view_time(row, str_eq(state, "entered") ? "entered" : "confirmed", ev->at);
	if (deadline >= 0)
		json_put_i64(row, "deadline_us", deadline);
	if (evidence[0] != '\0')
		json_put_str(row, "evidence", evidence);
}

static void
put_job(json_t *v, const struct local_view_status *s, bool open)
{
	const struct run *r = &s->job->run;

	json_put_str(v, "job", r->job);
	json_put_str(v, "kind", bundle_kind_name(r->kind));
	json_put_str(v, "stage", stage_name(r->stage));
	json_put_i64(v, "attempt", r->attempt);
	if (!open)
		return;
	json_put_i64(v, "in_stage_us", s->now > r->entered ? s->now - r->entered : 0);
	json_put(v, "deadline_us",
	    r->due > r->entered ? json_integer(r->due - r->entered) : json_null());
}

static void
put_reason(json_t *v, const struct run *r)
{
	const struct verdict_row *row = verdict_find(r->verdict.code);
	char text[ERROR_CODE_SIZE + ERROR_TEXT_SIZE + 2];

	snprintf(text, sizeof(text), "%s: %s", r->verdict.code,
	    row != NULL ? row->title : r->verdict.text);
	json_put_str(v, "reason", text);
}

json_t *
local_view_status(const char *host, const struct local_view_status *s)
{
	const struct run *r = s->job != NULL ? &s->job->run : NULL;
	bool open = r != NULL && !run_ended(r);
	bool failed = r != NULL && r->stage == STAGE_FAILED;
	bool locked = s->more != NULL && s->more->locked_at > 0;
	json_t *v = json_object();

	json_put_str(v, "host", host);
	json_put_str(v, "site", s->site);
	json_put_str(v, "state",
	    open     ? "busy"
	    : locked ? "locked"
	    : failed ? "failed"
		     : "idle");
	json_put(v, "job", json_null());
	json_put(v, "power", s->power[0] != '\0' ? json_string(s->power) : json_null());
	if (s->power[0] != '\0') {
		local_view_time(v, "power_at", s->power_at);
		json_put(v, "power_why", json_string(""));
	}
	local_view_time(v, "last_seen", s->last_seen);
	if (open || failed)
		put_job(v, s, open);
	if (open && s->now > r->due && r->due > r->entered)
		json_put_str(v, "reason", "deadline passed");
	else if (!open && locked)
		json_put(v, "reason", json_string(s->more->locked_reason));
	else if (failed)
		put_reason(v, r);
	return v;
}
