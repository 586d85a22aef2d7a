/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where in a YAML text something stands, for messages that name file, line and key.
 * libcyaml reports through a log callback and forgets positions once it has loaded; this
 * fills the gap, for its own errors and for those that a program finds later in the
 * loaded values. */
#ifndef LIB_YAML_WHERE_H
#define LIB_YAML_WHERE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/compiler.h"
#include "lib/error.h"

enum { YAML_WHERE_PATH_SIZE = 256, YAML_WHERE_MESSAGE_SIZE = 256 };

/* The document under examination; everything is borrowed. */
struct yaml_where {
	const char *name; /* of the file */
	const char *text;
	size_t len;
	const char *next; /* what errors advise to do; may be NULL */
	/* libcyaml's of the whole document, by which an error names the words that a key takes;
	 * may be NULL */
	const struct cyaml_schema_value *schema;
};

/* What libcyaml said about a failed load; zero it before use. */
struct yaml_where_trace {
	char message[YAML_WHERE_MESSAGE_SIZE];
	char path[YAML_WHERE_PATH_SIZE];
};

/* The line (from 1) of the key or list entry at `path`, as in "hosts[3].nics[0].mac"; of
 * its nearest ancestor when the text has no such key; 1 for an empty or unreadable text.
 */
int
yaml_where_line(const struct yaml_where *w, const char *path);

/* Was that written? libcyaml makes the same of an empty list and of none. */
bool
yaml_where_there(const struct yaml_where *w, const char *path);

/* libcyaml reads the first document of a text and leaves the rest unread. 0, or -EINVAL,
 * code "config", when anything follows the first; faults within that are libcyaml's to
 * find. */
int
yaml_where_only_one(const struct yaml_where *w, struct error *err) MUST_CHECK;

/* libcyaml reads "5x" as 5, and "010" as 8. 0, or -EINVAL, code "config", when something stands where w->schema has a number and is
 * no whole one, decimal or hexadecimal ("0x07"); whether it is in the schema's range, and all else, is libcyaml's to find. */
int
yaml_where_whole_numbers(const struct yaml_where *w, struct error *err) MUST_CHECK;

/* Writes a path, "hosts[%u].name"; clipped at YAML_WHERE_PATH_SIZE, the size of buf. */
void
yaml_where_path(char *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Feeds one line of libcyaml's log; call it from a cyaml_log_fn_t whose context is the
 * trace. */
void
yaml_where_log(struct yaml_where_trace *t, const char *fmt, va_list args)
    PRINTF_LIKE(2, 0);
/* Turns a failed load into "NAME:LINE: PATH: what". `what` stands in when libcyaml logged
 * nothing. Always returns -EINVAL, code "config". */
int
yaml_where_failed(const struct yaml_where *w, const struct yaml_where_trace *t,
    const char *what, struct error *err);
/* The same for a fault in a loaded value. Always returns -EINVAL, code "config". */
int
yaml_where_bad(const struct yaml_where *w, const char *path, struct error *err,
    const char *fmt, ...) PRINTF_LIKE(4, 5);

#endif
