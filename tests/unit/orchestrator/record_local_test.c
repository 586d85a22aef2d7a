/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What agents tell of orders made at their sites, in reports as hostile as they come. */
#include "orchestrator/record_local.h"

#include "fixture.h"

#include "db/db_agent.h"
#include "db/db_audit.h"
#include "db/db_event.h"
#include "db/db_job.h"
#include "lib/clock.h"
#include "orchestrator/record.h"

#define AGENT "01k9xyz0a0abcdef"
#define HOUR (3600 * USEC_PER_SEC)

struct kit {
	struct fixture *f;
	struct rng rng;
	const char *site;
	int64_t number; /* of the next event */
	char ignored[128], foreign[64];
};

static void
on_ignored(
    void *arg, int64_t number UNUSED, const struct event *ev UNUSED, const char *why)
{
	struct kit *k = arg;

	str_clip(k->ignored, sizeof(k->ignored), why);
}

static void
on_foreign(void *arg, int64_t number UNUSED, const struct event *note UNUSED,
    const struct agent_scope_finding *found)
{
	struct kit *k = arg;

	str_clip(k->foreign, sizeof(k->foreign), found->code);
}

static struct kit
begin(struct fixture *f)
{
	struct kit k = {.f = f, .rng = rng_seeded(3), .site = "los", .number = 1};

	assert_string_equal(
	    fixture_apply(f,
		"{'sites':[" FIXTURE_SITE
		",{'name':'nyc','timezone':'UTC'}],'images':[" FIXTURE_IMAGE
		"],'hosts':[" FIXTURE_HOST("a.los", "1") "," FIXTURE_HOST(
		    "b.los", "2") ",{'name':'a.nyc','site':'nyc','nics':[{'mac':'52:54:"
				  "00:00:00:09'}]}]}",
		NULL),
	    "");
	assert_int_equal(db_agent_seen(f->store, AGENT, "los", 1, 0), 0);
	return k;
}

/* Takes *ev, in a report of its own. */
static void
tell(struct kit *k, struct event *ev)
{
	struct agent_msg_report m = {
	    .agent = AGENT, .first = k->number++, .events = ev, .n_events = 1};
	const struct record_ops ops = {
	    .on_ignored = on_ignored, .on_foreign = on_foreign, .arg = k};
	struct record_gap gap = {0};
	int64_t held = 0;

	str_clip(m.site, sizeof(m.site), k->site);
	k->ignored[0] = k->foreign[0] = '\0';
	assert_int_equal(db_begin(store_db(k->f->store)), 0);
	assert_int_equal(record_take(k->f->store, &m, &gap,
			     (struct record_clock){FIXTURE_NOW, 0}, &ops, &held),
	    0);
	assert_int_equal(db_commit(store_db(k->f->store)), 0);
	assert_int_equal(held, m.first);
	event_done(ev);
}

/* A rescue of the host, ordered at that time. */
static struct event
job_local(struct kit *k, const char *host, int64_t at)
{
	struct event ev = event_make("job.local", at);

	id_make(at, &k->rng, ev.job);
	str_clip(ev.host, sizeof(ev.host), host);
	str_clip(ev.reason, sizeof(ev.reason), "INC-9");
	event_put(&ev, "user", "ada");
	event_put_i64(&ev, "uid", 1000);
	event_put(&ev, "kind", "rescue");
	event_put(&ev, "image", "rescue");
	return ev;
}

static int64_t
jobs(struct kit *k)
{
	const struct db_job_filter all = {.open = -1, .limit = 100};
	struct store_names names = {0};
	int64_t n;

	assert_int_equal(db_job_ids(k->f->store, &all, &names), 0);
	n = (int64_t)names.n;
	store_names_done(&names);
	return n;
}

static bool
keep_row(void *arg, const struct audit_chain_row *row)
{
	json_t **ret = arg;

	json_decref(*ret);
	*ret = audit_chain_json(row);
	return false;
}

/* The newest row, or NULL; owned by the caller. */
static json_t *
audit(struct kit *k, const char *what)
{
	const struct db_audit_filter f = {
	    .what = what, .after = 0, .before = INT64_MAX, .limit = 1};
	json_t *row = NULL;

	assert_int_equal(db_audit_list(k->f->store, &f, keep_row, &row), 0);
	return row;
}

static void
is_audited(struct kit *k, const char *what, const char *key, const char *want)
{
	json_t *row = audit(k, what);

	assert_non_null(row);
	assert_string_equal(json_string_value(json_object_get(row, key)), want);
	json_decref(row);
}

static void
is_ignored(struct kit *k, struct event ev, const char *why)
{
	int64_t before = jobs(k), last = 0, now = 0;
	json_t *row;

	assert_int_equal(db_event_last(k->f->store, &last), 0);
	tell(k, &ev);
	if (strstr(k->ignored, why) == NULL)
		fail_msg("\"%s\", not \"%s\"", k->ignored, why);
	assert_int_equal(jobs(k), before);
	assert_int_equal(db_event_last(k->f->store, &now), 0);
	assert_int_equal(now, last + 1); /* it is kept as what it is */
	row = audit(k, "job.local");
	assert_null(row);
}

static void
a_job_of_the_site_is_as_if_ordered_here(void **state)
{
	struct kit k = begin(*state);
	struct event ev = job_local(&k, "a.los", FIXTURE_NOW - 20 * 24 * HOUR), end;
	struct db_job job;
	char id[ID_SIZE];

	str_clip(id, sizeof(id), ev.job);
	tell(&k, &ev);
	assert_string_equal(k.ignored, "");
	assert_int_equal(db_job_get(k.f->store, id, &job), 0);
	assert_int_equal(job.state, DB_JOB_ACCEPTED);
	assert_string_equal(job.origin, DB_JOB_LOCAL);
	assert_string_equal(job.by, "ada at los");
	assert_string_equal(job.agent, AGENT);
	assert_string_equal(job.reason, "INC-9");
	assert_int_equal(job.created, FIXTURE_NOW - 20 * 24 * HOUR);
	assert_true(job.sent > 0);
	is_audited(&k, "job.local", "who", "ada at los");
	is_audited(&k, "job.local", "result", "ok");
	is_audited(&k, "job.local", "object", "a.los");
	is_audited(&k, "job.local", "from", "site los, unix uid 1000");
	end = event_make("job.done", FIXTURE_NOW - 20 * 24 * HOUR + HOUR);
	str_clip(end.job, sizeof(end.job), id);
	str_clip(end.host, sizeof(end.host), "a.los");
	tell(&k, &end);
	assert_int_equal(db_job_get(k.f->store, id, &job), 0);
	assert_int_equal(job.state, DB_JOB_DONE);
}

static void
hosts_of_others_are_nobodys_to_name(void **state)
{
	struct kit k = begin(*state);
	struct event ev = job_local(&k, "a.nyc", FIXTURE_NOW);

	tell(&k, &ev);
	assert_string_equal(k.foreign, "host-of-another-site");
	ev = job_local(&k, "a.los", FIXTURE_NOW);
	str_clip(ev.site, sizeof(ev.site), "nyc");
	tell(&k, &ev);
	assert_string_equal(k.foreign, "another-site");
	ev = job_local(&k, "nobody", FIXTURE_NOW);
	tell(&k, &ev);
	assert_string_equal(k.foreign, "host-unknown");
	assert_int_equal(jobs(&k), 0);
	assert_null(audit(&k, "job.local"));
}

/* One that was moved while the line was down is not kept busy where it is now. */
static void
a_host_that_left_gets_no_job(void **state)
{
	struct kit k = begin(*state);
	struct event ev = job_local(&k, "a.los", FIXTURE_NOW - HOUR);
	char busy[ID_SIZE];

	assert_string_equal(
	    fixture_apply(k.f, "{'hosts':[{'name':'a.los','site':'nyc'}]}", NULL), "");
	tell(&k, &ev);
	assert_string_equal(k.ignored, "the host is not at that site any more");
	assert_int_equal(jobs(&k), 0);
	assert_int_equal(db_job_open_of_host(k.f->store, "a.los", busy), -ENOENT);
	is_audited(&k, "job.local", "result", "host-left");
	is_audited(&k, "job.local", "who", "ada at los");
}

static void
what_makes_no_sense_changes_nothing(void **state)
{
	static const char *const kinds[] = {"reinstall", "", "erase", "Rescue", "power"};
	struct kit k = begin(*state);
	struct event ev;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		ev = job_local(&k, "a.los", FIXTURE_NOW);
		json_object_set_new(ev.detail, "kind", json_string(kinds[i]));
		event_put(&ev, "action", "explode");
		is_ignored(&k, ev, i < 4 ? "no kind" : "switches power");
	}
	ev = job_local(&k, "a.los", FIXTURE_NOW);
	json_decref(ev.detail);
	ev.detail = NULL;
	is_ignored(&k, ev, "no kind");
	ev = job_local(&k, "a.los", FIXTURE_NOW);
	json_object_set_new(ev.detail, "kind", json_integer(3));
	is_ignored(&k, ev, "no kind");
	ev = job_local(&k, "a.los", FIXTURE_NOW);
	json_object_set_new(ev.detail, "image", json_string("../x\n"));
	is_ignored(&k, ev, "no image");
	ev = job_local(&k, "", FIXTURE_NOW);
	is_ignored(&k, ev, "no host");
	ev = event_make("local.magic", FIXTURE_NOW);
	is_ignored(&k, ev, "nothing is known");
}

static void
nothing_is_of_a_time_to_come(void **state)
{
	struct kit k = begin(*state);
	struct event ev = job_local(&k, "a.los", FIXTURE_NOW);

	id_make(FIXTURE_NOW + 2 * HOUR, &k.rng, ev.job);
	is_ignored(&k, ev, "no id, or one of a time to come");
	ev = job_local(&k, "a.los", FIXTURE_NOW);
	str_clip(ev.job, sizeof(ev.job), "zzzzzzzzzzzzzzzz");
	is_ignored(&k, ev, "no id");
	ev = job_local(&k, "a.los", FIXTURE_NOW);
	str_clip(ev.job, sizeof(ev.job), "");
	is_ignored(&k, ev, "no id");
	ev = job_local(&k, "a.los", FIXTURE_NOW);
	str_clip(ev.job, sizeof(ev.job), "' OR 1=1");
	is_ignored(&k, ev, "no id");
	ev = job_local(&k, "a.los", FIXTURE_NOW);
	ev.at = FIXTURE_NOW + 2 * HOUR;
	is_ignored(&k, ev, "no time, or of one to come");
	ev = job_local(&k, "a.los", FIXTURE_NOW);
	ev.at = 0;
	is_ignored(&k, ev, "no time");
	ev = job_local(&k, "a.los", FIXTURE_NOW + HOUR / 2); /* a clock that is ahead */
	tell(&k, &ev);
	assert_string_equal(k.ignored, "");
	assert_int_equal(jobs(&k), 1);
}

/* After a backup was put back, or by who repeats what he has heard. */
static void
a_job_that_is_known_is_taken_once(void **state)
{
	struct kit k = begin(*state);
	struct event ev = job_local(&k, "a.los", FIXTURE_NOW - HOUR), again;
	struct db_job before, after;
	json_t *first, *last;

	again = job_local(&k, "a.los", FIXTURE_NOW - HOUR);
	str_clip(again.job, sizeof(again.job), ev.job);
	event_put(&again, "user", "mallory");
	tell(&k, &ev);
	assert_int_equal(db_job_get(k.f->store, again.job, &before), 0);
	first = audit(&k, "job.local");
	tell(&k, &again);
	assert_string_equal(k.ignored, "that job is known already");
	assert_int_equal(db_job_get(k.f->store, before.id, &after), 0);
	assert_memory_equal(&before, &after, sizeof(before));
	last = audit(&k, "job.local");
	assert_true(json_equal(first, last));
	json_decref(first);
	json_decref(last);
	ev = job_local(&k, "b.los", FIXTURE_NOW - HOUR);
	str_clip(ev.job, sizeof(ev.job), before.id);
	tell(&k, &ev);
	assert_string_equal(k.foreign, "job-of-another-host");
	assert_int_equal(jobs(&k), 1);
}

static void
add_job(struct kit *k, const char *id, const struct db_job *like, int64_t sent)
{
	struct db_job job = *like;

	str_clip(job.id, sizeof(job.id), id);
	str_clip(job.kind, sizeof(job.kind), "reboot");
	str_clip(job.host, sizeof(job.host), "a.los");
	str_clip(job.site, sizeof(job.site), "los");
	str_clip(job.reason, sizeof(job.reason), "x");
	str_clip(job.by, sizeof(job.by), "ops");
	str_clip(job.stage, sizeof(job.stage), "queued");
	assert_int_equal(db_job_add(k->f->store, &job, "{}"), 0);
	if (sent > 0)
		assert_int_equal(db_job_sent(k->f->store, id, sent), 0);
}

/* The orchestrator's order in each state that it may be in. */
static void
orders_of_here_meet_those_of_the_site(void **state)
{
	static const struct {
		const char *id;
		int64_t created, sent, not_before;
		enum db_job_state state, then;
	} rows[] = {
	    /* Nobody has it: it gives way, unless it is newer than the site's. */
	    {"01k9xyz0a0aaaaa1", -2 * HOUR, 0, 0, DB_JOB_QUEUED, DB_JOB_FAILED},
	    {"01k9xyz0a0aaaaa2", -HOUR / 2, 0, 0, DB_JOB_QUEUED, DB_JOB_QUEUED},
	    /* The agent has it, perhaps, and decides. */
	    {"01k9xyz0a0aaaaa3", -2 * HOUR, -2 * HOUR, 0, DB_JOB_QUEUED, DB_JOB_QUEUED},
	    {"01k9xyz0a0aaaaa4", -2 * HOUR, -2 * HOUR, 0, DB_JOB_ACCEPTED,
		DB_JOB_ACCEPTED},
	    {"01k9xyz0a0aaaaa5", -2 * HOUR, -2 * HOUR, 0, DB_JOB_RUNNING, DB_JOB_RUNNING},
	    /* It holds no host yet. */
	    {"01k9xyz0a0aaaaa6", -2 * HOUR, 0, HOUR, DB_JOB_QUEUED, DB_JOB_QUEUED},
	    {"01k9xyz0a0aaaaa7", -2 * HOUR, -2 * HOUR, HOUR, DB_JOB_ACCEPTED,
		DB_JOB_ACCEPTED},
	};
	struct kit k = begin(*state);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct db_job like = {.created = FIXTURE_NOW + rows[i].created,
				  .state = rows[i].state},
			      job;
		struct event ev = job_local(&k, "a.los", FIXTURE_NOW - HOUR);
		char id[ID_SIZE];

		if (rows[i].not_before != 0) {
			like.not_before = FIXTURE_NOW + rows[i].not_before;
			like.not_after = like.not_before + HOUR;
		}
		add_job(&k, rows[i].id, &like,
		    rows[i].sent != 0 ? FIXTURE_NOW + rows[i].sent : 0);
		str_clip(id, sizeof(id), ev.job);
		tell(&k, &ev);
		assert_string_equal(k.ignored, "");
		assert_int_equal(db_job_get(k.f->store, rows[i].id, &job), 0);
		if (job.state != rows[i].then)
			fail_msg("%s: %d", rows[i].id, job.state);
		assert_string_equal(
		    job.verdict_code, rows[i].then == DB_JOB_FAILED ? "host-busy" : "");
		/* Both end, for the next row. */
		job.state = DB_JOB_CANCELLED;
		job.ended = FIXTURE_NOW;
		assert_int_equal(db_job_update(k.f->store, &job), 0);
		assert_int_equal(db_job_get(k.f->store, id, &job), 0);
		assert_int_equal(job.state, DB_JOB_ACCEPTED);
		job.state = DB_JOB_DONE;
		job.ended = FIXTURE_NOW;
		assert_int_equal(db_job_update(k.f->store, &job), 0);
	}
}

/* A user at a site is never one of here, however long the site's name and whatever the agent calls him. */
static void
who_ordered_is_of_the_site(void **state)
{
	struct kit k = begin(*state);
	struct event ev = event_make("local.refused", FIXTURE_NOW);
	json_t *row;

	str_clip(ev.site, sizeof(ev.site), "");
	event_put(
	    &ev, "user", "a-user-whose-name-is-as-long-as-names-ever-are-and-longer");
	event_put(&ev, "code", "host-busy");
	tell(&k, &ev);
	row = audit(&k, "job.local");
	assert_non_null(
	    strstr(json_string_value(json_object_get(row, "who")), "... at los"));
	json_decref(row);
	ev = event_make("local.refused", FIXTURE_NOW);
	event_put_i64(&ev, "uid", -7); /* the number of a token of here */
	event_put(&ev, "user", "root\n\x1b[2J");
	str_clip(ev.reason, sizeof(ev.reason), "a\x1b[2Jb");
	tell(&k, &ev);
	is_audited(&k, "job.local", "who", "root\\x0a\\x1b[2J at los");
	is_audited(&k, "job.local", "reason", "a\\x1b[2Jb");
	is_audited(&k, "job.local", "from", "site los, unix uid 4294967295");
	ev = event_make("local.refused", FIXTURE_NOW);
	tell(&k, &ev);
	is_audited(&k, "job.local", "who", "somebody at los");
	k.site = "a-site-with-a-name-that-is-as-long-as-the-name-of-a-site-may-be";
	ev = event_make("local.refused", FIXTURE_NOW);
	event_put(&ev, "user", "root");
	tell(&k, &ev);
	is_audited(&k, "job.local", "who",
	    "root at a-site-with-a-name-that-is-as-long-as-the-name-of-a-sit");
	is_audited(&k, "job.local", "result", "refused");
}

static void
a_refusal_is_never_told_as_done(void **state)
{
	static const char *const codes[] = {"ok", "", "OK ", "a\nb", "x y",
	    "a-code-that-is-longer-than-codes-may-ever-be-here"};
	struct kit k = begin(*state);

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		struct event ev = event_make("local.refused", FIXTURE_NOW);

		event_put(&ev, "code", codes[i]);
		event_put(&ev, "asked", "a.los");
		tell(&k, &ev);
		is_audited(&k, "job.local", "result", "refused");
		is_audited(&k, "job.local", "object", "a.los");
	}
	assert_int_equal(jobs(&k), 0);
}

static void
cancelled_and_looked_at(void **state)
{
	struct kit k = begin(*state);
	struct event ev = event_make("local.cancel", FIXTURE_NOW);
	const char *detail;
	json_t *row;

	tell(&k, &ev);
	assert_non_null(strstr(k.ignored, "names no job"));
	ev = event_make("local.console", FIXTURE_NOW);
	tell(&k, &ev);
	assert_non_null(strstr(k.ignored, "of no host"));
	assert_null(audit(&k, "job.cancel"));
	assert_null(audit(&k, "console.open"));
	ev = event_make("local.cancel", FIXTURE_NOW);
	id_make(FIXTURE_NOW, &k.rng, ev.job);
	str_clip(ev.host, sizeof(ev.host), "a.los");
	event_put(&ev, "user", "ada");
	tell(&k, &ev);
	is_audited(&k, "job.cancel", "object", "a.los");
	is_audited(&k, "job.cancel", "who", "ada at los");
	ev = event_make("local.console", FIXTURE_NOW);
	str_clip(ev.host, sizeof(ev.host), "b.los");
	event_put_i64(&ev, "steal", 1);
	tell(&k, &ev);
	is_audited(&k, "console.steal", "object", "b.los");
	ev = event_make("local.typing", FIXTURE_NOW);
	str_clip(ev.host, sizeof(ev.host), "b.los");
	event_put(&ev, "user", "ada");
	tell(&k, &ev);
	is_audited(&k, "console.type", "who", "ada at los");
	ev = event_make("local.console-end", FIXTURE_NOW);
	str_clip(ev.host, sizeof(ev.host), "b.los");
	event_put_i64(&ev, "octets", 7);
	event_put_i64(&ev, "breaks", -1);
	event_put(&ev, "seconds", "long");
	tell(&k, &ev);
	row = audit(&k, "console.close");
	detail = json_string_value(json_object_get(row, "detail"));
	assert_non_null(strstr(detail, "\"octets\":7"));
	assert_null(strstr(detail, "breaks"));
	assert_null(strstr(detail, "seconds"));
	json_decref(row);
	ev = event_make("local.console", FIXTURE_NOW);
	str_clip(ev.host, sizeof(ev.host), "a.nyc");
	tell(&k, &ev);
	assert_string_equal(k.foreign, "host-of-another-site");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(a_job_of_the_site_is_as_if_ordered_here),
	    FIXTURE_TEST(hosts_of_others_are_nobodys_to_name),
	    FIXTURE_TEST(a_host_that_left_gets_no_job),
	    FIXTURE_TEST(what_makes_no_sense_changes_nothing),
	    FIXTURE_TEST(nothing_is_of_a_time_to_come),
	    FIXTURE_TEST(a_job_that_is_known_is_taken_once),
	    FIXTURE_TEST(orders_of_here_meet_those_of_the_site),
	    FIXTURE_TEST(who_ordered_is_of_the_site),
	    FIXTURE_TEST(a_refusal_is_never_told_as_done),
	    FIXTURE_TEST(cancelled_and_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
