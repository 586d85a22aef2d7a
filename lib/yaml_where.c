/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Positions in YAML texts and readable errors for libcyaml's users.
 *
 * libcyaml logs an error as one line of text and then a backtrace, innermost first: "in
 * mapping field 'port' (line: 3, …)", "in sequence entry '1'". yaml_where_log() folds
 * that into a path
 * ("hosts[0].port"); yaml_where_line() finds the path's line in the text again, since
 * libcyaml's own line is that of the previous key for unknown and missing ones. A text
 * that is not YAML at all is described by libyaml, whose mark libcyaml drops.
 *
 * Nothing here keeps memory between calls. Keys come from the file and are escaped before
 * they enter a message. */
#include "lib/yaml_where.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "lib/str.h"

/* One step of a path: ".key" or "[index]". Returns the rest, or NULL at the end. */
static const char *
next_step(const char *path, char *key, size_t size, long *ret_index)
{
	size_t n;

	*ret_index = -1;
	if (*path == '.')
		path++;
	if (*path == '\0')
		return NULL;
	if (*path == '[') {
		char *end;

		*ret_index = strtol(path + 1, &end, 10);
		if (*ret_index < 0)
			*ret_index = 0;
		return *end == ']' ? end + 1 : NULL;
	}
	n = strcspn(path, ".[");
	if (n >= size)
		return NULL;
	memcpy(key, path, n);
	key[n] = '\0';
	return path + n;
}

/* The node for a key of a mapping, with the key's own line. */
static yaml_node_t *
child_of_mapping(yaml_document_t *doc, yaml_node_t *node, const char *key, int *ret_line)
{
	yaml_node_pair_t *p;

	if (node->type != YAML_MAPPING_NODE)
		return NULL;
	for (p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
		yaml_node_t *k = yaml_document_get_node(doc, p->key);

		if (k && k->type == YAML_SCALAR_NODE &&
		    strcmp((const char *)k->data.scalar.value, key) == 0) {
			*ret_line = (int)k->start_mark.line + 1;
			return yaml_document_get_node(doc, p->value);
		}
	}
	return NULL;
}

static yaml_node_t *
child_of_sequence(yaml_document_t *doc, yaml_node_t *node, long index, int *ret_line)
{
	yaml_node_item_t *item;
	yaml_node_t *child;

	if (node->type != YAML_SEQUENCE_NODE)
		return NULL;
	item = node->data.sequence.items.start + index;
	if (index >= node->data.sequence.items.top - node->data.sequence.items.start)
		return NULL;
	child = yaml_document_get_node(doc, *item);
	if (child)
		*ret_line = (int)child->start_mark.line + 1;
	return child;
}

/* Leaves *ret_there whether all of the path is there. */
static int
line_in_document(yaml_document_t *doc, const char *path, bool *ret_there)
{
	yaml_node_t *node = yaml_document_get_root_node(doc);
	char key[YAML_WHERE_PATH_SIZE];
	int line = node ? (int)node->start_mark.line + 1 : 1;
	long index;

	while (node && (path = next_step(path, key, sizeof(key), &index)) != NULL)
		node = index >= 0 ? child_of_sequence(doc, node, index, &line)
				  : child_of_mapping(doc, node, key, &line);
	*ret_there = node != NULL;
	return line;
}

/* Loads the document; on failure 0 with *ret_problem (borrowed, static text) and its
 * line. */
static int
load(const struct yaml_where *w, yaml_document_t *doc, const char **ret_problem,
    int *ret_line)
{
	yaml_parser_t parser;
	int ok;

	if (!yaml_parser_initialize(&parser))
		abort();
	yaml_parser_set_input_string(&parser, (const unsigned char *)w->text, w->len);
	ok = yaml_parser_load(&parser, doc);
	if (!ok) {
		*ret_problem = parser.problem ? parser.problem : "not readable";
		*ret_line = (int)parser.problem_mark.line + 1;
	}
	yaml_parser_delete(&parser);
	return ok;
}

/* The line at which something follows the first document, or 0. */
static int
line_after_first(yaml_parser_t *parser)
{
	yaml_event_type_t type = YAML_NO_EVENT;
	yaml_event_t event;
	bool ended = false;

	while (type != YAML_STREAM_END_EVENT) {
		if (!yaml_parser_parse(parser, &event))
			return ended ? (int)parser->problem_mark.line + 1 : 0;
		type = event.type;
		if (ended && type != YAML_STREAM_END_EVENT) {
			int line = (int)event.start_mark.line + 1;

			yaml_event_delete(&event);
			return line;
		}
		ended |= type == YAML_DOCUMENT_END_EVENT;
		yaml_event_delete(&event);
	}
	return 0;
}

int
yaml_where_only_one(const struct yaml_where *w, struct error *err)
{
	yaml_parser_t parser;
	int line;

	if (!yaml_parser_initialize(&parser))
		abort();
	yaml_parser_set_input_string(&parser, (const unsigned char *)w->text, w->len);
	line = line_after_first(&parser);
	yaml_parser_delete(&parser);
	if (line == 0)
		return 0;
	return error_set(err, -EINVAL, "config", w->next,
	    "%s:%d: a second document begins here; only one is read", w->name, line);
}

int
yaml_where_line(const struct yaml_where *w, const char *path)
{
	yaml_document_t doc;
	const char *problem;
	int line = 1;
	bool there;

	if (!load(w, &doc, &problem, &line))
		return line;
	line = line_in_document(&doc, path, &there);
	yaml_document_delete(&doc);
	return line;
}

bool
yaml_where_there(const struct yaml_where *w, const char *path)
{
	yaml_document_t doc;
	const char *problem;
	bool there = false;
	int line;

	if (!load(w, &doc, &problem, &line))
		return false;
	(void)line_in_document(&doc, path, &there);
	yaml_document_delete(&doc);
	return there;
}

void
yaml_where_path(char *buf, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(buf, YAML_WHERE_PATH_SIZE, fmt, args);
	va_end(args);
}

/* Puts a step before the path so far; what does not fit is left out, innermost first. */
static void
prepend(struct yaml_where_trace *t, const char *step)
{
	char joined[2 * YAML_WHERE_PATH_SIZE];
	const char *dot = t->path[0] == '\0' || t->path[0] == '[' ? "" : ".";

	snprintf(joined, sizeof(joined), "%s%s%s", step, dot, t->path);
	str_clip(t->path, sizeof(t->path), joined);
}

/* "in mapping field 'x' (line: …": copies what is between the quotes. */
static bool
quoted(const char *line, const char *prefix, char *dst, size_t size)
{
	const char *end;
	size_t n;

	if (!str_has_prefix(line, prefix))
		return false;
	line += strlen(prefix);
	end = strstr(line, "' (line:");
	if (!end)
		return false;
	n = (size_t)(end - line) < size ? (size_t)(end - line) : size - 1;
	memcpy(dst, line, n);
	dst[n] = '\0';
	return true;
}

void
yaml_where_log(struct yaml_where_trace *t, const char *fmt, va_list args)
{
	char buf[YAML_WHERE_MESSAGE_SIZE];
	char step[YAML_WHERE_PATH_SIZE / 2];
	const char *line = buf;

	vsnprintf(buf, sizeof(buf), fmt, args);
	buf[strcspn(buf, "\n")] = '\0';
	if (str_has_prefix(line, "Load: "))
		line += strlen("Load: ");
	while (*line == ' ')
		line++;
	if (quoted(line, "in mapping field '", step, sizeof(step))) {
		prepend(t, step);
	} else if (quoted(line, "in sequence entry '", step, sizeof(step))) {
		long n = strtol(step, NULL, 10); /* counts from 1 */

		snprintf(step, sizeof(step), "[%ld]", n > 0 ? n - 1 : 0);
		prepend(t, step);
	} else if (!str_has_prefix(line, "in mapping") &&
		   !str_has_prefix(line, "Backtrace:") && t->message[0] == '\0') {
		str_clip(t->message, sizeof(t->message), line);
	}
}

/* The last step of a path, cut off (a sibling key that libcyaml happened to be at). */
static void
cut_last(char *path)
{
	char *dot = strrchr(path, '.');
	char *bracket = strrchr(path, ']');

	if (dot && (!bracket || dot > bracket))
		*dot = '\0';
	else if (bracket)
		bracket[1] = '\0';
	else
		path[0] = '\0';
}

static void
append(char *path, const char *key)
{
	char joined[2 * YAML_WHERE_PATH_SIZE];

	snprintf(joined, sizeof(joined), "%s%s%s", path, path[0] ? "." : "", key);
	str_clip(path, YAML_WHERE_PATH_SIZE, joined);
}

/* libcyaml's phrases that name a key beside the path it logged. */
static const char *
after(const char *message, const char *phrase)
{
	return str_has_prefix(message, phrase) ? message + strlen(phrase) : NULL;
}

/* "SEQUENCE" and "SEQUENCE_START" as people call them; scalars have many types. */
static const char *
shape(const char *type)
{
	if (str_has_prefix(type, "SEQUENCE"))
		return "a list";
	return str_has_prefix(type, "MAPPING") ? "a mapping" : "a single value";
}

static const cyaml_schema_value_t *
field_of(const cyaml_schema_value_t *schema, const char *key)
{
	const cyaml_schema_field_t *f;

	if (schema->type != CYAML_MAPPING)
		return NULL;
	for (f = schema->mapping.fields; f->key; f++)
		if (str_eq(f->key, key))
			return &f->value;
	return NULL;
}

/* What the schema says of the value at `path`, or NULL. */
static const cyaml_schema_value_t *
schema_at(const cyaml_schema_value_t *schema, const char *path)
{
	char key[YAML_WHERE_PATH_SIZE];
	long index;

	while (schema && (path = next_step(path, key, sizeof(key), &index)) != NULL) {
		if (index < 0)
			schema = field_of(schema, key);
		else if (schema->type == CYAML_SEQUENCE)
			schema = schema->sequence.entry;
		else
			schema = NULL;
	}
	return schema;
}

/* ---- numbers ---- */

static bool
is_whole(const char *s)
{
	s += *s == '-';
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		return s[2] != '\0' &&
		       s[2 + strspn(s + 2, "0123456789abcdefABCDEF")] == '\0';
	if (s[0] == '0')
		return s[1] == '\0';
	return s[0] != '\0' && s[strspn(s, "0123456789")] == '\0';
}

/* As deep as the schema is: what it does not know is not looked into. */
struct numbers {
	const struct yaml_where *w;
	yaml_document_t *doc;
	struct error *err;
};

static int
check_numbers(const struct numbers *c, yaml_node_t *node,
    const cyaml_schema_value_t *schema, const char *path);

static int
check_mapping(const struct numbers *c, yaml_node_t *node,
    const cyaml_schema_value_t *schema, const char *path)
{
	int r = 0;

	for (yaml_node_pair_t *p = node->data.mapping.pairs.start;
	     r == 0 && p < node->data.mapping.pairs.top; p++) {
		yaml_node_t *key = yaml_document_get_node(c->doc, p->key);
		char below[YAML_WHERE_PATH_SIZE];
		const char *name;

		if (key == NULL || key->type != YAML_SCALAR_NODE)
			continue;
		name = (const char *)key->data.scalar.value;
		str_clip(below, sizeof(below), path);
		append(below, name);
		r = check_numbers(c, yaml_document_get_node(c->doc, p->value),
		    field_of(schema, name), below);
	}
	return r;
}

static int
check_sequence(const struct numbers *c, yaml_node_t *node,
    const cyaml_schema_value_t *schema, const char *path)
{
	size_t n =
	    (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		char below[2 * YAML_WHERE_PATH_SIZE];

		snprintf(below, sizeof(below), "%s[%zu]", path, i);
		below[YAML_WHERE_PATH_SIZE - 1] = '\0';
		r = check_numbers(c,
		    yaml_document_get_node(c->doc, node->data.sequence.items.start[i]),
		    schema->sequence.entry, below);
	}
	return r;
}

static int
check_numbers(const struct numbers *c, yaml_node_t *node,
    const cyaml_schema_value_t *schema, const char *path)
{
	if (node == NULL || schema == NULL)
		return 0;
	if (schema->type == CYAML_MAPPING && node->type == YAML_MAPPING_NODE)
		return check_mapping(c, node, schema, path);
	if (schema->type == CYAML_SEQUENCE && node->type == YAML_SEQUENCE_NODE)
		return check_sequence(c, node, schema, path);
	if ((schema->type != CYAML_INT && schema->type != CYAML_UINT) ||
	    node->type != YAML_SCALAR_NODE ||
	    is_whole((const char *)node->data.scalar.value))
		return 0;
	return yaml_where_bad(c->w, path, c->err, "'%.40s' is no whole number",
	    (const char *)node->data.scalar.value);
}

int
yaml_where_whole_numbers(const struct yaml_where *w, struct error *err)
{
	yaml_document_t doc;
	const char *problem;
	int r, line;

	if (!load(w, &doc, &problem, &line))
		return 0;
	r = check_numbers(&(struct numbers){w, &doc, err},
	    yaml_document_get_root_node(&doc), w->schema, "");
	yaml_document_delete(&doc);
	return r;
}

/* ---- what libcyaml says ---- */

/* ": local, menu, silent"; nothing where the schema does not tell. */
static void
words_at(const struct yaml_where *w, const char *path, char *buf, size_t size)
{
	const cyaml_schema_value_t *at = schema_at(w->schema, path);
	size_t n = 0;

	buf[0] = '\0';
	if (!at || at->type != CYAML_ENUM)
		return;
	for (uint32_t i = 0; i < at->enumeration.count && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s", i == 0 ? ": " : ", ",
		    at->enumeration.strings[i].str);
}

/* libcyaml's remark in plain words; other remarks stay as they are. */
static void
translate(const struct yaml_where *w, const char *path, const char *message, char *buf,
    size_t size)
{
	static const char got[] = ", got event: ";
	const char *wanted = after(message, "Expecting "), *found = strstr(message, got),
		   *value = after(message, "Invalid ENUM value: ");
	char plain[YAML_WHERE_MESSAGE_SIZE], words[YAML_WHERE_MESSAGE_SIZE / 2];

	if (wanted != NULL && found != NULL) {
		snprintf(plain, sizeof(plain), "%s is expected here, not %s",
		    shape(wanted), shape(found + sizeof(got) - 1));
	} else if (value != NULL) {
		words_at(w, path, words, sizeof(words));
		snprintf(plain, sizeof(plain),
		    "'%.80s' is none of the words for this key%s", value, words);
	} else {
		str_clip(plain, sizeof(plain), message);
	}
	str_escape(buf, size, plain, strlen(plain));
}

int
yaml_where_failed(const struct yaml_where *w, const struct yaml_where_trace *t,
    const char *what, struct error *err)
{
	char path[YAML_WHERE_PATH_SIZE], shown[YAML_WHERE_MESSAGE_SIZE];
	yaml_document_t doc;
	const char *key, *problem;
	int line;

	if (!load(w, &doc, &problem, &line))
		return error_set(err, -EINVAL, "config", w->next, "%s:%d: not YAML: %s",
		    w->name, line, problem);
	yaml_document_delete(&doc);
	str_clip(path, sizeof(path), t->path);
	if ((key = after(t->message, "Unexpected key: ")) != NULL) {
		append(path, key);
		return yaml_where_bad(w, path, err, "unknown key");
	}
	if ((key = after(t->message, "Mapping field already seen: ")) != NULL) {
		cut_last(path);
		append(path, key);
		return yaml_where_bad(w, path, err, "key is given twice");
	}
	if ((key = after(t->message, "Missing required mapping field: ")) != NULL) {
		cut_last(path);
		return yaml_where_bad(w, path, err, "key '%s' is missing", key);
	}
	translate(w, path, t->message, shown, sizeof(shown));
	return yaml_where_bad(w, path, err, "%s", shown[0] ? shown : what);
}

int
yaml_where_bad(
    const struct yaml_where *w, const char *path, struct error *err, const char *fmt, ...)
{
	char what[YAML_WHERE_MESSAGE_SIZE], shown[YAML_WHERE_PATH_SIZE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	str_escape(shown, sizeof(shown), path, strlen(path));
	return error_set(err, -EINVAL, "config", w->next, "%s:%d: %s%s%s", w->name,
	    yaml_where_line(w, path), shown, shown[0] ? ": " : "", what);
}
