// SPDX-License-Identifier: GPL-3.0-or-later
/* Events of a job or boot and the machine's past, from the database to a verdict.
 *
 * Entry points: explain_end() in the transaction that ends a job, explain_find() and explain_why() when it is asked for,
 * explain_past() also for deadlines. All reads follow an index and are bounded: of a job with more events than
 * EVENTS_END (or EVENTS_WHY, where nobody waits) those with which its last attempt began and the newest are read. A dead
 * switch ends the jobs of a whole site in one report: each may cost the loop some milliseconds, and no more.
 * Ownership: the caller's documents; a story lives for one call. Failure modes: those of db.h. What is missing (a removed
 * host, events of a database from before) makes an explanation poorer and never wrong. */
#include "orchestrator/explain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_discovered.h"
#include "db/db_event.h"
#include "db/db_host.h"
#include "lib/json.h"
#include "lib/str.h"
#include "lib/verdict.h"
#include "lib/why_json.h"
#include "orchestrator/next_step.h"

enum { EVENTS_END = 1200, EVENTS_OPEN = 300, EVENTS_WHY = 20000, STRANGERS_MAX = 200 };

struct gather {
	struct story *story;
	int64_t n, first, last;
	int64_t attempt;      /* what comes after this attempt is not read; 0: all */
	bool over;	      /* it was */
	const char *only_mac; /* events of no host, from this address; NULL: all */
};

static int
take(void *arg, int64_t seq, const struct event *ev)
{
	struct gather *g = arg;
	const json_t *n = json_object_get(ev->detail, "attempt");

	if (g->attempt > 0 && str_eq(ev->kind, "job.attempt") && json_is_integer(n) &&
	    json_integer_value(n) > g->attempt) {
		g->over = true;
		return 1;
	}
	g->n++;
	if (g->first == 0)
		g->first = seq;
	g->last = seq;
	if (!g->only_mac ||
	    (ev->host[0] == '\0' && ev->job[0] == '\0' && str_eq(ev->mac, g->only_mac)))
		story_take(g->story, seq, ev);
	return 0;
}

static void
describe(const struct bundle_host *h, struct story_host *ret)
{
	str_clip(ret->uuid, sizeof(ret->uuid), h->uuid);
	for (size_t i = 0; i < h->n_nics; i++)
		if (h->nics[i].boot)
			addr_mac_text(&h->nics[i].mac, ret->boot_macs[ret->n_boot_macs++],
			    ADDR_MAC_TEXT);
}

static int
begin_story(struct store *s, const char *host, const char *image, struct story *ret)
{
	struct db_host *h = str_alloc(sizeof(*h));
	struct story_host who = {.name = ""};
	int rc = db_host_get(s, host, h);

	str_clip(who.name, sizeof(who.name), host);
	if (rc == 0)
		describe(&h->host, &who);
	story_init(ret, &who);
	str_clip(ret->image, sizeof(ret->image), image);
	free(h);
	return rc == -ENOENT ? 0 : rc;
}

/* Where the events of an attempt begin, and those of the next one; 0: not there. */
struct found {
	int64_t attempt, first, next;
};

static void
first_of_attempt(void *arg, const struct db_job_stage *stage)
{
	struct found *f = arg;
	int64_t *seq = stage->attempt == f->attempt	  ? &f->first
		       : stage->attempt == f->attempt + 1 ? &f->next
							  : NULL;

	if (seq && (*seq == 0 || stage->seq < *seq))
		*seq = stage->seq;
}

/* Requests of a machine that no host's MAC address is of, with this host's UUID, while the job ran. Whether there is one is
 * known without reading the requests of everybody. */
static int
take_strangers(struct store *s, const struct db_job *job, struct gather *g)
{
	static const char *const kinds[] = {
	    "dhcp4.discover", "dhcp4.ignored", "dhcp6.solicit", "dhcp6.ignored"};
	const struct story *story = g->story;
	int64_t since = job->created;
	struct db_discovered d;

	if (story->host.uuid[0] == '\0' || g->n == 0 ||
	    story_is_nobodys(story->host.uuid))
		return 0;
	/* The agent's clock may be behind. */
	if (story->began != 0 && story->began < since)
		since = story->began;
	int rc = db_discovered_with_uuid(s, job->site, story->host.uuid, since, &d);
	if (rc < 0)
		return rc == -ENOENT || rc == -EINVAL ? 0 : rc;
	struct gather of = {.story = g->story, .only_mac = d.mac};
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(kinds); i++) {
		const struct db_event_filter f = {.kind = kinds[i],
		    .after = g->first,
		    .until = g->last,
		    .limit = STRANGERS_MAX};
		rc = db_event_list(s, &f, take, &of);
	}
	/* In a crowd its own are not among the first. */
	if (rc == 0 && !story_has(story, STORY_STRANGER) &&
	    (str_has_prefix(d.vendor_class, "PXEClient") ||
		str_has_prefix(d.vendor_class, "HTTPClient")))
		story_stranger(g->story, d.mac, d.last_seen);
	return rc;
}

/* Of too many events those with which the attempt began, and the newest: what was seen, and what was seen since. */
static int
take_ends(struct store *s, const struct db_job *job, const struct found *in,
    int64_t limit, struct gather *g)
{
	int64_t head = limit / 4, back = 0;
	int64_t until = in->next ? in->next : INT64_MAX;
	/* The number before the first stage's is that of job.attempt. */
	struct db_event_filter f = {.job = job->id,
	    .after = in->first > 2 ? in->first - 2 : 0,
	    .until = until,
	    .limit = head};
	int rc = db_event_list(s, &f, take, g);

	if (rc == 0)
		rc = db_event_back(s, job->id, until, limit - head, &back);
	if (rc == 0 && !g->over) {
		f.after = back - 1 > g->last ? back - 1 : g->last;
		f.limit = limit - head;
		rc = db_event_list(s, &f, take, g);
	}
	return rc;
}

static int
tell_job(struct store *s, const struct db_job *job, int64_t limit, int64_t attempt,
    struct story *story)
{
	struct gather g = {.story = story, .attempt = attempt};
	struct found in = {.attempt = attempt > 0 ? attempt : job->attempt};
	const struct db_event_filter all = {.job = job->id, .limit = limit};
	int64_t back = 0;
	int rc = begin_story(s, job->host, job->image, story);

	if (rc == 0)
		rc = db_event_back(s, job->id, INT64_MAX, limit + 1, &back);
	if (rc == 0 && back == 0) {
		rc = db_event_list(s, &all, take, &g);
	} else if (rc == 0) {
		rc = db_job_stages(s, job->id, first_of_attempt, &in);
		if (rc == 0)
			rc = take_ends(s, job, &in, limit, &g);
	}
	if (rc == 0 && !story_has(story, STORY_OFFERED))
		rc = take_strangers(s, job, &g);
	return rc;
}

/* ---- the past ---- */

struct past {
	struct usual *usual;
	const char *image;
};

static void
add_past(void *arg, const struct db_job_past *p)
{
	struct past *past = arg;
	enum stage stage;

	if (stage_parse(p->stage, &stage) == 0 &&
	    (stage < STAGE_KERNEL || str_eq(p->image, past->image)))
		usual_add(past->usual, stage, p->took);
}

int
explain_past(struct store *s, const char *host, const char *before, const char *image,
    struct usual *ret)
{
	struct past past = {ret, image};

	usual_init(ret);
	return db_job_past(s, host, before, USUAL_MAX, add_past, &past);
}

/* ---- at the end of a job ---- */

static int
write_verdict(struct store *s, const struct event *end, const struct db_job *job,
    const struct verdict *v)
{
	struct event ev = event_make("job.verdict", end->at);

	str_clip(ev.site, sizeof(ev.site), job->site);
	str_clip(ev.host, sizeof(ev.host), job->host);
	str_clip(ev.job, sizeof(ev.job), job->id);
	str_clip(ev.boot, sizeof(ev.boot), job->boot);
	str_clip(ev.reason, sizeof(ev.reason), v->row ? v->row->title : "");
	event_put(&ev, "code", v->is.code);
	event_put(&ev, "text", v->is.text);
	event_put(&ev, "next", v->is.next);
	event_put(&ev, "agent_code", job->agent_code);
	event_put(&ev, "sure", v->certain ? "certain" : "likely");
	int rc = db_event_add(s, &ev, NULL, 0, NULL);
	event_done(&ev);
	return rc;
}

/* The verdict found takes the place of the agent's, which is kept. */
static int
replace_verdict(
    struct store *s, const struct event *end, const struct verdict *v, struct db_job *job)
{
	if (str_eq(v->is.code, job->verdict_code) &&
	    str_eq(v->is.text, job->verdict_text) &&
	    str_eq(v->is.next, job->verdict_next))
		return 0;
	str_clip(job->agent_code, sizeof(job->agent_code), job->verdict_code);
	str_clip(job->agent_text, sizeof(job->agent_text), job->verdict_text);
	str_clip(job->verdict_code, sizeof(job->verdict_code), v->is.code);
	str_clip(job->verdict_text, sizeof(job->verdict_text), v->is.text);
	str_clip(job->verdict_next, sizeof(job->verdict_next), v->is.next);
	return write_verdict(s, end, job, v);
}

int
explain_end(struct store *s, const struct event *ev, struct db_job *job)
{
	int rc = 0;

	struct story *story = str_alloc(sizeof(*story));
	struct usual *usual = str_alloc(sizeof(*usual));
	struct verdict v;
	/* Of the others the names in the next step are all there is to fill in. */
	if (verdict_refinable(job->verdict_code)) {
		rc = tell_job(s, job, EVENTS_END, 0, story);
		if (rc == 0)
			rc = explain_past(s, job->host, job->id, job->image, usual);
	} else {
		rc = begin_story(s, job->host, job->image, story);
	}
	if (rc == 0) {
		story_take(story, 0, ev);
		const struct verdict_usual u = usual_of(usual, story->stage);
		const struct verdict_look look = {story, &u, ev->at};
		if (verdict_judge(&look, &v))
			rc = replace_verdict(s, ev, &v, job);
	}
	free(usual);
	free(story);
	return rc;
}

int
explain_open(struct store *s, const char *id, int64_t now, const struct verdict_row **ret)
{
	static const struct verdict_usual not_asked = {.n = 0};
	struct story *story = str_alloc(sizeof(*story));
	struct db_job *job = str_alloc(sizeof(*job));
	struct verdict v = {.row = NULL};
	int rc = db_job_get(s, id, job);

	*ret = NULL;
	if (rc == 0 && !job->ended) {
		const struct verdict_look look = {story, &not_asked, now};
		rc = tell_job(s, job, EVENTS_OPEN, 0, story);
		if (rc == 0)
			verdict_provisional(&look, &v);
		if (v.row && v.row->kind == VERDICT_FAILED)
			*ret = v.row;
	}
	free(job);
	free(story);
	return rc == -ENOENT ? 0 : rc;
}

/* ---- when it is asked for ---- */

static int
newest_boot(struct store *s, const char *host, struct db_boot *ret)
{
	struct store_names ids = {0};
	int rc = db_boot_ids(s, host, NULL, 1, &ids);

	if (rc == 0)
		rc = ids.n > 0 ? db_boot_get(s, ids.v[0], ret) : -ENOENT;
	store_names_done(&ids);
	return rc;
}

/* Of a host: its open job, else what came last, a job or a boot that nobody ordered. */
static int
find_of_host(struct store *s, struct explain_of *of)
{
	struct db_job *job = str_alloc(sizeof(*job));
	struct db_boot boot;
	int rc = db_job_last_of_host(s, of->host, of->job);

	if (rc == 0)
		rc = db_job_get(s, of->job, job);
	bool open = rc == 0 && !job->ended;
	rc = rc == -ENOENT ? 0 : rc;
	if (rc == 0 && !open) {
		rc = newest_boot(s, of->host, &boot);
		if (rc == 0 && !boot.planned &&
		    (of->job[0] == '\0' || boot.began > job->created)) {
			of->job[0] = '\0';
			str_clip(of->boot, sizeof(of->boot), boot.id);
		}
		rc = rc == -ENOENT ? 0 : rc;
	}
	free(job);
	return rc;
}

int
explain_find(struct store *s, const char *name, struct explain_of *ret)
{
	struct db_host *h = str_alloc(sizeof(*h));
	struct db_job *job = str_alloc(sizeof(*job));
	struct db_boot boot;
	int rc = db_host_get(s, name, h);

	memset(ret, 0, sizeof(*ret));
	if (rc == 0) {
		str_clip(ret->host, sizeof(ret->host), name);
		rc = find_of_host(s, ret);
		goto out;
	}
	if (rc == -ENOENT)
		rc = db_job_get(s, name, job);
	if (rc == 0) {
		str_clip(ret->host, sizeof(ret->host), job->host);
		str_clip(ret->job, sizeof(ret->job), name);
		goto out;
	}
	if (rc == -ENOENT)
		rc = db_boot_get(s, name, &boot);
	if (rc == 0) {
		str_clip(ret->host, sizeof(ret->host), boot.host);
		str_clip(ret->job, sizeof(ret->job), boot.job);
		str_clip(ret->boot, sizeof(ret->boot), name);
	}
out:
	free(job);
	free(h);
	return rc;
}

/* The verdict that was stored when the job ended is the one that everybody was told; how sure it is, and what else
 * holds, is found anew. */
static void
judge_ended(struct why_json *x, const struct db_job *job)
{
	const struct verdict_look look = {x->story, &x->usual, x->now};

	if (job->state == DB_JOB_DONE) {
		verdict_state("well", x->story, &x->verdict);
		return;
	}
	if (!verdict_judge(&look, &x->verdict) && job->verdict_code[0] == '\0') {
		verdict_state(job->state == DB_JOB_CANCELLED ? "cancelled" : "not-known",
		    x->story, &x->verdict);
		return;
	}
	if (job->verdict_code[0] == '\0')
		return;
	if (!str_eq(x->verdict.is.code, job->verdict_code)) {
		memset(&x->verdict, 0, sizeof(x->verdict));
		x->verdict.row = verdict_find(job->verdict_code);
		x->verdict.certain = x->verdict.row && !x->verdict.row->refines;
	}
	if (str_has_prefix(job->verdict_text, VERDICT_PROBABLY))
		x->verdict.certain = false;
	str_clip(x->verdict.is.code, sizeof(x->verdict.is.code), job->verdict_code);
	str_clip(x->verdict.is.text, sizeof(x->verdict.is.text), job->verdict_text);
	const struct verdict_names names = next_step_job(job);
	verdict_fill_names(
	    &names, job->verdict_next, x->verdict.is.next, sizeof(x->verdict.is.next));
}

static void
judge_open(struct why_json *x, const struct db_job *job, bool absent)
{
	const struct verdict_look look = {x->story, &x->usual, x->now};

	if (absent)
		verdict_state("agent-absent", x->story, &x->verdict);
	else if (job->state == DB_JOB_QUEUED)
		verdict_state("waits-for-agent", x->story, &x->verdict);
	else
		verdict_provisional(&look, &x->verdict);
}

/* A boot of a job that another attempt followed, or that nobody ordered. */
static void
judge_boot(struct why_json *x, const struct db_boot *boot)
{
	const struct verdict_look look = {x->story, &x->usual, x->now};
	struct error *said = &x->story->said;

	/* What the agent said of this boot is not in the job's end. */
	if (boot->verdict_code[0]) {
		str_clip(said->code, sizeof(said->code), boot->verdict_code);
		str_clip(said->text, sizeof(said->text), boot->verdict_text);
		str_clip(said->next, sizeof(said->next), boot->verdict_next);
	}

	if (str_eq(boot->outcome, "ok"))
		verdict_state("well", x->story, &x->verdict);
	else if (!boot->planned)
		verdict_state("unordered-boot", x->story, &x->verdict);
	else if (str_eq(boot->outcome, "superseded"))
		verdict_state("superseded", x->story, &x->verdict);
	else if (!verdict_judge(&look, &x->verdict))
		verdict_state("not-known", x->story, &x->verdict);
}

static int
why_job(struct store *s, const struct explain_of *of, const struct db_job *job,
    const struct db_boot *boot, struct why_json *x)
{
	struct usual *usual = str_alloc(sizeof(*usual));
	bool earlier = boot && boot->attempt > 0 && boot->attempt < job->attempt;
	int64_t attempt = earlier ? boot->attempt : 0;
	int rc = tell_job(s, job, EVENTS_WHY, attempt, x->story);

	if (rc == 0)
		rc = explain_past(s, job->host, job->id, job->image, usual);
	if (rc == 0) {
		x->usual = usual_of(usual, x->story->stage);
		x->past = usual;
		x->ended = job->ended != 0 || earlier;
		x->agent_code = job->agent_code;
		str_clip(x->story->site, sizeof(x->story->site), job->site);
		if (earlier)
			judge_boot(x, boot);
		else if (job->ended)
			judge_ended(x, job);
		else
			judge_open(x, job, of->absent);
		why_json(x);
	}
	free(usual);
	return rc;
}

/* A boot without a job, or nothing at all. */
static int
why_boot(struct store *s, const struct explain_of *of, const struct db_boot *boot,
    struct why_json *x)
{
	struct gather g = {.story = x->story};
	const struct db_event_filter f = {.boot = of->boot, .limit = EVENTS_WHY};
	int rc = begin_story(s, of->host, "", x->story);

	if (rc == 0 && boot)
		rc = db_event_list(s, &f, take, &g);
	if (rc < 0)
		return rc;
	x->none = boot == NULL;
	x->ended = boot && boot->ended;
	if (boot)
		judge_boot(x, boot);
	else
		verdict_state("no-job", x->story, &x->verdict);
	why_json(x);
	return 0;
}

int
explain_why(struct store *s, const struct explain_of *of, int64_t now, json_t **ret)
{
	struct story *story = str_alloc(sizeof(*story));
	struct db_job *job = str_alloc(sizeof(*job));
	struct db_boot boot = {.id = ""};
	struct why_json x = {.story = story,
	    .host = of->host,
	    .job = of->job,
	    .boot = of->boot,
	    .now = now,
	    .agent_code = ""};
	int rc = of->boot[0] ? db_boot_get(s, of->boot, &boot) : 0;
	bool have_job = false;

	if (rc == 0 && of->job[0]) {
		rc = db_job_get(s, of->job, job);
		have_job = rc == 0;
		rc = rc == -ENOENT && of->boot[0] ? 0 : rc;
	}
	if (rc == 0 && have_job)
		rc = why_job(s, of, job, of->boot[0] ? &boot : NULL, &x);
	else if (rc == 0)
		rc = why_boot(s, of, of->boot[0] ? &boot : NULL, &x);
	if (rc == 0)
		*ret = x.answer;
	free(job);
	free(story);
	return rc;
}
