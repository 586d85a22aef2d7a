// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of schedules as JSON.
 *
 * Entry points: schedule_json_doc() reads the document of a row, schedule_json() shows it with what has become of it. Ownership: what is
 * returned is the caller's. Failure modes: -EUCLEAN for a document that this program cannot read (a newer one wrote it), errnos of db.h. */
#include "orchestrator/schedule_json.h"

#include <errno.h>
#include <string.h>

#include "lib/json.h"
#include "orchestrator/job_json.h"

int
schedule_json_doc(
    const struct db_schedule *row, struct schedule_doc **ret, struct error *err)
{
	json_t *v = json_parse(row->doc, strlen(row->doc), err);
	int rc = v ? schedule_doc_parse(v, row->created, ret, err) : -EINVAL;

	json_decref(v);
	return rc < 0 ? -EUCLEAN : 0;
}

json_t *
schedule_json_run(const struct schedule_doc *doc, const struct db_schedule_run *run)
{
	json_t *v = json_object();
	char text[CLOCK_TEXT_SIZE];

	json_put(v, "nominal",
	    run->by[0] ? json_null()
		       : json_string(schedule_doc_nominal(doc, run->nominal, text)));
	json_put_str(v, "outcome", run->outcome);
	json_put(v, "rollout", run->rollout[0] ? json_string(run->rollout) : json_null());
	json_put(v, "text", json_string(run->text));
	job_json_time(v, "at", run->at);
	json_put(v, "by", run->by[0] ? json_string(run->by) : json_null());
	return v;
}

struct last {
	const struct schedule_doc *doc;
	json_t *v;
};

static void
keep_last(void *arg, const struct db_schedule_run *run)
{
	struct last *last = arg;

	last->v = schedule_json_run(last->doc, run);
}

static json_t *
paused_json(const struct db_schedule *row)
{
	json_t *v;

	if (!row->paused_at)
		return json_null();
	v = json_object();
	job_json_time(v, "at", row->paused_at);
	json_put_str(v, "by", row->paused_by);
	json_put(v, "reason", json_string(row->paused_reason));
	return v;
}

static json_t *
next_json(const struct db_schedule *row, const struct schedule_doc *doc)
{
	char text[CLOCK_TEXT_SIZE];

	if (row->next == 0)
		return json_null();
	return json_pack("{s:s, s:b}", "nominal",
	    schedule_doc_nominal(doc, row->next, text), "skipped",
	    row->skip == row->next);
}

int
schedule_json(struct store *s, const struct db_schedule *row,
    const struct schedule_doc *doc, json_t **ret)
{
	struct last last = {.doc = doc};
	json_t *v;
	int rc = db_schedule_runs(s, row->name, INT64_MAX, 1, keep_last, &last);

	if (rc < 0)
		return rc;
	v = schedule_doc_json(doc);
	json_put_str(v, "state",
	    row->next == 0   ? "ended"
	    : row->paused_at ? "paused"
			     : "active");
	job_json_time(v, "created", row->created);
	json_put_str(v, "by", row->created_by);
	job_json_time(v, "changed", row->changed);
	json_put_str(v, "changed_by", row->changed_by);
	json_put(v, "next", next_json(row, doc));
	json_put(v, "paused", paused_json(row));
	json_put(v, "last", last.v ? last.v : json_null());
	*ret = v;
	return 0;
}
