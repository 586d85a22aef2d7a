// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of jobs, stages, boots and transfers as JSON.
 *
 * Entry points: job_json(), job_json_stage(), job_json_boot(), job_json_transfer(). Members that are not known yet are null,
 * so that the form of an answer does not depend on how far a job is.
 * Pure; the caller owns the results. There are no failure modes: text in rows is UTF-8, since it came
 * in as JSON. */
#include "orchestrator/job_json.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"
#include "orchestrator/next_step.h"

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

static json_t *
verdict_json(const struct verdict_names *names, const char *code, const char *text,
    const char *next)
{
	char line[ERROR_NEXT_SIZE];

	if (!code[0])
		return json_null();
	verdict_fill_names(names, next, line, sizeof(line));
	return json_pack("{s:s, s:s, s:s}", "code", code, "text", text, "next", line);
}

json_t *
job_json(const struct db_job *job)
{
	const struct verdict_names names = next_step_job(job);
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
	job_json_time(v, "image_until", job->image_until);
	job_json_time(v, "not_before", job->not_before);
	job_json_time(v, "not_after", job->not_after);
	json_put(v, "verdict",
	    verdict_json(
		&names, job->verdict_code, job->verdict_text, job->verdict_next));
	put_or_null(v, "agent_code", job->agent_code);
	put_or_null(v, "boot", job->boot);
	json_put(v, "cancel", json_null());
	if (job->cancel_at) {
		json_t *cancel = json_pack(
		    "{s:s, s:s}", "by", job->cancel_by, "reason", job->cancel_reason);
		job_json_time(cancel, "at", job->cancel_at);
		put_or_null(cancel, "code", job->cancel_code);
		json_put(v, "cancel", cancel);
	}
	put_or_null(v, "retry_of", job->retry_of);
	json_put_str(v, "origin", job->origin);
	put_or_null(v, "rollout", job->rollout);
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

static json_t *
flags_json(int64_t flags)
{
	json_t *v = json_array();
	const char *word;
	unsigned i = 0;

	while ((word = db_boot_flag_next(flags, &i)) != NULL)
		json_array_append_new(v, json_string(word));
	return v;
}

json_t *
job_json_boot(const struct db_boot *b, const char *files)
{
	json_t *list = files[0] ? json_parse(files, strlen(files), NULL) : NULL;
	const struct verdict_names names = next_step_boot(b);
	json_t *v = json_object();

	json_put_str(v, "id", b->id);
	json_put_str(v, "host", b->host);
	json_put_str(v, "site", b->site);
	put_or_null(v, "job", b->job);
	put_or_null(v, "kind", b->kind);
	put_or_null(v, "by", b->by);
	put_or_null(v, "reason", b->reason);
	json_put_i64(v, "attempt", b->attempt);
	json_put_bool(v, "planned", b->planned);
	put_or_null(v, "trigger", b->trigger);
	json_put(v, "flags", flags_json(b->flags));
	job_json_time(v, "began", b->began);
	job_json_time(v, "ended", b->ended);
	put_or_null(v, "outcome", b->outcome);
	put_or_null(v, "text", b->text);
	json_put(v, "verdict",
	    verdict_json(&names, b->verdict_code, b->verdict_text, b->verdict_next));
	put_or_null(v, "image", b->image);
	put_or_null(v, "arch", b->arch);
	put_or_null(v, "mac", b->mac);
	put_or_null(v, "ip", b->ip);
	put_or_null(v, "ip6", b->ip6);
	put_or_null(v, "vendor_class", b->vendor_class);
	put_or_null(v, "loader", b->loader);
	json_put_i64(v, "octets", b->octets);
	json_put(v, "files", list ? list : json_array());
	return v;
}

/* Octets a second; 0: it cannot be told. */
static int64_t
rate_of(const struct db_transfer *t)
{
	int64_t took = t->ended - t->began;

	if (!t->began || !t->ended || took <= 0 || t->octets <= 0)
		return 0;
	return (int64_t)((double)t->octets * USEC_PER_SEC / (double)took);
}

json_t *
job_json_transfer(const struct db_transfer *t)
{
	char kind[EVENT_KIND_SIZE];
	json_t *v = json_object();
	int64_t rate = rate_of(t);

	job_json_time(v, "at", t->ended ? t->ended : t->began);
	str_clip(kind, sizeof(kind), t->protocol);
	str_clip(kind + strlen(kind), sizeof(kind) - strlen(kind),
	    !t->ended	? ".begin"
	    : t->failed ? ".error"
			: ".end");
	json_put_str(v, "kind", kind);
	json_put_str(v, "protocol", t->protocol);
	put_or_null(v, "class", t->class);
	json_object_set_new(v, "file", json_string(t->file));
	json_put_str(v, "ip", t->ip);
	job_json_time(v, "began", t->began);
	job_json_time(v, "ended", t->ended);
	json_put_i64(v, "bytes", t->octets);
	if (t->total >= 0)
		json_put_i64(v, "total", t->total);
	put_or_null(v, "result", t->result);
	json_put(v, "rate", rate > 0 ? json_integer(rate) : json_null());
	json_put_str(v, "reason", t->reason);
	return v;
}
