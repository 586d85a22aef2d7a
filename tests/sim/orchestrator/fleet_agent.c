// SPDX-License-Identifier: GPL-3.0-or-later
/* Agents as they treat orders (agent/run_orders.c, agent/run_handed.c), without what they do to a machine: an order that is known
 * changes nothing; one whose window is over is refused; one whose window is still to open waits for it, by the agent's own clock,
 * whether or not the orchestrator is heard; one for a machine that is busy is refused, or waits when it has a window to come.
 * What was done is told in the order in which it happened, until it was acknowledged; the agent's spool is durable.
 *
 * A machine goes down, comes back after minutes, or after long, or not at all; its BMC may be dead, so that nothing happens. */
#include "tests/sim/orchestrator/fleet_agent.h"

#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "lib/stage.h"
#include "lib/str.h"
#include "tests/sim/orchestrator/fleet_oracle.h"

enum { REPORT_MAX = 100 };

bool
fleet_agent_there(const struct fleet_site *s)
{
	return !s->cut && !s->stopped;
}

int64_t
fleet_agent_clock(const struct fleet *f, const struct fleet_site *s)
{
	return f->now + s->clock_off;
}

bool
fleet_agent_check(struct fleet *f, int host)
{
	return fleet_world_healthy(&f->hosts[host]);
}

/* ---- what it tells ---- */

static struct event *
tell(struct fleet *f, int host, const char *kind, const char *job)
{
	struct fleet_site *s = &f->sites[f->hosts[host].site];
	struct event *ev;

	if (s->n_spool == s->cap_spool) {
		s->cap_spool = s->cap_spool ? 2 * s->cap_spool : 64;
		s->spool = str_realloc(s->spool, s->cap_spool * sizeof(s->spool[0]));
	}
	ev = &s->spool[s->n_spool++];
	*ev = event_make(kind, fleet_agent_clock(f, s));
	str_clip(ev->host, sizeof(ev->host), f->hosts[host].name);
	str_clip(ev->job, sizeof(ev->job), job);
	if (s->n_spool == 1 && !s->reporting)
		fleet_world_later(f, fleet_between(f, S / 20, S), FLEET_REPORT,
		    f->hosts[host].site, FLEET_NONE);
	return ev;
}

static void
tell_stage(struct fleet *f, int host, enum stage stage, const char *state)
{
	struct event *ev = tell(f, host, "job.stage", f->hosts[host].job->order.job);

	event_put(ev, "stage", stage_name(stage));
	event_put(ev, "state", state);
	event_put_i64(ev, "attempt", 1);
}

static void
tell_failed(
    struct fleet *f, int host, const char *kind, const char *job, const char *code)
{
	struct event *ev = tell(f, host, kind, job);

	event_put(ev, "code", code);
	event_put(ev, "text", "as it happened");
	event_put(ev, "next", "look at the machine");
}

static struct agent_msg_report *
make_report(struct fleet *f, const struct fleet_site *s)
{
	struct agent_msg_report *m = str_alloc(sizeof(*m));

	str_clip(m->site, sizeof(m->site), s->name);
	str_clip(m->agent, sizeof(m->agent), s->agent);
	m->first = s->acked + 1;
	m->n_events = s->n_spool < REPORT_MAX ? s->n_spool : REPORT_MAX;
	m->events = str_alloc(m->n_events * sizeof(m->events[0]));
	for (size_t i = 0; i < m->n_events; i++) {
		m->events[i] = s->spool[i];
		/* Each report has its own, as from the wire. */
		m->events[i].detail = json_deep_copy(s->spool[i].detail);
	}
	(void)f;
	return m;
}

static void
report(struct fleet *f, int site)
{
	struct fleet_site *s = &f->sites[site];

	s->reporting = false;
	if (s->n_spool == 0 || !fleet_agent_there(s))
		return;
	/* Lost, or told twice, the second time later than others perhaps. */
	for (int n = fleet_chance(f, f->odds.lost)   ? 0
		     : fleet_chance(f, f->odds.lost) ? 2
						     : 1;
	     n > 0; n--) {
		struct fleet_todo *t = fleet_world_later(f,
		    fleet_between(f, S / 50, n == 2 ? 30 * S : 2 * S), FLEET_ARRIVE, site,
		    FLEET_NONE);
		t->p = make_report(f, s);
		f->n_repeats += n == 2;
	}
	s->reporting = true;
	s->tried = f->now;
	fleet_world_later(
	    f, fleet_between(f, 10 * S, 20 * S), FLEET_REPORT, site, FLEET_NONE);
}

static void
acked(struct fleet *f, int site, int64_t number)
{
	struct fleet_site *s = &f->sites[site];
	int64_t n = number - s->acked;

	if (n <= 0)
		return;
	if (n > (int64_t)s->n_spool)
		fleet_world_wrong(f, FLEET_NONE,
		    "site %s: events up to %lld acknowledged that were never told",
		    s->name, (long long)number);
	for (int64_t i = 0; i < n; i++)
		event_done(&s->spool[i]);
	s->n_spool -= (size_t)n;
	memmove(s->spool, s->spool + n, s->n_spool * sizeof(s->spool[0]));
	s->acked = number;
	if (s->n_spool > 0)
		report(f, site);
}

/* ---- orders ---- */

static void
begin(struct fleet *f, struct fleet_job *job)
{
	struct fleet_host *h = &f->hosts[job->order.host];

	job->state = FLEET_RUNS;
	job->began = f->now;
	h->job = job;
	h->life++;
	f->n_jobs++;
	fleet_world_note(f, job->order.host,
	    "job begins; booted since (min):", (f->now - h->booted) / MIN);
	fleet_oracle_begins(f, job);
	tell(f, job->order.host, "job.accepted", job->order.job);
	event_put_i64(
	    tell(f, job->order.host, "job.attempt", job->order.job), "attempt", 1);
	fleet_world_later(f,
	    h->bmc_dead ? fleet_between(f, MIN, 3 * MIN)
			: fleet_between(f, 2 * S, 80 * S),
	    h->bmc_dead ? FLEET_ENDS : FLEET_POWER, h->site, job->order.host)
	    ->a = h->life;
}

static void
over(struct fleet *f, struct fleet_job *job)
{
	job->state = FLEET_ENDED;
	job->ended = f->now;
	fleet_oracle_ends(f, job);
}

static void
miss(struct fleet *f, struct fleet_job *job, const char *kind)
{
	f->n_missed++;
	fleet_world_note(f, job->order.host, "its window was over", 0);
	tell_failed(f, job->order.host, kind, job->order.job, "window-missed");
	over(f, job);
}

static void
drop_waiting(struct fleet_site *s, const struct fleet_job *job)
{
	for (struct fleet_job **at = &s->waits; *at; at = &(*at)->next)
		if (*at == job) {
			*at = job->next;
			return;
		}
}

/* Holds end what has not begun, and nothing else. */
static void
cancel(struct fleet *f, const struct fleet_order *order, struct fleet_job *job)
{
	struct event *ev;

	if (job && job->state != FLEET_WAITS)
		return;
	if (!job) {
		job = str_alloc(sizeof(*job));
		job->order = *order;
		HASH_ADD_KEYPTR(hh, f->jobs, job->order.job, strlen(job->order.job), job);
	}
	drop_waiting(&f->sites[f->hosts[order->host].site], job);
	fleet_world_note(f, order->host, "cancelled before it began", 0);
	ev = tell(f, order->host, "job.cancelled", order->job);
	event_put(ev, "by", "ada");
	event_put(ev, "code", order->cancel_code);
	event_put(ev, "text", "it was held before it began");
	over(f, job);
}

static void
told(struct fleet *f, const struct fleet_order *order)
{
	struct fleet_host *h = &f->hosts[order->host];
	struct fleet_site *s = &f->sites[h->site];
	int64_t there = fleet_agent_clock(f, s);
	struct fleet_job *job;

	HASH_FIND_STR(f->jobs, order->job, job);
	if (!fleet_agent_there(s))
		return;
	if (order->cancel)
		cancel(f, order, job);
	if (job || order->cancel)
		return;
	job = str_alloc(sizeof(*job));
	job->order = *order;
	HASH_ADD_KEYPTR(hh, f->jobs, job->order.job, strlen(job->order.job), job);
	fleet_world_note(f, order->host, "order reaches the agent; may begin in (s):",
	    order->not_before ? (order->not_before - there) / S : 0);
	if (order->not_before > 0 && there >= order->not_after) {
		miss(f, job, "job.refused");
	} else if (order->not_before > there) {
		job->state = FLEET_WAITS;
		job->next = s->waits;
		s->waits = job;
		fleet_oracle_waits(f, job);
		event_put_i64(tell(f, order->host, "job.handed", order->job),
		    "not_before", order->not_before);
		fleet_world_later(
		    f, order->not_before - there, FLEET_WINDOWS, h->site, FLEET_NONE);
	} else if (h->job) {
		f->n_busy++;
		fleet_oracle_two(f, job);
		tell_failed(f, order->host, "job.refused", order->job, "host-busy");
		over(f, job);
	} else {
		begin(f, job);
	}
}

static void
look_at_windows(struct fleet *f, int site)
{
	struct fleet_site *s = &f->sites[site];
	struct fleet_job **at = &s->waits;
	int64_t there = fleet_agent_clock(f, s);

	if (s->stopped)
		return;
	while (*at) {
		struct fleet_job *job = *at;
		bool busy = f->hosts[job->order.host].job != NULL;
		bool missed = there >= job->order.not_after;

		if (!missed && (there < job->order.not_before || busy)) {
			if (busy)
				fleet_oracle_two(f, job);
			at = &job->next;
			continue;
		}
		*at = job->next;
		if (missed)
			miss(f, job, "job.failed");
		else
			begin(f, job);
	}
}

/* ---- the machine ---- */

static void
power(struct fleet *f, int host, int64_t life)
{
	struct fleet_host *h = &f->hosts[host];
	int64_t takes = fleet_between(f, 90 * S, 7 * MIN);

	if (!h->job || h->life != life)
		return; /* it was cancelled */
	h->job->rebooted = true;
	h->boots++;
	h->booted = f->now;
	f->n_reboots++;
	fleet_world_note(f, host, "power cycled", h->boots);
	fleet_oracle_reboots(f, h->job);
	tell_stage(f, host, STAGE_POWER, "confirmed");
	tell_stage(f, host, STAGE_LOCAL_BOOT, "entered");
	if (fleet_chance(f, f->odds.dead)) {
		fleet_world_break(f, host, 0);
		takes = fleet_between(f, 15 * MIN, 20 * MIN);
	} else if (fleet_chance(f, f->odds.slow)) {
		takes = fleet_between(f, 10 * MIN, 45 * MIN);
	}
	fleet_world_later(f, takes, FLEET_ENDS, h->site, host)->a = life;
}

static void
ends(struct fleet *f, int host, int64_t life)
{
	struct fleet_host *h = &f->hosts[host];
	struct fleet_job *job = h->job;

	if (!job || h->life != life)
		return;
	/* Who stops an agent's machine does not stop the others: it sees them come up when it is back itself. */
	if (f->sites[h->site].stopped) {
		fleet_world_later(f, 30 * S, FLEET_ENDS, h->site, host)->a = life;
		return;
	}
	job->ok = job->rebooted && !h->down;
	h->job = NULL;
	if (job->ok) {
		f->n_done++;
		if (fleet_chance(f, f->odds.gate_after))
			fleet_world_break(f, host, 2);
		h->ended = f->now;
		tell(f, host, "job.done", job->order.job);
	} else {
		f->n_failed++;
		tell_failed(f, host, "job.failed", job->order.job,
		    job->rebooted ? "no-local-boot" : "bmc-timeout");
	}
	fleet_world_note(f, host, job->ok ? "job done" : "job failed", 0);
	over(f, job);
	look_at_windows(f, h->site);
}

static void
repair(struct fleet *f, int host)
{
	struct fleet_host *h = &f->hosts[host];

	if (h->job) { /* not while somebody is at it */
		fleet_world_later(f, HOUR, FLEET_REPAIR, h->site, host);
		return;
	}
	h->down = h->bmc_dead = h->sick = h->repair_soon = false;
	fleet_world_note(f, host, "repaired", 0);
}

/* ---- lines and agents' machines ---- */

static void
cut(struct fleet *f, const struct fleet_todo *t, bool agent)
{
	struct fleet_site *s = &f->sites[t->site];
	bool *what = agent ? &s->stopped : &s->cut;

	if (*what)
		return;
	if (fleet_agent_there(s))
		s->heard = f->now;
	*what = true;
	f->n_cuts += !agent;
	f->n_stops += agent;
	fleet_world_later(
	    f, t->a, agent ? FLEET_AGENT_START : FLEET_LINE_BACK, t->site, FLEET_NONE);
}

static void
back(struct fleet *f, int site, bool agent)
{
	struct fleet_site *s = &f->sites[site];

	fleet_oracle_back(f, site);
	*(agent ? &s->stopped : &s->cut) = false;
	if (agent)
		look_at_windows(f, site);
	if (!fleet_agent_there(s))
		return;
	s->heard = f->now;
	report(f, site);
	fleet_world_later(
	    f, fleet_between(f, S / 10, 5 * S), FLEET_POLL, site, FLEET_NONE);
}

bool
fleet_agent_take(struct fleet *f, const struct fleet_todo *t)
{
	switch ((int)t->type) {
	case FLEET_LINE_CUT: cut(f, t, false); return true;
	case FLEET_LINE_BACK: back(f, t->site, false); return true;
	case FLEET_AGENT_STOP: cut(f, t, true); return true;
	case FLEET_AGENT_START: back(f, t->site, true); return true;
	case FLEET_TOLD: told(f, t->p); return true;
	case FLEET_WINDOWS: look_at_windows(f, t->site); return true;
	case FLEET_POWER: power(f, t->host, t->a); return true;
	case FLEET_ENDS: ends(f, t->host, t->a); return true;
	case FLEET_REPAIR: repair(f, t->host); return true;
	case FLEET_REPORT: report(f, t->site); return true;
	case FLEET_ACK: acked(f, t->site, t->a); return true;
	default: return false;
	}
}
