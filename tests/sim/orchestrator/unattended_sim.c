// SPDX-License-Identifier: GPL-3.0-or-later
/* A fleet that is rebooted every week while nobody watches, in virtual time: the scheduler, the rollouts, the orders and the records
 * themselves, over their own database, against machines that do not come back, BMCs that are dead, lines that are cut and agents that
 * stop for hours, reports that are lost and repeated, an orchestrator that is killed between any two calls and within them, clocks that
 * are set, people who pause, resume, abort, freeze and lock, and people who order beside the calendar: rollouts by hand on the same hosts,
 * a schedule's run at once, its next run passed over, a schedule that is paused. For every seed, at every step:
 *   - never more in flight than the caps allow: of the rollout, its site, its rack, its pair, and of all rollouts
 *   - nothing begins outside of its site's window, by the clock of its agent and the zones of the C library
 *   - never two jobs on a machine; never rebooted twice in a run; never in flight of two rollouts
 *   - no run begins of a schedule that is paused, and none that was to be passed over
 *   - nothing is ordered once the budget is spent, a canary has failed, or somebody has stopped it, and nothing at what is held
 *   - a batch begins when nothing of the one before is in flight, and nothing that could have begun is left in it
 * and at the end of every week (fleet_account.c): each run is there once, or why not, and each of its machines was rebooted exactly
 * once or is accounted for with the reason.
 *
 * That the judge is no friend of the orchestrator is shown by mutants: the same with one fault each, which must be found.
 * From the environment: SIM_SEEDS, SIM_SEED (the first), SIM_HOSTS, SIM_SITES, SIM_WEEKS; SIM_SAY=1 tells what came to pass, SIM_LOG=1 what
 * the orchestrator logs; with SIM_KEEP=1 the database of a run that failed stays in /dev/shm. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/str.h"
#include "tests/sim/orchestrator/fleet_account.h"
#include "tests/sim/orchestrator/fleet_agent.h"
#include "tests/sim/orchestrator/fleet_clerk.h"
#include "tests/sim/orchestrator/fleet_people.h"
#include "tests/sim/orchestrator/fleet_setup.h"

struct size {
	size_t seeds, hosts, sites, waves, weeks;
};

static size_t
from_env(const char *name, size_t otherwise)
{
	const char *env = getenv(name);

	return env ? (size_t)strtoull(env, NULL, 10) : otherwise;
}

/* ---- what is asked for ---- */

static void
make_rule(struct fleet *f, int wave, struct fleet_rule *k)
{
	static const unsigned batches[] = {0, 10, 25, 50};
	unsigned hosts = (unsigned)(f->n_hosts / f->n_waves);
	unsigned sites = (unsigned)(f->n_sites / f->n_waves);

	*k = (struct fleet_rule){.wave = wave};
	assert_int_equal(str_format(k->name, sizeof(k->name), "weekly-w%d", wave), 0);
	k->minute = 60 + 15 * (int)fleet_between(f, 0, 20);
	k->window = fleet_between(f, 3, 7) * HOUR;
	k->jitter = fleet_chance(f, 300) ? fleet_between(f, 1, 30) * MIN : 0;
	k->soak = fleet_chance(f, 600) ? fleet_between(f, 1, 6) * MIN : 0;
	k->per_site = (unsigned)fleet_between(f, 1, 4);
	k->in_flight = sites * k->per_site * (unsigned)fleet_between(f, 35, 101) / 100 +
		       (unsigned)fleet_between(f, 1, 4);
	k->per_rack = fleet_chance(f, 400) ? (unsigned)fleet_between(f, 1, 3) : 0;
	k->per_pair = fleet_chance(f, 400) ? 1 : 0;
	k->max_fail = 1 + (unsigned)fleet_between(f, 0, 3) + hosts / 200;
	k->canary = (unsigned)fleet_between(f, 0, 4);
	k->batch_percent = batches[rng_below(&f->rng, ARRAY_SIZE(batches))];
	k->gates = fleet_chance(f, 600);
	k->run_once = fleet_chance(f, 300);
	k->wipes = fleet_chance(f, 250);
	k->younger = fleet_chance(f, 300) ? fleet_between(f, 5 * 24, 7 * 24) * HOUR : 0;
}

/* ---- a run of it ---- */

static void
begin(struct fleet *f, enum fleet_mutant mutant)
{
	struct fleet_rule rules[FLEET_RULES];
	unsigned in_flight = 0;

	assert_true(f->n_waves <= FLEET_RULES);
	for (size_t i = 0; i < f->n_waves; i++) {
		make_rule(f, (int)i, &rules[i]);
		in_flight += rules[i].in_flight;
	}
	in_flight = in_flight * (unsigned)fleet_between(f, 20, 61) / 100 + 2;
	f->oracle = fleet_oracle_new(f, rules, f->n_waves, in_flight);
	fleet_orch_new(f, mutant, in_flight);
	for (size_t i = 0; i < f->n_waves; i++)
		fleet_setup_schedule(f, &rules[i]);
	for (size_t w = 0; w <= f->weeks; w++)
		fleet_world_later(f,
		    FLEET_BEGIN + (int64_t)w * 7 * DAY - FLEET_BOOKS - f->now,
		    FLEET_WEEKLY, FLEET_NONE, (int)w);
}

/* The trouble of the week to come, and the books of the one that is over. */
static void
weekly(struct fleet *f, int week, struct fleet_account *sum)
{
	if (!f->orch->store || fleet_orch_wall(f) != f->now) {
		fleet_world_later(f, 5 * MIN, FLEET_WEEKLY, FLEET_NONE, week);
		return;
	}
	for (int i = 0; week > 0 && i < (int)f->n_waves; i++)
		fleet_account_week(f, i, week - 1, sum);
	if (week < (int)f->weeks) {
		fleet_people_week(f);
		fleet_clerk_week(f);
	}
	fleet_clerk_books(f);
	fleet_orch_weekly(f);
	f->over = week == (int)f->weeks;
}

static bool
take(struct fleet *f, struct fleet_todo *t, struct fleet_account *sum)
{
	if (t->type == FLEET_TROUBLE)
		fleet_world_break(f, t->host, (int)t->a);
	else if (t->type == FLEET_WEEKLY)
		weekly(f, t->host, sum);
	else if (!fleet_agent_take(f, t) && !fleet_orch_take(f, t) &&
		 !fleet_people_take(f, t) && !fleet_clerk_take(f, t))
		abort();
	free(t->p);
	return !f->over;
}

static void
say_clerk(const struct fleet_clerk_did *did)
{
	printf("# by hand %lld, run now %lld (refused %lld), judged %lld: ok %lld, "
	       "failed %lld, left %lld; schedules paused %lld, runs passed over %lld, "
	       "planned ahead and ended %lld\n",
	    (long long)did->hand, (long long)did->now, (long long)did->refused,
	    (long long)did->judged, (long long)did->hosts_ok,
	    (long long)did->hosts_failed, (long long)did->hosts_left,
	    (long long)did->pauses, (long long)did->skips, (long long)did->ahead);
}

static void
say(const struct fleet *f, const struct fleet_account *sum)
{
	const struct fleet_people_did *did = fleet_people_did();

	printf("# seed %llu: %llu steps; %lld jobs, %lld reboots, %lld done, %lld "
	       "failed, %lld missed; "
	       "runs %lld (done %lld, halted %lld, aborted %lld), left out %lld; hosts "
	       "ok %lld, failed %lld, skipped %lld, deferred %lld, lost %lld; "
	       "crashes %lld (%lld within a call), clocks set %lld, lines cut %lld, "
	       "agents stopped %lld, gates %lld; "
	       "paused %lld, resumed %lld, retried %lld, aborted %lld, stops %lld, "
	       "freezes %lld, locks %lld\n",
	    (unsigned long long)f->seed, (unsigned long long)f->steps,
	    (long long)f->n_jobs, (long long)f->n_reboots, (long long)f->n_done,
	    (long long)f->n_failed, (long long)f->n_missed, (long long)sum->runs,
	    (long long)sum->states[DB_ROLLOUT_DONE],
	    (long long)sum->states[DB_ROLLOUT_HALTED],
	    (long long)sum->states[DB_ROLLOUT_ABORTED], (long long)sum->left_out,
	    (long long)sum->hosts[DB_ROLLOUT_HOST_OK],
	    (long long)sum->hosts[DB_ROLLOUT_HOST_FAILED],
	    (long long)sum->hosts[DB_ROLLOUT_HOST_SKIPPED],
	    (long long)sum->hosts[DB_ROLLOUT_HOST_DEFERRED],
	    (long long)sum->hosts[DB_ROLLOUT_HOST_LOST], (long long)f->orch->n_crashes,
	    (long long)f->orch->n_inside, (long long)f->orch->n_jumps,
	    (long long)f->n_cuts, (long long)f->n_stops,
	    (long long)f->orch->n_gates_asked, (long long)did->pauses,
	    (long long)did->resumes, (long long)did->retries, (long long)did->aborts,
	    (long long)did->stops, (long long)did->freezes, (long long)did->locks);
	printf("# approved %lld (ahead %lld), hosts not approved %lld, too young %lld\n",
	    (long long)did->approvals, (long long)sum->ahead,
	    (long long)sum->not_approved, (long long)sum->younger);
	say_clerk(fleet_clerk_did());
	printf(
	    "# caps reached: rollout %lld, site %lld, rack %lld, pair %lld, all %lld\n",
	    (long long)fleet_oracle_reached(f->oracle, FLEET_CAP_ROLLOUT),
	    (long long)fleet_oracle_reached(f->oracle, FLEET_CAP_SITE),
	    (long long)fleet_oracle_reached(f->oracle, FLEET_CAP_RACK),
	    (long long)fleet_oracle_reached(f->oracle, FLEET_CAP_PAIR),
	    (long long)fleet_oracle_reached(f->oracle, FLEET_CAP_ALL));
	fflush(stdout);
}

static void
run(const struct size *size, uint64_t seed, enum fleet_mutant mutant)
{
	struct fleet *f =
	    fleet_world_new(seed, size->hosts, size->sites, size->waves, size->weeks);
	struct fleet_account sum = {.runs = 0};
	struct fleet_todo t;

	f->exits = mutant != FLEET_HONEST;
	/* Some seeds are calmer than others. */
	f->odds = (struct fleet_odds){.dead = (unsigned)fleet_between(f, 0, 9),
	    .slow = 20,
	    .gate_after = (unsigned)fleet_between(f, 0, 4),
	    .lost = (unsigned)fleet_between(f, 0, 80),
	    .sick = (unsigned)fleet_between(f, 0, 200),
	    .cuts = (unsigned)fleet_between(f, 0, 300),
	    .stops = (unsigned)fleet_between(f, 0, 100)};
	f->sides = fleet_side_new();
	begin(f, mutant);
	while (fleet_world_next(f, &t) && take(f, &t, &sum))
		;
	if (getenv("SIM_SAY"))
		say(f, &sum);
	fleet_orch_free(f);
	fleet_oracle_free(f->oracle);
	fleet_side_free(f->sides);
	fleet_world_free(f);
}

static void
nothing_begins_that_must_not(void **state)
{
	const struct size size = {.seeds = from_env("SIM_SEEDS", 4),
	    .hosts = from_env("SIM_HOSTS", 200),
	    .sites = from_env("SIM_SITES", 20),
	    .waves = from_env("SIM_WAVES", 4),
	    .weeks = from_env("SIM_WEEKS", 4)};
	uint64_t first = from_env("SIM_SEED", 1);

	(void)state;
	for (uint64_t seed = first; seed < first + size.seeds; seed++)
		run(&size, seed, FLEET_HONEST);
}

/* Each in a process of its own, whose words are of no interest: that it fails is. */
static bool
is_found(enum fleet_mutant mutant, uint64_t seed)
{
	const struct size size = {.hosts = 120, .sites = 12, .waves = 3, .weeks = 3};
	int status = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (!getenv("SIM_SAY") && (!freopen("/dev/null", "w", stderr) ||
					      !freopen("/dev/null", "w", stdout)))
			_exit(0);
		run(&size, seed, mutant);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	fleet_orch_remove((int)pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == FLEET_WRONG;
}

static void
every_mutant_is_found(void **state)
{
	enum { TRIES = 12 };

	(void)state;
	if (getenv("SIM_SEED"))
		return;
	for (int m = FLEET_HONEST + 1; m < FLEET_MUTANTS; m++) {
		uint64_t seed = 1;

		while (seed <= TRIES && !is_found((enum fleet_mutant)m, seed))
			seed++;
		if (seed > TRIES)
			fail_msg("the fault %d of an orchestrator is not found", m);
		if (getenv("SIM_SAY"))
			printf("# mutant %d: found with seed %d\n", m, (int)seed);
	}
}

/* Also when something was found to be wrong. */
static void
remove_files(void)
{
	fleet_orch_remove((int)getpid());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_begins_that_must_not),
	    cmocka_unit_test(every_mutant_is_found)};

	if (!getenv("SIM_KEEP"))
		(void)atexit(remove_files);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
