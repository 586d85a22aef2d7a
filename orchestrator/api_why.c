// SPDX-License-Identifier: GPL-3.0-or-later
/* GET /why: what became of a host, job or boot, and why.
 *
 * Entry point: the handler. What is meant is found at once; the events and the past are read in a thread, with a
 * connection of its own. A question under way is its own until it answers.
 * Failure modes: codes of docs/api.md. */
#include <errno.h>
#include <stdlib.h>

#include "db/db_host.h"
#include "db/store.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/explain.h"
#include "orchestrator/job_json.h"
#include "orchestrator/presence.h"

struct why {
	struct rest_request *rq; /* NULL: the client went away */
	const char *database;	 /* borrowed from the configuration */
	struct explain_of of;
	int64_t now;
	int64_t as_of; /* the site is not heard since; 0: it is */
	json_t *answer;
	struct error err;
};

/* In a thread: touches only the question. */
static void
run_why(void *arg)
{
	struct why *w = arg;
	struct store *s = NULL;

	if (store_open_reader(w->database, &s, &w->err) == 0) {
		struct db *db = store_db(s);
		bool reading = db_read_begin(db);
		int rc = explain_why(s, &w->of, w->now, &w->answer);
		if (rc < 0)
			db_error(db, rc, &w->err, "read what is recorded");
		db_read_end(db, reading);
	}
	store_close(s);
}

static void
why_done(void *arg)
{
	struct why *w = arg;

	if (!w->rq)
		json_decref(w->answer);
	else if (w->answer) {
		job_json_time(w->answer, "as_of", w->as_of);
		rest_reply(w->rq, 200, w->answer, NULL);
	} else
		api_refuse(w->rq, &w->err, NULL);
	free(w);
}

static void
on_gone(void *arg)
{
	struct why *w = arg;

	w->rq = NULL;
}

/* Of a machine whose agent is not heard nothing is known of now. What lasts is measured by the agent's clock, as it began. */
static void
ask_agent(struct orch *o, struct why *w)
{
	struct db_host *h = str_alloc(sizeof(*h));

	if (db_host_get(o->store, w->of.host, h) == 0) {
		w->of.absent = presence_absent(dispatch_silence(o->dispatch, h->site));
		w->as_of = dispatch_as_of(o->dispatch, h->site);
		w->now += dispatch_clock_ahead(o->dispatch, h->site);
	}
	free(h);
}

static void
refuse_unknown(struct rest_request *rq, const char *name)
{
	struct error err;

	error_set(&err, 0, "id-unknown",
	    "netboot-ctl host list, job list or history HOST show them",
	    "no host, job or boot %.64s", name);
	rest_problem(rq, 404, &err, NULL);
}

void
api_why_get(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	const char *name = rest_query(rq, "of");
	struct explain_of of;

	if (!api_allow(o, rq, &who))
		return;
	int rc = name && name[0] ? explain_find(o->store, name, &of) : -ENOENT;
	if (rc == -ENOENT) {
		refuse_unknown(rq, name ? name : "");
		return;
	}
	if (rc < 0) {
		api_failed(o, rq, rc, "find it");
		return;
	}
	struct why *w = str_alloc(sizeof(*w));
	w->rq = rq;
	w->database = o->config->database;
	w->of = of;
	w->now = clock_wall();
	ask_agent(o, w);
	error_set(
	    &w->err, 0, "busy", "try again in a moment", "too much waits to be read");
	if (workq_submit(o->reads, run_why, why_done, w) == 0) {
		rest_on_gone(rq, on_gone, w);
		return;
	}
	api_refuse(rq, &w->err, NULL);
	free(w);
}
