/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A YAML document as a tree of keys, scalars and the lines they stand on, so that an
 * error about /hosts/3/nics/0/mac can name the line. */
#ifndef CTL_YAML_LINES_H
#define CTL_YAML_LINES_H

#include <stddef.h>

#include "lib/error.h"

enum { YAML_LINES_DEPTH_MAX = 32, YAML_LINES_NODES_MAX = 4 * 1000 * 1000 };

enum yaml_node_kind { YAML_NODE_SCALAR, YAML_NODE_MAPPING, YAML_NODE_SEQUENCE };

struct yaml_node {
	enum yaml_node_kind kind;
	char *key;   /* in a mapping; else NULL */
	char *value; /* of a scalar; else NULL */
	size_t line; /* of the key, or of the value where there is none; from 1 */
	struct yaml_node *children, *next;
	struct yaml_node *last; /* child: where the next one is hung */
};

/* The document's root (owned by the caller), NULL for an empty document; -EINVAL with
 * *err (code "bad-yaml") and *ret_line when it is not YAML, has several documents,
 * aliases, tags of its own, keys that are no scalars, or exceeds the limits. */
int
yaml_lines_parse(const char *text, size_t len, struct yaml_node **ret, size_t *ret_line,
    struct error *err) MUST_CHECK;
/* By RFC 6901 pointer. When the last parts do not exist, the deepest node that does: an
 * error about a missing key is about its parent. NULL only for a NULL root. */
const struct yaml_node *
yaml_lines_find(const struct yaml_node *root, const char *pointer);
const struct yaml_node *
yaml_lines_child(const struct yaml_node *node, const char *key);
void
yaml_lines_free(struct yaml_node *root);

#endif
