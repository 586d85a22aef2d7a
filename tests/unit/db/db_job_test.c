/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/db_job.h"
#include "lib/usual.h"

#include "fixture.h"

static void
a_host_has_one_open_job(void **state)
{
	struct store *s = *state;
	struct db_job a = fixture_make_job("job1", "edge01"),
		      b = fixture_make_job("job2", "edge01"), got;
	char id[ID_SIZE];
	char *bundle = NULL;

	assert_int_equal(db_job_open_of_host(s, "edge01", id), -ENOENT);
	assert_int_equal(db_job_add(s, &a, "{\"v\":1}"), 0);
	assert_int_equal(db_job_add(s, &b, "{}"), -EEXIST);
	assert_int_equal(db_job_open_of_host(s, "edge01", id), 0);
	assert_string_equal(id, "job1");
	assert_int_equal(db_job_get(s, "job1", &got), 0);
	assert_memory_equal(&got, &a, sizeof(a));
	assert_int_equal(db_job_bundle(s, "job1", &bundle), 0);
	assert_string_equal(bundle, "{\"v\":1}");
	free(bundle);
	a.state = DB_JOB_FAILED;
	a.ended = FIXTURE_NOW + 5;
	a.attempt = 2;
	str_clip(a.stage, sizeof(a.stage), "kernel");
	str_clip(a.verdict_code, sizeof(a.verdict_code), "kernel-stalled");
	str_clip(a.verdict_text, sizeof(a.verdict_text), "text");
	str_clip(a.verdict_next, sizeof(a.verdict_next), "next");
	str_clip(a.agent, sizeof(a.agent), "agent");
	str_clip(a.boot, sizeof(a.boot), "boot");
	assert_int_equal(db_job_update(s, &a), 0);
	assert_int_equal(db_job_get(s, "job1", &got), 0);
	assert_memory_equal(&got, &a, sizeof(a));
	assert_int_equal(db_job_add(s, &b, "{}"), 0);
	assert_int_equal(db_job_last_of_host(s, "edge01", id), 0);
	assert_string_equal(id, "job2");
	assert_int_equal(db_job_get(s, "job9", &got), -ENOENT);
	assert_int_equal(db_job_bundle(s, "job9", &bundle), -ENOENT);
}

/* Open and ended at once cannot be written down. */
static void
state_and_end_agree(void **state)
{
	struct store *s = *state;
	struct db_job a = fixture_make_job("job1", "edge01");

	assert_int_equal(db_job_add(s, &a, "{}"), 0);
	a.state = DB_JOB_DONE;
	assert_int_equal(db_job_update(s, &a), -EINVAL);
	a.state = DB_JOB_RUNNING;
	a.ended = 1;
	assert_int_equal(db_job_update(s, &a), -EINVAL);
}

static size_t
due(struct store *s)
{
	struct store_names ids = {0};

	assert_int_equal(db_job_due_of_site(s, "los", false, 100, &ids), 0);
	size_t n = ids.n;
	store_names_done(&ids);
	return n;
}

static void
what_an_agent_has_to_be_told(void **state)
{
	struct store *s = *state;
	struct db_job a = fixture_make_job("job1", "edge01"), got;

	assert_int_equal(db_job_add(s, &a, "{}"), 0);
	assert_int_equal(due(s), 1);
	assert_int_equal(db_job_sent(s, "job1", 5), 0);
	assert_int_equal(db_job_sent(s, "job1", 9), 0);
	assert_int_equal(due(s), 1);
	a.state = DB_JOB_ACCEPTED;
	assert_int_equal(db_job_update(s, &a), 0);
	assert_int_equal(due(s), 0);
	assert_int_equal(db_job_cancel(s, "job1", "ada", "no", 11), 0);
	assert_int_equal(db_job_cancel(s, "job1", "bob", "too", 12), 0);
	assert_int_equal(due(s), 1);
	assert_int_equal(db_job_get(s, "job1", &got), 0);
	assert_int_equal(got.sent, 5);
	assert_int_equal(got.cancel_at, 11);
	assert_string_equal(got.cancel_by, "ada");
	a.state = DB_JOB_CANCELLED;
	a.ended = 13;
	assert_int_equal(db_job_update(s, &a), 0);
	assert_int_equal(due(s), 0);
}

/* However many wait, what is under way is told of first: a cancel does not stand in their line. */
static void
what_is_under_way_comes_first(void **state)
{
	struct store *s = *state;
	struct db_job a = fixture_make_job("job1", "edge01"),
		      b = fixture_make_job("job2", "edge02");
	struct store_names ids = {0};
	int64_t out = -1;

	assert_int_equal(db_job_add(s, &a, "{}"), 0);
	assert_int_equal(db_job_add(s, &b, "{}"), 0);
	assert_int_equal(db_job_out_of_site(s, "los", &out), 0);
	assert_int_equal(out, 0);
	assert_int_equal(db_job_sent(s, "job2", 5), 0);
	assert_int_equal(db_job_out_of_site(s, "los", &out), 0);
	assert_int_equal(out, 1);
	assert_int_equal(db_job_due_of_site(s, "los", false, 1, &ids), 0);
	assert_int_equal(ids.n, 1);
	assert_string_equal(ids.v[0], "job2");
	store_names_done(&ids);
	b.state = DB_JOB_DONE;
	b.ended = 6;
	assert_int_equal(db_job_update(s, &b), 0);
	assert_int_equal(db_job_out_of_site(s, "los", &out), 0);
	assert_int_equal(out, 0);
}

static void
expect_ids(struct store *s, struct db_job_filter f, const char *want)
{
	struct store_names ids = {0};
	char got[100] = "";

	f.limit = f.limit ? f.limit : 10;
	assert_int_equal(db_job_ids(s, &f, &ids), 0);
	for (size_t i = 0; i < ids.n; i++)
		strcat(got, ids.v[i]);
	assert_string_equal(got, want);
	store_names_done(&ids);
}

static void
lists_are_narrowed_newest_first(void **state)
{
	struct store *s = *state;
	struct store_names names = {0};
	char id[8] = "j1", host[8] = "h1";

	for (char i = '1'; i <= '4'; i++) {
		id[1] = i;
		host[1] = i == '4' ? '1' : i;
		struct db_job job = fixture_make_job(id, host);
		if (i == '2')
			str_clip(job.kind, sizeof(job.kind), "live");
		assert_int_equal(db_job_add(s, &job, "{}"), 0);
		if (i == '1') {
			job.state = DB_JOB_DONE;
			job.ended = 1;
			assert_int_equal(db_job_update(s, &job), 0);
		}
	}
	expect_ids(s, (struct db_job_filter){.open = -1}, "j4j3j2j1");
	expect_ids(s, (struct db_job_filter){.open = 1}, "j4j3j2");
	expect_ids(s, (struct db_job_filter){.open = 0}, "j1");
	expect_ids(s, (struct db_job_filter){.open = -1, .host = "h1"}, "j4j1");
	expect_ids(s, (struct db_job_filter){.open = 0, .host = "h1"}, "j1");
	expect_ids(s, (struct db_job_filter){.open = 1, .kind = "live"}, "j2");
	expect_ids(
	    s, (struct db_job_filter){.open = -1, .before = "j3", .limit = 1}, "j2");
	assert_int_equal(db_job_open_of_site(s, "los", &names), 0);
	assert_int_equal(names.n, 3);
	assert_string_equal(names.v[0], "j2");
	store_names_done(&names);
	assert_int_equal(db_job_open_hosts(s, 10, &names), 0);
	assert_int_equal(names.n, 3);
	store_names_done(&names);
}

static void
put_stage(struct store *s, const char *stage, const char *st, int64_t at, int64_t seq)
{
	struct db_job_stage g = {
	    .job = "job1", .attempt = 1, .at = at, .deadline_us = -1, .seq = seq};

	str_clip(g.stage, sizeof(g.stage), stage);
	str_clip(g.state, sizeof(g.state), st);
	if (!str_eq(st, "entered"))
		str_clip(g.evidence, sizeof(g.evidence), "seen");
	else
		g.deadline_us = 30;
	assert_int_equal(db_job_stage_put(s, &g), 0);
}

static void
note_stage(void *arg, const struct db_job_stage *g)
{
	strcat(arg, g->stage);
	strcat(arg, " ");
}

static void
stages_move_on_and_keep_their_order(void **state)
{
	struct store *s = *state;
	struct db_job a = fixture_make_job("job1", "edge01");
	struct db_job_stage g;
	char order[100] = "";

	assert_int_equal(db_job_add(s, &a, "{}"), 0);
	put_stage(s, "preflight", "entered", 10, 1);
	put_stage(s, "preflight", "confirmed", 20, 2);
	put_stage(s, "armed", "entered", 20, 3);
	put_stage(s, "rootfs", "skipped", 20, 4);
	put_stage(s, "preflight", "entered", 99, 5); /* what was confirmed stays so */
	assert_int_equal(db_job_stage_get(s, "job1", 1, "preflight", &g), 0);
	assert_string_equal(g.state, "confirmed");
	assert_int_equal(g.entered, 10);
	assert_int_equal(g.ended, 20);
	assert_int_equal(g.deadline_us, 30);
	assert_string_equal(g.evidence, "seen");
	assert_int_equal(db_job_stage_get(s, "job1", 2, "preflight", &g), -ENOENT);
	assert_int_equal(db_job_stages(s, "job1", note_stage, order), 0);
	assert_string_equal(order, "preflight armed rootfs ");
	assert_int_equal(db_job_attempt_add(s, "job1", 1, 5), 0);
	assert_int_equal(db_job_attempt_add(s, "job1", 1, 6), 0);
	assert_int_equal(db_job_attempt_add(s, "job9", 1, 5), -ENOLINK);
}

static void
note_past(void *arg, const struct db_job_past *past)
{
	enum stage stage;

	assert_int_equal(stage_parse(past->stage, &stage), 0);
	usual_add(arg, stage, past->took);
}

static struct verdict_usual
past_of(
    struct store *s, const char *host, const char *before, int64_t jobs, enum stage stage)
{
	struct usual u;

	usual_init(&u);
	assert_int_equal(db_job_past(s, host, before, jobs, note_past, &u), 0);
	return usual_of(&u, stage);
}

/* One job after the other of one host, each with a kernel that took that long. */
static void
what_is_usual(void **state)
{
	struct store *s = *state;
	struct verdict_usual u;
	struct db_job_stage g = {.stage = "kernel", .deadline_us = -1};

	for (int i = 1; i <= 11; i++) {
		char id[ID_SIZE];

		assert_int_equal(str_format(id, sizeof(id), "job%02d", i), 0);
		struct db_job job = fixture_make_job(id, "edge01");
		assert_int_equal(db_job_add(s, &job, "{}"), 0);
		str_clip(g.job, sizeof(g.job), id);
		str_clip(g.state, sizeof(g.state), "entered");
		g.attempt = 1;
		g.at = FIXTURE_NOW;
		assert_int_equal(db_job_stage_put(s, &g), 0);
		/* The first is the slowest; the last was missed. */
		str_clip(g.state, sizeof(g.state), i < 11 ? "confirmed" : "missed");
		g.at = FIXTURE_NOW + 100 - i;
		assert_int_equal(db_job_stage_put(s, &g), 0);
		job.state = DB_JOB_DONE;
		job.ended = FIXTURE_NOW + 100;
		assert_int_equal(db_job_update(s, &job), 0);
	}
	u = past_of(s, "edge01", NULL, 50, STAGE_KERNEL);
	assert_int_equal(u.n, 10);
	assert_int_equal(u.median, 94);
	assert_int_equal(u.p90, 98);
	assert_int_equal(u.max, 99);
	u = past_of(s, "edge01", "job04", 50, STAGE_KERNEL);
	assert_int_equal(u.n, 3);
	assert_int_equal(u.median, 98);
	assert_int_equal(u.p90, 99);
	u = past_of(s, "edge01", "job04", 1, STAGE_KERNEL);
	assert_int_equal(u.n, 1);
	assert_int_equal(u.max, 97);
	u = past_of(s, "edge01", NULL, 50, STAGE_INITRD);
	assert_int_equal(u.n, 0);
	u = past_of(s, "edge02", NULL, 50, STAGE_KERNEL);
	assert_int_equal(u.n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FIXTURE_TEST(a_host_has_one_open_job),
	    FIXTURE_TEST(state_and_end_agree),
	    FIXTURE_TEST(what_is_under_way_comes_first),
	    FIXTURE_TEST(what_an_agent_has_to_be_told),
	    FIXTURE_TEST(lists_are_narrowed_newest_first),
	    FIXTURE_TEST(stages_move_on_and_keep_their_order),
	    FIXTURE_TEST(what_is_usual),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
