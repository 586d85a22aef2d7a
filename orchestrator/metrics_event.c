// SPDX-License-Identifier: GPL-3.0-or-later
/* Events to counters: each counts by site and kind, and some kinds tell more.
 *
 * Entry points: metrics_event_begin() once, metrics_event(). The verdict of a job is the one stored with it, so that figures say what status and
 * history say. It owns nothing. Failure modes: a row that cannot be read leaves its counter as it was. */
#include "orchestrator/metrics_event.h"

#include <string.h>

#include "db/db_boot.h"
#include "db/db_job.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/stage.h"
#include "lib/str.h"
#include "lib/verdict.h"

static void
on_job_end(struct metrics *m, struct store *s, const struct event *ev)
{
	struct db_job job;

	if (db_job_get(s, ev->job, &job) < 0 || !job.ended)
		return;
	metrics_add(m, METRICS_JOBS_ENDED, job.kind, db_job_state_name(job.state), 1);
	if (job.verdict_code[0])
		metrics_add(m, METRICS_VERDICTS, job.verdict_code, NULL, 1);
}

static void
on_stage(struct metrics *m, struct store *s, const struct event *ev)
{
	const char *stage = event_str(ev, "stage"), *state = event_str(ev, "state");
	int64_t attempt = event_i64(ev, "attempt", 0);
	struct db_job_stage row;

	if (str_eq(state, "missed"))
		metrics_add(m, METRICS_STAGES_MISSED, stage, NULL, 1);
	if (!str_eq(state, "confirmed") ||
	    db_job_stage_get(s, ev->job, attempt, stage, &row) < 0 || row.entered <= 0 ||
	    ev->at < row.entered)
		return;
	metrics_observe(m, METRICS_STAGE_SECONDS, row.stage,
	    (double)(ev->at - row.entered) / USEC_PER_SEC);
}

static void
on_boot(struct metrics *m, struct store *s, const struct event *ev)
{
	(void)s;
	if (str_eq(ev->kind, "boot.begin"))
		metrics_add(m, METRICS_BOOTS_BEGUN,
		    json_is_true(json_object_get(ev->detail, "planned")) ? "true"
									 : "false",
		    NULL, 1);
	else if (str_eq(ev->kind, "boot.end") && event_str(ev, "outcome")[0])
		metrics_add(m, METRICS_BOOTS_ENDED, event_str(ev, "outcome"), NULL, 1);
	if (event_str(ev, "flag")[0])
		metrics_add(m, METRICS_BOOT_FLAGS, event_str(ev, "flag"), NULL, 1);
}

static void
on_transfer(struct metrics *m, struct store *s, const struct event *ev)
{
	(void)s;
	if (ev->bytes > 0)
		metrics_add(m, METRICS_TRANSFER_BYTES, ev->site,
		    str_has_prefix(ev->kind, "tftp") ? "tftp" : "http",
		    (double)ev->bytes);
}

static void
on_rollout(struct metrics *m, struct store *s, const struct event *ev)
{
	(void)s;
	metrics_add(m, METRICS_ROLLOUTS, ev->kind + sizeof("rollout.") - 1, NULL, 1);
}

static void
on_rollout_host(struct metrics *m, struct store *s, const struct event *ev)
{
	(void)s;
	if (event_str(ev, "state")[0])
		metrics_add(m, METRICS_ROLLOUT_HOSTS, event_str(ev, "state"), NULL, 1);
}

static void
on_schedule_run(struct metrics *m, struct store *s, const struct event *ev)
{
	(void)s;
	if (event_str(ev, "code")[0])
		metrics_add(m, METRICS_SCHEDULE_RUNS, event_str(ev, "code"), NULL, 1);
}

static const struct {
	const char *kind; /* with a star: the whole source */
	void (*apply)(struct metrics *m, struct store *s, const struct event *ev);
} rules[] = {
    {"job.done", on_job_end},
    {"job.failed", on_job_end},
    {"job.cancelled", on_job_end},
    {"job.refused", on_job_end},
    {"job.stage", on_stage},
    {"boot.*", on_boot},
    {"tftp.end", on_transfer},
    {"tftp.error", on_transfer},
    {"http.end", on_transfer},
    {"http.error", on_transfer},
    {"rollout.halted", on_rollout},
    {"rollout.aborted", on_rollout},
    {"rollout.done", on_rollout},
    {"rollout.host", on_rollout_host},
    {"schedule.run", on_schedule_run},
};

static bool
applies(const char *pattern, const char *kind)
{
	size_t n = strcspn(pattern, "*");

	return pattern[n] ? strncmp(pattern, kind, n) == 0 : str_eq(pattern, kind);
}

/* Kinds that come from agents alone: what the orchestrator notes itself is never late. The rule NetbootReportsLate
 * (packaging/prometheus) looks for the same kinds: by any other the figure would stand, and the alert with it. */
static bool
of_agent(const char *kind)
{
	return str_has_prefix(kind, "dhcp") || str_has_prefix(kind, "tftp.") ||
	       str_has_prefix(kind, "http.") || str_has_prefix(kind, "report.") ||
	       str_has_prefix(kind, "boot.") || str_has_prefix(kind, "bootd.") ||
	       str_eq(kind, "job.stage");
}

void
metrics_event(struct metrics *m, struct store *s, const struct event *ev, int64_t now)
{
	metrics_add(m, METRICS_EVENTS, ev->site, ev->kind, 1);
	if (of_agent(ev->kind) && ev->site[0])
		metrics_set(m, METRICS_REPORT_LAG, ev->site, NULL,
		    now > ev->at ? (double)(now - ev->at) / USEC_PER_SEC : 0);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (applies(rules[i].kind, ev->kind))
			rules[i].apply(m, s, ev);
}

/* What follows is told of a table in the program: a series that began with its first event would hide that from increase(). */
static void
begin_codes(struct metrics *m)
{
	const char *flag;

	for (size_t i = 0; i < VERDICT_TABLES; i++)
		for (const struct verdict_row *r = verdict_table_all[i]; r->code; r++)
			if (r->kind != VERDICT_STATE)
				metrics_add(m, METRICS_VERDICTS, r->code, NULL, 0);
	for (int i = STAGE_QUEUED + 1; i < STAGE_DONE; i++)
		metrics_add(m, METRICS_STAGES_MISSED, stage_name((enum stage)i), NULL, 0);
	for (unsigned i = 0; (flag = db_boot_flag_next(INT64_MAX, &i)) != NULL;)
		metrics_add(m, METRICS_BOOT_FLAGS, flag, NULL, 0);
}

static void
begin_unattended(struct metrics *m)
{
	static const char *const ends[] = {"halted", "aborted", "done"};
	static const char *const hosts[] = {
	    "ok", "failed", "skipped", "deferred", "lost"};
	static const char *const runs[] = {"ran", "missed", "paused", "skipped",
	    "blackout", "held", "busy", "empty", "refused"};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		metrics_add(m, METRICS_ROLLOUTS, ends[i], NULL, 0);
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
		metrics_add(m, METRICS_ROLLOUT_HOSTS, hosts[i], NULL, 0);
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
		metrics_add(m, METRICS_SCHEDULE_RUNS, runs[i], NULL, 0);
	metrics_add(m, METRICS_GATES, "ok", NULL, 0);
}

void
metrics_event_begin(struct metrics *m)
{
	static const char *const kinds[] = {
	    "reinstall", "rescue", "live", "boot", "reboot", "power"};
	static const enum db_job_state ends[] = {
	    DB_JOB_DONE, DB_JOB_FAILED, DB_JOB_CANCELLED};
	static const char *const outcomes[] = {"ok", "failed", "unknown", "superseded"};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		for (size_t k = 0; k < ARRAY_SIZE(ends); k++)
			metrics_add(m, METRICS_JOBS_ENDED, kinds[i],
			    db_job_state_name(ends[k]), 0);
	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++)
		metrics_add(m, METRICS_BOOTS_ENDED, outcomes[i], NULL, 0);
	begin_codes(m);
	begin_unattended(m);
	metrics_add(m, METRICS_BOOTS_BEGUN, "true", NULL, 0);
	metrics_add(m, METRICS_BOOTS_BEGUN, "false", NULL, 0);
}
