/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Octets as text (RFC 4648 4, with padding), for JSON. */
#ifndef LIB_BASE64_H
#define LIB_BASE64_H

#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

/* With the terminator. */
#define BASE64_SIZE(n) (((n) + 2) / 3 * 4 + 1)

/* Writes BASE64_SIZE(n) octets. */
void
base64_put(char *ret, const void *octets, size_t n);
/* The octets of s, at most `size`, in ret; their number in *ret_n. -EINVAL: s is none, or too long. */
int
base64_get(const char *s, void *ret, size_t size, size_t *ret_n) MUST_CHECK;

#endif
