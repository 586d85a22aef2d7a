/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Typed access to jansson values, with errors that name the path ("hosts[3].mac"). */
#ifndef LIB_JSON_H
#define LIB_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"

/* From now on values are wiped when they are freed: documents hold passwords. Once, by programs that
 * handle some. Not what json_text() returns. */
void
json_wipe_freed(void);
/* Parses at most `len` bytes of one JSON document (objects' duplicate keys refused). NULL with
 * *err set. The caller owns the result. */
json_t *
json_parse(const char *text, size_t len, struct error *err);
/* Is it nested no deeper than `depth` (a plain value: 1), and are its texts, names and values together no more than `most`,
 * each value counted as some octets? For what strangers fill in freely. */
bool
json_bounded(const json_t *v, unsigned depth, size_t most);
/* Compact text; owned by the caller. */
char *
json_text(const json_t *v);

/* Each returns 0, or -EINVAL with *err naming the key, its value's type and what was expected.
 * Optional ones leave *ret untouched when the key is absent or null. Strings are borrowed. */
int
json_get_str(
    const json_t *obj, const char *key, const char **ret, struct error *err) MUST_CHECK;
int
json_opt_str(
    const json_t *obj, const char *key, const char **ret, struct error *err) MUST_CHECK;
int
json_get_i64(
    const json_t *obj, const char *key, int64_t *ret, struct error *err) MUST_CHECK;
int
json_opt_i64(
    const json_t *obj, const char *key, int64_t *ret, struct error *err) MUST_CHECK;
int
json_opt_bool(
    const json_t *obj, const char *key, bool *ret, struct error *err) MUST_CHECK;
/* Borrowed object/array, or NULL with *err untouched when absent; -EINVAL when of another type. */
int
json_opt_obj(
    const json_t *obj, const char *key, json_t **ret, struct error *err) MUST_CHECK;
int
json_opt_arr(
    const json_t *obj, const char *key, json_t **ret, struct error *err) MUST_CHECK;
/* Copies a string member into a fixed buffer; -EINVAL when missing or too long. */
int
json_copy_str(const json_t *obj, const char *key, char *dst, size_t size,
    struct error *err) MUST_CHECK;
/* As above, but absent leaves dst "". */
int
json_copy_opt(const json_t *obj, const char *key, char *dst, size_t size,
    struct error *err) MUST_CHECK;
/* Sets key unless s is NULL or "". */
void
json_put_str(json_t *obj, const char *key, const char *s);
void
json_put_i64(json_t *obj, const char *key, int64_t v);
void
json_put_bool(json_t *obj, const char *key, bool v);
/* Takes v. */
void
json_put(json_t *obj, const char *key, json_t *v);

#endif
