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
	expect(job_json(&job),
	    "{'id':'j','kind':'reinstall','host':'h','site':'s','"
	    "image':null,'state':'queued','stage':'queued',"
	    "'attempt':0,'reason':'r','by':'ada','created':'2026-01-"
	    "31T09:30:00.123Z','ended':null,'image_until':null,'not_before':null,'not_"
	    "after':null,'verdict':"
	    "null,"
	    "'agent_code':null,'boot':null,'cancel':null,'retry_of':null,'rollout':"
	    "null}");
	job.state = DB_JOB_FAILED;
	job.ended = job.created;
	job.cancel_at = job.created;
	str_clip(job.verdict_code, sizeof(job.verdict_code), "c");
	/* As rows of old have it. */
	str_clip(job.verdict_next, sizeof(job.verdict_next), "power on HOST of SITE");
	str_clip(job.agent_code, sizeof(job.agent_code), "a");
	str_clip(job.cancel_by, sizeof(job.cancel_by), "bob");
	expect(job_json(&job), "{'id':'j','kind':'reinstall','host':'h','site':'s','"
			       "image':null,'state':'failed','stage':'queued',"
			       "'attempt':0,'reason':'r','by':'ada','created':'2026-01-"
			       "31T09:30:00.123Z','ended':'2026-01-31T09:30:00.123Z',"
			       "'image_until':null,'not_before':null,'not_after':null,"
			       "'verdict':{'code':'c','text':'','next':'power on h of "
			       "s'},'agent_code':'a','boot':null,"
			       "'cancel':{'by':'bob','reason':'','at':'2026-01-31T09:30:"
			       "00.123Z','code':null},'retry_of':null,'rollout':null}");
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
	expect(job_json_boot(&b, ""),
	    "{'id':'b','host':'h','site':'s','job':null,'kind':null,'by':null,'reason':"
	    "null,'attempt':0,'planned':false,'trigger':null,'flags':[],"
	    "'began':'2026-01-31T09:30:00.000Z','ended':null,'outcome':null,'text':null,"
	    "'verdict':null,'image':null,'arch':null,'mac':null,'ip':null,'ip6':null,"
	    "'vendor_class':null,'loader':null,'octets':0,'files':[]}");
}

static void
a_boot_says_what_is_remarkable(void **state)
{
	struct db_boot b = {.id = "b",
	    .host = "h",
	    .flags = DB_BOOT_UNORDERED | DB_BOOT_OTHER_DHCP,
	    .verdict_code = "kernel-stalled",
	    .verdict_text = "t",
	    .verdict_next = "console HOST --replay BOOT of JOB"};
	json_t *v = job_json_boot(&b, "[{\"role\":\"kernel\",\"name\":\"k\",\"sha256\":"
				      "\"00\",\"size\":7}]");
	json_t *flags = json_pack("[s, s]", "unordered", "other-dhcp");

	(void)state;
	assert_true(json_equal(json_object_get(v, "flags"), flags));
	json_decref(flags);
	expect(json_incref(json_object_get(v, "verdict")),
	    "{'code':'kernel-stalled','text':'t','next':'console h --replay b of JOB'}");
	expect(json_incref(json_array_get(json_object_get(v, "files"), 0)),
	    "{'role':'kernel','name':'k','sha256':'00','size':7}");
	json_decref(v);
}

static void
transfers(void **state)
{
	struct db_transfer t = {.protocol = "http",
	    .class = "kernel",
	    .file = "t/vmlinuz",
	    .ip = "10.0.0.1",
	    .began = 1769851800000000,
	    .ended = 1769851802000000,
	    .octets = 5000,
	    .total = 5000,
	    .result = "complete"};

	(void)state;
	expect(job_json_transfer(&t),
	    "{'at':'2026-01-31T09:30:02.000Z','kind':'http.end','protocol':'http','class'"
	    ":'kernel','file':'t/vmlinuz','ip':'10.0.0.1','began':'2026-01-31T09:30:00."
	    "000Z','ended':'2026-01-31T09:30:02.000Z','bytes':5000,'total':5000,'result':"
	    "'complete','rate':2500}");
	t.failed = true;
	t.began = 0;
	t.total = -1;
	str_clip(t.result, sizeof(t.result), "aborted");
	expect(job_json_transfer(&t),
	    "{'at':'2026-01-31T09:30:02.000Z','kind':'http.error','protocol':'http',"
	    "'class':'kernel','file':'t/vmlinuz','ip':'10.0.0.1','began':null,'ended':"
	    "'2026-01-31T09:30:02.000Z','bytes':5000,'result':'aborted','rate':null}");
	t = (struct db_transfer){
	    .protocol = "tftp", .file = "a", .began = 1769851800000000, .total = -1};
	expect(job_json_transfer(&t),
	    "{'at':'2026-01-31T09:30:00.000Z','kind':'tftp.begin','protocol':'tftp',"
	    "'class':null,'file':'a','began':'2026-01-31T09:30:00.000Z','ended':null,"
	    "'bytes':0,'result':null,'rate':null}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_form_does_not_depend_on_progress),
	    cmocka_unit_test(stages_and_boots),
	    cmocka_unit_test(a_boot_says_what_is_remarkable),
	    cmocka_unit_test(transfers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
