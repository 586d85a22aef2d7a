/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small text helpers that refuse instead of truncating. */
#ifndef LIB_STR_H
#define LIB_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

/* Copies src to dst; 0, or -ENAMETOOLONG with dst set to "". */
int
str_copy(char *dst, size_t size, const char *src) MUST_CHECK;
/* Copies what fits, in whole characters, for text that only people read. */
void
str_clip(char *dst, size_t size, const char *src);
/* snprintf that fails instead of truncating: 0 or -ENAMETOOLONG (dst then ""). */
int
str_format(char *dst, size_t size, const char *fmt, ...) PRINTF_LIKE(3, 4) MUST_CHECK;
/* Untrusted bytes for people: printable characters (lib/printable.h) as they are, any other octet as
 * \xNN; clipped with "..." to fit. Escaping again changes nothing, so that a text may pass several
 * programs of which each makes sure. Needs 4 * len + 1 octets at most. Returns dst. */
const char *
str_escape(char *dst, size_t size, const void *src, size_t len);
/* Decimal, whole string, within [min, max]. 0, -EINVAL or -ERANGE. */
int
str_to_i64(const char *s, int64_t min, int64_t max, int64_t *ret) MUST_CHECK;
bool
str_eq(const char *a, const char *b); /* NULLs compare equal only to NULL */
bool
str_has_prefix(const char *s, const char *prefix);
/* Letters, digits, '-', '_' and inner dots, 1..63 per label, at most 253 in all (RFC 1123 2.1
 * with '_' allowed): host, site, image and label names. */
bool
str_name_valid(const char *s);
/* Aborts the program when memory is gone: sizes are capped before they get here. */
void *
str_alloc(size_t n); /* zeroed */
char *
str_dup(const char *s); /* owned by the caller; NULL for NULL */
void *
str_realloc(void *p, size_t n);
/* "90s", "10m", "4h", "2d", "1h30m" or plain seconds, to microseconds. 0 or -EINVAL/-ERANGE. */
int
str_to_duration(const char *s, int64_t *ret_us) MUST_CHECK;
/* "1m05s", "0.8s", "2h03m", for people; returns buf. */
const char *
str_duration(int64_t us, char *buf, size_t size);
/* "14.2 MB"; returns buf. */
const char *
str_bytes(int64_t bytes, char *buf, size_t size);

#endif
