/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the agent knows, in the form of docs/api.md. Pure. */
#ifndef AGENT_LOCAL_VIEW_H
#define AGENT_LOCAL_VIEW_H

#include <jansson.h>

#include "agent/spool_past.h"
#include "lib/local_msg.h"

/* null when at is 0. */
void
local_view_time(json_t *v, const char *key, int64_t at);
/* Without secrets. `more` NULL: only what bootd must know is at hand. */
json_t *
local_view_host(
    const char *site, const struct bundle_host *h, const struct local_msg_host *more);
json_t *
local_view_job(const char *site, const struct spool_past_job *job);
const char *
local_view_job_state(const struct run *r);

/* Takes an event of a job into the list of its stages; in order. */
void
local_view_stage(json_t *list, const struct event *ev);

struct local_view_status {
	const char *site;
	const struct local_msg_host *more; /* or NULL */
	const struct spool_past_job *job;  /* the host's newest, or NULL */
	const char *power;		   /* as seen last; "": not known */
	int64_t power_at, last_seen, now;
};
json_t *
local_view_status(const char *host, const struct local_view_status *s);

#endif
