// SPDX-License-Identifier: GPL-3.0-or-later
/* GET /status: what each host is doing now; GET /agents: who works for which site.
 *
 * Entry points: the two handlers, and api_status_site() for whoever says it of many hosts. Read only. What a host is
 * said to be doing is decided in status_rules.c. Where jobs are late the events of those are read in the thread of the
 * work queue (orch.h), and the answer waits for it; a page under way is its own. Else the handlers own nothing once they
 * returned.
 * Failure modes: codes of docs/api.md. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_agent.h"
#include "db/db_agent_cert.h"
#include "db/db_host.h"
#include "db/db_job.h"
#include "db/db_site.h"
#include "lib/agent_msg.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/api.h"
#include "orchestrator/job_json.h"
#include "orchestrator/late.h"
#include "orchestrator/presence.h"
#include "orchestrator/status_rules.h"

void
api_status_site(struct orch *o, const char *site, struct status_rules_site *ret)
{
	const struct error *trouble = dispatch_trouble(o->dispatch, site);
	const struct agent_msg_stop *stop = dispatch_stop(o->dispatch, site);

	*ret = (struct status_rules_site){
	    .absent = presence_absent(dispatch_silence(o->dispatch, site)),
	    .as_of = dispatch_as_of(o->dispatch, site),
	    .full = dispatch_full(o->dispatch, site),
	    .own_servers = dispatch_own_servers(o->dispatch, site),
	    .clock_ahead = dispatch_clock_ahead(o->dispatch, site),
	};
	if (trouble)
		ret->trouble = *trouble;
	if (stop) {
		ret->stop_since = stop->since;
		ret->stop_refused = stop->refused;
		ret->stop_heard = stop->heard;
	}
}

static void
put_host(const struct db_host *h, const struct db_host_state *st, json_t *v)
{
	json_put_str(v, "host", h->host.name);
	json_put_str(v, "site", h->site);
	json_put(v, "job", json_null());
	json_put(v, "power", st->power[0] ? json_string(st->power) : json_null());
	if (st->power[0]) {
		job_json_time(v, "power_at", st->power_at);
		json_put_str(v, "power_why", st->power_why);
	}
	job_json_time(v, "last_seen", st->last_seen);
}

/* The host's newest job and the stage that it is in; job->id is "" where it never had one. */
static int
read_job(struct orch *o, const char *host, struct db_job *job, struct db_job_stage *g)
{
	char id[ID_SIZE];
	int rc = db_job_last_of_host(o->store, host, id);

	*job = (struct db_job){.id = ""};
	*g = (struct db_job_stage){.deadline_us = -1};
	if (rc == 0)
		rc = db_job_get(o->store, id, job);
	if (rc == 0 && !job->ended)
		rc = db_job_stage_get(o->store, id, job->attempt, job->stage, g);
	return rc == -ENOENT ? 0 : rc;
}

static void
put_job(const struct db_job *job, const struct db_job_stage *g,
    const struct status_rules_row *row, json_t *v)
{
	if (!job->ended) {
		json_put_i64(v, "in_stage_us", row->in_stage_us);
		json_put(v, "deadline_us",
		    g->deadline_us >= 0 ? json_integer(g->deadline_us) : json_null());
	}
	if (row->logs)
		json_put_str(v, "confirmed_by", "logs");
	json_put_str(v, "job", job->id);
	json_put_str(v, "kind", job->kind);
	json_put_str(v, "stage", job->stage);
	json_put_i64(v, "attempt", job->attempt);
}

static struct status_rules_host
facts(const struct db_host *h, const struct db_job *job, const struct db_job_stage *g)
{
	return (struct status_rules_host){.locked_at = h->locked_at,
	    .locked_reason = h->locked_reason,
	    .has_bmc = h->bmc.address[0] != '\0',
	    .job = job->id[0] ? job->id : NULL,
	    .ended = job->ended != 0,
	    .failed = job->state == DB_JOB_FAILED,
	    .created = job->created,
	    .sent = job->sent,
	    .ended_at = job->ended,
	    .verdict_code = job->verdict_code,
	    .verdict_text = job->verdict_text,
	    .stage = job->stage,
	    .stage_entered = g->entered,
	    .stage_ended = g->ended,
	    .stage_deadline_us = g->deadline_us};
}

/* A page that waits for what is found of its late jobs. */
struct page {
	struct rest_request *rq; /* NULL: the client went away */
	struct orch *o;
	json_t *items, *next;
	struct late late;
};

static void
add_late(struct page *page, const struct db_job *job, const struct db_job_stage *g,
    int64_t now, json_t *row)
{
	struct late_job late = {
	    .passed = g->entered + g->deadline_us, .now = now, .row = row};

	str_clip(late.job, sizeof(late.job), job->id);
	late_add(&page->late, &late);
}

/* One row; *stuck says whether ?stuck=1 shows it. */
static int
status_row(struct page *page, const char *name, int64_t now, json_t **ret, bool *stuck)
{
	struct orch *o = page->o;

	struct db_host *h = str_alloc(sizeof(*h));
	struct db_host_state st = {.power = ""};
	struct status_rules_site site;
	struct status_rules_row row;
	struct db_job job;
	struct db_job_stage g;
	int rc = db_host_get(o->store, name, h);

	if (rc == 0) {
		rc = db_host_state_get(o->store, name, &st);
		rc = rc == -ENOENT ? 0 : rc;
	}
	if (rc == 0)
		rc = read_job(o, name, &job, &g);
	if (rc == 0) {
		struct status_rules_host of = facts(h, &job, &g);
		char waits[WHEN_READY_TEXT];
		of.waits = when_ready_text(o->store, o->place, &job, waits);
		api_status_site(o, h->site, &site);
		status_rules_decide(&site, &of, now, &row);
		json_t *v = json_object();
		put_host(h, &st, v);
		json_put_str(v, "state", row.state);
		if (row.as_of > 0)
			job_json_time(v, "as_of", row.as_of);
		if (row.shows_job)
			put_job(&job, &g, &row, v);
		if (row.reason[0] || str_eq(row.state, "failed"))
			json_put_str(v, "reason", row.reason);
		if (row.late)
			add_late(page, &job, &g, now + site.clock_ahead, v);
		*stuck = row.stuck;
		*ret = v;
	}
	free(h);
	return rc;
}

static int
status_items(struct page *page, const struct store_names *names, bool only_stuck)
{
	int64_t now = clock_wall();
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < names->n; i++) {
		json_t *v = NULL;
		bool stuck = false;
		rc = status_row(page, names->v[i], now, &v, &stuck);
		if (rc == 0 && (stuck || !only_stuck))
			json_array_append_new(page->items, v);
		else
			json_decref(v);
	}
	return rc;
}

/* In the thread: touches only the page's late jobs and the thread's own connection. Without it they say what they did. */
static void
run_page(void *arg)
{
	struct page *page = arg;
	struct orch *o = page->o;
	struct error err;

	if (!o->reader && store_open_reader(o->config->database, &o->reader, &err) < 0)
		return;
	bool reading = db_read_begin(store_db(o->reader));
	if (late_judge(o->reader, &page->late) < 0)
		page->late.n = 0;
	db_read_end(store_db(o->reader), reading);
}

static void
put_found(const struct late_job *late)
{
	struct status_rules_row row = {.late = true};
	json_t *likely = json_object();

	status_rules_found(&row, late->found);
	json_put_str(likely, "code", late->found->code);
	json_put_str(likely, "title", late->found->title);
	json_put(late->row, "likely", likely);
	json_put_str(late->row, "reason", row.reason);
}

static void
page_done(void *arg)
{
	struct page *page = arg;

	for (size_t i = 0; i < page->late.n; i++)
		if (page->late.v[i].found)
			put_found(&page->late.v[i]);
	if (page->rq)
		rest_reply(page->rq, 200,
		    json_pack("{s:O, s:O}", "items", page->items, "next", page->next),
		    NULL);
	json_decref(page->items);
	json_decref(page->next);
	free(page);
}

static void
on_gone(void *arg)
{
	struct page *page = arg;

	page->rq = NULL;
}

/* Takes it. */
static void
reply_page(struct page *page)
{
	struct rest_request *rq = page->rq;

	if (page->late.n > 0 &&
	    workq_submit(page->o->reads, run_page, page_done, page) == 0)
		rest_on_gone(rq, on_gone, page);
	else
		page_done(page);
}

void
api_status_list(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct store_names names = {0};
	const char *cursor, *selector = rest_query(rq, "hosts");
	bool only_stuck = str_eq(rest_query(rq, "stuck"), "1");
	int64_t limit;
	int rc = 0;

	if (!api_allow(o, rq, &who) || !api_page(rq, &limit, &cursor))
		return;
	/* The page is cut before the stuck ones are picked: a page may be short and yet not be the last. */
	if (selector && selector[0]) {
		if (!api_select_page(o, rq, selector, NULL, cursor, limit + 1, &names))
			return;
	} else {
		rc = db_host_names(o->store, NULL, cursor, limit + 1, &names);
	}
	struct page *page = str_alloc(sizeof(*page));
	*page =
	    (struct page){.rq = rq, .o = o, .items = json_array(), .next = json_null()};
	if (rc == 0 && (int64_t)names.n > limit) {
		free(names.v[--names.n]);
		page->next = json_string(names.v[names.n - 1]);
	}
	if (rc == 0)
		rc = status_items(page, &names, only_stuck);
	store_names_done(&names);
	if (rc < 0) {
		api_failed(o, rq, rc, "read the hosts");
		page->rq = NULL;
		page_done(page);
		return;
	}
	reply_page(page);
}

/* What it had still to tell when it was heard last, and its clock. */
static void
put_line(struct orch *o, const char *site, json_t *v)
{
	int64_t events, oldest, ahead, within;

	dispatch_pending(o->dispatch, site, &events, &oldest);
	if (events >= 0)
		json_put_i64(v, "pending", events);
	if (events >= 0 && oldest >= 0)
		json_put_i64(v, "pending_age", oldest / USEC_PER_SEC);
	if (dispatch_clock_known(o->dispatch, site, &ahead, &within))
		json_put(v, "clock",
		    json_pack("{s:I, s:I}", "ahead_us", (json_int_t)ahead, "within_us",
			(json_int_t)within));
}

/* lag: how many versions of the site's table the agent is behind is not a number of anything; what
 * counts is whether it is current. */
static void
put_certificate(void *arg, const struct db_agent_cert *c)
{
	json_put_str(arg, "serial", c->serial);
	json_put_str(arg, "state", db_agent_cert_state(c, clock_wall()));
	job_json_time(arg, "ends", c->ends);
}

/* Null where it was given none, or that cannot be told. */
static json_t *
newest_certificate(struct orch *o, const char *site)
{
	json_t *v = json_object();

	if (db_agent_cert_of_site(o->store, site, 1, put_certificate, v) == 0 &&
	    json_object_size(v) > 0)
		return v;
	json_decref(v);
	return json_null();
}

static json_t *
agent_row(struct orch *o, const char *site, const struct db_agent *a, int64_t version)
{
	int64_t silence = dispatch_silence(o->dispatch, site);
	json_t *v = json_object();

	json_put_str(v, "site", site);
	json_put_str(v, "agent", a->id);
	job_json_time(v, "last_seen", dispatch_last_seen(o->dispatch, site));
	json_put(v, "absent", json_boolean(presence_absent(silence)));
	json_put(v, "table_current", json_boolean(a->table_version == version));
	json_put_i64(v, "lag", silence < INT64_MAX ? silence / USEC_PER_SEC : 0);
	json_put_i64(v, "last_seq", a->last_seq);
	put_line(o, site, v);
	/* Only the agent knows. */
	if (silence < INT64_MAX)
		json_put_str(v, "confirmed_by",
		    dispatch_own_servers(o->dispatch, site) ? "logs" : "bootd");
	json_put(v, "certificate", newest_certificate(o, site));
	const struct agent_msg_stop *stop = dispatch_stop(o->dispatch, site);
	if (stop) {
		json_t *told = json_object();
		job_json_time(told, "since", stop->since);
		json_put_i64(told, "refused", stop->refused);
		json_put_i64(told, "heard", stop->heard);
		json_put_str(told, "next", DISPATCH_STOP_NEXT);
		json_put(v, "bmc_stop", told);
	}
	return v;
}

int
api_status_agent(struct orch *o, const char *site, json_t **ret)
{
	struct db_agent a = {.id = ""};
	int64_t version = 0;
	int rc = db_site_version(o->store, site, &version);

	if (rc == 0)
		rc = db_agent_of_site(o->store, site, &a);
	if (rc == 0 || rc == -ENOENT)
		*ret = agent_row(o, site, &a, version);
	return rc == -ENOENT ? 0 : rc;
}

void
api_status_agents(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct store_names names = {0};
	const char *cursor;
	int64_t limit;

	if (!api_allow(o, rq, &who) || !api_page(rq, &limit, &cursor))
		return;
	int rc = db_site_names(o->store, cursor, limit + 1, &names);
	json_t *items = json_array();
	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		json_t *row = NULL;
		rc = api_status_agent(o, names.v[i], &row);
		if (rc == 0)
			json_array_append_new(items, row);
	}
	store_names_done(&names);
	if (rc == 0) {
		api_reply_page(rq, items, limit, "site");
	} else {
		json_decref(items);
		api_failed(o, rq, rc, "read the agents");
	}
}
