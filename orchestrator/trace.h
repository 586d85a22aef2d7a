/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One boot as a waterfall: spans and marks (docs/api.md, "trace"). Pure: rows and events in, a document out. */
#ifndef ORCHESTRATOR_TRACE_H
#define ORCHESTRATOR_TRACE_H

#include <jansson.h>

#include "db/db_boot.h"
#include "db/db_job.h"
#include "lib/event.h"

/* Of each kind; what is more is counted and told in one mark. */
enum { TRACE_SPANS_MAX = 600, TRACE_TRANSFERS_MAX = 400, TRACE_MARKS_MAX = 600 };

struct trace;

/* A transfer that is over, or (ended 0) under way. */
struct trace_transfer {
	const char *protocol; /* "tftp", "http" */
	const char *class;    /* "loader", "script", "kernel", …; "" unknown */
	const char *file, *ip;
	int64_t began, ended;
	int64_t octets, total; /* < 0: not known */
	bool failed;
	const char *text;
	const char *result; /* NULL: not known */
};

struct trace *
trace_new(const struct db_boot *boot);
void
trace_free(struct trace *t);
/* usual_us < 0: not known. */
void
trace_stage(struct trace *t, const struct db_job_stage *g, int64_t usual_us);
/* From a table of transfers. Once one was given, those of events are left out. Before the events. A question (for the size, or
 * whether it is still the same) is no transfer. */
void
trace_transfer(struct trace *t, const struct trace_transfer *x);
/* In order of seq: those of the boot's job, or of the boot where it has none. What belongs to another boot or
 * attempt is left out. */
void
trace_event(struct trace *t, int64_t seq, const struct event *ev);
/* Takes `boot`, its document. Call once. */
json_t *
trace_json(struct trace *t, json_t *boot);

#endif
