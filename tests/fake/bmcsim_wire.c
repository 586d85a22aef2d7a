/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bad road to a simulated BMC, by its seed: what happens now and then, and replies that
 * arrive as something else. What takes time (late and repeated replies) is bmcsim.c's. */
#include <string.h>

#include "tests/fake/bmcsim_priv.h"

enum { RANDOM = 1, TRUNCATED = 2, FLIPPED = 4, WRONG_LENGTH = 8, APPENDED = 16 };
enum { KINDS = 5, LENGTH_AT = 14 };

bool
bmcsim_wire_chance(struct bmcsim_bmc *b, int percent)
{
	return percent > 0 && rng_below(&b->luck, 100) < (uint64_t)percent;
}

static int
pick_kind(struct bmcsim_bmc *b)
{
	int wanted = b->faults.garbage_kind & ((1 << KINDS) - 1);
	int kind;

	if (wanted == 0)
		wanted = (1 << KINDS) - 1;
	do
		kind = 1 << rng_below(&b->luck, KINDS);
	while (!(kind & wanted));
	return kind;
}

size_t
bmcsim_wire_mangle(struct bmcsim_bmc *b, uint8_t *pkt, size_t len)
{
	size_t room = BMCSIM_PACKET_MAX - len;

	if (!bmcsim_wire_chance(b, b->faults.garbage))
		return len;
	b->counts.mangled++;
	switch (pick_kind(b)) {
	case RANDOM: rng_bytes(&b->luck, pkt, len); return len;
	case TRUNCATED: return 1 + rng_below(&b->luck, len);
	case FLIPPED:
		pkt[rng_below(&b->luck, len)] ^= (uint8_t)(1U << rng_below(&b->luck, 8));
		return len;
	case WRONG_LENGTH:
		if (len > LENGTH_AT + 1)
			rng_bytes(&b->luck, pkt + LENGTH_AT, 2);
		return len;
	case APPENDED:
		room = room > 0 ? rng_below(&b->luck, room + 1) : 0;
		rng_bytes(&b->luck, pkt + len, room);
		return len + room;
	}
	return len;
}

size_t
bmcsim_wire_malform(
    struct bmcsim_bmc *b, uint8_t *data, size_t len, size_t size, uint8_t *ret_code)
{
	size_t n = len;

	if (!bmcsim_wire_chance(b, b->faults.malformed))
		return len;
	b->counts.mangled++;
	switch (rng_below(&b->luck, 4)) {
	case 0: return len > 0 ? rng_below(&b->luck, len) : 0;
	case 1:
		n = len + rng_below(&b->luck, size - len + 1);
		rng_bytes(&b->luck, data + len, n - len);
		return n;
	case 2: rng_bytes(&b->luck, data, len); return len;
	default:
		if (ret_code != NULL)
			*ret_code = (uint8_t)rng_below(&b->luck, 256);
		return len;
	}
}
