/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rollouts that are drills: two jobs of each host, whatever becomes of the rollout meanwhile. */
#include "tests/unit/orchestrator/rollouts_world.h"

#include "db/db_drill.h"

static void
add_live_image(struct world *w)
{
	assert_string_equal(fixture_apply(w->f, LIVE_OF_KIND("live"), NULL), "");
}

/* The host's open job is of that kind, and has come to that stage. */
static void
at_stage(struct world *w, const char *kind, const char *stage, char ret_id[ID_SIZE])
{
	struct db_job_stage g = {.attempt = 1, .deadline_us = -1, .seq = 1, .at = T0};
	struct db_job job;

	assert_int_equal(db_job_open_of_host(w->f->store, "a.los", ret_id), 0);
	assert_int_equal(db_job_get(w->f->store, ret_id, &job), 0);
	assert_string_equal(job.kind, kind);
	str_clip(g.job, sizeof(g.job), ret_id);
	str_clip(g.stage, sizeof(g.stage), stage);
	str_clip(g.state, sizeof(g.state), "missed");
	assert_int_equal(db_job_stage_put(w->f->store, &g), 0);
}

static void
expect_report(struct world *w, const char *live, const char *outcome, const char *back)
{
	struct db_drill d;

	assert_int_equal(db_drill_get(w->f->store, live, &d), 0);
	assert_string_equal(d.rollout, w->id);
	assert_string_equal(d.outcome, outcome);
	assert_string_equal(d.back, back);
	db_drill_done(&d);
}

/* Of the site's three hosts one has its turn. */
static void
a_drill_is_two_jobs(void **state)
{
	struct world *w = *state;
	struct db_job job;
	char live[ID_SIZE], back[ID_SIZE];

	add_live_image(w);
	assert_int_equal(begin(w, "{'kind':'drill'}", "{}", 0, 100, false), 0);
	tick(w, 0);
	EXPECT(w, "job");
	at_stage(w, "live", "kernel", live);
	ends(w, "a.los", DB_JOB_FAILED, "stage-timeout", 50);
	restart(w);
	assert_string_equal(act(w, ROLLOUTS_PAUSE, "bob", 0, 60), "");
	tick(w, 200);
	at_stage(w, "reboot", "preflight", back);
	assert_int_equal(db_job_get(w->f->store, back, &job), 0);
	assert_int_equal(job.not_after, 0);
	ends(w, "a.los", DB_JOB_DONE, "", 201);
	tick(w, 201);
	EXPECT(w, "failed:stage-timeout");
	expect_report(w, live, "failed", back);
}

/* It came no further than to ask the BMC. */
static void
a_drill_that_touched_nothing_is_over(void **state)
{
	struct world *w = *state;
	char live[ID_SIZE];

	add_live_image(w);
	assert_int_equal(begin(w, "{'kind':'drill'}", "{}", 0, 100, false), 0);
	tick(w, 0);
	at_stage(w, "live", "preflight", live);
	ends(w, "a.los", DB_JOB_FAILED, "bmc-auth", 50);
	tick(w, 50);
	EXPECT(w, "failed:bmc-auth");
	expect_report(w, live, "failed", "");
}

static void
no_way_back_outweighs_all_else(void **state)
{
	struct world *w = *state;
	char live[ID_SIZE], back[ID_SIZE];

	add_live_image(w);
	assert_int_equal(begin(w, "{'kind':'drill'}", "{}", 0, 100, false), 0);
	tick(w, 0);
	at_stage(w, "live", "kernel", live);
	ends(w, "a.los", DB_JOB_FAILED, "stage-timeout", 50);
	tick(w, 50);
	at_stage(w, "reboot", "os-up", back);
	ends(w, "a.los", DB_JOB_FAILED, "os-silent", 60);
	tick(w, 60);
	EXPECT(w, "failed:drill-not-back");
	expect_report(w, live, "failed", back);
}

static void
only_live_images_are_drilled(void **state)
{
	struct world *w = *state;

	add_live_image(w);
	assert_int_equal(
	    begin(w, "{'kind':'drill','image':'debian'}", "{}", 0, 100, false), -EINVAL);
	assert_string_equal(w->err.code, "drill-image");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(a_drill_is_two_jobs),
	    WORLD_TEST(a_drill_that_touched_nothing_is_over),
	    WORLD_TEST(no_way_back_outweighs_all_else),
	    WORLD_TEST(only_live_images_are_drilled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
