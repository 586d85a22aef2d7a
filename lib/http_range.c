/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Byte ranges (RFC 9110 14.1.2, 14.2) and sets of octets.
 *
 * Entry points: http_range_parse() for the Range field; http_range_add() and
 * http_range_sum() to know how much of a file has arrived over several requests. Nothing
 * is owned and nothing fails: a malformed range is one to ignore, as the specification
 * says. */
#include "lib/http_range.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

/* Digits at *s, which moves on; saturates. -1 when there are none. */
static int64_t
take_number(const char **s)
{
	int64_t v = 0;

	if (**s < '0' || **s > '9')
		return -1;
	for (; **s >= '0' && **s <= '9'; (*s)++) {
		if (v > (INT64_MAX - 9) / 10)
			v = INT64_MAX;
		else
			v = v * 10 + (**s - '0');
	}
	return v;
}

static void
skip_space(const char **s)
{
	while (**s == ' ' || **s == '\t')
		(*s)++;
}

enum http_range_kind
http_range_parse(const char *value, int64_t size, int64_t *ret_from, int64_t *ret_end)
{
	const char *s = value;
	int64_t first, last;

	if (strncasecmp(s, "bytes=", 6) != 0)
		return HTTP_RANGE_NONE;
	s += 6;
	skip_space(&s);
	first = take_number(&s);
	if (*s++ != '-')
		return HTTP_RANGE_NONE;
	last = take_number(&s);
	skip_space(&s);
	if (*s != '\0' || (first < 0 && last < 0))
		return HTTP_RANGE_NONE;
	if (first < 0) { /* the last `last` octets */
		if (last == 0 || size == 0)
			return HTTP_RANGE_BAD;
		*ret_from = last < size ? size - last : 0;
		*ret_end = size;
		return HTTP_RANGE_ONE;
	}
	if (last >= 0 && last < first)
		return HTTP_RANGE_NONE;
	if (first >= size)
		return HTTP_RANGE_BAD;
	*ret_from = first;
	*ret_end = last < 0 || last >= size ? size : last + 1;
	return HTTP_RANGE_ONE;
}

void
http_range_add(struct http_range_set *set, int64_t from, int64_t end)
{
	size_t i = 0, j;

	assert(from >= 0);
	if (from >= end)
		return;
	while (i < set->n && set->spans[i].end < from)
		i++;
	/* Spans i … j - 1 touch the new one and become one with it. */
	for (j = i; j < set->n && set->spans[j].from <= end; j++) {
		if (set->spans[j].from < from)
			from = set->spans[j].from;
		if (set->spans[j].end > end)
			end = set->spans[j].end;
	}
	if (i == j && set->n == HTTP_RANGE_SPANS)
		return;
	memmove(&set->spans[i + 1], &set->spans[j], (set->n - j) * sizeof set->spans[0]);
	set->n = set->n - j + i + 1;
	set->spans[i].from = from;
	set->spans[i].end = end;
}

int64_t
http_range_sum(const struct http_range_set *set)
{
	int64_t sum = 0;

	for (size_t i = 0; i < set->n; i++)
		sum += set->spans[i].end - set->spans[i].from;
	return sum;
}
