/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a machine may have said, printed as lines: bounded, harmless to a terminal, and the same in pieces. */
#include "ctl/console_text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/printable.h"

enum { OUT_MAX = 1 << 16 };

struct out {
	char text[OUT_MAX];
	size_t len;
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
on_line(void *arg, int64_t at, const char *line)
{
	struct out *o = arg;
	size_t n = strlen(line);

	if (at != 1 || n >= CONSOLE_TEXT_LINE_MAX)
		abort();
	for (const char *p = line; *p != '\0';) {
		size_t used = printable_char(p, strlen(p));

		if (used == 0)
			abort();
		p += used;
	}
	if (n + 1 > sizeof(o->text) - o->len)
		return;
	memcpy(o->text + o->len, line, n + 1);
	o->len += n + 1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct out whole, pieces;
	struct console_text a = {.fn = on_line, .arg = &whole},
			    b = {.fn = on_line, .arg = &pieces};

	whole.len = pieces.len = 0;
	console_text_add(&a, 1, data, size);
	for (size_t i = 0; i < size; i++)
		console_text_add(&b, 1, data + i, 1);
	console_text_end(&a);
	console_text_end(&b);
	if (whole.len != pieces.len || memcmp(whole.text, pieces.text, whole.len) != 0)
		abort();
	return 0;
}
