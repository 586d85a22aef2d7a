/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON to YAML, in the form that `apply` reads. */
#ifndef CTL_YAML_EMIT_H
#define CTL_YAML_EMIT_H

#include <jansson.h>

/* Block style, members in the order of the document; null, empty texts, empty lists and
 * empty objects are left out of objects. Owned by the caller. */
char *
yaml_emit_text(const json_t *doc);

#endif
