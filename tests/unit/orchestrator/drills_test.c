/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/drills.h"

#include "fixture.h"

#include "db/db_drill.h"
#include "db/db_event.h"
#include "db/db_host.h"
#include "db/db_job.h"

#define LIVE "01k9xyz0a1000001"
#define BACK "01k9xyz0a1000002"
#define ROLLOUT "01k9xyz0a1rrrrrr"

#define DOCUMENT                                                                      \
	"{'sites':[{'name':'los','timezone':'UTC'},{'name':'nbo',"                    \
	"'timezone':'UTC'}],"                                                         \
	"'images':[{'name':'live','kind':'live','kernel':{'path':'vmlinuz'}},"        \
	"{'name':'deb','kind':'reinstall','kernel':{'path':'vmlinuz'}}],"             \
	"'hosts':[" HOST("a.los", "los", "1") "," HOST("b.los", "los", "2") "," HOST( \
	    "c.nbo", "nbo", "3") "]}"
#define HOST(name, site, n)                                                       \
	"{'name':'" name "','site':'" site "','nics':[{'mac':'52:54:00:00:00:0" n \
	"'}],'bmc':{'address':'10.0.0." n "','user':'u','password':'p'}}"

static void
add_job(struct fixture *f, const char *id, const char *kind, const char *image,
    enum db_job_state end, const char *code)
{
	struct db_job job = {.host = "a.los",
	    .site = "los",
	    .reason = "x",
	    .by = "ada",
	    .stage = "queued",
	    .created = FIXTURE_NOW,
	    .state = DB_JOB_QUEUED};

	str_clip(job.id, sizeof(job.id), id);
	str_clip(job.kind, sizeof(job.kind), kind);
	str_clip(job.image, sizeof(job.image), image);
	assert_int_equal(db_job_add(f->store, &job, "{}"), 0);
	job.state = end;
	job.attempt = 1;
	job.ended = FIXTURE_NOW + 60 * USEC_PER_SEC;
	str_clip(job.verdict_code, sizeof(job.verdict_code), code);
	str_clip(job.verdict_text, sizeof(job.verdict_text), code);
	str_clip(job.verdict_next, sizeof(job.verdict_next), "look at HOST");
	assert_int_equal(db_job_update(f->store, &job), 0);
}

static void
add_stage(struct fixture *f, const char *job, const char *stage, const char *state,
    int64_t seconds)
{
	struct db_job_stage g = {
	    .attempt = 1, .deadline_us = -1, .seq = 1, .at = FIXTURE_NOW};

	str_clip(g.job, sizeof(g.job), job);
	str_clip(g.stage, sizeof(g.stage), stage);
	str_clip(g.state, sizeof(g.state), "entered");
	assert_int_equal(db_job_stage_put(f->store, &g), 0);
	str_clip(g.state, sizeof(g.state), state);
	g.at += seconds * USEC_PER_SEC;
	assert_int_equal(db_job_stage_put(f->store, &g), 0);
}

static void
report(struct fixture *f, const char *back, struct error *why)
{
	const struct drills_of of = {
	    .rollout = ROLLOUT, .schedule = "weekly", .live = LIVE, .back = back};

	*why = (struct error){.code = ""};
	assert_int_equal(db_begin(store_db(f->store)), 0);
	assert_int_equal(drills_report(f->store, &of, FIXTURE_NOW, why), 0);
	assert_int_equal(db_commit(store_db(f->store)), 0);
}

static int
count(void *arg, int64_t seq, const struct event *ev)
{
	char *buf = arg;

	(void)seq;
	if (str_has_prefix(ev->kind, "drill."))
		strcat(strcat(buf, ev->kind), " ");
	return 0;
}

static void
expect_events(struct fixture *f, const char *kinds)
{
	const struct db_event_filter all = {.limit = 100};
	char buf[200] = "";

	assert_int_equal(db_event_list(f->store, &all, count, buf), 0);
	assert_string_equal(buf, kinds);
}

static void
a_good_drill_is_reported_once(void **state)
{
	struct fixture *f = *state;
	struct error why;
	json_t *v = NULL;
	enum drill_way back = DRILL_STAYS;

	assert_string_equal(fixture_apply(f, DOCUMENT, NULL), "");
	assert_int_equal(drills_returns(f->store, LIVE, &back), -ENOENT);
	add_job(f, LIVE, "live", "live", DB_JOB_DONE, "");
	add_stage(f, LIVE, "kernel", "confirmed", 4);
	assert_int_equal(drills_returns(f->store, LIVE, &back), 0);
	assert_int_equal(back, DRILL_BACK);
	add_job(f, BACK, "reboot", "", DB_JOB_DONE, "");
	add_stage(f, BACK, "os-up", "confirmed", 20);
	report(f, BACK, &why);
	assert_string_equal(why.code, "");
	/* Told again, after a crash or by a lost answer. */
	report(f, BACK, &why);
	expect_events(f, "drill.done ");

	assert_int_equal(drills_json(f->store, LIVE, &v), 0);
	assert_string_equal(json_string_value(json_object_get(v, "outcome")), "ok");
	assert_string_equal(json_string_value(json_object_get(v, "returned")), "yes");
	assert_string_equal(json_string_value(json_object_get(v, "schedule")), "weekly");
	assert_int_equal(json_array_size(json_object_get(v, "stages")), 2);
	json_decref(v);
	assert_int_equal(drills_json(f->store, BACK, &v), -ENOENT);
}

static void
a_failed_one_says_why(void **state)
{
	struct fixture *f = *state;
	struct error why;

	assert_string_equal(fixture_apply(f, DOCUMENT, NULL), "");
	add_job(f, LIVE, "live", "live", DB_JOB_FAILED, "kernel-stalled");
	add_stage(f, LIVE, "kernel", "missed", 600);
	add_job(f, BACK, "reboot", "", DB_JOB_DONE, "");
	report(f, BACK, &why);
	assert_string_equal(why.code, "kernel-stalled");
	assert_string_equal(why.next, "look at a.los");
	expect_events(f, "drill.failed ");
}

static void
the_site_is_compared_with_itself(void **state)
{
	struct fixture *f = *state;
	struct db_drill d = {.began = 1, .ended = 2};
	struct error why;

	assert_string_equal(fixture_apply(f, DOCUMENT, NULL), "");
	d.stages = str_dup("{\"stages\":[{\"job\":\"live\",\"stage\":\"kernel\","
			   "\"state\":\"confirmed\",\"took_us\":2000000}]}");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(str_format(d.id, sizeof(d.id), "01k9xyz0a0%06d", i), 0);
		str_clip(d.site, sizeof(d.site), "los");
		str_clip(d.host, sizeof(d.host), "b.los");
		str_clip(d.image, sizeof(d.image), "live");
		str_clip(d.outcome, sizeof(d.outcome), "ok");
		str_clip(d.returned, sizeof(d.returned), "yes");
		assert_int_equal(db_drill_add(f->store, &d), 0);
	}
	db_drill_done(&d);
	add_job(f, LIVE, "live", "live", DB_JOB_DONE, "");
	add_stage(f, LIVE, "kernel", "confirmed", 30);
	add_job(f, BACK, "reboot", "", DB_JOB_DONE, "");
	report(f, BACK, &why);
	assert_string_equal(why.code, "");
	expect_events(f, "drill.regression ");
}

static void
choose(struct fixture *f, const char *want)
{
	static const char *const all[] = {"a.los", "b.los", "c.nbo"};
	struct store_names names = {0};
	struct error err;
	char buf[100] = "";

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		store_names_add(&names, all[i]);
	assert_int_equal(drills_choose(f->store, &names, &err), 0);
	for (size_t i = 0; i < names.n; i++)
		strcat(strcat(buf, names.v[i]), " ");
	assert_string_equal(buf, want);
	store_names_done(&names);
}

static void
the_next_machine_of_each_site(void **state)
{
	struct fixture *f = *state;
	struct error why;

	assert_string_equal(fixture_apply(f, DOCUMENT, NULL), "");
	choose(f, "a.los c.nbo ");
	add_job(f, LIVE, "live", "live", DB_JOB_DONE, "");
	add_job(f, BACK, "reboot", "", DB_JOB_DONE, "");
	report(f, BACK, &why);
	choose(f, "b.los c.nbo ");
	assert_int_equal(
	    db_host_lock(f->store, "b.los", "ada", "in repair", FIXTURE_NOW), 0);
	choose(f, "a.los c.nbo ");
}

static void
only_live_images(void **state)
{
	struct fixture *f = *state;
	struct error err;
	char name[100];

	assert_string_equal(fixture_apply(f, DOCUMENT, NULL), "");
	assert_int_equal(drills_image(f->store, "", name, sizeof(name), &err), 0);
	assert_string_equal(name, "live");
	assert_int_equal(drills_image(f->store, "live", name, sizeof(name), &err), 0);
	assert_int_equal(
	    drills_image(f->store, "deb", name, sizeof(name), &err), -EINVAL);
	assert_string_equal(err.code, "drill-image");
	assert_int_equal(
	    drills_image(f->store, "none", name, sizeof(name), &err), -EINVAL);
	assert_string_equal(err.code, "image-unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(a_good_drill_is_reported_once),
	    FIXTURE_TEST(a_failed_one_says_why),
	    FIXTURE_TEST(the_site_is_compared_with_itself),
	    FIXTURE_TEST(the_next_machine_of_each_site),
	    FIXTURE_TEST(only_live_images),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
