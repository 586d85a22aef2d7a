/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A growing piece of text.
 *
 * Entry points: the text_add*() family; start from a zeroed struct text.
 * Ownership: the struct owns its memory until text_done() or text_take().
 * Failure modes: none; memory running out ends the program in str_realloc(). What is
 * added is bounded by its callers (documents and answers are capped when they are read).
 */
#include "ctl/text.h"

#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "lib/printable.h"
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
	va_list ap;

	va_start(ap, fmt);
	text_addv(t, fmt, ap);
	va_end(ap);
}

void
text_addv(struct text *t, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n > 0) {
		text_reserve(t, (size_t)n);
		vsnprintf(t->s + t->len, (size_t)n + 1, fmt, again);
		t->len += (size_t)n;
	}
	va_end(again);
}

bool
text_utf8(void)
{
	return str_eq(nl_langinfo(CODESET), "UTF-8");
}

void
text_add_escaped(struct text *t, const char *s)
{
	size_t left = strlen(s), max = text_utf8() ? 4 : 1, n;

	for (; left > 0; s += n, left -= n) {
		n = printable_char(s, left);
		if (n > 0 && n <= max) {
			text_add_bytes(t, s, n);
		} else {
			n = 1;
			text_addf(t, "\\x%02x", (unsigned char)*s);
		}
	}
}

void
text_add_encoded(struct text *t, const char *s)
{
	static const char unreserved[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789-._~";

	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (strchr(unreserved, c) != NULL)
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

/* Columns of the character at s, and its octets. What the C library does not know is as wide as
 * a letter. */
static size_t
char_width(const char *s, size_t *ret_octets)
{
	mbstate_t state = {0};
	wchar_t c;
	size_t most = strnlen(s, MB_CUR_MAX), n = mbrtowc(&c, s, most, &state);
	int width;

	*ret_octets = 1;
	if (n == 0 || n > most)
		return 1;
	*ret_octets = n;
	width = wcwidth(c);
	return width < 0 ? 1 : (size_t)width;
}

size_t
text_width(const char *s)
{
	size_t width = 0, n;

	for (; *s != '\0'; s += n)
		width += char_width(s, &n);
	return width;
}

void
text_cut(struct text *t, size_t from, size_t columns)
{
	size_t width = 0, n;

	for (; from < t->len; from += n) {
		width += char_width(t->s + from, &n);
		if (width > columns)
			break;
	}
	if (from < t->len) {
		t->len = from;
		t->s[from] = '\0';
	}
}

void
text_pad(struct text *t, size_t from, size_t column, size_t gap)
{
	size_t used = text_width(text_str(t) + from);
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
