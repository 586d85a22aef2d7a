/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The number of connections against a model of TCP over a line with delay, loss, a queue and cuts: each connection grows
 * by a packet a round trip, halves on loss (Reno, which fares worse than what Linux does), and waits out a timeout when its
 * window is small. SIM_SEEDS=N runs more seeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/store_streams.h"
#include "lib/rng.h"
#include "lib/str.h"

enum { PACKET = 1448, SEEDS = 20 };

struct line {
	int64_t rtt;	 /* microseconds */
	int64_t packets; /* that fit in a round trip */
	unsigned loss;	 /* per mille */
	unsigned queue;	 /* packets */
};

struct tcp {
	double window;
	double threshold;
	int wait; /* round trips until it may send: connecting, or a timeout */
};

struct world {
	struct line line;
	struct rng rng;
	struct tcp tcp[STORE_STREAMS_MAX];
	unsigned n;
	int64_t now, came;
};

static void
open_one(struct world *w)
{
	/* Connected, TLS agreed, asked. */
	w->tcp[w->n++] = (struct tcp){.window = 10, .threshold = 64, .wait = 4};
}

static bool
lost(struct world *w, unsigned packets, unsigned more)
{
	for (unsigned i = 0; i < packets; i++)
		if (rng_below(&w->rng, 1000) < w->line.loss + more)
			return true;
	return false;
}

static void
turn(struct world *w, struct tcp *t, unsigned more)
{
	if (!lost(w, (unsigned)t->window, more)) {
		t->window += t->window < t->threshold ? t->window : 1;
		return;
	}
	t->wait = t->window < 4 ? 3 : 0;
	t->threshold = t->window / 2 > 2 ? t->window / 2 : 2;
	t->window = t->wait > 0 ? 1 : t->threshold;
}

/* A round trip. Returns the octets that arrived. */
static int64_t
round_trip(struct world *w, bool cut)
{
	int64_t offered = 0, room = w->line.packets;
	unsigned over = 0;

	for (unsigned i = 0; i < w->n; i++)
		if (w->tcp[i].wait == 0)
			offered += (int64_t)w->tcp[i].window;
	if (cut)
		return 0;
	if (offered > room + w->line.queue)
		over = (unsigned)((offered - room - w->line.queue) * 1000 / offered);
	for (unsigned i = 0; i < w->n; i++) {
		if (w->tcp[i].wait > 0)
			w->tcp[i].wait--;
		else
			turn(w, &w->tcp[i], over);
	}
	offered = offered * (1000 - w->line.loss) / 1000;
	return (offered < room ? offered : room) * PACKET;
}

/* For `seconds`, with `cuts` breaks of ten seconds; the share of what the line could have carried while it was up. */
static double
run(struct world *w, struct store_streams *s, int seconds, int cuts)
{
	int64_t end = w->now + seconds * USEC_PER_SEC, up = 0, came = 0;
	int64_t every = cuts > 0 ? seconds * USEC_PER_SEC / (cuts + 1) : INT64_MAX;
	int64_t next_cut = cuts > 0 ? w->now + every : INT64_MAX, heal = 0;

	store_streams_rtt(s, w->line.rtt);
	while (w->now < end) {
		unsigned want = store_streams_tick(s, w->now);
		int64_t octets;

		if (w->now >= next_cut) {
			heal = w->now + 10 * USEC_PER_SEC;
			next_cut += every;
			w->n = 0; /* all are given up, and made anew */
		}
		if (w->now < heal) {
			w->now += w->line.rtt;
			store_streams_break(s, w->now);
			continue;
		}
		if (w->n > want)
			w->n = want;
		while (w->n < want)
			open_one(w);
		octets = round_trip(w, false);
		w->now += w->line.rtt;
		store_streams_came(s, octets, w->now);
		came += octets;
		up += w->line.packets * PACKET;
	}
	return (double)came / (double)up;
}

static struct world
make(uint64_t seed, int64_t rtt, int64_t kbit, unsigned loss)
{
	return (struct world){
	    .line = {.rtt = rtt,
		.packets = kbit * 125 * rtt / USEC_PER_SEC / PACKET,
		.loss = loss,
		.queue = 200},
	    .rng = rng_seeded(seed),
	};
}

/* 500 MB over 10 Mbit/s last 400 s. */
static void
a_bad_line_is_filled_through_cuts(void **state)
{
	double sum = 0, least = 1;
	int64_t seeds = SEEDS;
	const char *text = getenv("SIM_SEEDS");

	(void)state;
	if (text != NULL && str_to_i64(text, 1, 1000000, &seeds) < 0)
		fail();
	for (int64_t seed = 0; seed < seeds; seed++) {
		struct world w = make((uint64_t)seed, 300 * USEC_PER_MSEC, 10000, 20);
		struct store_streams s;
		double share;

		store_streams_init(&s, w.now);
		share = run(&w, &s, 450, 5);
		sum += share;
		if (share < least)
			least = share;
	}
	printf("share of the line: %.3f, least %.3f\n", sum / (double)seeds, least);
	assert_true(sum / (double)seeds >= 0.94);
	assert_true(least >= 0.9);
}

static void
a_good_line_takes_few(void **state)
{
	struct world w = make(7, 20 * USEC_PER_MSEC, 100000, 0);
	struct store_streams s;

	(void)state;
	store_streams_init(&s, w.now);
	assert_true(run(&w, &s, 200, 0) > 0.95);
	assert_true(s.n <= STORE_STREAMS_FIRST);
}

/* It gets worse, then better. */
static void
the_number_follows_the_line(void **state)
{
	struct world w = make(3, 300 * USEC_PER_MSEC, 10000, 1);
	struct store_streams s;
	unsigned good;

	(void)state;
	store_streams_init(&s, w.now);
	run(&w, &s, 120, 0);
	good = s.n;
	w.line.loss = 30;
	run(&w, &s, 300, 0);
	assert_true(s.n > good);
	assert_true(run(&w, &s, 200, 0) > 0.85);
}

/* As many as the cap takes, and more again when it is lifted. */
static void
under_a_cap_few_are_kept(void **state)
{
	struct world w = make(5, 300 * USEC_PER_MSEC, 10000, 20);
	struct store_streams s;

	(void)state;
	store_streams_init(&s, w.now);
	run(&w, &s, 120, 0);
	for (int i = 0; i < 400; i++) {
		w.now += 250 * USEC_PER_MSEC;
		store_streams_came(&s, 10000, w.now);
		store_streams_limited(&s);
		store_streams_tick(&s, w.now);
	}
	assert_true(s.n <= 3);
	w.n = 0;
	run(&w, &s, 200, 0);
	assert_true(run(&w, &s, 200, 0) > 0.85);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_bad_line_is_filled_through_cuts),
	    cmocka_unit_test(a_good_line_takes_few),
	    cmocka_unit_test(the_number_follows_the_line),
	    cmocka_unit_test(under_a_cap_few_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
