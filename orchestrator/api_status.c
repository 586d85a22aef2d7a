// SPDX-License-Identifier: GPL-3.0-or-later
/* GET /status: what each host is doing now; GET /agents: who works for which site.
 *
 * Entry points: the two handlers. Read only. A host is busy with its open job, and failed when its last
 * one failed; a job whose agent is not heard is shown as such, with what was known last and no guess.
 * The handlers own nothing once they returned.
 * Failure modes: codes of docs/api.md. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_agent.h"
#include "db/db_host.h"
#include "db/db_job.h"
#include "db/db_site.h"
#include "lib/agent_msg.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "lib/verdict.h"
#include "orchestrator/api.h"
#include "orchestrator/job_json.h"
#include "orchestrator/presence.h"

/* An open job: where it stands, and for how long. *stuck: past its deadline, or nobody reports. */
static int
put_open_job(
    struct orch *o, const struct db_job *job, json_t *v, int64_t now, bool *stuck)
{
	struct db_job_stage g = {.deadline_us = -1};
	int rc = db_job_stage_get(o->store, job->id, job->attempt, job->stage, &g);

	if (rc < 0 && rc != -ENOENT)
		return rc;
	int64_t since = g.entered ? g.entered : job->created;
	bool waiting = g.ended == 0;
	const struct error *trouble = dispatch_trouble(o->dispatch, job->site);
	json_put_i64(v, "in_stage_us", now > since ? now - since : 0);
	json_put(v, "deadline_us",
	    g.deadline_us >= 0 ? json_integer(g.deadline_us) : json_null());
	if (presence_absent(dispatch_silence(o->dispatch, job->site))) {
		json_put_str(
		    v, "reason", "agent-absent: what the host does is not known");
		*stuck = true;
	} else if (trouble) {
		char reason[ERROR_CODE_SIZE + ERROR_TEXT_SIZE + 2];

		snprintf(reason, sizeof(reason), "%s: %s", trouble->code, trouble->text);
		json_put_str(v, "reason", reason);
		*stuck = true;
	} else if (!job->sent && dispatch_full(o->dispatch, job->site)) {
		json_put_str(v, "reason",
		    "waits for others: its agent has as many jobs as max_jobs allows");
	} else if (waiting && g.deadline_us > 0 && now - since > g.deadline_us) {
		json_put_str(v, "reason", "deadline passed");
		*stuck = true;
	} else if (dispatch_own_servers(o->dispatch, job->site)) {
		json_put_str(v, "reason", "own servers: not held back");
	}
	if (dispatch_own_servers(o->dispatch, job->site))
		json_put_str(v, "confirmed_by", "logs");
	return 0;
}

static void
put_host(const struct db_host *h, const struct db_host_state *st, json_t *v)
{
	json_put_str(v, "host", h->host.name);
	json_put_str(v, "site", h->site);
	json_put_str(v, "state", h->locked_at ? "locked" : "idle");
	if (h->locked_at)
		json_put_str(v, "reason", h->locked_reason);
	json_put(v, "job", json_null());
	json_put(v, "power", st->power[0] ? json_string(st->power) : json_null());
	if (st->power[0]) {
		job_json_time(v, "power_at", st->power_at);
		json_put_str(v, "power_why", st->power_why);
	}
	job_json_time(v, "last_seen", st->last_seen);
}

/* A host whose BMC is not asked, since too many refused the password, says so where nothing worse is said. */
static void
put_stop(struct orch *o, const struct db_host *h, json_t *v, int64_t now)
{
	const struct agent_msg_stop *stop = dispatch_stop(o->dispatch, h->site);
	char text[200], ago[32];

	if (!stop || h->bmc.address[0] == '\0' || json_object_get(v, "reason"))
		return;
	snprintf(text, sizeof(text),
	    "bmc-lockout-stop: no BMC of the site is asked since %s, when %lld of %lld "
	    "had refused the password: netboot-ctl doctor",
	    str_duration(now - stop->since, ago, sizeof(ago)), (long long)stop->refused,
	    (long long)stop->heard);
	json_put_str(v, "reason", text);
}

/* "kernel-panic-seen: The kernel panicked": `why` has the rest. */
static void
put_verdict(const struct db_job *job, json_t *v)
{
	const struct verdict_row *row = verdict_find(job->verdict_code);
	char reason[ERROR_CODE_SIZE + ERROR_TEXT_SIZE + 2];

	snprintf(reason, sizeof(reason), "%s: %s", job->verdict_code,
	    row ? row->title : job->verdict_text);
	json_put_str(v, "reason", reason);
}

/* One row; *stuck says whether ?stuck=1 shows it. */
static int
status_row(struct orch *o, const char *name, int64_t now, json_t **ret, bool *stuck)
{
	struct db_host *h = str_alloc(sizeof(*h));
	struct db_host_state st = {.power = ""};
	struct db_job job;
	char id[ID_SIZE];
	json_t *v = json_object();
	int rc = db_host_get(o->store, name, h);

	if (rc == 0) {
		rc = db_host_state_get(o->store, name, &st);
		rc = rc == -ENOENT ? 0 : rc;
	}
	if (rc < 0)
		goto out;
	put_host(h, &st, v);
	rc = db_job_last_of_host(o->store, name, id);
	if (rc == 0)
		rc = db_job_get(o->store, id, &job);
	if (rc == 0 && !job.ended) {
		json_put_str(v, "state", "busy");
		rc = put_open_job(o, &job, v, now, stuck);
	} else if (rc == 0 && job.state == DB_JOB_FAILED && !h->locked_at) {
		json_put_str(v, "state", "failed");
		put_verdict(&job, v);
		*stuck = true;
	}
	if (rc == 0 && (!job.ended || job.state == DB_JOB_FAILED)) {
		json_put_str(v, "job", job.id);
		json_put_str(v, "kind", job.kind);
		json_put_str(v, "stage", job.stage);
		json_put_i64(v, "attempt", job.attempt);
	}
	rc = rc == -ENOENT ? 0 : rc;
	put_stop(o, h, v, now);
out:
	if (rc < 0)
		json_decref(v);
	else
		*ret = v;
	free(h);
	return rc;
}

static int
status_items(
    struct orch *o, const struct store_names *names, bool only_stuck, json_t *items)
{
	int64_t now = clock_wall();
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < names->n; i++) {
		json_t *v = NULL;
		bool stuck = false;
		rc = status_row(o, names->v[i], now, &v, &stuck);
		if (rc == 0 && (stuck || !only_stuck))
			json_array_append_new(items, v);
		else
			json_decref(v);
	}
	return rc;
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
	json_t *next = json_null(), *items = json_array();
	if (rc == 0 && (int64_t)names.n > limit) {
		free(names.v[--names.n]);
		next = json_string(names.v[names.n - 1]);
	}
	if (rc == 0)
		rc = status_items(o, &names, only_stuck, items);
	store_names_done(&names);
	json_t *answer = json_pack("{s:o, s:o}", "items", items, "next", next);
	if (rc == 0) {
		rest_reply(rq, 200, answer, NULL);
	} else {
		json_decref(answer);
		api_failed(o, rq, rc, "read the hosts");
	}
}

/* lag: how many versions of the site's table the agent is behind is not a number of anything; what
 * counts is whether it is current. */
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
	/* Only the agent knows. */
	if (silence < INT64_MAX)
		json_put_str(v, "confirmed_by",
		    dispatch_own_servers(o->dispatch, site) ? "logs" : "bootd");
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

void
api_status_agents(void *arg, struct rest_request *rq)
{
	struct orch *o = arg;
	struct audit_who who;
	struct store_names names = {0};
	const char *cursor;
	int64_t limit, version = 0;

	if (!api_allow(o, rq, &who) || !api_page(rq, &limit, &cursor))
		return;
	int rc = db_site_names(o->store, cursor, limit + 1, &names);
	json_t *items = json_array();
	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		struct db_agent a = {.id = ""};
		rc = db_site_version(o->store, names.v[i], &version);
		if (rc == 0)
			rc = db_agent_of_site(o->store, names.v[i], &a);
		if (rc == 0 || rc == -ENOENT)
			json_array_append_new(
			    items, agent_row(o, names.v[i], &a, version));
		rc = rc == -ENOENT ? 0 : rc;
	}
	store_names_done(&names);
	if (rc == 0) {
		api_reply_page(rq, items, limit, "site");
	} else {
		json_decref(items);
		api_failed(o, rq, rc, "read the agents");
	}
}
