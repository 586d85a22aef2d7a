/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rollouts over a real database: what is written when, what a restart makes of it, and what people can do. */
#include "tests/unit/orchestrator/rollouts_world.h"

#include "db/db_event.h"
#include "db/db_host.h"

static void
one_after_another_until_it_is_done(void **state)
{
	struct world *w = *state;
	struct db_job job;
	char id[ID_SIZE];

	assert_int_equal(begin(w, REBOOT, "{}", 0, 3600, false), 0);
	assert_string_equal(state_of(w), "planned");
	tick(w, 0);
	assert_string_equal(state_of(w), "running");
	EXPECT(w, "job waiting waiting");
	assert_int_equal(w->woken, 1);
	assert_int_equal(db_job_open_of_host(w->f->store, "a.los", id), 0);
	assert_int_equal(db_job_get(w->f->store, id, &job), 0);
	assert_int_equal(job.not_before, T0);
	assert_int_equal(job.not_after, T0 + 3600 * S);
	assert_string_equal(job.by, "ada");
	tick(w, 1);
	EXPECT(w, "job waiting waiting");
	ends(w, "a.los", DB_JOB_DONE, "", 2);
	EXPECT(w, "ok waiting waiting");
	/* Told twice. */
	rollouts_jobs_ended(w->r, &(char *){id}, 1, T0 + 2 * S);
	tick(w, 2);
	ends(w, "b.los", DB_JOB_DONE, "", 3);
	tick(w, 3);
	ends(w, "c.los", DB_JOB_DONE, "", 4);
	assert_true(tick(w, 4) == INT64_MAX);
	assert_string_equal(state_of(w), "done ended");
	EXPECT(w, "ok ok ok");
}

static void
a_failure_halts_it_and_people_let_it_go_on(void **state)
{
	struct world *w = *state;

	assert_int_equal(begin(w, REBOOT, "{}", 0, 3600, false), 0);
	tick(w, 0);
	ends(w, "a.los", DB_JOB_FAILED, "no-answer", 1);
	tick(w, 1);
	assert_string_equal(state_of(w), "halted:budget-spent ended");
	EXPECT(w, "failed:no-answer deferred:budget-spent deferred:budget-spent");
	assert_string_equal(act(w, ROLLOUTS_PAUSE, "bob", 0, 2), "rollout-state");
	assert_string_equal(act(w, ROLLOUTS_RESUME, "bob", 0, 2), "");
	tick(w, 2);
	EXPECT(w, "failed:no-answer job waiting");
	ends(w, "b.los", DB_JOB_DONE, "", 3);
	tick(w, 3);
	ends(w, "c.los", DB_JOB_DONE, "", 4);
	tick(w, 4);
	assert_string_equal(state_of(w), "done ended");
	/* Too late, and then not. */
	assert_string_equal(act(w, ROLLOUTS_RETRY_FAILED, "bob", 0, 4000), "window-over");
	EXPECT(w, "failed:no-answer ok ok");
	assert_string_equal(act(w, ROLLOUTS_RETRY_FAILED, "bob", 600, 4000), "");
	tick(w, 4000);
	EXPECT(w, "job ok ok");
	ends(w, "a.los", DB_JOB_DONE, "", 4001);
	tick(w, 4001);
	assert_string_equal(state_of(w), "done ended");
	assert_string_equal(
	    act(w, ROLLOUTS_RETRY_FAILED, "bob", 600, 4002), "nothing-failed");
}

static void
a_restart_loses_and_repeats_nothing(void **state)
{
	struct world *w = *state;
	struct store_names ids = {0};
	const struct db_job_filter all = {.open = -1, .limit = 99};
	struct db_job job;
	char id[ID_SIZE];

	assert_int_equal(begin(w, REBOOT, "{'gates':['icmp']}", 0, 3600, false), 0);
	tick(w, 0);
	EXPECT(w, "gate-before waiting waiting");
	uint64_t old = w->ticket;
	restart(w);
	tick(w, 1);
	assert_true(w->ticket != 0);
	assert_string_equal(w->asked, "a.los");
	rollouts_gate_done(w->r, w->ticket, ROLLOUTS_GATE_PASSED, NULL, T0 + S);
	(void)old;
	tick(w, 1);
	EXPECT(w, "job waiting waiting");
	restart(w);
	tick(w, 2);
	EXPECT(w, "job waiting waiting");
	/* It ends while nobody looks. */
	assert_int_equal(db_job_open_of_host(w->f->store, "a.los", id), 0);
	assert_int_equal(db_job_get(w->f->store, id, &job), 0);
	job.state = DB_JOB_DONE;
	job.ended = T0 + 3 * S;
	assert_int_equal(db_job_update(w->f->store, &job), 0);
	restart(w);
	w->ticket = 0;
	tick(w, 4);
	EXPECT(w, "gate-after waiting waiting");
	rollouts_gate_done(w->r, w->ticket, ROLLOUTS_GATE_PASSED, NULL, T0 + 4 * S);
	EXPECT(w, "ok waiting waiting");
	assert_int_equal(db_job_ids(w->f->store, &all, &ids), 0);
	assert_int_equal(ids.n, 1);
	store_names_done(&ids);
}

static void
answers_to_old_questions_count_for_nothing(void **state)
{
	struct world *w = *state;
	const struct error why = {.code = "gate-failed", .text = "tcp:22: refused"};

	assert_int_equal(begin(w, REBOOT, "{'gates':['tcp:22']}", 0, 3600, false), 0);
	tick(w, 0);
	uint64_t first = w->ticket;
	rollouts_gate_done(w->r, first, ROLLOUTS_GATE_NOT_HEARD,
	    &(struct error){.code = "agent-absent"}, T0);
	EXPECT(w, "waiting:agent-absent waiting waiting");
	tick(w, 1);
	/* Another one has its turn meanwhile. */
	assert_string_equal(w->asked, "b.los");
	assert_false(rollouts_gate_done(w->r, first, ROLLOUTS_GATE_FAILED, &why, T0 + S));
	EXPECT(w, "waiting:agent-absent gate-before waiting");
	assert_string_equal(act(w, ROLLOUTS_PAUSE, "bob", 0, 2), "");
	tick(w, 2);
	assert_false(
	    rollouts_gate_done(w->r, w->ticket, ROLLOUTS_GATE_FAILED, &why, T0 + 2 * S));
	EXPECT(w, "waiting:agent-absent waiting waiting");
	assert_string_equal(act(w, ROLLOUTS_RESUME, "bob", 0, 3), "");
	tick(w, 3);
	assert_true(
	    rollouts_gate_done(w->r, w->ticket, ROLLOUTS_GATE_FAILED, &why, T0 + 4 * S));
	tick(w, 4);
	EXPECT(w, "failed:gate-failed deferred:budget-spent deferred:budget-spent");
}

static void
what_may_pass_is_waited_for(void **state)
{
	struct world *w = *state;

	assert_int_equal(begin(w, REBOOT, "{}", 0, 3600, false), 0);
	assert_int_equal(db_host_lock(w->f->store, "a.los", "eve", "RMA", T0), 0);
	tick(w, 0);
	EXPECT(w, "waiting:host-locked job waiting");
	ends(w, "b.los", DB_JOB_DONE, "", 1);
	w->silence = INT64_MAX;
	tick(w, 70);
	EXPECT(w, "waiting:host-locked ok waiting");
	w->silence = 0;
	assert_int_equal(db_host_unlock(w->f->store, "a.los"), 0);
	tick(w, 71);
	EXPECT(w, "job ok waiting");
	ends(w, "a.los", DB_JOB_FAILED, "window-missed", 3600);
	w->silence = INT64_MAX;
	tick(w, 3600);
	EXPECT(w, "deferred:window-missed ok deferred:agent-absent");
	assert_string_equal(state_of(w), "halted:window-over ended");
	w->silence = 0;
	assert_string_equal(act(w, ROLLOUTS_RESUME, "bob", 0, 4000), "window-over");
	assert_string_equal(act(w, ROLLOUTS_RESUME, "bob", 600, 4000), "");
	tick(w, 4000);
	EXPECT(w, "job ok waiting");
	assert_string_equal(act(w, ROLLOUTS_ABORT, "bob", 0, 4001), "");
	tick(w, 4001);
	EXPECT(w, "job ok deferred:aborted");
	assert_string_equal(state_of(w), "aborted:aborted");
	ends(w, "a.los", DB_JOB_DONE, "", 4002);
	tick(w, 4002);
	assert_string_equal(state_of(w), "aborted:aborted ended");
	assert_string_equal(act(w, ROLLOUTS_RESUME, "bob", 0, 4003), "rollout-state");
}

/* A live image that was shown, planned and not approved of, since it needs no second person. */
static void
an_image_that_installs_all_at_once_is_not_booted(void **state)
{
	struct world *w = *state;
	const struct db_job_filter all = {.limit = 10};
	struct store_names ids = {0};

	assert_string_equal(fixture_apply(w->f, LIVE_OF_KIND("live"), NULL), "");
	assert_int_equal(
	    begin(w, "{'kind':'boot','image':'live'}", "{}", 0, 3600, false), 0);
	assert_string_equal(fixture_apply(w->f, LIVE_OF_KIND("reinstall"), NULL), "");
	restart(w);
	tick(w, 0);
	EXPECT(w, "failed:image-kind deferred:budget-spent deferred:budget-spent");
	assert_int_equal(db_job_ids(w->f->store, &all, &ids), 0);
	assert_int_equal(ids.n, 0);
	store_names_done(&ids);
}

static void
a_second_person_says_yes(void **state)
{
	struct world *w = *state;
	json_t *wipe = fixture_json("{'kind':'reinstall'}");
	json_t *boot = fixture_json("{'kind':'boot','image':'debian'}");
	json_t *reboot = fixture_json(REBOOT);

	assert_true(rollouts_needs_approval(w->f->store, wipe, 3, 2));
	assert_false(rollouts_needs_approval(w->f->store, wipe, 2, 2));
	assert_true(rollouts_needs_approval(w->f->store, boot, 3, 2));
	assert_false(rollouts_needs_approval(w->f->store, reboot, 3, 2));
	json_decref(wipe);
	json_decref(boot);
	json_decref(reboot);
	assert_int_equal(begin(w, "{'kind':'reinstall'}", "{}", 0, 100, true), 0);
	tick(w, 0);
	assert_string_equal(state_of(w), "waiting-approval");
	assert_string_equal(act(w, ROLLOUTS_APPROVE, "ada", 0, 1), "same-person");
	tick(w, 100);
	assert_string_equal(state_of(w), "halted:not-approved ended");
	EXPECT(w, "deferred:not-approved deferred:not-approved deferred:not-approved");
	assert_string_equal(act(w, ROLLOUTS_RESUME, "ada", 100, 200), "");
	tick(w, 200);
	assert_string_equal(state_of(w), "waiting-approval");
	assert_string_equal(act(w, ROLLOUTS_APPROVE, "bob", 0, 201), "");
	tick(w, 201);
	EXPECT(w, "job waiting waiting");
}

/* From now on hosts can be written, or cannot. */
static void
let_write(struct world *w, bool can)
{
	const char *sql[] = {can ? "DROP TRIGGER full"
				 : "CREATE TRIGGER full BEFORE UPDATE ON rollout_host "
				   "BEGIN SELECT RAISE(ABORT, 'full'); END"};
	struct db_stmts *set;

	assert_int_equal(db_stmts_new(store_db(w->f->store), sql, 1, &set, &w->err), 0);
	assert_true(db_run(db_stmt(set, 0)) >= 0);
	db_stmts_free(set);
}

/* Whatever people do to it before it is tried again. */
static void
an_end_that_could_not_be_written_is_found_later(void **state)
{
	struct world *w = *state;

	assert_int_equal(begin(w, REBOOT, "{}", 0, 3600, false), 0);
	tick(w, 0);
	let_write(w, false);
	ends(w, "a.los", DB_JOB_DONE, "", 1);
	let_write(w, true);
	EXPECT(w, "job waiting waiting");
	assert_string_equal(act(w, ROLLOUTS_PAUSE, "bob", 0, 2), "");
	tick(w, 3);
	EXPECT(w, "ok waiting waiting");
}

/* After a stop they are thousands, and a disk takes some milliseconds for each transaction. */
static void
many_ends_of_one_rollout_are_written_at_once(void **state)
{
	static const char *const hosts[] = {"a.los", "b.los", "c.los"};
	struct world *w = *state;
	char ids[3][ID_SIZE], *jobs[3];
	struct db_job job;

	assert_int_equal(
	    begin(w, REBOOT, "{'per_site':3,'max_fail':3}", 0, 3600, false), 0);
	tick(w, 0);
	EXPECT(w, "job job job");
	for (int i = 0; i < 3; i++) {
		jobs[i] = ids[i];
		assert_int_equal(db_job_open_of_host(w->f->store, hosts[i], ids[i]), 0);
		assert_int_equal(db_job_get(w->f->store, ids[i], &job), 0);
		job.state = i == 1 ? DB_JOB_FAILED : DB_JOB_DONE;
		job.ended = T0 + S;
		str_clip(job.verdict_code, sizeof(job.verdict_code),
		    i == 1 ? "no-answer" : "");
		assert_int_equal(db_job_update(w->f->store, &job), 0);
	}
	w->told = 0;
	rollouts_jobs_ended(w->r, jobs, 3, T0 + S);
	assert_int_equal(w->told, 1);
	EXPECT(w, "ok failed:no-answer ok");
	rollouts_jobs_ended(w->r, jobs, 3, T0 + 2 * S);
	assert_int_equal(w->told, 1);
}

/* A job of that host that was done `at` seconds after T0. */
static void
add_done(struct world *w, const char *id, const char *host, int64_t at)
{
	struct db_job job = {.created = T0 - 100 * S};

	str_clip(job.id, sizeof(job.id), id);
	str_clip(job.kind, sizeof(job.kind), "reboot");
	str_clip(job.host, sizeof(job.host), host);
	str_clip(job.site, sizeof(job.site), "los");
	str_clip(job.stage, sizeof(job.stage), "done");
	assert_int_equal(db_job_add(w->f->store, &job, "{}"), 0);
	job.state = DB_JOB_DONE;
	job.ended = T0 + at * S;
	assert_int_equal(db_job_update(w->f->store, &job), 0);
}

/* A clock that was ahead for a while does not keep hosts young until it is that late. */
static void
what_a_clock_that_was_ahead_has_recorded_is_no_age(void **state)
{
	struct world *w = *state;
	int64_t at;

	add_done(w, "j1", "a.los", 50);
	add_done(w, "j2", "b.los", 365 * 24 * 3600);
	assert_int_equal(rollouts_act_younger(w->f->store, "a.los", 60 * S, T0, &at), 1);
	assert_int_equal(rollouts_act_younger(w->f->store, "b.los", 60 * S, T0, &at), 0);
}

static void
one_that_came_up_lately_is_skipped(void **state)
{
	struct world *w = *state;
	struct db_job job = {.created = T0 - 100 * S};

	add_done(w, "j1", "a.los", -50);
	/* One that never began changes nothing of its age. */
	str_clip(job.id, sizeof(job.id), "j2");
	str_clip(job.kind, sizeof(job.kind), "reboot");
	str_clip(job.host, sizeof(job.host), "a.los");
	str_clip(job.site, sizeof(job.site), "los");
	str_clip(job.stage, sizeof(job.stage), "done");
	assert_int_equal(db_job_add(w->f->store, &job, "{}"), 0);
	job.state = DB_JOB_FAILED;
	job.ended = T0 - 20 * S;
	str_clip(job.agent_code, sizeof(job.agent_code), "window-missed");
	assert_int_equal(db_job_update(w->f->store, &job), 0);
	const struct rollouts_host host = {"a.los", "los", T0, 0};
	struct rollout_policy p;
	json_t *work = fixture_json(REBOOT);
	struct rollouts_request rq = {.work = work,
	    .policy = &p,
	    .hosts = "a.los",
	    .reason = "r",
	    .by = "ada",
	    .nominal = DB_ROLLOUT_NO_NOMINAL,
	    .skip_if_younger_s = 60,
	    .v = &host,
	    .n = 1};
	rollout_policy_init(&p);
	assert_int_equal(db_begin(store_db(w->f->store)), 0);
	assert_int_equal(rollouts_begin(w->r, &rq, T0, w->id, &w->err), 0);
	assert_int_equal(db_commit(store_db(w->f->store)), 0);
	rollouts_begun(w->r, w->id, T0);
	tick(w, 0);
	EXPECT(w, "skipped:younger");
	assert_string_equal(state_of(w), "done ended");
	json_decref(work);
}

/* Else the one would see a host go down that the other has just seen come up. */
static void
a_host_that_soaks_is_left_alone_by_other_rollouts(void **state)
{
	struct world *w = *state;
	char first[ID_SIZE];

	assert_int_equal(begin(w, REBOOT, "{'soak_s':100}", 0, 3600, false), 0);
	tick(w, 0);
	memcpy(first, w->id, sizeof(first));
	ends(w, "a.los", DB_JOB_DONE, "", 10);
	EXPECT(w, "soak waiting waiting");
	assert_int_equal(begin(w, REBOOT, "{'gates':['tcp:22']}", 0, 3600, false), 0);
	tick(w, 11);
	/* The site's next place is the other one's, by its own count. */
	EXPECT(w, "waiting:host-busy gate-before waiting");
	assert_int_equal(act(w, ROLLOUTS_ABORT, "ada", 0, 12)[0], 0);
	tick(w, 12);
	EXPECT(w, "deferred:aborted deferred:aborted deferred:aborted");
	assert_int_equal(begin(w, REBOOT, "{}", 0, 3600, false), 0);
	tick(w, 13);
	EXPECT(w, "waiting:host-busy job waiting");
	ends(w, "b.los", DB_JOB_DONE, "", 14);
	/* It has soaked, and is the other one's turn. */
	tick(w, 120);
	EXPECT(w, "job ok waiting");
	memcpy(w->id, first, sizeof(first));
	EXPECT(w, "ok job waiting");
}

static void
what_cannot_be_ordered_is_refused_or_left_out(void **state)
{
	struct world *w = *state;

	assert_int_equal(begin(w, "{'kind':'dance'}", "{}", 0, 0, false), -EINVAL);
	assert_int_equal(
	    begin(w, "{'kind':'power','action':'burn'}", "{}", 0, 0, false), -EINVAL);
	assert_int_equal(begin(w, "{}", "{}", 0, 0, false), -EINVAL);
	/* Removed since. */
	assert_int_equal(begin(w, REBOOT, "{}", 0, 0, false), 0);
	assert_int_equal(db_begin(store_db(w->f->store)), 0);
	assert_int_equal(db_host_delete(w->f->store, "a.los", T0), 0);
	assert_int_equal(db_commit(store_db(w->f->store)), 0);
	tick(w, 0);
	EXPECT(w, "skipped:host-unknown job waiting");
}

/* Neither is more begun than an order may name, nor are more jobs open than may be; and that is no failure of a host. */
static void
caps_are_kept(void **state)
{
	struct world *w = *state;

	w->caps.hosts.reboot = 2;
	assert_int_equal(begin(w, REBOOT, "{}", 0, 0, false), -EPERM);
	assert_string_equal(w->err.code, "over-cap");
	w->caps.hosts.reboot = 3;
	w->caps.in_flight.reboot = 1;
	assert_int_equal(begin(w, REBOOT, "{'per_site':3}", 0, 0, false), 0);
	tick(w, 0);
	EXPECT(w, "job waiting:over-cap waiting:over-cap");
	assert_string_equal(state_of(w), "running");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(one_after_another_until_it_is_done),
	    WORLD_TEST(caps_are_kept),
	    WORLD_TEST(a_failure_halts_it_and_people_let_it_go_on),
	    WORLD_TEST(an_end_that_could_not_be_written_is_found_later),
	    WORLD_TEST(many_ends_of_one_rollout_are_written_at_once),
	    WORLD_TEST(what_a_clock_that_was_ahead_has_recorded_is_no_age),
	    WORLD_TEST(a_restart_loses_and_repeats_nothing),
	    WORLD_TEST(answers_to_old_questions_count_for_nothing),
	    WORLD_TEST(what_may_pass_is_waited_for),
	    WORLD_TEST(an_image_that_installs_all_at_once_is_not_booted),
	    WORLD_TEST(a_second_person_says_yes),
	    WORLD_TEST(one_that_came_up_lately_is_skipped),
	    WORLD_TEST(a_host_that_soaks_is_left_alone_by_other_rollouts),
	    WORLD_TEST(what_cannot_be_ordered_is_refused_or_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
