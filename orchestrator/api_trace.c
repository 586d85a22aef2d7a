// SPDX-License-Identifier: GPL-3.0-or-later
/* GET /boots/{id}/trace: a boot as spans and marks.
 *
 * Entry point: the handler. A boot that was watched for hours has many events, so that they are read in the work
 * queue, through a connection of its own; trace.c makes the document of them. Of more than EVENTS_MAX the rest is left
 * out: a machine in a loop, whose first hours tell the story.
 * Ownership: a reading owns what it reads until it is answered, or its client is gone.
 * Failure modes: codes of docs/api.md. */
#include <errno.h>
#include <stdlib.h>

#include "db/db_boot.h"
#include "db/db_event.h"
#include "db/db_job.h"
#include "db/db_transfer.h"
#include "lib/json.h"
#include "lib/stage.h"
#include "lib/str.h"
#include "lib/usual.h"
#include "lib/workq.h"
#include "orchestrator/api.h"
#include "orchestrator/explain.h"
#include "orchestrator/trace.h"

enum { EVENTS_MAX = 20000 };

struct reading {
	struct orch *o;
	struct rest_request *rq; /* NULL: the client went away */
	const char *database;	 /* borrowed from the configuration */
	char id[ID_SIZE];
	struct store *store;
	struct trace *trace;
	struct db_boot boot;
	struct usual *past;
	bool unclaimed; /* of the boot's events only those of no job */
	int rc;
	json_t *document;
	struct error err;
};

static void
add_stage(void *arg, const struct db_job_stage *g)
{
	struct reading *r = arg;
	enum stage stage;
	int64_t median = -1;

	if (stage_parse(g->stage, &stage) == 0 && usual_of(r->past, stage).n > 0)
		median = usual_of(r->past, stage).median;
	trace_stage(r->trace, g, median);
}

static void
add_transfer(void *arg, const struct db_transfer *t)
{
	struct reading *r = arg;

	trace_transfer(r->trace, &(struct trace_transfer){.protocol = t->protocol,
				     .class = t->class,
				     .file = t->file,
				     .ip = t->ip,
				     .began = t->began,
				     .ended = t->ended,
				     .octets = t->octets,
				     .total = t->total,
				     .failed = t->failed,
				     .text = t->reason,
				     .result = t->result});
}

static int
add_event(void *arg, int64_t seq, const struct event *ev)
{
	struct reading *r = arg;

	if (!r->unclaimed || !ev->job[0])
		trace_event(r->trace, seq, ev);
	return 0;
}

static int
add_events(struct reading *r)
{
	const struct db_event_filter of_job = {.job = r->boot.job, .limit = EVENTS_MAX};
	const struct db_event_filter of_boot = {.boot = r->boot.id, .limit = EVENTS_MAX};
	int rc = r->boot.job[0] ? db_event_list(r->store, &of_job, add_event, r) : 0;

	r->unclaimed = r->boot.job[0] != '\0';
	return rc < 0 ? rc : db_event_list(r->store, &of_boot, add_event, r);
}

static int
fill_trace(struct reading *r)
{
	const struct db_boot *b = &r->boot;
	int rc =
	    explain_past(r->store, b->host, b->job[0] ? b->job : NULL, b->image, r->past);

	if (rc == 0)
		rc = db_job_stages_of_boot(
		    r->store, b->id, b->job, b->attempt, add_stage, r);
	if (rc == 0)
		rc = db_transfer_list(r->store, b->id, add_transfer, r);
	return rc < 0 ? rc : add_events(r);
}

static int
read_trace(struct reading *r)
{
	json_t *boot = NULL;
	int rc = api_boot_read(r->store, r->id, &r->boot, &boot);

	if (rc < 0)
		return rc;
	r->past = str_alloc(sizeof(*r->past));
	r->trace = trace_new(&r->boot);
	rc = fill_trace(r);
	if (rc == 0)
		r->document = trace_json(r->trace, boot);
	else
		json_decref(boot);
	trace_free(r->trace);
	free(r->past);
	return rc;
}

/* In a thread: touches only the reading. */
static void
run(void *arg)
{
	struct reading *r = arg;

	if (store_open_reader(r->database, &r->store, &r->err) < 0)
		return;
	int rc = read_trace(r);
	if (rc == -ENOENT)
		error_set(&r->err, 0, "boot-unknown", "netboot-ctl history shows them",
		    "no such boot");
	else if (rc < 0)
		db_error(store_db(r->store), rc, &r->err, "read the boot");
	store_close(r->store);
}

static void
reply(struct reading *r)
{
	json_t *boot = json_object_get(r->document, "boot");

	json_put(boot, "console", api_console_json(r->o, &r->boot));
	rest_reply(r->rq, 200, r->document, NULL);
}

static void
on_done(void *arg)
{
	struct reading *r = arg;

	if (!r->rq)
		json_decref(r->document);
	else if (r->document)
		reply(r);
	else if (str_eq(r->err.code, "boot-unknown"))
		rest_problem(r->rq, 404, &r->err, NULL);
	else
		api_refuse(r->rq, &r->err, NULL);
	free(r);
}

static void
on_gone(void *arg)
{
	struct reading *r = arg;

	r->rq = NULL;
}

void
api_trace_get(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;

	if (!api_allow(o, rq, &who))
		return;
	struct reading *r = str_alloc(sizeof(*r));
	r->o = o;
	r->rq = rq;
	r->database = o->config->database;
	/* One that is too long is nobody's. */
	if (str_copy(r->id, sizeof(r->id), rest_param(rq, "id")) < 0)
		r->id[0] = '\0';
	error_set(
	    &r->err, 0, "busy", "try again in a moment", "too much waits to be read");
	if (workq_submit(o->reads, run, on_done, r) == 0) {
		rest_on_gone(rq, on_gone, r);
		return;
	}
	api_refuse(rq, &r->err, NULL);
	free(r);
}
