// SPDX-License-Identifier: GPL-3.0-or-later
/* GET /fleet's text, written as the rows come: ten thousand hosts as a tree of JSON values would cost more than
 * reading them.
 *
 * Entry point: fleet_doc_read(). What a host is doing is decided in status_rules.c, as for GET /status; those that are
 * worth a look come first, and both parts are in order of name. Times that go on by themselves are not in it, so that
 * it changes only when a host does; `seq` is the last event of the state that was read, so that a
 * follower misses nothing.
 * What is late has the verdict that it would have by now, in its code and reason (late.c).
 * Ownership: buffers that double; their sizes follow from the number of hosts. Failure modes: those of db.h. */
#include "orchestrator/fleet_doc.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_boot.h"
#include "db/db_event.h"
#include "db/db_fleet.h"
#include "db/db_job.h"
#include "lib/clock.h"
#include "lib/str.h"
#include "orchestrator/late.h"

struct out {
	char *text;
	size_t len, cap;
};

struct walk {
	const struct fleet_doc_site *sites;
	size_t n;
	int64_t now;
	struct late late;
	struct out stuck, rest;
};

static void
put(struct out *o, const char *s, size_t len)
{
	if (o->len + len + 1 > o->cap) {
		o->cap = (o->len + len + 1) * 2;
		o->text = str_realloc(o->text, o->cap);
	}
	memcpy(o->text + o->len, s, len);
	o->len += len;
	o->text[o->len] = '\0';
}

static void
put_raw(struct out *o, const char *s)
{
	put(o, s, strlen(s));
}

/* A string as RFC 8259 section 7 wants it; what is in the database is UTF-8. */
static void
put_str(struct out *o, const char *s)
{
	char escape[8];

	put_raw(o, "\"");
	while (*s) {
		size_t plain = 0;
		while ((unsigned char)s[plain] >= 0x20 && s[plain] != '"' &&
		       s[plain] != '\\')
			plain++;
		put(o, s, plain);
		s += plain;
		if (!*s)
			break;
		snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)(unsigned char)*s);
		put_raw(o, escape);
		s++;
	}
	put_raw(o, "\"");
}

static void
put_text(struct out *o, const char *s)
{
	if (s[0])
		put_str(o, s);
	else
		put_raw(o, "null");
	put_raw(o, ",");
}

static void
put_i64(struct out *o, bool known, int64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld,", (long long)v);
	put_raw(o, known ? text : "null,");
}

static void
put_time(struct out *o, int64_t at)
{
	char text[CLOCK_TEXT_SIZE];

	put_text(o, at ? clock_text(at, text, sizeof(text)) : "");
}

static void
put_flags(struct out *o, int64_t flags)
{
	const char *word;
	unsigned i = 0;

	put_raw(o, "[");
	for (bool first = true; (word = db_boot_flag_next(flags, &i)); first = false) {
		if (!first)
			put_raw(o, ",");
		put_str(o, word);
	}
	put_raw(o, "],");
}

static int
compare_site(const void *key, const void *site)
{
	return strcmp(key, ((const struct fleet_doc_site *)site)->name);
}

static void
put_row(struct out *o, const struct db_fleet_row *r, const struct status_rules_row *row)
{
	bool job = row->shows_job;

	if (o->len > 0)
		put_raw(o, ",\n");
	put_raw(o, "[");
	put_text(o, r->host);
	put_text(o, r->site);
	put_text(o, row->state);
	put_text(o, job ? r->kind : "");
	put_text(o, job ? r->stage : "");
	put_time(o, row->since);
	put_i64(o, job && r->deadline_us >= 0, r->deadline_us);
	put_i64(o, job, r->attempt);
	put_text(o, row->code);
	put_text(o, row->reason);
	put_text(o, r->power);
	put_time(o, r->last_seen);
	put_text(o, job ? r->job : "");
	put_text(o, r->boot);
	put_flags(o, r->flags);
	put_raw(o, row->stuck ? "true," : "false,");
	if (row->as_of > 0) {
		char at[CLOCK_TEXT_SIZE];
		put_str(o, clock_text(row->as_of, at, sizeof(at)));
		put_raw(o, "]");
	} else {
		put_raw(o, "null]");
	}
}

static const struct status_rules_site *
find_site(const struct walk *w, const char *name)
{
	static const struct status_rules_site never = {.absent = true};
	const struct fleet_doc_site *site =
	    w->n ? bsearch(name, w->sites, w->n, sizeof(w->sites[0]), compare_site)
		 : NULL;

	return site ? &site->known : &never;
}

static void
add_late(void *arg, const struct db_job_deadline *d)
{
	struct walk *w = arg;
	const struct status_rules_site *site = find_site(w, d->site);
	struct late_job job = {.passed = d->at, .now = w->now + site->clock_ahead};

	if (site->absent || d->at >= job.now)
		return;
	str_clip(job.job, sizeof(job.job), d->job);
	late_add(&w->late, &job);
}

static void
add(void *arg, const struct db_fleet_row *r)
{
	struct walk *w = arg;
	const struct status_rules_host host = {.locked_at = r->locked_at,
	    .locked_reason = r->locked_reason,
	    .has_bmc = r->has_bmc,
	    .job = r->job[0] ? r->job : NULL,
	    .ended = r->ended != 0,
	    .failed = str_eq(r->state, "failed"),
	    .created = r->created,
	    .sent = r->sent,
	    .ended_at = r->ended,
	    .verdict_code = r->verdict_code,
	    .verdict_text = r->verdict_text,
	    .stage = r->stage,
	    .stage_entered = r->entered,
	    .stage_ended = r->stage_ended,
	    .stage_deadline_us = r->deadline_us};
	struct status_rules_row row;

	status_rules_decide(find_site(w, r->site), &host, w->now, &row);
	if (row.late)
		status_rules_found(&row, late_find(&w->late, r->job));
	put_row(row.stuck ? &w->stuck : &w->rest, r, &row);
}

static void
make_etag(const struct out *o, char ret[FLEET_DOC_ETAG_SIZE])
{
	char hex[DIGEST_TEXT];

	digest_sha256(o->text, o->len, hex);
	if (str_format(ret, FLEET_DOC_ETAG_SIZE, "\"fleet-%.16s\"", hex) < 0)
		abort();
}

int
fleet_doc_read(struct store *s, const struct fleet_doc_site *sites, size_t n, int64_t now,
    char **ret, char ret_etag[FLEET_DOC_ETAG_SIZE])
{
	static const char columns[] =
	    "\"columns\":[\"host\",\"site\",\"state\",\"kind\",\"stage\",\"since\","
	    "\"deadline_us\",\"attempt\",\"code\",\"reason\",\"power\",\"last_seen\","
	    "\"job\",\"boot\",\"flags\",\"stuck\",\"as_of\"],\n\"rows\":[";
	struct walk w = {.sites = sites, .n = n, .now = now};
	struct out all = {0};
	char at[CLOCK_TEXT_SIZE], head[120];
	int64_t seq = 0;
	bool reading = db_read_begin(store_db(s));
	int rc = db_event_last(s, &seq);

	if (rc == 0)
		rc = db_job_deadlines(s, add_late, &w);
	if (rc == 0)
		rc = late_judge(s, &w.late);
	if (rc == 0)
		rc = db_fleet_list(s, add, &w);
	db_read_end(store_db(s), reading);
	if (rc == 0) {
		if (w.stuck.len > 0 && w.rest.len > 0)
			put_raw(&w.stuck, ",\n");
		if (w.rest.len > 0)
			put(&w.stuck, w.rest.text, w.rest.len);
		put(&w.stuck, "", 0);
		make_etag(&w.stuck, ret_etag);
		snprintf(head, sizeof(head), "{\"at\":\"%s\",\"seq\":%lld,",
		    clock_text(now, at, sizeof(at)), (long long)seq);
		put_raw(&all, head);
		put_raw(&all, columns);
		put(&all, w.stuck.text, w.stuck.len);
		put_raw(&all, "]}\n");
		*ret = all.text;
	}
	free(w.stuck.text);
	free(w.rest.text);
	return rc;
}
