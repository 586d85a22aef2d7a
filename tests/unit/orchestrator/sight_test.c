/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looks at power in the record, with clocks that are wrong and news that come late. */
#include "orchestrator/sight.h"

#include "fixture.h"

#include "db/db_agent.h"
#include "db/db_boot.h"
#include "db/db_event.h"
#include "db/db_host.h"
#include "lib/clock.h"
#include "orchestrator/record.h"

#define AGENT "01k9xyz0a0abcdef"
#define MINUTE (60LL * USEC_PER_SEC)

struct world {
	struct fixture *f;
	int64_t number;
};

static void
ask(struct world *w, const char *power, int64_t wall)
{
	const struct sight_answer a = {
	    "a.los", "los", "10.9.0.1", 623, power, "asked by ann"};

	assert_int_equal(db_begin(store_db(w->f->store)), 0);
	assert_int_equal(sight_asked(w->f->store, &a, wall), 0);
	assert_int_equal(db_commit(store_db(w->f->store)), 0);
}

/* The agent's next event, taken at `wall`. */
static void
take(struct world *w, const char *kind, int64_t at, int64_t wall, const char *key,
    const char *value)
{
	struct event ev = event_make(kind, at);
	struct agent_msg_report m = {.site = "los",
	    .agent = AGENT,
	    .first = ++w->number,
	    .events = &ev,
	    .n_events = 1};
	const struct record_ops ops = {.arg = NULL};
	struct record_gap gap = {0};
	int64_t held = 0;

	str_clip(ev.host, sizeof(ev.host), "a.los");
	if (key)
		event_put(&ev, key, value);
	assert_int_equal(db_begin(store_db(w->f->store)), 0);
	assert_int_equal(record_take(w->f->store, &m, &gap,
			     (struct record_clock){wall, 0}, &ops, &held),
	    0);
	assert_int_equal(db_commit(store_db(w->f->store)), 0);
	event_done(&ev);
}

static bool
is_off(struct world *w)
{
	char id[ID_SIZE];
	int rc = db_boot_power_off_open(w->f->store, "a.los", id);

	assert_true(rc == 0 || rc == -ENOENT);
	return rc == 0;
}

static int
count(void *arg, int64_t seq UNUSED, const struct event *ev UNUSED)
{
	(*(int *)arg)++;
	return 0;
}

static int
told(struct world *w, const char *kind)
{
	const struct db_event_filter f = {.limit = 100, .kind = kind};
	int n = 0;

	assert_int_equal(db_event_list(w->f->store, &f, count, &n), 0);
	return n;
}

static struct world
begin(struct fixture *f)
{
	struct world w = {.f = f};

	assert_string_equal(fixture_apply(f, FIXTURE_DOCUMENT, NULL), "");
	assert_int_equal(db_agent_seen(f->store, AGENT, "los", 1, 0), 0);
	ask(&w, "on", FIXTURE_NOW);
	return w;
}

static void
what_tells_of_silence_or_of_others_is_not_the_machine(void **state)
{
	struct world w = begin(*state);
	int64_t now = FIXTURE_NOW + MINUTE;

	ask(&w, "off", now);
	assert_true(is_off(&w));
	take(&w, "tftp.error", now + 1, now + 1, NULL, NULL);
	take(&w, "http.error", now + 2, now + 2, NULL, NULL);
	take(&w, "http.end", now + 3, now + 3, "result", "aborted");
	take(&w, "dhcp4.foreign", now + 4, now + 4, NULL, NULL);
	take(&w, "dhcp6.foreign", now + 5, now + 5, NULL, NULL);
	assert_true(is_off(&w));
	ask(&w, "off", now + 6);
	assert_int_equal(told(&w, "boot.begin"), 1);
	take(&w, "dhcp4.discover", now + 7, now + 7, NULL, NULL);
	assert_false(is_off(&w));
	assert_int_equal(told(&w, "boot.end"), 1);
}

/* A site that could not tell for an hour. */
static void
what_was_before_the_look_changes_nothing(void **state)
{
	struct world w = begin(*state);
	int64_t now = FIXTURE_NOW + 60 * MINUTE;

	ask(&w, "off", now);
	take(&w, "dhcp4.discover", now - MINUTE, now + 1, NULL, NULL);
	take(&w, "power.state", now - MINUTE, now + 2, "power", "on");
	assert_true(is_off(&w));
	ask(&w, "off", now + 3);
	assert_int_equal(told(&w, "boot.begin"), 1);
	assert_int_equal(told(&w, "boot.flag"), 1);
}

/* Ours was, when it was seen off. */
static void
a_record_from_the_future_is_ended_all_the_same(void **state)
{
	struct world w = begin(*state);
	int64_t now = FIXTURE_NOW + MINUTE;

	ask(&w, "off", now + 10 * MINUTE);
	ask(&w, "on", now);
	assert_false(is_off(&w));
	ask(&w, "off", now + 1);
	assert_true(is_off(&w));
	assert_int_equal(told(&w, "boot.begin"), 2);
}

/* An agent's, at a power.state before its clock was set. */
static void
a_look_from_the_future_blinds_nobody(void **state)
{
	struct world w = begin(*state);
	struct db_host_state st;
	int64_t now = FIXTURE_NOW + MINUTE, ahead = now + 5000000 * MINUTE;

	take(&w, "power.state", ahead, now, "power", "on");
	ask(&w, "off", now + 1);
	assert_int_equal(db_host_state_get(w.f->store, "a.los", &st), 0);
	assert_string_equal(st.power, "off");
	assert_true(is_off(&w));
	take(&w, "dhcp4.discover", ahead, now + 2, NULL, NULL);
	take(&w, "dhcp4.request", now + 3, now + 3, NULL, NULL);
	assert_int_equal(db_host_state_get(w.f->store, "a.los", &st), 0);
	assert_int_equal(st.last_seen, now + 3);
	assert_false(is_off(&w));
	take(&w, "power.state", ahead, now + 4, "power", "on");
	take(&w, "power.state", now + 5, now + 5, "power", "off");
	assert_true(is_off(&w));
}

static void
boots(struct world *w, const char *id, int64_t at)
{
	struct event ev = event_make("boot.begin", at);
	struct agent_msg_report m = {.site = "los",
	    .agent = AGENT,
	    .first = ++w->number,
	    .events = &ev,
	    .n_events = 1};
	const struct record_ops ops = {.arg = NULL};
	struct record_gap gap = {0};
	int64_t held = 0;

	str_clip(ev.host, sizeof(ev.host), "a.los");
	str_clip(ev.boot, sizeof(ev.boot), id);
	ev.detail = json_pack("{s:b, s:s}", "planned", 0, "trigger", "netboot");
	assert_int_equal(db_begin(store_db(w->f->store)), 0);
	assert_int_equal(
	    record_take(w->f->store, &m, &gap, (struct record_clock){at, 0}, &ops, &held),
	    0);
	assert_int_equal(db_commit(store_db(w->f->store)), 0);
	event_done(&ev);
}

static void
a_boot_whose_end_is_lost_ends_with_the_next(void **state)
{
	struct world w = begin(*state);
	int64_t now = FIXTURE_NOW + MINUTE;
	struct db_boot b;

	boots(&w, "01k9xyz0a0bbbbbb", now);
	boots(&w, "01k9xyz0a0cccccc", now + MINUTE);
	assert_int_equal(db_boot_get(w.f->store, "01k9xyz0a0bbbbbb", &b), 0);
	assert_string_equal(b.outcome, "unknown");
	assert_string_equal(b.text, "its end was not reported");
	assert_int_equal(b.ended, now + MINUTE);
	assert_int_equal(told(&w, "boot.end"), 1);
	boots(&w, "01k9xyz0a0bbbbbb", now + 2 * MINUTE); /* told again: not the newest */
	assert_int_equal(db_boot_get(w.f->store, "01k9xyz0a0cccccc", &b), 0);
	assert_int_equal(b.ended, 0);
	ask(&w, "off", now + 3 * MINUTE); /* another kind of record */
	assert_int_equal(db_boot_get(w.f->store, "01k9xyz0a0cccccc", &b), 0);
	assert_int_equal(b.ended, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(what_tells_of_silence_or_of_others_is_not_the_machine),
	    FIXTURE_TEST(what_was_before_the_look_changes_nothing),
	    FIXTURE_TEST(a_record_from_the_future_is_ended_all_the_same),
	    FIXTURE_TEST(a_look_from_the_future_blinds_nobody),
	    FIXTURE_TEST(a_boot_whose_end_is_lost_ends_with_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
