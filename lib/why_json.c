/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A story and its verdict as JSON.
 *
 * Entry point: why_json(). Evidence are the facts that the verdict's row names, in order of time; where it names
 * none, all of them. Each is told where it was seen first; one that came again says how often.
 * Pure; the caller owns the result. There are no failure modes: texts in stories are escaped. */
#include "lib/why_json.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"

enum { EVIDENCE_MAX = 30 };

static void
put_or_null(json_t *v, const char *key, const char *s)
{
	json_object_set_new(v, key, s[0] ? json_string(s) : json_null());
}

static json_t *
verdict_json(const struct verdict *v)
{
	json_t *j = json_object();

	json_object_set_new(j, "code", json_string(v->is.code));
	json_object_set_new(j, "title", json_string(v->row ? v->row->title : v->is.code));
	json_object_set_new(j, "text", json_string(v->is.text));
	json_object_set_new(j, "next", json_string(v->is.next));
	json_put_bool(j, "certain", v->certain);
	return j;
}

static int
by_time(const void *a, const void *b)
{
	const struct story_fact *const *x = a, *const *y = b;

	if ((*x)->first != (*y)->first)
		return (*x)->first < (*y)->first ? -1 : 1;
	return (*x)->first_seq < (*y)->first_seq ? -1 : (*x)->first_seq > (*y)->first_seq;
}

static json_t *
fact_json(const struct story_fact *f)
{
	json_t *v = json_object();
	char text[STORY_TEXT_SIZE + 32], at[CLOCK_TEXT_SIZE];

	if (f->n > 1)
		snprintf(text, sizeof(text), "%s (%u times)", f->text, f->n);
	else
		str_clip(text, sizeof(text), f->text);
	put_or_null(v, "at", f->first ? clock_text(f->first, at, sizeof(at)) : "");
	json_object_set_new(v, "kind", json_string(f->kind));
	json_object_set_new(v, "text", json_string(text));
	json_put_i64(v, "seq", f->first_seq);
	return v;
}

static json_t *
evidence_json(const struct why_json *x)
{
	const struct story_fact *facts[STORY_FACTS];
	uint64_t shows = x->verdict.row ? x->verdict.row->shows : 0;
	json_t *list = json_array();
	size_t n = 0;

	for (int i = STORY_NONE + 1; i < STORY_FACTS; i++) {
		if (shows != 0 && (shows & VERDICT_FACT(i)) == 0)
			continue;
		if (story_has(x->story, (enum story_what)i))
			facts[n++] = &x->story->fact[i];
	}
	qsort(facts, n, sizeof(facts[0]), by_time);
	for (size_t i = n > EVIDENCE_MAX ? n - EVIDENCE_MAX : 0; i < n; i++)
		json_array_append_new(list, fact_json(facts[i]));
	return list;
}

static int64_t
took(const struct story_stage *g, int64_t now)
{
	int64_t until = g->left ? g->left : now;

	return g->entered && until > g->entered ? until - g->entered : 0;
}

static json_t *
usual_json(const struct why_json *x)
{
	const struct verdict_usual *u = &x->usual;
	const struct story *s = x->story;

	if (u->n == 0)
		return json_null();
	return json_pack("{s:s, s:i, s:I, s:I, s:I, s:I}", "stage", stage_name(s->stage),
	    "n", (int)u->n, "median_us", (json_int_t)u->median, "p90_us",
	    (json_int_t)u->p90, "max_us", (json_int_t)u->max, "this_us",
	    (json_int_t)story_waited(s, x->now));
}

static json_t *
stages_json(const struct why_json *x)
{
	json_t *list = json_array();

	for (int i = STAGE_PREFLIGHT; i <= STAGE_LOCAL_BOOT; i++) {
		const struct story_stage *g = &x->story->stages[i];
		int64_t usual =
		    x->past ? usual_percentile(x->past, (enum stage)i, 50) : 0;

		if (g->state[0] == '\0')
			continue;
		json_array_append_new(
		    list, json_pack("{s:s, s:s, s:o, s:o}", "stage",
			      stage_name((enum stage)i), "state", g->state, "this_us",
			      g->entered ? json_integer(took(g, x->now)) : json_null(),
			      "usual_us", usual > 0 ? json_integer(usual) : json_null()));
	}
	return list;
}

static json_t *
also_json(const struct verdict *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->n_also; i++)
		json_array_append_new(
		    list, json_pack("{s:s, s:s, s:s}", "code", v->also[i]->code, "title",
			      v->also[i]->title, "text", v->also[i]->text));
	return list;
}

void
why_json(struct why_json *x)
{
	json_t *v = json_object(), *of = json_object();

	put_or_null(of, "host", x->host);
	put_or_null(of, "job", x->job);
	put_or_null(of, "boot", x->boot[0] ? x->boot : x->story->boot);
	put_or_null(of, "site", x->story->site);
	json_put(v, "of", of);
	json_put_str(v, "state", x->none ? "none" : x->ended ? "ended" : "open");
	json_put(v, "verdict", verdict_json(&x->verdict));
	put_or_null(v, "agent_code", x->agent_code);
	json_put(v, "evidence", evidence_json(x));
	json_put(v, "usual", usual_json(x));
	json_put(v, "stages", stages_json(x));
	json_put(v, "also", also_json(&x->verdict));
	x->answer = v;
}
