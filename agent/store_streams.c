/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The number of parallel ranges, by trial: doubled while the total rate grows, then held, with a look now and then whether
 * some more are faster (the line got worse) or some fewer as fast (it got better, or others need it).
 *
 *	CLIMB --no growth, judge()--> HOLD --often calm, judge_hold()--> UP | DOWN --judge()--> HOLD
 *
 * Entry points: store_streams_came() with each piece, store_streams_tick().
 * Ownership: a plain value.
 * Failure modes: rates of a lossy line scatter by some per cent, so that a step must show more than that to be kept, and
 * fewer connections are kept only when they are as good. A measurement under a cap is judged only downwards: as long as
 * the cap is reached, fewer will do.
 */
#include "agent/store_streams.h"

enum {
	SETTLE_RTTS = 6, /* a connection is made, TLS agreed, and its window grows */
	MEASURE_RTTS = 10,
	SILENT_RTTS = 3,
	STRIKES = 2,
	CALM = 5,     /* measurements between two looks */
	GROWTH = 115, /* per cent of before that a doubling must reach to go on */
	BETTER = 105, /* … that some more must reach to be kept */
	BEST_INERTIA = 63,
	AS_GOOD = 99,  /* … that some fewer must reach */
	MUCH_LESS = 75 /* … below which the line has changed */
};
#define RTT_DEFAULT (200 * USEC_PER_MSEC)
#define SETTLE_MIN (300 * USEC_PER_MSEC)
#define SETTLE_MAX (4 * USEC_PER_SEC)
#define MEASURE_MIN (500 * USEC_PER_MSEC)
#define MEASURE_MAX (5 * USEC_PER_SEC)

static int64_t
between(int64_t v, int64_t min, int64_t max)
{
	return v < min ? min : v > max ? max : v;
}

static int64_t
rtt_of(const struct store_streams *s)
{
	return s->rtt > 0 ? s->rtt : RTT_DEFAULT;
}

static void
measure(struct store_streams *s, int64_t from)
{
	s->from = from;
	s->octets = 0;
	s->limited = false;
}

static void
step(struct store_streams *s, enum store_streams_phase phase, unsigned n, int64_t now)
{
	s->phase = phase;
	s->before = s->n;
	s->n = n < 1 ? 1 : n > STORE_STREAMS_MAX ? STORE_STREAMS_MAX : n;
	s->calm = 0;
	measure(s, now + between(SETTLE_RTTS * rtt_of(s), SETTLE_MIN, SETTLE_MAX));
}

void
store_streams_init(struct store_streams *s, int64_t now)
{
	*s = (struct store_streams){.n = STORE_STREAMS_FIRST};
	step(s, STORE_STREAMS_CLIMB, s->n, now);
}

void
store_streams_rtt(struct store_streams *s, int64_t rtt)
{
	if (rtt > 0 && (s->rtt == 0 || rtt < s->rtt))
		s->rtt = rtt;
}

void
store_streams_came(struct store_streams *s, int64_t octets, int64_t now)
{
	s->last = now;
	if (now >= s->from)
		s->octets += octets;
}

void
store_streams_limited(struct store_streams *s)
{
	s->limited = true;
}

void
store_streams_break(struct store_streams *s, int64_t now)
{
	/* A step that was being judged is not: back to what is known, if anything is. */
	if (s->phase == STORE_STREAMS_UP || s->phase == STORE_STREAMS_DOWN) {
		s->n = s->before;
		s->phase = STORE_STREAMS_HOLD;
	}
	measure(s, now + between(SETTLE_RTTS * rtt_of(s), SETTLE_MIN, SETTLE_MAX));
}

static void
hold(struct store_streams *s, unsigned n, int64_t rate, int64_t now)
{
	bool same = n == s->n;

	s->rate = rate;
	step(s, STORE_STREAMS_HOLD, n, now);
	if (same)
		measure(s, now);
}

static void
climb(struct store_streams *s, int64_t now)
{
	step(s, s->n < STORE_STREAMS_MAX ? STORE_STREAMS_CLIMB : STORE_STREAMS_HOLD,
	    2 * s->n, now);
}

static unsigned
fewer(const struct store_streams *s)
{
	return s->n - (s->n >= 5 ? s->n / 5 : 1);
}

static unsigned
more(const struct store_streams *s)
{
	return s->n + (s->n >= 6 ? s->n / 3 : 2);
}

/* A step down by a per cent at a time would end far below, were each measured by the one before. */
static void
remember_best(struct store_streams *s, int64_t rate)
{
	s->best =
	    rate > s->best ? rate : (BEST_INERTIA * s->best + rate) / (BEST_INERTIA + 1);
}

static void
judge_hold(struct store_streams *s, int64_t rate, int64_t now)
{
	bool worse = s->rate > 0 && rate * 100 < s->rate * MUCH_LESS;

	s->rate = s->rate == 0 ? rate : (3 * s->rate + rate) / 4;
	remember_best(s, s->rate);
	s->calm++;
	measure(s, now);
	if (worse && s->n < STORE_STREAMS_MAX) {
		s->rate = s->best = rate;
		step(s, STORE_STREAMS_UP, more(s), now);
	} else if (s->calm >= CALM) {
		bool down = (s->down_next || s->n == STORE_STREAMS_MAX) && s->n > 1;

		s->down_next = !s->down_next;
		if (down)
			step(s, STORE_STREAMS_DOWN, fewer(s), now);
		else if (s->n < STORE_STREAMS_MAX)
			step(s, STORE_STREAMS_UP, more(s), now);
		else
			s->calm = 0;
	}
}

/* A window that still grows, or a bad moment, looks like growth that is not there or hides what is: one step that did not
 * help is no reason yet. */
static void
judge_climb(struct store_streams *s, int64_t rate, int64_t percent, int64_t now)
{
	if (percent >= GROWTH) {
		s->strikes = 0;
	} else if (++s->strikes == STRIKES) {
		/* The step before did as well. Connections too many cost little, and go one by one. */
		hold(s, s->before, rate, now);
		s->down_next = true;
		return;
	}
	s->rate = rate;
	climb(s, now);
}

static void
judge(struct store_streams *s, int64_t rate, int64_t now)
{
	int64_t percent = s->rate > 0 ? rate * 100 / s->rate : 1000;

	switch (s->phase) {
	case STORE_STREAMS_CLIMB: judge_climb(s, rate, percent, now); break;
	case STORE_STREAMS_HOLD: judge_hold(s, rate, now); break;
	case STORE_STREAMS_UP:
		if (percent >= BETTER && s->n < STORE_STREAMS_MAX) {
			s->rate = rate;
			step(s, STORE_STREAMS_UP, more(s), now);
		} else {
			hold(s, percent >= BETTER ? s->n : s->before,
			    percent >= BETTER ? rate : s->rate, now);
		}
		break;
	case STORE_STREAMS_DOWN: {
		bool as_good = rate * 100 >= s->best * AS_GOOD;

		hold(s, as_good ? s->n : s->before, as_good ? rate : s->rate, now);
		break;
	}
	}
}

/* The cap is reached: are there more than it takes? */
static void
judge_limited(struct store_streams *s, int64_t now)
{
	if (s->phase == STORE_STREAMS_UP)
		s->n = s->before;
	s->phase = STORE_STREAMS_HOLD;
	/* What it would be without the cap is not known any more. */
	s->rate = s->best = 0;
	if (s->n > 2)
		step(s, STORE_STREAMS_HOLD, fewer(s), now);
	else
		measure(s, now);
}

unsigned
store_streams_tick(struct store_streams *s, int64_t now)
{
	int64_t span = now - s->from;

	if (span < between(MEASURE_RTTS * rtt_of(s), MEASURE_MIN, MEASURE_MAX))
		return s->n;
	if (s->limited)
		judge_limited(s, now);
	else if (s->octets == 0 || now - s->last > between(SILENT_RTTS * rtt_of(s),
						       MEASURE_MIN, MEASURE_MAX))
		store_streams_break(s, now); /* is it down? */
	else
		judge(s, s->octets * 1000 / (span / USEC_PER_MSEC), now);
	return s->n;
}
