/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files that the user names: documents and passwords. */
#ifndef CTL_INPUT_H
#define CTL_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/error.h"

/* The whole file (NUL-terminated, owned by the caller), "-" for standard input.
 * *ret_exposed says whether group or others can read the file (false for standard input).
 * Code "unreadable". */
int
input_read(const char *path, size_t max, char **ret, size_t *ret_len, bool *ret_exposed,
    struct error *err) MUST_CHECK;
/* The first line of a file that only its owner can read, or of standard input ("-"); NULL
 * asks on the terminal without echo. Free with secret_free(). */
int
input_password(
    const char *path, const char *prompt, char **ret, struct error *err) MUST_CHECK;

#endif
