/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /jobs at the agent: those that its spool still has, ordered here or at the orchestrator.
 *
 * Entry points: the handlers. Ownership: nothing is kept. Failure modes: codes of docs/api.md; a job that ended a week ago
 * is not known here any more.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/local_priv.h"
#include "agent/local_view.h"
#include "agent/spool_past.h"
#include "lib/json.h"
#include "lib/str.h"

enum { PAGE = 50, STAGE_EVENTS = 2000 };

struct listing {
	struct local *l;
	const struct local_names *hosts; /* NULL: all */
	const char *kind, *state;	 /* "": all */
	json_t *items;
	char last[ID_SIZE]; /* looked at */
	int64_t n;
};

static bool
is_of(const struct local_names *hosts, const char *name)
{
	for (size_t i = 0; i < hosts->n; i++)
		if (str_eq(hosts->v[i], name))
			return true;
	return false;
}

static void
take(void *arg, const struct spool_past_job *job)
{
	struct listing *x = arg;
	bool open = !run_ended(&job->run);

	x->n++;
	str_clip(x->last, sizeof(x->last), job->run.job);
	if (x->hosts != NULL && !is_of(x->hosts, job->run.host))
		return;
	if (x->kind[0] != '\0' && !str_eq(x->kind, bundle_kind_name(job->run.kind)))
		return;
	if (x->state[0] != '\0' && open != str_eq(x->state, "open"))
		return;
	json_array_append_new(x->items, local_view_job(local_site(x->l), job));
}

static bool
read_filter(struct rest_request *rq, struct listing *x)
{
	const char *kind = rest_query(rq, "kind"), *state = rest_query(rq, "state");
	struct error err;

	x->kind = kind != NULL ? kind : "";
	x->state = state != NULL ? state : "";
	if (x->state[0] == '\0' || str_eq(x->state, "open") || str_eq(x->state, "ended"))
		return true;
	error_set(&err, 0, "bad-value", NULL, "state: not open or ended");
	local_refuse(rq, &err, NULL);
	return false;
}

void
local_jobs_list(void *arg, struct rest_request *rq)
{
	struct local *l = arg;
	struct local_who who;
	struct local_names names = {NULL, 0};
	struct listing x = {.l = l};
	const char *cursor, *hosts = rest_query(rq, "hosts");
	int64_t limit;
	int r;

	if (!local_allow(l, rq, &who) || !local_page(rq, PAGE, &limit, &cursor) ||
	    !read_filter(rq, &x))
		return;
	if (hosts != NULL && hosts[0] != '\0') {
		if (!local_hosts_of(l, rq, hosts, &names))
			return;
		x.hosts = &names;
	}
	x.items = json_array();
	r = spool_past_jobs(l->o.spool, cursor, limit, take, &x);
	local_select_done(&names);
	if (r >= 0) {
		local_reply_items(rq, x.items, x.n == limit ? x.last : "");
		return;
	}
	json_decref(x.items);
	local_failed(l, rq, r, "read the jobs");
}

static bool
take_stage(void *arg, int64_t seq UNUSED, const struct event *ev)
{
	local_view_stage(arg, ev);
	return true;
}

void
local_jobs_reply(struct local *l, struct rest_request *rq, int status, const char *id)
{
	const struct spool_past_filter f = {.job = id, .limit = STAGE_EVENTS};
	struct spool_past_job *job = str_alloc(sizeof(*job));
	json_t *stages = json_array(), *v = NULL;
	int r = spool_past_job(l->o.spool, id, job);
	struct error err;
	char shown[40];

	if (r == 1) {
		v = local_view_job(local_site(l), job);
		spool_past_job_done(job);
		r = spool_past_events(l->o.spool, &f, take_stage, stages);
		r = r < 0 ? r : 1;
	}
	if (r == 1) {
		json_object_set(v, "stages", stages);
		rest_reply(rq, status, json_incref(v), NULL);
	} else if (r == 0) {
		error_set(&err, 0, "job-unknown",
		    "netboot-ctl job list shows those that the site still has",
		    "no job %s", str_escape(shown, sizeof(shown), id, strlen(id)));
		local_refuse(rq, &err, NULL);
	} else {
		local_failed(l, rq, r, "read the job");
	}
	json_decref(v);
	json_decref(stages);
	free(job);
}

void
local_jobs_get(void *arg, struct rest_request *rq)
{
	struct local *l = arg;
	struct local_who who;

	if (local_allow(l, rq, &who))
		local_jobs_reply(l, rq, 200, rest_param(rq, "id"));
}
