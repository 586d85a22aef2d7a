/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the agent shows by itself: no secret, nothing guessed. */
#include "agent/local_view.h"

#include "lib/clock.h"
#include "lib/json.h"
#include "tests/unit/agent/job_fixture.h"

static const char *
text_of(const json_t *v, const char *key)
{
	const char *s = json_string_value(json_object_get(v, key));

	return s != NULL ? s : "";
}

static void
no_secret_of_a_bmc_is_shown(void **state)
{
	struct local_msg_host *more = str_alloc(sizeof(*more));
	struct bundle *b = job_fixture_bundle();
	char *text;
	json_t *v;

	(void)state;
	v = local_view_host("los", &b->host, NULL);
	assert_null(json_object_get(v, "bmc"));
	json_decref(v);
	bundle_bmc_copy(&more->bmc, &b->bmc);
	assert_int_equal(bundle_bmc_set_kg(&more->bmc, "kg-of-the-bmc"), 0);
	str_clip(more->bmc.password_next, sizeof(more->bmc.password_next), "fresh-pass");
	more->locked_at = 1;
	v = local_view_host("los", &b->host, more);
	assert_string_equal(text_of(json_object_get(v, "bmc"), "user"), "admin");
	assert_non_null(json_object_get(v, "locked"));
	text = json_text(v);
	assert_null(strstr(text, "secret17"));
	assert_null(strstr(text, "\"kg\""));
	assert_null(strstr(text, "fresh-pass"));
	free(text);
	json_decref(v);
	local_msg_host_done(more);
	free(more);
	bundle_done(b);
	free(b);
}

/* Owned by the caller, with its bundle. */
static struct spool_past_job *
a_job(enum stage stage)
{
	struct spool_past_job *job = str_alloc(sizeof(*job));
	struct bundle *b = job_fixture_bundle();

	job->bundle = *b;
	free(b);
	str_clip(job->run.job, sizeof(job->run.job), job->bundle.job);
	str_clip(job->run.host, sizeof(job->run.host), "edge01");
	job->run.stage = stage;
	job->run.entered = 100;
	job->run.due = 200;
	return job;
}

static void
a_hosts_state_is_what_is_known(void **state)
{
	static const struct {
		enum stage stage;
		bool job, locked;
		int64_t now;
		const char *state, *reason;
	} rows[] = {
	    {STAGE_DONE, false, false, 0, "idle", ""},
	    {STAGE_DONE, true, false, 0, "idle", ""},
	    {STAGE_CANCELLED, true, false, 0, "idle", ""},
	    {STAGE_KERNEL, true, false, 150, "busy", ""},
	    {STAGE_KERNEL, true, true, 150, "busy", ""},
	    {STAGE_KERNEL, true, false, 201, "busy", "deadline passed"},
	    {STAGE_DONE, false, true, 0, "locked", "on the bench"},
	    {STAGE_FAILED, true, true, 0, "locked", "on the bench"},
	    {STAGE_FAILED, true, false, 0, "failed", "window-missed: "},
	};
	struct local_msg_host *more = str_alloc(sizeof(*more));

	(void)state;
	str_clip(more->locked_reason, sizeof(more->locked_reason), "on the bench");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct spool_past_job *job = a_job(rows[i].stage);
		const struct local_view_status s = {.site = "los",
		    .more = more,
		    .job = rows[i].job ? job : NULL,
		    .power = "",
		    .now = rows[i].now};
		json_t *v;

		more->locked_at = rows[i].locked;
		if (rows[i].stage == STAGE_FAILED)
			str_clip(job->run.verdict.code, sizeof(job->run.verdict.code),
			    "window-missed");
		v = local_view_status("edge01", &s);
		assert_string_equal(text_of(v, "state"), rows[i].state);
		assert_int_equal(
		    strncmp(text_of(v, "reason"), rows[i].reason, strlen(rows[i].reason)),
		    0);
		assert_int_equal(
		    text_of(v, "reason")[0] == '\0', rows[i].reason[0] == '\0');
		assert_true(json_is_null(json_object_get(v, "power")));
		json_decref(v);
		bundle_done(&job->bundle);
		free(job);
	}
	free(more);
}

static void
a_job_for_later_says_when(void **state)
{
	struct spool_past_job *job = a_job(STAGE_QUEUED);
	char at[CLOCK_TEXT_SIZE];
	json_t *v = local_view_job("los", job);

	(void)state;
	assert_true(json_is_null(json_object_get(v, "not_before")));
	json_decref(v);
	job->bundle.not_before = 3600 * USEC_PER_SEC;
	job->bundle.not_after = 7200 * USEC_PER_SEC;
	v = local_view_job("los", job);
	assert_string_equal(text_of(v, "state"), "accepted");
	assert_string_equal(
	    text_of(v, "not_before"), clock_text(job->bundle.not_before, at, sizeof(at)));
	assert_string_equal(
	    text_of(v, "not_after"), clock_text(job->bundle.not_after, at, sizeof(at)));
	json_decref(v);
	bundle_done(&job->bundle);
	free(job);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_secret_of_a_bmc_is_shown),
	    cmocka_unit_test(a_hosts_state_is_what_is_known),
	    cmocka_unit_test(a_job_for_later_says_when),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
