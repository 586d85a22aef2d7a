// SPDX-License-Identifier: GPL-3.0-or-later
/* The books of a week. Every run was either left out with a reason, and then no machine of it was touched; or it is one rollout, which
 * has each machine of its wave once, and each of these is
 *     ok        rebooted exactly once, and its job was done
 *     failed    a job or a gate of it failed
 *     skipped, deferred
 *               not rebooted, and the reason is there
 *     lost      its job was under way when nobody heard of it any more
 * and none is in the middle of something. */
#include "tests/sim/orchestrator/fleet_account.h"

#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

/* So late it may have been heard that a host came up; or the clock was set when it was left alone. */
#define FLEET_LATE (40 * HOUR)

struct book {
	struct fleet *f;
	struct fleet_account *sum;
	bool *here;
	int rule, week;
	size_t n;
	int64_t batches, first_batch;
	const struct db_rollout *r;
};

static bool
rebooted(const struct book *b, int host)
{
	return fleet_oracle_seen(b->f->oracle, host)->reboot_week == b->week;
}

/* From half a day before its window, since the orchestrator's clock may be ahead, until the next. */
static bool
in_week(const struct book *b, int host, int64_t at)
{
	int zone = b->f->sites[b->f->hosts[host].site].zone;
	int64_t opens = fleet_oracle_opens(b->f->oracle, (size_t)b->rule, zone, b->week);

	return at >= opens - 13 * HOUR && at < opens + 7 * DAY - 13 * HOUR;
}

static void
check_final(struct book *b, int host, const struct db_rollout_host *h)
{
	const struct fleet_seen *seen = fleet_oracle_seen(b->f->oracle, host);
	const struct fleet_rule *k = fleet_oracle_rule(b->f->oracle, (size_t)b->rule);
	const char *state = db_rollout_host_state_name(h->state);

	if (h->state < DB_ROLLOUT_HOST_OK && b->r->state != DB_ROLLOUT_PAUSED)
		fleet_world_wrong(b->f, host,
		    "rollout %s of week %d is %s, and its host is left %s", b->r->id,
		    b->week, db_rollout_state_name(b->r->state), state);
	if (h->state != DB_ROLLOUT_HOST_OK && h->why.code[0] == '\0' &&
	    b->r->state != DB_ROLLOUT_PAUSED)
		fleet_world_wrong(b->f, host,
		    "rollout %s: its host is %s without a reason", b->r->id, state);
	if (h->state == DB_ROLLOUT_HOST_OK && !rebooted(b, host))
		fleet_world_wrong(b->f, host,
		    "rollout %s says that it is ok, and it was not rebooted", b->r->id);
	if (h->state == DB_ROLLOUT_HOST_FAILED && !in_week(b, host, seen->failed_at) &&
	    !rebooted(b, host) && !in_week(b, host, seen->missed_at))
		fleet_world_wrong(b->f, host,
		    "rollout %s says that it failed (%s: %s), and nothing did", b->r->id,
		    h->why.code, h->why.text);
	if (str_eq(h->why.code, "younger") &&
	    h->since - b->f->hosts[host].ended > k->younger + FLEET_LATE)
		fleet_world_wrong(b->f, host,
		    "rollout %s says that it is younger than %lld min, and it came up "
		    "%lld min before",
		    b->r->id, (long long)(k->younger / MIN),
		    (long long)((h->since - b->f->hosts[host].ended) / MIN));
	if ((h->state == DB_ROLLOUT_HOST_DEFERRED ||
		h->state == DB_ROLLOUT_HOST_SKIPPED) &&
	    rebooted(b, host) && seen->retried_week != b->week)
		fleet_world_wrong(b->f, host,
		    "rollout %s says that it is %s (%s), and it was rebooted", b->r->id,
		    state, h->why.code);
}

static void
check_host(void *arg, const struct db_rollout_host *h)
{
	struct book *b = arg;
	int host = fleet_world_host(b->f, h->host);

	if (host == FLEET_NONE || b->f->hosts[host].wave != b->rule || b->here[host])
		fleet_world_wrong(b->f, host,
		    "rollout %s has host %s, which is not to be in it, or in it twice",
		    b->r->id, h->host);
	b->here[host] = true;
	b->n++;
	b->batches = h->batch > b->batches ? h->batch : b->batches;
	b->first_batch += h->batch == 1;
	b->sum->hosts[h->state]++;
	b->sum->younger += str_eq(h->why.code, "younger");
	b->sum->not_approved += str_eq(h->why.code, "not-approved");
	check_final(b, host, h);
}

/* A plan with the batches that were asked for. */
static void
check_plan(struct book *b)
{
	const struct fleet_rule *k = fleet_oracle_rule(b->f->oracle, (size_t)b->rule);
	size_t left = b->n - (k->canary < b->n ? k->canary : b->n);
	size_t each = k->batch_percent ? (b->n * k->batch_percent + 99) / 100 : left;
	int64_t want = (k->canary > 0) + (int64_t)(each ? (left + each - 1) / each : 0);

	if (b->batches != want || (k->canary > 0 && b->first_batch != k->canary))
		fleet_world_wrong(b->f, FLEET_NONE,
		    "rollout %s of %zu hosts has %lld batches, and is to have %lld",
		    b->r->id, b->n, (long long)b->batches, (long long)want);
}

static void
check_rollout(struct fleet *f, struct book *b)
{
	struct store *s = f->orch->store;
	const struct fleet_rule *k = fleet_oracle_rule(f->oracle, (size_t)b->rule);

	b->here = str_alloc(f->n_hosts);
	assert_int_equal(
	    db_rollout_hosts(s, b->r->id, NULL, -1, INT64_MAX, check_host, b), 0);
	for (size_t i = 0; i < f->n_hosts; i++)
		if (f->hosts[i].wave == b->rule && !b->here[i])
			fleet_world_wrong(f, (int)i,
			    "rollout %s of %s, week %d, does not have it", b->r->id,
			    k->name, b->week);
	check_plan(b);
	free(b->here);
	b->sum->runs++;
	b->sum->states[b->r->state]++;
	b->sum->ahead += b->r->approved_at > 0 && b->r->approved_at < b->r->opens;
}

static void
check_left_out(struct fleet *f, int rule, int week, struct fleet_account *sum)
{
	const struct fleet_rule *k = fleet_oracle_rule(f->oracle, (size_t)rule);
	char outcome[32] = "";
	int64_t nominal = FLEET_BEGIN + week * 7 * DAY + k->minute * MIN;

	fleet_orch_outcome(f, k->name, nominal, outcome, sizeof(outcome));
	if (outcome[0] == '\0' || str_eq(outcome, "ran"))
		fleet_world_wrong(f, FLEET_NONE,
		    "run %d of %s is lost: neither a rollout nor why there is none (%s)",
		    week, k->name, outcome);
	if ((str_eq(outcome, "paused") || str_eq(outcome, "skipped")) &&
	    !fleet_oracle_left_out(f, rule, week, str_eq(outcome, "skipped")))
		fleet_world_wrong(f, FLEET_NONE,
		    "run %d of %s is left out as %s, and nobody wanted that", week,
		    k->name, outcome);
	for (size_t i = 0; i < f->n_hosts; i++)
		if (f->hosts[i].wave == rule &&
		    fleet_oracle_seen(f->oracle, (int)i)->reboot_week == week)
			fleet_world_wrong(f, (int)i,
			    "rebooted in week %d, though that run of %s was left out: %s",
			    week, k->name, outcome);
	sum->left_out++;
}

void
fleet_account_week(struct fleet *f, int rule, int week, struct fleet_account *sum)
{
	const struct db_rollout_filter filter = {
	    .schedule = fleet_oracle_rule(f->oracle, (size_t)rule)->name, .limit = 24};
	struct store_names ids = {0};
	int found = 0;

	assert_int_equal(db_rollout_ids(f->orch->store, &filter, &ids), 0);
	for (size_t i = 0; i < ids.n; i++) {
		struct db_rollout r = {.id = ""};
		struct book b = {.f = f, .sum = sum, .rule = rule, .week = week, .r = &r};

		assert_int_equal(db_rollout_get(f->orch->store, ids.v[i], &r), 0);
		if (r.nominal != DB_ROLLOUT_NO_NOMINAL &&
		    fleet_orch_week(r.nominal) == week) {
			if (++found > 1)
				fleet_world_wrong(f, FLEET_NONE,
				    "run %d of %s is there twice: %s and %s", week,
				    filter.schedule, ids.v[0], ids.v[i]);
			check_rollout(f, &b);
		}
		db_rollout_done(&r);
	}
	store_names_done(&ids);
	if (found == 0)
		check_left_out(f, rule, week, sum);
}
