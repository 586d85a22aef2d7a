/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A reason a person will read: a stable code, what happened, what to do next. */
#ifndef LIB_ERROR_H
#define LIB_ERROR_H

#include "lib/compiler.h"

enum {
	ERROR_CODE_SIZE = 40,
	ERROR_TEXT_SIZE = 512,
	ERROR_NEXT_SIZE = 256,
};

/* `code` is a lower-case slug that scripts may rely on ("bmc-auth", "host-locked"). */
struct error {
	char code[ERROR_CODE_SIZE];
	char text[ERROR_TEXT_SIZE];
	char next[ERROR_NEXT_SIZE];
};

/* Fills *err (NULL allowed) and returns `ret`, so that a caller can `return error_set(...)`.
 * `next` may be NULL. `fmt` describes what happened and names the object. */
int
error_set(struct error *err, int ret, const char *code, const char *next, const char *fmt,
    ...) PRINTF_LIKE(5, 6);
/* Puts "prefix: " before the text, for context that only the caller knows. */
void
error_prefix(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Writes "code: text: next" (or "code: text") into buf; always terminated; returns buf. */
const char *
error_line(const struct error *err, char *buf, size_t size);

#endif
