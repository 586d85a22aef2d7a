/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How fast may octets come?
 *
 * Entry points: store_bucket_set() when another cap holds (lib/line_cap.h says which), store_bucket_take() for each
 * piece that came, store_bucket_wait() before the next.
 * Ownership: a plain value.
 * Failure modes: none. What is read from a socket has come already, so that the level may go below zero.
 */
#include "agent/store_bucket.h"

/* What may come at once after a pause: a quarter of a second, so that a cap is one for people with a stopwatch too. */
enum { BURST_PER_S = 4 };

static void
fill(struct store_bucket *b, int64_t now)
{
	int64_t most = b->rate / BURST_PER_S, span = now - b->at;

	if (span <= 0)
		return;
	/* Longer than any debt, and short enough not to overflow. */
	if (span > 3600 * USEC_PER_SEC)
		span = 3600 * USEC_PER_SEC;
	b->level += b->rate * (span / USEC_PER_MSEC) / 1000;
	b->at = span % USEC_PER_MSEC == 0 ? now : now - span % USEC_PER_MSEC;
	if (b->level > most)
		b->level = most;
}

void
store_bucket_set(struct store_bucket *b, int64_t rate, int64_t now)
{
	if (rate == b->rate)
		return;
	if (b->rate > 0)
		fill(b, now);
	else
		b->level = 0;
	b->rate = rate;
	b->at = now;
}

void
store_bucket_take(struct store_bucket *b, int64_t octets, int64_t now)
{
	if (b->rate <= 0)
		return;
	fill(b, now);
	b->level -= octets;
}

int64_t
store_bucket_wait(struct store_bucket *b, int64_t now)
{
	if (b->rate <= 0)
		return 0;
	fill(b, now);
	if (b->level >= 0)
		return 0;
	return -b->level * 1000 / b->rate * USEC_PER_MSEC + USEC_PER_MSEC;
}
