// SPDX-License-Identifier: GPL-3.0-or-later
/* Bodies of webhooks: an event, and the job it is about, as JSON, as a chat's message, as plain lines, or as an
 * operator's template says.
 *
 * Entry points: webhook_body_match(), webhook_body_make(), webhook_body_check(); webhook_body_backoff() and
 * webhook_body_refused() decide about repetition. Pure: values in, text out. Ownership: bodies are the caller's.
 * Templates are checked when the configuration is read, so that the only failure left at the time of an event is a
 * text that is too long; the event is then told as JSON rather than not at all. */
#include "orchestrator/webhook_body.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/printable.h"
#include "lib/str.h"
#include "lib/subst.h"

enum { TITLE_SIZE = 1024, LINK_SIZE = 512 };

/* ---- which events ---- */

static bool
has_flag(const struct event *ev, const char *flag)
{
	return str_eq(event_str(ev, "flag"), flag);
}

bool
webhook_body_match(const char *on, const struct event *ev)
{
	size_t n = strcspn(on, "*");

	if (on[n] == '*')
		return strncmp(ev->kind, on, n) == 0;
	if (str_eq(ev->kind, on))
		return true;
	/* A job that its agent refuses has failed, as status, metrics and history have it. */
	if (str_eq(on, "job.failed") && str_eq(ev->kind, "job.refused"))
		return true;
	if (!strchr(on, '.'))
		return strncmp(ev->kind, on, n) == 0 && ev->kind[n] == '.';
	return str_has_prefix(on, "boot.") && str_eq(ev->kind, "boot.flag") &&
	       has_flag(ev, on + strlen("boot."));
}

/* ---- what is known ---- */

/* Everything a body is made of; strings are never NULL. */
struct facts {
	const char *id, *event, *site, *host, *job, *boot, *mac, *ip;
	const char *kind, *image, *state, *stage, *by, *reason;
	const char *verdict, *text, *next;
	const char *flag; /* of a boot.flag */
	const char *rollout, *schedule;
	char at[CLOCK_TEXT_SIZE];
	char seq[24];
	char title[TITLE_SIZE];
	char link[LINK_SIZE];
};

static bool
tells_end(const char *kind)
{
	static const char *const kinds[] = {
	    "job.done", "job.failed", "job.refused", "job.cancelled", "job.verdict"};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_eq(kinds[i], kind))
			return true;
	return false;
}

static void
take_verdict(struct facts *f, const struct webhook_about *about)
{
	const struct db_job *job = about->job;

	/* The one that is stored with the job: status, page and history say the same. What is told late of its
	 * beginning does not have its end. */
	if (job && job->ended && tells_end(f->event)) {
		f->verdict = job->verdict_code;
		f->text = job->verdict_text;
		f->next = job->verdict_next;
		return;
	}
	f->verdict = event_str(about->ev, "code");
	f->text = event_str(about->ev, "text");
	f->next = event_str(about->ev, "next");
}

static void
make_title(struct facts *f)
{
	const char *who = f->host[0] ? f->host : f->site[0] ? f->site : f->mac;
	const char *why = f->verdict[0] ? f->verdict : "";
	int rc;

	if (f->flag[0]) /* as it stands in `on` */
		rc = str_format(f->title, sizeof(f->title), "%s%sboot.%s", who,
		    who[0] ? ": " : "", f->flag);
	else if (!f->host[0] && str_has_prefix(f->event, "rollout."))
		rc = str_format(f->title, sizeof(f->title), "rollout %s%s%s%s: %s%s%s",
		    f->rollout, f->schedule[0] ? " (" : "", f->schedule,
		    f->schedule[0] ? ")" : "", f->event + strlen("rollout."),
		    why[0] ? ": " : "", why);
	else if (f->kind[0] && str_has_prefix(f->event, "job."))
		rc = str_format(f->title, sizeof(f->title), "%s: %s %s%s%s", who, f->kind,
		    f->event + strlen("job."), why[0] ? ": " : "", why);
	else
		rc = str_format(f->title, sizeof(f->title), "%s%s%s%s%s", who,
		    who[0] ? ": " : "", f->event, why[0] ? ": " : "", why);
	if (rc < 0)
		str_clip(f->title, sizeof(f->title), f->event);
}

static void
make_link(struct facts *f, const char *page)
{
	const char *what = f->boot[0]	? "boot"
			   : f->job[0]	? "job"
			   : f->host[0] ? "host"
					: "rollout";
	const char *id = f->boot[0]   ? f->boot
			 : f->job[0]  ? f->job
			 : f->host[0] ? f->host
				      : f->rollout;
	size_t n = page ? strlen(page) : 0;

	while (n > 0 && page[n - 1] == '/')
		n--;
	if (n == 0 || !id[0] ||
	    str_format(f->link, sizeof(f->link), "%.*s/#/%s/%s", (int)n, page, what, id) <
		0)
		f->link[0] = '\0';
}

static void
gather(struct facts *f, const struct webhook_about *about)
{
	const struct event *ev = about->ev;
	const struct db_job *job = about->job;

	*f = (struct facts){.id = about->id,
	    .event = ev->kind,
	    .site = ev->site,
	    .host = ev->host,
	    .job = ev->job,
	    .boot = ev->boot,
	    .mac = ev->mac,
	    .ip = ev->ip,
	    .kind = job ? job->kind : "",
	    .image = job ? job->image : "",
	    .state = job ? db_job_state_name(job->state) : "",
	    .stage = job ? job->stage : event_str(ev, "stage"),
	    .by = job ? job->by : event_str(ev, "by"),
	    .reason = job ? job->reason : ev->reason,
	    .rollout = event_str(ev, "rollout"),
	    .schedule = event_str(ev, "schedule"),
	    .flag = str_eq(ev->kind, "boot.flag") ? event_str(ev, "flag") : ""};
	if (!f->boot[0] && job)
		f->boot = job->boot;
	clock_text(ev->at, f->at, sizeof(f->at));
	if (str_format(f->seq, sizeof(f->seq), "%lld", (long long)about->seq) < 0)
		abort();
	take_verdict(f, about);
	if (str_eq(f->reason, f->text)) /* said once */
		f->reason = "";
	make_title(f);
	make_link(f, about->page);
}

/* ---- formats ---- */

#define MEMBER(name)                                \
	{                                           \
#name, offsetof(struct facts, name) \
	}

/* Names of templates, which are members of the JSON as well. */
static const struct {
	const char *name;
	size_t at;
} pointers[] = {MEMBER(id), MEMBER(event), MEMBER(site), MEMBER(host), MEMBER(job),
    MEMBER(boot), MEMBER(mac), MEMBER(ip), MEMBER(kind), MEMBER(image), MEMBER(state),
    MEMBER(stage), MEMBER(by), MEMBER(reason), MEMBER(verdict), MEMBER(text),
    MEMBER(next), MEMBER(rollout), MEMBER(schedule)};

static const char *
look_up(void *arg, const char *name)
{
	const struct facts *f = arg;

	for (size_t i = 0; i < ARRAY_SIZE(pointers); i++)
		if (str_eq(pointers[i].name, name))
			return *(const char *const *)(const void *)((const char *)f +
								    pointers[i].at);
	if (str_eq(name, "at"))
		return f->at;
	if (str_eq(name, "seq"))
		return f->seq;
	if (str_eq(name, "title"))
		return f->title;
	return str_eq(name, "link") ? f->link : NULL;
}

/* Texts come from machines by way of agents. */
static void
put(json_t *v, const char *key, const char *value)
{
	char *copy = str_dup(value);

	printable_clean(copy);
	json_put_str(v, key, copy);
	free(copy);
}

static char *
as_json(const struct facts *f, const struct webhook_about *about)
{
	static const char *const plain[] = {"id", "event", "at", "title", "site", "host",
	    "job", "boot", "mac", "ip", "kind", "image", "state", "stage", "by", "reason",
	    "rollout", "schedule", "link"};
	json_t *v = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		put(v, plain[i], look_up((void *)(uintptr_t)f, plain[i]));
	json_put_i64(v, "seq", about->seq);
	if (f->verdict[0]) {
		json_t *verdict = json_object();
		put(verdict, "code", f->verdict);
		put(verdict, "text", f->text);
		put(verdict, "next", f->next);
		json_put(v, "verdict", verdict);
	}
	if (about->ev->detail)
		json_put(v, "detail", json_deep_copy(about->ev->detail));
	char *text = json_text(v);
	json_decref(v);
	return text;
}

/* A value is one line: none can be followed by a line that looks like another of ours. */
static void
put_line(char *at, const char *value)
{
	for (; *value; value++)
		*at++ = *value == '\n' || *value == '\r' ? ' ' : *value;
	*at = '\0';
}

/* Lines of what there is. */
static char *
as_lines(const struct facts *f)
{
	const struct {
		const char *before, *value;
	} lines[] = {{"", f->title}, {"", f->text}, {"Next: ", f->next},
	    {"Ordered by: ", f->by}, {"Reason: ", f->reason}, {"At: ", f->at},
	    {"", f->link}};
	size_t size = 1, len = 0;
	char *text;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		size += strlen(lines[i].before) + strlen(lines[i].value) + 1;
	text = str_alloc(size);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		if (!lines[i].value[0])
			continue;
		if (str_format(text + len, size - len, "%s%s", len ? "\n" : "",
			lines[i].before) < 0)
			abort();
		len += strlen(text + len);
		put_line(text + len, lines[i].value); /* in the size that was summed */
		len += strlen(lines[i].value);
	}
	printable_clean(text);
	return text;
}

/* "&, < and > … replaced with HTML entities", else a text could make links or call everybody (<!channel>). */
static char *
chat_escape(const char *s)
{
	char *out = str_alloc(5 * strlen(s) + 1);
	size_t n = 0;

	for (; *s; s++) {
		const char *as = *s == '&'   ? "&amp;"
				 : *s == '<' ? "&lt;"
				 : *s == '>' ? "&gt;"
					     : NULL;
		if (as) {
			memcpy(out + n, as, strlen(as));
			n += strlen(as);
		} else {
			out[n++] = *s;
		}
	}
	return out;
}

static char *
as_slack(const struct facts *f)
{
	char *lines = as_lines(f), *escaped = chat_escape(lines);
	json_t *v = json_object();

	json_put_str(v, "text", escaped);
	char *text = json_text(v);
	json_decref(v);
	free(escaped);
	free(lines);
	return text;
}

char *
webhook_body_make(const struct webhook_config *c, const struct webhook_about *about,
    const char **ret_type)
{
	struct facts *f = str_alloc(sizeof(*f));
	char *text = NULL;

	gather(f, about);
	*ret_type = "application/json";
	if (c->body_template &&
	    subst_expand(c->body_template, SUBST_JSON, look_up, f, &text, NULL) == 0)
		goto out;
	switch (c->format) {
	case WEBHOOK_JSON: text = as_json(f, about); break;
	case WEBHOOK_SLACK: text = as_slack(f); break;
	case WEBHOOK_TEXT:
		text = as_lines(f);
		*ret_type = "text/plain; charset=utf-8";
		break;
	}
out:
	free(f);
	return text;
}

/* Is it JSON with that for all that is text? */
static int
check_with(const char *text, struct facts *f, const char *value, struct error *err)
{
	char *out = NULL;
	json_t *v = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(pointers); i++)
		*(const char **)(void *)((char *)f + pointers[i].at) = value;
	str_clip(f->title, sizeof(f->title), value);
	str_clip(f->link, sizeof(f->link), value);
	int rc = subst_expand(text, SUBST_JSON, look_up, f, &out, err);
	if (rc == 0) {
		v = json_parse(out, strlen(out), err);
		rc = v ? 0 : -EINVAL;
	}
	json_decref(v);
	free(out);
	return rc;
}

int
webhook_body_check(const char *text, struct error *err)
{
	struct event ev = event_make("job.failed", 0);
	const struct webhook_about about = {.id = "", .ev = &ev};
	struct facts *f = str_alloc(sizeof(*f));

	gather(f, &about);
	/* What stands in a string may hold anything, or nothing; elsewhere it would be no JSON then. */
	int rc = check_with(text, f, "a \"quoted\" text", err);
	if (rc == 0)
		rc = check_with(text, f, "", err);
	free(f);
	event_done(&ev);
	return rc;
}

/* ---- repetition ---- */

int64_t
webhook_body_backoff(unsigned fails, uint64_t random)
{
	enum { FIRST_MS = 1000, LAST_MS = 3600 * 1000, DOUBLINGS = 12 };
	int64_t ms = (int64_t)FIRST_MS << (fails < DOUBLINGS ? fails : DOUBLINGS);

	if (ms > LAST_MS)
		ms = LAST_MS;
	/* Half of it at random: receivers that came back are not met by all at once. */
	return ms / 2 + (int64_t)(random % (uint64_t)(ms / 2 + 1));
}

bool
webhook_body_refused(int status)
{
	return status == 400 || status == 413 || status == 415 || status == 422;
}
