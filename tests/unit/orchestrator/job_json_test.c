/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/job_json.h"

#include "fixture.h"

static void
expect(json_t *got, const char *text)
{
	json_t *want = fixture_json(text);

	if (!json_equal(got, want)) {
		char *shown = json_text(got);
		print_error("%s\n", shown);
		free(shown);
		fail();
	}
	json_decref(want);
	json_decref(got);
}

static void
the_form_does_not_depend_on_progress(void **state)
{
	struct db_job job = {.id = "j",
	    .kind = "reinstall",
	    .host = "h",
	    .site = "s",
	    .reason = "r",
	    .by = "ada",
	    .created = 1769851800123456,
	    .stage = "queued"};

	(void)state;
	expect(job_json(&job), "{'id':'j','kind':'reinstall','host':'h','site':'s','"
			       "image':null,'state':'queued','stage':'queued',"
			       "'attempt':0,'reason':'r','by':'ada','created':'2026-01-"
			       "31T09:30:00.123Z','ended':null,'verdict':null,"
			       "'boot':null,'cancel':null,'retry_of':null}");
	job.state = DB_JOB_FAILED;
	job.ended = job.created;
	job.cancel_at = job.created;
	str_clip(job.verdict_code, sizeof(job.verdict_code), "c");
	str_clip(job.cancel_by, sizeof(job.cancel_by), "bob");
	expect(job_json(&job), "{'id':'j','kind':'reinstall','host':'h','site':'s','"
			       "image':null,'state':'failed','stage':'queued',"
			       "'attempt':0,'reason':'r','by':'ada','created':'2026-01-"
			       "31T09:30:00.123Z','ended':'2026-01-31T09:30:00.123Z',"
			       "'verdict':{'code':'c','text':'','next':''},'boot':null,"
			       "'cancel':{'by':'bob','reason':'','at':'2026-01-31T09:30:"
			       "00.123Z'},'retry_of':null}");
}

static void
stages_and_boots(void **state)
{
	struct db_job_stage g = {.stage = "kernel",
	    .state = "entered",
	    .attempt = 1,
	    .deadline_us = -1,
	    .entered = 1769851800000000};
	struct db_boot b = {
	    .id = "b", .host = "h", .site = "s", .began = 1769851800000000};

	(void)state;
	expect(job_json_stage(&g), "{'stage':'kernel','state':'entered','attempt':1,'"
				   "entered':'2026-01-31T09:30:00.000Z','confirmed':null,"
				   "'deadline_us':null,'evidence':null}");
	expect(job_json_boot(&b), "{'id':'b','host':'h','site':'s','job':null,'attempt':"
				  "0,'planned':false,'trigger':null,"
				  "'began':'2026-01-31T09:30:00.000Z','ended':null,'"
				  "outcome':null,'text':null,'image':null,'arch':null}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_form_does_not_depend_on_progress),
	    cmocka_unit_test(stages_and_boots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
