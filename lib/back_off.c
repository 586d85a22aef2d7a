// SPDX-License-Identifier: GPL-3.0-or-later
/* Pauses between attempts, for an agent among a thousand.
 *
 * The first pause after a line was lost is anywhere in the window that the orchestrator named while it was there, so that a restart
 * meets its agents one after the other and not all within one; from then on each is twice the last, up to DELAY_MAX, give or take half. Where
 * the other side is there and busy, it says how long to wait at the least, and up to half of that is added.
 *
 * Entry point: back_off_next(). Pure; no failure modes. */
#include "lib/back_off.h"

#include "lib/compiler.h"

#define DELAY_FIRST (200 * USEC_PER_MSEC)
#define DELAY_MAX (15 * USEC_PER_SEC)
#define WINDOW_MAX (60 * USEC_PER_SEC)

static int64_t
below(struct rng *rng, int64_t bound)
{
	return bound > 0 ? (int64_t)rng_below(rng, (uint64_t)bound) : 0;
}

int64_t
back_off_next(int64_t *delay, const struct back_off_why *why, struct rng *rng)
{
	bool first = *delay == 0;
	int64_t window = why->window_us < WINDOW_MAX ? why->window_us : WINDOW_MAX, wait;

	*delay = first ? DELAY_FIRST : *delay * 2;
	if (*delay > DELAY_MAX)
		*delay = DELAY_MAX;
	wait = *delay / 2 + below(rng, *delay);
	if (first && why->lost && window > *delay)
		wait = *delay / 2 + below(rng, window);
	if (wait < why->at_least_us)
		wait = why->at_least_us + below(rng, why->at_least_us / 2);
	return wait;
}
