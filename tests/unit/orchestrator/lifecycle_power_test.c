/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/lifecycle_power.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/str.h"

#define T0 1769851800000000LL
#define JOB "01k9xyz0a0abcdef"

static int64_t now = T0;

static bool
see(struct db_power *p, bool on)
{
	const struct lifecycle_look look = {.on = on, .wall = now};

	return lifecycle_power_look(p, &look);
}

static bool
see_own(struct db_power *p, bool on)
{
	const struct lifecycle_look look = {.on = on, .own = true, .wall = now};

	return lifecycle_power_look(p, &look);
}

static struct db_job
make_job(const char *kind, const char *stage, enum db_job_state state)
{
	struct db_job job = {.id = JOB, .state = state};

	str_clip(job.kind, sizeof(job.kind), kind);
	str_clip(job.stage, sizeof(job.stage), stage);
	job.ended = state > DB_JOB_RUNNING ? T0 : 0;
	return job;
}

static bool
enters(struct db_power *p, const char *kind, const char *stage, const char *action)
{
	struct event ev = event_make("job.stage", T0);
	struct db_job job = make_job(kind, stage, DB_JOB_RUNNING);

	event_put(&ev, "stage", stage);
	event_put(&ev, "state", "entered");
	bool changed = lifecycle_power_job(p, &ev, &job, action, now);
	event_done(&ev);
	return changed;
}

static void
ends(struct db_power *p, const char *kind, const char *stage, const char *action,
    enum db_job_state state)
{
	struct event ev = event_make("job.done", T0);
	struct db_job job = make_job(kind, stage, state);

	(void)lifecycle_power_job(p, &ev, &job, action, now);
	event_done(&ev);
}

static int
setup(void **state)
{
	(void)state;
	now = T0;
	return 0;
}

static void
off_by_nobodys_order_is_told_once(void **state)
{
	struct db_power p = {.known = ""};

	(void)state;
	assert_false(see(&p, false)); /* nobody ever saw it on */
	assert_false(see(&p, true));
	assert_true(see(&p, false));
	assert_false(see(&p, false));
	assert_false(see(&p, true));
	assert_true(see(&p, false));
}

static void
while_a_job_is_there_it_is_the_jobs(void **state)
{
	struct db_power p = {.known = "on"};
	const struct lifecycle_look look = {.busy = true, .wall = T0};

	(void)state;
	assert_false(lifecycle_power_look(&p, &look));
}

static void
a_power_cycle_of_a_job_is_its_own(void **state)
{
	struct db_power p = {.known = "on"};

	(void)state;
	assert_false(enters(&p, "reinstall", "preflight", ""));
	assert_true(enters(&p, "reinstall", "override", ""));
	assert_false(see_own(&p, false));
	assert_true(enters(&p, "reinstall", "power", ""));
	assert_false(see_own(&p, true));
	assert_string_equal(p.off_by, "");
	ends(&p, "reinstall", "done", "", DB_JOB_DONE);
	assert_true(see(&p, false)); /* and from then on nobody ordered it */
}

static void
off_after_an_order_is_not_flagged_until_it_was_seen_on(void **state)
{
	static const char *const actions[] = {"off", "soft", "cycle", "reset", ""};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		struct db_power p = {.known = "on"};
		now = T0;
		enters(&p, "power", "power", actions[i]);
		assert_false(see(&p, true)); /* it takes its time */
		ends(&p, "power", "power", actions[i], DB_JOB_DONE);
		now += LIFECYCLE_POWER_GRACE;
		assert_false(see(&p, true));
		assert_false(see(&p, false));
		assert_false(see(&p, true)); /* somebody has switched it on again */
		assert_true(see(&p, false));
	}
}

static void
an_order_that_came_to_nothing_does_not_excuse_for_ever(void **state)
{
	struct db_power p = {.known = "on"};

	(void)state;
	enters(&p, "power", "power", "soft");
	ends(&p, "power", "power", "soft", DB_JOB_DONE);
	now += LIFECYCLE_POWER_GRACE + 1;
	assert_false(see(&p, true)); /* its system has not listened */
	assert_true(see(&p, false));
}

static void
an_order_to_switch_on_excuses_no_off(void **state)
{
	struct db_power p = {.known = "off"};

	(void)state;
	enters(&p, "power", "power", "on");
	assert_false(see(&p, true));
	ends(&p, "power", "power", "on", DB_JOB_DONE);
	assert_true(see(&p, false));
}

static void
a_job_that_ends_between_off_and_on_has_left_it_so(void **state)
{
	struct db_power p = {.known = "on"};

	(void)state;
	enters(&p, "live", "override", "");
	ends(&p, "live", "override", "", DB_JOB_CANCELLED);
	now += 100 * LIFECYCLE_POWER_GRACE;
	assert_false(see(&p, false));
}

/* The first network boot after an order that starts the machine is its doing. */
static void
boots_that_orders_start(void **state)
{
	static const struct {
		const char *kind, *stage, *action;
		enum db_job_state state;
		bool starts;
	} rows[] = {
	    {"power", "done", "on", DB_JOB_DONE, true},
	    {"power", "done", "cycle", DB_JOB_DONE, true},
	    {"power", "done", "reset", DB_JOB_DONE, true},
	    {"power", "done", "off", DB_JOB_DONE, false},
	    {"power", "done", "soft", DB_JOB_DONE, false},
	    {"power", "preflight", "on", DB_JOB_FAILED, false},
	    {"reboot", "done", "", DB_JOB_DONE, true},
	    {"reboot", "preflight", "", DB_JOB_FAILED, false},
	    {"reinstall", "firmware-dhcp", "", DB_JOB_FAILED, true},
	    {"reinstall", "script", "", DB_JOB_CANCELLED, true},
	    {"reinstall", "os-up", "", DB_JOB_FAILED, false},
	    {"reinstall", "preflight", "", DB_JOB_FAILED, false},
	    {"live", "done", "", DB_JOB_DONE, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct db_power p = {.known = "on"};
		now = T0;
		ends(&p, rows[i].kind, rows[i].stage, rows[i].action, rows[i].state);
		now += LIFECYCLE_POWER_GRACE;
		if (lifecycle_power_started(&p, now) != rows[i].starts)
			fail_msg("row %zu", i);
		assert_false(lifecycle_power_started(&p, now));
		ends(&p, rows[i].kind, rows[i].stage, rows[i].action, rows[i].state);
		now += LIFECYCLE_POWER_GRACE + 1;
		assert_false(lifecycle_power_started(&p, now));
	}
}

#define T(f) cmocka_unit_test_setup(f, setup)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(off_by_nobodys_order_is_told_once),
	    T(while_a_job_is_there_it_is_the_jobs),
	    T(a_power_cycle_of_a_job_is_its_own),
	    T(off_after_an_order_is_not_flagged_until_it_was_seen_on),
	    T(an_order_that_came_to_nothing_does_not_excuse_for_ever),
	    T(an_order_to_switch_on_excuses_no_off),
	    T(a_job_that_ends_between_off_and_on_has_left_it_so),
	    T(boots_that_orders_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
