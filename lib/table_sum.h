/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Short digests of a site's table (docs/protocol.md, "Changes of the table"): of each host, of what is not a host, and their
 * sum over all, which does not depend on the order and is moved on by what changes alone. They guard against drift between two
 * who mean well, and prove nothing to anybody else. */
#ifndef LIB_TABLE_SUM_H
#define LIB_TABLE_SUM_H

#include <jansson.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/error.h"

enum { TABLE_SUM_TEXT = 17 };

/* The first 64 bits of a text's SHA-256; never 0, which stands for "not said". */
uint64_t
table_sum_of(const char *text);
/* Member `key` as 16 hexadecimal digits; nothing when it is 0. */
void
table_sum_put(json_t *v, const char *key, uint64_t sum);
/* The same, which may be absent. 0 or -EINVAL. */
int
table_sum_get(
    const json_t *v, const char *key, uint64_t *ret, struct error *err) MUST_CHECK;

#endif
