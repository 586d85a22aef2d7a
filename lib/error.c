/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A reason a person will read: code, text and next step, in fixed buffers.
 *
 * Entry points: error_set() where a fault is first known, error_prefix() where a caller
 * can say which object it was about, error_line() where it is shown. Ownership: none;
 * struct error is a value. Failure modes: none; over-long text is clipped, because a
 * clipped reason is better than none.
 */
#include "lib/error.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/str.h"

/* Room for one more character, so that str_clip() sees where the last one that fits ends. */
enum { MORE = 4 };

int
error_set(
    struct error *err, int ret, const char *code, const char *next, const char *fmt, ...)
{
	char text[ERROR_TEXT_SIZE + MORE];
	va_list ap;

	if (err == NULL)
		return ret;
	/* Formatted aside first: the arguments may point into *err. */
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	str_clip(err->code, sizeof(err->code), code);
	str_clip(err->next, sizeof(err->next), next != NULL ? next : "");
	str_clip(err->text, sizeof(err->text), text);
	return ret;
}

void
error_prefix(struct error *err, const char *fmt, ...)
{
	char full[ERROR_TEXT_SIZE / 2 + MORE], prefix[ERROR_TEXT_SIZE / 2];
	char text[ERROR_TEXT_SIZE * 2];
	va_list ap;

	if (err == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(full, sizeof(full), fmt, ap);
	va_end(ap);
	str_clip(prefix, sizeof(prefix), full);
	snprintf(text, sizeof(text), "%s: %s", prefix, err->text);
	str_clip(err->text, sizeof(err->text), text);
}

const char *
error_line(const struct error *err, char *buf, size_t size)
{
	snprintf(buf, size, "%s: %s%s%s", err->code, err->text,
	    err->next[0] != '\0' ? ": " : "", err->next);
	return buf;
}
