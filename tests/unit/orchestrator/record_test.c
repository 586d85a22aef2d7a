/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/record.h"

#include "fixture.h"

#include "db/db_agent.h"
#include "db/db_event.h"

enum { BATCH = 3 };

static int64_t
take(struct fixture *f, struct record_gap *gap, int64_t first, int64_t mono)
{
	struct agent_msg_report m = {
	    .site = "los", .agent = "01k9xyz0a0abcdef", .first = first};
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

	assert_int_equal(db_agent_seen(f->store, "01k9xyz0a0abcdef", "los", 1, 0), 0);
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

	assert_int_equal(db_agent_seen(f->store, "01k9xyz0a0abcdef", "los", 1, 0), 0);
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
	struct agent_msg_report m = {
	    .site = "los", .agent = "01k9xyz0a0abcdef", .first = 1};
	struct record_gap gap = {0};
	const struct record_ops ops = {.arg = NULL};
	int64_t held = 0;

	assert_int_equal(
	    record_take(f->store, &m, &gap, (struct record_clock){0, 0}, &ops, &held),
	    -ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(numbers_are_taken_once_and_in_order),
	    FIXTURE_TEST(a_gap_is_waited_for_then_recorded),
	    FIXTURE_TEST(an_unknown_agent_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
