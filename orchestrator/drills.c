// SPDX-License-Identifier: GPL-3.0-or-later
/* Reads what orchestrator/drill.h decides by, and writes what it says.
 *
 * Entry points: drills_choose() when a rollout's hosts are found, drills_returns() and drills_report() when a job of it has
 * ended, drills_json() for those who ask. A report is written in the transaction in which its host comes to its end, under the id of
 * the live job: a crash leaves both or neither, and a second attempt finds it there.
 * Ownership: nothing is kept. Failure modes: those of db.h; jobs that retention took meanwhile are -ENOENT, and their host ends
 * without a report. */
#include "orchestrator/drills.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_drill.h"
#include "db/db_event.h"
#include "db/db_image.h"
#include "db/db_job.h"
#include "lib/json.h"
#include "lib/str.h"
#include "lib/verdict.h"
#include "orchestrator/drill.h"
#include "orchestrator/explain.h"
#include "orchestrator/job_json.h"
#include "orchestrator/next_step.h"

#define KIND "live"

enum { LIVE_MAX = 20 };

/* ---- before ---- */

static int
look_at(struct store *s, const char *name, struct drill_candidate *c)
{
	struct db_drill_host h;
	char job[ID_SIZE];
	int rc = db_drill_host(s, name, &h);

	if (rc < 0)
		return rc;
	c->host = name;
	str_clip(c->site, sizeof(c->site), h.site);
	c->last = h.last;
	rc = db_job_open_of_host(s, name, job);
	c->barred = h.barred || rc == 0;
	return rc == -ENOENT ? 0 : rc;
}

int
drills_choose(struct store *s, struct store_names *hosts, struct error *err)
{
	struct drill_candidate *c = str_alloc((hosts->n + 1) * sizeof(c[0]));
	struct store_names chosen = {0};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < hosts->n; i++)
		rc = look_at(s, hosts->v[i], &c[i]);
	if (rc == 0) {
		drill_choose(c, hosts->n);
		for (size_t i = 0; i < hosts->n; i++)
			if (c[i].chosen)
				store_names_add(&chosen, c[i].host);
		store_names_done(hosts);
		*hosts = chosen;
	} else {
		db_error(store_db(s), rc, err, "look for the hosts to be drilled");
	}
	free(c);
	return rc;
}

/* ---- the images ---- */

static int
only_live(struct store *s, char *ret, size_t size, struct error *err)
{
	struct store_names names = {0};
	int rc = db_image_names_of_kind(s, KIND, &names);

	if (rc < 0)
		db_error(store_db(s), rc, err, "read the images");
	else if (names.n == 1)
		str_clip(ret, size, names.v[0]);
	else
		rc = error_set(err, -EINVAL, "drill-image",
		    names.n ? "name one with --image"
			    : "add one with netboot-ctl image add --kind live",
		    "there are %zu images of kind live, and none was named", names.n);
	store_names_done(&names);
	return rc;
}

int
drills_image(
    struct store *s, const char *image, char *ret_name, size_t size, struct error *err)
{
	struct db_image *found;
	int rc;

	if (image[0] == '\0')
		return only_live(s, ret_name, size, err);
	found = str_alloc(sizeof(*found));
	rc = db_image_get(s, image, found);
	if (rc == -ENOENT)
		rc = error_set(err, -EINVAL, "image-unknown",
		    "netboot-ctl image list shows them", "no image %s", image);
	else if (rc < 0)
		db_error(store_db(s), rc, err, "read the image");
	else if (!str_eq(found->image.kind, KIND))
		rc = error_set(err, -EINVAL, "drill-image",
		    "name one of kind live: the others may write to disks",
		    "image %s is of kind %s, and a drill leaves the disks alone", image,
		    found->image.kind);
	if (rc == 0)
		str_clip(ret_name, size, image);
	db_image_done(found);
	free(found);
	return rc;
}

/* ---- what its jobs have done ---- */

static void
add_stage(void *arg, const struct db_job_stage *g)
{
	drill_take(arg, g->stage, g->state, g->attempt, g->entered, g->ended);
}

static enum drill_end
end_of(const struct db_job *job)
{
	switch (job->state) {
	case DB_JOB_DONE: return DRILL_DONE;
	case DB_JOB_FAILED: return DRILL_FAILED;
	case DB_JOB_CANCELLED: return DRILL_CANCELLED;
	case DB_JOB_QUEUED:
	case DB_JOB_ACCEPTED:
	case DB_JOB_RUNNING: break;
	}
	return DRILL_NOT_RUN;
}

static int
read_run(struct store *s, const char *id, struct db_job *job, struct drill_run *run)
{
	int rc = db_job_get(s, id, job);

	if (rc < 0)
		return rc;
	run->end = end_of(job);
	str_clip(run->verdict.code, sizeof(run->verdict.code), job->verdict_code);
	str_clip(run->verdict.text, sizeof(run->verdict.text), job->verdict_text);
	str_clip(run->verdict.next, sizeof(run->verdict.next), job->verdict_next);
	return db_job_stages(s, id, add_stage, run);
}

int
drills_returns(struct store *s, const char *live, enum drill_way *ret)
{
	struct drill_run *run = str_alloc(sizeof(*run));
	struct db_job *job = str_alloc(sizeof(*job));
	int rc = read_run(s, live, job, run);

	if (rc == 0)
		*ret = drill_returns(run);
	free(job);
	free(run);
	return rc;
}

/* A host has one job at a time, and few others between. */
int
drills_live(struct store *s, const char *rollout, const char *host, const char *before,
    char ret_id[ID_SIZE])
{
	const struct db_job_filter f = {
	    .host = host, .kind = KIND, .open = -1, .before = before, .limit = LIVE_MAX};
	struct db_job *job = str_alloc(sizeof(*job));
	struct store_names ids = {0};
	int rc = db_job_ids(s, &f, &ids);
	bool found = false;

	for (size_t i = 0; rc == 0 && !found && i < ids.n; i++) {
		rc = db_job_get(s, ids.v[i], job);
		found = rc == 0 && str_eq(job->rollout, rollout);
		if (found)
			str_clip(ret_id, ID_SIZE, job->id);
	}
	store_names_done(&ids);
	free(job);
	return rc < 0 ? rc : found ? 0 : -ENOENT;
}

/* ---- the report ---- */

struct report {
	struct db_job live, back;
	struct drill_run of_live, of_back;
};

static void
add_past(void *arg, const char *text)
{
	struct report *r = arg;
	json_t *v = json_parse(text, strlen(text), NULL);

	drill_past(json_object_get(v, "stages"), &r->of_live.site, &r->of_back.site);
	json_decref(v);
}

/* Both jobs, and the past of the machine and of its site. */
static int
gather(struct store *s, const struct drills_of *of, struct report *r)
{
	int rc = read_run(s, of->live, &r->live, &r->of_live);

	if (rc == 0 && of->back[0])
		rc = read_run(s, of->back, &r->back, &r->of_back);
	if (rc == 0)
		rc = explain_past(
		    s, r->live.host, of->live, r->live.image, &r->of_live.own);
	if (rc == 0 && of->back[0])
		rc = explain_past(s, r->live.host, of->back, "", &r->of_back.own);
	if (rc == 0)
		rc =
		    db_drill_past(s, r->live.site, r->live.image, USUAL_MAX, add_past, r);
	return rc;
}

static int
write_event(struct store *s, const struct db_drill *d, const json_t *slow, int64_t now)
{
	const char *first = json_string_value(json_array_get(slow, 0));
	struct event ev;
	char kind[EVENT_KIND_SIZE];
	int rc = str_format(kind, sizeof(kind), "drill.%s",
	    str_eq(d->outcome, "ok") ? "done" : d->outcome);

	if (rc < 0)
		return rc;
	ev = event_make(kind, now);
	str_clip(ev.site, sizeof(ev.site), d->site);
	str_clip(ev.host, sizeof(ev.host), d->host);
	str_clip(ev.job, sizeof(ev.job), d->id);
	str_clip(ev.reason, sizeof(ev.reason),
	    d->why.code[0] ? d->why.text
	    : first	   ? first
		    : "booted the live image and its disk again, as quickly as usual");
	event_put(&ev, "rollout", d->rollout);
	event_put(&ev, "schedule", d->schedule);
	event_put(&ev, "image", d->image);
	event_put(&ev, "returned", d->returned);
	event_put(&ev, "stuck", d->stuck);
	event_put(&ev, "code", d->why.code);
	event_put(&ev, "text", d->why.text);
	event_put(&ev, "next", d->why.next);
	event_put_i64(&ev, "regressions", (int64_t)json_array_size(slow));
	rc = db_event_add(s, &ev, NULL, 0, NULL);
	event_done(&ev);
	return rc;
}

static void
fill(const struct drills_of *of, const struct report *r, const struct drill_verdict *v,
    struct db_drill *d)
{
	const struct verdict_names names = next_step_job(&r->live);
	json_t *doc = json_pack("{s:O, s:O}", "stages", v->stages, "slow", v->slow);

	str_clip(d->id, sizeof(d->id), of->live);
	str_clip(d->rollout, sizeof(d->rollout), of->rollout);
	str_clip(d->schedule, sizeof(d->schedule), of->schedule);
	str_clip(d->back, sizeof(d->back), of->back);
	str_clip(d->site, sizeof(d->site), r->live.site);
	str_clip(d->host, sizeof(d->host), r->live.host);
	str_clip(d->image, sizeof(d->image), r->live.image);
	d->began = r->live.created;
	d->ended = r->back.ended ? r->back.ended : r->live.ended;
	str_clip(d->outcome, sizeof(d->outcome), v->outcome);
	str_clip(d->returned, sizeof(d->returned), v->returned);
	str_clip(d->stuck, sizeof(d->stuck), v->stuck);
	d->why = v->why;
	verdict_fill_names(&names, v->why.next, d->why.next, sizeof(d->why.next));
	d->stages = json_text(doc);
	json_decref(doc);
}

int
drills_report(
    struct store *s, const struct drills_of *of, int64_t now, struct error *ret_why)
{
	struct report *r = str_alloc(sizeof(*r));
	struct drill_verdict v = {.outcome = ""};
	struct db_drill d = {.id = ""};
	int rc = db_drill_get(s, of->live, &d);

	if (rc == 0)
		*ret_why = d.why;
	if (rc != -ENOENT)
		goto out;
	rc = gather(s, of, r);
	if (rc < 0)
		goto out;
	drill_judge(&r->of_live, &r->of_back, &v);
	fill(of, r, &v, &d);
	rc = db_drill_add(s, &d);
	if (rc == 0)
		rc = write_event(s, &d, v.slow, now);
	if (rc == 0)
		*ret_why = d.why;
out:
	json_decref(v.stages);
	json_decref(v.slow);
	db_drill_done(&d);
	free(r);
	return rc;
}

/* ---- for those who ask ---- */

static json_t *
text_or_null(const char *s)
{
	return s[0] ? json_string(s) : json_null();
}

int
drills_json(struct store *s, const char *id, json_t **ret)
{
	struct db_drill d;
	int rc = db_drill_get(s, id, &d);

	if (rc < 0)
		return rc;
	json_t *v = json_object();
	json_t *doc = json_parse(d.stages, strlen(d.stages), NULL);
	json_t *stages = json_object_get(doc, "stages"),
	       *slow = json_object_get(doc, "slow");
	json_put_str(v, "id", d.id);
	json_put_str(v, "rollout", d.rollout);
	json_put(v, "schedule", text_or_null(d.schedule));
	json_put_str(v, "site", d.site);
	json_put_str(v, "host", d.host);
	json_put_str(v, "image", d.image);
	json_put(v, "back", text_or_null(d.back));
	job_json_time(v, "began", d.began);
	job_json_time(v, "ended", d.ended);
	json_put_str(v, "outcome", d.outcome);
	json_put_str(v, "returned", d.returned);
	json_put(v, "stuck", text_or_null(d.stuck));
	json_put(v, "why",
	    d.why.code[0] ? json_pack("{s:s, s:s, s:s}", "code", d.why.code, "text",
				d.why.text, "next", d.why.next)
			  : json_null());
	json_put(v, "regressions", slow ? json_incref(slow) : json_array());
	json_put(v, "stages", stages ? json_incref(stages) : json_array());
	json_decref(doc);
	db_drill_done(&d);
	*ret = v;
	return 0;
}
