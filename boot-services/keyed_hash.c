/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A keyed hash: multiply and fold, eight octets a step.
 *
 * Whoever can choose many keys that fall into one bucket of a table makes every look into it slow, or pushes
 * others out of it. With a seed that nobody outside knows that takes luck. It is no cryptographic hash: what it
 * returns must not be shown to those who choose the keys.
 *
 * Entry point: keyed_hash_of(). Pure; nothing can fail. */
#include "boot-services/keyed_hash.h"

#include <string.h>

uint64_t
keyed_hash_of(uint64_t seed, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t h = seed ^ len;

	while (len > 0) {
		uint64_t w = 0;
		size_t n = len < sizeof(w) ? len : sizeof(w);
		unsigned __int128 m;

		memcpy(&w, p, n);
		m = (unsigned __int128)(h ^ w ^ 0x9e3779b97f4a7c15u) * (seed | 1);
		h = (uint64_t)m ^ (uint64_t)(m >> 64);
		p += n;
		len -= n;
	}
	return h ^ h >> 32;
}
