/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a machine may send: lines stay bounded, hits too, and are printable; chunks make no difference. */
#include "agent/console_watch.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
on_hit(void *arg, const struct console_watch_hit *hit)
{
	unsigned *n = arg;

	if (++*n > CONSOLE_WATCH_HITS_MAX || strlen(hit->line) > CONSOLE_WATCH_LINE_MAX)
		abort();
	for (const char *p = hit->line; *p != '\0'; p++) {
		if (*p < 0x20 || *p > 0x7e)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct console_watch whole, pieces;
	unsigned n = 0, m = 0;

	console_watch_init(&whole);
	console_watch_init(&pieces);
	console_watch_feed(&whole, data, size, on_hit, &n);
	for (size_t i = 0; i < size; i++)
		console_watch_feed(&pieces, data + i, 1, on_hit, &m);
	if (n != m || whole.len != pieces.len ||
	    memcmp(whole.line, pieces.line, whole.len) != 0)
		abort();
	console_watch_idle(&whole, on_hit, &n);
	return 0;
}
