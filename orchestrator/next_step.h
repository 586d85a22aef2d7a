/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Next steps that came from an agent, with the names filled in that their commands want. */
#ifndef ORCHESTRATOR_NEXT_STEP_H
#define ORCHESTRATOR_NEXT_STEP_H

#include <jansson.h>

#include "db/db_boot.h"
#include "db/db_job.h"
#include "lib/event.h"
#include "lib/verdict.h"

/* In place: HOST, SITE, JOB, BOOT and IMAGE of text by their names; of a text that gets too long the end is cut off. */
void
next_step_fill(const struct verdict_names *names, char *text, size_t size);
/* `next` of the event's detail, by the event's own names and, unless NULL, its job's. */
void
next_step_event(struct event *ev, const struct db_job *job);
/* `next` of each of the findings in what a BMC answered; NULL is nothing. */
void
next_step_findings(const struct verdict_names *names, json_t *data);
struct verdict_names
next_step_job(const struct db_job *job);
struct verdict_names
next_step_boot(const struct db_boot *boot);

#endif
