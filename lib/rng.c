/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Randomness as an argument: getrandom(2) in programs, xoshiro256** in simulations.
 *
 * Entry points: rng_system(), rng_seeded(), then rng_bytes(), rng_u64(), rng_below().
 * Ownership: struct rng is a value; a copy of a seeded one repeats its sequence.
 * Failure modes: none that a caller sees; a kernel without randomness aborts the program,
 * since going on would mean guessable tokens.
 */
#include "lib/rng.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct rng
rng_system(void)
{
	return (struct rng){.system = 1};
}

/* splitmix64, as the authors of xoshiro advise for filling its state. */
static uint64_t
splitmix(uint64_t *x)
{
	uint64_t z = (*x += 0x9e3779b97f4a7c15U);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return z ^ (z >> 31);
}

struct rng
rng_seeded(uint64_t seed)
{
	struct rng rng = {.system = 0};

	for (size_t i = 0; i < 4; i++)
		rng.s[i] = splitmix(&seed);
	return rng;
}

static uint64_t
rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

/* xoshiro256** 1.0, Blackman and Vigna. */
static uint64_t
xoshiro_next(uint64_t s[4])
{
	uint64_t result = rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

static void
system_bytes(uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0) {
			if (errno == EINTR)
				continue;
			abort();
		}
		p += got;
		n -= (size_t)got;
	}
}

void
rng_bytes(struct rng *rng, void *dst, size_t n)
{
	uint8_t *p = dst;

	if (rng->system) {
		system_bytes(p, n);
		return;
	}
	while (n > 0) {
		uint64_t v = xoshiro_next(rng->s);
		size_t k = n < sizeof(v) ? n : sizeof(v);

		memcpy(p, &v, k);
		p += k;
		n -= k;
	}
}

uint64_t
rng_u64(struct rng *rng)
{
	uint64_t v;

	rng_bytes(rng, &v, sizeof(v));
	return v;
}

uint64_t
rng_below(struct rng *rng, uint64_t bound)
{
	uint64_t v, floor;

	assert(bound > 0);
	/* The values below 2^64 mod bound are dropped, else small results would come up
	 * more often. */
	floor = (0 - bound) % bound;
	do {
		v = rng_u64(rng);
	} while (v < floor);
	return v % bound;
}
