/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The octets of a serial console as lines that a person, or grep, can read: control sequences left out, a movement
 * of the cursor to another place taken for a line end. Pure. */
#ifndef CTL_CONSOLE_TEXT_H
#define CTL_CONSOLE_TEXT_H

#include <stddef.h>
#include <stdint.h>

enum { CONSOLE_TEXT_LINE_MAX = 1024 };

/* `at`: when its first octet came; line: printable. */
typedef void
console_text_fn(void *arg, int64_t at, const char *line);

struct console_text {
	char line[CONSOLE_TEXT_LINE_MAX];
	size_t len;
	int64_t at;
	int state;
	console_text_fn *fn;
	void *arg;
};

void
console_text_add(struct console_text *t, int64_t at, const uint8_t *data, size_t len);
/* The line that has no end yet. */
void
console_text_end(struct console_text *t);

#endif
