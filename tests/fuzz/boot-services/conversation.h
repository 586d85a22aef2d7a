/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the fuzzers of the DHCP servers make of their input: a conversation, which is a sequence of (how, length,
 * packet). The lower three bits of `how` are the fuzzer's, the others let time pass. */
#ifndef TESTS_FUZZ_CONVERSATION_H
#define TESTS_FUZZ_CONVERSATION_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/compiler.h"

struct conversation_turn {
	uint8_t how;
	int64_t pause; /* before it, microseconds */
	const uint8_t *data;
	size_t len;
};

/* The next turn, its packet cut off at `max`; false at the end. */
static inline bool
conversation_next(struct rbuf *r, size_t max, struct conversation_turn *ret)
{
	struct rbuf packet;

	if (rbuf_left(r) < 3)
		return false;
	ret->how = rbuf_u8(r);
	ret->pause = (int64_t)(ret->how >> 3) * 100 * USEC_PER_SEC;
	ret->len = rbuf_u16(r);
	if (ret->len > rbuf_left(r))
		ret->len = rbuf_left(r);
	packet = rbuf_sub(r, ret->len);
	ret->data = rbuf_rest(&packet);
	if (ret->len > max)
		ret->len = max;
	return true;
}

#endif
