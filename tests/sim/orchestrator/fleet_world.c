// SPDX-License-Identifier: GPL-3.0-or-later
/* The fleet and its time: the queue of what happens, machines that break and are repaired.
 *
 * Hosts are in waves (which schedules select), racks of their site, and pairs of machines at different sites of one wave, of which
 * one must stay up (a label whose value is shared by sites). Sites have zones with clock changes of every kind.
 * Entry points: fleet_world_new(), then fleet_world_next() until it is over. */
#include "tests/sim/orchestrator/fleet_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/agent_msg.h"
#include "lib/str.h"

/* From east to west. */
static const char *const zones[FLEET_ZONES] = {"Pacific/Auckland", "Australia/Lord_Howe",
    "Asia/Tokyo", "Asia/Kathmandu", "Asia/Kolkata", "Africa/Johannesburg",
    "Europe/Prague", "Africa/Lagos", "Africa/Casablanca", "Europe/London",
    "America/Sao_Paulo", "America/St_Johns", "America/New_York", "America/Los_Angeles"};

const char *
fleet_world_zone(int zone)
{
	return zones[zone];
}

/* ---- the queue: a heap by time, and by the order of coming for the same time ---- */

static bool
sooner(const struct fleet_todo *a, const struct fleet_todo *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void
swap(struct fleet_todo *a, struct fleet_todo *b)
{
	struct fleet_todo t = *a;

	*a = *b;
	*b = t;
}

struct fleet_todo *
fleet_world_later(
    struct fleet *f, int64_t delay, enum fleet_todo_type type, int site, int host)
{
	size_t i = f->n_heap++;

	if (f->n_heap > f->cap_heap) {
		f->cap_heap = f->cap_heap ? 2 * f->cap_heap : 256;
		f->heap = str_realloc(f->heap, f->cap_heap * sizeof(f->heap[0]));
	}
	f->heap[i] = (struct fleet_todo){.at = f->now + delay,
	    .order = f->orders++,
	    .type = type,
	    .site = site,
	    .host = host};
	for (; i > 0 && sooner(&f->heap[i], &f->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&f->heap[i], &f->heap[(i - 1) / 2]);
	return &f->heap[i];
}

static void
sift_down(struct fleet *f)
{
	size_t i = 0;

	for (;;) {
		size_t least = i;

		for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < f->n_heap; k++)
			if (sooner(&f->heap[k], &f->heap[least]))
				least = k;
		if (least == i)
			return;
		swap(&f->heap[i], &f->heap[least]);
		i = least;
	}
}

bool
fleet_world_next(struct fleet *f, struct fleet_todo *ret)
{
	if (f->n_heap == 0)
		return false;
	*ret = f->heap[0];
	f->heap[0] = f->heap[--f->n_heap];
	sift_down(f);
	f->now = ret->at;
	f->steps++;
	return true;
}

/* ---- the fleet ---- */

static void
make_site(struct fleet *f, int i)
{
	struct fleet_site *s = &f->sites[i];
	size_t each = f->n_hosts / f->n_sites;

	assert_int_equal(str_format(s->name, sizeof(s->name), "s%03d", i), 0);
	id_make(FLEET_BEGIN + i * USEC_PER_MSEC, &f->rng, s->agent);
	s->wave = i % (int)f->n_waves;
	/* Most of a wave are neighbours, so that their windows overlap. */
	s->zone = fleet_chance(f, 125)
		      ? (int)fleet_between(f, 0, FLEET_ZONES)
		      : (int)(f->seed + (uint64_t)s->wave + rng_below(&f->rng, 3)) %
			    FLEET_ZONES;
	s->first = i * (int)each;
	s->n = (int)(i + 1 == (int)f->n_sites ? f->n_hosts - each * (size_t)i : each);
	s->heard = f->now;
	/* Most are right to the second, and one in eight is some minutes off. */
	s->clock_off = fleet_chance(f, 125) ? fleet_between(f, -8 * MIN, 8 * MIN)
					    : fleet_between(f, -2 * S, 2 * S);
	for (int k = 0; k < s->n; k++) {
		struct fleet_host *h = &f->hosts[s->first + k];

		assert_int_equal(
		    str_format(h->name, sizeof(h->name), "h%02d.%s", k, s->name), 0);
		h->site = i;
		h->wave = s->wave;
		h->rack = k / 5;
		/* The k-th hosts of two neighbouring sites of a wave. */
		h->pair = i / (2 * (int)f->n_waves) * 1000 + k;
		h->booted = f->now - fleet_between(f, HOUR, 30 * DAY);
	}
}

struct fleet *
fleet_world_new(uint64_t seed, size_t hosts, size_t sites, size_t waves, size_t weeks)
{
	struct fleet *f = str_alloc(sizeof(*f));

	f->seed = seed;
	f->rng = rng_seeded(seed);
	f->n_hosts = hosts;
	f->n_sites = sites;
	f->n_waves = waves;
	f->weeks = weeks;
	f->now = FLEET_BEGIN - 2 * DAY;
	f->until = FLEET_BEGIN + (int64_t)weeks * 7 * DAY;
	f->hosts = str_alloc(hosts * sizeof(f->hosts[0]));
	f->sites = str_alloc(sites * sizeof(f->sites[0]));
	for (size_t i = 0; i < sites; i++)
		make_site(f, (int)i);
	return f;
}

static void
free_site(struct fleet_site *s)
{
	for (size_t i = 0; i < s->n_spool; i++)
		event_done(&s->spool[i]);
	free(s->spool);
}

void
fleet_world_free(struct fleet *f)
{
	struct fleet_job *job, *tmp;

	for (size_t i = 0; i < f->n_heap; i++) {
		if (f->heap[i].type == FLEET_ARRIVE)
			agent_msg_report_done(f->heap[i].p);
		free(f->heap[i].p);
	}
	for (size_t i = 0; i < f->n_sites; i++)
		free_site(&f->sites[i]);
	HASH_ITER (hh, f->jobs, job, tmp) {
		HASH_DEL(f->jobs, job);
		free(job);
	}
	free(f->heap);
	free(f->sites);
	free(f->hosts);
	free(f);
}

/* Names are made from the numbers. */
int
fleet_world_site(const struct fleet *f, const char *name)
{
	int64_t i;

	if (name[0] != 's' || str_to_i64(name + 1, 0, (int64_t)f->n_sites - 1, &i) < 0)
		return FLEET_NONE;
	return (int)i;
}

int
fleet_world_host(const struct fleet *f, const char *name)
{
	const char *dot = strchr(name, '.');
	int site = dot ? fleet_world_site(f, dot + 1) : FLEET_NONE;
	int k = atoi(name + 1);

	if (site == FLEET_NONE || k < 0 || k >= f->sites[site].n)
		return FLEET_NONE;
	return f->sites[site].first + k;
}

/* ---- what is told of it ---- */

void
fleet_world_note(struct fleet *f, int host, const char *what, int64_t a)
{
	struct fleet_host *h = &f->hosts[host];

	h->notes[h->n_notes++ % FLEET_TRACE] = (struct fleet_note){f->now, what, a};
}

static void
show_trace(const struct fleet *f, int host)
{
	const struct fleet_host *h = &f->hosts[host];
	const struct fleet_site *s = &f->sites[h->site];
	unsigned first = h->n_notes > FLEET_TRACE ? h->n_notes - FLEET_TRACE : 0;
	char at[CLOCK_TEXT_SIZE];

	print_error(
	    "host %s (wave %d, rack %d, pair %d) at %s (%s; its clock %+lld s%s%s)\n",
	    h->name, h->wave, h->rack, h->pair, s->name, zones[s->zone],
	    (long long)(s->clock_off / S), s->cut ? "; line cut" : "",
	    s->stopped ? "; agent stopped" : "");
	for (unsigned i = first; i < h->n_notes; i++) {
		const struct fleet_note *n = &h->notes[i % FLEET_TRACE];

		print_error("  %s  %s %lld\n", clock_text(n->at, at, sizeof(at)), n->what,
		    (long long)n->a);
	}
}

_Noreturn void
fleet_world_wrong(struct fleet *f, int host, const char *fmt, ...)
{
	char at[CLOCK_TEXT_SIZE], text[512];
	va_list ap;

	if (f->exits && !getenv("SIM_SAY"))
		_exit(FLEET_WRONG);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	print_error("%s: step %llu: %s\n", clock_text(f->now, at, sizeof(at)),
	    (unsigned long long)f->steps, text);
	if (host != FLEET_NONE)
		show_trace(f, host);
	print_error("again: SIM_SEED=%llu SIM_SEEDS=1 SIM_HOSTS=%zu SIM_SITES=%zu "
		    "SIM_WEEKS=%zu\n",
	    (unsigned long long)f->seed, f->n_hosts, f->n_sites, f->weeks);
	if (f->exits)
		_exit(FLEET_WRONG);
	fail();
	abort();
}

/* ---- what breaks ---- */

bool
fleet_world_healthy(const struct fleet_host *h)
{
	return !h->down && !h->sick && !(h->job && h->job->rebooted);
}

void
fleet_world_break(struct fleet *f, int host, int kind)
{
	struct fleet_host *h = &f->hosts[host];
	static const char *const words[] = {
	    "does not come back", "its BMC is dead", "is sick"};

	h->down = h->down || kind == 0;
	h->bmc_dead = h->bmc_dead || kind == 1;
	h->sick = h->sick || kind == 2;
	fleet_world_note(f, host, words[kind], 0);
	if (!h->repair_soon)
		fleet_world_later(
		    f, fleet_between(f, HOUR, 3 * DAY), FLEET_REPAIR, h->site, host);
	h->repair_soon = true;
}
