/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sets of octets.
 *
 * Entry points: store_ranges_add() while octets come, store_ranges_gap() for what to ask for next,
 * store_ranges_text() and store_ranges_parse() for the record beside a partial file.
 * Ownership: the set owns its array; store_ranges_done().
 * Failure modes: a record is read as hostile: one that is cut short or overlaps says nothing at all, and the file is
 * begun anew. Sets are small (as many ranges as connections, plus breaks), so that they are arrays.
 */
#include "agent/store_ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

enum { LINE_SIZE = 48 };

void
store_ranges_done(struct store_ranges *s)
{
	free(s->r);
	*s = (struct store_ranges){.r = NULL};
}

static void
make_room(struct store_ranges *s)
{
	if (s->n < s->room)
		return;
	s->room = s->room > 0 ? 2 * s->room : 16;
	s->r = str_realloc(s->r, s->room * sizeof(s->r[0]));
}

/* The first range that ends at `at` or later. */
static size_t
first_from(const struct store_ranges *s, int64_t at)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->r[mid].to < at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void
store_ranges_add(struct store_ranges *s, int64_t from, int64_t to)
{
	size_t i, end;

	if (from >= to)
		return;
	i = end = first_from(s, from);
	while (end < s->n && s->r[end].from <= to)
		end++;
	if (i == end) {
		make_room(s);
		memmove(&s->r[i + 1], &s->r[i], (s->n - i) * sizeof(s->r[0]));
		s->r[i] = (struct store_range){from, to};
		s->n++;
		return;
	}
	if (s->r[i].from < from)
		from = s->r[i].from;
	if (s->r[end - 1].to > to)
		to = s->r[end - 1].to;
	s->r[i] = (struct store_range){from, to};
	memmove(&s->r[i + 1], &s->r[end], (s->n - end) * sizeof(s->r[0]));
	s->n -= end - i - 1;
}

void
store_ranges_add_all(struct store_ranges *s, const struct store_ranges *other)
{
	for (size_t i = 0; i < other->n; i++)
		store_ranges_add(s, other->r[i].from, other->r[i].to);
}

int64_t
store_ranges_total(const struct store_ranges *s)
{
	int64_t sum = 0;

	for (size_t i = 0; i < s->n; i++)
		sum += s->r[i].to - s->r[i].from;
	return sum;
}

bool
store_ranges_gap(
    const struct store_ranges *s, int64_t size, int64_t max, struct store_range *ret)
{
	int64_t from = s->n > 0 && s->r[0].from == 0 ? s->r[0].to : 0;
	int64_t to = size;

	for (size_t i = 0; i < s->n; i++)
		if (s->r[i].from > from) {
			to = s->r[i].from;
			break;
		}
	if (to > size)
		to = size;
	if (from >= to)
		return false;
	*ret = (struct store_range){from, to - from > max ? from + max : to};
	return true;
}

bool
store_ranges_missing(
    const struct store_ranges *s, int64_t from, int64_t to, struct store_range *ret)
{
	size_t i = first_from(s, from);

	if (i < s->n && s->r[i].from <= from)
		from = s->r[i++].to;
	if (i < s->n && s->r[i].from < to)
		to = s->r[i].from;
	if (from >= to)
		return false;
	*ret = (struct store_range){from, to};
	return true;
}

char *
store_ranges_text(const struct store_ranges *s)
{
	char *text = str_alloc(s->n * LINE_SIZE + 1), *at = text;

	for (size_t i = 0; i < s->n; i++) {
		if (str_format(at, LINE_SIZE, "%lld-%lld\n", (long long)s->r[i].from,
			(long long)s->r[i].to) < 0)
			abort();
		at += strlen(at);
	}
	return text;
}

/* A number up to the character `end`; *at is then behind that. */
static int
take_number(const char **at, char end, int64_t *ret)
{
	char digits[24];
	size_t n = strspn(*at, "0123456789");

	if (n == 0 || n >= sizeof(digits) || (*at)[n] != end)
		return -EINVAL;
	memcpy(digits, *at, n);
	digits[n] = '\0';
	*at += n + 1;
	return str_to_i64(digits, 0, INT64_MAX, ret);
}

int
store_ranges_parse(const char *text, int64_t size, struct store_ranges *ret)
{
	struct store_ranges s = {.r = NULL};
	int64_t from, to, last = -1;

	while (*text != '\0') {
		if (take_number(&text, '-', &from) < 0 ||
		    take_number(&text, '\n', &to) < 0 || from <= last || from >= to ||
		    to > size || s.n >= STORE_RANGES_MAX) {
			store_ranges_done(&s);
			*ret = s;
			return -EINVAL;
		}
		store_ranges_add(&s, from, to);
		last = to;
	}
	*ret = s;
	return 0;
}
