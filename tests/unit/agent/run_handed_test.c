// SPDX-License-Identifier: GPL-3.0-or-later
/* Jobs that were handed down in advance: when they begin, and what becomes of them with the other jobs. */
#include "agent/run_handed.h"

#include <errno.h>

#include "tests/unit/agent/run_jobs_kit.h"

static void
it_begins_in_its_window_alone(void **state)
{
	static const struct {
		int64_t now;
		bool busy;
		enum run_handed_what what;
	} table[] = {
	    {0, false, RUN_HANDED_WAIT},
	    {99, false, RUN_HANDED_WAIT},
	    {100, false, RUN_HANDED_BEGIN},
	    {100, true, RUN_HANDED_WAIT},
	    {199, false, RUN_HANDED_BEGIN},
	    {199, true, RUN_HANDED_WAIT},
	    {200, false, RUN_HANDED_MISSED},
	    {200, true, RUN_HANDED_MISSED},
	    {INT64_MAX, false, RUN_HANDED_MISSED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		assert_int_equal(run_handed_decide(100, 200, table[i].now, table[i].busy),
		    table[i].what);
}

static void
one_without_a_window_does_not_wait(void **state)
{
	struct bundle *b = job_fixture_bundle();
	struct run_limits limits = {.by_logs = false};
	struct run *r = str_alloc(sizeof(*r));

	(void)state;
	run_plan(b, &limits, r);
	assert_false(run_handed_waits(b, 50));
	assert_false(run_handed_is(b, r));
	b->not_before = 100;
	b->not_after = 200;
	assert_true(run_handed_waits(b, 99));
	assert_false(run_handed_waits(b, 100));
	assert_true(run_handed_is(b, r));
	r->stage = STAGE_PREFLIGHT; /* begun */
	assert_false(run_handed_is(b, r));
	free(r);
	bundle_done(b);
	free(b);
}

static void
a_window_is_read_as_it_was_written(void **state)
{
	struct bundle *b = job_fixture_bundle(), *again = str_alloc(sizeof(*again));
	struct error err = {.code = ""};
	json_t *v;

	(void)state;
	v = bundle_to_json(b);
	assert_null(json_object_get(v, "not_before"));
	json_decref(v);
	b->not_before = 100;
	b->not_after = 200;
	v = bundle_to_json(b);
	assert_int_equal(bundle_from_json(v, again, &err), 0);
	assert_int_equal(again->not_before, 100);
	assert_int_equal(again->not_after, 200);
	bundle_done(again);
	json_object_set_new(v, "not_after", json_integer(100));
	assert_int_equal(bundle_from_json(v, again, &err), -EINVAL);
	json_object_set_new(v, "not_before", json_integer(-5));
	assert_int_equal(bundle_from_json(v, again, &err), -EINVAL);
	json_object_del(v, "not_before");
	assert_int_equal(bundle_from_json(v, again, &err), -EINVAL);
	json_decref(v);
	bundle_done(b);
	free(b);
	free(again);
}

/* One that may begin from so many milliseconds from now, for as long as the other. */
static struct bundle *
for_later(int64_t in_ms, int64_t for_ms)
{
	struct bundle *b = job_fixture_bundle();

	b->bmc.address[0] = '\0'; /* begun, it fails at once: no-bmc */
	b->created = clock_wall();
	b->not_before = b->created + in_ms * USEC_PER_MSEC;
	b->not_after = b->not_before + for_ms * USEC_PER_MSEC;
	return b;
}

static void
one_begins_in_its_window(void **state)
{
	struct kit *k = *state;
	struct bundle *again = for_later(1000, 60000);
	int64_t opens = again->not_before;

	accept_one(k, for_later(1000, 60000));
	assert_non_null(find_event(k, "job.handed"));
	accept_one(k, again);			      /* the order is repeated */
	assert_int_equal(run_jobs_count(k->jobs), 0); /* the host is free meanwhile */
	assert_false(run_jobs_has_host(k->jobs, "edge01"));
	/* The agent is restarted while it waits. */
	run_jobs_free(k->jobs);
	open_jobs(k);
	assert_int_equal(run_jobs_recover(k->jobs, NULL), 0);
	assert_int_equal(run_jobs_count(k->jobs), 0);
	await_event(k, "job.accepted");
	assert_true(clock_wall() >= opens);
	assert_string_equal(detail(await_event(k, "job.failed"), "code"), "no-bmc");
	accept_one(k, for_later(1000, 60000)); /* over, and ordered once more */
	assert_int_equal(run_jobs_count(k->jobs), 0);
}

/* Windows are said by the orchestrator's clock, and open by it. */
static void
one_begins_when_it_is_time_there(void **state)
{
	struct kit *k = *state;
	const int64_t hour = 3600 * USEC_PER_SEC;
	int64_t began = clock_wall();

	k->ahead = hour; /* by this clock it is over before it comes */
	accept_one(k, for_later(500 - hour / USEC_PER_MSEC, 60000));
	assert_non_null(find_event(k, "job.handed"));
	await_event(k, "job.accepted");
	assert_true(clock_wall() >= began + 400 * USEC_PER_MSEC);
}

/* A restart: whether the clock here is right, and the spool no old copy, is known a moment later. */
static void
one_does_not_begin_before_the_orchestrator_was_asked(void **state)
{
	struct kit *k = *state;
	int64_t began = clock_mono();

	accept_one(k, for_later(50, 60000));
	run_jobs_free(k->jobs);
	k->unsettled = true;
	open_jobs(k);
	assert_int_equal(run_jobs_recover(k->jobs, NULL), 0);
	while (clock_mono() < began + 700 * USEC_PER_MSEC)
		event_base_loop(k->base, EVLOOP_ONCE);
	assert_int_equal(run_jobs_count(k->jobs), 0);
	k->unsettled = false;
	await_event(k, "job.accepted");
}

static void
one_waits_for_its_host(void **state)
{
	struct kit *k = *state;
	struct bundle *other = job_fixture_bundle(), *late = for_later(200, 900);
	const struct event *ev;

	str_clip(other->job, sizeof(other->job), "01m8186kad100001");
	other->kind = BUNDLE_POWER;
	str_clip(other->power_action, sizeof(other->power_action), "on");
	accept_one(k, other); /* its BMC is silent for longer than the window */
	accept_one(k, late);
	ev = await_event(k, "job.failed");
	assert_string_equal(detail(ev, "code"), "window-missed");
	assert_non_null(strstr(detail(ev, "text"), "01m8186kad100001"));
	accept_one(k, for_later(200, 900)); /* a repetition does not begin it after all */
	event_base_loop(k->base, EVLOOP_NONBLOCK);
	assert_int_equal(spool_job_known(k->spool, "01m8186kad100000"), 1);
	assert_int_equal(run_jobs_count(k->jobs), 1);
}

static void
nobody_ran_in_its_window(void **state)
{
	struct kit *k = *state;

	/* Nobody ran in its window. */
	accept_one(k, for_later(60, 60));
	assert_non_null(find_event(k, "job.handed"));
	run_jobs_free(k->jobs);
	while (clock_wall() < k->events[0].at + 200 * USEC_PER_MSEC)
		event_base_loop(k->base, EVLOOP_NONBLOCK);
	open_jobs(k);
	assert_int_equal(run_jobs_recover(k->jobs, NULL), 0);
	assert_string_equal(
	    detail(await_event(k, "job.failed"), "code"), "window-missed");
	assert_int_equal(k->accepted, 0);
}

/* Begun, but nothing was done to its machine yet: it does not go on with that outside its window. */
static void
nobody_ran_when_its_window_closed(void **state)
{
	struct kit *k = *state;
	struct bundle *b = for_later(-50, 1500);
	int64_t over = b->not_after;

	b->kind = BUNDLE_POWER;
	str_clip(b->power_action, sizeof(b->power_action), "off");
	str_clip(b->bmc.address, sizeof(b->bmc.address), "192.0.2.1"); /* silent */
	accept_one(k, b);
	await_event(k, "job.accepted");
	run_jobs_free(k->jobs);
	while (clock_wall() < over)
		event_base_loop(k->base, EVLOOP_NONBLOCK);
	open_jobs(k);
	assert_int_equal(run_jobs_recover(k->jobs, NULL), 0);
	assert_string_equal(
	    detail(await_event(k, "job.failed"), "code"), "window-missed");
}

static void
one_is_cancelled(void **state)
{
	struct kit *k = *state;

	accept_one(k, for_later(60000, 60000));
	run_jobs_cancel(k->jobs, "01m8186kad100000", "ops");
	assert_string_equal(detail(await_event(k, "job.cancelled"), "by"), "ops");
	accept_one(k, for_later(0, 60000));
	assert_int_equal(run_jobs_count(k->jobs), 0);
}

/* A hold: what waits is cancelled, and what was never heard of does not begin later; what has begun goes on. */
static void
one_is_cancelled_unless_it_has_begun(void **state)
{
	struct kit *k = *state;
	struct bundle *other = for_later(60000, 60000);
	char id[ID_SIZE];

	accept_one(k, for_later(60000, 60000));
	run_jobs_cancel_unbegun(k->jobs, "01m8186kad100000", "ops");
	assert_string_equal(detail(await_event(k, "job.cancelled"), "by"), "ops");
	str_clip(other->job, sizeof(other->job), "01m8186kad100001");
	run_jobs_cancel_unbegun(k->jobs, other->job, "ops");
	accept_one(k, other);
	assert_int_equal(run_jobs_count(k->jobs), 0);
	other = job_fixture_bundle();
	str_clip(other->job, sizeof(other->job), "01m8186kad100002");
	str_clip(id, sizeof(id), other->job);
	other->kind = BUNDLE_POWER;
	str_clip(other->power_action, sizeof(other->power_action), "on");
	accept_one(k, other); /* its BMC is silent */
	run_jobs_cancel_unbegun(k->jobs, id, "ops");
	await_event(k, "job.accepted");
	run_jobs_cancel_unbegun(k->jobs, id, "ops");
	event_base_loop(k->base, EVLOOP_NONBLOCK);
	assert_int_equal(run_jobs_count(k->jobs), 1);
	run_jobs_cancel(k->jobs, id, "ops");
	while (run_jobs_count(k->jobs) > 0)
		event_base_loop(k->base, EVLOOP_ONCE);
}

static void
count_file(void *arg, const char *sha256)
{
	size_t *n = arg;

	assert_int_equal(strlen(sha256), 64);
	++*n;
}

/* The store does not remove what it will boot, nor put another file in its place. */
static void
ones_files_are_needed(void **state)
{
	struct kit *k = *state;
	struct bundle *other = for_later(60000, 60000), *power = for_later(60000, 60000);
	size_t n = 0;

	accept_one(k, for_later(60000, 60000));
	run_jobs_files(k->jobs, count_file, &n);
	assert_int_equal(n, 2); /* kernel and initrd */
	str_clip(other->job, sizeof(other->job), "01m8186kad100001");
	other->image.initrds[0].sha256[0] = 'b';
	accept_one(k, other);
	str_clip(power->job, sizeof(power->job), "01m8186kad100002");
	power->kind = BUNDLE_POWER;
	str_clip(power->power_action, sizeof(power->power_action), "on");
	accept_one(k, power);
	n = 0;
	run_jobs_files(k->jobs, count_file, &n);
	assert_int_equal(n, 4);
	run_jobs_cancel(k->jobs, other->job, "ops");
	n = 0;
	run_jobs_files(k->jobs, count_file, &n);
	assert_int_equal(n, 2);
}

static void
one_ends_with_the_agents_charge(void **state)
{
	struct kit *k = *state;

	accept_one(k, for_later(60000, 60000));
	run_jobs_end_unused(k->jobs, "the agent: another one is in charge", NULL);
	assert_non_null(strstr(detail(await_event(k, "job.cancelled"), "by"), "charge"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_begins_in_its_window_alone),
	    cmocka_unit_test(one_without_a_window_does_not_wait),
	    cmocka_unit_test(a_window_is_read_as_it_was_written),
	    cmocka_unit_test_setup_teardown(one_begins_in_its_window, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		one_begins_when_it_is_time_there, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		one_does_not_begin_before_the_orchestrator_was_asked, setup, teardown),
	    cmocka_unit_test_setup_teardown(one_waits_for_its_host, setup, teardown),
	    cmocka_unit_test_setup_teardown(nobody_ran_in_its_window, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		nobody_ran_when_its_window_closed, setup, teardown),
	    cmocka_unit_test_setup_teardown(one_is_cancelled, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		one_is_cancelled_unless_it_has_begun, setup, teardown),
	    cmocka_unit_test_setup_teardown(ones_files_are_needed, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		one_ends_with_the_agents_charge, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
