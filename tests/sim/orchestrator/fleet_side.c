// SPDX-License-Identifier: GPL-3.0-or-later
/* The judge of rollouts that no calendar ordered (fleet_side.h), and of what they and schedules do to each other's hosts.
 *
 * A job says whose it is by its reason, a gate by what it asks. As in fleet_oracle.c a host is in flight here for less long than for the
 * orchestrator, which hears of everything later. They have no batches, and their canaries are like all others: that is judged of
 * schedules' rollouts, which are made by the same code.
 * Entry points: fleet_side_*(), mostly called by their namesakes in fleet_oracle.c. Everything that is wrong ends the run. */
#include "tests/sim/orchestrator/fleet_side.h"

#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

enum { SIDES = 1024 };

struct fleet_sides {
	struct fleet_side *v[SIDES];
	size_t n;
};

struct fleet_sides *
fleet_side_new(void)
{
	return str_alloc(sizeof(struct fleet_sides));
}

void
fleet_side_free(struct fleet_sides *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i]->v);
		free(s->v[i]);
	}
	free(s);
}

struct fleet_side *
fleet_side_add(struct fleet *f, const struct fleet_rule *k, int rule)
{
	struct fleet_sides *s = f->sides;
	struct fleet_side *d;

	if (s->n == SIDES)
		return NULL;
	d = s->v[s->n] = str_alloc(sizeof(*d));
	d->k = *k;
	d->rule = rule;
	d->v = str_alloc(f->n_hosts * sizeof(d->v[0]));
	assert_int_equal(str_format(d->name, sizeof(d->name), "beside:%zu", s->n), 0);
	str_clip(d->k.name, sizeof(d->k.name), d->name);
	s->n++;
	return d;
}

size_t
fleet_side_count(const struct fleet *f)
{
	return f->sides->n;
}

struct fleet_side *
fleet_side_at(struct fleet *f, size_t i)
{
	return f->sides->v[i];
}

struct fleet_side *
fleet_side_of(struct fleet *f, const char *reason)
{
	static const char begin[] = "beside:";
	int64_t i;

	if (strncmp(reason, begin, strlen(begin)) != 0 || f->sides->n == 0 ||
	    str_to_i64(reason + strlen(begin), 0, (int64_t)f->sides->n - 1, &i) < 0)
		return NULL;
	return f->sides->v[i];
}

struct fleet_side *
fleet_side_of_rollout(struct fleet *f, const char *id)
{
	for (size_t i = f->sides->n; i-- > 0;)
		if (str_eq(f->sides->v[i]->id, id))
			return f->sides->v[i];
	return NULL;
}

/* ---- in flight ---- */

static bool
is_lost(struct fleet *f, const struct fleet_side *d, int host)
{
	const struct fleet_site *s = &f->sites[f->hosts[host].site];

	return (s->cut || s->stopped) &&
	       f->now + fleet_oracle_ahead(f->oracle) >= d->to + HOUR;
}

static void
drop(struct fleet *f, struct fleet_side *d)
{
	for (int i = 0; !d->over && i < (int)f->n_hosts; i++) {
		struct fleet_side_host *h = &d->v[i];

		if (h->phase == FLEET_SOAK && h->until <= f->now) {
			h->phase = FLEET_IDLE;
			fleet_oracle_freed(f, i, h->until);
		} else if (h->phase != FLEET_IDLE && is_lost(f, d, i)) {
			h->phase = FLEET_IDLE;
			fleet_oracle_freed(f, i, f->now);
		}
	}
}

unsigned
fleet_side_flight(struct fleet *f)
{
	unsigned n = 0;

	for (size_t k = 0; k < f->sides->n; k++) {
		struct fleet_side *d = f->sides->v[k];

		drop(f, d);
		for (size_t i = 0; !d->over && i < f->n_hosts; i++)
			n += d->v[i].phase != FLEET_IDLE;
	}
	return n;
}

void
fleet_side_drop(struct fleet *f)
{
	for (size_t k = 0; k < f->sides->n; k++)
		drop(f, f->sides->v[k]);
}

bool
fleet_side_has(struct fleet *f, int host, const struct fleet_side *except)
{
	for (size_t k = 0; k < f->sides->n; k++) {
		struct fleet_side *d = f->sides->v[k];

		if (d == except || d->over)
			continue;
		drop(f, d);
		if (d->v[host].phase != FLEET_IDLE)
			return true;
	}
	return false;
}

static void
too_many(struct fleet *f, const struct fleet_side *d, int host, const char *where,
    unsigned n, unsigned cap)
{
	if (cap > 0 && n > cap)
		fleet_world_wrong(f, host, "%u in flight %s of %s, and the cap is %u", n,
		    where, d->name, cap);
}

static void
check_caps(struct fleet *f, const struct fleet_side *d, int host)
{
	const struct fleet_host *h = &f->hosts[host];
	unsigned all = 0, site = 0, rack = 0, pair = 0;

	for (size_t i = 0; i < f->n_hosts; i++) {
		const struct fleet_host *other = &f->hosts[i];

		if (d->v[i].phase == FLEET_IDLE)
			continue;
		all++;
		site += other->site == h->site;
		rack += other->site == h->site && other->rack == h->rack;
		pair += other->pair == h->pair;
	}
	too_many(f, d, host, "", all, d->k.in_flight);
	too_many(f, d, host, "at a site", site, d->k.per_site);
	too_many(f, d, host, "of a rack", rack, d->k.per_rack);
	too_many(f, d, host, "of a pair", pair, d->k.per_pair);
	fleet_oracle_check_all(f, host);
}

static void
enter(struct fleet *f, struct fleet_side *d, int host, enum fleet_phase phase)
{
	drop(f, d);
	d->v[host].phase = phase;
	check_caps(f, d, host);
}

/* ---- at the machines ---- */

void
fleet_side_waits(struct fleet *f, struct fleet_side *d, int host)
{
	enter(f, d, host, FLEET_JOB);
}

void
fleet_side_begins(struct fleet *f, struct fleet_side *d, const struct fleet_job *job)
{
	int host = job->order.host;
	int64_t there = f->now + f->sites[f->hosts[host].site].clock_off;

	if (!d->v[host].named)
		fleet_world_wrong(f, host, "job %s of %s, which does not name it",
		    job->order.job, d->name);
	if (there < d->from || there >= d->to)
		fleet_world_wrong(f, host,
		    "job %s begins outside the window of %s, by %lld s", job->order.job,
		    d->name,
		    (long long)((there < d->from ? d->from - there : there - d->to) / S));
	enter(f, d, host, FLEET_JOB);
}

void
fleet_side_reboots(struct fleet *f, struct fleet_side *d, int host)
{
	struct fleet_side_host *h = &d->v[host];

	if (++h->reboots > h->turns)
		fleet_world_wrong(f, host, "%s reboots it %d times, and is to do %d",
		    d->name, h->reboots, h->turns);
}

void
fleet_side_ends(struct fleet *f, struct fleet_side *d, const struct fleet_job *job)
{
	struct fleet_side_host *h = &d->v[job->order.host];

	if (job->began == 0) {
		h->missed_at = f->now;
		/* It may have its turn yet. */
	} else if (!job->rebooted || !job->ok) {
		h->failed_at = f->now;
	}
	if (h->phase != FLEET_JOB)
		return;
	h->phase = !job->ok || d->k.gates || d->k.soak == 0 ? FLEET_IDLE : FLEET_SOAK;
	h->until = f->now + d->k.soak;
}

void
fleet_side_gate_asked(struct fleet *f, struct fleet_side *d, int host, bool after)
{
	fleet_oracle_crossed(f, host, d);
	if (after)
		enter(f, d, host, FLEET_GATE_AFTER);
}

void
fleet_side_gate_answered(
    struct fleet *f, struct fleet_side *d, int host, bool after, bool passed)
{
	fleet_oracle_freed(f, host, f->now);
	if (!after)
		return;
	d->v[host].phase = passed && d->k.soak > 0 ? FLEET_SOAK : FLEET_IDLE;
	d->v[host].until = f->now + d->k.soak;
}

void
fleet_side_gate_forgotten(struct fleet *f, struct fleet_side *d, int host)
{
	(void)f;
	if (d->v[host].phase == FLEET_GATE_AFTER)
		d->v[host].phase = FLEET_IDLE;
}

/* ---- what the orchestrator knows ---- */

void
fleet_side_failure_heard(struct fleet *f, struct fleet_side *d, int host)
{
	d->fails++;
	d->v[host].failed_at = f->now;
	fleet_world_note(f, host, "heard of its failure beside; such:", d->fails);
}

void
fleet_side_ordered(struct fleet *f, struct fleet_side *d, int host)
{
	fleet_world_note(
	    f, host, "ordered beside:", (int64_t)strtol(d->name + 7, NULL, 10));
	fleet_oracle_may(f, host, &d->k, d);
	if (d->stopped)
		fleet_world_wrong(
		    f, host, "ordered when %s was paused or aborted", d->name);
	if (d->fails >= d->k.max_fail)
		fleet_world_wrong(f, host,
		    "ordered when the budget of %s was spent: %u failures", d->name,
		    d->fails);
	if (d->k.wipes && d->rule != FLEET_NONE && !d->approved)
		fleet_world_wrong(f, host, "ordered, and nobody approved of %s", d->name);
	if (d->over)
		fleet_world_wrong(f, host, "ordered when %s was over", d->name);
}

void
fleet_side_clock(struct fleet *f)
{
	for (size_t k = 0; k < f->sides->n; k++) {
		struct fleet_side *d = f->sides->v[k];

		for (size_t i = 0; !d->over && i < f->n_hosts; i++)
			if (d->v[i].phase == FLEET_SOAK)
				d->v[i].phase = FLEET_IDLE;
		drop(f, d);
	}
}

void
fleet_side_resumed(struct fleet_side *d)
{
	d->stopped = false;
	d->fails = 0;
}

void
fleet_side_opened(struct fleet_side *d, int64_t from, int64_t to)
{
	d->from = from < d->from ? from : d->from;
	d->to = to > d->to ? to : d->to;
}

void
fleet_side_again(struct fleet_side *d, int host)
{
	d->v[host].turns = d->v[host].reboots + 1;
}
