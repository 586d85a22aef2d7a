/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of both followers of logs share: what was heard, and waiting for it. */
#ifndef TESTS_UNIT_LOGTAIL_KIT_H
#define TESTS_UNIT_LOGTAIL_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <event2/event.h>

#include "lib/clock.h"
#include "lib/str.h"

#define LOGTAIL_KIT_PATIENCE (60 * USEC_PER_SEC)

/* Adds a line, with '|' behind, to what was heard: size octets, zero from its end on. */
static inline void
logtail_kit_hear(char *heard, size_t size, const char *text, size_t len)
{
	size_t n = strlen(heard);

	assert_true(n + len + 2 < size);
	memcpy(heard + n, text, len);
	heard[n + len] = '|';
}

/* Runs the loop until just that has been heard. */
static inline void
logtail_kit_expect(struct event_base *base, const char *heard, const char *lines)
{
	int64_t end_at = clock_mono() + LOGTAIL_KIT_PATIENCE;

	while (!str_eq(heard, lines)) {
		if (strlen(heard) > strlen(lines) || clock_mono() > end_at)
			fail_msg("heard \"%.200s\", not \"%.200s\"", heard, lines);
		event_base_loop(base, EVLOOP_ONCE);
	}
	/* Nothing follows of itself. */
	event_base_loop(base, EVLOOP_NONBLOCK);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_string_equal(heard, lines);
}

#endif
