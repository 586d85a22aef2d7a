/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Randomness as an argument: the system's in programs, a seeded sequence in simulations. */
#ifndef LIB_RNG_H
#define LIB_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
	uint64_t s[4]; /* xoshiro256**, when seeded */
	int system;    /* 1: getrandom(2); the only choice for secrets */
};

struct rng
rng_system(void);
struct rng
rng_seeded(uint64_t seed);
void
rng_bytes(struct rng *rng, void *dst, size_t n);
uint64_t
rng_u64(struct rng *rng);
/* Uniform in [0, bound); bound > 0. */
uint64_t
rng_below(struct rng *rng, uint64_t bound);

#endif
