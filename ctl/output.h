/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Results on stdout: tables for people, JSON for scripts. */
#ifndef CTL_OUTPUT_H
#define CTL_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/ctl.h"
#include "ctl/text.h"

enum output_kind {
	OUTPUT_TEXT,	 /* string, number or boolean as it is; lists joined with ',' */
	OUTPUT_TIME,	 /* microseconds or RFC 3339, in the row's zone */
	OUTPUT_DURATION, /* microseconds */
	OUTPUT_BYTES,
	OUTPUT_COUNT, /* of a list */
	OUTPUT_PAIRS, /* an object as k=v,k=v */
};

struct output_column {
	const char *title;
	const char *key; /* member path: "bmc.address" */
	enum output_kind kind;
	bool wide;    /* only with -o wide */
	size_t width; /* at least so wide: for tables that are printed row by row */
	/* Instead of key and kind, when set: writes the cell of that row. */
	void (*cell)(const json_t *row, struct text *out);
};

/* The member at a dotted path, or NULL. Borrowed. */
const json_t *
output_member(const json_t *obj, const char *path);
/* A time as the server gives it: integer microseconds or RFC 3339. 0 when it is neither.
 */
int64_t
output_wall(const json_t *v);
/* A cell: how long it was from the row's `began` to its `ended`; empty while it is not. */
void
output_took(const json_t *row, struct text *out);
/* Pure: rows (array of objects) as a table. A row's member "_zone" names its time zone.
 */
void
output_table(const json_t *rows, const struct output_column *columns, size_t n, bool wide,
    bool headers, struct text *out);
/* Prints rows as the user chose: a table, {"items":[…]}, or one object a line. */
void
output_list(const struct ctl *ctl, const json_t *rows,
    const struct output_column *columns, size_t n);
/* Prints one document as JSON (both JSON formats), else its YAML form. */
void
output_object(const struct ctl *ctl, const json_t *obj);
void
output_json(const struct ctl *ctl, const json_t *v);

#endif
