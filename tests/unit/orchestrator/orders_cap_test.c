/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/orders_cap.h"

#include "fixture.h"

#include "db/db_job.h"

static int
setup(void **state)
{
	fixture_open(state);
	assert_string_equal(fixture_apply(*state, FIXTURE_DOCUMENT, NULL), "");
	return 0;
}

static void
put_job(struct fixture *f, const char *id, const char *host, const char *kind)
{
	struct db_job job = {.site = "los",
	    .image = "debian",
	    .reason = "INC-1",
	    .by = "ada",
	    .created = FIXTURE_NOW,
	    .stage = "queued"};

	str_clip(job.id, sizeof(job.id), id);
	str_clip(job.host, sizeof(job.host), host);
	str_clip(job.kind, sizeof(job.kind), kind);
	assert_int_equal(db_job_add(f->store, &job, "{}"), 0);
}

static void
an_order_names_no_more_than_its_cap(void **state)
{
	struct fixture *f = *state;
	const struct orders_caps caps = {.hosts = {.reinstall = 2, .power = 5}};
	struct orders_context ctx = {.store = f->store, .caps = &caps};
	struct audit_who ann = {.name = "ann"}, ci = {.name = "token:ci", .max_hosts = 3};
	struct error err = {.code = ""};

	assert_int_equal(orders_cap_check(&ctx, &ann, "reinstall", 2, &err), 0);
	assert_int_equal(orders_cap_check(&ctx, &ann, "reinstall", 3, &err), -EPERM);
	assert_string_equal(err.code, "over-cap");
	assert_non_null(strstr(err.text, "caps.reinstall"));
	assert_int_equal(orders_cap_check(&ctx, &ann, "reboot", 3000, &err), 0);
	assert_int_equal(orders_cap_check(&ctx, &ann, NULL, 3000, &err), 0);
	assert_int_equal(orders_cap_check(&ctx, &ci, "reboot", 4, &err), -EPERM);
	assert_non_null(strstr(err.text, "token:ci may order at most 3"));
	assert_int_equal(orders_cap_check(&ctx, &ci, "reboot", 3, &err), 0);
	ctx.caps = NULL;
	assert_int_equal(orders_cap_check(&ctx, &ann, "reinstall", 3, &err), 0);
	assert_int_equal(orders_cap_check(&ctx, &ci, "reinstall", 4, &err), -EPERM);
}

static void
what_an_order_counts_as(void **state)
{
	struct fixture *f = *state;

	assert_null(orders_cap_kind(f->store, BUNDLE_POWER, "on", ""));
	assert_string_equal(orders_cap_kind(f->store, BUNDLE_POWER, "soft", ""), "power");
	assert_string_equal(orders_cap_kind(f->store, BUNDLE_REBOOT, "", ""), "reboot");
	assert_string_equal(
	    orders_cap_kind(f->store, BUNDLE_BOOT, "", "debian"), "reinstall");
	assert_string_equal(orders_cap_kind(f->store, BUNDLE_BOOT, "", "none"), "boot");
}

static void
no_more_are_open_than_the_cap(void **state)
{
	struct fixture *f = *state;
	const struct orders_caps caps = {.in_flight = {.reinstall = 3}};
	const struct orders_context ctx = {.store = f->store, .caps = &caps};
	struct error err = {.code = ""};
	int64_t room = 0;

	put_job(f, "job1", "a.los", "reinstall");
	put_job(f, "job2", "b.los", "boot"); /* of an image that installs */
	assert_int_equal(orders_cap_room(&ctx, "reinstall", &room), 0);
	assert_int_equal(room, 1);
	assert_int_equal(orders_cap_fits(&ctx, "reinstall", 1, &err), 0);
	assert_int_equal(orders_cap_fits(&ctx, "reinstall", 2, &err), -EPERM);
	assert_non_null(strstr(err.text, "room for 1 (caps_in_flight.reinstall"));
	assert_int_equal(orders_cap_room(&ctx, "reboot", &room), 0);
	assert_true(room == INT64_MAX);
	assert_int_equal(orders_cap_fits(&ctx, NULL, 5000, &err), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		an_order_names_no_more_than_its_cap, setup, fixture_close),
	    cmocka_unit_test_setup_teardown(
		what_an_order_counts_as, setup, fixture_close),
	    cmocka_unit_test_setup_teardown(
		no_more_are_open_than_the_cap, setup, fixture_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
