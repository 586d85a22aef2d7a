/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A growing piece of text: URLs, table rows, documents. */
#ifndef CTL_TEXT_H
#define CTL_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/compiler.h"

struct text {
	char *s; /* NUL-terminated once anything was added; NULL before */
	size_t len;
	size_t cap;
};

void
text_add(struct text *t, const char *s);
void
text_add_bytes(struct text *t, const void *src, size_t len);
void
text_addf(struct text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
void
text_addv(struct text *t, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
/* Untrusted text for people: as str_escape() has it, and in ASCII where text_utf8() says no. */
void
text_add_escaped(struct text *t, const char *s);
/* Can the output show UTF-8? The C library's LC_CTYPE says so; main.c sets it. */
bool
text_utf8(void);
/* Columns that a terminal takes for printable text. */
size_t
text_width(const char *s);
/* Cuts what was added since `from` to so many columns, in whole characters. */
void
text_cut(struct text *t, size_t from, size_t columns);
/* RFC 3986 2.1: all but unreserved characters become %XX. */
void
text_add_encoded(struct text *t, const char *s);
/* "?name=value", or "&name=value" when the text has a query already; nothing for a NULL
 * value. */
void
text_add_query(struct text *t, const char *name, const char *value);
/* Spaces up to that column, at least `gap` of them; columns count from what was added at `from`. */
void
text_pad(struct text *t, size_t from, size_t column, size_t gap);
/* Never NULL. */
const char *
text_str(const struct text *t);
/* Hands the string over; the text is empty afterwards. Never NULL. */
char *
text_take(struct text *t);
void
text_clear(struct text *t);
void
text_done(struct text *t);

#endif
