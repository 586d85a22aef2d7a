/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When to try again what fails: later and later, never at the same moment as others, and not before the other side asks for it. */
#ifndef LIB_BACK_OFF_H
#define LIB_BACK_OFF_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/rng.h"

struct back_off_why {
	bool lost; /* nobody answered: then so many others lost the line, too … */
	int64_t
	    window_us; /* … that all of them want this long for coming back; 0: not known */
	int64_t at_least_us; /* asked for by who answered (Retry-After); 0: not */
};

/* *delay is kept between failures, and 0 while all is well. Microseconds from now. */
int64_t
back_off_next(int64_t *delay, const struct back_off_why *why, struct rng *rng);

#endif
