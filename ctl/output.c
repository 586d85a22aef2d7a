/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Results on stdout: tables for people, JSON for scripts.
 *
 * Entry points: output_list() for rows, output_object() for one thing; output_table() is
 * the pure middle. Ownership: rows are borrowed, text is appended to the caller's.
 * Failure modes: none. Every cell is escaped, so that a host's answer can neither break the
 * columns nor talk to the terminal; columns are as wide as what the terminal shows.
 * The JSON is what the server said, members in its order; names that start with '_' are
 * ours, for tables only, and are left out.
 */
#include "ctl/output.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/yaml_emit.h"
#include "ctl/zone.h"
#include "lib/clock.h"
#include "lib/str.h"

enum { OUTPUT_GAP = 2, OUTPUT_COLUMNS_MAX = 16 };

const json_t *
output_member(const json_t *obj, const char *path)
{
	while (obj != NULL) {
		const char *dot = strchr(path, '.');

		if (dot == NULL)
			return json_object_get(obj, path);
		obj = json_object_getn(obj, path, (size_t)(dot - path));
		path = dot + 1;
	}
	return NULL;
}

int64_t
output_wall(const json_t *v)
{
	int64_t wall = 0;

	if (json_is_integer(v))
		return json_integer_value(v);
	if (json_is_string(v) && clock_parse(json_string_value(v), &wall) < 0)
		return 0;
	return wall;
}

void
output_took(const json_t *row, struct text *out)
{
	int64_t from = output_wall(json_object_get(row, "began"));
	int64_t to = output_wall(json_object_get(row, "ended"));
	char buf[32];

	if (from > 0 && to >= from)
		text_add(out, str_duration(to - from, buf, sizeof(buf)));
}

/* ---- cells ---- */

static void
cell_scalar(const json_t *v, struct text *out)
{
	if (json_is_string(v))
		text_add_escaped(out, json_string_value(v));
	else if (json_is_integer(v))
		text_addf(out, "%" PRIi64, (int64_t)json_integer_value(v));
	else if (json_is_real(v))
		text_addf(out, "%g", json_real_value(v));
	else if (json_is_boolean(v))
		text_add(out, json_is_true(v) ? "yes" : "no");
}

static void
cell_text(const json_t *v, struct text *out)
{
	const json_t *item;
	size_t i;

	cell_scalar(v, out);
	json_array_foreach (v, i, item) {
		text_add(out, i > 0 ? "," : "");
		cell_scalar(item, out);
	}
}

static void
cell_pairs(const json_t *v, struct text *out)
{
	size_t from = out->len;
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)v, key, value) {
		text_add(out, out->len > from ? "," : "");
		text_add_escaped(out, key);
		text_add(out, "=");
		cell_scalar(value, out);
	}
}

static void
cell_kind(const json_t *v, enum output_kind kind, const char *zone, struct text *out)
{
	char buf[64];

	switch (kind) {
	case OUTPUT_TEXT: cell_text(v, out); break;
	case OUTPUT_TIME:
		if (output_wall(v) > 0)
			text_add(out, zone_text(output_wall(v), zone, buf, sizeof(buf)));
		break;
	case OUTPUT_DURATION:
		if (json_is_integer(v))
			text_add(
			    out, str_duration(json_integer_value(v), buf, sizeof(buf)));
		break;
	case OUTPUT_BYTES:
		if (json_is_integer(v))
			text_add(out, str_bytes(json_integer_value(v), buf, sizeof(buf)));
		break;
	case OUTPUT_COUNT: text_addf(out, "%zu", json_array_size(v)); break;
	case OUTPUT_PAIRS: cell_pairs(v, out); break;
	}
}

/* Never empty, so that columns can be cut apart by scripts. */
static char *
cell_make(const json_t *row, const struct output_column *c)
{
	struct text t = {0};

	if (c->cell != NULL)
		c->cell(row, &t);
	else
		cell_kind(output_member(row, c->key), c->kind,
		    json_string_value(json_object_get(row, "_zone")), &t);
	if (t.len == 0)
		text_add(&t, "-");
	return text_take(&t);
}

/* ---- tables ---- */

static size_t
choose_columns(const struct output_column *columns, size_t n, bool wide,
    const struct output_column **ret)
{
	size_t used = 0;

	for (size_t i = 0; i < n && used < OUTPUT_COLUMNS_MAX; i++)
		if (wide || !columns[i].wide)
			ret[used++] = &columns[i];
	return used;
}

static void
add_row(char *const *cells, const size_t *widths, size_t n, struct text *out)
{
	for (size_t i = 0; i < n; i++) {
		size_t from = out->len;

		text_add(out, cells[i]);
		if (i + 1 < n)
			text_pad(out, from, widths[i] + OUTPUT_GAP, OUTPUT_GAP);
	}
	text_add(out, "\n");
}

void
output_table(const json_t *rows, const struct output_column *columns, size_t n, bool wide,
    bool headers, struct text *out)
{
	const struct output_column *used[OUTPUT_COLUMNS_MAX];
	size_t n_used = choose_columns(columns, n, wide, used),
	       widths[OUTPUT_COLUMNS_MAX] = {0};
	size_t n_lines = json_array_size(rows) + 1; /* the first one holds the titles */
	char **cells = str_alloc(n_lines * n_used * sizeof(char *));

	for (size_t i = 0; i < n_used; i++)
		widths[i] = used[i]->width;
	for (size_t line = headers ? 0 : 1; line < n_lines; line++)
		for (size_t i = 0; i < n_used; i++) {
			char *cell = line == 0 ? str_dup(used[i]->title)
					       : cell_make(json_array_get(rows, line - 1),
						     used[i]);

			if (text_width(cell) > widths[i])
				widths[i] = text_width(cell);
			cells[line * n_used + i] = cell;
		}
	for (size_t line = headers ? 0 : 1; line < n_lines; line++)
		add_row(cells + line * n_used, widths, n_used, out);
	for (size_t i = 0; i < n_lines * n_used; i++)
		free(cells[i]);
	free(cells);
}

/* ---- printing ---- */

/* A copy of the object without our own members. */
static json_t *
without_ours(const json_t *v)
{
	json_t *copy, *value;
	const char *key;

	if (!json_is_object(v))
		return json_copy((json_t *)(uintptr_t)v);
	copy = json_object();
	json_object_foreach ((json_t *)(uintptr_t)v, key, value)
		if (key[0] != '_')
			json_object_set(copy, key, value);
	return copy;
}

static void
print_json(const struct ctl *ctl, const json_t *v, size_t flags)
{
	json_t *clean = without_ours(v);

	json_dumpf(clean, ctl->out, flags | JSON_ENCODE_ANY);
	fputc('\n', ctl->out);
	json_decref(clean);
}

void
output_json(const struct ctl *ctl, const json_t *v)
{
	print_json(ctl, v, ctl->format == CTL_NDJSON ? JSON_COMPACT : JSON_INDENT(2));
	fflush(ctl->out);
}

static void
print_items(const struct ctl *ctl, const json_t *rows)
{
	json_t *doc = json_object(), *items = json_array();
	const json_t *row;
	size_t i;

	json_array_foreach (rows, i, row)
		json_array_append_new(items, without_ours(row));
	json_object_set_new(doc, "items", items);
	print_json(ctl, doc, JSON_INDENT(2));
	json_decref(doc);
}

void
output_list(const struct ctl *ctl, const json_t *rows,
    const struct output_column *columns, size_t n)
{
	const json_t *row;
	size_t i;

	if (ctl->format == CTL_JSON) {
		print_items(ctl, rows);
	} else if (ctl->format == CTL_NDJSON) {
		json_array_foreach (rows, i, row)
			print_json(ctl, row, JSON_COMPACT);
	} else {
		struct text t = {0};

		output_table(rows, columns, n, ctl->format == CTL_WIDE, ctl->headers, &t);
		fputs(text_str(&t), ctl->out);
		text_done(&t);
	}
	fflush(ctl->out);
}

void
output_object(const struct ctl *ctl, const json_t *obj)
{
	char *yaml;

	if (ctl_is_json(ctl)) {
		output_json(ctl, obj);
		return;
	}
	yaml = yaml_emit_text(obj);
	fputs(yaml, ctl->out);
	fflush(ctl->out);
	free(yaml);
}
