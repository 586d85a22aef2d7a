/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/metrics.h"

#include "db/db_event.h"
#include "db/db_job.h"
#include "fixture.h"
#include "orchestrator/metrics_event.h"

static char *
text_of(struct metrics *m)
{
	struct expo *x = expo_new(EXPO_TEXT);

	metrics_write(m, x);
	return expo_end(x);
}

static void
has(struct metrics *m, const char *line)
{
	char *text = text_of(m);

	if (!strstr(text, line))
		fail_msg("no %s in\n%s", line, text);
	free(text);
}

static void
series_add_up(void **state)
{
	struct metrics *m = metrics_new();

	(void)state;
	metrics_add(m, METRICS_EVENTS, "los", "job.done", 1);
	metrics_add(m, METRICS_EVENTS, "los", "job.done", 2);
	metrics_add(m, METRICS_EVENTS, "ams", "job.done", 1);
	metrics_add(m, METRICS_WEBHOOK_DROPPED, "ops", NULL, 0);
	metrics_set(m, METRICS_REPORT_LAG, "los", NULL, 3);
	metrics_set(m, METRICS_REPORT_LAG, "los", NULL, 0.5);
	assert_true(metrics_value(m, METRICS_EVENTS, "los", "job.done") == 3);
	assert_true(metrics_value(m, METRICS_EVENTS, "xyz", "job.done") == 0);
	/* Sorted: two scrapes of the same figures are the same text. */
	has(m, "netboot_events_total{site=\"ams\",kind=\"job.done\"} 1\n"
	       "netboot_events_total{site=\"los\",kind=\"job.done\"} 3\n");
	has(m, "netboot_webhook_dropped_total{webhook=\"ops\"} 0\n");
	has(m, "netboot_agent_report_lag_seconds{site=\"los\"} 0.5\n");
	has(m, "# TYPE netboot_bmc_calls_total counter\n");
	metrics_add(NULL, METRICS_EVENTS, "los", "x", 1);
	metrics_set(NULL, METRICS_EVENTS, "los", "x", 1);
	metrics_observe(NULL, METRICS_LOOP_LATE, NULL, 1);
	metrics_free(m);
	metrics_free(NULL);
}

static void
a_histogram_counts_into_its_buckets(void **state)
{
	struct metrics *m = metrics_new();

	(void)state;
	metrics_observe(m, METRICS_STAGE_SECONDS, "kernel", 0.1); /* a bound is inside */
	metrics_observe(m, METRICS_STAGE_SECONDS, "kernel", 7);
	metrics_observe(m, METRICS_STAGE_SECONDS, "kernel", 100000);
	has(m, "_bucket{stage=\"kernel\",le=\"0.1\"} 1\n");
	has(m, "_bucket{stage=\"kernel\",le=\"5\"} 1\n");
	has(m, "_bucket{stage=\"kernel\",le=\"10\"} 2\n");
	has(m, "_bucket{stage=\"kernel\",le=\"3600\"} 2\n");
	has(m, "_bucket{stage=\"kernel\",le=\"+Inf\"} 3\n");
	has(m, "netboot_stage_duration_seconds_sum{stage=\"kernel\"} 100007.1\n");
	metrics_free(m);
}

static void
a_family_takes_no_more_than_its_limit(void **state)
{
	struct metrics *m = metrics_new();
	char word[200];

	(void)state;
	for (int i = 0; i < 600; i++) {
		snprintf(word, sizeof(word), "code-%d", i);
		metrics_add(m, METRICS_BMC_CALLS, "power", word, 1);
	}
	assert_true(metrics_value(m, METRICS_BMC_CALLS, "power", "other") == 100);
	for (int i = 0; i < 600; i++) {
		snprintf(word, sizeof(word), "verb-%d", i);
		metrics_add(m, METRICS_BMC_CALLS, word, "ok", 1);
	}
	assert_true(metrics_value(m, METRICS_BMC_CALLS, "verb-0", "other") == 1);
	assert_true(metrics_value(m, METRICS_BMC_CALLS, "other", "other") == 101);
	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	metrics_add(m, METRICS_VERDICTS, word, NULL, 1);
	metrics_add(m, METRICS_VERDICTS, word, NULL, 1);
	word[63] = '\0';
	assert_true(metrics_value(m, METRICS_VERDICTS, word, NULL) == 2);
	metrics_free(m);
}

static void
a_copy_is_its_own(void **state)
{
	struct metrics *m = metrics_new(), *copy;

	(void)state;
	metrics_add(m, METRICS_VERDICTS, "a", NULL, 1);
	metrics_observe(m, METRICS_LOOP_LATE, NULL, 1);
	copy = metrics_dup(m);
	metrics_add(m, METRICS_VERDICTS, "a", NULL, 1);
	assert_true(metrics_value(copy, METRICS_VERDICTS, "a", NULL) == 1);
	metrics_free(m);
	has(copy, "netboot_loop_late_seconds_count 1\n");
	metrics_free(copy);
}

/* ---- events ---- */

#define JOB "01k9xyz0a0abcdef"

static void
tell(struct metrics *m, struct store *s, const char *kind, const char *detail)
{
	struct event ev = event_make(kind, FIXTURE_NOW);

	str_clip(ev.site, sizeof(ev.site), "los");
	str_clip(ev.host, sizeof(ev.host), "a.los");
	str_clip(ev.job, sizeof(ev.job), JOB);
	ev.bytes = 1000;
	ev.detail = fixture_json(detail);
	metrics_event(m, s, &ev, FIXTURE_NOW + 2 * USEC_PER_SEC);
	event_done(&ev);
}

static void
events_count_by_kind_and_site(void **state)
{
	struct fixture *f = *state;
	struct metrics *m = metrics_new();

	tell(m, f->store, "dhcp4.discover", "{}");
	tell(m, f->store, "tftp.end", "{}");
	tell(m, f->store, "http.end", "{}");
	tell(m, f->store, "http.progress", "{}");
	tell(m, f->store, "boot.begin", "{'planned':false}");
	tell(m, f->store, "boot.flag", "{'flag':'unordered'}");
	tell(m, f->store, "boot.end", "{'outcome':'ok'}");
	tell(m, f->store, "job.failed", "{'code':'x'}"); /* of a job that there is not */
	assert_true(metrics_value(m, METRICS_EVENTS, "los", "dhcp4.discover") == 1);
	assert_true(metrics_value(m, METRICS_TRANSFER_BYTES, "los", "tftp") == 1000);
	assert_true(metrics_value(m, METRICS_TRANSFER_BYTES, "los", "http") == 1000);
	assert_true(metrics_value(m, METRICS_BOOTS_BEGUN, "false", NULL) == 1);
	assert_true(metrics_value(m, METRICS_BOOTS_ENDED, "ok", NULL) == 1);
	assert_true(metrics_value(m, METRICS_BOOT_FLAGS, "unordered", NULL) == 1);
	assert_true(metrics_value(m, METRICS_REPORT_LAG, "los", NULL) == 2);
	assert_true(metrics_value(m, METRICS_VERDICTS, "x", NULL) == 0);
	metrics_free(m);
}

static void
jobs_count_by_the_verdict_that_is_stored(void **state)
{
	struct fixture *f = *state;
	struct metrics *m = metrics_new();
	struct db_job job = {.id = JOB,
	    .kind = "reinstall",
	    .host = "a.los",
	    .site = "los",
	    .reason = "r",
	    .by = "ada",
	    .created = FIXTURE_NOW,
	    .stage = "queued"};
	struct db_job_stage stage = {.job = JOB,
	    .attempt = 1,
	    .stage = "kernel",
	    .state = "entered",
	    .at = FIXTURE_NOW - 7 * USEC_PER_SEC,
	    .seq = 1};

	assert_int_equal(db_job_add(f->store, &job, "{}"), 0);
	assert_int_equal(db_job_stage_put(f->store, &stage), 0);
	strcpy(stage.state, "confirmed");
	stage.at = FIXTURE_NOW;
	assert_int_equal(db_job_stage_put(f->store, &stage), 0);
	tell(m, f->store, "job.stage",
	    "{'stage':'kernel','state':'confirmed','attempt':1}");
	tell(m, f->store, "job.stage", "{'stage':'initrd','state':'missed','attempt':1}");
	job.state = DB_JOB_FAILED;
	job.ended = FIXTURE_NOW;
	strcpy(job.verdict_code, "loader-stalled");
	assert_int_equal(db_job_update(f->store, &job), 0);
	tell(m, f->store, "job.failed", "{'code':'what-the-agent-said'}");
	has(m, "netboot_stage_duration_seconds_sum{stage=\"kernel\"} 7\n");
	assert_true(metrics_value(m, METRICS_STAGES_MISSED, "initrd", NULL) == 1);
	assert_true(metrics_value(m, METRICS_JOBS_ENDED, "reinstall", "failed") == 1);
	assert_true(metrics_value(m, METRICS_VERDICTS, "loader-stalled", NULL) == 1);
	metrics_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(series_add_up),
	    cmocka_unit_test(a_histogram_counts_into_its_buckets),
	    cmocka_unit_test(a_family_takes_no_more_than_its_limit),
	    cmocka_unit_test(a_copy_is_its_own),
	    FIXTURE_TEST(events_count_by_kind_and_site),
	    FIXTURE_TEST(jobs_count_by_the_verdict_that_is_stored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
