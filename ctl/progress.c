/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One job's life, put together from its events and from snapshots of its record.
 *
 * Entry points: progress_init(), then progress_on_event() for the stream and
 * progress_on_job() for the record, which is asked for now and then in case the stream
 * broke; progress_on_why() for what is usual. Ownership: the struct holds no pointers. No clock: times are those in the
 * documents. Failure modes: none; members that are missing or of another type are taken
 * as not known, and a stage never goes back within an attempt, whatever order the two
 * sources come in.
 */
#include "ctl/progress.h"

#include <string.h>

#include "ctl/output.h"
#include "lib/compiler.h"
#include "lib/str.h"

static const char *
member(const json_t *obj, const char *path)
{
	return json_string_value(output_member(obj, path));
}

static void
copy_member(char *dst, size_t size, const json_t *obj, const char *path)
{
	const char *s = member(obj, path);

	if (s != NULL)
		str_clip(dst, size, s);
}

/* ---- stages ---- */

/* What an attempt's stages were before it is forgotten: a retry begins at `override`
 * again. */
static void
begin_attempt(struct progress *p, int attempt, struct text *changes)
{
	for (int s = STAGE_OVERRIDE; s < STAGE_COUNT; s++)
		p->stages[s] = (struct progress_stage){0};
	p->transfer = (struct progress_transfer){.total = -1};
	if (p->attempt > 0) {
		text_add_escaped(changes, p->host);
		text_addf(changes, ": attempt %d begins\n", attempt);
	}
	p->attempt = attempt;
}

static int
mark_rank(enum progress_mark m)
{
	return m == PROGRESS_UNSEEN ? 0 : m == PROGRESS_ENTERED ? 1 : 2;
}

static enum progress_mark
mark_parse(const char *s)
{
	static const struct {
		const char *name;
		enum progress_mark mark;
	} names[] = {{"entered", PROGRESS_ENTERED}, {"confirmed", PROGRESS_CONFIRMED},
	    {"skipped", PROGRESS_SKIPPED}, {"missed", PROGRESS_MISSED}};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_eq(s, names[i].name))
			return names[i].mark;
	return PROGRESS_UNSEEN;
}

static void
say_stage(const struct progress *p, enum stage s, const struct progress_stage *st,
    struct text *out)
{
	char took[32], limit[32];

	str_duration(
	    st->entered > 0 && st->left > st->entered ? st->left - st->entered : 0, took,
	    sizeof(took));
	str_duration(st->deadline_us, limit, sizeof(limit));
	text_add_escaped(out, p->host);
	text_addf(out, ": %s: ", stage_name(s));
	switch (st->mark) {
	case PROGRESS_UNSEEN:
	case PROGRESS_ENTERED:
		text_add(out, "begun");
		if (st->deadline_us > 0)
			text_addf(out, ", may take %s", limit);
		break;
	case PROGRESS_CONFIRMED: text_addf(out, "confirmed after %s", took); break;
	case PROGRESS_SKIPPED: text_add(out, "skipped"); break;
	case PROGRESS_MISSED: text_addf(out, "FAILED after %s", took); break;
	}
	if (st->evidence[0] != '\0') {
		text_add(out, ": ");
		text_add_escaped(out, st->evidence);
	}
	text_add(out, "\n");
}

/* One stage as the record or an event shows it. */
struct sighting {
	const char *stage, *state, *evidence;
	int attempt;
	int64_t entered, left, deadline_us;
};

static void
take_stage(struct progress *p, const struct sighting *seen, struct text *changes)
{
	enum progress_mark mark = mark_parse(seen->state);
	struct progress_stage *st;
	enum stage s;

	if (seen->stage == NULL || stage_parse(seen->stage, &s) < 0 ||
	    mark == PROGRESS_UNSEEN)
		return;
	if (seen->attempt > 0 && seen->attempt < p->attempt)
		return;
	if (seen->attempt > p->attempt)
		begin_attempt(p, seen->attempt, changes);
	st = &p->stages[s];
	if (mark_rank(mark) <= mark_rank(st->mark))
		return;
	st->mark = mark;
	if (seen->entered > 0)
		st->entered = seen->entered;
	if (mark != PROGRESS_ENTERED)
		st->left = seen->left;
	if (seen->deadline_us > 0)
		st->deadline_us = seen->deadline_us;
	if (seen->evidence != NULL)
		str_clip(st->evidence, sizeof(st->evidence), seen->evidence);
	if (mark == PROGRESS_ENTERED || mark == PROGRESS_MISSED || s > p->stage)
		p->stage = s;
	say_stage(p, s, st, changes);
}

/* ---- ends ---- */

static void
end(struct progress *p, enum progress_state state, int64_t at)
{
	p->state = state;
	p->ended = at;
}

static void
take_verdict(struct progress *p, const json_t *v)
{
	const char *stage = member(v, "stage");
	enum stage s;

	copy_member(p->verdict.code, sizeof(p->verdict.code), v, "code");
	copy_member(p->verdict.text, sizeof(p->verdict.text), v, "text");
	copy_member(p->verdict.next, sizeof(p->verdict.next), v, "next");
	if (stage != NULL && stage_parse(stage, &s) == 0 && s < STAGE_DONE)
		p->stage = s;
}

/* The verdict that stands: the job's end, which comes after it, repeats what the agent said. */
static void
on_verdict(struct progress *p, const json_t *event)
{
	take_verdict(p, json_object_get(event, "detail"));
	p->verdict_stands = p->verdict.code[0] != '\0';
}

/* ---- the record ---- */

static void
take_stages(struct progress *p, const json_t *stages, struct text *changes)
{
	const json_t *v;
	size_t i;

	json_array_foreach (stages, i, v) {
		struct sighting seen = {
		    .stage = member(v, "stage"),
		    .state = member(v, "state"),
		    .evidence = member(v, "evidence"),
		    .attempt = (int)json_integer_value(json_object_get(v, "attempt")),
		    .entered = output_wall(json_object_get(v, "entered")),
		    .left = output_wall(json_object_get(v, "confirmed")),
		    .deadline_us = json_integer_value(json_object_get(v, "deadline_us")),
		};

		take_stage(p, &seen, changes);
	}
}

void
progress_on_job(struct progress *p, const json_t *job, struct text *changes)
{
	const char *state = member(job, "state"), *stage = member(job, "stage");
	int64_t ended = output_wall(json_object_get(job, "ended"));
	enum stage s;

	if (p->state != PROGRESS_OPEN)
		return;
	take_stages(p, json_object_get(job, "stages"), changes);
	if (stage != NULL && stage_parse(stage, &s) == 0 && s < STAGE_DONE &&
	    s > p->stage)
		p->stage = s;
	if (str_eq(state, "done")) {
		end(p, PROGRESS_DONE, ended);
	} else if (str_eq(state, "failed")) {
		take_verdict(p, json_object_get(job, "verdict"));
		end(p, PROGRESS_FAILED, ended);
	} else if (str_eq(state, "cancelled")) {
		copy_member(p->cancelled_by, sizeof(p->cancelled_by), job, "cancel.by");
		take_verdict(p, json_object_get(job, "verdict"));
		end(p, PROGRESS_CANCELLED, ended);
	}
}

void
progress_init(struct progress *p, const json_t *job)
{
	struct text ignored = {0};

	*p = (struct progress){.transfer.total = -1};
	copy_member(p->id, sizeof(p->id), job, "id");
	copy_member(p->host, sizeof(p->host), job, "host");
	copy_member(p->kind, sizeof(p->kind), job, "kind");
	copy_member(p->image, sizeof(p->image), job, "image");
	p->created = output_wall(json_object_get(job, "created"));
	progress_on_job(p, job, &ignored);
	text_done(&ignored);
}

void
progress_on_why(struct progress *p, const json_t *why)
{
	const json_t *v;
	size_t i;

	json_array_foreach (json_object_get(why, "stages"), i, v) {
		int64_t us = json_integer_value(json_object_get(v, "usual_us"));
		const char *name = member(v, "stage");
		enum stage s;

		if (us > 0 && name != NULL && stage_parse(name, &s) == 0)
			p->usual_us[s] = us;
	}
}

/* ---- events ---- */

static void
on_stage_event(struct progress *p, const json_t *event, int64_t at, struct text *changes)
{
	const json_t *d = json_object_get(event, "detail");
	struct sighting seen = {
	    .stage = member(d, "stage"),
	    .state = member(d, "state"),
	    .evidence = member(d, "evidence"),
	    .attempt = (int)json_integer_value(json_object_get(d, "attempt")),
	    .deadline_us = json_integer_value(json_object_get(d, "deadline_us")),
	};

	if (mark_parse(seen.state) == PROGRESS_ENTERED)
		seen.entered = at;
	else
		seen.left = at;
	take_stage(p, &seen, changes);
}

static bool
has_suffix(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && strcmp(s + n - m, suffix) == 0;
}

/* What has ended is not under way any more; its stage tells of it. */
static void
on_transfer_end(struct progress *p, const json_t *event)
{
	if (str_eq(member(event, "file"), p->transfer.file))
		p->transfer = (struct progress_transfer){.total = -1};
}

static void
on_transfer(struct progress *p, const json_t *event, int64_t at)
{
	struct progress_transfer *t = &p->transfer;
	const char *file = member(event, "file");
	const json_t *total = json_object_get(event, "total");
	int64_t bytes = json_integer_value(json_object_get(event, "bytes"));

	if (file == NULL)
		return;
	if (!str_eq(file, t->file)) {
		*t = (struct progress_transfer){.total = -1};
		str_clip(t->file, sizeof(t->file), file);
	} else if (at > t->at && t->at > 0 && bytes > t->bytes) {
		t->rate = (bytes - t->bytes) * USEC_PER_SEC / (at - t->at);
	}
	t->bytes = bytes;
	t->total = json_is_integer(total) ? json_integer_value(total) : t->total;
	t->at = at;
}

static void
on_end_event(struct progress *p, const char *kind, const json_t *event, int64_t at)
{
	const json_t *d = json_object_get(event, "detail");

	if (str_eq(kind, "job.done")) {
		end(p, PROGRESS_DONE, at);
	} else if (str_eq(kind, "job.failed") || str_eq(kind, "job.refused")) {
		struct error stands = p->verdict;

		take_verdict(p, d);
		if (p->verdict_stands)
			p->verdict = stands;
		end(p, PROGRESS_FAILED, at);
	} else if (str_eq(kind, "job.cancelled")) {
		copy_member(p->cancelled_by, sizeof(p->cancelled_by), d, "by");
		take_verdict(p, d);
		end(p, PROGRESS_CANCELLED, at);
	}
}

void
progress_on_event(struct progress *p, const json_t *event, struct text *changes)
{
	const char *kind = member(event, "kind");
	int64_t at = output_wall(json_object_get(event, "at"));

	if (kind == NULL || p->state != PROGRESS_OPEN)
		return;
	if (str_eq(kind, "job.stage")) {
		on_stage_event(p, event, at, changes);
	} else if (str_eq(kind, "job.verdict")) {
		on_verdict(p, event);
	} else if (str_eq(kind, "job.attempt")) {
		int n = (int)json_integer_value(output_member(event, "detail.attempt"));

		if (n > p->attempt)
			begin_attempt(p, n, changes);
	} else if (str_has_prefix(kind, "http.") || str_has_prefix(kind, "tftp.")) {
		if (has_suffix(kind, ".end") || has_suffix(kind, ".error"))
			on_transfer_end(p, event);
		else
			on_transfer(p, event, at);
	} else {
		on_end_event(p, kind, event, at);
	}
}
