// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of jobs, stages and boots as JSON.
 *
 * Entry points: job_json(), job_json_stage(), job_json_boot(). Members that are not known yet are null,
 * so that the form of an answer does not depend on how far a job is.
 * Pure; the caller owns the results. There are no failure modes: text in rows is UTF-8, since it came
 * in as JSON. */
#include "orchestrator/job_json.h"

#include "lib/clock.h"
#include "lib/json.h"

static void
put_or_null(json_t *obj, const char *key, const char *s)
{
	json_object_set_new(obj, key, s[0] ? json_string(s) : json_null());
}

void
job_json_time(json_t *obj, const char *key, int64_t at)
{
	char text[CLOCK_TEXT_SIZE];

	put_or_null(obj, key, at ? clock_text(at, text, sizeof(text)) : "");
}

json_t *
job_json(const struct db_job *job)
{
	json_t *v = json_object();

	json_put_str(v, "id", job->id);
	json_put_str(v, "kind", job->kind);
	json_put_str(v, "host", job->host);
	json_put_str(v, "site", job->site);
	put_or_null(v, "image", job->image);
	json_put_str(v, "state", db_job_state_name(job->state));
	json_put_str(v, "stage", job->stage);
	json_put_i64(v, "attempt", job->attempt);
	json_put_str(v, "reason", job->reason);
	json_put_str(v, "by", job->by);
	job_json_time(v, "created", job->created);
	job_json_time(v, "ended", job->ended);
	json_put(v, "verdict",
	    job->verdict_code[0]
		? json_pack("{s:s, s:s, s:s}", "code", job->verdict_code, "text",
		      job->verdict_text, "next", job->verdict_next)
		: json_null());
	put_or_null(v, "agent_code", job->agent_code);
	put_or_null(v, "boot", job->boot);
	json_put(v, "cancel", json_null());
	if (job->cancel_at) {
		json_t *cancel = json_pack(
		    "{s:s, s:s}", "by", job->cancel_by, "reason", job->cancel_reason);
		job_json_time(cancel, "at", job->cancel_at);
		json_put(v, "cancel", cancel);
	}
	put_or_null(v, "retry_of", job->retry_of);
	return v;
}

json_t *
job_json_stage(const struct db_job_stage *g)
{
	json_t *v = json_object();

	json_put_str(v, "stage", g->stage);
	json_put_str(v, "state", g->state);
	json_put_i64(v, "attempt", g->attempt);
	job_json_time(v, "entered", g->entered);
	job_json_time(v, "confirmed", g->ended);
	json_put(v, "deadline_us",
	    g->deadline_us >= 0 ? json_integer(g->deadline_us) : json_null());
	put_or_null(v, "evidence", g->evidence);
	return v;
}

json_t *
job_json_boot(const struct db_boot *b)
{
	json_t *v = json_object();

	json_put_str(v, "id", b->id);
	json_put_str(v, "host", b->host);
	json_put_str(v, "site", b->site);
	put_or_null(v, "job", b->job);
	json_put_i64(v, "attempt", b->attempt);
	json_put_bool(v, "planned", b->planned);
	put_or_null(v, "trigger", b->trigger);
	job_json_time(v, "began", b->began);
	job_json_time(v, "ended", b->ended);
	put_or_null(v, "outcome", b->outcome);
	put_or_null(v, "text", b->text);
	put_or_null(v, "image", b->image);
	put_or_null(v, "arch", b->arch);
	return v;
}
