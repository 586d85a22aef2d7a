/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/run.h"

#include <errno.h>

#include "lib/json.h"
#include "tests/unit/agent/job_fixture.h"

static const struct run_limits no_limits;

static struct run
plan(const struct bundle *b)
{
	struct run r;

	run_plan(b, &no_limits, &r);
	return r;
}

static void
test_plan_reinstall(void **state)
{
	struct bundle *b = job_fixture_bundle();
	struct run r = plan(b);

	(void)state;
	for (int s = STAGE_PREFLIGHT; s < STAGE_DONE; s++)
		assert_int_equal(run_planned(&r, (enum stage)s), s != STAGE_ROOTFS);
	assert_int_equal(r.os_by, RUN_PROOF_REPORT);
	assert_int_equal(r.disk_by, RUN_PROOF_REPORT);
	assert_true(r.netboot);
	assert_int_equal(r.stage, STAGE_QUEUED);
	b->image.reports_booted = false;
	r = plan(b);
	assert_false(run_planned(&r, STAGE_LOCAL_BOOT)); /* nothing could confirm it */
	str_clip(b->host.probe, sizeof(b->host.probe), "tcp:22");
	r = plan(b);
	assert_int_equal(r.disk_by, RUN_PROOF_PROBE);
	str_clip(b->bmc.boot_method, sizeof(b->bmc.boot_method), "none");
	r = plan(b);
	assert_false(run_planned(&r, STAGE_OVERRIDE));
	free(b);
}

static void
test_plan_others(void **state)
{
	struct bundle *b = job_fixture_bundle();
	struct run r;

	(void)state;
	str_clip(b->host.probe, sizeof(b->host.probe), "icmp");
	b->kind = BUNDLE_LIVE;
	b->image.reports_up = b->image.reports_installed = b->image.local_boot = false;
	r = plan(b);
	assert_int_equal(r.os_by, RUN_PROOF_PROBE);
	assert_false(
	    run_planned(&r, STAGE_INSTALLED) || run_planned(&r, STAGE_LOCAL_BOOT));
	b->kind = BUNDLE_REBOOT;
	r = plan(b);
	assert_int_equal(
	    r.plan, 1u << STAGE_PREFLIGHT | 1u << STAGE_POWER | 1u << STAGE_OS_UP);
	b->kind = BUNDLE_POWER;
	r = plan(b);
	assert_int_equal(r.plan, 1u << STAGE_PREFLIGHT | 1u << STAGE_POWER);
	b->graceful_us = 5;
	b->force = BUNDLE_FORCE_AT_ONCE;
	r = plan(b);
	assert_int_equal(r.graceful, 0);
	free(b);
}

static void
test_deadlines(void **state)
{
	struct bundle *b = job_fixture_bundle();
	struct run_limits limits = {.allow = {[STAGE_INITRD] = 7}};
	struct run r;

	(void)state;
	b->image.deadlines =
	    json_pack("{s:i, s:i, s:i}", "kernel", 12, "initrd", 13, "script", -1);
	run_plan(b, &limits, &r);
	assert_int_equal(r.allow[STAGE_KERNEL], 12 * USEC_PER_SEC);
	assert_int_equal(r.allow[STAGE_INITRD], 7);
	assert_int_equal(r.allow[STAGE_SCRIPT], 60 * USEC_PER_SEC);
	assert_int_equal(r.allow[STAGE_OVERRIDE], 60 * USEC_PER_SEC);
	json_decref(b->image.deadlines);
	free(b);
}

static struct run
some_run(const struct bundle *b)
{
	struct rng rng = rng_seeded(5);
	struct run r = plan(b);

	r.stage = STAGE_INITRD;
	r.phase = RUN_PHASE_NONE;
	r.attempt = 2;
	r.restarts = 1;
	r.entered = 1700000000000000;
	r.due = r.entered + 5;
	r.step = 77;
	assert_int_equal(ticket_arm(&r.ticket, r.entered, &rng), 0);
	id_make(r.entered, &rng, r.boot);
	r.boot_open = r.begun = r.off_seen = r.other_dhcp = r.probe_down = true;
	r.unanswered = r.no_loader = r.proxied = r.took = true;
	r.netboots = 3;
	r.netboot_at = 4;
	r.loaded = 3;
	r.files = UINT64_MAX;
	r.signs[STAGE_KERNEL].seen = r.signs[STAGE_SCRIPT].seen = true;
	str_clip(r.signs[STAGE_SCRIPT].evidence, sizeof(r.signs[0].evidence), "seen");
	str_clip(r.verdict.code, sizeof(r.verdict.code), "x");
	str_clip(r.verdict.text, sizeof(r.verdict.text), "y");
	str_clip(r.by, sizeof(r.by), "me");
	return r;
}

static void
test_json(void **state)
{
	struct bundle *b = job_fixture_bundle();
	struct run r = some_run(b), back;
	json_t *v = run_to_json(&r);
	struct error err;
	static const char *const needed[] = {
	    "job", "stage", "due", "files", "allow", "ticket"};

	(void)state;
	assert_int_equal(run_from_json(v, &back, &err), 0);
	assert_memory_equal(&r, &back, sizeof(r));
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		json_t *part = json_deep_copy(v);

		json_object_del(part, needed[i]);
		assert_int_equal(run_from_json(part, &back, &err), -EINVAL);
		json_decref(part);
	}
	json_object_set_new(v, "phase", json_integer(99));
	assert_int_equal(run_from_json(v, &back, &err), -EINVAL);
	json_decref(v);
	free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_plan_reinstall),
	    cmocka_unit_test(test_plan_others),
	    cmocka_unit_test(test_deadlines),
	    cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
