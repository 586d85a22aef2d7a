/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Event streams: the events do not depend on how the octets were cut. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/sse.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
collect(void *arg, const char *data)
{
	text_add(arg, data);
	text_add(arg, "\x01");
}

/* The first octet chooses the size of the pieces. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sse whole = {0}, cut = {0};
	struct text a = {0}, b = {0};
	size_t step = size > 0 ? data[0] % 16 + 1u : 1;
	const char *bytes = (const char *)data;
	int r = sse_feed(&whole, bytes, size, collect, &a), s = 0;

	for (size_t at = 0; at < size && s == 0; at += step)
		s = sse_feed(
		    &cut, bytes + at, size - at < step ? size - at : step, collect, &b);
	if (r != s || strcmp(text_str(&a), text_str(&b)) != 0 ||
	    strcmp(whole.id, cut.id) != 0)
		abort();
	sse_restart(&cut);
	sse_done(&whole);
	sse_done(&cut);
	text_done(&a);
	text_done(&b);
	return 0;
}
