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
/* A secret that a person gives: what it is called, in words and in the codes of errors. */
struct input_secret {
	const char *what;	    /* "password" */
	const char *none, *exposed; /* "no-password", "password-exposed" */
	const char *instead;	    /* of a terminal: "use --bmc-password-file FILE" */
	bool twice; /* asked for again on the terminal, where nobody sees what is typed */
};
extern const struct input_secret input_password, input_kg;

/* The first line of a file that only its owner can read, or of standard input ("-"); NULL
 * asks on the terminal without echo. Free with secret_free(). */
int
input_secret(const struct input_secret *s, const char *path, const char *prompt,
    char **ret, struct error *err) MUST_CHECK;

#endif
