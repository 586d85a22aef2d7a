/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A growing piece of text.
 *
 * Entry points: the text_add*() family; start from a zeroed struct text.
 * Ownership: the struct owns its memory until text_done() or text_take().
 * Failure modes: none; memory running out ends the program in str_realloc(). What is
 * added is bounded by its callers (documents and answers are capped when they are read).
 */
#include "ctl/text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

static void
text_reserve(struct text *t, size_t more)
{
	size_t need = t->len + more + 1;

	if (need <= t->cap)
		return;
	t->cap = need < 128 ? 128 : need * 2;
	t->s = str_realloc(t->s, t->cap);
}

void
text_add_bytes(struct text *t, const void *src, size_t len)
{
	text_reserve(t, len);
	memcpy(t->s + t->len, src, len);
	t->len += len;
	t->s[t->len] = '\0';
}

void
text_add(struct text *t, const char *s)
{
	text_add_bytes(t, s, strlen(s));
}

void
text_addf(struct text *t, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n > 0) {
		text_reserve(t, (size_t)n);
		vsnprintf(t->s + t->len, (size_t)n + 1, fmt, again);
		t->len += (size_t)n;
	}
	va_end(again);
}

void
text_add_escaped(struct text *t, const char *s)
{
	size_t len = strlen(s),
	       size = len * 4 + 4; /* "\xNN" for each, and room for "..." */

	text_reserve(t, size);
	str_escape(t->s + t->len, size, s, len);
	t->len += strlen(t->s + t->len);
}

void
text_add_encoded(struct text *t, const char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (isalnum(c) || strchr("-._~", c) != NULL)
			text_add_bytes(t, s, 1);
		else
			text_addf(t, "%%%02X", c);
	}
}

void
text_add_query(struct text *t, const char *name, const char *value)
{
	if (value == NULL)
		return;
	text_add(t, strchr(text_str(t), '?') == NULL ? "?" : "&");
	text_add_encoded(t, name);
	text_add(t, "=");
	text_add_encoded(t, value);
}

void
text_pad(struct text *t, size_t from, size_t column, size_t gap)
{
	size_t used = t->len - from;
	size_t n = used + gap > column ? gap : column - used;

	while (n-- > 0)
		text_add(t, " ");
}

const char *
text_str(const struct text *t)
{
	return t->s != NULL ? t->s : "";
}

char *
text_take(struct text *t)
{
	char *s = t->s != NULL ? t->s : str_dup("");

	*t = (struct text){0};
	return s;
}

void
text_clear(struct text *t)
{
	t->len = 0;
	if (t->s != NULL)
		t->s[0] = '\0';
}

void
text_done(struct text *t)
{
	free(t->s);
	*t = (struct text){0};
}
