/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/lifecycle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/json.h"
#include "lib/str.h"

enum { NOW = 5000 };

static struct db_job
job_in(enum db_job_state state)
{
	struct db_job job = {.id = "01k9xyz0a0abcdef",
	    .host = "edge01",
	    .stage = "queued",
	    .image = "debian",
	    .state = state,
	    .attempt = state >= DB_JOB_RUNNING ? 1 : 0};

	if (lifecycle_ended(state))
		job.ended = 100;
	return job;
}

static struct lifecycle_change
apply(const char *kind, const char *detail, const struct db_job *job)
{
	struct lifecycle_change ch;
	struct event ev = event_make(kind, NOW);

	str_clip(ev.job, sizeof(ev.job), "01k9xyz0a0abcdef");
	str_clip(ev.boot, sizeof(ev.boot), "01k9xyz0a0abcdeg");
	str_clip(ev.host, sizeof(ev.host), "edge01");
	ev.detail = json_parse(detail, strlen(detail), NULL);
	assert_non_null(ev.detail);
	lifecycle_apply(&ev, "agent1", job, &ch);
	event_done(&ev);
	return ch;
}

/* Who stopped it, where it was kept from beginning; what was done, where an agent did not know of that. */
static void
what_a_hold_cancels_says_so(void **state)
{
	struct db_job job = job_in(DB_JOB_ACCEPTED);
	struct lifecycle_change ch;

	(void)state;
	str_clip(job.cancel_code, sizeof(job.cancel_code), "world-stopped");
	str_clip(job.cancel_by, sizeof(job.cancel_by), "ann");
	str_clip(job.cancel_reason, sizeof(job.cancel_reason), "INC-9");
	ch = apply("job.cancelled", "{}", &job);
	assert_int_equal(ch.job.state, DB_JOB_CANCELLED);
	assert_string_equal(ch.job.verdict_code, "world-stopped");
	assert_non_null(strstr(ch.job.verdict_text, "ann stopped everything: INC-9"));
	ch = apply("job.cancelled", "{\"code\":\"left-off\"}", &job);
	assert_string_equal(ch.job.verdict_code, "left-off");
	job.state = DB_JOB_RUNNING;
	ch = apply("job.cancelled", "{\"code\":\"nothing-done\"}", &job);
	assert_string_equal(ch.job.verdict_code, "nothing-done");
}

/* Every job event in every state: what becomes of it. -1: ignored; -2: taken, nothing changes. */
static void
every_event_in_every_state(void **state)
{
	enum {
		IGN = -1,
		SAME = -2,
		Q = DB_JOB_QUEUED,
		A = DB_JOB_ACCEPTED,
		R = DB_JOB_RUNNING,
		D = DB_JOB_DONE,
		F = DB_JOB_FAILED,
		C = DB_JOB_CANCELLED
	};
	static const struct {
		const char *kind, *detail;
		int to
		    [6]; /* by state before: queued accepted running done failed cancelled */
	} table[] = {
	    {"job.accepted", "{}", {A, A, R, IGN, IGN, IGN}},
	    {"job.refused", "{\"code\":\"x\"}", {F, IGN, IGN, IGN, IGN, IGN}},
	    {"job.attempt", "{\"attempt\":1}", {R, R, R, IGN, IGN, IGN}},
	    {"job.attempt", "{\"attempt\":0}", {IGN, IGN, IGN, IGN, IGN, IGN}},
	    {"job.attempt", "{}", {IGN, IGN, IGN, IGN, IGN, IGN}},
	    {"job.stage", "{\"stage\":\"kernel\",\"state\":\"entered\",\"attempt\":1}",
		{R, R, R, IGN, IGN, IGN}},
	    {"job.stage", "{\"stage\":\"kernel\",\"state\":\"lost\",\"attempt\":1}",
		{IGN, IGN, IGN, IGN, IGN, IGN}},
	    {"job.stage", "{\"stage\":\"warp\",\"state\":\"entered\",\"attempt\":1}",
		{IGN, IGN, IGN, IGN, IGN, IGN}},
	    {"job.stage", "{\"stage\":\"kernel\",\"state\":\"entered\",\"attempt\":-1}",
		{IGN, IGN, IGN, IGN, IGN, IGN}},
	    {"job.ticket", "{\"state\":\"armed\"}", {SAME, SAME, SAME, IGN, IGN, IGN}},
	    {"job.done", "{}", {D, D, D, IGN, IGN, IGN}},
	    {"job.failed", "{\"code\":\"bmc-auth\"}", {F, F, F, IGN, IGN, IGN}},
	    {"job.cancelled", "{}", {C, C, C, IGN, IGN, IGN}},
	    {"job.unheard-of", "{}", {SAME, SAME, SAME, SAME, SAME, SAME}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		for (int from = Q; from <= C; from++) {
			struct db_job job = job_in((enum db_job_state)from);
			struct lifecycle_change ch =
			    apply(table[i].kind, table[i].detail, &job);
			int to = table[i].to[from];

			assert_int_equal(ch.ignored != NULL, to == IGN);
			if (to < 0) {
				assert_false(
				    ch.set_job || ch.set_stage || ch.set_attempt);
				continue;
			}
			assert_true(ch.set_job);
			assert_int_equal(ch.job.state, to);
			assert_int_equal(
			    ch.job.ended != 0, lifecycle_ended(ch.job.state));
			assert_string_equal(ch.job.agent, "agent1");
		}
	}
}

static void
a_job_nobody_knows_changes_nothing(void **state)
{
	struct lifecycle_change ch = apply("job.accepted", "{}", NULL);

	(void)state;
	assert_string_equal(ch.ignored, "no such job");
	assert_false(ch.set_job);
	ch = apply("dhcp4.ack", "{}", NULL);
	assert_null(ch.ignored);
}

static void
a_stage_carries_its_evidence(void **state)
{
	struct db_job job = job_in(DB_JOB_RUNNING);
	struct lifecycle_change ch = apply("job.stage",
	    "{\"stage\":\"kernel\",\"state\":\"confirmed\",\"attempt\":1,\"deadline_us\":"
	    "600,\"evidence\":\"14 MB\"}",
	    &job);

	(void)state;
	assert_true(ch.set_stage);
	assert_string_equal(ch.stage.stage, "kernel");
	assert_string_equal(ch.stage.state, "confirmed");
	assert_string_equal(ch.stage.evidence, "14 MB");
	assert_string_equal(ch.stage.boot, "01k9xyz0a0abcdeg");
	assert_int_equal(ch.stage.deadline_us, 600);
	assert_int_equal(ch.stage.at, NOW);
	assert_string_equal(ch.job.stage, "kernel");
}

static void
news_of_an_earlier_attempt_do_not_move_the_job_back(void **state)
{
	struct db_job job = job_in(DB_JOB_RUNNING);
	struct lifecycle_change ch;

	(void)state;
	job.attempt = 2;
	str_clip(job.stage, sizeof(job.stage), "power");
	ch = apply("job.stage",
	    "{\"stage\":\"kernel\",\"state\":\"missed\",\"attempt\":1}", &job);
	assert_true(ch.set_stage);
	assert_string_equal(ch.job.stage, "power");
	assert_int_equal(ch.job.attempt, 2);
	ch = apply("job.attempt", "{\"attempt\":1}", &job);
	assert_int_equal(ch.job.attempt, 2);
	ch = apply("job.stage",
	    "{\"stage\":\"rootfs\",\"state\":\"skipped\",\"attempt\":2}", &job);
	assert_string_equal(ch.job.stage, "power");
	ch = apply("job.stage",
	    "{\"stage\":\"override\",\"state\":\"entered\",\"attempt\":3}", &job);
	assert_string_equal(ch.job.stage, "override");
	assert_int_equal(ch.job.attempt, 3);
}

static void
a_verdict_is_kept_whole(void **state)
{
	struct db_job job = job_in(DB_JOB_RUNNING);
	struct lifecycle_change ch = apply("job.failed",
	    "{\"code\":\"bmc-auth\",\"text\":\"the BMC refused the "
	    "password\",\"next\":\"set it\",\"stage\":\"override\"}",
	    &job);

	(void)state;
	assert_string_equal(ch.job.verdict_code, "bmc-auth");
	assert_string_equal(ch.job.verdict_text, "the BMC refused the password");
	assert_string_equal(ch.job.verdict_next, "set it");
	assert_string_equal(ch.job.stage, "override");
	assert_int_equal(ch.job.ended, NOW);
	ch = apply("job.cancelled",
	    "{\"by\":\"ann\",\"code\":\"image-let-go\",\"text\":\"it may be at work\","
	    "\"next\":\"watch\"}",
	    &job);
	assert_string_equal(ch.job.verdict_code, "image-let-go");
	assert_string_equal(ch.job.verdict_text, "it may be at work");
	assert_string_equal(ch.job.verdict_next, "watch");
	ch = apply("job.cancelled", "{\"by\":\"ann\"}", &job);
	assert_string_equal(ch.job.verdict_code, "");
	ch = apply("job.failed", "{}", &job);
	assert_string_equal(ch.job.verdict_code, "unknown");
	assert_string_equal(ch.job.stage, "queued");
}

static void
boots_begin_and_end(void **state)
{
	struct db_job job = job_in(DB_JOB_RUNNING);
	struct lifecycle_change ch = apply("boot.begin",
	    "{\"planned\":true,\"attempt\":1,\"trigger\":\"reinstall\"}", &job);

	(void)state;
	assert_true(ch.begin_boot && ch.set_job);
	assert_true(ch.boot.planned);
	assert_string_equal(ch.boot.image, "debian");
	assert_string_equal(ch.boot.trigger, "reinstall");
	assert_string_equal(ch.job.boot, "01k9xyz0a0abcdeg");
	job = job_in(DB_JOB_DONE);
	ch = apply("boot.begin", "{\"planned\":false}", &job);
	assert_true(ch.begin_boot);
	assert_false(ch.set_job);
	assert_string_equal(ch.boot.image, "");
	ch = apply("boot.end", "{\"outcome\":\"ok\",\"text\":\"up\"}", NULL);
	assert_true(ch.end_boot);
	assert_string_equal(ch.boot.outcome, "ok");
	assert_int_equal(ch.boot.ended, NOW);
	ch = apply("boot.end", "{\"outcome\":\"fine\"}", NULL);
	assert_false(ch.end_boot);
	assert_non_null(ch.ignored);
}

static void
power_is_one_of_three(void **state)
{
	static const char *const good[] = {"on", "off", "unknown"};
	char text[40];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(
		    str_format(text, sizeof(text), "{\"power\":\"%s\"}", good[i]), 0);
		struct lifecycle_change ch = apply("power.state", text, NULL);
		assert_true(ch.set_power);
		assert_string_equal(ch.power, good[i]);
	}
	assert_false(apply("power.state", "{\"power\":\"maybe\"}", NULL).set_power);
	assert_false(apply("power.state", "{}", NULL).set_power);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_a_hold_cancels_says_so),
	    cmocka_unit_test(every_event_in_every_state),
	    cmocka_unit_test(a_job_nobody_knows_changes_nothing),
	    cmocka_unit_test(a_stage_carries_its_evidence),
	    cmocka_unit_test(news_of_an_earlier_attempt_do_not_move_the_job_back),
	    cmocka_unit_test(a_verdict_is_kept_whole),
	    cmocka_unit_test(boots_begin_and_end),
	    cmocka_unit_test(power_is_one_of_three),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
