/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/record.h"

#include "fixture.h"

#include <signal.h>
#include <sys/resource.h>

#include "db/db_agent.h"
#include "db/db_boot.h"
#include "db/db_event.h"
#include "db/db_job.h"

enum { BATCH = 3, BIG_BATCH = 100, BIG_DETAIL = 60000 };

#define AGENT "01k9xyz0a0abcdef"
#define JOB "01k9xyz0a0aaaaaa"

static int64_t
take(struct fixture *f, struct record_gap *gap, int64_t first, int64_t mono)
{
	struct agent_msg_report m = {.site = "los", .agent = AGENT, .first = first};
	const struct record_ops ops = {.arg = NULL};
	int64_t held = -1;

	m.events = str_alloc(BATCH * sizeof(m.events[0]));
	m.n_events = BATCH;
	for (size_t i = 0; i < BATCH; i++)
		m.events[i] = event_make("dhcp4.ack", FIXTURE_NOW);
	assert_int_equal(db_begin(store_db(f->store)), 0);
	assert_int_equal(record_take(f->store, &m, gap,
			     (struct record_clock){FIXTURE_NOW, mono}, &ops, &held),
	    0);
	assert_int_equal(db_commit(store_db(f->store)), 0);
	agent_msg_report_done(&m);
	return held;
}

static int64_t
stored(struct fixture *f)
{
	int64_t last = -1;

	assert_int_equal(db_event_last(f->store, &last), 0);
	return last;
}

static void
numbers_are_taken_once_and_in_order(void **state)
{
	struct fixture *f = *state;
	struct record_gap gap = {0};

	assert_int_equal(db_agent_seen(f->store, AGENT, "los", 1, 0), 0);
	assert_int_equal(take(f, &gap, 1, 0), 3);
	assert_int_equal(take(f, &gap, 1, 0), 3);
	assert_int_equal(take(f, &gap, 7, 0), 3);
	assert_int_equal(take(f, &gap, 2, 0), 4);
	assert_int_equal(take(f, &gap, 5, 0), 7);
	assert_int_equal(take(f, &gap, 7, 0), 9);
	assert_int_equal(stored(f), 9);
}

static void
a_gap_is_waited_for_then_recorded(void **state)
{
	struct fixture *f = *state;
	struct record_gap gap = {0};
	struct event ev;

	assert_int_equal(db_agent_seen(f->store, AGENT, "los", 1, 0), 0);
	assert_int_equal(take(f, &gap, 1, 0), 3);
	assert_int_equal(take(f, &gap, 100, 1000), 3);
	assert_int_equal(take(f, &gap, 100, 1000 + RECORD_GAP_US - 1), 3);
	assert_int_equal(take(f, &gap, 200, 1000 + RECORD_GAP_US),
	    3); /* another gap, another minute */
	assert_int_equal(take(f, &gap, 100, 1000 + RECORD_GAP_US), 3);
	assert_int_equal(take(f, &gap, 100, 1000 + 2 * RECORD_GAP_US), 102);
	assert_int_equal(stored(f), 3 + 1 + 3);
	assert_int_equal(db_event_last_of_kind(f->store, "agent.gap", "los", &ev), 0);
	assert_int_equal(json_integer_value(json_object_get(ev.detail, "from")), 4);
	assert_int_equal(json_integer_value(json_object_get(ev.detail, "to")), 99);
	event_done(&ev);
}

static void
an_unknown_agent_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct agent_msg_report m = {.site = "los", .agent = AGENT, .first = 1};
	struct record_gap gap = {0};
	const struct record_ops ops = {.arg = NULL};
	int64_t held = 0;

	assert_int_equal(
	    record_take(f->store, &m, &gap, (struct record_clock){0, 0}, &ops, &held),
	    -ENOENT);
}

static int
take_report(struct store *s, struct agent_msg_report *m, int64_t *ret_held)
{
	struct record_gap gap = {0};
	const struct record_ops ops = {.arg = NULL};

	return record_take(
	    s, m, &gap, (struct record_clock){FIXTURE_NOW, 0}, &ops, ret_held);
}

static void
add_job(struct store *s)
{
	struct db_job job = {.id = JOB,
	    .kind = "reboot",
	    .host = "a.los",
	    .site = "los",
	    .reason = "x",
	    .by = "ada",
	    .stage = "queued",
	    .created = FIXTURE_NOW,
	    .state = DB_JOB_QUEUED};

	assert_int_equal(db_job_add(s, &job, "{}"), 0);
}

/* A job that ended at the very epoch would have ended and be open at once. */
static struct event
impossible_end(void)
{
	struct event ev = event_make("job.done", 0);

	strcpy(ev.job, JOB);
	strcpy(ev.host, "a.los");
	return ev;
}

static struct event
told(const char *kind, const char *host, const char *detail)
{
	struct event ev = event_make(kind, FIXTURE_NOW);

	str_clip(ev.site, sizeof(ev.site), "los");
	str_clip(ev.host, sizeof(ev.host), host);
	str_clip(ev.job, sizeof(ev.job), host[0] ? JOB : "");
	str_clip(ev.boot, sizeof(ev.boot), host[0] ? "01k9xyz0a0bbbbbb" : "");
	ev.detail = fixture_json(detail);
	return ev;
}

static void
has_next(struct fixture *f, const char *kind, const char *want)
{
	struct event ev;

	assert_int_equal(db_event_last_of_kind(f->store, kind, "los", &ev), 0);
	assert_string_equal(event_str(&ev, "next"), want);
	event_done(&ev);
}

/* Whoever reads the job, its boot or the event itself gets a line to type. */
static void
next_steps_have_the_names_that_they_want(void **state)
{
	struct fixture *f = *state;
	struct event events[] = {
	    told("boot.begin", "a.los", "{'planned':true,'trigger':'reboot'}"),
	    told("boot.end", "a.los",
		"{'outcome':'unknown','code':'left-off','text':'t','next':'power on HOST "
		"of SITE'}"),
	    told("job.cancelled", "a.los",
		"{'code':'left-off','text':'t','next':'console HOST --replay BOOT --job "
		"JOB'}"),
	    told("agent.trouble", "", "{'next':'give unix:PATH or https://HOST'}")};
	struct agent_msg_report m = {.site = "los",
	    .agent = AGENT,
	    .first = 1,
	    .events = events,
	    .n_events = ARRAY_SIZE(events)};
	struct db_boot boot;
	struct db_job job;
	int64_t held = 0;

	add_job(f->store);
	assert_int_equal(db_agent_seen(f->store, AGENT, "los", 1, 0), 0);
	assert_int_equal(db_begin(store_db(f->store)), 0);
	assert_int_equal(take_report(f->store, &m, &held), 0);
	assert_int_equal(db_commit(store_db(f->store)), 0);
	assert_int_equal(held, 4);
	assert_int_equal(db_job_get(f->store, JOB, &job), 0);
	assert_string_equal(
	    job.verdict_next, "console a.los --replay 01k9xyz0a0bbbbbb --job " JOB);
	has_next(f, "job.cancelled", job.verdict_next);
	assert_int_equal(db_boot_get(f->store, "01k9xyz0a0bbbbbb", &boot), 0);
	assert_string_equal(boot.verdict_next, "power on a.los of los");
	has_next(f, "boot.end", boot.verdict_next);
	has_next(f, "agent.trouble", "give unix:PATH or https://HOST");
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		event_done(&events[i]);
}

static void
what_the_database_refuses_is_recorded_as_such_in_its_place(void **state)
{
	struct fixture *f = *state;
	struct event events[BATCH] = {event_make("dhcp4.ack", FIXTURE_NOW),
	    impossible_end(), event_make("dhcp4.ack", FIXTURE_NOW)};
	struct agent_msg_report m = {.site = "los",
	    .agent = AGENT,
	    .first = 1,
	    .events = events,
	    .n_events = BATCH};
	struct event ev;
	struct db_job job;
	int64_t held = 0;

	assert_int_equal(db_agent_seen(f->store, AGENT, "los", 1, 0), 0);
	add_job(f->store);
	assert_int_equal(db_begin(store_db(f->store)), 0);
	assert_int_equal(take_report(f->store, &m, &held), 0);
	assert_int_equal(db_commit(store_db(f->store)), 0);
	assert_int_equal(held, BATCH);
	assert_int_equal(stored(f), BATCH);
	assert_int_equal(
	    db_event_last_of_kind(f->store, "agent.unreadable", "los", &ev), 0);
	assert_string_equal(ev.job, JOB);
	assert_string_equal(ev.host, "a.los");
	assert_string_equal(
	    json_string_value(json_object_get(ev.detail, "kind")), "job.done");
	assert_non_null(strstr(ev.reason, "CHECK"));
	event_done(&ev);
	/* Nothing of it was applied. */
	assert_int_equal(db_job_get(f->store, JOB, &job), 0);
	assert_int_equal(job.state, DB_JOB_QUEUED);
}

static struct agent_msg_report
big_report(void)
{
	struct agent_msg_report m = {
	    .site = "los", .agent = AGENT, .first = 1, .n_events = BIG_BATCH};
	char *text = str_alloc(BIG_DETAIL + 1);

	memset(text, 'x', BIG_DETAIL);
	m.events = str_alloc(BIG_BATCH * sizeof(m.events[0]));
	for (size_t i = 0; i < BIG_BATCH; i++) {
		m.events[i] = event_make("dhcp4.ack", FIXTURE_NOW);
		event_put(&m.events[i], "text", text);
	}
	free(text);
	return m;
}

static void
open_on_disk(struct fixture *f)
{
	struct error err = {.code = ""};
	char path[96];

	store_close(f->store);
	f->store = NULL;
	assert_int_equal(str_format(path, sizeof(path), "%s/x.db", f->dir), 0);
	assert_int_equal(store_open(path, FIXTURE_NOW, &f->store, &err), 0);
	assert_int_equal(db_agent_seen(f->store, AGENT, "los", 1, 0), 0);
}

static void
a_full_disk_skips_no_event(void **state)
{
	struct fixture *f = *state;
	struct agent_msg_report m = big_report();
	struct rlimit old, tight;
	int64_t held = 0;

	open_on_disk(f);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	tight = (struct rlimit){500000, old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	assert_int_equal(db_begin(store_db(f->store)), 0);
	int rc = take_report(f->store, &m, &held);
	db_rollback(store_db(f->store));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(rc, -ENOSPC);
	assert_int_equal(stored(f), 0);
	assert_int_equal(db_begin(store_db(f->store)), 0);
	assert_int_equal(take_report(f->store, &m, &held), 0);
	assert_int_equal(db_commit(store_db(f->store)), 0);
	assert_int_equal(held, BIG_BATCH);
	assert_int_equal(stored(f), BIG_BATCH);
	agent_msg_report_done(&m);
}

static void
a_busy_database_skips_no_event(void **state)
{
	struct fixture *f = *state;
	struct store *other = NULL;
	struct error err = {.code = ""};
	struct event events[BATCH];
	struct agent_msg_report m = {.site = "los",
	    .agent = AGENT,
	    .first = 1,
	    .events = events,
	    .n_events = BATCH};
	char path[96];
	int64_t held = 0;

	for (size_t i = 0; i < BATCH; i++)
		events[i] = event_make("dhcp4.ack", FIXTURE_NOW);
	open_on_disk(f);
	/* Another name, so another lock file, of the same database. */
	assert_int_equal(str_format(path, sizeof(path), "%s/y.db", f->dir), 0);
	assert_int_equal(symlink("x.db", path), 0);
	assert_int_equal(store_open(path, FIXTURE_NOW, &other, &err), 0);
	assert_int_equal(db_begin(store_db(other)), 0);
	bool reading = db_read_begin(store_db(f->store));
	assert_int_equal(take_report(f->store, &m, &held), -EBUSY);
	db_read_end(store_db(f->store), reading);
	store_close(other);
	assert_int_equal(stored(f), 0);
	assert_int_equal(db_begin(store_db(f->store)), 0);
	assert_int_equal(take_report(f->store, &m, &held), 0);
	assert_int_equal(db_commit(store_db(f->store)), 0);
	assert_int_equal(held, BATCH);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(numbers_are_taken_once_and_in_order),
	    FIXTURE_TEST(a_gap_is_waited_for_then_recorded),
	    FIXTURE_TEST(an_unknown_agent_is_an_error),
	    FIXTURE_TEST(next_steps_have_the_names_that_they_want),
	    FIXTURE_TEST(what_the_database_refuses_is_recorded_as_such_in_its_place),
	    FIXTURE_TEST(a_full_disk_skips_no_event),
	    FIXTURE_TEST(a_busy_database_skips_no_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
