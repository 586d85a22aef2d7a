/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bodies of messages made smaller for thin lines, with zstd (RFC 8878). */
#ifndef LIB_PACK_H
#define LIB_PACK_H

#include <stddef.h>

#include "lib/compiler.h"
#include "lib/error.h"

/* As in the field Content-Encoding (RFC 9110 8.4). */
#define PACK_ENCODING "zstd"

/* A copy made smaller, the caller's; NULL: it is not worth it. */
char *
pack_make(const char *data, size_t len, size_t *ret_len);
/* What was packed, NUL-terminated, the caller's. 0, or -EINVAL with code "bad-encoding": it is damaged, or more than
 * `max` octets. */
int
pack_open(const char *data, size_t len, size_t max, char **ret, size_t *ret_len,
    struct error *err) MUST_CHECK;

#endif
