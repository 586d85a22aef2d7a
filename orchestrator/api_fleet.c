// SPDX-License-Identifier: GPL-3.0-or-later
/* GET /fleet: all hosts in one answer.
 *
 * Entry point: the handler. What is known of the sites' agents is noted on the loop; the database is read, and the
 * text written, in the thread of the work queue, through the one connection that this thread keeps (orch.h). A question
 * is its own until it answers.
 * Failure modes: a client that went away costs a reading; codes of docs/api.md. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_site.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/fleet_doc.h"

enum { SITES_MAX = 100 * 1000 };

struct question {
	struct rest_request *rq; /* NULL: the client went away */
	struct orch *o;
	struct fleet_doc_site *sites;
	size_t n;
	char *if_none_match;
	char *text;
	char etag[FLEET_DOC_ETAG_SIZE];
	bool read;
	struct error err;
};

static void
question_free(struct question *q)
{
	free(q->sites);
	free(q->if_none_match);
	free(q->text);
	free(q);
}

/* In the thread: touches only the question and the thread's own connection. */
static void
run(void *arg)
{
	struct question *q = arg;
	struct orch *o = q->o;
	int rc = 0;

	if (!o->reader)
		rc = store_open_reader(o->config->database, &o->reader, &q->err);
	if (rc < 0)
		return;
	rc = fleet_doc_read(o->reader, q->sites, q->n, clock_wall(), &q->text, q->etag);
	if (rc < 0)
		db_error(store_db(o->reader), rc, &q->err, "read the fleet");
	q->read = rc == 0;
}

static void
done(void *arg)
{
	struct question *q = arg;

	if (q->rq && !q->read) {
		api_refuse(q->rq, &q->err, NULL);
	} else if (q->rq && q->if_none_match && str_eq(q->if_none_match, q->etag)) {
		rest_reply(q->rq, 304, NULL, q->etag);
	} else if (q->rq) {
		rest_reply_json(q->rq, 200, q->text, q->etag);
		q->text = NULL;
	}
	question_free(q);
}

static void
on_gone(void *arg)
{
	struct question *q = arg;

	q->rq = NULL;
}

/* Names come in order. */
static int
note_sites(struct orch *o, struct question *q)
{
	struct store_names names = {0};
	int rc = db_site_names(o->store, NULL, SITES_MAX, &names);

	q->sites = str_alloc((names.n + 1) * sizeof(q->sites[0]));
	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		str_clip(q->sites[i].name, sizeof(q->sites[i].name), names.v[i]);
		api_status_site(o, names.v[i], &q->sites[i].known);
		q->n++;
	}
	store_names_done(&names);
	return rc;
}

void
api_fleet_get(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;

	if (!api_allow(o, rq, &who))
		return;
	struct question *q = str_alloc(sizeof(*q));
	q->rq = rq;
	q->o = o;
	q->if_none_match = str_dup(rest_header(rq, "If-None-Match"));
	int rc = note_sites(o, q);
	if (rc < 0) {
		api_failed(o, rq, rc, "read the sites");
		question_free(q);
		return;
	}
	error_set(
	    &q->err, 0, "busy", "try again in a moment", "too much waits to be read");
	if (workq_submit(o->reads, run, done, q) == 0) {
		rest_on_gone(rq, on_gone, q);
		return;
	}
	api_refuse(rq, &q->err, NULL);
	question_free(q);
}
