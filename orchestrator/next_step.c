/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Agents say what to do next as a sentence with commands in which names stand as words in capitals ("netboot-ctl
 * power status HOST"): their tables of sentences are constants. Who reads it wants a line to type.
 *
 * Entry points: next_step_event() before an event is stored, so that whoever reads it, its job or its boot has the
 * names; next_step_fill() and next_step_findings() for what answers a call; next_step_job() and next_step_boot() for
 * rows that were stored as they came.
 * Ownership: the caller's texts are changed in place; names are borrowed. Failure modes: none; a word whose name is
 * not known stays. */
#include "orchestrator/next_step.h"

#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

void
next_step_fill(const struct verdict_names *names, char *text, size_t size)
{
	char *filled = str_alloc(size);

	if (verdict_fill_names(names, text, filled, size))
		str_clip(text, size, filled);
	free(filled);
}

static void
fill_member(const struct verdict_names *names, json_t *of)
{
	const char *next = json_string_value(json_object_get(of, "next"));
	char text[ERROR_NEXT_SIZE];

	if (next == NULL)
		return;
	/* Else as it came: the event is the agent's own word. */
	if (verdict_fill_names(names, next, text, sizeof(text)))
		json_object_set_new(of, "next", json_string(text));
}

void
next_step_event(struct event *ev, const struct db_job *job)
{
	struct verdict_names names = {.host = NULL};

	if (job)
		names = next_step_job(job);
	if (ev->host[0])
		names.host = ev->host;
	if (ev->site[0])
		names.site = ev->site;
	if (ev->job[0])
		names.job = ev->job;
	if (ev->boot[0])
		names.boot = ev->boot;
	/* What is about no host at all may speak of hosts as such. */
	if (names.host && names.host[0])
		fill_member(&names, ev->detail);
}

void
next_step_findings(const struct verdict_names *names, json_t *data)
{
	json_t *finding;
	size_t i;

	json_array_foreach (json_object_get(data, "findings"), i, finding)
		fill_member(names, finding);
}

struct verdict_names
next_step_job(const struct db_job *job)
{
	return (struct verdict_names){.host = job->host,
	    .site = job->site,
	    .job = job->id,
	    .boot = job->boot,
	    .image = job->image};
}

struct verdict_names
next_step_boot(const struct db_boot *boot)
{
	return (struct verdict_names){.host = boot->host,
	    .site = boot->site,
	    .job = boot->job,
	    .boot = boot->id,
	    .image = boot->image};
}
