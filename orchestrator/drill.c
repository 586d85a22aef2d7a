// SPDX-License-Identifier: GPL-3.0-or-later
/* The decisions of a drill (drill.h has its rules): no I/O, no clock, no logging.
 *
 * Entry points: drill_choose() before it, drill_returns() between its two jobs, drill_judge() after them; drill_take() and
 * drill_past() bring in what is known.
 * Ownership: what drill_judge() makes is the caller's. Failure modes: none; a stage whose duration is not known (it was confirmed
 * before it was entered, by a clock that was set) is shown without one and compared with nothing. */
#include "orchestrator/drill.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "lib/str.h"

/* ---- which machine ---- */

/* In order of sites; within one the next to be drilled comes first. */
static int
compare(const void *left, const void *right)
{
	const struct drill_candidate *a = left, *b = right;
	int rc = strcmp(a->site, b->site);

	if (rc != 0)
		return rc;
	if (a->barred != b->barred)
		return a->barred ? 1 : -1;
	if (a->last != b->last)
		return a->last < b->last ? -1 : 1;
	return strcmp(a->host, b->host);
}

size_t
drill_choose(struct drill_candidate *c, size_t n)
{
	size_t chosen = 0;

	if (n > 0)
		qsort(c, n, sizeof(c[0]), compare);
	for (size_t i = 0; i < n; i++) {
		c[i].chosen = i == 0 || !str_eq(c[i - 1].site, c[i].site);
		chosen += c[i].chosen;
	}
	return chosen;
}

/* ---- its two jobs ---- */

void
drill_take(struct drill_run *run, const char *stage, const char *state, int64_t attempt,
    int64_t entered, int64_t ended)
{
	enum stage s;

	if (stage_parse(stage, &s) < 0 || s <= STAGE_QUEUED || s >= STAGE_DONE)
		return;
	if (attempt < run->attempts || str_eq(state, "skipped"))
		return;
	/* What an earlier attempt took from the override on is not what this one takes. */
	if (attempt > run->attempts && run->attempts > 0)
		memset(&run->took[STAGE_OVERRIDE], 0,
		    (STAGE_COUNT - STAGE_OVERRIDE) * sizeof(run->took[0]));
	run->attempts = attempt;
	run->touched = run->touched || s >= STAGE_OVERRIDE;
	run->switched = run->switched || s >= STAGE_POWER;
	run->took[s] = (struct drill_took){
	    .entered = true,
	    .confirmed = str_eq(state, "confirmed"),
	    .us = entered && ended > entered ? ended - entered : 0,
	};
}

/* The power-on follows on a power-off that was seen. */
enum drill_way
drill_returns(const struct drill_run *live)
{
	if (live->end == DRILL_DONE)
		return DRILL_BACK;
	if (live->end != DRILL_FAILED || !live->touched)
		return DRILL_STAYS;
	return live->switched ? DRILL_BACK : DRILL_BACK_ASKED;
}

/* ---- the report ---- */

struct judging {
	const struct drill_run *run;
	const char *job; /* "live" | "back" */
	json_t *stages, *slow;
};

/* The past that a stage is compared with, and whose it is; NULL: none. */
static const struct usual *
past_of(const struct drill_run *run, enum stage s, const char **ret_of)
{
	*ret_of = run->own.n[s] >= DRILL_ENOUGH ? "machine" : "site";
	if (run->own.n[s] >= DRILL_ENOUGH)
		return &run->own;
	return run->site.n[s] >= DRILL_ENOUGH ? &run->site : NULL;
}

static bool
is_slow(int64_t us, int64_t p90)
{
	return us > p90 + p90 / 2 && us - p90 > DRILL_SLOWER_US;
}

static void
tell_slow(const struct judging *j, enum stage s, const struct verdict_usual *u,
    const char *of, int64_t us)
{
	char took[32], usual[32], text[160];

	snprintf(text, sizeof(text), "%s%s took %s; nine of ten of the %s's %u within %s",
	    str_eq(j->job, "back") ? "back " : "", stage_name(s),
	    str_duration(us, took, sizeof(took)), of, u->n,
	    str_duration(u->p90, usual, sizeof(usual)));
	json_array_append_new(j->slow, json_string(text));
}

static void
judge_stage(const struct judging *j, enum stage s)
{
	const struct drill_took *took = &j->run->took[s];
	const char *of = "";
	const struct usual *past = past_of(j->run, s, &of);
	json_t *v = json_object(), *usual = json_null();
	bool slow = false;

	if (past) {
		const struct verdict_usual u = usual_of(past, s);
		slow = took->confirmed && is_slow(took->us, u.p90);
		usual = json_pack("{s:s, s:I, s:I, s:I}", "of", of, "n", (json_int_t)u.n,
		    "median_us", (json_int_t)u.median, "p90_us", (json_int_t)u.p90);
		if (slow)
			tell_slow(j, s, &u, of, took->us);
	}
	json_put_str(v, "job", j->job);
	json_put_str(v, "stage", stage_name(s));
	json_put_str(v, "state", took->confirmed ? "confirmed" : "missed");
	json_put(v, "took_us", took->us > 0 ? json_integer(took->us) : json_null());
	json_put(v, "usual", usual);
	json_put_bool(v, "slow", slow);
	json_array_append_new(j->stages, v);
}

static void
judge_run(const struct judging *j)
{
	char text[80];

	for (int s = STAGE_PREFLIGHT; s < STAGE_DONE; s++)
		if (j->run->took[s].entered)
			judge_stage(j, (enum stage)s);
	if (j->run->end == DRILL_DONE && j->run->attempts > 1) {
		snprintf(text, sizeof(text), "%s came at attempt %lld",
		    str_eq(j->job, "back") ? "back, it" : "the image",
		    (long long)j->run->attempts);
		json_array_append_new(j->slow, json_string(text));
	}
}

/* The last stage that was begun and not passed. */
static void
find_stuck(const struct drill_run *run, const char *before, char *buf, size_t size)
{
	for (int s = STAGE_DONE - 1; s > STAGE_QUEUED; s--)
		if (run->took[s].entered && !run->took[s].confirmed) {
			snprintf(buf, size, "%s%s", before, stage_name((enum stage)s));
			return;
		}
	snprintf(buf, size, "%s%s", before, stage_name(STAGE_QUEUED));
}

/* That the machine is not back weighs more than why its image did not come. */
static void
say_why(
    const struct drill_run *live, const struct drill_run *back, struct drill_verdict *ret)
{
	if (drill_returns(live) != DRILL_STAYS && back->end != DRILL_DONE) {
		find_stuck(back, "back ", ret->stuck, sizeof(ret->stuck));
		error_set(&ret->why, 0, "drill-not-back",
		    "netboot-ctl why HOST tells more; bring it back with netboot-ctl "
		    "reboot",
		    "it is not back on its disk after the drill: %s",
		    back->verdict.code[0] ? back->verdict.text : "it was not rebooted");
	} else if (live->end != DRILL_DONE) {
		find_stuck(live, "", ret->stuck, sizeof(ret->stuck));
		ret->why = live->verdict;
	}
}

void
drill_judge(
    const struct drill_run *live, const struct drill_run *back, struct drill_verdict *ret)
{
	struct judging j = {.run = live, .job = "live"};

	memset(ret, 0, sizeof(*ret));
	j.stages = ret->stages = json_array();
	j.slow = ret->slow = json_array();
	judge_run(&j);
	j.run = back;
	j.job = "back";
	judge_run(&j);
	say_why(live, back, ret);
	ret->returned = back->end == DRILL_DONE			    ? "yes"
			: live->end != DRILL_DONE && !live->touched ? "untouched"
								    : "no";
	ret->outcome = live->end != DRILL_DONE || str_eq(ret->returned, "no") ? "failed"
		       : json_array_size(ret->slow) > 0 ? "regression"
							: "ok";
}

void
drill_past(const json_t *stages, struct usual *live, struct usual *back)
{
	size_t i;
	json_t *v;

	json_array_foreach (stages, i, v) {
		const char *name = json_string_value(json_object_get(v, "stage"));
		const char *job = json_string_value(json_object_get(v, "job"));
		const char *state = json_string_value(json_object_get(v, "state"));
		enum stage s;

		if (name && job && state && str_eq(state, "confirmed") &&
		    stage_parse(name, &s) == 0)
			usual_add(str_eq(job, "live") ? live : back, s,
			    json_integer_value(json_object_get(v, "took_us")));
	}
}
