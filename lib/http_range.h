/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Range field (RFC 9110 14) and what of a file has arrived in pieces. Pure. */
#ifndef LIB_HTTP_RANGE_H
#define LIB_HTTP_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http_range_kind {
	HTTP_RANGE_NONE, /* no range, or one to ignore: the whole file */
	HTTP_RANGE_ONE,
	HTTP_RANGE_BAD, /* outside the file: 416 */
};

/* Reads a Range value for a file of `size` octets; with HTTP_RANGE_ONE the octets are
 * [*ret_from, *ret_end). Several ranges in one request are ignored, as RFC 9110 14.2
 * allows. */
enum http_range_kind
http_range_parse(const char *value, int64_t size, int64_t *ret_from, int64_t *ret_end);

/* A set of octets, as intervals. It never holds more than was added: when intervals run
 * out, additions that touch none of them are forgotten. */
enum { HTTP_RANGE_SPANS = 16 };

struct http_range_set {
	struct {
		int64_t from, end;
	} spans[HTTP_RANGE_SPANS]; /* ascending, apart from each other */
	size_t n;
};

void
http_range_add(struct http_range_set *set, int64_t from, int64_t end);
int64_t
http_range_sum(const struct http_range_set *set);

#endif
