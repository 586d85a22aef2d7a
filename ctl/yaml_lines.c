/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where each part of a YAML document stands.
 *
 * Entry points: yaml_lines_parse(), then yaml_lines_find() with a JSON pointer.
 * Ownership: the tree owns its texts; yaml_lines_free() frees it without recursion depth
 * beyond YAML_LINES_DEPTH_MAX.
 * Failure modes: syntax errors carry libyaml's own words and the line. Aliases are
 * refused: one line of them can stand for gigabytes. So are documents deeper or larger
 * than any inventory is.
 */
#include "ctl/yaml_lines.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "lib/str.h"

struct walk {
	yaml_parser_t parser;
	struct yaml_node *stack[YAML_LINES_DEPTH_MAX];
	size_t depth;
	struct yaml_node *root;
	char *key; /* read, its value not yet */
	size_t key_line;
	size_t nodes;
	size_t documents;
	struct error *err;
	size_t *ret_line;
};

static int
refuse(struct walk *w, size_t line, const char *next, const char *text)
{
	*w->ret_line = line;
	return error_set(w->err, -EINVAL, "bad-yaml", next, "%s", text);
}

static void
hang(struct walk *w, struct yaml_node *node)
{
	struct yaml_node *parent;

	if (w->depth == 0) {
		w->root = node;
		return;
	}
	parent = w->stack[w->depth - 1];
	if (parent->last == NULL)
		parent->children = node;
	else
		parent->last->next = node;
	parent->last = node;
}

static int
add_node(struct walk *w, enum yaml_node_kind kind, const char *value, size_t line)
{
	struct yaml_node *node;

	if (++w->nodes > YAML_LINES_NODES_MAX)
		return refuse(
		    w, line, "split it into several files", "the document is too large");
	if (kind != YAML_NODE_SCALAR && w->depth == YAML_LINES_DEPTH_MAX)
		return refuse(w, line, NULL, "the document is nested too deeply");
	node = str_alloc(sizeof(*node));
	node->kind = kind;
	node->key = w->key;
	node->value = str_dup(value);
	node->line = w->key != NULL ? w->key_line : line;
	w->key = NULL;
	hang(w, node);
	if (kind != YAML_NODE_SCALAR)
		w->stack[w->depth++] = node;
	return 0;
}

/* True when the next scalar is a key. */
static bool
wants_key(const struct walk *w)
{
	return w->depth > 0 && w->stack[w->depth - 1]->kind == YAML_NODE_MAPPING &&
	       w->key == NULL;
}

static int
on_scalar(struct walk *w, const yaml_event_t *ev, size_t line)
{
	const char *value = (const char *)ev->data.scalar.value;

	if (strlen(value) != ev->data.scalar.length)
		return refuse(w, line, NULL, "a text with a zero octet");
	if (!wants_key(w))
		return add_node(w, YAML_NODE_SCALAR, value, line);
	if (yaml_lines_child(w->stack[w->depth - 1], value) != NULL)
		return refuse(
		    w, line, "keep one of them", "the same key stands here twice");
	w->key = str_dup(value);
	w->key_line = line;
	return 0;
}

static int
on_event(struct walk *w, const yaml_event_t *ev)
{
	size_t line = ev->start_mark.line + 1;

	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++w->documents > 1)
			return refuse(w, line, "apply them one by one",
			    "a second document begins here");
		return 0;
	case YAML_ALIAS_EVENT:
		return refuse(
		    w, line, "write the value out", "aliases (*name) are not allowed");
	case YAML_SCALAR_EVENT: return on_scalar(w, ev, line);
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		if (wants_key(w))
			return refuse(w, line, NULL, "a key must be a simple text");
		return add_node(w,
		    ev->type == YAML_MAPPING_START_EVENT ? YAML_NODE_MAPPING
							 : YAML_NODE_SEQUENCE,
		    NULL, line);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT: w->depth--; return 0;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT: return 0;
	}
	return 0;
}

static int
syntax_error(struct walk *w)
{
	const yaml_parser_t *p = &w->parser;

	*w->ret_line = p->problem_mark.line + 1;
	return error_set(w->err, -EINVAL, "bad-yaml", "correct the file",
	    "not YAML: %s%s%s", p->problem != NULL ? p->problem : "unreadable",
	    p->context != NULL ? " " : "", p->context != NULL ? p->context : "");
}

int
yaml_lines_parse(const char *text, size_t len, struct yaml_node **ret, size_t *ret_line,
    struct error *err)
{
	struct walk w = {.err = err, .ret_line = ret_line};
	bool more = true;
	int r = 0;

	yaml_parser_initialize(&w.parser);
	yaml_parser_set_input_string(&w.parser, (const unsigned char *)text, len);
	while (more && r == 0) {
		yaml_event_t ev;

		if (!yaml_parser_parse(&w.parser, &ev)) {
			r = syntax_error(&w);
			break;
		}
		r = on_event(&w, &ev);
		more = ev.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&ev);
	}
	yaml_parser_delete(&w.parser);
	free(w.key);
	if (r < 0)
		yaml_lines_free(w.root);
	else
		*ret = w.root;
	return r;
}

const struct yaml_node *
yaml_lines_child(const struct yaml_node *node, const char *key)
{
	for (const struct yaml_node *c = node->children; c != NULL; c = c->next)
		if (str_eq(c->key, key))
			return c;
	return NULL;
}

/* Takes one part of a pointer, "~1" and "~0" decoded; returns where the next one begins.
 */
static const char *
pointer_part(const char *p, char *buf, size_t size)
{
	size_t n = 0;

	for (p += *p == '/'; *p != '\0' && *p != '/'; p++) {
		char c = *p;

		if (c == '~' && (p[1] == '0' || p[1] == '1'))
			c = *++p == '0' ? '~' : '/';
		if (n + 1 < size)
			buf[n++] = c;
	}
	buf[n] = '\0';
	return p;
}

static const struct yaml_node *
child_at(const struct yaml_node *node, const char *part)
{
	const struct yaml_node *c = node->children;
	int64_t index;

	if (node->kind == YAML_NODE_MAPPING)
		return yaml_lines_child(node, part);
	if (str_to_i64(part, 0, YAML_LINES_NODES_MAX, &index) < 0)
		return NULL;
	while (c != NULL && index-- > 0)
		c = c->next;
	return c;
}

const struct yaml_node *
yaml_lines_find(const struct yaml_node *root, const char *pointer)
{
	const struct yaml_node *node = root, *child;
	char part[256];

	while (node != NULL && *pointer != '\0') {
		pointer = pointer_part(pointer, part, sizeof(part));
		child = child_at(node, part);
		if (child == NULL)
			break;
		node = child;
	}
	return node;
}

void
yaml_lines_free(struct yaml_node *root)
{
	while (root != NULL) {
		struct yaml_node *next = root->next;

		yaml_lines_free(root->children);
		free(root->key);
		free(root->value);
		free(root);
		root = next;
	}
}
