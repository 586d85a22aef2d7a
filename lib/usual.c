/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Durations in order of size, and what they say.
 *
 * Entry points: usual_init(), usual_add() for each confirmed stage of the past, newest first, then the questions.
 * Ownership: plain data. Failure modes: none; a duration that is not above 0 is left out (the clock was set back), and
 * so is each above USUAL_MAX of a stage. */
#include "lib/usual.h"

#include <string.h>

void
usual_init(struct usual *u)
{
	memset(u, 0, sizeof(*u));
}

void
usual_add(struct usual *u, enum stage stage, int64_t us)
{
	unsigned n = u->n[stage], at = 0;

	if (us <= 0 || n == USUAL_MAX)
		return;
	while (at < n && u->us[stage][at] <= us)
		at++;
	memmove(&u->us[stage][at + 1], &u->us[stage][at], (n - at) * sizeof(us));
	u->us[stage][at] = us;
	u->n[stage]++;
}

/* The nearest rank. */
int64_t
usual_percentile(const struct usual *u, enum stage stage, unsigned percent)
{
	unsigned n = u->n[stage];
	unsigned rank = (n * percent + 99) / 100;

	return n == 0 ? 0 : u->us[stage][rank > 0 ? rank - 1 : 0];
}

struct verdict_usual
usual_of(const struct usual *u, enum stage stage)
{
	return (struct verdict_usual){
	    .n = u->n[stage],
	    .median = usual_percentile(u, stage, 50),
	    .p90 = usual_percentile(u, stage, 90),
	    .max = usual_percentile(u, stage, 100),
	};
}

/* Up to the power-on it is the BMC that is waited for, and how long that may take is its manners' business. A machine that
 * was quick ten times may train its memory, check its disk or flash its firmware the next time: too short a deadline
 * switches it off in the middle, so that the past only lengthens one. Of ten boots the slowest has no say: once
 * somebody stood in the setup. */
int64_t
usual_deadline(const struct usual *u, enum stage stage)
{
	int64_t usual = stage_default_deadline(stage), us;

	if (stage < STAGE_FIRMWARE_DHCP || stage > STAGE_LOCAL_BOOT ||
	    u->n[stage] < USUAL_ENOUGH)
		return 0;
	us = 2 * usual_percentile(u, stage, 90);
	if (us <= usual)
		return 0;
	return us < USUAL_DEADLINE_TIMES * usual ? us : USUAL_DEADLINE_TIMES * usual;
}
