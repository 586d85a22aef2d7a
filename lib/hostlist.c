/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Host sets as people type them: "edge[01-10].los,-edge03.los", "@site=los,role=cdn",
 * "all".
 *
 * Entry points: hostlist_parse() makes terms, in order; what they mean in an inventory is
 * decided by whoever has one. hostlist_done() frees them. Ownership: the list owns its
 * terms' strings. Failure modes: anything doubtful is refused with its place: an empty
 * term, a range that runs backwards or whose ends differ in width, a set that only
 * excludes. A guess here would reinstall the wrong machine. Ranges are counted before
 * they are expanded, so that [0-999999999] costs nothing.
 */
#include "lib/hostlist.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

enum {
	HOSTLIST_NAME_SIZE = 254,
	HOSTLIST_RANGES_MAX = 4, /* brackets in one name */
	HOSTLIST_SPANS_MAX = 64, /* "1,3,5-7" inside one bracket */
	HOSTLIST_DIGITS_MAX = 9,
};

/* One "5-7" of a bracket; width is the digits to pad to, 0 for none. */
struct span {
	int64_t first, last;
	int width;
};

struct range {
	struct span spans[HOSTLIST_SPANS_MAX];
	size_t n_spans;
};

struct parser {
	const char *text; /* the whole input, for positions */
	struct hostlist list;
	size_t room;
	unsigned groups;
	bool includes;
	struct error *err;
};

static int
refuse(const struct parser *p, const char *at, const char *why)
{
	char shown[64];

	str_escape(shown, sizeof(shown), at, strlen(at));
	return error_set(p->err, -EINVAL, "bad-hostlist",
	    "write for instance edge[01-10].los,-edge03.los or @role=cdn or all",
	    "host list, character %td (\"%s\"): %s", at - p->text + 1, shown, why);
}

static struct hostlist_term *
add_term(struct parser *p, bool exclude)
{
	struct hostlist_term *term;

	if (p->list.count == p->room) {
		p->room = p->room == 0 ? 16 : p->room * 2;
		p->list.terms =
		    str_realloc(p->list.terms, p->room * sizeof(*p->list.terms));
	}
	term = &p->list.terms[p->list.count++];
	*term = (struct hostlist_term){.exclude = exclude};
	if (!exclude)
		p->includes = true;
	return term;
}

static char *
dup_part(const char *s, size_t len)
{
	char *copy = str_alloc(len + 1);

	memcpy(copy, s, len);
	return copy;
}

/* Digits at *s; returns how many, 0 when there are none or too many. */
static size_t
take_number(const char **s, int64_t *ret)
{
	size_t n = strspn(*s, "0123456789");

	if (n > HOSTLIST_DIGITS_MAX)
		return 0;
	*ret = 0;
	for (size_t i = 0; i < n; i++)
		*ret = *ret * 10 + ((*s)[i] - '0');
	*s += n;
	return n;
}

static int
parse_span(struct parser *p, const char **s, struct span *span)
{
	const char *start = *s;
	size_t first_digits = take_number(s, &span->first);
	size_t last_digits = first_digits;
	bool padded = first_digits > 1 && start[0] == '0';

	if (first_digits == 0)
		return refuse(
		    p, start, "a number of at most 9 digits is missing in a range");
	span->last = span->first;
	if (**s == '-') {
		(*s)++;
		last_digits = take_number(s, &span->last);
		if (last_digits == 0)
			return refuse(p, start, "the end of a range is missing");
	}
	if (span->last < span->first)
		return refuse(p, start, "a range runs backwards");
	if (padded && last_digits != first_digits)
		return refuse(
		    p, start, "the ends of a range with leading zeros differ in width");
	span->width = padded ? (int)first_digits : 0;
	return 0;
}

/* A "[…]" whose bracket is at **s. */
static int
parse_range(struct parser *p, const char **s, struct range *range)
{
	const char *open = (*s)++;

	range->n_spans = 0;
	for (;;) {
		int r;

		if (range->n_spans == HOSTLIST_SPANS_MAX)
			return refuse(p, open, "too many numbers in one bracket");
		r = parse_span(p, s, &range->spans[range->n_spans++]);
		if (r < 0)
			return r;
		if (**s == ']') {
			(*s)++;
			return 0;
		}
		if (**s != ',')
			return refuse(p, open, "a bracket is not closed");
		(*s)++;
	}
}

static int64_t
range_size(const struct range *range)
{
	int64_t n = 0;

	for (size_t i = 0; i < range->n_spans; i++)
		n += range->spans[i].last - range->spans[i].first + 1;
	return n;
}

/* The text of the k-th number of a range. */
static void
range_text(const struct range *range, int64_t k, char *buf, size_t size)
{
	size_t i = 0;

	while (k > range->spans[i].last - range->spans[i].first) {
		k -= range->spans[i].last - range->spans[i].first + 1;
		i++;
	}
	snprintf(
	    buf, size, "%0*" PRId64, range->spans[i].width, range->spans[i].first + k);
}

/* A name with its brackets apart: texts[0] range[0] texts[1] range[1] … texts[n]. */
struct pattern {
	const char *at;
	const char *texts[HOSTLIST_RANGES_MAX + 1];
	size_t lens[HOSTLIST_RANGES_MAX + 1];
	struct range ranges[HOSTLIST_RANGES_MAX];
	size_t n_ranges;
	int64_t total; /* names it makes */
};

static int
parse_pattern(struct parser *p, const char **s, struct pattern *pat)
{
	pat->at = *s;
	pat->n_ranges = 0;
	pat->total = 1;
	for (;;) {
		struct range *range = &pat->ranges[pat->n_ranges];
		int r;

		pat->texts[pat->n_ranges] = *s;
		pat->lens[pat->n_ranges] = strcspn(*s, ",[");
		*s += pat->lens[pat->n_ranges];
		if (**s != '[')
			return 0;
		if (pat->n_ranges == HOSTLIST_RANGES_MAX)
			return refuse(p, *s, "too many brackets in one name");
		r = parse_range(p, s, range);
		if (r < 0)
			return r;
		pat->n_ranges++;
		/* Each factor is below 64 * 10^9 and the total is checked at each step.
		 */
		pat->total *= range_size(range);
		if (pat->total > HOSTLIST_MAX - (int64_t)p->list.count)
			return error_set(p->err, -E2BIG, "too-many-hosts",
			    "name fewer hosts at a time",
			    "the host list names more than %d hosts", HOSTLIST_MAX);
	}
}

/* The index-th name of a pattern: the last bracket counts fastest. */
static int
pattern_name(const struct pattern *pat, int64_t index, char *buf, size_t size)
{
	int64_t digit[HOSTLIST_RANGES_MAX];
	size_t len = 0;

	for (size_t i = pat->n_ranges; i-- > 0;) {
		digit[i] = index % range_size(&pat->ranges[i]);
		index /= range_size(&pat->ranges[i]);
	}
	for (size_t i = 0;; i++) {
		if (pat->lens[i] >= size - len)
			return -ENAMETOOLONG;
		memcpy(buf + len, pat->texts[i], pat->lens[i]);
		len += pat->lens[i];
		buf[len] = '\0';
		if (i == pat->n_ranges)
			return 0;
		if (size - len <= HOSTLIST_DIGITS_MAX + 1)
			return -ENAMETOOLONG;
		range_text(&pat->ranges[i], digit[i], buf + len, size - len);
		len += strlen(buf + len);
	}
}

static int
parse_name(struct parser *p, const char **s, bool exclude)
{
	char name[HOSTLIST_NAME_SIZE];
	struct pattern pat;
	int r = parse_pattern(p, s, &pat);

	if (r < 0)
		return r;
	if (pat.n_ranges == 0 && pat.lens[0] == 3 && strncmp(pat.at, "all", 3) == 0) {
		if (exclude)
			return refuse(p, pat.at, "\"-all\" leaves nothing");
		add_term(p, exclude)->all = true;
		return 0;
	}
	if (p->list.count >= HOSTLIST_MAX)
		return error_set(p->err, -E2BIG, "too-many-hosts",
		    "name fewer hosts at a time",
		    "the host list names more than %d hosts", HOSTLIST_MAX);
	for (int64_t i = 0; i < pat.total; i++) {
		if (pattern_name(&pat, i, name, sizeof(name)) < 0 ||
		    !str_name_valid(name))
			return refuse(p, pat.at, "not a host name");
		add_term(p, exclude)->name = str_dup(name);
	}
	return 0;
}

/* One "key=value" of an @ term. */
static int
parse_label(struct parser *p, const char **s, bool exclude, unsigned group)
{
	const char *key = *s;
	size_t len = strcspn(key, ",");
	const char *eq = memchr(key, '=', len);
	struct hostlist_term *term;

	if (eq == NULL || eq == key || eq + 1 == key + len)
		return refuse(p, key, "a label is written key=value");
	for (size_t i = 0; i < len; i++)
		if (key[i] <= ' ' || key[i] > '~' || strchr("[]@", key[i]) != NULL)
			return refuse(
			    p, key, "a label has a character that it may not have");
	term = add_term(p, exclude);
	term->group = group;
	term->label = dup_part(key, (size_t)(eq - key));
	term->value = dup_part(eq + 1, len - (size_t)(eq + 1 - key));
	*s = key + len;
	return 0;
}

/* "@key=value,key=value": pairs go on for as long as there is a '=' in the next part. */
static int
parse_labels(struct parser *p, const char **s, bool exclude)
{
	unsigned group = ++p->groups;

	(*s)++;
	for (;;) {
		const char *next;
		int r = parse_label(p, s, exclude, group);

		if (r < 0)
			return r;
		if (**s != ',')
			return 0;
		next = *s + 1;
		if (*next == '@' || *next == '-' ||
		    memchr(next, '=', strcspn(next, ",")) == NULL)
			return 0;
		*s = next;
	}
}

static int
parse_terms(struct parser *p)
{
	const char *s = p->text;

	for (;;) {
		bool exclude = *s == '-';
		int r;

		if (exclude)
			s++;
		if (*s == '\0' || *s == ',')
			return refuse(p, s, "a name is missing");
		r = *s == '@' ? parse_labels(p, &s, exclude) : parse_name(p, &s, exclude);
		if (r < 0)
			return r;
		if (*s == '\0')
			break;
		s++; /* the comma */
	}
	if (!p->includes)
		return refuse(p, p->text, "it only excludes; say first what to take");
	return 0;
}

int
hostlist_parse(const char *text, struct hostlist *ret, struct error *err)
{
	struct parser p = {.text = text, .err = err};
	int r;

	if (strlen(text) > HOSTLIST_TEXT_MAX)
		return error_set(err, -E2BIG, "too-many-hosts",
		    "name fewer hosts at a time",
		    "the host list is longer than %d octets", HOSTLIST_TEXT_MAX);
	r = parse_terms(&p);
	if (r < 0) {
		hostlist_done(&p.list);
		return r;
	}
	*ret = p.list;
	return 0;
}

void
hostlist_done(struct hostlist *list)
{
	if (list == NULL)
		return;
	for (size_t i = 0; i < list->count; i++) {
		free(list->terms[i].name);
		free(list->terms[i].label);
		free(list->terms[i].value);
	}
	free(list->terms);
	*list = (struct hostlist){.terms = NULL};
}
