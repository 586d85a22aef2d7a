// SPDX-License-Identifier: GPL-3.0-or-later
/* The judge: what must hold at every step of a simulated fleet.
 *
 * In flight, as it is counted here: an agent has the job and has not ended it, the gate behind it is being asked, or the host soaks. That is never more than what the orchestrator must count, which hears of everything later; so whoever
 * exceeds a cap here has exceeded it.
 * Windows come from the C library's zones, by looking for the first quarter of an hour at which the clock on the wall shows the time
 * or has passed it: the rule for times that are skipped (when the clock is put forward) and for those that come twice (the first).
 *
 * Entry points: fleet_oracle_*() where something is seen. Everything that is wrong ends the run with fleet_world_wrong(). */
#include "tests/sim/orchestrator/fleet_oracle.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/str.h"
#include "tests/sim/orchestrator/fleet_side.h"

struct run {
	int64_t opens[FLEET_ZONES][FLEET_WEEKS];
	int *flight; /* hosts */
	size_t n;
	unsigned fails; /* heard since somebody took them into account */
	int fails_week;
	bool canary_failed, stopped;
	int week, batch;	      /* of the last order, and the highest so far … */
	int64_t batch_at;	      /* … which began then */
	int64_t extra_from, extra_to; /* a window that somebody opened, true time */
	int extra_week;
	int started[64]; /* the first hosts that were told: canaries */
	unsigned n_started;
	bool resumed; /* and then the canaries are whoever is left */
	int started_week;
	int aborted_week, approved_week, skip_week;
	bool skipped[FLEET_WEEKS];
	bool paused;
	int64_t paused_until; /* true; of the last time */
};

struct fleet_oracle {
	struct fleet_rule rules[FLEET_RULES];
	struct run runs[FLEET_RULES];
	size_t n;
	unsigned in_flight;
	struct fleet_seen *seen;
	int64_t ahead; /* the orchestrator's clock */
	int64_t reached[FLEET_CAPS];
	bool world_held;
	bool *site_held, *locked;
	int64_t *site_held_at, all_held_at; /* when that was over last */
};

/* ---- windows ---- */

static int64_t
shown(int64_t moment)
{
	time_t t = (time_t)(moment / S);
	struct tm tm;

	localtime_r(&t, &tm);
	tm.tm_isdst = 0;
	return (int64_t)timegm(&tm) * S;
}

static void
find_windows(struct fleet_oracle *o, size_t n_weeks)
{
	char *before = getenv("TZ") ? str_dup(getenv("TZ")) : NULL;

	for (int z = 0; z < FLEET_ZONES; z++) {
		setenv("TZ", fleet_world_zone(z), 1);
		tzset();
		for (size_t r = 0; r < o->n; r++)
			for (size_t w = 0; w < n_weeks && w < FLEET_WEEKS; w++) {
				int64_t wall = FLEET_BEGIN + (int64_t)w * 7 * DAY +
					       o->rules[r].minute * MIN;
				int64_t at = wall - 15 * HOUR;

				while (shown(at) < wall)
					at +=
					    wall - shown(at) > 2 * HOUR ? HOUR : 15 * MIN;
				o->runs[r].opens[z][w] = at;
			}
	}
	if (before)
		setenv("TZ", before, 1);
	else
		unsetenv("TZ");
	tzset();
	free(before);
}

struct fleet_oracle *
fleet_oracle_new(
    struct fleet *f, const struct fleet_rule *rules, size_t n, unsigned in_flight)
{
	struct fleet_oracle *o = str_alloc(sizeof(*o));

	assert_true(n <= FLEET_RULES && f->weeks + 2 <= FLEET_WEEKS);
	o->n = n;
	o->in_flight = in_flight;
	o->seen = str_alloc(f->n_hosts * sizeof(o->seen[0]));
	o->site_held = str_alloc(f->n_sites * sizeof(o->site_held[0]));
	o->site_held_at = str_alloc(f->n_sites * sizeof(o->site_held_at[0]));
	o->locked = str_alloc(f->n_hosts * sizeof(o->locked[0]));
	for (size_t i = 0; i < f->n_hosts; i++)
		o->seen[i].reboot_week = o->seen[i].retried_week = FLEET_NONE;
	for (size_t i = 0; i < n; i++) {
		struct run *r = &o->runs[i];

		o->rules[i] = rules[i];
		r->flight = str_alloc(f->n_hosts * sizeof(r->flight[0]));
		r->week = r->fails_week = r->started_week = r->extra_week = FLEET_NONE;
		r->aborted_week = r->approved_week = r->skip_week = FLEET_NONE;
		r->paused_until = -1;
	}
	find_windows(o, f->weeks + 2);
	return o;
}

void
fleet_oracle_free(struct fleet_oracle *o)
{
	for (size_t i = 0; i < o->n; i++)
		free(o->runs[i].flight);
	free(o->seen);
	free(o->site_held);
	free(o->site_held_at);
	free(o->locked);
	free(o);
}

const struct fleet_rule *
fleet_oracle_rule(const struct fleet_oracle *o, size_t i)
{
	return i < o->n ? &o->rules[i] : NULL;
}

int64_t
fleet_oracle_opens(const struct fleet_oracle *o, size_t rule, int zone, int week)
{
	return o->runs[rule].opens[zone][week];
}

int
fleet_oracle_find(const struct fleet_oracle *o, const char *name)
{
	for (size_t i = 0; i < o->n; i++)
		if (str_eq(o->rules[i].name, name))
			return (int)i;
	return FLEET_NONE;
}

struct fleet_seen *
fleet_oracle_seen(struct fleet_oracle *o, int host)
{
	return &o->seen[host];
}

/* The week of the window that is open there at that moment of the agent's clock. */
static int
week_of(struct fleet *f, int rule, int host, int64_t there)
{
	const struct fleet_oracle *o = f->oracle;
	const struct run *r = &o->runs[rule];
	int zone = f->sites[f->hosts[host].site].zone;

	/* Of the two that one of last week may be in when it was resumed, that of which it was ordered. */
	if (r->extra_week != FLEET_NONE && o->seen[host].week == r->extra_week &&
	    there >= r->extra_from && there < r->extra_to)
		return r->extra_week;
	for (int w = 0; w < FLEET_WEEKS && r->opens[zone][w] != 0; w++)
		if (there >= r->opens[zone][w] &&
		    there < r->opens[zone][w] + o->rules[rule].window)
			return w;
	return FLEET_NONE;
}

/* ---- in flight ---- */

static void
leave(struct fleet *f, int host)
{
	struct fleet_oracle *o = f->oracle;
	struct run *r = &o->runs[f->hosts[host].wave];

	o->seen[host].phase = FLEET_IDLE;
	for (size_t i = 0; i < r->n; i++)
		if (r->flight[i] == host) {
			r->flight[i] = r->flight[--r->n];
			return;
		}
}

/* An hour after its window's end nobody waits for a host whose site is not heard: what comes next begins without it. */
static bool
is_lost(struct fleet *f, const struct run *r, int host)
{
	const struct fleet_oracle *o = f->oracle;
	const struct fleet_site *s = &f->sites[f->hosts[host].site];
	int week = o->seen[host].week;
	int64_t end = r->opens[s->zone][week] + o->rules[f->hosts[host].wave].window;

	if (week == r->extra_week && o->seen[host].ordered_at >= end)
		end = r->extra_to;
	return (s->cut || s->stopped) && f->now + o->ahead >= end + HOUR;
}

static void
drop_soaked(struct fleet *f, struct run *r)
{
	for (size_t i = r->n; i-- > 0;) {
		int host = r->flight[i];

		if ((f->oracle->seen[host].phase == FLEET_SOAK &&
			f->oracle->seen[host].until <= f->now) ||
		    is_lost(f, r, host))
			leave(f, host);
	}
}

/* Who they are. */
static void
show_flight(struct fleet *f)
{
	static const char *const words[] = {"idle", "job", "gate after", "soak"};

	for (size_t i = 0; i < f->oracle->n && !f->exits; i++)
		for (size_t k = 0; k < f->oracle->runs[i].n; k++) {
			int host = f->oracle->runs[i].flight[k];
			const struct fleet_site *s = &f->sites[f->hosts[host].site];

			print_error("  in flight: %s of %s: %s%s\n", f->hosts[host].name,
			    f->oracle->rules[i].name, words[f->oracle->seen[host].phase],
			    s->cut	 ? ", line cut"
			    : s->stopped ? ", agent stopped"
					 : "");
		}
}

static void
too_many(struct fleet *f, int host, enum fleet_cap what, unsigned n, unsigned cap)
{
	static const char *const words[FLEET_CAPS] = {
	    "of the rollout", "at the site", "of the rack", "of the pair", "in all"};

	if (cap == 0)
		return;
	f->oracle->reached[what] += n == cap;
	if (n > cap)
		show_flight(f);
	if (n > cap)
		fleet_world_wrong(f, host, "%u in flight %s, and the cap is %u (rule %s)",
		    n, words[what], cap, f->oracle->rules[f->hosts[host].wave].name);
}

void
fleet_oracle_check_all(struct fleet *f, int host)
{
	struct fleet_oracle *o = f->oracle;
	unsigned all = fleet_side_flight(f);

	for (size_t i = 0; i < o->n; i++) {
		drop_soaked(f, &o->runs[i]);
		all += (unsigned)o->runs[i].n;
	}
	too_many(f, host, FLEET_CAP_ALL, all, o->in_flight);
}

static void
check_caps(struct fleet *f, int host)
{
	struct fleet_oracle *o = f->oracle;
	const struct fleet_host *h = &f->hosts[host];
	const struct fleet_rule *rule = &o->rules[h->wave];
	struct run *r = &o->runs[h->wave];
	unsigned site = 0, rack = 0, pair = 0;

	for (size_t i = 0; i < r->n; i++) {
		const struct fleet_host *other = &f->hosts[r->flight[i]];

		site += other->site == h->site;
		rack += other->site == h->site && other->rack == h->rack;
		pair += other->pair == h->pair;
	}
	too_many(f, host, FLEET_CAP_ROLLOUT, (unsigned)r->n, rule->in_flight);
	too_many(f, host, FLEET_CAP_SITE, site, rule->per_site);
	too_many(f, host, FLEET_CAP_RACK, rack, rule->per_rack);
	too_many(f, host, FLEET_CAP_PAIR, pair, rule->per_pair);
	fleet_oracle_check_all(f, host);
}

int64_t
fleet_oracle_reached(const struct fleet_oracle *o, enum fleet_cap what)
{
	return o->reached[what];
}

static void
enter(struct fleet *f, int host, enum fleet_phase phase)
{
	struct fleet_oracle *o = f->oracle;
	struct run *r = &o->runs[f->hosts[host].wave];
	struct fleet_seen *seen = &o->seen[host];

	drop_soaked(f, r);
	if (seen->phase == FLEET_IDLE)
		r->flight[r->n++] = host;
	seen->phase = phase;
	check_caps(f, host);
}

/* ---- at the machines ---- */

static int
rule_of(struct fleet *f, const struct fleet_job *job)
{
	int rule = fleet_oracle_find(f->oracle, job->order.reason);

	if (rule == FLEET_NONE || rule != f->hosts[job->order.host].wave)
		fleet_world_wrong(f, job->order.host,
		    "job %s has the reason \"%s\", which is none for it", job->order.job,
		    job->order.reason);
	return rule;
}

static void
note_started(struct run *r, int host, int week)
{
	if (r->started_week != week) {
		r->n_started = 0;
		r->resumed = false;
	}
	r->started_week = week;
	if (r->n_started < ARRAY_SIZE(r->started))
		r->started[r->n_started++] = host;
}

void
fleet_oracle_waits(struct fleet *f, const struct fleet_job *job)
{
	struct fleet_side *side = fleet_side_of(f, job->order.reason);

	if (side) {
		fleet_side_waits(f, side, job->order.host);
		return;
	}
	(void)rule_of(f, job);
	enter(f, job->order.host, FLEET_JOB);
}

static void
begins(struct fleet *f, const struct fleet_job *job)
{
	int host = job->order.host, rule = rule_of(f, job);
	const struct fleet_site *s = &f->sites[f->hosts[host].site];
	int week = week_of(f, rule, host, f->now + s->clock_off);

	if (week == FLEET_NONE)
		fleet_world_wrong(f, host, "job %s begins outside every window of %s",
		    job->order.job, f->oracle->rules[rule].name);
	note_started(&f->oracle->runs[rule], host, week);
	enter(f, host, FLEET_JOB);
}

void
fleet_oracle_begins(struct fleet *f, const struct fleet_job *job)
{
	struct fleet_side *side = fleet_side_of(f, job->order.reason);

	if (side)
		fleet_side_begins(f, side, job);
	else
		begins(f, job);
}

static void
reboots(struct fleet *f, const struct fleet_job *job)
{
	int host = job->order.host, rule = rule_of(f, job);
	const struct fleet_site *s = &f->sites[f->hosts[host].site];
	struct fleet_seen *seen = &f->oracle->seen[host];
	int week = week_of(f, rule, host, job->began + s->clock_off);

	if (seen->reboot_week == week && !(seen->again && seen->retried_week == week))
		fleet_world_wrong(f, host,
		    "it is rebooted a second time in week %d of %s", week,
		    f->oracle->rules[rule].name);
	seen->reboots = seen->reboot_week == week ? seen->reboots + 1 : 1;
	seen->reboot_week = week;

	seen->again = false;
}

void
fleet_oracle_reboots(struct fleet *f, const struct fleet_job *job)
{
	struct fleet_side *side = fleet_side_of(f, job->order.reason);

	if (side)
		fleet_side_reboots(f, side, job->order.host);
	else
		reboots(f, job);
}

void
fleet_oracle_two(struct fleet *f, const struct fleet_job *job)
{
	fleet_world_wrong(f, job->order.host, "job %s is ordered while %s is under way",
	    job->order.job, f->hosts[job->order.host].job->order.job);
}

static void
ends(struct fleet *f, const struct fleet_job *job)
{
	int host = job->order.host;
	const struct fleet_rule *rule = &f->oracle->rules[f->hosts[host].wave];
	struct fleet_seen *seen = &f->oracle->seen[host];

	if (job->began == 0)
		seen->missed_at = seen->held_at = f->now;
	if (seen->phase != FLEET_JOB)
		return;
	if (!job->ok || rule->gates || rule->soak == 0) {
		leave(f, host);
		return;
	}
	seen->phase = FLEET_SOAK;
	seen->until = f->now + rule->soak;
}

void
fleet_oracle_ends(struct fleet *f, const struct fleet_job *job)
{
	struct fleet_side *side = fleet_side_of(f, job->order.reason);

	if (!side) {
		ends(f, job);
		return;
	}
	fleet_side_ends(f, side, job);
	fleet_oracle_freed(f, job->order.host, f->now);
}

/* A gate before the job does nothing to a host, and who asks may lose interest. */
void
fleet_oracle_gate_asked(struct fleet *f, int host, bool after)
{
	fleet_oracle_crossed(f, host, NULL);
	if (f->oracle->seen[host].phase == FLEET_JOB)
		fleet_world_wrong(f, host, "a gate is asked while its job is under way");
	if (after)
		enter(f, host, FLEET_GATE_AFTER);
	else
		f->oracle->seen[host].gate_at = f->now;
}

void
fleet_oracle_gate_answered(struct fleet *f, int host, bool after, bool passed)
{
	const struct fleet_rule *rule = &f->oracle->rules[f->hosts[host].wave];
	struct fleet_seen *seen = &f->oracle->seen[host];

	if (after && passed && rule->soak > 0) {
		seen->phase = FLEET_SOAK;
		seen->until = f->now + rule->soak;
	} else if (after) {
		leave(f, host);
	}
}

void
fleet_oracle_gate_forgotten(struct fleet *f, int host)
{
	f->oracle->seen[host].held_at = f->now;
	if (f->oracle->seen[host].phase == FLEET_GATE_AFTER)
		leave(f, host);
}

/* ---- what the orchestrator knows ---- */

static bool
was_canary(const struct run *r, const struct fleet_rule *rule,
    const struct fleet_seen *seen, int host)
{
	for (unsigned i = 0; !r->resumed && i < r->n_started && i < rule->canary; i++)
		if (r->started[i] == host)
			return seen->batch == 1; /* some may have been left alone */
	return false;
}

void
fleet_oracle_failure_heard(struct fleet *f, int host)
{
	struct run *r = &f->oracle->runs[f->hosts[host].wave];

	r->fails++;
	f->oracle->seen[host].failed_at = f->now;
	if (was_canary(
		r, &f->oracle->rules[f->hosts[host].wave], &f->oracle->seen[host], host))
		r->canary_failed = true;
	fleet_world_note(
	    f, host, "the orchestrator heard of its failure; such in the run:", r->fails);
}

/* Until when something kept it from beginning; what does so now has no end yet. */
static int64_t
held_until(const struct fleet *f, int host)
{
	const struct fleet_oracle *o = f->oracle;
	int64_t host_at = o->seen[host].held_at,
		site_at = o->site_held_at[f->hosts[host].site];
	int64_t at = host_at > site_at ? host_at : site_at;

	return at > o->all_held_at ? at : o->all_held_at;
}

static void
check_batches(struct fleet *f, int host, struct run *r, int batch)
{
	int64_t began = f->oracle->rules[f->hosts[host].wave].gates
			    ? f->oracle->seen[host].gate_at
			    : f->now;

	for (size_t i = 0; i < r->n; i++) {
		const struct fleet_seen *other = &f->oracle->seen[r->flight[i]];

		/* One of those before it that was held up may have come while the gates of this one were asked. */
		if (other->batch < batch && other->ordered_at <= began)
			fleet_world_wrong(f, r->flight[i],
			    "batch %d begins with %s while this one of batch %d is in "
			    "flight",
			    batch, f->hosts[host].name, other->batch);
	}
	/* What was held up may come later. */
	if (batch < r->batch && held_until(f, host) < r->batch_at - 2 * MIN)
		fleet_world_wrong(f, host,
		    "it is ordered in batch %d when batch %d has begun, and nothing held "
		    "it up",
		    batch, r->batch);
}

/* What one rollout does to a host another one takes for its own doing. */
void
fleet_oracle_crossed(struct fleet *f, int host, const struct fleet_side *side)
{
	drop_soaked(f, &f->oracle->runs[f->hosts[host].wave]);
	if (side && f->oracle->seen[host].phase != FLEET_IDLE)
		fleet_world_wrong(f, host,
		    "%s is at it while its schedule has it in flight", side->name);
	if (fleet_side_has(f, host, side))
		fleet_world_wrong(f, host, "%s is at it while another has it in flight",
		    side ? side->name : "a schedule");
}

void
fleet_oracle_may(
    struct fleet *f, int host, const struct fleet_rule *k, const struct fleet_side *side)
{
	const struct fleet_oracle *o = f->oracle;
	int64_t up = o->seen[host].up_at, wall = f->now + o->ahead;

	if (o->world_held || o->site_held[f->hosts[host].site] || o->locked[host])
		fleet_world_wrong(f, host, "ordered when it was held: %s",
		    o->world_held     ? "everything"
		    : o->locked[host] ? "the host"
				      : "its site");
	if (k->younger > 0 && up > 0 && wall - up < k->younger - FLEET_UNSURE)
		fleet_world_wrong(f, host,
		    "ordered %lld min after it came up, and %s leaves alone what is "
		    "younger than %lld",
		    (long long)((wall - up) / MIN), k->name,
		    (long long)(k->younger / MIN));
	fleet_oracle_crossed(f, host, side);
}

void
fleet_oracle_freed(struct fleet *f, int host, int64_t at)
{
	struct fleet_seen *seen = &f->oracle->seen[host];

	seen->held_at = at > seen->held_at ? at : seen->held_at;
}

int64_t
fleet_oracle_ahead(const struct fleet_oracle *o)
{
	return o->ahead;
}

void
fleet_oracle_run_begun(struct fleet *f, int rule, int week)
{
	const struct run *r = &f->oracle->runs[rule];

	if (r->paused)
		fleet_world_wrong(f, FLEET_NONE, "run %d of %s begins, and it is paused",
		    week, f->oracle->rules[rule].name);
	if (r->skip_week == week)
		fleet_world_wrong(f, FLEET_NONE,
		    "run %d of %s begins, and was to be passed over", week,
		    f->oracle->rules[rule].name);
}

void
fleet_oracle_pause(struct fleet *f, int rule, bool on)
{
	struct run *r = &f->oracle->runs[rule];

	r->paused = on;
	r->paused_until = f->now;
	if (!on)
		r->skip_week = FLEET_NONE;
}

void
fleet_oracle_skip(struct fleet *f, int rule, int week)
{
	f->oracle->runs[rule].skip_week = week;
	if (week < FLEET_WEEKS)
		f->oracle->runs[rule].skipped[week] = true;
}

bool
fleet_oracle_left_out(struct fleet *f, int rule, int week, bool skipped)
{
	const struct run *r = &f->oracle->runs[rule];
	int64_t since = FLEET_BEGIN + week * 7 * DAY - 3 * DAY;

	return skipped ? r->skipped[week] : r->paused || r->paused_until > since;
}

void
fleet_oracle_up_heard(struct fleet *f, int host)
{
	struct fleet_oracle *o = f->oracle;

	/* By a wrong clock it may have come up at any time. */
	o->seen[host].up_at = o->ahead == 0 ? f->hosts[host].ended : 0;
}

void
fleet_oracle_approved(struct fleet *f, int rule, int week)
{
	f->oracle->runs[rule].approved_week = week;
}

void
fleet_oracle_ordered(
    struct fleet *f, int host, int rule, int week, int batch, int batches)
{
	struct fleet_oracle *o = f->oracle;
	struct run *r = &o->runs[rule];
	const struct fleet_rule *k = &o->rules[rule];

	fleet_world_note(f, host, "ordered in week", week);
	if (r->week != week) {
		r->week = week;
		r->batch = 0;
		r->stopped = false;
		r->fails = 0;
		r->canary_failed = false;
	}
	drop_soaked(f, r);
	if (r->fails >= k->max_fail)
		fleet_world_wrong(f, host,
		    "ordered when the budget of %s was spent: %u failures", k->name,
		    r->fails);
	if (r->canary_failed)
		fleet_world_wrong(
		    f, host, "ordered when a canary of %s had failed", k->name);
	if (r->stopped)
		fleet_world_wrong(
		    f, host, "ordered when %s was paused or aborted", k->name);
	fleet_oracle_may(f, host, k, NULL);
	if (k->wipes && r->approved_week != week)
		fleet_world_wrong(
		    f, host, "ordered, and nobody approved of that run of %s", k->name);
	if (week == r->aborted_week)
		fleet_world_wrong(
		    f, host, "ordered when that run of %s was aborted", k->name);
	if (batches > 1)
		check_batches(f, host, r, batch);
	if (batch > r->batch) {
		r->batch = batch;
		r->batch_at = f->now;
	}
	o->seen[host].batch = batch;
	o->seen[host].week = week;
	o->seen[host].ordered_at = f->now;
}

void
fleet_oracle_hold_world(struct fleet *f, bool on)
{
	f->oracle->world_held = on;
	f->oracle->all_held_at = f->now;
}

void
fleet_oracle_hold_site(struct fleet *f, int site, bool on)
{
	f->oracle->site_held[site] = on;
	f->oracle->site_held_at[site] = f->now;
}

void
fleet_oracle_lock(struct fleet *f, int host, bool on)
{
	f->oracle->locked[host] = on;
	f->oracle->seen[host].held_at = f->now;
}

void
fleet_oracle_aborted(struct fleet *f, int rule, int week)
{
	f->oracle->runs[rule].aborted_week = week;
}

void
fleet_oracle_stop_rule(struct fleet *f, int rule, bool on)
{
	f->oracle->runs[rule].stopped = on;
}

void
fleet_oracle_resumed(struct fleet *f, int rule)
{
	struct run *r = &f->oracle->runs[rule];

	r->stopped = false;
	r->fails = 0;
	r->canary_failed = false;
	r->resumed = true;
	r->batch = 0;
}

void
fleet_oracle_opened(struct fleet *f, int rule, int week, int64_t from, int64_t to)
{
	struct run *r = &f->oracle->runs[rule];
	bool more = r->extra_week == week;

	r->extra_from = more && r->extra_from < from ? r->extra_from : from;
	r->extra_to = more && r->extra_to > to ? r->extra_to : to;
	r->extra_week = week;
}

void
fleet_oracle_made_up(
    struct fleet *f, int host, int rule, int week, int64_t opens, int64_t closes)
{
	const struct fleet_rule *k = &f->oracle->rules[rule];
	int64_t usual =
	    f->oracle->runs[rule].opens[f->sites[f->hosts[host].site].zone][week];

	if (k->run_once && closes > usual + k->window)
		fleet_oracle_opened(f, rule, week, opens, closes);
}

void
fleet_oracle_again(struct fleet *f, int host, int week)
{
	f->oracle->seen[host].again = true;
	f->oracle->seen[host].retried_week = week;
}

void
fleet_oracle_back(struct fleet *f, int site)
{
	drop_soaked(f, &f->oracle->runs[f->sites[site].wave]);
	fleet_side_drop(f);
	f->oracle->site_held_at[site] = f->now;
}

void
fleet_oracle_started(struct fleet *f)
{
	f->oracle->all_held_at = f->now + 30 * S; /* agents come again one by one */
}

void
fleet_oracle_clock(struct fleet *f, int64_t ahead)
{
	struct fleet_oracle *o = f->oracle;

	/* Whoever was given up by the old one stays so. */
	for (size_t i = 0; i < o->n; i++)
		drop_soaked(f, &o->runs[i]);
	fleet_side_drop(f);
	o->ahead = ahead;
	o->all_held_at = f->now;
	fleet_side_clock(f);
	for (size_t i = 0; i < f->n_hosts; i++)
		if (o->seen[i].phase == FLEET_SOAK)
			o->seen[i].until = f->now;
	for (size_t i = 0; i < o->n; i++)
		drop_soaked(f, &o->runs[i]);
}
