/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Consoles as text.
 *
 * Entry points: console_text_add(), console_text_end().
 * Ownership: everything is in struct console_text.
 * Failure modes: none; a longer line is cut in two, what is not printable is shown as \xNN.
 */
#include "ctl/console_text.h"

#include <string.h>

#include "lib/str.h"

/* ECMA-48 5.4. */
enum { TEXT, ESCAPE, CSI, STRING, STRING_ESCAPE, CHARSET };

void
console_text_end(struct console_text *t)
{
	char safe[4 * CONSOLE_TEXT_LINE_MAX + 1];

	while (t->len > 0 && t->line[t->len - 1] == ' ')
		t->len--;
	if (t->len > 0)
		t->fn(t->arg, t->at, str_escape(safe, sizeof(safe), t->line, t->len));
	t->len = 0;
}

static void
add(struct console_text *t, int64_t at, uint8_t c)
{
	if (t->len == sizeof(t->line))
		console_text_end(t);
	if (t->len == 0)
		t->at = at;
	t->line[t->len++] = (char)c;
}

static void
on_text(struct console_text *t, int64_t at, uint8_t c)
{
	if (c == 0x1b)
		t->state = ESCAPE;
	else if (c == '\n' || c == '\r' || c == '\f' || c == '\v')
		console_text_end(t);
	else if (c == '\b' && t->len > 0)
		t->len--;
	else if (c == '\t')
		add(t, at, ' ');
	else if (c >= 0x20 && c != 0x7f)
		add(t, at, c);
}

static void
on_escape(struct console_text *t, uint8_t c)
{
	if (c == '[')
		t->state = CSI;
	else if (strchr("]P^_X", c) != NULL && c != '\0')
		t->state = STRING;
	else
		t->state = strchr("()#%", c) != NULL && c != '\0' ? CHARSET : TEXT;
	if (c == 'D' || c == 'E' || c == 'M' || c == 'c')
		console_text_end(t);
}

static void
on_csi(struct console_text *t, int64_t at, uint8_t c)
{
	if (c >= 0x20 && c < 0x40)
		return;
	t->state = TEXT;
	if (c >= 0x40 && strchr("ABEFHJdf", c) != NULL)
		console_text_end(t);
	else if (c == 'C' || c == 'G')
		add(t, at, ' ');
}

static void
on_octet(struct console_text *t, int64_t at, uint8_t c)
{
	if ((c == '\n' || c == '\r') && t->state != TEXT)
		t->state = TEXT;
	switch (t->state) {
	case TEXT: on_text(t, at, c); break;
	case ESCAPE: on_escape(t, c); break;
	case CSI: on_csi(t, at, c); break;
	case STRING:
		if (c == 0x07)
			t->state = TEXT;
		else if (c == 0x1b)
			t->state = STRING_ESCAPE;
		break;
	case STRING_ESCAPE: t->state = c == '\\' ? TEXT : STRING; break;
	default: t->state = TEXT; break;
	}
}

void
console_text_add(struct console_text *t, int64_t at, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		on_octet(t, at, data[i]);
}
