/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a webhook is told, and when it is told again. Pure. */
#ifndef ORCHESTRATOR_WEBHOOK_BODY_H
#define ORCHESTRATOR_WEBHOOK_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include "db/db_job.h"
#include "lib/event.h"
#include "orchestrator/webhook_config.h"

struct webhook_about {
	const char *id; /* of the delivery */
	int64_t seq;
	const struct event *ev;
	const struct db_job *job; /* of the event, or NULL */
	const char *page;	  /* the page's address, or NULL */
};

/* Is that event one of those that `on` names? "job.failed" is a kind, "job.*" all of a source, "discovered" as well;
 * "boot.unordered" is a `boot.flag` of that flag; "job.failed" includes a job that its agent refused. */
bool
webhook_body_match(const char *on, const struct event *ev);
/* The body, owned by the caller, and its type. A template that fails on this event (too long a text) gives the body of
 * WEBHOOK_JSON. */
char *
webhook_body_make(const struct webhook_config *c, const struct webhook_about *about,
    const char **ret_type);
/* Is it a template that gives JSON, with names that there are? -EINVAL with *err. */
int
webhook_body_check(const char *text, struct error *err) MUST_CHECK;

/* Milliseconds to wait after `fails` failures in a row; `random` is any number. */
int64_t
webhook_body_backoff(unsigned fails, uint64_t random);
/* Does the answer say that this body will never be taken, so that others behind it need not wait for days? */
bool
webhook_body_refused(int status);

#endif
