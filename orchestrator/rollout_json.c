// SPDX-License-Identifier: GPL-3.0-or-later
/* Rows of rollout and rollout_host as JSON.
 *
 * Entry points: rollout_json() for one with its counts, rollout_json_host(). Members that are not known yet are null, so that the form
 * does not depend on how far it is. The caller owns the results. Failure modes: an errno of the database; a document that cannot be
 * read shows as one that says nothing. */
#include "orchestrator/rollout_json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "db/db_schedule.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/zone_time.h"
#include "orchestrator/job_json.h"
#include "orchestrator/schedule_doc.h"

enum { MINUTES_A_HOUR = 60 };

json_t *
rollout_json_why(const struct error *why)
{
	if (!why || !why->code[0])
		return json_null();
	return json_pack(
	    "{s:s, s:s, s:s}", "code", why->code, "text", why->text, "next", why->next);
}

const char *
rollout_json_local(const char *zone, int64_t wall, char buf[ROLLOUT_JSON_LOCAL_SIZE])
{
	static const char *const days[] = {
	    "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	const struct zone_time *z = zone_time_find(zone);
	struct zone_time_date date;
	int64_t day;
	int minute;

	zone_time_shown(z ? z : zone_time_find(""), wall, &day, &minute);
	zone_time_date(day, &date);
	snprintf(buf, ROLLOUT_JSON_LOCAL_SIZE, "%s %04d-%02d-%02d %02d:%02d",
	    days[date.weekday], date.year, date.month, date.day, minute / MINUTES_A_HOUR,
	    minute % MINUTES_A_HOUR);
	return buf;
}

static void
put_or_null(json_t *obj, const char *key, const char *s)
{
	json_object_set_new(obj, key, s && s[0] ? json_string(s) : json_null());
}

/* What was asked for, of which the document has more than is shown. */
static void
put_doc(json_t *v, const struct db_rollout *r)
{
	static const char *const members[] = {"image", "action", "force"};
	json_t *doc = json_parse(r->doc, strlen(r->doc), NULL);
	const json_t *work = json_object_get(doc, "work");
	json_t *policy = json_object_get(doc, "policy");

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		put_or_null(
		    v, members[i], json_string_value(json_object_get(work, members[i])));
	/* As it was said before there were others. */
	if (json_is_true(json_object_get(work, "hard")))
		json_put_str(v, "force", bundle_force_name(BUNDLE_FORCE_AT_ONCE));
	json_put(
	    v, "policy", json_is_object(policy) ? json_incref(policy) : json_object());
	json_decref(doc);
}

static json_t *
counts_json(const int64_t n[DB_ROLLOUT_HOST_STATES])
{
	int64_t total = 0, flying = 0;

	for (int s = 0; s < DB_ROLLOUT_HOST_STATES; s++)
		total += n[s];
	for (int s = DB_ROLLOUT_HOST_GATE_BEFORE; s <= DB_ROLLOUT_HOST_SOAK; s++)
		flying += n[s];
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "total",
	    (json_int_t)total, "waiting", (json_int_t)n[DB_ROLLOUT_HOST_WAITING],
	    "in_flight", (json_int_t)flying, "ok", (json_int_t)n[DB_ROLLOUT_HOST_OK],
	    "failed", (json_int_t)n[DB_ROLLOUT_HOST_FAILED], "skipped",
	    (json_int_t)n[DB_ROLLOUT_HOST_SKIPPED], "deferred",
	    (json_int_t)n[DB_ROLLOUT_HOST_DEFERRED], "lost",
	    (json_int_t)n[DB_ROLLOUT_HOST_LOST]);
}

/* As its schedule writes it; of one that is gone as most are written, what the clock on the wall shows. */
static void
put_nominal(struct store *s, json_t *v, const struct db_rollout *r)
{
	struct db_schedule row = {.doc = NULL};
	struct schedule_doc *doc = NULL;
	char text[CLOCK_TEXT_SIZE] = "";
	json_t *written = NULL;

	if (r->nominal != DB_ROLLOUT_NO_NOMINAL) {
		clock_text(r->nominal, text, sizeof(text));
		text[sizeof("2026-01-31T03:00") - 1] = '\0';
		if (db_schedule_get(s, r->schedule, &row) == 0)
			written = json_parse(row.doc, strlen(row.doc), NULL);
		if (written && schedule_doc_parse(written, row.created, &doc, NULL) == 0)
			schedule_doc_nominal(doc, r->nominal, text);
	}
	put_or_null(v, "nominal", text);
	schedule_doc_free(doc);
	json_decref(written);
	db_schedule_done(&row);
}

static void
put_row(struct store *s, json_t *v, const struct db_rollout *r)
{
	json_put_str(v, "id", r->id);
	put_or_null(v, "schedule", r->schedule);
	put_nominal(s, v, r);
	json_put_str(v, "kind", r->kind);
	put_doc(v, r);
	json_put_str(v, "hosts", r->hosts);
	json_put_str(v, "reason", r->reason);
	json_put_str(v, "by", r->by);
	job_json_time(v, "created", r->created);
	json_put_str(v, "state", db_rollout_state_name(r->state));
	json_put(v, "why", rollout_json_why(&r->why));
	job_json_time(v, "changed", r->changed);
	put_or_null(v, "changed_by", r->changed_by);
	job_json_time(v, "opens", r->opens);
	job_json_time(v, "closes", r->closes);
	job_json_time(v, "started", r->started);
	job_json_time(v, "ended", r->ended);
	json_put(v, "approved", json_null());
	if (r->approved_at) {
		json_t *approved = json_pack("{s:s}", "by", r->approved_by);
		job_json_time(approved, "at", r->approved_at);
		json_put(v, "approved", approved);
	}
}

int
rollout_json(struct store *s, const struct db_rollout *r, json_t **ret)
{
	int64_t counts[DB_ROLLOUT_HOST_STATES], n = 0, of = 0;
	int rc = db_rollout_counts(s, r->id, counts);

	if (rc == 0)
		rc = db_rollout_batches(s, r->id, &n, &of);
	if (rc < 0)
		return rc;
	json_t *v = json_object();
	put_row(s, v, r);
	json_put(v, "counts", counts_json(counts));
	/* All have had their turn. */
	json_put(v, "batch",
	    json_pack("{s:I, s:I}", "n", (json_int_t)(n ? n : of), "of", (json_int_t)of));
	*ret = v;
	return 0;
}

bool
rollout_json_is_between(const struct db_rollout_host *h)
{
	return h->state == DB_ROLLOUT_HOST_JOB && !h->job[0];
}

json_t *
rollout_json_host(const struct db_rollout_host *h, const struct error *held)
{
	json_t *v = json_object();
	bool waits = (h->state == DB_ROLLOUT_HOST_WAITING && !h->why.code[0]) ||
		     (held && rollout_json_is_between(h));

	json_put_i64(v, "n", h->n);
	json_put_str(v, "host", h->host);
	json_put_str(v, "site", h->site);
	json_put_i64(v, "batch", h->batch);
	job_json_time(v, "opens", h->opens);
	job_json_time(v, "closes", h->closes);
	json_put_str(v, "state", db_rollout_host_state_name(h->state));
	put_or_null(v, "job", h->job);
	job_json_time(v, "since", h->since);
	json_put(v, "why", rollout_json_why(waits ? held : &h->why));
	return v;
}
